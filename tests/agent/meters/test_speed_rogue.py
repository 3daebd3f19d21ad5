"""The speed meter against far ends that misbehave: a reasoned outcome in time, no invented figure, flat memory.

All of them are measured at once, each in a thread of its own, so that a dozen patiences cost the time of one.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.agent.rogue import BEHAVIOURS, LIE_MBPS, rogue

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import speed
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

DIRECTIONS = ("download", "upload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    reading: Reading
    seconds: float
    allowed: float
    sent: int
    taken: int


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def _one(behaviour: str, direction: str, runs: dict[tuple[str, str], Run]) -> None:
    options = speed.Options(directions=(direction,), limit_s=2, ping_count=1, streams=2)
    with rogue(behaviour) as port:
        allowed = speed.seconds(options, 1)
        request = Request(
            link=Link(name="x", kind=LinkKind.FIXED),
            far_ends=(FarEnd(name="far", host="127.0.0.1", port=int(port)),),
            options=options,
            deadline=Deadline(allowed),
        )
        began = time.monotonic()
        (reading,) = speed.measure(request)
        took = time.monotonic() - began
        runs[behaviour, direction] = Run(
            reading=reading, seconds=took, allowed=allowed, sent=port.sent, taken=port.taken
        )


@pytest.fixture(scope="module")
def grown() -> list[int]:
    return []


@pytest.fixture(scope="module")
def runs(grown: list[int]) -> dict[tuple[str, str], Run]:
    found: dict[tuple[str, str], Run] = {}
    before = _resident()
    threads = [threading.Thread(target=_one, args=(b, d, found)) for b in BEHAVIOURS for d in DIRECTIONS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    grown.append(_resident() - before)
    return found


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_rogue_far_end_gets_a_reasoned_outcome_in_time(
    runs: dict[tuple[str, str], Run], behaviour: str, direction: str
) -> None:
    run = runs[behaviour, direction]
    assert run.seconds < run.allowed
    if run.reading.outcome is not Outcome.OK:
        assert run.reading.reasons, run.reading
        assert "deadline" not in run.reading.reasons, "it ended by itself"


def test_a_body_that_stops_moving_is_stalled_though_the_limit_is_short(runs: dict[tuple[str, str], Run]) -> None:
    reading = runs["stall", "download"].reading
    assert reading.outcome is Outcome.FAILED
    assert "stalled" in reading.reasons


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_no_figure_says_more_than_really_moved(
    runs: dict[tuple[str, str], Run], behaviour: str, direction: str
) -> None:
    run = runs[behaviour, direction]
    moved = run.sent if direction == "download" else run.taken
    if run.reading.outcome is Outcome.OK:
        assert run.reading.values.get(f"{direction}_bytes", 0.0) <= moved * 1.01 + (8 << 20), "sockets hold a little"
        assert run.reading.values.get(f"{direction}_mbps", 0.0) < LIE_MBPS / 2
        assert run.reading.values.get(f"{direction}_bytes", 0.0) > 0 or run.reading.reasons


def test_no_rogue_makes_the_meter_grow(runs: dict[tuple[str, str], Run], grown: list[int]) -> None:
    assert len(runs) == len(BEHAVIOURS) * len(DIRECTIONS), "every run came back"
    assert grown[0] < 96 << 20
