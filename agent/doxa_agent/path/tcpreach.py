"""Whether a far end that answers no probe is there all the same: TCP handshakes, and the distance by their hop limit."""

import errno
import select
import socket
import struct
import time
from typing import Final

from doxa_agent.meter import Deadline, Link
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket

_HOP_LIMIT: Final = {4: (socket.IPPROTO_IP, socket.IP_TTL), 6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)}
_ABORT: Final = struct.pack("=ii", 1, 0)
"""SO_LINGER: closing sends RST, so no TIME_WAIT piles up at either side."""
_NAP_S: Final = 0.1


def answers_tcp(address: str, family: int, port: int, link: Link, deadline: Deadline, *, wait_s: float) -> bool:
    """Whether the far end takes or refuses a connection: either proves that it was reached."""
    return _shake(address, family, port, link, deadline, wait_s, None)


def distance(
    address: str, family: int, port: int, link: Link, deadline: Deadline, *, wait_s: float, most: int
) -> int | None:
    """The smallest hop limit with which a handshake succeeds; None where the time did not suffice to be sure."""
    low, high = 0, most  # `low` fails, `high` succeeds
    if not _shake(address, family, port, link, deadline, wait_s, high):
        return None
    while high - low > 1:
        if deadline.over:
            return None
        middle = (low + high) // 2
        fits = any(_shake(address, family, port, link, deadline, wait_s, middle) for _ in range(2))
        low, high = (low, middle) if fits else (middle, high)
    return None if deadline.over else high


def _shake(
    address: str, family: int, port: int, link: Link, deadline: Deadline, wait_s: float, hop_limit: int | None
) -> bool:
    try:
        sock = socket.socket(FAMILIES[family], socket.SOCK_STREAM)
    except OSError:
        return False
    with sock:
        try:
            sock.settimeout(0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            if hop_limit is not None:
                sock.setsockopt(*_HOP_LIMIT[family], hop_limit)
            bind_socket(sock, link, family)
            number = sock.connect_ex((address, port))
        except (OSError, Unreachable):
            return False
        if number == errno.EINPROGRESS:
            number = _outcome(sock, time.monotonic() + wait_s, deadline)
        return number in (0, errno.ECONNREFUSED)


def _outcome(sock: socket.socket, until: float, deadline: Deadline) -> int:
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    while (left := min(until - time.monotonic(), deadline.left_s)) > 0:
        if poller.poll(min(left, _NAP_S) * 1000):
            return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno.ETIMEDOUT
