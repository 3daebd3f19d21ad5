"""Share targets: one certain failure decides "100 %", and an office without evidence never counts as meeting it."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.assess.conftest import NOW, Books, share

from doxa_collector.assess.share import Member, Standing, tally
from doxa_collector.plans.model import Offices, Operator, PlaceLevel, PlanPlace
from doxa_collector.verdict import VerdictOutcome
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

PASS, FAIL, LIMITED, INSUFFICIENT = (
    VerdictOutcome.PASS,
    VerdictOutcome.FAIL,
    VerdictOutcome.PROBE_LIMITED,
    VerdictOutcome.INSUFFICIENT,
)
GOOD = {"download_mbps": 112.0, "download_ip_mbps": 118.0, "download_wire_mbps": 121.0}
SLOW = {"download_mbps": 89.5, "download_ip_mbps": 94.0, "download_wire_mbps": 96.4}


def detail(found: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(found.detail)
    return read


def two_offices(books: Books, *kinds: str) -> None:
    for code in ("18073", "18100"):
        books.place(code)
        books.office(f"o{code}", code, *kinds)


def test_every_office_with_100_mbps_passes(books: Books) -> None:
    two_offices(books, "tslcd")
    for site in ("o18073", "o18100"):
        books.runs(site, "tslcd", [GOOD] * 3)
    found = books.verdict(share())
    assert (found.outcome, found.value, found.n, found.lower, found.upper) == (PASS, 100, 2, 100, 100)


def test_one_slow_office_decides_with_its_figures_at_every_layer(books: Books) -> None:
    two_offices(books, "tslcd")
    books.runs("o18073", "tslcd", [GOOD] * 3)
    books.runs("o18100", "tslcd", [SLOW] * 3)
    found = books.verdict(share())
    assert (found.outcome, found.value, found.n) == (FAIL, 50, 2)
    worst = detail(found)["members"][0]
    assert (worst["site"], worst["standing"], worst["value"], worst["layer"]) == ("o18100", "failed", 94.0, "ip")
    assert worst["layers"]["wire"] == 96.4
    assert "below" in found.reasons


def test_one_certain_failure_decides_although_the_others_are_not_known(books: Books) -> None:
    two_offices(books, "tslcd")
    books.runs("o18100", "tslcd", [SLOW] * 3)
    found = books.verdict(share())
    assert (found.outcome, found.value, found.n, found.lower, found.upper) == (FAIL, 0, 1, 0, 50)
    assert "offices_unknown" in found.reasons


def test_an_office_without_evidence_never_passes(books: Books) -> None:
    two_offices(books, "tslcd")
    books.runs("o18073", "tslcd", [GOOD] * 3)
    found = books.verdict(share())
    assert (found.outcome, found.value, found.n, found.lower, found.upper) == (INSUFFICIENT, 100, 1, 50, 100)
    assert "offices_unknown" in found.reasons


def test_an_office_whose_lines_are_registered_without_tslcd_has_none(books: Books) -> None:
    two_offices(books, "fixed")
    found = books.verdict(share())
    assert (found.outcome, found.value, found.n) == (FAIL, 0, 2)
    assert "no_link" in found.reasons


def test_an_office_without_any_registered_line_is_not_known(books: Books) -> None:
    two_offices(books)
    found = books.verdict(share())
    assert (found.outcome, found.value, found.n) == (INSUFFICIENT, None, 0)
    assert detail(found)["members"][0]["reasons"] == ["no_lines"]


def test_a_commune_without_an_office_in_the_registry_is_not_known(books: Books) -> None:
    two_offices(books, "tslcd")
    for site in ("o18073", "o18100"):
        books.runs(site, "tslcd", [GOOD] * 3)
    where = PlanPlace(code="42", name="Hà Tĩnh", level=PlaceLevel.PROVINCE, province="42", units=69)
    found = books.verdict(share(), where=where)
    assert found.outcome is INSUFFICIENT
    assert "offices_missing" in found.reasons
    assert detail(found)["offices"] == {"failed": 0, "limited": 0, "unknown": 0, "met": 2, "missing": 67, "total": 69}
    assert found.lower == pytest.approx(200 / 69)
    assert found.upper == 100


def test_a_place_without_any_office_is_no_answer(books: Books) -> None:
    found = books.verdict(share())
    assert (found.outcome, found.reasons[0]) == (INSUFFICIENT, "no_offices")


def test_a_port_that_cannot_carry_100_mbps_is_no_failure_of_the_line(books: Books) -> None:
    two_offices(books, "tslcd")
    for site in ("o18073", "o18100"):
        books.runs(site, "tslcd", [SLOW] * 3, outcome=Outcome.PROBE_LIMITED)
    found = books.verdict(share())
    assert (found.outcome, found.value) == (LIMITED, None)
    assert found.reasons[0] == "probe_was_limit"


def test_a_line_between_the_layers_is_not_known_and_says_why(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.runs("x", "tslcd", [{"download_ip_mbps": 98.8, "download_wire_mbps": 101.3}] * 3)
    found = books.verdict(share())
    assert found.outcome is INSUFFICIENT
    assert "between_layers" in found.reasons


def test_the_contract_of_each_office_names_its_layer(books: Books) -> None:
    two_offices(books)
    values = {"download_ip_mbps": 98.8, "download_wire_mbps": 101.3}
    for site, layer in (("o18073", "wire"), ("o18100", "ip")):
        books.line(site, "tslcd", "tslcd", layer=layer)
        books.runs(site, "tslcd", [values] * 3)
    members = {m["site"]: m for m in detail(books.verdict(share()))["members"]}
    assert (members["o18073"]["standing"], members["o18073"]["value"]) == ("met", 101.3)
    assert (members["o18100"]["standing"], members["o18100"]["value"]) == ("failed", 98.8)


def test_the_better_of_two_lines_counts(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.line("x", "second", "tslcd")
    books.runs("x", "tslcd", [SLOW] * 3)
    books.runs("x", "second", [GOOD] * 3)
    assert books.verdict(share()).outcome is PASS


def test_only_commune_offices_are_counted_where_the_words_say_so(books: Books) -> None:
    books.place("18073")
    books.place("42", level="province")
    books.office("commune", "18073", "tslcd")
    books.office("province", "42", "fixed")
    books.runs("commune", "tslcd", [GOOD] * 3)
    assert books.verdict(share()).outcome is PASS
    assert books.verdict(share(offices=Offices.ALL)).outcome is FAIL


CONNECTED = share(rate=None)


def test_a_registered_line_over_which_anything_came_through_lately_is_connected(books: Books) -> None:
    two_offices(books, "tslcd")
    books.runs("o18073", "tslcd", [10], meter="latency", name="rtt_p50_ms")
    books.runs("o18100", "tslcd", [10], meter="speed", outcome=Outcome.PROBE_LIMITED)
    found = books.verdict(CONNECTED)
    assert (found.outcome, found.value, found.n) == (PASS, 100, 2)


@pytest.mark.parametrize("age_days", [8, 15])
def test_old_evidence_says_nothing_of_today(books: Books, age_days: int) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.runs("x", "tslcd", [10], start=NOW - timedelta(days=age_days))
    found = books.verdict(CONNECTED)
    assert found.outcome is INSUFFICIENT
    assert detail(found)["members"][0]["reasons"] == ["no_recent_evidence"]


def test_a_line_that_fails_for_more_than_a_day_is_not_connected(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.runs(
        "x", "tslcd", [None] * 50, outcome=Outcome.FAILED, start=NOW - timedelta(days=2), step=timedelta(hours=0.6)
    )
    found = books.verdict(CONNECTED)
    assert (found.outcome, found.reasons[0]) == (FAIL, "link_down")
    assert books.verdict(share()).outcome is FAIL


def test_an_outage_of_some_hours_is_no_missing_connection(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.runs(
        "x", "tslcd", [None] * 50, outcome=Outcome.FAILED, start=NOW - timedelta(hours=3), step=timedelta(minutes=1)
    )
    assert books.verdict(CONNECTED).outcome is INSUFFICIENT
    books.runs("x", "tslcd", [10], start=NOW - timedelta(days=1))
    assert books.verdict(CONNECTED).outcome is PASS


def test_what_the_probe_did_not_try_is_no_evidence(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    for outcome in (Outcome.SKIPPED, Outcome.ERROR):
        books.runs("x", "tslcd", [None] * 40, outcome=outcome, start=NOW - timedelta(days=3), step=timedelta(hours=1))
    assert books.verdict(CONNECTED).outcome is INSUFFICIENT


def test_offices_on_a_fixed_line_carry_the_caveat_of_the_medium(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [10])
    target = share(rate=None, kind=LinkKind.FIXED, offices=Offices.ALL, caveats=("medium_not_measured",))
    found = books.verdict(target)
    assert found.outcome is PASS
    assert found.reasons[-1] == "medium_not_measured"


standings = st.lists(st.sampled_from(Standing), max_size=12)
operators = st.sampled_from(
    [(Operator.EQUAL, 100.0), (Operator.AT_LEAST, 80.0), (Operator.ABOVE, 50.0), (Operator.AT_MOST, 20.0)]
)


def members(found: Sequence[Standing]) -> list[Member]:
    return [Member(site=f"s{n}", place="18073", standing=standing) for n, standing in enumerate(found)]


@given(standings, st.integers(0, 5), operators)
def test_one_more_failing_office_never_turns_a_fail_into_anything_better(
    found: list[Standing], missing: int, held: tuple[Operator, float]
) -> None:
    if held[0].upward and tally(members(found), missing, *held).outcome is FAIL:
        assert tally(members([*found, Standing.FAILED]), missing, *held).outcome is FAIL


@given(standings, st.integers(0, 5), operators)
def test_a_verdict_holds_whatever_the_unknown_offices_turn_out_to_be(
    found: list[Standing], missing: int, held: tuple[Operator, float]
) -> None:
    before = tally(members(found), missing, *held).outcome
    unclear = (Standing.UNKNOWN, Standing.LIMITED)
    for truth in (Standing.MET, Standing.FAILED):
        cleared = [truth if one in unclear else one for one in found] + [truth] * missing
        after = tally(members(cleared), 0, *held).outcome
        if found and before in (PASS, FAIL):
            assert after is before


@given(standings, operators)
def test_without_unknown_offices_there_is_always_an_answer(found: list[Standing], held: tuple[Operator, float]) -> None:
    known = [one for one in found if one in (Standing.MET, Standing.FAILED)]
    if known:
        assert tally(members(known), 0, *held).outcome in (PASS, FAIL)


@given(standings, st.integers(1, 5))
def test_all_of_them_is_never_met_while_one_is_not_known(found: list[Standing], missing: int) -> None:
    assert tally(members(found), missing, Operator.EQUAL, 100).outcome is not PASS
    assert tally(members([*found, Standing.UNKNOWN]), 0, Operator.EQUAL, 100).outcome is not PASS
