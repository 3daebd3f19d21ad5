"""The session sender (RFC 8762 §4.2): test packets to several reflectors at once from one thread.

    run = probe([Target(family=4, address="192.0.2.1")], link, Cadence(interval_s=1, count=60), deadline)
    run.tracks[0].book                 what was sent and what came back

Each reflector has a connected socket of its own, with a fresh port and session identifier, so that every run is a new
session there. T1 is the kernel's transmit stamp where the driver gives one, T4 its receive stamp; both are carried to
the monotonic clock (net/stamp.py), so that setting this machine's clock falsifies nothing.
"""

import secrets
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from doxa_agent.meter import Deadline, Link
from doxa_agent.net import stamp
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket
from doxa_agent.net.clock import read_clock
from doxa_agent.net.echosocket import reason_of
from doxa_agent.net.stamp import Moment
from doxa_agent.stamp import tlv, wire
from doxa_agent.stamp.book import Answer, Book
from doxa_agent.stamp.packet import Reply, Request, encode_request, parse_reply
from doxa_agent.stamp.timestamp import ErrorEstimate, to_ntp
from doxa_agent.stamp.tlv import PacketError
from doxa_core.measurement import Clock

MAX_PADDING: Final = 1300
"""So that the largest packet fits into 1500 octets, over IPv6 and authenticated."""
_NAP_S: Final = 0.1
"""The longest sleep that a cancel does not interrupt."""
_QUEUE_BYTES: Final = 1 << 20
_MANY: Final = 4096
"""A bound for one drain, so that a flood cannot hold the loop."""
_RETRIES: Final = 4
_RECVERR: Final = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}  # IP_RECVERR, IPV6_RECVERR (linux/in.h)
_EXTENDED_ERROR: Final = struct.Struct("=IB")  # the head of struct sock_extended_err: errno, origin
_FROM_NETWORK: Final = frozenset({2, 3})  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_FROM_STAMPING: Final = 4  # SO_EE_ORIGIN_TIMESTAMPING
_ERROR_ROOM: Final = wire.ROOM + socket.CMSG_SPACE(64)
_HEAD: Final = struct.Struct("!I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """To whom test packets go."""

    family: int
    address: str
    port: int = 862
    key: bytes | None = None
    """With a key the session is authenticated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often, how many, how large, how long to wait."""

    interval_s: float = 1.0
    count: int = 10
    timeout_s: float = 2.0
    """A reply that took longer is late: lost for the statistics, counted apart."""
    padding: int = 0
    """Octets of extra padding (RFC 8972 §4.1), besides its header of 4."""


@dataclass(slots=True, kw_only=True)
class Track:
    """What happened with one reflector."""

    target: Target
    book: Book = field(default_factory=Book)
    packet_bytes: int = 0
    """The UDP payload of each packet; 0 where no socket could be had (`errors` says why)."""
    source: str | None = None
    held: bool = False
    """Whether the device itself holds the socket."""
    errors: Counter[str] = field(default_factory=Counter)
    """Reason codes: why requests were not sent, and the ICMP errors that came back."""
    refused: Counter[str] = field(default_factory=Counter)
    """Packets that were no replies of ours, by the reason: `too_short`, `bad_hmac`, `foreign`."""
    dropped: int = 0
    """Packets that this machine dropped because the socket's queue was full: never the line's loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run amounts to."""

    tracks: tuple[Track, ...]
    """In the order of the targets."""
    cut_short: bool
    """The run ended before its last request was decided."""
    clocks: tuple[Clock, Clock]
    """This machine's clock before and after."""


def probe(targets: Sequence[Target], link: Link, cadence: Cadence, deadline: Deadline) -> Run:
    """Ask every reflector `cadence.count` times; ends early, with what there is, when the deadline is over."""
    tracks = tuple(Track(target=target) for target in targets)
    before = read_clock()
    error = ErrorEstimate.of(before.error_ms if before.synchronised else None)
    with ExitStack() as stack:
        sessions = []
        for track in tracks:
            try:
                session = _Session(track, link, cadence, error)
            except Unreachable as unreachable:
                track.errors[unreachable.reason] += 1
            else:
                stack.callback(session.close)
                sessions.append(session)
        finished = _Loop(sessions, cadence, deadline).run()
    return Run(tracks=tracks, cut_short=not finished, clocks=(before, read_clock()))


class _Session:
    """The socket of one session: sends, reads, books."""

    def __init__(self, track: Track, link: Link, cadence: Cadence, error: ErrorEstimate) -> None:
        self.track, self._book = track, track.book
        self._target, self._error = track.target, error
        self._timeout_ns = int(cadence.timeout_s * 1e9)
        self._ssid = secrets.randbelow(0xFFFF) + 1
        self._padding = tlv.encode([tlv.Tlv(tlv.EXTRA_PADDING, secrets.token_bytes(cadence.padding))])
        self._padding = self._padding if cadence.padding else b""
        self._pending: dict[int, int] = {}
        """Requests without an answer and when they left (monotonic ns), oldest first."""
        self._recverr = _RECVERR[self._target.family]
        try:
            self._socket = socket.socket(FAMILIES[self._target.family], socket.SOCK_DGRAM)
        except OSError:
            raise Unreachable("family_unavailable") from None
        try:
            self._prepare(link)
        except BaseException:
            self._socket.close()
            raise
        self.track.packet_bytes = len(self._encode(0, 0))

    def _prepare(self, link: Link) -> None:
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
        self._socket.setsockopt(*self._recverr, 1)
        wire.prepare(self._socket, self._target.family)
        stamp.ask_for_stamps(self._socket)
        self.track.held = bind_socket(self._socket, link, self._target.family)
        kind = FAMILIES[self._target.family]
        found = socket.getaddrinfo(
            self._target.address.encode("ascii"), self._target.port, kind, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST
        )
        try:
            self._socket.connect(found[0][4])
        except OSError as error:
            raise Unreachable(reason_of(error.errno)) from None
        self.track.source = str(self._socket.getsockname()[0])

    def fileno(self) -> int:
        """The descriptor, for polling."""
        return self._socket.fileno()

    @property
    def waiting(self) -> bool:
        """Whether answers may still come."""
        return bool(self._pending)

    def _encode(self, number: int, timestamp: int) -> bytes:
        counters = tlv.Counters(number + 1, 0, 0).to_tlv()
        tail = (
            tlv.encode([counters]) if self._target.key is None else tlv.seal(number, [counters], self._target.key)
        ) + self._padding
        request = Request(sequence=number, timestamp=timestamp, error=self._error, ssid=self._ssid, tail=tail)
        return encode_request(request, self._target.key)

    def send(self) -> None:
        """Send the next request."""
        number = len(self._book.stamps)
        for _ in range(_RETRIES):
            moment = stamp.now()
            refused = self._try_to_send(number, to_ntp(moment.real))
            # An ICMP error about an earlier request is reported by the next call; it says nothing about this one.
            if refused is None or not self._read_errors():
                break
        else:
            moment, refused = stamp.now(), "queue_full"
        if refused is None:
            self._pending[number] = moment.mono
        else:
            self._book.unsent += 1
            self.track.errors[refused] += 1
        self._book.sent_real.append(moment.real)
        self._book.sent_mono.append(moment.mono)
        self._book.stamps.append(to_ntp(moment.real))

    def _try_to_send(self, number: int, timestamp: int) -> str | None:
        """Hand the request to the kernel; a reason code where it would not take it."""
        try:
            self._socket.send(self._encode(number, timestamp))
        except OSError as error:
            return reason_of(error.errno)
        return None

    def drain(self) -> None:
        """Read all that waits: transmit stamps and ICMP errors first, then replies."""
        self._read_errors()
        for _ in range(_MANY):
            try:
                octets, ancillary, _, _ = self._socket.recvmsg(wire.LARGEST, wire.ROOM)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error waits: no fault of this socket
                if not self._read_errors():
                    break
                continue
            self._take(octets, stamp.stamp_of(ancillary), stamp.now())
        self._expire()

    def finish(self) -> None:
        """Close the books."""
        self._book.undecided = len(self._pending)
        self.track.dropped = wire.dropped(self._socket)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _expire(self) -> None:
        """Forget requests whose timeout is over; a reply that still comes is found to be late by its stamp."""
        oldest = time.monotonic_ns() - self._timeout_ns
        while self._pending and self._pending[first := next(iter(self._pending))] < oldest:
            del self._pending[first]

    def _take(self, octets: bytes, arrived: int | None, noticed: Moment) -> None:
        try:
            reply = parse_reply(octets, self._target.key)
        except PacketError as error:
            self.track.refused[error.code] += 1
            return
        number = reply.asked_sequence
        asked = number < len(self._book.stamps) and reply.asked_timestamp == self._book.stamps[number]
        # 0 comes from a reflector that knows no session identifiers (RFC 8972 §3).
        if not asked or reply.ssid not in (0, self._ssid):
            self.track.refused["foreign"] += 1
        elif (answer := self._read(reply, arrived, noticed)) is None:
            self.track.refused["bad_timestamp"] += 1
        else:
            self._pending.pop(number, None)
            self._book.add(answer, self._timeout_ns)

    def _read(self, reply: Reply, arrived: int | None, noticed: Moment) -> Answer | None:
        """The reply's times and numbers; None where its timestamps are none."""
        sent = self._book.sent_at(reply.asked_sequence)
        trip = stamp.round_trip(sent, arrived, noticed)
        reached = reply.error.moment(reply.received, sent.real)
        answered = reply.error.moment(reply.timestamp, sent.real)
        if reached is None or answered is None:
            return None
        return Answer(
            asked=reply.asked_sequence,
            number=reply.sequence,
            trip=trip.delay,
            residence=answered - reached,
            out=reached - sent.mono,
            back=sent.mono + trip.delay - answered,
            ttl=reply.ttl,
            counters=tlv.read_counters(reply.tail, reply.sequence, self._target.key),
            bound_ms=reply.error.bound_ms,
            ptp=reply.error.ptp,
            by_kernel=trip.by_kernel,
            stepped=trip.stepped,
        )

    def _read_errors(self) -> int:
        """Take what waits in the error queue (ip(7), IP_RECVERR); how many errors the network had sent."""
        found = 0
        for _ in range(_MANY):
            try:
                octets, ancillary, _, _ = self._socket.recvmsg(wire.LARGEST, _ERROR_ROOM, socket.MSG_ERRQUEUE)
            except OSError:
                break
            number = origin = 0
            for level, kind, control in ancillary:
                if (level, kind) == self._recverr and len(control) >= _EXTENDED_ERROR.size:
                    number, origin = _EXTENDED_ERROR.unpack_from(control)
            if origin == _FROM_STAMPING:
                self._departed(octets, stamp.stamp_of(ancillary))
            elif origin in _FROM_NETWORK:
                found += 1
                self.track.errors[reason_of(number)] += 1
        return found

    def _departed(self, frame: bytes, departure: int | None) -> None:
        """Let a delay begin at the kernel's transmit stamp; the frame ends with the packet that it is about."""
        octets = frame[-self.track.packet_bytes :]
        if departure is None or len(octets) < self.track.packet_bytes:
            return
        (number,) = _HEAD.unpack_from(octets)
        if number >= len(self._book.stamps) or number in self._book.answers:
            return
        moved = stamp.departed(sent := self._book.sent_at(number), departure)
        if moved is not sent:
            self._book.sent_real[number], self._book.sent_mono[number] = moved
            self._book.departures += 1


class _Loop:
    """One run over all sessions: sends when due, reads when something came."""

    def __init__(self, sessions: Sequence[_Session], cadence: Cadence, deadline: Deadline) -> None:
        self._sessions, self._cadence, self._deadline = sessions, cadence, deadline
        self._poll = select.poll()
        self._by_descriptor = {session.fileno(): session for session in sessions}
        for descriptor in self._by_descriptor:
            self._poll.register(descriptor, select.POLLIN)

    def run(self) -> bool:
        """Send everything and wait for what may still come; False when the deadline came first."""
        finished = self._send_all() and self._await_last()
        for session in self._sessions:
            session.drain()
            session.finish()
        return finished

    def _send_all(self) -> bool:
        gap = int(self._cadence.interval_s * 1e9)
        start = time.monotonic_ns()
        for number in range(self._cadence.count):
            for turn, session in enumerate(self._sessions):
                due = start + number * gap + turn * gap // len(self._sessions)
                if not self._wait_until(due):
                    return False
                # After a suspension the schedule moves on: what was missed is not sent in one burst.
                start += max(0, time.monotonic_ns() - due - gap)
                session.send()
        return True

    def _wait_until(self, due: int) -> bool:
        while not self._deadline.over:
            left = due - time.monotonic_ns()
            if left <= 0:
                return True
            self._listen(min(left / 1e9, _NAP_S))
        return False

    def _await_last(self) -> bool:
        for session in self._sessions:
            session.drain()
        while any(session.waiting for session in self._sessions):
            if self._deadline.over:
                return False
            self._listen(_NAP_S)
            for session in self._sessions:
                session.drain()
        return True

    def _listen(self, seconds: float) -> None:
        # Rounded up: a poll of 0 ms would spin until the moment has come.
        for descriptor, _ in self._poll.poll(seconds * 1000):
            self._by_descriptor[descriptor].drain()
