"""`doxa responder capacity` as a process of its own: its options, its memory under rubbish, its signals."""

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from tests.agent.udpstp.farends import DOWN, UP, Client, until
from tests.agent.udpstp.packets import PACKETS, golden

from doxa_agent.responder.roles import capacity
from doxa_agent.udpstp.pdu import (
    Action,
    Activation,
    ActivationResult,
    Load,
    Setup,
)
from doxa_core.errors import InputError


@contextmanager
def program(*options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`doxa responder capacity` as a process of its own, and its port."""
    command = [sys.executable, "-c", _ROLE, "--host", "127.0.0.1", "--port", "0", "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, int(json.loads(process.stdout.readline())["listening"][0]["port"])
    finally:
        process.kill()
        process.wait(5)
        process.stdout.close()


_ROLE = """
import argparse, sys
from doxa_agent.responder.roles import capacity
parser = argparse.ArgumentParser()
capacity.add_options(parser)
sys.exit(capacity.run(parser.parse_args()))
"""


def resident_kib(pid: int) -> int:
    """Memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4


def rubbish(source: random.Random) -> bytes:
    """Random bytes, or a packet that is damaged, cut, lengthened or only repeated."""
    data = bytearray(golden(source.choice(sorted(PACKETS))))
    kind = source.randrange(5)
    if kind == 0:
        return source.randbytes(source.randrange(300))
    if kind == 1:
        return bytes(data[: source.randrange(len(data))])
    if kind == 2:
        return bytes(data) + source.randbytes(source.randrange(1, 1200))
    for _ in range(source.randrange(4)):
        data[source.randrange(len(data))] = source.randrange(256)
    return bytes(data)


@pytest.mark.slow
def test_twenty_thousand_packets_of_rubbish_leave_the_server_alive_and_its_memory_flat(tmp_path: Path) -> None:
    source, load_file = random.Random(9946), tmp_path / "load.json"
    with program("--load-file", str(load_file), "--max-tests", "1000") as (process, port):
        sizes = []
        for _ in range(4):
            for _ in range(20):
                with Client(port=port) as one, contextlib.suppress(ConnectionRefusedError):
                    assert one.test(Activation(direction=UP, seconds=30)).result is ActivationResult.OK
                    for _ in range(125):
                        send_alone(rubbish(source), (one.host, port))
                        one.sock.send(rubbish(source))  # some of it is a good stop, after which nobody is there
                time.sleep(0.02)
            sizes.append(resident_kib(process.pid))
            assert process.poll() is None
        # Tests that still run hold memory, and the first rounds warm it up: a leak grows in every round of twenty.
        assert min(later - earlier for earlier, later in pairwise(sizes)) < 1000, sizes
        assert until(lambda: json.loads(load_file.read_text(encoding="ascii"))["tests"] == 0)
        counted = json.loads(load_file.read_text(encoding="ascii"))["counters"]
        assert sum(count for name, count in counted.items() if name.startswith("rubbish")) > 2000
        with Client(port=port) as two:
            assert two.test(Activation(direction=DOWN)).result is ActivationResult.OK


def send_alone(data: bytes, there: tuple[str, int]) -> None:
    """From a port of its own each time: no state may grow with them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.66", 0))  # some of it is good requests: that source's ration, not ours
        sock.sendto(data, there)


def test_the_program_says_its_load_at_a_signal_and_stops_politely() -> None:
    with program("--bandwidth-mbps", "200") as (process, port), Client(port=port) as one:
        one.test(Activation(direction=UP), Setup(bandwidth_mbps=20, upstream=True))
        os.kill(process.pid, signal.SIGUSR1)
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert {"down_mbps", "up_mbps", "cpu_ratio", "counters"} < set(said)
        assert (said["tests"], said["granted_up_mbps"], said["bandwidth_mbps"]) == (1, 20, 200)
        process.send_signal(signal.SIGTERM)
        assert one.next_status().action is Action.STOP
        one.sock.send(Load(action=Action.STOP, sequence=1, payload=52, sent_ns=1).encode() + bytes(20))
        assert process.wait(5) == 0


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (["--require-auth"], "--require-auth"),
        (["--test-ports", "5"], "--test-ports"),
        (["--test-ports", "9-8"], "--test-ports"),
        (["--bandwidth-mbps", "0"], "--bandwidth-mbps"),
        (["--max-tests", "0"], "--max-tests"),
        (["--max-seconds", "0"], "--max-seconds"),
        (["--port", "65536"], "--port"),
    ],
)
def test_a_wrong_option_is_bad_input(options: list[str], where: str) -> None:
    parser = argparse.ArgumentParser()
    capacity.add_options(parser)
    with pytest.raises(InputError) as caught:
        capacity.run(parser.parse_args(options))
    assert caught.value.where == where
