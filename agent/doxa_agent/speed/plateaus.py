"""A shaper with burst credit carries more than was sold until the credit is used: the two levels of a long run.

Pure arithmetic on bins. The rate after the ramp is cut at the one place that explains it best by two constants (least
squares over blocks of a quarter of a second). The cut counts only if it is a step down and not a dip or noise: nearly
every block before lies above the middle of the two levels and nearly every block after below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from doxa_agent.speed.bins import Bin, total
from doxa_agent.speed.ping import median
from doxa_agent.speed.threshold import ramp_end

BLOCK_BINS: Final = 5
SHORTEST_BURST: Final = 4
"""Blocks: one second."""
SHORTEST_AFTER: Final = 12
"""Blocks: three seconds."""
DROP: Final = 0.05
"""The sustained level lies at least so far below the burst, as a share of the burst."""
SETTLING: Final = 4
"""Blocks after the fall that may belong to neither level: TCP stumbles at the fall, the bucket gathers credit meanwhile, and
that passes above the rate once more."""
SETTLED: Final = 0.05
"""So close to the middle of what follows a block must lie to belong to it."""
CLEAN: Final = 0.9
"""Share of the blocks on each side that must lie on their side of the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateaus:
    """Two levels of payload, Mbit/s."""

    burst_mbps: float
    sustained_mbps: float
    cut: int
    """Index of the first bin of the sustained level."""
    at_s: float
    """Seconds from the first request to the fall."""
    credit_octets: float
    """What the burst carried beyond the sustained rate."""


def find_plateaus(bins: Sequence[Bin]) -> Plateaus | None:
    """The two levels, or None where the rate fell by no clear step."""
    start = ramp_end(bins)
    blocks = [total(bins[at : at + BLOCK_BINS]) for at in range(start, len(bins) - BLOCK_BINS + 1, BLOCK_BINS)]
    rates = [b.octets * 8e-6 / b.seconds for b in blocks if b.seconds > 0]
    if len(rates) < len(blocks) or len(rates) < SHORTEST_BURST + SHORTEST_AFTER:
        return None
    cut = _best_cut(rates)
    # The block of the fall itself belongs to neither level.
    before, after = rates[: max(1, cut - 1)], rates[cut + 1 :]
    high, low = median(before), median(after)
    if not (high > 0 and low <= (1 - DROP) * high and _is_clean(before, after, (high + low) / 2)):
        return None
    at = start + (cut + 1 + _settling(after, low)) * BLOCK_BINS
    rest = total(bins[at:])
    early = total(bins[: start + cut * BLOCK_BINS])
    burst = total(bins[start : start + max(1, cut - 1) * BLOCK_BINS])
    sustained = rest.octets * 8e-6 / rest.seconds
    return Plateaus(
        burst_mbps=burst.octets * 8e-6 / burst.seconds,
        sustained_mbps=sustained,
        cut=at,
        at_s=early.seconds,
        credit_octets=max(0.0, early.octets - sustained * 125000 * early.seconds),
    )


def _best_cut(rates: Sequence[float]) -> int:
    """Where two means leave the least squared error, that is, where they explain the most."""
    sums = [0.0, *accumulate(rates)]
    count = len(rates)

    def explained(cut: int) -> float:
        return float(sums[cut] ** 2 / cut + (sums[count] - sums[cut]) ** 2 / (count - cut))

    return max(range(SHORTEST_BURST, count - SHORTEST_AFTER + 1), key=explained)


def _settling(after: Sequence[float], low: float) -> int:
    """How many blocks after that of the fall are still part of it; 0 where the line is too uneven to tell."""
    near = (n for n, rate in enumerate(after[:SETTLING]) if abs(rate - low) <= SETTLED * low)
    return next(near, 0)


def _is_clean(before: Sequence[float], after: Sequence[float], middle: float) -> bool:
    above = sum(rate > middle for rate in before)
    below = sum(rate < middle for rate in after)
    return above >= CLEAN * len(before) and below >= CLEAN * len(after)
