"""The rule over a month from the largest samples of each day: the same, to the last bit, as from all of them sorted."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import nextafter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from doxa_collector.assess import p95_month, rules
from doxa_collector.assess.p95 import Contract, days_of
from doxa_collector.assess.p95_month import judge_weeks
from doxa_collector.assess.traffic import intervals_of, week_ending
from doxa_collector.period import Period
from doxa_collector.rollups.columns import CODE_OF
from doxa_collector.rollups.pack import EPOCH
from doxa_collector.rollups.polled import LinePolls
from doxa_collector.rollups.polls import RATES, Poll
from doxa_collector.rollups.polls import days_of as poll_days
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

FIRST = date(2026, 11, 1)
DAYS = Period(first=FIRST, last=FIRST + timedelta(days=8))
"""Three times seven days."""
STEP_US = 300_000_000
PER_DAY = 288
SHARES = {Layer.IP: 0.987, Layer.FRAME: 1.0, Layer.WIRE: 1.013}
LAYERS = st.sampled_from([None, None, *Layer])
OK = CODE_OF[Outcome.OK]


def a_line(chance: random.Random, high: float, busy: int, lost: float, kind: str) -> LinePolls:
    """Nine days and an hour of polls around `high` Mbps in so many samples of each day; a share of them is lost."""
    found, alone, missed = list[Poll](), chance.random() < 0.2, 0
    for n in range((DAYS.last - DAYS.first).days * PER_DAY + PER_DAY + 14):
        missed += 1
        if chance.random() < lost:
            continue
        jitter = chance.choice([0, 0, 1, -1]) * chance.randrange(2_000_000)
        seconds: float | None = round(300 * missed + chance.choice([0, 0.01, -0.02]), 2)
        missed = 0
        top = n % PER_DAY < busy
        down, up = (round(chance.gauss(high, 1.5) if top else chance.uniform(0, 20), 6) for _ in "du")
        rates = [max(0.0, rate * SHARES[layer]) for way, layer in RATES for rate in [down if way == "download" else up]]
        rates = [round(rate, 6) if kind != "odd" else rate for rate in rates]
        said: list[float | None] = [
            None if layer is not Layer.FRAME and (alone or (kind == "mixed" and n % 2)) else rate
            for (_, layer), rate in zip(RATES, rates, strict=True)
        ]
        if chance.random() < 0.01:
            seconds, said = None, [None] * len(RATES)
        if kind == "short" and chance.random() < 0.01:
            seconds = 120.0
        series = "other" if kind == "two" and n % 50 == 0 else "t"
        moment = DAYS.from_us + (n + 1) * STEP_US + jitter
        found.append(Poll(n + 1, moment, OK, series, seconds, said, b"d" * 32))
    return line_of(found)


def line_of(polls: Sequence[Poll]) -> LinePolls:
    first, last = (day.toordinal() - EPOCH for day in (DAYS.first, DAYS.last))
    return LinePolls(site="x", link="tslcd", first=first, last=last, days=poll_days(polls))


def sorted_out(line: LinePolls, contracts: Mapping[date, Contract], ends: Sequence[date]) -> rules.Ruled:
    samples = rules._samples(intervals_of(line))
    return rules._of_weeks([rules._week(samples, contracts, week_ending(end)) for end in ends])


def told(found: p95_month.MonthRule) -> rules.Ruled:
    return rules.Ruled(outcome=found.outcome, reasons=found.reasons, **rules._figure(found.figure))


ENDS = days_of(DAYS)[6:]
SYMMETRIC_OPEN = Contract(mbps={"download": 100.0, "upload": 100.0}, layer=None)
CONTRACTS = st.builds(
    lambda down, up, layer: Contract(
        mbps={way: rate for way, rate in (("download", down), ("upload", up)) if rate is not None}, layer=layer
    ),
    st.sampled_from([100.0, 100.0, 33.3, 90.0, 105.0, None]),
    st.sampled_from([100.0, 100.0, 200.0, None]),
    LAYERS,
)


@given(
    st.integers(0, 10**9),
    st.floats(85, 96),
    st.sampled_from([0, 10, 14, 15, 16, 40, 200, 288]),
    st.sampled_from([0, 0, 0.002, 0.02, 0.2]),
    st.sampled_from(["plain", "plain", "odd", "mixed", "short", "two"]),
    st.lists(CONTRACTS, min_size=1, max_size=2),
    st.sampled_from([3, 15, 40]),
)
@settings(max_examples=8)
@example(1, 90.0, 288, 0.0, "plain", [SYMMETRIC_OPEN], 3)
@example(3386358, 85.0, 288, 0.2, "plain", [SYMMETRIC_OPEN, replace(SYMMETRIC_OPEN, mbps={"upload": 100.0})], 40)
def test_what_is_counted_is_what_is_sorted(
    seed: int, high: float, busy: int, lost: float, kind: str, held: list[Contract], depth: int
) -> None:
    line = a_line(random.Random(seed), high, busy, lost, kind)
    days = days_of(DAYS)
    contracts = {day: held[n * len(held) // len(days)] for n, day in enumerate(days)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(p95_month, "_SHALLOW", depth)
        found = judge_weeks(line, contracts, ENDS)
    if found is None:
        assert kind in ("mixed", "short", "two")
    else:
        assert told(found) == sorted_out(line, contracts, ENDS)


SYMMETRIC = Contract(mbps={"download": 100.0, "upload": 100.0}, layer=Layer.FRAME)
HELD = dict.fromkeys(days_of(DAYS), SYMMETRIC)


def steady(change: Any = lambda poll: poll, rate: float = 50.0) -> list[Poll]:
    """Nine days of one rate."""
    polls = [
        Poll(n + 1, DAYS.from_us + (n + 1) * STEP_US, OK, "t", 300.0, [rate] * len(RATES), b"d" * 32)
        for n in range(9 * PER_DAY + 2)
    ]
    return [found for poll in polls if (found := change(poll)) is not None]


def test_a_steady_line_keeps_the_rule_and_equal_weeks_are_told_by_the_first() -> None:
    found = judge_weeks(line_of(steady()), HELD, ENDS)
    assert found is not None
    assert (found.outcome, found.reasons) == ("pass", ())
    assert found.figure == (0.5, 2016, 0.5, 0.5)
    assert told(found) == sorted_out(line_of(steady()), HELD, ENDS)


def test_a_line_that_nobody_uses_keeps_the_rule_at_nothing() -> None:
    found = judge_weeks(line_of(steady(rate=0.0)), HELD, ENDS)
    assert found is not None
    assert (found.outcome, found.figure) == ("pass", (0.0, 2016, 0.0, 0.0))


@pytest.mark.parametrize(
    "change",
    [
        lambda poll: poll._replace(seconds=60.0) if poll.number == 700 else poll,
        lambda poll: poll._replace(series="other") if poll.number == 700 else poll,
        lambda poll: poll._replace(started_us=poll.started_us - 60_000_000) if poll.number == 700 else poll,
        lambda poll: poll._replace(started_us=poll.started_us - 8_000_000) if poll.number == 9 * PER_DAY + 1 else poll,
    ],
)
def test_polls_that_are_no_samples_by_themselves_are_left_to_the_joining(change: Any) -> None:
    assert judge_weeks(line_of(steady(change)), HELD, ENDS) is None


def test_a_day_without_polls_is_a_gap_and_not_a_doubt() -> None:
    line = line_of(steady(lambda poll: None if PER_DAY <= poll.number < 2 * PER_DAY else poll))
    found = judge_weeks(line, HELD, ENDS)
    assert found is not None
    assert found.reasons == ("days_incomplete",)
    assert told(found) == sorted_out(line, HELD, ENDS)


def test_nothing_at_all_is_no_sample() -> None:
    found = judge_weeks(line_of([]), HELD, ENDS)
    assert found is not None
    assert (found.outcome, found.reasons, found.figure) == ("insufficient", ("no_samples",), None)
    bare = dict.fromkeys(HELD, replace(SYMMETRIC, mbps={}))
    without = judge_weeks(line_of(steady()), bare, ENDS)
    assert without is not None
    assert without.reasons == ("no_capacity",)


@given(st.floats(1e-3, 1e6), st.floats(p95_month._IDLE, 2))
@settings(max_examples=50)
def test_the_least_rate_of_a_share_is_the_least(capacity: float, share: float) -> None:
    for beyond in (False, True):
        least = p95_month._least(share, capacity, beyond=beyond)
        assert (least / capacity > share) if beyond else (least / capacity >= share)
        below = nextafter(least, -1)
        assert not ((below / capacity > share) if beyond else (below / capacity >= share))
