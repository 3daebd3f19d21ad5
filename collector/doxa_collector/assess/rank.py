"""Rank targets: the place's published figure among those of all provinces. Without all of them there is no answer."""

from collections.abc import Collection, Mapping

from doxa_collector.assess.level import Judgement
from doxa_collector.assess.published import Published, of_statistic
from doxa_collector.plans.model import Target
from doxa_collector.verdict import VerdictOutcome


def judge_rank(target: Target, own: str, figures: Mapping[str, Published], codes: Collection[str]) -> Judgement:
    """The judgement of a rank target for the place `own`; `figures` by place, of whatever level and statistic.

    `codes` are the provinces that there were then: each must have a figure, and nothing else is ranked among them.
    """
    if target.measure is None or target.operator is None or target.value is None or target.rank_among is None:
        raise ValueError(f"{target.id} is no rank target")
    comparable = of_statistic(dict(figures), target.measure.statistic)
    provinces = {code: figure.value for code, figure in comparable.items() if code in codes}
    needed = max(len(codes), target.rank_among)
    detail = {"provinces": len(provinces), "needed": needed, "statistic": target.measure.statistic.value}
    if own not in provinces:
        missing = ("no_own_figure",) if len(provinces) >= needed - (own in codes) else ("needs_other_provinces",)
        return Judgement(
            outcome=VerdictOutcome.INSUFFICIENT,
            n=len(provinces),
            layer=target.measure.layer,
            reasons=missing,
            detail=detail,
        )
    if len(provinces) < needed:
        return Judgement(
            outcome=VerdictOutcome.INSUFFICIENT,
            n=len(provinces),
            layer=target.measure.layer,
            reasons=("needs_other_provinces",),
            detail=detail,
        )
    rank = 1 + sum(value > provinces[own] for value in provinces.values())
    passed = target.operator.holds(rank, target.value)
    return Judgement(
        outcome=VerdictOutcome.PASS if passed else VerdictOutcome.FAIL,
        value=float(rank),
        n=len(provinces),
        layer=target.measure.layer,
        reasons=("from_published",),
        detail=detail | {"own_mbps": provinces[own]},
    )
