"""What the kernel knows of IPv6 on one interface: addresses, default routes, advertisements it heard, its settings.

All of it is read without any right: rtnetlink(7) and /proc/sys/net/ipv6/conf.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from doxa_agent.net import netlink

_AF_INET6: Final = socket.AF_INET6
_IFINFO: Final = struct.Struct("=BxHiII")
_IFADDR: Final = struct.Struct("=BBBBI")
_RTMSG: Final = struct.Struct("=BBBBBBBBI")
_IFLA_ADDRESS, _IFLA_AF_SPEC, _IFLA_INET6_FLAGS = 1, 26, 1
_IFA_ADDRESS, _IFA_CACHEINFO, _IFA_FLAGS, _IFA_PROTO = 1, 6, 8, 11
_RTA_OIF, _RTA_GATEWAY, _RTA_MULTIPATH, _RTA_CACHEINFO = 4, 5, 9, 12
_NEXTHOP: Final = struct.Struct("=HBBi")
_RTN_UNICAST, _TABLE_LOCAL = 1, 255
_RTPROT_RA, _RTPROT_DHCP, _IFAPROT_RA = 9, 16, 2
_DEAD: Final = 0x1 | 0x10  # RTNH_F_DEAD, RTNH_F_LINKDOWN
_TICKS: Final = 100  # USER_HZ of every architecture that we run on
_FOREVER: Final = 0xFFFFFFFF

TEMPORARY, DADFAILED, DEPRECATED, TENTATIVE, PERMANENT = 0x01, 0x08, 0x20, 0x40, 0x80
OPTIMISTIC, MANAGETEMPADDR, STABLE_PRIVACY = 0x04, 0x100, 0x800
"""Flags of an address (linux/if_addr.h)."""
_RS_SENT, _RA_RCVD = 0x10, 0x20  # IF_RS_SENT, IF_RA_RCVD (net/if_inet6.h)


class Origin(StrEnum):
    """How an address came about."""

    SLAAC = "slaac"
    DHCPV6 = "dhcpv6"
    STATIC = "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One IPv6 address of the interface."""

    address: str
    bits: int
    flags: int
    protocol: int = 0
    valid_s: int | None = None
    """None: for ever."""
    preferred_s: int | None = None

    @property
    def scope_is_link(self) -> bool:
        """Whether it is good for this link only (fe80::/10)."""
        return ipaddress.IPv6Address(self.address).is_link_local

    @property
    def usable(self) -> bool:
        """Whether packets may leave from it to somewhere: no link-local, and checked for duplicates."""
        waits = bool(self.flags & TENTATIVE) and not self.flags & OPTIMISTIC
        return not self.scope_is_link and not waits and not self.flags & DADFAILED

    @property
    def network(self) -> ipaddress.IPv6Network:
        """The /64 around it: DHCPv6 gives single addresses (/128), the site's prefix is what matters."""
        return ipaddress.IPv6Network((self.address, min(self.bits, 64)), strict=False)

    @property
    def by_advertisement(self) -> bool:
        """Whether the kernel itself says that an advertisement made it."""
        return self.protocol == _IFAPROT_RA or bool(self.flags & (TEMPORARY | MANAGETEMPADDR | STABLE_PRIVACY))

    @property
    def origin(self) -> Origin:
        """By the kernel's own word where it has one (IFA_PROTO, since 5.18), else by how the ways differ.

        Only addresses by advertisement have the marks of privacy; a client of DHCPv6 sets a single address (/128,
        RFC 5942 §5 lets no prefix length follow from it) with a lifetime; what has neither mark nor lifetime was set by hand.
        """
        if self.by_advertisement:
            return Origin.SLAAC
        if self.protocol == _RTPROT_DHCP:
            return Origin.DHCPV6
        if self.flags & PERMANENT:
            return Origin.STATIC
        return Origin.DHCPV6 if self.bits == 128 else Origin.SLAAC


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A default route over the interface."""

    gateway: str | None
    protocol: int
    expires_s: float | None = None
    """None: never."""

    @property
    def by_advertisement(self) -> bool:
        """Whether a router's advertisement made it, be it read by the kernel or by a network service."""
        return self.protocol == _RTPROT_RA


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All that the kernel says of one interface."""

    index: int
    mac: bytes = b""
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    inet6_flags: int = 0
    settings: Mapping[str, int] = field(default_factory=dict)
    """`accept_ra`, `accept_ra_defrtr`, `accept_ra_pinfo`, `autoconf`, `disable_ipv6`, `forwarding`, as far as readable."""

    @property
    def disabled(self) -> bool:
        """Whether IPv6 is switched off here."""
        return bool(self.settings.get("disable_ipv6", 0))

    @property
    def listens(self) -> bool:
        """Whether the kernel itself follows advertisements (Documentation/networking/ip-sysctl)."""
        wanted = self.settings.get("accept_ra", 0)
        return wanted == 2 or (wanted == 1 and not self.settings.get("forwarding", 0))

    @property
    def solicited(self) -> bool:
        """Whether the kernel has asked for routers since the interface came up."""
        return bool(self.inet6_flags & _RS_SENT)

    @property
    def heard(self) -> bool:
        """Whether it heard one since then."""
        return bool(self.inet6_flags & _RA_RCVD)

    @property
    def usable(self) -> tuple[Address, ...]:
        """Addresses that packets may leave from."""
        return tuple(one for one in self.addresses if one.usable)

    @property
    def alive_by_advertisement(self) -> bool:
        """Whether a route or an address that a router's advertisement made is still valid."""
        by_route = any(r.by_advertisement and (r.expires_s is None or r.expires_s > 0) for r in self.routes)
        return by_route or any(not a.scope_is_link and a.origin is Origin.SLAAC for a in self.addresses)


_SETTINGS: Final = ("accept_ra", "accept_ra_defrtr", "accept_ra_pinfo", "autoconf", "disable_ipv6", "forwarding")
_CONF: Final = Path("/proc/sys/net/ipv6/conf")


def read(interface: str) -> Knowledge | None:
    """What the kernel knows of that interface now; None where it has no such interface or no IPv6 at all."""
    try:
        index = socket.if_nametoindex(interface)
        link = netlink.ask(netlink.RTM_GETLINK, _IFINFO.pack(0, 0, index, 0, 0))
        found = netlink.ask(netlink.RTM_GETADDR, _IFADDR.pack(_AF_INET6, 0, 0, 0, index), dump=True)
        routes = netlink.ask(netlink.RTM_GETROUTE, _RTMSG.pack(_AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0), dump=True)
    except OSError:
        return None
    about = netlink.attributes(link[0][_IFINFO.size :]) if link else {}
    return Knowledge(
        index=index,
        mac=about.get(_IFLA_ADDRESS, b""),
        addresses=tuple(one for answer in found if (one := parse_address(answer, index))),
        routes=tuple(one for answer in routes for one in parse_default(answer, index)),
        inet6_flags=_inet6_flags(about),
        settings=_settings(interface),
    )


def _settings(interface: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in _SETTINGS:
        try:
            found[name] = int((_CONF / interface / name).read_text())
        except (OSError, ValueError):
            continue
    return found


def _inet6_flags(about: Mapping[int, bytes]) -> int:
    of_family = netlink.attributes(about.get(_IFLA_AF_SPEC, b"")).get(int(_AF_INET6), b"")
    flags = netlink.attributes(of_family).get(_IFLA_INET6_FLAGS, b"")
    return int(struct.unpack("=I", flags)[0]) if len(flags) == 4 else 0


def parse_address(answer: bytes, index: int) -> Address | None:
    """The address in the body of an RTM_NEWADDR or RTM_DELADDR, None where it is another interface's or family's."""
    if len(answer) < _IFADDR.size:
        return None
    family, bits, short, _scope, of = _IFADDR.unpack_from(answer)
    found = netlink.attributes(answer[_IFADDR.size :])
    packed = found.get(_IFA_ADDRESS, b"")
    if family != _AF_INET6 or of != index or len(packed) != 16:
        return None
    flags = found.get(_IFA_FLAGS, b"")
    cache = found.get(_IFA_CACHEINFO, b"")
    preferred, valid = struct.unpack_from("=II", cache) if len(cache) >= 8 else (_FOREVER, _FOREVER)
    return Address(
        address=socket.inet_ntop(_AF_INET6, packed),
        bits=bits,
        flags=struct.unpack("=I", flags)[0] if len(flags) == 4 else short,
        protocol=(found.get(_IFA_PROTO) or b"\0")[0],
        valid_s=None if valid == _FOREVER else valid,
        preferred_s=None if preferred == _FOREVER else preferred,
    )


def parse_default(answer: bytes, index: int) -> Iterator[Route]:
    """The default routes over the interface in the body of an RTM_NEWROUTE; those of the `local` table do not count."""
    if len(answer) < _RTMSG.size:
        return
    family, bits, _, _, table, protocol, _, kind, flags = _RTMSG.unpack_from(answer)
    if family != _AF_INET6 or bits != 0 or kind != _RTN_UNICAST or table == _TABLE_LOCAL:
        return
    found = netlink.attributes(answer[_RTMSG.size :])
    ways = [(found.get(_RTA_OIF, b""), found.get(_RTA_GATEWAY), flags), *_several(found.get(_RTA_MULTIPATH, b""))]
    for out, gateway, state in ways:
        if len(out) == 4 and struct.unpack("=I", out)[0] == index and not state & _DEAD:
            yield Route(gateway=_text(gateway), protocol=protocol, expires_s=_expires(found.get(_RTA_CACHEINFO, b"")))


def _several(packed: bytes) -> Iterator[tuple[bytes, bytes | None, int]]:
    """The ways of a route with several (struct rtnexthop, each with attributes of its own)."""
    while len(packed) >= _NEXTHOP.size:
        length, flags, _hops, index = _NEXTHOP.unpack_from(packed)
        if not _NEXTHOP.size <= length <= len(packed):
            return
        inner = netlink.attributes(packed[_NEXTHOP.size : length])
        yield struct.pack("=i", index), inner.get(_RTA_GATEWAY), flags
        packed = packed[(length + 3) & ~3 :]


def _text(packed: bytes | None) -> str | None:
    return socket.inet_ntop(_AF_INET6, packed) if packed is not None and len(packed) == 16 else None


def _expires(cache: bytes) -> float | None:
    """Struct rta_cacheinfo.rta_expires, in clock ticks; 0 is a route without an end."""
    ticks = int(struct.unpack_from("=i", cache, 8)[0]) if len(cache) >= 12 else 0
    return ticks / _TICKS if ticks else None
