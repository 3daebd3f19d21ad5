"""Replies that are not what they should be: twice, late, damaged, another's, too many, or never asked for."""

import os
import socket
from collections.abc import Callable, Sequence

import pytest
from tests.agent.conftest import Line, inside, ip
from tests.agent.net.pinging import EVERYONE, LOOPBACK, Reflection, allow, link_of, shaped_by, target

from doxa_agent.meter import Deadline
from doxa_agent.net import echo, stamp
from doxa_agent.net import ping as pinger
from doxa_agent.net.echosocket import Batch, EchoSocket, Harvest, Refusal, Sending
from doxa_agent.net.echosocket import Line as Far
from doxa_agent.net.mmsg import Outbox
from doxa_agent.net.ping import Cadence, Run, ping

pytestmark = [pytest.mark.alone, pytest.mark.calm]


@pytest.mark.root
def test_a_duplicate_is_counted_and_never_received_twice(line: Line, reflect: Callable[[Reflection], None]) -> None:
    reflect(lambda reply, seen: [(0, reply)] * (3 if seen % 2 else 1))
    with inside(line.client):
        run = ping([target(line.there4)], link_of(line), Cadence(interval_s=0.05, count=10), Deadline(20))
    track = run.tracks[0]
    assert track.received == 10
    # Copies of the last reply may come after the run has all it asked for.
    assert track.duplicates in (8, 9, 10)


@pytest.mark.root
def test_a_late_reply_is_lost_and_counted_apart(line: Line, reflect: Callable[[Reflection], None]) -> None:
    """Every second reply comes after 400 ms, with a timeout of 200."""
    reflect(lambda reply, seen: [(0.4 if seen % 2 else 0.0, reply)])
    with inside(line.client):
        run = ping([target(line.there4)], link_of(line), Cadence(interval_s=0.1, count=20, timeout_s=0.2), Deadline(20))
    track = run.tracks[0]
    assert [delay is None for delay in track.delays] == [False, True] * 10
    assert track.late in (8, 9, 10)  # the last ones come when the run is over
    assert track.duplicates == 0


@pytest.mark.root
def test_a_reply_without_our_token_or_cut_short_is_nobodys(line: Line, reflect: Callable[[Reflection], None]) -> None:
    spoilt = [
        lambda reply: reply[:12],
        lambda reply: reply[:8] + bytes(8) + reply[16:],
        lambda reply: reply[:6] + b"\xff\xff" + reply[8:],
        lambda reply: reply[: 8 + echo.MIN_PAYLOAD],
    ]
    reflect(lambda reply, seen: [(0, spoilt[seen % 4](reply))])
    with inside(line.client):
        run = ping([target(line.there4)], link_of(line), Cadence(interval_s=0.05, count=8, timeout_s=0.3), Deadline(20))
    assert [delay is not None for delay in run.tracks[0].delays] == [False, False, False, True] * 2


@pytest.mark.root
def test_a_reply_from_another_address_is_foreign(line: Line) -> None:
    """The router rewrites nothing back: the request reaches a far end that answers under its own address."""
    ip("-n", line.server, "addr", "add", "10.99.2.50/24", "dev", "line1")
    rules = """
        table ip t {
            chain p {
                type filter hook prerouting priority -300;
                ip daddr 10.99.2.50 ip daddr set 10.99.2.1 notrack
            }
        }
    """
    allow(line.client, EVERYONE)
    with shaped_by(line, rules), inside(line.client):
        run = ping(
            [target("10.99.2.50")], link_of(line), Cadence(interval_s=0.05, count=5, timeout_s=0.3), Deadline(20)
        )
    assert run.tracks[0].received == 0
    assert run.tracks[0].foreign == 5


def test_an_overflow_of_our_own_queue_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies that nobody reads fill the smallest possible queue; the kernel counts what it dropped."""
    sock = EchoSocket(4, LOOPBACK, bytes(8), 1400)
    sock._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    batch = sock.batch([Far(0, ("127.0.0.1", 0), bytes((127, 0, 0, 1)))])
    for seq in range(40):
        sock.send(batch, seq)
    assert sock.overflowed() > 0
    sock.close()


class Flood:
    """A prober whose answers are all wrong: unknown places, numbers that were never sent, twice the same."""

    way, stamped, lasting = "icmp_datagram", True, False

    def __init__(self) -> None:
        self._pipe = os.pipe()

    def fileno(self) -> int:
        return self._pipe[0]

    def batch(self, lines: Sequence[Far]) -> Batch:
        return Batch(lines, Outbox(len(lines), 16, 64))

    def send(self, _batch: Batch, _seq: int) -> Sending:
        return Sending(stamp.now(), {}, {})

    def drain(self) -> Harvest:
        wrong = [(7, 0), (0, 999), (2**32 - 1, 2**32 - 1)]
        host = bytes((127, 0, 0, 1))
        refusal = Refusal(echo.Mark(9, 9), b"", "prohibited")
        return Harvest([(*mark, host, 1, None) for mark in wrong], [refusal], [(*mark, 1) for mark in wrong])

    def overflowed(self) -> int:
        return 0

    def close(self) -> None:
        os.close(self._pipe[0])
        os.close(self._pipe[1])


def test_answers_to_what_was_never_asked_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinger, "_open", lambda *_: Flood())
    run: Run = ping([target("127.0.0.1")], LOOPBACK, Cadence(interval_s=0.02, count=3, timeout_s=0.1), Deadline(20))
    assert run.tracks[0].delays == [None] * 3
    assert run.tracks[0].duplicates == 0
