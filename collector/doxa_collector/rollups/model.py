"""What a line's runs of some days come to: one rollup per series, and what they stand on."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from doxa_collector.statistics.due import Placement
from doxa_collector.statistics.rollup import Day, Rollup, Tally
from doxa_core.outcome import Outcome

if TYPE_CHECKING:  # the assessment reads rollups, so they cannot need it first
    from doxa_collector.period import Period

Outcomes = Mapping[int, Mapping[Outcome, int]]
Units = Mapping[int, Sequence[int]]
"""Local day → values in whole millionths of their unit."""
T = TypeVar("T")


class Trace(NamedTuple):
    """Which measurements a local day's runs are."""

    n: int
    first: int
    """The smallest `measurement.id` of the day, `last` the largest."""
    last: int
    chain: bytes
    """h ← SHA-256(h + SHA-256 of the signed line), in the order of ids, from the empty h: it grows as runs arrive, and
    whoever holds the lines can compute it again."""


class Series(Mapping[str, Rollup]):
    """The rollups of a line by the name of their series; each is made when it is asked for first.

    A series without any value is absent. `build` gives the rollup of a name, `sums` its values per day.
    """

    def __init__(
        self,
        names: Iterable[str],
        build: Callable[[str], Rollup],
        sums: Callable[[str], Mapping[int, Tally]] | None = None,
        units: Callable[[str], Units | None] | None = None,
        placed: Callable[[str], Placement | None] | None = None,
    ) -> None:
        self.names = tuple(names)
        self._build = build
        self._sums = sums
        self._units = units
        self._placed = placed
        self.known: dict[Any, Any] = {}
        """What was found of it once and may be asked again."""
        self._made: dict[str, Rollup] = {}
        self._summed: dict[str, Mapping[int, Tally]] = {}

    def __getitem__(self, name: str) -> Rollup:
        found = self._made.get(name)
        if found is None:
            if name not in self.names:
                raise KeyError(name)
            found = self._made[name] = self._build(name)
        if not any(day.slots for day in found.days.values()):
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Series({dict(self)!r})"

    def units(self, name: str) -> Units | None:
        """Day → its values, in the order of the runs, where every one describes the line; None where the probe limited some
        of them, or where only the rollup is known.
        """
        if self._units is None:
            return None
        return self._units(name) if name in self.names else {}

    def placed(self, name: str) -> Placement | None:
        """Day → its runs with a value and its skipped ones, at their half hours; None where only the rollup is known."""
        return None if self._placed is None else self._placed(name)

    def sums(self, name: str) -> Mapping[int, Tally]:
        """Day → all its values as they stand; days without any are absent. Cheaper than the rollup where only that
        counts.
        """
        if name not in self._summed:
            if name in self._made or self._sums is None:
                self._summed[name] = _sums(self.get(name))
            else:
                self._summed[name] = self._sums(name) if name in self.names else {}
        return self._summed[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRuns:
    """One line, one meter, some days (local days since 1970, `statistics.sample.slot_of`)."""

    site: str
    link: str
    meter: str
    series: Mapping[str, Rollup]
    """Every series of the meter that has any value. Each `Day.outcomes` counts every run of that day, with a value or
    without."""
    traces: Mapping[int, Trace]
    """Day → what its runs are. A day without runs is absent."""
    outcomes: Outcomes = field(default_factory=dict)
    """Day → its runs by how they ended. Where it is left out, a series says it."""

    def __post_init__(self) -> None:
        if not self.outcomes:
            first = next(iter(self.series.values()), None)
            if first is not None:
                object.__setattr__(self, "outcomes", {day: one.outcomes for day, one in first.days.items()})

    def between(self, first: int, last: int) -> "LineRuns":
        """Only the days from `first` to `last`, both of them in."""
        return self.on(range(first, last + 1))

    def on(self, days: Container[int]) -> "LineRuns":
        """Only these days; itself where it has no others."""
        if all(day in days for day in self.outcomes):
            return self
        series = self.series
        return LineRuns(
            site=self.site,
            link=self.link,
            meter=self.meter,
            series=Series(
                _names(series),
                lambda name: Rollup(days={d: one for d, one in _days(series, name).items() if d in days}),
                lambda name: {d: one for d, one in _sums_of(series, name).items() if d in days},
                lambda name: _on(self.units(name), days),
                lambda name: _on(self.placed(name), days),
            ),
            traces={day: trace for day, trace in self.traces.items() if day in days},
            outcomes={day: one for day, one in self.outcomes.items() if day in days},
        )

    def rollup(self, series: str) -> Rollup:
        """A series. Without any value, and for one that the meter does not have: every day with its outcomes only."""
        found = self.series.get(series)
        return blank(self.outcomes) if found is None else found

    def sums(self, series: str) -> Mapping[int, Tally]:
        """Day → all values of a series as they stand, without making its rollup; days without any are absent."""
        return _sums_of(self.series, series)

    @property
    def known(self) -> dict[Any, Any]:
        """What was found of these runs once and may be asked again; no part of them."""
        return self.series.known if isinstance(self.series, Series) else {}

    def units(self, series: str) -> Units | None:
        """See `Series.units`."""
        return self.series.units(series) if isinstance(self.series, Series) else None

    def placed(self, series: str) -> Placement | None:
        """See `Series.placed`."""
        return self.series.placed(series) if isinstance(self.series, Series) else None

    def merge(self, later: "LineRuns") -> "LineRuns":
        """Together with runs of the same line and meter on other days.

        `ValueError` for another line, and for a day that is in both: its chain goes on only from the lines themselves.
        """
        if (self.site, self.link, self.meter) != (later.site, later.link, later.meter):
            raise ValueError("only runs of one line and one meter can be put together")
        if not self.outcomes or not later.outcomes:
            return self if self.outcomes else later
        if self.outcomes.keys() & later.outcomes.keys():
            raise ValueError("a day cannot be put together from two halves: count it from the evidence")
        one, two = self, later
        names = tuple(dict.fromkeys(chain(_names(one.series), _names(two.series))))
        return LineRuns(
            site=self.site,
            link=self.link,
            meter=self.meter,
            series=Series(
                names,
                lambda name: Rollup(days=_sorted(one.rollup(name).days, two.rollup(name).days)),
                lambda name: _sorted(one.sums(name), two.sums(name)),
                lambda name: _of_both(one.units(name), two.units(name)),
                lambda name: _of_both(one.placed(name), two.placed(name)),
            ),
            traces=_sorted(self.traces, later.traces),
            outcomes=_sorted(self.outcomes, later.outcomes),
        )


class Source(Protocol):
    """Whoever gives the runs of lines: the evidence itself, or what is kept of it."""

    def read(self, sites: Sequence[str], meter: str, period: "Period") -> Iterator[LineRuns]:
        """Each (site, link) of these sites that has runs in the period at most once, in the order of (site, link).

        Only days of the period. `ValueError` for a meter that is not rolled up.
        """
        ...


def blank(outcomes: Outcomes) -> Rollup:
    """Runs of which none gave a value."""
    return Rollup(days={day: Day(bins={}, limited={}, slots={}, outcomes=found) for day, found in outcomes.items()})


def evidence_of(parts: Iterable[LineRuns]) -> dict[str, Any]:
    """What figures stand on, for whoever wants to check: how many runs, the smallest and largest id, and their hash.

    The hash is SHA-256 over the chains of the days in the order of (site, link, day). The parts may come in any order,
    each day of a line in one of them. `{"n": 0}` without any run.
    """
    found = sorted((part.site, part.link, day, trace) for part in parts for day, trace in part.traces.items())
    if not found:
        return {"n": 0}
    traces = [trace for *_, trace in found]
    return {
        "n": sum(trace.n for trace in traces),
        "first": min(trace.first for trace in traces),
        "last": max(trace.last for trace in traces),
        "sha256": sha256(b"".join(trace.chain for trace in traces)).hexdigest(),
    }


def _names(series: Mapping[str, Rollup]) -> Iterable[str]:
    return series.names if isinstance(series, Series) else series


def _days(series: Mapping[str, Rollup], name: str) -> Mapping[int, Day]:
    found = series.get(name)
    return {} if found is None else found.days


def _sums_of(series: Mapping[str, Rollup], name: str) -> Mapping[int, Tally]:
    return series.sums(name) if isinstance(series, Series) else _sums(series.get(name))


def _sums(rollup: Rollup | None) -> dict[int, Tally]:
    return {} if rollup is None else {day: one.all for day, one in rollup.days.items() if one.slots}


def _on(found: Mapping[int, T] | None, days: Container[int]) -> Mapping[int, T] | None:
    return None if found is None else {day: one for day, one in found.items() if day in days}


def _of_both(one: Mapping[int, T] | None, two: Mapping[int, T] | None) -> Mapping[int, T] | None:
    return None if one is None or two is None else _sorted(one, two)


def _sorted(one: Mapping[int, T], other: Mapping[int, T]) -> dict[int, T]:
    return dict(sorted({**one, **other}.items()))
