"""Keeping verdicts: an open month's are rewritten at each run, a closed month's never."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from doxa_collector.assess.period import DAY_US, month_of
from doxa_collector.assess.settings import Settings
from doxa_collector.ledger.schema import verdict
from doxa_collector.verdict import Verdict

Row = dict[str, Any]
Closed = frozenset[tuple[str, str, str, str]]
"""(plan, target, place, first day of the period) of verdicts that stay as they are."""

_KEY: Final = ("plan", "plan_version", "target", "place_code", "period_from")


def closed_verdicts(conn: Connection, settings: Settings) -> Closed:
    """Those that were computed late enough after their period, under whatever version of the plan."""
    v = verdict.c
    grace = int(settings.final_after_days * DAY_US)
    ends: dict[str, int] = {}
    found = []
    for plan, target, place, first, computed_us in conn.execute(
        select(v.plan, v.target, v.place_code, v.period_from, v.computed_us)
    ):
        if first not in ends:
            ends[first] = month_of(date.fromisoformat(first)).to_us + grace
        if computed_us >= ends[first]:
            found.append((plan, target, place, first))
    return frozenset(found)


def store(conn: Connection, verdicts: Sequence[Verdict], now_us: int, closed: Closed) -> None:
    """Write what was judged: one row for (plan, version, target, place, period); what is closed is left alone.

    A row of an open month that was not judged again goes (another version, a target or a place that the file no longer
    has): a month is judged under one plan, as it stands at the month's end.
    """
    months: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for found in verdicts:
        row = _row(found, now_us)
        if (row["plan"], row["target"], row["place_code"], row["period_from"]) not in closed:
            months[row["plan"], row["period_from"]].append(row)
    for (plan, first), rows in months.items():
        _store_month(conn, rows, _open_rows(conn, plan, first, closed))


def _open_rows(conn: Connection, plan: str, first: str, closed: Closed) -> dict[tuple[Any, ...], int]:
    v = verdict.c
    query = select(v.id, *(v[name] for name in _KEY)).where(v.plan == plan, v.period_from == first)
    return {
        tuple(row[1:]): row.id
        for row in conn.execute(query)
        if (row.plan, row.target, row.place_code, row.period_from) not in closed
    }


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


def _row(found: Verdict, now_us: int) -> Row:
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
        "computed_us": now_us,
    }
