"""Manual targets: the latest figure that a person entered, against the target's value."""

from sqlalchemy import Connection, select

from doxa_collector.assess.level import Judgement
from doxa_collector.assess.period import Period
from doxa_collector.ledger.schema import indicator
from doxa_collector.plans.model import Target
from doxa_collector.verdict import VerdictOutcome

FLAG = "flag"
"""The unit of an answer to a qualitative target: 1 done, 0 not done."""


def judge_manual(conn: Connection, plan: str, target: Target, place: str, period: Period) -> Judgement:
    """The judgement by the figure entered last that was valid by the end of the period."""
    i = indicator.c
    row = conn.execute(
        select(i.value, i.unit, i.as_of, i.source)
        .where(i.plan == plan, i.target == target.id, i.place_code == place, i.as_of <= period.last.isoformat())
        .order_by(i.as_of.desc(), i.entered_us.desc(), i.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, reasons=("not_entered",))
    detail = {"as_of": row.as_of, "source": row.source, "unit": row.unit}
    outcome, reasons = _held_against(target, row.value, row.unit)
    return Judgement(outcome=outcome, value=row.value, n=1, reasons=(*reasons, "entered_by_hand"), detail=detail)


def _held_against(target: Target, value: float, unit: str) -> tuple[VerdictOutcome, tuple[str, ...]]:
    if target.operator is None or target.value is None or target.unit is None:
        if unit == FLAG:
            return (VerdictOutcome.PASS if value == 1 else VerdictOutcome.FAIL), ()
        return VerdictOutcome.INSUFFICIENT, ("no_target_value",)
    if unit != target.unit:
        return VerdictOutcome.INSUFFICIENT, ("unit_differs",)
    return (VerdictOutcome.PASS if target.operator.holds(value, target.value) else VerdictOutcome.FAIL), ()
