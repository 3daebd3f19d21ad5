"""The proof of a line: which interface and next hop the kernel takes for a destination (RTM_GETROUTE, rtnetlink(7))."""

import errno
import ipaddress
import socket
import struct
from typing import Final

from doxa_agent.meter import Link
from doxa_agent.net import netlink
from doxa_agent.net.binding import FAMILIES, LinkUnusable
from doxa_core.measurement import LinkProof

_RTMSG: Final = struct.Struct("=BBBBBBBBI")
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_CACHEINFO, _RTA_MARK, _RTA_VIA = 1, 2, 4, 5, 12, 16, 18
_REFUSING: Final = frozenset({6, 7, 8, 9})  # RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW
_REASONS: Final = {errno.ENODEV: "interface_absent", errno.ENETDOWN: "interface_down"}


def prove(destination: str, link: Link, source: str, *, held: bool = True, mark: int = 0) -> LinkProof:
    """The interface and gateway that packets from `source` to `destination` take, as the kernel answers now.

    `destination` and `source` are addresses of one family; `source` is what getsockname said. `held` is what
    `bind_socket` returned: a socket that the device does not hold is routed without it. Raises `LinkUnusable`
    (`no_route`, `interface_absent`, `interface_down`).
    """
    try:
        answer = netlink.ask(netlink.RTM_GETROUTE, _question(destination, link if held else None, source, mark))
    except OSError as error:
        raise LinkUnusable(_REASONS.get(error.errno or 0, "no_route")) from None
    if not answer:
        raise LinkUnusable("no_route")
    return _proof(answer[0], source)


def _question(destination: str, link: Link | None, source: str, mark: int) -> bytes:
    to, start = _bare(destination), _bare(source)
    asked = netlink.attribute(_RTA_DST, to.packed)
    if not start.is_unspecified and start.version == to.version:
        asked += netlink.attribute(_RTA_SRC, start.packed)
    if link is not None and link.interface is not None:
        asked += netlink.attribute(_RTA_OIF, struct.pack("=I", socket.if_nametoindex(link.interface)))
    if mark:
        asked += netlink.attribute(_RTA_MARK, struct.pack("=I", mark))
    bits, source_bits = to.max_prefixlen, start.max_prefixlen if not start.is_unspecified else 0
    return _RTMSG.pack(FAMILIES[to.version], bits, source_bits, 0, 0, 0, 0, 0, 0) + asked


def _bare(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(address.partition("%")[0])


def _proof(answer: bytes, source: str) -> LinkProof:
    family, *_, kind, _flags = _RTMSG.unpack_from(answer)
    found = netlink.attributes(answer[_RTMSG.size :])
    if kind in _REFUSING or _RTA_OIF not in found or _cached_error(found):
        raise LinkUnusable("no_route")
    interface = socket.if_indextoname(struct.unpack("=I", found[_RTA_OIF])[0])
    return LinkProof(interface=interface, source=source, gateway=_gateway(family, found))


def _cached_error(found: dict[int, bytes]) -> int:
    """IPv6 answers an unreachable destination with a route that carries an error (struct rta_cacheinfo.rta_error)."""
    cached = found.get(_RTA_CACHEINFO, b"")
    return int(struct.unpack_from("=i", cached, 12)[0]) if len(cached) >= 16 else 0


def _gateway(family: int, found: dict[int, bytes]) -> str | None:
    if _RTA_GATEWAY in found:
        return socket.inet_ntop(family, found[_RTA_GATEWAY])
    if _RTA_VIA in found:  # an IPv4 route through an IPv6 neighbour (RFC 5549)
        via = found[_RTA_VIA]
        return socket.inet_ntop(struct.unpack_from("=H", via)[0], via[2:])
    return None
