"""What the far end says of its own load: read from /proc, spread over the seconds of a test, honest about what is unknown."""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.responder.conftest import running
from tests.agent.responder.test_admission import dialogue_with

from doxa_agent.responder.load import MOST_PEERS, MOST_SAMPLES, Counters, Load, port_speeds, read_counters
from doxa_agent.responder.server import Settings
from doxa_agent.speed.farload import limits, read_load

STAT = """cpu  100 0 50 800 50 0 0 0 0 0
cpu0 60 0 30 400 10 0 0 0 0 0
cpu1 40 0 20 400 40 0 0 0 0 0
intr 12345
"""
DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     500       5    0    0    0     0          0         0      500       5    0    0    0     0       0          0
  eth0:  123456     100    0    0    0     0          0         0   654321     200    0    0    0     0       0          0
"""


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "thread-self/net").mkdir(parents=True)
    (tmp_path / "stat").write_text(STAT)
    (tmp_path / "thread-self/schedstat").write_text("3280904 1300364 6\n")
    (tmp_path / "thread-self/net/dev").write_text(DEV)
    return tmp_path


def test_the_kernels_counters_are_read(proc: Path) -> None:
    found = read_counters(1.0, proc)
    assert found.cores == ((90, 500), (60, 500))
    assert found.waited_ns == 1300364
    assert found.ports == {"lo": (500, 500), "eth0": (123456, 654321)}


def test_what_cannot_be_read_is_absent(tmp_path: Path) -> None:
    found = read_counters(1.0, tmp_path)
    assert (found.cores, found.waited_ns, dict(found.ports)) == ((), None, {})


@given(st.text(max_size=200), st.text(max_size=60), st.text(max_size=300))
def test_no_text_of_the_kernel_can_stop_it(stat: str, schedstat: str, dev: str) -> None:
    from doxa_agent.responder import load

    load._cores(stat)
    load._waited(schedstat)
    load._ports(dev)
    load._cores("cpu0 " + stat)


def test_a_virtual_interface_has_no_speed_and_loopback_neither() -> None:
    assert "lo" not in port_speeds(["lo", "does-not-exist"])


class Kernel:
    """Counters that a test moves by hand."""

    def __init__(self, cores: int = 2) -> None:
        self.busy = [0] * cores
        self.ticks = 0
        self.own = 0.0
        self.waited: int | None = 0
        self.port = (0, 0)

    def read(self, now: float) -> Counters:
        return Counters(
            at=now,
            cores=tuple((busy, self.ticks) for busy in self.busy),
            own_s=self.own,
            waited_ns=self.waited,
            ports={"eth0": self.port, "veth9": self.port},
        )


def speeds(known: dict[str, int]) -> Callable[[Iterable[str]], dict[str, int]]:
    return lambda _names: known


def after(seconds: int, each: Callable[[Kernel, int], None], known: dict[str, int] | None = None) -> Load:
    """The load after so many seconds of `each`."""
    kernel = Kernel()
    load = Load(0.0, kernel.read, speeds(known or {}))
    for second in range(1, seconds + 1):
        kernel.ticks += 100
        each(kernel, second)
        load.sample(float(second), (second * 12_500_000, 1000), {"a": (10_000_000, 1000), "b": (2_500_000, 0)})
    return load


def test_a_full_core_shows_and_a_task_that_wanders_does_not_fill_one() -> None:
    def full(kernel: Kernel, _second: int) -> None:
        kernel.busy[0] += 100

    def wander(kernel: Kernel, second: int) -> None:
        kernel.busy[second % 2] += 100

    assert after(4, full).over(4, 4.0, "a")["cpu_ratio"] == 1.0
    found = after(4, wander).over(4, 4.0, "a")
    assert found["cpu_ratio"] == 0.5
    assert found["cpu_peak_ratio"] == 1.0


def test_only_the_asked_seconds_count() -> None:
    def early(kernel: Kernel, second: int) -> None:
        kernel.busy[0] += 100 if second <= 5 else 0

    load = after(10, early)
    assert load.over(5, 10.0, "a")["cpu_ratio"] == 0.0
    assert load.over(10, 10.0, "a")["cpu_ratio"] == 0.5
    assert load.over(60, 10.0, "a")["seconds"] == 10.0


def test_a_port_is_as_full_as_its_fullest_second_and_direction() -> None:
    def traffic(kernel: Kernel, second: int) -> None:
        received, sent = kernel.port
        kernel.port = (received + 1000, sent + (12_000_000 if second == 3 else 1_000_000))

    found = after(5, traffic, {"eth0": 100}).over(5, 5.0, "a")
    assert found["line_ratio"] == pytest.approx(0.96)
    assert "line_ratio" not in after(5, traffic).over(5, 5.0, "a"), "a port that does not tell its speed"


def test_what_others_moved_is_told_apart_from_what_the_asker_moved() -> None:
    load = after(5, lambda _kernel, _second: None)
    assert load.over(5, 5.0, "a")["carried_mbps"] == pytest.approx(100)
    assert load.over(5, 5.0, "a")["others_mbps"] == pytest.approx(20)
    assert load.over(5, 5.0, "b")["others_mbps"] == pytest.approx(80)
    assert load.over(5, 5.0, "c")["others_mbps"] == pytest.approx(100)


def test_its_own_waiting_for_a_core_is_told_or_absent() -> None:
    def wait(kernel: Kernel, _second: int) -> None:
        kernel.waited = (kernel.waited or 0) + 300_000_000

    def unknown(kernel: Kernel, _second: int) -> None:
        kernel.waited = None

    assert after(3, wait).over(3, 3.0, "a")["own_wait_ratio"] == pytest.approx(0.3)
    assert "own_wait_ratio" not in after(3, unknown).over(3, 3.0, "a")


def test_memory_is_bounded_in_time_and_in_addresses() -> None:
    load = Load(0.0, Kernel().read, speeds({}))
    for second in range(1, 2 * MOST_SAMPLES):
        load.sample(float(second), (0, 0), {f"192.0.2.{n}": (n, n) for n in range(2 * MOST_PEERS)})
    assert len(load._samples) == MOST_SAMPLES
    assert all(len(sample.peers) == MOST_PEERS for sample in load._samples)


def _burn() -> None:
    while True:
        pass


@pytest.mark.alone
def test_burners_at_the_far_end_are_told_to_the_client_and_quiet_is_too() -> None:
    context = multiprocessing.get_context("spawn")
    burners = [context.Process(target=_burn, daemon=True) for _ in range(os.cpu_count() or 1)]
    settings = Settings(hosts=("127.0.0.1",), port=0)
    with running(settings) as far, dialogue_with(far.port) as dialogue, contextlib.ExitStack() as stack:
        time.sleep(1.5)
        quiet = read_load(dialogue, seconds=1)
        for burner in burners:
            burner.start()
            stack.callback(burner.kill)
        time.sleep(3.5)
        loud = read_load(dialogue, seconds=2)
    assert quiet is not None
    assert loud is not None
    assert quiet.cpu_ratio is not None
    assert "far_end_cpu" in limits(loud), loud
    assert "far_end_cpu" not in limits(quiet), quiet
