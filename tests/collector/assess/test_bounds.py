"""The statistics, held against published tables, exact sums and simulation-free identities."""

import math
from fractions import Fraction
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.assess.bounds import (
    binomial_tail,
    mean_bounds,
    median_bounds,
    passes_needed,
    share_lower_bound,
    smallest_n,
    t_below,
    t_quantile,
)

METHODS = {
    # methods.md §5: claim → passes needed at n = 42, 120, 168, 300, and the smallest n with no failure
    0.80: (39, 104, 144, 252, 14),
    0.90: (42, 114, 158, 279, 29),
    0.95: (None, 119, 165, 292, 59),
}


@pytest.mark.parametrize("claim", METHODS)
def test_the_table_of_the_methods_is_computed_exactly(claim: float) -> None:
    *passes, least = METHODS[claim]
    assert [passes_needed(n, claim) for n in (42, 120, 168, 300)] == passes
    assert smallest_n(claim) == least


def exact_tail(met: int, n: int, share: Fraction) -> Fraction:
    return sum((math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(met, n + 1)), Fraction(0))


@pytest.mark.parametrize(("claim", "n"), [(Fraction(4, 5), 42), (Fraction(9, 10), 120), (Fraction(19, 20), 300)])
def test_the_passes_needed_are_the_smallest_number_that_shows_the_claim(claim: Fraction, n: int) -> None:
    needed = passes_needed(n, float(claim))
    if needed is None:
        assert exact_tail(n, n, claim) > Fraction(1, 20)
        return
    assert exact_tail(needed, n, claim) <= Fraction(1, 20) < exact_tail(needed - 1, n, claim)


@given(st.integers(1, 200), st.data())
def test_the_binomial_tail_is_the_exact_sum(n: int, data: st.DataObject) -> None:
    met, share = data.draw(st.integers(0, n)), data.draw(st.integers(1, 99))
    assert binomial_tail(met, n, share / 100) == pytest.approx(
        float(exact_tail(met, n, Fraction(share, 100))), abs=1e-12
    )


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(1, 6.314), (2, 2.920), (3, 2.353), (5, 2.015), (10, 1.812), (29, 1.699), (120, 1.658), (10**6, 1.645)],
)
def test_students_quantiles_are_those_of_the_tables(freedom: int, t: float) -> None:
    assert t_quantile(0.95, freedom) == pytest.approx(t, abs=6e-4)


@given(st.integers(1, 10_000), st.floats(0.5, 0.999))
def test_a_quantile_is_the_inverse_of_the_distribution(freedom: int, probability: float) -> None:
    assert t_below(t_quantile(probability, freedom), freedom) == pytest.approx(probability, abs=1e-9)


def test_the_bounds_of_a_mean_are_as_by_hand() -> None:
    bounds = mean_bounds([98, 100, 102, 104])
    half = 2.35336 * math.sqrt(20 / 3) / 2  # t with 3 degrees of freedom; standard deviation √(20/3)
    assert bounds is not None
    assert bounds == pytest.approx((101 - half, 101 + half), abs=1e-4)


def test_a_mean_of_one_sample_has_no_bound() -> None:
    assert mean_bounds([100]) is None
    assert mean_bounds([]) is None


def test_a_mean_of_equal_samples_is_certain() -> None:
    assert mean_bounds([90, 90, 90]) == (90, 90)


@pytest.mark.parametrize(("n", "rank"), [(5, 1), (7, 1), (8, 2), (10, 2), (20, 6), (30, 11), (50, 19), (100, 42)])
def test_the_bounds_of_a_median_are_the_order_statistics_of_the_sign_test(n: int, rank: int) -> None:
    values = list(range(1, n + 1))
    assert median_bounds(values) == (rank, n + 1 - rank)
    assert exact_tail(n - rank + 1, n, Fraction(1, 2)) <= Fraction(1, 20)
    assert exact_tail(n - rank, n, Fraction(1, 2)) > Fraction(1, 20)


@pytest.mark.parametrize("n", range(5))
def test_a_median_of_fewer_than_five_samples_has_no_bound(n: int) -> None:
    assert median_bounds([1.0] * n) is None


@given(st.lists(st.floats(0, 1e6), min_size=5, max_size=60))
def test_a_bound_never_lies_on_the_wrong_side(values: list[float]) -> None:
    of_median, of_mean = median_bounds(values), mean_bounds(values)
    assert of_median is not None
    assert of_mean is not None
    assert of_median.lower <= median(values) <= of_median.upper
    assert of_mean.lower <= fmean(values) * (1 + 1e-12)
    assert fmean(values) <= of_mean.upper * (1 + 1e-12)


def test_a_share_without_a_failure_has_the_bound_of_the_rule_of_three() -> None:
    assert share_lower_bound(59, 59) == pytest.approx(0.05 ** (1 / 59))
    assert share_lower_bound(0, 10) == 0
    assert share_lower_bound(0, 0) is None


@given(st.integers(1, 400), st.data())
def test_the_lower_bound_of_a_share_lies_below_it_and_agrees_with_the_passes_needed(
    n: int, data: st.DataObject
) -> None:
    met = data.draw(st.integers(0, n))
    bound = share_lower_bound(met, n)
    assert bound is not None
    assert 0 <= bound <= met / n
    for claim in METHODS:
        needed = passes_needed(n, claim)
        if abs(bound - claim) > 1e-9:
            assert (needed is not None and met >= needed) == (bound > claim)
