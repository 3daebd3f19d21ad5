"""The session reflector (RFC 8762 §4.3, RFC 8972): answers test packets, one UDP socket per address, in one thread.

Stateful by default: each session (addresses, ports and session identifier, RFC 8972 §3) has its own count of replies, so
that a sender can tell loss on the way out from loss on the way back. Sessions are many but bounded, and forgotten when
nothing comes for long; beyond the bound packets are answered without state, and say so by not filling in the counters.

It never amplifies: a reply has exactly the size of its request, a request that is shorter than a base packet gets none
(a departure from RFC 8762 §4.6, which would answer it with more octets), and rates are limited.
"""

import errno
import select
import socket
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from doxa_agent.net import stamp
from doxa_agent.net.clock import read_clock
from doxa_agent.net.wake import Wake
from doxa_agent.stamp import tlv, wire
from doxa_agent.stamp.limits import Rates
from doxa_agent.stamp.packet import Reply, Request, encode_reply, parse_request
from doxa_agent.stamp.timestamp import ErrorEstimate, to_ntp
from doxa_agent.stamp.tlv import PacketError
from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_core.measurement import Clock

PORT: Final = 862
"""RFC 8762 §4.1."""
_BATCH: Final = 64
"""Packets of one socket before the others get their turn."""
_QUEUE_BYTES: Final = 1 << 20
_CLOCK_EVERY_S: Final = 1.0
_SWEEP_EVERY_S: Final = 5.0
_LOWEST_SENDER: Final = 1024
"""Senders use dynamic ports; answers to well-known ones would let a forged packet make two servers talk for ever."""
_COUNTED: Final = 0xFFFFFFFF
_Key = tuple[int, str, int, int, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a reflector was told."""

    hosts: tuple[str, ...] = ("0.0.0.0", "::")
    port: int = PORT
    key: bytes | None = None
    """With a key only authenticated packets are answered: a session has one mode (RFC 8762 §4)."""
    stateful: bool = True
    max_sessions: int = 4096
    forget_s: float = 900.0
    """A session is forgotten after this silence (REFWAIT of RFC 5357 §4.2)."""
    rate_hz: float = 20_000.0
    """Answers a second in all."""
    source_hz: float = 1000.0
    """Answers a second to one source."""


@dataclass(slots=True)
class _Session:
    touched: float
    received: int = 0
    sent: int = 0


@dataclass(slots=True)
class Tally:
    """What a reflector has done so far."""

    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Packets without an answer, by the reason: `too_short`, `too_long`, `bad_hmac`, `rate`, `bad_port`, `unsent`."""


def open_sockets(settings: Settings) -> list[socket.socket]:
    """The sockets, bound; `OperationError` says in a sentence why not."""
    found: list[socket.socket] = []
    try:
        for host in settings.hosts:
            port = settings.port or (found[0].getsockname()[1] if found else 0)
            try:
                found.append(_open(host, port))
            except OSError as error:
                if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL) and host == "::" and found:
                    continue  # a machine without IPv6 still serves IPv4
                raise OperationError(_cannot_open(host, port, error)) from None
    except BaseException:
        for sock in found:
            sock.close()
        raise
    return found


def _open(host: str, port: int) -> socket.socket:
    family = 6 if ":" in host else 4
    sock = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
        wire.prepare(sock, family)
        wire.stamp_arrivals(sock)
        wire.tell_addresses(sock, family)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _cannot_open(host: str, port: int, error: OSError) -> Text:
    if error.errno == errno.EADDRINUSE:
        return Text(
            vi=f"cổng UDP {port} tại {host} đang được chương trình khác dùng; hãy chọn --port khác hoặc dừng chương trình đó",
            en=f"UDP port {port} at {host} is used by another program; choose another --port or stop that program",
        )
    if error.errno == errno.EACCES:
        return Text(
            vi=f"không được phép mở cổng UDP {port} (dưới 1024); hãy chọn --port từ 1024 trở lên và ghi stamp_port "
            "tương ứng trong kế hoạch, hoặc cấp quyền CAP_NET_BIND_SERVICE",
            en=f"not permitted to open UDP port {port} (below 1024); choose --port from 1024 up and write the same "
            "stamp_port into the plan, or grant CAP_NET_BIND_SERVICE",
        )
    return Text(
        vi=f"không mở được cổng UDP {port} tại {host} ({error.strerror}); hãy kiểm tra --host",
        en=f"cannot open UDP port {port} at {host} ({error.strerror}); check --host",
    )


class Reflector:
    """Answers until `stop()`, which any thread or signal handler may call."""

    def __init__(
        self, settings: Settings, sockets: Sequence[socket.socket], clock: Callable[[], Clock] = read_clock
    ) -> None:
        self._settings, self._sockets, self._clock = settings, list(sockets), clock
        self._ports = {sock.fileno(): int(sock.getsockname()[1]) for sock in sockets}
        self._sessions: OrderedDict[_Key, _Session] = OrderedDict()
        self._rates = Rates(settings.rate_hz, settings.source_hz, time.monotonic())
        self._error = ErrorEstimate()
        self._clock_at = self._swept_at = float("-inf")
        self._wake = Wake()
        self.tally = Tally()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return [(str(sock.getsockname()[0]), int(sock.getsockname()[1])) for sock in self._sockets]

    @property
    def sessions(self) -> int:
        """How many sessions are remembered."""
        return len(self._sessions)

    def stop(self) -> None:
        """Let `serve` return; a second signal, or one that comes when it has returned, does nothing."""
        self._wake.rouse()

    def serve(self) -> None:
        """Answer until stopped, then close the sockets."""
        poll = select.poll()
        by_descriptor, wake = {sock.fileno(): sock for sock in self._sockets}, self._wake.fileno()
        for descriptor in (*by_descriptor, wake):
            poll.register(descriptor, select.POLLIN)
        try:
            while True:
                ready = [descriptor for descriptor, _ in poll.poll(_SWEEP_EVERY_S * 1000)]
                if wake in ready:
                    return
                self._keep_house(time.monotonic())
                for descriptor in ready:
                    self._drain(by_descriptor[descriptor])
        finally:
            for sock in self._sockets:
                sock.close()
            self._wake.close()

    def _keep_house(self, now: float) -> None:
        if now - self._clock_at >= _CLOCK_EVERY_S:
            clock = self._clock()
            self._error = ErrorEstimate.of(clock.error_ms if clock.synchronised else None)
            self._clock_at = now
        if now - self._swept_at >= _SWEEP_EVERY_S:
            self._swept_at = now
            self._forget(now - self._settings.forget_s)

    def _forget(self, before: float) -> None:
        """Drop the sessions that were last touched before that moment; the oldest stand first."""
        while self._sessions and (oldest := next(iter(self._sessions.items())))[1].touched < before:
            del self._sessions[oldest[0]]

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                octets, ancillary, flags, source = sock.recvmsg(wire.LARGEST, wire.ROOM)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error about an earlier answer: nothing that concerns us
                continue
            if flags & socket.MSG_TRUNC:
                self.tally.refused["too_long"] += 1
            else:
                self._take(sock, octets, wire.read_arrival(ancillary), source)

    def _take(self, sock: socket.socket, octets: bytes, arrival: wire.Arrival, source: tuple[str, int]) -> None:
        now = time.monotonic()
        if source[1] < _LOWEST_SENDER or source[1] == self._ports[sock.fileno()]:
            self.tally.refused["bad_port"] += 1
        elif not self._rates.allow(source[0], now):
            self.tally.refused["rate"] += 1
        else:
            try:
                request = parse_request(octets, self._settings.key)
            except PacketError as error:
                self.tally.refused[error.code] += 1
            else:
                self._answer(sock, request, arrival, source, now)

    def _answer(
        self, sock: socket.socket, request: Request, arrival: wire.Arrival, source: tuple[str, int], now: float
    ) -> None:
        session = self._session(sock, request, arrival, source, now)
        number, counters = request.sequence, None
        if session is not None:
            session.received += 1
            number = session.sent & _COUNTED
            counters = tlv.Counters(0, session.received, session.sent + 1)
        tail = tlv.reflect(request.tail, request.sequence, number, self._settings.key, counters)
        started = stamp.now().real  # as late as can be: what follows it counts as delay of the way back
        octets = encode_reply(
            Reply(
                sequence=number,
                timestamp=to_ntp(started),
                error=self._error,
                ssid=request.ssid,
                received=to_ntp(arrival.stamp if arrival.stamp is not None else started),
                asked_sequence=request.sequence,
                asked_timestamp=request.timestamp,
                asked_error=request.error.to_wire(),
                ttl=arrival.ttl,
                tail=tail,
            ),
            self._settings.key,
        )
        try:
            sock.sendmsg([octets], arrival.answer_from, 0, source)
        except OSError:
            self.tally.refused["unsent"] += 1
            return
        self.tally.answered += 1
        if session is not None:
            session.sent += 1  # only what left: a number that nobody sent would look like loss on the way back

    def _session(
        self, sock: socket.socket, request: Request, arrival: wire.Arrival, source: tuple[str, int], now: float
    ) -> _Session | None:
        """The state of the packet's session; None in the stateless mode and where there is no room."""
        if not self._settings.stateful:
            return None
        here = arrival.answer_from[0][2] if arrival.answer_from else b""
        key = (sock.fileno(), source[0], source[1], request.ssid, here)
        session = self._sessions.get(key)
        if session is None:
            if len(self._sessions) >= self._settings.max_sessions:
                return None
            session = self._sessions[key] = _Session(now)
        session.touched = now
        self._sessions.move_to_end(key)
        return session
