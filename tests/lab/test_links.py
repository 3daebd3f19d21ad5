"""Lines in namespaces carry their truth, as iperf3 and ping see it; needs root."""

import json
import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from doxa_core.errors import OperationError
from doxa_core.layers import Layer
from doxa_lab.net.commands import run
from doxa_lab.net.lab import Lab
from doxa_lab.net.line import Laid, Line
from doxa_lab.net.namespaces import FOLDER, entered
from doxa_lab.process import Process

pytestmark = [pytest.mark.root, pytest.mark.server]
measures = pytest.mark.alone
"""Of the tests that hold a line to its figures; the others ask only what passes."""


def inside(namespace: str, *command: str) -> str:
    return run(["ip", "netns", "exec", namespace, *command])


@contextmanager
def iperf3_server(laid: Laid, log: Path) -> Iterator[None]:
    import socket

    server = Process("iperf3", ["iperf3", "-s", "-J", "-i", "0.5"], log=log, namespace=laid.far)
    server.start()

    def listens() -> bool:
        with entered(laid.far), socket.socket() as sock:
            return sock.connect_ex((laid.far_v4, 5201)) == 0

    try:
        server.wait_ready(listens)
        yield
    finally:
        server.kill()


def carried(laid: Laid, address: str, *more: str) -> float:
    """Mbit/s of payload by iperf3's receiver, in the median of half seconds after the first: the machine is shared."""
    command = ("iperf3", "-c", address, "--bind-dev", laid.interface, "-P", "4", "-t", "4", "-i", "0.5", "-J", *more)
    found = json.loads(inside(laid.office, *command, "--get-server-output"))
    receiver = found if "-R" in more else found["server_output_json"]
    return statistics.median(float(i["sum"]["bits_per_second"]) for i in receiver["intervals"][2:]) / 1e6


@measures
@pytest.mark.slow
@pytest.mark.parametrize("rate", [40.0, 150.0])
def test_tcp_gets_what_the_truth_says_in_both_directions_and_families(lab: Lab, tmp_path: Path, rate: float) -> None:
    laid = lab.lay("line", lab.office("office"), Line.carrying(rate, rate / 2, rtt_ms=10))
    lab.start()
    with iperf3_server(laid, tmp_path / "iperf3.log"):
        assert carried(laid, laid.far_v4, "-R") == pytest.approx(rate, rel=0.02)
        assert carried(laid, laid.far_v4) == pytest.approx(rate / 2, rel=0.02)
        assert carried(laid, laid.far_v6, "-R") == pytest.approx(rate * 1428 / 1448, rel=0.02)


@measures
@pytest.mark.slow
def test_tcp_gets_what_the_truth_says_through_the_relay_packet_by_packet(lab: Lab, tmp_path: Path) -> None:
    """A little loss makes the relay pass single packets instead of large frames."""
    laid = lab.lay("line", lab.office("office"), Line.carrying(60, 30, rtt_ms=10, jitter_ms=1, loss=0.0005))
    assert not laid.line.offload
    lab.start()
    with iperf3_server(laid, tmp_path / "iperf3.log"):
        assert carried(laid, laid.far_v4, "-R", "-C", "bbr") == pytest.approx(60, rel=0.03)


def flooded(laid: Laid, mbps: int, seconds: int = 3, *, start_s: int = 0) -> list[float]:
    """Mbit/s of IP that arrive each second while the far end sends UDP of full packets faster than the line."""
    size = laid.line.mtu - 28
    command = ("iperf3", "-c", laid.far_v4, "--bind-dev", laid.interface, "-u", "-R", "-b", f"{mbps}M", "-l", str(size))
    found = json.loads(inside(laid.office, *command, "-t", str(seconds), "-J"))
    rates = [i["sum"]["bits_per_second"] / 1e6 * laid.line.mtu / size for i in found["intervals"]]
    return [float(rate) for rate in rates[start_s:]]


@measures
def test_a_policer_passes_its_rate_and_drops_the_rest(lab: Lab, tmp_path: Path) -> None:
    line = Line(down_bps=50_466_664, up_bps=50_466_664, rtt_ms=4, policed=True)  # 50 Mbit/s of IP
    laid = lab.lay("line", lab.office("office"), line)
    lab.start()
    with iperf3_server(laid, tmp_path / "iperf3.log"):
        assert statistics.median(flooded(laid, 70, start_s=1)) == pytest.approx(50, rel=0.01)


@measures
def test_burst_credit_passes_faster_until_it_is_used_up(lab: Lab, tmp_path: Path) -> None:
    """A bucket of 3 s at twice the rate: it fills at the rate while it empties at twice that."""
    rate = 40_000_000
    laid = lab.lay(
        "line", lab.office("office"), Line(down_bps=rate, up_bps=rate, rtt_ms=2, credit_octets=rate // 8 * 3)
    )
    lab.start()
    with iperf3_server(laid, tmp_path / "iperf3.log"):
        found = flooded(laid, 100, 5)
    assert found[1] == pytest.approx(2 * 40 * 1500 / 1514, rel=0.02)
    assert found[-1] == pytest.approx(40 * 1500 / 1514, rel=0.02)


@measures
def test_a_line_behind_pppoe_and_a_vlan_tag_carries_less_by_their_headers(lab: Lab, tmp_path: Path) -> None:
    line = Line(down_bps=50_000_000, up_bps=50_000_000, rtt_ms=2, overhead=12, mtu=1492)
    laid = lab.lay("line", lab.office("office"), line)
    lab.start()
    with iperf3_server(laid, tmp_path / "iperf3.log"):
        found = statistics.median(flooded(laid, 70, start_s=1))
    assert found == pytest.approx(50 * 1492 / (1492 + 14 + 12), rel=0.005)


def pings(laid: Laid, address: str, count: int, gap_s: float = 0.02) -> tuple[list[float], float]:
    """The round trips in ms, and the share that was lost."""
    command = ("ping", "-n", "-I", laid.interface, "-c", str(count), "-i", str(gap_s), "-W", "2", address)
    with entered(laid.office):
        text = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120).stdout
    found = [float(ms) for ms in re.findall(r"time=([\d.]+) ms", text)]
    return found, 1 - len(found) / count


@measures
@pytest.mark.calm
def test_the_relay_adds_the_delay_in_both_families(lab: Lab) -> None:
    laid = lab.lay("line", lab.office("office"), Line.carrying(50, 50, rtt_ms=30))
    lab.start()
    for address in (laid.far_v4, laid.far_v6):
        found, lost = pings(laid, address, 60)
        assert lost == 0
        assert min(found) == pytest.approx(30, abs=1)
        assert statistics.median(found) == pytest.approx(30, abs=2)


@measures
@pytest.mark.calm
def test_jitter_spreads_round_trips_evenly_on_top_of_the_delay(lab: Lab) -> None:
    laid = lab.lay("line", lab.office("office"), Line.carrying(50, 50, rtt_ms=20, jitter_ms=20))
    lab.start()
    found, _ = pings(laid, laid.far_v4, 150)
    assert min(found) > 20
    assert statistics.median(found) == pytest.approx(laid.line.middle_rtt_ms, abs=3)
    assert statistics.pstdev(found) == pytest.approx(20 / 24**0.5, rel=0.35)  # the sum of two even spreads of 10 ms


@measures
@pytest.mark.calm
def test_loss_is_drawn_for_each_packet_and_direction(lab: Lab) -> None:
    laid = lab.lay("line", lab.office("office"), Line.carrying(50, 50, rtt_ms=4, loss=0.1))
    lab.start()
    _, lost = pings(laid, laid.far_v4, 800, 0.005)
    assert lost == pytest.approx(1 - 0.9**2, abs=0.06)  # more than four standard deviations of 800 draws


def test_packets_of_a_line_never_overtake_each_other(lab: Lab, tmp_path: Path) -> None:
    import socket

    laid = lab.lay("line", lab.office("office"), Line.carrying(50, 50, rtt_ms=10, jitter_ms=40))
    lab.start()
    with entered(laid.far):
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far.bind((laid.far_v4, 7777))
        far.settimeout(10)
    with entered(laid.office):
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with far, near:
        for n in range(100):
            near.sendto(n.to_bytes(2, "big"), (laid.far_v4, 7777))
        assert [int.from_bytes(far.recv(16), "big") for _ in range(100)] == list(range(100))


def test_a_cut_line_is_silent_and_a_mended_one_answers_in_both_families(lab: Lab) -> None:
    laid = lab.lay("line", lab.office("office"), Line.carrying(50, 50, rtt_ms=4))
    lab.start()
    lab.cut(laid)
    with entered(laid.office):
        assert "NO-CARRIER" in run(["ip", "-netns", laid.office, "link", "show", laid.interface])
    assert pings(laid, laid.far_v4, 3, 0.01)[1] == 1
    lab.mend(laid)
    for address in (laid.far_v4, laid.far_v6):
        until = time.monotonic() + 30  # the kernel takes up to a second to notice a carrier (linkwatch)
        while pings(laid, address, 5, 0.01)[1] == 1:
            assert time.monotonic() < until
        assert pings(laid, address, 5, 0.01)[1] == 0


def test_each_line_of_an_office_leads_to_its_own_far_end_by_interface_and_by_source(lab: Lab) -> None:
    office = lab.office("office")
    first = lab.lay("first", office, Line.carrying(50, 50, rtt_ms=4))
    second = lab.lay("second", office, Line.carrying(50, 50, rtt_ms=8))
    lab.start()
    assert pings(second, second.far_v4, 3, 0.01)[1] == 0
    assert pings(second, first.far_v4, 3, 0.01)[1] == 1
    assert "time=" in inside(office, "ping", "-c1", "-W2", "-I", second.office_v4, second.far_v4)
    assert "time=" in inside(office, "ping", "-c1", "-W2", "-I", second.office_v6, second.far_v6)


def test_an_office_forwards_nothing_and_its_router_does(lab: Lab) -> None:
    laid = lab.lay("line", lab.office("office"), Line.carrying(50, 50))
    for namespace, forwards in ((laid.office, "0"), (laid.far, "0"), (laid.router, "1")):
        assert inside(namespace, "cat", "/proc/sys/net/ipv4/ip_forward").strip() == forwards
        assert inside(namespace, "cat", "/proc/sys/net/ipv6/conf/all/forwarding").strip() == forwards


def test_the_hub_reaches_every_member_and_no_far_end(lab: Lab) -> None:
    hub, office = lab.namespace("noc"), lab.office("office")
    laid = lab.lay("line", office, Line.carrying(50, 50, rtt_ms=4))
    addresses = lab.join(hub, [office])
    lab.start()
    assert "time=" in inside(hub, "ping", "-c1", "-W2", addresses[office])
    with pytest.raises(OperationError):
        inside(hub, "ping", "-c1", "-W1", laid.far_v4)


def test_a_lossy_line_that_the_relay_cannot_carry_is_refused(lab: Lab) -> None:
    with pytest.raises(OperationError, match="120"):
        lab.lay("fast", lab.office("office"), Line.carrying(300, 50, Layer.IP, loss=0.01))


@measures
@pytest.mark.calm
def test_nothing_shows_up_outside_and_nothing_is_left(tmp_path: Path) -> None:
    before = run(["ip", "-o", "link"]), run(["ip", "rule"]), run(["ip", "route", "show", "table", "all"])
    with Lab(tmp_path, "gone") as lab:
        laid = lab.lay("line", lab.office("office"), Line.carrying(50, 50))
        lab.start()
        during = run(["ip", "-o", "link"]), run(["ip", "rule"]), run(["ip", "route", "show", "table", "all"])
        assert (FOLDER / laid.far).exists()
        relay = lab.relay(laid)
    assert during == before
    assert not relay.running
    assert not [name for name in FOLDER.iterdir() if name.name in (laid.office, laid.router, laid.far)]
