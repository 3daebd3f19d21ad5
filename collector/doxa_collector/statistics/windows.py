"""Hours of the day that are looked at apart: office hours, the evening."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import time
from typing import Final

from doxa_collector.statistics.rollup import Day, Tally, added
from doxa_collector.statistics.sample import SLOTS, Sample, slot_of, weekday

_HALF_HOUR: Final = 30
_DAYS_OF_WEEK: Final = range(7)
MIDNIGHT: Final = time(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days of the week and spans of local time; a span that ends at midnight is written with 00:00 as its end.

    `ValueError` for spans that do not begin and end at a half hour, are empty or overlap: rollups know half hours only.
    Public holidays are not known here: a Tết Monday counts as a Monday.
    """

    spans: tuple[tuple[time, time], ...]
    weekdays: frozenset[int] = frozenset(_DAYS_OF_WEEK)
    """0 for Monday … 6 for Sunday."""

    def __post_init__(self) -> None:
        slots = [slot for span in self.spans for slot in _slots(*span)]
        if not slots or len(set(slots)) != len(slots):
            raise ValueError("the spans of a window are empty or overlap")
        if not self.weekdays or not self.weekdays <= set(_DAYS_OF_WEEK):
            raise ValueError("a window's days of the week are 0 to 6, at least one")

    @property
    def slots(self) -> frozenset[int]:
        """Its half hours, 0–47."""
        return frozenset(slot for span in self.spans for slot in _slots(*span))

    def on(self, day: int) -> bool:
        """Whether a day since 1970 has it."""
        return weekday(day) in self.weekdays

    def of(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Those of the samples that were taken in it."""
        slots = self.slots
        for sample in samples:
            day, half_hour = slot_of(sample.moment_us)
            if half_hour in slots and self.on(day):
                yield sample

    def tally(self, number: int, day: Day) -> Tally:
        """All values in it on a day since 1970, as they stand."""
        if not self.on(number):
            return Tally(0, 0)
        slots = self.slots
        return added(tally for slot, tally in day.slots.items() if slot in slots)


def _slots(start: time, end: time) -> range:
    for moment in (start, end):
        if moment.minute % _HALF_HOUR or moment.second or moment.microsecond:
            raise ValueError(f"{moment} is no half hour")
    return range(_slot(start), SLOTS if end == MIDNIGHT else _slot(end))


def _slot(moment: time) -> int:
    return moment.hour * 2 + moment.minute // _HALF_HOUR


OFFICE: Final = Window(
    spans=((time(7, 30), time(11, 30)), (time(13), time(16, 30))), weekdays=frozenset(range(5))
)  # fmt: skip
"""The default; offices differ, so it is a setting."""
EVENING: Final = Window(spans=((time(18), MIDNIGHT),))
"""The hours of the FCC's tests, and of most use at home."""
