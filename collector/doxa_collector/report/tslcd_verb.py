"""`doxa report tslcd`: the month of every TSLCD line, to be sent before the 5th of the next one."""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from doxa_collector.asking import asked_month
from doxa_collector.ledger.engine import reading
from doxa_collector.papers.drafts.tslcd_month import tslcd_month
from doxa_collector.papers.period import day
from doxa_collector.period import Period, local_day, month_of
from doxa_collector.plans import load_plans
from doxa_collector.report.making import files_of, opened, tree_of, verb, wanted_formats, write_paper
from doxa_collector.report.settings import read_paper
from doxa_collector.report.tslcd_books import Book, lines_of, open_book
from doxa_collector.report.tslcd_data import Asked, month_of_lines
from doxa_core.language import Text
from doxa_core.moments import microseconds


def add(verbs: Any) -> None:
    """The verb with its arguments."""
    parser = verb(verbs, "tslcd", _ABOUT, tslcd, "doxa report tslcd --period 2026-10 --format docx,xlsx")
    parser.add_argument("--period", metavar="2026-10", help=str(_PERIOD))
    parser.add_argument("--place", metavar=str(_CODE), help=str(_PLACE))


def tslcd(args: argparse.Namespace) -> int:
    """Write the report of one month."""
    wanted, paper = wanted_formats(args.format), read_paper(args.settings)
    now_us = microseconds(datetime.now(UTC))
    period = month_asked(args.period, now_us)
    with opened(args) as (engine, settings), reading(engine) as conn:
        book = open_book(conn, period, now_us)
        lines = lines_of(book, args.place)
        words = ["so-lieu-tslcd", *([args.place] if args.place else []), period.month]
        files = files_of(args, *words, forms_wanted=wanted)
        kept = book.inputs.tree
        asked = Asked(
            plans=load_plans(settings.plans) if book.closing is None else (), rules=settings.assess.rules,
            tree=tree_of(settings) if kept is None else kept, now_us=now_us,
        )  # fmt: skip
        data = month_of_lines(conn, book, lines, asked, args.place)
    write_paper(tslcd_month(data, paper.words), files, paper, args)
    sys.stdout.write(f"{_DUE.fill(due=day(data.due))}\n")
    for text in remarks(book):
        sys.stderr.write(f"{text}\n")
    if book.closing is not None and kept is None and settings.watch.nodes is not None:
        sys.stderr.write(f"{_NODES_OF_TODAY.fill(month=period.first.strftime('%m/%Y'))}\n")
    return 0


def month_asked(asked: str | None, now_us: int) -> Period:
    """The month asked for; where none is, the one before this: its figures are the ones that are due."""
    if asked is not None:
        return asked_month(asked, now_us)
    return month_of(local_day(now_us).replace(day=1) - timedelta(days=1))


def remarks(book: Book) -> Iterator[Text]:
    """What whoever made the paper should know before sending it."""
    shown = book.period.first.strftime("%m/%Y")
    if book.closing is None:
        yield _OPEN.fill(month=shown)
    if book.late:
        yield _LATE.fill(n=book.late, month=shown, period=book.period.month)


_NODES_OF_TODAY: Final = Text(
    vi="chú ý: lần khóa sổ tháng {month} chưa giữ sơ đồ nút mạng; độ khả dụng do bộ định tuyến cho biết và sự cố tại nút được ghép theo nodes.toml hôm nay",
    en="note: the closing of {month} did not keep the tree of nodes; availability told by routers and incidents at nodes follow today's nodes.toml",
)
_ABOUT: Final = Text(
    vi="số liệu tháng của mạng truyền số liệu chuyên dùng: dung lượng (p95), độ khả dụng, sự cố của từng kết nối; gửi trước ngày 05",
    en="a month of the specialised network: capacity (p95), availability, incidents of every line; to be sent before the 5th",
)
_PERIOD: Final = Text(vi="tháng báo cáo (mặc định: tháng trước)", en="the month (default: the month before)")
_CODE: Final = Text(vi="MÃ", en="CODE")
_PLACE: Final = Text(
    vi="chỉ tỉnh (2 chữ số) hoặc xã (5 chữ số) có mã này",
    en="the province (2 digits) or commune (5 digits) with this code only",
)
_DUE: Final = Text(vi="hạn gửi: trước ngày 05, chậm nhất {due}", en="due: before the 5th, {due} at the latest")
_OPEN: Final = Text(
    vi="chú ý: tháng {month} chưa khóa sổ, báo cáo ghi rõ là số liệu tạm tính",
    en="note: {month} is not closed; the paper says that its figures are provisional",
)
_LATE: Final = Text(
    vi="chú ý: {n} kết quả đo của tháng {month} đến sau khi khóa sổ và không được tính; muốn tính: doxa assess --period {period} --reopen --reason '…'",
    en="note: {n} measurements of {month} came after the closing and do not count; to count them: doxa assess --period {period} --reopen --reason '…'",
)
