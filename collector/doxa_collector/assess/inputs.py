"""What a month is judged by besides the measurements: offices and lines, published figures, figures entered by hand.

They are read once for the month and can be kept as one file of JSON. A closed month is judged again from that file,
so nothing that was registered, imported or entered afterwards can change what it says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, select

from doxa_collector.assess.period import Period
from doxa_collector.ledger.schema import figure, indicator, link, place, site
from doxa_collector.places.gazetteer import Gazetteer, load
from doxa_collector.places.model import Level

Row = Mapping[str, Any]
Rows = tuple[Row, ...]

FORMAT: Final = 1
"""The version of the JSON; golden files of each are kept by the tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Rows of the ledger's tables, each as a mapping of its columns, in the order of their keys."""

    place: Rows = ()
    site: Rows = ()
    link: Rows = ()
    figure: Rows = ()
    indicator: Rows = ()
    province: Rows = ()
    """The provinces that there were at the end of the month (`code`): a rank needs a figure of each."""

    def encode(self) -> bytes:
        """Canonical JSON: the same rows give the same bytes."""
        tables = {field.name: list(map(dict, getattr(self, field.name))) for field in fields(self)}
        return canonical({"format": FORMAT, **tables})


def decode(kept: bytes) -> Inputs:
    """What `encode` wrote; `ValueError` for anything else."""
    found = json.loads(kept)
    if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
        raise ValueError(f"these are not inputs of an assessment in format {FORMAT}")
    if set(found) != {field.name for field in fields(Inputs)}:
        raise ValueError("a table is missing or unknown")
    return Inputs(**{name: tuple(rows) for name, rows in found.items()})


def canonical(thing: Any) -> bytes:
    """JSON that has only one form."""
    return json.dumps(thing, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_inputs(conn: Connection, period: Period) -> Inputs:
    """What the ledger knows now that can matter for the period.

    Rows that hold only before or after the period are left out: a contract for next year changes nothing here, not even
    the bytes that are kept.
    """
    first, last = period.first.isoformat(), period.last.isoformat()
    return Inputs(
        place=tuple(_rows(conn, place, *_meets(place, first, last))),
        site=tuple(_rows(conn, site)),
        link=tuple(_rows(conn, link, *_meets(link, first, last))),
        figure=tuple(_rows(conn, figure, figure.c.month == period.month, figure.c.superseded_us.is_(None))),
        indicator=tuple(_rows(conn, indicator, indicator.c.as_of <= last)),
        province=tuple({"code": unit.code} for unit in _places().units(Level.PROVINCE, period.last)),
    )


@cache
def _places() -> Gazetteer:
    return load()


def _meets(table: Table, first: str, last: str) -> Sequence[ColumnElement[bool]]:
    return table.c.valid_from <= last, (table.c.valid_to.is_(None)) | (table.c.valid_to >= first)


def _rows(conn: Connection, table: Table, *where: ColumnElement[bool]) -> Iterator[Row]:
    for row in conn.execute(select(table).where(*where).order_by(*table.primary_key)).mappings():
        yield {name: value for name, value in row.items() if value is not None}
