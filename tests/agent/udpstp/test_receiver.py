"""Batches of datagrams: every head, length and stamp, whichever way they are read."""

import ctypes
import errno
import socket
import time
from collections.abc import Iterator

import pytest

from doxa_agent.udpstp import receiver as module
from doxa_agent.udpstp.receiver import LOAD_HEAD, MESSAGES, Receiver
from doxa_agent.udpstp.steady import SteadyClock

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        for sock in (one, two):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        one.connect(two.getsockname())
        two.connect(one.getsockname())
        yield one, two


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("head", [LOAD_HEAD, 224])
def test_heads_and_true_lengths_come_in_order(pair: Pair, batched: bool, head: int) -> None:
    receiver = Receiver(pair[1], SteadyClock(), head, batched=batched)
    sent = [bytes([n % 251]) * (40 + n) for n in range(300)]
    for packet in sent:
        pair[0].send(packet)
    batches = receiver.drain()
    lengths = [length for batch in batches for length in batch.lengths]
    heads = [batch.head(place) for batch in batches for place in range(batch.count)]
    assert lengths == [len(packet) for packet in sent]
    assert heads == [packet[:head] for packet in sent]
    assert all(batch.count <= MESSAGES for batch in batches)


def test_nothing_there_is_no_batch(pair: Pair) -> None:
    assert Receiver(pair[1], SteadyClock()).drain() == []


def test_stamps_tell_when_it_came_not_when_it_was_read(pair: Pair) -> None:
    clock = SteadyClock()
    receiver = Receiver(pair[1], clock, LOAD_HEAD)
    assert receiver.stamped, "Linux stamps datagrams since 2.6"
    pair[0].send(bytes(50))
    receiver.drain()  # a deferred job of the kernel switches stamping on
    time.sleep(0.05)
    sent = []
    for _ in range(5):
        sent.append(clock.now())
        pair[0].send(bytes(50))
        time.sleep(0.01)
    time.sleep(0.2)
    (batch,) = receiver.drain()
    assert batch.stamps == sorted(batch.stamps)
    waits = sorted(stamp - time for stamp, time in zip(batch.stamps, sent, strict=True))
    assert waits[0] >= -200_000
    assert waits[2] < 50_000_000 < clock.now() - batch.stamps[-1]


def test_stamps_from_before_a_step_of_the_clock_never_go_back_or_ahead(pair: Pair) -> None:
    clock = SteadyClock()
    receiver = Receiver(pair[1], clock, LOAD_HEAD)
    floor = clock.now()
    receiver._floor = floor
    now = floor + 10_000_000
    hour = 3_600_000_000_000
    mended = receiver._mend([floor + 5 - hour, floor + 7, now + hour, floor + 9], now)
    assert mended == [floor, floor + 7, floor + 7, floor + 9]


def test_a_port_that_is_closed_is_an_error(pair: Pair) -> None:
    receiver = Receiver(pair[1], SteadyClock())
    pair[0].close()
    pair[1].send(b"x")
    time.sleep(0.05)
    with pytest.raises(OSError, match="refused") as caught:
        receiver.drain()
    assert caught.value.errno == errno.ECONNREFUSED


def test_what_our_own_buffer_had_no_room_for_is_counted(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUFFER", 20_000)
    receiver = Receiver(pair[1], SteadyClock())
    for _ in range(200):
        pair[0].send(bytes(1222))
    came = sum(batch.count for batch in receiver.drain())
    assert 0 < came < 200
    assert receiver.dropped == 200 - came


def test_a_kernel_without_recvmmsg_is_read_one_by_one(pair: Pair) -> None:
    receiver = Receiver(pair[1], SteadyClock())

    def absent(*_: object) -> int:
        ctypes.set_errno(errno.ENOSYS)
        return -1

    receiver._function = absent
    pair[0].send(b"abcd")
    (batch,) = receiver.drain()
    assert batch.head(0) == b"abcd"


def test_the_pause_is_shorter_on_fast_lines_and_small_buffers(pair: Pair) -> None:
    receiver = Receiver(pair[1], SteadyClock())
    receiver.buffer_octets = 425_984
    assert receiver.pause_s(1e9) == pytest.approx(0.001)
    assert receiver.pause_s(1e7) == pytest.approx(0.01)
    assert receiver.pause_s(1e8) == pytest.approx(425_984 / 4 / 2304 / 10_000)
