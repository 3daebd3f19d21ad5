"""The pinger: echo requests to many far ends at once from one thread, staggered evenly, with kernel receive stamps.

    run = ping([Target(family=4, address="192.0.2.1")], link, Cadence(interval_s=1, count=60), deadline)
    run.tracks[0].delays_ms      one entry per request: milliseconds, or None where it was lost

While the kernel stamps the replies nothing is lost by reading them late: they are collected when the next request is
due, which halves the wake-ups. Source of the method: RFC 2681 (round-trip delay), RFC 6673 (round-trip loss).
"""

import secrets
import select
import socket
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final, Protocol

from doxa_agent.meter import Deadline, Link
from doxa_agent.net import echo, stamp
from doxa_agent.net.binding import FAMILIES, Unreachable
from doxa_agent.net.echosocket import Answer, EchoSocket, Harvest, NotPermitted, Refusal
from doxa_agent.net.handshake import HandshakeSocket
from doxa_agent.net.stamp import Moment

_DRAIN_NS: Final = 250_000_000
_DRAIN_COUNT: Final = 64
"""How long, and for how many requests, stamped replies may wait in the socket while others are being sent: with the
largest payload and the smallest usual buffer (212,992 octets, doubled by the kernel) nothing overflows."""
_SLOT_NS: Final = 100_000_000
_SLOTS: Final = 8
"""Requests to several far ends that are due within a slot leave together: a wake-up costs more than ten packets. A slot is
100 ms, but never more than an eighth of the interval. Up to eight far ends always leave one by one."""
_NAP_S: Final = 0.1
"""The longest sleep that a cancel does not interrupt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """To whom requests go: a numeric address and its family; the port is for handshakes only."""

    family: int
    address: str
    port: int = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often, how many, how large, how long to wait."""

    interval_s: float = 1.0
    """Between two requests to the same far end."""
    count: int = 10
    """Requests per far end."""
    timeout_s: float = 2.0
    """A reply that took longer is late: lost for the statistics, counted apart."""
    payload: int = 56
    """Octets after the ICMP header."""


@dataclass(slots=True, kw_only=True)
class Track:
    """What happened with one far end. `delays` has one entry per request in sending order: nanoseconds or None."""

    target: Target
    way: str | None = None
    """`icmp_datagram`, `icmp_raw` or `tcp_handshake`; None where no socket could be had (`errors` says why)."""
    delays: list[int | None] = field(default_factory=list)
    late: int = 0
    """Replies after the timeout, each counted once."""
    duplicates: int = 0
    """Further replies to a request that already had one."""
    foreign: int = 0
    """Replies with our token from another address than the one asked."""
    unsent: int = 0
    """Requests among `delays` that the kernel refused to send."""
    undecided: int = 0
    """Requests among `delays` that the run did not live to see decided: neither received nor lost."""
    by_process: int = 0
    """Delays taken when this process noticed, not from a kernel stamp: upper bounds."""
    departures: int = 0
    """Requests with a kernel transmit stamp; for the others the delay begins when this process sent them."""
    stepped: int = 0
    """Delays during which the wall clock was set."""
    errors: Counter[str] = field(default_factory=Counter)
    """Reason codes: why requests were not sent, and the ICMP errors that came back."""
    sent_real: "array[int]" = field(default_factory=lambda: array("q"), repr=False)
    sent_mono: "array[int]" = field(default_factory=lambda: array("q"), repr=False)
    answered: bytearray = field(default_factory=bytearray, repr=False)

    @property
    def delays_ms(self) -> list[float | None]:
        """The delays in milliseconds, exact to the nanosecond."""
        return [None if delay is None else delay / 1e6 for delay in self.delays]

    @property
    def received(self) -> int:
        """Requests answered in time."""
        return len(self.delays) - self.delays.count(None)

    def sent_at(self, seq: int) -> Moment:
        """When a request left."""
        return Moment(self.sent_real[seq], self.sent_mono[seq])


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run amounts to."""

    tracks: tuple[Track, ...]
    """In the order of the targets."""
    cut_short: bool
    """The run ended before its last request was decided."""
    overflowed: int = 0
    """Packets that this machine dropped because its own receive queue was full: never the line's loss."""


class _Prober(Protocol):
    """What the loop needs of a way to measure."""

    way: str
    stamped: bool

    def fileno(self) -> int: ...
    def send(self, mark: echo.Mark, address: tuple[str | int, ...]) -> tuple[Moment, str | None]: ...
    def drain(self) -> Harvest: ...
    def overflowed(self) -> int: ...
    def close(self) -> None: ...


def ping(targets: Sequence[Target], link: Link, cadence: Cadence, deadline: Deadline) -> Run:
    """Ask every target `cadence.count` times; ends early, with what there is, when the deadline is over."""
    tracks = tuple(Track(target=target) for target in targets)
    with ExitStack() as stack:
        probers: dict[int, _Prober] = {}
        for family in sorted({target.family for target in targets}):
            try:
                probers[family] = _open(family, link, cadence)
            except Unreachable as unreachable:
                _give_up(tracks, family, unreachable.reason)
            else:
                stack.callback(probers[family].close)
        return _Loop(tracks, probers, cadence, deadline).run()


def _open(family: int, link: Link, cadence: Cadence) -> _Prober:
    try:
        return EchoSocket(family, link, secrets.token_bytes(echo.TOKEN_BYTES), cadence.payload)
    except NotPermitted:
        return HandshakeSocket(family, link, cadence.timeout_s)


def _give_up(tracks: Sequence[Track], family: int, reason: str) -> None:
    for track in tracks:
        if track.target.family == family:
            track.errors[reason] += 1


def socket_address(target: Target, way: str) -> tuple[str | int, ...]:
    """The address as the socket calls want it, with the scope of a link-local one (RFC 4007).

    ICMP has no ports, and a raw IPv6 socket would take one for a protocol number.
    """
    port = target.port if way == HandshakeSocket.way else 0
    kind = FAMILIES[target.family]
    found = socket.getaddrinfo(target.address, port, kind, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
    return tuple(part for part in found[0][4] if not isinstance(part, bytes))


_Line = tuple[int, Track, _Prober, tuple[str | int, ...]]
"""A far end that can be asked: its place among the tracks, its track, its socket, its address."""


class _Loop:
    """One run: sends when due, reads when useful, books each reply once."""

    def __init__(
        self, tracks: tuple[Track, ...], probers: dict[int, _Prober], cadence: Cadence, deadline: Deadline
    ) -> None:
        self._tracks, self._cadence, self._deadline = tracks, cadence, deadline
        self._probers = tuple(probers.values())
        self._timeout_ns = int(cadence.timeout_s * 1e9)
        self._pending: dict[echo.Mark, int] = {}
        """Requests without an answer and when they left (monotonic ns), oldest first."""
        self._drained_at = 0
        self._waiting = 0
        """Requests sent since the sockets were last read."""
        self._poll = select.poll()
        self._lines: list[_Line] = []
        self._hosts: dict[int | str, Track] = {}
        for place, track in enumerate(tracks):
            if prober := probers.get(track.target.family):
                address = socket_address(track.target, prober.way)
                track.way = prober.way
                self._lines.append((place, track, prober, address))
                self._hosts.setdefault(address[0], track)
        self._expected = {place: address[0] for place, _, _, address in self._lines}

    def run(self) -> Run:
        """Send everything, wait for what may still come, and close the books."""
        for prober in self._probers:
            self._poll.register(prober.fileno(), select.POLLIN)
        finished = self._send_all() and self._await_last()
        self._drain()
        for mark in self._pending:
            self._tracks[mark.place].undecided += 1
        overflowed = sum(prober.overflowed() for prober in self._probers)
        return Run(tracks=self._tracks, cut_short=not finished, overflowed=overflowed)

    def _send_all(self) -> bool:
        gap = int(self._cadence.interval_s * 1e9)
        groups = self._group(gap)
        start = time.monotonic_ns()
        for seq in range(self._cadence.count):
            for offset, lines in groups:
                due = start + seq * gap + offset
                if not self._wait_until(due):
                    return False
                # After a suspension the schedule moves on: what was missed is not sent in one burst.
                start += max(0, time.monotonic_ns() - due - gap)
                for place, track, prober, address in lines:
                    self._send(echo.Mark(place, seq), track, prober, address)
        return True

    def _group(self, gap: int) -> list[tuple[int, list[_Line]]]:
        """The far ends by the moment within the interval at which their requests leave."""
        slot = max(1, min(_SLOT_NS, gap // _SLOTS))
        groups: dict[int, list[_Line]] = {}
        for turn, line in enumerate(self._lines):
            groups.setdefault(turn * gap // len(self._lines) // slot * slot, []).append(line)
        return sorted(groups.items())

    def _wait_until(self, due: int) -> bool:
        while not self._deadline.over:
            now = time.monotonic_ns()
            if self._waiting >= _DRAIN_COUNT or (self._waiting and now - self._drained_at >= _DRAIN_NS):
                self._drain()
                now = time.monotonic_ns()
            if due <= now:
                return True
            self._rest((due - now) / 1e9)
        return False

    def _rest(self, left_s: float) -> None:
        """Let time pass; wake for replies only where reading them late would falsify their delay."""
        if self._pending and not all(prober.stamped for prober in self._probers):
            self._listen(min(left_s, _NAP_S))
        elif left_s <= _NAP_S:
            time.sleep(left_s)
        else:
            self._deadline.wait(left_s)

    def _listen(self, seconds: float) -> None:
        if self._poll.poll(seconds * 1000):
            self._drain()
        else:
            self._expire()

    def _await_last(self) -> bool:
        """Wait until each request has its answer or its timeout; False when the deadline comes first."""
        self._drain()
        while self._pending:
            if self._deadline.over:
                return False
            self._listen(_NAP_S)
        return True

    def _send(self, mark: echo.Mark, track: Track, prober: _Prober, address: tuple[str | int, ...]) -> None:
        moment, refused = prober.send(mark, address)
        track.sent_real.append(moment.real)
        track.sent_mono.append(moment.mono)
        track.delays.append(None)
        track.answered.append(0)
        if refused:
            track.unsent += 1
            track.errors[refused] += 1
        else:
            self._pending[mark] = moment.mono
            self._waiting += 1

    def _drain(self) -> None:
        for prober in self._probers:
            harvest = prober.drain()
            noticed = stamp.now()
            for mark, departure in harvest.departures:
                self._correct(mark, departure)
            for answer in harvest.answers:
                self._book(answer, noticed)
            for refusal in harvest.refusals:
                self._blame(refusal)
        self._drained_at, self._waiting = time.monotonic_ns(), 0
        self._expire()

    def _asked(self, mark: echo.Mark) -> bool:
        return mark.place in self._expected and mark.seq < len(self._tracks[mark.place].delays)

    def _correct(self, mark: echo.Mark, departure: int) -> None:
        """Let a delay begin at the kernel's transmit stamp."""
        if not self._asked(mark):
            return
        track = self._tracks[mark.place]
        sent = track.sent_at(mark.seq)
        moved = stamp.departed(sent, departure)
        if moved is not sent:
            track.sent_real[mark.seq], track.sent_mono[mark.seq] = moved
            track.departures += 1

    def _book(self, answer: Answer, noticed: Moment) -> None:
        if not self._asked(answer.mark):
            return
        place, seq = answer.mark
        track = self._tracks[place]
        if answer.host != self._expected[place]:
            track.foreign += 1
        elif track.answered[seq]:
            track.duplicates += 1
        else:
            track.answered[seq] = 1
            self._pending.pop(answer.mark, None)
            self._take(track, seq, answer, noticed)

    def _take(self, track: Track, seq: int, answer: Answer, noticed: Moment) -> None:
        if answer.delay is not None:
            trip = stamp.RoundTrip(answer.delay, by_kernel=True, stepped=False)
        else:
            trip = stamp.round_trip(track.sent_at(seq), answer.stamp, noticed)
        if trip.delay > self._timeout_ns:
            track.late += 1
            return
        track.delays[seq] = trip.delay
        track.by_process += not trip.by_kernel
        track.stepped += trip.stepped

    def _blame(self, refusal: Refusal) -> None:
        """Book an ICMP error; the request stays open until its timeout, for its answer may come all the same."""
        place = None if refusal.mark is None else refusal.mark.place
        track = self._tracks[place] if place in self._expected and place is not None else self._hosts.get(refusal.host)
        if track is not None:
            track.errors[refusal.reason] += 1

    def _expire(self) -> None:
        """Forget requests whose timeout is over; a reply that still comes is found to be late by its stamp."""
        oldest = time.monotonic_ns() - self._timeout_ns
        while self._pending and self._pending[first := next(iter(self._pending))] < oldest:
            del self._pending[first]
