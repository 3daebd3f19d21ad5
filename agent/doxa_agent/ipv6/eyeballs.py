"""What a browser does with two families: Happy Eyeballs, and what it costs (RFC 8305 §5)."""

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from doxa_agent.ipv6.stream import Place
from doxa_agent.meter import Deadline
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket

ATTEMPT_DELAY_S: Final = 0.25
"""Connection Attempt Delay, the recommended value."""


@dataclass(frozen=True, slots=True)
class Won:
    """How a race ended."""

    family: int
    seconds: float


def race(six: Place, four: Place, timeout_s: float, deadline: Deadline) -> Won | None:
    """Try v6 first, v4 beside it after 250 ms or as soon as v6 has failed; the first connection wins, None if none came."""
    return _run([(0.0, six), (ATTEMPT_DELAY_S, four)], timeout_s, deadline)


def single(place: Place, timeout_s: float, deadline: Deadline) -> Won | None:
    """One family alone, timed in the same way as a race."""
    return _run([(0.0, place)], timeout_s, deadline)


def _run(starts: Sequence[tuple[float, Place]], timeout_s: float, deadline: Deadline) -> Won | None:
    began = time.monotonic()
    until = began + min(timeout_s, deadline.left_s)
    pending: dict[int, tuple[int, socket.socket]] = {}
    waiting = [(began + delay_s, place) for delay_s, place in starts]
    poller = select.poll()
    try:
        while (now := time.monotonic()) < until and (waiting or pending):
            if waiting and (now >= waiting[0][0] or not pending):
                _, place = waiting.pop(0)
                sock = _begin(place)
                if sock is not None:
                    pending[sock.fileno()] = (place.family, sock)
                    poller.register(sock, select.POLLOUT)
                continue
            wake = min(until, waiting[0][0]) if waiting else until
            for descriptor, _ in poller.poll(max(0.0, wake - now) * 1000):
                family, sock = pending.pop(descriptor)
                poller.unregister(descriptor)
                failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                sock.close()
                if not failed:
                    return Won(family, time.monotonic() - began)
    finally:
        for _, sock in pending.values():
            sock.close()
    return None


def _begin(place: Place) -> socket.socket | None:
    try:
        sock = socket.socket(FAMILIES[place.family], socket.SOCK_STREAM)
    except OSError:
        return None
    try:
        sock.settimeout(0)
        bind_socket(sock, place.link, place.family)
        sock.connect((place.address, place.far_end.port))
    except BlockingIOError:
        return sock
    except (OSError, Unreachable):
        sock.close()
        return None
    return sock
