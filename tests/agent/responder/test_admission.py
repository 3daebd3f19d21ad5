"""Slots over real sockets, both sides: our client asks, transfers run under tokens, strangers share what is left."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest
from tests.agent.responder.conftest import Running, everything, running
from tests.agent.rogue import rogue

from doxa_agent.meter import Deadline, FarEnd, Link
from doxa_agent.responder.server import Settings
from doxa_agent.speed.dialogue import Dialogue
from doxa_agent.speed.farload import FarLoad, findings, limits, read_load
from doxa_agent.speed.slot import Busy, Slot, ask_slot, give_back, why_ended
from doxa_agent.speed.target import Target
from doxa_core.linkkind import LinkKind

BOTH = ("download", "upload")


@contextlib.contextmanager
def dialogue_with(port: int) -> Iterator[Dialogue]:
    target = Target(
        link=Link(name="x", kind=LinkKind.FIXED),
        far_end=FarEnd(name="far", host="127.0.0.1", port=port),
        family=4,
        address="127.0.0.1",
        session="0123456789abcdef",
    )
    with contextlib.closing(Dialogue(target, Deadline(30))) as dialogue:
        yield dialogue


@contextlib.contextmanager
def far_end(promise: float | None = 100, **more: object) -> Iterator[tuple[Running, Dialogue]]:
    settings = Settings(hosts=("127.0.0.1",), port=0, promise_mbps=promise, **more)  # type: ignore[arg-type]
    with running(settings) as far, dialogue_with(far.port) as dialogue:
        yield far, dialogue


def slot_of(dialogue: Dialogue, mbps: float = 60, seconds: float = 20) -> Slot:
    found = ask_slot(dialogue, seconds=seconds, mbps=mbps, directions=BOTH)
    assert found is not None
    return found


def download(far: Running, query: str, seconds: float = 0.5) -> tuple[int, bytes]:
    """Octets of about so many seconds, and the answer's first octets."""
    with far.connect() as sock:
        sock.sendall(f"GET /garbage.php?ckSize=1024&{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, got, until = b"", 0, time.monotonic() + seconds
        with contextlib.suppress(OSError):
            while (left := until - time.monotonic()) > 0:
                sock.settimeout(left)
                if not (piece := sock.recv(1 << 20)):
                    break
                head = head or piece[:2000]
                got += len(piece)
    return got, head


def test_our_client_gets_a_slot_and_the_next_one_a_time_to_come_back() -> None:
    with far_end() as (far, dialogue):
        slot = slot_of(dialogue)
        assert (slot.mbps, slot.seconds, slot.short) == (60, 20, False)
        with pytest.raises(Busy) as found:
            slot_of(dialogue)
        assert found.value.why == "busy"
        assert 8 <= found.value.retry_after_s <= 15, "an unused slot ends after ten seconds"
        load = far.load()
        assert (load["slots"], load["slots_refused"], load["promise_mbps"]) == (1, 1, 100)
        assert load["booked_mbps"] == {"download": 60, "upload": 60}
        give_back(dialogue, slot)
        slot_of(dialogue)


def test_a_refusal_is_plain_http_for_any_client() -> None:
    with far_end() as (far, dialogue):
        slot_of(dialogue)
        status, fields, body = far.ask("POST /slot?seconds=10&mbps=50&directions=upload")
    found = json.loads(body)
    assert status == 503
    assert int(fields["retry-after"]) >= found["come_back_s"]
    assert (found["doxa"], found["why"]) == (1, "busy")


def test_a_line_faster_than_the_promise_learns_that_its_slot_is_short() -> None:
    with far_end() as (_far, dialogue):
        assert slot_of(dialogue, mbps=300).short


@pytest.mark.parametrize("behaviour", ["stall", "garbage_not_http"])
def test_another_server_knows_no_slots(behaviour: str) -> None:
    with rogue(behaviour) as port, dialogue_with(int(port)) as dialogue:
        assert ask_slot(dialogue, seconds=10, mbps=10, directions=BOTH) is None
        assert read_load(dialogue) is None


@pytest.mark.parametrize(
    "query",
    [
        "", "seconds=10&mbps=5", "seconds=x&mbps=5&directions=upload", "seconds=0&mbps=5&directions=upload",
        "seconds=10&mbps=-5&directions=upload", "seconds=nan&mbps=5&directions=upload",
        "seconds=10&mbps=1e9&directions=upload", "seconds=10&mbps=5&directions=sideways",
        "seconds=1" + "0" * 5000 + "&mbps=5&directions=upload",
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_gets_a_sentence(query: str) -> None:
    with far_end() as (far, _):
        status, _fields, body = far.ask(f"POST /slot?{query}")
        assert status == 400
        assert body.startswith(b"Ask with seconds (1 to 600), mbps")
        assert far.load()["slots"] == 0


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("token", ["", "x", "../../etc/passwd", "0" * 33, "%00"])
def test_a_strange_token_is_refused(method: str, token: str) -> None:
    with far_end() as (far, _):
        assert far.ask(f"{method} /slot?token={token}")[0] == 400
        assert far.ask(f"GET /garbage.php?token={token}")[0] == 403
        assert far.ask(f"GET /slot?token={'0' * 32}")[0] == 200


def test_delete_is_for_slots_only() -> None:
    with far_end() as (far, _):
        assert far.ask("DELETE /empty.php")[0] == 405
        assert far.ask("DELETE /garbage.php")[0] == 405
        assert far.ask("DELETE /getIP.php")[0] == 405


def test_a_far_end_may_serve_slots_only() -> None:
    with far_end(require_slot=True) as (far, dialogue):
        status, _fields, body = far.ask("GET /garbage.php?ckSize=1")
        assert (status, body[:26]) == (403, b"This far end serves only c")
        assert far.ask("GET /empty.php")[0] == 200, "the ping is free"
        token = slot_of(dialogue).token
        got, _head = download(far, f"token={token}")
        assert got > 100_000
        with far.connect() as sock:
            sock.sendall(b"POST /empty.php HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123456789")
            assert everything(sock).startswith(b"HTTP/1.1 403 ")
        with far.connect() as sock:
            sock.sendall(f"POST /empty.php?token={token} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode())
            sock.sendall(b"123456789")
            assert sock.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("direction", BOTH)
def test_a_transfer_ends_with_its_volume_and_the_client_learns_why(direction: str) -> None:
    with far_end() as (far, dialogue):
        slot = slot_of(dialogue, mbps=1, seconds=2)
        most = 1e6 / 8 * 2 * 1.5
        if direction == "download":
            got, _head = download(far, f"token={slot.token}", 5)
        else:
            got = 0
            with far.connect() as sock, contextlib.suppress(ConnectionError):
                sock.settimeout(5)
                sock.sendall(
                    f"POST /empty.php?token={slot.token} HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 30}\r\n\r\n".encode()
                )
                while True:
                    sock.sendall(b"x" * 65536)
            got = far.server.health()["received_bytes"]
        assert most <= got < most + 5000, "the heads of a few requests beside it"
        assert why_ended(dialogue, slot) == "volume"
        assert far.ask(f"GET /garbage.php?token={slot.token}")[0] == (403 if direction == "download" else 200)


def test_a_transfer_ends_with_its_time() -> None:
    with far_end() as (far, dialogue):
        slot = slot_of(dialogue, mbps=100, seconds=1)
        with far.connect() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            sock.sendall(f"GET /garbage.php?ckSize=1024&token={slot.token} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            sock.settimeout(10)
            with contextlib.suppress(ConnectionError):
                while sock.recv(10_000):
                    time.sleep(0.01)
        assert why_ended(dialogue, slot) == "time"
        assert far.ask(f"GET /garbage.php?token={slot.token}")[0] == 403


@pytest.mark.alone
@pytest.mark.parametrize("direction", BOTH)
def test_strangers_share_what_no_slot_was_promised(direction: str) -> None:
    """100 promised, 60 of them to a slot: two strangers get the 40 that are left, and all when the slot is back."""
    head = b"GET /garbage.php?ckSize=1024" if direction == "download" else b"POST /empty.php"
    with far_end() as (far, dialogue):
        slot = slot_of(dialogue, seconds=60)
        with far.connect() as one, far.connect() as other:
            for sock in (one, other):
                sock.sendall(head + b" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (
                    0 if direction == "download" else 1 << 30))  # fmt: skip
                sock.settimeout(0.01)
            _rate(far, (one, other), direction, 1.2)
            held = _rate(far, (one, other), direction, 2)
            load = read_load(dialogue, seconds=2)
            give_back(dialogue, slot)
            _rate(far, (one, other), direction, 1.2)
            free = _rate(far, (one, other), direction, 0.5)
    assert held == pytest.approx(40, rel=0.15)
    assert free > 3 * held
    assert load is not None
    assert "far_end_crowded" in limits(load)


def _rate(far: Running, socks: tuple[socket.socket, ...], direction: str, seconds: float) -> float:
    """Mbit/s that the clients move: what they get, or what the far end takes."""
    piece, got, before = b"x" * 65536, 0, far.server.health()["received_bytes"]
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        for sock in socks:
            with contextlib.suppress(TimeoutError):
                if direction == "upload":
                    sock.send(piece)
                else:
                    got += len(sock.recv(1 << 18))
    took = time.monotonic() - began
    moved = far.server.health()["received_bytes"] - before if direction == "upload" else got
    return float(moved * 8e-6 / took)


# --- what the client makes of a far end's load ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "reasons"),
    [
        (FarLoad(seconds=5), ()),
        (FarLoad(seconds=5, cpu_ratio=0.95), ("far_end_cpu",)),
        (FarLoad(seconds=5, cpu_ratio=0.5, cpu_peak_ratio=1.0), ()),
        (FarLoad(seconds=5, cpu_ratio=0.5, own_cpu_ratio=0.95), ("far_end_cpu",)),
        (FarLoad(seconds=5, cpu_ratio=0.5, own_wait_ratio=0.4), ("far_end_cpu",)),
        (FarLoad(seconds=5, line_ratio=0.91), ("far_end_line",)),
        (FarLoad(seconds=5, carried_mbps=95, limit_mbps=100), ("far_end_paced",)),
        (FarLoad(seconds=5, carried_mbps=900, others_mbps=800, promise_mbps=1000), ("far_end_crowded",)),
        (FarLoad(seconds=5, carried_mbps=300, others_mbps=200, promise_mbps=1000), ()),
        (FarLoad(seconds=5, carried_mbps=900, others_mbps=20, promise_mbps=1000), ()),
        (FarLoad(seconds=5, carried_mbps=300, others_mbps=200), ("far_end_crowded",)),
        (FarLoad(seconds=5, held_back=True), ("far_end_crowded",)),
        (FarLoad(seconds=5, plays_line=True, carried_mbps=94), ()),
    ],
)
def test_why_the_far_end_may_have_set_a_figure(load: FarLoad, reasons: tuple[str, ...]) -> None:
    assert limits(load) == reasons
    assert findings(load) == (("far_end_plays_line",) if load.plays_line else ())


def test_who_holds_a_slot_is_not_held_back() -> None:
    assert limits(FarLoad(seconds=5, held_back=True), has_slot=True) == ()
    assert limits(None) == ()
