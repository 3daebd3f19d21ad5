"""`doxa_verdict`: what was judged, at the first instant of the judged period.

The moment of computing is no part of the point: an open month is judged again every minute, and a judgement that came out
otherwise takes the place of the one before it. A verdict that is judged no more (a target or a place that the plan's file no longer has)
stays in the store as it was.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import verdict
from doxa_collector.period import month_of
from doxa_collector.plans.model import Plan, Target
from doxa_collector.series._batch import batch, position_of
from doxa_collector.series._targets import KnownPlans, is_secret, tags_of, where_of
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier
from doxa_core.codes import OUTCOMES


def streams(world: World) -> Sequence[Stream]:
    """One stream."""
    return (Verdicts(world),)


class Verdicts:
    """All verdicts in the order of their last change; the position is that moment, so one that changed comes again."""

    suffix = "/verdicts"

    def __init__(self, world: World) -> None:
        self._world = world

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:
        """Those that changed after `position`, oldest first; never a part of those that changed in one moment."""
        v = verdict.c
        moments = select(v.changed_us).where(v.changed_us > position).order_by(v.changed_us).limit(limit)
        last = max(conn.execute(moments).scalars(), default=None)
        if last is None:
            return []
        query = select(verdict).where(v.changed_us > position, v.changed_us <= last).order_by(v.changed_us, v.id)
        known = KnownPlans(self._world.plans())
        found = [_point(row, known.find(conn, row.plan, row.plan_version)) for row in conn.execute(query).all()]
        return batch(found, before=position, after=last)

    def position(self, item: Item) -> int:
        """The moment of the last change."""
        return position_of(item)


def _point(row: AnyRow, plan: Plan | None) -> Point:
    target = None if plan is None else plan.target(row.target)
    where = None if plan is None else where_of(plan, row.place_code, date.fromisoformat(row.period_to))
    return Point(
        tier=Tier.LONG,
        measurement="doxa_verdict",
        tags=tags_of(row.plan, row.target, where, row.place_code, None if target is None else target.link_kind),
        fields=_fields(row, target),
        at_us=month_of(date.fromisoformat(row.period_from)).from_us,
        internal=plan is None or target is None or is_secret(plan, target),
        position=0,
    )


def _fields(row: AnyRow, target: Target | None) -> dict[str, Any]:
    return {
        "outcome_code": float(OUTCOMES[row.outcome].number),
        "passed_flag": {"pass": 1.0, "fail": 0.0}.get(row.outcome),
        "n_count": float(row.n),
        "value": row.value,
        "lower": row.lower,
        "upper": row.upper,
        "published": row.published,
        "threshold": None if target is None else target.value,
        "title": None if target is None else target.title.vi,
        "unit": None if target is None or target.unit is None else target.unit.text.vi or None,
    }
