"""How certain each office of a share must be, so that the share's own answer is as certain as a single line's.

Of a hundred lines that all just meet a target one is missed by chance at 99 %, and "100 % of offices" would fail. So what
can turn the share's answer is divided among the offices (Bonferroni). With `spare` offices that may miss the condition, a
wrong pass needs one wrong answer among `spare + 1` offices that miss it, and a wrong fail one among the others.

No office is asked for more than `student.MOST_CONFIDENCE`. Where a country of offices would need more, some answers may
be wrong by chance, and so many decide nothing: the smallest number that chance exceeds less often than the doubt.
"""

from dataclasses import dataclass
from typing import Any

from doxa_collector.assess.settings import Settings
from doxa_collector.plans.model import Operator
from doxa_collector.statistics.binomial import binomial_tail
from doxa_collector.statistics.student import MOST_CONFIDENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What one office's answer must be worth."""

    met: float
    """The confidence with which an office must meet the condition."""
    failed: float
    """That with which it must miss it."""
    idle_met: int = 0
    """So many offices that meet it by their figures decide nothing."""
    idle_failed: int = 0
    """The same of offices that miss it."""

    def shown(self) -> dict[str, Any]:
        """For the verdict's detail."""
        return {"confidence_met": self.met, "confidence_failed": self.failed}


def family_of(offices: int, missing: int, operator: Operator, value: float, settings: Settings) -> Family:
    """For a share of so many offices, and so many more of which nothing is known, against `value` per cent."""
    doubt, total = 1 - settings.confidence, offices + missing
    if settings.decide_by == "estimate" or offices == 0:
        return Family(met=settings.confidence, failed=settings.confidence)
    spare = _spare(total, operator, value)
    towards, idle_towards = _each(doubt, spare + 1)
    against, idle_against = _each(doubt, max(1, offices - spare))
    if operator.upward:
        return Family(met=towards, failed=against, idle_met=idle_towards, idle_failed=idle_against)
    return Family(met=against, failed=towards, idle_met=idle_against, idle_failed=idle_towards)


def _spare(total: int, operator: Operator, value: float) -> int:
    """How many offices may go the other way without turning a pass into a fail."""
    most = total
    low = 0
    while low < most:  # the share that holds is an interval that begins at all of them going the right way
        middle = (low + most + 1) // 2
        met = total - middle if operator.upward else middle
        low, most = (middle, most) if operator.holds(100 * met / total, value) else (low, middle - 1)
    return low


def _each(doubt: float, among: int) -> tuple[float, int]:
    """The confidence of one answer among so many, and how many of them chance may still turn."""
    confidence = min(MOST_CONFIDENCE, 1 - doubt / among)
    idle = 0
    while binomial_tail(idle + 1, among, 1 - confidence) > doubt * (1 + 1e-9):
        idle += 1
    return confidence, idle
