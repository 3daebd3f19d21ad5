"""Three jitters, three names: held against values worked out by hand."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.speed.ping import HttpPing, mean_abs, median, variance

RTTS = (10.0, 12.0, 11.0, 15.0)


def test_the_three_jitters_of_four_round_trips() -> None:
    found = HttpPing(rtts_ms=RTTS, reconnected=0).values
    assert found["http_ping_min_ms"] == 10
    assert found["http_ping_median_ms"] == 11.5
    assert found["http_jitter_mean_abs_ms"] == pytest.approx((2 + 1 + 4) / 3)
    assert found["http_jitter_variance_ms2"] == pytest.approx(14 / 3)
    first = 2 / 16
    second = first + (1 - first) / 16
    assert found["http_jitter_rfc3550_ms"] == pytest.approx(second + (4 - second) / 16)


def test_what_cannot_be_said_of_one_or_no_round_trip_is_absent() -> None:
    assert set(HttpPing(rtts_ms=(5.0,), reconnected=0).values) == {"http_ping_min_ms", "http_ping_median_ms"}
    assert HttpPing(rtts_ms=(), reconnected=0).values == {}


def test_a_constant_round_trip_has_no_jitter() -> None:
    assert mean_abs((5, 5, 5)) == 0
    assert HttpPing(rtts_ms=(5.0, 5.0, 5.0), reconnected=0).values["http_jitter_rfc3550_ms"] == 0


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=50))
def test_median_and_variance_are_the_librarys(rtts: list[float]) -> None:
    assert median(rtts) == pytest.approx(statistics.median(rtts))
    assert variance(rtts) == pytest.approx(statistics.variance(rtts), abs=1e-6)
