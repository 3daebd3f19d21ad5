"""Keeping verdicts: an open month's are rewritten at each run."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from doxa_collector.ledger.schema import verdict
from doxa_collector.verdict import Verdict, VerdictOutcome

Row = dict[str, Any]

_KEY: Final = ("plan", "plan_version", "target", "place_code", "period_from")


def store(conn: Connection, verdicts: Sequence[Verdict], now_us: int) -> None:
    """Write what was judged: one row for (plan, version, target, place, period).

    A row of the same plan and month that was not judged again goes (another version, a target or a place that the file
    no longer has): a month is judged under one plan, as it stands at the month's end.
    """
    months: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for found in verdicts:
        row = as_row(found) | {"computed_us": now_us}
        months[row["plan"], row["period_from"]].append(row)
    for (plan, first), rows in months.items():
        _store_month(conn, rows, _present(conn, plan, first))


def _present(conn: Connection, plan: str, first: str) -> dict[tuple[Any, ...], int]:
    v = verdict.c
    query = select(v.id, *(v[name] for name in _KEY)).where(v.plan == plan, v.period_from == first)
    return {tuple(row[1:]): row.id for row in conn.execute(query)}


def _store_month(conn: Connection, rows: Sequence[Row], present: dict[tuple[Any, ...], int]) -> None:
    new = []
    for row in rows:
        known = present.pop(tuple(row[name] for name in _KEY), None)
        if known is None:
            new.append(row)
        else:
            conn.execute(update(verdict).where(verdict.c.id == known).values(row))
    for leftover in present.values():
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
