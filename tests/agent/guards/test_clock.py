"""The clock as a guard: noted, never refused."""

import pytest

from doxa_agent.guard import Effect, Finding
from doxa_agent.guards import clock as guard
from doxa_agent.meter import Link
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import Clock

LINK = Link(name="office", kind=LinkKind.FIXED)


@pytest.mark.parametrize("heavy", [True, False])
def test_an_unsynchronised_clock_is_noted(heavy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "read_clock", lambda: Clock(synchronised=False))
    assert guard.look(LINK, heavy=heavy) == [Finding(code="clock_unsynchronised", effect=Effect.NOTE)]


def test_a_synchronised_clock_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "read_clock", lambda: Clock(synchronised=True, error_ms=12.5))
    assert guard.look(LINK, heavy=True) == []
