"""Batches of datagrams: every head, length and stamp, whichever way they are read."""

import ctypes
import errno
import socket
import struct
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


@pytest.mark.parametrize(("batched", "joined"), [(True, False), (False, False), (True, True)])
@pytest.mark.parametrize("head", [LOAD_HEAD, 224])
def test_heads_and_true_lengths_come_in_order(pair: Pair, batched: bool, joined: bool, head: int) -> None:
    receiver = Receiver(pair[1], SteadyClock(), head, batched=batched, joined=joined)
    sent = [bytes([n % 251]) * (40 + n) for n in range(300)]
    for packet in sent:
        pair[0].send(packet)
    batches = receiver.drain()
    lengths = [length for batch in batches for length in batch.lengths]
    heads = [batch.head(place) for batch in batches for place in range(batch.count)]
    assert lengths == [len(packet) for packet in sent]
    assert heads == [packet[:head] for packet in sent]
    assert all(batch.count <= MESSAGES for batch in batches)


@pytest.mark.parametrize("size", [33, 1222, 1472])
@pytest.mark.parametrize("last", [0, 1, 20, 33])
def test_datagrams_that_come_as_one_are_parted_where_they_were_joined(pair: Pair, size: int, last: int) -> None:
    clock = SteadyClock()
    receiver = Receiver(pair[1], clock, LOAD_HEAD, joined=True)
    assert receiver.joined, "Linux joins datagrams since 5.0"
    pair[0].send(b"x")
    receiver.drain()  # a deferred job of the kernel switches stamping on
    time.sleep(0.02)
    sent = [bytes([n]) * size for n in range(40)] + [b"\xee" * last] * (last > 0)
    began = clock.now()
    for packet in (b"first", None, b"last"):
        if packet is not None:
            pair[0].send(packet)
            continue
        control = [(17, 103, struct.pack("=H", size))]  # SOL_UDP, UDP_SEGMENT
        pair[0].sendmsg([b"".join(sent)], control)
    batches = receiver.drain()
    packets = [b"first", *sent, b"last"]
    assert [length for batch in batches for length in batch.lengths] == [len(packet) for packet in packets]
    heads = [batch.head(place) for batch in batches for place in range(batch.count)]
    assert heads == [packet[:LOAD_HEAD] for packet in packets]
    stamps = [stamp for batch in batches for stamp in batch.stamps]
    assert stamps == sorted(stamps)
    assert began - 200_000 <= stamps[0] <= stamps[-1] <= clock.now()
    if receiver.stamped:
        assert len(set(stamps)) > 1
    assert receiver._sizes[1] == size, "the second message came joined"


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


@pytest.mark.parametrize("joined", [True, False])
def test_a_kernel_without_recvmmsg_is_read_one_by_one(pair: Pair, joined: bool) -> None:
    receiver = Receiver(pair[1], SteadyClock(), joined=joined)

    def absent(*_: object) -> int:
        ctypes.set_errno(errno.ENOSYS)
        return -1

    receiver._function = absent
    receiver.drain()
    assert not receiver.joined
    pair[0].sendmsg([b"abcd1234"], [(17, 103, struct.pack("=H", 4))])
    (batch,) = receiver.drain()
    assert [batch.head(place) for place in range(batch.count)] == [b"abcd", b"1234"]


def test_the_pause_is_shorter_on_fast_lines_and_small_buffers(pair: Pair) -> None:
    receiver = Receiver(pair[1], SteadyClock())
    receiver.buffer_octets = 425_984
    assert receiver.pause_s(1e9) == pytest.approx(0.001)
    assert receiver.pause_s(1e7) == pytest.approx(0.01)
    assert receiver.pause_s(1e8) == pytest.approx(425_984 / 4 / 2304 / 10_000)
