"""When a rule speaks: days of the week and hours of the day, in Vietnamese time (UTC+7, which knows no summer time)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY: Final = 24 * 60
"""Minutes."""
_WEEK: Final = 7 * DAY
_MINUTE_US: Final = 60_000_000
_LOCAL: Final = 7 * 60 + 3 * DAY
"""1970-01-01 00:00 UTC was a Thursday, 07:00 in Vietnam."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Spans of minutes of the week from Monday 00:00, sorted and apart; none at all means always."""

    spans: tuple[tuple[int, int], ...] = ()

    @property
    def always(self) -> bool:
        """Whether there is no hour at which the rule is silent."""
        return not self.spans

    def open_at(self, at_us: int) -> bool:
        """Whether the rule speaks at that moment."""
        minute = _minute_of_week(at_us)
        return self.always or any(first <= minute < last for first, last in self.spans)

    def next_open_us(self, at_us: int) -> int:
        """The first moment from `at_us` on at which the rule speaks."""
        if self.open_at(at_us):
            return at_us
        minute = _minute_of_week(at_us)
        wait = min((first - minute) % _WEEK for first, _ in self.spans)
        return at_us - at_us % _MINUTE_US + wait * _MINUTE_US


def _minute_of_week(at_us: int) -> int:
    return (at_us // _MINUTE_US + _LOCAL) % _WEEK


def schedule_of(days: Iterable[int], hours: Iterable[tuple[int, int]]) -> Schedule:
    """The schedule of these days (0 is Monday) at these hours, each (first, last) in minutes of the day, `last` excluded.

    Hours whose end is not after their beginning go on past midnight: 22:00–06:00 of Friday ends on Saturday.
    """
    found: list[tuple[int, int]] = []
    for day in days:
        for first, last in hours:
            begin, length = day * DAY + first, (last - first) % DAY or DAY
            end = begin + length
            found += [(begin, end)] if end <= _WEEK else [(begin, _WEEK), (0, end - _WEEK)]
    return Schedule(_joined(found))


def _joined(found: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(found):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return () if joined == [(0, _WEEK)] else tuple(joined)
