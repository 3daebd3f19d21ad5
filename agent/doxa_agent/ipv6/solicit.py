"""Asks the routers of a link for their advertisements and listens to what the kernel does with them (RFC 4861 §6.3.7)."""

import contextlib
import ipaddress
import select
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Final

from doxa_agent.ipv6.advertisement import Advertisement, Malformed, parse
from doxa_agent.ipv6.kernel import DADFAILED, TEMPORARY, parse_address
from doxa_agent.meter import Deadline

ALL_ROUTERS: Final = "ff02::2"
_ICMP6_FILTER: Final = 1
_ADVERTISEMENT: Final = 134
_SOLICITATION: Final = struct.Struct("!BBHI")
_HOP_LIMIT: Final = 255
"""What cannot have crossed a router (RFC 4861 §6.1.2)."""
_RECVHOPLIMIT, _HOPLIMIT = 51, 52  # IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT (linux/in6.h)
_NOTICES: Final = 0x100  # RTMGRP_IPV6_IFADDR
_RTM_NEWADDR, _RTM_DELADDR = 20, 21
_NLMSG: Final = struct.Struct("=IHHII")
_TRIES: Final = 3
"""MAX_RTR_SOLICITATIONS (RFC 4861 §10)."""
_MORE: Final = 1 / 20
"""The share of the whole wait for which further routers are waited for once one has answered: 0.6 s of 12, as each
router waits for up to half a second before it answers (RFC 4861 §6.2.6)."""
_MOST: Final = 64


@dataclass(slots=True)
class Heard:
    """What came of it."""

    permitted: bool = True
    """Whether this process may open a raw socket (CAP_NET_RAW); without it nothing was sent or heard."""
    advertisements: dict[str, Advertisement] = field(default_factory=dict)
    """The latest of each router."""
    asked: int = 0
    first_s: float | None = None
    """From the first solicitation to the first advertisement."""
    malformed: int = 0
    waited: bool = False
    """Whether the whole time was waited: only then does silence mean anything."""
    duplicates: set[str] = field(default_factory=set)
    """Addresses that the kernel gave up meanwhile because somebody else has them (RFC 4862 §5.4.5)."""


def solicit(interface: str, index: int, mac: bytes, wait_s: float, deadline: Deadline) -> Heard:
    """Ask up to three times within `wait_s`; ends early once a router has answered.

    Routers answer within half a second, but may hold back a multicast answer for three (RFC 4861 §6.2.6).
    """
    heard = Heard()
    with contextlib.ExitStack() as stack:
        notices = _notices()
        if notices is not None:
            stack.callback(notices.close)
        raw = _raw(interface, index)
        if raw is None:
            heard.permitted = False
            return heard
        stack.callback(raw.close)
        _listen(raw, notices, heard, index, mac, wait_s, deadline)
    return heard


def watch(index: int, seconds: float, deadline: Deadline) -> set[str]:
    """Addresses that the kernel gives up as duplicates within that time."""
    heard = Heard()
    notices = _notices()
    if notices is None:
        return set()
    with notices:
        until = time.monotonic() + min(seconds, deadline.left_s)
        while (left := until - time.monotonic()) > 0 and not deadline.over:
            if select.select([notices], [], [], min(left, 0.1))[0]:
                _read_notices(notices, heard, index)
            if heard.duplicates:
                break
    return heard.duplicates


def _raw(interface: str, index: int) -> socket.socket | None:
    try:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    except OSError:
        return None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        blocked = [0xFFFFFFFF] * 8  # a set bit blocks (RFC 3542 §3.2)
        blocked[_ADVERTISEMENT >> 5] &= ~(1 << (_ADVERTISEMENT & 31))
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *blocked))
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOP_LIMIT)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.setsockopt(socket.IPPROTO_IPV6, _RECVHOPLIMIT, 1)
        sock.settimeout(0)
    except OSError:
        sock.close()
        return None
    return sock


def _notices() -> socket.socket | None:
    """The kernel's notices about addresses; anybody may hear them."""
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        sock.settimeout(0)
        sock.bind((0, _NOTICES))
    except OSError:
        return None
    return sock


def _listen(
    raw: socket.socket,
    notices: socket.socket | None,
    heard: Heard,
    index: int,
    mac: bytes,
    wait_s: float,
    deadline: Deadline,
) -> None:
    began = time.monotonic()
    until, ask_at, first_asked = began + wait_s, began, None
    sources = [raw] if notices is None else [raw, notices]
    while (now := time.monotonic()) < until and not deadline.over:
        if now >= ask_at and heard.asked < _TRIES and not heard.advertisements:
            heard.asked += _ask(raw, index, mac)
            first_asked = first_asked or (now if heard.asked else None)
            ask_at = now + (wait_s / _TRIES if heard.asked else 0.2)
        ready = select.select(sources, [], [], min(max(0.0, min(until, ask_at) - now), 0.1))[0]
        if notices in ready and notices is not None:
            _read_notices(notices, heard, index)
        if raw in ready and _read(raw, heard) and heard.first_s is None:
            heard.first_s = time.monotonic() - (first_asked or began)
            until = min(until, time.monotonic() + wait_s * _MORE)
    heard.waited = not deadline.over and heard.asked > 0


def _ask(raw: socket.socket, index: int, mac: bytes) -> int:
    """Send one solicitation; 0 where no link-local address is ready yet to send it from."""
    option = b"\x01\x01" + mac if len(mac) == 6 else b""  # our link-layer address spares the router a question
    try:
        raw.sendto(_SOLICITATION.pack(133, 0, 0, 0) + option, (ALL_ROUTERS, 0, 0, index))
    except OSError:
        return 0
    return 1


def _read(raw: socket.socket, heard: Heard) -> bool:
    """Take what is there; whether an advertisement was among it."""
    found = False
    for _ in range(_MOST):
        try:
            packet, control, _, source = raw.recvmsg(65_536, 128)
        except OSError:
            break
        router = str(source[0]).partition("%")[0]
        hops = [struct.unpack("=i", octets[:4])[0] for _, kind, octets in control if kind == _HOPLIMIT]
        try:
            if hops != [_HOP_LIMIT] or not ipaddress.IPv6Address(router).is_link_local:
                raise Malformed
            heard.advertisements[router] = parse(packet, router)
        except Malformed:
            heard.malformed += 1
        else:
            found = True
    return found


def _read_notices(notices: socket.socket, heard: Heard, index: int) -> None:
    """A duplicate is told by its flag; a temporary address is replaced by the kernel itself and is no trouble."""
    for _ in range(_MOST):
        try:
            packet = notices.recv(65_536)
        except OSError:
            return
        while len(packet) >= _NLMSG.size:
            length, kind, *_ = _NLMSG.unpack_from(packet)
            if length < _NLMSG.size:
                break
            found = parse_address(packet[_NLMSG.size : length], index) if kind in (_RTM_NEWADDR, _RTM_DELADDR) else None
            if found is not None and found.flags & DADFAILED and not found.flags & TEMPORARY:
                heard.duplicates.add(found.address)
            packet = packet[(length + 3) & ~3 :]
