"""`doxa report progress PLAN`: how far a plan has come in a month, a quarter, a year, or any days."""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from doxa_collector.ledger.engine import reading
from doxa_collector.papers.drafts.progress_records import MonthState
from doxa_collector.places.overlay import FILE, FOLDER
from doxa_collector.plans import load_plans
from doxa_collector.report.making import files_of, opened, verb, wanted_formats, write_paper
from doxa_collector.report.month import Month
from doxa_collector.report.months import Months, find_months
from doxa_collector.report.progress_data import progress_of
from doxa_collector.report.progress_paper import progress_paper
from doxa_collector.report.settings import read_paper
from doxa_collector.report.span import SpanKind, asked_span
from doxa_core.language import Text
from doxa_core.moments import microseconds


def add(verbs: Any) -> None:
    """The verb with its arguments."""
    parser = verb(verbs, "progress", _ABOUT, progress, "progress d-ha-tinh --period 2026-Q4 --settings paper.toml")
    parser.add_argument("plan", metavar=str(_PLAN_NAME), help=str(_PLAN))
    parser.add_argument("--period", metavar="2026-10", help=str(_PERIOD))
    parser.add_argument("--place", metavar=str(_CODE), help=str(_PLACE))
    parser.add_argument("--places", type=Path, default=FOLDER, metavar="FOLDER", help=str(_PLACES))


def progress(args: argparse.Namespace) -> int:
    """The progress of one plan in one period."""
    wanted, paper = wanted_formats(args.format), read_paper(args.settings)
    now_us = microseconds(datetime.now(UTC))
    span = asked_span(args.period, now_us)
    with opened(args) as (engine, settings), reading(engine) as conn:
        months = find_months(
            conn,
            load_plans(settings.plans),
            span,
            settings.assess.rules,
            now_us,
            plan=args.plan,
            place=args.place,
            places=args.places / FILE,
        )
        files = files_of(args, "bao-cao-tien-do", *_name(months, args.place), forms_wanted=wanted)
        filled = progress_of(conn, months)
    write_paper(progress_paper(months, filled, paper.words), files, paper, args)
    for text in _remarks(months):
        sys.stderr.write(f"{text}\n")
    return 0


def _name(months: Months, place: str | None) -> Iterator[str]:
    yield months.main.plan.id
    if place is not None:
        yield place
    yield months.span.name


def _remarks(months: Months) -> Iterator[Text]:
    if months.span.kind is SpanKind.DAYS:
        yield _ANY_DAYS
        return
    judged = [column.month for column in months.columns if column.month is not None] or [months.main]
    for month in judged:
        if month.closing is None:
            yield _OPEN.fill(month=_shown(month))
        if month.late:
            yield _LATE.fill(n=month.late, month=_shown(month), period=month.period.month)
    if any(column.state is MonthState.AHEAD for column in months.columns):
        yield _RUNNING


def _shown(month: Month) -> str:
    return month.period.first.strftime("%m/%Y")


_ABOUT = Text(
    vi="báo cáo tiến độ của một kế hoạch theo tháng, quý, năm hoặc các ngày tùy chọn; tháng đã khóa sổ được tính lại và đối chiếu trước khi in",
    en="the progress of one plan in a month, quarter, year or any days; a closed month is judged again and compared before it is printed",
)
_PLAN_NAME = Text(vi="KẾ-HOẠCH", en="PLAN")
_PLAN = Text(vi="tên kế hoạch, xem doxa plan list", en="the plan's name, see doxa plan list")
_PERIOD = Text(
    vi="tháng 2026-10 (mặc định: tháng này), quý 2026-Q4, năm 2026, hoặc hai ngày 2026-03-15..2026-05-20",
    en="a month 2026-10 (default: this one), a quarter 2026-Q4, a year 2026, or two days 2026-03-15..2026-05-20",
)
_CODE = Text(vi="MÃ", en="CODE")
_PLACE = Text(vi="chỉ địa bàn có mã này", en="the place with this code only")
_PLACES = Text(vi="thư mục danh mục địa bàn đã nhập (doxa places)", en="the folder of imported places (doxa places)")
_OPEN = Text(
    vi="chú ý: tháng {month} chưa khóa sổ, báo cáo ghi rõ là số liệu tạm tính",
    en="note: {month} is not closed; the paper says that its figures are provisional",
)
_LATE = Text(
    vi="chú ý: {n} kết quả đo của tháng {month} đến sau khi khóa sổ và không được tính; muốn tính: doxa assess --period {period} --reopen --reason '…'",
    en="note: {n} measurements of {month} came after the closing and do not count; to count them: doxa assess --period {period} --reopen --reason '…'",
)
_RUNNING = Text(
    vi="chú ý: kỳ báo cáo chưa kết thúc, bảng chỉ tiêu theo tháng cuối đã bắt đầu",
    en="note: the period has not ended; the table is judged for the last month that has begun",
)
_ANY_DAYS = Text(
    vi="chú ý: kỳ do người dùng chọn không phải kết quả đánh giá tháng và không được khóa sổ; báo cáo ghi rõ điều đó",
    en="note: days of your own choice are no monthly verdict and are never closed; the paper says so",
)
