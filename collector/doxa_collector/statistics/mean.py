"""The mean of all values, with a bound by Student's t over days (`clusters`).

Student's t and no bootstrap: with 7 to 31 days a bootstrap's bounds are too narrow by a tenth or more, it needs random
numbers, and t is computed from two sums a day. The bootstrap stays for figures without such a formula (`bootstrap`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from doxa_collector.statistics.clusters import DayError, day_error
from doxa_collector.statistics.rollup import Tally, added
from doxa_collector.statistics.sample import MICRO, plain
from doxa_collector.statistics.student import check_confidence, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure with its bounds, in the measure's unit. Absent bounds: too few days, or nothing varied enough to tell."""

    value: float
    n: int
    days: int
    lower: float | None = None
    upper: float | None = None
    """Each with the confidence asked for on its own side."""
    effective_n: float | None = None
    """So many independent tests would tell as much; None where it is not estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The mean of some days: found once, whatever confidence is asked for."""

    value: float
    n: int
    days: int
    error: DayError | None

    @classmethod
    def of(cls, days: Mapping[int, Tally]) -> "Mean | None":
        """Over days → tallies; None without a value."""
        n, total = added(days.values())
        if n == 0:
            return None
        counted = sum(1 for tally in days.values() if tally.n)
        return cls(value=plain(total, n), n=n, days=counted, error=day_error(days))

    def figure(self, confidence: float) -> Figure:
        """With the bounds of this confidence."""
        if self.error is None:
            return Figure(value=self.value, n=self.n, days=self.days)
        half = t_quantile(confidence, self.error.freedom) * self.error.units / MICRO
        return Figure(
            value=self.value, n=self.n, days=self.days, lower=max(0.0, self.value - half), upper=self.value + half
        )


def mean_of(days: Mapping[int, Tally], confidence: float = 0.95) -> Figure | None:
    """The mean over days → tallies; None without a value. `ValueError` for a confidence outside 0.6 … 0.9999."""
    check_confidence(confidence)
    found = Mean.of(days)
    return None if found is None else found.figure(confidence)
