"""What never turns a verdict, from the measurements in the ledger to the verdict: each may be any of thousands of months."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update
from tests.collector.assess.conftest import PROVINCE, Books, level, manual, plan_of, share

from doxa_collector.assess import Settings, run
from doxa_collector.assess.closing import judge_again, kept_result, latest_closings
from doxa_collector.assess.run import judge_now
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.period import month_of
from doxa_collector.plans.model import Operator, PlaceLevel, Plan, PlanPlace, Statistic, Target
from doxa_collector.rollups.filling import fill
from doxa_collector.statistics.sample import DAY_US, Sample
from doxa_collector.verdict import Verdict, VerdictOutcome
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

OCTOBER = month_of(date(2026, 10, 1))
AFTER = datetime(2026, 11, 20, 5, tzinfo=UTC)
PASS, FAIL = VerdictOutcome.PASS, VerdictOutcome.FAIL
_NAMES = ("download_mbps", "download_ip_mbps", "download_wire_mbps")
_numbers = count(1)

# with the ledger of the test: every example takes a commune of its own in it
one_ledger = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
RATES = st.floats(96, 112) | st.sampled_from([99.0, 100.0, 101.0])
ENDINGS = st.sampled_from([Outcome.OK, Outcome.OK, Outcome.OK, Outcome.PROBE_LIMITED, Outcome.FAILED, Outcome.SKIPPED])
MOMENTS = st.integers(OCTOBER.from_us, OCTOBER.from_us + 5 * DAY_US - 1)
RUNS = st.lists(st.builds(Sample, MOMENTS, ENDINGS, RATES), min_size=3, max_size=14)
SETTINGS = st.builds(
    Settings,
    min_samples=st.just(3),
    min_days=st.just(2),
    confidence=st.sampled_from([0.6, 0.8]),
    decide_by=st.sampled_from(["bounds", "estimate"]),
)


def rows(site: str, runs: Sequence[Sample]) -> list[dict[str, Any]]:
    """Speed tests in the order in which they arrive."""
    return [
        {
            "agent": site, "epoch": "0" * 16, "seq": next(_numbers), "site": site, "link": "a", "task": "t",
            "meter": "speed", "method": "speed/1", "started_us": moment_us, "received_us": moment_us,
            "outcome": outcome.value, "values": json.dumps(dict.fromkeys(_NAMES, value) if has(outcome) else {}),
            "reasons": "[]", "findings": "[]", "raw": b"{}",
        }
        for moment_us, outcome, value in runs
    ]  # fmt: skip


def has(outcome: Outcome) -> bool:
    return outcome in (Outcome.OK, Outcome.PROBE_LIMITED)


def commune(books: Books) -> str:
    """A commune with an office of the same name, which has one line."""
    code = f"c{next(_numbers)}"
    books.place(code)
    books.add("site", site=code, name=code, place_code=code)
    books.add("probe", agent=code, site=code)
    books.line(code, "a", "tslcd", layer="ip")
    return code


def arrive(books: Books, site: str, runs: Sequence[Sample], *, kept: bool = True) -> None:
    """In one batch, and counted where `kept`."""
    if runs:
        with writing(books.engine) as conn:
            conn.execute(insert(schema.measurement), rows(site, runs))
    if kept:
        assert fill(books.engine).done


def targets() -> tuple[Target, ...]:
    """A mean, a median, a ceiling and the share of offices."""
    at: dict[str, Any] = {"kind": LinkKind.TSLCD, "layer": Layer.IP, "name": "download_ip_mbps", "ispeed": False}
    found = (
        level(100, statistic=Statistic.MEAN, **at), level(100, statistic=Statistic.MEDIAN, **at),
        level(100, statistic=Statistic.MEAN, operator=Operator.AT_MOST, **at), share(100),
    )  # fmt: skip
    return tuple(target.__class__(**{**fields(target), "id": f"t{n}"}) for n, target in enumerate(found))


def fields(target: Target) -> dict[str, Any]:
    return {name: getattr(target, name) for name in target.__dataclass_fields__}


TARGETS = targets()


def judged(books: Books, rules: Settings, code: str) -> list[Verdict]:
    """October's verdicts at a commune."""
    plan = plan_of(*TARGETS, where=PlanPlace(code=code, name=code, level=PlaceLevel.COMMUNE, province="42"))
    with reading(books.engine) as conn:
        return list(judge_now(conn, [plan], OCTOBER, rules, microseconds(AFTER)).verdicts)


def told(found: Sequence[Verdict], code: str) -> list[object]:
    """All that the verdicts say but the numbers under which their runs came."""
    texts: list[object] = []
    for one in found:
        detail = json.loads(one.detail)
        evidence = detail.pop("evidence", {})
        texts.append((one.outcome, one.value, one.n, one.lower, one.upper, one.layer, one.reasons, evidence.get("n"),
                      json.dumps(detail, sort_keys=True).replace(code, "*")))  # fmt: skip
    return texts


@one_ledger
@given(
    runs=RUNS,
    rules=SETTINGS,
    order=st.randoms(use_true_random=False),
    cuts=st.tuples(st.integers(0, 14), st.integers(0, 14)),
    kept=st.booleans(),
)
def test_the_order_of_arrival_never_changes_a_verdict(
    books: Books, runs: list[Sample], rules: Settings, order: Random, cuts: tuple[int, int], kept: bool
) -> None:
    one, other = commune(books), commune(books)
    arrive(books, one, sorted(runs), kept=kept)
    mixed = list(runs)
    order.shuffle(mixed)
    first, second = sorted(cuts)
    for part in (mixed[:first], mixed[first:second], mixed[second:]):
        arrive(books, other, part, kept=kept)
    assert told(judged(books, rules, one), one) == told(judged(books, rules, other), other)


@one_ledger
@given(runs=RUNS, rules=SETTINGS, more=st.lists(st.tuples(MOMENTS, st.floats(100, 400)), min_size=1, max_size=3))
def test_a_sample_that_reaches_the_target_never_turns_pass_into_fail(
    books: Books, runs: list[Sample], rules: Settings, more: list[tuple[int, float]]
) -> None:
    code = commune(books)
    arrive(books, code, runs)
    before = judged(books, rules, code)
    for moment_us, value in more:
        arrive(books, code, [Sample(moment_us, Outcome.OK, value)])
        after = judged(books, rules, code)
        for target, old, new in zip(TARGETS, before, after, strict=True):
            if target.operator is not Operator.AT_MOST and old.outcome is PASS:
                assert new.outcome is not FAIL, target.id
        before = after


# --- a month that is closed


def office(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [120.5] * 4 + [99.25], start=AFTER - timedelta(days=30))
    books.figure("42", 187.43, month="2026-10")


PLAN = plan_of(level(100), manual())
Later = Callable[[Books, float], None]


def another_version(books: Books, value: float) -> None:
    judge(books, plan_of(level(value), manual(), version="2", valid_from=date(2026, 10, 1)))


def another_plan(books: Books, value: float) -> None:
    judge(books, PLAN, plan_of(level(value), id=f"q{next(_numbers)}"))


def a_contract(books: Books, value: float) -> None:
    books.line("x", f"l{next(_numbers)}", "fixed", valid_from="2026-10-02", contracted_down_mbps=value)


def a_contract_that_ends(books: Books, _: float) -> None:
    with writing(books.engine) as conn:
        conn.execute(update(schema.link).values(valid_to="2026-10-05"))


def an_office(books: Books, value: float) -> None:
    name = f"y{next(_numbers)}"
    books.office(name, "18073", "fixed")
    books.runs(name, "fixed", [value] * 9, start=AFTER - timedelta(days=30))


def no_office(books: Books, _: float) -> None:
    with writing(books.engine) as conn:
        conn.execute(delete(schema.site).where(schema.site.c.site == "x"))


def late_runs(books: Books, value: float) -> None:
    books.runs("x", "fixed", [value] * 9, start=AFTER - timedelta(days=30))


def a_figure(books: Books, value: float) -> None:
    books.figure("42", value, month="2026-10")
    books.indicator("t4", value, as_of="2026-10-01")


LATER = st.sampled_from(
    [another_version, another_plan, a_contract, a_contract_that_ends, an_office, no_office, late_runs, a_figure]
)


def judge(books: Books, *plans: Plan) -> None:
    run(books.engine, plans, Settings(min_samples=3, decide_by="estimate"), AFTER + timedelta(seconds=next(_numbers)))


def as_it_stands(books: Books) -> tuple[bytes, bytes, list[Any]]:
    """What the closing kept, the month judged again, and its rows for whoever reads verdicts."""
    with reading(books.engine) as conn:
        closed = latest_closings(conn)[OCTOBER.first]
        rows = [tuple(row) for row in books.kept() if row.period_from == "2026-10-01"]
        return kept_result(conn, closed), judge_again(conn, closed).encode(), rows


@pytest.fixture
def october(books: Books) -> Books:
    office(books)
    judge(books, PLAN)
    return books


@one_ledger
@given(later=st.lists(st.tuples(LATER, st.floats(0.5, 10_000)), min_size=1, max_size=3))
def test_no_plan_contract_figure_or_run_of_later_changes_a_month_that_is_closed(
    october: Books, later: list[tuple[Later, float]]
) -> None:
    before = as_it_stands(october)
    assert before[0] == before[1]
    for happens, value in later:
        happens(october, round(value, 3))
    judge(october, PLAN)
    assert as_it_stands(october) == before
    assert json.loads(before[0]), "it has verdicts"


def test_a_plan_that_begins_later_is_not_asked_about_a_month_before_it(books: Books) -> None:
    office(books)
    plans = [PLAN, plan_of(level(1), id="q", valid_from=date(2026, 11, 1))]
    with reading(books.engine) as conn:
        found = judge_now(conn, plans, OCTOBER, Settings(), microseconds(AFTER)).verdicts
        alone = judge_now(conn, plans[:1], OCTOBER, Settings(), microseconds(AFTER)).verdicts
    assert found == alone
    assert {one.place for one in found} == {PROVINCE.code}
