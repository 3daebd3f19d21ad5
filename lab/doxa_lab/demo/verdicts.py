"""Which verdicts speak about which line: by the office's plan, its places and the kind of line that a target names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from doxa_collector.plans.loader import load_plans
from doxa_collector.plans.model import Plan, Target
from doxa_collector.verdict import VerdictOutcome
from doxa_core.language import Text, number
from doxa_lab.demo.ground import Spot
from doxa_lab.demo.results import Judged, Results

DECIDED: Final = (VerdictOutcome.PASS, VerdictOutcome.FAIL)
MARKS: Final = {VerdictOutcome.PASS: "✓", VerdictOutcome.FAIL: "✗"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfLine:
    """A verdict with the target that it answers."""

    target: Target
    judged: Judged

    @property
    def outcome(self) -> VerdictOutcome:
        """The outcome."""
        return VerdictOutcome(self.judged.outcome)

    @property
    def text(self) -> Text:
        """In a table's cell: `✗ A2 không đạt 85,1`."""
        return Text(vi=self._in("vi"), en=self._in("en"))

    def _in(self, lang: str) -> str:
        words = self.outcome.text.vi if lang == "vi" else self.outcome.text.en
        value = self.judged.value
        shown = "" if value is None else " " + number(value, 1, "vi" if lang == "vi" else "en")
        unit = "" if value is None or self.target.unit is None else self.target.unit.text.vi
        return f"{MARKS.get(self.outcome, '·')} {self.target.label} {words}{shown}{'%' if unit == '%' else ''}"


class Verdicts:
    """The shipped plans, and what is judged by them."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {plan.id: plan for plan in load_plans()}

    def of_spot(self, spot: Spot, results: Results) -> list[OfLine]:
        """The verdicts of the plan of the line's office on its kind of line, in the plan's order."""
        plan = self._plans.get(spot.office.plan)
        if plan is None:
            return []
        found = []
        for target in plan.targets:
            if target.link_kind is spot.link.kind:
                found += [OfLine(target=target, judged=j) for j in _of(spot, plan, target, results.verdicts)]
        return found


def _of(spot: Spot, plan: Plan, target: Target, judged: Sequence[Judged]) -> list[Judged]:
    """Those of the office's own commune or province; where there are none, of whatever area answers for the plan."""
    found = [j for j in judged if (j.plan, j.target) == (plan.id, target.id)]
    own = [j for j in found if j.place in (spot.office.place.code, spot.office.place.province)]
    return own or found


def decided(judged: Sequence[Judged]) -> list[Judged]:
    """Those that say pass or fail because of a measurement (that a line is missing stands in the registry already)."""
    return [j for j in judged if j.outcome in DECIDED and j.value is not None and "no_link" not in j.reasons]
