"""Router Advertisements: what they say, read from the octets (RFC 4861 §4.2, RFC 4191, RFC 8106)."""

import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

_HEAD: Final = struct.Struct("!BBHBBHII")
_PREFIX: Final = struct.Struct("!BBBBIII16s")
_TYPE: Final = 134
_PREFIX_OPTION, _MTU_OPTION, _RDNSS_OPTION = 3, 5, 25
_MOST_OPTIONS: Final = 256
_PREFERENCES: Final = {0: "medium", 1: "high", 3: "low"}


class Malformed(Exception):  # noqa: N818 - what a router sent, not what we did
    """The octets are no valid advertisement (RFC 4861 §6.1.2): it must be ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """A prefix that the router names (RFC 4861 §4.6.2)."""

    network: ipaddress.IPv6Network
    autonomous: bool
    """Whether hosts may make themselves an address from it (SLAAC)."""
    on_link: bool
    valid_s: int
    preferred_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """One router's word."""

    router: str
    """The router's link-local address."""
    lifetime_s: int
    """How long it may be taken as default router; 0: it is none."""
    managed: bool
    """M: addresses come by DHCPv6."""
    other: bool
    """O: other settings come by DHCPv6."""
    preference: str = "medium"
    prefixes: tuple[Prefix, ...] = ()
    mtu: int | None = None
    resolvers: tuple[str, ...] = ()
    """Recursive DNS servers with a lifetime that is not 0 (RFC 8106 §5.1)."""

    @property
    def offers_address(self) -> bool:
        """Whether a host can have an address by it, in either way."""
        return self.managed or self.offers_slaac

    @property
    def offers_slaac(self) -> bool:
        """Whether a prefix is there from which hosts make addresses: /64 only, as interface identifiers have 64 bits."""
        return any(p.autonomous and p.valid_s and p.network.prefixlen == 64 for p in self.prefixes)


def parse(packet: bytes, router: str) -> Advertisement:
    """The advertisement in an ICMPv6 packet from `router`; `Malformed` where it must be ignored."""
    if len(packet) < _HEAD.size:
        raise Malformed
    kind, code, _sum, _hops, flags, lifetime, _reachable, _retrans = _HEAD.unpack_from(packet)
    if kind != _TYPE or code != 0:
        raise Malformed
    prefixes: list[Prefix] = []
    resolvers: list[str] = []
    mtu = None
    for option, body in _options(packet[_HEAD.size :]):
        if option == _PREFIX_OPTION and len(body) >= _PREFIX.size:
            prefixes.append(_prefix(body))
        elif option == _MTU_OPTION and len(body) >= 8:
            mtu = int(struct.unpack_from("!I", body, 4)[0])
        elif option == _RDNSS_OPTION and len(body) >= 24:
            resolvers += _servers(body)
    return Advertisement(
        router=router,
        lifetime_s=lifetime,
        managed=bool(flags & 0x80),
        other=bool(flags & 0x40),
        preference=_PREFERENCES.get(flags >> 3 & 3, "medium"),  # the reserved value counts as medium (RFC 4191 §2.2)
        prefixes=tuple(prefixes),
        mtu=mtu,
        resolvers=tuple(dict.fromkeys(resolvers)),
    )


def _options(octets: bytes) -> list[tuple[int, bytes]]:
    """The options with their two octets of head; a length of 0 or beyond the end spoils the packet (RFC 4861 §6.1.2)."""
    found: list[tuple[int, bytes]] = []
    while octets and len(found) < _MOST_OPTIONS:
        length = octets[1] * 8 if len(octets) > 1 else 0
        if not 0 < length <= len(octets):
            raise Malformed
        found.append((octets[0], octets[:length]))
        octets = octets[length:]
    return found


def _prefix(body: bytes) -> Prefix:
    _kind, _length, bits, flags, valid, preferred, _reserved, packed = _PREFIX.unpack_from(body)
    if bits > 128:
        raise Malformed
    return Prefix(
        network=ipaddress.IPv6Network((packed, bits), strict=False),
        autonomous=bool(flags & 0x40),
        on_link=bool(flags & 0x80),
        valid_s=valid,
        preferred_s=preferred,
    )


def _servers(body: bytes) -> list[str]:
    if not struct.unpack_from("!I", body, 4)[0]:
        return []
    return [str(ipaddress.IPv6Address(body[at : at + 16])) for at in range(8, len(body) - 15, 16)]
