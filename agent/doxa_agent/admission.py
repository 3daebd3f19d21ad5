"""How a heavy run gets onto the line: its turn in the lane, a look by the guards, and patience while they say "not now"."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from doxa_agent import guards
from doxa_agent.guard import Effect, Finding, Turn
from doxa_agent.lane import HeavyLane
from doxa_agent.meter import Deadline

JITTER: Final = 0.2

Look = Callable[[Turn, Callable[[float], bool]], list[Finding]]
"""What the guards notice before a run: `guards.look_all`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether a run may start."""

    admitted: bool
    """The lane is held; whoever runs must leave it."""
    findings: tuple[str, ...] = ()
    """What accompanies the measurement."""
    reasons: tuple[str, ...] = ()
    """Why it may not start."""
    frugal: bool = False
    deferred_s: float = 0.0
    """How long it was put off, from the first "not now"."""


def look_once(turn: Turn, look: Look) -> Admission:
    """For light runs: nobody waits and no lane is held."""
    found = look(turn, lambda _seconds: True)
    reasons = guards.refusals(found)
    return Admission(admitted=not reasons, findings=guards.codes(found), reasons=reasons)


def admit(
    lane: HeavyLane,
    turn: Turn,
    look: Look,
    *,
    deadline: Callable[[float], Deadline],
    turn_s: float,
    patience: Deadline,
) -> Admission:
    """Wait for the lane (`turn_s` each time) and for guards that put the run off, until `patience` is over.

    While the run is put off it does not hold the lane. `deadline` makes deadlines that end when the agent stops; a wait
    that was cut so ends with the reason `stopped`. Raises `OperationError` for an unusable lock file.
    """
    first: float | None = None
    while True:
        waited = 0.0 if first is None else monotonic() - first
        wait = deadline(turn_s)
        if not lane.enter(wait):
            return Admission(admitted=False, reasons=("busy",), deferred_s=waited)
        try:
            found = look(turn, lambda seconds: deadline(seconds + 60).wait(seconds))
        except BaseException:
            lane.leave()
            raise
        reasons, waits = guards.refusals(found), guards.deferrals(found)
        if not reasons and not waits:
            return _admitted(found, waited)
        lane.leave()
        if reasons:
            return Admission(admitted=False, findings=guards.codes(found), reasons=reasons, deferred_s=waited)
        first = monotonic() if first is None else first
        again_s = turn.settings.defer_look_s * random.uniform(1 - JITTER, 1 + JITTER)
        if again_s > patience.left_s or not patience.wait(again_s):
            waited = monotonic() - first
            return Admission(admitted=False, findings=guards.codes(found), reasons=("busy", *waits), deferred_s=waited)


def _admitted(found: list[Finding], waited: float) -> Admission:
    frugal = any(finding.effect is Effect.FRUGAL for finding in found)
    return Admission(admitted=True, findings=guards.codes(found), frugal=frugal, deferred_s=waited)
