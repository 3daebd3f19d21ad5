"""What a month is judged by besides the measurements: offices and lines, published figures, figures entered by hand.

They are read once for the month and can be kept as one file of JSON. A closed month is judged again from that file,
so nothing that was registered, imported or entered afterwards can change what it says.

**What looks back before the month's first day.** The p95 rule judges every seven days that *end* in the month, each day
against the contract of that day: so contracts that ended within the six days before the month belong to it (`earlier`).
Nothing else needs a row from before. `recent_days` asks whether anything came through a line, whatever its contract. QCVN
counts the month's own runs under the contract of its last day. Offices are those of the last day: the registry gives an
office no validity of its own, and its unit on that day is `siting`'s work. What a rule reads further back must be read
here too, or a closed month could not be judged again.

**What nobody judges by, but papers print.** The availability of a TSLCD line that a router tells, and which lines an
incident at a node reached, follow from the tree of nodes. It is kept here as it was in force at the closing (`node`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, select

from doxa_collector.assess.siting import placed
from doxa_collector.assess.traffic import week_ending
from doxa_collector.ledger.schema import figure, indicator, link, place, probe, site
from doxa_collector.nodes.keeping import tree_as_rows, tree_from_rows
from doxa_collector.nodes.tree import Tree
from doxa_collector.period import Period
from doxa_collector.places.gazetteer import Gazetteer, load
from doxa_collector.places.model import Level

Row = Mapping[str, Any]
Rows = tuple[Row, ...]

FORMAT: Final = 3
"""The version of the JSON; golden files of each are kept by the tests."""
_SINCE: Final = {
    1: ("place", "site", "link", "figure", "indicator", "province"), 2: ("probe", "commune"), 3: ("earlier", "node"),
}  # fmt: skip
"""Format → the tables that came with it; what an older one lacks is empty, so a month is judged again as it was then."""
_A_DAY: Final = timedelta(days=1)


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
    earlier: Rows = ()
    """Contracts that ended in the days before the month that rules look back to; `link` has those of the month itself."""
    node: Rows | None = None
    """The tree of nodes (nodes.toml) in force at the closing, as `nodes.keeping` writes it; None: nobody kept it."""

    @property
    def tree(self) -> Tree | None:
        """The kept tree of nodes; `ValueError` for rows that are none."""
        return None if self.node is None else tree_from_rows(self.node)

    def encode(self) -> bytes:
        """Canonical JSON: the same rows give the same bytes."""
        tables: Iterator[tuple[str, Rows | None]] = ((field.name, getattr(self, field.name)) for field in fields(self))
        kept = {name: None if rows is None else list(map(dict, rows)) for name, rows in tables}
        return canonical({"format": FORMAT, **kept})


def decode(kept: bytes) -> Inputs:
    """What `encode` wrote, in this format or an older one; `ValueError` for anything else."""
    found = json.loads(kept)
    format_ = found.pop("format", None) if isinstance(found, dict) else None
    if type(format_) is not int or format_ not in _SINCE:
        raise ValueError(f"these are not inputs of an assessment in a format up to {FORMAT}")
    if set(found) != {name for since, names in _SINCE.items() if since <= format_ for name in names}:
        raise ValueError("a table is missing or unknown")
    nodes = found.pop("node", None)
    if None in found.values():
        raise ValueError("a table is missing or unknown")
    return Inputs(**{name: tuple(rows) for name, rows in found.items()}, node=None if nodes is None else tuple(nodes))


def canonical(thing: Any) -> bytes:
    """JSON that has only one form."""
    return json.dumps(thing, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_inputs(conn: Connection, period: Period, places: Path | None = None, tree: Tree | None = None) -> Inputs:
    """What the ledger knows now that can matter for the period; `places` is the file that `doxa places import` wrote.

    Rows that hold only after the period, or ended before what rules look back to, are left out: a contract for next year
    changes nothing here, not even the bytes that are kept. `tree`: the nodes in force, None where nobody says.
    """
    first, last = period.first.isoformat(), period.last.isoformat()
    stamp = _stamp(places)
    provinces, communes = _units(places, stamp, period.last)
    offices, units = placed(_rows(conn, site), list(_rows(conn, place)), _places(places, stamp), period.last)
    return Inputs(
        place=(*_rows(conn, place, *_meets(place, first, last)), *units),
        site=offices,
        link=tuple(_rows(conn, link, *_meets(link, first, last))),
        earlier=tuple(_rows(conn, link, *_ended(link, week_ending(period.first).first, period.first))),
        figure=tuple(_rows(conn, figure, figure.c.month == period.month, figure.c.superseded_us.is_(None))),
        indicator=tuple(_rows(conn, indicator, indicator.c.as_of <= last)),
        province=provinces,
        probe=tuple(_rows(conn, probe)),
        commune=communes,
        node=None if tree is None else tree_as_rows(tree),
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


def _ended(table: Table, since: date, before: date) -> Sequence[ColumnElement[bool]]:
    """The rows whose last day is one of those from `since` to the one before `before`."""
    return table.c.valid_to >= since.isoformat(), table.c.valid_to <= (before - _A_DAY).isoformat()


def _rows(conn: Connection, table: Table, *where: ColumnElement[bool]) -> Iterator[Row]:
    for row in conn.execute(select(table).where(*where).order_by(*table.primary_key)).mappings():
        yield {name: value for name, value in row.items() if value is not None}
