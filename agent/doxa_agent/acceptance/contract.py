"""What the contract promises, what a line must reach to be accepted, and its rate at other layers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from doxa_core.layers import TCP_HEADER, TCP_TIMESTAMPS, UDP_HEADER, HeaderModel, Layer

FULL_PACKET: Final = 1500
TCP: Final = TCP_HEADER + TCP_TIMESTAMPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """The test's own packets: a rate at one layer is another rate at another, by their size."""

    family: int = 4
    octets: int = 1250
    """Of one IP packet."""
    vlan_tags: int = 0
    pppoe: bool = False

    @property
    def model(self) -> HeaderModel:
        """Their headers on the line: UDP over IP over Ethernet, with the tags and PPPoE that the link is said to have."""
        return HeaderModel(family=self.family, transport=UDP_HEADER, vlan_tags=self.vlan_tags, pppoe=self.pppoe)

    @property
    def at_port(self) -> "Packets":
        """The same packets at the probe's own port: what a router adds behind it does not load the port."""
        return replace(self, vlan_tags=0, pppoe=False)

    def of_ip(self, layer: Layer) -> float:
        """The rate at `layer` of one Mbit/s at the IP layer.

        Frames and wire are those of the test's packets. `payload` is what an application gets by TCP in full packets
        (1500 octets with timestamps), because that is what a contract on payload means; the test's own UDP is not it.
        """
        if layer is Layer.PAYLOAD:
            model = HeaderModel(family=self.family, transport=TCP)
            full = FULL_PACKET - model.octets(0, 1, Layer.IP)
            return full / FULL_PACKET
        payload = self.octets - self.model.octets(0, 1, Layer.IP)
        return self.model.octets(payload, 1, layer) / self.octets

    def to_ip_mbps(self, mbps: float, layer: Layer) -> float:
        """The rate at the IP layer that is `mbps` at `layer`."""
        return mbps / self.of_ip(layer)

    def from_ip_mbps(self, ip_mbps: float, layer: Layer) -> float:
        """What `ip_mbps` at the IP layer is at `layer`."""
        return ip_mbps * self.of_ip(layer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The contracted rates, at the layer that the contract names (the IP layer where it names none)."""

    down_mbps: float
    up_mbps: float
    layer: Layer = Layer.IP

    def mbps(self, direction: str) -> float:
        """The contracted rate of a direction."""
        return self.down_mbps if direction == "download" else self.up_mbps

    def as_fields(self) -> Mapping[str, object]:
        """For the result."""
        return {"down_mbps": self.down_mbps, "up_mbps": self.up_mbps, "layer": self.layer.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What a line must reach. Only rate and loss have standard values (ours); the rest counts where it is given."""

    tolerance_ratio: float = 0.03
    """By how much the received rate may lie below the contract: headers that shapers count differently are 1–3 %."""
    loss_ratio: float = 0.001
    """The largest share of lost packets while the line is not asked for more than it must carry."""
    rtt_ms: float | None = None
    """The largest p95 round trip, idle and under load."""
    pdv_ms: float | None = None
    """The largest delay variation (RFC 5481: above the minimum) under load."""
    mtu: int | None = None
    """The smallest path MTU."""

    @property
    def floor_ratio(self) -> float:
        """The share of the contracted rate that must arrive."""
        return 1.0 - self.tolerance_ratio

    def loss_at(self, share: float) -> float:
        """The largest loss when `share` of the contract is asked for.

        Below the floor it is the permitted loss; above it a line that carries just the floor must lose the rest, and
        whether it carries enough is for the rate to say.
        """
        return 1.0 - min(1.0, self.floor_ratio / share) * (1.0 - self.loss_ratio)

    def judges_delay(self, share: float) -> bool:
        """Whether delay is judged there: at a rate that may exceed what the line must carry its queue is simply full."""
        return share <= self.floor_ratio

    def as_fields(self) -> Mapping[str, object]:
        """For the result; what is not asked for is absent."""
        found = {
            "tolerance_ratio": self.tolerance_ratio,
            "loss_ratio": self.loss_ratio,
            "rtt_ms": self.rtt_ms,
            "pdv_ms": self.pdv_ms,
            "mtu": self.mtu,
        }
        return {name: value for name, value in found.items() if value is not None}
