"""Manual targets: the latest figure that a person entered, against the target's value."""

from doxa_collector.assess.inputs import Inputs
from doxa_collector.assess.judgement import Judgement
from doxa_collector.plans.model import Target
from doxa_collector.verdict import VerdictOutcome

FLAG = "flag"
"""The unit of an answer to a qualitative target: 1 done, 0 not done."""


def judge_manual(inputs: Inputs, plan: str, target: Target, place: str) -> Judgement:
    """The judgement by the latest figure that was valid by the end of the period; of one day, the one entered last."""
    wanted = (plan, target.id, place)
    rows = [row for row in inputs.indicator if (row["plan"], row["target"], row["place_code"]) == wanted]
    if not rows:
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, reasons=("not_entered",))
    row = max(rows, key=lambda row: (row["as_of"], row["entered_us"], row["id"]))
    detail = {"as_of": row["as_of"], "source": row["source"], "unit": row["unit"]}
    outcome, reasons = _held_against(target, row["value"], row["unit"])
    return Judgement(outcome=outcome, value=row["value"], n=1, reasons=(*reasons, "entered_by_hand"), detail=detail)


def _held_against(target: Target, value: float, unit: str) -> tuple[VerdictOutcome, tuple[str, ...]]:
    if target.operator is None or target.value is None or target.unit is None:
        if unit == FLAG:
            return (VerdictOutcome.PASS if value == 1 else VerdictOutcome.FAIL), ()
        return VerdictOutcome.INSUFFICIENT, ("no_target_value",)
    if unit != target.unit:
        return VerdictOutcome.INSUFFICIENT, ("unit_differs",)
    return (VerdictOutcome.PASS if target.operator.holds(value, target.value) else VerdictOutcome.FAIL), ()
