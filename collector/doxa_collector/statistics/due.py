"""The figure that all tests that were due would give, where some of them were skipped.

Tests are skipped when a line is in use, which may be just when it is slow. What is left then looks better than the line,
and no bound over what is left can see it. So each hour of the day gets the weight of the tests that were due in it: the
runs with a value stand for the skipped ones of their hour (post-stratification; Cochran, Sampling Techniques, 5A.9). An
hour of which nothing is left counts like the hour that speaks most against the answer. What differs within an hour from
day to day it cannot see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, NamedTuple

from doxa_collector.statistics.bins import bin_of
from doxa_collector.statistics.clusters import day_error
from doxa_collector.statistics.mean import Mean
from doxa_collector.statistics.quantile import Quantile
from doxa_collector.statistics.rollup import Tally, added
from doxa_collector.statistics.sample import MICRO, plain
from doxa_collector.statistics.student import t_quantile

_WHOLE: Final = 1_000_000
"""The weight of a run in whose hour nothing was skipped: weights are whole numbers, so that any order gives the same sum."""
_FINE: Final = 1_000


class Placed(NamedTuple):
    """A run with a value, or a skipped one, where it lies in its day."""

    half_hour: int
    """0 to 47."""
    units: int | None
    """Millionths of the value's unit; None: it was skipped."""
    limited: bool = False
    """Whether the value bounds the line from below only."""


Placement = Mapping[int, Sequence[Placed]]
"""Local day → its runs with a value and its skipped ones."""


class _Weighed(NamedTuple):
    units: int
    weight: int


@dataclass(frozen=True, slots=True)
class Due:
    """The values of some lines, each with its weight."""

    days: Mapping[int, Sequence[_Weighed]]

    @classmethod
    def of(cls, lines: Sequence[Placement], *, low: bool) -> "Due":
        """Each line by its own hours; `low`: what speaks against the answer are low values."""
        found: dict[int, list[_Weighed]] = {}
        hours = [_hours(line) for line in lines]
        known = {(at, hour): tally for at, own in enumerate(hours) for hour, (tally, _) in own.items() if tally.n}
        if not known:
            return cls({})
        due = {(at, hour): tally.n + skipped for at, own in enumerate(hours) for hour, (tally, skipped) in own.items()}
        for key in due.keys() - known.keys():  # seen by nobody
            own = {k: v for k, v in known.items() if k[0] == key[0]} or known
            against = (min if low else max)(sorted(own), key=lambda k: own[k].total / own[k].n)
            due[against] += due[key]
        weights = {key: (2 * _WHOLE * due[key] + tally.n) // (2 * tally.n) for key, tally in known.items()}
        for at, line in enumerate(lines):
            for day, runs in line.items():
                there = [_Weighed(r.units, weights[at, r.half_hour // 2]) for r in runs if r.units is not None]
                if there:
                    found.setdefault(day, []).extend(there)
        return cls(found)

    def sums(self) -> dict[int, Tally]:
        """Day → sum of the weights, and of the weighted values."""
        return {
            day: Tally(sum(one.weight for one in runs), sum(one.weight * one.units for one in runs))
            for day, runs in self.days.items()
        }

    def mean(self) -> Mean | None:
        """Their mean; None without any."""
        return Mean.of(self.sums())

    def median(self) -> Quantile | None:
        """Their median: with unequal weights so many values tell no more than (Σw)² ÷ Σw² equal ones (Kish)."""
        days: dict[int, dict[int, Tally]] = {}
        for day, runs in self.days.items():
            bins = days.setdefault(day, {})
            for units, weight in runs:
                n, total = bins.get(bin_of(units), (0, 0))
                bins[bin_of(units)] = Tally(n + weight, total + weight * units)
        found = Quantile.of(days)
        if found is None:
            return None
        weights = [one.weight for one in chain.from_iterable(self.days.values())]
        least = sum(weight * weight for weight in weights) / sum(weights)
        clustering = replace(found.clustering, effect=max(found.clustering.effect, least))
        return replace(found, clustering=clustering)


def _hours(line: Placement) -> dict[int, tuple[Tally, int]]:
    """Hour of the day → its values, and how many of its tests were skipped."""
    found: dict[int, list[int]] = {}
    for one in chain.from_iterable(line.values()):
        hour = found.setdefault(one.half_hour // 2, [0, 0, 0])
        if one.units is None:
            hour[2] += 1
        else:
            hour[0] += 1
            hour[1] += one.units
    return {hour: (Tally(n, total), skipped) for hour, (n, total, skipped) in sorted(found.items())}


def shifted(line: Placement, confidence: float, *, low: bool) -> float | None:
    """How far the mean may lie from where it would be had no test been skipped: what to add to it, in the unit.

    The far end of the shift's own bound, which is small where the skipped ones lie in no special hours. `low`: the lower
    end. None: too few days tell of it.
    """
    days = {day: added(Tally(1, r.units) for r in runs if r.units is not None) for day, runs in line.items()}
    weighed = Due.of([line], low=low).sums()
    n, total = added(days.values())
    whole, heavy = added(weighed.values())
    if not n:
        return None
    before, after = plain(total, n), plain(heavy, whole)
    pulls = {
        day: (tally.total - after * MICRO * tally.n) / whole - (days[day].total - before * MICRO * days[day].n) / n
        for day, tally in weighed.items()
    }
    error = day_error({day: Tally(1, round(len(pulls) * pull * _FINE)) for day, pull in pulls.items()})
    if error is None:
        return None
    half = t_quantile(confidence, error.freedom) * error.units / (MICRO * _FINE)
    return after - before + (-half if low else half)
