"""Where the office ends: which of the hops are its own equipment, and the first one that is not."""

import ipaddress
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from doxa_agent.net import netlink
from doxa_agent.net.binding import FAMILIES
from doxa_agent.path.hops import Hop
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import LinkProof

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
        "169.254.0.0/16", "127.0.0.0/8",  # RFC 3927, RFC 1122
        "fc00::/7", "fe80::/10", "::1/128",  # RFC 4193, RFC 4291
    )
)  # fmt: skip
"""What an office numbers itself with. Not 100.64.0.0/10 (RFC 6598): a provider's address translation uses that."""
_IFADDRMSG: Final = struct.Struct("=BBBBI")
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_HOST_BITS_6: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The networks that count as inside."""

    networks: tuple[Network, ...]
    gateway: str | None = None

    def has(self, address: str) -> bool:
        """Whether a hop with this address stands inside."""
        found = ipaddress.ip_address(address.partition("%")[0])
        return address == self.gateway or any(found in network for network in self.networks)


def office_of(
    kind: LinkKind, named: Sequence[Network], proof: LinkProof | None, own: Sequence[Network] | None = None
) -> Office:
    """What stands inside, seen from a line of that kind.

    Where the office's prefixes are `named` they alone decide. Else it is the network that the probe itself is in, with its
    gateway; on Internet lines every private address too. In the TSLCD network all addresses may be private, so that says
    nothing there.
    """
    if named:
        return Office(networks=tuple(named))
    networks = tuple(on_link(proof) if own is None else own)
    if kind is not LinkKind.TSLCD:
        networks += PRIVATE
    return Office(networks=networks, gateway=None if proof is None else proof.gateway)


def first_outside(hops: Sequence[Hop], office: Office) -> tuple[Hop | None, bool]:
    """The first hop outside, and whether that is certain: with a silent hop before it, that one may have been the first."""
    silent = False
    for hop in hops:
        if not hop.hosts:
            silent = True
        elif all(office.has(address) for address in hop.addresses):
            silent = False
        else:
            return hop, not silent
    return None, not silent


def on_link(proof: LinkProof | None) -> list[Network]:
    """The network of the probe's own source address; empty where the kernel does not say."""
    if proof is None:
        return []
    source = ipaddress.ip_address(proof.source.partition("%")[0])
    try:
        index = socket.if_nametoindex(proof.interface)
        body = _IFADDRMSG.pack(FAMILIES[source.version], 0, 0, 0, index)
        answers = netlink.ask(netlink.RTM_GETADDR, body, dump=True)
    except OSError:
        return []
    return [network for answer in answers if (network := _network(answer, source.packed, index)) is not None]


def _network(answer: bytes, source: bytes, of: int) -> Network | None:
    _, bits, _, _, index = _IFADDRMSG.unpack_from(answer)
    found = netlink.attributes(answer[_IFADDRMSG.size :])
    if index != of or source not in (found.get(_IFA_LOCAL), found.get(_IFA_ADDRESS)):
        return None
    peer = found.get(_IFA_ADDRESS, source)
    if len(source) == 16 and bits == 128:  # an address of DHCPv6: its network is as wide as an interface identifier
        bits = _HOST_BITS_6
    elif peer != source:  # point to point: the other side is the provider's, whatever is configured
        bits = len(source) * 8
    return ipaddress.ip_network((source, bits), strict=False)
