"""The mergeable rollup of one line and one value: per local day its histogram, sums by half hour, and outcomes.

All of it is whole numbers, so merging is exactly associative and commutative and a rollup of parts equals the rollup of
the whole. What is exact from it: counts, mean, sums by half hour, the share of tests that meet a target of at most four
digits. A percentile is exact to its bin (0.1 %), and exactly the sample where the bin holds one.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from typing import Any, Final, NamedTuple

from doxa_collector.statistics.bins import bin_of, highest, lowest
from doxa_collector.statistics.sample import SLOTS, Sample, micro, slot_of
from doxa_core.outcome import Outcome

VERSION: Final = 1
_MOST: Final = 10**27
"""A sum of 10⁹ of the largest values; above, a division could overflow."""
_FARTHEST: Final = 10**7
"""Days; a moment of the ledger lies well inside."""


class Tally(NamedTuple):
    """How many values, and their sum in millionths of the unit."""

    n: int
    total: int


NOTHING: Final = Tally(0, 0)
Tallies = Mapping[int, Tally]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local day."""

    bins: Tallies
    """By `bins.bin_of`: the values that describe the line."""
    limited: Tallies
    """The same for values that only bound the line from below, because the probe or far end was the limit."""
    slots: Tallies
    """By half hour (0–47): all values as they stand."""
    outcomes: Mapping[Outcome, int]
    """Every run, with a value or without."""

    def merge(self, other: "Day") -> "Day":
        """Both together."""
        return Day(
            bins=_together(self.bins, other.bins),
            limited=_together(self.limited, other.limited),
            slots=_together(self.slots, other.slots),
            outcomes={
                outcome: self.outcomes.get(outcome, 0) + other.outcomes.get(outcome, 0)
                for outcome in sorted({*self.outcomes, *other.outcomes})
            },
        )

    @property
    def all(self) -> Tally:
        """All values as they stand."""
        return added(self.slots.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """Days since 1970 → what was measured on them. A day without a run is absent."""

    days: Mapping[int, Day]
    known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was found of it once and may be asked again (`level.decide`); no part of it."""

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> "Rollup":
        """From samples in any order. `ValueError` for a value outside 0 … 10¹²."""
        found: dict[int, _Open] = {}
        for moment_us, outcome, value in samples:
            day, half_hour = slot_of(moment_us)
            open_day = found.get(day)
            if open_day is None:
                open_day = found[day] = _Open()
            open_day.add(half_hour, outcome, value)
        return cls(days={day: found[day].closed() for day in sorted(found)})

    def merge(self, other: "Rollup") -> "Rollup":
        """Both together; no run may be in both."""
        return Rollup(
            days={
                day: self.days[day].merge(other.days[day])
                if day in self.days and day in other.days
                else self.days.get(day) or other.days[day]
                for day in sorted({*self.days, *other.days})
            }
        )

    @classmethod
    def merged(cls, parts: Iterable["Rollup"]) -> "Rollup":
        """Many together, each day once."""
        found: dict[int, list[Day]] = {}
        for day, one in chain.from_iterable(part.days.items() for part in parts):
            found.setdefault(day, []).append(one)
        return cls(days={day: _folded(found[day]) for day in sorted(found)})

    def between(self, first: int, last: int) -> "Rollup":
        """Only the days from `first` to `last`, both of them in."""
        return Rollup(days={day: one for day, one in self.days.items() if first <= day <= last})

    @property
    def outcomes(self) -> Mapping[Outcome, int]:
        """Runs by how they ended; every outcome is there."""
        return {outcome: sum(day.outcomes.get(outcome, 0) for day in self.days.values()) for outcome in Outcome}

    @property
    def all(self) -> Tally:
        """All values as they stand."""
        return added(day.all for day in self.days.values())

    def to_json(self) -> str:
        """One canonical line: equal rollups give equal text. Numbers are whole; keys of bins as differences would be
        shorter but not readable.
        """
        days = [[day, *_wire(one)] for day, one in sorted(self.days.items())]
        return json.dumps({"v": VERSION, "days": days}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Rollup":
        """What `to_json` wrote. `ValueError` for anything else."""
        try:
            found = json.loads(text)
        except RecursionError:
            raise ValueError("no rollup: nested too deeply") from None
        if not isinstance(found, dict) or found.get("v") != VERSION or not isinstance(found.get("days"), list):
            raise ValueError("no rollup of version 1")
        days = dict(_read_day(row) for row in found["days"])
        if len(days) != len(found["days"]):
            raise ValueError("a day stands twice in the rollup")
        return cls(days=dict(sorted(days.items())))

    def digest(self) -> bytes:
        """SHA-256 of the canonical text: the evidence's fingerprint."""
        return sha256(self.to_json().encode()).digest()


class _Open:
    """A day that is being filled."""

    __slots__ = ("bins", "limited", "outcomes", "slots")

    def __init__(self) -> None:
        self.bins: dict[int, list[int]] = {}
        self.limited: dict[int, list[int]] = {}
        self.slots: dict[int, list[int]] = {}
        self.outcomes: dict[Outcome, int] = {}

    def add(self, half_hour: int, outcome: Outcome, value: float | None) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if value is None or outcome not in (Outcome.OK, Outcome.PROBE_LIMITED):
            return  # what a failed run got through says nothing about the line's rate
        units = micro(value)
        into = self.bins if outcome is Outcome.OK else self.limited
        for tallies, key in ((into, bin_of(units)), (self.slots, half_hour)):
            tally = tallies.get(key)
            if tally is None:
                tallies[key] = [1, units]
            else:
                tally[0] += 1
                tally[1] += units

    def closed(self) -> Day:
        return Day(
            bins=_closed(self.bins),
            limited=_closed(self.limited),
            slots=_closed(self.slots),
            outcomes={outcome: self.outcomes[outcome] for outcome in sorted(self.outcomes)},
        )


def added(tallies: Iterable[Tally]) -> Tally:
    """The sum."""
    n = total = 0
    for more, units in tallies:
        n += more
        total += units
    return Tally(n, total)


def _closed(found: Mapping[int, list[int]]) -> dict[int, Tally]:
    return {key: Tally(*found[key]) for key in sorted(found)}


def _together(one: Tallies, other: Tallies) -> Tallies:
    if not one or not other:
        return one or other
    return {key: added((one.get(key, NOTHING), other.get(key, NOTHING))) for key in sorted({*one, *other})}


def _folded(days: list[Day]) -> Day:
    whole = days[0]
    for day in days[1:]:
        whole = whole.merge(day)
    return whole


def _wire(day: Day) -> list[Any]:
    tallies = [[[key, *tally] for key, tally in part.items()] for part in (day.bins, day.limited, day.slots)]
    return [*tallies, [[outcome.value, n] for outcome, n in day.outcomes.items()]]


def _read_day(row: object) -> tuple[int, Day]:
    day, bins, limited, slots, outcomes = _row(row, 5)
    if not _whole(day) or abs(day) > _FARTHEST:
        raise ValueError("a day of the rollup is no whole number")
    found = Day(
        bins=_read_bins(bins),
        limited=_read_bins(limited),
        slots=_read_tallies(slots, SLOTS),
        outcomes=_read_outcomes(outcomes),
    )
    values = added(chain(found.bins.values(), found.limited.values()))
    runs = (found.outcomes.get(Outcome.OK, 0), found.outcomes.get(Outcome.PROBE_LIMITED, 0))
    counted = (added(found.bins.values()).n, added(found.limited.values()).n)
    if values != found.all or any(n > run for n, run in zip(counted, runs, strict=True)) or not found.outcomes:
        raise ValueError("the sums of a day of the rollup contradict each other")
    return day, found


def _read_bins(rows: object) -> Tallies:
    found = _read_tallies(rows, None)
    if any(
        not lowest(key) * n <= total <= highest(key) * n or bin_of(lowest(key)) % 2 for key, (n, total) in found.items()
    ):
        raise ValueError("a sum of the rollup lies outside its bin")
    return found


def _read_tallies(rows: object, most: int | None) -> Tallies:
    found: dict[int, Tally] = {}
    for row in _rows(rows):
        key, n, total = _row(row, 3)
        good = all(_whole(part) and part >= 0 for part in (key, n, total)) and n > 0
        if not good or (most is not None and key >= most) or key in found:
            raise ValueError("a tally of the rollup is none")
        found[key] = Tally(n, total)
    return dict(sorted(found.items()))


def _read_outcomes(rows: object) -> Mapping[Outcome, int]:
    found: dict[Outcome, int] = {}
    for row in _rows(rows):
        name, n = _row(row, 2)
        if not isinstance(name, str) or not _whole(n) or n <= 0 or name in found:
            raise ValueError("a count of outcomes in the rollup is none")
        found[Outcome(name)] = n
    return dict(sorted(found.items()))


def _rows(found: object) -> list[Any]:
    if not isinstance(found, list):
        raise ValueError("a list is missing in the rollup")  # noqa: TRY004 - what it says is wrong, not how it is called
    return found


def _row(found: object, length: int) -> list[Any]:
    if not isinstance(found, list) or len(found) != length:
        raise ValueError(f"a row of the rollup has not {length} parts")
    return found


def _whole(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and abs(found) <= _MOST
