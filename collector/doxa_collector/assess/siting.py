"""Which unit an office belonged to in a month, where its code in the registry names a unit of another time.

An office stays where it is while the codes around it change. The registry names one unit; in a month in which that unit was
not there yet, or no longer, the gazetteer says which unit the same land belonged to. Only where a single unit is possible:
of a commune that was made of five nobody knows by the code in which of them an office stood, and then it counts in none.
What the registry itself says of the month (a place with its validity) is never overruled.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.places.model import ALWAYS, Unit
from doxa_collector.places.siting import Anchor, site_at

Row = Mapping[str, Any]
REGISTERED: Final = "registered_code"
"""In an office's row: the code that the registry has, where another one holds in the month."""


def placed(
    sites: Iterable[Row], places: Sequence[Row], gazetteer: Gazetteer, day: date
) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """The rows of the offices with the units of `day`, and rows of the units that the registry has no place for.

    `places` are all rows of the ledger's table, of whatever time.
    """
    by_code: dict[str, list[Row]] = {}
    for row in places:
        by_code.setdefault(row["code"], []).append(row)
    offices, units = list[Row](), dict[str, Unit]()
    for site in sites:
        unit = _moved(site["place_code"], by_code.get(site["place_code"], []), gazetteer, day)
        if unit is None:
            offices.append(site)
            continue
        offices.append({**site, "place_code": unit.code, REGISTERED: site["place_code"]})
        if not any(_holds(row, day) for row in by_code.get(unit.code, [])):
            units[unit.code] = unit
    return tuple(offices), tuple(_row(units[code]) for code in sorted(units))


def _moved(code: str, rows: Sequence[Row], gazetteer: Gazetteer, day: date) -> Unit | None:
    """The one other unit that the code's land belongs to on `day`; None where the code is right, or nothing is certain."""
    anchor = _anchor(code, rows, gazetteer, day)
    if anchor is None:
        return None
    found = site_at(gazetteer, [Anchor(code, anchor)], day)
    if not found.certain or found.steps[0].unit.code == code:
        return None
    return found.steps[0].unit


def _anchor(code: str, rows: Sequence[Row], gazetteer: Gazetteer, day: date) -> date | None:
    """A day on which the code meant the unit that the registry means; None where it does so on `day` itself."""
    holding = next((row for row in rows if _holds(row, day)), None)
    if holding is None:
        return _nearest(((_from(row), _to(row)) for row in rows), day)
    states = gazetteer.states(code)
    begun, ended = _from(holding) != ALWAYS, holding.get("valid_to") is not None
    if not states or any(unit.holds(day) for unit in states) or (begun and ended):
        return None  # unknown to the gazetteer, there on that day, or dated by the registry itself
    return _nearest(((unit.valid_from, unit.valid_to) for unit in states), day)


def _nearest(spans: Iterable[tuple[date, date | None]], day: date) -> date | None:
    """The last day before `day` that one of the spans holds, else the first one after it."""
    found = list(spans)
    before = [last for _, last in found if last is not None and last < day]
    if before:
        return max(before)
    return min((first for first, _ in found if first > day), default=None)


def _holds(row: Row, day: date) -> bool:
    last = _to(row)
    return _from(row) <= day and (last is None or day <= last)


def _from(row: Row) -> date:
    return date.fromisoformat(row["valid_from"])


def _to(row: Row) -> date | None:
    last = row.get("valid_to")
    return None if last is None else date.fromisoformat(last)


def _row(unit: Unit) -> Row:
    """As the ledger's table has them; without an end where there is none."""
    row = {
        "code": unit.code, "name": unit.name, "level": unit.level.value, "province": unit.province,
        "valid_from": unit.valid_from.isoformat(),
    }  # fmt: skip
    return row if unit.valid_to is None else {**row, "valid_to": unit.valid_to.isoformat()}
