"""Over which hours of the day tests are spread, and how evenly."""

from dataclasses import dataclass
from typing import Final

from doxa_collector.statistics.rollup import Rollup

HOURS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How tests lie over the day."""

    hours: int
    """Of the 24, those with a test at least once in the period."""
    even_hours: float
    """So many hours with the same number of tests would be as concentrated: (Σn)² ÷ Σn² (inverse Simpson); 24 is even."""
    by_hour: tuple[int, ...]
    """Values by local hour, 24 numbers."""


def spread_of(rollup: Rollup) -> Spread:
    """Of all values; without any, 0 hours."""
    hours = [0] * HOURS
    for day in rollup.days.values():
        for half_hour, tally in day.slots.items():
            hours[half_hour // 2] += tally.n
    squares = sum(n * n for n in hours)
    even = sum(hours) ** 2 / squares if squares else 0.0
    return Spread(hours=sum(1 for n in hours if n), even_hours=even, by_hour=tuple(hours))
