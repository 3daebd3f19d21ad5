"""The registry's way into the ledger: rows are added or mended, never lost silently, and each change is audited."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from doxa_collector.ledger.schema import link, place, probe, site
from doxa_collector.ledger.writing import note
from doxa_collector.registry import Registry

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a loading did to the ledger, by table and kind of change (`link.added` …)."""

    counted: Mapping[str, int]
    missing: tuple[str, ...]
    """Names that the ledger holds and the file no longer has: they stay; give them a `valid_to`."""


def register(conn: Connection, registry: Registry, now_us: int, actor: str) -> Changes:
    """Bring the registry's tables to what the file says.

    A name that the file still has is made as the file says, with the old row in the audit log where it is replaced. A
    name that the file no longer has stays as it is: measurements refer to it.
    """
    counted: Counter[str] = Counter()
    missing: list[str] = []
    for table, name_columns, rows in _tables(registry):
        steps, gone = _bring(conn, table, name_columns, rows)
        for action, row in steps:
            counted[f"{table.name}.{action}"] += 1
            note(conn, now_us, actor, f"{table.name}.{action}", row)
        missing += [f"{table.name} {name}" for name in gone]
    return Changes(counted=dict(counted), missing=tuple(missing))


def _tables(registry: Registry) -> Iterable[tuple[Table, tuple[str, ...], list[Row]]]:
    yield place, ("code",), [_texts(asdict(p)) for p in registry.places]
    yield site, ("site",), [{"site": s.site, "name": s.name, "place_code": s.place} for s in registry.sites]
    yield link, ("site", "link"), [_texts(asdict(line)) for s in registry.sites for line in s.links]
    yield probe, ("agent",), [{"agent": agent, "site": home} for agent, home in registry.home_of().items()]


def _texts(row: Row) -> Row:
    """Days as ISO text; enumerations as their word."""
    days = ("valid_from", "valid_to")
    return {k: v.isoformat() if k in days and v is not None else getattr(v, "value", v) for k, v in row.items()}


def _bring(
    conn: Connection, table: Table, name_columns: tuple[str, ...], rows: list[Row]
) -> tuple[list[tuple[str, Row]], list[str]]:
    keys = [column.name for column in table.primary_key]
    before = {_pick(row, keys): row for row in map(_plain, conn.execute(select(table)))}
    wanted = {_pick(row, keys): row for row in rows}
    steps: list[tuple[str, Row]] = []
    for key, row in wanted.items():
        if key not in before:
            conn.execute(insert(table).values(row))
            steps.append(("added", row))
        elif before[key] != row:
            conn.execute(update(table).where(*_matches(table, keys, key)).values(row))
            steps.append(("changed", {"before": before[key], "after": row}))
    named = {_pick(row, name_columns) for row in rows}
    gone: set[str] = set()
    for key, row in before.items():
        if key in wanted:
            continue
        if _pick(row, name_columns) in named:  # the file has other validity periods for it now
            conn.execute(delete(table).where(*_matches(table, keys, key)))
            steps.append(("replaced", row))
        else:
            gone.add("/".join(_pick(row, name_columns)))
    return steps, sorted(gone)


def _plain(row: Any) -> Row:
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name


def _pick(row: Row, columns: Iterable[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in columns)


def _matches(table: Table, keys: list[str], values: tuple[Any, ...]) -> list[Any]:
    return [table.c[name] == value for name, value in zip(keys, values, strict=True)]
