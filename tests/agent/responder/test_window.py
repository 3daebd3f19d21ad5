"""How much of an upload may be under way at a far end that holds itself to a limit."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.responder.window import ENOUGH, LEAST, STOCK_S, Window, window_for

_SHARES = st.floats(min_value=0, max_value=1e10)
_RTTS = st.floats(min_value=0, max_value=2)


@given(_SHARES, _RTTS)
def test_a_window_never_holds_a_sender_below_its_share(share: float, rtt_s: float) -> None:
    found = window_for(share, rtt_s)
    assert found is None or found >= LEAST
    assert found is None or found + 1 >= share * rtt_s * 2


@given(_RTTS)
def test_a_large_share_leaves_the_window_to_the_kernel(rtt_s: float) -> None:
    assert window_for(1.01 * ENOUGH / STOCK_S, rtt_s) is None


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Sender and receiver with segments as on a line."""
    with socket.socket() as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        sender = socket.create_connection(listener.getsockname())
        receiver, _ = listener.accept()
    with closing(sender), closing(receiver):
        sender.setblocking(False)
        receiver.setblocking(False)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield sender, receiver


def poured(sender: socket.socket, receiver: socket.socket) -> int:
    """The most octets that the sender got rid of at once while nobody read, of several times after the first window."""
    found = []
    for _ in range(6):
        with suppress(BlockingIOError):
            while receiver.recv(1 << 20):
                pass
        found.append(0)
        with suppress(BlockingIOError):
            while True:
                found[-1] += sender.send(bytes(65536))
    return max(found[2:])


def test_a_narrow_window_takes_little_that_nobody_reads() -> None:
    with pair() as (sender, receiver):
        Window(receiver).fit(1000.0)
        assert poured(sender, receiver) < 2 * LEAST
    with pair() as (sender, receiver):
        assert poured(sender, receiver) > 4 * LEAST


def test_a_window_that_was_narrow_grows_again_without_a_limit() -> None:
    with pair() as (sender, receiver):
        window = Window(receiver)
        window.fit(1000.0)
        narrow = receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        window.fit(None)
        assert receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 2 * narrow
        assert poured(sender, receiver) > 4 * LEAST


def test_a_closed_connection_has_no_window_to_fit() -> None:
    with pair() as (_, receiver):
        window = Window(receiver)
        receiver.close()
        window.fit(1000.0)
        window.fit(None)
        with pytest.raises(OSError, match="Bad file descriptor"):
            receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
