"""When requests leave: every far end as often as asked, never in a burst that would measure itself."""

from collections import Counter
from itertools import pairwise
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net.cadence import ALONE, BATCH_BYTES, FRAME_BYTES, RANDOM, Cadence, moments, phases

SECOND = 1_000_000_000
PAYLOADS = st.integers(16, 1452)
SPREADS = st.integers(10_000_000, 60 * SECOND)


@given(st.integers(0, 700), SPREADS, PAYLOADS)
def test_every_far_end_has_its_turn_once_and_within_the_round(lines: int, spread: int, payload: int) -> None:
    found = phases(lines, spread, payload)
    assert sorted(turn for _, turns in found for turn in turns) == list(range(lines))
    assert all(0 <= offset < spread for offset, _ in found)
    assert [offset for offset, _ in found] == sorted(offset for offset, _ in found)


@given(st.integers(ALONE + 1, 700), SPREADS, PAYLOADS)
def test_a_batch_takes_no_more_of_the_line_than_two_full_packets(lines: int, spread: int, payload: int) -> None:
    sizes = [len(turns) for _, turns in phases(lines, spread, payload)]
    assert max(sizes) == 1 or max(sizes) * (payload + FRAME_BYTES) <= BATCH_BYTES


@given(st.integers(1, ALONE), SPREADS)
def test_few_far_ends_leave_one_by_one_and_evenly(lines: int, spread: int) -> None:
    found = phases(lines, spread, 56)
    assert [len(turns) for _, turns in found] == [1] * lines
    gaps = [b - a for (a, _), (b, _) in pairwise(found)]
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_a_hundred_far_ends_need_few_wake_ups_and_stand_apart() -> None:
    found = phases(100, SECOND, 56)
    assert [len(turns) for _, turns in found] == [25] * 4
    assert [offset for offset, _ in found] == [0, 500_000, 500_000_000, 500_500_000]


@given(st.integers(1, 50), st.integers(1, 20), st.sampled_from(["periodic", RANDOM]))
def test_each_batch_is_sent_as_often_as_asked_in_order_of_time(count: int, groups: int, pattern: str) -> None:
    cadence = Cadence(interval_s=0.5, count=count, pattern=pattern)
    found = list(moments(cadence, [n * 1000 for n in range(groups)], SECOND * 1000))
    assert Counter(number for _, number in found) == Counter(dict.fromkeys(range(groups), count))
    assert [due for due, _ in found] == sorted(due for due, _ in found)


@given(st.integers(0, 30 * SECOND))
def test_nothing_is_sent_after_the_end(span: int) -> None:
    assert all(due <= span for due, _ in moments(Cadence(count=20), [0, 400_000_000], span))


def test_random_gaps_have_the_spread_of_a_poisson_process() -> None:
    """Exponential gaps: their standard deviation is their mean; a periodic pattern has none."""
    cadence = Cadence(interval_s=1.0, count=4000, pattern=RANDOM)
    gaps = [b - a for (a, _), (b, _) in pairwise(moments(cadence, [0], SECOND * 10_000))]
    assert fmean(gaps) == pytest.approx(SECOND, rel=0.02)
    assert pstdev(gaps) == pytest.approx(SECOND, rel=0.15)
    assert min(gaps) < SECOND * 0.05
