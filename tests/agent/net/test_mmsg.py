"""Many packets with one call: what is received is what was sent, and nothing of the packet before stays behind."""

import ctypes
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net import mmsg
from doxa_agent.net.mmsg import Inbox, Outbox, read_controls

HERE = struct.pack("=H", socket.AF_INET)


def pair() -> tuple[socket.socket, socket.socket, bytes]:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    name = HERE + struct.pack("!H4s8x", receiver.getsockname()[1], socket.inet_aton("127.0.0.1"))
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM), receiver, name


def laid_out(name: bytes, packets: list[bytes]) -> Outbox:
    box = Outbox(len(packets), 16, len(packets[0]))
    for turn, packet in enumerate(packets):
        box.memory[turn * box.row : (turn + 1) * box.row] = name + packet
    return box


@pytest.mark.parametrize("both", [True, False])
def test_a_window_may_run_over_the_end_and_arrives_in_its_order(both: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmsg, "_BOTH", both and mmsg._BOTH)
    sender, receiver, name = pair()
    with sender, receiver:
        box = laid_out(name, [bytes((n,)) * 8 for n in range(5)])
        sent = 0
        while sent < 5:
            sent += box.send(sender.fileno(), (3 + sent) % 5, 5 - sent)
        inbox = Inbox(8, 16, 0, 32)
        assert inbox.receive(receiver.fileno()) == 5
        assert [inbox.parts(turn)[2][0] for turn in range(5)] == [3, 4, 0, 1, 2]
        assert [length for (length,) in inbox.lengths()] == [8] * 5
        assert inbox.receive(receiver.fileno()) == 0


def test_a_short_packet_does_not_inherit_the_end_of_the_one_before() -> None:
    sender, receiver, name = pair()
    with sender, receiver:
        inbox = Inbox(2, 16, 0, 32)
        for packet in (b"x" * 30, b"y"):
            laid_out(name, [packet]).send(sender.fileno(), 0, 1)
            inbox.receive(receiver.fileno())
        assert bytes(inbox.used())[16:] == b"y" + bytes(31)


def test_what_comes_later_is_added_and_read_by_columns_until_all_is_cleared() -> None:
    sender, receiver, name = pair()
    rows = [(n, 1 << 31 | n, n) for n in range(70)]
    with sender, receiver:
        inbox = Inbox(80, 16, 0, 16)
        for part in (rows[:33], rows[33:]):
            box = laid_out(name, [struct.pack("=HIH", *row) for row in part])
            sent = 0
            while sent < len(part):
                sent += box.send(sender.fileno(), sent, len(part) - sent)
            assert inbox.more(receiver.fileno()) == len(part)
        assert (inbox.filled, inbox.room) == (70, 10)
        assert inbox.column(16, 5, 70, 2) == [first for first, _, _ in rows[5:]]
        assert inbox.column(18, 0, 70) == [second for _, second, _ in rows]
        assert inbox.column(22, 69, 70, 2) == [69]
        inbox.clear()
        assert inbox.memory == bytes(len(inbox.memory))
        assert inbox.filled == 0


def test_a_full_inbox_leaves_the_rest_to_the_kernel() -> None:
    sender, receiver, name = pair()
    with sender, receiver:
        inbox = Inbox(2, 16, 0, 8)
        for n in range(3):
            laid_out(name, [bytes((n,))]).send(sender.fileno(), 0, 1)
        assert [inbox.more(receiver.fileno()) for _ in range(2)] == [2, 0]
        assert inbox.receive(receiver.fileno()) == 1
        assert inbox.parts(0)[2] == b"\2"


def test_a_refusal_of_the_kernel_is_an_error_with_its_number() -> None:
    sender, receiver, name = pair()
    with sender, receiver:
        sender.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            laid_out(name, [b"x"]).send(-1, 0, 1)
        with pytest.raises(OSError, match="Bad file descriptor"):
            Inbox(1, 16, 0, 8).receive(-1)


@given(st.binary(max_size=200))
def test_rubbish_among_control_messages_is_left_out(octets: bytes) -> None:
    for level, kind, content in read_controls(octets):
        assert isinstance(level, int)
        assert isinstance(kind, int)
        assert len(content) <= len(octets)


def test_control_messages_are_read_with_their_padding() -> None:
    head = struct.Struct("@Nii")
    word = ctypes.sizeof(ctypes.c_size_t)
    first = head.pack(head.size + 5, 1, 2) + b"abcde"
    padded = first + bytes(-len(first) % word)
    assert list(read_controls(padded + head.pack(head.size + 2, 3, 4) + b"xy")) == [(1, 2, b"abcde"), (3, 4, b"xy")]
