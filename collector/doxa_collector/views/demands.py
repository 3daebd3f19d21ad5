"""What plans demand of one line's measurements: the levels that its share of tests is held against.

The verdict on a target is about a whole place and is the assessment's; this says only how the line itself stands to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from doxa_collector.plans.model import Kind, Mark, Measure, Operator, PlaceLevel, Plan, PlanPlace, Unit
from doxa_collector.views.contracts import Contract
from doxa_core.language import Text
from doxa_core.layers import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A level: of a level target, or of the condition that a share target sets for each office."""

    plan: str
    target: str
    label: str
    """Such as `A2`."""
    title: Text
    measure: Measure
    operator: Operator
    value: float
    unit: Unit | None
    ispeed: bool

    def layer(self, contract: Contract) -> Layer | None:
        """Where it is held against the line: at the contract's layer, unless the document or i-Speed fixes it.

        None for what is no rate.
        """
        own = self.measure.layer
        free = own is not None and self.measure.layer_mark is not Mark.V and not self.ispeed
        return contract.layer if free and contract.layer is not None else own


def demands_of(plans: Sequence[Plan], place: str, province: str | None, contract: Contract, day: date) -> list[Demand]:
    """The levels that concern a line of this contract at an office of the unit `place` on `day`."""
    found = []
    for plan in plans:
        answers = plan.valid_from <= day and (plan.judge_until is None or day <= plan.judge_until)
        if not answers or not any(one.judged_on(day) and _covers(one, place, province) for one in plan.places):
            continue
        for target in plan.targets:
            held = target.condition if target.kind is Kind.SHARE else target
            if target.kind not in (Kind.SHARE, Kind.LEVEL) or held is None or held.measure is None:
                continue
            if held.operator is None or held.value is None or held.measure.link_kind is not contract.kind:
                continue
            found.append(
                Demand(
                    plan=plan.id, target=target.id, label=target.label, title=target.title, measure=held.measure,
                    operator=held.operator, value=held.value, unit=held.unit, ispeed=target.ispeed,
                )
            )  # fmt: skip
    return found


def _covers(where: PlanPlace, place: str, province: str | None) -> bool:
    if where.level is PlaceLevel.COUNTRY:
        return True
    if where.level is PlaceLevel.PROVINCE:
        return where.code == province
    return place in (where.members or (where.code,))
