"""The capacity meter over shaped lines to our own far end: the rate that the shaper has, in every way of asking."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.agent.conftest import _MAIN, Line, inside, lose, shape

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import capacity
from doxa_agent.udpstp.figures import asked_mbps
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

IP_100 = 100.933333
"""Mbit/s of a tbf that lets 100 Mbit/s of IP packets of 1500 octets through."""


@contextmanager
def far_end(line: Line, *options: str) -> Iterator[None]:
    command = [sys.executable, "-c", _MAIN, "responder", "capacity", "--json", *options]
    process = subprocess.Popen(["ip", "netns", "exec", line.server, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        yield
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def measure(line: Line, *directions: str, family: int = 4, **options: Any) -> Reading:
    request = Request(
        link=Link(name="x", kind=LinkKind.FIXED, interface=line.interface),
        far_ends=(FarEnd(name="far", host=line.there4 if family == 4 else line.there6),),
        options=capacity.Options(directions=directions, **{"payload_bytes": 1472, **options}),
        deadline=Deadline(60),
        family=family,
    )
    with inside(line.client):
        (reading,) = capacity.measure(request)
    assert set(reading.values) <= set(capacity.VALUES)
    return reading


def truth(reading: Reading, direction: str, tbf_mbps: float) -> float:
    """What the shaper lets through at the IP layer for packets of the mean size that came."""
    overhead = 48 if reading.family == 6 else 28
    datagrams: int = reading.detail[direction]["received_datagrams"]
    packet = reading.values[f"{direction}_bytes"] / datagrams + overhead
    return tbf_mbps * packet / (packet + 14)


@pytest.mark.root
@pytest.mark.alone
def test_the_fast_search_finds_100_mbit_both_ways(line: Line) -> None:
    shape(line, IP_100)
    with far_end(line):
        reading = measure(line, "download", "upload")
    assert reading.outcome is Outcome.OK
    assert reading.proof is not None
    assert (reading.proof.interface, reading.proof.gateway) == (line.interface, line.gateway4)
    for direction in ("download", "upload"):
        found = reading.values[f"{direction}_ip_mbps"]
        assert found == pytest.approx(truth(reading, direction, IP_100), rel=0.005)
        assert found == pytest.approx(100, rel=0.006)
        assert reading.detail[direction]["ended"] == "stable"
        assert reading.detail[direction]["headers"] == "ipv4+8/ethernet"
        assert reading.values[f"{direction}_bytes"] < 0.4 * 100e6 / 8 * 10
        assert reading.values[f"{direction}_loaded_rtt_p95_ms"] > 5 * reading.values["idle_rtt_p50_ms"]
    assert "byte_audit" not in reading.findings


@pytest.mark.root
@pytest.mark.alone
def test_ipv6_and_loss_change_nothing_of_the_rate(line: Line) -> None:
    shape(line, IP_100)
    lose(line, 10)
    with far_end(line):
        reading = measure(line, "download", family=6)
    assert reading.family == 6
    assert reading.values["download_ip_mbps"] == pytest.approx(truth(reading, "download", IP_100), rel=0.008)
    assert reading.values["download_udp_mbps"] == pytest.approx(
        reading.values["download_ip_mbps"] * 1452 / 1500, rel=0.003
    )


@pytest.mark.root
@pytest.mark.alone
def test_a_fixed_rate_below_the_line_loses_nothing_and_above_it_the_rest(line: Line) -> None:
    shape(line, 30)
    with far_end(line):
        below = measure(line, "upload", rate_mbps=20.0, seconds=1, sub_interval_s=0.5)
        above = measure(line, "download", rate_mbps=40.0, seconds=2, sub_interval_s=0.5)
    assert below.outcome is Outcome.OK
    assert below.values["upload_mean_ip_mbps"] == pytest.approx(20, rel=0.02)
    assert below.values["upload_loss_ratio"] < 0.002
    assert above.outcome is Outcome.OK
    assert above.values["download_sent_mbps"] == pytest.approx(asked_mbps(capacity.Options(rate_mbps=40.0)), rel=0.02)
    assert above.values["download_loss_ratio"] == pytest.approx(0.25, abs=0.03)


@pytest.mark.root
@pytest.mark.alone
@pytest.mark.parametrize("search", ["b", "c"])
def test_the_searches_of_the_rfc_come_to_the_same_rate(line: Line, search: str) -> None:
    shape(line, IP_100)
    with far_end(line):
        reading = measure(line, "download", search=search, seconds=3)
    assert reading.outcome is Outcome.OK
    error = reading.values["download_ip_mbps"] / truth(reading, "download", IP_100) - 1
    assert -0.01 < error < 0.002, "a second may be stalled, but none takes what came in its neighbour"
    assert len(reading.detail["download"]["sub_intervals"]) == 3


# --- settings --------------------------------------------------------------------------------------------------------


def options(**written: Any) -> capacity.Options:
    table = Table(written, "plan.toml")
    found = capacity.read_options(table)
    table.close()
    return found


def test_the_registry_takes_the_meter() -> None:
    assert meters.load("capacity").method == "capacity/1"
    assert meters.load("capacity").heavy


def test_a_plan_writes_every_setting() -> None:
    found = options(
        directions=["upload"], rate_mbps=97, bandwidth_mbps=100, seconds=30, sub_interval_s=0.5,
        payload_bytes=1472, random_payload=True,
    )  # fmt: skip
    assert (found.directions, found.rate_mbps, found.bandwidth_mbps, found.seconds) == (("upload",), 97.0, 100, 30)
    assert (found.sub_interval_s, found.traditional, found.random_payload, found.early_stop) == (0.5, True, True, False)
    assert options() == capacity.Options()
    assert capacity.seconds(options(seconds=60), 2) > 4 * 60


@pytest.mark.parametrize(
    "written",
    [
        {"directions": ["sideways"]},
        {"directions": ["upload", "upload"]},
        {"payload_bytes": 1300},
        {"seconds": 4},
        {"search": "a"},
        {"search": "b", "rate_mbps": 5},
        {"rate_mbps": 0},
        {"speed": 3},
    ],
)
def test_a_setting_that_cannot_be_is_refused(written: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        options(**written)
