"""Clients that mean harm: each gets a reasoned answer or is hung up on, and the far end stays up, small and quiet."""

import contextlib
import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.agent.responder.conftest import Running, everything, running

from doxa_agent.responder.house import Limits
from doxa_agent.responder.requests import MAX_BODY, METHODS, Refusal, parse_request
from doxa_agent.responder.server import Settings
from doxa_agent.responder.sessions import MAX_SESSIONS
from doxa_agent.responder.slots import MAX_SLOTS

QUICK = Limits(head_s=0.5, idle_s=0.5, linger_s=0.3, transfer_s=3, connections=64)


@pytest.fixture(scope="module")
def far() -> Iterator[Running]:
    with running(Settings(hosts=("127.0.0.1",), port=0, limits=QUICK, promise_mbps=100)) as found:
        yield found


def say(far: Running, data: bytes, *, end: bool = True) -> bytes:
    """Everything that is answered until the far end hangs up."""
    with far.connect() as sock, contextlib.suppress(ConnectionError):
        sock.sendall(data)
        if end:
            sock.shutdown(socket.SHUT_WR)
        return everything(sock)
    return b""


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def alive(far: Running) -> None:
    assert far.ask("GET /getIP.php")[2] == b"127.0.0.1"


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (b"GET /empty.php HTTP/1.1\nHost: x\n\n", [400]),
        (b"GET /empty.php HTTP/1.1\r\nX: a\nContent-Length: 5\r\n\r\n", [400]),
        (b"GET /empty.php HTTP/1.1\r\nX: a\rb\r\n\r\n", [400]),
        (b"GET /emp\0ty.php HTTP/1.1\r\n\r\n", [400]),
        (b"GET /empty.php HTTP/1.1\r\nX: \0\r\n\r\n", [400]),
        (b"GET /empty.php HTTP/1.1\r\nContent-Length : 5\r\n\r\n", [400]),
        (b"GET /empty.php HTTP/1.1\r\nContent\x0bLength: 5\r\n\r\n", [400]),
        (b"POST /empty.php HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", [400]),
        (b"POST /empty.php HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\nhello", [400]),
        (b"POST /empty.php HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello", [400]),
        (b"POST /empty.php HTTP/1.1\r\nContent-Length: 0x5\r\n\r\nhello", [400]),
        (b"POST /empty.php HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [411]),
        (b"POST /empty.php HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", [411]),
        (b"POST /empty.php HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", [411]),
        (b"POST /empty.php HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", [413]),
        (b"GET /" + b"a" * 15000 + b" HTTP/1.1\r\n\r\n", [404]),
        (b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\n\r\n", [431]),
        (b"GET /empty.php?" + b"a=b&" * 3000 + b" HTTP/1.1\r\n\r\n", [400]),
        (b"GET /received?session=../../../etc/passwd HTTP/1.1\r\n\r\n", [400]),
        (b"GET /received?session=%00%0d%0aX:y HTTP/1.1\r\n\r\n", [400]),
        (b"GET /garbage.php?congestion=%0d%0aX-Evil:1&ckSize=99999999999 HTTP/1.1\r\nConnection: close\r\n\r\n", [200]),
        (b"CONNECT evil:443 HTTP/1.1\r\n\r\n", [400]),
        (b"GET http://evil/ HTTP/1.1\r\n\r\n", [400]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), [400]),
    ],
)  # fmt: skip
def test_a_crooked_request_gets_its_status_and_one_answer(far: Running, request_: bytes, found: list[int]) -> None:
    """One answer only: what follows a crooked request is never read as a second one (request smuggling)."""
    with far.connect() as sock:
        sock.sendall(request_ + b"GET /getIP.php HTTP/1.1\r\n\r\n" * (found != [200] and found != [404]))
        answer = b""
        sock.settimeout(5)
        with contextlib.suppress(OSError):
            while len(answer) < 100_000 and (piece := sock.recv(65536)):
                answer += piece
    assert statuses(answer)[:1] == found
    assert b"X-Evil" not in answer.partition(b"\r\n\r\n")[0]
    assert b"127.0.0.1" not in answer
    alive(far)


def test_hundreds_of_requests_in_one_packet_are_all_answered(far: Running) -> None:
    """More than a stack is deep: the far end once died of it."""
    ask = b"GET /e HTTP/1.1\r\n\r\n" * 4 + b"GET /empty HTTP/1.1\r\n\r\n" * 500
    assert statuses(say(far, ask))[:1] == [404]
    answer = say(far, b"GET /empty HTTP/1.1\r\n\r\n" * 700 + b"GET /getIP HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert statuses(answer) == [200] * 701
    alive(far)


def test_a_pile_of_questions_for_slots_gets_one_refusal(far: Running) -> None:
    ask = b"POST /slot?seconds=60&mbps=100&directions=download HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    assert statuses(say(far, ask * 30)) in ([200, 503], [503])
    alive(far)


def test_a_reader_that_takes_no_answers_is_waited_for_and_ended(far: Running) -> None:
    with far.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.settimeout(0.2)
        with contextlib.suppress(OSError):
            for _ in range(10_000):
                sock.sendall(b"GET /empty HTTP/1.1\r\n\r\n" * 100)
        alive(far)
        _until(far, 0)


def _until(far: Running, connections: int) -> None:
    until = time.monotonic() + 20
    while far.server.health()["connections"] > connections and time.monotonic() < until:
        time.sleep(0.05)
    assert far.server.health()["connections"] <= connections


def test_a_body_that_never_comes_is_not_waited_for_long(far: Running) -> None:
    with far.connect() as sock:
        sock.sendall(b"POST /empty.php HTTP/1.1\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        assert everything(sock) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_no_single_address_takes_every_connection() -> None:
    limits = Limits(connections=40, per_address=10)
    with running(Settings(hosts=("127.0.0.1",), port=0, limits=limits)) as far:
        socks = [far.connect() for _ in range(15)]
        answers = [everything(sock) for sock in socks[10:]]
        assert all(answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: " in answer for answer in answers)
        with socket.create_connection(("127.0.0.1", far.port), 5, ("127.0.0.9", 0)) as other:
            other.sendall(b"GET /getIP HTTP/1.1\r\n\r\n")
            assert other.recv(4096).endswith(b"127.0.0.9")
        for sock in socks:
            sock.close()


def test_sessions_and_slots_that_nobody_needs_stay_few(far: Running) -> None:
    for n in range(MAX_SESSIONS + 50):
        with far.connect() as sock:
            sock.sendall(b"POST /empty?session=%016x HTTP/1.1\r\nContent-Length: 1\r\n\r\nx" % n)
            sock.recv(1000)
    for _ in range(50):
        assert far.ask("POST /slot?seconds=600&mbps=1&directions=upload")[0] in (200, 503)
    found = far.server.health()
    assert found["sessions"] <= MAX_SESSIONS
    assert found["load"]["slots"] <= min(4, MAX_SLOTS)
    alive(far)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_storm_of_rubbish_leaves_memory_flat_and_the_log_silent(
    far: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    """Mutations of good requests, cut anywhere, sent in pieces, closed or reset: by a fixed seed."""
    chance = random.Random(4711)
    good = [
        b"GET /garbage.php?ckSize=1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /empty.php?session=0123456789abcdef HTTP/1.1\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000,
        b"POST /slot?seconds=5&mbps=5&directions=download,upload HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"GET /health?seconds=5 HTTP/1.1\r\n\r\n",
        b"DELETE /slot?token=0123456789abcdef0123456789abcdef HTTP/1.1\r\n\r\n",
        b"GET /received?session=0123456789abcdef HTTP/1.1\r\n\r\n",
    ]
    _storm(far, chance, good, 100)  # what is allocated once
    before = _resident()
    _storm(far, chance, good, 500)
    alive(far)
    assert _resident() - before < 8 << 20
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def _storm(far: Running, chance: random.Random, good: list[bytes], count: int) -> None:
    for _ in range(count):
        data = bytearray(b"".join(chance.choices(good, k=chance.randint(1, 3))))
        for _ in range(chance.randint(0, 6)):
            data[chance.randrange(len(data))] = chance.choice(b"\0\r\n: %&?=/\xff9a")
        del data[chance.randint(1, len(data)) :]
        with far.connect() as sock, contextlib.suppress(OSError):
            half = chance.randrange(len(data) + 1)
            sock.sendall(data[:half])
            sock.sendall(data[half:])
            if chance.random() < 0.5:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif chance.random() < 0.2:
                sock.settimeout(0.05)
                sock.recv(65536)


# --- the parser --------------------------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [b"GET", b"POST", b"DELETE", b" ", b"/", b"empty.php", b"?", b"a=b", b"&", b"%", b"%zz", b"HTTP/1.1", b"HTTP/1.0",
     b"\r\n", b"\n", b"\r", b":", b"Content-Length", b"Transfer-Encoding", b"chunked", b"5", b"-1", b"Connection",
     b"close", b"\0", b"\x80", b"\t", b"Expect: 100-continue"]
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_PIECES, max_size=30).map(b"".join))
def test_whatever_stands_in_a_head_is_refused_or_has_one_meaning(head: bytes) -> None:
    try:
        found = parse_request(head + b"\r\n\r\n")
    except Refusal as refusal:
        assert refusal.status in (400, 405, 411, 413, 501, 505)
    else:
        assert found.method in METHODS
        assert found.path.startswith("/")
        assert 0 <= found.length <= MAX_BODY
        assert b"\0" not in head
        lines = head.split(b"\r\n")
        assert not any(b"\n" in line or b"\r" in line for line in lines), "two readers would see the same lines"
        assert not any(line.lower().startswith(b"transfer-encoding") for line in lines[1:])


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\r" not in name and b"\n" not in name))
def test_a_fields_name_is_a_token_or_refused(name: bytes) -> None:
    allowed = set(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    wanted = name.partition(b":")[0]
    try:
        parse_request(b"GET / HTTP/1.1\r\n" + name + b": x\r\n\r\n")
    except Refusal:
        return
    assert wanted
    assert set(wanted) <= allowed


def test_random_octets_from_the_kernel_never_stop_it(far: Running) -> None:
    for _ in range(20):
        say(far, os.urandom(5000))
    alive(far)
