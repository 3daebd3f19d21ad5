"""The verdict of a level target: pass and fail only where the bound of the statistic clears the target.

A mean on the right side of the target is no verdict while noise could have put it there: with the estimate alone a line
at 98 % of the target passes in one month of four. So pass needs the lower bound at the target or above, fail the upper
bound below it (mirrored for a target that is a ceiling), each with `Rule.confidence`, and all between is `insufficient`.

What the probe limited is a lower bound of the line (assess.level): a target is met by all values as they stand; it is
missed only by those that tell, without limited ones that do not reach it; between the two the probe was the limit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from doxa_collector.plans.model import Operator, Statistic
from doxa_collector.statistics.bins import meeting
from doxa_collector.statistics.mean import Figure, Mean, mean_of
from doxa_collector.statistics.quantile import Quantile
from doxa_collector.statistics.rollup import Rollup, Tallies, Tally, added
from doxa_collector.statistics.sample import micro
from doxa_collector.statistics.student import check_confidence
from doxa_collector.verdict import VerdictOutcome

CONFIDENCE: Final = 0.99
"""Of each side; see docs/judging.md for the rates of false verdicts that it gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a level is held against. `ValueError` for an operator that orders no values and for a target that is none."""

    operator: Operator
    target: float
    """In the measure's unit."""
    statistic: Statistic = Statistic.MEAN
    min_samples: int = 30
    min_days: int = 7
    """A week: fewer days do not show how days differ, and may hold no weekend."""
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        meeting(self.operator, micro(self.target))
        check_confidence(self.confidence)
        if self.min_samples < 1 or self.min_days < 1:
            raise ValueError("a rule needs at least one sample and one day")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer, the figure it stands on, and why."""

    outcome: VerdictOutcome
    figure: Figure | None = None
    reasons: tuple[str, ...] = field(default=())
    """`no_samples`, `too_few_samples`, `too_few_days`, `within_uncertainty`, `probe_was_limit`,
    `skips_decide`."""


def decide(rollup: Rollup, rule: Rule) -> Decision:
    """The verdict for a period; the order of arrival and the way of merging never change it."""
    return _decide(_figure(rollup, rule, telling=False), lambda: _figure(rollup, rule, telling=True), rule)


def decide_quantile(found: Quantile | None, rule: Rule) -> Decision:
    """The same verdict from a median of values none of which the probe limited. `ValueError` for a rule about a mean."""
    if rule.statistic is not Statistic.MEDIAN:
        raise ValueError("a quantile knows no mean: it takes sums, or the rollup")
    figure = None if found is None else found.figure(rule.confidence)
    return _decide(figure, lambda: figure, rule)


def decide_sums(days: Mapping[int, Tally], rule: Rule) -> Decision:
    """The same verdict from sums alone, for a mean over days on which the probe limited nothing: a country in seconds.

    `ValueError` for a rule about a median, which sums do not know.
    """
    if rule.statistic is not Statistic.MEAN:
        raise ValueError("sums know no median: it takes the rollup's bins")
    figure = mean_of(days, rule.confidence)
    return _decide(figure, lambda: figure, rule)


def _decide(everything: Figure | None, telling: Callable[[], Figure | None], rule: Rule) -> Decision:
    if everything is None:
        return Decision(outcome=VerdictOutcome.INSUFFICIENT, reasons=("no_samples",))
    if few := _too_few(everything, rule):
        return Decision(outcome=VerdictOutcome.INSUFFICIENT, figure=everything, reasons=few)
    if rule.operator.holds(everything.value, rule.target):
        return _decision(VerdictOutcome.PASS, everything, rule)
    known = telling()
    if known is None or _too_few(known, rule) or rule.operator.holds(known.value, rule.target):
        return Decision(outcome=VerdictOutcome.PROBE_LIMITED, figure=everything, reasons=("probe_was_limit",))
    return _decision(VerdictOutcome.FAIL, known, rule)


def _decision(leaning: VerdictOutcome, figure: Figure, rule: Rule) -> Decision:
    wanted = leaning is VerdictOutcome.PASS
    near = figure.lower if wanted is rule.operator.upward else figure.upper
    if near is not None and rule.operator.holds(near, rule.target) is wanted:
        return Decision(outcome=leaning, figure=figure)
    return Decision(outcome=VerdictOutcome.INSUFFICIENT, figure=figure, reasons=("within_uncertainty",))


def as_due(found: Decision, due: Figure | None, rule: Rule) -> Decision:
    """A pass or a fail where tests were skipped: it stands if it also holds for the figure of all that was due.

    Its bounds reach over those of both.
    """
    if found.figure is None:
        return found
    lower, upper = (None, None) if due is None else (due.lower, due.upper)
    figure = replace(
        found.figure, lower=_outer(min, found.figure.lower, lower), upper=_outer(max, found.figure.upper, upper)
    )
    again = _decision(found.outcome, figure, rule)
    return again if again.outcome is found.outcome else replace(again, reasons=("skips_decide",))


def _outer(most: Callable[[float, float], float], one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else most(one, other)


def _too_few(figure: Figure, rule: Rule) -> tuple[str, ...]:
    codes = {"too_few_samples": figure.n < rule.min_samples, "too_few_days": figure.days < rule.min_days}
    return tuple(code for code, true in codes.items() if true)


def _figure(rollup: Rollup, rule: Rule, *, telling: bool) -> Figure | None:
    """The statistic of all values, or of those that tell; what several rules share is found once."""
    limited = any(day.limited for day in rollup.days.values())
    asked = (rule.operator, rule.target) if telling and limited else None
    key = (rule.statistic, asked)
    if key not in rollup.known:
        days = all_values(rollup) if asked is None else _telling(rollup, rule)
        rollup.known[key] = _prepared(days, rule.statistic)
    found: Mean | Quantile | None = rollup.known[key]
    return None if found is None else found.figure(rule.confidence)


def _prepared(days: Mapping[int, Tallies], statistic: Statistic) -> Mean | Quantile | None:
    if statistic is Statistic.MEDIAN:
        return Quantile.of(days)
    return Mean.of({day: added(bins.values()) for day, bins in days.items()})


def all_values(rollup: Rollup) -> dict[int, Tallies]:
    """Day → all its values as they stand, limited or not."""
    return {day: _joined(one.bins, one.limited) for day, one in rollup.days.items()}


def _telling(rollup: Rollup, rule: Rule) -> dict[int, Tallies]:
    holds = meeting(rule.operator, micro(rule.target))
    return {
        day: _joined(one.bins, {key: tally for key, tally in one.limited.items() if holds(key)})
        for day, one in rollup.days.items()
    }


def _joined(bins: Tallies, limited: Tallies) -> Tallies:
    if not limited:
        return bins
    return {key: added(part[key] for part in (bins, limited) if key in part) for key in {*bins, *limited}}
