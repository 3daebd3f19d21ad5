"""Question and answer over one persistent connection: the HTTP ping, and asking the far end what arrived."""

import select
import socket
import time
from contextlib import suppress
from typing import Final

from doxa_agent.meter import Deadline
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.tcperror import reason_of
from doxa_agent.speed.http import Answer, request
from doxa_agent.speed.target import Stopped, Target, close_all, connect_all

ANSWER_S: Final = 3.0
_SLICE_S: Final = 0.1


class Dialogue:
    """A connection that is opened again when the server closed it; `opened` counts how often."""

    def __init__(self, target: Target, deadline: Deadline) -> None:
        self.target = target
        self.opened = 0
        self._deadline = deadline
        self._sock: socket.socket | None = None

    @property
    def sock(self) -> socket.socket:
        """The open connection, new where needed."""
        if self._sock is None:
            self._sock = connect_all(self.target, 1, self._deadline)[0]
            self.opened += 1
        return self._sock

    def close(self) -> None:
        """Hang up."""
        if self._sock is not None:
            close_all([self._sock])
            self._sock = None

    def ask(self, name: str, *, method: str = "GET", **query: object) -> tuple[Answer, float]:
        """Ask for `name`: the whole answer of any status, and the seconds from the request to its last octet.

        `method` other than GET sends an empty body (a slot is asked for by POST and given back by DELETE).
        """
        sock = self.sock  # connecting is not part of the time
        length = 0 if method == "POST" else None
        question = request(method, self.target.host, self.target.url(name, **query), length=length)
        try:
            began = time.monotonic()
            sock.send(question)
            answer = self._receive(sock, began + ANSWER_S)
            took = time.monotonic() - began
        except OSError as error:
            self.close()
            raise Unreachable(reason_of(error)) from None
        except (Unreachable, Stopped):
            self.close()
            raise
        if answer.head is None or answer.head.closes:
            self.close()
        return answer, took

    def _receive(self, sock: socket.socket, until: float) -> Answer:
        answer = Answer()
        poller = select.poll()
        poller.register(sock, select.POLLIN)
        while not answer.complete:
            if self._deadline.over:
                raise Stopped
            if time.monotonic() >= until:
                raise Unreachable("answer_timeout")
            if poller.poll(_SLICE_S * 1000):
                with suppress(BlockingIOError):  # a record of TLS that is not complete yet
                    answer.feed(sock.recv(64 * 1024))
        return answer
