"""CPU of the speed meter's download against iperf3 -R -P8 over the same shaped line, and its error against the truth."""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import speed
from doxa_core.linkkind import LinkKind
from doxa_lab.bench import Row
from doxa_lab.net.lab import Lab
from doxa_lab.net.line import Laid, Line
from doxa_lab.net.namespaces import entered

_REPEAT: Final = 3
_SECONDS: Final = 4
_RTT_MS: Final = 20.0
_MAIN: Final = "import sys; from doxa_core.command import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU seconds of the client, octets, and the rate that it found (payload, Mbit/s)."""

    cpu_s: float
    octets: float
    mbps: float

    @property
    def per_gb(self) -> float:
        """CPU seconds a gigabyte."""
        return self.cpu_s / self.octets * 1e9


def run() -> list[Row]:
    """The rows for 100 and 300 Mbit/s."""
    return [row for mbit in (100, 300) for row in _compare(mbit)]


def _compare(mbit: int) -> list[Row]:
    peers: list[Cost] = []
    ours: list[Cost] = []
    whole: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), name="bench") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, Line(down_bps=mbit * 10**6, up_bps=mbit * 10**6, rtt_ms=_RTT_MS))
        lab.start()
        with _far_ends(laid) as port:
            for _ in range(_REPEAT):
                peers.append(_iperf3(laid))
                ours.append(_doxa(laid, port, early_stop=False))
                whole.append(_doxa(laid, port, early_stop=True))
    truth = mbit * 1448 / 1514
    cost, peer = median(c.per_gb for c in ours), median(c.per_gb for c in peers)
    error, peer_error = (median(abs(c.mbps / truth - 1) for c in found) for found in (whole, peers))
    test, peer_test = median(c.cpu_s for c in whole), median(c.cpu_s for c in peers) * 10 / _SECONDS
    return [
        Row(what=f"download {mbit} Mbit/s, client CPU s/GB", ours=f"{cost:.2f}", peer=f"{peer:.2f} (iperf3 -R -P8)",
            ratio=cost / peer, goal=0.12),
        Row(what=f"download {mbit} Mbit/s, CPU s of one test", ours=f"{test:.3f}", peer=f"{peer_test:.3f} (iperf3 10 s)",
            ratio=test / peer_test, goal=0.05),
        Row(what=f"download {mbit} Mbit/s, median error %", ours=f"{error * 100:.2f}",
            peer=f"{peer_error * 100:.2f} (iperf3, {_SECONDS} s)", ratio=error * 100, goal=0.5),
    ]  # fmt: skip


@contextmanager
def _far_ends(laid: Laid) -> Iterator[int]:
    """Our responder and an iperf3 server at the far end; our responder's port."""
    within = ["ip", "netns", "exec", laid.far]
    ours = subprocess.Popen(
        [*within, sys.executable, "-c", _MAIN, "responder", "run", "--json", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    peer = subprocess.Popen([*within, "iperf3", "-s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert ours.stdout is not None
        port = int(json.loads(ours.stdout.readline())["listening"][0]["port"])
        time.sleep(0.3)
        yield port
    finally:
        for process in (ours, peer):
            process.terminate()
            process.wait(10)


def _iperf3(laid: Laid) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["iperf3", "-c", laid.far_v4, "-R", "-P", "8", "-t", str(_SECONDS), "-J"]
    with entered(laid.office):
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    received = json.loads(done.stdout)["end"]["sum_received"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu_s=cpu, octets=received["bytes"], mbps=received["bits_per_second"] / 1e6)


def _doxa(laid: Laid, port: int, *, early_stop: bool) -> Cost:
    options = speed.Options(directions=("download",), early_stop=early_stop, limit_s=_SECONDS if not early_stop else 10)
    request = Request(
        link=Link(name="bench", kind=LinkKind.FIXED, interface=laid.interface),
        far_ends=(FarEnd(name="far", host=laid.far_v4, port=port),),
        options=options,
        deadline=Deadline(60),
    )
    before = time.process_time()
    with entered(laid.office):
        (reading,) = speed.measure(request)
    cpu = time.process_time() - before
    return _cost(reading, cpu)


def _cost(reading: Reading, cpu: float) -> Cost:
    found = reading.values
    rate = found.get("download_mbps", found["download_mean_mbps"])
    return Cost(cpu_s=cpu, octets=found["download_bytes"], mbps=rate)
