"""The share of tests that meet a target, with the bounds of Clopper and Pearson at the effective number of tests.

Tests that fail together (all of one bad evening) tell less than as many tests apart. The design effect is the variance
of the share between days over the variance that independent tests would have; n divided by it, and by the uncertainty
of that estimate, goes into the exact bound (Korn and Graubard 1998). It is never taken below 1, so these bounds are
never narrower than the plain binomial ones of methods.md §5 (`binomial.share_bounds`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from doxa_collector.plans.model import Operator
from doxa_collector.statistics.binomial import Interval, share_bounds
from doxa_collector.statistics.bins import meeting
from doxa_collector.statistics.clusters import DayError, day_error
from doxa_collector.statistics.mean import Figure
from doxa_collector.statistics.rollup import Rollup, Tallies, Tally, added
from doxa_collector.statistics.sample import micro
from doxa_collector.statistics.student import MOST_FREEDOM, check_confidence, t_quantile


def share_of(counts: Mapping[int, Tally], confidence: float = 0.95, *, independent: bool = False) -> Figure | None:
    """Over days → (tests, tests that met): the share with its bounds; None without a test.

    `independent` takes every test as news of its own, as the table of methods.md §5 does. `ValueError` where more met than were run.
    """
    check_confidence(confidence)
    n, met = added(counts.values())
    if any(not 0 <= day.total <= day.n for day in counts.values()):
        raise ValueError("more tests met the target than were run")
    if n == 0:
        return None
    days = sum(1 for day in counts.values() if day.n)
    effective = float(n) if independent else effective_tests(counts, confidence)
    bounds = bounds_at(met, n, effective, confidence)
    return Figure(
        value=met / n, n=n, days=days, lower=min(met / n, bounds.lower), upper=max(met / n, bounds.upper),
        effective_n=effective,
    )  # fmt: skip


def bounds_at(met: int, n: int, effective: float, confidence: float) -> Interval:
    """Clopper–Pearson for the whole numbers of tests that lie next to the effective ones, on the wider side each."""
    size = max(1, int(effective))
    fewer = met * size // n
    more = -(-met * size // n)
    return Interval(share_bounds(fewer, size, confidence).lower, share_bounds(more, size, confidence).upper)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """How much tests of one day resemble each other in meeting a target: found once, whatever confidence is asked for."""

    n: int
    error: DayError | None
    """None: a single day, which shows nothing of how days differ."""
    effect: float = 1.0
    """The design effect: so many times fewer tests apart would tell as much."""

    @classmethod
    def of(cls, counts: Mapping[int, Tally]) -> "Clustering":
        """Over days → (tests, tests that met)."""
        n, met = added(counts.values())
        error = day_error(counts)
        if error is None:
            return cls(n=n, error=None)
        own = met * (n - met) / n**3
        spread = error.units * error.units
        effect = error.widening if own == 0 else max(1.0, spread / own)  # where all met, nothing shows how they cluster
        return cls(n=n, error=error, effect=effect)

    def effective_tests(self, confidence: float) -> float:
        """How many independent tests tell as much as these, at most as many as there are."""
        if self.error is None:
            return min(1.0, float(self.n))
        certain = t_quantile(confidence, MOST_FREEDOM) / t_quantile(confidence, min(self.error.freedom, MOST_FREEDOM))
        return self.n / self.effect * certain * certain


def effective_tests(counts: Mapping[int, Tally], confidence: float = 0.95) -> float:
    """How many independent tests tell as much as these, at most as many as there are."""
    return Clustering.of(counts).effective_tests(confidence)


def met_by_day(rollup: Rollup, operator: Operator, target: float) -> dict[int, Tally]:
    """Per day the values that describe the line and how many of them meet the target.

    A limited value counts where it meets an upward target (the line reached it) and is left out where it does not.
    """
    units = micro(target)
    holds = meeting(operator, units)
    found = {}
    for number, day in rollup.days.items():
        own, bounded = _met(day.bins, holds), _met(day.limited, holds)
        found[number] = Tally(own.n + bounded.total, own.total + bounded.total)
    return found


def _met(bins: Tallies, holds: Callable[[int], bool]) -> Tally:
    n = met = 0
    for key, tally in bins.items():
        n += tally.n
        if holds(key):
            met += tally.n
    return Tally(n, met)
