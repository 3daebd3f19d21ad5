"""Trend and forecast: robust, bounded as promised on simulated truths, silent where it should be."""

from collections.abc import Callable
from datetime import date
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.statistics.trend import Answer, forecast, month_number, slopes_outside, trend_of
from doxa_collector.statistics.trend_words import sentence

JAN = month_number(date(2026, 1, 31))


def line(random: Random, months: int = 10, slope: float = 1.5, noise: float = 3.0) -> dict[int, float]:
    return {JAN + n: 80 + slope * n + random.gauss(0, noise) for n in range(months)}


def test_neighbouring_months_differ_by_one_across_the_year() -> None:
    assert month_number(date(2027, 1, 1)) - month_number(date(2026, 12, 31)) == 1


@pytest.mark.parametrize("months", [4, 6, 12])
def test_the_interval_holds_the_truth_as_often_as_it_says(months: int) -> None:
    """80 % promised; the robust line costs a little of it."""
    random, runs, inside, rising = Random(months), 600, 0, 0
    for _ in range(runs):
        found = forecast(line(random, months), 90, JAN + months + 2)
        later = 80 + 1.5 * (months + 2) + random.gauss(0, 3)
        assert found.lower is not None
        assert found.upper is not None
        inside += found.lower <= later <= found.upper
        trend = trend_of(line(random, months))
        assert trend is not None
        assert trend.slope_lower is not None
        assert trend.slope_upper is not None
        rising += trend.slope_lower <= 1.5 <= trend.slope_upper
    assert 0.74 <= inside / runs <= 0.88
    assert rising / runs >= 0.77


def test_one_odd_month_does_not_turn_the_trend() -> None:
    straight = {JAN + n: 80.0 + n for n in range(10)}
    found = trend_of({**straight, JAN + 9: 10.0})
    assert found is not None
    assert found.slope == pytest.approx(1, abs=0.1)


def test_an_answer_is_given_only_where_the_whole_interval_agrees() -> None:
    figures = {JAN + n: 80.0 + n + (-1) ** n for n in range(8)}
    answers = [forecast(figures, target, JAN + 11).answer for target in (80, 91, 110)]
    assert answers == [Answer.LIKELY, Answer.CANNOT_TELL, Answer.UNLIKELY]
    ceiling = [forecast(figures, target, JAN + 11, upward=False).answer for target in (80, 91, 110)]
    assert ceiling == [Answer.UNLIKELY, Answer.CANNOT_TELL, Answer.LIKELY]


def test_fewer_than_four_months_and_a_far_due_date_get_no_answer() -> None:
    three = {JAN + n: 80.0 + n for n in range(3)}
    assert (forecast(three, 1, JAN + 3).answer, forecast(three, 1, JAN + 3).reason) == (
        Answer.CANNOT_TELL,
        "few_months",
    )
    four = {**three, JAN + 3: 83.0}
    assert forecast(four, 1, JAN + 7).answer is Answer.LIKELY
    assert (forecast(four, 1, JAN + 8).answer, forecast(four, 1, JAN + 8).reason) == (Answer.CANNOT_TELL, "too_far")


def test_only_the_latest_two_years_count() -> None:
    found = trend_of({JAN + n: (500.0 - n if n < 200 else 80.0 + n) for n in range(224)})
    assert found is not None
    assert (found.months, found.slope) == (24, 1.0)


@pytest.mark.parametrize("months", [4, 5, 6])
def test_the_slope_s_bounds_come_from_the_distribution_of_all_orders(months: int) -> None:
    orders = list(permutations(range(months)))
    rising = [sum(a < b for i, a in enumerate(order) for b in order[i + 1 :]) for order in orders]
    k = slopes_outside(months, 0.9)
    assert sum(count < k for count in rising) <= 0.1 * len(orders) + 1e-9 < sum(count < k + 1 for count in rising)


@given(
    st.dictionaries(st.integers(0, 40_000), st.floats(-1e6, 1e6), max_size=12),
    st.floats(0, 1e6),
    st.randoms(use_true_random=False),
)
def test_the_order_of_months_changes_nothing(figures: dict[int, float], target: float, order) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    items = list(figures.items())
    order.shuffle(items)
    assert forecast(dict(items), target, 40_001) == forecast(figures, target, 40_001)


def test_the_sentence_says_from_how_many_months_and_how_sure() -> None:
    figures = {JAN + n: 80.0 + n + (-1) ** n for n in range(8)}
    said = sentence(forecast(figures, 91, JAN + 11), 91, "Mbps")
    assert said.vi.startswith(
        "Theo xu hướng 8 tháng qua (+1,00 Mbps mỗi tháng), tháng 12/2026 dự kiến 91,0 Mbps (khoảng "
    )
    assert said.vi.endswith("độ tin cậy 80 %): chưa thể kết luận về mục tiêu 91,0 Mbps.")
    assert said.en.startswith(
        "By the trend of the last 8 months (+1.00 Mbps a month), 2026-12 is expected at 91.0 Mbps ("
    )
    few = sentence(forecast({JAN: 1.0}, 91, JAN + 11), 91, "Mbps")
    assert few.vi == "Mới có số liệu 1 tháng, cần ít nhất 4 tháng để nói về xu hướng."
    none = sentence(forecast({}, 91, JAN + 11), 91, "Mbps")
    assert none.vi == "Chưa có tháng nào có số liệu, cần ít nhất 4 tháng để nói về xu hướng."
    far = sentence(forecast(figures, 91, JAN + 30), 91, "Mbps")
    assert far.vi == "Hạn tháng 07/2028 xa hơn khoảng thời gian đã đo (8 tháng), chưa thể dự báo."


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: forecast({JAN: 1.0}, 1, JAN),
        lambda: forecast({}, float("nan"), JAN),
        lambda: forecast({JAN: float("inf")}, 1, JAN + 1),
        lambda: trend_of({}, 0.3),
    ],
)
def test_nonsense_is_a_value_error(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        wrong()
