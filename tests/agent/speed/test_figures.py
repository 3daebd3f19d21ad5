"""From counts to named values: every layer by its own header model, findings where the numbers contradict."""

import pytest

from doxa_agent.net.tcpinfo import TcpInfo
from doxa_agent.speed import figures
from doxa_agent.speed.bins import BIN_S, Bin, Steady, first_steady, since, total
from doxa_agent.speed.bins import FINE as RULE
from doxa_agent.speed.figures import Counted


def bins_at(*rates: float) -> list[Bin]:
    return [Bin(seconds=BIN_S, octets=rate * 1e6 / 8 * BIN_S) for rate in rates]


TIMESTAMPS = TcpInfo(options=1)


def test_a_full_fast_ethernet_shows_its_rate_at_each_layer() -> None:
    payload = 100 * 1448 / 1538
    steady = Steady(octets=payload * 1e6 / 8, seconds=1.0, first=0, last=20)
    whole = Bin(seconds=2.0, octets=steady.octets)
    counted = Counted(bins=(), whole=whole, steady=steady, by="x")
    found = figures.rates("download", counted, figures.header_model(4, [TIMESTAMPS]), 1448)
    assert found["download_mbps"] == pytest.approx(payload)
    assert found["download_ip_mbps"] == pytest.approx(100 * 1500 / 1538)
    assert found["download_wire_mbps"] == pytest.approx(100)
    assert found["download_mean_mbps"] == pytest.approx(payload / 2), "the mean keeps the whole time"


def test_without_timestamps_a_header_is_twelve_octets_shorter() -> None:
    assert figures.header_model(6, [TcpInfo(options=0)]).name == "ipv6+20/ethernet"


def test_what_was_not_steady_has_a_mean_only() -> None:
    counted = Counted(bins=(), whole=Bin(seconds=1.0, octets=1e6), steady=None, by="x")
    found = figures.rates("upload", counted, figures.header_model(4, []), 1448)
    assert set(found) == {"upload_mean_mbps", "upload_bytes", "upload_duration_s"}


def test_a_shaper_with_burst_credit_is_noticed_in_a_long_run() -> None:
    bins = bins_at(*[150.0] * 60, *[100.0] * 140)
    first = first_steady(bins, RULE)
    assert first is not None
    assert figures.changed(bins, since(bins, first))
    flat = bins_at(*[100.0] * 200)
    first = first_steady(flat, RULE)
    assert first is not None
    assert not figures.changed(flat, since(flat, first))


def test_the_window_that_held_the_sender_is_named() -> None:
    held = TcpInfo(busy_us=10_000_000, rwnd_limited_us=8_000_000, sndbuf_limited_us=0)
    assert figures.sender_limits([held]) == ["rwnd_limited"]
    assert figures.sender_limits([TcpInfo()]) == []


def test_loss_is_told_from_lumps_by_how_far_the_rate_swings() -> None:
    assert figures.swings(bins_at(*([60.0] * 10 + [90.0] * 10) * 5))
    assert not figures.swings(bins_at(*[99.0, 101.0] * 50))


def test_an_unknown_smallest_round_trip_is_absent() -> None:
    assert figures.min_rtt_ms([TcpInfo(min_rtt_us=0xFFFFFFFF), TcpInfo()]) is None
    assert figures.min_rtt_ms([TcpInfo(min_rtt_us=2500), TcpInfo(min_rtt_us=2000)]) == 2.0


def test_the_loaded_round_trip_needs_two_samples() -> None:
    assert figures.loaded([5.0]) == {}
    assert figures.loaded([float(n) for n in range(101)])["p95_ms"] == pytest.approx(95)


def test_rates_that_differ_by_more_than_a_percent_disagree() -> None:
    assert figures.disagree(100, 98.9)
    assert not figures.disagree(100, 99.1)
    assert total(bins_at(1.0, 1.0)).seconds == pytest.approx(0.1)
