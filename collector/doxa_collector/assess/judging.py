"""The run of the assessment: every plan's targets × places for every month that is not closed yet."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Engine, select

from doxa_collector.assess.evidence import Evidence
from doxa_collector.assess.level import Judgement, Rule, judge
from doxa_collector.assess.manual import judge_manual
from doxa_collector.assess.period import Period, local_day, months
from doxa_collector.assess.published import Published, published_figures
from doxa_collector.assess.rank import judge_rank
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.share import judge_share
from doxa_collector.assess.storing import Closed, closed_verdicts, store
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import measurement
from doxa_collector.plans.model import Kind, Plan, PlanPlace, Target
from doxa_collector.verdict import Verdict, VerdictOutcome
from doxa_core.moments import microseconds


def run(engine: Engine, plans: Sequence[Plan], settings: Settings, now: datetime) -> list[Verdict]:
    """Judge every month that is not closed, write the verdicts to the ledger, and give them back (the latest month first).

    A month is closed once it was judged `settings.final_after_days` after its end; from then on its verdicts stay as
    they are, also under another version of the plan. `LedgerError` where the database refuses.
    """
    now_us = microseconds(now)
    with reading(engine) as conn:
        closed = closed_verdicts(conn, settings)
        found = [
            verdict
            for period in months(_first_day(conn, now_us), local_day(now_us))
            for verdict in _judge_period(conn, plans, period, settings, now_us, closed)
        ]
    with writing(engine) as conn:
        store(conn, found, now_us, closed)
    return found


def _first_day(conn: Connection, now_us: int) -> date:
    """The day on which the ledger received its oldest measurement: by our clock, which no probe can set wrong."""
    m = measurement.c
    first = conn.execute(select(m.received_us).order_by(m.id).limit(1)).scalar()
    return local_day(now_us if first is None else min(first, now_us))


def _judge_period(
    conn: Connection, plans: Sequence[Plan], period: Period, settings: Settings, now_us: int, closed: Closed
) -> Iterator[Verdict]:
    day = min(period.last, local_day(now_us))
    evidence = Evidence(conn, period, day)
    for plan in plans:
        if not _answers(plan, period):
            continue
        for where in (place for place in plan.places if place.judged_on(day)):
            for target in plan.targets:
                if (plan.id, target.id, where.code, period.first.isoformat()) not in closed:
                    yield _verdict(conn, evidence, plan, where, target, settings, now_us)


def _answers(plan: Plan, period: Period) -> bool:
    """Whether the plan is judged in a period: from its beginning until the customer ends it, overdue or not."""
    return plan.valid_from <= period.last and (plan.judge_until is None or period.first <= plan.judge_until)


def _verdict(
    conn: Connection,
    evidence: Evidence,
    plan: Plan,
    where: PlanPlace,
    target: Target,
    settings: Settings,
    now_us: int,
) -> Verdict:
    period = evidence.period
    figures = published_figures(conn, period, target.measure) if target.measure and _compares(target) else {}
    found = _judgement(conn, evidence, plan, where, target, settings, now_us, figures)
    own = figures.get(where.code)
    detail = dict(found.detail)
    if own is not None:
        detail["published"] = {"statistic": own.statistic, "source": own.source, "mark": own.mark}
    return Verdict(
        plan=plan.id,
        plan_version=plan.version,
        target=target.id,
        place=where.code,
        period_from=period.first,
        period_to=period.last,
        outcome=found.outcome,
        value=found.value,
        n=found.n,
        lower=None if found.bounds is None else found.bounds.lower,
        upper=None if found.bounds is None else found.bounds.upper,
        layer=None if found.layer is None else found.layer.value,
        reasons=tuple(dict.fromkeys((*found.reasons, *_due(target, period), *target.caveats))),
        published=None if own is None else own.value,
        detail=json.dumps(detail, ensure_ascii=False, sort_keys=True, allow_nan=False),
    )


def _compares(target: Target) -> bool:
    return target.ispeed or target.kind is Kind.RANK


def _due(target: Target, period: Period) -> tuple[str, ...]:
    if target.due is None:
        return ()
    if target.due < period.first:
        return ("overdue",)
    return ("not_due",) if target.due > period.last else ()


def _judgement(
    conn: Connection,
    evidence: Evidence,
    plan: Plan,
    where: PlanPlace,
    target: Target,
    settings: Settings,
    now_us: int,
    figures: dict[str, Published],
) -> Judgement:
    if target.kind is Kind.LEVEL:
        return _judge_level(evidence, where, target, settings)
    if target.kind is Kind.SHARE:
        return judge_share(evidence, where, target, settings, now_us)
    if target.kind is Kind.RANK:
        return judge_rank(target, where.code, figures)
    return judge_manual(conn, plan.id, target, where.code, evidence.period)


def _judge_level(evidence: Evidence, where: PlanPlace, target: Target, settings: Settings) -> Judgement:
    measure = target.measure
    if measure is None or target.operator is None or target.value is None:
        raise ValueError(f"{target.id} is no level target")
    offices = evidence.offices(where)
    if not offices:
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, layer=measure.layer, reasons=("no_offices",))
    if not any(line.kind is measure.link_kind for office in offices for line in office.lines):
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, layer=measure.layer, reasons=("no_links",))
    rule = Rule(
        operator=target.operator,
        value=target.value,
        statistic=measure.statistic,
        min_samples=settings.min_samples,
    )
    samples = evidence.samples(offices, measure.meter, measure.link_kind)
    return judge(samples, measure, rule, fixed_layer=target.ispeed)
