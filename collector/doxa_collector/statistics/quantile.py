"""Median and percentiles of all values, with order-statistic bounds that hold for any distribution.

The k-th smallest of n independent values lies above the q-quantile with probability P(Bin(n, q) < k): exact, whatever
the distribution. For tests that resemble each other the same is asked at the effective number of tests (`share`), found
from how the days differ in their share of tests at or below the quantile (Woodruff 1952 with Korn and Graubard's n).
From a rollup a value is known to its bin: bounds are rounded outwards to the bin's edges.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from doxa_collector.statistics.binomial import binomial_tail
from doxa_collector.statistics.bins import highest, lowest
from doxa_collector.statistics.mean import Figure
from doxa_collector.statistics.rollup import Tallies, Tally
from doxa_collector.statistics.sample import plain
from doxa_collector.statistics.share import effective_tests
from doxa_collector.statistics.student import check_confidence


class Ranks(NamedTuple):
    """Which order statistics (1 … n) bound a quantile; 0 and n + 1: none does."""

    lower: int
    upper: int


class _Ordered(NamedTuple):
    keys: Sequence[int]
    tallies: Sequence[Tally]
    reached: Sequence[int]
    """Values up to and with this bin."""

    def at(self, rank: int) -> int:
        """The place of the bin that holds the value of a rank."""
        low, high = 0, len(self.reached) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.reached[middle] >= rank else (middle + 1, high)
        return low

    def value(self, rank: int) -> float:
        tally = self.tallies[self.at(rank)]
        return plain(tally.total, tally.n)


def quantile_of(days: Mapping[int, Tallies], share: float = 0.5, confidence: float = 0.95) -> Figure | None:
    """The `share`-quantile over days → bins (the median by default); None without a value.

    It is the value of rank ⌈share × n⌉, and for the median of an even number the middle of both. `ValueError` unless
    0 < share < 1.
    """
    check_confidence(confidence)
    if not 0 < share < 1:
        raise ValueError(f"there is no quantile at {share}")
    ordered = _order(days)
    if not ordered.keys:
        return None
    n = ordered.reached[-1]
    middle = share == 0.5 and n % 2 == 0
    rank = n // 2 if middle else max(1, _ceiling(share * n))
    value = (ordered.value(rank) + ordered.value(rank + 1)) / 2 if middle else ordered.value(rank)
    effective = effective_tests(_below(days, ordered.keys[ordered.at(rank)]), confidence)
    ranks = ranks_of(n, share, effective, confidence)
    return Figure(
        value=value,
        n=n,
        days=sum(1 for bins in days.values() if bins),
        lower=plain(lowest(ordered.keys[ordered.at(ranks.lower)])) if ranks.lower else None,
        upper=plain(highest(ordered.keys[ordered.at(ranks.upper)])) if ranks.upper <= n else None,
        effective_n=effective,
    )


def ranks_of(n: int, share: float, effective: float, confidence: float) -> Ranks:
    """The ranks among `n` that bound the quantile, by the exact ones among the whole number of effective tests."""
    size = max(1, int(effective))
    low, high = _exact_ranks(size, share, confidence)
    return Ranks(low * n // size, n + 1 if high > size else max(1, n + 1 - (size + 1 - high) * n // size))


@lru_cache(maxsize=16384)
def _exact_ranks(n: int, share: float, confidence: float) -> Ranks:
    """The largest k with P(Bin(n, share) ≤ k − 1) ≤ doubt, and the smallest with P(Bin(n, share) ≥ k) ≤ doubt."""
    doubt = 1 - confidence
    low, high = 0, n
    while low < high:  # P(Bin ≤ k − 1) = P(n − Bin ≥ n − k + 1) grows with k
        k = (low + high + 1) // 2
        low, high = (k, high) if binomial_tail(n - k + 1, n, 1 - share) <= doubt else (low, k - 1)
    lower = low
    low, high = 1, n + 1
    while low < high:
        k = (low + high) // 2
        low, high = (low, k) if binomial_tail(k, n, share) <= doubt else (k + 1, high)
    return Ranks(lower, low)


def _order(days: Mapping[int, Tallies]) -> _Ordered:
    counts: dict[int, int] = {}
    totals: dict[int, int] = {}
    for bins in days.values():
        for key, (n, total) in bins.items():
            counts[key] = counts.get(key, 0) + n
            totals[key] = totals.get(key, 0) + total
    keys = sorted(counts)
    return _Ordered(
        keys, [Tally(counts[key], totals[key]) for key in keys], list(accumulate(counts[key] for key in keys))
    )


def _below(days: Mapping[int, Tallies], most: int) -> dict[int, Tally]:
    """Per day the values, and how many lie at or below a bin."""
    found = {}
    for day, bins in days.items():
        n = below = 0
        for key, tally in bins.items():
            n += tally.n
            if key <= most:
                below += tally.n
        found[day] = Tally(n, below)
    return found


def _ceiling(number: float) -> int:
    """⌈number⌉, where 0.95 × 100 is 95 although the float lies just above or below."""
    whole = round(number)
    return whole if abs(number - whole) < 1e-9 * max(1, whole) else int(number) + 1
