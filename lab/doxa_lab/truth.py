"""What a shaped line carries, exactly, at every layer — and which tbf rate makes a wanted figure.

tbf on a veth counts an IP packet of 1500 octets as 1514 (the Ethernet header without FCS), so a line that lets R bits
of frames through carries R × 1500/1514 at the IP layer and R × 1448/1514 of TCP payload over IPv4 with timestamps
(confirmed to 0.01 %). Packets are taken to be full: short ones would carry less.
"""

from dataclasses import dataclass
from typing import Final

from doxa_core.layers import ETHERNET_HEADER, IP_HEADER, TCP_HEADER, TCP_TIMESTAMPS, UDP_HEADER, HeaderModel, Layer

MTU: Final = 1500
COUNTED_BY_TBF: Final = MTU + ETHERNET_HEADER
TCP: Final = TCP_HEADER + TCP_TIMESTAMPS


def share(layer: Layer, *, family: int = 4, transport: int = TCP) -> float:
    """Octets at `layer` for each octet that tbf counts; `transport` is the transport header's length."""
    payload = MTU - IP_HEADER[family] - transport
    model = HeaderModel(family=family, transport=transport)
    return model.octets(payload, 1, layer) / COUNTED_BY_TBF


def carried_mbps(tbf_bps: float, layer: Layer, *, family: int = 4, transport: int = TCP) -> float:
    """What a tbf rate lets through, in Mbit/s at `layer`."""
    return tbf_bps / 1e6 * share(layer, family=family, transport=transport)


def tbf_bps(wanted_mbps: float, layer: Layer, *, family: int = 4, transport: int = TCP) -> int:
    """The tbf rate, in whole bit/s and divisible by 8, that carries `wanted_mbps` at `layer`."""
    octets = wanted_mbps * 1e6 / share(layer, family=family, transport=transport) / 8
    return round(octets) * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One direction of a line, at every layer of a TCP download or upload with full packets, Mbit/s."""

    payload: float
    ip: float
    frame: float
    wire: float

    @classmethod
    def of(cls, rate_bps: float, *, family: int = 4) -> "Truth":
        """The truth of a tbf rate."""
        return cls(**{layer.value: carried_mbps(rate_bps, layer, family=family) for layer in Layer})

    def at(self, layer: Layer) -> float:
        """The rate at one layer."""
        found: float = getattr(self, layer.value)
        return found


UDP: Final = UDP_HEADER
"""For `transport` where the test is UDP."""
