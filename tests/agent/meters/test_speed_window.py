"""A far end whose own send window is too small for the round trip: the line is not blamed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.conftest import far_end, inside
from tests.agent.meters.speedtests import measure

from doxa_core.outcome import Outcome

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def small_windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, int]]:
    """A far end of which 8 streams × at most 64 KiB a round trip of 30 ms are 140 Mbit/s at most, on a line of 300.

    The client's namespace, the far end's address and port.
    """
    from doxa_lab.net.lab import Lab
    from doxa_lab.net.line import Line as LabLine

    with Lab(tmp_path_factory.mktemp("lab"), name="dxw") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, LabLine(down_bps=3 * 10**8, up_bps=3 * 10**8, rtt_ms=30))
        lab.start()
        with inside(laid.far):
            Path("/proc/sys/net/ipv4/tcp_wmem").write_text("4096 16384 65536")
        with far_end(namespace=laid.far) as port:
            yield office, laid.far_v4, port


@pytest.mark.root
@pytest.mark.parametrize("congestion", ["cubic", "bbr"])
def test_a_far_end_that_sends_one_small_window_a_round_trip_is_the_limit(
    small_windows: tuple[str, str, int], congestion: str
) -> None:
    office, host, port = small_windows
    with inside(office):
        reading = measure(host, port, interface="w1", congestion=congestion, directions=("download",), limit_s=3)
    assert reading.outcome is Outcome.PROBE_LIMITED, (reading.findings, reading.values, reading.detail)
    assert "far_end_window" in reading.reasons
    assert reading.values["download_mean_mbps"] < 200
