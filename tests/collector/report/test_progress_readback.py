"""The papers of a quarter and of any days, read back in each form and held against the ledger."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from sqlalchemy import select
from tests.collector.assess.conftest import Books
from tests.collector.papers.reading import csv_rows, docx_text, pdf_text, sheets, squeezed
from tests.collector.report.conftest import PLANS, configured, say

from doxa_collector.assess import Settings, run
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.papers.model import plain_number
from doxa_core.moments import microseconds

MONTHS = ("2025-04", "2025-05", "2025-06")
QUARTER, DAYS = "2025-Q2", "2025-04-12..2025-05-20"
EVERY = "csv,docx,json,pdf,xlsx"
TARGETS = {"D1": "mobile", "D2": "fixed"}
"""The targets whose figure is the median of one line's downloads."""


@dataclass(frozen=True)
class Papers:
    """What was written of one period, and the ledger."""

    books: Books
    quarter: dict[str, bytes]
    days: dict[str, bytes]


def moment(day: str, hour: int = 8) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02d}:00:00+07:00")


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Papers]:
    """Three closed months of one office, in each a rate a day that no other day has."""
    folder = tmp_path_factory.mktemp("readback")
    engine = open_ledger(folder / "ledger.sqlite")
    books = Books(engine)
    books.place("42", level="province", province="42", name="Tỉnh Hà Tĩnh")
    books.place("18073", province="42", name="Phường Thành Sen")
    books.office("x", "18073", "fixed", "mobile", "tslcd")
    for n, month in enumerate(MONTHS):
        for at, kind in enumerate(("fixed", "mobile", "tslcd")):
            rates = [91.0625 + 17 * n + 5 * at + day / 8 for day in range(20)]
            values = [{"download_mbps": rate, "download_ip_mbps": rate + 3} for rate in rates]
            books.runs("x", kind, values, start=moment(f"{month}-02"), step=timedelta(days=1))
        books.figure("42", 151.0625 + n, month=month, source="VNNIC", mark="V")
    config = configured(books, folder)
    rules = Settings(min_samples=3, decide_by="estimate", final_after_days=0)
    for _, after in pairwise((*MONTHS, "2025-07")):
        run(engine, [PLANS["d-ha-tinh"]], rules, moment(f"{after}-01", 0) + timedelta(seconds=1))

    def of(period: str, name: str) -> dict[str, bytes]:
        found = say(config, folder / name, "progress", "d-ha-tinh", "--period", period, form=EVERY)
        return {file.rpartition(".")[2]: content for file, content in found.items()}

    yield Papers(books, of(QUARTER, "quarter"), of(DAYS, "days"))
    engine.dispose()


def data_of(paper: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(paper["json"])["data"]
    return found


def table_of(paper: dict[str, bytes], form: str, name: str) -> list[dict[str, Any]]:
    """The rows of one table by heading, from the workbook or from the CSV."""
    if form == "xlsx":
        rows = sheets(paper["xlsx"])[name]
    else:
        rows = csv_rows(paper["csv"])
        begin = next(n for n, row in enumerate(rows) if row == [name])
        end = next((n for n, row in enumerate(rows) if n > begin and not row), len(rows))
        rows = rows[begin:end]
    at = next(n for n, row in enumerate(rows) if len(row) > 1 and row[1] is not None)
    return [dict(zip(map(str, rows[at]), row, strict=True)) for row in rows[at + 1 :]]


def figure(cell: Any) -> float | None:
    """A number of either form; None for words."""
    if isinstance(cell, str):
        return float(cell.replace(",", ".")) if re.fullmatch(r"-?\d+(,\d+)?", cell) else None
    return None if cell is None else float(cell)


def kept(books: Books, target: str, month: str) -> tuple[float, int]:
    """The verdict that the ledger keeps of a closed month: its value and its n."""
    table = schema.verdict.c
    query = select(table.value, table.n).where(
        table.plan == "d-ha-tinh", table.target == target.lower(), table.place_code == "42", table.period_from == f"{month}-01"
    )  # fmt: skip
    with reading(books.engine) as conn:
        ((value, n),) = {tuple(row) for row in conn.execute(query)}
    return value, n


def downloads(books: Books, link: str, first: str, last: str) -> list[float]:
    """Straight from the raw rows, in the days from `first` to before `last`."""
    table = schema.measurement.c
    query = select(table["values"]).where(
        table.link == link, table.started_us >= microseconds(moment(first, 0)), table.started_us < microseconds(moment(last, 0))
    )  # fmt: skip
    with reading(books.engine) as conn:
        return [json.loads(row)["download_mbps"] for row in conn.execute(query).scalars()]


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_every_month_of_a_quarter_stands_with_its_figure_of_the_ledger(papers: Papers, form: str) -> None:
    rows = table_of(papers.quarter, form, "Theo tháng")
    for target, link in TARGETS.items():
        own = next(row for row in rows if str(row["Chỉ tiêu"]).startswith(f"{target}. T"))
        for month in MONTHS:
            value, n = kept(papers.books, target, month)
            assert figure(own[f"{month[5:]}/{month[:4]}"]) == pytest.approx(value, rel=1e-12)
            raw = downloads(papers.books, link, f"{month}-01", f"{month}-28")
            assert value == pytest.approx(median(raw)), "and the ledger's is that of the measurements"
            assert n == len(raw)
    published = next(row for row in rows if row["Chỉ tiêu"] == "D2.")
    assert [figure(published[f"{month[5:]}/{month[:4]}"]) for month in MONTHS] == [151.0625, 152.0625, 153.0625]


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_the_table_of_a_quarter_is_its_last_month(papers: Papers, form: str) -> None:
    rows = table_of(papers.quarter, form, "Chỉ tiêu đo được")
    for target in TARGETS:
        own = next(row for row in rows if str(row["Chỉ tiêu"]).startswith(f"{target}. "))
        value, n = kept(papers.books, target, MONTHS[-1])
        assert figure(own["Đo tại trụ sở"]) == pytest.approx(value, rel=1e-12)
        assert figure(own["Số mẫu"]) == n


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_any_days_are_counted_from_the_measurements_of_these_days_alone(papers: Papers, form: str) -> None:
    rows = table_of(papers.days, form, "Chỉ tiêu đo được")
    lines = [line[0] for line in csv_rows(papers.days["csv"]) if len(line) == 1]
    commune = {("xlsx", target): f"Xã {target}" for target in TARGETS}
    commune |= {("csv", target): next(line for line in lines if line.startswith(f"{target}. ")) for target in TARGETS}
    for target, link in TARGETS.items():
        own = next(row for row in rows if str(row["Chỉ tiêu"]).startswith(f"{target}. "))
        raw = downloads(papers.books, link, "2025-04-12", "2025-05-21")
        assert len(raw) == 10 + 19
        assert figure(own["Đo tại trụ sở"]) == pytest.approx(median(raw), rel=1e-12)
        assert figure(own["Số mẫu"]) == len(raw)
        (office,) = [row for row in table_of(papers.days, form, commune[form, target]) if row["Mã"] == "18073"]
        assert figure(office["Đo tại trụ sở"]) == pytest.approx(median(raw), rel=1e-12)


@pytest.mark.parametrize("period", ["quarter", "days"])
@pytest.mark.parametrize(("form", "read"), [("docx", docx_text), ("pdf", pdf_text)])
def test_what_is_printed_is_the_same_figures(papers: Papers, period: str, form: str, read: Any) -> None:
    paper: dict[str, bytes] = getattr(papers, period)
    words, data = read(paper[form]), data_of(paper)
    for row in data["rows"]:
        if row["label"] in TARGETS:
            shown = plain_number(row["measured"]["value"], 1)
            assert squeezed(f"{shown} Mbps") in words
            assert squeezed(f"n = {row['samples']}") in words
    for trend in data["trends"]:
        if trend["label"] in TARGETS:
            assert all(plain_number(month["value"], 1) in words for month in trend["months"])
    assert "None" not in words
    assert "nan" not in words.replace("nang", "").replace("nanh", "")


def test_the_json_says_the_ledger_s_figures_in_full(papers: Papers) -> None:
    trends = {trend["label"]: trend for trend in data_of(papers.quarter)["trends"]}
    for target in TARGETS:
        found = [month["value"] for month in trends[target]["months"]]
        assert found == [kept(papers.books, target, month)[0] for month in MONTHS]
    assert data_of(papers.days)["trends"] == []
