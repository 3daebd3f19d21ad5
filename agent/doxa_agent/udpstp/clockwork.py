"""What both directions of a test have in common at its client: time, the far end's silence, the end, the cost.

A test ends when the far end says stop, when the early stop has its estimate, when nothing was heard for 3 s (RFC 9946 §7),
or when the run's deadline is over; what is known until then is in the `Flow`.
"""

import time
from typing import Final

from doxa_agent.meter import Deadline
from doxa_agent.udpstp.client import Agreement
from doxa_agent.udpstp.flow import Flow
from doxa_agent.udpstp.steady import SteadyClock

MS: Final = 1_000_000
SECOND: Final = 1_000 * MS
QUIET_NS: Final = SECOND
"""Silence that is told to the far end …"""
SILENT_NS: Final = 3 * SECOND
"""… and silence that ends the test."""
LATE_NS: Final = 1_500_000
"""A wake-up that is later than this is a stall of this machine."""
_AFTER_NS: Final = 3 * SECOND
"""How long after its seconds a test may go on before we end it."""


class Clockwork:
    """What both directions have in common: time, end, CPU."""

    def __init__(self, agreed: Agreement, flow: Flow, deadline: Deadline, *, early_stop: bool) -> None:
        self.clock = SteadyClock()
        self.flow, self.sock, self.accepted = flow, agreed.sock, agreed.accepted
        self.deadline, self.early_stop = deadline, early_stop
        self.began = self.heard = self.clock.now()
        self.trial_ns = self.accepted.trial_ms * MS
        self.last = self.began + self.accepted.seconds * SECOND + _AFTER_NS
        self._cpu, self._wall = time.thread_time(), time.monotonic()
        self._late = 0
        self._sub_late = 0.0

    def woke(self, planned: int, now: int) -> None:
        """Book how late a wake-up was."""
        if now - planned > LATE_NS:
            self._late += now - planned

    def lateness(self, other: int) -> float:
        """What was booked since the last call, and what is known of the far end, nanoseconds: into the flow, in seconds."""
        late, self._late = (self._late + other) / SECOND, 0
        self.flow.late_s += late
        self._sub_late += late
        return late

    def lateness_of_sub(self) -> float:
        """The lateness since the last call, seconds: to be called when a sub-interval is over."""
        late, self._sub_late = self._sub_late, 0.0
        return late

    def overdue(self, now: int) -> str:
        """Why to end now, empty to go on."""
        if self.deadline.over:
            return "stopped"
        quiet = now - self.heard
        if quiet >= QUIET_NS:
            self.flow.find("traffic_gap")
        if quiet >= SILENT_NS:
            return "stalled"
        return "complete" if now >= self.last else ""

    def finish(self) -> None:
        """The end: what it cost, and whether the clock was stepped."""
        wall = time.monotonic() - self._wall
        self.flow.cpu_s = time.thread_time() - self._cpu
        self.flow.cpu_ratio = min(1.0, self.flow.cpu_s / wall) if wall > 0 else 0.0
        self.clock.shift()
        self.flow.clock_stepped = self.clock.stepped
