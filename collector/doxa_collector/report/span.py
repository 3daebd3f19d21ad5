"""The period that a report is asked for: a month, a quarter, a year, or any days."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from doxa_collector.period import Period, local_day, month_of
from doxa_core.errors import InputError
from doxa_core.language import Text

LONGEST_DAYS: Final = 366
"""Of a span of any days: a report over years is one a year."""


class SpanKind(StrEnum):
    """How the period was named."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    DAYS = "days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A period of a report; both days belong to it."""

    kind: SpanKind
    first: date
    last: date

    @property
    def name(self) -> str:
        """As it stands in a file's name: `2026-10`, `2026-Q4`, `2026`, `2026-03-15_2026-05-20`."""
        if self.kind is SpanKind.MONTH:
            return f"{self.first:%Y-%m}"
        if self.kind is SpanKind.QUARTER:
            return f"{self.first:%Y}-Q{(self.first.month + 2) // 3}"
        if self.kind is SpanKind.YEAR:
            return f"{self.first:%Y}"
        return f"{self.first.isoformat()}_{self.last.isoformat()}"

    @property
    def period(self) -> Period:
        """Its days, as the assessment takes them."""
        return Period(first=self.first, last=self.last)

    def months(self) -> Iterator[Period]:
        """The months that it touches, the first first."""
        month = month_of(self.first)
        while month.first <= self.last:
            yield month
            month = month_of(date.fromordinal(month.last.toordinal() + 1))

    def judged_month(self, today: date) -> Period:
        """The last of its months that has begun on `today`: the one that its table is judged for."""
        return month_of(min(self.last, today))


def asked_span(asked: str | None, now_us: int) -> Span:
    """`2026-10`, `2026-Q4`, `2026` or `2026-03-15..2026-05-20`; the running month where nothing is asked.

    `InputError` for what is no period, for one that has not begun, and for days that lie ahead or are too many.
    """
    today = local_day(now_us)
    if asked is None:
        return _span(SpanKind.MONTH, month_of(today).first, month_of(today).last)
    found = _read(asked)
    if found is None:
        raise InputError(f"--period {asked}", _NO_PERIOD, _A_PERIOD)
    if found.first > today:
        raise InputError(f"--period {asked}", _AHEAD, _A_PERIOD)
    if found.kind is SpanKind.DAYS:
        _check_days(asked, found, today)
    return found


def _check_days(asked: str, found: Span, today: date) -> None:
    if found.last < found.first:
        raise InputError(f"--period {asked}", _BACKWARDS, _A_PERIOD)
    if found.last > today:
        raise InputError(f"--period {asked}", _DAYS_AHEAD, _UNTIL.fill(today=f"{today:%d/%m/%Y}"))
    if (found.last - found.first).days >= LONGEST_DAYS:
        raise InputError(f"--period {asked}", _TOO_LONG, _BY_YEAR)


def _read(asked: str) -> Span | None:
    if match := _MONTH.fullmatch(asked):
        month = month_of(date(int(match[1]), int(match[2]), 1))
        return _span(SpanKind.MONTH, month.first, month.last)
    if match := _QUARTER.fullmatch(asked):
        year, month_number = int(match[1]), 3 * int(match[2])
        end = month_of(date(year, month_number, 1)).last
        return _span(SpanKind.QUARTER, date(year, month_number - 2, 1), end)
    if match := _YEAR.fullmatch(asked):
        return _span(SpanKind.YEAR, date(int(match[1]), 1, 1), date(int(match[1]), 12, 31))
    first, dots, last = asked.partition("..")
    if not dots or not _DAY.fullmatch(first) or not _DAY.fullmatch(last):
        return None
    try:
        return _span(SpanKind.DAYS, date.fromisoformat(first), date.fromisoformat(last))
    except ValueError:
        return None


def _span(kind: SpanKind, first: date, last: date) -> Span:
    return Span(kind=kind, first=first, last=last)


_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_QUARTER: Final = re.compile(r"(20[0-9]{2})-[Qq]([1-4])")
_YEAR: Final = re.compile(r"(20[0-9]{2})")
_DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_NO_PERIOD: Final = Text(vi="không phải một kỳ báo cáo", en="this is no period")
_A_PERIOD: Final = Text(
    vi="hãy ghi tháng 2026-10, quý 2026-Q4, năm 2026, hoặc hai ngày 2026-03-15..2026-05-20",
    en="write a month 2026-10, a quarter 2026-Q4, a year 2026, or two days 2026-03-15..2026-05-20",
)
_AHEAD: Final = Text(vi="kỳ này chưa tới", en="this period has not begun")
_BACKWARDS: Final = Text(vi="ngày cuối đứng trước ngày đầu", en="it ends before it begins")
_DAYS_AHEAD: Final = Text(vi="ngày cuối chưa tới", en="its last day lies ahead")
_UNTIL: Final = Text(vi="hãy ghi ngày cuối không muộn hơn {today}", en="let it end on {today} at the latest")
_TOO_LONG: Final = Text(vi="kỳ này dài hơn một năm", en="this is longer than a year")
_BY_YEAR: Final = Text(vi="hãy lập báo cáo cho từng năm", en="make a report for each year")
