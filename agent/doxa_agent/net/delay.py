"""The statistics of round-trip delay: percentiles, jitter, delay variation and loss, as pure functions.

Percentiles are by nearest rank: the smallest observed delay v such that at least p per cent of the delays are ≤ v, which
is the inverse of the empirical distribution function of RFC 2330 §11.3. Each percentile is thus a delay that really was
seen; nothing is interpolated, also not the median of an even number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final

from doxa_agent.net.bursts import Bursts, bursts_of

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


def variance(delays: Sequence[float]) -> float | None:
    """The sample variance (n − 1) in their unit squared: what i-Speed calls jitter. None for fewer than two."""
    if len(delays) < 2:
        return None
    mean = sum(delays) / len(delays)
    return sum((delay - mean) ** 2 for delay in delays) / (len(delays) - 1)


def mean_abs(delays: Iterable[float | None]) -> float | None:
    """The mean |difference| of neighbouring delays, pairs as in `jitter` but all of the same weight; None without a pair."""
    steps = [abs(b - a) for a, b in pairwise(delays) if a is not None and b is not None]
    return sum(steps) / len(steps) if steps else None


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
    mean_abs: float | None = None
    """The mean |difference| of neighbours; None as `jitter`."""
    variance: float | None = None
    """Square milliseconds, n − 1; None for fewer than two."""
    pdv_p50: float | None = None
    """RFC 5481 §4.2: the median of delay minus the smallest delay of the run."""
    pdv_p95: float | None = None
    """The same of the 95th percentile."""
    pdv_p99: float | None = None
    """The same of the 99th percentile."""
    bursts: Bursts = field(default_factory=Bursts)

    @property
    def loss_ratio(self) -> float | None:
        """Lost of sent (RFC 7680); None when nothing was sent."""
        return (self.sent - self.received) / self.sent if self.sent else None


def summarise(delays_ms: Sequence[float | None], *, undecided: int = 0) -> Summary:
    """The summary of `delays_ms`, one entry per request in sending order, None for each that was lost.

    `undecided` of those None are neither lost nor received, because the run ended before their timeout: not counted.
    """
    return summarise_stretches([delays_ms], undecided=undecided)


def summarise_stretches(stretches: Sequence[Sequence[float | None]], *, undecided: int = 0) -> Summary:
    """The same for requests with interruptions: only within a stretch are neighbours neighbours."""
    ordered = sorted(delay for delay in chain.from_iterable(stretches) if delay is not None)
    sent = sum(map(len, stretches)) - undecided
    bursts = bursts_of(stretches)
    if not ordered:
        return Summary(sent=sent, received=0, bursts=bursts)
    smallest, p50, p95, p99 = ordered[0], *(percentile(ordered, share) for share in (50, 95, 99))
    apart: list[float | None] = [delay for stretch in stretches for delay in (*stretch, None)]
    return Summary(
        sent=sent,
        received=len(ordered),
        minimum=smallest,
        mean=min(max(sum(ordered) / len(ordered), smallest), ordered[-1]),  # rounding may not leave the range
        p50=p50,
        p95=p95,
        p99=p99,
        maximum=ordered[-1],
        jitter=jitter(apart),
        mean_abs=mean_abs(apart),
        variance=variance(ordered),
        pdv_p50=p50 - smallest,
        pdv_p95=p95 - smallest,
        pdv_p99=p99 - smallest,
        bursts=bursts,
    )
