"""`doxa plan list | show | diff | check`: what the plans demand, with the words they stand on and how sure each fact is."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doxa_collector.plans.comparing import compare, lines
from doxa_collector.plans.loader import load_plans, plan_files, read_plan
from doxa_collector.plans.model import Plan, Target
from doxa_collector.plans.showing import legend, plain, plan_line, plan_lines, target_lines
from doxa_core.errors import DoxaError, InputError
from doxa_core.language import Text
from doxa_core.similar import nearest

Command = Callable[[argparse.Namespace], int]

_ABOUT = Text(
    vi="Các kế hoạch: chỉ tiêu, lời văn, mức chắc chắn của từng thông tin.",
    en="The plans: targets, quotations, and how sure each fact is.",
)
_LIST = Text(vi="liệt kê các kế hoạch", en="list the plans")
_SHOW = Text(vi="xem một kế hoạch hoặc một chỉ tiêu", en="show a plan or one target")
_CHECK = Text(vi="kiểm tra tệp kế hoạch (mặc định: mọi tệp)", en="check plan files (all of them by default)")
_DIFF = Text(
    vi="so hai kế hoạch hoặc hai phiên bản của một kế hoạch (mã thoát 1 nếu khác)",
    en="compare two plans or two versions of one (exit code 1 where they differ)",
)
_PLAN_OR_FILE = Text(vi="KẾ-HOẠCH|TỆP", en="PLAN|FILE")
_EITHER = Text(vi="mã kế hoạch, hoặc tệp .toml", en="a plan's id, or a .toml file")
_FOLDER = Text(
    vi="thư mục kế hoạch (mặc định: các kế hoạch kèm doxa)", en="the folder of plans (default: those shipped)"
)


def main(argv: list[str]) -> int:
    """Run one command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    example = "doxa plan show a-hong-phong a2"
    top = argparse.ArgumentParser(
        prog="doxa plan", description=str(_ABOUT), epilog=str(Text(vi=f"ví dụ: {example}", en=f"example: {example}"))
    )
    verbs = top.add_subparsers(required=True, metavar=str(Text(vi="LỆNH", en="COMMAND")))
    _folder(_verb(verbs, "list", _LIST, list_plans, "doxa plan list"))
    show = _folder(_verb(verbs, "show", _SHOW, show_plan, example))
    show.add_argument(
        "plan", metavar=str(Text(vi="KẾ-HOẠCH", en="PLAN")), help=str(Text(vi="mã kế hoạch", en="its id"))
    )
    show.add_argument("target", nargs="?", metavar=str(Text(vi="CHỈ-TIÊU", en="TARGET")))
    diff = _folder(_verb(verbs, "diff", _DIFF, diff_plans, "doxa plan diff d-ha-tinh plans/d-ha-tinh-2026.toml"))
    for side in ("old", "new"):
        diff.add_argument(side, metavar=str(_PLAN_OR_FILE), help=str(_EITHER))
    check = _folder(_verb(verbs, "check", _CHECK, check_files, "doxa plan check plans/a-hong-phong.toml"))
    check.add_argument("files", nargs="*", type=Path, metavar=str(Text(vi="TỆP", en="FILE")))
    return top


def _verb(group: Any, name: str, about: Text, command: Command, example: str) -> argparse.ArgumentParser:
    epilog = str(Text(vi=f"ví dụ: {example}", en=f"example: {example}"))
    parser: argparse.ArgumentParser = group.add_parser(name, help=str(about), description=str(about), epilog=epilog)
    parser.add_argument("--json", action="store_true", help=str(Text(vi="cho máy đọc", en="for machines")))
    parser.set_defaults(command=command)
    return parser


def _folder(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--folder", type=Path, default=None, help=str(_FOLDER))
    return parser


def list_plans(args: argparse.Namespace) -> int:
    """Every plan in one line."""
    plans = load_plans(args.folder)
    if args.json:
        _print([plain(plan) for plan in plans])
    else:
        print("\n".join([*map(plan_line, plans), "", legend()]))
    return 0


def show_plan(args: argparse.Namespace) -> int:
    """One plan, or one of its targets."""
    plan = _named_plan(load_plans(args.folder), args.plan)
    target = None if args.target is None else _named_target(plan, args.target)
    if args.json:
        _print(plain(plan if target is None else target))
    else:
        print("\n".join(plan_lines(plan) if target is None else target_lines(plan, target)))
    return 0


def diff_plans(args: argparse.Namespace) -> int:
    """What the second plan or file says otherwise than the first; 1 where anything differs, like diff(1)."""
    old, new = (_plan_or_file(asked, args.folder) for asked in (args.old, args.new))
    changes = compare(old, new)
    if args.json:
        _print([{"kind": change.kind, **plain(change)} for change in changes])
    else:
        print("\n".join(lines(old, new, changes)))
    return 1 if changes else 0


def _plan_or_file(asked: str, folder: Path | None) -> Plan:
    return read_plan(Path(asked), {}) if Path(asked).suffix == ".toml" else _named_plan(load_plans(folder), asked)


def _named_plan(plans: tuple[Plan, ...], wanted: str) -> Plan:
    for plan in plans:
        if wanted.lower() in (plan.id, plan.letter.lower()):
            return plan
    known = [plan.id for plan in plans]
    raise InputError(wanted, Text(vi="không có kế hoạch này", en="there is no such plan"), _near(wanted.lower(), known))


def _named_target(plan: Plan, wanted: str) -> Target:
    if (target := plan.target(wanted)) is not None:
        return target
    known = [target.id for target in plan.targets]
    raise InputError(
        f"{plan.id} {wanted}",
        Text(vi="kế hoạch không có chỉ tiêu này", en="the plan has no such target"),
        _near(wanted.lower(), known),
    )


def _near(wanted: str, known: list[str]) -> Text:
    if near := nearest(wanted, known):
        return Text(vi=f"có phải ý bạn là «{near}»?", en=f"did you mean '{near}'?")
    return Text(vi=f"hãy chọn trong: {', '.join(known)}", en=f"choose from: {', '.join(known)}")


def check_files(args: argparse.Namespace) -> int:
    """Read each file as the service would; 2 where one is wrong, and every wrong one is named."""
    paths = args.files or plan_files(args.folder)
    seen: dict[str, Path] = {}
    found = [_checked(path, seen) for path in paths]
    if args.json:
        _print(found)
    else:
        for one in found:
            print(one["text"], file=sys.stdout if one["ok"] else sys.stderr)
    return 0 if all(one["ok"] for one in found) else 2


def _checked(path: Path, seen: dict[str, Path]) -> dict[str, Any]:
    try:
        plan = read_plan(path, seen)
    except DoxaError as error:
        return {"file": str(path), "ok": False, "text": str(error)}
    good = Text(vi="{path}: đúng – {t} chỉ tiêu, {p} địa bàn", en="{path}: good – {t} targets, {p} places")
    text = str(good.fill(path=path, t=len(plan.targets), p=len(plan.places)))
    return {"file": str(path), "ok": True, "text": text, "plan": plan.id}


def _print(found: Any) -> None:
    print(json.dumps(found, ensure_ascii=False, indent=2))
