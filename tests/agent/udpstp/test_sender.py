"""The sender's pace, its headers and its fall-back, over loopback sockets and with a clock of our own."""

import errno
import socket
from collections.abc import Iterator

import pytest

from doxa_agent.udpstp.load import Action, Load
from doxa_agent.udpstp.rates import SendingRate, table
from doxa_agent.udpstp.sender import BURST_NS, CATCH_UP, FORGET_NS, HELD_FORGET_NS, TICK_NS, FineTimer, Sender, _prctl
from doxa_agent.udpstp.steady import SteadyClock

MS = 1_000_000
SECOND = 1_000 * MS


class Clock(SteadyClock):
    """Stands until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1_700_000_000 * SECOND

    def now(self) -> int:
        return self.time


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        for sock in (one, two):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        two.setsockopt(socket.SOL_SOCKET, 33, 8 << 20) if hasattr(socket, "SO_RCVBUFFORCE") else None
        one.connect(two.getsockname())
        two.connect(one.getsockname())
        yield one, two


def received(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(65_536))
        except BlockingIOError:
            return found


def run(sender: Sender, clock: Clock, sock: socket.socket, seconds: float) -> list[bytes]:
    """Let the sender have exact timers for so long; what arrived."""
    end, found = clock.time + int(seconds * SECOND), []
    while clock.time < end:
        clock.time = min(end, max(clock.time + 1, sender.tick(clock.time)))
        found += received(sock)
    sender.tick(end)
    return found + received(sock)


@pytest.mark.parametrize("row", [1, 7, 10, 54, 100, 234])
def test_a_row_sends_its_own_rate(pair: tuple[socket.socket, socket.socket], row: int) -> None:
    clock, rate = Clock(), table()[row]
    sender = Sender(pair[0], clock, family=4)
    sender.set_rate(rate)
    found = run(sender, clock, pair[1], 0.5)
    octets = sum(len(packet) + 28 for packet in found)
    assert octets * 8 / 0.5 == pytest.approx(row * 1e6, rel=0.02, abs=3 * 1250 * 8 / 0.5)
    assert sender.sent_octets == sum(map(len, found)) == pytest.approx(sender.asked_octets, abs=3 * 1222)


def test_every_datagram_is_a_load_header_with_its_number_and_size(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4)
    sender.set_rate(table()[27])  # two large ones and a smaller add-on each millisecond
    found = [(Load.decode(packet), packet) for packet in run(sender, clock, pair[1], 0.05)]
    assert [load.sequence for load, _ in found] == list(range(1, len(found) + 1))
    assert {load.payload for load, _ in found} == {1222, 7 * 125 - 28}
    assert all(load.payload == len(packet) for load, packet in found)
    assert all(load.action is Action.TEST for load, _ in found)


def test_a_number_that_needs_more_than_16_bits_is_written_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4)
    sender.sequence = 0x1FFF0
    sender.set_rate(table()[100])
    numbers = [Load.decode(packet).sequence for packet in run(sender, clock, pair[1], 0.01)]
    assert numbers == list(range(0x1FFF1, 0x1FFF1 + len(numbers)))
    assert numbers[-1] > 0x20000


def test_the_last_status_comes_back_with_the_time_since(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4)
    sender.set_rate(table()[10])
    run(sender, clock, pair[1], 0.01)
    sender.echo(123 * SECOND + 456, clock.time)
    sender.status_errors = 7
    clock.time += 5 * MS
    sender.tick(clock.time)
    load = Load.decode(received(pair[1])[-1])
    assert (load.status_sent_ns, load.response_delay_ms, load.status_errors) == (123 * SECOND + 456, 5, 7)
    assert load.sent_ns == clock.time


def test_what_a_slow_row_still_owed_is_not_paid_at_the_rate_of_a_fast_one(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4)
    sender.set_rate(table()[1])
    sender.tick(clock.time)
    clock.time += 50 * MS  # the slow row's next datagram is due only now
    sender.set_rate(table()[100])
    found = run(sender, clock, pair[1], 0.1)
    assert len(found) == pytest.approx(1000, rel=0.02)


def test_over_ipv6_payloads_are_20_octets_shorter() -> None:
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as two,
    ):
        two.bind(("::1", 0))
        two.setblocking(False)
        one.connect(two.getsockname())
        one.setblocking(False)
        clock = Clock()
        sender = Sender(one, clock, family=6)
        sender.set_rate(table()[21])
        assert {len(packet) for packet in run(sender, clock, two, 0.05)} == {1202, 125 - 28 - 20}


def test_a_late_timer_is_caught_up_without_a_burst(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4)
    sender.set_rate(table()[100])  # ten datagrams a millisecond
    run(sender, clock, pair[1], 0.02)
    clock.time += 30 * MS
    burst = []
    before = clock.time
    while clock.time < before + 60 * MS:
        due = sender.tick(clock.time)
        burst.append(len(received(pair[1])))
        clock.time = due
    assert burst[0] <= BURST_NS / TICK_NS * 10 + 1
    assert max(burst[1:]) <= CATCH_UP * 10 + 2
    assert sender.sent_octets == pytest.approx(sender.asked_octets, abs=20 * 1222)


def test_what_is_too_late_is_not_sent_and_not_hidden(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4)
    sender.set_rate(table()[100])
    clock.time += SECOND
    run(sender, clock, pair[1], 1.0)
    assert sender.asked_octets == pytest.approx(2 * table()[100].payload_bps / 8, rel=0.01)
    missed = (SECOND - FORGET_NS) / SECOND / 2
    assert sender.sent_octets / sender.asked_octets == pytest.approx(1 - missed, abs=0.01)


def test_a_held_rate_is_never_exceeded_to_catch_up_a_stall(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4, held=True)
    sender.set_rate(table()[100])  # 1,222 octets of payload, ten datagrams a millisecond
    run(sender, clock, pair[1], 0.02)
    asked, sent = sender.asked_octets, sender.sent_octets
    clock.time += 80 * MS
    run(sender, clock, pair[1], 0.1)
    more = (sender.sent_octets - sent) - table()[100].payload_bps / 8 * 0.1
    assert more <= table()[100].payload_bps / 8 * HELD_FORGET_NS / SECOND * 1.01
    assert sender.asked_octets - asked == pytest.approx(table()[100].payload_bps / 8 * 0.18, rel=0.01)


def test_row_0_sends_a_datagram_of_any_size_now_and_then(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4)
    sender.set_rate(table()[0])
    sizes = [len(packet) for packet in run(sender, clock, pair[1], 1.0)]
    assert 19 <= len(sizes) <= 22
    assert all(52 <= size <= 1222 for size in sizes)
    assert len(set(sizes)) > 5


def test_without_segmentation_offload_each_is_sent_on_its_own(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoGso(socket.socket):
        def sendmsg(self, *_: object) -> int:
            raise OSError(errno.EIO, "no checksum offload")

    clock = Clock()
    one = NoGso(socket.AF_INET, socket.SOCK_DGRAM, 0, fileno=socket.dup(pair[0].fileno()))
    with one:
        sender = Sender(one, clock, family=4)
        sender.set_rate(table()[54])
        found = run(sender, clock, pair[1], 0.1)
    assert not sender.gso
    assert [Load.decode(packet).sequence for packet in found] == list(range(1, len(found) + 1))
    assert sum(len(packet) + 28 for packet in found) * 8 / 0.1 == pytest.approx(54e6, rel=0.05)


def test_a_full_queue_of_our_own_is_counted_as_not_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    class Full(socket.socket):
        def sendmsg(self, *_: object) -> int:
            raise BlockingIOError(errno.EAGAIN, "full")

    clock = Clock()
    with Full(socket.AF_INET, socket.SOCK_DGRAM, 0, fileno=socket.dup(pair[0].fileno())) as one:
        sender = Sender(one, clock, family=4)
        sender.set_rate(table()[100])
        run(sender, clock, pair[1], 0.1)
    assert sender.blocked > 50
    assert sender.sent_octets == 0
    assert sender.asked_octets > 0


def test_a_random_payload_is_not_all_zeros(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4, random_payload=True)
    sender.set_rate(table()[20])
    packet = run(sender, clock, pair[1], 0.01)[-1]
    assert len(set(packet[32:])) > 100


def test_an_odd_payload_has_right_headers_too(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    sender = Sender(pair[0], clock, family=4)
    sender.set_rate(SendingRate(interval1_us=100, payload1=1001, burst1=2))
    found = run(sender, clock, pair[1], 0.02)
    assert [Load.decode(packet).sequence for packet in found] == list(range(1, len(found) + 1))
    assert {len(packet) for packet in found} == {1001}


def test_the_last_word_says_stop(pair: tuple[socket.socket, socket.socket]) -> None:
    sender = Sender(pair[0], Clock(), family=4)
    sender.set_rate(table()[10])
    sender.finish()
    assert Load.decode(received(pair[1])[-1]).action is Action.STOP


def test_timers_are_fine_only_within() -> None:
    before = _prctl(30, 0)
    with FineTimer():
        assert _prctl(30, 0) == 1
    assert _prctl(30, 0) == before
