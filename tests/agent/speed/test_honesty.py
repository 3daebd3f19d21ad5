"""Signs that something else than the line set the figures."""

import os

import pytest

from doxa_agent.net.tcpinfo import TcpInfo
from doxa_agent.speed.honesty import is_random, proxy_signs, window_held

QUIET = [TcpInfo(rcv_ooopack=0, rcv_wnd=4_000_000)] * 8


@pytest.mark.parametrize(
    ("fields", "sign"),
    [
        ({"via": "1.1 cache"}, "via"),
        ({"x-cache": "HIT"}, "x-cache"),
        ({"age": "12"}, "age"),
        ({"content-encoding": "gzip"}, "content-encoding"),
    ],
)
def test_a_proxy_gives_itself_away_in_the_head(fields: dict[str, str], sign: str) -> None:
    assert proxy_signs(fields, tcp_rtt_ms=None, http_rtt_ms=None) == [sign]


def test_a_tcp_that_ends_nearer_than_the_answer_comes_from_is_a_sign() -> None:
    assert proxy_signs({}, tcp_rtt_ms=2.0, http_rtt_ms=40.0) == ["tcp_ends_nearer"]
    assert proxy_signs({"content-encoding": "identity"}, tcp_rtt_ms=20.0, http_rtt_ms=28.0) == []
    assert proxy_signs({}, tcp_rtt_ms=1.0, http_rtt_ms=12.0) == [], "a slow server is no proxy"


def test_random_octets_are_told_from_zeros_text_and_repetition() -> None:
    assert is_random(os.urandom(16384)) is True
    assert is_random(bytes(16384)) is False
    assert is_random(b"0123456789abcdef" * 1024) is False
    assert is_random(os.urandom(100)) is None


def test_even_streams_without_a_queue_or_loss_are_held_by_a_window() -> None:
    octets = [3e6, 3.02e6, 2.99e6, 3e6, 3.01e6, 3e6, 3e6, 3e6]
    assert window_held(octets, 4.0, QUIET, 20.0, [20.1, 20.3, 20.2]) == "far_end_window"
    stray = [TcpInfo(rcv_ooopack=1, data_segs_in=4000, rcv_wnd=4_000_000)] * 8
    assert window_held([3e6, 3.2e6] * 4, 4.0, stray, 20.0, [20.1, 20.3, 20.2]) == "far_end_window"
    ours = [TcpInfo(rcv_ooopack=0, rcv_wnd=16_000)] * 8
    assert window_held(octets, 4.0, ours, 20.0, [20.1, 20.3, 20.2]) == "receive_window"


@pytest.mark.parametrize(
    ("octets", "infos", "idle", "loaded"),
    [
        ([3e6] * 8, QUIET, 20.0, [60.0] * 9),
        ([3e6] * 8, [TcpInfo(rcv_ooopack=3)] * 8, 20.0, [20.0] * 9),
        ([3e6, 2e6] * 4, QUIET, 20.0, [20.0] * 9),
        ([3e6] * 8, QUIET, 0.4, [0.4] * 9),
        ([3e6] * 8, QUIET, None, [20.0] * 9),
    ],
    ids=["a queue", "loss", "unequal shares", "too near to tell", "no idle round trip"],
)
def test_a_full_line_is_not_called_a_window(
    octets: list[float], infos: list[TcpInfo], idle: float | None, loaded: list[float]
) -> None:
    assert window_held(octets, 4.0, infos, idle, loaded) is None
