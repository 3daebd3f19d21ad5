"""The forecast in a progress report: one sentence of the due date, and of a closed month nothing that came after it."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update
from tests.collector.assess.conftest import Books, level, plan_of
from tests.collector.papers.reading import docx_text, squeezed

from doxa_collector.assess import Settings, run
from doxa_collector.assess.run import reopen
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import open_ledger, reading, writing
from doxa_collector.papers.forms import render
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.period import month_of
from doxa_collector.plans.model import PlaceLevel, PlanPlace
from doxa_collector.report.month import find_month
from doxa_collector.report.months import Months, find_months
from doxa_collector.report.progress_data import progress_of
from doxa_collector.report.progress_paper import progress_paper
from doxa_collector.report.span import asked_span
from doxa_collector.views.forecast import forecast_of
from doxa_core.errors import OperationError
from doxa_core.moments import microseconds

XA = PlanPlace(code="18073", name="xã Số Một", level=PlaceLevel.COMMUNE, province="42")
TARGET = level(value=102, due=date(2026, 11, 30))
PLAN = plan_of(TARGET, where=XA)
RULES = Settings(min_samples=3, decide_by="estimate", final_after_days=0)
MONTHS = (4, 5, 6, 7, 8)
AUGUST = month_of(date(2026, 8, 1))


def moment(month: int, day: int = 1, hour: int = 0) -> datetime:
    return datetime.fromisoformat(f"2026-{month:02d}-{day:02d}T{hour:02d}:00:01+07:00")


DECEMBER = moment(12)


def measured(books: Books, month: int, value: float) -> None:
    books.runs("x", "fixed", [value] * 5, start=moment(month, 10, 8))


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """April to August, each closed on the first day of the next month: 80, 86, … 104 Mbps."""
    engine = open_ledger(tmp_path / "ledger.sqlite")
    books = Books(engine)
    books.place("42", level="province", name="tỉnh Hà Tĩnh")
    books.place("18073", name="xã Số Một")
    books.office("x", "18073", "fixed", contracted_down_mbps=150)
    for n, month in enumerate(MONTHS):
        measured(books, month, 80 + 6 * n)
        run(engine, [PLAN], RULES, moment(month + 1))
    yield books
    engine.dispose()


def paper_of(books: Books, asked: str = "2026-08", now: datetime = DECEMBER) -> tuple[Any, bytes]:
    """The record and the JSON of a period."""
    now_us = microseconds(now)
    with reading(books.engine) as conn:
        span = asked_span(asked, now_us)
        months = find_months(conn, [PLAN], span, RULES, now_us, plan="p", place=None)
        filled = progress_of(conn, months)
    return filled.progress.rows[0], render(progress_paper(months, filled, PaperSettings()), "json")


def test_a_forecast_stands_behind_what_was_found_with_its_notes(books: Books) -> None:
    row, content = paper_of(books)
    assert row.forecast.startswith("Theo xu hướng 5 tháng qua (+6,00 Mbps mỗi tháng), tháng 11/2026 dự kiến 122,0 Mbps")
    assert "có khả năng đạt mục tiêu 102,0 Mbps." in row.forecast
    assert row.forecast.endswith("chỉ đúng nếu diễn biến tiếp tục như những tháng qua.")
    assert row.forecast in content.decode()
    with reading(books.engine) as conn:
        month = find_month(conn, [PLAN], AUGUST, RULES, 0, plan="p", place=None)
        months = Months(span=asked_span("2026-08", microseconds(moment(12))), main=month)
        printed = render(progress_paper(months, progress_of(conn, months), PaperSettings()), "docx")
    assert squeezed(f"{row.explanation}. {row.forecast}") in docx_text(printed)


def test_nothing_that_came_after_the_closing_changes_the_forecast_of_a_closed_month(books: Books) -> None:
    """A month closed later, one closed anew, another contract back to June: each would change what is known today."""
    row, before = paper_of(books)
    measured(books, 9, 20)
    run(books.engine, [PLAN], RULES, moment(10))
    books.runs("x", "fixed", [500] * 50, start=moment(5, 12, 8))
    reopen(books.engine, [PLAN], RULES, month_of(date(2026, 5, 1)), moment(10, 2), "Lan", "nhận thêm số liệu")
    with writing(books.engine) as conn:
        conn.execute(update(schema.link).values(valid_to="2026-05-31"))
    books.line("x", "fixed", "fixed", valid_from="2026-06-01", contracted_down_mbps=300)
    with reading(books.engine) as conn:
        today = forecast_of(conn, PLAN, TARGET, XA, AUGUST)
    assert today is not None
    assert today.text.vi not in row.forecast, "the ledger of today says otherwise"
    assert paper_of(books) == (row, before)


def test_an_open_month_is_forecast_from_the_closed_ones_and_any_days_are_not(books: Books) -> None:
    measured(books, 9, 20)
    row, _ = paper_of(books, "2026-09", moment(9, 20))
    assert "5 tháng qua" in row.forecast
    assert "122,0 Mbps" in row.forecast, "the twenty of September count when it is closed"
    row, _ = paper_of(books, "2026-09-01..2026-09-15", moment(9, 20))
    assert row.forecast == ""


def test_a_contract_that_changed_before_the_closing_is_said_from_what_was_kept(books: Books) -> None:
    with writing(books.engine) as conn:
        conn.execute(update(schema.link).values(valid_to="2026-08-31"))
    books.line("x", "fixed", "fixed", valid_from="2026-09-01", contracted_down_mbps=300)
    measured(books, 9, 210)
    run(books.engine, [PLAN], RULES, moment(10))
    with writing(books.engine) as conn:
        conn.execute(delete(schema.link))
    row, _ = paper_of(books, "2026-09")
    assert "Tháng 09/2026: 1/1 đường truyền đổi hợp đồng: xu hướng chỉ tính từ tháng này." in row.forecast
    assert row.forecast.startswith("Mới có số liệu 1 tháng")


def test_the_chart_of_a_longer_period_goes_on_to_the_due_month(books: Books) -> None:
    _, content = paper_of(books, "2026-Q3", moment(9, 20))
    (trend,) = json.loads(content)["data"]["trends"]
    assert [month["label"] for month in trend["months"]] == ["07/2026", "08/2026", "09/2026"]
    assert (trend["ahead"]["label"], trend["ahead"]["value"]) == ("11/2026", pytest.approx(122))
    assert trend["ahead"]["lower"] <= trend["ahead"]["value"] <= trend["ahead"]["upper"]


def test_a_kept_result_that_was_meddled_with_makes_no_forecast(books: Books) -> None:
    with reading(books.engine) as conn:
        digest = conn.execute(schema.closing.select().order_by(schema.closing.c.period_from)).mappings().all()[1]
    with writing(books.engine) as conn:
        changed = update(schema.snapshot).where(schema.snapshot.c.digest == digest["verdicts"])
        conn.execute(changed.values(content=b"x"))
    with pytest.raises(OperationError, match="không còn giữ nguyên vẹn"):
        paper_of(books)
