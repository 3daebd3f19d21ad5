"""What the IPv6 runs of one line on one local day come to: how often each flag was judged and said yes, what was timed.

It knows no value of the meter by name but those of black holes: whatever flags and figures a run carries are counted.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from doxa_collector.series._summary import median
from doxa_core.errors import WireError
from doxa_core.names import unit_of
from doxa_core.outcome import Outcome

HOLES: Final = {"out": "black_hole", "back": "black_hole_inbound"}
"""Way → the flag (without its unit) that says whether a run met an MTU black hole there."""
_READY: Final = ("state_ready_flag", "state_v6_only_ready_flag")
_ADDED: Final = ("count", "bytes")


@dataclass(slots=True)
class Ipv6Day:
    """A line's IPv6 runs on a day. Only `ok` runs say anything; the others are counted."""

    runs: int = 0
    """Of any outcome."""
    judged: Counter[str] = field(default_factory=Counter)
    """Flag without its unit → how many runs carry it."""
    yes: Counter[str] = field(default_factory=Counter)
    """Flag without its unit → in how many of those it was 1."""
    medians: dict[str, float] = field(default_factory=dict)
    """Value → the median of the runs that carry it; not of counts."""
    ready: bool | None = None
    """What the last run that came to a state said."""

    @property
    def met_black_hole(self) -> bool:
        """Whether any run did, on either way."""
        return any(self.yes[flag] for flag in HOLES.values())


def read_ipv6_day(rows: Sequence[Any]) -> Ipv6Day:
    """Of a line's rows of the meter: outcome, start (µs), values as JSON, in any order."""
    good = [(started_us, json.loads(values)) for outcome, started_us, values in rows if outcome == Outcome.OK]
    found = Ipv6Day(runs=len(rows), ready=_last_state(good))
    columns: dict[str, list[float]] = {}
    for _, values in good:
        for name, value in values.items():
            unit = _unit(name)
            if unit == "flag":
                stem = name.removesuffix("_flag")
                found.judged[stem] += 1
                found.yes[stem] += value != 0
            elif unit is not None and unit not in _ADDED:
                columns.setdefault(name, []).append(value)
    found.medians = {name: median(sorted(column)) for name, column in columns.items()}
    return found


def counts(days: Iterable[Ipv6Day], only: str = "") -> dict[str, float]:
    """The fields `<flag>_yes_count` and `<flag>_judged_count` of several lines, of flags that begin with `only`.

    A flag that no run judged has none.
    """
    judged, yes = Counter[str](), Counter[str]()
    for day in days:
        judged.update(day.judged)
        yes.update(day.yes)
    told: dict[str, float] = {}
    for flag in sorted(judged):
        if flag.startswith(only):
            told |= {f"{flag}_yes_count": yes[flag], f"{flag}_judged_count": judged[flag]}
    return told


def medians(days: Iterable[Ipv6Day], only: str = "") -> dict[str, float]:
    """The fields `<value>_median_<unit>`: the median over lines of each line's own, of values that begin with `only`."""
    columns: dict[str, list[float]] = {}
    for day in days:
        for name, value in day.medians.items():
            if name.startswith(only):
                columns.setdefault(name, []).append(value)
    return {_median_of(name): median(sorted(column)) for name, column in sorted(columns.items())}


def _last_state(good: Iterable[tuple[int, dict[str, float]]]) -> bool | None:
    """Of runs at the same instant the more hopeful one: the order of arrival must not decide."""
    stated = [(at, any(values.get(flag) for flag in _READY)) for at, values in good if any(f in values for f in _READY)]
    return max(stated)[1] if stated else None


def _median_of(name: str) -> str:
    stem, _, unit = name.rpartition("_")
    return f"{stem}_median_{unit}"


@cache
def _unit(name: str) -> str | None:
    try:
        return unit_of(name)
    except WireError:
        return None
