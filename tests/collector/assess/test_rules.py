"""Rules with a calculation of their own: a month of polls and of whole transfers, held as `plans/national` says it."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.collector.assess.conftest import Books, area, plan_of

from doxa_collector.assess import Settings
from doxa_collector.assess.closing import judge_again, kept_result, latest_closings
from doxa_collector.assess.reasons import REASONS
from doxa_collector.assess.run import judge_now
from doxa_collector.assess.wording import explain
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.period import local_day, month_of
from doxa_collector.plans import Plan, Rule, load_plans
from doxa_collector.plans.loader import CHECKOUT
from doxa_collector.plans.model import Target
from doxa_collector.verdict import Verdict
from doxa_core.language import VIETNAM_TIME
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

SHIPPED = {plan.id: plan for plan in load_plans(CHECKOUT / "national")}
P95: Target = SHIPPED["tt06-2026"].targets[0]
QCVN: Target = SHIPPED["qcvn34-2022"].targets[0]
NOVEMBER = month_of(date(2026, 11, 1))
AFTER = datetime(2026, 12, 5, 5, tzinfo=UTC)
OPEN = datetime(2026, 11, 21, 5, tzinfo=UTC)
FIRST = date(2026, 11, 8)
"""From here on there is a contract, and polls until the 20th: seven times seven days, which is quicker than a month."""
DAY = 288


def local(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM_TIME)


def poll(down: float, up: float = 1.0) -> dict[str, float]:
    return {"interval_s": 300.0, "download_traffic_frame_mbps": down, "upload_traffic_frame_mbps": up}


def line(books: Books, site: str = "x", link: str = "tslcd", **more: Any) -> None:
    contract = {
        "contracted_down_mbps": 100.0,
        "contracted_up_mbps": 100.0,
        "layer": "frame",
        "valid_from": "2026-11-08",
    }
    books.line(site, link, "tslcd", **(contract | more))


@pytest.fixture
def office(books: Books) -> Books:
    books.place("18073")
    books.office("x", "18073")
    return books


def polled(
    books: Books, rate: Callable[[date, int], float | None], *, link: str = "tslcd", first: date = FIRST, days: int = 13
) -> None:
    """Days of polls, as (day, number of the sample) says; None: a poll that measured nothing."""
    found = [rate(first + timedelta(days=n // DAY), n % DAY) for n in range(days * DAY)]
    values = [None if one is None else poll(one) for one in found]
    books.runs(
        "x", link, values, meter="snmp", start=local(first) + timedelta(minutes=5), step=timedelta(minutes=5),
        received=AFTER - timedelta(days=5),
    )  # fmt: skip


def judged(books: Books, target: Target, now: datetime = OPEN) -> Verdict:
    plan = plan_of(target, where=area("18073"))
    with reading(books.engine) as conn:
        return judge_now(conn, [plan], NOVEMBER, Settings(), microseconds(now)).verdicts[0]


def member(verdict: Verdict) -> dict[str, Any]:
    (found,) = json.loads(verdict.detail)["members"]
    assert isinstance(found, dict)
    return found


def busy(days: Sequence[int], samples: int, high: float = 95.0) -> Callable[[date, int], float]:
    """So many samples of these days of November at `high`, the rest at 10."""
    return lambda day, n: high if day.month == 11 and day.day in days and n < samples else 10.0


def test_a_month_within_the_rule_meets_it_and_names_the_polls_that_it_stands_on(office: Books) -> None:
    line(office, valid_from="1970-01-01")
    polled(office, lambda _day, _n: 50.0, first=date(2026, 10, 26), days=36)
    found = judged(office, P95, AFTER)
    assert (found.outcome, found.value, found.n, found.reasons) == ("pass", 100, 1, ())
    assert member(found) | {"reasons": []} == {
        "site": "x", "place": "18073", "standing": "met", "n": 2016, "value": 50.0, "lower": 50.0, "upper": 50.0, "reasons": [],
    }  # fmt: skip
    with reading(office.engine) as conn:
        rows = list(conn.execute(select(schema.measurement).order_by(schema.measurement.c.id)))
    chains: dict[date, bytes] = {}
    for row in rows:
        day = local_day(row.started_us)
        chains[day] = sha256(chains.get(day, b"") + sha256(row.raw).digest()).digest()
    detail = json.loads(found.detail)
    assert detail["rule"] == "p95_90"
    assert detail["evidence"] == {
        "n": 36 * DAY, "first": rows[0].id, "last": rows[-1].id,
        "sha256": sha256(b"".join(chains[day] for day in sorted(chains))).hexdigest(),
    }  # fmt: skip


def test_seven_days_above_break_the_month_and_a_hundred_samples_above_do_not(office: Books) -> None:
    line(office)
    polled(office, busy(range(10, 17), 14))  # 98 of the fullest seven days
    assert judged(office, P95).outcome == "pass"
    with writing(office.engine) as conn:
        conn.execute(schema.measurement.delete())
    polled(office, busy(range(10, 17), 15))  # 105 of them
    found = judged(office, P95)
    assert (found.outcome, found.value, found.reasons) == ("fail", 0, ("above_capacity_share",))
    assert (member(found)["standing"], member(found)["value"]) == ("failed", 95.0)
    said = explain(found, P95).vi
    assert "0/1 trụ sở đáp ứng, 1 không đáp ứng" in said
    assert "cao nhất 95,0 %, bách phân vị 95 so với dung lượng" in said


def test_a_day_without_enough_polls_keeps_the_office_unknown_and_what_breaks_the_rule_still_breaks_it(
    office: Books,
) -> None:
    line(office)
    quiet = busy((), 0)
    polled(office, lambda day, n: None if day.day == 16 and n < 15 else quiet(day, n))
    found = judged(office, P95)
    assert (found.outcome, found.value, found.n) == ("insufficient", None, 0)
    assert found.reasons == ("offices_unknown", "days_incomplete")
    assert member(found)["standing"] == "unknown"
    polled(office, busy(range(9, 16), 20), link="second")
    line(office, link="second")
    assert judged(office, P95).outcome == "fail", "each of an office's lines must keep the rule"


@pytest.mark.parametrize(("before", "after", "outcome"), [(60.0, 120.0, "pass"), (120.0, 60.0, "fail")])
def test_each_day_is_held_against_the_contract_of_that_day(
    office: Books, before: float, after: float, outcome: str
) -> None:
    line(office, valid_to="2026-11-14")
    line(office, valid_from="2026-11-15", contracted_down_mbps=200.0)
    polled(office, lambda day, _n: before if day < date(2026, 11, 15) else after)
    assert judged(office, P95).outcome == outcome


def test_only_whole_days_within_the_contract_make_seven(office: Books) -> None:
    line(office, valid_from="2026-11-14")
    polled(office, busy(range(8, 14), DAY))  # above, but before the contract
    found = judged(office, P95)
    assert (found.outcome, found.reasons) == ("pass", ())
    early = judged(office, P95, local(date(2026, 11, 20)) + timedelta(hours=12))
    assert early.reasons == ("offices_unknown", "no_seven_days"), "the seventh day is not over"


def test_no_line_no_polls_and_no_contract_are_unknown_and_never_a_fail(office: Books) -> None:
    assert member(judged(office, P95))["reasons"] == ["no_lines"]
    office.line("x", "wan", "fixed")
    assert (judged(office, P95).outcome, member(judged(office, P95))["reasons"]) == ("insufficient", ["no_link"])
    line(office, contracted_up_mbps=None)
    assert member(judged(office, P95))["reasons"] == ["no_samples"]
    polled(office, lambda _day, _n: 50.0)
    assert member(judged(office, P95))["reasons"] == ["no_capacity"]
    with writing(office.engine) as conn:
        conn.execute(schema.probe.delete())
        conn.execute(schema.measurement.delete())
    assert member(judged(office, P95))["reasons"] == ["no_probe"]


def test_a_closed_month_says_the_same_to_the_last_byte_whatever_polls_came_later(office: Books) -> None:
    line(office, valid_from="2026-11-22")
    office.line("x", "wan", "fixed", contracted_down_mbps=100, contracted_up_mbps=100)
    polled(office, lambda _day, n: None if n % 100 == 0 else 50.0, first=date(2026, 11, 22), days=9)
    transfers(office, 1000, 81)
    plan = plan_of(P95, QCVN, where=area("18073"))
    office.judge(plan, now=AFTER, decide_by="bounds")

    def again() -> tuple[bytes, bytes]:
        with reading(office.engine) as conn:
            closed = latest_closings(conn)[NOVEMBER.first]
            return kept_result(conn, closed), judge_again(conn, closed).encode()

    kept, anew = again()
    assert kept == anew
    assert {row["outcome"] for row in json.loads(kept)} == {"pass"}
    polled(office, lambda _day, _n: 99.0, first=date(2026, 11, 22), days=9)
    transfers(office, 500, 1)
    with writing(office.engine) as conn:
        conn.execute(update(schema.link).values(contracted_down_mbps=1.0))
    assert again() == (kept, anew)
    assert judged(office, P95, AFTER).outcome == "fail", "what came later would have changed the answer"


# --- QCVN 34


def transfers(books: Books, n: int, down: float, up: float = 100.0, **more: Any) -> None:
    """So many whole transfers from the month's first hour on, one each 40 minutes."""
    found = [{"download_mean_mbps": down, "upload_mean_mbps": up}] * n
    books.runs("x", "wan", found, start=local(NOVEMBER.first), received=AFTER - timedelta(days=5), **more)


@pytest.fixture
def fixed(office: Books) -> Books:
    office.line("x", "wan", "fixed", contracted_down_mbps=100, contracted_up_mbps=100)
    return office


@pytest.mark.parametrize(
    ("n", "down", "up", "outcome", "figure", "reasons"),
    [
        (999, 81, 100, "insufficient", 81, ["too_few_samples"]),
        (1000, 81, 100, "pass", 81, []),
        (1000, 80, 100, "pass", 80, []),
        (1000, 79, 100, "fail", 79, ["below"]),
        (999, 79, 100, "insufficient", 79, ["too_few_samples"]),
        (1000, 100, 79, "fail", 79, ["below"]),
    ],
)
def test_a_thousand_whole_transfers_decide_by_their_mean(
    fixed: Books, n: int, down: float, up: float, outcome: str, figure: float, reasons: list[str]
) -> None:
    transfers(fixed, n, down, up)
    found = judged(fixed, QCVN, AFTER)
    one = member(found)
    assert (found.outcome, one["value"], one["n"], one["reasons"]) == (outcome, figure, n, reasons)
    assert json.loads(found.detail)["evidence"]["n"] == n


def test_what_the_probe_limited_is_no_shortfall_of_the_line(fixed: Books) -> None:
    transfers(fixed, 1000, 79, outcome=Outcome.PROBE_LIMITED)
    found = judged(fixed, QCVN, AFTER)
    assert (found.outcome, member(found)["standing"]) == ("probe_limited", "limited")


def test_the_contract_at_the_months_end_is_judged_by_its_own_days(office: Books) -> None:
    """Slow under 200 Mbps until the 2nd, then 90 under 100 Mbps: 72 transfers are apart, and 963 are too few."""
    office.line("x", "wan", "fixed", valid_to="2026-11-02", contracted_down_mbps=200, contracted_up_mbps=200)
    office.line("x", "wan", "fixed", valid_from="2026-11-03", contracted_down_mbps=100, contracted_up_mbps=100)
    transfers(office, 1035, 90)
    one = member(judged(office, QCVN, AFTER))
    assert (one["n"], one["value"], one["reasons"]) == (963, 90, ["too_few_samples"])


def test_states_of_one_contract_are_one(office: Books) -> None:
    contract = {"contracted_down_mbps": 100, "contracted_up_mbps": 100}
    office.line("x", "wan", "fixed", valid_to="2026-11-02", **contract)
    office.line("x", "wan", "fixed", valid_from="2026-11-03", **contract)
    transfers(office, 1000, 90)
    assert judged(office, QCVN, AFTER).outcome == "pass"


def test_every_reason_has_its_words_and_each_rule_its_plan() -> None:
    assert {"no_seven_days", "days_incomplete", "no_capacity", "layer_not_counted"} <= REASONS.keys()
    shipped: list[Plan] = list(SHIPPED.values())
    conditions = [target.condition for plan in shipped for target in plan.targets if target.condition is not None]
    assert {condition.rule for condition in conditions} == {None, *Rule}
