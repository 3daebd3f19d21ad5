"""`doxa places find | show | import`: which place a name or code means on a day, and the official list's changes."""

import argparse
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

from doxa_collector import asking
from doxa_collector.places.gazetteer import Gazetteer, load
from doxa_collector.places.importing.claims import read_listing
from doxa_collector.places.importing.comparing import compare
from doxa_collector.places.overlay import FILE, FOLDER, Overlay, read_overlay, write_overlay
from doxa_collector.places.showing import (
    change_fields,
    change_line,
    doubt_lines,
    said,
    state_lines,
    step_fields,
    summary,
    unit_fields,
    unit_line,
    where_line,
)
from doxa_collector.places.table import table
from doxa_collector.plans.model import Mark
from doxa_core.errors import InputError
from doxa_core.language import Text

Command = Callable[[argparse.Namespace], int]

SHOWN_CHANGES: Final = 200


def main(argv: list[str]) -> int:
    """Run one command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="doxa places", description=str(_ABOUT), epilog=asking.example(_FIND_EXAMPLE))
    verbs = top.add_subparsers(required=True, metavar=str(Text(vi="LỆNH", en="COMMAND")))
    find = _verb(verbs, "find", _FIND, find_places, _FIND_EXAMPLE)
    find.add_argument("text", nargs="+", metavar=str(Text(vi="TÊN", en="TEXT")), help=str(_TEXT))
    find.add_argument("--day", type=asking.day, help=str(_DAY))
    find.add_argument("--limit", type=int, default=10, metavar="N", help=str(_LIMIT))
    show = _verb(verbs, "show", _SHOW, show_place, _SHOW_EXAMPLE)
    show.add_argument("code", metavar=str(Text(vi="MÃ", en="CODE")), help=str(_CODE))
    show.add_argument("--day", type=asking.day, help=str(_DAY))
    bring = _verb(verbs, "import", _IMPORT, import_list, _IMPORT_EXAMPLE)
    bring.add_argument("file", type=Path, metavar=str(Text(vi="TỆP", en="FILE")), help=str(_FILE))
    bring.add_argument("--from", dest="first", type=asking.day, metavar=str(_DAY_WORD), help=str(_FIRST))
    bring.add_argument("--complete", action="store_true", help=str(_COMPLETE))
    bring.add_argument("--mark", choices=[mark.value for mark in Mark], default=Mark.S.value, help=str(_MARK))
    bring.add_argument("--dry-run", action="store_true", help=str(_DRY_RUN))
    return top


def _verb(group: Any, name: str, about: Text, command: Command, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(
        name, help=str(about), description=str(about), epilog=asking.example(example)
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help=str(_FOLDER))
    parser.add_argument("--json", action="store_true", help=str(Text(vi="cho máy đọc", en="for machines")))
    parser.set_defaults(command=command)
    return parser


def find_places(args: argparse.Namespace) -> int:
    """The units that a text may mean; 1 where there is none."""
    gazetteer, day, text = load(args.folder / FILE), args.day or asking.today(), " ".join(args.text)
    found = gazetteer.find(text, day, limit=max(1, args.limit))
    if args.json:
        _print_json([
            unit_fields(gazetteer, one.unit)
            | {"inexact": one.inexact, "marks_differ": one.marks_differ, "type_differs": one.type_differs}
            | ({} if one.unit.holds(day) else {"where": step_fields(gazetteer.follow(one.unit, day))})
            for one in found
        ])  # fmt: skip
        return 0 if found else 1
    if not found:
        print(_NOT_FOUND.fill(text=text))
        return 1
    for one in found:
        print(unit_line(gazetteer, one.unit))
        if not one.unit.holds(day) and (line := where_line(gazetteer, one.unit, day)):
            print(f"       → {line}")
    return 0


def show_place(args: argparse.Namespace) -> int:
    """All states of a code, or the one of a day with where its land is today."""
    gazetteer = load(args.folder / FILE)
    states = gazetteer.states(args.code)
    if not states:
        raise InputError(args.code, Text(vi="chưa từng có mã này", en="no place ever had this code"), _FIND_FIRST)
    day: date | None = args.day
    if day is not None:
        return _show_day(args, gazetteer, day)
    today = asking.today()
    if args.json:
        _print_json({
            "code": args.code,
            "states": [unit_fields(gazetteer, unit) | _steps(gazetteer, unit) for unit in states],
            "today": step_fields(gazetteer.where(args.code, today)),
            "not_believed": [{"old": one.old, "new": one.new} for one in gazetteer.doubtful(args.code)],
        })  # fmt: skip
        return 0
    for unit in states:
        print("\n".join(state_lines(gazetteer, unit)))
    if not any(unit.holds(today) for unit in states) and (line := where_line(gazetteer, states[-1], today)):
        print(f"→ {line}")
    print("\n".join(doubt_lines(gazetteer, args.code)), end="\n" if gazetteer.doubtful(args.code) else "")
    return 0


def _steps(gazetteer: Gazetteer, unit: Any) -> dict[str, Any]:
    return {"made_of": step_fields(gazetteer.previous(unit)), "became": step_fields(gazetteer.next(unit))}


def _show_day(args: argparse.Namespace, gazetteer: Gazetteer, day: date) -> int:
    unit, steps = gazetteer.at(args.code, day), gazetteer.where(args.code, day)
    if args.json:
        state = {} if unit is None else {"state": unit_fields(gazetteer, unit) | _steps(gazetteer, unit)}
        _print_json({"code": args.code, "day": str(day), **state, "where": step_fields(steps)})
    elif unit is not None:
        print("\n".join(state_lines(gazetteer, unit)))
        today = asking.today()
        if not unit.holds(today) and (line := where_line(gazetteer, unit, today)):
            print(f"→ {line}")
    else:
        print(_NOBODY.fill(code=args.code, day=said(day)))
        print("\n".join(f"→ {unit_line(gazetteer, step.unit)}" for step in steps))
    return 0


def import_list(args: argparse.Namespace) -> int:
    """Compare an official list with the table; write what changes into the deployment's overlay."""
    path = args.folder / FILE
    before = read_overlay(path) if path.exists() else Overlay()
    found = compare(
        read_listing(args.file), table(path), first=args.first, complete=args.complete, mark=Mark(args.mark)
    )
    changed = bool(found.changes or found.conversions)
    writes = changed and not args.dry_run
    if writes:
        write_overlay(path, before + found.overlay)
    if args.json:
        _print_json({
            "changes": change_fields(found.changes), "unchanged": found.unchanged, "conversions": found.conversions,
            "written": str(path) if writes else None,
        })  # fmt: skip
        return 0
    for change in found.changes[:SHOWN_CHANGES]:
        print(change_line(change))
    if len(found.changes) > SHOWN_CHANGES:
        print(_MORE.fill(n=len(found.changes) - SHOWN_CHANGES))
    print(summary(found))
    if changed:
        print(_WRITTEN.fill(path=path) if writes else _NOT_WRITTEN)
    return 0


def _print_json(found: Any) -> None:
    print(json.dumps(found, ensure_ascii=False, indent=2))


_ABOUT = Text(
    vi="Địa danh hành chính theo thời gian: tên, mã, ngày hiệu lực, sáp nhập; cập nhật từ danh mục chính thức.",
    en="Administrative places in time: names, codes, validity, mergers; updated from the official list.",
)
_FIND = Text(vi="tìm theo tên (có dấu hay không) hoặc mã", en="find by name (with or without marks) or code")
_SHOW = Text(
    vi="xem một mã: các thời kỳ, lập từ đâu, thành gì", en="show a code: its times, what it was made of and became"
)
_IMPORT = Text(vi="nhập danh mục chính thức (CSV, XLSX)", en="import the official list (CSV, XLSX)")
_FIND_EXAMPLE = "doxa places find hong phong cao loc"
_SHOW_EXAMPLE = "doxa places show 06205 --day 30/06/2025"
_IMPORT_EXAMPLE = "doxa places import danh-muc.xlsx --from 01/07/2025 --dry-run"
_TEXT = Text(vi="tên, có thể kèm huyện cũ và tỉnh", en="a name; a former district and the province may follow")
_CODE = Text(
    vi="mã tỉnh (2 số), huyện cũ (3 số) hoặc xã (5 số)",
    en="of a province (2 digits), former district (3) or commune (5)",
)
_FILE = Text(
    vi="tệp có cột Mã, Tên, Cấp, Mã tỉnh, Có hiệu lực từ, Đến ngày, Quyết định, Mã cũ",
    en="with the columns Mã, Tên, Cấp, Mã tỉnh, Có hiệu lực từ, Đến ngày, Quyết định, Mã cũ",
)
_DAY = Text(
    vi="theo ngày nào, ví dụ 30/06/2025 (mặc định: hôm nay)", en="on which day, such as 2025-06-30 (today by default)"
)
_DAY_WORD = Text(vi="NGÀY", en="DAY")
_LIMIT = Text(vi="nhiều nhất bao nhiêu kết quả", en="at most so many results")
_FIRST = Text(vi="ngày hiệu lực của dòng không ghi ngày", en="the first day of rows that name none")
_COMPLETE = Text(
    vi="danh mục đầy đủ: xã của các tỉnh này mà không có trong tệp là hết hiệu lực",
    en="a complete list: communes of its provinces that it lacks have ended",
)
_MARK = Text(vi="mức chắc chắn của danh mục (V: đã đọc toàn văn)", en="how sure the list is (V: read in full text)")
_DRY_RUN = Text(vi="chỉ xem thay đổi, không ghi", en="only show the changes")
_FOLDER = Text(
    vi=f"thư mục dữ liệu đã nhập (mặc định {FOLDER})", en=f"the folder of what was imported (default {FOLDER})"
)
_NOT_FOUND = Text(vi="không tìm thấy «{text}»", en="'{text}' was not found")
_FIND_FIRST = Text(vi="hãy tìm theo tên: doxa places find TÊN", en="look for its name: doxa places find TEXT")
_NOBODY = Text(
    vi="ngày {day} không có đơn vị mang mã {code}; phần đất ấy thuộc:",
    en="on {day} no unit had the code {code}; its land was in:",
)
_MORE = Text(vi="  … và {n} thay đổi nữa (--json để xem hết)", en="  … and {n} more changes (--json shows all)")
_WRITTEN = Text(vi="đã ghi {path}", en="written to {path}")
_NOT_WRITTEN = Text(vi="chưa ghi gì (--dry-run)", en="nothing was written (--dry-run)")
