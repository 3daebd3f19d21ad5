"""The statistics of round-trip delay: percentiles, jitter, delay variation and loss, as pure functions.

Percentiles are by nearest rank: the smallest observed delay v such that at least p per cent of the delays are ≤ v, which
is the inverse of the empirical distribution function of RFC 2330 §11.3. Each percentile is thus a delay that really was
seen; nothing is interpolated, also not the median of an even number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

JITTER_GAIN: Final = 16
"""RFC 3550 §6.4.1: each new difference moves the estimate by a sixteenth."""


def percentile(ordered: Sequence[float], per_cent: int) -> float:
    """The nearest-rank percentile, 0 < `per_cent` ≤ 100, of delays in ascending order; `ValueError` when there is none."""
    if not ordered or not 0 < per_cent <= 100:
        raise ValueError("a percentile needs a sample and a percentage from 1 to 100")
    rank = -(-per_cent * len(ordered) // 100)  # whole numbers, so 95 % of 20 is the 19th and never the 20th
    return ordered[rank - 1]


def jitter(delays: Iterable[float | None]) -> float | None:
    """The interarrival jitter of RFC 3550 §6.4.1 over round trips in sending order, in their unit; None without a pair.

    D(i−1, i) is the difference of two neighbouring delays, because the sending times cancel: (Rj − Ri) − (Sj − Si)
    = (Rj − Sj) − (Ri − Si). A lost packet (None) breaks both pairs in which it stands; delays on the two sides of a
    loss are no neighbours.
    """
    estimate, pairs, before = 0.0, 0, None
    for delay in delays:
        if before is not None and delay is not None:
            estimate += (abs(delay - before) - estimate) / JITTER_GAIN
            pairs += 1
        before = delay
    return estimate if pairs else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run of echo requests to one far end amounts to; delays in milliseconds, None where nothing came back."""

    sent: int
    received: int
    minimum: float | None = None
    mean: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    maximum: float | None = None
    jitter: float | None = None
    """RFC 3550; None also when no two neighbours came back."""
    pdv_p95: float | None = None
    """RFC 5481 §4.2: the 95th percentile of delay minus the smallest delay of the run."""

    @property
    def loss_ratio(self) -> float | None:
        """Lost of sent (RFC 7680); None when nothing was sent."""
        return (self.sent - self.received) / self.sent if self.sent else None


def summarise(delays_ms: Sequence[float | None], *, undecided: int = 0) -> Summary:
    """The summary of `delays_ms`, one entry per request in sending order, None for each that was lost.

    `undecided` of those None are neither lost nor received, because the run ended before their timeout: not counted.
    """
    ordered = sorted(delay for delay in delays_ms if delay is not None)
    sent = len(delays_ms) - undecided
    if not ordered:
        return Summary(sent=sent, received=0)
    p95 = percentile(ordered, 95)
    return Summary(
        sent=sent,
        received=len(ordered),
        minimum=ordered[0],
        mean=min(max(sum(ordered) / len(ordered), ordered[0]), ordered[-1]),  # rounding may not leave the range
        p50=percentile(ordered, 50),
        p95=p95,
        p99=percentile(ordered, 99),
        maximum=ordered[-1],
        jitter=jitter(delays_ms),
        pdv_p95=p95 - ordered[0],
    )
