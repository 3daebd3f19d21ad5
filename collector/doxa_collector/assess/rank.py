"""Rank targets: the place's published figure among those of all provinces. Without all of them there is no answer.

An area that was a province when its plan was written (the plan's file says that it still answers) has a figure only if a
person brings one for it. It is then counted beside the provinces of the month, as one more.
"""

from collections.abc import Collection, Mapping

from doxa_collector.assess.judgement import Judgement
from doxa_collector.assess.published import Published, of_statistic
from doxa_collector.plans.model import Target
from doxa_collector.verdict import VerdictOutcome


def judge_rank(target: Target, own: str, figures: Mapping[str, Published], codes: Collection[str]) -> Judgement:
    """The judgement of a rank target for the place `own`; `figures` by place, of whatever level and statistic.

    `codes` are the provinces that there were then: each must have a figure, and nothing but these and `own` is ranked.
    """
    if target.measure is None or target.operator is None or target.value is None or target.rank_among is None:
        raise ValueError(f"{target.id} is no rank target")
    comparable = of_statistic(dict(figures), target.measure.statistic)
    ranked = {code: figure.value for code, figure in comparable.items() if code in codes or code == own}
    guest = own not in codes
    needed = max(len(codes), target.rank_among) + guest
    detail = {"provinces": len(ranked), "needed": needed, "statistic": target.measure.statistic.value}
    if own not in ranked or len(ranked) < needed:
        alone = own not in ranked and len(ranked) == needed - 1
        return Judgement(
            outcome=VerdictOutcome.INSUFFICIENT,
            n=len(ranked),
            layer=target.measure.layer,
            reasons=("no_own_figure" if alone else "needs_other_provinces",),
            detail=detail,
        )
    rank = 1 + sum(value > ranked[own] for value in ranked.values())
    passed = target.operator.holds(rank, target.value)
    return Judgement(
        outcome=VerdictOutcome.PASS if passed else VerdictOutcome.FAIL,
        value=float(rank),
        n=len(ranked),
        layer=target.measure.layer,
        reasons=("from_published", *(("former_province",) if guest else ())),
        detail=detail | {"own_mbps": ranked[own]},
    )
