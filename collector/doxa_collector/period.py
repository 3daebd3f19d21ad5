"""The periods of the assessment: calendar months in Vietnamese time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from doxa_core.language import VIETNAM_TIME
from doxa_core.moments import microseconds

DAY_US: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_OFFSET_US: Final = 7 * 3_600_000_000  # VIETNAM_TIME


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Period:
    """A month; both days belong to it."""

    first: date
    last: date

    @property
    def from_us(self) -> int:
        """Its first moment, in microseconds since 1970 UTC."""
        return _midnight(self.first)

    @property
    def to_us(self) -> int:
        """The first moment after it."""
        return _midnight(self.last + timedelta(days=1))

    @property
    def month(self) -> str:
        """Such as `2026-11`."""
        return self.first.isoformat()[:7]


def _midnight(day: date) -> int:
    return microseconds(datetime.combine(day, time(), VIETNAM_TIME))


def month_of(day: date) -> Period:
    """The month that `day` lies in."""
    first = day.replace(day=1)
    return Period(first=first, last=(first + timedelta(days=31)).replace(day=1) - timedelta(days=1))


def local_day(moment_us: int) -> date:
    """The day in Vietnam at a moment of the ledger; by whole numbers, since it is asked for every sample."""
    return date.fromordinal(_EPOCH + (moment_us + _OFFSET_US) // DAY_US)


def day_of(number: int) -> date:
    """A day by its number since 1970 (`statistics.sample.slot_of`)."""
    return date.fromordinal(_EPOCH + number)


def months(start: date, end: date) -> Iterator[Period]:
    """The months from the one of `start` to the one of `end`, the latest first."""
    month = month_of(end)
    while month.last >= start:
        yield month
        month = month_of(month.first - timedelta(days=1))
