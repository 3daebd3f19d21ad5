"""`doxa report national`: every commune of the country against the national plans."""

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from doxa_collector.config import read_settings
from doxa_collector.papers import forms
from doxa_collector.papers.drafts.national import national_report
from doxa_collector.papers.drafts.national_records import National
from doxa_collector.papers.forms import Look
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.places.overlay import FILE, FOLDER
from doxa_collector.plans import load_plans
from doxa_collector.report.making import files_of, verb, wanted_formats
from doxa_collector.report.national import NATIONAL, national_of
from doxa_collector.report.settings import read_paper
from doxa_collector.report.span import asked_span
from doxa_collector.report.writing import write_all
from doxa_core.language import Text
from doxa_core.moments import microseconds

SHEETS: Final = frozenset({"xlsx", "csv", "json"})
"""The forms that carry the annex of all communes; on paper it would have hundreds of pages."""


def add(verbs: Any) -> None:
    """The verb with its arguments."""
    parser = verb(verbs, "national", _ABOUT, national, "national --period 2026 --format pdf,xlsx")
    parser.add_argument("--period", metavar="2026", help=str(_PERIOD))
    parser.add_argument("--plans", type=Path, default=NATIONAL, metavar="FOLDER", help=str(_PLANS))
    parser.add_argument("--places", type=Path, default=FOLDER, metavar="FOLDER", help=str(_PLACES))
    parser.add_argument("--jobs", type=_jobs, metavar="N", help=str(_JOBS))


def national(args: argparse.Namespace) -> int:
    """The report of one period."""
    wanted, paper = wanted_formats(args.format), read_paper(args.settings)
    now_us = microseconds(datetime.now(UTC))
    span = asked_span(args.period, now_us)
    files = files_of(args, "bao-cao-toan-quoc", span.name, forms_wanted=wanted)
    settings = read_settings(args.config)
    data = national_of(
        settings.ledger, load_plans(args.plans), span, settings.assess.rules, now_us, places=args.places / FILE,
        jobs=args.jobs,
    )  # fmt: skip
    contents = rendered(data, wanted, paper.words, paper.look)
    write_all({files[form]: content for form, content in contents.items()}, force=args.force)
    for file in files.values():
        sys.stdout.write(f"{_WRITTEN.fill(file=file)}\n")
    if data.provisional:
        sys.stderr.write(f"{_OPEN}\n")
    return 0


def rendered(data: National, wanted: Iterable[str], words: PaperSettings, look: Look) -> dict[str, bytes]:
    """The report in each form; workbooks and data carry every commune."""
    made = {full: national_report(data, words, with_communes=full) for full in {form in SHEETS for form in wanted}}
    return {form: forms.render(made[form in SHEETS], form, look) for form in wanted}


def _jobs(text: str) -> int:
    found = int(text)
    if found < 1:
        raise ValueError(text)
    return found


_ABOUT = Text(
    vi="báo cáo toàn quốc theo tháng, quý hoặc năm: từng yêu cầu, từng tỉnh, đường truyền thấp nhất, từng xã (XLSX, CSV)",
    en="the whole country in a month, quarter or year: requirements, provinces, worst lines, every commune (XLSX, CSV)",
)
_PERIOD = Text(
    vi="tháng 2026-10 (mặc định: tháng này), quý 2026-Q4 hoặc năm 2026",
    en="a month 2026-10 (default: this one), a quarter 2026-Q4 or a year 2026",
)
_PLANS = Text(
    vi="thư mục kế hoạch toàn quốc (mặc định: các kế hoạch kèm doxa)",
    en="the folder of national plans (default: those shipped)",
)
_PLACES = Text(vi="thư mục danh mục địa bàn đã nhập (doxa places)", en="the folder of imported places (doxa places)")
_JOBS = Text(
    vi="số tiến trình tính song song (mặc định: số bộ xử lý)", en="processes side by side (default: one a processor)"
)
_WRITTEN = Text(vi="đã ghi {file}", en="wrote {file}")
_OPEN = Text(
    vi="chú ý: có tháng chưa khóa sổ, báo cáo ghi rõ là số liệu tạm tính",
    en="note: some month is not closed; the paper says that its figures are provisional",
)
