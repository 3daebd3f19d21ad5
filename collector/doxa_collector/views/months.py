"""The monthly figures that a trend is drawn from: verdicts of closed months, and why some of them do not count.

A trend over months that were measured differently, or over another contract, is no trend. So it begins anew where the
plan's target measures something else, where the layer of the figure changed, and where most lines got another contract;
what changed less than that stays in and is said.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Connection, func, select

from doxa_collector.assess.closing import Closing
from doxa_collector.assess.snapshots import recall
from doxa_collector.ledger.schema import link, place, site, verdict
from doxa_collector.period import Period
from doxa_collector.plans.keeping import plan_from_json
from doxa_collector.plans.model import Kind, PlaceLevel, Plan, PlanPlace, Target
from doxa_collector.statistics.trend import MOST_MONTHS
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.views.asclosed import AsClosed, Contracts
from doxa_core.linkkind import LinkKind

ContractsAt = Callable[[Period], Contracts]
_CHUNK: Final = 500
TOO_FEW: Final = "too_few"
LIMITED: Final = "probe_limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthPoint:
    """One closed month's figure in the target's unit."""

    period: Period
    value: float | None
    lower: float | None = None
    upper: float | None = None
    n: int = 0
    plan_version: str = ""
    layer: str | None = None
    why_not: str = ""
    """Empty where the figure counts; else `TOO_FEW`, `LIMITED`, or `before_…` of the change it lies before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something other than the line's own course that changed between two months."""

    code: str
    """`plan_version`, `layer`, `contract` or `method` (of judging, `assess.settings.METHOD`)."""
    month: Period
    """The first month of the new state."""
    cuts: bool
    """Whether the trend begins anew here."""
    changed: int = 0
    """Of `contract`: lines with another contract, of `lines`."""
    lines: int = 0
    words: str = ""
    """The new version or layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All closed months up to one, oldest first, and what changed between them."""

    points: tuple[MonthPoint, ...] = ()
    changes: tuple[Change, ...] = field(default=())

    @property
    def counted(self) -> tuple[MonthPoint, ...]:
        """The months whose figure the trend is drawn from."""
        return tuple(point for point in self.points if not point.why_not)


def read_history(
    conn: Connection, plan: Plan, target: Target, where: PlanPlace, until: Period, closed: Mapping[date, Closing]
) -> History:
    """The closed months of a target at a place up to `until`, at most the latest 24, by what the ledger knows now."""
    rows = _verdicts(conn, plan, target, where, until)
    rows = [row for row in rows if date.fromisoformat(row["period_from"]) in closed][-MOST_MONTHS:]
    kind = target.link_kind

    def contracts(first: Period) -> ContractsAt:
        states = {} if kind is None else _states(conn, kind, where, first)
        return lambda month: {key: now for key, one in states.items() if (now := _at(one, month)) is not None}

    return _history(conn, plan, target, rows, closed, contracts)


def read_kept(conn: Connection, plan: Plan, target: Target, where: PlanPlace, kept: AsClosed) -> History:
    """The same as it stood when a month was closed, whatever came later."""
    kind = target.link_kind

    def contracts(_: Period) -> ContractsAt:
        return lambda month: {} if kind is None else kept.contracts(kind, where, month)

    return _history(conn, plan, target, kept.rows(target.id, where.code), kept.closings, contracts)


def _history(
    conn: Connection,
    plan: Plan,
    target: Target,
    rows: Sequence[Mapping[Any, Any]],
    closed: Mapping[date, Closing],
    contracts: Callable[[Period], ContractsAt],
) -> History:
    points = [_point(row, target, closed) for row in rows]
    changes = [*_plan_changes(conn, points, target, plan, closed), *_layer_changes(points)]
    if target.link_kind is not None and len(points) > 1:
        changes += _contract_changes(points, contracts(points[0].period))
    changes += _method_changes(points, closed)
    return History(points=_cut(points, changes), changes=tuple(sorted(changes, key=lambda one: one.month.first)))


def _verdicts(conn: Connection, plan: Plan, target: Target, where: PlanPlace, until: Period) -> list[Mapping[Any, Any]]:
    """The kept rows by month, one version after the other through the unique index."""
    v = verdict.c
    found: list[Mapping[Any, Any]] = []
    for version in _versions(conn, plan.id):
        query = select(
            v.period_from, v.period_to, v.plan_version, v.outcome, v.value, v.n, v.lower, v.upper, v.layer, v.reasons, v.detail
        ).where(
            v.plan == plan.id, v.plan_version == version, v.target == target.id, v.place_code == where.code,
            v.period_from <= until.first.isoformat(),
        )  # fmt: skip
        found += conn.execute(query).mappings().all()
    return sorted(found, key=lambda row: row["period_from"])


def _versions(conn: Connection, plan: str) -> Iterator[str]:
    """The plan's versions that ever were judged: one step through the index each."""
    v, last = verdict.c, ""
    while found := conn.execute(select(func.min(v.plan_version)).where(v.plan == plan, v.plan_version > last)).scalar():
        yield (last := str(found))


def _point(row: Mapping[Any, Any], target: Target, closed: Mapping[date, Closing]) -> MonthPoint:
    first, last = date.fromisoformat(row["period_from"]), date.fromisoformat(row["period_to"])
    return MonthPoint(
        period=Period(first=first, last=last), value=row["value"], lower=row["lower"], upper=row["upper"], n=row["n"],
        plan_version=row["plan_version"], layer=row["layer"], why_not=_why_not(row, target, closed[first]),
    )  # fmt: skip


def _why_not(row: Mapping[Any, Any], target: Target, closing: Closing) -> str:
    if row["value"] is None:
        return TOO_FEW
    if row["outcome"] == VerdictOutcome.PROBE_LIMITED.value:
        return LIMITED  # a lower bound of the line is no figure of it
    if target.kind is Kind.SHARE:
        total = (json.loads(row["detail"]).get("offices") or {}).get("total", row["n"])
        return TOO_FEW if 2 * row["n"] < total else ""
    return TOO_FEW if row["n"] < closing.settings.min_samples else ""


# --- what changed


def _plan_changes(
    conn: Connection, points: Sequence[MonthPoint], target: Target, plan: Plan, closed: Mapping[date, Closing]
) -> Iterator[Change]:
    """A new version is said; where its target measures something else, the trend begins anew."""
    for before, after in pairwise(points):
        if before.plan_version == after.plan_version:
            continue
        old = _as_it_was(conn, closed[before.period.first], plan.id, before.plan_version)
        new = _as_it_was(conn, closed[after.period.first], plan.id, after.plan_version)
        same = old is not None and new is not None and _measured(old, target.id) == _measured(new, target.id)
        yield Change(code="plan_version", month=after.period, cuts=not same, words=after.plan_version)


def _as_it_was(conn: Connection, closing: Closing, plan: str, version: str) -> Plan | None:
    for digest in closing.plans:
        found = plan_from_json(json.loads(recall(conn, digest)))
        if (found.id, found.version) == (plan, version):
            return found
    return None


def _measured(plan: Plan, target: str) -> object:
    """Everything of a target that makes its figure what it is; its value and its words do not."""
    found = plan.target(target)
    if found is None:
        return None
    held = found.condition
    condition = (
        None if held is None else (held.link_kind, held.offices, held.measure, held.operator, held.value, held.rule)
    )
    return found.kind, found.measure, condition, found.ispeed


def _layer_changes(points: Sequence[MonthPoint]) -> Iterator[Change]:
    known = [point for point in points if point.value is not None]
    for before, after in pairwise(known):
        if before.layer != after.layer:
            yield Change(code="layer", month=after.period, cuts=True, words=after.layer or "")


def _contract_changes(points: Sequence[MonthPoint], contracts: ContractsAt) -> Iterator[Change]:
    """Per month, how many of the place's lines had another contract than in the month of the point before."""
    held = ((point, contracts(point.period)) for point in points)
    for (_, then), (after, now) in pairwise(held):
        lines, changed = len(now), sum(key in then and then[key] != contract for key, contract in now.items())
        if changed:
            yield Change(code="contract", month=after.period, cuts=2 * changed >= lines, changed=changed, lines=lines)


def _method_changes(points: Sequence[MonthPoint], closed: Mapping[date, Closing]) -> Iterator[Change]:
    """Another method decides otherwise and counts the same: it is said, and cuts nothing."""
    for before, after in pairwise(points):
        old, new = closed[before.period.first].method, closed[after.period.first].method
        if old != new:
            yield Change(code="method", month=after.period, cuts=False, words=str(new))


_State = tuple[str, str, tuple[Any, ...]]


def _states(conn: Connection, kind: LinkKind, where: PlanPlace, since: Period) -> dict[tuple[str, str], list[_State]]:
    """The contracts of the place's lines of a kind, oldest first, as far as they hold in or after a month."""
    found: dict[tuple[str, str], list[_State]] = {}
    t = link.c
    for part in _sites(conn, where):
        query = select(link).where(
            t.site.in_(part), t.kind == kind.value, (t.valid_to.is_(None)) | (t.valid_to >= since.first.isoformat())
        )
        for row in conn.execute(query.order_by(t.site, t.link, t.valid_from)):
            contract = (row.provider, row.technology, row.contracted_down_mbps, row.contracted_up_mbps, row.layer)
            found.setdefault((row.site, row.link), []).append((row.valid_from, row.valid_to or "9999-12-31", contract))
    return found


def _sites(conn: Connection, where: PlanPlace) -> Iterator[Sequence[str]]:
    """The offices of the place, a piece at a time."""
    if where.level is PlaceLevel.COUNTRY:
        names = list(conn.execute(select(site.c.site)).scalars())
    elif where.level is PlaceLevel.PROVINCE:
        codes = select(place.c.code).where(place.c.province == where.code)
        names = list(conn.execute(select(site.c.site).where(site.c.place_code.in_(codes))).scalars())
    else:
        members = where.members or (where.code,)
        names = list(conn.execute(select(site.c.site).where(site.c.place_code.in_(members))).scalars())
    for start in range(0, len(names), _CHUNK):
        yield names[start : start + _CHUNK]


def _at(states: Sequence[_State], period: Period) -> tuple[Any, ...] | None:
    """The contract in force at the end of a month."""
    last = period.last.isoformat()
    return next((contract for first, end, contract in reversed(states) if first <= last <= end), None)


def _cut(points: Sequence[MonthPoint], changes: Sequence[Change]) -> tuple[MonthPoint, ...]:
    """The points, those before the latest cut marked with its code."""
    cut = max((change for change in changes if change.cuts), key=lambda one: one.month.first, default=None)
    if cut is None:
        return tuple(points)
    return tuple(
        _without(point, f"before_{cut.code}") if point.period.first < cut.month.first else point for point in points
    )


def _without(point: MonthPoint, why: str) -> MonthPoint:
    return MonthPoint(
        period=point.period, value=point.value, lower=point.lower, upper=point.upper, n=point.n,
        plan_version=point.plan_version, layer=point.layer, why_not=why,
    )  # fmt: skip
