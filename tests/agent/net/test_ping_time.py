"""The pinger and time: the end, a cancel, a step of the clock, a suspension; and the words for what the kernel refuses."""

import errno
import threading
import time
from itertools import pairwise

import pytest
from tests.agent.conftest import Line, inside
from tests.agent.net.pinging import (
    LOOPBACK,
    NOTHING_PASSES,
    link_of,
    shaped_by,
    target,
)

from doxa_agent.meter import Deadline
from doxa_agent.net import stamp
from doxa_agent.net.echosocket import Batch, EchoSocket, Sending, reason_of
from doxa_agent.net.ping import Cadence, ping

pytestmark = [pytest.mark.alone, pytest.mark.calm]


def test_the_end_of_the_time_leaves_what_was_measured() -> None:
    deadline = Deadline(30)
    threading.Timer(0.35, deadline.cancel).start()
    began = time.monotonic()
    run = ping([target("127.0.0.1")], LOOPBACK, Cadence(interval_s=0.1, count=1000), deadline)
    track = run.tracks[0]
    assert run.cut_short
    assert 1 <= track.received <= len(track.delays) < 20
    assert time.monotonic() - began < 10


def test_a_cancel_ends_a_long_pause_at_once() -> None:
    deadline = Deadline(600)
    threading.Timer(0.2, deadline.cancel).start()
    began = time.monotonic()
    run = ping([target("127.0.0.1")], LOOPBACK, Cadence(interval_s=60, count=5), deadline)
    assert time.monotonic() - began < 10
    assert run.tracks[0].received == 1


@pytest.mark.root
def test_an_open_request_at_the_end_is_neither_lost_nor_received(line: Line) -> None:
    with shaped_by(line, NOTHING_PASSES), inside(line.client):
        run = ping([target(line.there4)], link_of(line), Cadence(interval_s=0.1, count=50, timeout_s=5), Deadline(0.5))
    track = run.tracks[0]
    assert run.cut_short
    assert track.undecided == len(track.delays) > 0


def test_a_step_of_the_wall_clock_during_the_run_is_marked_and_does_not_falsify(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This process believes in a clock an hour behind for the first requests, then the true one: the kernel's stamps differ."""
    true_now, hour = stamp.now, 3600 * 10**9
    began = time.monotonic()

    def stepped() -> stamp.Moment:
        found = true_now()
        return stamp.Moment(found.real - hour, found.mono) if time.monotonic() - began < 0.5 else found

    monkeypatch.setattr("doxa_agent.net.echosocket.now", stepped)
    monkeypatch.setattr(stamp, "now", stepped)
    monkeypatch.setattr(stamp, "LONGEST_WAIT_NS", -1)
    run = ping([target("127.0.0.1")], LOOPBACK, Cadence(interval_s=0.1, count=12), Deadline(20))
    track = run.tracks[0]
    assert track.received == 12
    assert track.stepped >= 3
    assert max(delay for delay in track.delays if delay is not None) < 10**9


def test_after_a_suspension_nothing_is_sent_in_a_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    real = EchoSocket.send
    sent: list[float] = []

    def slow(self: EchoSocket, batch: Batch, seq: int) -> Sending:
        sent.append(time.monotonic())
        if len(sent) == 3:
            time.sleep(0.6)
        return real(self, batch, seq)

    monkeypatch.setattr(EchoSocket, "send", slow)
    ping([target("127.0.0.1")], LOOPBACK, Cadence(interval_s=0.05, count=10), Deadline(20))
    gaps = [b - a for a, b in pairwise(sent[3:])]
    assert sum(gap < 0.02 for gap in gaps) <= 1


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENETUNREACH, "net_unreachable"),
        (errno.EPERM, "refused_locally"),
        (errno.EPROTO, "eproto"),
        (None, "unknown_error"),
    ],
)
def test_every_error_of_the_kernel_becomes_a_code(number: int | None, code: str) -> None:
    assert reason_of(number) == code
