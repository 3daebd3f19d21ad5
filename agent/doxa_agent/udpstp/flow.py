"""What one direction of a capacity test gave, and its sub-intervals."""

from dataclasses import dataclass, field
from typing import Final

from doxa_agent.udpstp.fast import Estimate, Sample
from doxa_agent.udpstp.rates import IPV4_HEADERS, IPV6_EXTRA

MOST_SUBS: Final = 36_000
"""Sub-intervals that are kept: an hour of the shortest."""


@dataclass(slots=True, kw_only=True)
class Sub:
    """One sub-interval, or the whole; what is not known is None."""

    seconds: float
    datagrams: int
    octets: int
    """UDP payload."""
    lost: int
    reordered: int
    duplicates: int
    variation_min_ms: float | None = None
    variation_mean_ms: float | None = None
    variation_max_ms: float | None = None
    rtt_min_ms: float | None = None
    rtt_max_ms: float | None = None
    late_s: float = 0.0
    """For how long a machine stalled in it (see `Sample.late_s`), to within a trial interval."""


@dataclass(slots=True, kw_only=True)
class Flow:
    """What one direction gave."""

    direction: str
    family: int
    subs: list[Sub] = field(default_factory=list)
    whole: Sub = field(default_factory=lambda: Sub(seconds=0, datagrams=0, octets=0, lost=0, reordered=0, duplicates=0))
    estimate: Estimate | None = None
    ended: str = ""
    """`complete`, `stable`, `stalled`, `broke_off`, `silent`, `nonsense` or `stopped`."""
    reason: str = ""
    """The kernel's reason where the way broke."""
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """From the first load to the last."""
    cpu_s: float = 0.0
    cpu_ratio: float = 0.0
    """Our thread's share of a core."""
    parting_octets: int = 0
    """UDP payload that still came after the end, and its datagrams: for the byte audit only."""
    parting_datagrams: int = 0
    dropped: int = 0
    """Datagrams that our own socket had no room for."""
    stamped: bool = True
    sent_datagrams: int = 0
    sent_octets: int = 0
    """UDP payload; for a download what the far end's numbers say."""
    asked_octets: float | None = None
    """What the far end's rates asked of our sender."""
    gso: bool | None = None
    blocked: int = 0
    rtts_ms: list[float] = field(default_factory=list)
    clock_stepped: bool = False
    samples: list[Sample] = field(default_factory=list)
    late_s: float = 0.0
    """For how long a machine stalled in all of it."""
    sent_seconds: float | None = None
    """Of a download: from the first to the last datagram that came, by the far end's stamps."""
    paced: tuple[int, float] = (0, 0.0)
    """Of a download: datagrams and seconds, as the far end numbered and stamped them, after its first answer to us.
    Before it a far end that does not know us need not send at the rate that was asked."""
    top_rate: bool = False
    """The sending rate was at the end of the table."""

    @property
    def overhead(self) -> int:
        """Octets of IP and UDP header of a datagram."""
        return IPV4_HEADERS + (IPV6_EXTRA if self.family == 6 else 0)

    def find(self, code: str) -> None:
        """Note a finding once."""
        if code not in self.findings:
            self.findings.append(code)
