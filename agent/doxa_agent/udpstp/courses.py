"""The two courses of a running test at the server: it sends load and is told, or it receives load and tells (RFC 9946).

Either way the server decides the rate, from each Status packet that comes or goes. All times are nanoseconds of the steady
clock. A course is driven: `hear` when its socket may have something, `tick` when its time has come.
"""

import socket
from collections import Counter
from dataclasses import replace
from typing import Final, Protocol

from doxa_agent.udpstp.activation import ACTIVATION_SIZE, Activation
from doxa_agent.udpstp.legacy import status_from, status_to
from doxa_agent.udpstp.load import MOST_STATUS_ERRORS, Action
from doxa_agent.udpstp.rates import SendingRate
from doxa_agent.udpstp.receiver import Receiver
from doxa_agent.udpstp.search import Rules, report_of, step
from doxa_agent.udpstp.sender import Sender
from doxa_agent.udpstp.stats import Tally
from doxa_agent.udpstp.status import Status
from doxa_agent.udpstp.steady import SteadyClock
from doxa_agent.udpstp.wire import PduError

MS: Final = 1_000_000
SECOND: Final = 1_000 * MS
QUIET_NS: Final = SECOND
"""Without traffic for this long, our packets say so."""
SILENT_NS: Final = 3 * SECOND
"""Without traffic for this long, the test ends."""
LAST_NS: Final = SECOND // 2
"""A test goes on for that long after its seconds, so that the last sub-interval is complete at the other side."""
_STOP_RATE: Final = SendingRate(interval2_us=10_000, payload2=52, burst2=1)
"""How the end of a test is repeated until the client confirms it."""
_EARLY_STATUSES: Final = 50
_PAUSE_STATUSES: Final = 10 * MS


class Course(Protocol):
    """A test that runs."""

    upstream: bool
    over: str | None
    """Why it ended: `complete`, `client_stopped`, `silent`, `unreachable`; None while it runs."""
    receiver: Receiver

    def tick(self, now: int) -> int:
        """Do what is due; when to be called next."""

    def hear(self) -> list[bytes]:
        """Read the socket; what is not of the test itself."""

    def stop(self, now: int) -> None:
        """Tell the client that it is over; the course ends when it confirms, or after 3 s."""

    def octets(self) -> int:
        """Octets at the IP layer so far."""


class Downstream:
    """The server sends; every Status packet moves the search.

    Where nobody has proved to be at the client's address (`trusted` is False), row 0 is all that is sent until the first
    Status packet, whatever row was asked for: a stranger who activates a test in another's name makes us send 30 kB.
    """

    upstream = False

    def __init__(
        self, sock: socket.socket, clock: SteadyClock, asked: Activation, rows: tuple[SendingRate, ...],
        rules: Rules, counters: Counter[str], *, family: int, trusted: bool, legacy: bool = False,
    ) -> None:  # fmt: skip
        now = clock.now()
        self.over: str | None = None
        self.receiver = Receiver(sock, clock)
        self._sender = Sender(
            sock, clock, family=family, random_payload=asked.random_payload, held=asked.held_row is not None
        )
        self._rows, self._rules, self._counters = rows, rules, counters
        self._search = rules.start(asked)
        self._legacy = legacy
        self._trial_ns = asked.trial_ms * MS
        self._started = self._heard = now
        self._ends = now + asked.seconds * SECOND + LAST_NS
        self._stopping = False
        self._sequence = 0
        self._overhead = 48 if family == 6 else 28
        self._sender.set_rate(rows[self._search.row if trusted else 0])

    @property
    def sender(self) -> Sender:
        """For the books of what was asked of this machine and what left it."""
        return self._sender

    def tick(self, now: int) -> int:
        """Send what is due."""
        if now >= self._ends:
            self._end(now)
        if now - self._heard >= SILENT_NS:
            self.over = self.over or "silent"
        self._sender.receive_stopped = now - self._heard >= QUIET_NS
        if self.over:
            return now
        try:
            return min(self._sender.tick(now), self._ends)
        except OSError:
            self.over = "unreachable"
            return now

    def hear(self) -> list[bytes]:
        """Read Status packets."""
        others: list[bytes] = []
        try:
            batches = self.receiver.drain()
        except OSError:
            self.over = "unreachable"
            return others
        for batch in batches:
            for place in range(batch.count):
                head = batch.head(place)
                try:
                    status = Status.decode(status_from(head) if self._legacy else head)
                except PduError:
                    others.append(head)
                    continue
                self._take(status, batch.stamps[place])
        return others

    def stop(self, now: int) -> None:
        """End now."""
        self._ends = min(self._ends, now)

    def octets(self) -> int:
        """Sent."""
        return self._sender.sent_octets + self._sender.sent_datagrams * self._overhead

    def _take(self, status: Status, received: int) -> None:
        if not self._in_order(status.sequence, received):
            return
        self._sender.echo(status.sent_ns, received)
        if status.action is not Action.TEST:
            self.over = self.over or ("complete" if self._stopping else "client_stopped")
        elif not self._stopping:
            self._heard = received
            self._search = step(self._search, report_of(status, self._rules), self._rules)
            self._sender.set_rate(self._rows[self._search.row])

    def _in_order(self, sequence: int, received: int) -> bool:
        """A Status that was there before, or that cannot be there yet, moves nothing: it is repeated or forged."""
        if sequence <= self._sequence:
            self._counters["status_repeated"] += 1
            self._sender.status_errors = MOST_STATUS_ERRORS
            return False
        if sequence > 1.2 * (received - self._started) / self._trial_ns + _EARLY_STATUSES:
            self._counters["status_forged"] += 1
            return False
        self._sender.status_errors = min(MOST_STATUS_ERRORS - 1, sequence - self._sequence - 1)
        self._sequence = sequence
        return True

    def _end(self, now: int) -> None:
        if self._stopping:
            self.over = self.over or "complete"  # never confirmed
            return
        self._stopping = True
        self._ends = now + SILENT_NS
        self._heard = max(self._heard, now - QUIET_NS)
        self._sender.action = Action.STOP
        self._sender.set_rate(_STOP_RATE)


class Upstream:
    """The server receives, and says in each Status packet what the client must send next."""

    upstream = True

    def __init__(
        self, sock: socket.socket, clock: SteadyClock, asked: Activation, rows: tuple[SendingRate, ...],
        rules: Rules, *, family: int, mode: int, legacy: bool = False,
    ) -> None:  # fmt: skip
        now = clock.now()
        self.over: str | None = None
        self.receiver = Receiver(sock, clock, ACTIVATION_SIZE, joined=True)  # a repeated activation is seen whole
        self._tally = Tally(clock, sub_ns=asked.sub_interval_ms * MS)
        self._sock, self._rows, self._rules, self._mode = sock, rows, rules, mode
        self._search = rules.start(asked)
        self._legacy = legacy
        self._trial_ns = asked.trial_ms * MS
        self._next = now + self._trial_ns
        self._ends = now + asked.seconds * SECOND + LAST_NS
        self._stopping = False
        self._heard = now
        self._overhead = 48 if family == 6 else 28
        self.first_rate = rows[self._search.row]
        """What the client begins with, for the Activation response."""

    @property
    def tally(self) -> Tally:
        """The books of what came."""
        return self._tally

    def tick(self, now: int) -> int:
        """Tell the client, once every trial interval."""
        if self._tally.started:
            self._heard = max(self._heard, self._tally.last_heard)
        if now - self._heard >= SILENT_NS:
            self.over = self.over or "silent"
        if now >= self._ends:
            self._end(now)
        if self.over is None and now >= self._next:
            self._next = max(self._next + self._trial_ns, now)
            self._tell(now)
        pause = int(self.receiver.pause_s(self._rows[self._search.row].payload_bps) * SECOND)
        return min(self._next, now + pause)

    def hear(self) -> list[bytes]:
        """Read the load."""
        others: list[bytes] = []
        try:
            for batch in self.receiver.drain():
                others += self._tally.feed(batch)
        except OSError:
            self.over = "unreachable"
        if self._tally.action is not Action.TEST:
            self.over = self.over or ("complete" if self._stopping else "client_stopped")
        return others

    def stop(self, now: int) -> None:
        """End now."""
        self._ends = min(self._ends, now)

    def octets(self) -> int:
        """Received."""
        return self._tally.whole.octets + self._tally.whole.datagrams * self._overhead

    def _tell(self, now: int) -> None:
        if not self._tally.started and not self._stopping:
            return  # the first load is still on its way
        status = self._tally.report(
            now,
            action=Action.STOP if self._stopping else Action.TEST,
            receive_stopped=now - self._heard >= QUIET_NS,
            mode=self._mode,
        )
        if not self._stopping:
            self._search = step(self._search, report_of(status, self._rules), self._rules)
        try:
            data = replace(status, rate=self._rows[self._search.row]).encode()
            self._sock.send(status_to(data) if self._legacy else data)
        except BlockingIOError:
            pass
        except OSError:
            self.over = "unreachable"

    def _end(self, now: int) -> None:
        if self._stopping:
            self.over = self.over or "complete"  # never confirmed
            return
        self._stopping = True
        self._next = now
        self._ends = now + SILENT_NS
