"""`doxa dashboards diff`: what publish would do, field by field; changes nothing."""

import argparse
import json
import sys
from typing import Any, Final

from doxa_core.language import Text
from doxa_dashboards.publish import run as running
from doxa_dashboards.publish.scene import Scene
from doxa_dashboards.publish.settings import Org
from doxa_dashboards.verbs import _publishing

SUMMARY: Final = Text(
    vi="so sánh Grafana với mã: sẽ thêm, sửa, xóa gì; không thay đổi gì (mã thoát 1 nếu khác)",
    en="compare Grafana with the code: what would be created, changed, deleted; changes nothing (exit 1 if different)",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--config`, `--org`, `--prune`, `--json`."""
    parser.epilog = str(_EXAMPLE)
    _publishing.add_common(parser)
    _publishing.add_online(parser)


def run(args: argparse.Namespace) -> int:
    """Print the differences; 1 where there is one, or where Grafana cannot be asked."""
    told: list[dict[str, Any]] = []

    def look(scene: Scene) -> bool:
        steps = running.plan(scene)
        same = not any(step.action.differs for step in steps)
        told.append(_publishing.fields(scene.org, steps))
        if not args.json:
            print(_HEAD.fill(org=scene.org.name, url=scene.org.url, counts=_publishing.counts(steps)))  # noqa: T201
            for line in _publishing.lines(steps):
                print(line)  # noqa: T201
        return same

    def failed(org: Org, why: Text) -> None:
        told.append({"org": org.name, "error": str(why)})
        print(_FAILED.fill(org=org.name, why=why), file=sys.stderr)  # noqa: T201

    same = _publishing.with_scenes(args, look, failed)
    if args.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))  # noqa: T201
    elif same:
        print(_SAME)  # noqa: T201
    return 0 if same else 1


_EXAMPLE = Text(
    vi="ví dụ: doxa dashboards diff --config grafana.toml", en="example: doxa dashboards diff --config grafana.toml"
)
_HEAD = Text(vi="{org} ({url}): {counts}", en="{org} ({url}): {counts}")
_FAILED = Text(vi="doxa dashboards: {org}: {why}", en="doxa dashboards: {org}: {why}")
_SAME = Text(vi="Grafana đúng như mã", en="Grafana is as the code wants it")
