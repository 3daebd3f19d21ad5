"""Loss in bursts: counted by hand, and consistent with loss itself."""

from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net.bursts import Bursts, bursts_of

STRETCHES = st.lists(st.lists(st.none() | st.floats(0.1, 100), max_size=40), max_size=5)


def test_bursts_and_gaps_by_hand() -> None:
    found = bursts_of([[1.0, None, None, 2.0, 2.0, 2.0, None, 1.0, 1.0]])
    assert found == Bursts(count=2, longest=2, mean_burst=1.5, mean_gap=2.0)


def test_without_loss_there_are_no_bursts_and_no_gaps_between_them() -> None:
    assert bursts_of([[1.0, 2.0]]) == Bursts(count=0, longest=0, mean_burst=None, mean_gap=None)


def test_total_loss_is_one_burst_without_a_gap() -> None:
    assert bursts_of([[None] * 5]) == Bursts(count=1, longest=5, mean_burst=5.0, mean_gap=None)


def test_an_interruption_ends_a_burst() -> None:
    assert bursts_of([[1.0, None], [None, 1.0]]).count == 2


@given(STRETCHES)
def test_all_bursts_together_are_all_that_was_lost(stretches: list[list[float | None]]) -> None:
    lost = sum(delay is None for stretch in stretches for delay in stretch)
    found = bursts_of(stretches)
    assert round((found.mean_burst or 0) * found.count) == lost
    assert (found.count == 0) == (lost == 0)
    assert found.longest <= lost
