"""The pinger: echo requests to many far ends at once from one thread, with kernel stamps on both sides.

    run = ping([Target(family=4, address="192.0.2.1")], link, Cadence(interval_s=1, count=60), deadline)
    run.tracks[0].delays_ms      one entry per request: milliseconds, or None where it was lost

While the kernel stamps the replies nothing is lost by reading them late: they are collected when the next requests are
due, which halves the wake-ups, and booked some rounds later, for code that runs seldom runs slowly. Source of the
method: RFC 2681 (round-trip delay), RFC 6673 (round-trip loss).

One module, for sending, collecting and the clock between them are one loop, in which each call costs.
"""

import secrets
import select
import socket
import time
from array import array
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, Protocol

from doxa_agent.meter import Deadline, Link
from doxa_agent.net import echo, heavy, stamp
from doxa_agent.net.binding import FAMILIES, Unreachable
from doxa_agent.net.cadence import Cadence, moments, phases
from doxa_agent.net.echosocket import Answer, Departure, EchoSocket, Harvest, Line, NotPermitted, Refusal, Sending
from doxa_agent.net.handshake import HandshakeSocket
from doxa_agent.net.stamp import STEP_NS, Moment
from doxa_agent.net.track import Departures, Target, Track

__all__ = ["Cadence", "Open", "Run", "Target", "Track", "ping"]

_DRAIN_NS: Final = 250_000_000
_DRAIN_COUNT: Final = 64
"""How long, and for how many requests, stamped replies may wait in the socket while others are being sent: with the
largest payload and the smallest usual buffer (212,992 octets, doubled by the kernel) nothing overflows, a batch more
included."""
_NAP_S: Final = 0.1
"""The longest sleep that a cancel does not interrupt."""
LEAD_S: Final = 0.5
"""A request that leaves so shortly before a heavy test may meet its load …"""
SETTLE_S: Final = 1.0
"""… and one that leaves so shortly after it, its queue. The moment of sending alone decides, so that answered and lost
requests are treated alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run amounts to."""

    tracks: tuple[Track, ...]
    """In the order of the targets."""
    cut_short: bool
    """The run ended before its last request was decided."""
    overflowed: int = 0
    """Packets that this machine dropped because its own receive queue was full: never the line's loss."""
    together: int = 1
    """The most requests that left in one call."""
    open: "Open | None" = None
    """Requests without an answer for a following run, where this one had to end before their timeout; else None."""


class _Prober(Protocol):
    """What the loop needs of a way to measure."""

    way: str
    stamped: bool

    @property
    def lasting(self) -> bool: ...
    def fileno(self) -> int: ...
    def batch(self, lines: Sequence[Line]) -> Any: ...
    def send(self, batch: Any, seq: int) -> Sending: ...
    def drain(self) -> Harvest: ...
    def overflowed(self) -> int: ...
    def close(self) -> None: ...


def ping(
    targets: Sequence[Target],
    link: Link,
    cadence: Cadence,
    deadline: Deadline,
    *,
    ends: float | None = None,
    before: "Open | None" = None,
) -> Run:
    """Ask every target `cadence.count` times; ends early, with what there is, when the deadline is over.

    `ends` (monotonic seconds) is for back-to-back use: the run sends nothing later, does not wait beyond it for answers,
    and gives requests that are still open to the next one, which takes them as `before` (the same targets) and books
    them as its first.
    """
    never = Departures()  # shared until a far end has its batch: at the beginning of a run every object counts
    tracks = tuple(Track(target=target, place=place, left=never) for place, target in enumerate(targets))
    with ExitStack() as stack:
        probers: dict[int, _Prober] = {}
        for family in sorted({target.family for target in targets}):
            try:
                probers[family] = _open(family, link, cadence, len(targets))
            except Unreachable as unreachable:
                _give_up(tracks, family, unreachable.reason)
            else:
                stack.callback(probers[family].close)
        loop = _Loop(tracks, probers, cadence, deadline, link.name)
        run = loop.run(ends, before)
        if run.open is not None:
            stack.pop_all()  # the sockets live on
        return run


def _open(family: int, link: Link, cadence: Cadence, far_ends: int) -> _Prober:
    try:
        token = secrets.token_bytes(echo.TOKEN_BYTES)
        return EchoSocket(family, link, token, cadence.payload, dscp=cadence.dscp, far_ends=far_ends)
    except NotPermitted:
        return HandshakeSocket(family, link, cadence.timeout_s, dscp=cadence.dscp)


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
    if "%" not in target.address:
        try:  # a question to the C library for each of a hundred costs more than asking them
            socket.inet_pton(kind, target.address)
        except OSError:
            pass
        else:
            return (target.address, port) if target.family == 4 else (target.address, port, 0, 0)
    # Octets, for a text would load the tables of international names first.
    numeric = target.address.encode("ascii")
    found = socket.getaddrinfo(numeric, port, kind, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
    return tuple(part for part in found[0][4] if not isinstance(part, bytes))


class _Group:
    """Far ends of one family that are asked together."""

    __slots__ = ("batch", "left", "offset", "prober", "tracks")

    def __init__(self, offset: int, prober: _Prober, lines: Sequence[Line], tracks: Sequence[Track]) -> None:
        self.offset, self.prober, self.batch = offset, prober, prober.batch(lines)
        self.tracks, self.left = tuple(tracks), Departures()
        for track in tracks:
            track.left = self.left


class _Loop:
    """One run: sends when due, reads when useful, books each reply once."""

    def __init__(
        self,
        tracks: tuple[Track, ...],
        probers: dict[int, _Prober],
        cadence: Cadence,
        deadline: Deadline,
        link_name: str,
    ) -> None:
        self.tracks, self._cadence, self._deadline, self._link = tracks, cadence, deadline, link_name
        self._by_family = probers
        self._probers = tuple(probers.values())
        self._gatherers = tuple(prober for prober in self._probers if isinstance(prober, EchoSocket))
        self._timeout_ns = int(cadence.timeout_s * 1e9)
        self._drained_at = 0
        self._waiting = 0
        """Requests sent since the sockets were last read."""
        self._last_sent = 0
        self._together = 1
        self._poll = select.poll()
        self._hosts: dict[bytes, Track] = {}
        self._expected: list[bytes | None] = [None] * len(tracks)
        """The address of each far end that can be asked."""
        self._before: Open | None = None

    def run(self, ends: float | None, before: "Open | None") -> Run:
        """Send everything, wait for what may still come, and close the books."""
        self._before = before
        for prober in self._probers:
            self._poll.register(prober.fileno(), select.POLLIN)
        groups = self._group(ends)
        finished = self._send_all(groups, ends) and self._await_last(ends)
        self._drain()
        if self._before is not None:
            self._before.close(self.tracks)
            self._before = None
        now = time.monotonic_ns()  # one moment for both, so that a request is either handed over or decided
        opened = self._hand_over(now) if finished and ends is not None else None
        for track in self.tracks:
            self._close(track, now)
        overflowed = sum(prober.overflowed() for prober in self._probers)
        return Run(
            tracks=self.tracks,
            cut_short=not finished,
            overflowed=overflowed,
            together=self._together,
            open=opened,
        )

    def _group(self, ends: float | None) -> list[_Group]:
        """The far ends by the moment within the interval at which their requests leave."""
        lines = list(self._lines())
        gap = int(self._cadence.interval_s * 1e9)
        spread = gap
        if ends is not None:  # the last round of a run that keeps its time must not be late: its far ends move together
            room = int((ends - time.monotonic()) * 1e9) - gap * (self._cadence.count - 1)
            spread = max(gap // 2, min(gap, room))
        groups: list[_Group] = []
        for offset, turns in phases(len(lines), spread, self._cadence.payload):
            for family, prober in self._by_family.items():
                chosen = [lines[turn] for turn in turns if self.tracks[lines[turn].place].target.family == family]
                if chosen:
                    groups.append(_Group(offset, prober, chosen, [self.tracks[line.place] for line in chosen]))
                    self._together = max(self._together, len(chosen))
        return groups

    def _lines(self) -> list[Line]:
        found, count = [], self._cadence.count
        never = bytes(8 * count)
        for place, track in enumerate(self.tracks):
            if prober := self._by_family.get(track.target.family):
                address = socket_address(track.target, prober.way)
                host = socket.inet_pton(FAMILIES[track.target.family], str(address[0]).partition("%")[0])
                track.way = prober.way
                track.delays = [None] * count
                track.answered = bytearray(count)
                track.stamps = array("q", never)
                self._expected[place] = host
                self._hosts.setdefault(host, track)
                found.append(Line(place, address, host))
        return found

    def _send_all(self, groups: list[_Group], ends: float | None) -> bool:
        gap = int(self._cadence.interval_s * 1e9)
        start = time.monotonic_ns()
        span = int(ends * 1e9) - start if ends is not None else gap * (self._cadence.count + 1)
        latest = start + span
        for offset, number in moments(self._cadence, [group.offset for group in groups], max(0, span)):
            due = start + offset
            if due > latest:
                break
            if not self._wait_until(due):
                return False
            # After a suspension the schedule moves on: what was missed is not sent in one burst.
            start += max(0, time.monotonic_ns() - due - gap)
            self._ask(groups[number])
        return True

    def _ask(self, group: _Group) -> None:
        if self._cadence.pause and self._is_loaded():
            for track in group.tracks:
                track.paused += 1
                if not track.breaks or track.breaks[-1] != group.left.sent:
                    track.breaks = [*track.breaks, group.left.sent]
            return
        if self._waiting >= _DRAIN_COUNT:
            self._gather()
        sending = group.prober.send(group.batch, group.left.sent)
        seq = group.left.add(sending.moment)
        self._waiting += group.batch.size
        self._last_sent = sending.moment.mono
        for place, moment in sending.others.items():
            group.left.others[place, seq] = moment
        for place, reason in sending.refused.items():
            track = self.tracks[place]
            track.unsent += 1
            track.answered[seq] = 2
            track.errors[reason] += 1

    def _is_loaded(self) -> bool:
        now = time.monotonic()
        return heavy.loaded(self._link, now - SETTLE_S, now)

    def _wait_until(self, due: int) -> bool:
        while not self._deadline.over:
            now = time.monotonic_ns()
            if due <= now:
                return True
            # Read after sending, not before: the work then lies between the batches of a train.
            if self._waiting >= _DRAIN_COUNT or (self._waiting and now - self._drained_at >= _DRAIN_NS):
                self._gather()
            else:
                self._rest((due - now) / 1e9)
        return False

    def _rest(self, left_s: float) -> None:
        """Let time pass; wake for replies only where reading them late would falsify their delay."""
        if self._must_listen():
            self._listen(min(left_s, _NAP_S))
        elif left_s <= _NAP_S:
            time.sleep(left_s)
        else:
            self._deadline.wait(left_s)

    def _must_listen(self) -> bool:
        if all(prober.stamped for prober in self._probers):
            return False
        return time.monotonic_ns() < self._last_sent + self._timeout_ns

    def _listen(self, seconds: float) -> None:
        if self._poll.poll(seconds * 1000):
            self._drain()

    def _await_last(self, ends: float | None) -> bool:
        """Wait until each request has its answer or its timeout, or `ends`; False when the deadline comes first."""
        self._drain()
        while self._undecided(time.monotonic_ns()):
            if self._deadline.over:
                return False
            left_s = _NAP_S if ends is None else min(_NAP_S, ends - time.monotonic())
            if left_s <= 0:
                return True
            self._listen(left_s)
        return True

    def _undecided(self, now: int) -> bool:
        return self._last_sent + self._timeout_ns > now and any(self.open_of(track, now) for track in self.tracks)

    def open_of(self, track: Track, now: int) -> list[int]:
        """The numbers of this run's requests to a far end that may still be answered in time."""
        found: list[int] = []
        if track.answered.find(0, 0, track.left.sent) < 0:
            return found
        for seq in range(track.left.sent - 1, -1, -1):
            if track.asked_at(seq).mono + self._timeout_ns <= now:
                break
            if not track.answered[seq]:
                found.append(seq)
        return found[::-1]

    def _hand_over(self, now: int) -> "Open | None":
        marks = {track.place: found for track in self.tracks if (found := self.open_of(track, now))}
        if not marks or not all(prober.lasting for prober in self._probers):
            return None
        return Open(self, marks, self._last_sent + self._timeout_ns, self._probers)

    def _close(self, track: Track, now: int) -> None:
        """Cut the columns to what was sent, put what the run before left open first, and name what is open now."""
        if track.way is None:
            return
        sent = track.left.sent
        track.departures = sent - track.stamps[:sent].count(0)
        track.delays = track.delays[:sent]
        if track.before:
            track.carried = len(track.before)
            track.delays = [*track.before_delays, *track.delays]
            track.breaks = [*track.before_breaks, *(index + track.carried for index in track.breaks)]
        if opened := self.open_of(track, now):
            track.open = frozenset(seq + track.carried for seq in opened)

    def drain(self) -> None:
        """Read and book what waits in the sockets."""
        self._drain()

    def _gather(self) -> None:
        """Empty the sockets; what came is read now only where it must be: reading much together costs far less."""
        if (
            self._before is None
            and len(self._gatherers) == len(self._probers)
            and all(prober.gather(self._waiting) for prober in self._gatherers)
        ):
            self._drained_at, self._waiting = time.monotonic_ns(), 0
        else:
            self._drain()

    def _drain(self) -> None:
        for prober in self._probers:
            harvest = prober.drain()
            noticed = stamp.now()
            self._correct(harvest.departures)
            for answers, moment in harvest.gathered:
                self._book(answers, moment)
            self._book(harvest.answers, noticed)
            for refusal in harvest.refusals:
                self._blame(refusal)
        self._drained_at, self._waiting = time.monotonic_ns(), 0
        if self._before is not None and self._before.decided:
            self._before.close(self.tracks)
            self._before = None

    def _correct(self, departures: Iterable[Departure]) -> None:
        """Let delays begin at the kernel's transmit stamps."""
        tracks, expected, many, longest = self.tracks, self._expected, len(self.tracks), stamp.LONGEST_WAIT_NS
        for place, seq, departure in departures:
            if place < many and expected[place] is not None:
                track = tracks[place]
                left = track.left
                if seq < left.sent:
                    sent = track.asked_at(seq).real if left.others else left.real[seq]
                    if 0 <= departure - sent <= longest:  # else the clock was set meanwhile
                        track.stamps[seq] = departure

    def _book(self, answers: Iterable[Answer], noticed: Moment) -> None:
        """Take each answer to a request of ours once; this is done for every packet, so it is written out."""
        tracks, expected, many, timeout = self.tracks, self._expected, len(self.tracks), self._timeout_ns
        offset = noticed.real - noticed.mono
        for answer in answers:
            place, seq, host, received, _ = answer
            if place >= many:
                continue
            track = tracks[place]
            if seq >= track.left.sent:
                continue
            if host != expected[place]:
                track.foreign += 1
            elif track.answered[seq]:
                track.duplicates += 1
            else:
                track.answered[seq] = 1
                left = track.stamps[seq]
                if (
                    left
                    and received is not None
                    and left <= received <= noticed.real
                    and received - left <= timeout
                    and -STEP_NS <= offset - track.left.offset[seq] <= STEP_NS
                ):
                    track.delays[seq] = received - left
                else:
                    self._take(track, answer, noticed)

    def _take(self, track: Track, answer: Answer, noticed: Moment) -> None:
        """The unusual answer: without a stamp, late, or across a step of the clock."""
        _, seq, _, received, delay = answer
        if delay is not None:
            trip = stamp.RoundTrip(delay, by_kernel=True, stepped=False)
        else:
            trip = stamp.round_trip(track.sent_at(seq), received, noticed)
        if trip.delay > self._timeout_ns:
            track.late += 1
            return
        track.delays[seq] = trip.delay
        track.by_process += not trip.by_kernel
        track.stepped += trip.stepped

    def _blame(self, refusal: Refusal) -> None:
        """Book an ICMP error; the request stays open until its timeout, for its answer may come all the same."""
        track = self._hosts.get(refusal.host)
        if refusal.mark is not None and refusal.mark.place < len(self.tracks):
            track = self.tracks[refusal.mark.place]
        if track is not None:
            track.errors[refusal.reason] += 1


class Open:
    """Requests of a finished run whose timeout was not over: their sockets stay, the kernel goes on stamping."""

    def __init__(self, loop: _Loop, marks: dict[int, list[int]], decided_at: int, probers: Sequence[_Prober]) -> None:
        self._loop, self._marks, self._decided_at, self._probers = loop, marks, decided_at, probers
        self._columns = {place: loop.tracks[place].delays for place in marks}

    @property
    def decided(self) -> bool:
        """Whether every timeout is over."""
        return time.monotonic_ns() >= self._decided_at

    def close(self, tracks: Sequence[Track]) -> None:
        """Book what has become of them as the first requests of the next run's `tracks`, and give the sockets back."""
        for place, column in self._columns.items():
            self._loop.tracks[place].delays = column
        self._loop.drain()
        now = time.monotonic_ns()
        for place, marks in self._marks.items():
            old = self._loop.tracks[place]
            if place < len(tracks) and tracks[place].target == old.target:
                undecided = self._loop.open_of(old, now)
                _carry(old, [seq for seq in marks if seq not in undecided], tracks[place])
        self.abandon()

    def abandon(self) -> None:
        """Give the sockets back; nobody books these requests."""
        for prober in self._probers:
            prober.close()


def _carry(old: Track, marks: list[int], track: Track) -> None:
    """Put requests of the run before in front of a track of the next one."""
    breaks = [index for index in range(1, len(marks)) if marks[index] != marks[index - 1] + 1]
    if marks and marks[-1] != old.left.sent - 1:
        breaks.append(len(marks))
    track.before_breaks = breaks
    track.before = [old.sent_at(seq).mono for seq in marks]
    track.before_delays = [old.delays[seq] for seq in marks]
