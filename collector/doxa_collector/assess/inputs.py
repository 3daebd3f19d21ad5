"""What a month is judged by besides the measurements: offices and lines, published figures, figures entered by hand.

They are read once for the month and can be kept as one file of JSON. A closed month is judged again from that file,
so nothing that was registered, imported or entered afterwards can change what it says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, select

from doxa_collector.assess.siting import placed
from doxa_collector.ledger.schema import figure, indicator, link, place, probe, site
from doxa_collector.period import Period
from doxa_collector.places.gazetteer import Gazetteer, load
from doxa_collector.places.model import Level

Row = Mapping[str, Any]
Rows = tuple[Row, ...]

FORMAT: Final = 2
"""The version of the JSON; golden files of each are kept by the tests."""
_SINCE: Final = {1: ("place", "site", "link", "figure", "indicator", "province"), 2: ("probe", "commune")}
"""Format → the tables that came with it; what an older one lacks is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Rows of the ledger's tables, each as a mapping of its columns, in the order of their keys."""

    place: Rows = ()
    """Of the registry, and the units that `siting` found for offices whose registered one was not there in the month."""
    site: Rows = ()
    link: Rows = ()
    figure: Rows = ()
    indicator: Rows = ()
    province: Rows = ()
    """The provinces that there were at the end of the month (`code`): a rank needs a figure of each."""
    probe: Rows = ()
    """The probes of the registry: an office without one has no evidence, and that is why."""
    commune: Rows = ()
    """The commune-level units that there were at the end of the month (`code`, `name`, `province`): a share knows by them
    which have no office in the registry."""

    def encode(self) -> bytes:
        """Canonical JSON: the same rows give the same bytes."""
        tables = {field.name: list(map(dict, getattr(self, field.name))) for field in fields(self)}
        return canonical({"format": FORMAT, **tables})


def decode(kept: bytes) -> Inputs:
    """What `encode` wrote, in this format or an older one; `ValueError` for anything else."""
    found = json.loads(kept)
    format_ = found.pop("format", None) if isinstance(found, dict) else None
    if type(format_) is not int or format_ not in _SINCE:
        raise ValueError(f"these are not inputs of an assessment in a format up to {FORMAT}")
    if set(found) != {name for since, names in _SINCE.items() if since <= format_ for name in names}:
        raise ValueError("a table is missing or unknown")
    return Inputs(**{name: tuple(rows) for name, rows in found.items()})


def canonical(thing: Any) -> bytes:
    """JSON that has only one form."""
    return json.dumps(thing, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_inputs(conn: Connection, period: Period, places: Path | None = None) -> Inputs:
    """What the ledger knows now that can matter for the period; `places` is the file that `doxa places import` wrote.

    Rows that hold only before or after the period are left out: a contract for next year changes nothing here, not even
    the bytes that are kept.
    """
    first, last = period.first.isoformat(), period.last.isoformat()
    stamp = _stamp(places)
    provinces, communes = _units(places, stamp, period.last)
    offices, units = placed(_rows(conn, site), list(_rows(conn, place)), _places(places, stamp), period.last)
    return Inputs(
        place=(*_rows(conn, place, *_meets(place, first, last)), *units),
        site=offices,
        link=tuple(_rows(conn, link, *_meets(link, first, last))),
        figure=tuple(_rows(conn, figure, figure.c.month == period.month, figure.c.superseded_us.is_(None))),
        indicator=tuple(_rows(conn, indicator, indicator.c.as_of <= last)),
        province=provinces,
        probe=tuple(_rows(conn, probe)),
        commune=communes,
    )


@lru_cache(maxsize=8)
def _units(places: Path | None, stamp: tuple[int, int] | None, day: date) -> tuple[Rows, Rows]:
    """Provinces and communes of a day; `stamp` is there so that an imported list is read again when it changes."""
    found = _places(places, stamp)
    communes = ({"code": u.code, "name": u.name, "province": u.province} for u in found.units(Level.COMMUNE, day))
    return tuple({"code": unit.code} for unit in found.units(Level.PROVINCE, day)), tuple(communes)


@lru_cache(maxsize=2)
def _places(places: Path | None, stamp: tuple[int, int] | None) -> Gazetteer:
    return load(None if stamp is None else places)


def _stamp(places: Path | None) -> tuple[int, int] | None:
    """What tells one state of the file from another; None where there is none."""
    try:
        found = None if places is None else places.stat()
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size)


def _meets(table: Table, first: str, last: str) -> Sequence[ColumnElement[bool]]:
    return table.c.valid_from <= last, (table.c.valid_to.is_(None)) | (table.c.valid_to >= first)


def _rows(conn: Connection, table: Table, *where: ColumnElement[bool]) -> Iterator[Row]:
    for row in conn.execute(select(table).where(*where).order_by(*table.primary_key)).mappings():
        yield {name: value for name, value in row.items() if value is not None}
