"""From two polls to what moved: whatever wraps, restarts or goes missing, a rate is right or absent."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.snmp.counters import Bounds, Count, Sample, between, growth, interval_of
from doxa_agent.snmp.layering import Moved, are_frames, rates
from doxa_core.layers import Layer

YEARS = st.integers(0, 2**32 - 1)
STEP = st.integers(100, 86_400 * 100)


def sample(at_s: float, uptime: int | None, octets: int = 0, bits: int = 64, **more: object) -> Sample:
    plain = Sample(
        sent_s=at_s, received_s=at_s + 0.02, index=3, uptime=uptime,
        octets={"in": Count(octets % 2**bits, bits), "out": Count(0, bits)},
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


@given(uptime=YEARS, ticks=STEP, before=st.integers(0, 2**64 - 1), share=st.floats(0, 1))
def test_a_64_bit_counter_and_sysuptime_may_wrap_and_nothing_changes(
    uptime: int, ticks: int, before: int, share: float
) -> None:
    moved = int(share * 1e9 / 8 * ticks / 100)
    first, second = sample(50, uptime, before), sample(50 + ticks / 100, (uptime + ticks) % 2**32, before + moved)
    change = between(first, second, Bounds(port_mbps=1000))
    assert (change.interval_s, change.octets, change.findings) == (ticks / 100, {"in": moved, "out": 0}, ())


@given(uptime=YEARS, before=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_a_32_bit_counter_is_right_through_a_wrap_where_it_can_wrap_once_only(
    uptime: int, before: int, share: float
) -> None:
    moved = int(share * 100e6 / 8 * 300)
    change = between(
        sample(0, uptime, before, 32), sample(300, (uptime + 30_000) % 2**32, before + moved, 32), Bounds(line_mbps=100)
    )
    assert (change.octets["in"], change.findings) == (moved, ())


@pytest.mark.parametrize(
    ("bounds", "seconds"), [(Bounds(), 300), (Bounds(line_mbps=1000), 300), (Bounds(line_mbps=100), 600)]
)
def test_a_32_bit_counter_that_could_have_wrapped_twice_says_nothing(bounds: Bounds, seconds: int) -> None:
    change = between(sample(0, 0, 5, 32), sample(seconds, seconds * 100, 9, 32), bounds)
    assert (change.octets, change.findings) == ({}, ("counter_wrap_ambiguous",))


@given(boot=st.integers(0, 30_000), uptime=YEARS)
def test_after_a_restart_there_is_no_rate_also_where_the_new_sysuptime_is_larger(boot: int, uptime: int) -> None:
    """The terminal started `boot` ticks before the second poll, after it had run for `uptime` at the first."""
    expected = (uptime + 30_000) % 2**32
    change = between(sample(0, uptime, 7), sample(300, boot, 9), Bounds())
    if abs(boot - expected) > 500:  # else it cannot be told, and the difference is nil
        assert (change.interval_s, dict(change.octets), change.findings) == (None, {}, ("terminal_restarted",))


def test_a_sysuptime_that_agrees_with_neither_clock_nor_restart_gives_no_rate() -> None:
    assert interval_of(sample(0, 1_000_000), sample(300, 1_100_000)) == "uptime_disagrees"
    assert interval_of(sample(0, None), sample(300, 30_000)) == "uptime_unknown"
    assert interval_of(sample(0, 1000), sample(300, 1000)) == "terminal_restarted"


@given(
    uptime=YEARS,
    ticks=STEP,
    delays=st.tuples(*[st.floats(0, 2)] * 4),
    moment=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_however_late_the_answers_come_the_terminals_own_time_is_taken(
    uptime: int, ticks: int, delays: tuple[float, ...], moment: tuple[float, float]
) -> None:
    """The terminal stamps somewhere between request and answer; retries make that long, and never wrong."""
    sent1, received1 = 10.0, 10.0 + delays[0] + delays[1]
    stamped1 = sent1 + moment[0] * (received1 - sent1)
    stamped2 = stamped1 + ticks / 100
    sent2, received2 = stamped2 - delays[2], stamped2 + delays[3]
    first = replace(sample(0, uptime), sent_s=sent1, received_s=received1)
    second = replace(sample(0, (uptime + ticks) % 2**32), sent_s=sent2, received_s=received2)
    assert interval_of(first, second) == ticks / 100


def test_what_is_not_the_same_counter_is_not_subtracted() -> None:
    first = sample(0, 0, 1000)
    for second, finding in (
        (replace(sample(300, 30_000, 2000), index=4), "interface_moved"),
        (sample(300, 30_000, 2000, discontinuity=5), "counters_discontinued"),
        (sample(300, 30_000, 2000, 32), "counters_changed"),
        (sample(300, 30_000, 900), "counter_jumped"),  # a 64-bit counter that went back
    ):
        change = between(first, second, Bounds(line_mbps=100))
        assert ("in" in change.octets, change.findings) == (False, (finding,))


def test_a_rate_far_beyond_the_port_never_was() -> None:
    second = sample(300, 30_000, int(200e6 / 8 * 300))
    assert between(sample(0, 0), second, Bounds(port_mbps=100)).findings == ("counter_jumped",)
    assert between(sample(0, 0), second, Bounds(port_mbps=1000)).octets["in"] == int(200e6 / 8 * 300)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.sampled_from([32, 64]), st.floats(0, 2**63))
def test_a_growth_is_never_negative_nor_more_than_it_may_be(before: int, now: int, bits: int, most: float) -> None:
    grown = growth(Count(before % 2**bits, bits), Count(now % 2**bits, bits), most)
    assert grown is None or 0 <= grown <= most


def test_the_layers_differ_by_the_octets_of_ethernet() -> None:
    """1,000 frames of 1,514 octets without FCS in one second: IP packets of 1,500."""
    linux = Moved(octets=1_514_000, packets=1000, interval_s=1, ethernet=True, fcs_counted=False)
    router = Moved(octets=1_518_000, packets=1000, interval_s=1, ethernet=True, fcs_counted=True)
    expected = {Layer.IP: 12.0, Layer.FRAME: 12.144, Layer.WIRE: 12.304}
    assert rates(linux) == rates(router) == pytest.approx(expected)
    assert rates(replace(linux, packets=None)) == pytest.approx({Layer.FRAME: 12.112})


def test_a_packet_counter_that_counts_no_frames_is_not_used() -> None:
    assert are_frames(1_514_000, 1000, 1500)
    assert not are_frames(1734, 18_145_788, 1500)  # seen at an snmpd: 0 in its first answer
    assert not are_frames(6_400_000, 100, 1500)  # segments before they are cut
    assert are_frames(0, 0, None)
