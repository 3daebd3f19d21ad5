"""Statistics of delay: exactly defined, never invented."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net.delay import jitter, percentile, summarise

DELAYS = st.lists(st.floats(0.001, 5000), min_size=1, max_size=200)
MAYBE = st.lists(st.none() | st.floats(0.001, 5000), max_size=200)


@pytest.mark.parametrize(
    ("count", "per_cent", "rank"),
    [(20, 95, 19), (100, 99, 99), (1, 50, 1), (2, 50, 1), (3, 50, 2), (10, 95, 10), (200, 95, 190), (7, 100, 7)],
)
def test_a_percentile_is_the_delay_of_the_nearest_rank(count: int, per_cent: int, rank: int) -> None:
    assert percentile([float(n) for n in range(1, count + 1)], per_cent) == rank


@given(DELAYS, st.integers(1, 100))
def test_a_percentile_inverts_the_empirical_distribution(delays: list[float], per_cent: int) -> None:
    """RFC 2330 §11.3: the smallest observed v with F(v) ≥ p."""
    found = percentile(sorted(delays), per_cent)
    assert found in delays
    assert sum(delay <= found for delay in delays) * 100 >= per_cent * len(delays)
    assert sum(delay < found for delay in delays) * 100 < per_cent * len(delays)


@pytest.mark.parametrize(("delays", "per_cent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_refused(delays: list[float], per_cent: int) -> None:
    with pytest.raises(ValueError, match="a percentile needs"):
        percentile(delays, per_cent)


def test_jitter_follows_rfc_3550_by_hand() -> None:
    first = 16 / 16
    second = first + (32 - first) / 16
    assert jitter([10.0, 26.0, 58.0]) == pytest.approx(second)


def test_a_lost_packet_breaks_both_its_pairs() -> None:
    assert jitter([10.0, None, 90.0]) is None
    assert jitter([10.0, 26.0, None, 500.0]) == jitter([10.0, 26.0])
    assert jitter([None, 10.0, 26.0, None, 500.0, 500.0]) == pytest.approx(1 - 1 / 16)


@given(MAYBE)
def test_jitter_lies_between_nothing_and_the_largest_step(delays: list[float | None]) -> None:
    pairs = [abs(b - a) for a, b in pairwise(delays) if a is not None and b is not None]
    found = jitter(delays)
    assert (found is None) == (not pairs)
    if found is not None:
        assert 0 <= found <= max(pairs) * (1 + 1e-9)


@given(MAYBE)
def test_a_summary_is_in_order_and_counts_every_request(delays: list[float | None]) -> None:
    found = summarise(delays)
    answered = [delay for delay in delays if delay is not None]
    assert (found.sent, found.received) == (len(delays), len(answered))
    assert found.loss_ratio == (None if not delays else pytest.approx(1 - len(answered) / len(delays)))
    order = [found.minimum, found.p50, found.p95, found.p99, found.maximum]
    if not answered:
        assert order == [None] * 5
        assert (found.mean, found.jitter, found.pdv_p95) == (None, None, None)
        return
    known = [value for value in order if value is not None]
    assert known == sorted(known)
    assert len(known) == 5
    assert found.mean is not None
    assert found.minimum is not None
    assert found.p95 is not None
    assert min(answered) <= found.mean <= max(answered)
    assert math.isclose(found.mean, math.fsum(answered) / len(answered), rel_tol=1e-9)
    assert found.pdv_p95 == found.p95 - found.minimum


def test_undecided_requests_are_neither_sent_nor_lost() -> None:
    found = summarise([1.0, None, None], undecided=2)
    assert (found.sent, found.received, found.loss_ratio) == (1, 1, 0.0)
    assert summarise([None, None], undecided=2).loss_ratio is None


def test_one_lost_of_three_hundred_is_not_rounded_away() -> None:
    assert summarise([1.0] * 299 + [None]).loss_ratio == 1 / 300
