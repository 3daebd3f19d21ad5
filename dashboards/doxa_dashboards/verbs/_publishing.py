"""What diff, publish and provision share: options, and how steps are shown."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text
from doxa_dashboards.publish import run
from doxa_dashboards.publish.library import pages_in
from doxa_dashboards.publish.scene import Scene
from doxa_dashboards.publish.settings import DEFAULT_FILE, Org, read_settings
from doxa_dashboards.publish.step import Action, Step


def add_common(parser: argparse.ArgumentParser) -> None:
    """`--config`, `--org`."""
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar=str(_FILE), help=str(_CONFIG))
    parser.add_argument("--org", action="append", metavar=str(_NAME), help=str(_ORG))


def add_online(parser: argparse.ArgumentParser) -> None:
    """`--prune`, `--json`."""
    parser.add_argument("--prune", action="store_true", help=str(_PRUNE))
    parser.add_argument("--json", action="store_true", help=str(_JSON))


def chosen_orgs(args: argparse.Namespace, *, files: bool = True) -> list[Org]:
    """The organisations of the settings, or those that `--org` names. Unless `files`, secrets may be elsewhere."""
    orgs = read_settings(args.config, files=files)
    known = [org.name for org in orgs]
    for name in args.org or ():
        if name not in known:
            what = Text(vi=f"không có tổ chức «{name}»", en=f"there is no organisation '{name}'")
            names = ", ".join(known)
            raise InputError("--org", what, Text(vi=f"hãy chọn trong: {names}", en=f"choose from: {names}"))
    return [org for org in orgs if not args.org or org.name in args.org]


def with_scenes(args: argparse.Namespace, work: Callable[[Scene], bool], failed: Callable[[Org, Text], None]) -> bool:
    """Connect to all organisations, refuse a mixture, then `work` on one after the other; whether all went well.

    An organisation that is out of reach does not keep the others from their turn.
    """
    scenes, well = [], True
    try:
        for org in chosen_orgs(args):
            try:
                scenes.append(run.open_scene(org, pages_in, prune=args.prune))
            except OperationError as error:
                failed(org, error.text)
                well = False
        run.refuse_shared(scenes)
        for scene in scenes:
            try:
                well &= work(scene)
            except OperationError as error:
                failed(scene.org, error.text)
                well = False
    finally:
        for scene in scenes:
            scene.api.close()
    return well


def lines(steps: Iterable[Step], *, with_kept: bool = False) -> list[str]:
    """Each step that is not "keep", its changes below it."""
    found = []
    for step in steps:
        if step.action is Action.KEEP and not with_kept:
            continue
        note = f" – {step.note}" if step.note else ""
        left = f" – {_LEFT}" if step.action is Action.LEFT else ""
        found.append(f"  {step.action.mark} {step.kind.text}: {step.name}{note}{left}")
        found += [f"      {change}" for change in step.changes]
    return found


def counts(steps: Sequence[Step]) -> Text:
    """How many of each."""
    number = {action: sum(step.action is action for step in steps) for action in Action}
    return _COUNTS.fill(
        create=number[Action.CREATE],
        change=number[Action.CHANGE],
        delete=number[Action.DELETE],
        left=number[Action.LEFT],
        blocked=number[Action.BLOCKED],
        keep=number[Action.KEEP],
    )


def fields(org: Org, steps: Sequence[Step]) -> dict[str, Any]:
    """An organisation's steps for machines."""
    return {"org": org.name, "steps": [step.as_fields() for step in steps if step.action is not Action.KEEP]}


_FILE = Text(vi="TỆP", en="FILE")
_NAME = Text(vi="TÊN", en="NAME")
_CONFIG = Text(vi="tệp cấu hình (mặc định: %(default)s)", en="the settings (default: %(default)s)")
_ORG = Text(vi="chỉ tổ chức này; lặp lại được", en="only this organisation; may be repeated")
_PRUNE = Text(vi="xóa cả những thứ của doxa không còn cần nữa", en="remove also what is doxa's and no longer wanted")
_JSON = Text(vi="in dạng JSON cho máy đọc", en="print JSON for machines")
_LEFT: Final = Text(vi="không còn cần; thêm --prune để xóa", en="no longer wanted; --prune removes it")
_COUNTS = Text(
    vi="thêm {create}, sửa {change}, xóa {delete}, thừa {left}, bị khóa {blocked}, giữ nguyên {keep}",
    en="to create {create}, change {change}, delete {delete}; left over {left}, locked {blocked}, as wanted {keep}",
)
