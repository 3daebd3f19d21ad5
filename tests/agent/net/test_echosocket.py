"""Replies read by columns are the replies read one by one, whatever the far end makes of them; gathering loses nothing."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.agent.net.pinging import LOOPBACK

from doxa_agent.net import echo, echorows
from doxa_agent.net.echosocket import EchoSocket, Line
from doxa_agent.net.mmsg import Inbox

pytestmark = pytest.mark.root
TOKEN: Final = bytes(range(1, 9))
STAMP: Final = 1_780_000_000_123_456_789
Row = tuple[bytes, bytes, bytes]


@pytest.fixture(scope="module", params=[4, 6])
def sock(request: pytest.FixtureRequest) -> Iterator[EchoSocket]:
    found = EchoSocket(request.param, LOOPBACK, TOKEN, 56)
    yield found
    found.close()


def put(box: Inbox, rows: list[Row]) -> None:
    """What the kernel would have done."""
    box.clear()
    for turn, (name, controls, packet) in enumerate(rows):
        start = turn * box.row
        whole = name.ljust(box.name, b"\0") + controls.ljust(box.control, b"\0") + packet
        box.memory[start : start + min(len(whole), box.row)] = whole[: box.row]
        box._headers[turn].length = len(packet)
        box._headers[turn].header.control_length = len(controls)
    box._used = len(rows)


def stamped() -> bytes:
    seconds, nanoseconds = divmod(STAMP, 10**9)
    return echorows.STAMP_HEAD + struct.pack("=qq", seconds, nanoseconds) + bytes(32)


def reply(sock: EchoSocket, mark: echo.Mark) -> Row:
    packet = bytearray(echo.request(sock.family, TOKEN, mark, 56))
    packet[0] = echo.REPLY[sock.family]
    at = 4 if sock.family == 4 else 8
    header = b"\x45" + bytes(19) if sock._icmp_at else b""
    return bytes(at) + bytes(range(16))[: 4 if sock.family == 4 else 16], stamped(), header + bytes(packet)


MARKS: Final = st.builds(echo.Mark, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
CHANGE: Final = st.tuples(
    st.integers(0, 9), st.integers(0, 2), st.integers(0, 63), st.integers(0, 255), st.integers(0, 64)
)


def spoilt(rows: list[Row], changes: list[tuple[int, int, int, int, int]], icmp_at: int) -> list[Row]:
    """The rows with single octets changed (from the ICMP header on) and packets cut off."""
    found = [list(row) for row in rows]
    for turn, part, at, octet, kept in changes:
        row = found[turn % len(found)]
        octets = bytearray(row[part])
        at += icmp_at if part == 2 else 0
        if at < len(octets):
            octets[at] = octet
        row[part] = bytes(octets if part != 2 or at % 2 else octets[: icmp_at + kept])
    return [(name, controls, packet) for name, controls, packet in found]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(marks=[echo.Mark(0, 0)], changes=[(0, 2, 62, 0, 20)])  # cut off, and what is missing would be 0
@given(marks=st.lists(MARKS, min_size=1, max_size=10), changes=st.lists(CHANGE, max_size=2))
def test_replies_read_by_columns_are_those_read_one_by_one(
    sock: EchoSocket, marks: list[echo.Mark], changes: list[tuple[int, int, int, int, int]]
) -> None:
    rows = spoilt([reply(sock, mark) for mark in marks], changes, sock._icmp_at)
    put(sock._inbox, rows)
    by_columns = list(sock._read_rows(0, len(rows)))
    one_by_one = [found for row in rows if (found := sock._read_answer(*row)) is not None]
    assert by_columns == one_by_one
    if not changes:
        assert [found[:2] for found in by_columns] == [tuple(mark) for mark in marks]
        assert {found[3] for found in by_columns} == {STAMP}


def sent_and_answered(sock: EchoSocket, seq: int, ready: Callable[[], bool]) -> None:
    address = ("127.0.0.1", 0) if sock.family == 4 else ("::1", 0, 0, 0)
    host = socket.inet_pton(socket.AF_INET if sock.family == 4 else socket.AF_INET6, str(address[0]))
    sock.send(sock.batch([Line(5, address, host)]), seq)
    until = time.monotonic() + 20
    while not ready() and time.monotonic() < until:
        time.sleep(0.01)


def test_what_was_gathered_is_read_later_with_the_moment_of_gathering(sock: EchoSocket) -> None:
    sock.drain()
    assert not sock._inbox.filled
    seen: list[tuple[int, int]] = []

    def answered() -> bool:
        seen.extend(answer[:2] for answer in sock.drain().answers)
        return bool(seen)

    sent_and_answered(sock, 7, answered)
    assert seen == [(5, 7)]
    assert sock.lasting
    for seq in (0x1FFFE, 0x10001):

        def gathered(many: int = sock._inbox.filled) -> bool:
            assert sock.gather(1)
            return sock._inbox.filled > many

        sent_and_answered(sock, seq, gathered)
    before = time.monotonic_ns()
    harvest = sock.drain()
    found = [(answer, moment) for answers, moment in harvest.gathered for answer in answers]
    assert [answer[:2] for answer, _ in found] == [(5, 0x1FFFE), (5, 0x10001)]
    assert all(answer[3] is not None and answer[3] <= moment.real for answer, moment in found)
    assert all(moment.mono <= before for _, moment in found)
    assert [(place, seq) for place, seq, _ in harvest.departures] == [(5, 0x1FFFE), (5, 0x10001)]
    assert list(harvest.answers) == []


def test_gathering_ends_where_the_room_does(sock: EchoSocket) -> None:
    sock.drain()
    assert not sock.gather(sock._inbox.rows)
