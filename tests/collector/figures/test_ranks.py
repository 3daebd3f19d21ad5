"""B1 and B2 need every province: they are decided by what this command imported, and by nothing less."""

from datetime import UTC, date, datetime

import pytest
from tests.collector.figures.conftest import Desk, row

from doxa_collector.assess import Settings, run
from doxa_collector.ledger.engine import open_ledger
from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.places.model import Level
from doxa_collector.plans import load_plans
from doxa_collector.verdict import Verdict, VerdictOutcome

NOW = datetime(2025, 6, 20, 5, 0, tzinfo=UTC)
"""In the last month of tỉnh Bình Dương."""


def judged(desk: Desk) -> dict[str, Verdict]:
    engine = open_ledger(desk.folder / "ledger.db")
    found = run(engine, [plan for plan in load_plans() if plan.id == "b-binh-duong"], Settings(), NOW)
    engine.dispose()
    return {verdict.target: verdict for verdict in found if verdict.target in ("b1", "b2")}


def provinces(gazetteer: Gazetteer, count: int) -> list[str]:
    """So many provinces of the month, Bình Dương the first."""
    others = [unit.code for unit in gazetteer.units(Level.PROVINCE, date(2025, 6, 30)) if unit.code != "74"]
    return ["74", *others[: count - 1]]


@pytest.mark.parametrize(
    ("own", "outcome", "rank"), [("250,5", VerdictOutcome.PASS, 1), ("50", VerdictOutcome.FAIL, 63)]
)
def test_b1_and_b2_wait_for_all_63_provinces_of_then_and_are_then_decided(
    desk: Desk, gazetteer: Gazetteer, own: str, outcome: VerdictOutcome, rank: int
) -> None:
    codes = provinces(gazetteer, 63)
    rows = [
        row(code, own if code == "74" else str(100 + n), kind=kind, month="06/2025")
        for n, code in enumerate(codes)
        for kind in ("cố định", "di động")
    ]
    assert {verdict.outcome for verdict in judged(desk).values()} == {VerdictOutcome.INSUFFICIENT}
    desk.bring(desk.csv(*rows[:-2]))
    waiting = judged(desk)
    assert {(v.outcome, v.n, v.reasons[0]) for v in waiting.values()} == {
        (VerdictOutcome.INSUFFICIENT, 62, "needs_other_provinces")
    }
    desk.bring(desk.csv(*rows))
    decided = judged(desk)
    assert {(v.outcome, v.value, v.n) for v in decided.values()} == {(outcome, rank, 63)}
    assert set(decided) == {"b1", "b2"}


def test_medians_do_not_answer_a_target_of_means(desk: Desk, gazetteer: Gazetteer) -> None:
    codes = provinces(gazetteer, 34)
    desk.bring(desk.csv(*(row(c, "100", kind="di động", month="06/2025", statistic="trung vị") for c in codes)))
    assert judged(desk)["b1"].outcome is VerdictOutcome.INSUFFICIENT
