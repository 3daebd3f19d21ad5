"""Binomial, Student's t, random numbers: the numbers that all bounds stand on."""

from collections.abc import Callable
from math import comb, inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.statistics.binomial import binomial_tail, passes_needed, share_bounds, smallest_n
from doxa_collector.statistics.draw import Draw
from doxa_collector.statistics.student import MOST_FREEDOM, t_quantile


@pytest.mark.parametrize(
    ("claim", "needed", "least"),
    [(0.8, [39, 104, 144, 252], 14), (0.9, [42, 114, 158, 279], 29), (0.95, [None, 119, 165, 292], 59)],
)
def test_the_table_of_methods_5_is_reproduced(claim: float, needed: list[int | None], least: int) -> None:
    assert [passes_needed(n, claim) for n in (42, 120, 168, 300)] == needed
    assert smallest_n(claim) == least


@given(n=st.integers(1, 60), met=st.integers(0, 60), tenths=st.integers(1, 19))
def test_the_tail_equals_the_sum_of_whole_number_terms(n: int, met: int, tenths: int) -> None:
    exact = sum(comb(n, k) * tenths**k * (20 - tenths) ** (n - k) for k in range(met, n + 1)) / 20**n
    assert binomial_tail(met, n, tenths / 20) == pytest.approx(exact, abs=1e-12)


@given(n=st.integers(1, 3000), data=st.data())
def test_a_bound_of_a_share_is_where_its_tail_has_five_percent(n: int, data: st.DataObject) -> None:
    met = data.draw(st.integers(0, n))
    lower, upper = share_bounds(met, n)
    assert 0 <= lower <= met / n <= upper <= 1
    if met:
        assert binomial_tail(met, n, lower) == pytest.approx(0.05, abs=1e-5)
    if met < n:
        assert binomial_tail(met + 1, n, upper) == pytest.approx(0.95, abs=1e-5)


def test_one_more_pass_always_lifts_the_bound() -> None:
    bounds = [share_bounds(met, 97).lower for met in range(98)]
    assert bounds == sorted(set(bounds))


@pytest.mark.parametrize(
    ("probability", "freedom", "table"),
    [(0.95, 1, 6.314), (0.95, 2, 2.920), (0.95, 9, 1.833), (0.99, 29, 2.462), (0.975, 10, 2.228), (0.995, 4, 4.604)],
)
def test_students_t_agrees_with_the_printed_tables(probability: float, freedom: int, table: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(table, abs=6e-4)


def test_more_freedom_than_is_computed_gives_the_wider_quantile() -> None:
    assert t_quantile(0.99, 10**6) == t_quantile(0.99, MOST_FREEDOM) > 2.326


def test_random_numbers_are_those_of_the_published_splitmix64() -> None:
    draw = Draw((1234567).to_bytes(8, "big"))
    assert [draw.bits() for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.binary(max_size=40), st.integers(1, 10**6))
def test_a_drawn_number_lies_below_its_end(seed: bytes, n: int) -> None:
    draw = Draw(seed)
    assert all(0 <= draw.below(n) < n for _ in range(20))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: binomial_tail(1, -1, 0.5),
        lambda: binomial_tail(1, 2, nan),
        lambda: binomial_tail(1, 2, 1.1),
        lambda: share_bounds(3, 2),
        lambda: share_bounds(0, 0),
        lambda: share_bounds(1, 2, 1.0),
        lambda: passes_needed(10, 1.0),
        lambda: smallest_n(0.0),
        lambda: smallest_n(0.5, inf),
        lambda: t_quantile(0.4, 3),
        lambda: t_quantile(nan, 3),
        lambda: t_quantile(0.95, 0),
        lambda: Draw(b"").below(0),
    ],
)
def test_what_is_no_probability_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        wrong()
