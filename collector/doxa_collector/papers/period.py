"""The period of a report in words: a month, a quarter, half a year, a year, or two dates."""

from dataclasses import dataclass
from datetime import date, timedelta

from doxa_collector.papers.numbering import roman


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPeriod:
    """Two days, both belong to it; `ValueError` where they are the wrong way round."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a period ends on {self.last}, before it begins on {self.first}")

    @property
    def title(self) -> str:
        """`tháng 11 năm 2026`, `quý IV năm 2026`, `6 tháng đầu năm 2026`, `năm 2026`, or `từ ngày … đến ngày …`."""
        first, months = self.first, self._months()
        if months == 12:
            return f"năm {first.year}"
        if months == 6:
            return f"6 tháng {'đầu' if first.month == 1 else 'cuối'} năm {first.year}"
        if months == 9:
            return f"9 tháng đầu năm {first.year}"
        if months == 3:
            return f"quý {roman((first.month + 2) // 3)} năm {first.year}"
        if months == 1:
            return f"tháng {first.month} năm {first.year}"
        return f"từ ngày {day(first)} đến ngày {day(self.last)}"

    def _months(self) -> int:
        """1, 3, 6, 9 or 12 where it is one of the usual periods; else 0."""
        whole = self.first.day == 1 and (self.last + timedelta(days=1)).day == 1
        if not whole or self.first.year != self.last.year:
            return 0
        count = self.last.month - self.first.month + 1
        begins = {
            1: True,
            3: self.first.month % 3 == 1,
            6: self.first.month in (1, 7),
            9: self.first.month == 1,
            12: True,
        }
        return count if begins.get(count, False) else 0


def day(found: date) -> str:
    """`24/11/2026`."""
    return f"{found.day:02d}/{found.month:02d}/{found.year:04d}"
