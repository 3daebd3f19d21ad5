"""Availability from evidence: gaps are neither up nor down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.statistics.availability import Stretch, availability_of, stretches_of
from doxa_collector.statistics.sample import Sample
from doxa_core.outcome import Outcome

STRETCHES = st.lists(
    st.builds(lambda start, length, up: Stretch(start, start + length, up), st.integers(-20, 120), st.integers(0, 60), st.booleans()),
    max_size=12,
)  # fmt: skip


def test_a_gap_in_the_evidence_is_not_uptime() -> None:
    found = availability_of([Stretch(0, 40, True), Stretch(40, 50, False), Stretch(80, 90, True)], 0, 100)
    assert (found.up_us, found.down_us, found.unknown_us) == (50, 10, 40)
    assert found.share == 50 / 60
    assert (found.worst, found.best) == (0.5, 0.9)
    assert (found.outages, found.longest_us, found.longest_possible_us) == (1, 10, 40)


def test_an_outage_goes_on_through_a_gap_until_something_comes_through() -> None:
    one = availability_of([Stretch(10, 20, False), Stretch(40, 50, False)], 0, 100)
    assert (one.outages, one.longest_us, one.longest_possible_us) == (1, 20, 100)
    two = availability_of([Stretch(10, 20, False), Stretch(30, 31, True), Stretch(40, 50, False)], 0, 100)
    assert (two.outages, two.longest_us, two.longest_possible_us) == (2, 10, 69)


def test_without_evidence_nothing_is_known() -> None:
    found = availability_of([], 0, 100)
    assert (found.share, found.worst, found.best, found.outages, found.longest_possible_us) == (None, 0, 1, 0, 0)


def test_what_came_through_outweighs_a_failure_at_the_same_time() -> None:
    found = availability_of([Stretch(0, 100, False), Stretch(30, 60, True)], 0, 100)
    assert (found.up_us, found.down_us, found.outages) == (30, 70, 2)


@given(STRETCHES, st.randoms(use_true_random=False))
def test_it_equals_a_count_moment_by_moment_in_any_order(stretches: list[Stretch], order) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    other = list(stretches)
    order.shuffle(other)
    found = availability_of(other, 0, 100)
    states = [{s.up for s in stretches if s.from_us <= moment < s.to_us} for moment in range(100)]
    assert found.up_us == sum(True in state for state in states)
    assert found.down_us == sum(state == {False} for state in states)
    told = [max(state) for state in states if state]
    assert found.outages == sum(not now and (n == 0 or told[n - 1]) for n, now in enumerate(told))
    assert found.longest_us <= found.longest_possible_us or found.outages == 0


def test_a_run_holds_until_the_next_and_no_longer_than_it_may() -> None:
    runs = [
        Sample(50, Outcome.FAILED), Sample(0, Outcome.OK), Sample(5, Outcome.SKIPPED), Sample(7, Outcome.ERROR),
        Sample(50, Outcome.PROBE_LIMITED), Sample(50, Outcome.FAILED), Sample(55, Outcome.FAILED),
    ]  # fmt: skip
    assert [*stretches_of(runs, 10)] == [Stretch(0, 10, True), Stretch(50, 55, True), Stretch(55, 65, False)]


@pytest.mark.parametrize(("stretches", "end", "hold"), [([], 0, 1), ([Stretch(5, 4, True)], 10, 1), ([], 10, 0)])
def test_nonsense_is_a_value_error(stretches: list[Stretch], end: int, hold: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        availability_of([*stretches, *stretches_of([], hold)], 0, end)
