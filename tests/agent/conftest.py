"""Shaped lines in namespaces of our own, far ends, and requests for the agent's tests."""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_NUMBERS = count()


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread is in the network namespace of that name (setns(2) is a matter of one thread)."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _enter(f"/run/netns/{namespace}")
        yield
    finally:
        if _LIBC.setns(home, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(home)


def _enter(path: str) -> None:
    there = os.open(path, os.O_RDONLY)
    try:
        if _LIBC.setns(there, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(there)


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


@contextmanager
def far_end(*options: str, namespace: str | None = None) -> Iterator[int]:
    """Our responder as a process of its own; its port."""
    within = ["ip", "netns", "exec", namespace] if namespace else []
    command = [*within, sys.executable, "-c", _MAIN, "responder", "run", "--json", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["listening"][0]["port"])
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


_MAIN = "import sys; from doxa_core.command import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A shaped line: client – router – server. tbf on veth counts 1514 octets for an IP packet of 1500."""

    client: str
    router: str
    server: str
    interface: str = "line0"
    here4: str = "10.99.1.1"
    gateway4: str = "10.99.1.2"
    there4: str = "10.99.2.1"
    here6: str = "fd99:1::1"
    gateway6: str = "fd99:1::2"
    there6: str = "fd99:2::1"


def burst_for(mbit: float) -> str:
    """What a tbf needs in this kernel to hold its rate."""
    return "32kb" if mbit <= 150 else "64kb" if mbit <= 400 else "128kb"


def shape(line: Line, mbit: float) -> None:
    """Set the line's rate in both directions, each with a queue of 40 ms.

    Slow lines get small segments (no 64 KiB frames), as they would on a cable; fast ones would cost too much so.
    """
    for device in ("down0", "up0"):
        words = f"tbf rate {mbit}mbit burst {burst_for(mbit)} latency 40ms".split()
        command = ["tc", "-netns", line.router, "qdisc", "replace", "dev", device, "root", *words]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    segments = "2" if mbit <= 150 else "32"
    places = ((line.client, line.interface), (line.router, "down0"), (line.router, "up0"), (line.server, "line1"))
    for name, device in places:
        ip("-n", name, "link", "set", device, "gso_max_segs", segments)


def lose(line: Line, per_mille: int) -> None:
    """Let the router drop that share of the packets that it forwards, at random."""
    chance = "drop" if per_mille >= 1000 else f"numgen random mod 1000 < {per_mille} drop"
    rules = f"""
        flush ruleset
        table inet loss {{
            chain forward {{
                type filter hook forward priority 0;
                {chance}
            }}
        }}
    """
    subprocess.run(
        ["ip", "netns", "exec", line.router, "nft", "-f", "-"], input=rules, text=True, check=True, timeout=20
    )


def _make(line: Line) -> None:
    for name in (line.client, line.router, line.server):
        ip("netns", "add", name)
        with inside(name):  # else IPv6 is not ready for two seconds: link-local addresses are checked first
            Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
        ip("-n", name, "link", "set", "lo", "up")
    ip(
        "link",
        "add",
        line.interface,
        "netns",
        line.client,
        "type",
        "veth",
        "peer",
        "name",
        "down0",
        "netns",
        line.router,
    )
    ip("link", "add", "line1", "netns", line.server, "type", "veth", "peer", "name", "up0", "netns", line.router)
    ends = (
        (line.client, line.interface, line.here4, line.here6),
        (line.router, "down0", line.gateway4, line.gateway6),
        (line.router, "up0", "10.99.2.2", "fd99:2::2"),
        (line.server, "line1", line.there4, line.there6),
    )
    for name, device, four, six in ends:
        ip("-n", name, "addr", "add", f"{four}/24", "dev", device)
        ip("-n", name, "addr", "add", f"{six}/64", "dev", device, "nodad")
        ip("-n", name, "link", "set", device, "up")
    ip("-n", line.client, "route", "add", "default", "via", line.gateway4)
    ip("-n", line.client, "-6", "route", "add", "default", "via", line.gateway6)
    ip("-n", line.server, "route", "add", "default", "via", "10.99.2.2")
    ip("-n", line.server, "-6", "route", "add", "default", "via", "fd99:2::2")
    _set(line)


def _set(line: Line) -> None:
    for name, settings in (
        (line.router, {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1", "ipv4/conf/all/rp_filter": "0"}),
        (line.client, {"ipv4/tcp_no_metrics_save": "1"}),
        (line.server, {"ipv4/tcp_no_metrics_save": "1"}),
    ):
        with inside(name):
            for key, value in settings.items():
                (Path("/proc/sys/net") / key).write_text(value)


@contextmanager
def a_line() -> Iterator[Line]:
    """A line, gone at the end."""
    mark = f"dxs-{os.getpid()}-{next(_NUMBERS)}"
    made = Line(client=f"{mark}-c", router=f"{mark}-r", server=f"{mark}-s")
    with ExitStack() as stack:
        for name in (made.client, made.router, made.server):
            stack.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True, timeout=20, check=False)
        _make(made)
        yield made


@pytest.fixture
def line() -> Iterator[Line]:
    """A line of its own, gone at the end."""
    with a_line() as made:
        yield made
