"""How a transfer ends: what has become silent is no slow line, however short the limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.meter import Deadline
from doxa_agent.speed import course
from doxa_agent.speed.bins import BIN_S, Bin, StopRule
from doxa_agent.speed.course import STALLED_S, Course, Pace, quiet_s
from doxa_agent.speed.goal import Goal


class Still:
    """A transfer of which only the bins matter."""

    smooth = True

    def act(self, fd: int, event: int) -> None:
        """Nothing moves."""

    def count(self) -> float:
        """Nothing arrives."""
        return 0.0

    def reached(self, bins: object, rule: StopRule, goal: Goal) -> str:  # noqa: ARG002
        """No goal."""
        return ""

    def settled(self) -> bool:
        """At once."""
        return True


def ending(octets: list[float], limit_s: float) -> str:
    bins = [Bin(seconds=BIN_S, octets=n) for n in octets]
    return course._ending(Course(bins=bins), Still(), Pace(limit_s=limit_s, goal=None), Deadline(60), len(bins) * BIN_S)


@pytest.mark.parametrize(
    ("moving", "silent", "limit_s", "wanted"),
    [
        (15, 25, 2.0, "stalled"),
        (25, 15, 2.0, "limit"),
        (0, 40, 2.0, "stalled"),
        (40, 0, 2.0, "limit"),
        (20, 59, 10.0, ""),
        (20, 60, 10.0, "stalled"),
        (141, 59, 10.0, "limit"),
    ],
)
def test_nothing_in_the_last_half_or_for_three_seconds_is_a_stall(
    moving: int, silent: int, limit_s: float, wanted: str
) -> None:
    assert ending([6e5] * moving + [0.0] * silent, limit_s) == wanted


@given(st.lists(st.sampled_from([0.0, 1.0]), max_size=200))
def test_silence_is_counted_from_the_end(octets: list[float]) -> None:
    found = quiet_s([Bin(seconds=BIN_S, octets=n) for n in octets])
    silent = round(found / BIN_S)
    assert not any(octets[len(octets) - silent :])
    assert silent == len(octets) or octets[len(octets) - silent - 1] > 0
    assert STALLED_S > 0
