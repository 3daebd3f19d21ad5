"""The UDPSTP server (RFC 9946): one process, one thread, one epoll; every test has a port of its own.

A Setup request is answered with a result and a test port; the Test Activation that comes there starts the test, whose rate the
server decides throughout. What nobody asked for gets silence: an answer is never longer than its request, refusals are
rationed by source, and whatever is no request, is repeated, comes from elsewhere or bears a wrong digest is counted and
forgotten. (The Null request of 48 bytes that follows a granted Setup, as the RFC wants it, is rationed with the grants.)

One thread serves all tests. Measured on a machine of 2 cores, over loopback, with all clients on it too: tests of 100 Mbit/s
cost 14 % of a core for 1 downstream, 22 % for 4, 33 % for 8 (upstream 7, 18 and 30 %), with no datagram lost and each within
0.6 % of its rate in every second. Beyond that, run a second server on another port; `figures()` tells how busy this one is.
"""

import json
import select
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from doxa_agent.net.wake import Wake
from doxa_agent.udpstp.admission import Admission, Grant, Patience
from doxa_agent.udpstp.auth import MODE_CONTROL, MODE_NONE, DerivedKeys, Keys, Replays, derive, fits, in_window, signed
from doxa_agent.udpstp.control import Address, Request, answer, open_control, open_test, requests
from doxa_agent.udpstp.legacy import LEGACY
from doxa_agent.udpstp.sender import FineTimer
from doxa_agent.udpstp.serverload import Load, write_load
from doxa_agent.udpstp.session import Session, Terms
from doxa_agent.udpstp.setup import MOST_CONNECTIONS, Setup, SetupCommand, SetupResult
from doxa_agent.udpstp.steady import SteadyClock
from doxa_agent.udpstp.wire import CONTROL_PORT, VERSION, Authentication, PduError
from doxa_core.errors import OperationError

REFUSALS: Final = (10.0, 1.0)
"""Refusals that one source gets at once, and per second."""
GRANTS: Final = (128.0, 32.0)
"""Tests that one source may begin at once, and per second."""
GRACE_NS: Final = 1_000_000_000
"""How long running tests may take to hear that the server stops."""
_MOST_REQUESTS: Final = 64
_IDLE_S: Final = 0.2
_LOAD_EVERY_NS: Final = 1_000_000_000
_MOST_REPEATS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `doxa responder capacity` was told."""

    hosts: tuple[str, ...] = ("0.0.0.0", "::")
    port: int = CONTROL_PORT
    bandwidth_mbps: int | None = None
    """What all tests together may use in each direction, IP layer; then every client must state its need, and a test
    gets no more than it stated."""
    keys: Keys = field(default_factory=dict, repr=False)
    require_auth: bool = False
    most_tests: int = 64
    test_ports: range | None = None
    """None: the system chooses."""
    most_seconds: int = 60
    dscp: bool = False
    load_file: Path | None = None
    """Where the server's own load is written every second."""


@dataclass(slots=True)
class _Granted:
    """The answer that a repeated Setup request gets again."""

    session: Session
    data: bytes
    repeats: int = 0


def open_sockets(settings: Settings) -> list[socket.socket]:
    """The control sockets, all on one port; `OperationError` where none can be had."""
    found: list[socket.socket] = []
    try:
        for host in settings.hosts:
            try:
                found.append(open_control(host, found[0].getsockname()[1] if found else settings.port))
            except OperationError:
                if settings.hosts != Settings().hosts or not found:
                    raise  # without IPv6 on this machine the default still serves IPv4
    except OperationError:
        for sock in found:
            sock.close()
        raise
    return found


class Server:
    """Serves until `stop()`, which any thread or signal handler may call."""

    def __init__(self, settings: Settings, sockets: Sequence[socket.socket]) -> None:
        self.settings = settings
        self.counters: Counter[str] = Counter()
        """What happened so far: `granted`, `refused_…`, `ended_…`, and what was ignored and why."""
        self._sockets = {sock.fileno(): sock for sock in sockets}
        self._clock = SteadyClock()
        self._sessions: dict[int, Session] = {}
        self._granted: dict[tuple[Address, bytes], _Granted] = {}
        self._admission = Admission(bandwidth_mbps=settings.bandwidth_mbps, most_tests=settings.most_tests)
        self._refusals = Patience(burst=REFUSALS[0], per_second=REFUSALS[1])
        self._grants = Patience(burst=GRANTS[0], per_second=GRANTS[1])
        self._replays = Replays()
        self._poll = select.epoll()
        for number in self._sockets:
            self._poll.register(number, select.EPOLLIN)
        self._wake = Wake()
        self._poll.register(self._wake, select.EPOLLIN)
        self._stopping_at: int | None = None
        self._stop = self._asked = False
        self.load = Load()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return [(str(name[0]), int(name[1])) for name in (sock.getsockname() for sock in self._sockets.values())]

    @property
    def sessions(self) -> Sequence[Session]:
        """The tests that wait or run now."""
        return tuple(self._sessions.values())

    def figures(self) -> dict[str, Any]:
        """The server's own load, for people and programs: JSON."""
        courses = [one.course for one in self._sessions.values() if one.course is not None]
        return {
            "tests": len(courses),
            "waiting": len(self._sessions) - len(courses),
            **self.load.rates,
            "granted_down_mbps": self._admission.granted[False],
            "granted_up_mbps": self._admission.granted[True],
            "bandwidth_mbps": self.settings.bandwidth_mbps,
            "counters": dict(sorted(self.counters.items())),
        }

    def say_load(self) -> None:
        """Print one line of `figures()` soon; for a signal handler."""
        self._asked = True
        self._wake.rouse()

    def stop(self) -> None:
        """Tell every client that its test is over, then end."""
        self._stop = True
        self._wake.rouse()

    def serve(self) -> None:
        """Serve until `stop()`."""
        with FineTimer():
            while not self._done():
                self._turn()
        self.close()

    def close(self) -> None:
        """Close every socket."""
        for session in list(self._sessions.values()):
            self._end(session, "server_stopped")
        for sock in self._sockets.values():
            sock.close()
        self._poll.close()
        self._wake.close()

    def _done(self) -> bool:
        if not self._stop:
            return False
        now = self._clock.now()
        if self._stopping_at is None:
            self._stopping_at = now
            for session in self._sessions.values():
                session.stop(now)
        return not self._sessions or now - self._stopping_at > GRACE_NS

    def _turn(self) -> None:
        now = self._clock.now()
        due = min([session.due for session in self._sessions.values()], default=now + int(_IDLE_S * 1e9))
        wait = min(_IDLE_S, max(0.0, (due - now) / 1e9))
        for number, _events in self._poll.poll(wait):
            if number in self._sockets:
                self._serve_control(self._sockets[number])
            elif number == self._wake.fileno():
                self._wake.clear()
            elif (session := self._sessions.get(number)) is not None:
                session.hear()
                session.due = 0
        now = self._clock.now()
        for session in [one for one in self._sessions.values() if one.due <= now]:
            self._drive(session, now)
        self._look()

    def _drive(self, session: Session, now: int) -> None:
        session.tick(now)
        if session.over:
            self._end(session, session.over)
        elif session.polled and session.course is not None and session.course.upstream:
            self._poll.unregister(session.sock.fileno())  # load is read by time: one wake-up for many datagrams
            session.polled = False

    def _end(self, session: Session, why: str) -> None:
        self.counters[f"ended_{why}"] += 1
        self.load.book(session.course)
        number = session.sock.fileno()
        del self._sessions[number]
        if session.polled:
            self._poll.unregister(number)
        session.sock.close()
        del self._granted[session.request.peer, session.request.data]
        self._admission.give_back(session.terms.grant)

    def _look(self) -> None:
        courses = [one.course for one in self._sessions.values() if one.course is not None]
        if self.load.look(courses) and self.settings.load_file is not None:
            write_load(self.settings.load_file, self.figures())
        if self._asked:
            self._asked = False
            print(json.dumps(self.figures()), flush=True)  # noqa: T201 - asked for by a signal

    # --- Setup -------------------------------------------------------------------------------------------------------

    def _serve_control(self, sock: socket.socket) -> None:
        for request in requests(sock, _MOST_REQUESTS):
            try:
                asked = Setup.decode(request.data)
            except PduError as error:
                self.counters[f"rubbish_{error.code}"] += 1
                continue
            if asked.command is not SetupCommand.REQUEST or asked.result is not SetupResult.NONE or self._stop:
                self.counters["rubbish_command"] += 1  # an answer gets no answer, or two servers would talk for ever
                continue
            self._answer(sock, request, asked)

    def _answer(self, sock: socket.socket, request: Request, asked: Setup) -> None:
        if self._repeated(sock, request):
            return
        verdict, keys = self._judge(request.data, asked)
        if verdict is None:
            self.counters["setup_replayed"] += 1
            return
        source, now = str(request.peer[0]), time.monotonic()
        if verdict is SetupResult.OK:
            if not self._grants.spend(source, now):
                self.counters["unanswered"] += 1
                return
            verdict = self._grant(sock, request, asked, keys)
        if verdict is not SetupResult.OK:
            self._refuse(sock, request, asked, verdict, keys)

    def _judge(self, data: bytes, asked: Setup) -> tuple[SetupResult | None, DerivedKeys | None]:
        """OK with the test's keys (None: not authenticated), or why not; no result at all for a replay."""
        block, settings = asked.authentication, self.settings
        keys: DerivedKeys | None = None
        if asked.version != VERSION and (asked.version not in LEGACY or settings.require_auth):
            return SetupResult.BAD_VERSION, None  # what older versions sign is not enough where signatures are required
        if block.mode == MODE_CONTROL and settings.keys:
            shared = settings.keys.get(block.key_id)
            keys = None if shared is None or asked.version != VERSION else derive(shared, block.unix_time)
            signer = shared if keys is None else keys.client
            if signer is None or not fits(data, signer):
                return SetupResult.AUTHENTICATION_FAILED, None
            if not in_window(block.unix_time):
                return SetupResult.AUTHENTICATION_TIME, keys
            if not self._replays.fresh(block.digest, block.unix_time, time.time()):
                return None, None
        elif block.mode != MODE_NONE:
            known = block.mode == MODE_CONTROL
            return SetupResult.AUTHENTICATION_NOT_CONFIGURED if known else SetupResult.AUTHENTICATION_MODE_INVALID, None
        elif settings.require_auth:
            return SetupResult.AUTHENTICATION_REQUIRED, None
        if not 0 <= asked.connection_index < asked.connection_count <= MOST_CONNECTIONS:
            return SetupResult.BAD_CONNECTIONS, keys
        return SetupResult.OK, keys

    def _grant(self, sock: socket.socket, request: Request, asked: Setup, keys: DerivedKeys | None) -> SetupResult:
        grant = self._admission.ask(upstream=asked.upstream, mbps=asked.bandwidth_mbps)
        if not isinstance(grant, Grant):
            return grant
        test = open_test(request, self.settings.test_ports)
        if test is None:
            self._admission.give_back(grant)
            return SetupResult.NO_CONNECTION_FREE
        terms = Terms(
            setup=asked, grant=grant, keys=keys, family=request.family,
            limited=self.settings.bandwidth_mbps is not None, seconds=self.settings.most_seconds, dscp=self.settings.dscp,
        )  # fmt: skip
        session = Session(test, self._clock, terms, request, self.counters)
        self._sessions[test.fileno()] = session
        self._poll.register(test.fileno(), select.EPOLLIN)
        self.counters["granted"] += 1
        data = self._response(asked, SetupResult.OK, keys, port=session.port)
        self._granted[request.peer, request.data] = _Granted(session, data)
        answer(sock, request, data)
        session.open_firewall()
        return SetupResult.OK

    def _refuse(
        self, sock: socket.socket, request: Request, asked: Setup, why: SetupResult, keys: DerivedKeys | None
    ) -> None:
        self.counters[f"refused_{why.name.lower()}"] += 1
        if self._refusals.spend(str(request.peer[0]), time.monotonic()):
            answer(sock, request, self._response(asked, why, keys))
        else:
            self.counters["unanswered"] += 1

    def _response(self, asked: Setup, result: SetupResult, keys: DerivedKeys | None, *, port: int = 0) -> bytes:
        """As long as the request. Signed where the client proved to have the key, so nobody else gets a digest."""
        version = VERSION if result is SetupResult.BAD_VERSION else asked.version
        made = replace(
            asked, version=version, command=SetupCommand.RESPONSE, result=result, test_port=port,
            authentication=Authentication(),
        )  # fmt: skip
        if keys is None:
            return made.encode()
        return signed(made, keys.server, key_id=asked.authentication.key_id, unix_time=int(time.time()))

    def _repeated(self, sock: socket.socket, request: Request) -> bool:
        """A client repeats its request until it hears the answer: while its test waits, it gets the same one again."""
        found = self._granted.get((request.peer, request.data))
        if found is None:
            return False
        if found.session.course is not None or found.repeats >= _MOST_REPEATS:
            self.counters["setup_replayed"] += 1
            return True
        found.repeats += 1
        self.counters["setup_repeated"] += 1
        answer(sock, request, found.data)
        return True
