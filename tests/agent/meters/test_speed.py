"""The speed meter on shaped lines with our responder, and against one that paces itself."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.agent.conftest import Line, a_line, far_end, inside, lose, shape
from tests.agent.meters.speedtests import as_measurement, measure

from doxa_agent import meters
from doxa_agent.net import tcpinfo
from doxa_agent.speed import figures
from doxa_core.measurement import LinkProof, decode
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome

measures = pytest.mark.alone
"""Of the tests whose rates matter; what only talks to a server on loopback runs beside others."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A line and our responder at its far end, for all tests that shape it anew and leave it whole."""

    line: Line
    port: int


@pytest.fixture(scope="module")
def laid() -> Iterator[Laid]:
    with a_line() as line, far_end(namespace=line.server) as port:
        yield Laid(line, port)


def test_the_registry_takes_the_meter() -> None:
    found = meters.load("speed")
    assert found.heavy
    assert found.method == "speed/2"
    assert all(is_value_name(name) for name in found.values)


# --- shaped lines ------------------------------------------------------------------------------------------------------


@measures
@pytest.mark.root
@pytest.mark.parametrize(("mbit", "family"), [(34, 4), (300, 6)])
def test_the_rate_of_a_line_is_found_in_both_directions(laid: Laid, mbit: int, family: int) -> None:
    """tbf on veth counts 1514 octets for 1500 of IP: the truths are rate × 1448 (v6: 1428) / 1514 and × 1500 / 1514."""
    line = laid.line
    shape(line, mbit)
    host = line.there4 if family == 4 else line.there6
    reading = measure(host, laid.port, line=line, family=family, congestion="cubic")
    payload, wire = mbit * (1448 if family == 4 else 1428) / 1514, mbit * 1538 / 1514
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED), (reading.reasons, reading.findings)
    assert set(reading.reasons) <= {"far_end_cpu"}, "the far end shares this machine"
    assert "not_stable" not in reading.findings, reading.detail
    assert not {"sender_receiver_disagree", "byte_audit", "stream_lost", "fewer_streams"} & set(reading.findings)
    for direction in ("download", "upload"):
        assert reading.values[f"{direction}_mbps"] == pytest.approx(payload, rel=0.02)
        assert reading.values[f"{direction}_ip_mbps"] == pytest.approx(mbit * 1500 / 1514, rel=0.02)
        assert reading.values[f"{direction}_wire_mbps"] == pytest.approx(wire, rel=0.02)
        assert 1.0 < reading.values[f"{direction}_duration_s"] < 10, "it stopped early"
    assert reading.detail["upload"]["counted"].startswith("receiver/")
    assert reading.family == family
    assert reading.proof == LinkProof(
        interface=line.interface,
        source=line.here4 if family == 4 else line.here6,
        gateway=line.gateway4 if family == 4 else line.gateway6,
    )
    for direction in ("download", "upload"):
        assert reading.values[f"{direction}_loaded_rtt_p95_ms"] > reading.values["idle_rtt_p50_ms"]
        assert reading.values[f"{direction}_rpm"] == 60000 / reading.values[f"{direction}_loaded_rtt_p95_ms"]
    assert decode(as_measurement(reading)).values == reading.values


@measures
@pytest.mark.calm
@pytest.mark.root
def test_a_run_of_fixed_length_runs_its_whole_length(laid: Laid) -> None:
    shape(laid.line, 50)
    reading = measure(
        laid.line.there4, laid.port, line=laid.line,
        early_stop=False, limit_s=2.5, congestion="cubic", directions=("download",),
    )  # fmt: skip
    assert reading.values["download_duration_s"] == pytest.approx(2.5, abs=0.3)
    assert reading.values["download_mbps"] == pytest.approx(50 * 1448 / 1514, rel=0.02)
    assert "upload_mbps" not in reading.values
    assert "byte_audit" not in reading.findings


@measures
@pytest.mark.calm
@pytest.mark.root
def test_other_traffic_on_the_interface_shows_in_the_byte_audit(laid: Laid) -> None:
    line = laid.line
    shape(line, 50)
    url = f"http://{line.there4}:{laid.port}/garbage.php?ckSize=1024"
    other = subprocess.Popen(["ip", "netns", "exec", line.client, "curl", "-s", "-o", "/dev/null", url])
    try:
        reading = measure(
            line.there4, laid.port, line=line, early_stop=False, limit_s=2.5, streams=2, directions=("download",)
        )
    finally:
        other.kill()
        other.wait()
    assert "byte_audit" in reading.findings, reading.detail["download"]["audit"]


@measures
@pytest.mark.root
def test_iperf3_sees_the_same_line(laid: Laid) -> None:
    line = laid.line
    shape(line, 80)
    server = subprocess.Popen(
        ["ip", "netns", "exec", line.server, "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(0.3)
        command = ["iperf3", "-c", line.there4, "-R", "-P", "8", "-t", "2", "-O", "1", "-C", "cubic", "-J"]
        done = subprocess.run(
            ["ip", "netns", "exec", line.client, *command], capture_output=True, timeout=60, check=True
        )
        referee = json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 1e6
        reading = measure(line.there4, laid.port, line=line, directions=("download",), congestion="cubic")
    finally:
        server.kill()
        server.wait()
    assert reading.values["download_mbps"] == pytest.approx(referee, rel=0.03)


@measures
@pytest.mark.root
def test_tcp_below_the_line_is_never_called_stable(tmp_path: Path) -> None:
    """Cubic under random loss carries a half or less of the line: the mean is told, and why it is no verdict."""
    from doxa_lab.net.lab import Lab
    from doxa_lab.net.line import Line as LabLine

    with Lab(tmp_path, name="dxs") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, LabLine(down_bps=10**8, up_bps=10**8, rtt_ms=30, loss=0.01))
        lab.start()
        with far_end(namespace=laid.far) as port, inside(office):
            reading = measure(laid.far_v4, port, interface="w1", congestion="cubic", limit_s=3.5)
    assert reading.outcome is Outcome.OK, reading.reasons
    assert {"not_stable", "tcp_limited"} <= set(reading.findings)
    assert "download_mbps" not in reading.values
    assert "upload_mbps" not in reading.values
    assert 0 < reading.values["download_mean_mbps"] < 90
    assert reading.values["retransmits_count"] > 0
    lowest, highest = reading.detail["download"]["range_mbps"]
    assert lowest <= reading.values["download_mean_mbps"] * 1.1
    assert highest < 100


@measures
@pytest.mark.root
def test_loss_that_does_not_hold_tcp_back_does_not_falsify_the_rate(line: Line) -> None:
    """Without delay cubic fills the line through 1 % loss: segments that arrive out of order are counted as they come."""
    shape(line, 60)
    lose(line, 10)
    with far_end(namespace=line.server) as port:
        reading = measure(line.there4, port, line=line, congestion="cubic", limit_s=3)
    if "not_stable" not in reading.findings:
        assert reading.values["download_mbps"] == pytest.approx(60 * 1448 / 1514, rel=0.02)
    assert reading.detail["download"]["counted"] == "receiver/segments"
    assert reading.values["retransmits_count"] > 0


# --- a far end that paces itself, for a plain user ---------------------------------------------------------------------


@measures
@pytest.mark.calm
def test_a_pacing_far_end_on_loopback_is_measured_as_a_line() -> None:
    rate = 34.41
    with far_end("--host", "127.0.0.1", "--rate-mbps", str(rate)) as port:
        reading = measure("127.0.0.1", port)
    assert reading.proof == LinkProof(interface="lo", source="127.0.0.1")
    for direction in ("download", "upload"):
        assert reading.values[f"{direction}_mean_mbps"] == pytest.approx(rate, rel=0.1)
        if f"{direction}_mbps" in reading.values:  # a busy machine may keep the far end from pacing evenly
            assert reading.values[f"{direction}_mbps"] == pytest.approx(rate, rel=0.05)


@measures
@pytest.mark.calm
def test_an_old_kernel_is_measured_by_octets_in_order_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    look = tcpinfo.ArrivedCounter.look
    monkeypatch.setattr(tcpinfo.ArrivedCounter, "look", lambda self, sock, read: look(self, sock, read, 104))
    with far_end("--host", "127.0.0.1", "--rate-mbps", "50") as port:
        reading = measure("127.0.0.1", port, directions=("download",), limit_s=5)
    assert "in_order_clock" in reading.findings
    assert reading.values["download_duration_s"] > 3.8, "windows of two seconds"
    assert reading.values["download_mean_mbps"] == pytest.approx(50, rel=0.1)


def test_a_full_core_is_the_probes_limit_not_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "CPU_FULL", 0.0)
    with far_end("--host", "127.0.0.1", "--rate-mbps", "50") as port:
        reading = measure("127.0.0.1", port, directions=("download",), limit_s=1)
    assert reading.outcome is Outcome.PROBE_LIMITED
    assert reading.reasons[0] == "cpu_limited"
    assert set(reading.reasons) <= {"cpu_limited", "far_end_cpu"}, "the far end shares this machine"
    assert reading.values["download_mean_mbps"] > 0


@measures
def test_the_answers_end_and_the_test_goes_on_over_new_connections() -> None:
    with far_end("--host", "127.0.0.1", "--rate-mbps", "200") as port:
        reading = measure("127.0.0.1", port, directions=("download",), ck_size=1, streams=4, limit_s=1.5)
    assert reading.detail["download"]["reopened"] > 4
    assert reading.values["download_mean_mbps"] == pytest.approx(200, rel=0.2)
