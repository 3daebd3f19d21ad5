"""The verdict of a level: what it says, what it never does, and how often it is wrong on lines whose truth is known."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.plans.model import Operator, Statistic
from doxa_collector.statistics.level import Rule, decide, decide_sums
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import DAY_US, Sample
from doxa_collector.verdict import VerdictOutcome
from doxa_core.outcome import Outcome
from doxa_lab.bench import _noise, verdict_rates
from doxa_lab.bench._cells import DOXA, ESTIMATE

DAY0 = 20_575 * DAY_US - 7 * 3_600_000_000  # midnight in Vietnam
NEAR = st.floats(90, 115) | st.integers(95, 105).map(float) | st.floats(0, 5000)
SAMPLES = st.lists(
    st.builds(Sample, st.integers(DAY0, DAY0 + 4 * DAY_US), st.sampled_from([Outcome.OK, Outcome.OK, Outcome.PROBE_LIMITED]), NEAR),
    min_size=3,
    max_size=12,
)  # fmt: skip
RULES = st.builds(
    Rule,
    operator=st.sampled_from([Operator.AT_LEAST, Operator.ABOVE, Operator.AT_MOST, Operator.BELOW]),
    target=st.sampled_from([100.0, 102.0, 100.12345]),
    statistic=st.sampled_from(Statistic),
    min_samples=st.just(3),
    min_days=st.just(2),
    confidence=st.sampled_from([0.6, 0.8, 0.99]),
)


def month(mean: float, spread: float, outcome: Outcome = Outcome.OK, days: int = 30) -> Rollup:
    random = Random(4)
    return Rollup.of(
        Sample(DAY0 + n * DAY_US + k * 3_600_000_000, outcome, random.gauss(mean, spread))
        for n in range(days)
        for k in range(24)
    )


AT_LEAST = Rule(operator=Operator.AT_LEAST, target=100.0)


@pytest.mark.parametrize("statistic", Statistic)
@pytest.mark.parametrize(
    ("mean", "wanted"),
    [(103.0, VerdictOutcome.PASS), (97.0, VerdictOutcome.FAIL), (100.1, VerdictOutcome.INSUFFICIENT)],
)
def test_only_a_line_clear_of_the_target_gets_an_answer(
    mean: float, wanted: VerdictOutcome, statistic: Statistic
) -> None:
    rule = Rule(operator=Operator.AT_LEAST, target=100.0, statistic=statistic)
    assert decide(month(mean, 5), rule).outcome is wanted
    mirrored = {VerdictOutcome.PASS: VerdictOutcome.FAIL, VerdictOutcome.FAIL: VerdictOutcome.PASS}
    ceiling = Rule(operator=Operator.AT_MOST, target=100.0, statistic=statistic)
    assert decide(month(mean, 5), ceiling).outcome is mirrored.get(wanted, wanted)


def test_the_reasons_say_why_there_is_no_answer() -> None:
    assert decide(Rollup(days={}), AT_LEAST).reasons == ("no_samples",)
    assert decide(month(120, 5, days=1), AT_LEAST).reasons == ("too_few_samples", "too_few_days")
    assert decide(month(120, 5, days=6), AT_LEAST).reasons == ("too_few_days",)
    assert decide(month(100.1, 5), AT_LEAST).reasons == ("within_uncertainty",)


def test_a_probe_that_was_the_limit_never_makes_a_line_fail_and_can_make_it_pass() -> None:
    assert decide(month(94, 0.2, Outcome.PROBE_LIMITED), AT_LEAST).outcome is VerdictOutcome.PROBE_LIMITED
    assert decide(month(104, 0.2, Outcome.PROBE_LIMITED), AT_LEAST).outcome is VerdictOutcome.PASS


def test_a_line_that_never_varies_and_stands_at_the_target_passes() -> None:
    assert decide(month(100, 0), AT_LEAST).outcome is VerdictOutcome.PASS
    assert decide(month(100, 0), Rule(operator=Operator.ABOVE, target=100.0)).outcome is VerdictOutcome.FAIL


@given(SAMPLES, RULES, st.floats(0, 5000), st.integers(0, 4 * DAY_US))
def test_a_sample_that_meets_the_target_never_turns_pass_into_fail(
    samples: list[Sample], rule: Rule, value: float, later: int
) -> None:
    if rule.operator.holds(value, rule.target) and decide(Rollup.of(samples), rule).outcome is VerdictOutcome.PASS:
        more = [*samples, Sample(DAY0 + later, Outcome.OK, value)]
        assert decide(Rollup.of(more), rule).outcome is not VerdictOutcome.FAIL


@given(SAMPLES, RULES, st.integers(0, 12), st.randoms(use_true_random=False))
def test_neither_order_nor_merging_changes_a_verdict(
    samples: list[Sample], rule: Rule, cut: int, order: Random
) -> None:
    other = list(samples)
    order.shuffle(other)
    merged = Rollup.of(other[cut:]).merge(Rollup.from_json(Rollup.of(other[:cut]).to_json()))
    assert decide(merged, rule) == decide(Rollup.of(samples), rule)


@given(SAMPLES, RULES)
def test_sums_of_days_give_the_verdict_of_the_whole_rollup(samples: list[Sample], rule: Rule) -> None:
    own = Rollup.of(sample._replace(outcome=Outcome.OK) for sample in samples)
    sums = {day: one.all for day, one in own.days.items()}
    if rule.statistic is Statistic.MEAN:
        assert decide_sums(sums, rule) == decide(own, rule)
    else:
        with pytest.raises(ValueError, match="no median"):
            decide_sums(sums, rule)


@pytest.mark.parametrize(
    "wrong",
    [{"operator": Operator.EQUAL}, {"operator": Operator.RANK_AT_MOST}, {"target": float("nan")}, {"target": -1.0},
     {"confidence": 1.0}, {"confidence": 0.5}, {"min_samples": 0}, {"min_days": 0}],
)  # fmt: skip
def test_a_rule_that_decides_nothing_is_refused(wrong: dict[str, object]) -> None:
    parts: dict[str, object] = {"operator": Operator.AT_LEAST, "target": 100.0, **wrong}
    with pytest.raises(ValueError, match=r"."):
        Rule(**parts)  # type: ignore[arg-type]


def test_a_simulated_mobile_line_gets_hardly_a_false_verdict_where_estimates_alone_give_many() -> None:
    """40 months of the benchmark's noisiest kind; the whole table is in docs/judging.md."""
    found = verdict_rates.rates(_noise.kind_of("mobile"), Statistic.MEAN, 40, 3, levels=(0.98, 1.02), calibration=120)
    assert sum(cell.false / cell.n for cell in found.all() if cell.rule == DOXA) / 2 <= 0.04
    assert sum(cell.false / cell.n for cell in found.all() if cell.rule == ESTIMATE) / 2 >= 0.1


def test_the_benchmarks_noise_repeats_by_its_seed() -> None:
    first, second = (list(_noise.month(_noise.kind_of("fibre"), Random(1))) for _ in range(2))
    assert first == second
    assert Counter(sample.outcome for sample in first) == {Outcome.OK: 24 * 30}
