"""How much of an upload may be under way: what TCP has acknowledged but nobody has taken is outside every limit.

The kernel lets a window grow to megabytes. Two hundred of them take many seconds to fill, and until they are full the
senders do not feel our limit: the line is full, and who got there first has most of it. So a transfer that is read by
the clock gets a window that its share empties soon (RFC 9293 §3.8.6: the receiver's means of flow control).
"""

import socket
from contextlib import suppress
from typing import Final

from doxa_agent.net.tcpinfo import read_tcp_info

LEAST: Final = 24 * 1024
"""A window must hold more than is taken in one turn (`server.QUANTUM`)."""
ENOUGH: Final = 64 * 1024
"""A share that empties such a window in time needs no narrow one: the kernel begins with that much and tunes itself."""
STOCK_S: Final = 0.1
"""How long a share may last, beside two round trips."""
_SO_BUF_LOCK: Final = 72
_UNLOCKED: Final = 4 * 1024 * 1024


def window_for(per_second: float, rtt_s: float) -> int | None:
    """Octets that a transfer of so many octets a second needs under way; None: leave it to the kernel."""
    wanted = per_second * (STOCK_S + 2 * rtt_s)
    return None if wanted >= ENOUGH else max(LEAST, round(wanted))


class Window:
    """The receive window of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._set: int | None = None

    def fit(self, per_second: float | None) -> None:
        """Fit it to a share, None: no limit. Small changes are not worth a call."""
        rtt_s = 0.0 if per_second is None else (read_tcp_info(self._sock).rtt_us or 0) / 1e6
        wanted = None if per_second is None else window_for(per_second, rtt_s)
        if wanted is None:
            self._widen()
        elif self._set is None or not 0.75 < wanted / self._set < 1.5:
            with suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
                self._set = wanted

    def _widen(self) -> None:
        """Let the kernel tune it again: Linux ≥ 5.15 forgets that we set it, an older one gets a large fixed one."""
        if self._set is None:
            return
        with suppress(OSError):
            try:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ENOUGH)
                self._sock.setsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK, 0)
            except OSError:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UNLOCKED)
        self._set = None
