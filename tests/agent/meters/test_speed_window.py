"""A far end whose own send window is too small for the round trip: the line is not blamed."""

from pathlib import Path

import pytest
from tests.agent.conftest import far_end, inside
from tests.agent.meters.test_speed import measure

from doxa_core.outcome import Outcome

pytestmark = pytest.mark.alone


@pytest.mark.root
@pytest.mark.parametrize("congestion", ["cubic", "bbr"])
def test_a_far_end_that_sends_one_small_window_a_round_trip_is_the_limit(tmp_path: Path, congestion: str) -> None:
    """8 streams × at most 64 KiB a round trip of 30 ms are 140 Mbit/s at most, on a line of 300."""
    from doxa_lab.net.lab import Lab
    from doxa_lab.net.line import Line as LabLine

    with Lab(tmp_path, name="dxw") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, LabLine(down_bps=3 * 10**8, up_bps=3 * 10**8, rtt_ms=30))
        lab.start()
        with inside(laid.far):
            Path("/proc/sys/net/ipv4/tcp_wmem").write_text("4096 16384 65536")
        with far_end(namespace=laid.far) as port, inside(office):
            reading = measure(
                laid.far_v4, port, interface="w1", congestion=congestion, directions=("download",), limit_s=4
            )
    assert reading.outcome is Outcome.PROBE_LIMITED, (reading.findings, reading.values, reading.detail)
    assert "far_end_window" in reading.reasons
    assert reading.values["download_mean_mbps"] < 200
