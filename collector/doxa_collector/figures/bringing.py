"""What an import changes: each figure beside what the ledger holds, and figures that jump against the month before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import figure as table
from doxa_collector.plans.reference import Figure

JUMP: Final = 3.0
"""A figure of more than so many times the one of the month before, or less than its part, is told to the person."""
_SAME: Final = ("value_mbps", "n", "mark")
_Key = tuple[str, ...]


class Fate(StrEnum):
    """What becomes of a figure."""

    NEW = "new"
    REPLACED = "replaced"
    KNOWN = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure of the file and what is in force before it."""

    figure: Figure
    fate: Fate
    before_mbps: float | None = None
    """What it replaces (or confirms)."""
    last_month_mbps: float | None = None
    """The figure of the month before, only where this one jumps against it."""


def changes(conn: Connection, figures: Sequence[Figure]) -> list[Change]:
    """Each figure with its fate, in the order given; nothing is written."""
    months = {month for one in figures for month in (one.month, month_before(one.month))}
    rows = conn.execute(select(table).where(table.c.superseded_us.is_(None), table.c.month.in_(sorted(months))))
    in_force = [dict(row) for row in rows.mappings()]
    held = {_key(row): row for row in in_force}
    earlier = _levels((*in_force, *(_fields(one) for one in figures)))  # the file's own word for a month counts last
    return [_change(one, held.get(_key(_fields(one))), earlier) for one in figures]


def month_before(month: str) -> str:
    """The month before one such as `2025-01`."""
    return (date.fromisoformat(f"{month}-01") - timedelta(days=1)).isoformat()[:7]


def _change(one: Figure, before: Mapping[str, Any] | None, earlier: Mapping[_Key, float]) -> Change:
    fate = Fate.NEW
    if before is not None:
        same = all(before[name] == getattr(one, name) for name in _SAME)
        fate = Fate.KNOWN if same else Fate.REPLACED
    last = earlier.get(_level(_fields(one), month_before(one.month)))
    jumps = last is not None and not last / JUMP <= one.value_mbps <= last * JUMP
    return Change(
        figure=one,
        fate=fate,
        before_mbps=None if before is None else before["value_mbps"],
        last_month_mbps=last if jumps else None,
    )


def _fields(one: Figure) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Figure.__dataclass_fields__}


def _key(row: Mapping[str, Any]) -> _Key:
    return tuple(row[name] for name in ("place_code", "month", "link_kind", "statistic", "direction", "source"))


def _levels(rows: Iterable[Mapping[str, Any]]) -> dict[_Key, float]:
    """The value of each place and month; whatever its source and statistic, for they do not differ by such a factor."""
    return {_level(row, row["month"]): row["value_mbps"] for row in rows}


def _level(row: Mapping[str, Any], month: str) -> _Key:
    return row["place_code"], month, row["link_kind"], row["direction"]
