"""Asks nodes for a TCP connection each interval: up is who accepts, not who refuses.

A refusal shows that the machine lives, but what is watched here is the service at the port.
"""

import errno
import heapq
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from doxa_agent.meter import Deadline, Link
from doxa_agent.net.binding import FAMILIES, LinkUnusable, bind_socket
from doxa_agent.net.cadence import Cadence, phases
from doxa_agent.net.tcperror import reason_of
from doxa_agent.net.tcpinfo import read_tcp_info
from doxa_agent.net.track import Target
from doxa_agent.nodes.book import Asked

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST, so no TIME_WAIT piles up at either side."""
_SLICE_S: Final = 0.25
"""The longest wait that a cancel does not interrupt."""
_LOCAL: Final = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.ENODEV, errno.EADDRNOTAVAIL, errno.EPERM, errno.EMFILE}
)
"""What our own machine says without having sent anything."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    sock: socket.socket
    place: int
    sent_s: float


class Connector:
    """One run: `asked` and `errors` by the node's place."""

    def __init__(self, targets: Sequence[Target], link: Link, cadence: Cadence, deadline: Deadline) -> None:
        self._targets, self._link, self._cadence, self._deadline = targets, link, cadence, deadline
        self.asked: list[list[Asked]] = [[] for _ in targets]
        self.errors: list[Counter[str]] = [Counter() for _ in targets]
        self._poll = select.poll()
        self._open: dict[int, _Attempt] = {}

    def run(self, ends_s: float) -> None:
        """Ask each node once an interval; nobody so late that the answer could not be waited for before `ends_s`."""
        try:
            for due_s, place in self._moments(time.monotonic()):
                if due_s > ends_s - self._cadence.timeout_s or not self._wait(due_s):
                    break
                self._start(place)
            while self._open and self._wait(min(ends_s, time.monotonic() + _SLICE_S)) and time.monotonic() < ends_s:
                pass
        finally:
            for attempt in self._open.values():
                attempt.sock.close()  # undecided: neither answered nor silent
            for asked in self.asked:
                asked.sort(key=lambda one: one.sent_s)

    def _moments(self, start_s: float) -> list[tuple[float, int]]:
        gap_s = self._cadence.interval_s
        offsets = [
            (offset / 1e9, place)
            for offset, places in phases(len(self._targets), int(gap_s * 1e9), self._cadence.payload)
            for place in places
        ]
        rounds = (
            [(start_s + number * gap_s + offset, place) for offset, place in offsets]
            for number in range(self._cadence.count)
        )
        return list(heapq.merge(*rounds))

    def _start(self, place: int) -> None:
        target, sent_s = self._targets[place], time.monotonic()
        try:
            sock = socket.socket(FAMILIES[target.family], socket.SOCK_STREAM)
        except OSError:
            self._blind(place, sent_s, "no_address")
            return
        try:
            sock.settimeout(0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            bind_socket(sock, self._link, target.family)
            code = sock.connect_ex((target.address, target.port))
        except LinkUnusable as unusable:
            sock.close()
            self._blind(place, sent_s, unusable.reason)
            return
        except BaseException:
            sock.close()
            raise
        attempt = _Attempt(sock, place, sent_s)
        if code in _LOCAL:
            sock.close()
            self._blind(place, sent_s, reason_of(OSError(code, "")))
        elif code not in (0, errno.EINPROGRESS):
            self._conclude(attempt, code)
        else:
            self._open[sock.fileno()] = attempt
            self._poll.register(sock, select.POLLOUT)

    def _blind(self, place: int, sent_s: float, reason: str) -> None:
        self.errors[place][reason] += 1
        self.asked[place].append(Asked(sent_s=sent_s, blind=True))

    def _wait(self, until_s: float) -> bool:
        """Listen until then; False when the run is cut off."""
        while not self._deadline.over:
            self._give_up()
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return True
            for descriptor, _ in self._poll.poll(min(left_s, self._next_timeout_s(), _SLICE_S) * 1000):
                self._poll.unregister(descriptor)
                attempt = self._open.pop(descriptor)
                self._conclude(attempt, attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        return False

    def _next_timeout_s(self) -> float:
        oldest = min((attempt.sent_s for attempt in self._open.values()), default=float("inf"))
        return max(0.001, oldest + self._cadence.timeout_s - time.monotonic())

    def _give_up(self) -> None:
        oldest = time.monotonic() - self._cadence.timeout_s
        for descriptor in [d for d, attempt in self._open.items() if attempt.sent_s <= oldest]:
            attempt = self._open.pop(descriptor)
            self._poll.unregister(descriptor)
            attempt.sock.close()
            self.errors[attempt.place]["connect_timeout"] += 1
            self.asked[attempt.place].append(Asked(sent_s=attempt.sent_s))

    def _conclude(self, attempt: _Attempt, code: int) -> None:
        elapsed_s = time.monotonic() - attempt.sent_s
        delay_ms: float | None = None
        retransmitted = False
        if code:
            self.errors[attempt.place][reason_of(OSError(code, ""))] += 1
        else:
            delay_ms = elapsed_s * 1000
            with suppress(OSError):
                info = read_tcp_info(attempt.sock)
                delay_ms = info.rtt_us / 1000 if info.rtt_us else delay_ms
                retransmitted = bool(info.total_retrans)
        attempt.sock.close()
        self.asked[attempt.place].append(
            Asked(sent_s=attempt.sent_s, delay_ms=None if retransmitted else delay_ms, alive=retransmitted)
        )
