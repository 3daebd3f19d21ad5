"""Whole runs on a real line by the real runner, guards and meter, while something is wrong: named, and no verdict."""

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.agent.conftest import Line, far_end, inside, shape

from doxa_agent import meters
from doxa_agent.config import Settings
from doxa_agent.guard import GuardSettings
from doxa_agent.guards import nic as nic_guard
from doxa_agent.meter import FarEnd, Link
from doxa_agent.net import stamp
from doxa_agent.net.nic import Nic
from doxa_agent.plan import Task
from doxa_agent.runner import Runner
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import Measurement, decode
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

pytestmark = [pytest.mark.alone, pytest.mark.root]
calm = pytest.mark.calm
"""Of those at 40 Mbit/s with nothing beside them that fills a core."""

LINE_MBPS = 40.0
PAYLOAD_MBPS = LINE_MBPS * 1448 / 1514


@pytest.fixture
def measured(line: Line, folder: Any) -> Iterator[Callable[..., Measurement]]:
    """One speed test over the line as the service runs it; the settings of guards by keyword."""
    shape(line, LINE_MBPS)
    settings: Settings = folder.settings()
    meter = meters.load("speed")
    with far_end(namespace=line.server) as port:

        def measure(limit_s: float = 3.0, **keys: Any) -> Measurement:
            written = {
                "directions": ["download"],
                "limit_s": limit_s,
                "early_stop": False,
                "ping_count": 3,
                "streams": 4,
            }
            limits = GuardSettings(**({"before_s": 1.0, "defer_max_s": 0.0} | keys))
            task = Task(
                name="speed",
                meter=meter,
                link=Link(name="office", kind=LinkKind.FIXED, interface=line.interface),
                every_s=3600.0,
                far_ends=(FarEnd(name="far", host=line.there4, port=port),),
                options=meter.read_options(Table(written, "test")),
            )
            runner = Runner(replace(settings, guards=limits), lambda build: decode(build("0" * 16, 1)))
            with inside(line.client):
                (made,) = runner.run(task)
            return made

        yield measure


@contextmanager
def burning() -> Iterator[None]:
    """Every core has something else to do."""
    over = multiprocessing.get_context("fork").Event()
    burners = [
        multiprocessing.get_context("fork").Process(target=_burn, args=(over,), daemon=True)
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        over.set()
        for burner in burners:
            burner.join(10)


def _burn(over: Any) -> None:
    while not over.is_set():
        sum(range(100_000))


@contextmanager
def flowing(line: Line, mbps: float, *, after_s: float = 0.0) -> Iterator[None]:
    """Somebody else's packets through the same interface."""
    over = threading.Event()
    with inside(line.client):
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sink.bind((line.here4, 40_000))
    with inside(line.server):
        source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send() -> None:
        over.wait(after_s)
        sent, begun = 0, time.monotonic()
        while not over.wait(0.005):
            while sent * 1442 * 8 < (time.monotonic() - begun) * mbps * 1e6:
                source.sendto(bytes(1400), (line.here4, 40_000))
                sent += 1

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join(10)
        source.close()
        sink.close()


@calm
def test_a_quiet_probe_whose_clock_is_set_by_an_hour_measures_the_line_and_says_so(
    measured: Callable[..., Measurement], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of this file: nothing else is wrong. Every wall clock of this process jumps in the middle."""
    jump = time.monotonic() + 2.5
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() + 3600 * (time.monotonic() > jump))
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + 3_600_000_000_000 * (time.monotonic() > jump))
    now = stamp.now
    monkeypatch.setattr(stamp, "now", lambda: now(real=time.time_ns))
    found = measured(off=("cpu",))
    assert "clock_stepped" in found.findings
    assert found.detail["guards"]["clock_step_s"] == pytest.approx(3600, abs=0.1)
    assert (found.outcome, found.reasons) == (Outcome.OK, ())
    assert found.values["download_mbps"] == pytest.approx(PAYLOAD_MBPS, rel=0.03)
    assert found.values["download_duration_s"] < 10
    assert not {"cross_traffic", "byte_audit"} & set(found.findings)
    assert found.detail["guards"]["entered_by"] == "line0"
    assert found.detail["guards"]["rx_bytes"] > found.values["download_bytes"]


@calm
def test_other_traffic_before_a_run_puts_it_off_and_during_it_nobody_blames_the_line(
    measured: Callable[..., Measurement], line: Line
) -> None:
    with flowing(line, 8.0):
        before = measured(off=("cpu",))
    with flowing(line, 8.0, after_s=2.0):
        during = measured(off=("cpu",))
    assert (before.outcome, before.reasons) == (Outcome.SKIPPED, ("busy", "cross_traffic"))
    assert (during.outcome, during.reasons) == (Outcome.PROBE_LIMITED, ("cross_traffic",))
    assert "cross_traffic" in during.findings
    assert 0.5e6 < during.detail["guards"]["cross_bytes"] < 8e6


def test_a_probe_whose_cores_are_all_busy_waits_and_if_it_must_measure_says_that_it_was_the_limit(
    measured: Callable[..., Measurement],
) -> None:
    with burning():
        before = measured()
        during = measured(cpu_before_ratio=1.0)
    assert (before.outcome, before.reasons) == (Outcome.SKIPPED, ("busy", "cpu_busy"))
    assert during.outcome is Outcome.PROBE_LIMITED
    assert "cpu_limited" in during.reasons
    assert during.detail["guards"]["cpu_core_max_ratio"] > 0.9


@calm
@pytest.mark.parametrize(
    ("speed", "duplex", "reason"), [(1000, "half", "nic_half_duplex"), (10, "full", "nic_fast_ethernet")]
)
def test_behind_a_port_that_cannot_carry_it_the_line_is_not_judged(
    speed: int, duplex: Any, reason: str, measured: Callable[..., Measurement], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ethtool would answer on such a port; a virtual line has none."""
    port = Nic(name="line0", up=True, operstate="up", speed_mbps=speed, duplex=duplex)
    monkeypatch.setattr(nic_guard, "read_nic", lambda _: port)
    found = measured(2.0, off=("cpu", "bounds"))
    assert (found.outcome, found.reasons) == (Outcome.PROBE_LIMITED, (reason,))
    assert reason in found.findings
    assert found.detail["guards"]["port_duplex"] == duplex
