"""The far end's loop: one process, one thread, one epoll; a timer drains uploads, paces, and ends what takes too long."""

import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from doxa_agent.net import congestion
from doxa_agent.responder import answers
from doxa_agent.responder.connection import Connection, House, Limits, Phase
from doxa_agent.responder.pacing import TICK_S, Bucket
from doxa_agent.responder.sessions import BIN_S
from doxa_core import __version__, systemd
from doxa_core.errors import OperationError
from doxa_core.language import Text

BACKLOG: Final = 512
GRACE_S: Final = 3.0
"""How long running transfers may go on after a polite stop."""
_PACED_MSS: Final = 1460
_PACED_BUFFER: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `doxa responder run` was told."""

    hosts: tuple[str, ...] = ("0.0.0.0", "::")
    port: int = 8080
    path: str = ""
    rate_down_mbps: float | None = None
    rate_up_mbps: float | None = None
    congestion: str = congestion.AUTO
    limits: Limits = field(default_factory=Limits)

    @property
    def paced(self) -> bool:
        """Whether this far end plays a line itself."""
        return self.rate_down_mbps is not None or self.rate_up_mbps is not None


def open_listeners(settings: Settings) -> list[socket.socket]:
    """The listening sockets: those that systemd gave, else our own; `OperationError` where none can be had."""
    found = systemd.given_sockets()
    for host in () if found else settings.hosts:
        try:
            found.append(_listen(host, settings.port if not found else found[0].getsockname()[1]))
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT and len(settings.hosts) > 1:
                continue  # a machine without IPv6 still serves IPv4
            for sock in found:
                sock.close()
            raise OperationError(_cannot_listen(host, settings.port, error)) from None
    if settings.paced:
        for sock in found:
            _make_fine(sock)
    return found


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _make_fine(sock: socket.socket) -> None:
    """Loopback's 64 KiB segments and large windows would turn a paced stream into lumps."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _PACED_MSS)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PACED_BUFFER)


def _cannot_listen(host: str, port: int, error: OSError) -> Text:
    if error.errno == errno.EADDRINUSE:
        return Text(
            vi=f"cổng {port} tại {host} đang được chương trình khác dùng; hãy chọn --port khác hoặc dừng chương trình đó",
            en=f"port {port} at {host} is used by another program; choose another --port or stop that program",
        )
    if error.errno == errno.EACCES:
        return Text(
            vi=f"không được phép mở cổng {port}; hãy chọn cổng từ 1024 trở lên",
            en=f"not permitted to open port {port}; choose one from 1024 up",
        )
    return Text(
        vi=f"không mở được cổng {port} tại {host} ({error.strerror}); hãy kiểm tra --host",
        en=f"cannot listen on port {port} at {host} ({error.strerror}); check --host",
    )


def _roots(path: str) -> tuple[str, ...]:
    own = f"/{path.strip('/')}/" if path.strip("/") else "/"
    return tuple(sorted({own, "/backend/", "/"}, key=len, reverse=True))


class Server:
    """Serves until `stop()`, which any thread or signal handler may call."""

    def __init__(self, settings: Settings, listeners: Sequence[socket.socket]) -> None:
        now = time.monotonic()
        down, up = settings.rate_down_mbps, settings.rate_up_mbps
        self._house = House(
            roots=_roots(settings.path),
            health=self.health,
            limits=settings.limits,
            congestion=settings.congestion,
            down=None if down is None else Bucket(down, now),
            up=None if up is None else Bucket(up, now),
        )
        self._listeners = {sock.fileno(): sock for sock in listeners}
        self._connections: dict[int, Connection] = {}
        self._interest: dict[int, int] = {}
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._stop_at: float | None = None
        self._accepting = False
        self._started = now
        self._checked = now
        self._last = (now, 0, 0)
        self._rates = (0.0, 0.0)
        self._refused = 0

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return [sock.getsockname()[:2] for sock in self._listeners.values()]

    def stop(self) -> None:
        """Stop politely: no new clients, running transfers get a few seconds."""
        os.eventfd_write(self._wake, 1)

    def health(self) -> dict[str, Any]:
        """Our own load, for monitoring and for clients that choose a far end."""
        phases = [connection.phase for connection in self._connections.values()]
        return {
            "doxa": 1,
            "version": __version__,
            "uptime_s": round(time.monotonic() - self._started, 3),
            "connections": len(phases),
            "max_connections": self._house.limits.connections,
            "refused_connections": self._refused,
            "downloads": phases.count(Phase.SOURCE),
            "uploads": phases.count(Phase.SINK),
            "sessions": len(self._house.sessions),
            "sending_mbps": round(self._rates[0], 3),
            "receiving_mbps": round(self._rates[1], 3),
            "sent_bytes": self._house.traffic.sent,
            "received_bytes": self._house.traffic.received,
            "paced": self._house.down is not None or self._house.up is not None,
        }

    def serve(self) -> None:
        """Run until stopped."""
        self._epoll.register(self._wake, select.EPOLLIN)
        self._accept_on()
        systemd.tell("READY=1")
        try:
            while not self._done():
                self._turn()
        finally:
            systemd.tell("STOPPING=1")
            self._close_all()

    def _done(self) -> bool:
        if self._stop_at is None:
            return False
        busy = any(c.phase in (Phase.SOURCE, Phase.SINK, Phase.ANSWER) for c in self._connections.values())
        return not busy or time.monotonic() >= self._stop_at

    def _turn(self) -> None:
        for fd, event in self._epoll.poll(self._patience()):
            now = time.monotonic()
            if fd in self._listeners:
                self._accept(self._listeners[fd], now)
            elif fd == self._wake:
                self._begin_stop(now)
            elif fd in self._connections:
                self._step(fd, event, now)
        now = time.monotonic()
        self._pace(now)
        if now - self._last[0] >= BIN_S:
            self._tick(now)
        if now - self._checked >= 1.0:
            self._check(now)

    def _patience(self) -> float:
        """Seconds until the next thing that no socket announces."""
        if any(c.paced for c in self._connections.values()):
            return TICK_S
        if self._house.sessions.active or any(c.phase is Phase.SINK for c in self._connections.values()):
            return max(0.0, BIN_S - (time.monotonic() - self._last[0]))
        return 1.0

    def _begin_stop(self, now: float) -> None:
        os.eventfd_read(self._wake)
        self._accept_off()
        self._close_listeners()
        self._stop_at = self._stop_at or now + GRACE_S

    def _close_listeners(self) -> None:
        """From now on a new client is refused at once, and may turn to another far end."""
        for sock in self._listeners.values():
            sock.close()
        self._listeners.clear()

    # --- clients -----------------------------------------------------------------------------------------------------

    def _accept_on(self) -> None:
        if not self._accepting and self._stop_at is None:
            for fd in self._listeners:
                self._epoll.register(fd, select.EPOLLIN)
            self._accepting = True

    def _accept_off(self) -> None:
        if self._accepting:
            for fd in self._listeners:
                self._epoll.unregister(fd)
            self._accepting = False

    def _accept(self, listener: socket.socket, now: float) -> None:
        for _ in range(64):
            try:
                sock, peer = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._accept_off()  # until the next check: a full table would make the loop spin
                return
            self._welcome(sock, str(peer[0]), now)

    def _welcome(self, sock: socket.socket, peer: str, now: float) -> None:
        sock.settimeout(0)
        if len(self._connections) >= self._house.limits.connections:
            self._refused += 1
            with contextlib.suppress(OSError):
                sock.send(answers.text(503, "Service Unavailable\n", keep=False))
            sock.close()
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, peer, self._house, now)
        self._connections[sock.fileno()] = connection
        self._interest[sock.fileno()] = connection.interest
        self._epoll.register(sock, connection.interest)

    def _step(self, fd: int, event: int, now: float) -> None:
        connection = self._connections[fd]
        try:
            if event & (select.EPOLLERR | select.EPOLLHUP) and (
                connection.paced or not event & (select.EPOLLIN | select.EPOLLOUT)
            ):
                connection.phase = Phase.OVER
            else:
                connection.ready(now)
        except OSError:
            connection.phase = Phase.OVER
        self._settle(fd, connection)

    def _settle(self, fd: int, connection: Connection) -> None:
        """Follow a connection's phase: what epoll waits for, or its end."""
        if connection.phase is Phase.OVER:
            self._close(fd)
        elif (interest := connection.interest) != self._interest[fd]:
            self._epoll.modify(fd, interest)
            self._interest[fd] = interest

    def _close(self, fd: int) -> None:
        connection = self._connections.pop(fd)
        del self._interest[fd]
        connection.sample()
        connection.leave()
        self._epoll.unregister(fd)
        connection.sock.close()

    # --- time --------------------------------------------------------------------------------------------------------

    def _pace(self, now: float) -> None:
        for bucket, phase in ((self._house.down, Phase.SOURCE), (self._house.up, Phase.SINK)):
            if bucket is None:
                continue
            if any(c.paced and c.phase is phase for c in self._connections.values()):
                self._share(bucket, phase, now)
            else:
                bucket.rest(now)

    def _share(self, bucket: Bucket, phase: Phase, now: float) -> None:
        """Give the tokens to one waiting connection after the other; who was served goes to the end of the queue."""
        for fd, connection in [(f, c) for f, c in self._connections.items() if c.paced and c.phase is phase]:
            tokens = bucket.available(now)
            if not tokens:
                return
            try:
                moved = connection.move(tokens, now)
            except OSError:
                moved, connection.phase = 0, Phase.OVER
            bucket.spend(moved)
            self._connections[fd] = self._connections.pop(fd)
            self._settle(fd, connection)

    def _tick(self, now: float) -> None:
        """Twenty times a second: take what waits below the low-water mark, end a bin in every session."""
        for fd, connection in list(self._connections.items()):
            if connection.phase is Phase.SINK and not connection.paced:
                try:
                    connection.drain(now)
                except OSError:
                    connection.phase = Phase.OVER
            connection.sample()
            self._settle(fd, connection)
        self._house.sessions.tick(now)
        self._last = (now, *self._last[1:])

    def _check(self, now: float) -> None:
        """Once a second: deadlines, rates, the watchdog."""
        for fd, connection in list(self._connections.items()):
            if now >= connection.deadline:
                self._close(fd)
        self._house.sessions.forget(now)
        self._accept_on()
        sent, received = self._house.traffic.sent, self._house.traffic.received
        span = now - self._checked
        self._rates = ((sent - self._last[1]) * 8e-6 / span, (received - self._last[2]) * 8e-6 / span)
        self._last = (self._last[0], sent, received)
        self._checked = now
        if systemd.watchdog_s() is not None:
            systemd.tell("WATCHDOG=1")

    def _close_all(self) -> None:
        for fd in list(self._connections):
            self._close(fd)
        self._close_listeners()
        self._epoll.close()
        os.close(self._wake)
