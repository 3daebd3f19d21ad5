"""Level targets: the four outcomes, the layers, and what can never happen."""

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select
from tests.collector.assess.conftest import Books, level

from doxa_collector.ledger.engine import reading
from doxa_collector.ledger.schema import measurement
from doxa_collector.plans.model import Operator, PlaceLevel, PlanPlace, Target, Unit
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

PASS, FAIL, LIMITED, INSUFFICIENT = (
    VerdictOutcome.PASS,
    VerdictOutcome.FAIL,
    VerdictOutcome.PROBE_LIMITED,
    VerdictOutcome.INSUFFICIENT,
)


def test_a_baseline_of_hong_phong_fails_its_target_with_its_numbers(books: Books) -> None:
    books.place("06184", province="20")
    books.office("dong-dang", "06184", "fixed", "mobile")
    books.runs("dong-dang", "fixed", [85.07, 85.0, 85.2, 85.1, 84.9])
    where = PlanPlace(code="06184", name="xã Đồng Đăng", level=PlaceLevel.COMMUNE, province="20")
    found = books.verdict(level(102), where=where)
    assert (found.outcome, found.value, found.n, found.layer) == (FAIL, 85.07, 5, "payload")
    assert (found.lower, found.upper) == (None, None), "one day bounds nothing"
    assert (found.plan, found.target, found.place) == ("p", "t1", "06184")
    assert found.reasons == ("by_estimate", "not_due")


def test_only_lines_of_the_kind_in_force_then_are_counted(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "mobile")
    books.line("x", "fixed", "fixed", valid_to="2026-11-19")
    books.line("x", "later", "fixed", valid_from="2026-11-25")
    books.runs("x", "mobile", [1, 1, 1])
    books.runs("x", "fixed", [120, 120, 120], start=books_day(18))
    books.runs("x", "fixed", [1, 1, 1], start=books_day(20))
    books.runs("x", "later", [1, 1, 1])
    found = books.verdict(level(100))
    assert (found.outcome, found.value, found.n) == (PASS, 120, 3)


def books_day(day: int, hour: int = 1) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_a_province_takes_all_its_communes_and_no_other(books: Books) -> None:
    for code, province in (("18073", "42"), ("18100", "42"), ("06184", "20")):
        books.place(code, province=province)
        books.office(f"o{code}", code, "fixed")
        books.runs(f"o{code}", "fixed", [10 if province == "20" else 110] * 2)
    found = books.verdict(level(100))
    assert (found.outcome, found.value, found.n) == (PASS, 110, 4)


def test_an_area_takes_its_members(books: Books) -> None:
    for code in ("25747", "25750", "26000"):
        books.place(code, province="79")
        books.office(f"o{code}", code, "fixed")
        books.runs(f"o{code}", "fixed", [int(code) / 1000] * 2)
    where = PlanPlace(code="74", name="vùng", level=PlaceLevel.AREA, province="79", members=("25747", "25750"))
    found = books.verdict(level(25), where=where)
    assert (found.place, found.n) == ("74", 4)
    assert found.value == pytest.approx(25.7485)


def test_a_month_begins_at_midnight_in_vietnam(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [1] * 3, start=datetime(2026, 10, 31, 16, 59, tzinfo=UTC), step=timedelta(seconds=1))
    books.runs("x", "fixed", [200] * 3, start=datetime(2026, 10, 31, 17, 0, tzinfo=UTC), step=timedelta(seconds=1))
    found = books.verdict(level(100))
    assert (found.value, found.n, found.period_from.isoformat()) == (200, 3, "2026-11-01")


def test_gating_is_counted_and_said(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [120, 120, 120, None])
    books.runs("x", "fixed", [None] * 5, outcome=Outcome.FAILED)
    books.runs("x", "fixed", [None] * 12, outcome=Outcome.SKIPPED)
    books.runs("x", "fixed", [90], outcome=Outcome.PROBE_LIMITED)
    found = books.verdict(level(100))
    assert found.outcome is PASS
    assert {"many_failed", "many_skipped", "without_value"} <= set(found.reasons)
    detail = json.loads(found.detail)
    assert detail["outcomes"] == {"ok": 4, "failed": 5, "skipped": 12, "probe_limited": 1, "error": 0}
    assert (detail["with_value"], detail["limited"], detail["met"]) == (4, 1, 3)
    assert (detail["evidence"]["n"], detail["evidence"]["first"], detail["evidence"]["last"]) == (22, 1, 22)


def test_the_hash_of_the_evidence_is_that_of_the_signed_lines_chained_by_line_and_day(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [110, 120, 130])
    before = json.loads(books.verdict(level(100)).detail)["evidence"]
    chain = b""
    with reading(books.engine) as conn:
        for raw in conn.execute(select(measurement.c.raw).order_by(measurement.c.id)).scalars():
            chain = sha256(chain + sha256(raw).digest()).digest()
    assert before["sha256"] == sha256(chain).hexdigest()
    books.runs("x", "fixed", [140])
    assert json.loads(books.verdict(level(100)).detail)["evidence"]["sha256"] != before["sha256"]


@pytest.mark.parametrize(
    ("kinds", "reason"), [((), "no_links"), (("mobile",), "no_links"), (("fixed",), "no_samples"), (None, "no_offices")]
)
def test_what_is_missing_is_named(books: Books, kinds: tuple[str, ...] | None, reason: str) -> None:
    books.place("18073")
    if kinds is not None:
        books.office("x", "18073", *kinds)
    found = books.verdict(level(100))
    assert (found.outcome, found.value, found.n) == (INSUFFICIENT, None, 0)
    assert reason in found.reasons


def test_too_few_samples_are_no_answer_but_are_shown(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [120] * 12)
    found = books.verdict(level(100), least=30)
    assert (found.outcome, found.value, found.n) == (INSUFFICIENT, 120, 12)
    assert found.reasons[0] == "too_few_samples"


IP = {"download_mbps": 94.0, "download_ip_mbps": 98.8, "download_wire_mbps": 101.3}


def unnamed(value: float = 100, kind: LinkKind = LinkKind.FIXED) -> Target:
    return level(value, name="download_ip_mbps", layer=Layer.IP, ispeed=False, kind=kind)


def test_a_rate_whose_layer_nobody_names_does_not_fail_between_two_layers(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [IP] * 5)
    found = books.verdict(unnamed())
    assert (found.outcome, found.value, found.layer) == (INSUFFICIENT, 98.8, "ip")
    assert found.reasons[0] == "between_layers"
    assert json.loads(found.detail)["layers"] == pytest.approx(
        {"payload": 94.0, "ip": 98.8, "wire": 101.3, "frame": 98.8 + 2.5 * 18 / 38}
    )


def test_below_the_target_at_every_layer_it_fails(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [{"download_ip_mbps": 94.0, "download_wire_mbps": 96.4}] * 5)
    assert books.verdict(unnamed()).outcome is FAIL


def test_a_contract_that_names_the_layer_decides(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073")
    books.line("x", "fixed", "fixed", layer="wire")
    books.runs("x", "fixed", [IP] * 5)
    found = books.verdict(unnamed())
    assert (found.outcome, found.value, found.layer) == (PASS, 101.3, "wire")
    assert "contract_layer" in found.reasons


@pytest.mark.parametrize(
    ("layer", "outcome", "value"), [("frame", FAIL, 99.984), ("ip", FAIL, 98.8), ("payload", FAIL, 94.0)]
)
def test_a_contract_of_another_layer_is_judged_there(
    books: Books, layer: str, outcome: VerdictOutcome, value: float
) -> None:
    books.place("18073")
    books.office("x", "18073")
    books.line("x", "fixed", "fixed", layer=layer)
    books.runs("x", "fixed", [IP] * 5)
    found = books.verdict(unnamed())
    assert (found.outcome, found.layer) == (outcome, layer)
    assert found.value == pytest.approx(value, abs=1e-3)


def test_contracts_of_different_layers_are_not_mixed(books: Books) -> None:
    books.place("18073")
    for site, layer in (("x", "wire"), ("y", "ip")):
        books.office(site, "18073")
        books.line(site, "fixed", "fixed", layer=layer)
        books.runs(site, "fixed", [IP] * 5)
    found = books.verdict(unnamed())
    assert (found.layer, found.value) == ("ip", 98.8)
    assert "mixed_layers" in found.reasons


def test_a_mobile_line_has_no_wire_to_hope_for(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "mobile")
    books.runs("x", "mobile", [IP] * 5)
    assert books.verdict(unnamed(kind=LinkKind.MOBILE)).outcome is FAIL


@pytest.mark.parametrize(("kind", "value"), [(LinkKind.FIXED, 100), (LinkKind.MOBILE, 98)])
def test_goodput_alone_fails_no_line(books: Books, kind: LinkKind, value: float) -> None:
    books.place("18073")
    books.office("x", "18073", kind.value)
    books.runs("x", kind.value, [IP] * 5)
    target = level(value, kind=kind, ispeed=False)
    found = books.verdict(target)
    assert (found.outcome, found.value, found.layer) == (INSUFFICIENT, 94.0, "payload")
    assert found.reasons[0] == "between_layers"


def test_payload_figures_alone_cannot_fail_a_line_whose_layer_nobody_names(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [50.0] * 5)
    found = books.verdict(level(100, ispeed=False))
    assert (found.outcome, found.value, found.reasons[0]) == (INSUFFICIENT, 50, "goodput_only")


def test_i_speed_stays_at_the_payload_whatever_the_contract_names(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073")
    books.line("x", "fixed", "fixed", layer="wire")
    books.runs("x", "fixed", [IP] * 5)
    found = books.verdict(level(100))
    assert (found.outcome, found.value, found.layer) == (FAIL, 94.0, "payload")


def test_a_ratio_is_held_against_a_percentage(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [0.01, 0.02, 0.03], name="loss_ratio", meter="latency")
    target = level(2, operator=Operator.AT_MOST, name="loss_ratio", layer=None, unit=Unit.PERCENT, ispeed=False)
    found = books.verdict(target)
    assert (found.outcome, found.value, found.layer) == (PASS, 2, None)


def test_a_value_that_is_not_rolled_up_is_no_answer_and_says_so(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [1.0, 2.0, 3.0], name="rtt_min_ms", meter="latency")
    found = books.verdict(level(2, name="rtt_min_ms", layer=None, unit=Unit.MS, ispeed=False))
    assert (found.outcome, found.reasons) == (INSUFFICIENT, ("value_not_kept", "not_due"))


def test_the_published_figure_stands_beside_the_measured_one_and_is_never_mixed_with_it(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [90] * 5)
    assert books.verdict(level(100)).published is None
    books.figure("42", 258.28)
    books.figure("42", 300, month="2026-10")
    books.figure("42", 301, link_kind="mobile")
    books.figure("42", 302, direction="upload")
    books.figure("42", 303, statistic="mean", source="elsewhere")
    found = books.verdict(level(100))
    assert (found.outcome, found.value, found.published) == (FAIL, 90, 258.28)
    assert json.loads(found.detail)["published"] == {"statistic": "median", "source": "i-Speed", "mark": "S"}


def test_a_target_that_is_not_by_i_speed_has_no_published_figure(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.figure("42", 258.28)
    assert books.verdict(unnamed()).published is None


@pytest.mark.parametrize(
    ("due", "reason"), [((2025, 12, 31), "overdue"), ((2030, 12, 31), "not_due"), ((2026, 11, 30), None)]
)
def test_whether_the_target_is_due_is_said(books: Books, due: tuple[int, int, int], reason: str | None) -> None:
    found = books.verdict(level(100, due=date(*due)))
    assert set(found.reasons) & {"overdue", "not_due"} == ({reason} if reason else set())
