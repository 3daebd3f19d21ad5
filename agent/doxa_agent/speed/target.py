"""Where a test goes and by which way: one far end, one family, one line; opens connections without blocking for ever."""

import errno
import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from doxa_agent.meter import Deadline, FarEnd, Link
from doxa_agent.net import congestion
from doxa_agent.net.binding import FAMILIES, LinkUnusable, Unreachable, bind_socket
from doxa_agent.net.tcperror import reason_of
from doxa_agent.speed import http

CONNECT_S: Final = 5.0
_SLICE_S: Final = 0.1
"""How long one wait lasts at most, so that a cancelled run ends soon."""
_RESET: Final = struct.pack("ii", 1, 0)


class Stopped(Exception):  # noqa: N818 - the run was told to end; nobody failed
    """The request's deadline is over or it was cancelled: what is known so far is still reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One far end at one address."""

    link: Link
    far_end: FarEnd
    family: int
    address: str
    session: str
    """A name for our uploads at the far end; any other LibreSpeed server ignores it."""
    congestion: str = congestion.AUTO
    token: str = ""
    """The far end's slot that our transfers use; empty where it gives none."""

    @property
    def host(self) -> str:
        """The Host field of our requests."""
        return http.host_field(self.far_end.host, self.far_end.port, tls=self.far_end.tls)

    def url(self, name: str, **query: object) -> str:
        """The target of a request: folder, endpoint, query; never cached thanks to a fresh `r`."""
        folder = f"/{quote(self.far_end.path.strip('/'))}" if self.far_end.path.strip("/") else ""
        parts = "&".join(f"{key}={value}" for key, value in {**query, "r": os.urandom(4).hex()}.items())
        return f"{folder}/{name}?{parts}"


def begin_connect(target: Target) -> tuple[socket.socket, bool]:
    """A socket on its way to the target, and whether the link's device holds it; `Unreachable` where it cannot start."""
    try:
        sock = socket.socket(FAMILIES[target.family], socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    except OSError:
        raise LinkUnusable("no_address") from None
    try:
        held = bind_socket(sock, target.link, target.family)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        congestion.choose(sock, target.congestion)
        code = sock.connect_ex((target.address, target.far_end.port))
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
    except Unreachable:
        sock.close()
        raise
    except OSError as error:
        sock.close()
        raise Unreachable(reason_of(error)) from None
    return sock, held


def finish_connect(sock: socket.socket) -> None:
    """Raise `Unreachable` if the connection that epoll announced did not come about."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise Unreachable(reason_of(OSError(code, "")))


def connect_all(target: Target, count: int, deadline: Deadline) -> list[socket.socket]:
    """As many connections as come about within the patience, at most `count`; `Unreachable` if none does.

    With a far end that speaks TLS their handshakes are done.
    """
    ready = _connect_all(target, count, deadline)
    if not target.far_end.tls:
        return ready
    from doxa_agent.speed import tls

    secured = tls.secure_all(ready, target.far_end, deadline)
    if deadline.over:
        close_all(secured)
        raise Stopped
    return secured


def _connect_all(target: Target, count: int, deadline: Deadline) -> list[socket.socket]:
    waiting: dict[int, socket.socket] = {}
    ready: list[socket.socket] = []
    reason = "connect_timeout"
    with select.epoll() as poller:
        try:
            for _ in range(count):
                sock, _held = begin_connect(target)
                waiting[sock.fileno()] = sock
                poller.register(sock, select.EPOLLOUT)
            until = time.monotonic() + CONNECT_S
            while waiting and time.monotonic() < until and not deadline.over:
                for fd, _event in poller.poll(_SLICE_S):
                    sock = waiting.pop(fd)
                    poller.unregister(fd)
                    try:
                        finish_connect(sock)
                        ready.append(sock)
                    except Unreachable as error:
                        reason = error.reason
                        sock.close()
        except Unreachable:
            close_all(ready)
            raise
        finally:
            close_all(list(waiting.values()))
    if deadline.over:
        close_all(ready)
        raise Stopped
    if not ready:
        raise Unreachable(reason)
    return ready


def close_all(socks: list[socket.socket]) -> None:
    """End connections with a reset: what is still on its way is of no use to anybody (SO_LINGER 0, socket(7))."""
    for sock in socks:
        abort(sock)


def abort(sock: socket.socket) -> None:
    """End one connection with a reset."""
    if sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.close()
