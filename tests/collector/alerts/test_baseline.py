"""What is usual: the same hour of the last days, robust, compact, and kept over a restart."""

from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doxa_collector.alerts.baseline import HOUR_US, Usual

NOON = 12


def hour(day: int, at: int = NOON) -> int:
    return day * 24 + at


def filled(days: int, value: float = 10.0, samples: int = 60) -> Usual:
    usual = Usual(7)
    for day in range(days):
        for n in range(samples):
            usual.add(hour(day) * HOUR_US + n * 60_000_000, value + day)
    usual.add(hour(days) * HOUR_US, 99.0)
    return usual


def ask(usual: Usual, at: int, **more: int) -> float | None:
    return usual.at(at, **({"min_samples": 100, "min_days": 3, "days": 7} | more))


def test_it_is_the_median_of_the_same_hour_of_the_last_days() -> None:
    assert ask(filled(7), hour(7)) == 13.0


def test_an_hour_that_was_never_measured_has_none() -> None:
    assert ask(filled(7), hour(7, NOON - 1)) is None


def test_the_running_hour_is_not_its_own_past() -> None:
    usual = filled(7)
    for n in range(600):
        usual.add(hour(7) * HOUR_US + n, 500.0)
    assert ask(usual, hour(7)) == 13.0


def test_too_few_days_or_samples_are_no_baseline() -> None:
    assert ask(filled(2), hour(2)) is None
    assert ask(filled(4, samples=20), hour(4)) is None
    assert ask(filled(4, samples=20), hour(4), min_samples=80) == 11.5


def test_days_older_than_asked_do_not_count() -> None:
    assert ask(filled(20), hour(20)) == 26.0
    assert ask(filled(20), hour(20), days=3) == 28.0


def test_after_a_long_silence_the_past_is_forgotten() -> None:
    usual = filled(7)
    usual.add(hour(30) * HOUR_US, 10.0)
    assert ask(usual, hour(30)) is None


def test_samples_from_the_past_change_nothing() -> None:
    usual = filled(7)
    before = usual.pack()
    usual.add(hour(3) * HOUR_US, 1e6)
    assert usual.pack() == before


def test_a_restart_forgets_the_running_hour_only() -> None:
    usual = filled(7)
    back = Usual.unpack(usual.pack())
    assert back is not None
    assert ask(back, hour(7)) == 13.0


@given(st.binary(max_size=64))
def test_rubbish_is_no_baseline(rubbish: bytes) -> None:
    assert Usual.unpack(rubbish) is None


@settings(max_examples=40)
@given(st.lists(st.floats(1, 100, width=32), min_size=1, max_size=400))
def test_an_hours_median_is_close_however_many_samples_it_has(values: list[float]) -> None:
    usual = Usual(1)
    for n, value in enumerate(values):
        usual.add(n, value)
    usual.add(24 * HOUR_US, 0.0)
    found = usual.at(24, min_samples=1, min_days=1, days=1)
    assert found is not None
    assert min(values) * 0.999999 <= found <= max(values) * 1.000001
    if len(values) <= 64:
        assert found == pytest.approx(median(values), rel=1e-6)  # the ring keeps single precision
