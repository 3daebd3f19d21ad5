"""The mean of all values, with a bound by Student's t over days (`clusters`).

Student's t and no bootstrap: with 7 to 31 days a bootstrap's bounds are too narrow by a tenth or more, it needs random
numbers, and t is computed from two sums a day. The bootstrap stays for figures without such a formula (`bootstrap`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from doxa_collector.statistics.clusters import day_error
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


def mean_of(days: Mapping[int, Tally], confidence: float = 0.95) -> Figure | None:
    """The mean over days → tallies; None without a value. `ValueError` for a confidence outside 0.6 … 0.9999."""
    check_confidence(confidence)
    n, total = added(days.values())
    if n == 0:
        return None
    value, counted = plain(total, n), sum(1 for tally in days.values() if tally.n)
    error = day_error(days)
    if error is None:
        return Figure(value=value, n=n, days=counted)
    half = t_quantile(confidence, error.freedom) * error.units / MICRO
    return Figure(value=value, n=n, days=counted, lower=max(0.0, value - half), upper=value + half)
