"""Judging a flow: what is the line's, what is ours, what is the far end's."""

from dataclasses import replace
from typing import Any

import pytest

from doxa_agent.udpstp.fast import Estimate
from doxa_agent.udpstp.figures import capacity_mbps, limits, values
from doxa_agent.udpstp.flow import Flow, Sub
from doxa_agent.udpstp.options import Options
from doxa_core.layers import UDP_HEADER, HeaderModel

MODEL = HeaderModel(family=4, transport=UDP_HEADER)
SEARCH, FIXED = Options(search="b"), Options(rate_mbps=96.0, payload_bytes=1472)


def part(datagrams: int = 8000, seconds: float = 1.0, **changed: Any) -> Sub:
    found = Sub(seconds=seconds, datagrams=datagrams, octets=datagrams * 1472, lost=0, reordered=0, duplicates=0)
    return replace(found, **changed)


def flow(direction: str = "download", **changed: Any) -> Flow:
    """96 Mbit/s for three seconds, nothing lost."""
    whole = part(24_000, 3.0)
    found = Flow(direction=direction, family=4, subs=[part(), part(8400), part()], whole=whole, seconds=3.0)
    found.sent_datagrams, found.sent_octets = whole.datagrams, whole.octets
    return replace(found, **changed)


def judged(found: Flow, options: Options) -> tuple[str, ...]:
    return limits(found, values(found, MODEL, options), options)


def test_the_capacity_is_the_largest_sub_interval_at_the_ip_layer() -> None:
    assert capacity_mbps(flow(), MODEL) == pytest.approx(8400 * 1500 * 8 / 1e6)
    found = values(flow(), MODEL, FIXED)
    assert found["download_mean_ip_mbps"] == pytest.approx(96)
    assert found["download_udp_mbps"] == pytest.approx(8400 * 1472 * 8 / 1e6)
    assert found["download_wire_mbps"] == pytest.approx(8400 * 1538 * 8 / 1e6)


def test_the_early_stops_estimate_goes_before_sub_intervals() -> None:
    found = flow(estimate=Estimate(mbps=97.5, windows_mbps=(97.5, 97.5), seconds=0.8))
    assert values(found, MODEL, SEARCH)["download_ip_mbps"] == 97.5
    assert judged(found, SEARCH) == ()


def test_one_lost_of_300_is_one_of_300_and_what_came_twice_does_not_hide_it() -> None:
    whole = part(309, 1.0, lost=1, duplicates=10, reordered=3)
    found = values(flow(whole=whole), MODEL, FIXED)
    assert found["download_loss_ratio"] == 1 / 300
    assert found["download_duplicate_ratio"] == 10 / 299
    assert found["download_reordered_ratio"] == 3 / 299


def test_what_our_own_socket_dropped_is_not_the_lines_loss() -> None:
    found = flow(whole=part(23_900, 3.0, lost=100), dropped=100)
    assert values(found, MODEL, FIXED)["download_loss_ratio"] == 0
    assert judged(found, FIXED) == ("receive_buffer_drops",)


def test_without_any_datagram_there_are_no_values() -> None:
    assert values(flow(whole=part(0, 0.0), subs=[]), MODEL, FIXED) == {}


@pytest.mark.parametrize(("blocked", "reason"), [(0, "sender_limited"), (9, "local_interface_limited")])
def test_a_sender_below_98_percent_of_what_was_asked_was_itself_the_limit(blocked: int, reason: str) -> None:
    asked = 24_000 * 1472.0
    short = flow("upload", asked_octets=asked / 0.97, blocked=blocked)
    assert judged(short, FIXED) == (reason,)
    assert judged(flow("upload", asked_octets=asked / 0.99), FIXED) == ()


def test_a_far_end_that_sends_less_than_asked_is_named() -> None:
    found = flow(whole=part(23_000, 3.0), sent_datagrams=23_000, sent_octets=23_000 * 1472)
    assert judged(found, FIXED) == ("far_end_sent_less",)


def test_loss_on_the_line_is_no_shortfall_of_the_sender() -> None:
    found = flow(whole=part(20_000, 3.0, lost=4_000), sent_datagrams=24_000, sent_octets=24_000 * 1472)
    assert judged(found, FIXED) == ()


def test_a_search_without_loss_or_delay_never_filled_the_line() -> None:
    assert judged(flow(), SEARCH) == ("line_not_filled",)
    assert judged(flow(top_rate=True), SEARCH) == ("far_end_rate_limit",)
    assert judged(flow(), replace(SEARCH, bandwidth_mbps=102)) == ("far_end_rate_limit",)
    assert judged(flow(whole=part(24_000, 3.0, variation_max_ms=35.0)), SEARCH) == ()
    assert judged(flow(subs=[part(), part(lost=400)]), SEARCH) == ()


def test_a_maximum_from_a_sub_interval_in_which_a_machine_stalled_is_not_the_lines() -> None:
    whole = part(24_000, 3.0, variation_max_ms=35.0)
    best, other = part(8400, late_s=0.03), part(late_s=0.03)
    assert judged(flow(whole=whole, subs=[part(), best]), SEARCH) == ("machine_stalled",)
    assert judged(flow(whole=whole, subs=[other, part(8400, late_s=0.01)]), SEARCH) == ()
    stable = Estimate(mbps=97.5, windows_mbps=(97.5, 97.5), seconds=0.8)
    assert judged(flow(whole=whole, subs=[best], estimate=stable), SEARCH) == ()


def test_what_was_sent_counts_over_the_senders_time_not_over_the_queues() -> None:
    found = flow(seconds=3.1, sent_seconds=3.0)
    assert values(found, MODEL, FIXED)["download_sent_mbps"] == pytest.approx(96)
    begun_late = replace(found, sent_seconds=3.05, paced=(16_000, 2.0))
    assert values(begun_late, MODEL, FIXED)["download_sent_mbps"] == pytest.approx(96)


def test_a_full_core_is_our_limit() -> None:
    assert judged(flow(cpu_ratio=0.95), FIXED) == ("cpu_limited",)


def test_a_round_trip_below_the_millisecond_that_a_status_counts_in_is_absent_not_zero() -> None:
    found = values(flow("upload", rtts_ms=[0.0] * 20), MODEL, Options())
    assert "upload_loaded_rtt_p95_ms" not in found
    assert "upload_rpm" not in found
    assert values(flow("upload", rtts_ms=[2.0] * 20), MODEL, Options())["upload_rpm"] == 30_000
