"""Waiting for a socket within a page's time."""

import select
import socket
import time
from dataclasses import dataclass
from typing import Final

from doxa_agent.meter import Deadline
from doxa_agent.net.binding import Unreachable

_SLICE_S: Final = 0.25
"""The longest wait that a cancel does not interrupt."""


class Stopped(Exception):  # noqa: N818 - the run was told to end; nobody failed
    """The request's deadline is over or it was cancelled."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a page may take in all."""

    until: float
    """A moment of the monotonic clock."""
    deadline: Deadline

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return min(max(0.0, self.until - time.monotonic()), self.deadline.left_s)

    def ready(self, sock: socket.socket, events: int, late: str) -> None:
        """Come back when the socket is ready. `Unreachable(late)` when the time is over, `Stopped` when the run is."""
        poll = select.poll()
        poll.register(sock, events)
        while not poll.poll(min(self.left_s, _SLICE_S) * 1000):
            if self.deadline.over:
                raise Stopped
            if self.left_s <= 0:
                raise Unreachable(late)
