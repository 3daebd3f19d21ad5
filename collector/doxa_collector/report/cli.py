"""`doxa report progress PLAN` and `doxa report incident N`: papers from the ledger, as drafts that people sign."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from doxa_collector import asking
from doxa_collector.assess.asked import asked_month
from doxa_collector.assess.period import local_day
from doxa_collector.config import DEFAULT_FILE, Settings, read_settings
from doxa_collector.incidents import store
from doxa_collector.incidents.atlas import read_atlas
from doxa_collector.incidents.explain import Ground
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.nodes.reading import read_tree
from doxa_collector.nodes.tree import Tree
from doxa_collector.papers import forms
from doxa_collector.papers.drafts.incident import incident_report
from doxa_collector.papers.model import Document
from doxa_collector.plans import load_plans
from doxa_collector.registry import read_registry
from doxa_collector.report.incident_data import day_of, incident_of
from doxa_collector.report.month import Month, find_month
from doxa_collector.report.progress_data import progress_of
from doxa_collector.report.progress_paper import progress_paper
from doxa_collector.report.settings import Paper, read_paper
from doxa_collector.report.writing import refuse_known, write_all
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.moments import microseconds

Command = Callable[[argparse.Namespace], int]
FORMATS: Final = "docx,pdf"
"""What is written where nobody says which: one to complete, one to read."""
_LARGEST: Final = 2**63 - 1


def main(argv: list[str]) -> int:
    """Run one command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="doxa report", description=str(_ABOUT), epilog=asking.example("progress d-ha-tinh")
    )
    verbs = top.add_subparsers(required=True, metavar=str(_COMMAND))
    one = _verb(verbs, "progress", _PROGRESS, progress, "progress d-ha-tinh --period 2026-10 --settings paper.toml")
    one.add_argument("plan", metavar=str(_PLAN_NAME), help=str(_PLAN))
    one.add_argument("--period", metavar="2026-10", help=str(_PERIOD))
    one.add_argument("--place", metavar=str(_CODE), help=str(_PLACE))
    two = _verb(verbs, "incident", _INCIDENT, incident, "incident 118 --format docx,pdf")
    two.add_argument("number", type=int, metavar=str(_NUMBER), help=str(_OF_LIST))
    return top


def _verb(group: Any, name: str, about: Text, command: Command, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(
        name, help=str(about), description=str(about), epilog=asking.example(example)
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=str(_CONFIG))
    parser.add_argument("--format", default=FORMATS, metavar=FORMATS, help=str(_FORMAT))
    parser.add_argument("--out", type=Path, default=Path(), metavar=str(_FOLDER_NAME), help=str(_OUT))
    parser.add_argument("--settings", type=Path, metavar="FILE", help=str(_SETTINGS))
    parser.add_argument("--force", action="store_true", help=str(_FORCE))
    parser.set_defaults(command=command)
    return parser


# --- the two papers


def progress(args: argparse.Namespace) -> int:
    """The progress of one plan in one month."""
    wanted, paper = _formats(args.format), read_paper(args.settings)
    now_us = microseconds(datetime.now(UTC))
    period = asked_month(args.period, now_us)
    with _opened(args) as (engine, settings), reading(engine) as conn:
        month = find_month(
            conn, load_plans(settings.plans), period, settings.assess.rules, now_us, plan=args.plan, place=args.place
        )
        files = _files(args, "bao-cao-tien-do", *_progress_name(month, args.place), forms_wanted=wanted)
        filled = progress_of(conn, month)
    _write(progress_paper(month, filled, paper.words), files, paper, args)
    for text in _remarks(month):
        print(text, file=sys.stderr)
    return 0


def incident(args: argparse.Namespace) -> int:
    """One incident with its offices and history."""
    wanted, paper = _formats(args.format), read_paper(args.settings)
    number = args.number
    with _opened(args) as (engine, settings), reading(engine) as conn:
        found = store.get(conn, number) if 0 < number <= _LARGEST else None
        if found is None:
            raise InputError(str(Text(vi=f"sự cố {number}", en=f"incident {number}")), _NO_INCIDENT, _SEE_LIST)
        files = _files(args, "bao-cao-su-co", str(number), forms_wanted=wanted)
        history = store.entries(conn, number)
        ground = Ground(_tree(settings), read_atlas(conn, day_of(found.began_us)), settings.incidents)
    today = local_day(microseconds(datetime.now(UTC)))
    data = incident_of(found, history, ground, today, reveal=paper.words.reveal)
    _write(incident_report(data, paper.words), files, paper, args)
    return 0


def _progress_name(month: Month, place: str | None) -> Iterator[str]:
    yield month.plan.id
    if place is not None:
        yield place
    yield month.period.month


def _files(args: argparse.Namespace, *words: str, forms_wanted: Sequence[str]) -> dict[str, Path]:
    """The files by format; refused at once where one is there already, before anything is made."""
    found = {form: args.out / f"{'_'.join(words)}.{form}" for form in forms_wanted}
    if not args.force:
        refuse_known(list(found.values()))
    return found


def _write(document: Document, files: dict[str, Path], paper: Paper, args: argparse.Namespace) -> None:
    contents = {file: forms.render(document, form, paper.look) for form, file in files.items()}
    write_all(contents, force=args.force)
    for file in contents:
        print(_WRITTEN.fill(file=file))


def _remarks(month: Month) -> Iterator[Text]:
    shown = month.period.first.strftime("%m/%Y")
    if month.closing is None:
        yield _OPEN.fill(month=shown)
    if month.late:
        yield _LATE.fill(n=month.late, month=shown, period=month.period.month)


# --- arguments and surroundings


def _formats(asked: str) -> tuple[str, ...]:
    """The formats in the order asked for, each once."""
    found = tuple(dict.fromkeys(word.strip().lower() for word in asked.split(",") if word.strip()))
    unknown = [word for word in found if word not in forms.names()]
    if unknown or not found:
        raise InputError(f"--format {asked}", _NO_FORMAT, _FORMATS.fill(names=", ".join(forms.names())))
    return found


@contextmanager
def _opened(args: argparse.Namespace) -> Iterator[tuple[Engine, Settings]]:
    settings = read_settings(args.config)
    engine = open_ledger(settings.ledger, create=False)
    try:
        yield engine, settings
    finally:
        engine.dispose()


def _tree(settings: Settings) -> Tree:
    """The nodes; none where no file of them is named."""
    file = settings.watch.nodes
    return Tree() if file is None else read_tree(file, read_registry(settings.registry))


_ABOUT = Text(
    vi="Lập dự thảo báo cáo từ sổ cái: số, ngày và chữ ký để trống cho người ký.",
    en="Drafts of papers from the ledger: number, date and signature stay blank for who signs.",
)
_COMMAND = Text(vi="LỆNH", en="COMMAND")
_PROGRESS = Text(
    vi="báo cáo tiến độ của một kế hoạch trong một tháng; tháng đã khóa sổ được tính lại và đối chiếu trước khi in",
    en="the progress of one plan in one month; a closed month is judged again and compared before it is printed",
)
_INCIDENT = Text(vi="báo cáo một sự cố", en="the report of one incident")
_PLAN_NAME = Text(vi="KẾ-HOẠCH", en="PLAN")
_PLAN = Text(vi="tên kế hoạch, xem doxa plan list", en="the plan's name, see doxa plan list")
_PERIOD = Text(vi="tháng báo cáo (mặc định: tháng này)", en="the month (default: this one)")
_CODE = Text(vi="MÃ", en="CODE")
_PLACE = Text(vi="chỉ địa bàn có mã này", en="the place with this code only")
_NUMBER = Text(vi="SỐ", en="NUMBER")
_OF_LIST = Text(vi="số trong doxa incidents list", en="its number in doxa incidents list")
_CONFIG = Text(vi=f"tệp cấu hình (mặc định {DEFAULT_FILE})", en=f"the configuration (default {DEFAULT_FILE})")
_FORMAT = Text(
    vi=f"các định dạng, cách nhau bằng dấu phẩy: {', '.join(forms.names())}",
    en=f"formats with commas between: {', '.join(forms.names())}",
)
_FOLDER_NAME = Text(vi="THƯ-MỤC", en="FOLDER")
_OUT = Text(vi="thư mục ghi tệp (mặc định: thư mục này)", en="where the files go (default: this folder)")
_SETTINGS = Text(
    vi="tệp có bảng [paper]: cơ quan, địa danh, người ký, nơi nhận, phông chữ",
    en="a file with the table [paper]: agency, place, signer, recipients, fonts",
)
_FORCE = Text(vi="thay tệp cùng tên đã có", en="replace files of the same name")
_NO_INCIDENT = Text(vi="không có sự cố này", en="there is no such incident")
_SEE_LIST = Text(vi="hãy xem doxa incidents list", en="see doxa incidents list")
_NO_FORMAT = Text(vi="không có định dạng này", en="there is no such format")
_FORMATS = Text(vi="hãy chọn trong: {names}", en="choose among: {names}")
_WRITTEN = Text(vi="đã ghi {file}", en="wrote {file}")
_OPEN = Text(
    vi="chú ý: tháng {month} chưa khóa sổ, báo cáo ghi rõ là số liệu tạm tính",
    en="note: {month} is not closed; the paper says that its figures are provisional",
)
_LATE = Text(
    vi="chú ý: {n} kết quả đo của tháng {month} đến sau khi khóa sổ và không được tính; muốn tính: doxa assess --period {period} --reopen --reason '…'",
    en="note: {n} measurements of {month} came after the closing and do not count; to count them: doxa assess --period {period} --reopen --reason '…'",
)
