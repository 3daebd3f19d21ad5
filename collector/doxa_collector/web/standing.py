"""What the plans demand of one line, and how the line itself stands: apart from the verdict on the whole place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.period import month_of
from doxa_collector.plans.model import Kind, Measure, Operator, Plan, PlanPlace, Target, Unit
from doxa_collector.statistics.level import Rule, decide
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import Sample
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.web.board import Finding, findings_of, latest_period
from doxa_collector.web.linkstate import LinkState
from doxa_collector.web.places import Atlas
from doxa_core.outcome import Outcome

_COUNTED: Final = (Outcome.OK.value, Outcome.PROBE_LIMITED.value)
_ORDERING: Final = (Operator.AT_LEAST, Operator.ABOVE, Operator.AT_MOST, Operator.BELOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The statistic of this line's own samples in the period, and whether it meets the demand for certain."""

    value: float
    n: int
    outcome: VerdictOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A level that a plan demands of this line, with the plan's verdict for the place."""

    plan: Plan
    place: PlanPlace
    target: Target
    measure: Measure
    operator: Operator
    value: float
    unit: Unit | None
    finding: Finding | None
    standing: Standing | None
    """How this line itself stands: the verdict is about all such lines of the place."""
    overdue: bool


def requirements_of(
    conn: Connection, plans: Sequence[Plan], atlas: Atlas, state: LinkState, today: date
) -> list[Requirement]:
    """What the plans demand of this line: level targets, and the level within a share target."""
    site, month = atlas.sites[state.site], month_of(today)
    found = []
    for plan in plans:
        levels = _levels(plan, state.kind)
        places = [p for p in plan.places if levels and p.judged_on(today) and site in atlas.sites_of(p)]
        period = latest_period(conn, plan) if places else None
        findings = [] if period is None else findings_of(conn, plan, period.first, {p.code for p in places})
        by_key = {(f.place, f.target): f for f in findings}
        found += [
            Requirement(
                plan=plan,
                place=place,
                target=target,
                measure=measure,
                operator=operator,
                value=value,
                unit=unit,
                finding=by_key.get((place.code, target.id)),
                standing=read_standing(
                    conn, (state.site, state.link), measure, operator, value, (month.from_us, month.to_us)
                ),
                overdue=target.due is not None and target.due < today,
            )
            for place in places
            for target, measure, operator, value, unit in levels
        ]
    return found


def _levels(plan: Plan, kind: str) -> list[tuple[Target, Measure, Operator, float, Unit | None]]:
    found = []
    for target in plan.targets:
        held = target.condition if target.kind is Kind.SHARE else target
        if held is None or held.measure is None or held.operator is None or held.value is None:
            continue
        if held.measure.link_kind == kind and target.kind is not Kind.RANK:
            found.append((target, held.measure, held.operator, held.value, held.unit))
    return found


def read_standing(
    conn: Connection, key: tuple[str, str], measure: Measure, operator: Operator, wanted: float, period: tuple[int, int]
) -> Standing | None:
    """The figure of the line `key` (site, link) within `period` [from, to) in microseconds; None without samples.

    Whether it meets the demand is decided as a verdict is (docs/judging.md): by bounds over days, never by the figure alone.
    """
    m = measurement.c
    number = func.json_extract(m["values"], f'$."{measure.value}"')
    query = select(m.started_us, m.outcome, number).where(
        m.site == key[0],
        m.link == key[1],
        m.meter == measure.meter,
        m.started_us >= period[0],
        m.started_us < period[1],
        m.outcome.in_(_COUNTED),
    )
    samples = [
        Sample(us, Outcome(outcome), float(value)) for us, outcome, value in conn.execute(query) if value is not None
    ]
    if not samples or operator not in _ORDERING:
        return None
    found = decide(Rollup.of(samples), Rule(operator=operator, target=wanted, statistic=measure.statistic))
    figure = found.figure
    return None if figure is None else Standing(value=figure.value, n=figure.n, outcome=found.outcome)
