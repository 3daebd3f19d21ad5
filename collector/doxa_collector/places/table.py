"""The table: every unit's states and the conversions, from the shipped files and a deployment's overlay."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from doxa_collector.places.model import ALWAYS, DIGITS, Conversion, Extent, Level, Unit
from doxa_collector.places.overlay import Overlay, read_overlay
from doxa_collector.plans.model import Mark
from doxa_core.errors import OperationError
from doxa_core.language import Text

DATA: Final = Path(__file__).parent / "data"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Table:
    """All that is known of places, unordered by anything but code and day."""

    states: dict[str, tuple[Unit, ...]]
    """Code → its states in time; at most one holds on a day."""
    conversions: tuple[Conversion, ...]
    sources: dict[str, str]
    """A unit's `source` → what it stands for."""


@lru_cache(maxsize=1)
def shipped() -> Table:
    """The table that comes with doxa; `OperationError` where its files are missing."""
    try:
        sources = {row[0]: row[1] for row in _rows(DATA / "sources.csv")}
        units = [_unit(row) for row in _rows(DATA / "places.csv")]
        conversions = tuple(_conversion(row) for row in _rows(DATA / "conversions.csv"))
    except OSError as error:
        raise OperationError(_MISSING.fill(file=error.filename)) from None
    return Table(_by_code(units), conversions, sources)


def table(overlay: Path | None = None) -> Table:
    """The shipped table with the deployment's overlay file on it; `InputError` for what is wrong in that file.

    A missing overlay file is an empty one: nothing was imported yet.
    """
    base = shipped()
    return base if overlay is None or not overlay.exists() else laid(base, read_overlay(overlay))


def laid(base: Table, overlay: Overlay) -> Table:
    """The table with an overlay's states, ends and conversions: a new state ends the one before it."""
    states = dict(base.states)
    for unit in overlay.states:
        states[unit.code] = with_state(states.get(unit.code, ()), unit)
    for end in overlay.ends:
        states[end.code] = tuple(
            unit._replace(valid_to=end.last) if unit.holds(end.last) else unit for unit in states.get(end.code, ())
        )
    replaced = {(one.old, one.day) for one in overlay.conversions}
    kept = tuple(one for one in base.conversions if (one.old, one.day) not in replaced)
    return Table(states, (*kept, *overlay.conversions), base.sources)


def with_state(before: Sequence[Unit], unit: Unit) -> tuple[Unit, ...]:
    """The states with one more: it ends the state before it, and itself ends before the next one begins."""
    found: list[Unit] = []
    for old in before:
        if old.valid_from == unit.valid_from:
            continue
        if old.valid_from < unit.valid_from and (old.valid_to is None or old.valid_to >= unit.valid_from):
            found.append(old._replace(valid_to=unit.valid_from - _DAY))
        else:
            found.append(old)
    later = [old.valid_from for old in found if old.valid_from > unit.valid_from]
    if later and (unit.valid_to is None or unit.valid_to >= min(later)):
        unit = unit._replace(valid_to=min(later) - _DAY)
    return tuple(sorted([*found, unit], key=lambda one: one.valid_from))


def _by_code(units: Iterable[Unit]) -> dict[str, tuple[Unit, ...]]:
    found: dict[str, list[Unit]] = {}
    for unit in units:
        found.setdefault(unit.code, []).append(unit)
    return {code: tuple(sorted(of_code, key=lambda u: u.valid_from)) for code, of_code in found.items()}


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))[1:]


_days: dict[str, date] = {}
_marks: Final = {mark.value: mark for mark in Mark}
_extents: Final = {extent.value: extent for extent in Extent}
_levels: Final[dict[int, Level]] = DIGITS


def _day(text: str) -> date:
    day = _days.get(text)
    if day is None:
        day = _days[text] = date.fromisoformat(text)
    return day


def _unit(row: list[str]) -> Unit:
    code, name, _, province, district, first, last, source, mark = row
    return Unit(
        code, name, _levels[len(code)], province, district,
        _day(first) if first else ALWAYS, _day(last) if last else None, source, _marks[mark],
    )  # fmt: skip


def _conversion(row: list[str]) -> Conversion:
    old, new, day, extent, main, source, mark = row
    return Conversion(old, new, _day(day), _extents[extent], main == "1", source, _marks[mark])


_MISSING = Text(
    vi="không đọc được {file}; hãy cài lại doxa",
    en="{file} cannot be read; install doxa again",
)
