"""From octets and packets to the rate at every layer: payload, IP, L2 frame, Ethernet wire; and back.

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
"""PPPoE's 6 and PPP's protocol field (RFC 2516 §7)."""
PREAMBLE_AND_GAP: Final = 20
MINIMUM_FRAME: Final = 64
"""With FCS, tags counted in it (IEEE 802.3 §3.2.8): a shorter packet is padded."""
MTU: Final = 1500
PPPOE_MTU: Final = MTU - PPPOE_HEADER
"""What RFC 2516 leaves for IP; lines with RFC 4638 carry 1500 all the same."""


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

    @property
    def ip_octets(self) -> int:
        """Octets of the IP and transport headers of one packet."""
        return IP_HEADER[self.family] + self.transport

    @property
    def frame_octets(self) -> int:
        """Octets of the L2 frame around one IP packet: header, FCS, tags, PPPoE."""
        return ETHERNET_HEADER + ETHERNET_FCS + VLAN_TAG * self.vlan_tags + (PPPOE_HEADER if self.pppoe else 0)

    @property
    def mtu(self) -> int:
        """The largest IP packet that the line usually carries: 1500, in PPPoE 1492."""
        return PPPOE_MTU if self.pppoe else MTU

    def octets(self, payload: float, packets: float, layer: Layer) -> float:
        """Octets at `layer` of `packets` packets of about one size that carry `payload` octets in all."""
        if layer is Layer.PAYLOAD:
            return payload
        ip = payload + packets * self.ip_octets
        if layer is Layer.IP:
            return ip
        frame = max(ip + packets * self.frame_octets, packets * MINIMUM_FRAME)
        return frame if layer is Layer.FRAME else frame + packets * PREAMBLE_AND_GAP

    def payload(self, octets: float, packets: float, layer: Layer) -> float:
        """Octets of payload in `packets` packets of about one size that are `octets` octets at `layer`.

        The inverse of `octets`, for frames above the minimum; in those that were padded, padding counts as payload.
        Never negative: fewer octets than the headers alone come of a wrong count.
        """
        if layer is Layer.PAYLOAD:
            return octets
        around = self.ip_octets
        if layer is not Layer.IP:
            around += self.frame_octets
        if layer is Layer.WIRE:
            around += PREAMBLE_AND_GAP
        return max(0.0, octets - packets * around)


def mbps(octets: float, seconds: float) -> float:
    """Decimal megabits per second."""
    return octets * 8 / seconds / 1e6


def rates(model: HeaderModel, payload: float, packets: float, seconds: float) -> dict[Layer, float]:
    """The rate at every layer, decimal megabits per second, of `payload` octets in `packets` packets."""
    return {layer: mbps(model.octets(payload, packets, layer), seconds) for layer in Layer}


def convert(model: HeaderModel, rate_mbps: float, of: Layer, to: Layer, packet: int | None = None) -> float:
    """A rate counted at layer `of` as it counts at layer `to`, in packets of `packet` octets at the IP layer.

    None takes full packets of the model's MTU. Raises `ValueError` for packets that headers alone fill.
    """
    payload = (model.mtu if packet is None else packet) - model.ip_octets
    if payload <= 0:
        raise ValueError(f"a packet of {packet} octets has no room for payload in {model.name}")
    return rate_mbps * model.octets(payload, 1, to) / model.octets(payload, 1, of)


def best_share(model: HeaderModel, layer: Layer, mtu: int | None = None) -> float:
    """The largest share of a line rate counted at `layer` that payload can reach with full packets of `mtu`.

    None takes the model's MTU: 1500, in PPPoE 1492.
    """
    return convert(model, 1.0, layer, Layer.PAYLOAD, mtu)
