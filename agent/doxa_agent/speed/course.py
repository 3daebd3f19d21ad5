"""The course of one transfer: an epoll loop with a 50 ms timer that counts, asks the stop rule, and ends in time."""

import select
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from doxa_agent.meter import Deadline
from doxa_agent.net import audit
from doxa_agent.net.audit import Moved
from doxa_agent.speed.aside import Aside
from doxa_agent.speed.bins import BIN_S, COARSE, FINE, Bin, Steady, StopRule, first_steady, since, steady_at, total
from doxa_agent.speed.goal import Goal

STALLED_S: Final = 3.0
"""No octet for so long is a line that broke, not a slow one."""
_DUST: Final = 1e-6  # sums of floats
QUIET_SHARE: Final = 0.5
"""Nor is one of which nothing arrived in this last share of a transfer that is shorter than that."""
SETTLE_S: Final = 1.5
"""How long a transfer may go on after its limit, waiting for the receiver's report."""


class Transfer(Protocol):
    """The streams of one direction."""

    def act(self, fd: int, event: int) -> None:
        """A stream can move. Raises `Unreachable` when none is left."""

    def count(self) -> float:
        """Octets of payload that have arrived in all, up to now."""

    @property
    def smooth(self) -> bool:
        """Whether the count is a smooth clock (arrived segments), or in-order octets only."""

    def reached(self, bins: Sequence[Bin], rule: StopRule, goal: Goal) -> str:
        """Whether the goal is reached where the octets arrive, see `Goal.reached`."""

    def settled(self) -> bool:
        """Whether the transfer may end at its limit: an upload waits for what its receiver says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a transfer runs."""

    limit_s: float
    goal: Goal | None
    """What ends it earlier; None runs the whole limit."""
    bin_s: float = BIN_S
    """How often it is counted. Each time costs a wake-up, and only a goal needs the shortest bins."""


@dataclass(slots=True, kw_only=True)
class Course:
    """What happened."""

    bins: list[Bin] = field(default_factory=list)
    rule: StopRule = FINE
    ended: str = "limit"
    """`stable`, `target`, `limit`, `stalled` or `stopped` (deadline or cancel)."""
    cpu_s: float = 0.0
    moved: Moved | None = None
    """What the interface moved in the same time; None where none was named."""

    @property
    def whole(self) -> Bin:
        """All of it, from the first request to the last count."""
        return total(self.bins)

    @property
    def cpu_ratio(self) -> float | None:
        """Our thread's share of one core."""
        seconds = self.whole.seconds
        return min(1.0, self.cpu_s / seconds) if seconds > 0 else None

    def steady(self, *, early_stop: bool) -> Steady | None:
        """The steady figure: at the early stop, or in a run of fixed length all that followed the first steady place."""
        if self.ended not in ("stable", "target", "limit"):
            return None
        return steady_of(self.bins, self.rule, early_stop=early_stop)


def steady_of(bins: list[Bin], rule: StopRule, *, early_stop: bool) -> Steady | None:
    """The steady figure of a series that was stopped early, or that ran its full length."""
    if early_stop:
        return steady_at(bins, rule)
    first = first_steady(bins, rule)
    return None if first is None else since(bins, first)


def run(
    poller: select.epoll,
    transfer: Transfer,
    aside: Aside | None,
    pace: Pace,
    deadline: Deadline,
    interface: str | None,
) -> Course:
    """Move octets until the stop rule holds, the limit is reached, nothing arrives any more, or the deadline is over."""
    course = Course()
    cpu, watched = time.thread_time(), audit.begin(interface)
    start = last = time.monotonic()
    octets, due = 0.0, start + pace.bin_s
    ending = ""
    while not ending:
        _turn(poller, transfer, aside, due)
        now = time.monotonic()
        if now < due:
            continue
        arrived = transfer.count()
        now = time.monotonic()
        course.bins.append(Bin(seconds=now - last, octets=max(0.0, arrived - octets)))
        octets, last = arrived, now
        due += pace.bin_s * (1 + int((now - due) / pace.bin_s))
        course.rule = FINE if transfer.smooth else COARSE
        if aside is not None:
            aside.tick(now)
        ending = _ending(course, transfer, pace, deadline, now - start)
    course.ended = ending
    course.moved = watched.end()
    course.cpu_s = time.thread_time() - cpu
    return course


def _turn(poller: select.epoll, transfer: Transfer, aside: Aside | None, due: float) -> None:
    for fd, event in poller.poll(max(0.0, due - time.monotonic())):
        if aside is not None and fd == aside.fileno():
            aside.ready(time.monotonic(), poller)
        else:
            transfer.act(fd, event)


def _ending(course: Course, transfer: Transfer, pace: Pace, deadline: Deadline, elapsed: float) -> str:
    """Why to end now, empty to go on."""
    if deadline.over:
        return "stopped"
    quiet = quiet_s(course.bins)
    if quiet >= STALLED_S - _DUST:
        return "stalled"
    if pace.goal is not None and (reached := transfer.reached(course.bins, course.rule, pace.goal)):
        return reached
    if elapsed >= pace.limit_s and (transfer.settled() or elapsed >= pace.limit_s + SETTLE_S):
        return "stalled" if quiet >= elapsed * QUIET_SHARE - _DUST else "limit"
    return ""


def quiet_s(bins: Sequence[Bin]) -> float:
    """For how long nothing has arrived, up to the last bin."""
    found = 0.0
    for b in reversed(bins):
        if b.octets:
            break
        found += b.seconds
    return found
