"""The runs of one line and one meter as columns, and the rollups that come of them.

Both sources end here, so that a rollup is the same whether its runs come from the evidence or from what is kept.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import ge
from typing import Final

from doxa_collector.rollups.model import LineRuns, Series, Trace, blank
from doxa_collector.rollups.series import SERIES
from doxa_collector.statistics.bins import bin_of, width_at
from doxa_collector.statistics.due import Placed, Placement
from doxa_collector.statistics.rollup import Day, Rollup, Tallies, Tally
from doxa_collector.statistics.sample import micro
from doxa_core.outcome import Outcome

ENDINGS: Final = (Outcome.OK, Outcome.FAILED, Outcome.SKIPPED, Outcome.PROBE_LIMITED, Outcome.ERROR)
"""The outcome by its number in a column; packs hold these numbers, so a new outcome goes to the end."""
CODE_OF: Final = {outcome: code for code, outcome in enumerate(ENDINGS)}
_OK: Final = CODE_OF[Outcome.OK]
_LIMITED: Final = CODE_OF[Outcome.PROBE_LIMITED]
_SKIPPED: Final = CODE_OF[Outcome.SKIPPED]
_BY_NAME: Final = sorted((outcome, code) for code, outcome in enumerate(ENDINGS))
TELLING: Final = (Outcome.OK, Outcome.PROBE_LIMITED)
"""What a failed run got through says nothing about the line's rate."""

Column = tuple[Sequence[int], int]
"""A series: one whole number of millionths per run, and the number that stands for "no value"."""
Spans = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs in the order of (day, id)."""

    spans: Spans
    """Local day → the first run and the one after the last, days in their order."""
    half_hours: bytes
    """0 to 47, one octet a run."""
    endings: bytes
    """`CODE_OF` its outcome, one octet a run."""
    column: Callable[[str], Column | None]
    """The values of a series; None for a series without any."""

    def outcomes(self) -> dict[int, dict[Outcome, int]]:
        """Day → runs by how they ended, in the order of the names."""
        plain = self.endings.count(_OK) == len(self.endings)
        if plain:
            return {day: {Outcome.OK: end - start} for day, (start, end) in self.spans.items()}
        return {day: _counted(self.endings[start:end]) for day, (start, end) in self.spans.items()}

    def rollup(self, name: str, outcomes: Mapping[int, Mapping[Outcome, int]]) -> Rollup:
        """A series as a rollup."""
        column = self.column(name)
        if column is None:
            return blank(outcomes)
        units, absent = column
        if self.endings.count(_OK) == len(self.endings) and absent not in units:
            return Rollup(days=dict(_plain_days(self.spans, self.half_hours, units, outcomes)))
        if _LIMITED in self.endings:
            days = self.spans.items()
            return Rollup(days={d: self._day(start, end, units, absent, outcomes[d]) for d, (start, end) in days})
        return Rollup(days=dict(_plain_days(*self._with_value(units, absent), outcomes)))

    def _with_value(self, units: Sequence[int], absent: int) -> tuple[Spans, bytes, Sequence[int]]:
        """The runs that have a value, where the probe limited none; a day without one keeps an empty span."""
        there = [
            at for at, (value, ending) in enumerate(zip(units, self.endings, strict=True))
            if value != absent and ending == _OK
        ]  # fmt: skip
        spans, first = {}, 0
        for day, (_, end) in self.spans.items():
            last = bisect_left(there, end, first)
            spans[day] = (first, last)
            first = last
        return spans, bytes([self.half_hours[at] for at in there]), [units[at] for at in there]

    def _day(self, start: int, end: int, units: Sequence[int], absent: int, outcomes: Mapping[Outcome, int]) -> Day:
        """One day, run by run."""
        bins: dict[int, Tally] = {}
        limited: dict[int, Tally] = {}
        slots: dict[int, Tally] = {}
        for place in range(start, end):
            value, ending = units[place], self.endings[place]
            if value == absent or ending not in (_OK, _LIMITED):
                continue
            into = bins if ending == _OK else limited
            for tallies, key in ((into, bin_of(value)), (slots, self.half_hours[place])):
                n, total = tallies.get(key, (0, 0))
                tallies[key] = Tally(n + 1, total + value)
        return Day(bins=_ordered(bins), limited=_ordered(limited), slots=_ordered(slots), outcomes=outcomes)

    def sums(self, name: str) -> dict[int, Tally]:
        """Day → its values, without making bins."""
        column = self.column(name)
        if column is None:
            return {}
        units, absent = column
        if absent not in units:
            return {day: Tally(end - start, sum(units[start:end])) for day, (start, end) in self.spans.items()}
        found = {}
        for day, (start, end) in self.spans.items():
            there = [value for value in units[start:end] if value != absent]
            if there:
                found[day] = Tally(len(there), sum(there))
        return found

    def units(self, name: str) -> dict[int, Sequence[int]] | None:
        """Day → its values, where every one describes the line; None where the probe limited some run."""
        if _LIMITED in self.endings:
            return None
        column = self.column(name)
        if column is None:
            return {}
        units, absent = column
        if absent not in units and self.endings.count(_OK) == len(self.endings):
            return {day: units[start:end] for day, (start, end) in self.spans.items()}
        found: dict[int, Sequence[int]] = {}
        for day, (start, end) in self.spans.items():
            there = [
                value for value, ending in zip(units[start:end], self.endings[start:end], strict=True)
                if value != absent and ending == _OK
            ]  # fmt: skip
            if there:
                found[day] = there
        return found

    def placed(self, name: str) -> Placement:
        """Day → its runs with a value and its skipped ones."""
        units, absent = self.column(name) or (repeat(-1), -1)
        every = list(zip(self.half_hours, units, self.endings, strict=False))
        found: dict[int, list[Placed]] = {}
        for day, (start, end) in self.spans.items():
            there = [
                Placed(half_hour, None) if ending == _SKIPPED else Placed(half_hour, value, ending == _LIMITED)
                for half_hour, value, ending in every[start:end]
                if ending == _SKIPPED or (value != absent and ending in (_OK, _LIMITED))
            ]
            if there:
                found[day] = there
        return found


def _plain_days(
    spans: Spans, half_hours: bytes, units: Sequence[int], outcomes: Mapping[int, Mapping[Outcome, int]]
) -> Iterator[tuple[int, Day]]:
    """The days of runs each of which has a value that describes the line: by columns, without a look at each run."""
    units = list(units)
    keys, ones, rising = bins_of(units), ones_of(units), _rising(spans, half_hours)
    for day, (start, end) in spans.items():
        part = ones[start:end]
        found = dict(zip(keys[start:end], part))  # noqa: B905 - hot, and of one length
        if len(found) == end - start:
            bins = {key: found[key] for key in sorted(found)}
        else:
            bins = _tallied(keys[start:end], units[start:end])
        slots = dict(zip(half_hours[start:end], part))  # noqa: B905
        if len(slots) < end - start:
            slots = _tallied(half_hours[start:end], units[start:end])
        elif not rising:
            slots = dict(sorted(slots.items()))
        yield day, Day(bins=bins, limited={}, slots=slots, outcomes=outcomes[day])


def _rising(spans: Spans, half_hours: bytes) -> bool:
    """Whether the half hours rise from run to run on every day, as they do unless data came late."""
    falls: int = sum(map(ge, half_hours, half_hours[1:]))
    ends = {end for _, end in spans.values() if 0 < end < len(half_hours)}  # a day without a value ends where one did
    return falls == sum(half_hours[end - 1] >= half_hours[end] for end in ends)


def _tallied(keys: Sequence[int], units: Sequence[int]) -> dict[int, Tally]:
    """The values by key, where keys come more than once."""
    counts, totals = Counter(keys), dict.fromkeys(keys, 0)
    for key, value in zip(keys, units, strict=True):
        totals[key] += value
    return {key: Tally(counts[key], totals[key]) for key in sorted(totals)}


def line_runs(site: str, link: str, meter: str, runs: Runs, traces: Mapping[int, Trace]) -> LineRuns:
    """These runs as everybody reads them."""
    outcomes = runs.outcomes()
    return LineRuns(
        site=site,
        link=link,
        meter=meter,
        series=Series(SERIES[meter], lambda name: runs.rollup(name, outcomes), runs.sums, runs.units, runs.placed),
        traces=traces,
        outcomes=outcomes,
    )


def units_of(outcome: Outcome, value: float | None) -> int | None:
    """What a run counts in a series: whole millionths; None where it has no value, or one that is no measurement.

    A value outside 0 … 10¹² is none: the run still counts by its outcome.
    """
    if value is None or outcome not in TELLING:
        return None
    try:
        return micro(value)
    except ValueError:
        return None


def bins_of(units: Sequence[int]) -> list[int]:
    """`statistics.bins.bin_of` of many: they seldom lie in more than two widths, so these are looked up once."""
    wide = width_at(max(units, default=0))
    narrow, edge = max(wide // 10, 1), wide * 1000
    least = min(units, default=0)
    if least >= edge:
        return [2 * (value - rest) + 1 if (rest := value % wide) else 2 * value for value in units]
    if width_at(least) < narrow:
        return [bin_of(value) for value in units]
    return [
        2 * (value - rest) + 1 if (rest := value % (wide if value >= edge else narrow)) else 2 * value
        for value in units
    ]  # fmt: skip


def ones_of(units: Sequence[int]) -> list[Tally]:
    """A tally of one for each value."""
    return list(map(tuple.__new__, repeat(Tally), zip(repeat(1), units)))


def _counted(endings: bytes) -> dict[Outcome, int]:
    return {outcome: n for outcome, code in _BY_NAME if (n := endings.count(code))}


def _ordered(found: dict[int, Tally]) -> Tallies:
    return dict(sorted(found.items()))
