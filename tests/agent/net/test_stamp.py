"""Kernel stamps: exact while the wall clock stands, honest when it is set."""

import socket
import struct
from itertools import chain, repeat

from hypothesis import assume, given
from hypothesis import strategies as st

from doxa_agent.net.stamp import STEP_NS, Moment, departed, now, round_trip, stamp_of

SECOND = 1_000_000_000
STARTS = st.integers(0, 2**61)
DELAYS = st.integers(0, 3 * SECOND)
STEPS = st.integers(-(10**6) * SECOND, 10**6 * SECOND).filter(lambda step: abs(step) > 10 * SECOND)


@given(STARTS, STARTS, DELAYS, DELAYS)
def test_a_delay_ends_with_the_stamp_not_with_the_reading(real: int, mono: int, delay: int, unread: int) -> None:
    noticed = Moment(real + delay + unread, mono + delay + unread)
    found = round_trip(Moment(real, mono), real + delay, noticed)
    assert (found.delay, found.by_kernel, found.stepped) == (delay, True, False)


@given(STARTS, STARTS, DELAYS, DELAYS, STEPS, st.booleans())
def test_a_step_of_the_clock_is_marked_and_does_not_falsify(
    real: int, mono: int, delay: int, unread: int, step: int, before: bool
) -> None:
    """The step comes before or after the packet's arrival, and the stamp is taken on the clock as it then stands."""
    stamp = real + delay + (step if before else 0)
    noticed = Moment(real + delay + unread + step, mono + delay + unread)
    found = round_trip(Moment(real, mono), stamp, noticed)
    assert (found.delay, found.by_kernel, found.stepped) == (delay, True, True)


@given(STARTS, STARTS, DELAYS, DELAYS, st.integers(-3 * SECOND, 3 * SECOND))
def test_a_small_step_never_makes_a_delay_longer_than_the_time_that_passed(
    real: int, mono: int, delay: int, unread: int, step: int
) -> None:
    found = round_trip(Moment(real, mono), real + delay, Moment(real + delay + unread + step, mono + delay + unread))
    assert 0 <= found.delay <= delay + unread + STEP_NS
    if abs(step) > STEP_NS:
        assert found.stepped


@given(STARTS, STARTS, DELAYS)
def test_without_a_stamp_the_monotonic_time_until_noticing_is_the_bound(real: int, mono: int, delay: int) -> None:
    found = round_trip(Moment(real, mono), None, Moment(real + 10**15, mono + delay))
    assert (found.delay, found.by_kernel) == (delay, False)


@given(STARTS, STARTS, st.integers(-(10**15), 10**15))
def test_a_departure_counts_only_where_it_can_be_true(real: int, mono: int, wait: int) -> None:
    assume(real + wait > 0)
    found = departed(Moment(real, mono), real + wait)
    plausible = 0 <= wait <= 10 * SECOND
    assert found == (Moment(real + wait, mono + wait) if plausible else Moment(real, mono))


def test_now_reads_again_when_it_was_interrupted_between_the_clocks() -> None:
    mono = chain([0, 5_000_000, 6_000_000, 6_000_400], repeat(7_000_000))
    real = chain([111], repeat(222))
    assert now(lambda: next(real), lambda: next(mono)) == Moment(222, 6_000_200)


def test_now_takes_the_best_reading_of_a_machine_that_is_always_interrupted() -> None:
    mono = iter([0, 900_000, 1_000_000, 1_300_000, 2_000_000, 2_700_000, 3_000_000, 3_500_000, 4_000_000, 4_900_000])
    real = iter(range(100, 200))
    assert now(lambda: next(real), lambda: next(mono)) == Moment(101, 1_150_000)


def test_the_stamp_is_read_in_both_forms_of_the_kernel() -> None:
    new = (socket.SOL_SOCKET, 65, struct.pack("=6q", 5, 7, 0, 0, 0, 0))
    old = (socket.SOL_SOCKET, 37, struct.pack("@6l", 5, 7, 0, 0, 0, 0))
    other = (socket.IPPROTO_IP, 11, b"x" * 32)
    for control in (new, old):
        assert stamp_of([other, control]) == 5 * SECOND + 7
    assert stamp_of([other]) is None
    assert stamp_of([(socket.SOL_SOCKET, 65, bytes(48))]) is None


@given(st.lists(st.tuples(st.sampled_from([0, 1, 41]), st.sampled_from([11, 37, 65]), st.binary(max_size=15))))
def test_a_shortened_control_message_is_no_stamp(controls: list[tuple[int, int, bytes]]) -> None:
    assert stamp_of(controls) is None
