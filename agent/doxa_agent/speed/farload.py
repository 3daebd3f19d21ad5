"""What the far end says of its own load during a test, and when that, not the line, may have set the figures.

Our responder publishes it in `GET health` (docs/far-end.md); any other server says nothing, and then nothing is known.
Ask once, right after the last transfer, with the time that the transfers took. A loaded far end never makes a line
fail: any reason makes the outcome `probe_limited`.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from doxa_agent.net.binding import Unreachable
from doxa_agent.speed.dialogue import Dialogue
from doxa_agent.speed.target import Stopped

CPU_FULL: Final = 0.9
"""A core's busy share (methods.md §8)."""
WAITED: Final = 0.2
"""The share of the time for which the far end's process was ready to work and got no core."""
LINE_FULL: Final = 0.9
CROWD: Final = 0.2
"""The share of what the far end can carry that other transfers may take before it counts as crowded …"""
TIGHT: Final = 0.8
"""… where together they take more than this share of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarLoad:
    """The far end's load over the last `seconds`; what it does not know is None, never 0."""

    seconds: float
    """What the figures span: at least what was asked for, where it ran so long."""
    cpu_ratio: float | None = None
    """Busy share of its busiest core, mean over the span."""
    cpu_peak_ratio: float | None = None
    """The same, the busiest second."""
    own_cpu_ratio: float | None = None
    """CPU time of its own process as a share of one core."""
    own_wait_ratio: float | None = None
    """The share of the time for which its process was ready but waited for a core (/proc/self/schedstat)."""
    line_ratio: float | None = None
    """The fullest second of its fullest interface and direction as a share of the port's speed, all processes' traffic
    counted; None where no port tells its speed."""
    carried_mbps: float | None = None
    """Its own transfers in the busier direction, TCP payload, mean over the span."""
    others_mbps: float | None = None
    """The part of it that went to or came from other addresses than ours."""
    promise_mbps: float | None = None
    """What it promises in each direction; None: without limit."""
    limit_mbps: float | None = None
    """What it holds itself to in each direction (`--limit-mbps`); None: nothing."""
    transfers: int = 0
    """Downloads and uploads of this moment."""
    slots: int = 0
    held_back: bool = False
    """Whether clients without a slot (as ours, where it has none) were given less because slots were promised."""
    plays_line: bool = False
    """It plays a line itself (`--rate-mbps`): a laboratory's far end, whose rate *is* the line."""


def read_load(dialogue: Dialogue, *, seconds: float = 10.0) -> FarLoad | None:
    """The far end's load over about the last `seconds`; None where it does not tell (another server, or no answer)."""
    try:
        answer, _took = dialogue.ask("health", seconds=f"{seconds:.1f}")
    except (Unreachable, Stopped):
        return None
    if answer.head is None or answer.head.status != 200:
        return None
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("doxa") != 1 or not isinstance(found.get("load"), dict):
        return None
    return _load(found["load"])


def limits(load: FarLoad | None, *, has_slot: bool = False) -> tuple[str, ...]:
    """Why the far end may have set the figures: `far_end_cpu`, `far_end_line`, `far_end_crowded`, `far_end_paced`."""
    if load is None:
        return ()
    return tuple(
        code
        for code, holds in (
            ("far_end_cpu", _short_of_cpu(load)),
            ("far_end_line", (load.line_ratio or 0.0) >= LINE_FULL),
            ("far_end_crowded", _crowded(load) or (load.held_back and not has_slot)),
            ("far_end_paced", _at(load.carried_mbps, load.limit_mbps, LINE_FULL)),
        )
        if holds
    )


def findings(load: FarLoad | None) -> tuple[str, ...]:
    """What the reader of a number must know, though it limits nothing: `far_end_plays_line`."""
    return ("far_end_plays_line",) if load is not None and load.plays_line else ()


def _short_of_cpu(load: FarLoad) -> bool:
    """A core that was full all the time, or our own process that was full or had to wait.

    One full second of another process is no limit: the scheduler has other cores.
    """
    full = (load.cpu_ratio or 0.0) > CPU_FULL
    own = (load.own_cpu_ratio or 0.0) > CPU_FULL
    return full or own or (load.own_wait_ratio or 0.0) > WAITED


def _crowded(load: FarLoad) -> bool:
    """Others took a good part of what the far end can carry while it was nearly full.

    Where it names no capacity, others that took more than half of all that it carried may have been in the way.
    """
    capacity = load.limit_mbps or load.promise_mbps
    if load.others_mbps is None or load.carried_mbps is None:
        return False
    if capacity is None:
        return load.line_ratio is None and load.carried_mbps > 0 and load.others_mbps > 0.5 * load.carried_mbps
    return load.others_mbps > CROWD * capacity and load.carried_mbps > TIGHT * capacity


def _at(carried: float | None, limit: float | None, share: float) -> bool:
    return carried is not None and limit is not None and carried >= share * limit


def _load(found: Mapping[str, Any]) -> FarLoad:
    return FarLoad(
        seconds=_number(found, "seconds") or 0.0,
        cpu_ratio=_number(found, "cpu_ratio"),
        cpu_peak_ratio=_number(found, "cpu_peak_ratio"),
        own_cpu_ratio=_number(found, "own_cpu_ratio"),
        own_wait_ratio=_number(found, "own_wait_ratio"),
        line_ratio=_number(found, "line_ratio"),
        carried_mbps=_number(found, "carried_mbps"),
        others_mbps=_number(found, "others_mbps"),
        promise_mbps=_number(found, "promise_mbps"),
        limit_mbps=_number(found, "limit_mbps"),
        transfers=int(_number(found, "transfers") or 0),
        slots=int(_number(found, "slots") or 0),
        held_back=found.get("held_back") is True,
        plays_line=found.get("plays_line") is True,
    )


def _number(found: Mapping[str, Any], name: str) -> float | None:
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    with suppress(OverflowError):
        return float(value) if isfinite(value) and 0 <= value < 1e9 else None
    return None
