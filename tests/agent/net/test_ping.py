"""The pinger on real lines, with fping and the router's own counters as referees."""

import json
import os
import re
import socket
import statistics
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.agent.conftest import Line, inside, ip
from tests.agent.net.pinging import EVERYONE, NOTHING_PASSES, allow, link_of, settle, shaped_by, target

from doxa_agent.meter import Deadline, Link
from doxa_agent.net.ping import Cadence, ping
from doxa_core.linkkind import LinkKind

pytestmark = [pytest.mark.alone, pytest.mark.calm]


NOBODY = 65534


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
