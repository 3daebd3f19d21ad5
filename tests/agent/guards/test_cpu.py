"""The processor as a guard: busy before, or at its limit during a run."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.guard import Effect, Finding, GuardSettings
from doxa_agent.guards import cpu as guard
from doxa_agent.guards.cpu import Sample, Use

SETTINGS = GuardSettings()
STAT = """cpu  100 0 50 800 50 0 0 0 0 0
cpu0 60 0 30 400 10 0 0 0 0 0
cpu1 40 0 20 400 40 0 0 0 0 0
intr 12345
"""


def course(*busy: tuple[float, float], seconds: float = 0.25) -> Callable[[], Sample]:
    """A machine of two cores, each so busy in each step; the first look is at boot."""

    def go() -> Iterator[Sample]:
        at, ticks, whole = 0.0, [0.0, 0.0], 0
        yield Sample(0.0, {n: Use(0, 0) for n in ("cpu", "cpu0", "cpu1")}, 0, 0.0)
        for step in busy:
            at += seconds
            whole += round(seconds * 100)
            ticks = [t + share * seconds * 100 for t, share in zip(ticks, step, strict=True)]
            one, other = (round(t) for t in ticks)
            stat = {"cpu": Use(one + other, 2 * whole), "cpu0": Use(one, whole), "cpu1": Use(other, whole)}
            yield Sample(at, stat, round(at * 1e5), at / 2)

    steps = go()
    return lambda: next(steps)


def during(*busy: tuple[float, float], seconds: float = 0.25) -> guard.During:
    watch = guard.During(SETTINGS, course(*busy, seconds=seconds))
    for _ in busy[:-1]:
        watch.tick()
    return watch


def test_idle_time_and_waiting_for_the_disk_are_not_use() -> None:
    assert guard.parse_stat(STAT) == {"cpu": Use(150, 1000), "cpu0": Use(90, 500), "cpu1": Use(60, 500)}


@given(st.text(st.sampled_from("cpu0123456789 \n-x")))
def test_whatever_the_kernel_says_is_ticks_or_nothing(text: str) -> None:
    for use in guard.parse_stat(text).values():
        assert 0 <= use.busy <= use.whole
    assert (guard.parse_pressure("some " + text) or 0) >= 0


def test_pressure_is_the_time_in_which_somebody_waited() -> None:
    assert guard.parse_pressure("some avg10=1.00 avg60=0 avg300=0 total=123456\nfull avg10=0 total=9\n") == 123456
    assert guard.parse_pressure("") is None


@pytest.mark.parametrize(("busy", "deferred"), [(0.25, False), (0.35, True)])
def test_a_busy_processor_puts_a_heavy_run_off(busy: float, *, deferred: bool) -> None:
    before = guard.Before(SETTINGS, course((busy, busy), seconds=5))
    assert before.end() == ([Finding(code="cpu_busy", effect=Effect.DEFER)] if deferred else [])


def test_one_core_at_its_limit_for_a_second_limits_the_probe() -> None:
    found = during(*[(0.1, 0.1)] * 8, *[(1.0, 0.1)] * 4, *[(0.1, 0.1)] * 8).end()
    assert found.limits == ("cpu_limited",)
    assert found.detail["cpu_core_max_ratio"] > 0.9
    assert found.detail["cpu_mean_ratio"] == pytest.approx(0.19, abs=0.02)
    assert found.detail["cpu_own_ratio"] == 0.5
    assert found.detail["cpu_pressure_ratio"] == 0.1


def test_a_full_moment_is_not_a_full_second() -> None:
    found = during(*[(0.1, 0.1), (1.0, 0.1)] * 10).end()
    assert found.limits == ()
    assert found.detail["cpu_core_max_ratio"] == pytest.approx(0.55, abs=0.05)


def test_a_core_at_eighty_percent_is_no_limit() -> None:
    assert during(*[(0.8, 0.8)] * 12).end().limits == ()


def test_a_run_shorter_than_a_second_is_judged_as_a_whole() -> None:
    assert during((1.0, 0.2), (1.0, 0.2)).end().limits == ("cpu_limited",)


def test_a_machine_that_says_nothing_is_not_accused() -> None:
    watch = guard.During(SETTINGS, lambda: Sample(1.0, {}, None, 0.0))
    watch.tick()
    assert watch.end().limits == ()
    assert guard.Before(SETTINGS, lambda: Sample(1.0, {}, None, 0.0)).end() == []


def test_this_machine_tells_of_every_core() -> None:
    found = guard.sample()
    assert "cpu" in found.stat
    assert "cpu0" in found.stat
