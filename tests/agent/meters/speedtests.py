"""What the tests of the speed meter share: one test as a reading, what a failure is, servers that do one thing."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from tests.agent.conftest import Line, inside

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import speed
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import Clock, Measurement, decode
from doxa_core.moments import from_wire
from doxa_core.outcome import Outcome


def measure(
    host: str,
    port: int,
    *,
    line: Line | None = None,
    interface: str | None = None,
    family: int | None = None,
    deadline: Deadline | None = None,
    path: str = "",
    **options: Any,
) -> Reading:
    named = interface or (line.interface if line else None)
    request = Request(
        link=Link(name="x", kind=LinkKind.FIXED, interface=named),
        far_ends=(FarEnd(name="far", host=host, port=port, path=path),),
        options=speed.Options(**options),
        deadline=deadline or Deadline(120),
        family=family,
    )
    where: AbstractContextManager[None] = inside(line.client) if line else nullcontext()
    with where:
        (reading,) = speed.measure(request)
    assert set(reading.values) <= set(speed.VALUES), "a value that the meter does not declare"
    return reading


def as_measurement(reading: Reading) -> bytes:
    return Measurement(
        site="a", agent="b", epoch="0" * 16, seq=1, task="t", meter="speed", method=speed.METHOD, link="x",
        started=from_wire("2026-11-21T00:00:00Z", "x"), boot="b", monotonic_s=1, duration_s=1,
        clock=Clock(synchronised=True), outcome=reading.outcome, version="0", far_end=reading.far_end,
        family=reading.family, proof=reading.proof, reasons=reading.reasons, findings=reading.findings,
        values=reading.values, detail=reading.detail,
    ).encode()  # fmt: skip


def wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def failed(reading: Reading, reason: str) -> None:
    assert reading.outcome is Outcome.FAILED, reading
    assert reading.reasons[0] == reason
    decode(as_measurement(reading))


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does one thing to every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            kept = []
            while not over.is_set():
                try:
                    sock, _ = server.accept()
                except TimeoutError:
                    continue
                kept.append(sock)
                try:
                    sock.settimeout(1)
                    sock.recv(65536)
                    answer(sock)
                except OSError:
                    continue
            for sock in kept:
                sock.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            over.set()
            thread.join()
