"""One stretch of a test at its receiver: a trial interval, a sub-interval (RFC 9097), or the whole."""

from dataclasses import dataclass
from typing import Final

SENDER_PAUSE_NS: Final = 3_000_000
"""A sender that keeps its pace is never silent for longer, except where its rate is low."""


@dataclass(slots=True, kw_only=True)
class Interval:
    """One stretch of the test, times in nanoseconds of the steady clock."""

    started: int
    ended: int = 0
    datagrams: int = 0
    octets: int = 0
    """UDP payload."""
    lost: int = 0
    reordered: int = 0
    duplicates: int = 0
    variation_min: int | None = None
    variation_max: int = 0
    variation_sum: int = 0
    variation_count: int = 0
    rtt_min: int | None = None
    rtt_max: int | None = None
    rtt_last: int | None = None
    first: int = 0
    """When the last datagram before it came (or its own first one, where there is none before)."""
    last: int = 0
    """When its last datagram came."""
    pauses: int = 0
    """How long its sender was silent beyond `SENDER_PAUSE_NS` at a time, by the send stamps of what came."""

    @property
    def duration(self) -> int:
        """From start to end."""
        return self.ended - self.started

    @property
    def sent(self) -> int:
        """Datagrams that the far end sent, as far as their numbers tell."""
        return self.datagrams - self.duplicates + self.lost

    def vary(self, low: int, high: int, total: int, count: int) -> None:
        """Book delay variations."""
        self.variation_min = low if self.variation_min is None else min(low, self.variation_min)
        self.variation_max = max(high, self.variation_max)
        self.variation_sum += total
        self.variation_count += count

    def sample(self, rtt: int) -> None:
        """Book a round trip."""
        self.rtt_min = rtt if self.rtt_min is None else min(rtt, self.rtt_min)
        self.rtt_max = rtt if self.rtt_max is None else max(rtt, self.rtt_max)
        self.rtt_last = rtt
