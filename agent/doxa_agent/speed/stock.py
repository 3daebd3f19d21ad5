"""What the socket of one upload still holds, and whether that lasts until the next look.

The sender's count reads TCP_INFO twenty times a second anyway, and the same reading says how many octets wait unsent
(`tcpi_notsent_bytes`, Linux 4.6): no other call is needed to know which streams must be topped up.
"""

import socket
import struct
from contextlib import suppress
from typing import Final

from doxa_agent.net.tcpinfo import DeliveredCounter, parse_tcp_info

KEEP: Final = 1.3
"""A stream that rests is left alone while it holds so many times what it lately sends in a bin."""
STOCK: Final = 1.7
"""It may rest, unwatched by epoll, once it could be filled to so many times that much…"""
CALM_BINS: Final = 2
"""…so many times in a row."""
GROWS: Final = 1.5
"""A pace that grew so much in a bin may do so again: TCP still opens its window."""
FADES: Final = 0.7
"""What is left in a bin of an earlier pace: a stream that starves for a moment may be back in the next one."""
LOWAT: Final = 128 * 1024
MOST_LOWAT: Final = 2 * 1024 * 1024
_BUFFER: Final = 1024 * 1024
"""Asked for; net.core.wmem_max may give less. The kernel doubles it for its own needs (socket(7))."""
_SO_BUF_LOCK: Final = 72
_ROOM: Final = 8.0
"""Bins that a filled socket should last: the longer, the fewer and the larger the sends."""
_LEAST_ROOM: Final = 4.0
_SIZE: Final = 196
"""Octets of TCP_INFO up to the last field that is needed."""
_FIELDS: Final = struct.Struct("=16xI8xI68xI16xQ16xI44xI")
"""snd_mss, sacked, total_retrans, bytes_acked, notsent_bytes, delivered (struct tcp_info, linux/tcp.h)."""
_unpack: Final = _FIELDS.unpack_from


def make_room(sock: socket.socket) -> None:
    """Let a socket hold a stock from the start, where the kernel (Linux 5.15) goes on tuning a buffer that was set.

    By itself it grows with TCP's window, in small steps that each wake us. An older kernel would keep what is set here
    for ever, however long the path: there nothing is set.
    """
    with suppress(OSError):
        lock = sock.getsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK)
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < _BUFFER:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK, lock)


class Stock(DeliveredCounter):
    """The count of one upload's stream, and how well its socket is stocked."""

    def __init__(self) -> None:
        super().__init__()
        self.given = 0
        """Octets of bodies that the socket took."""
        self.low = True
        """By the last look the stream must be topped up before the next one."""
        self.lowat = LOWAT
        """The socket's TCP_NOTSENT_LOWAT: how far it is filled."""
        self.rests = False
        """Epoll does not say when the stream can take more: the timer tops it up."""
        self._unsent = 0
        self._calm = 0
        self._out = 0
        self._pace = 0.0
        self._grows = True

    def look(self, sock: socket.socket, most: int = _SIZE) -> float:
        """See `DeliveredCounter.look`; finds `low`, too. One function: it runs 160 times a second."""
        try:
            packed = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, most)
        except OSError:
            return self.octets
        if len(packed) < _SIZE:
            self.low = True  # this kernel does not say what waits: no stream ever rests
            return self.update(parse_tcp_info(packed))
        mss, sacked, again, acked, unsent, delivered = _unpack(packed)
        if self.exact and not again and not sacked:
            self.octets = float(acked)
        else:
            self.exact = False
            self._advance(delivered, mss, acked, sacked)
        self._segments = delivered
        out = self.given - unsent
        went, self._out, self._unsent = out - self._out, out, unsent
        before = self._pace
        pace = self._pace = max(float(went), before * FADES)
        self._grows = pace > GROWS * before
        self.low = not self.rests or unsent < KEEP * pace or not unsent
        return self.octets

    def filled(self, sock: socket.socket, octets: int) -> bool:
        """`octets` more were put into it: whether it may rest from now on. Makes room where there was too little."""
        stock, pace = self._unsent + octets, self._pace
        self._calm = self._calm + 1 if stock and not self._grows and stock >= STOCK * pace else 0
        if self.lowat < MOST_LOWAT and self.lowat < _LEAST_ROOM * pace:
            self.lowat = min(MOST_LOWAT, round(_ROOM * pace))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, self.lowat)
        return self._calm >= CALM_BINS

    def restart(self) -> None:
        """A new body begins: epoll watches again."""
        self.rests, self._calm = False, 0
