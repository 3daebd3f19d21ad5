"""Round trips by TCP handshakes, for systems that allow no ICMP socket: another method, and always named as such.

A far end answers with SYN-ACK or, where nobody listens, with RST: both are one round trip of the line. The delay is the
kernel's own (TCP_INFO.tcpi_rtt of the SYN, RFC 6298); for RST it is taken when this process is told.
"""

import contextlib
import errno
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from doxa_agent.meter import Link
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket
from doxa_agent.net.echo import Mark
from doxa_agent.net.echosocket import CLASS, Answer, Harvest, Line, Refusal, Sending, reason_of
from doxa_agent.net.stamp import Moment, now
from doxa_agent.net.tcpinfo import read_tcp_info
from doxa_agent.net.track import Target, Track

_ABORT: Final = struct.pack("=ii", 1, 0)
"""SO_LINGER: closing sends RST, so no TIME_WAIT piles up at either side."""
_MOST_KNOWN: Final = 10_000


class Handshakes(NamedTuple):
    """Far ends that are asked together."""

    lines: tuple[Line, ...]
    size: int


class _Answerers:
    """Far ends that a handshake of this process has ever reached."""

    def __init__(self) -> None:
        self._known: set[tuple[str, int]] = set()

    def learn(self, target: Target) -> None:
        """It answered."""
        if len(self._known) < _MOST_KNOWN:
            self._known.add((target.address, target.port))

    def __contains__(self, target: Target) -> bool:
        return (target.address, target.port) in self._known


_ANSWERERS: Final = _Answerers()


def inconclusive(track: Track) -> bool:
    """Whether silence says nothing: handshakes stood in for pings, which are not permitted, and this far end never answered one.

    A host that answers pings and drops what comes to the port looks then like one that is down. Once it has answered, to
    this process and at this port, its silence counts.
    """
    if track.way != HandshakeSocket.way:
        return False
    if track.late or any(delay is not None for delay in track.delays):
        _ANSWERERS.learn(track.target)
        return False
    return bool(track.delays) and not track.errors and track.target not in _ANSWERERS


class HandshakeSocket:
    """The interface of `EchoSocket` over one TCP connection attempt per request."""

    way = "tcp_handshake"
    stamped = False
    lasting = False

    def __init__(self, family: int, link: Link, timeout_s: float, *, dscp: int = 0) -> None:
        self.family = family
        self._dscp = dscp
        self._link, self._timeout_ns = link, int(timeout_s * 1e9)
        self._poll = select.epoll()
        self._open: dict[int, tuple[socket.socket, Mark, bytes, int]] = {}
        self._attempt(family).close()

    def _attempt(self, family: int) -> socket.socket:
        try:
            sock = socket.socket(FAMILIES[family], socket.SOCK_STREAM)
        except OSError:
            raise Unreachable("family_unavailable") from None
        try:
            sock.settimeout(0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            if self._dscp:
                sock.setsockopt(*CLASS[family], self._dscp << 2)
            bind_socket(sock, self._link, family)
        except BaseException:
            sock.close()
            raise
        return sock

    def fileno(self) -> int:
        """The descriptor, for polling."""
        return self._poll.fileno()

    def overflowed(self) -> int:
        """None: a connection has no queue that many far ends share."""
        return 0

    def close(self) -> None:
        """Break off what is under way."""
        for sock, *_ in self._open.values():
            sock.close()
        self._open.clear()
        self._poll.close()

    def batch(self, lines: Sequence[Line]) -> "Handshakes":
        """The far ends that are asked together; each gets a connection attempt of its own."""
        return Handshakes(tuple(lines), len(lines))

    def send(self, batch: "Handshakes", seq: int) -> Sending:
        """Start the handshakes number `seq`."""
        moments: dict[int, Moment] = {}
        refused: dict[int, str] = {}
        for line in batch.lines:
            moments[line.place], reason = self._start(Mark(line.place, seq), line)
            if reason:
                refused[line.place] = reason
        return Sending(next(iter(moments.values()), now()), moments, refused)

    def _start(self, mark: Mark, line: Line) -> tuple[Moment, str | None]:
        """One handshake: when, and a reason code where the kernel would not."""
        try:
            sock = self._attempt(self.family)
        except Unreachable as unreachable:
            return now(), unreachable.reason
        except OSError as error:  # no descriptor is left
            return now(), reason_of(error.errno)
        moment = now()
        number = sock.connect_ex(line.address)
        if number not in (0, errno.EINPROGRESS, errno.ECONNREFUSED):
            sock.close()
            return moment, reason_of(number)
        self._open[sock.fileno()] = (sock, mark, line.host, moment.mono)
        self._poll.register(sock.fileno(), select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP)
        return moment, None

    def drain(self) -> Harvest:
        """What the handshakes have come to since the last call."""
        answers: list[Answer] = []
        refusals: list[Refusal] = []
        for descriptor, _ in self._poll.poll(0):
            sock, mark, host, started = self._open.pop(descriptor)
            found = _conclude(sock, mark, host, time.monotonic_ns() - started)
            self._forget(sock)
            if isinstance(found, Refusal):
                refusals.append(found)
            elif found is not None:
                answers.append(found)
        self._give_up()
        return Harvest(answers, refusals, [])

    def _give_up(self) -> None:
        """Close attempts older than the timeout; what would still come is not waited for."""
        oldest = time.monotonic_ns() - self._timeout_ns
        for descriptor in [d for d, (*_, started) in self._open.items() if started < oldest]:
            self._forget(self._open.pop(descriptor)[0])

    def _forget(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._poll.unregister(sock.fileno())
        sock.close()


def _conclude(sock: socket.socket, mark: Mark, host: bytes, elapsed_ns: int) -> Answer | Refusal | None:
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number == errno.ECONNREFUSED:
        return (*mark, host, None, elapsed_ns)
    if number:
        return Refusal(mark, host, reason_of(number))
    found = read_tcp_info(sock)
    if found.total_retrans:  # the first SYN or its answer was lost: what came is the answer to another packet
        return None
    return (*mark, host, None, found.rtt_us * 1000 if found.rtt_us else elapsed_ns)
