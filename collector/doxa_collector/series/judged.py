"""`doxa_judged`: of each plan, province and kind of line how many targets stand where: by their latest verdict until then.

A point stands at the first instant of each judged period of a plan and counts, of every target and place of the plan, the
newest verdict that began within `REACH` before. So the country's share of targets passed is read from a few points and not
from every verdict of every commune. Each point is counted whole from the ledger: neither the order in which verdicts change
nor how they are cut matters, and one that is judged anew mends its own period and all later ones.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from time import monotonic
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import verdict
from doxa_collector.period import month_of
from doxa_collector.series._batch import batch, position_of
from doxa_collector.series._targets import KnownPlans, is_secret, where_of
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier
from doxa_core.codes import OUTCOMES

REACH: Final = timedelta(days=800)
"""How long ago the latest judged period may have begun: a year, with another one until it is judged."""
_LONG_S: Final = 0.5
_RESTS: Final = 20
"""A count that took long (a country's verdicts of two years) is made again only after so many times that long."""
_Where = tuple[str | None, str | None]
"""Province and kind of line."""


def streams(world: World) -> Sequence[Stream]:
    """One stream."""
    return (Judged(world),)


class Judged:
    """What verdicts that changed make others; the position is the moment of the last change."""

    suffix = "/judged"

    def __init__(self, world: World) -> None:
        self._world = world
        self._rests_until_s = 0.0

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:  # noqa: ARG002 - few points, always whole
        """The counts of every plan with a verdict that changed, from the first such period on."""
        v = verdict.c
        last = conn.execute(select(func.max(v.changed_us))).scalar() or 0
        begun_s = monotonic()
        if last <= position or begun_s < self._rests_until_s:
            return []
        changed = select(v.plan, func.min(v.period_from)).where(v.changed_us > position).group_by(v.plan)
        known = KnownPlans(self._world.plans())
        points = [one for plan, since in conn.execute(changed).all() for one in _of_plan(conn, known, plan, since)]
        if (took_s := monotonic() - begun_s) > _LONG_S:
            self._rests_until_s = monotonic() + _RESTS * took_s
        return batch(points, before=position, after=last)

    def position(self, item: Item) -> int:
        """The moment of the last change."""
        return position_of(item)


def _of_plan(conn: Connection, known: KnownPlans, plan: str, since: str) -> Iterator[Point]:
    v = verdict.c
    periods = select(v.period_from).where(v.plan == plan, v.period_from >= since).distinct().order_by(v.period_from)
    for period in conn.execute(periods).scalars().all():
        counts: dict[_Where, list[Counter[str]]] = defaultdict(lambda: [Counter(), Counter()])
        for row in _latest(conn, plan, period):
            where, secret = _told(conn, known, plan, row)
            every, public = counts[where]
            every[row.outcome] += 1
            public[row.outcome] += not secret
        at_us = month_of(date.fromisoformat(period)).from_us
        for (province, kind), (every, public) in counts.items():
            yield Point(
                tier=Tier.LONG, measurement="doxa_judged", tags={"plan": plan, "province": province, "kind": kind},
                fields=_fields(every), at_us=at_us, internal=public != every,
                public=_fields(public) if public.total() and public != every else None, position=0,
            )  # fmt: skip


def _latest(conn: Connection, plan: str, period: str) -> Sequence[AnyRow]:
    """The newest verdict of each target and place until a period; of one period's versions the one that changed last.

    SQLite takes the plain columns from the row that holds the largest.
    """
    v = verdict.c
    first = (date.fromisoformat(period) - REACH).isoformat()
    newest = func.max(func.printf("%s/%020d", v.period_from, v.changed_us))
    asked = select(v.target, v.place_code, v.plan_version, v.period_to, v.outcome, newest.label("newest"))
    return conn.execute(
        asked.where(v.plan == plan, v.period_from <= period, v.period_from > first).group_by(v.target, v.place_code)
    ).all()


def _told(conn: Connection, known: KnownPlans, name: str, row: AnyRow) -> tuple[_Where, bool]:
    """Under which tags a verdict counts, and whether it is *nội bộ*."""
    plan = known.find(conn, name, row.plan_version)
    target = None if plan is None else plan.target(row.target)
    where = None if plan is None else where_of(plan, row.place_code, date.fromisoformat(row.period_to))
    kind = None if target is None or target.link_kind is None else target.link_kind.value
    secret = plan is None or target is None or is_secret(plan, target)
    return (None if where is None else where.province, kind), secret


def _fields(counts: Counter[str]) -> dict[str, float | str | None]:
    return {f"{outcome}_count": float(counts[outcome]) for outcome in OUTCOMES}
