"""Small questions beside the running streams, ten a second: the round trip under load, and the receiver's report."""

import select
import socket
from typing import Final

from doxa_agent.net.binding import Unreachable
from doxa_agent.speed.http import Answer, request
from doxa_agent.speed.report import Report, read_report
from doxa_agent.speed.target import Target

EVERY_S: Final = 0.1
LOST_S: Final = 3.0


class Aside:
    """One question at a time over a connection of its own. Where it breaks, the test goes on without it."""

    def __init__(self, sock: socket.socket, target: Target) -> None:
        self.rtts_ms: list[float] = []
        self.report: Report | None = None
        """The newest answer to a wanted report."""
        self.wanted = False
        """Ask for a report next."""
        self.alive = True
        self._sock = sock
        self._target = target
        self._asked_at: float | None = None
        self._next = 0.0
        self._for_report = False
        self._answer = Answer()

    def fileno(self) -> int:
        """For epoll."""
        return self._sock.fileno()

    def tick(self, now: float) -> None:
        """Ask the next question when it is due."""
        if self._asked_at is not None:
            self.alive = self.alive and now - self._asked_at < LOST_S
        elif self.alive and (self.wanted or now >= self._next):
            self._ask(now)

    def _ask(self, now: float) -> None:
        self._for_report, self.wanted = self.wanted, False
        name, query = ("received", {"session": self._target.session}) if self._for_report else ("empty.php", {})
        self._answer = Answer()
        self._asked_at, self._next = now, now + EVERY_S
        try:
            self._sock.send(request("GET", self._target.host, self._target.url(name, **query)))
        except OSError:
            self.alive = False

    def ready(self, now: float, poller: select.epoll) -> None:
        """Something can be read."""
        try:
            self._answer.feed(self._sock.recv(64 * 1024))
        except BlockingIOError:
            return
        except (OSError, Unreachable):
            self._give_up(poller)
            return
        if self._answer.complete and self._asked_at is not None:
            if self._for_report:
                self.report = read_report(self._answer)
            else:
                self.rtts_ms.append((now - self._asked_at) * 1000)
            self._asked_at = None
            if self._answer.head is None or self._answer.head.closes:
                self._give_up(poller)

    def _give_up(self, poller: select.epoll) -> None:
        self.alive = False
        poller.unregister(self._sock)
