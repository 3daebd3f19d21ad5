"""One line between an office and its far end: what it shall be, and where it is once it is laid."""

from dataclasses import dataclass
from typing import Final

from doxa_core.layers import Layer
from doxa_lab.truth import COUNTED_BY_TBF, MTU, Truth, tbf_bps

_SMALL_BURST: Final = 32
_BURSTS_KIB: Final = ((160e6, _SMALL_BURST), (400e6, 64), (float("inf"), 128))
_FASTEST_PER_PACKET_BPS: Final = 120e6
"""What a relay in pure Python passes packet by packet on one core (measured: about half a core at 100 Mbit/s)."""


_POLICER_QUEUE: Final = 3 * COUNTED_BY_TBF
_POLICER_BUCKET_S: Final = 0.05
"""What arrives in lumps shorter than this passes a policer as if it came evenly; the relay makes such lumps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a line shall be. Rates are what tbf counts (see `truth`); delays are split over both directions."""

    down_bps: int
    up_bps: int
    rtt_ms: float = 10.0
    """The smallest round-trip time."""
    jitter_ms: float = 0.0
    """Each direction adds up to half of it, evenly distributed."""
    loss: float = 0.0
    """Each direction's probability to lose a packet."""
    queue_ms: float = 40.0
    """The longest time that a packet waits in the shaper."""
    policed: bool = False
    """Packets above the rate are dropped instead of waiting: a policer. tbf with room for three packets is one; nft's
    `limit rate over … bytes` is not to be used, its bucket holds one second of the rate besides the burst."""
    credit_octets: int = 0
    """Burst credit of a full bucket: so much passes at `credit_factor` times the rate before the rate holds."""
    credit_factor: float = 2.0
    overhead: int = 0
    """Octets that the shaper counts for each packet beyond an Ethernet header, as a line with VLAN tags or PPPoE does."""
    mtu: int = MTU
    """Octets of the largest IP packet on the line: 1492 behind PPPoE."""

    @classmethod
    def carrying(
        cls,
        down_mbps: float,
        up_mbps: float,
        layer: Layer = Layer.PAYLOAD,
        *,
        rtt_ms: float = 10.0,
        jitter_ms: float = 0.0,
        loss: float = 0.0,
        queue_ms: float = 40.0,
    ) -> "Line":
        """A line that carries these rates at `layer` (TCP over IPv4, full packets)."""
        return cls(
            down_bps=tbf_bps(down_mbps, layer),
            up_bps=tbf_bps(up_mbps, layer),
            rtt_ms=rtt_ms,
            jitter_ms=jitter_ms,
            loss=loss,
            queue_ms=queue_ms,
        )

    @property
    def offload(self) -> bool:
        """Whether the relay passes 64 KiB frames: wherever no single packet has to be dropped, nor counted with headers that a
        shaper would add once to a whole train.
        """
        return self.loss == 0.0 and not self.policed and self.overhead == 0

    @property
    def too_fast(self) -> bool:
        """Whether a lossy line asks more of the relay than it can pass packet by packet."""
        return not self.offload and max(self.down_bps, self.up_bps) > _FASTEST_PER_PACKET_BPS

    @property
    def down(self) -> Truth:
        """The truth of the download."""
        return Truth.of(self.down_bps)

    @property
    def up(self) -> Truth:
        """The truth of the upload."""
        return Truth.of(self.up_bps)

    @property
    def middle_rtt_ms(self) -> float:
        """The median round-trip time of an idle line."""
        return self.rtt_ms + self.jitter_ms / 2

    def shaper(self, rate_bps: int) -> str:
        """The arguments of tc's tbf for one direction."""
        burst = next(kib for limit, kib in _BURSTS_KIB if rate_bps <= limit)
        overhead = f" overhead {self.overhead}" if self.overhead else ""
        if self.policed:
            octets = round(rate_bps / 8 * _POLICER_BUCKET_S)
            return f"tbf rate {rate_bps}bit burst {octets}b{overhead} limit {_POLICER_QUEUE}b"
        if not self.credit_octets:
            return f"tbf rate {rate_bps}bit burst {burst}kb{overhead} latency {self.queue_ms}ms"
        peak = round(rate_bps * self.credit_factor)
        # `latency` would be counted on top of the credit: the queue is named in octets instead.
        limit = round(peak / 8000 * self.queue_ms)
        bucket = f"burst {self.credit_octets}b peakrate {peak}bit minburst {burst}kb"
        return f"tbf rate {rate_bps}bit {bucket}{overhead} limit {limit}b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A line in place: its namespaces, the office's interface, and the addresses of both ends."""

    name: str
    line: Line
    office: str
    """The namespace of the office (or of the probe in it)."""
    router: str
    far: str
    """The namespace of the far end."""
    interface: str
    number: int
    """1 … 62: where its addresses are taken from."""

    def _v4(self, network: str, host: int) -> str:
        return f"{network}.{self.number * 4 + host}"

    def _v6(self, side: int, host: int) -> str:
        return f"2001:db8:{self.number:x}:{side}::{host}"

    @property
    def office_v4(self) -> str:
        """The office's address (TEST-NET-2, RFC 5737)."""
        return self._v4("198.51.100", 2)

    @property
    def gateway_v4(self) -> str:
        """The router's address at the office's side."""
        return self._v4("198.51.100", 1)

    @property
    def far_v4(self) -> str:
        """The far end's address (TEST-NET-3)."""
        return self._v4("203.0.113", 2)

    @property
    def far_gateway_v4(self) -> str:
        """The router's address at the far end's side."""
        return self._v4("203.0.113", 1)

    @property
    def office_v6(self) -> str:
        """The office's address (RFC 3849)."""
        return self._v6(1, 2)

    @property
    def gateway_v6(self) -> str:
        """The router's address at the office's side."""
        return self._v6(1, 1)

    @property
    def far_v6(self) -> str:
        """The far end's address."""
        return self._v6(2, 2)

    @property
    def far_gateway_v6(self) -> str:
        """The router's address at the far end's side."""
        return self._v6(2, 1)
