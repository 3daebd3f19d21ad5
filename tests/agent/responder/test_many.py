"""Two hundred clients at a time: each gets its share, the far end keeps its limit, answers pings and does not grow.

The same figures over a shaped line: `python -m doxa_lab.bench responder`.
"""

import json
import socket
import subprocess
import sys
import time
from statistics import quantiles
from typing import Any

import pytest
from tests.agent.conftest import far_end

from doxa_lab.bench.responder import jain

CLIENTS = 200
LIMIT = 120.0

pytestmark = pytest.mark.alone


def crowd(kind: str, port: int, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "doxa_lab.bench._crowd", kind, "127.0.0.1", str(port), str(CLIENTS), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def pings(port: int, seconds: float) -> float:
    """The 90th percentile of HTTP pings in seconds."""
    found = []
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            sock.sendall(b"GET /empty.php HTTP/1.1\r\n\r\n")
            sock.recv(4096)
            found.append(time.monotonic() - began)
            time.sleep(0.01)
    return quantiles(found, n=10)[-1]


@pytest.mark.parametrize("kind", ["download", "upload"])
def test_two_hundred_clients_have_even_shares_of_the_limit(kind: str) -> None:
    with far_end("--host", "127.0.0.1", "--limit-mbps", str(LIMIT)) as port:
        idle = pings(port, 0.5)
        running = crowd(kind, port, 2.5)
        time.sleep(1.5)
        busy = pings(port, 1.5)
        found = json.loads(running.communicate(timeout=60)[0])
    octets = found["octets"]
    assert found["refused"] == 0
    assert jain(octets) > 0.9
    assert sum(octets) * 8e-6 / 2.5 == pytest.approx(LIMIT, rel=0.15)
    assert busy < 40 * idle


def test_two_hundred_slow_readers_neither_starve_a_client_nor_fill_memory() -> None:
    with far_end("--host", "127.0.0.1", "--limit-mbps", str(LIMIT)) as port:
        before = _health(port)
        slow = crowd("slow", port, 3)
        time.sleep(1.0)
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            sock.sendall(b"GET /garbage.php?ckSize=1024 HTTP/1.1\r\n\r\n")
            got, until = 0, time.monotonic() + 1.5
            while time.monotonic() < until:
                got += len(sock.recv(1 << 18))
        after = _health(port)
        slow.communicate(timeout=60)
    assert got * 8e-6 / 1.5 == pytest.approx(LIMIT, rel=0.25)
    assert after["downloads"] >= CLIENTS * 0.9
    assert after["load"]["own_cpu_ratio"] < 0.5, "who takes nothing costs nothing"
    assert before["downloads"] == 0


def _health(port: int) -> dict[str, Any]:
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall(b"GET /health?seconds=2 HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    found: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found
