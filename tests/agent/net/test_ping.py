"""The pinger on real lines, with fping and the router's own counters as referees."""

import errno
import json
import os
import re
import socket
import statistics
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from tests.agent.conftest import Line, inside, ip

from doxa_agent.meter import Deadline, Link
from doxa_agent.net import echo, stamp
from doxa_agent.net import ping as pinger
from doxa_agent.net.echosocket import Batch, EchoSocket, Harvest, Refusal, Sending, reason_of
from doxa_agent.net.echosocket import Line as Far
from doxa_agent.net.mmsg import Outbox
from doxa_agent.net.ping import Cadence, Run, Target, ping
from doxa_core.linkkind import LinkKind

pytestmark = pytest.mark.alone

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
NOBODY = 65534
EVERYONE = "0 2147483647"


def link_of(line: Line) -> Link:
    return Link(name="office", kind=LinkKind.FIXED, interface=line.interface)


def target(address: str, port: int = 80) -> Target:
    return Target(family=6 if ":" in address else 4, address=address, port=port)


def allow(namespace: str, groups: str) -> None:
    setting = f"net.ipv4.ping_group_range={groups}"
    subprocess.run(["ip", "netns", "exec", namespace, "sysctl", "-qw", setting], check=True, timeout=20)


def as_nobody(work: Callable[[], dict[str, object]]) -> dict[str, object]:
    """What `work` gives in a child without any privilege."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(writer, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        found: dict[str, object] = json.loads(pipe.read() or b"{}")
    os.waitpid(child, 0)
    return found


@pytest.mark.root
@pytest.mark.parametrize("groups", ["1 0", EVERYONE])
def test_both_families_answer_over_the_link(line: Line, groups: str) -> None:
    """Raw sockets where the range of groups forbids datagram ones, with the same result."""
    settle(line)
    allow(line.client, groups)
    with inside(line.client):
        run = ping(
            [target(line.there4), target(line.there6)], link_of(line), Cadence(interval_s=0.05, count=10), Deadline(20)
        )
    for track in run.tracks:
        assert track.way == ("icmp_raw" if groups == "1 0" else "icmp_datagram")
        assert (track.received, track.duplicates, track.late, track.unsent) == (10, 0, 0, 0)
        assert track.departures == 10
        assert track.by_process <= 1  # stamping may begin after the first packet
    assert not run.cut_short
    assert run.overflowed == 0


@pytest.mark.root
def test_without_privilege_a_permitted_group_pings(line: Line) -> None:
    settle(line)
    allow(line.client, EVERYONE)

    def work() -> dict[str, object]:
        run = ping(
            [target(line.there4), target(line.there6)], link_of(line), Cadence(interval_s=0.05, count=5), Deadline(20)
        )
        return {"uid": os.getuid(), "ways": [t.way for t in run.tracks], "received": [t.received for t in run.tracks]}

    with inside(line.client):
        found = as_nobody(work)
    assert found == {"uid": NOBODY, "ways": ["icmp_datagram"] * 2, "received": [5, 5]}


@pytest.mark.root
def test_without_any_permission_handshakes_are_timed_and_named(line: Line) -> None:
    """Against an open port (SYN-ACK), a closed one (RST) and an address behind which nobody is."""
    allow(line.client, "1 0")
    with inside(line.server):
        listener = socket.create_server((line.there4, 0))
    port = listener.getsockname()[1]

    def work() -> dict[str, object]:
        targets = [target(line.there4, port), target(line.there4, 9), target("10.99.2.77", 80)]
        run = ping(targets, link_of(line), Cadence(interval_s=0.1, count=5, timeout_s=0.5), Deadline(20))
        with pytest.raises(PermissionError):
            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        return {"ways": [t.way for t in run.tracks], "received": [t.received for t in run.tracks]}

    with listener, inside(line.client):
        found = as_nobody(work)
    assert found == {"ways": ["tcp_handshake"] * 3, "received": [5, 5, 0]}


@contextmanager
def shaped_by(line: Line, rules: str) -> Iterator[None]:
    nft = ["ip", "netns", "exec", line.router, "nft"]
    subprocess.run([*nft, "-f", "-"], input=rules, text=True, check=True, timeout=20)
    yield


NOTHING_PASSES = """
    table inet t {
        chain f {
            type filter hook forward priority 0;
            drop
        }
    }
"""


def settle(line: Line) -> None:
    """Wait until IPv6 has found its neighbours: right after its birth a line loses what it does not know yet."""
    with inside(line.client):
        for _ in range(50):
            if (
                ping([target(line.there6)], link_of(line), Cadence(count=1, timeout_s=0.5), Deadline(5))
                .tracks[0]
                .received
            ):
                return
    raise AssertionError("no IPv6 over the line")


def counted(line: Line, name: str) -> int:
    nft = ["ip", "netns", "exec", line.router, "nft", "-j", "list", "counter", "inet", "t", name]
    found = json.loads(subprocess.run(nft, capture_output=True, check=True, timeout=20).stdout)
    return int(found["nftables"][1]["counter"]["packets"])


@pytest.mark.root
def test_loss_is_exactly_what_the_router_dropped(line: Line) -> None:
    """Both directions, v4 and v6 at once, at random; the router counts what it dropped."""
    settle(line)
    rules = """
        table inet t {
            counter four { }
            counter six { }
            chain f {
                type filter hook forward priority 0;
                icmp type { echo-request, echo-reply } numgen random mod 100 < 15 counter name four drop
                icmpv6 type { echo-request, echo-reply } numgen random mod 100 < 15 counter name six drop
            }
        }
    """
    with shaped_by(line, rules), inside(line.client):
        cadence = Cadence(interval_s=0.02, count=80, timeout_s=0.5)
        run = ping([target(line.there4), target(line.there6)], link_of(line), cadence, Deadline(30))
    for track, name in zip(run.tracks, ("four", "six"), strict=True):
        lost = len(track.delays) - track.received
        assert len(track.delays) == 80
        assert lost == counted(line, name)
        assert lost > 0


@pytest.mark.root
def test_total_loss_is_no_reply_and_not_a_delay_of_nothing(line: Line) -> None:
    with shaped_by(line, NOTHING_PASSES), inside(line.client):
        run = ping([target(line.there4)], link_of(line), Cadence(interval_s=0.02, count=5, timeout_s=0.2), Deadline(20))
    assert run.tracks[0].delays == [None] * 5
    assert not run.cut_short


@pytest.mark.root
def test_an_icmp_error_says_why(line: Line) -> None:
    """The router has no way to TEST-NET-2 and says so; the next far end on the same socket is not disturbed."""
    settle(line)
    for limit in ("net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"):  # else it complains once a second only
        subprocess.run(["ip", "netns", "exec", line.router, "sysctl", "-qw", limit], check=True, timeout=20)
    ip("-n", line.router, "route", "add", "unreachable", "198.51.100.0/24")
    ip("-n", line.router, "route", "add", "prohibit", "2001:db8:66::/48")
    targets = [target("198.51.100.9"), target(line.there4), target("2001:db8:66::9"), target(line.there6)]
    for groups in (EVERYONE, "1 0"):
        allow(line.client, groups)
        with inside(line.client):
            run = ping(targets, link_of(line), Cadence(interval_s=0.05, count=6, timeout_s=0.5), Deadline(20))
        refused, answered, forbidden, answered6 = run.tracks
        assert (answered.received, answered6.received) == (6, 6)
        assert not answered.errors + answered6.errors
        assert (refused.received, forbidden.received) == (0, 0)
        assert set(refused.errors) == {"host_unreachable"}
        assert set(forbidden.errors) == {"prohibited"}


@pytest.mark.root
def test_a_line_that_goes_down_meanwhile_is_lost_not_forgotten(line: Line) -> None:
    link = link_of(line)
    switch = threading.Timer(0.4, ip, ("-n", line.client, "link", "set", line.interface, "down"))
    switch.start()
    with inside(line.client):
        run = ping([target(line.there4)], link, Cadence(interval_s=0.05, count=20, timeout_s=0.3), Deadline(20))
    switch.join()
    track = run.tracks[0]
    assert 0 < track.received < 20
    assert len(track.delays) == 20
    assert track.unsent > 0
    assert track.delays[-1] is None
    assert track.errors


@pytest.mark.root
def test_a_missing_interface_is_named_and_nothing_is_sent(line: Line) -> None:
    absent = Link(name="office", kind=LinkKind.FIXED, interface="absent0")
    with inside(line.client):
        run = ping([target(line.there4)], absent, Cadence(count=3), Deadline(20))
    assert (run.tracks[0].delays, dict(run.tracks[0].errors)) == ([], {"interface_absent": 1})


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.root
def test_a_hundred_far_ends_on_one_socket_are_told_apart(line: Line) -> None:
    batch = "\n".join(f"addr add 10.99.2.{n}/24 dev line1" for n in range(101, 201))
    subprocess.run(["ip", "-n", line.server, "-batch", "-"], input=batch, text=True, check=True, timeout=20)
    rules = """
        table inet t {
            chain f {
                type filter hook forward priority 0;
                ip daddr 10.99.2.150 drop
            }
        }
    """
    targets = [target(f"10.99.2.{n}") for n in range(101, 201)]
    allow(line.client, EVERYONE)
    with shaped_by(line, rules), inside(line.client):
        before = descriptors()
        counts: list[int] = []
        watch = threading.Timer(0.5, lambda: counts.append(descriptors()))
        watch.start()
        run = ping(targets, link_of(line), Cadence(interval_s=0.5, count=4, timeout_s=0.5), Deadline(30))
        watch.join()
    assert [track.received for track in run.tracks] == [
        4 if track.target.address != "10.99.2.150" else 0 for track in run.tracks
    ]
    assert counts[0] - before <= 2  # the one socket, and the listing itself
    assert run.overflowed == 0
    spread = sorted(track.sent_mono[1] for track in run.tracks)
    assert (spread[-1] - spread[0]) / 1e9 > 0.2  # two trains half an interval apart, not one burst


@pytest.mark.root
def test_fping_on_the_same_path_sees_the_same_delays(line: Line, delayed: Callable[[float], None]) -> None:
    """A far end that holds each echo for 20 ms; both run at once, and their medians agree."""
    delayed(0.02)
    allow(line.client, EVERYONE)
    fping = [
        "ip",
        "netns",
        "exec",
        line.client,
        "fping",
        "-q",
        "-C",
        "40",
        "-p",
        "50",
        "-I",
        line.interface,
        line.there4,
    ]
    with subprocess.Popen(fping, stderr=subprocess.PIPE, text=True) as referee, inside(line.client):
        run = ping([target(line.there4)], link_of(line), Cadence(interval_s=0.05, count=40), Deadline(30))
        told = referee.communicate(timeout=30)[1]
    seen = [float(word) for word in re.findall(r"\d+\.\d+", told.partition(":")[2])]
    ours = [delay for delay in run.tracks[0].delays_ms if delay is not None]
    assert len(ours) == len(seen) == 40
    assert statistics.median(ours) >= 20
    assert statistics.median(ours) == pytest.approx(statistics.median(seen), rel=0.03)


Reflection = Callable[[bytes, int], list[tuple[float, bytes]]]
"""Given a reply and how many came before it: when (seconds from now) which packets go back."""


@pytest.fixture
def reflect(line: Line) -> Iterator[Callable[[Reflection], None]]:
    """The far end answers echoes itself, as it is told, instead of its kernel."""
    with inside(line.server):
        setting = "net.ipv4.icmp_echo_ignore_all=1"
        subprocess.run(["ip", "netns", "exec", line.server, "sysctl", "-qw", setting], check=True, timeout=20)
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.settimeout(0.1)
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def send(packet: bytes, sender: tuple[str, int]) -> None:
        if not stop.is_set():
            sock.sendto(packet, sender)

    def serve(reflection: Reflection) -> None:
        seen = 0
        while not stop.is_set():
            try:
                packet, sender = sock.recvfrom(2048)
            except TimeoutError:
                continue
            icmp = echo.strip_ip_header(packet)
            if icmp[:1] == b"\x08":
                for wait, answer in reflection(b"\0\0\0\0" + icmp[4:], seen):
                    whole = answer[:2] + struct.pack("!H", echo.internet_checksum(answer)) + answer[4:]
                    later = threading.Timer(wait, send, (whole, sender))
                    threads.append(later)
                    later.start()
                seen += 1

    def begin(reflection: Reflection) -> None:
        threads.append(threading.Thread(target=serve, args=(reflection,)))
        threads[-1].start()

    yield begin
    stop.set()
    for thread in threads:
        thread.join()
    sock.close()


@pytest.fixture
def delayed(reflect: Callable[[Reflection], None]) -> Callable[[float], None]:
    return lambda seconds: reflect(lambda reply, _: [(seconds, reply)])


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
