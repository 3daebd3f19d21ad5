"""A trend over monthly figures and what it promises for a due date: simple, robust, and honest about what it cannot say.

The slope is the median of the slopes between all pairs of months (Theil 1950, Sen 1968): one odd month does not turn it.
Its bounds come from the exact distribution of Kendall's S. The forecast's interval is that of a straight line with
normal residuals (Student's t, n − 2), around the robust line. It holds if the line goes on as it went; a new contract or
a rebuilt network is no part of it. So it is never given from fewer than four months, nor further ahead than the months
it is drawn from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from math import factorial, isfinite, sqrt
from statistics import median
from typing import Final

from doxa_collector.statistics.sample import LARGEST
from doxa_collector.statistics.student import check_confidence, t_quantile

FEWEST_MONTHS: Final = 4
MOST_MONTHS: Final = 24
"""Older figures are left out: the network of three years ago says little of next year's."""
CONFIDENCE: Final = 0.9
"""Of each side: the interval holds with 80 %."""


class Answer(StrEnum):
    """Whether the target will be met on the due date."""

    LIKELY = "likely"
    """The whole interval meets it."""
    UNLIKELY = "unlikely"
    """None of the interval meets it."""
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A robust straight line through monthly figures, in the measure's unit; months are counted by `month_number`."""

    months: int
    first: int
    last: int
    slope: float
    """Per month."""
    slope_lower: float | None
    slope_upper: float | None
    """Each with the confidence asked for; None where so few months cannot bound it."""
    middle: float
    """The line's value at `center`."""
    center: float
    residual: float
    """Standard deviation around the line, n − 2 degrees of freedom."""
    spread: float
    """Σ (month − center)²."""

    def at(self, month: float) -> float:
        """The line's value."""
        return self.middle + self.slope * (month - self.center)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The figure that the trend promises for one month."""

    answer: Answer
    reason: str
    """`""`, or why it cannot be told: `few_months`, `too_far`, `too_wide`."""
    months: int
    due: int
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    slope: float | None = None


def month_number(day: date) -> int:
    """Months since the year 0: neighbouring months differ by one."""
    return day.year * 12 + day.month - 1


def trend_of(figures: Mapping[int, float], confidence: float = CONFIDENCE) -> Trend | None:
    """Over month → figure, the latest 24 of them; None below four months. `ValueError` for a figure that is none."""
    if any(not isfinite(value) or abs(value) > LARGEST for value in figures.values()):
        raise ValueError("a monthly figure is no number")
    check_confidence(confidence)
    if len(figures) < FEWEST_MONTHS:
        return None
    points = sorted(figures.items())[-MOST_MONTHS:]
    months = [float(month) for month, _ in points]
    slopes = sorted((w - v) / (m - k) for i, (k, v) in enumerate(points) for m, w in points[i + 1 :])
    slope, center = median(slopes), sum(months) / len(months)
    middle = median(value - slope * (month - center) for month, value in points)
    squares = sum((value - middle - slope * (month - center)) ** 2 for month, value in points)
    out = slopes_outside(len(points), confidence)
    return Trend(
        months=len(points),
        first=points[0][0],
        last=points[-1][0],
        slope=slope,
        slope_lower=slopes[out - 1] if out else None,
        slope_upper=slopes[-out] if out else None,
        middle=middle,
        center=center,
        residual=sqrt(squares / (len(points) - 2)),
        spread=sum((month - center) ** 2 for month in months),
    )


def forecast(
    figures: Mapping[int, float], target: float, due: int, *, upward: bool = True, confidence: float = CONFIDENCE
) -> Forecast:
    """Whether the figure of the month `due` will meet the target, by the trend of the months before.

    `ValueError` for a due month that is not after the last figure, and for a target that is no number.
    """
    if not isfinite(target) or (figures and due <= max(figures)):
        raise ValueError("a forecast needs a target, and a due month after the last figure")
    trend = trend_of(figures, confidence)
    if trend is None:
        return Forecast(answer=Answer.CANNOT_TELL, reason="few_months", months=len(figures), due=due)
    ahead = due - trend.center
    value = trend.at(due)
    half = t_quantile(confidence, trend.months - 2) * trend.residual * sqrt(
        1 + 1 / trend.months + ahead * ahead / trend.spread
    )  # fmt: skip
    lower, upper = value - half, value + half
    answer, reason = _answer(lower, upper, target, upward=upward)
    if due - trend.last > trend.last - trend.first + 1:
        answer, reason = Answer.CANNOT_TELL, "too_far"
    return Forecast(
        answer=answer, reason=reason, months=trend.months, due=due, value=value, lower=lower, upper=upper,
        slope=trend.slope,
    )  # fmt: skip


def _answer(lower: float, upper: float, target: float, *, upward: bool) -> tuple[Answer, str]:
    if lower >= target if upward else upper <= target:
        return Answer.LIKELY, ""
    if upper < target if upward else lower > target:
        return Answer.UNLIKELY, ""
    return Answer.CANNOT_TELL, "too_wide"


@lru_cache(maxsize=256)
def slopes_outside(months: int, confidence: float) -> int:
    """The largest k so that the k-th smallest pairwise slope bounds the true one from below; 0: none does.

    Without a trend the number of rising pairs is that of a random order: P(fewer than k rising of all pairs) ≤ doubt.
    """
    ways = [1]
    for size in range(2, months + 1):  # inverting pairs of `size` months: the new one passes 0 … size − 1 others
        longer = [0] * (len(ways) + size - 1)
        for pairs, count in enumerate(ways):
            for more in range(size):
                longer[pairs + more] += count
        ways = longer
    allowed, below, k = (1 - confidence) * factorial(months), 0, 0
    while k < len(ways) and (below := below + ways[k]) <= allowed:
        k += 1
    return k
