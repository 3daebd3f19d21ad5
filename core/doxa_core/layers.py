"""From bytes and packets to the rate at every layer: TCP payload, IP, L2 frame, Ethernet wire.

The header model is always named, because "100 Mbps" is a different number at each layer (domain.md §6).
Sources: RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 2516 (PPPoE), IEEE 802.3 and 802.1Q.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

IP_HEADER: Final = {4: 20, 6: 40}
"""Octets without options or extension headers."""
UDP_HEADER: Final = 8
TCP_HEADER: Final = 20
TCP_TIMESTAMPS: Final = 12
"""The timestamp option with its padding (RFC 7323 appendix A): present on Linux by default."""
ETHERNET_HEADER: Final = 14
ETHERNET_FCS: Final = 4
VLAN_TAG: Final = 4
PPPOE_HEADER: Final = 8
PREAMBLE_AND_GAP: Final = 20
MINIMUM_FRAME: Final = 64


class Layer(StrEnum):
    """Where a rate is counted."""

    PAYLOAD = "payload"
    """Bytes that the application received (HTTP goodput): what i-Speed and LibreSpeed report."""
    IP = "ip"
    """IP packets with their headers (RFC 5136, RFC 9097)."""
    FRAME = "frame"
    """Ethernet frames with header and FCS: what most policers count."""
    WIRE = "wire"
    """Frames with preamble and inter-frame gap: what a port's nominal speed means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderModel:
    """What stands around each payload segment on its way."""

    family: int = 4
    transport: int = TCP_HEADER + TCP_TIMESTAMPS
    """Octets of the transport header."""
    vlan_tags: int = 0
    pppoe: bool = False

    @property
    def name(self) -> str:
        """The model in one word for a result: `ipv4+32/ethernet+vlan1`."""
        outer = "ethernet" + (f"+vlan{self.vlan_tags}" if self.vlan_tags else "") + ("+pppoe" if self.pppoe else "")
        return f"ipv{self.family}+{self.transport}/{outer}"

    def octets(self, payload: float, packets: float, layer: Layer) -> float:
        """Octets at `layer` of `packets` packets that carry `payload` octets in all."""
        ip = payload + packets * (IP_HEADER[self.family] + self.transport)
        if layer is Layer.PAYLOAD:
            return payload
        if layer is Layer.IP:
            return ip
        around = ETHERNET_HEADER + ETHERNET_FCS + VLAN_TAG * self.vlan_tags + (PPPOE_HEADER if self.pppoe else 0)
        frame = max(ip + packets * around, packets * MINIMUM_FRAME)
        return frame if layer is Layer.FRAME else frame + packets * PREAMBLE_AND_GAP


def mbps(octets: float, seconds: float) -> float:
    """Decimal megabits per second."""
    return octets * 8 / seconds / 1e6


def best_share(model: HeaderModel, layer: Layer, mtu: int = 1500) -> float:
    """The largest share of a line rate counted at `layer` that payload can reach with full packets of `mtu`."""
    payload = mtu - IP_HEADER[model.family] - model.transport
    return payload / model.octets(payload, 1, layer)
