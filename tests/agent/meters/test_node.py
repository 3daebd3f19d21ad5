"""The node meter: down within the promised time, told when it is worth it, and no node blamed for our own line."""

import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.agent.conftest import Line, inside, lose

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import node
from doxa_agent.net import heavy
from doxa_agent.nodes import watch
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
UP = {
    "up_flag", "sent_count", "received_count", "loss_ratio", "silence_max_s", "rtt_min_ms", "rtt_p50_ms", "rtt_p95_ms",
    "rtt_max_ms",
}  # fmt: skip
DOWN = {"up_flag", "down_s", "sent_count", "received_count", "loss_ratio", "silence_max_s"}


def options(**found: Any) -> node.Options:
    table = Table(found, "plan.toml", "task.t.options.")
    read = node.read_options(table)
    table.close()
    return read


def quick(**found: Any) -> node.Options:
    """As in the field, twenty times as fast: a request every 0.05 s, runs of 0.55 s."""
    chosen = options(**{"timeout_s": 0.15, **found})
    return replace(chosen, duration_s=0.55, cadence=replace(chosen.cadence, interval_s=0.05, count=8))


class Task:
    """A task that is run again and again."""

    def __init__(self, *far_ends: FarEnd, link: Link = LOOPBACK, **found: Any) -> None:
        self.far_ends, self.link, self.options = far_ends, link, quick(**found)

    def run(self, seconds: float = 30) -> dict[str, Reading]:
        request = Request(link=self.link, far_ends=self.far_ends, options=self.options, deadline=Deadline(seconds))
        readings = node.measure(request)
        assert readings, "a run without a reading would be an error of ours"
        for reading in readings:
            assert set(reading.values) <= set(node.VALUES)
        return {str(reading.far_end): reading for reading in readings}


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    for memory in watch._SHELF._found.values():
        if memory.open is not None:
            memory.open.abandon()
    watch._SHELF._found.clear()


def test_the_registry_takes_it_and_the_options_have_their_defaults() -> None:
    assert meters.load("node").method == "node/1"
    chosen = options()
    assert (chosen.cadence.interval_s, chosen.cadence.count, chosen.duration_s, chosen.down_after) == (1.0, 10, 10.0, 3)
    assert node.seconds(chosen, 10) == 10.0
    assert options(interval_s=60, duration_s=10).cadence.count == 1


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"timeout_s": 6.0}, "timeout_s: it is more than half of duration_s; write 5 at most"),
        ({"way": "arp"}, "way: the value 'arp' is not valid; write one of: ping, connect"),
        ({"parent": "core"}, "parent: this key does not exist; did you mean 'report_s'?"),
    ],
)
def test_a_bad_option_is_refused_with_its_place_and_its_cure(found: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        options(**found)
    assert error.value.text.en.startswith(f"plan.toml: task.t.options.{sentence.partition(';')[0]}")


@pytest.mark.root
@pytest.mark.alone
@pytest.mark.calm
def test_a_node_that_dies_is_told_at_once_and_again_when_it_is_back(line: Line) -> None:
    """The gateway lives, what is behind it dies; the counts of all runs together are those of all requests."""
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    gateway, core = FarEnd(name="gateway", host=line.gateway4), FarEnd(name="core", host=line.there4)
    task = Task(gateway, core, link=link)
    with inside(line.client):
        first = task.run()
        quiet = task.run()
        lose(line, 1000)
        cut = task.run()
        later = task.run()
        lose(line, 0)
        back = task.run()
    for reading in first.values():
        assert (reading.outcome, reading.reasons, set(reading.values)) == (Outcome.OK, (), UP)
        assert (reading.values["up_flag"], reading.values["loss_ratio"], reading.values["silence_max_s"]) == (1, 0, 0)
        assert reading.proof is not None
        assert reading.proof.interface == line.interface
    assert len(first) == 2, "what was never told is told"
    assert len(quiet) == 1, "what stays as it is takes turns"
    assert (cut["core"].outcome, set(cut["core"].values) - {"rtt_min_ms", "rtt_p50_ms", "rtt_p95_ms", "rtt_max_ms"}) == (
        Outcome.FAILED, DOWN,
    )  # fmt: skip
    assert cut["core"].values["up_flag"] == 0
    assert cut["core"].reasons == ("no_reply",)
    assert 0.15 <= cut["core"].values["down_s"] <= 0.7
    assert all(run["gateway"].outcome is Outcome.OK for run in (cut, later, back) if "gateway" in run)
    assert (back["core"].outcome, back["core"].values["up_flag"]) == (Outcome.OK, 1)
    assert back["core"].values["silence_max_s"] > cut["core"].values["down_s"]
    told = [run["core"] for run in (first, quiet, cut, later, back) if "core" in run]
    assert sum(reading.values["sent_count"] for reading in told) == pytest.approx(40, abs=2)


@pytest.mark.root
def test_nobody_is_blamed_while_our_own_line_is_down(line: Line) -> None:
    link = Link(name="office", kind=LinkKind.FIXED, interface=line.interface)
    task = Task(FarEnd(name="gateway", host=line.gateway4), link=link)
    with inside(line.client):
        up = task.run()
        subprocess.run(["ip", "link", "set", line.interface, "down"], check=True)
        dark = task.run()
    assert up["gateway"].values["up_flag"] == 1
    assert (dark["gateway"].outcome, dark["gateway"].reasons) == (Outcome.FAILED, ("interface_down",))
    assert "up_flag" not in dark["gateway"].values


@pytest.mark.alone
@pytest.mark.calm
def test_a_service_is_up_when_it_accepts_and_down_when_it_refuses_or_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, socket.create_server(("127.0.0.1", 0)) as full:
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(full.getsockname())  # its queue is full: SYNs are dropped from here on
        with socket.create_server(("127.0.0.1", 0)) as sock:
            closed_port = sock.getsockname()[1]
        task = Task(
            FarEnd(name="portal", host="127.0.0.1", port=there.getsockname()[1]),
            FarEnd(name="closed", host="127.0.0.1", port=closed_port),
            FarEnd(name="silent", host="127.0.0.1", port=full.getsockname()[1]),
            way="connect",
        )  # fmt: skip
        readings = task.run()
        for filler in fillers:
            filler.close()
    assert readings["portal"].values["up_flag"] == 1
    assert readings["portal"].values["sent_count"] >= 5
    assert readings["portal"].values["loss_ratio"] == 0
    assert (readings["closed"].values["up_flag"], readings["closed"].reasons) == (0, ("connect_refused",))
    assert (readings["silent"].values["up_flag"], readings["silent"].reasons) == (0, ("connect_timeout",))


@pytest.mark.alone
@pytest.mark.calm
def test_steady_nodes_take_turns_and_nothing_is_told_twice_or_never() -> None:
    task = Task(*(FarEnd(name=f"n{n}", host=host) for n, host in enumerate(("127.0.0.1", "::1", "127.0.0.2"))))
    runs = [task.run() for _ in range(4)]
    assert [len(run) for run in runs] == [3, 1, 1, 1]
    assert {next(iter(run)) for run in runs[1:]} == {"n0", "n1", "n2"}
    counts = [next(iter(run.values())).values["sent_count"] for run in runs[1:]]
    assert counts == pytest.approx([8, 16, 24], rel=0.13)


def test_requests_under_our_own_heavy_test_are_in_no_count() -> None:
    task = Task(FarEnd(name="n", host="127.0.0.1"))
    heavy.begin("loopback")
    try:
        (reading,) = task.run().values()
    finally:
        heavy.end("loopback")
    assert reading.values == {"up_flag": 1}
    assert reading.findings == ("during_heavy_test",)


def test_a_name_that_is_not_found_is_not_a_node_that_is_down() -> None:
    task = Task(FarEnd(name="n", host="a..b"))
    (reading,) = task.run(0.3).values()
    assert (reading.outcome, reading.reasons, reading.values) == (Outcome.FAILED, ("name_not_found",), {})


def test_a_run_that_is_cut_off_says_nothing() -> None:
    began = time.monotonic()
    (reading,) = Task(FarEnd(name="n", host="127.0.0.1"), duration_s=60, way="connect").run(0.0).values()
    assert (reading.outcome, reading.reasons, reading.values) == (Outcome.SKIPPED, ("cut_short",), {})
    assert time.monotonic() - began < 30
