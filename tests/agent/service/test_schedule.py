"""The schedule as arithmetic: nothing here sleeps."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.schedule import HOUR_S, Cadence, cadence_of, hashed_phase, is_missed, next_due

HOURLY = [1.0, 5.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 21_600.0, 86_400.0]
names = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)
cadences = st.floats(1, 31 * 86_400)
walls = st.floats(0, 4e9)


@given(every=cadences, share=st.floats(0, 1, exclude_max=True), wall=walls)
def test_the_next_start_is_the_first_of_the_grid_after_now(every: float, share: float, wall: float) -> None:
    cadence = Cadence(every_s=every, phase_s=share * every)
    start = cadence.next_start(wall)
    assert wall < start <= wall + every * (1 + 1e-9) + 1e-6
    off = math.remainder(start - cadence.phase_s, every)
    assert abs(off) < 1e-5


@given(agent=names, task=names, every=cadences | st.sampled_from(HOURLY))
def test_a_phase_lies_within_its_cadence_and_never_changes(agent: str, task: str, every: float) -> None:
    phase = hashed_phase(agent, task, every)
    assert 0 <= phase < every
    assert phase == hashed_phase(agent, task, every)


def test_a_phase_is_the_same_on_every_machine_and_in_every_release() -> None:
    """A changed hash would move the whole fleet; these are golden."""
    assert hashed_phase("px-dong-dang-1", "speed", 3600) == pytest.approx(GOLDEN[0], abs=1e-6)
    assert hashed_phase("px-dong-dang-1", "latency", 60) == pytest.approx(GOLDEN[1], abs=1e-6)


GOLDEN = (2749.0209765570253, 44.01711082757338)


@given(agent=names, task=names, every=st.sampled_from(HOURLY), hours=st.integers(0, 10_000))
def test_no_hashed_start_falls_on_the_hour_or_just_after_it(agent: str, task: str, every: float, hours: int) -> None:
    start = cadence_of(agent, task, every).next_start(hours * HOUR_S - 1e-3)
    quiet = min(30.0, 0.1 * min(every, HOUR_S))
    assert start % HOUR_S >= quiet - 1e-3


def test_a_fleet_is_spread_evenly_over_the_hour() -> None:
    """3,321 sites with an hourly task: no minute of the hour gets more than twice its share."""
    minutes = [0] * 60
    for site in range(3321):
        minutes[int(hashed_phase(f"probe-{site}", "speed", 3600) // 60)] += 1
    assert max(minutes) < 2 * 3321 / 60
    assert min(minutes[1:]) > 0.5 * 3321 / 60


def test_a_phase_of_ones_own_is_kept() -> None:
    assert cadence_of("a", "b", 60, 0.0) == Cadence(every_s=60, phase_s=0.0)


def run(cadence: Cadence, walls_at: list[tuple[float, float]], until: float) -> list[float]:
    """The monotonic starts until `until`; the wall clock reads monotonic + offset, offsets change at given times."""

    def wall(now: float) -> float:
        return now + [offset for at, offset in walls_at if at <= now][-1]

    now, starts = 0.0, []
    due = next_due(cadence, wall=wall(0), monotonic=0, last=None)
    while due <= until:
        now = due
        starts.append(now)
        due = next_due(cadence, wall=wall(now), monotonic=now, last=now)
    return starts


@pytest.mark.parametrize("step", [-HOUR_S, +HOUR_S, -HOUR_S - 17, HOUR_S + 43, -1, 0])
def test_a_step_of_the_clock_neither_stops_nor_floods(step: float) -> None:
    cadence = Cadence(every_s=60, phase_s=13)
    starts = run(cadence, [(0, 1e9), (600, 1e9 + step)], 7200)
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert all(30 - 1e-6 <= gap <= 90 + 1e-6 for gap in gaps)
    assert sum(abs(gap - 60) > 1e-6 for gap in gaps) <= 2  # only around the step
    assert 117 <= len(starts) <= 122


@given(
    every=st.floats(1, 86_400),
    steps=st.lists(st.tuples(st.floats(0, 50), st.floats(-1e6, 1e6)), max_size=8),
)
def test_gaps_stay_within_half_and_one_and_a_half_cadences_whatever_the_wall_clock_does(
    every: float, steps: list[tuple[float, float]]
) -> None:
    offsets = [(0.0, 2e9), *sorted((at * every, 2e9 + offset) for at, offset in steps)]
    starts = run(Cadence(every_s=every, phase_s=every / 3), offsets, 60 * every)
    slack = 1e-5 + every * 1e-6
    assert all(every / 2 - slack <= b - a <= 1.5 * every + slack for a, b in itertools.pairwise(starts))
    assert len(starts) >= 39


@pytest.mark.parametrize(
    ("every", "late", "missed"),
    [(10, 0.2, False), (10, 5.1, True), (3600, 59, False), (3600, 61, True), (86_400, 3600, True)],
)
def test_a_start_that_was_slept_through_is_left_out(every: float, late: float, missed: bool) -> None:
    assert is_missed(Cadence(every_s=every, phase_s=0), due=100, monotonic=100 + late) is missed
