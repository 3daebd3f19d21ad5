"""Other traffic on the interface: before a run it is waited for, after it the figures are not held against the line."""

from typing import Any

import pytest

from doxa_agent.guard import Effect, Finding, GuardSettings, Turn, Verdict
from doxa_agent.guards import cross_traffic as guard
from doxa_agent.meter import Link, Reading
from doxa_agent.net.audit import Balance, Moved
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

LINK = Link(name="office", kind=LinkKind.FIXED, interface="eth0")
TURN = Turn(link=LINK, heavy=True)


class Counted:
    """An interface that moved so much."""

    def __init__(self, rx: float, tx: float, seconds: float = 5.0) -> None:
        self._moved = Moved(rx_packets=1, tx_packets=1, rx_octets=round(rx), tx_octets=round(tx), seconds=seconds)

    def end(self) -> Moved:
        return self._moved


@pytest.mark.parametrize(("rx", "tx", "deferred"), [(124e3, 124e3, False), (126e3, 0, True), (0, 126e3, True)])
def test_25_kilobytes_a_second_in_either_direction_put_a_run_off(rx: float, tx: float, *, deferred: bool) -> None:
    before: Any = guard.Before(LINK, GuardSettings(), begin=lambda _: Counted(rx, tx))  # type: ignore[arg-type,return-value]
    assert before.end() == ([Finding(code="cross_traffic", effect=Effect.DEFER)] if deferred else [])


def test_an_absent_interface_and_the_machines_own_loop_are_not_watched() -> None:
    assert guard.Before(Link(name="o", kind=LinkKind.FIXED, interface="absent0"), GuardSettings()).end() == []
    assert guard.before(Turn(link=Link(name="o", kind=LinkKind.FIXED), heavy=True)) is None
    assert guard.before(Turn(link=Link(name="o", kind=LinkKind.FIXED, interface="lo"), heavy=True)) is None


def reading(other: float, own: float = 100e6, seconds: float = 8.0) -> Reading:
    books = Balance(
        interface_bytes=round(own + other),
        payload_bytes=round(own * 0.95),
        framed_bytes=round(own),
        own_bytes=round(own),
        seconds=seconds,
    )
    return Reading(outcome=Outcome.OK, detail={"download": {"audit": books.detail}, "upload": {"mss": 1448}})


@pytest.mark.parametrize(
    ("other", "found", "limits"),
    [
        (-3e6, False, False),  # an interface that joins segments counts fewer headers
        (0.5e6, False, False),
        (1.5e6, True, False),
        (2.5e6, True, True),
        (50e6, True, True),
    ],
)
def test_a_share_that_could_change_the_figure_is_a_limit(other: float, *, found: bool, limits: bool) -> None:
    verdict = guard.judge(TURN, reading(other))
    assert verdict.findings == (("cross_traffic",) if found else ())
    assert verdict.limits == (("cross_traffic",) if limits else ())
    assert verdict.detail["cross_bytes"] == max(0, round(other))


def test_on_a_slow_line_a_lines_usual_chatter_is_no_traffic() -> None:
    """10 kB/s of questions and announcements are 8 % of a line of 1 Mbit/s: they are not somebody else's download."""
    assert guard.judge(TURN, reading(80e3, own=1e6)).findings == ()
    assert guard.judge(TURN, reading(400e3, own=1e6)).limits == ("cross_traffic",)


def test_a_reading_without_an_audit_says_nothing() -> None:
    assert guard.judge(TURN, Reading(outcome=Outcome.OK)) == Verdict()
