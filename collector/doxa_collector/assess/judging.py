"""The judging of one month: every plan's targets × places, from one reading of the evidence."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection

from doxa_collector.assess.evidence import Evidence
from doxa_collector.assess.inputs import Inputs
from doxa_collector.assess.judgement import Judgement
from doxa_collector.assess.level import hold, judge, rolled_up
from doxa_collector.assess.manual import judge_manual
from doxa_collector.assess.published import Published, published_figures
from doxa_collector.assess.rank import judge_rank
from doxa_collector.assess.settings import METHOD, Settings
from doxa_collector.assess.share import judge_share
from doxa_collector.period import Period, local_day
from doxa_collector.plans.model import Kind, Plan, PlanPlace, Target
from doxa_collector.rollups.model import Source
from doxa_collector.verdict import Verdict, VerdictOutcome


def judge_month(
    conn: Connection,
    plans: Sequence[Plan],
    period: Period,
    settings: Settings,
    inputs: Inputs,
    last_id: int,
    now_us: int,
    source: Source | None = None,
) -> list[Verdict]:
    """The verdicts of a month as of `now_us`, from the measurements up to `last_id`.

    They are read from `source`, which must have counted just these; from the evidence itself where there is none. The
    same arguments give the same verdicts, on whatever day it is asked and whatever the source.
    """
    day = min(period.last, local_day(now_us))
    evidence = Evidence(conn, period, day, inputs, last_id, source)
    return [
        _verdict(evidence, plan, where, target, settings, now_us)
        for plan in plans if _answers(plan, period)
        for where in plan.places if where.judged_on(day)
        for target in plan.targets
    ]  # fmt: skip


def _answers(plan: Plan, period: Period) -> bool:
    """Whether the plan is judged in a period: from its beginning until the customer ends it, overdue or not."""
    return plan.valid_from <= period.last and (plan.judge_until is None or period.first <= plan.judge_until)


def _verdict(
    evidence: Evidence,
    plan: Plan,
    where: PlanPlace,
    target: Target,
    settings: Settings,
    now_us: int,
) -> Verdict:
    period = evidence.period
    figures = published_figures(evidence.inputs, target.measure) if target.measure and _compares(target) else {}
    found = _judgement(evidence, plan, where, target, settings, now_us, figures)
    own = figures.get(where.code)
    detail = {**found.detail, "method": METHOD}
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
        return judge_rank(target, where.code, figures, {row["code"] for row in evidence.inputs.province})
    return judge_manual(evidence.inputs, plan.id, target, where.code)


def _judge_level(evidence: Evidence, where: PlanPlace, target: Target, settings: Settings) -> Judgement:
    measure = target.measure
    if measure is None or target.operator is None or target.value is None:
        raise ValueError(f"{target.id} is no level target")
    offices = evidence.offices(where)
    if not offices:
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, layer=measure.layer, reasons=("no_offices",))
    if not any(line.kind is measure.link_kind for office in offices for line in office.lines):
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, layer=measure.layer, reasons=("no_links",))
    if not rolled_up(measure):
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, layer=measure.layer, reasons=("value_not_kept",))
    lines = evidence.runs(offices, measure.meter, measure.link_kind)
    demand = hold(target.operator, target.value, measure, settings)
    return judge(lines, measure, demand, fixed_layer=target.ispeed)
