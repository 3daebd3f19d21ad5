"""`doxa figures import | list | enter | template`: published figures and indicators that people bring."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, select

from doxa_collector import asking
from doxa_collector.config import DEFAULT_FILE, Settings, read_settings
from doxa_collector.figures import cells
from doxa_collector.figures.bringing import Change, Fate, changes
from doxa_collector.figures.cells import Wrong
from doxa_collector.figures.entering import check, enter
from doxa_collector.figures.naming import Places
from doxa_collector.figures.reading import Refused, read_sheet
from doxa_collector.figures.showing import change_lines, fields, figure_line, indicator_line, jump_lines
from doxa_collector.figures.template import write_template
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.ledger.schema import figure, indicator
from doxa_collector.places.gazetteer import load
from doxa_collector.places.overlay import FILE, FOLDER
from doxa_collector.plans import load_plans
from doxa_collector.plans.loader import default_folder
from doxa_collector.plans.model import Mark
from doxa_collector.plans.reference import Figure, Origin, load_references, read_reference
from doxa_core.errors import InputError
from doxa_core.language import Text

Command = Callable[[argparse.Namespace], int]
SOURCE: Final = "i-Speed (VNNIC)"
MARKS: Final = (Mark.S, Mark.V, Mark.SECOND, Mark.I)
FAULTS_SHOWN: Final = 20
PIECE: Final = 1000
"""Figures in one transaction: a country of communes in a single one would keep the intake waiting for seconds."""


def main(argv: list[str]) -> int:
    """Run one command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="doxa figures", description=str(_ABOUT), epilog=asking.example(_IMPORT_EXAMPLE))
    verbs = top.add_subparsers(required=True, metavar=str(Text(vi="LỆNH", en="COMMAND")))
    bring = _verb(verbs, "import", _IMPORT, import_figures, _IMPORT_EXAMPLE)
    bring.add_argument("file", type=Path, nargs="?", metavar=str(_FILE_NAME), help=str(_FILE))
    bring.add_argument("--shipped", action="store_true", help=str(_SHIPPED))
    bring.add_argument("--source", default=SOURCE, metavar=str(_TEXT), help=str(_SOURCE))
    bring.add_argument("--mark", choices=[mark.value for mark in MARKS], default=Mark.S.value, help=str(_MARK))
    bring.add_argument("--by", metavar=str(_NAME), help=str(_BY))
    bring.add_argument("--dry-run", action="store_true", help=str(_DRY_RUN))
    look = _verb(verbs, "list", _LIST, list_figures, _LIST_EXAMPLE)
    look.add_argument("--place", metavar=str(_CODE), help=str(_PLACE))
    look.add_argument("--month", metavar="2025-09", help=str(_MONTH))
    look.add_argument("--history", action="store_true", help=str(_HISTORY))
    look.add_argument("--indicators", action="store_true", help=str(_INDICATORS))
    hand = _verb(verbs, "enter", _ENTER, enter_indicator, _ENTER_EXAMPLE)
    hand.add_argument("plan", metavar=str(Text(vi="KẾ-HOẠCH", en="PLAN")))
    hand.add_argument("target", metavar=str(Text(vi="CHỈ-TIÊU", en="TARGET")))
    hand.add_argument("place", metavar=str(_CODE))
    hand.add_argument("--value", required=True, metavar=str(Text(vi="SỐ", en="NUMBER")), help=str(_VALUE))
    hand.add_argument("--unit", required=True, metavar=str(Text(vi="ĐƠN-VỊ", en="UNIT")), help=str(_UNIT))
    hand.add_argument(
        "--as-of", required=True, type=asking.day, metavar=str(Text(vi="NGÀY", en="DAY")), help=str(_AS_OF)
    )
    hand.add_argument("--source", required=True, metavar=str(_TEXT), help=str(_PAPER))
    hand.add_argument("--by", metavar=str(_NAME), help=str(_BY))
    make = verbs.add_parser(
        "template",
        help=str(_TEMPLATE),
        description=str(_TEMPLATE),
        epilog=asking.example("doxa figures template mau.xlsx"),
    )
    make.add_argument("file", type=Path, metavar=str(_FILE_NAME), help=str(_NEW_FILE))
    make.set_defaults(command=make_template)
    return top


def _verb(group: Any, name: str, about: Text, command: Command, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(
        name, help=str(about), description=str(about), epilog=asking.example(example)
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=str(_CONFIG))
    parser.add_argument("--places", type=Path, default=FOLDER, metavar="FOLDER", help=str(_PLACES))
    parser.add_argument("--json", action="store_true", help=str(Text(vi="cho máy đọc", en="for machines")))
    parser.set_defaults(command=command)
    return parser


def _places(args: argparse.Namespace, settings: Settings) -> Places:
    return Places(load(args.places / FILE), load_plans(settings.plans))


# --- import


def import_figures(args: argparse.Namespace) -> int:
    """Bring a file's figures (or the shipped ones) into the ledger; with wrong rows nothing is written."""
    if (args.file is None) != args.shipped:
        raise InputError("doxa figures import", _FILE_OR_SHIPPED, _ONE_OF_BOTH)
    settings, now = read_settings(args.config), datetime.now(UTC)
    places = _places(args, settings)
    found = _shipped(args) if args.shipped else [_sheet(args, places)]
    engine = open_ledger(settings.ledger, create=False)
    try:
        seen = _bring(engine, found, now, dry_run=args.dry_run)
    finally:
        engine.dispose()
    _tell(args, seen, places)
    return 0


def _sheet(args: argparse.Namespace, places: Places) -> tuple[Sequence[Figure], Origin]:
    source = " ".join(args.source.split())
    if not source:
        raise InputError("--source", Text(vi="nguồn trống", en="the source is empty"), _NAME_SOURCE)
    try:
        sheet = read_sheet(args.file, places, source, args.mark, asking.today())
    except Refused as refused:
        for fault in refused.faults[:FAULTS_SHOWN]:
            print(fault, file=sys.stderr)
        raise
    if sheet.ignored:
        print(_IGNORED.fill(names=", ".join(sheet.ignored)), file=sys.stderr)
    return sheet.figures, Origin(by=asking.who(args.by), file=args.file.name, digest=sheet.digest)


def _shipped(args: argparse.Namespace) -> list[tuple[Sequence[Figure], Origin]]:
    return [
        (
            read_reference(path),
            Origin(by=asking.who(args.by), file=path.name, digest=sha256(path.read_bytes()).hexdigest()),
        )
        for path in sorted((default_folder() / "reference").glob("*.toml"))
    ]


def _bring(
    engine: Engine, found: Sequence[tuple[Sequence[Figure], Origin]], now: datetime, *, dry_run: bool
) -> list[Change]:
    with reading(engine) as conn:
        seen = [change for figures, _ in found for change in changes(conn, figures)]
        known = {change.figure for change in seen if change.fate is Fate.KNOWN}
    for figures, origin in () if dry_run else found:
        changed = [one for one in figures if one not in known]
        for start in range(0, len(changed), PIECE):
            load_references(engine, changed[start : start + PIECE], origin, now)
    return seen


def _tell(args: argparse.Namespace, seen: Sequence[Change], places: Places) -> None:
    counts = {fate.value: sum(one.fate is fate for one in seen) for fate in Fate}
    if args.json:
        print(
            json.dumps(
                {"written": not args.dry_run, **counts, "figures": [fields(one) for one in seen]},
                ensure_ascii=False,
                indent=2,
            )
        )
    else:
        print("\n".join((*change_lines(seen, places), str(_COUNTS.fill(**counts)))))
        if args.dry_run:
            print(_NOT_WRITTEN)
    for line in jump_lines(seen, places):
        print(line, file=sys.stderr)


# --- list


def list_figures(args: argparse.Namespace) -> int:
    """The figures in force (with --history those replaced too), or the indicators."""
    settings = read_settings(args.config)
    month = None if args.month is None else _month(args.month)
    engine = open_ledger(settings.ledger, create=False)
    try:
        with reading(engine) as conn:
            rows = [dict(row) for row in conn.execute(_query(args, month)).mappings()]
    finally:
        engine.dispose()
    if args.json:
        print(
            json.dumps([{k: v for k, v in row.items() if v is not None} for row in rows], ensure_ascii=False, indent=2)
        )
    elif not rows:
        print(_NOTHING)
    elif args.indicators:
        print("\n".join(map(indicator_line, rows)))
    else:
        places = _places(args, settings)
        print("\n".join(figure_line(row, places) for row in rows))
    return 0


def _query(args: argparse.Namespace, month: str | None) -> Any:
    if args.indicators:
        i = indicator.c
        query = select(indicator).order_by(i.plan, i.target, i.place_code, i.as_of, i.entered_us, i.id)
        query = query if args.place is None else query.where(i.place_code == args.place)
        return query if month is None else query.where(i.as_of.startswith(month, autoescape=True))
    f = figure.c
    query = select(figure).order_by(f.month, f.link_kind, f.direction, f.statistic, f.place_code, f.source, f.id)
    query = query if args.place is None else query.where(f.place_code == args.place)
    query = query if month is None else query.where(f.month == month)
    return query if args.history else query.where(f.superseded_us.is_(None))


def _month(text: str) -> str:
    try:
        return cells.month(text, asking.today())
    except Wrong as wrong:
        raise InputError(f"--month {text}", wrong.what, wrong.mend) from None


# --- enter, template


def enter_indicator(args: argparse.Namespace) -> int:
    """Keep an indicator that a person took from a paper."""
    settings = read_settings(args.config)
    one = check(
        load_plans(settings.plans), plan=args.plan, target=args.target, place=args.place, value=args.value,
        unit=args.unit, as_of=args.as_of, source=args.source, today=asking.today(),
    )  # fmt: skip
    engine = open_ledger(settings.ledger, create=False)
    try:
        new = enter(engine, one, asking.who(args.by), datetime.now(UTC))
    finally:
        engine.dispose()
    if args.json:
        print(json.dumps({"written": new, **asdict(one)}, ensure_ascii=False, indent=2))
    else:
        print(_ENTERED if new else _KNOWN)
    return 0


def make_template(args: argparse.Namespace) -> int:
    """Write an empty file to fill in."""
    write_template(args.file)
    print(_MADE.fill(file=args.file))
    return 0


_ABOUT = Text(
    vi="Số liệu do người nhập: số liệu i-Speed đã công bố, và chỉ tiêu không đo được; luôn kèm ai, khi nào, theo văn bản nào.",
    en="Figures that people bring: published i-Speed figures, and indicators that cannot be measured; always with who, when and from which paper.",
)
_IMPORT = Text(vi="nhập số liệu đã công bố từ CSV hoặc XLSX", en="import published figures from CSV or XLSX")
_LIST = Text(vi="số liệu đang dùng", en="the figures in force")
_ENTER = Text(vi="nhập tay một chỉ tiêu", en="enter an indicator by hand")
_TEMPLATE = Text(vi="tạo tệp mẫu để điền", en="make an empty file to fill in")
_IMPORT_EXAMPLE = "doxa figures import ispeed-2025-09.xlsx --mark V --dry-run"
_LIST_EXAMPLE = "doxa figures list --place 20 --month 2025-09 --history"
_ENTER_EXAMPLE = "doxa figures enter b-binh-duong shared-bts 74 --value 31,5 --unit % --as-of 2025-06-30 --source 'Báo cáo 12/BC-SKHCN'"
_CONFIG = Text(vi=f"tệp cấu hình (mặc định {DEFAULT_FILE})", en=f"the configuration (default {DEFAULT_FILE})")
_PLACES = Text(vi="thư mục danh mục địa bàn đã nhập (doxa places)", en="the folder of imported places (doxa places)")
_FILE_NAME = Text(vi="TỆP", en="FILE")
_FILE = Text(vi="tệp .csv hoặc .xlsx, cột như tệp mẫu", en="a .csv or .xlsx file with the template's columns")
_NEW_FILE = Text(vi="tệp mới, .csv hoặc .xlsx", en="a new file, .csv or .xlsx")
_SHIPPED = Text(vi="nhập các số liệu toàn quốc đi kèm doxa", en="import the national figures shipped with doxa")
_TEXT = Text(vi="NGUỒN", en="TEXT")
_SOURCE = Text(
    vi=f"nguồn công bố (mặc định {SOURCE}); số liệu mới chỉ thay số liệu cùng nguồn",
    en=f"where it was published (default {SOURCE}); a figure replaces only one of the same source",
)
_MARK = Text(
    vi="mức chắc chắn: V đọc toàn văn, S bản trích (mặc định), 2nd nguồn thứ cấp, I suy luận",
    en="how sure: V read in full, S an excerpt (default), 2nd a secondary source, I inferred",
)
_NAME = Text(vi="TÊN", en="NAME")
_BY = Text(vi="người nhập (mặc định: người dùng máy)", en="who brings it (default: the machine's user)")
_DRY_RUN = Text(vi="chỉ xem, không ghi", en="show only, write nothing")
_CODE = Text(vi="MÃ", en="CODE")
_PLACE = Text(vi="chỉ địa bàn này (00 là cả nước)", en="this place only (00 is the whole country)")
_MONTH = Text(vi="chỉ tháng này", en="this month only")
_HISTORY = Text(vi="cả những số liệu đã bị thay", en="also the figures that were replaced")
_INDICATORS = Text(vi="các chỉ tiêu nhập tay", en="the indicators entered by hand")
_VALUE = Text(vi="như 95,2; 1 hoặc 0 với --unit flag", en="such as 95.2; 1 or 0 with --unit flag")
_UNIT = Text(
    vi="đơn vị của chỉ tiêu: %%, Mbps, per_100_people; flag cho chỉ tiêu không có con số",
    en="the target's unit: %%, Mbps, per_100_people; flag for a target without a number",
)
_AS_OF = Text(vi="ngày mà số liệu nói đến", en="the day that the figure speaks of")
_PAPER = Text(vi="lấy từ văn bản nào", en="from which paper")
_FILE_OR_SHIPPED = Text(vi="cần đúng một trong hai: tệp hoặc --shipped", en="it takes a file or --shipped, exactly one")
_ONE_OF_BOTH = Text(vi="hãy ghi tên tệp, hoặc --shipped", en="name a file, or write --shipped")
_NAME_SOURCE = Text(vi="hãy ghi nơi công bố", en="say where it was published")
_IGNORED = Text(vi="các cột không dùng: {names}", en="columns that are not used: {names}")
_COUNTS = Text(
    vi="{new} số liệu mới, {replaced} thay số cũ, {known} đã có", en="{new} new, {replaced} replaced, {known} known"
)
_NOT_WRITTEN = Text(vi="chưa ghi gì (--dry-run)", en="nothing was written (--dry-run)")
_NOTHING = Text(vi="không có số liệu nào", en="there are no figures")
_ENTERED = Text(vi="đã ghi", en="written")
_KNOWN = Text(vi="đã có đúng như vậy, không ghi lại", en="it stands there already, nothing was written")
_MADE = Text(
    vi="đã tạo {file}; điền xong hãy xóa dòng ví dụ", en="made {file}; remove the example once it is filled in"
)
