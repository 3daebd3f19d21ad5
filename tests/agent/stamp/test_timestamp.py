"""Timestamps and error estimates of STAMP."""

from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.stamp.timestamp import ErrorEstimate, from_ntp, from_ptp, to_ntp, to_ptp

YEAR_NS = 31_556_952 * 10**9
moments = st.integers(0, 500 * YEAR_NS)
near = st.integers(-60 * YEAR_NS, 60 * YEAR_NS)


def test_the_ntp_timestamp_counts_from_1900() -> None:
    """RFC 5905 §6, figure 4: 1 January 1970 is second 2,208,988,800."""
    assert to_ntp(0) == 2_208_988_800 << 32
    assert to_ntp(500_000_000) == (2_208_988_800 << 32) + 2**31


@given(moments, near)
def test_a_moment_survives_the_ntp_format_in_every_era(moment: int, away: int) -> None:
    assert abs(from_ntp(to_ntp(moment), moment + away) - moment) <= 1


def test_the_rollover_of_february_2036_is_no_step() -> None:
    rollover = (2**32 - 2_208_988_800) * 10**9
    assert to_ntp(rollover) == 0
    assert from_ntp(to_ntp(rollover + 5), rollover - 10**9) == rollover + 5


@given(moments, near)
def test_a_moment_survives_the_ptp_format(moment: int, away: int) -> None:
    assert from_ptp(to_ptp(moment), moment + away) == moment


def test_a_second_of_more_than_a_billion_nanoseconds_is_no_ptp_timestamp() -> None:
    assert from_ptp(10**9, 0) is None


@given(st.integers(0, 0xFFFF))
def test_every_error_field_has_a_meaning_and_returns_unchanged(field: int) -> None:
    assert ErrorEstimate.from_wire(field).to_wire() == field


@given(st.floats(1e-6, 1e7))
def test_an_estimate_never_promises_more_than_the_clock_and_hardly_less(bound_ms: float) -> None:
    told = ErrorEstimate.from_wire(ErrorEstimate.of(bound_ms).to_wire()).bound_ms
    assert told is not None
    assert bound_ms <= told <= bound_ms * 1.02 + 2.4e-7


def test_who_is_not_synchronised_or_gives_no_multiplier_vouches_for_nothing() -> None:
    assert ErrorEstimate.of(None).bound_ms is None
    assert ErrorEstimate(synchronised=True, multiplier=0).bound_ms is None
    assert ErrorEstimate(synchronised=True, scale=32, multiplier=1).bound_ms == 1000
