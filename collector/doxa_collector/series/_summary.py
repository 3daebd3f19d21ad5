"""What the runs of a window come to: exact, and the same in whatever order they arrived."""

import json
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from math import fsum, isfinite
from typing import Final, NamedTuple

from doxa_core.errors import WireError
from doxa_core.names import unit_of
from doxa_core.outcome import Outcome

_ADDED: Final = ("count", "bytes")
_SPREAD: Final = ("mean", "median", "min", "max")
_JUDGED: Final = ("mean", "count")
_OUTCOMES: Final = {outcome.value: f"{outcome.value}_count" for outcome in Outcome}


def statistics_of(value: str) -> tuple[str, ...]:
    """What a window says of a value; nothing of what has no unit.

    Its sum, mean and number (a run that could not judge a flag does not have it), or mean, median, min and max.
    """
    try:
        unit = unit_of(value)
    except WireError:
        return ()
    if unit in _ADDED:
        return ("sum",)
    return _JUDGED if unit == "flag" else _SPREAD


class _Field(NamedTuple):
    statistic: str
    name: str


class Summary:
    """Summaries without the fields of `leave_out`: patterns such as `latency_5m.pdv_*` over `<series>.<field>`."""

    def __init__(self, leave_out: Sequence[str] = ()) -> None:
        self._leave_out = tuple(leave_out)
        self._known: dict[tuple[str, str], tuple[_Field, ...]] = {}

    def fields_of(self, series: str, value: str) -> tuple[_Field, ...]:
        """The fields that a value has in a window."""
        found = self._known.get((series, value))
        if found is None:
            fields = (_Field(statistic, f"{value}_{statistic}") for statistic in statistics_of(value))
            found = tuple(field for field in fields if not self._left_out(f"{series}.{field.name}"))
            self._known[series, value] = found
        return found

    def _left_out(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._leave_out)

    def of(self, series: str, runs: Iterable[tuple[str, str]]) -> dict[str, float]:
        """The fields of a window of `series` (`latency_5m`) from its runs, each as (outcome, values in JSON).

        Only `ok` runs carry values in.
        """
        counted = dict.fromkeys(_OUTCOMES.values(), 0)
        columns: dict[str, list[float]] = {}
        number = 0
        for outcome, text in runs:
            number += 1
            counted[_OUTCOMES[outcome]] += 1
            if outcome == Outcome.OK:
                for name, value in json.loads(text).items():
                    if name in columns:
                        columns[name].append(value)
                    else:
                        columns[name] = [value]
        fields: dict[str, float] = {"runs_count": number, **counted}
        for name, column in columns.items():
            if asked := self.fields_of(series, name):
                _summarise(column, asked, fields)
        return fields


def _summarise(column: list[float], asked: Sequence[_Field], into: dict[str, float]) -> None:
    """Exact sums, rounded once: adding in another order gives the same bits."""
    try:
        total = fsum(column)
    except (OverflowError, ValueError):  # no meter measures that; the wire refuses it
        return
    if not isfinite(total):
        return
    if asked[0].statistic == "sum":
        into[asked[0].name] = total
        return
    column.sort()
    for statistic, name in asked:
        if statistic == "mean":
            into[name] = total / len(column)
        elif statistic == "median":
            into[name] = median(column)
        elif statistic == "count":
            into[name] = len(column)
        else:
            into[name] = column[0] if statistic == "min" else column[-1]


def median(ordered: Sequence[float]) -> float:
    """The middle value of an ordered column, or the mean of the two in the middle."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
