"""A target that is a rule stands in the progress report with its words and with each office's figure in per cent."""

from datetime import date, datetime, time, timedelta

from tests.collector.assess.conftest import Books, area, plan_of
from tests.collector.report.conftest import last_month

from doxa_collector.assess import Settings
from doxa_collector.ledger.engine import reading
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.period import month_of
from doxa_collector.plans import load_plans
from doxa_collector.report.month import find_month
from doxa_collector.report.months import Months
from doxa_collector.report.national import NATIONAL
from doxa_collector.report.progress_data import progress_of
from doxa_collector.report.progress_paper import progress_paper
from doxa_collector.report.span import asked_span
from doxa_collector.verdict import VerdictOutcome
from doxa_core.language import VIETNAM_TIME


def test_a_rule_says_what_it_asks_and_each_office_its_figure(books: Books) -> None:
    period = month_of(date.fromisoformat(f"{last_month()}-01"))
    books.place("18073")
    books.office("x", "18073", "fixed", contracted_down_mbps=100, contracted_up_mbps=100)
    whole = {"download_mean_mbps": 79.0, "upload_mean_mbps": 95.0}
    start = datetime.combine(period.first, time(), VIETNAM_TIME)
    books.runs("x", "fixed", [whole] * 1000, start=start, step=timedelta(minutes=38))
    (target,) = next(plan for plan in load_plans(NATIONAL) if plan.id == "qcvn34-2022").targets
    with reading(books.engine) as conn:
        plan = plan_of(target, where=area("18073"))
        month = find_month(conn, [plan], period, Settings(), period.to_us, plan="p", place=None)
        months = Months(span=asked_span(period.month, period.to_us), main=month)
        filled = progress_of(conn, months)
    (row,) = filled.progress.rows
    assert row.outcome is VerdictOutcome.FAIL
    assert any("tốc độ trung bình của các lần truyền trọn vẹn ≥ 80 % tốc độ hợp đồng" in words for words in row.notes)
    tables = list(progress_paper(months, filled, PaperSettings()).tables())
    cells = [cell for table in tables for line in table.rows for cell in line]
    assert any(cell.shown == "79,0 %" and "trung bình so với hợp đồng" in cell.note for cell in cells)
