"""Keeping verdicts: an open month's are judged again at each run, and written where they came out otherwise."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from doxa_collector.ledger.schema import verdict
from doxa_collector.verdict import Verdict, VerdictOutcome

Row = dict[str, Any]

_KEY: Final = ("plan", "plan_version", "target", "place_code", "period_from")


def store(conn: Connection, verdicts: Sequence[Verdict], now_us: int) -> None:
    """Write what was judged: one row for (plan, version, target, place, period).

    A row of the same plan and month that was not judged again goes (another version, a target or a place that the file
    no longer has): a month is judged under one plan, as it stands at the month's end. All others get the moment of this
    run; those that say something else than before also a new `changed_us`, larger than any there was.
    """
    v = verdict.c
    newest: int | None = conn.execute(select(func.max(v.changed_us))).scalar()
    changed_us = now_us if newest is None else max(now_us, newest + 1)
    months: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for found in verdicts:
        row = as_row(found)
        months[row["plan"], row["period_from"]].append(row)
    for (plan, first), rows in months.items():
        _store_month(conn, rows, _present(conn, plan, first), changed_us)
        conn.execute(update(verdict).where(v.plan == plan, v.period_from == first).values(computed_us=now_us))


def _present(conn: Connection, plan: str, first: str) -> dict[tuple[Any, ...], tuple[int, Row]]:
    """Each row by its key: its id, and what it says."""
    v = verdict.c
    query = select(v.id, *(v[name] for name in _SAID)).where(v.plan == plan, v.period_from == first)
    found = {}
    for number, *cells in conn.execute(query):
        row = dict(zip(_SAID, cells, strict=True))
        found[_key(row)] = (number, row)
    return found


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY)


def _store_month(
    conn: Connection, rows: Sequence[Row], present: dict[tuple[Any, ...], tuple[int, Row]], changed_us: int
) -> None:
    new, other = [], []
    for row in rows:
        number, known = present.pop(_key(row), (None, None))
        if number is None:
            new.append(row | {"changed_us": changed_us, "computed_us": changed_us})
        elif known != row:
            other.append(row | {"changed_us": changed_us, "number": number})
    if other:
        conn.execute(update(verdict).where(verdict.c.id == bindparam("number")), other)
    for leftover, _ in present.values():
        conn.execute(delete(verdict).where(verdict.c.id == leftover))
    if new:
        conn.execute(insert(verdict), new)


def as_row(found: Verdict) -> Row:
    """A verdict as its row in the ledger, without the moment at which it was computed."""
    return {
        "plan": found.plan,
        "plan_version": found.plan_version,
        "target": found.target,
        "place_code": found.place,
        "period_from": found.period_from.isoformat(),
        "period_to": found.period_to.isoformat(),
        "outcome": found.outcome.value,
        "value": found.value,
        "n": found.n,
        "lower": found.lower,
        "upper": found.upper,
        "layer": found.layer,
        "published": found.published,
        "reasons": json.dumps(list(found.reasons)),
        "detail": found.detail,
    }


_SAID: Final = (
    "plan", "plan_version", "target", "place_code", "period_from", "period_to", "outcome", "value", "n", "lower", "upper",
    "layer", "published", "reasons", "detail",
)  # fmt: skip
"""The columns that `as_row` makes."""


def from_row(row: Mapping[str, Any]) -> Verdict:
    """The verdict of a row that `as_row` wrote."""
    same = ("plan", "plan_version", "target", "value", "n", "lower", "upper", "layer", "published", "detail")
    return Verdict(
        place=row["place_code"],
        period_from=date.fromisoformat(row["period_from"]),
        period_to=date.fromisoformat(row["period_to"]),
        outcome=VerdictOutcome(row["outcome"]),
        reasons=tuple(json.loads(row["reasons"])),
        **{name: row[name] for name in same},
    )
