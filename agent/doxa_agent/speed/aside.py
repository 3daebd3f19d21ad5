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
        # Written once: ten requests a second would otherwise cost as much as a stream.
        self._ping = request("GET", target.host, target.url("empty.php"))
        self._report = request("GET", target.host, target.url("received", session=target.session))
        self._usual = b""
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
        self._answer = Answer()
        self._asked_at, self._next = now, now + EVERY_S
        try:
            self._sock.send(self._report if self._for_report else self._ping)
        except OSError:
            self.alive = False

    def ready(self, now: float, poller: select.epoll) -> None:
        """Something can be read."""
        try:
            piece = self._sock.recv(64 * 1024)
            if piece == self._usual and not self._answer.rest and not self._for_report:
                self._note(now)
                return
            self._answer.feed(piece)
        except BlockingIOError:
            return
        except (OSError, Unreachable):
            self._give_up(poller)
            return
        if self._answer.complete:
            self._take(piece, now, poller)

    def _take(self, piece: bytes, now: float, poller: select.epoll) -> None:
        """A whole answer is there; one that came in one piece and without a body need not be read again next time."""
        answer = self._answer
        if self._for_report:
            self.report = read_report(answer)
            self._asked_at = None
        else:
            self._note(now)
        if answer.head is None or answer.head.closes:
            self._give_up(poller)
        elif not self._for_report and len(piece) == answer.head.size:
            self._usual = piece

    def _note(self, now: float) -> None:
        if self._asked_at is not None:
            self.rtts_ms.append((now - self._asked_at) * 1000)
            self._asked_at = None

    def _give_up(self, poller: select.epoll) -> None:
        self.alive = False
        poller.unregister(self._sock)
