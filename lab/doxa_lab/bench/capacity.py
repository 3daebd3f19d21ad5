"""UDP capacity: error and time of the fast search on a line of 100 Mbit/s, CPU and loss of sender and receiver at 1000."""

import json
import multiprocessing
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Final

from doxa_agent.meter import Deadline, FarEnd, Link, Request
from doxa_agent.meters import capacity
from doxa_agent.udpstp.rates import TRADITIONAL_PAYLOAD, table
from doxa_agent.udpstp.receiver import LOAD_HEAD, Receiver
from doxa_agent.udpstp.sender import FineTimer, Sender
from doxa_agent.udpstp.stats import Tally
from doxa_agent.udpstp.steady import SteadyClock
from doxa_core.linkkind import LinkKind
from doxa_lab.bench import Row
from doxa_lab.net.lab import Lab
from doxa_lab.net.line import Laid, Line
from doxa_lab.net.namespaces import entered

_REPEAT: Final = 5
_RTT_MS: Final = 20.0
_RATE_BPS: Final = 100_933_333
"""tbf counts 1514 octets for an IP packet of 1500: 100 Mbit/s at the IP layer."""
_FRAME: Final = 14
_PACED_MBPS: Final = 1000
_PACED_S: Final = 3.0
_MAIN: Final = "import sys; from doxa_core.command import main; sys.exit(main(sys.argv[1:]))"


def run() -> list[Row]:
    """Accuracy on a shaped line, then the cost of the data path between two processes over a veth of its own."""
    return [*_accuracy(), *_cost()]


# --- accuracy --------------------------------------------------------------------------------------------------------


def _accuracy() -> list[Row]:
    errors: list[float] = []
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), name="bench") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, Line(down_bps=_RATE_BPS, up_bps=_RATE_BPS, rtt_ms=_RTT_MS))
        lab.start()
        with _far_end(laid):
            for _ in range(_REPEAT):
                for direction in ("download", "upload"):
                    error, seconds = _one(laid, direction)
                    errors.append(error)
                    times.append(seconds)
    middle, worst, longest = median(errors), max(errors), max(times)
    runs = f"{len(errors)} runs, both directions"
    return [
        Row(what=f"capacity 100 Mbit/s, median error % ({runs})", ours=f"{middle * 100:.3f}", peer="tbf",
            ratio=middle * 100, goal=0.1),
        Row(what="capacity 100 Mbit/s, worst error %", ours=f"{worst * 100:.3f}", peer="tbf",
            ratio=worst * 100, goal=0.5),
        Row(what="capacity 100 Mbit/s, longest direction, s", ours=f"{longest:.2f}", peer=f"median {median(times):.2f}",
            ratio=longest, goal=3.0),
    ]  # fmt: skip


def _one(laid: Laid, direction: str) -> tuple[float, float]:
    """Error against what tbf lets through for packets of that mean size, and the time of the load."""
    request = Request(
        link=Link(name="bench", kind=LinkKind.FIXED, interface=laid.interface),
        far_ends=(FarEnd(name="far", host=laid.far_v4),),
        options=capacity.Options(directions=(direction,), payload_bytes=TRADITIONAL_PAYLOAD),
        deadline=Deadline(60),
    )
    with entered(laid.office):
        (reading,) = capacity.measure(request)
    found = reading.values
    datagrams = reading.detail[direction]["received_datagrams"]
    packet = found[f"{direction}_bytes"] / datagrams + 28
    truth = _RATE_BPS / 1e6 * packet / (packet + _FRAME)
    return abs(found[f"{direction}_ip_mbps"] / truth - 1), found[f"{direction}_duration_s"]


@contextmanager
def _far_end(laid: Laid) -> Iterator[None]:
    command = [sys.executable, "-c", _MAIN, "responder", "capacity", "--json"]
    process = subprocess.Popen(["ip", "netns", "exec", laid.far, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        yield
    finally:
        process.terminate()
        process.wait(10)


# --- cost ------------------------------------------------------------------------------------------------------------


def _cost() -> list[Row]:
    """Sender and receiver in two processes, the loopback between them."""
    sends: list[float] = []
    receives: list[float] = []
    losses: list[float] = []
    for _ in range(_REPEAT):
        sent, received, lost = _paced()
        sends.append(sent)
        receives.append(received)
        losses.append(lost)
    name = f"paced {_PACED_MBPS} Mbit/s"
    return [
        Row(what=f"{name}, sender, share of a core %", ours=f"{median(sends) * 100:.1f}", peer="",
            ratio=median(sends) * 100, goal=20),
        Row(what=f"{name}, receiver, share of a core %", ours=f"{median(receives) * 100:.1f}", peer="",
            ratio=median(receives) * 100, goal=12),
        Row(what=f"{name}, loss %", ours=f"{median(losses) * 100:.4f}", peer="", ratio=median(losses) * 100, goal=0.01),
    ]  # fmt: skip


def _paced() -> tuple[float, float, float]:
    """CPU shares of sender and receiver, and the share that did not arrive or was not sent in time."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        for sock in (one, two):
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(0)
        one.connect(two.getsockname())
        two.connect(one.getsockname())
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(target=_receive, args=(two, theirs))
        process.start()
        ours.recv()
        cpu, sent = _send(one)
        ours.send(sent)
        receiving, came = ours.recv()
        process.join(10)
    return cpu / _PACED_S, receiving / _PACED_S, max(0.0, 1 - came / sent)


def _send(sock: socket.socket) -> tuple[float, int]:
    clock = SteadyClock()
    sender = Sender(sock, clock, family=4)
    sender.set_rate(table(traditional=True)[_PACED_MBPS])
    cpu, due = time.thread_time(), clock.now()
    end = due + int(_PACED_S * 1e9)
    with FineTimer():
        while (now := clock.now()) < end:
            if now < due:
                select.select([sock], [], [], (due - now) / 1e9)
            due = sender.tick(clock.now())
    return time.thread_time() - cpu, sender.sent_datagrams


def _receive(sock: socket.socket, pipe: Connection) -> None:
    clock = SteadyClock()
    receiver, tally = Receiver(sock, clock, LOAD_HEAD, joined=True), Tally(clock)
    pipe.send(None)
    cpu = time.thread_time()
    with FineTimer():
        while not pipe.poll():
            for batch in receiver.drain():
                tally.feed(batch)
            time.sleep(receiver.pause_s(1e9))
    for batch in receiver.drain():
        tally.feed(batch)
    pipe.send((time.thread_time() - cpu, tally.whole.datagrams))
