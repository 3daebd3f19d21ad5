"""How far a figure of many tests may be off, when tests of one day resemble each other and days their neighbours.

A naive bound takes every test as news of its own. Tests of a line minutes or hours apart share its load, its weather and
its faults, so the day is the unit here (the linearised ratio estimator with days as clusters; Cochran, Sampling
Techniques, 6.3 and 9.4), and what neighbouring days share widens the error by (1 + ρ)/(1 − ρ), as for a first-order
autoregressive series.

A month cannot tell ρ: over 30 days its estimate is off by ±0.2. So it begins at 0.4 with the weight of fifteen days, the
days seen pull it away from there, and it is never taken below 0.2; half of the days count as degrees of freedom. Chosen by
simulation (docs/judging.md): an estimate left to itself gives either false verdicts or, in one month of twenty, bounds
several times too wide.
"""

from collections.abc import Mapping
from math import sqrt
from typing import Final, NamedTuple

from doxa_collector.statistics.rollup import Tally

_FEWEST_DAYS: Final = 2
_PRIOR: Final = 0.4
_PRIOR_DAYS: Final = 15
_LEAST_LIKENESS: Final = 0.2
_MOST_LIKENESS: Final = 0.8


class DayError(NamedTuple):
    """The standard error of total ÷ n over days, in millionths of the unit."""

    units: float
    days: int
    """Days with a value."""
    likeness: float
    """ρ: how much a day resembles the one before, 0.2 … 0.8."""

    @property
    def effective_days(self) -> float:
        """So many independent days tell as much."""
        return self.days * (1 - self.likeness) / (1 + self.likeness)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of Student's t."""
        return max(1, self.days // 2)

    @property
    def widening(self) -> float:
        """What the likeness of days does to a variance."""
        return (1 + self.likeness) / (1 - self.likeness)


def day_error(days: Mapping[int, Tally]) -> DayError | None:
    """The error of the mean of all values of these days; None below two days with a value."""
    known = {day: tally for day, tally in days.items() if tally.n}
    if len(known) < _FEWEST_DAYS:
        return None
    n = sum(tally.n for tally in known.values())
    total = sum(tally.total for tally in known.values())
    scores = {
        day: tally.total * n - total * tally.n for day, tally in known.items()
    }  # whole numbers: any order, same sum
    squares = sum(score * score for score in scores.values())
    found = DayError(0.0, len(known), _likeness(scores, squares))
    variance = len(known) * squares / ((len(known) - 1) * n**4)
    return found._replace(units=sqrt(variance * found.widening))


def _likeness(scores: Mapping[int, int], squares: int) -> float:
    days = len(scores)
    products = [score * scores[day + 1] for day, score in scores.items() if day + 1 in scores]
    weight = len(products)  # a gap between days tells nothing
    raw = sum(products) * days / (squares * weight) if squares and weight else 0.0
    unbiased = (raw + 1 / days) / max(0.5, 1 - 3 / days)  # an autocorrelation around its own mean comes out too low
    pulled = (unbiased * weight + _PRIOR * _PRIOR_DAYS) / (weight + _PRIOR_DAYS)
    return min(_MOST_LIKENESS, max(_LEAST_LIKENESS, pulled))
