"""The arithmetic of responsiveness: the draft's formulas, and what must hold for any numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.responsiveness.stability import (
    Confidence,
    Foreign,
    Parameters,
    confidence,
    foreign_rpm,
    is_saturated,
    probe_pairs_per_s,
    responsiveness,
    trimmed_mean,
)

TIMES = st.floats(1e-4, 10)
STANDARD = Parameters()


def test_the_draft_s_formula_with_tls_weighs_three_phases_alike_and_both_kinds_alike() -> None:
    foreign = [Foreign(tcp_s=0.020, tls_s=0.030, http_s=0.040)]
    assert foreign_rpm(foreign, 0.95) == pytest.approx(60 / 0.030)
    assert responsiveness(foreign, [0.060], 0.95) == pytest.approx((60 / 0.030 + 60 / 0.060) / 2)


def test_without_tls_two_phases_count_and_no_zero_stands_in() -> None:
    assert foreign_rpm([Foreign(tcp_s=0.020, http_s=0.040)], 0.95) == pytest.approx(60 / 0.030)


def test_nothing_is_known_while_one_kind_of_probe_is_missing() -> None:
    assert responsiveness([], [0.01], 0.95) is None
    assert responsiveness([Foreign(0.01, 0.01)], [], 0.95) is None


def test_the_trimmed_mean_leaves_out_the_largest_only() -> None:
    assert trimmed_mean([1.0] * 95 + [1000.0] * 5, 0.95) == 1.0
    assert trimmed_mean([0.0] * 5 + [1.0] * 95, 0.95) == pytest.approx(90 / 95)
    assert trimmed_mean([], 0.95) is None


@given(st.lists(TIMES, min_size=1, max_size=60))
def test_a_trimmed_mean_lies_between_the_smallest_value_and_the_mean(values: list[float]) -> None:
    found = trimmed_mean(values, 0.95)
    assert found is not None
    assert min(values) * (1 - 1e-9) <= found <= sum(values) / len(values) * (1 + 1e-9)


@given(st.lists(TIMES, min_size=1, max_size=40), st.floats(1.01, 10))
def test_slower_round_trips_never_mean_more_responsiveness(own: list[float], factor: float) -> None:
    foreign = [Foreign(0.01, 0.01)]
    quick, slow = (responsiveness(foreign, [s * f for s in own], 0.95) for f in (1.0, factor))
    assert quick is not None
    assert slow is not None
    assert slow < quick


@pytest.mark.parametrize(
    ("values", "stands"),
    [
        ([100.0, 100, 100], False),  # fewer than the window
        ([100.0, 101, 99, 100], True),
        ([50.0, 80, 95, 100], False),
        ([0.0, 0, 0, 0], False),
        ([1.0, 100, 101, 99, 100], True),  # what lies before the window does not count
    ],
)
def test_saturation_needs_a_full_window_that_stands_still(values: list[float], stands: bool) -> None:
    assert is_saturated(values, STANDARD) is stands


def test_confidence_is_low_before_a_window_is_full_and_high_only_when_stable() -> None:
    assert confidence(3, stable=False, parameters=STANDARD) is Confidence.LOW
    assert confidence(4, stable=False, parameters=STANDARD) is Confidence.MEDIUM
    assert confidence(4, stable=True, parameters=STANDARD) is Confidence.HIGH


def test_probes_take_at_most_a_twentieth_of_a_slow_line() -> None:
    assert probe_pairs_per_s(9.6, STANDARD) == pytest.approx(10)  # 10 pairs of 6,000 octets are 0.48 Mbit/s
    assert probe_pairs_per_s(1000, STANDARD) == 50
    assert probe_pairs_per_s(0.0, STANDARD) == 1
