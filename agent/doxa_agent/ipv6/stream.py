"""One TCP or TLS connection over the line in one family, its phases timed, its failures named with the phase."""

import contextlib
import errno
import select
import socket
import time
from dataclasses import dataclass
from typing import Final, Self

from doxa_agent.meter import Deadline, FarEnd, Link
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket
from doxa_agent.net.echosocket import reason_of
from doxa_agent.net.tcpinfo import TcpInfo, read_tcp_info

SMALL_SEGMENT: Final = 1220
"""The payload of a TCP segment in a packet of 1280 octets over v6: what every path must carry (RFC 8200 §5)."""
CONNECT, TLS, HTTP = "connect", "tls", "http"
_REASONS: Final = {
    errno.ECONNREFUSED: "connect_refused",
    errno.ETIMEDOUT: "connect_timeout",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.ENETUNREACH: "net_unreachable",
}


class Failed(Exception):  # noqa: N818 - a result about the line
    """The exchange ends here: the phase and the code of its reason."""

    def __init__(self, phase: str, reason: str) -> None:
        super().__init__(f"{phase}: {reason}")
        self.phase, self.reason = phase, reason

    @property
    def silent(self) -> bool:
        """Whether nothing came any more: what a black hole looks like."""
        return self.phase != CONNECT and self.reason in ("tls_timeout", "answer_timeout", "stalled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to: an address of a far end."""

    address: str
    family: int
    far_end: FarEnd
    link: Link


class Stream:
    """A connection. `Failed` comes out of every call; leaving the context closes it."""

    def __init__(self, place: Place, timeout_s: float, deadline: Deadline, *, mss: int | None = None) -> None:
        self._timeout_s, self._deadline = timeout_s, deadline
        began = time.monotonic()
        self._socket = _connected(place, self._left(), mss)
        self.connect_s = time.monotonic() - began
        """From SYN to the answer, as this process saw it."""
        self.info = read_tcp_info(self._socket)
        self.tls_s: float | None = None
        if place.far_end.tls:
            try:
                self._secure(place.far_end)
            except BaseException:
                self.close()
                raise

    def _left(self) -> float:
        return max(0.05, min(self._timeout_s, self._deadline.left_s))

    def _secure(self, far_end: FarEnd) -> None:
        from doxa_agent.speed import tls  # only where a far end speaks it: OpenSSL costs a small probe 3 MiB

        began = time.monotonic()
        until = began + self._left()
        self._socket.settimeout(0)
        try:
            secure = tls.wrap(self._socket, far_end)
            self._socket = secure
            while wanted := tls.advance(secure):
                self._wait(wanted, until, TLS, "tls_timeout")
        except Unreachable as unreachable:
            raise Failed(TLS, unreachable.reason) from None
        self.tls_s = time.monotonic() - began

    def _wait(self, wanted: int, until: float, phase: str, reason: str) -> None:
        left = until - time.monotonic()
        if left <= 0 or self._deadline.over:
            raise Failed(phase, reason)
        poller = select.poll()
        poller.register(self._socket, wanted)
        poller.poll(min(left, 0.2) * 1000)

    def send(self, octets: bytes) -> None:
        """Send all of it."""
        until, view = time.monotonic() + self._left(), memoryview(octets)
        self._socket.settimeout(0)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, until, HTTP, "answer_timeout")
            except Unreachable as unreachable:
                raise Failed(HTTP, unreachable.reason) from None
            except OSError:
                raise Failed(HTTP, "broke_off") from None

    def receive(self, patience_s: float, *, reason: str = "stalled") -> bytes:
        """The next octets, empty at the end; `Failed` with `reason` where none come within `patience_s`."""
        until = time.monotonic() + min(patience_s, self._deadline.left_s)
        while True:
            try:
                return self._socket.recv(65_536)
            except BlockingIOError:
                self._wait(select.POLLIN, until, HTTP, reason)
            except Unreachable as unreachable:
                raise Failed(HTTP, unreachable.reason) from None
            except OSError:
                raise Failed(HTTP, "broke_off") from None

    def tcp(self) -> TcpInfo:
        """The kernel's figures now."""
        return read_tcp_info(self._socket)

    def close(self) -> None:
        """Give the connection back, without waiting for anybody."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connected(place: Place, timeout_s: float, mss: int | None) -> socket.socket:
    try:
        sock = socket.socket(FAMILIES[place.family], socket.SOCK_STREAM)
    except OSError:
        raise Failed(CONNECT, "family_unavailable") from None
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if mss is not None:  # bounds what both ends send: ours by itself, the other's by what our SYN offers
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        bind_socket(sock, place.link, place.family)
        sock.settimeout(timeout_s)
        sock.connect((place.address, place.far_end.port))
    except TimeoutError:
        sock.close()
        raise Failed(CONNECT, "connect_timeout") from None
    except Unreachable as unreachable:
        sock.close()
        raise Failed(CONNECT, unreachable.reason) from None
    except OSError as error:
        sock.close()
        raise Failed(CONNECT, _REASONS.get(error.errno or 0) or reason_of(error.errno)) from None
    except BaseException:
        sock.close()
        raise
    return sock
