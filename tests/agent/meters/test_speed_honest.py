"""Targets, burst credit, windows and lies: what the speed meter recognises on real lines and sockets."""

import json
import os
import re
import resource
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from tests.agent.conftest import Line, far_end, shape
from tests.agent.meters.speedtests import answering, failed, measure

from doxa_core.outcome import Outcome


@pytest.mark.alone
@pytest.mark.root
@pytest.mark.parametrize(("target", "met"), [(93.0, 1.0), (106.0, 0.0)])
def test_a_target_is_met_or_missed_in_seconds(line: Line, target: float, met: float) -> None:
    shape(line, 100)
    with far_end(namespace=line.server) as port:
        reading = measure(line.there4, port, line=line, directions=("download",), target_mbps=target)
    if met or reading.outcome is Outcome.OK:
        assert reading.values["download_target_met_flag"] == met
    else:  # the far end shares this machine, and a busy one may not say that the line failed
        assert "download_target_met_flag" not in reading.values
    truth = 100 * 1500 / 1514
    assert reading.values["download_lower_mbps"] < truth * 1.005
    assert reading.values["download_upper_mbps"] > truth * 0.995
    assert reading.detail["download"]["ended"] == "target"
    assert reading.values["download_duration_s"] < 6


@pytest.mark.alone
@pytest.mark.root
def test_a_shaper_with_burst_credit_shows_both_levels_in_a_run_of_fixed_length(line: Line) -> None:
    """tbf with 50 Mbit/s and a bucket of 6.5 MB that may leave at 80 Mbit/s: the credit lasts 1.7 s."""
    shape(line, 50)
    words = ["tbf", "rate", "50mbit", "burst", "6500kb", "latency", "40ms", "peakrate", "80mbit", "mtu", "3100"]
    subprocess.run(
        ["tc", "-netns", line.router, "qdisc", "replace", "dev", "down0", "root", *words], check=True, timeout=20
    )
    with far_end(namespace=line.server) as port:
        reading = measure(
            line.there4, port, line=line, directions=("download",), early_stop=False, limit_s=6.5, congestion="cubic"
        )
    assert "burst_credit" in reading.findings, reading.detail["download"]["mbps"]
    assert reading.values["download_sustained_mbps"] == pytest.approx(50 * 1448 / 1514, rel=0.03)
    assert reading.values["download_burst_mbps"] > 1.3 * reading.values["download_sustained_mbps"]
    assert reading.values["download_mbps"] == reading.values["download_sustained_mbps"]
    assert reading.values["download_duration_s"] == pytest.approx(6.5, abs=0.5)


@contextmanager
def speaking(act: "type[Talker]") -> Iterator[int]:
    """A far end of our own making: one thread a connection, `act` says what each request gets."""
    over = threading.Event()
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)

        def serve() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    sock, _ = server.accept()
                    threads.append(threading.Thread(target=act(sock, over).talk))
                    threads[-1].start()

        main = threading.Thread(target=serve)
        main.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            over.set()
            for thread in [main, *threads]:
                thread.join()


class Talker:
    """An honest small server; tests make it lie."""

    garbage = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    body = os.urandom(64 * 1024)
    extra = b""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self.over = over
        self.took = 0

    def talk(self) -> None:
        self.sock.settimeout(0.2)
        with suppress(OSError), self.sock:
            received = b""
            while not self.over.is_set():
                try:
                    piece = self.sock.recv(65536)
                except TimeoutError:
                    continue
                if not piece:
                    return
                received += piece
                while b"\r\n\r\n" in received:
                    head, _, received = received.partition(b"\r\n\r\n")
                    received = self.answer(head, received)

    def answer(self, head: bytes, rest: bytes) -> bytes:
        if b"/garbage" in head:
            self.pour()
        elif head.startswith(b"POST") and (found := re.search(rb"Content-Length: (\d+)", head)):
            left = int(found[1]) - len(rest)
            while left > 0 and not self.over.is_set():
                with suppress(TimeoutError):
                    got = len(self.sock.recv(min(left, 1 << 20)))
                    if not got:
                        return b""
                    left -= got
            rest = b""
            self.say(b"")
        elif b"/received" in head:
            self.say(self.report())
        elif b"/empty" in head:
            self.say(b"")
        else:
            self.sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return rest

    def say(self, body: bytes) -> None:
        self.sock.sendall(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (self.extra, len(body), body))

    def pour(self) -> None:
        self.sock.sendall(self.garbage)
        while not self.over.is_set():
            self.sock.settimeout(1)
            self.sock.sendall(self.body)
            time.sleep(0.01)

    def report(self) -> bytes:
        return b"{}"


class Liar(Talker):
    """Reports a thousand times what can have come."""

    def report(self) -> bytes:
        bins = 60
        return json.dumps(
            {"doxa": 1, "seconds": 3.0, "octets": 1e12, "connections": 2, "counted": "segments", "mss": 1448,
             "bins_us": [50000] * bins, "bins_octets": [1e12 / bins] * bins}
        ).encode()  # fmt: skip


def test_a_report_of_more_than_was_sent_is_not_believed() -> None:
    with speaking(Liar) as port:
        reading = measure("127.0.0.1", port, directions=("upload",), streams=2, limit_s=1)
    assert {"report_impossible", "counted_at_sender"} <= set(reading.findings)
    assert reading.values["upload_mean_mbps"] < 1e5
    assert reading.detail["upload"]["counted"] == "sender/delivered"


class Cache(Talker):
    """A cache of text in the way."""

    extra = b"Via: 1.1 cache\r\n"
    body = b"lorem ipsum " * 5000


def test_a_proxy_and_a_body_that_can_be_compressed_are_named() -> None:
    with speaking(Cache) as port:
        reading = measure("127.0.0.1", port, directions=("download",), streams=2, limit_s=1)
    assert {"proxy_suspected", "body_not_random"} <= set(reading.findings)
    assert reading.detail["proxy_signs"] == ["via"]


class Trickle(Talker):
    """A head that never ends, one octet at a time."""

    def pour(self) -> None:
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not self.over.is_set():
            self.sock.sendall(b"y")
            time.sleep(0.2)


def test_heads_that_trickle_are_a_reasoned_failure_before_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doxa_agent.speed.download.HEAD_S", 1.0)
    with speaking(Trickle) as port:
        reading = measure("127.0.0.1", port, directions=("download",), streams=2, limit_s=8)
    failed(reading, "answer_timeout")
    assert "download_mbps" not in reading.values


class Flood(Talker):
    """A head without end, as fast as it goes."""

    garbage = b"HTTP/1.1 200 OK\r\n"
    body = b"X: y\r\n" * 10000


def test_an_endless_head_is_refused_in_flat_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with speaking(Flood) as port:
        reading = measure("127.0.0.1", port, directions=("download",), streams=4, limit_s=4)
    failed(reading, "http_protocol")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024


def test_a_far_end_that_is_busy_says_when_to_come_back() -> None:
    def act(sock: socket.socket) -> None:
        sock.sendall(
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 42\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )

    with answering(act) as port:
        reading = measure("127.0.0.1", port, ping_count=0, limit_s=2)
    assert reading.outcome is Outcome.SKIPPED
    assert reading.reasons == ("far_end_busy",)
    assert reading.retry_after_s == 42
    assert reading.values == {}
