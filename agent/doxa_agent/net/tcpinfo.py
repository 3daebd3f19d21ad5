"""What the kernel's TCP says of a connection (struct tcp_info, linux/tcp.h), and a smooth count of what arrived.

The structure grows with the kernel: a field beyond the length that the kernel returned is absent, never 0.
"""

import socket
import struct
from functools import cache
from typing import Final, NamedTuple

_LARGEST: Final = 256
_TIMESTAMPS: Final = 0x1  # TCPI_OPT_TIMESTAMPS
_OFFSETS: Final[dict[str, tuple[int, str]]] = {
    "options": (5, "B"),
    "snd_mss": (16, "I"),
    "rcv_mss": (20, "I"),
    "sacked": (28, "I"),
    "rtt_us": (68, "I"),
    "total_retrans": (100, "I"),
    "bytes_acked": (120, "Q"),
    "bytes_received": (128, "Q"),
    "min_rtt_us": (148, "I"),
    "data_segs_in": (152, "I"),
    "data_segs_out": (156, "I"),
    "busy_us": (168, "Q"),
    "rwnd_limited_us": (176, "Q"),
    "sndbuf_limited_us": (184, "Q"),
    "delivered": (192, "I"),
    "rcv_ooopack": (224, "I"),
    "rcv_wnd": (232, "I"),
}
"""Offset and format of each field that we read, in the order of `TcpInfo`."""


class TcpInfo(NamedTuple):
    """One reading of TCP_INFO; None where this kernel does not have the field. A tuple: it is made 160 times a second."""

    options: int | None = None
    snd_mss: int | None = None
    rcv_mss: int | None = None
    sacked: int | None = None
    rtt_us: int | None = None
    total_retrans: int | None = None
    bytes_acked: int | None = None
    bytes_received: int | None = None
    min_rtt_us: int | None = None
    data_segs_in: int | None = None
    data_segs_out: int | None = None
    busy_us: int | None = None
    rwnd_limited_us: int | None = None
    sndbuf_limited_us: int | None = None
    delivered: int | None = None
    rcv_ooopack: int | None = None
    rcv_wnd: int | None = None

    @property
    def timestamps(self) -> bool:
        """Whether the connection carries the timestamp option (RFC 7323): 12 octets in every segment."""
        return bool((self.options or 0) & _TIMESTAMPS)


def read_tcp_info(sock: socket.socket, most: int = _LARGEST) -> TcpInfo:
    """TCP_INFO of `sock`, empty where it is closed; `most` octets are asked for (fewer plays an older kernel)."""
    try:
        return parse_tcp_info(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, most))
    except OSError:
        return TcpInfo()


def parse_tcp_info(packed: bytes) -> TcpInfo:
    """The fields that `packed` is long enough to hold."""
    return TcpInfo(*_reader(len(packed)).unpack_from(packed))


@cache
def _reader(length: int) -> struct.Struct:
    """One format for all fields that end within `length`, with the octets between them skipped."""
    form, reached = "=", 0
    for offset, kind in _OFFSETS.values():
        end = offset + struct.calcsize("=" + kind)
        if end > length:
            break
        form += f"{offset - reached}x{kind}"
        reached = end
    return struct.Struct(form)


_ARRIVED: Final = struct.Struct("=20xI104xQ16xI68xI4xI")
"""rcv_mss, bytes_received, data_segs_in, rcv_ooopack, rcv_wnd: all that a download's count needs, in one reading."""
_DELIVERED: Final = struct.Struct("=16xI8xI68xI16xQ64xI")
"""snd_mss, sacked, total_retrans, bytes_acked, delivered: all that an upload's count needs."""


_ENOUGH: Final = 20
"""Segments that tell whether a sender fills them: the head of a response is one short one among them."""
_SHORT: Final = 0.9
"""A mean size below this share of the largest says that it does not; above it, the largest is the size."""


class ArrivedCounter:
    """Octets of payload that arrived at this end of a connection, out of order and repeated ones too.

    In-order octets (`bytes_received`) are exact but come in lumps after a loss, while arrived segments × their size
    are a smooth clock of the path's bottleneck, which carries what is repeated as well. So octets count until the first
    segment out of order; from then on segments do, at full size, or where they were clearly shorter until then (a sender
    that pushes small pieces, a small window) at their mean. `exact` says which; without the kernel's fields (`smooth` False) the
    caller's own count must do.
    """

    def __init__(self) -> None:
        self.octets = 0.0
        self.exact = True
        self.smooth = True
        self.disordered = 0
        """Segments that arrived out of order."""
        self._segments = 0
        self._mean = float("inf")

    def look(self, sock: socket.socket, read: int, most: int = _LARGEST) -> float:
        """`update` from the socket itself: 160 times a second only the fields that are needed are unpacked."""
        try:
            packed = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, most)
        except OSError:
            return self.octets
        if len(packed) < _ARRIVED.size or not self.smooth:
            return self.update(parse_tcp_info(packed), read)
        mss, in_order, segments, disordered, window = _ARRIVED.unpack_from(packed)
        return self._count(mss, in_order, segments, disordered, window)

    def update(self, found: TcpInfo, read: int) -> float:
        """The count after one more look at the connection, of which the application has read `read` octets."""
        if found.data_segs_in is None or found.rcv_mss is None or found.bytes_received is None:
            self.smooth = False
            self.octets = max(self.octets, float(read))
            return self.octets
        if found.rcv_ooopack is None:
            self.exact = False
        return self._count(
            found.rcv_mss, found.bytes_received, found.data_segs_in, found.rcv_ooopack or 0, found.rcv_wnd
        )

    def _count(self, mss: int, in_order: int, segments: int, disordered: int, window: int | None) -> float:
        if self.exact and not disordered:
            self.octets = float(in_order)
            if segments >= _ENOUGH:
                mean = in_order / segments
                self._mean = mean if mean < _SHORT * mss else float("inf")
        else:
            self.exact = False
            new = ((segments - self._segments) & 0xFFFFFFFF) * min(self._mean, mss)
            # Data out of order lies within the receive window: no count of segments can be beyond it.
            most = float("inf") if window is None else in_order + window
            self.octets = max(self.octets, float(in_order), min(self.octets + new, most))
        self.disordered, self._segments = disordered, segments
        return self.octets


class DeliveredCounter:
    """Octets of payload that the other end has, by what it acknowledged: the sender's side of the same idea.

    `bytes_acked` is exact until something was lost; from then on `delivered` × `snd_mss` also counts what selective
    acknowledgements name.
    """

    def __init__(self) -> None:
        self.octets = 0.0
        self.exact = True
        self.known = True
        self._segments = 0

    def look(self, sock: socket.socket, most: int = _LARGEST) -> float:
        """`update` from the socket itself, see `ArrivedCounter.look`."""
        try:
            packed = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, most)
        except OSError:
            return self.octets
        if len(packed) < _DELIVERED.size:
            return self.update(parse_tcp_info(packed))
        mss, sacked, again, acked, delivered = _DELIVERED.unpack_from(packed)
        if self.exact and not again and not sacked:
            self.octets = float(acked)
        else:
            self.exact = False
            self._advance(delivered, mss, acked, sacked)
        self._segments = delivered
        return self.octets

    def _advance(self, delivered: int, mss: int, acked: int, sacked: int) -> None:
        """Segments since the last look; short ones cannot carry the count beyond what acknowledgements cover."""
        new = ((delivered - self._segments) & 0xFFFFFFFF) * mss
        self.octets = max(self.octets, float(acked), min(self.octets + new, float(acked + sacked * mss)))

    def update(self, found: TcpInfo) -> float:
        """The count after one more look at the connection."""
        if found.bytes_acked is None:
            self.known = False
            return self.octets
        if found.total_retrans or found.sacked:
            self.exact = False
        if self.exact or found.delivered is None or found.snd_mss is None:
            self.octets = float(found.bytes_acked)
        else:
            self._advance(found.delivered, found.snd_mss, found.bytes_acked, found.sacked or 0)
        self._segments = found.delivered or 0
        return self.octets
