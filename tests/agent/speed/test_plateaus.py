"""Burst credit is a clear step down, not a dip, a saw-tooth or noise."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.speed.bins import BIN_S, Bin
from doxa_agent.speed.plateaus import find_plateaus


def series(*parts: tuple[float, float], spread: float = 0.01, seed: int = 1) -> list[Bin]:
    """(Mbit/s, seconds) after one another, with noise; the first 0.3 s climb."""
    chance = random.Random(seed)
    rates = [rate * chance.gauss(1, spread) for rate, seconds in parts for _ in range(round(seconds / BIN_S))]
    climbed = [rate * min(1.0, (n + 1) / 6) for n, rate in enumerate(rates)]
    return [Bin(seconds=BIN_S, octets=max(0.0, rate) * 125000 * BIN_S) for rate in climbed]


@pytest.mark.parametrize("seconds", [2.0, 5.0, 10.0, 15.0])
@pytest.mark.parametrize("spread", [0.005, 0.05])
def test_both_levels_and_the_moment_of_the_fall_are_found(seconds: float, spread: float) -> None:
    found = find_plateaus(series((150, seconds), (100, 20 - seconds), spread=spread))
    assert found is not None
    assert found.burst_mbps == pytest.approx(150, rel=0.03)
    assert found.sustained_mbps == pytest.approx(100, rel=0.02)
    assert found.at_s == pytest.approx(seconds, abs=0.5)
    assert found.credit_octets == pytest.approx(50e6 / 8 * seconds, rel=0.3)


def test_credit_that_gathers_while_tcp_stumbles_at_the_fall_is_not_sustained() -> None:
    """As seen on a bucket of ten seconds: half the rate for a block, then nearly the burst's, then the rate."""
    found = find_plateaus(series((193, 10), (50, 0.25), (170, 0.25), (136, 0.25), (96.5, 9.25), spread=0.002))
    assert found is not None
    assert found.sustained_mbps == pytest.approx(96.5, rel=0.002)


@pytest.mark.parametrize(
    "parts",
    [
        [(100, 20)],
        [(100, 8), (40, 1), (100, 11)],
        [(100, 10), (150, 10)],
        [(100, 10), (97, 10)],
        [(150, 0.5), (100, 19.5)],
        [(100, 19), (20, 1)],
    ],
    ids=["flat", "dip", "rise", "too small a step", "a short overshoot", "a fall at the very end"],
)
def test_what_is_no_burst_credit_is_not_called_so(parts: list[tuple[float, float]]) -> None:
    assert find_plateaus(series(*parts)) is None


def test_a_saw_tooth_is_no_burst_credit() -> None:
    teeth = [(60.0 + 40.0 * (n % 10) / 10, 0.25) for n in range(80)]
    assert find_plateaus(series(*teeth)) is None


def test_strong_noise_has_no_levels() -> None:
    assert all(find_plateaus(series((100, 20), spread=0.3, seed=seed)) is None for seed in range(50))


@given(st.lists(st.floats(0, 1e5), max_size=500))
def test_what_is_found_lies_within_the_series(rates: list[float]) -> None:
    bins = [Bin(seconds=BIN_S, octets=rate * 125000 * BIN_S) for rate in rates]
    found = find_plateaus(bins)
    if found is not None:
        assert found.sustained_mbps < found.burst_mbps <= max(rates) * 1.001
        assert 0 < found.cut < len(bins)
