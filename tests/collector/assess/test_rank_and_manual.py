"""Ranks need every province's published figure; manual targets need a person's figure. Nothing is guessed."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.collector.assess.conftest import Books, manual, plan_of, rank

from doxa_collector.places.gazetteer import load
from doxa_collector.places.model import Level
from doxa_collector.plans.model import Operator, PlaceLevel, PlanPlace
from doxa_collector.verdict import VerdictOutcome

PASS, FAIL, INSUFFICIENT = VerdictOutcome.PASS, VerdictOutcome.FAIL, VerdictOutcome.INSUFFICIENT
CODES = [unit.code for unit in load().units(Level.PROVINCE, date(2026, 11, 30)) if unit.code != "42"]
"""All but that of the plan's place."""
PROVINCES = [*CODES, "42"]


def figures(books: Books, own: float, others: list[str], **more: Any) -> None:
    for n, code in enumerate(others):
        books.figure(code, own if code == "42" else 100 + n, **more)


@pytest.mark.parametrize(
    ("own", "outcome", "place"), [(200, PASS, 1), (128.5, PASS, 5), (127.5, FAIL, 6), (1, FAIL, 34)]
)
def test_a_rank_is_counted_among_all_provinces(books: Books, own: float, outcome: VerdictOutcome, place: int) -> None:
    figures(books, own, PROVINCES)
    found = books.verdict(rank())
    assert (found.outcome, found.value, found.n) == (outcome, place, 34)
    assert found.published == own
    assert "from_published" in found.reasons


def test_equal_figures_share_the_better_rank(books: Books) -> None:
    figures(books, 128, PROVINCES)
    assert books.verdict(rank()).value == 5


def test_without_the_other_provinces_there_is_no_rank(books: Books) -> None:
    figures(books, 200, PROVINCES[1:])
    found = books.verdict(rank())
    assert (found.outcome, found.value, found.n) == (INSUFFICIENT, None, 33)
    assert found.reasons[0] == "needs_other_provinces"


def test_without_its_own_figure_there_is_no_rank(books: Books) -> None:
    figures(books, 200, CODES)
    found = books.verdict(rank())
    assert (found.outcome, found.reasons[0]) == (INSUFFICIENT, "no_own_figure")


@pytest.mark.parametrize(
    "more", [{"month": "2026-10"}, {"link_kind": "mobile"}, {"direction": "upload"}, {"statistic": "mean"}]
)
def test_figures_of_another_kind_are_not_compared(books: Books, more: dict[str, str]) -> None:
    figures(books, 200, PROVINCES, **more)
    assert books.verdict(rank()).outcome is INSUFFICIENT


def test_communes_and_the_whole_country_are_no_provinces(books: Books) -> None:
    figures(books, 200, ["42", "00", *(f"{n:05d}" for n in range(40))])
    assert books.verdict(rank()).n == 1


def test_what_is_no_province_any_more_fills_no_gap(books: Books) -> None:
    """Of 33 provinces and one area that was a province until 2025 nobody can say who is the fifth of 34."""
    figures(books, 200, [*PROVINCES[1:], "74"])
    found = books.verdict(rank())
    assert (found.outcome, found.n, found.reasons[0]) == (INSUFFICIENT, 33, "needs_other_provinces")


def test_when_there_were_63_provinces_34_are_not_all(books: Books) -> None:
    then = [unit.code for unit in load().units(Level.PROVINCE, date(2025, 6, 30)) if unit.code != "42"]
    books.place("18073")
    books.office("x", "18073", "fixed")
    june = datetime(2025, 6, 10, tzinfo=UTC)
    books.runs("x", "fixed", [100], start=june, received=june)
    figures(books, 200, [*then[:33], "42"], month="2025-06")
    found = books.judge(plan_of(rank(), valid_from=date(2025, 6, 1)), now=june)[0]
    assert (found.outcome, found.reasons[0]) == (INSUFFICIENT, "needs_other_provinces")
    assert json.loads(found.detail)["needed"] == 63
    figures(books, 200, then[33:], month="2025-06")
    found = books.judge(plan_of(rank(), valid_from=date(2025, 6, 1)), now=june)[0]
    assert (found.outcome, found.value, found.n) == (PASS, 1, 63)


def test_a_former_province_has_no_figure_of_its_own(books: Books) -> None:
    figures(books, 200, PROVINCES)
    where = PlanPlace(code="74", name="vùng cũ", level=PlaceLevel.AREA, province="79", members=("25747",))
    assert books.verdict(rank(), where=where).reasons[0] == "no_own_figure"


@pytest.mark.parametrize(
    ("own", "outcome", "place"), [(200, PASS, 1), (127.5, PASS, 5), (126.5, FAIL, 6), (1, FAIL, 35)]
)
def test_a_former_province_with_a_figure_of_its_own_is_counted_beside_todays_provinces(
    books: Books, own: float, outcome: VerdictOutcome, place: int
) -> None:
    """The plan's file says that the old area still answers; somebody computed its figure and brought it."""
    figures(books, 99.5, PROVINCES[:-2])
    where = PlanPlace(code="74", name="vùng cũ", level=PlaceLevel.AREA, province="79", members=("25747",))
    books.figure("74", own)
    waiting = books.verdict(rank(), where=where)
    assert (waiting.outcome, waiting.n, waiting.reasons[0]) == (INSUFFICIENT, 33, "needs_other_provinces")
    figures(books, 99.5, PROVINCES[-2:])
    found = books.verdict(rank(), where=where)
    assert (found.outcome, found.value, found.n, found.published) == (outcome, place, 35, own)
    assert "former_province" in found.reasons


@pytest.mark.parametrize(("value", "outcome"), [(90, PASS), (89.9, FAIL)])
def test_an_entered_figure_is_held_against_the_target(books: Books, value: float, outcome: VerdictOutcome) -> None:
    books.indicator("t4", value)
    found = books.verdict(manual())
    assert (found.outcome, found.value, found.n) == (outcome, value, 1)
    assert found.reasons == ("entered_by_hand",)


def test_what_nobody_entered_is_not_entered(books: Books) -> None:
    books.indicator("t4", 99, plan="another")
    books.indicator("t4", 99, place="12")
    books.indicator("t5", 99)
    found = books.verdict(manual())
    assert (found.outcome, found.value, found.reasons) == (INSUFFICIENT, None, ("not_entered",))


def test_the_latest_figure_by_the_end_of_the_month_counts(books: Books) -> None:
    books.indicator("t4", 95, as_of="2026-11-10")
    books.indicator("t4", 80, as_of="2026-06-30")
    books.indicator("t4", 10, as_of="2026-12-01")
    assert books.verdict(manual()).value == 95
    books.indicator("t4", 96, as_of="2026-11-10")
    assert books.verdict(manual()).value == 96


def test_a_figure_in_another_unit_is_not_compared(books: Books) -> None:
    books.indicator("t4", 95, unit="per_100_people")
    found = books.verdict(manual())
    assert (found.outcome, found.reasons[0]) == (INSUFFICIENT, "unit_differs")


@pytest.mark.parametrize(("value", "outcome"), [(1, PASS), (0, FAIL)])
def test_a_qualitative_target_is_answered_by_done_or_not_done(
    books: Books, value: float, outcome: VerdictOutcome
) -> None:
    books.indicator("t4", value, unit="flag")
    assert books.verdict(manual(None, operator=None)).outcome is outcome


def test_a_number_without_a_target_is_shown_and_not_judged(books: Books) -> None:
    books.indicator("t4", 17)
    found = books.verdict(manual(None, operator=None))
    assert (found.outcome, found.value, found.reasons[0]) == (INSUFFICIENT, 17, "no_target_value")


def test_exactly_all_is_all(books: Books) -> None:
    books.indicator("t4", 99.99)
    assert books.verdict(manual(100, operator=Operator.EQUAL)).outcome is FAIL
