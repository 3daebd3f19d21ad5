"""The clock as a guard: noted, never refused."""

import pytest

from doxa_agent.guard import Effect, Finding, Turn
from doxa_agent.guards import clock as guard
from doxa_agent.meter import Link
from doxa_agent.net.stamp import Moment
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import Clock

LINK = Link(name="office", kind=LinkKind.FIXED)


@pytest.mark.parametrize("heavy", [True, False])
def test_an_unsynchronised_clock_is_noted(heavy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "read_clock", lambda: Clock(synchronised=False))
    assert guard.look(Turn(link=LINK, heavy=heavy)) == [Finding(code="clock_unsynchronised", effect=Effect.NOTE)]


def test_a_synchronised_clock_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "read_clock", lambda: Clock(synchronised=True, error_ms=12.5))
    assert guard.look(Turn(link=LINK, heavy=True)) == []


HOUR_NS = 3_600_000_000_000


def course(*reals: int) -> guard.Steps:
    """Looks a second apart on the monotonic clock, the wall clock off by so much at each."""
    moments = iter([Moment(off + n * 10**9, n * 10**9) for n, off in enumerate(reals)])
    return guard.Steps(lambda: next(moments))


@pytest.mark.parametrize("hour", [HOUR_NS, -HOUR_NS])
def test_a_clock_that_is_set_by_an_hour_during_a_run_is_found(hour: int) -> None:
    steps = course(0, 0, hour)
    steps.tick()
    found = steps.end()
    assert found.findings == ("clock_stepped",)
    assert found.detail == {"clock_step_s": hour / 1e9}
    assert found.limits == found.impossible == (), "durations are monotonic: the values stand"


def test_a_step_that_is_taken_back_is_found_too() -> None:
    steps = course(0, HOUR_NS, 0, 0)
    for _ in range(2):
        steps.tick()
    assert steps.end().findings == ("clock_stepped",)


def test_a_clock_that_is_slewed_or_read_a_little_late_is_not_stepped() -> None:
    steps = course(0, 400_000, -300_000, 900_000)
    for _ in range(2):
        steps.tick()
    assert steps.end().findings == ()


def test_the_clock_of_this_machine_does_not_step_by_itself() -> None:
    assert guard.during(Turn(link=LINK, heavy=True)).end().findings == ()
