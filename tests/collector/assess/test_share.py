"""Share targets: one certain failure decides "100 %", and an office without evidence never counts as meeting it."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from tests.collector.assess.conftest import NOW, Books, area, plan_of, share

from doxa_collector.assess import Settings
from doxa_collector.assess.closing import judge_again, kept_result, latest_closings
from doxa_collector.assess.evidence import Evidence
from doxa_collector.assess.run import judge_now
from doxa_collector.assess.share import Member, Missing, Standing, members_of, tally
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.period import month_of
from doxa_collector.places.gazetteer import load
from doxa_collector.places.model import Level
from doxa_collector.places.overlay import End, Overlay, write_overlay
from doxa_collector.plans.model import Mark, Offices, Operator, PlaceLevel, PlanPlace
from doxa_collector.verdict import VerdictOutcome
from doxa_core.linkkind import LinkKind
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

PASS, FAIL, LIMITED, INSUFFICIENT = (
    VerdictOutcome.PASS,
    VerdictOutcome.FAIL,
    VerdictOutcome.PROBE_LIMITED,
    VerdictOutcome.INSUFFICIENT,
)
NOBODY = Missing(n=0)
ESTIMATE = Settings(min_samples=3, decide_by="estimate")
TWO, ONE = area("18073", "18100"), area("18073")
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
    found = books.verdict(share(), where=TWO)
    assert (found.outcome, found.value, found.n, found.lower, found.upper) == (PASS, 100, 2, 100, 100)


def test_one_slow_office_decides_with_its_figures_at_every_layer(books: Books) -> None:
    two_offices(books, "tslcd")
    books.runs("o18073", "tslcd", [GOOD] * 3)
    books.runs("o18100", "tslcd", [SLOW] * 3)
    found = books.verdict(share(), where=TWO)
    assert (found.outcome, found.value, found.n) == (FAIL, 50, 2)
    worst = detail(found)["members"][0]
    assert (worst["site"], worst["standing"], worst["value"], worst["layer"]) == ("o18100", "failed", 94.0, "ip")
    assert worst["layers"]["wire"] == 96.4
    assert "below" in found.reasons


def test_one_certain_failure_decides_although_the_others_are_not_known(books: Books) -> None:
    two_offices(books, "tslcd")
    books.runs("o18100", "tslcd", [SLOW] * 3)
    found = books.verdict(share(), where=TWO)
    assert (found.outcome, found.value, found.n, found.lower, found.upper) == (FAIL, 0, 1, 0, 50)
    assert "offices_unknown" in found.reasons


def test_an_office_without_evidence_never_passes(books: Books) -> None:
    two_offices(books, "tslcd")
    books.runs("o18073", "tslcd", [GOOD] * 3)
    found = books.verdict(share(), where=TWO)
    assert (found.outcome, found.value, found.n, found.lower, found.upper) == (INSUFFICIENT, 100, 1, 50, 100)
    assert "offices_unknown" in found.reasons


def test_an_office_whose_lines_are_registered_without_tslcd_has_none(books: Books) -> None:
    two_offices(books, "fixed")
    found = books.verdict(share(), where=TWO)
    assert (found.outcome, found.value, found.n) == (FAIL, 0, 2)
    assert "no_link" in found.reasons


def test_an_office_without_any_registered_line_is_not_known(books: Books) -> None:
    two_offices(books)
    found = books.verdict(share(), where=TWO)
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


HA_TINH = PlanPlace(code="42", name="Hà Tĩnh", level=PlaceLevel.PROVINCE, province="42")


def test_where_the_plan_counts_no_communes_the_gazetteer_of_the_day_does_and_names_those_without_an_office(
    books: Books,
) -> None:
    two_offices(books, "tslcd")
    for site in ("o18073", "o18100"):
        books.runs(site, "tslcd", [GOOD] * 3)
    found = books.verdict(share(), where=HA_TINH)
    assert (found.outcome, detail(found)["offices"]["total"]) == (INSUFFICIENT, 69)
    missing = detail(found)["missing_places"]
    assert (len(missing), len(set(missing))) == (67, 67)
    assert not {"18073", "18100"} & set(missing)


def test_the_communes_of_an_old_month_are_those_of_then(books: Books) -> None:
    june = datetime(2025, 6, 20, tzinfo=UTC)
    two_offices(books, "tslcd")
    books.runs("o18073", "tslcd", [GOOD] * 3, start=june - timedelta(days=1), received=june)
    then = books.judge(plan_of(share(), where=HA_TINH), now=june)[0]
    assert detail(then)["offices"]["total"] > 200, "before the mergers of 1/7/2025"


def test_a_closed_month_counts_the_communes_of_its_closing_whatever_is_imported_later(
    books: Books, tmp_path: Path
) -> None:
    two_offices(books, "tslcd")
    books.runs("o18073", "tslcd", [GOOD] * 3)
    plan, after = plan_of(share(), where=HA_TINH), datetime(2026, 12, 5, 5, tzinfo=UTC)
    places = tmp_path / "places.csv"
    gone = next(u for u in load().units(Level.COMMUNE, NOW.date()) if u.province == "42" and u.code not in TWO.members)
    write_overlay(places, Overlay(ends=(End(gone.code, date(2026, 11, 15), "NQ", Mark.V),)))
    with reading(books.engine) as conn:
        fewer = judge_now(conn, [plan], month_of(NOW.date()), Settings(), microseconds(after), places)
    assert detail(fewer.verdicts[0])["offices"]["total"] == 68, "a commune that ended in the month needs no office"
    books.judge(plan, now=after)
    with reading(books.engine) as conn:
        closed = latest_closings(conn)[date(2026, 11, 1)]
        assert judge_again(conn, closed).encode() == kept_result(conn, closed)
        assert len(judge_again(conn, closed).inputs.commune) == 3321


def test_an_office_without_a_probe_says_that_this_is_why(books: Books) -> None:
    books.place("18073")
    books.add("site", site="x", name="x", place_code="18073")
    books.line("x", "tslcd", "tslcd")
    for target in (share(), CONNECTED):
        found = books.verdict(target, where=ONE)
        assert (found.outcome, found.reasons) == (INSUFFICIENT, ("offices_unknown", "no_probe", "not_due"))
        assert detail(found)["members"][0]["reasons"] == ["no_probe"]
    books.runs("x", "tslcd", [GOOD] * 2)
    few = detail(books.verdict(share(), where=ONE))["members"][0]
    assert few["reasons"] == ["too_few_samples"], "a probe that is gone has measured all the same"
    books.runs("x", "tslcd", [GOOD])
    assert books.verdict(share(), where=ONE).outcome is PASS


def test_an_office_whose_line_is_not_certain_is_not_known(books: Books) -> None:
    two_offices(books, "tslcd")
    for site, middle in (("o18073", 110.0), ("o18100", 100.05)):
        rates = [{"download_ip_mbps": middle + n * 7 % 9 - 4, "download_wire_mbps": middle} for n in range(80)]
        books.runs(site, "tslcd", rates, start=NOW - timedelta(days=20), step=timedelta(hours=6))
    found = books.verdict(share(), where=TWO, decide_by="bounds", least=30)
    assert (found.outcome, found.n, found.lower, found.upper) == (INSUFFICIENT, 1, 50, 100)
    assert {"offices_unknown", "within_uncertainty"} <= set(found.reasons)
    unknown = detail(found)["members"][0]
    assert (unknown["site"], unknown["standing"], unknown["n"]) == ("o18100", "unknown", 80)
    assert unknown["lower"] < 100 < unknown["upper"]
    assert detail(found)["confidence_failed"] == pytest.approx(0.995), "two offices share the doubt"
    assert books.verdict(share(), where=TWO).outcome is PASS, "the estimate alone would have said so"


def test_every_office_of_a_share_is_there_for_a_report_and_the_verdict_keeps_the_first_200(books: Books) -> None:
    books.place("18073")
    with writing(books.engine) as conn:
        names = [f"s{n:03d}" for n in range(205)]
        conn.execute(insert(schema.site), [{"site": s, "name": s, "place_code": "18073"} for s in names])
        line = {"link": "tslcd", "kind": "tslcd", "valid_from": "1970-01-01"}
        conn.execute(insert(schema.link), [{"site": s, **line} for s in names])
    books.runs("s200", "tslcd", [SLOW] * 3)
    found = books.verdict(share(offices=Offices.ALL), where=ONE)
    assert (len(detail(found)["members"]), detail(found)["members_shown"]) == (200, 200)
    with reading(books.engine) as conn:
        month = judge_now(conn, [plan_of(share())], month_of(NOW.date()), ESTIMATE, microseconds(NOW))
        evidence = Evidence(conn, month.period, NOW.date(), month.inputs, month.last_id)
        roll = members_of(evidence, ONE, share(offices=Offices.ALL), month.settings, month.judged_us)
    assert [member.shown() for member in roll.members[:200]] == detail(found)["members"]
    assert (len(roll.members), roll.members[0].site, roll.missing) == (205, "s200", NOBODY)


def test_a_country_is_all_its_offices(books: Books) -> None:
    two_offices(books, "tslcd")
    for site in ("o18073", "o18100"):
        books.runs(site, "tslcd", [GOOD] * 3)
    country = PlanPlace(code="00", name="cả nước", level=PlaceLevel.COUNTRY, province="00")
    found = books.verdict(share(), where=country)
    assert (found.outcome, found.n, detail(found)["offices"]["total"]) == (INSUFFICIENT, 2, 3321)
    assert len(detail(found)["missing_places"]) == 200


def test_a_place_without_any_office_is_no_answer(books: Books) -> None:
    found = books.verdict(share())
    assert (found.outcome, found.reasons[0]) == (INSUFFICIENT, "no_offices")


def test_a_port_that_cannot_carry_100_mbps_is_no_failure_of_the_line(books: Books) -> None:
    two_offices(books, "tslcd")
    for site in ("o18073", "o18100"):
        books.runs(site, "tslcd", [SLOW] * 3, outcome=Outcome.PROBE_LIMITED)
    found = books.verdict(share(), where=TWO)
    assert (found.outcome, found.value) == (LIMITED, None)
    assert found.reasons[0] == "probe_was_limit"


def test_a_line_between_the_layers_is_not_known_and_says_why(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.runs("x", "tslcd", [{"download_ip_mbps": 98.8, "download_wire_mbps": 101.3}] * 3)
    found = books.verdict(share(), where=ONE)
    assert found.outcome is INSUFFICIENT
    assert "between_layers" in found.reasons


def test_the_contract_of_each_office_names_its_layer(books: Books) -> None:
    two_offices(books)
    values = {"download_ip_mbps": 98.8, "download_wire_mbps": 101.3}
    for site, layer in (("o18073", "wire"), ("o18100", "ip")):
        books.line(site, "tslcd", "tslcd", layer=layer)
        books.runs(site, "tslcd", [values] * 3)
    members = {m["site"]: m for m in detail(books.verdict(share(), where=TWO))["members"]}
    assert (members["o18073"]["standing"], members["o18073"]["value"]) == ("met", 101.3)
    assert (members["o18100"]["standing"], members["o18100"]["value"]) == ("failed", 98.8)


def test_the_better_of_two_lines_counts(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.line("x", "second", "tslcd")
    books.runs("x", "tslcd", [SLOW] * 3)
    books.runs("x", "second", [GOOD] * 3)
    assert books.verdict(share(), where=ONE).outcome is PASS


def test_only_commune_offices_are_counted_where_the_words_say_so(books: Books) -> None:
    books.place("18073")
    books.place("42", level="province")
    books.office("commune", "18073", "tslcd")
    books.office("province", "42", "fixed")
    where = PlanPlace(code="42", name="Hà Tĩnh", level=PlaceLevel.PROVINCE, province="42", units=1)
    books.runs("commune", "tslcd", [GOOD] * 3)
    assert books.verdict(share(), where=where).outcome is PASS
    assert books.verdict(share(offices=Offices.ALL), where=where).outcome is FAIL


CONNECTED = share(rate=None)


def test_a_registered_line_over_which_anything_came_through_lately_is_connected(books: Books) -> None:
    two_offices(books, "tslcd")
    books.runs("o18073", "tslcd", [10], meter="latency", name="rtt_p50_ms")
    books.runs("o18100", "tslcd", [10], meter="speed", outcome=Outcome.PROBE_LIMITED)
    found = books.verdict(CONNECTED, where=TWO)
    assert (found.outcome, found.value, found.n) == (PASS, 100, 2)


@pytest.mark.parametrize("age_days", [8, 15])
def test_old_evidence_says_nothing_of_today(books: Books, age_days: int) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.runs("x", "tslcd", [10], start=NOW - timedelta(days=age_days))
    found = books.verdict(CONNECTED, where=ONE)
    assert found.outcome is INSUFFICIENT
    assert detail(found)["members"][0]["reasons"] == ["no_recent_evidence"]


def test_a_line_that_fails_for_more_than_a_day_is_not_connected(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.runs(
        "x", "tslcd", [None] * 50, outcome=Outcome.FAILED, start=NOW - timedelta(days=2), step=timedelta(hours=0.6)
    )
    found = books.verdict(CONNECTED, where=ONE)
    assert (found.outcome, found.reasons[0]) == (FAIL, "link_down")
    assert books.verdict(share(), where=ONE).outcome is FAIL


def test_an_outage_of_some_hours_is_no_missing_connection(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    books.runs(
        "x", "tslcd", [None] * 50, outcome=Outcome.FAILED, start=NOW - timedelta(hours=3), step=timedelta(minutes=1)
    )
    assert books.verdict(CONNECTED, where=ONE).outcome is INSUFFICIENT
    books.runs("x", "tslcd", [10], start=NOW - timedelta(days=1))
    assert books.verdict(CONNECTED, where=ONE).outcome is PASS


def test_what_the_probe_did_not_try_is_no_evidence(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "tslcd")
    for outcome in (Outcome.SKIPPED, Outcome.ERROR):
        books.runs("x", "tslcd", [None] * 40, outcome=outcome, start=NOW - timedelta(days=3), step=timedelta(hours=1))
    assert books.verdict(CONNECTED, where=ONE).outcome is INSUFFICIENT


def test_offices_on_a_fixed_line_carry_the_caveat_of_the_medium(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [10])
    target = share(rate=None, kind=LinkKind.FIXED, offices=Offices.ALL, caveats=("medium_not_measured",))
    found = books.verdict(target, where=ONE)
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
    if held[0].upward and tally(members(found), Missing(n=missing), *held).outcome is FAIL:
        assert tally(members([*found, Standing.FAILED]), Missing(n=missing), *held).outcome is FAIL


@given(standings, st.integers(0, 5), operators)
def test_a_verdict_holds_whatever_the_unknown_offices_turn_out_to_be(
    found: list[Standing], missing: int, held: tuple[Operator, float]
) -> None:
    before = tally(members(found), Missing(n=missing), *held).outcome
    unclear = (Standing.UNKNOWN, Standing.LIMITED)
    for truth in (Standing.MET, Standing.FAILED):
        cleared = [truth if one in unclear else one for one in found] + [truth] * missing
        after = tally(members(cleared), NOBODY, *held).outcome
        if found and before in (PASS, FAIL):
            assert after is before


@given(standings, operators)
def test_without_unknown_offices_there_is_always_an_answer(found: list[Standing], held: tuple[Operator, float]) -> None:
    known = [one for one in found if one in (Standing.MET, Standing.FAILED)]
    if known:
        assert tally(members(known), NOBODY, *held).outcome in (PASS, FAIL)


@given(standings, st.integers(1, 5))
def test_all_of_them_is_never_met_while_one_is_not_known(found: list[Standing], missing: int) -> None:
    assert tally(members(found), Missing(n=missing), Operator.EQUAL, 100).outcome is not PASS
    assert tally(members([*found, Standing.UNKNOWN]), NOBODY, Operator.EQUAL, 100).outcome is not PASS
