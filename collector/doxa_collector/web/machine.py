"""The same facts for machines: JSON in which no data is an absent key, never 0 and never null."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import link, verdict
from doxa_collector.plans.model import Plan
from doxa_collector.web.board import Finding, finding_from, latest_period
from doxa_collector.web.health import Health
from doxa_collector.web.language import from_us
from doxa_collector.web.linkstate import LinkState, link_states
from doxa_collector.web.settings import Settings
from doxa_core.moments import to_wire

MOST: Final = 5000


def present(**fields: Any) -> dict[str, Any]:
    """The fields that are known."""
    return {name: value for name, value in fields.items() if value is not None}


def health_fields(health: Health) -> dict[str, Any]:
    """The collector's own state."""
    return present(
        status="ok" if health.well else "attention",
        at=to_wire(from_us(health.now_us)),
        last_measurement_received=None if health.last_us is None else to_wire(from_us(health.last_us)),
        agents={"online": health.online, "offline": health.offline, "never": health.never},
        quarantined=health.refused,
        sinks=[present(name=s.name, behind=s.behind, delayed=s.delayed, error=s.error) for s in health.sinks],
    )


def verdict_list(
    conn: Connection, plans: Sequence[Plan], *, plan: str | None, outcome: str | None, after: int, limit: int
) -> dict[str, Any]:
    """The verdicts of each plan's latest period in order of their id; `next` is the id to continue after."""
    v = verdict.c
    chosen = {p.id: p for p in plans if plan in (None, p.id)}
    rows: list[Finding] = []
    for found in chosen.values():
        if (period := latest_period(conn, found)) is None:
            continue
        query = select(verdict).where(
            v.plan == found.id, v.plan_version == found.version, v.period_from == period.first, v.id > after
        )
        if outcome is not None:
            query = query.where(v.outcome == outcome)
        rows += [finding_from(row._mapping) for row in conn.execute(query.order_by(v.id).limit(limit + 1))]  # noqa: SLF001 - SQLAlchemy's access by key
    rows.sort(key=lambda f: f.id)
    more = rows[limit - 1].id if len(rows) > limit else None
    return present(verdicts=[_verdict_fields(f, chosen[f.plan]) for f in rows[:limit]], next=more)


def _verdict_fields(found: Finding, plan: Plan) -> dict[str, Any]:
    target = plan.target(found.target)
    return present(
        id=found.id,
        plan=found.plan,
        plan_version=found.plan_version,
        target=found.target,
        place=found.place,
        period_from=found.period_from,
        period_to=found.period_to,
        outcome=found.outcome.value,
        measured_at_office=found.value,
        ispeed_published=found.published,
        required=None if target is None else target.value,
        operator=None if target is None or target.operator is None else target.operator.value,
        unit=None if target is None or target.unit is None else target.unit.value,
        n=found.n,
        lower=found.lower,
        upper=found.upper,
        layer=found.layer,
        reasons=list(found.reasons),
        computed=to_wire(from_us(found.computed_us)),
    )


def link_list(conn: Connection, settings: Settings, *, after: str, limit: int, now_us: int) -> dict[str, Any]:
    """The lines with their state and latest figures, by site; `next` is the site to continue after."""
    query = select(link.c.site).where(link.c.site > after).distinct().order_by(link.c.site).limit(limit + 1)
    sites = list(conn.execute(query).scalars())
    states = link_states(conn, sites[:limit], now_us=now_us, silent_after_s=settings.silent_after_s)
    more = sites[limit - 1] if len(sites) > limit else None
    return present(links=[_link_fields(state) for state in states.values()], next=more)


def _link_fields(state: LinkState) -> dict[str, Any]:
    contract = present(down_mbps=state.contracted_down_mbps, up_mbps=state.contracted_up_mbps, layer=state.layer)
    return present(
        site=state.site,
        link=state.link,
        kind=state.kind,
        provider=state.provider,
        contract=contract or None,
        state=state.state.value,
        since=None if state.since_us is None else to_wire(from_us(state.since_us)),
        latest=_latest(state),
    )


def _latest(state: LinkState) -> Mapping[str, Any]:
    """The newest measurement of each meter; addresses are never part of it."""
    found: dict[str, Any] = {}
    for record in state.records:
        found.setdefault(
            record.meter,
            present(
                id=record.id,
                started=to_wire(from_us(record.started_us)),
                outcome=record.outcome.value,
                values=dict(record.values),
                reasons=list(record.reasons) or None,
            ),
        )
    return found
