"""What both ends of STAMP ask of a UDP socket beyond sending and receiving: stamps, TTL, the address that was asked."""

import contextlib
import socket
import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from doxa_agent.net.stamp import SO_TIMESTAMPING_NEW, SO_TIMESTAMPING_OLD, STAMP_ROOM, stamp_of

TTL: Final = 255
"""What leaves: so the TTL on arrival tells the number of routers (RFC 8762 §4.3.1 returns it)."""
LARGEST: Final = 2048
"""Octets of the largest packet that is read; no line of ours carries more in one piece."""

_RECEIVED_IN_SOFTWARE: Final = 1 << 3 | 1 << 4  # SOF_TIMESTAMPING_RX_SOFTWARE | SOFTWARE (linux/net_tstamp.h)
_SO_MEMINFO: Final = 55
_MEMORY: Final = struct.Struct("=9I")  # the last of the nine is SK_MEMINFO_DROPS (linux/sock_diag.h)
_IP_PKTINFO: Final = 8  # linux/in.h
_IP_RECVTTL: Final = 12
_PKTINFO_4: Final = struct.Struct("=I4s4s")  # struct in_pktinfo: interface, local address, address of the header
_PKTINFO_6: Final = struct.Struct("=16sI")  # struct in6_pktinfo (RFC 3542 §6)
_NUMBER: Final = struct.Struct("=i")
_LINK_LOCAL: Final = b"\xfe\x80"

ROOM: Final = STAMP_ROOM + socket.CMSG_SPACE(20) + socket.CMSG_SPACE(4) + 64
"""Octets of ancillary room for one packet."""


class Arrival(NamedTuple):
    """What the kernel says of a packet that came."""

    stamp: int | None
    """When the kernel took it, realtime nanoseconds; None where it did not say."""
    ttl: int
    """TTL or hop limit that was left; 0 where the kernel did not say."""
    answer_from: tuple[tuple[int, int, bytes], ...]
    """The control message that lets the answer leave from the address that was asked."""


def prepare(sock: socket.socket, family: int) -> None:
    """Let the kernel send with our TTL and tell the TTL of what comes; a kernel that cannot is no obstacle."""
    if family == 6:
        options = ((socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS), (socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT))
    else:
        options = ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IP, _IP_RECVTTL))
    for (level, option), value in zip(options, (TTL, 1), strict=True):
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, value)


def stamp_arrivals(sock: socket.socket) -> None:
    """Let the kernel stamp what comes, and only that: nobody would read the stamps of what leaves."""
    for option in (SO_TIMESTAMPING_NEW, SO_TIMESTAMPING_OLD):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, _RECEIVED_IN_SOFTWARE)
        except OSError:
            continue
        return


def tell_addresses(sock: socket.socket, family: int) -> None:
    """Let the kernel tell to which of our addresses a packet came."""
    option = (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) if family == 6 else (socket.IPPROTO_IP, _IP_PKTINFO)
    with contextlib.suppress(OSError):
        sock.setsockopt(*option, 1)


def read_arrival(ancillary: Iterable[tuple[int, int, bytes]]) -> Arrival:
    """What the control messages of a packet say."""
    ttl = 0
    answer_from: tuple[tuple[int, int, bytes], ...] = ()
    found = list(ancillary)
    for level, kind, octets in found:
        if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
            ttl = _NUMBER.unpack_from(octets)[0] & 255
        elif level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            _, local, _ = _PKTINFO_4.unpack_from(octets)
            answer_from = ((level, kind, _PKTINFO_4.pack(0, local, bytes(4))),)
        elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            local, interface = _PKTINFO_6.unpack_from(octets)
            scope = interface if local.startswith(_LINK_LOCAL) else 0
            answer_from = ((level, kind, _PKTINFO_6.pack(local, scope)),)
    return Arrival(stamp_of(found), ttl, answer_from)


def dropped(sock: socket.socket) -> int:
    """Packets that the kernel dropped because this socket's queue was full (SO_MEMINFO, Linux ≥ 4.12)."""
    try:
        found = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size)
    except OSError:
        return 0
    return int(_MEMORY.unpack(found)[-1]) if len(found) == _MEMORY.size else 0
