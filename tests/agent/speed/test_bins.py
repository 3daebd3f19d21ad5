"""The stop rule, on series whose truth is known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.speed.bins import (
    BIN_S,
    COARSE,
    FINE,
    Bin,
    StopRule,
    first_steady,
    last_steady,
    merged,
    since,
    steady_at,
    total,
)


def series(*rates_mbps: float, seconds: float = BIN_S) -> list[Bin]:
    return [Bin(seconds=seconds, octets=rate * 1e6 / 8 * seconds) for rate in rates_mbps]


def test_a_constant_rate_is_steady_at_the_earliest_moment_and_not_before() -> None:
    bins = series(*[100.0] * 40)
    found = first_steady(bins, FINE)
    assert found is not None
    assert found.last == 22
    assert found.mbps == pytest.approx(100.0)
    assert steady_at(bins, FINE, 21) is None, "1.05 s is too early, however flat"


def test_a_ramp_is_waited_for() -> None:
    ramp = [100 * (1 - 0.7**n) for n in range(40)]
    found = first_steady(series(*ramp, *[100.0] * 30), FINE)
    assert found is not None
    assert found.mbps == pytest.approx(100, rel=0.005)


def test_a_climb_of_two_percent_a_window_is_never_steady() -> None:
    assert first_steady(series(*[100 * 1.002**n for n in range(200)]), FINE) is None


def test_two_levels_that_are_each_flat_do_not_agree() -> None:
    bins = series(*[100.0] * 10, *[103.0] * 10, *[100.0] * 10)
    assert steady_at(bins, StopRule(scales=(1,)), 20) is None
    assert steady_at(bins, StopRule(scales=(1,)), 30) is None


def test_noise_whose_mean_is_not_known_to_half_a_percent_is_not_flat() -> None:
    chance = random.Random(3)
    bins = series(*[100 * chance.gauss(1, 0.08) for _ in range(200)])
    assert first_steady(bins, FINE) is None


def test_a_window_that_rises_is_not_flat_though_the_next_one_falls_again() -> None:
    rising = [100 + 0.3 * n for n in range(10)]
    assert steady_at(series(*rising, *reversed(rising), *[0.0] * 5), StopRule(earliest_s=1.0, scales=(1,)), 20) is None
    level = [101.35] * 20
    assert steady_at(series(*level), StopRule(earliest_s=1.0, scales=(1,)), 20) is not None


@pytest.mark.parametrize("streams", [1, 8])
def test_a_saw_tooth_below_the_line_is_never_called_steady(streams: int) -> None:
    """A window that grows by a step a round trip and is halved by a random loss (RFC 5681): TCP, not the line."""
    chance = random.Random(7)
    windows = [20.0] * streams
    rates = []
    for _ in range(400):
        windows = [w * 0.5 if chance.random() < w / 150 else w + 1.5 for w in windows]
        rates.append(sum(windows))
    assert first_steady(series(*rates), FINE) is None


def test_lumps_of_a_shaper_are_seen_through_at_a_coarser_scale() -> None:
    lump, rate = 32 * 1024, 34e6 / 8
    arrived, bins = 0, []
    for n in range(1, 200):
        whole = int(rate * n * BIN_S / lump) * lump
        bins.append(Bin(seconds=BIN_S, octets=float(whole - arrived)))
        arrived = whole
    assert first_steady(bins, StopRule(scales=(1,))) is None
    found = first_steady(bins, FINE)
    assert found is not None
    assert found.mbps == pytest.approx(34, rel=0.01)


def test_a_late_timer_is_no_lump() -> None:
    rate = 1e6
    spans = [0.05, 0.05, 0.12, 0.05, 0.03] * 8
    found = first_steady([Bin(seconds=s, octets=rate * s) for s in spans], FINE)
    assert found is not None
    assert found.mbps == pytest.approx(8.0)


@pytest.mark.parametrize("rate", [0.0])
def test_nothing_at_all_is_not_steady(rate: float) -> None:
    assert first_steady(series(*[rate] * 100), FINE) is None


def test_without_arrived_segments_the_windows_are_two_seconds() -> None:
    bins = series(*[100.0] * 100)
    found = first_steady(bins, COARSE)
    assert found is not None
    assert found.last == 80
    assert total(bins[found.first : found.last]).seconds == pytest.approx(4.0)


def test_a_run_of_fixed_length_counts_from_the_first_steady_place_to_the_end() -> None:
    bins = series(*[150.0] * 40, *[100.0] * 160)
    first = first_steady(bins, FINE)
    assert first is not None
    whole = since(bins, first)
    assert first.mbps == pytest.approx(150)
    assert whole.mbps == pytest.approx((38 * 150 + 160 * 100) / 198, rel=0.02)


@given(st.lists(st.tuples(st.floats(0.001, 1), st.floats(0, 1e9)), max_size=120))
def test_a_steady_figure_always_lies_within_its_own_bins(pairs: list[tuple[float, float]]) -> None:
    bins = [Bin(seconds=s, octets=o) for s, o in pairs]
    for found in (first_steady(bins, FINE), last_steady(bins, FINE)):
        if found is not None:
            rates = [b.octets * 8e-6 / b.seconds for b in bins[found.first : found.last]]
            assert min(rates) <= found.mbps * 1.000001
            assert found.mbps <= max(rates) * 1.000001
            assert total(bins[: found.last]).seconds >= FINE.earliest_s


@given(st.floats(0.1, 1e5), st.integers(23, 100), st.integers(0, 2**32))
def test_small_noise_around_a_rate_is_steady_and_right(rate: float, count: int, seed: int) -> None:
    chance = random.Random(seed)
    bins = series(*[rate * chance.uniform(0.997, 1.003) for _ in range(count)])
    found = first_steady(bins, FINE)
    assert found is not None
    assert found.mbps == pytest.approx(rate, rel=0.003)


@given(st.lists(st.floats(0, 1e4), max_size=900), st.integers(5, 300))
def test_the_series_for_people_is_bounded_and_keeps_the_octets(rates: list[float], most: int) -> None:
    step, shown = merged(series(*rates), most)
    assert len(shown) <= most
    assert step >= 0.1
    if rates and len(rates) % round(step / BIN_S) == 0:
        assert sum(shown) * step == pytest.approx(sum(rates) * BIN_S, rel=0.01, abs=0.01 * len(shown))
