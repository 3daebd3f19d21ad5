"""What an upload's sockets hold: streams that rest, the timer that tops them up, and what ends them all the same."""

import errno
import os
import socket
import struct
import threading
import time
import zlib
from contextlib import closing, suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.conftest import Line, far_end, lose, shape
from tests.agent.meters.speedtests import failed, measure

from doxa_agent.meter import Deadline
from doxa_agent.net.tcpinfo import DeliveredCounter
from doxa_agent.speed import stock
from doxa_agent.speed.bins import BIN_S
from doxa_agent.speed.source import BLOCK, Source
from doxa_agent.speed.stock import LOWAT, MOST_LOWAT, Stock
from doxa_agent.speed.upload import RAMP_S, Stream, Upload
from doxa_core.outcome import Outcome

KIB = 1024
SETTLED = round(2 * RAMP_S / BIN_S)
"""Bins after which streams rest."""


class Kernel:
    """Answers for TCP_INFO as the kernel would, and notes what is set."""

    def __init__(self) -> None:
        self.lowats: list[int] = []
        self.fields = {16: 1448, 28: 0, 100: 0, 192: 0}
        self.acked = 0
        self.unsent = 0
        self.length = 256

    def getsockopt(self, _level: int, _name: int, most: int) -> bytes:
        packed = bytearray(256)
        for offset, value in self.fields.items():
            struct.pack_into("=I", packed, offset, value)
        struct.pack_into("=Q", packed, 120, self.acked)
        struct.pack_into("=I", packed, 144, self.unsent)
        return bytes(packed[: min(most, self.length)])

    def setsockopt(self, _level: int, _name: int, value: int) -> None:
        self.lowats.append(value)

    @property
    def sock(self) -> socket.socket:
        return cast("socket.socket", self)


def bin_of(counter: Stock, kernel: Kernel, *, sends: int, room: int) -> int:
    """One bin: `sends` octets leave, the counters are looked at, and the socket is filled to `room` if it must be."""
    sends = min(sends, kernel.unsent)
    kernel.unsent -= sends
    kernel.acked += sends
    kernel.fields[192] = kernel.acked // 1448
    counter.look(kernel.sock)
    if not counter.low:
        return 0
    more = max(0, min(room, counter.lowat) - kernel.unsent)
    kernel.unsent += more
    counter.given += more
    counter.rests = counter.filled(kernel.sock, more)
    return more


def started(room: int) -> tuple[Stock, Kernel]:
    counter, kernel = Stock(), Kernel()
    kernel.unsent = counter.given = min(room, LOWAT)
    return counter, kernel


def test_a_stream_whose_socket_holds_enough_rests_and_is_filled_every_few_bins() -> None:
    counter, kernel = started(400 * KIB)
    fills = [bin_of(counter, kernel, sends=80 * KIB, room=400 * KIB) for _ in range(40)]
    assert counter.rests
    assert kernel.unsent > 0
    assert counter.octets == sum(fills) + LOWAT - kernel.unsent
    assert sum(more > 0 for more in fills[10:]) <= 12, "one fill in three bins"


def test_a_stream_that_never_runs_dry_while_its_pace_stands() -> None:
    counter, kernel = started(400 * KIB)
    for _ in range(60):
        bin_of(counter, kernel, sends=90 * KIB, room=400 * KIB)
        assert kernel.unsent >= 90 * KIB or not counter.rests


def test_a_stream_that_sends_most_of_what_fits_is_left_to_epoll() -> None:
    counter, kernel = started(120 * KIB)
    for _ in range(20):
        assert bin_of(counter, kernel, sends=100 * KIB, room=120 * KIB)
        assert not counter.rests


def test_a_stream_whose_pace_still_doubles_is_left_to_epoll() -> None:
    counter, kernel = started(8 * 1024 * KIB)
    for doubled in range(8):
        bin_of(counter, kernel, sends=2 * KIB * 2**doubled, room=8 * 1024 * KIB)
        assert not counter.rests
    for _ in range(3):
        bin_of(counter, kernel, sends=2 * KIB * 2**7, room=8 * 1024 * KIB)
    assert counter.rests


def test_a_stream_that_ran_dry_is_left_to_epoll_until_it_is_calm_again() -> None:
    counter, kernel = started(400 * KIB)
    for _ in range(10):
        bin_of(counter, kernel, sends=60 * KIB, room=400 * KIB)
    assert counter.rests
    bin_of(counter, kernel, sends=400 * KIB, room=400 * KIB)
    assert not counter.rests
    for _ in range(10):
        bin_of(counter, kernel, sends=60 * KIB, room=400 * KIB)
    assert counter.rests


def test_room_follows_the_pace_and_has_an_end() -> None:
    counter, kernel = started(8 * 1024 * KIB)
    for _ in range(20):
        bin_of(counter, kernel, sends=90 * KIB, room=8 * 1024 * KIB)
    assert LOWAT < counter.lowat <= 9 * 90 * KIB
    for _ in range(20):
        bin_of(counter, kernel, sends=900 * KIB, room=8 * 1024 * KIB)
    assert counter.lowat == MOST_LOWAT
    assert kernel.lowats == sorted(kernel.lowats), "it never shrinks"


def test_a_far_end_that_takes_nothing_is_not_fed_again_and_again() -> None:
    counter, kernel = started(400 * KIB)
    for _ in range(10):
        bin_of(counter, kernel, sends=60 * KIB, room=400 * KIB)
    assert sum(bin_of(counter, kernel, sends=0, room=400 * KIB) for _ in range(30)) <= 400 * KIB
    assert counter.rests


def test_on_a_kernel_that_does_not_say_what_waits_no_stream_rests() -> None:
    counter, kernel = started(400 * KIB)
    kernel.length = 148
    for _ in range(20):
        bin_of(counter, kernel, sends=60 * KIB, room=400 * KIB)
        assert counter.low
    assert counter.octets == kernel.acked


look = st.tuples(*[st.integers(0, 2**32 - 1)] * 5, st.integers(0, 2**63), st.integers(0, 2**40), st.integers(0, 256))


@given(st.lists(look, max_size=12))
def test_it_counts_what_the_plain_counter_counts_whatever_the_kernel_says(
    looks: list[tuple[int, int, int, int, int, int, int, int]],
) -> None:
    counter, plain, kernel = Stock(), DeliveredCounter(), Kernel()
    for mss, sacked, again, delivered, kernel.unsent, kernel.acked, more, kernel.length in looks:
        kernel.fields = {16: mss, 28: sacked, 100: again, 192: delivered}
        # What ends before the fields that the quick way needs is read by both in the slow one.
        assert counter.look(kernel.sock) == plain.look(kernel.sock, stock._SIZE)
        counter.given += more
        counter.rests = counter.filled(kernel.sock, more)
        assert LOWAT <= counter.lowat <= MOST_LOWAT


# --- the octets --------------------------------------------------------------------------------------------------------


def taken(source: Source, octets: int) -> bytes:
    """What arrives of so many octets."""
    here, there = socket.socketpair()
    found = b""
    with here, there, closing(source):
        here.setblocking(False)
        while len(found) < octets:
            with suppress(BlockingIOError):
                source.send(here, len(found), octets - len(found))
            found += there.recv(octets)
    return found


def test_what_is_sent_without_a_copy_is_random_and_goes_on_where_it_stopped() -> None:
    source = Source()
    assert not source.copies
    found = taken(source, 2 * BLOCK + 5)
    assert len(found) == 2 * BLOCK + 5
    assert len(zlib.compress(found, 9)) > len(found)
    assert found[BLOCK:] == found[: BLOCK + 5]


@pytest.mark.parametrize("missing", ["memfd_create", "sendfile"])
def test_where_the_kernel_cannot_or_may_not_the_octets_are_copied(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    def refuse(*_args: object) -> int:
        raise OSError(errno.EPERM, "a sandbox")

    monkeypatch.setattr(os, missing, refuse)
    source = Source()
    found = taken(source, 100_000)
    assert source.copies
    assert len(found) == 100_000
    assert len(zlib.compress(found, 9)) > 90_000


def test_a_python_without_memory_files_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    assert Source().copies


def test_an_error_of_the_line_is_not_taken_for_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(*_args: object) -> int:
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    monkeypatch.setattr(os, "sendfile", reset)
    here, there = socket.socketpair()
    with here, there, closing(Source()) as source:
        with pytest.raises(ConnectionResetError):
            source.send(here, 0, 10)
        assert not source.copies


# --- whole uploads -----------------------------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.root
def test_in_its_stride_an_upload_is_fed_by_the_timer_and_seldom(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epoll wakes us for hardly any stream, and one that rests is not even tried in most of the bins (of 100 ms here)."""
    bins, woken, sends = 0, 0, 0
    count, act, send = Upload.count, Upload.act, Upload._send

    def counting(upload: Upload) -> float:
        nonlocal bins
        bins += 1
        return count(upload)

    def acting(upload: Upload, fd: int, event: int) -> None:
        nonlocal woken
        woken += bins > SETTLED
        act(upload, fd, event)

    def sending(upload: Upload, stream: Stream) -> None:
        nonlocal sends
        sends += bins > SETTLED
        send(upload, stream)

    monkeypatch.setattr(Upload, "count", counting)
    monkeypatch.setattr(Upload, "act", acting)
    monkeypatch.setattr(Upload, "_send", sending)
    shape(line, 100)
    with far_end(namespace=line.server) as port:
        reading = measure(
            line.there4, port, line=line, early_stop=False, limit_s=4, congestion="cubic", directions=("upload",)
        )
    each = 8 * (bins - SETTLED)
    assert reading.values["upload_mbps"] == pytest.approx(100 * 1448 / 1514, rel=0.02)
    assert bins > 2 * SETTLED
    assert woken < 0.2 * each
    assert sends < 0.7 * each


@pytest.mark.root
def test_a_line_that_is_cut_in_the_middle_of_an_upload_stalls_it(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doxa_agent.speed.target.CONNECT_S", 0.5)
    monkeypatch.setattr("doxa_agent.speed.dialogue.ANSWER_S", 0.5)
    shape(line, 50)
    with far_end(namespace=line.server) as port:
        cut = threading.Timer(1.0, lambda: lose(line, 1000))
        cut.start()
        reading = measure(
            line.there4, port, line=line, early_stop=False, limit_s=12, ping_count=0, directions=("upload",)
        )
        cut.join()
    failed(reading, "stalled")
    assert 0 < reading.values["upload_duration_s"] < 12, "three seconds of nothing end it"


def test_an_upload_goes_on_after_a_far_end_that_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that rest with full sockets must be fed again when their reader comes back."""
    monkeypatch.setattr("doxa_agent.speed.dialogue.ANSWER_S", 0.2)
    began, before, after = time.monotonic(), [0], [0]

    def take(sock: socket.socket) -> None:
        """About 3 MB/s, none in the second second."""
        sock.settimeout(3)
        try:
            while piece := sock.recv(64 * KIB):
                seconds = time.monotonic() - began
                time.sleep(0.02 if not 1.0 < seconds < 2.0 else 2.0 - seconds)
                (before if seconds < 1.5 else after)[0] += len(piece)
        except OSError:
            return
        finally:
            sock.close()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    threads.append(threading.Thread(target=take, args=(server.accept()[0],)))
                    threads[-1].start()

        accepting = threading.Thread(target=serve)
        accepting.start()
        measure(
            "127.0.0.1", int(server.getsockname()[1]), early_stop=False, limit_s=4, streams=2, ping_count=0,
            directions=("upload",),
        )  # fmt: skip
        server.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for thread in threads:
        thread.join()
    # More than the sockets at both ends held over the pause.
    assert before[0] > 0
    assert after[0] > 6e6, (before, after)


def test_an_upload_that_is_cancelled_ends_at_once() -> None:
    deadline = Deadline(60)
    began = [0.0]

    def cancel() -> None:
        began[0] = time.monotonic()
        deadline.cancel()

    with far_end("--host", "127.0.0.1", "--rate-mbps", "100") as port:
        stop = threading.Timer(1.5, cancel)
        stop.start()
        reading = measure(
            "127.0.0.1", port, early_stop=False, limit_s=50, ping_count=0, directions=("upload",), deadline=deadline
        )
        took = time.monotonic() - began[0]
        stop.join()
    assert reading.outcome is Outcome.ERROR
    assert took < 2, "a tick of 50 ms, on a busy machine a little more"
