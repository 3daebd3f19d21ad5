"""A median from the values themselves, and what several rules share, are the same to the last bit as from the bins."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.plans.model import Operator, Statistic
from doxa_collector.statistics.level import Rule, all_values, decide, decide_quantile
from doxa_collector.statistics.mean import mean_of
from doxa_collector.statistics.quantile import Quantile, quantile_of
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import DAY_US, MICRO, Sample
from doxa_core.outcome import Outcome

VALUES = st.one_of(
    st.integers(0, 20_000),
    st.integers(90_000_000, 110_000_000),
    st.sampled_from([95_000_000, 100_000_000, 100_000_001, 99_999_999, 100_050_000]),
    st.integers(0, 10**12),
)
DAYS = st.dictionaries(st.integers(20_000, 20_040), st.lists(VALUES, max_size=30), max_size=31)


def rolled(days: Mapping[int, Sequence[int]], limited: Mapping[int, Sequence[int]] | None = None) -> Rollup:
    both = ((days, Outcome.OK), (limited or {}, Outcome.PROBE_LIMITED))
    return Rollup.of(
        Sample(day * DAY_US + n, outcome, units / MICRO)
        for found, outcome in both
        for day, values in found.items()
        for n, units in enumerate(values)
    )


@given(
    days=DAYS, share=st.sampled_from([0.05, 0.5, 0.95, 1 / 3]), confidence=st.sampled_from([0.8, 0.95, 0.99, 0.9999])
)
def test_values_and_bins_give_one_quantile(days: dict[int, list[int]], share: float, confidence: float) -> None:
    fast = Quantile.of_values(days, share)
    slow = quantile_of(all_values(rolled(days)), share, confidence)
    assert (None if fast is None else fast.figure(confidence)) == slow


@given(days=DAYS, target=st.sampled_from([95.0, 100.0, 102.0]), confidence=st.sampled_from([0.9, 0.99, 0.9999]))
def test_a_rule_is_decided_alike_from_values_and_from_the_rollup(
    days: dict[int, list[int]], target: float, confidence: float
) -> None:
    rule = Rule(operator=Operator.AT_LEAST, target=target, statistic=Statistic.MEDIAN, min_samples=5, min_days=2,
                confidence=confidence)  # fmt: skip
    assert decide_quantile(Quantile.of_values(days), rule) == decide(rolled(days), rule)


@given(days=DAYS, limited=DAYS, statistic=st.sampled_from(list(Statistic)))
def test_what_rules_share_never_mixes_their_answers(
    days: dict[int, list[int]], limited: dict[int, list[int]], statistic: Statistic
) -> None:
    rules = [
        Rule(operator=operator, target=target, statistic=statistic, min_samples=3, min_days=1, confidence=confidence)
        for operator in (Operator.AT_LEAST, Operator.AT_MOST)
        for target in (95.0, 100.0)
        for confidence in (0.8, 0.99)
    ]
    one = rolled(days, limited)
    assert [decide(one, rule) for rule in rules] == [decide(rolled(days, limited), rule) for rule in rules]
    assert one == rolled(days, limited), "what is known of it is no part of it"


def test_a_quantile_knows_no_mean_and_no_impossible_share() -> None:
    with pytest.raises(ValueError, match="knows no mean"):
        decide_quantile(None, Rule(operator=Operator.AT_LEAST, target=1.0, statistic=Statistic.MEAN))
    for share in (0.0, 1.0):
        with pytest.raises(ValueError, match="there is no quantile"):
            Quantile.of_values({}, share)
    assert Quantile.of_values({1: []}) is None
    assert mean_of({}) is None
