"""The far end's loop: one process, one thread, one epoll; a timer drains uploads, paces, and ends what takes too long.

One module, for everything in it works on the state of that one loop; what can stand alone does (`connection`, `house`, `window`, `slots`).
"""

import contextlib
import errno
import random
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from doxa_agent.directions import DIRECTIONS
from doxa_agent.net import congestion
from doxa_agent.net.wake import Wake
from doxa_agent.responder import answers
from doxa_agent.responder.admission import Admission
from doxa_agent.responder.connection import TURN, Connection, Phase
from doxa_agent.responder.house import House, Limits
from doxa_agent.responder.load import FRESH_S, Load
from doxa_agent.responder.pacing import GRAIN, TICK_S, Bucket
from doxa_agent.responder.requests import HttpRequest
from doxa_agent.responder.sessions import BIN_S
from doxa_agent.responder.slots import Slots, owner_of
from doxa_core import __version__, systemd
from doxa_core.errors import OperationError
from doxa_core.language import Text

BACKLOG: Final = 512
GRACE_S: Final = 3.0
"""How long running transfers may go on after a polite stop."""
_BUSY_S: Final = 10.0
"""Connections come and go within seconds; the refused are spread over so many."""
PORT_SHARE: Final = 0.9
"""The share of a port's speed that is promised where the operator names no promise: payload, headers apart."""
_CROWD: Final = 32
"""From so many running transfers on, each gets a shorter turn, so that a ping waits for no long round."""
_QUANTUM: Final = 16 * 1024
"""Octets of a paced transfer in one turn: whoever comes first in a tick must not take it all."""
_TRANSFERS: Final = (Phase.SOURCE, Phase.SINK)
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
    """What it holds itself to in each direction, by pacing; None: nothing."""
    plays_line: bool = True
    """Rates play a line to be measured (`--rate-mbps`); false: they are this far end's own limit (`--limit-mbps`)."""
    promise_mbps: float | None = None
    """What slots may promise in each direction; None: the rates above, else a share of the port, else no limit."""
    require_slot: bool = False
    slots_per_address: int = 4
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
    if settings.paced and settings.plays_line:
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


def _promise(settings: Settings, port_mbps: int | None) -> float | None:
    """What slots may promise: what the operator says (0: no limit), else what is known to bound us, else no limit."""
    if settings.promise_mbps is not None:
        return settings.promise_mbps or None
    rates = [rate for rate in (settings.rate_down_mbps, settings.rate_up_mbps) if rate is not None]
    if rates:
        return min(rates)
    return None if port_mbps is None else PORT_SHARE * port_mbps


class Server:
    """Serves until `stop()`, which any thread or signal handler may call."""

    def __init__(self, settings: Settings, listeners: Sequence[socket.socket]) -> None:
        now = time.monotonic()
        down, up = settings.rate_down_mbps, settings.rate_up_mbps
        self._settings = settings
        self._load = Load(now)
        slots = Slots(_promise(settings, self._load.speed_mbps), per_address=settings.slots_per_address)
        self._house = House(
            roots=_roots(settings.path),
            health=self.health,
            limits=settings.limits,
            admission=Admission(slots, required=settings.require_slot),
            congestion=settings.congestion,
            down=None if down is None else Bucket(down, now),
            up=None if up is None else Bucket(up, now),
        )
        self._listeners = {sock.fileno(): sock for sock in listeners}
        self._connections: dict[int, Connection] = {}
        self._interest: dict[int, int] = {}
        self._running: dict[Phase, dict[int, Connection]] = {phase: {} for phase in _TRANSFERS}
        self._queues: dict[Phase, deque[Connection]] = {phase: deque() for phase in _TRANSFERS}
        self._of_address: Counter[str] = Counter()
        self._moved: dict[str, tuple[int, int]] = {}
        self._epoll = select.epoll()
        self._wake = Wake()
        self._stop_at: float | None = None
        self._accepting = False
        self._started = now
        self._checked = now
        self._last = (now, 0, 0)
        self._rates = (0.0, 0.0)
        self._rebalance_at = 0.0
        self._allowed: dict[Phase, float | None] = dict.fromkeys(_TRANSFERS)
        self._turn_octets = TURN
        self._refused = 0

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return [sock.getsockname()[:2] for sock in self._listeners.values()]

    def stop(self) -> None:
        """Stop politely: no new clients, running transfers get a few seconds."""
        self._wake.rouse()

    def health(self, request: HttpRequest | None = None, peer: str = "") -> dict[str, Any]:
        """Our own load, for monitoring and for clients that choose a far end or ask what limited their test."""
        asked = "" if request is None else request.query.get("seconds", "")
        seconds = float(asked) if len(asked) < 9 and asked.replace(".", "", 1).isdecimal() and asked.isascii() else 10.0
        running = {phase: len(found) for phase, found in self._running.items()}
        return {
            "doxa": 1,
            "version": __version__,
            "uptime_s": round(time.monotonic() - self._started, 3),
            "connections": len(self._connections),
            "max_connections": self._house.limits.connections,
            "refused_connections": self._refused,
            "downloads": running[Phase.SOURCE],
            "uploads": running[Phase.SINK],
            "sessions": len(self._house.sessions),
            "sending_mbps": round(self._rates[0], 3),
            "receiving_mbps": round(self._rates[1], 3),
            "sent_bytes": self._house.traffic.sent,
            "received_bytes": self._house.traffic.received,
            "paced": self._settings.paced,
            "load": self._own_load(min(seconds, 120.0), peer, sum(running.values())),
        }

    def _own_load(self, seconds: float, peer: str, transfers: int) -> dict[str, Any]:
        """What docs/far-end.md calls `load`; what is not known has no entry."""
        now = time.monotonic()
        if self._load.due(now, FRESH_S):
            self._sample(now)
        slots, held = self._house.admission.slots, self._house.admission.held_at
        settings = self._settings
        limit = min((r for r in (settings.rate_down_mbps, settings.rate_up_mbps) if r is not None), default=None)
        found = {
            **self._load.over(seconds, now, owner_of(peer) if peer else ""),
            "ports_mbps": self._load.ports,
            "transfers": transfers,
            "slots": len(slots),
            "slots_used": slots.used(now),
            "slots_refused": slots.refused,
            "booked_mbps": {d: round(slots.booked_mbps(d), 3) for d in DIRECTIONS},
            "promise_mbps": slots.promise_mbps,
            "limit_mbps": None if settings.plays_line else limit,
            "held_back": held is not None and now - held <= seconds,
            "plays_line": settings.paced and settings.plays_line,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _sample(self, now: float) -> None:
        """Close a second of the load: who moved what since the last one."""
        for connection in self._connections.values():
            self._note_moved(connection)
        traffic = self._house.traffic
        self._load.sample(now, (traffic.sent, traffic.received), self._moved)
        self._moved = {}

    def _note_moved(self, connection: Connection) -> None:
        if connection.sent or connection.received:
            sent, received = self._moved.get(connection.owner, (0, 0))
            self._moved[connection.owner] = (sent + connection.sent, received + connection.received)
            connection.sent = connection.received = 0

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
        busy = any(c.phase in (*_TRANSFERS, Phase.ANSWER) for c in self._connections.values())
        return not busy or time.monotonic() >= self._stop_at

    def _turn(self) -> None:
        crowd = self._house.traffic.transfers = sum(map(len, self._running.values()))
        self._turn_octets = TURN if crowd < _CROWD else TURN // 16
        for fd, event in self._epoll.poll(self._patience()):
            now = time.monotonic()
            if fd in self._listeners:
                self._accept(self._listeners[fd], now)
            elif fd == self._wake.fileno():
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
        if any(self._queues.values()):
            return TICK_S
        if self._running[Phase.SINK] or self._house.sessions.active:
            return max(0.0, BIN_S - (time.monotonic() - self._last[0]))
        return 1.0

    def _begin_stop(self, now: float) -> None:
        self._wake.clear()
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
        limits, owner = self._house.limits, owner_of(peer)
        if len(self._connections) >= limits.connections or self._of_address[owner] >= limits.of_one_address:
            self._refused += 1
            with contextlib.suppress(OSError):
                sock.send(answers.come_back(round(random.uniform(2, 2 + _BUSY_S), 1), "connections", keep=False))
            sock.close()
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, peer, self._house, now)
        connection.owner = owner
        self._of_address[owner] += 1
        self._connections[sock.fileno()] = connection
        self._interest[sock.fileno()] = connection.interest
        self._epoll.register(sock, connection.interest)

    def _step(self, fd: int, event: int, now: float) -> None:
        connection = self._connections[fd]
        try:
            if event & (select.EPOLLERR | select.EPOLLHUP) and not event & connection.interest:
                connection.phase = Phase.OVER
            else:
                connection.turn = self._turn_octets
                connection.ready(now)
        except OSError:
            connection.phase = Phase.OVER
        self._settle(fd, connection)

    def _settle(self, fd: int, connection: Connection) -> None:
        """Follow a connection's phase: what epoll waits for, or its end."""
        phase = connection.phase
        if phase is Phase.OVER:
            self._close(fd)
            return
        self._sort(fd, connection, phase)
        if (interest := connection.interest) != self._interest[fd]:
            self._epoll.modify(fd, interest)
            self._interest[fd] = interest

    def _sort(self, fd: int, connection: Connection, phase: Phase) -> None:
        """Keep the lists of running transfers and the queues for tokens."""
        for running, found in self._running.items():
            if phase is running:
                if fd not in found:
                    found[fd] = connection
                    self._rebalance_at = 0.0
            elif found.pop(fd, None) is not None:
                self._rebalance_at = 0.0
        if connection.paced and not connection.blocked and not connection.queued and phase in self._queues:
            connection.queued = True
            self._queues[phase].append(connection)

    def _close(self, fd: int) -> None:
        connection = self._connections.pop(fd)
        connection.phase = Phase.OVER
        del self._interest[fd]
        for found in self._running.values():
            found.pop(fd, None)
        self._note_moved(connection)
        self._of_address[connection.owner] -= 1
        if self._of_address[connection.owner] <= 0:
            del self._of_address[connection.owner]
        connection.sample()
        connection.leave()
        self._epoll.unregister(fd)
        connection.sock.close()

    # --- time --------------------------------------------------------------------------------------------------------

    def _pace(self, now: float) -> None:
        for bucket, phase in ((self._house.down, Phase.SOURCE), (self._house.up, Phase.SINK)):
            if bucket is None:
                continue
            if self._running[phase]:
                self._share(bucket, phase, now)
            else:
                bucket.rest(now)

    def _share(self, bucket: Bucket, phase: Phase, now: float) -> None:
        """Give the tokens to one waiting transfer after the other; who was served goes to the end of the queue."""
        queue = self._queues[phase]
        tokens = bucket.available(now)
        while queue and tokens >= GRAIN:
            connection = queue.popleft()
            connection.queued = False
            if connection.phase is not phase or not connection.paced:
                continue
            fd = connection.sock.fileno()
            try:
                moved = connection.move(min(tokens, _QUANTUM), now)
            except OSError:
                moved, connection.phase = 0, Phase.OVER
            bucket.spend(moved)
            tokens -= moved
            self._settle(fd, connection)

    def _hold_back(self, now: float) -> None:
        """Transfers without a slot share what no slot has been promised; all of it while there are none."""
        admission = self._house.admission
        for direction, phase in zip(DIRECTIONS, _TRANSFERS, strict=True):
            free = [c for c in self._running[phase].values() if c.slot is None and not c.paced]
            share = admission.share(direction, len(free), now)
            for connection in free:
                connection.hold(share)
            self._allowed[phase] = share
        self._narrow()
        self._rebalance_at = now + 1.0

    def _narrow(self) -> None:
        """Uploads under our own limit share it; one that plays a line has small buffers from the start."""
        bucket, uploads = self._house.up, self._running[Phase.SINK]
        if bucket is not None and not self._settings.plays_line:
            for connection in uploads.values():
                connection.narrow(bucket.per_second / len(uploads))

    def _tick(self, now: float) -> None:
        """Twenty times a second: take what waits below the low-water mark, end a bin in every session."""
        if now >= self._rebalance_at:
            self._hold_back(now)
        share = self._allowed[Phase.SINK]
        for fd, connection in list(self._running[Phase.SINK].items()):
            try:
                if connection.held and share is not None:
                    connection.drain(now, max(1, round(share * min(1.0, now - self._last[0]))))
                elif not connection.paced:
                    connection.drain(now)
            except OSError:
                connection.phase = Phase.OVER
            self._settle(fd, connection)
        for connection in self._connections.values():
            connection.sample()
        self._house.sessions.tick(now)
        self._last = (now, *self._last[1:])

    def _check(self, now: float) -> None:
        """Once a second: deadlines, rates, the watchdog."""
        self._house.admission.slots.sweep(now)
        for fd, connection in list(self._connections.items()):
            if now >= connection.deadline or connection.outlived:
                self._close(fd)
        if self._load.due(now, 0.9):
            self._sample(now)
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
        self._wake.close()
