"""Keeping verdicts: an open month's are rewritten at each run, a closed month's never."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from doxa_collector.assess.period import month_of
from doxa_collector.assess.settings import Settings
from doxa_collector.ledger.schema import verdict
from doxa_collector.verdict import Verdict

Closed = frozenset[tuple[str, str, str, str]]
"""(plan, target, place, first day of the period) of verdicts that stay as they are."""

_DAY_US = 86_400_000_000
_KEY = ("plan", "plan_version", "target", "place_code", "period_from")


def closed_verdicts(conn: Connection, settings: Settings) -> Closed:
    """Those that were computed late enough after their period: under whatever version of the plan."""
    v = verdict.c
    grace = int(settings.final_after_days * _DAY_US)
    rows = conn.execute(select(v.plan, v.target, v.place_code, v.period_from, v.computed_us))
    ends: dict[str, int] = {}
    found = []
    for plan, target, place, first, computed_us in rows:
        if first not in ends:
            ends[first] = month_of(date.fromisoformat(first)).to_us
        if computed_us >= ends[first] + grace:
            found.append((plan, target, place, first))
    return frozenset(found)


def store(conn: Connection, verdicts: Sequence[Verdict], now_us: int, closed: Closed) -> None:
    """Write what was judged: one row for (plan, version, target, place, period); what is closed is left alone.

    An open month's row of another version of the same plan goes: a month is judged under one version.
    """
    wanted = [_row(found, now_us) for found in verdicts]
    rows = [row for row in wanted if (row["plan"], row["target"], row["place_code"], row["period_from"]) not in closed]
    periods = {(row["plan"], row["plan_version"], row["period_from"]) for row in rows}
    present: dict[tuple[Any, ...], int] = {}
    for plan, version, first in sorted(periods):
        present |= _present(conn, plan, first, version, closed)
    new = [row for row in rows if _key(row) not in present]
    for row in rows:
        if (known := present.get(_key(row))) is not None:
            conn.execute(update(verdict).where(verdict.c.id == known).values(row))
    if new:
        conn.execute(insert(verdict), new)


def _present(conn: Connection, plan: str, first: str, version: str, closed: Closed) -> dict[tuple[Any, ...], int]:
    v = verdict.c
    found, outdated = {}, []
    for row in conn.execute(select(v.id, *(v[name] for name in _KEY)).where(v.plan == plan, v.period_from == first)):
        key = tuple(row[1:])
        if row.plan_version == version:
            found[key] = row.id
        elif (row.plan, row.target, row.place_code, row.period_from) not in closed:
            outdated.append(row.id)
    if outdated:
        conn.execute(delete(verdict).where(v.id.in_(outdated)))
    return found


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY)


def _row(found: Verdict, now_us: int) -> dict[str, Any]:
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
