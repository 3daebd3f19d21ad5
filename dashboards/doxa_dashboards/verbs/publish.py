"""`doxa dashboards publish`: make Grafana as the code and the settings want it."""

import argparse
import json
import sys
from typing import Any, Final

from doxa_core.language import Text
from doxa_dashboards.publish import run as running
from doxa_dashboards.publish import sources
from doxa_dashboards.publish.scene import Scene
from doxa_dashboards.publish.settings import Org
from doxa_dashboards.publish.step import Action, Step
from doxa_dashboards.verbs import _publishing

SUMMARY: Final = Text(
    vi="đưa thư mục, nguồn dữ liệu, bảng, cảnh báo và quyền lên Grafana; chạy lại không đổi gì thêm",
    en="put folders, data sources, dashboards, alerts and permissions into Grafana; a second run changes nothing",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--config`, `--org`, `--prune`, `--json`."""
    parser.epilog = str(_EXAMPLE)
    _publishing.add_common(parser)
    _publishing.add_online(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; 1 where something could not be done, and then what was and what was not."""
    told: list[dict[str, Any]] = []

    def publish(scene: Scene) -> bool:
        steps = running.plan(scene)
        done = running.execute(steps)
        held = [step for step in steps if step.action in (Action.BLOCKED, Action.LEFT)]
        ill = [] if done.error else list(sources.ill(scene.api))
        told.append(_fields(scene.org, done, held, ill))
        if not args.json:
            _print(scene.org, done, held, ill)
        return done.error is None and not any(step.action is Action.BLOCKED for step in held)

    def failed(org: Org, why: Text) -> None:
        told.append({"org": org.name, "error": str(why)})
        print(_FAILED.fill(org=org.name, why=why), file=sys.stderr)  # noqa: T201

    well = _publishing.with_scenes(args, publish, failed)
    if args.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))  # noqa: T201
    return 0 if well else 1


def _fields(org: Org, done: running.Done, held: list[Step], ill: list[Text]) -> dict[str, Any]:
    found: dict[str, Any] = {"org": org.name, "done": [step.as_fields() for step in done.done]}
    if done.failed is not None:
        found["failed"] = done.failed.as_fields() | {"error": str(done.error)}
        found["not_done"] = [step.as_fields() for step in done.left]
    found["held"] = [step.as_fields() for step in held]
    return found | {"warnings": [str(text) for text in ill]}


def _print(org: Org, done: running.Done, held: list[Step], ill: list[Text]) -> None:
    head = _NOTHING if not done.done and done.failed is None else _DONE
    print(head.fill(org=org.name, url=org.url, n=len(done.done)))  # noqa: T201
    for line in _publishing.lines([*done.done, *held]):
        print(line)  # noqa: T201
    for text in ill:
        print(f"  ! {text}")  # noqa: T201
    if done.failed is not None:
        name = f"{done.failed.kind.text}: {done.failed.name}"
        print(_BROKEN.fill(org=org.name, name=name, why=str(done.error), n=len(done.left)), file=sys.stderr)  # noqa: T201
        for line in _publishing.lines(done.left):
            print(line, file=sys.stderr)  # noqa: T201


_EXAMPLE = Text(
    vi="ví dụ: doxa dashboards publish --config grafana.toml\n       doxa dashboards publish --org cong-khai --prune",
    en="example: doxa dashboards publish --config grafana.toml\n         doxa dashboards publish --org public --prune",
)
_NOTHING = Text(vi="{org} ({url}): đã đúng, không thay đổi gì", en="{org} ({url}): as wanted, nothing was changed")
_DONE = Text(vi="{org} ({url}): đã làm {n} việc", en="{org} ({url}): {n} done")
_BROKEN = Text(
    vi="doxa dashboards: {org}: không làm được {name}: {why}; chưa làm {n} việc sau, chạy lại sẽ làm tiếp",
    en="doxa dashboards: {org}: could not do {name}: {why}; {n} not done, running again goes on from here",
)
_FAILED = Text(vi="doxa dashboards: {org}: {why}", en="doxa dashboards: {org}: {why}")
