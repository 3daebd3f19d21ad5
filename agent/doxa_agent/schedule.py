"""When a task starts: pure arithmetic on an injected now, spread by a hash so that no fleet starts together.

A task's starts lie on a grid of the wall clock, `every_s` apart, shifted by its phase. The service sleeps on the
monotonic clock and asks the wall clock only where the next grid point lies. So a step of the wall clock changes the
distance to one next start, within half a cadence and one and a half (`next_due`), and can neither stop a task nor
make it run in a burst. After a suspend or a stall, starts that were missed are not caught up (`is_missed`).
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Final

HOUR_S: Final = 3600.0
QUIET_S: Final = 30.0
"""Nothing with a hashed phase starts within this time after a full hour, where every cron job of the world does …"""
QUIET_SHARE: Final = 0.1
"""… but at most this share of a short cadence is given up for it."""
LATE_S: Final = 60.0
"""A start that is later than this, or than half its cadence, is missed and not made up for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """A grid on the wall clock: the moments t (Unix seconds) with t ≡ `phase_s` modulo `every_s`."""

    every_s: float
    phase_s: float

    def next_start(self, wall: float) -> float:
        """The first moment of the grid after `wall`."""
        steps = math.floor((wall - self.phase_s) / self.every_s) + 1
        start = self.phase_s + steps * self.every_s
        return start if start > wall else start + self.every_s  # the division may have rounded up to `wall` itself


def cadence_of(agent: str, task: str, every_s: float, phase_s: float | None = None) -> Cadence:
    """The cadence of a task: its own phase if it has one, else the hashed one."""
    return Cadence(every_s=every_s, phase_s=hashed_phase(agent, task, every_s) if phase_s is None else phase_s)


def hashed_phase(agent: str, task: str, every_s: float) -> float:
    """A phase in [0, every_s), the same on every machine and for ever, uniform over agents and tasks.

    Where the cadence divides an hour or is made of whole hours, the grid keeps its place within the hour; then the
    first moments after the full hour (`QUIET_S`, or a tenth of the cadence) are left out.
    """
    digest = hashlib.sha256(f"{agent}\n{task}".encode()).digest()
    share = int.from_bytes(digest[:6], "big") / 2**48
    period = min(every_s, HOUR_S)
    if max(every_s, HOUR_S) % period:
        return share * every_s
    quiet = min(QUIET_S, QUIET_SHARE * period)
    periods, within = divmod(share * every_s / period, 1.0)
    return min(periods * period + quiet + within * (period - quiet), math.nextafter(every_s, 0))


def next_due(cadence: Cadence, *, wall: float, monotonic: float, last: float | None) -> float:
    """The monotonic time of the next start; `last` is that of the previous one, None before the first.

    With a steady wall clock starts are one cadence apart. Across a step of the wall clock the gap lies between half a
    cadence (else the grid point is passed over) and one and a half.
    """
    due = monotonic + cadence.next_start(wall) - wall
    if last is None:
        return due
    while due - last < cadence.every_s / 2:
        due += cadence.every_s
    return due


def is_missed(cadence: Cadence, *, due: float, monotonic: float) -> bool:
    """Whether a start is so late (suspend, stalled machine) that it is left out: no storm of late starts."""
    return monotonic - due > min(LATE_S, cadence.every_s / 2)
