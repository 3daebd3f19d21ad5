"""The far end under 200 clients over one shaped line: fairness, its limit, its loop's patience, memory, CPU, slots."""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final

from doxa_lab.bench import Row
from doxa_lab.net.lab import Lab
from doxa_lab.net.line import Laid, Line
from doxa_lab.net.namespaces import entered

_CLIENTS: Final = 200
_FEW: Final = 8
_SECONDS: Final = 5.0
_MBIT: Final = 200
_LIMIT: Final = 180
_RTT_MS: Final = 20.0
_SLOT_MBPS: Final = 20
_MAIN: Final = "import sys; from doxa_core.command import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """Our responder as a process, in the far namespace."""

    process: subprocess.Popen[str]
    port: int

    @property
    def resident_kib(self) -> int:
        """Its memory now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    @property
    def cpu_s(self) -> float:
        """Its CPU time so far."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowded:
    """What a crowd got, and what it cost the far end."""

    octets: Sequence[int]
    pings_s: Sequence[float]
    cpu_s: float
    resident_kib: int

    @property
    def mbps(self) -> float:
        """All clients together."""
        return sum(self.octets) * 8e-6 / _SECONDS

    @property
    def per_gb(self) -> float:
        """CPU seconds of the far end a gigabyte, start-up included."""
        return self.cpu_s / sum(self.octets) * 1e9


def jain(shares: Sequence[float]) -> float:
    """Jain's index: 1 when all have the same, 1/n when one has it all."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares)) if any(shares) else 0.0


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return quantiles(values, n=20)[-1]


def run() -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), name="crowd") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, Line(down_bps=_MBIT * 10**6, up_bps=_MBIT * 10**6, rtt_ms=_RTT_MS))
        lab.start()
        with _far_end(laid, "--limit-mbps", str(_LIMIT)) as far:
            idle, began_kib = _ping(laid, far, 1.0), far.resident_kib
            few = _crowd(laid, far, "download", _FEW)
            down, up = (_crowd(laid, far, kind, _CLIENTS) for kind in ("download", "upload"))
        with _far_end(laid) as free:
            alone = _crowd(laid, free, "download", _CLIENTS)
        with _far_end(laid, "--promise-mbps", str(_LIMIT), "--slots-per-address", str(_CLIENTS)) as door:
            granted, waits = _ask(laid, door)
    most = Counter(int(wait) for wait in waits).most_common(1)[0][1] if waits else 0
    return [
        _fair("downloads", down),
        _fair("uploads", up),
        Row(what=f"{_CLIENTS} downloads without a limit, 1 - Jain", ours=f"{jain(alone.octets):.3f}",
            peer="1 (TCP alone shares)", ratio=1 - jain(alone.octets), goal=0.25),
        Row(what=f"{_CLIENTS} downloads, Mbit/s against --limit-mbps", ours=f"{down.mbps:.1f}", peer=f"{_LIMIT}",
            ratio=down.mbps / _LIMIT, goal=1.05),
        Row(what=f"{_CLIENTS} uploads, Mbit/s against --limit-mbps", ours=f"{up.mbps:.1f}", peer=f"{_LIMIT}",
            ratio=up.mbps / _LIMIT, goal=1.05),
        Row(what=f"ping p95 ms under {_CLIENTS} downloads", ours=f"{p95(down.pings_s) * 1e3:.2f}",
            peer=f"{p95(idle) * 1e3:.2f} (idle)", ratio=p95(down.pings_s) / p95(idle), goal=20),
        Row(what=f"memory MiB under {_CLIENTS} clients", ours=f"{up.resident_kib / 1024:.1f}",
            peer=f"{began_kib / 1024:.1f} (idle)", ratio=up.resident_kib / began_kib, goal=1.1),
        Row(what=f"CPU s/GB with {_CLIENTS} clients", ours=f"{down.per_gb:.2f}", peer=f"{few.per_gb:.2f} ({_FEW} clients)",
            ratio=down.per_gb / few.per_gb, goal=3),
        Row(what=f"{_CLIENTS} ask for {_SLOT_MBPS} Mbit/s: promised", ours=f"{granted * _SLOT_MBPS}", peer=f"{_LIMIT}",
            ratio=granted * _SLOT_MBPS / _LIMIT, goal=1),
        Row(what=f"{len(waits)} told to come back: most in one second", ours=f"{most}", peer=f"{len(waits)}",
            ratio=most / max(1, len(waits)), goal=0.1),
    ]  # fmt: skip


def _fair(what: str, crowd: Crowded) -> Row:
    index = jain(crowd.octets)
    return Row(what=f"{_CLIENTS} {what}, 1 - Jain", ours=f"{index:.4f}", peer="1 (even)", ratio=1 - index, goal=0.1)


@contextmanager
def _far_end(laid: Laid, *options: str) -> Iterator[FarEnd]:
    command = [sys.executable, "-c", _MAIN, "responder", "run", "--json", "--port", "0", *options]
    process = subprocess.Popen(["ip", "netns", "exec", laid.far, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield FarEnd(process=process, port=int(json.loads(process.stdout.readline())["listening"][0]["port"]))
    finally:
        process.terminate()
        process.wait(10)


def _crowd(laid: Laid, far: FarEnd, kind: str, count: int) -> Crowded:
    before = far.cpu_s
    crowd = subprocess.Popen(
        ["ip", "netns", "exec", laid.office, sys.executable, "-m", "doxa_lab.bench._crowd",
         kind, laid.far_v4, str(far.port), str(count), str(_SECONDS)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(2.0)
    pings = _ping(laid, far, _SECONDS - 1)
    resident = far.resident_kib
    said, _ = crowd.communicate(timeout=120)
    return Crowded(octets=json.loads(said)["octets"], pings_s=pings, cpu_s=far.cpu_s - before, resident_kib=resident)


def _ping(laid: Laid, far: FarEnd, seconds: float) -> list[float]:
    """HTTP pings beside the line, at the far end itself: the patience of its loop, not the line's queue."""
    found = []
    with entered(laid.far), socket.create_connection(("127.0.0.1", far.port), 10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            sock.sendall(b"GET /empty.php HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.recv(4096)
            found.append(time.monotonic() - began)
            time.sleep(0.02)
    return found


def _ask(laid: Laid, far: FarEnd) -> tuple[int, list[float]]:
    """How many of all clients get a slot at once, and when the others shall come back."""
    granted, waits = 0, list[float]()
    target = f"/slot?seconds=20&mbps={_SLOT_MBPS}&directions=download,upload"
    question = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    with entered(laid.office):
        for _ in range(_CLIENTS):
            with socket.create_connection((laid.far_v4, far.port), 10) as sock:
                sock.sendall(question)
                answer = b""
                while piece := sock.recv(4096):
                    answer += piece
            found = json.loads(answer.partition(b"\r\n\r\n")[2])
            granted += "token" in found
            waits += [found["come_back_s"]] if "come_back_s" in found else []
    return granted, waits
