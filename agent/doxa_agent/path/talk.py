"""Probes and their answers: which answer belongs to which probe, and how long it took."""

import select
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from doxa_agent.meter import Deadline
from doxa_agent.net.stamp import Moment, RoundTrip, departed, now, round_trip
from doxa_agent.path.packets import MAX_SEQ
from doxa_agent.path.tracer import Sighting, Tracer, Word

_NAP_S: Final = 0.1
"""The longest wait that a cancel does not interrupt."""


@dataclass(slots=True, kw_only=True)
class Shot:
    """One probe that left."""

    ttl: int
    turn: int | None
    """Its round; None while the path is being discovered."""
    sent: Moment
    closed: bool = False
    """Given up: an answer that does not name its probe is no longer taken for this one's."""


class Hit(NamedTuple):
    """The first answer to a probe."""

    host: str
    word: Word
    reason: str
    stamp: int | None
    noticed: Moment


class Talk:
    """One tracer's probes and answers."""

    def __init__(self, tracer: Tracer, timeout_s: float) -> None:
        self.tracer = tracer
        self._timeout_ns = int(timeout_s * 1e9)
        self.shots: dict[int, Shot] = {}
        self.hits: dict[int, Hit] = {}
        self.seen_at: dict[str, set[int]] = {}
        """By address, the hop limits at which it answered."""
        self.duplicates = 0
        self.unnamed = 0
        """Answers that quoted too little to name their probe, …"""
        self.unattributed = 0
        """… and those of them that could not be given to one with certainty."""
        self.unsent: Counter[str] = Counter()
        self._poller = select.poll()
        self._poller.register(tracer.fileno(), select.POLLIN)  # POLLERR, for the error queue, is always told

    def send(self, ttl: int, turn: int | None = None) -> int | None:
        """Send a probe; its number, None where the kernel would not send it."""
        seq = len(self.shots) + sum(self.unsent.values())
        if seq > MAX_SEQ:
            return None
        moment = self.tracer.send(seq, ttl)
        if moment is None:
            self.unsent[self.tracer.refusal] += 1
            return None
        self.shots[seq] = Shot(ttl=ttl, turn=turn, sent=moment)
        return seq

    def ask(self, ttl: int, wait_s: float, deadline: Deadline) -> Hit | None:
        """Send one probe and wait for its answer."""
        seq = self.send(ttl)
        if seq is None:
            return None
        self.listen(time.monotonic() + wait_s, deadline, lambda: seq in self.hits)
        self.shots[seq].closed = True
        return self.hits.get(seq)

    def listen(self, until: float, deadline: Deadline, enough: Callable[[], bool] = lambda: False) -> None:
        """Take in answers until that moment of the monotonic clock, the deadline, or until it is enough."""
        while True:
            self.collect()
            left = min(until - time.monotonic(), deadline.left_s)
            if left <= 0 or enough():
                return
            self._poller.poll(min(left, _NAP_S) * 1000)

    def collect(self) -> None:
        """Take in what waits, without waiting."""
        found = self.tracer.drain()
        noticed = now()
        for sighting in found:
            self._take(sighting, noticed)

    def _take(self, found: Sighting, noticed: Moment) -> None:
        seq = found.seq
        if seq is None:
            self.unnamed += 1
            seq = self._guess(found, noticed)
            if seq is None:
                self.unattributed += 1
                return
        shot = self.shots.get(seq)
        if shot is None:
            return
        if seq in self.hits:
            self.duplicates += 1
            return
        self.hits[seq] = Hit(found.host, found.word, found.reason, found.stamp, noticed)
        self.seen_at.setdefault(found.host, set()).add(shot.ttl)

    def _guess(self, found: Sighting, noticed: Moment) -> int | None:
        """The only open probe that this address can have answered: where it answered before, else at an unknown hop."""
        still: list[int] = []
        for seq in reversed(self.shots):
            if noticed.mono - self.shots[seq].sent.mono > self._timeout_ns:
                break
            if seq not in self.hits and not self.shots[seq].closed:
                still.append(seq)
        places = self.seen_at.get(found.host)
        known = set().union(*self.seen_at.values()) if self.seen_at else set()
        fits = [seq for seq in still if (self.shots[seq].ttl in places if places else self.shots[seq].ttl not in known)]
        return fits[0] if len(fits) == 1 else None

    def delay(self, seq: int) -> RoundTrip | None:
        """How long the answer to a probe took, nanoseconds; None without an answer."""
        hit = self.hits.get(seq)
        if hit is None:
            return None
        sent, left = self.shots[seq].sent, self.tracer.departures.get(seq)
        return round_trip(sent if left is None else departed(sent, left), hit.stamp, hit.noticed)

    def in_time(self, seq: int) -> RoundTrip | None:
        """The same; None also where it came after the timeout, which counts as lost."""
        found = self.delay(seq)
        return found if found is not None and found.delay <= self._timeout_ns else None
