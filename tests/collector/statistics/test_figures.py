"""Mean, share, percentiles and the bootstrap: against truths that are known, and against arithmetic done otherwise."""

from collections.abc import Callable
from math import sqrt
from random import Random
from statistics import fmean, median

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from doxa_collector.plans.model import Operator
from doxa_collector.statistics.binomial import share_bounds
from doxa_collector.statistics.bootstrap import bootstrap_bounds
from doxa_collector.statistics.clusters import day_error
from doxa_collector.statistics.mean import mean_of
from doxa_collector.statistics.quantile import quantile_of, ranks_of
from doxa_collector.statistics.rollup import Rollup, Tallies, Tally, added
from doxa_collector.statistics.sample import DAY_US, Sample, micro
from doxa_collector.statistics.share import effective_tests, met_by_day, share_of
from doxa_core.outcome import Outcome

DAY0 = 20_575
VALUES = st.floats(0, 5000)
GOLDEN = (4.1, 9.75)
DAYS = st.lists(st.lists(VALUES, max_size=6), min_size=1, max_size=12)


def rollup(days: list[list[float]], outcome: Outcome = Outcome.OK) -> Rollup:
    """Values by day, an hour apart."""
    return Rollup.of(
        Sample((DAY0 + n) * DAY_US + k * 1_800_000_000, outcome, value)
        for n, day in enumerate(days)
        for k, value in enumerate(day)
    )


def bins(days: list[list[float]]) -> dict[int, Tallies]:
    return {day: one.bins for day, one in rollup(days).days.items()}


def tallies(days: list[list[float]]) -> dict[int, Tally]:
    return {day: added(found.values()) for day, found in bins(days).items()}


def noisy(random: Random, likeness: float, days: int = 30, per_day: int = 10) -> list[list[float]]:
    """Around 100: each day has its own level, like the day before to the degree given."""
    level, found = random.gauss(0, 5), []
    for _ in range(days):
        level = likeness * level + random.gauss(0, 5 * sqrt(1 - likeness * likeness))
        found.append([100 + level + random.gauss(0, 2) for _ in range(per_day)])
    return found


@given(DAYS)
def test_the_mean_is_that_of_all_values_and_lies_between_its_bounds(days: list[list[float]]) -> None:
    values = [value for day in days for value in day]
    found = mean_of(tallies(days))
    if found is None:
        assert not values
        return
    assert found.n == len(values)
    assert found.value == pytest.approx(fmean(values), abs=1e-6)
    if found.lower is not None and found.upper is not None:
        assert found.lower <= found.value <= found.upper
    else:
        assert sum(1 for day in days if day) < 2


@pytest.mark.parametrize(("likeness", "most"), [(0.0, 0.02), (0.5, 0.04)])
def test_the_mean_bound_misses_the_truth_as_seldom_as_it_says_although_days_are_alike(
    likeness: float, most: float
) -> None:
    random, months = Random(5), 300
    found = [mean_of(tallies(noisy(random, likeness)), 0.99) for _ in range(months)]
    missed = sum((one.lower or 0) > 100 or (one.upper or 0) < 100 for one in found if one is not None)
    assert missed / months / 2 <= most


def test_tests_of_one_day_that_share_its_level_count_as_few() -> None:
    """The naive standard error of 300 values would be 0.31 (5.4 ÷ √300); of 30 days it is at least 5 ÷ √30."""
    errors = [day_error(tallies(noisy(Random(seed), 0.0))) for seed in range(20)]
    assert fmean(error.units / 1e6 for error in errors if error) > 0.85 * 5 / sqrt(30)


def test_days_that_resemble_each_other_widen_the_error() -> None:
    slow = [[100.0 + n] for n in range(30)]
    mixed = [[100.0 + n * 7 % 30] for n in range(30)]
    one, other = day_error(tallies(slow)), day_error(tallies(mixed))
    assert one is not None
    assert other is not None
    assert one.units > 1.5 * other.units
    assert one.effective_days < other.effective_days


def test_a_single_day_bounds_nothing() -> None:
    found = mean_of(tallies([[1.0, 2.0, 3.0]]))
    assert found is not None
    assert found.lower is found.upper is None


@given(DAYS, st.sampled_from([0.05, 0.5, 0.95]))
@example([[0.0] * 4, [0.0] * 6, [0.0] * 6, [], [0.0, 0.0, 0.0, 1.0]], 0.95)  # one effective test
@example([[1.0] * 4, [1.0] * 6, [1.0] * 6, [], [1.0, 1.0, 0.0, 0.0]], 0.05)
def test_a_quantile_is_the_value_of_its_rank_to_its_bin(days: list[list[float]], share: float) -> None:
    values = sorted(round(value, 6) for day in days for value in day)
    found = quantile_of(bins(days), share)
    if found is None:
        assert not values
        return
    n = len(values)
    wanted = median(values) if share == 0.5 else values[max(0, -(-round(share * 100) * n // 100) - 1)]
    assert found.value == pytest.approx(wanted, rel=1e-3, abs=2e-6)
    assert found.lower is None or found.lower <= found.value
    assert found.upper is None or found.upper >= found.value


def test_the_ranks_of_a_median_of_independent_values_are_the_exact_ones() -> None:
    """P(Bin(10, ½) ≤ 1) = 1.1 % and P(≤ 2) = 5.5 %: the second smallest is the bound; of four values there is none."""
    assert ranks_of(10, 0.5, 10.0, 0.95) == (2, 9)
    assert ranks_of(4, 0.5, 4.0, 0.95) == (0, 5)
    assert (ranks_of(58, 0.95, 58.0, 0.95).upper, ranks_of(59, 0.95, 59.0, 0.95).upper) == (59, 59)  # none, the largest
    assert (ranks_of(58, 0.05, 58.0, 0.95).lower, ranks_of(59, 0.05, 59.0, 0.95).lower) == (0, 1)


def test_the_median_bound_holds_for_clustered_and_skewed_values() -> None:
    random, missed, months = Random(9), 0, 200
    for _ in range(months):
        days = [
            [level * random.paretovariate(2) for _ in range(10)]
            for level in (random.lognormvariate(0, 0.1) for _ in range(30))
        ]
        found = quantile_of(bins(days), 0.5, 0.99)
        assert found is not None
        assert found.lower is not None
        assert found.upper is not None
        missed += found.lower > sqrt(2) or found.upper < sqrt(2)
    assert missed / months / 2 <= 0.02


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=30))
def test_bounds_of_a_share_are_never_narrower_than_the_plain_binomial_ones(counts: list[tuple[int, int]]) -> None:
    days = {n: Tally(max(pair), min(pair)) for n, pair in enumerate(counts)}
    found, plain = share_of(days), share_of(days, independent=True)
    n, met = added(days.values())
    if found is None or plain is None:
        assert n == 0
        return
    assert found.value == met / n
    assert (plain.lower, plain.upper) == pytest.approx(share_bounds(met, n), abs=1e-12)
    assert found.lower is not None
    assert found.upper is not None
    assert plain.lower is not None
    assert plain.upper is not None
    assert found.lower <= plain.lower + 1e-9
    assert found.upper >= plain.upper - 1e-9


def test_failures_that_come_in_days_tell_less_than_failures_apart() -> None:
    together = {n: Tally(10, 0 if n < 6 else 10) for n in range(30)}
    apart = {n: Tally(10, 8) for n in range(30)}
    assert effective_tests(together) < 20 < 100 < effective_tests(apart) <= 300


def test_a_limited_test_counts_only_where_it_met_the_target() -> None:
    limited = rollup([[94.0, 101.0]], Outcome.PROBE_LIMITED).merge(rollup([[99.0, 120.0]]))
    assert met_by_day(limited, Operator.AT_LEAST, 100)[DAY0] == (3, 2)


def test_the_bootstrap_gives_the_same_bounds_for_the_same_evidence_everywhere() -> None:
    """The numbers are kept for ever: a change of machine, Python or code that moved them would move closed months."""
    days = [float(n * n % 17) for n in range(20)]
    assert bootstrap_bounds(days, fmean, b"evidence") == GOLDEN
    assert bootstrap_bounds(days, fmean, b"other") != GOLDEN
    assert bootstrap_bounds(days[:6], fmean, b"evidence") is None


def test_the_bootstrap_bounds_lie_near_those_of_t_for_independent_days() -> None:
    random = Random(2)
    days = [random.gauss(100, 5) for _ in range(60)]
    found = bootstrap_bounds(days, fmean, b"x", 0.95)
    assert found is not None
    assert found.lower < fmean(days) < found.upper
    assert found.upper - found.lower == pytest.approx(2 * 1.645 * 5 / sqrt(60), rel=0.35)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: quantile_of({}, 0.0),
        lambda: quantile_of({}, 1.0),
        lambda: share_of({1: Tally(1, 2)}),
        lambda: bootstrap_bounds([1.0] * 9, fmean, b"", 0.3),
        lambda: met_by_day(rollup([[1.0]]), Operator.EQUAL, 1),
        lambda: met_by_day(rollup([[1.0]]), Operator.AT_LEAST, -1),
        lambda: micro(float("nan")),
    ],
)
def test_what_lies_outside_the_domain_is_a_value_error(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        wrong()
