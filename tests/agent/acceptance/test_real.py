"""The acceptance on real lines in namespaces, with our own far end: its capacity server, and HTTP beside it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.agent.acceptance.conftest import GIGABIT
from tests.agent.conftest import _MAIN, Line, inside, ip

from doxa_agent.acceptance import instruments
from doxa_agent.acceptance.conduct import accept
from doxa_agent.acceptance.contract import Contract, Targets
from doxa_agent.acceptance.course import SHORT
from doxa_agent.acceptance.instruments import Bench
from doxa_agent.acceptance.judgement import StepResult
from doxa_agent.acceptance.result import Acceptance, Who
from doxa_agent.acceptance.verdict import Verdict
from doxa_agent.guard import GuardSettings
from doxa_agent.meter import FarEnd, Link
from doxa_agent.net.nic import read_nic
from doxa_core.linkkind import LinkKind

pytestmark = pytest.mark.root

HUNDRED = Contract(down_mbps=100, up_mbps=100)
QUICK = replace(SHORT, percents=(100,), step_s=5.0, tcp_s=2.0)
OURS = GuardSettings(off=("cpu", "throttling"), before_s=0.1, target_mbps=100)
"""Two processes of one laboratory machine are both ends here: its load is no probe's."""


@contextmanager
def server(line: Line, *options: str) -> Iterator[FarEnd]:
    """Our far end behind the line."""
    command = [sys.executable, "-c", _MAIN, "responder", "run", "--json", "--port", "0", *options]
    process = subprocess.Popen(["ip", "netns", "exec", line.server, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        capacity = found["roles"]["capacity"][0]["port"]
        yield FarEnd(name="there", host=line.there4, port=found["listening"][0]["port"], capacity_port=capacity)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def carry(line: Line, down_mbps: float, up_mbps: float) -> None:
    """Shape to these rates of the test's IP packets: tbf on a veth counts 1264 octets for one of 1250."""
    for device, mbps in (("down0", down_mbps), ("up0", up_mbps)):
        rate = f"tbf rate {round(mbps * 1e6 * 1264 / 1250)}bit burst 32kb latency 40ms"
        command = ["tc", "-netns", line.router, "qdisc", "replace", "dev", device, "root", *rate.split()]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    for name, device in (
        (line.client, line.interface),
        (line.router, "down0"),
        (line.router, "up0"),
        (line.server, "line1"),
    ):
        ip("-n", name, "link", "set", device, "gso_max_segs", "2")


def run(line: Line, far_end: FarEnd, *, fast_ethernet: bool = False) -> Acceptance:
    link = Link(name="internet", kind=LinkKind.FIXED, interface=line.interface)
    nic = (lambda _: replace(GIGABIT, speed_mbps=100)) if fast_ethernet else read_nic
    bench = Bench(link, far_end, guard=OURS, nic=nic)
    who = Who(site="xa", agent="px-1", version="0", link=link, far_end=far_end, methods=bench.methods)
    with inside(line.client):
        return accept(who, HUNDRED, Targets(), QUICK, bench)


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruments, "RTT", {"count": 5, "interval_s": 0.1, "timeout_s": 1.0})


def of(found: Acceptance, direction: str) -> StepResult:
    (step,) = (step for step in found.steps if step.step.direction == direction)
    return step


@pytest.mark.alone
def test_the_direction_of_100_passes_for_100_and_that_of_94_fails(line: Line) -> None:
    carry(line, 100, 94)
    with server(line, "--also", "capacity", "--capacity-port", "0") as far_end:
        found = run(line, far_end)
    down, up = of(found, "download"), of(found, "upload")
    assert (down.verdict, down.reasons) == (Verdict.PASS, ())
    assert down.received_mbps == pytest.approx(100, rel=0.025)
    assert (up.verdict, up.reasons) == (Verdict.FAIL, ("rate_below_contract", "loss_above_target"))
    assert up.received_mbps == pytest.approx(94, rel=0.025)
    assert up.figures.loss_ratio == pytest.approx(0.06, abs=0.025)
    assert found.verdict is Verdict.FAIL
    assert [one.direction for one in found.tcp] == ["download", "upload"]
    assert found.tcp[1].mean_mbps == pytest.approx(94 * 1264 / 1250 * 1448 / 1514, rel=0.15)
    assert found.proof is not None
    assert found.proof.interface == line.interface


def test_a_fast_ethernet_port_is_limited_before_anything_is_sent(line: Line) -> None:
    far_end = FarEnd(name="there", host=line.there4)
    found = run(line, far_end, fast_ethernet=True)
    assert (found.verdict, found.reasons, found.readings) == (Verdict.PROBE_LIMITED, ("port_too_slow",), {})


def test_a_far_end_that_refuses_leaves_it_open(line: Line, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("1 not-ours\n")
    wanted = ("--also", "capacity", "--capacity-port", "0", "--capacity-keys", str(keys), "--capacity-require-auth")
    with server(line, *wanted) as far_end:
        found = run(line, far_end)
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.reasons[0] == "not_measured"
    assert {step.figures.received_ip_mbps for step in found.steps} == {None}
