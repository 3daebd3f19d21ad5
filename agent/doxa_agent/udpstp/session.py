"""One test at the server, from the accepted Setup request to its end: it waits for its activation, then runs its course."""

import contextlib
import socket
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from doxa_agent.udpstp.activation import Activation, ActivationResult, Direction
from doxa_agent.udpstp.admission import Grant
from doxa_agent.udpstp.auth import MODE_CONTROL, MODE_NONE, DerivedKeys, fits, in_window, signed
from doxa_agent.udpstp.bounds import Allowed, accepted
from doxa_agent.udpstp.control import Address, Request
from doxa_agent.udpstp.courses import SILENT_NS, Course, Downstream, Upstream
from doxa_agent.udpstp.legacy import LEGACY, activation_from, activation_to
from doxa_agent.udpstp.rates import ROWS, SendingRate, row_for, table
from doxa_agent.udpstp.search import Rules
from doxa_agent.udpstp.setup import Null, Setup
from doxa_agent.udpstp.steady import SteadyClock
from doxa_agent.udpstp.wire import PduError

_ROOM: Final = 256
_MOST_ANSWERS: Final = 20
"""How often an activation that is repeated is answered again."""
_WAITING_NS: Final = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what a session was granted."""

    setup: Setup
    grant: Grant
    keys: DerivedKeys | None
    """None: the test is not authenticated."""
    family: int
    limited: bool
    """Whether the bandwidth granted is also the most that the test may use."""
    seconds: int
    """The longest test allowed."""
    dscp: bool


class Session:
    """One test port. Driven by the server's loop, as a course is."""

    def __init__(
        self, sock: socket.socket, clock: SteadyClock, terms: Terms, request: Request, counters: Counter[str]
    ) -> None:
        self.sock, self.terms = sock, terms
        self.request = request
        """The Setup request."""
        self.course: Course | None = None
        self.over: str | None = None
        """Why it ended; None while it lasts."""
        self.polled = True
        """Whether the loop waits for its socket."""
        self.due = 0
        """When `tick` is next wanted, ns of the steady clock."""
        self._clock, self._counters = clock, counters
        self._version = terms.setup.version
        self._legacy = self._version in LEGACY
        self._gone_at = clock.now() + SILENT_NS
        self._accepted = Activation(direction=Direction.UPSTREAM)
        self._answers = 0

    @property
    def port(self) -> int:
        """The test port."""
        return int(self.sock.getsockname()[1])

    def open_firewall(self) -> None:
        """The Null request, at once behind the Setup response; older versions know none."""
        if self._legacy:
            return
        null, terms = Null(), self.terms
        data = null.encode() if terms.keys is None else self._signed(null)
        with contextlib.suppress(OSError):
            self.sock.sendto(data, self.request.peer)

    def hear(self) -> None:
        """Read the test port."""
        if self.course is None:
            self._await_activation()
            return
        for other in self.course.hear():
            self._again(other)

    def tick(self, now: int) -> None:
        """Do what is due; sets `due` and `over`."""
        if self.course is None:
            self.over = self.over or ("never_activated" if now >= self._gone_at else None)
            self.due = now + _WAITING_NS
            return
        if self.course.upstream:
            self.hear()
            now = self._clock.now()  # an interval ends when all that came in it has been read
        self.due = self.course.tick(now)
        self.over = self.over or self.course.over

    def stop(self, now: int) -> None:
        """End politely."""
        if self.course is None:
            self.over = "never_activated"
        else:
            self.course.stop(now)
            self.due = now

    # --- activation --------------------------------------------------------------------------------------------------

    def _await_activation(self) -> None:
        for _ in range(16):
            try:
                data, peer = self.sock.recvfrom(_ROOM)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about the Null request: that firewall is closed, which says nothing
            asked = self._verified(data) if peer[0] == self.request.peer[0] else None
            if asked is None:
                self._counters["activation_ignored"] += 1
                continue
            self._activate(asked, peer)
            return

    def _verified(self, data: bytes) -> Activation | None:
        """The request of these bytes, where it is one and is signed as its test must be."""
        try:
            asked = Activation.decode(activation_from(data, self._version) if self._legacy else data)
        except PduError:
            return None
        keys, block = self.terms.keys, asked.authentication
        if asked.result is not ActivationResult.NONE:
            return None
        if keys is None:
            return asked if block.mode == MODE_NONE else None
        good = block.mode == MODE_CONTROL and fits(data, keys.client) and in_window(block.unix_time)
        return asked if good else None

    def _activate(self, asked: Activation, peer: Address) -> None:
        """Connect to who asked, start the course, answer."""
        try:
            self.sock.connect(peer)
        except OSError:
            self.over = "unreachable"
            return
        self._forget_strangers()
        terms = self.terms
        rows = table(traditional=terms.setup.traditional, jumbo=terms.setup.jumbo)
        top = row_for(terms.grant.mbps, rows) if terms.limited else ROWS - 1
        self._accepted = accepted(asked, Allowed(seconds=terms.seconds, row=top, dscp=terms.dscp))
        if terms.limited and terms.grant.upstream != (asked.direction is Direction.UPSTREAM):
            self._accepted = replace(self._accepted, result=ActivationResult.BAD_PARAMETERS)
            self._answer()
            self.over = "bad_parameters"
            return
        self._begin(rows, top)
        self._answer()

    def _forget_strangers(self) -> None:
        """What came before the socket was connected may be anybody's."""
        with contextlib.suppress(OSError):
            while self.sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_TRUNC):
                self._counters["before_activation"] += 1

    def _begin(self, rows: tuple[SendingRate, ...], top: int) -> None:
        asked, terms = self._accepted, self.terms
        rules = replace(Rules.of(asked, top), overhead=48 if terms.family == 6 else 28)
        self._mark()
        if asked.direction is Direction.UPSTREAM:
            mode = MODE_NONE if terms.keys is None else MODE_CONTROL
            up = Upstream(
                self.sock, self._clock, asked, rows, rules, family=terms.family, mode=mode, legacy=self._legacy
            )
            self._accepted = replace(asked, rate=up.first_rate)
            self.course = up
        else:
            self.course = Downstream(
                self.sock, self._clock, asked, rows, rules, self._counters,
                family=terms.family, trusted=terms.keys is not None, legacy=self._legacy,
            )  # fmt: skip
        self.due = 0

    def _mark(self) -> None:
        """Set the octet of the IP header that was accepted; 0 is what a socket has anyway."""
        if self._accepted.dscp_ecn:
            level, option = (
                (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
                if self.terms.family == 6
                else (socket.IPPROTO_IP, socket.IP_TOS)
            )
            try:
                self.sock.setsockopt(level, option, self._accepted.dscp_ecn)
            except OSError:
                self._accepted = replace(self._accepted, dscp_ecn=0)

    def _answer(self) -> None:
        self._answers += 1
        data = self._accepted.encode() if self.terms.keys is None else self._signed(self._accepted)
        with contextlib.suppress(OSError):
            self.sock.send(activation_to(data, self._version) if self._legacy else data)

    def _again(self, data: bytes) -> None:
        """The client repeats its activation until it has the answer; anything else here is ignored."""
        asked = self._verified(data)
        if asked is None or asked.direction is not self._accepted.direction or self._answers >= _MOST_ANSWERS:
            self._counters["test_ignored"] += 1
            return
        self._answer()

    def _signed(self, packet: Null | Activation) -> bytes:
        assert self.terms.keys is not None
        key_id = self.terms.setup.authentication.key_id
        return signed(packet, self.terms.keys.server, key_id=key_id, unix_time=int(time.time()))
