"""By which interface a far end's answers come in: the half of the way that no routing table of ours can tell.

An echo request leaves by the link's own interface and from its own source address (the control message IP_PKTINFO says
both), from a socket that no device holds; so the answer is delivered wherever it arrives, and the same control message
names that interface (ip(7), RFC 3542 §6.1). A strict reverse-path filter (rp_filter = 1) drops answers on another one.
"""

import os
import select
import socket
import struct
import time
from contextlib import suppress
from typing import Final

from doxa_agent.net import echo
from doxa_agent.net.binding import FAMILIES

NOT_PERMITTED: Final = "not_permitted"
"""Neither net.ipv4.ping_group_range nor CAP_NET_RAW lets us send echo requests."""
NO_ANSWER: Final = "no_answer"
REQUESTS: Final = 3
PAUSE_S: Final = 0.3
"""Three requests, each with so long for its answer: a lost one is no evidence."""
_IP_PKTINFO: Final = 8
_INFO4: Final = struct.Struct("=i4s4s")  # struct in_pktinfo: interface, our address, the header's destination
_INFO6: Final = struct.Struct("=16sI")  # struct in6_pktinfo: address, interface
_PROTOCOL: Final = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_ANCILLARY: Final = 256


def entered_by(address: str, family: int, interface: str, source: str) -> tuple[str | None, str | None]:
    """The interface by which `address` answers `source`, or None and why that is not known.

    `interface` is where the requests leave. Takes one round trip, at most `REQUESTS` × `PAUSE_S`; never raises.
    """
    try:
        index = socket.if_nametoindex(interface)
        sock, raw = _open(family)
    except OSError:
        return None, NOT_PERMITTED
    with sock:
        try:
            return _ask(sock, address, family, _leave_by(family, index, source), raw=raw)
        except (OSError, ValueError):
            return None, NO_ANSWER


def _open(family: int) -> tuple[socket.socket, bool]:
    """An unprivileged datagram socket where permitted, else a raw one; whether it is raw."""
    try:
        sock, raw = socket.socket(FAMILIES[family], socket.SOCK_DGRAM, _PROTOCOL[family]), False
    except PermissionError:
        sock, raw = socket.socket(FAMILIES[family], socket.SOCK_RAW, _PROTOCOL[family]), True
    sock.settimeout(0)
    if family == 4:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    return sock, raw


def _leave_by(family: int, index: int, source: str) -> list[tuple[int, int, bytes]]:
    """The control message that sends a packet by that interface and from that address."""
    packed = socket.inet_pton(FAMILIES[family], source.partition("%")[0])
    if family == 4:
        return [(socket.IPPROTO_IP, _IP_PKTINFO, _INFO4.pack(index, packed, bytes(4)))]
    return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _INFO6.pack(packed, index))]


def _ask(
    sock: socket.socket, address: str, family: int, way: list[tuple[int, int, bytes]], *, raw: bool
) -> tuple[str | None, str | None]:
    token, identifier = os.urandom(echo.TOKEN_BYTES), int.from_bytes(os.urandom(2))
    for number in range(REQUESTS):
        packet = echo.request(family, token, echo.Mark(0, number), 56, identifier, checksum=raw and family == 4)
        with suppress(BlockingIOError):  # a full queue: the next one
            sock.sendmsg([packet], way, 0, (address, 0))
        end = time.monotonic() + PAUSE_S
        while (left := end - time.monotonic()) > 0 and select.select([sock], [], [], left)[0]:
            if found := _answer(sock, family, token, raw=raw):
                return found, None
    return None, NO_ANSWER


def _answer(sock: socket.socket, family: int, token: bytes, *, raw: bool) -> str | None:
    """The interface of one packet, if it is an answer to us."""
    try:
        packet, ancillary, _, _ = sock.recvmsg(2048, _ANCILLARY)
    except BlockingIOError:  # a wrong checksum is dropped between select and recvmsg
        return None
    if raw and family == 4:
        packet = echo.strip_ip_header(packet)
    if echo.read_reply(packet, family, token) is None:
        return None
    for level, kind, octets in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO) and len(octets) >= _INFO4.size:
            return socket.if_indextoname(_INFO4.unpack_from(octets)[0])
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO) and len(octets) >= _INFO6.size:
            return socket.if_indextoname(_INFO6.unpack_from(octets)[1])
    return None
