"""Median and percentiles of all values, with order-statistic bounds that hold for any distribution.

The k-th smallest of n independent values lies above the q-quantile with probability P(Bin(n, q) < k): exact, whatever
the distribution. For tests that resemble each other the same is asked at the effective number of tests (`share`), found
from how the days differ in their share of tests at or below the quantile (Woodruff 1952 with Korn and Graubard's n).
From a rollup a value is known to its bin: bounds are rounded outwards to the bin's edges.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate, chain
from typing import NamedTuple

from doxa_collector.statistics.binomial import binomial_tail
from doxa_collector.statistics.bins import bin_of, highest, lowest
from doxa_collector.statistics.mean import Figure
from doxa_collector.statistics.rollup import Tallies, Tally
from doxa_collector.statistics.sample import plain
from doxa_collector.statistics.share import Clustering
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

    @property
    def n(self) -> int:
        return self.reached[-1] if self.reached else 0

    def key(self, rank: int) -> int:
        return self.keys[self.at(rank)]

    def value(self, rank: int) -> float:
        tally = self.tallies[self.at(rank)]
        return plain(tally.total, tally.n)


class _Sorted(NamedTuple):
    """The same from the values themselves, none of which the probe limited: their order is that of their bins."""

    values: Sequence[int]
    """Millionths, the smallest first."""

    @property
    def n(self) -> int:
        return len(self.values)

    def key(self, rank: int) -> int:
        return bin_of(self.values[rank - 1])

    def value(self, rank: int) -> float:
        key = self.key(rank)
        start = bisect_left(self.values, lowest(key)) if key % 2 == 0 else bisect_right(self.values, lowest(key))
        end = bisect_left(self.values, highest(key)) if key % 2 else bisect_right(self.values, highest(key))
        return plain(sum(self.values[start:end]), end - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """A quantile of some days: found once, whatever confidence is asked for."""

    share: float
    value: float
    days: int
    ordered: _Ordered | _Sorted
    clustering: Clustering

    @classmethod
    def of(cls, days: Mapping[int, Tallies], share: float = 0.5) -> "Quantile | None":
        """Over days → bins; None without a value. `ValueError` unless 0 < share < 1."""
        return cls.several(days, (share,))[0]

    @classmethod
    def several(cls, days: Mapping[int, Tallies], shares: Sequence[float]) -> "list[Quantile | None]":
        """Several of the same days, which are put in order once."""
        ordered, counted = _order(days), sum(1 for bins in days.values() if bins)
        return [cls._at(ordered, share, counted, partial(_below, days)) for share in shares]

    @classmethod
    def of_values(cls, days: Mapping[int, Sequence[int]], share: float = 0.5) -> "Quantile | None":
        """The same over days → values in whole millionths, none of which the probe limited: several times faster."""
        return cls.several_of_values(days, (share,))[0]

    @classmethod
    def several_of_values(cls, days: Mapping[int, Sequence[int]], shares: Sequence[float]) -> "list[Quantile | None]":
        """Several of the same values, which are sorted once."""
        ordered, counted = _Sorted(sorted(chain.from_iterable(days.values()))), sum(map(bool, days.values()))
        return [cls._at(ordered, share, counted, partial(_values_below, days)) for share in shares]

    @classmethod
    def _at(
        cls, ordered: "_Ordered | _Sorted", share: float, days: int, below: Callable[[int], Mapping[int, Tally]]
    ) -> "Quantile | None":
        if not 0 < share < 1:
            raise ValueError(f"there is no quantile at {share}")
        if not ordered.n:
            return None
        value, rank = _found(ordered, share)
        clustering = Clustering.of(below(ordered.key(rank)))
        return cls(share=share, value=value, days=days, ordered=ordered, clustering=clustering)

    def figure(self, confidence: float) -> Figure:
        """With the bounds of this confidence."""
        ordered, n = self.ordered, self.ordered.n
        effective = self.clustering.effective_tests(confidence)
        ranks = ranks_of(n, self.share, effective, confidence)
        return Figure(
            value=self.value,
            n=n,
            days=self.days,
            lower=plain(lowest(ordered.key(ranks.lower))) if ranks.lower else None,
            upper=plain(highest(ordered.key(ranks.upper))) if ranks.upper <= n else None,
            effective_n=effective,
        )


def quantile_of(days: Mapping[int, Tallies], share: float = 0.5, confidence: float = 0.95) -> Figure | None:
    """The `share`-quantile over days → bins (the median by default); None without a value.

    It is the value of rank ⌈share × n⌉, and for the median of an even number the middle of both. `ValueError` unless
    0 < share < 1.
    """
    check_confidence(confidence)
    found = Quantile.of(days, share)
    return None if found is None else found.figure(confidence)


def ranks_of(n: int, share: float, effective: float, confidence: float) -> Ranks:
    """The ranks among `n` that bound the quantile, by the exact ones among the whole number of effective tests.

    One test alone bounds a far quantile by itself (P(Bin(1, 0.95) = 0) = 5 %), but not beyond the quantile's own rank.
    """
    size, own = max(1, int(effective)), _rank(n, share)
    low, high = _exact_ranks(size, share, confidence)
    upper = n + 1 if high > size else max(own, n + 1 - (size + 1 - high) * n // size)
    return Ranks(min(own, low * n // size), upper)


def _rank(n: int, share: float) -> int:
    return max(1, _ceiling(share * n))


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


def _found(ordered: _Ordered | _Sorted, share: float) -> tuple[float, int]:
    """The quantile, and the rank whose bin its bounds are found around."""
    n = ordered.n
    if share == 0.5 and n % 2 == 0:
        return (ordered.value(n // 2) + ordered.value(n // 2 + 1)) / 2, n // 2
    rank = _rank(n, share)
    return ordered.value(rank), rank


def _order(days: Mapping[int, Tallies]) -> _Ordered:
    found: dict[int, Tally] = {}
    for bins in days.values():
        for key, tally in bins.items():
            known = found.get(key)
            found[key] = tally if known is None else Tally(known.n + tally.n, known.total + tally.total)
    keys = sorted(found)
    tallies = [found[key] for key in keys]
    return _Ordered(keys, tallies, list(accumulate(tally.n for tally in tallies)))


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


def _values_below(days: Mapping[int, Sequence[int]], key: int) -> dict[int, Tally]:
    """The same of values."""
    most = highest(key) - key % 2  # what lies in the bin, and all below it
    return {day: Tally(len(values), sum(map(most.__ge__, values))) for day, values in days.items()}


def _ceiling(number: float) -> int:
    """⌈number⌉, where 0.95 × 100 is 95 although the float lies just above or below."""
    whole = round(number)
    return whole if abs(number - whole) < 1e-9 * max(1, whole) else int(number) + 1
