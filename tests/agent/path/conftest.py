"""A chain of routers in namespaces of our own, with a second way in its middle.

client – r1 – r2 – a – r4 – server
                \\ b /

It is made once for a module; each test breaks it for real, and `heal()` mends what it broke before the next one.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import pytest
from tests.agent.conftest import inside

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import path
from doxa_core.linkkind import LinkKind
from doxa_core.strict import Table
from doxa_lab.net.commands import ip as batch
from doxa_lab.net.commands import set_sysctls, tc

_NUMBERS = count()
NAMES: Final = ("client", "r1", "r2", "a", "b", "r4", "server")
WIRES: Final = (
    ("client", "r1", "192.168.7", "fd00:7::"),
    ("r1", "r2", "203.0.113", "2001:db8:1::"),
    ("r2", "a", "198.18.1", "2001:db8:11::"),
    ("r2", "b", "198.18.2", "2001:db8:12::"),
    ("a", "r4", "198.18.3", "2001:db8:13::"),
    ("b", "r4", "198.18.4", "2001:db8:14::"),
    ("r4", "server", "192.0.2", "2001:db8:2::"),
)
"""Two neighbours and their networks; the first has the host number 1, the second 2."""
OFFICE: Final = {4: "192.168.7.0/24", 6: "fd00:7::/64"}
FAR: Final = {4: "192.0.2.0/24", 6: "2001:db8:2::/64"}
SERVER: Final = {4: "192.0.2.2", 6: "2001:db8:2::2"}
CHAIN: Final = {
    4: ["192.168.7.2", "203.0.113.2", "198.18.1.2", "198.18.3.2", "192.0.2.2"],
    6: ["fd00:7::2", "2001:db8:1::2", "2001:db8:11::2", "2001:db8:13::2", "2001:db8:2::2"],
}
"""Who answers at each hop, as long as the way leads by `a`."""
OTHER_TABLE: Final = 7
"""A table of routes at r2 that a rule may lead to: without the rule nobody reads it."""
BY_B: Final = {4: "198.18.2.2", 6: "2001:db8:12::2"}
_SETTINGS: Final = {
    "ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1", "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0", "ipv4/icmp_ratelimit": "0", "ipv6/icmp/ratelimit": "0",
    "ipv4/conf/all/send_redirects": "0", "ipv4/conf/default/send_redirects": "0",
    "ipv4/ping_group_range": "0 2147483647",
    "ipv4/fib_multipath_hash_fields": "63", "ipv6/fib_multipath_hash_fields": "63",
    "ipv4/fib_multipath_hash_policy": "3", "ipv6/fib_multipath_hash_policy": "3",
    "ipv6/conf/default/accept_dad": "0", "ipv6/conf/default/router_solicitations": "0",
}  # fmt: skip
"""Balancers hash addresses, protocol, flow label and ports (the bits of 63) of the packet itself: policy 1 would take the
sender's own hash, which a veth hands on and a cable does not. A neighbour that is not there yet is asked again soon."""


def end_of(wire: tuple[str, str, str, str], side: int, family: int) -> str:
    """The address of one end of a wire."""
    return f"{wire[2]}.{side}" if family == 4 else f"{wire[3]}{side}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The namespaces by what they are, and where something was changed since they were made."""

    mark: str
    routed: set[str] = field(default_factory=set)
    filtered: set[str] = field(default_factory=set)
    tuned: set[str] = field(default_factory=set)
    narrowed: set[tuple[str, str]] = field(default_factory=set)
    slowed: set[tuple[str, str]] = field(default_factory=set)

    def at(self, name: str) -> str:
        """The namespace of that name."""
        return f"{self.mark}-{name}"

    def ip(self, name: str, *lines: str, family: int | None = None) -> None:
        """Run lines of `ip` there."""
        self.routed.add(name)
        batch(list(lines), self.at(name), family=family)

    def set(self, name: str, **settings: str) -> None:
        """Write settings there, of those that a chain has of its own; `__` stands for a slash."""
        assert {key.replace("__", "/") for key in settings} <= set(_SETTINGS)
        self.tuned.add(name)
        set_sysctls(self.at(name), {key.replace("__", "/"): value for key, value in settings.items()})

    def filter(self, name: str, hook: str, *rules: str, kind: str = "filter", priority: int = 0) -> None:
        """Let these rules be the only ones of that hook there."""
        self.filtered.add(name)
        body = "\n".join(rules)
        table = f"table inet {hook} {{\nchain c {{\ntype {kind} hook {hook} priority {priority}\n{body}\n}}\n}}\n"
        command = ["ip", "netns", "exec", self.at(name), "nft", "-f", "-"]
        subprocess.run(command, input=table, text=True, check=True, timeout=20)

    def narrow(self, name: str, interface: str, mtu: int) -> None:
        """That router's interface carries packets of `mtu` octets only."""
        self.narrowed.add((name, interface))
        batch([f"link set dev {interface} mtu {mtu}"], self.at(name))

    def slow(self, name: str, interface: str) -> None:
        """That router sends a large packet right after another one with tens of milliseconds between."""
        self.slowed.add((name, interface))
        tc([f"qdisc replace dev {interface} root tbf rate 200kbit burst 1540 latency 1s"], self.at(name))

    def heal(self) -> None:
        """As it was made: rules, settings and sizes of before, and the routes anew, so that no host has learnt any."""
        for name in self.filtered:
            within = ["ip", "netns", "exec", self.at(name)]
            subprocess.run([*within, "nft", "flush ruleset"], check=True, capture_output=True, timeout=20)
        for name in self.tuned:
            set_sysctls(self.at(name), _SETTINGS)
        for name, interface in self.narrowed:
            batch([f"link set dev {interface} mtu 1500"], self.at(name))
        for name, interface in self.slowed:
            tc([f"qdisc del dev {interface} root"], self.at(name))
        if self.routed:
            batch(["rule flush", "rule add from all lookup main pref 32766"], self.at("r2"), family=4)
        for name in {"client", *self.routed}:  # the client also learns sizes
            for family in (4, 6):
                batch(["route flush proto boot", *_routes(family)[name]], self.at(name), family=family)
            set_sysctls(self.at(name), {"ipv4/route/flush": "-1"})
        for changed in (self.routed, self.filtered, self.tuned, self.narrowed, self.slowed):
            changed.clear()


def _make(chain: Chain) -> None:
    for name in NAMES:
        set_sysctls(chain.at(name), _SETTINGS)
    for near, far, *_ in WIRES:
        batch([f"link add name {far} netns {chain.at(near)} type veth peer name {near} netns {chain.at(far)}"])
    for name in NAMES:
        lines = ["link set lo up"]
        for wire in WIRES:
            if name in wire[:2]:
                side, other = (1, wire[1]) if name == wire[0] else (2, wire[0])
                four, six = end_of(wire, side, 4), end_of(wire, side, 6)
                lines += [f"addr add {four}/24 dev {other}", f"addr add {six}/64 dev {other} nodad"]
                lines += [f"link set dev {other} up"]
        chain.ip(name, *lines)
        neighbours = [other for wire in WIRES if name in wire[:2] for other in wire[:2] if other != name]
        patience = {"retrans_time_ms": "20", "mcast_solicit": "100"}
        places = [f"ipv{family}/neigh/{other}" for family in (4, 6) for other in neighbours]
        set_sysctls(chain.at(name), {f"{place}/{key}": value for place in places for key, value in patience.items()})
    for family in (4, 6):
        for name, lines in _routes(family).items():
            chain.ip(name, *lines, family=family)


def _settle(chain: Chain) -> None:
    """Wait until packets pass: a new interface is not ready for IPv6 at once, and then neighbours must be found."""
    for far in SERVER.values():
        for by in ("a", "b"):
            command = [
                "ip",
                "netns",
                "exec",
                chain.at("client" if by == "a" else "b"),
                "ping",
                "-c",
                "1",
                "-W",
                "3",
                far,
            ]
            subprocess.run(command, check=True, capture_output=True, timeout=20)


def _routes(family: int) -> dict[str, list[str]]:
    via = {wire[:2]: (end_of(wire, 1, family), end_of(wire, 2, family)) for wire in WIRES}
    return {
        "client": [f"route add default via {via['client', 'r1'][1]}"],
        "r1": [f"route add default via {via['r1', 'r2'][1]}"],
        "r2": [
            f"route add {OFFICE[family]} via {via['r1', 'r2'][0]}",
            f"route add default via {via['r2', 'a'][1]}",
        ],
        "a": [f"route add default via {via['r2', 'a'][0]}", f"route add {FAR[family]} via {via['a', 'r4'][1]}"],
        "b": [f"route add default via {via['r2', 'b'][0]}", f"route add {FAR[family]} via {via['b', 'r4'][1]}"],
        "r4": [f"route add default via {via['a', 'r4'][0]}"],
        "server": [f"route add default via {via['r4', 'server'][0]}"],
    }


@contextmanager
def a_chain() -> Iterator[Chain]:
    """A chain, gone at the end."""
    chain = Chain(mark=f"dxp-{os.getpid()}-{next(_NUMBERS)}")
    try:
        batch([f"netns add {chain.at(name)}" for name in NAMES])
        _make(chain)
        _settle(chain)
        chain.heal()
        yield chain
    finally:
        for name in NAMES:
            subprocess.run(["ip", "netns", "del", chain.at(name)], capture_output=True, timeout=20, check=False)


@pytest.fixture(scope="module")
def made_chain() -> Iterator[Chain]:
    """The chain of a module."""
    with a_chain() as made:
        yield made


@pytest.fixture
def chain(made_chain: Chain) -> Iterator[Chain]:
    """A healthy chain, and a meter that has seen no path yet."""
    path.PATHS.forget()
    yield made_chain
    made_chain.heal()


def options(**found: Any) -> path.Options:
    """The options as a plan would give them; quick ones where nothing is said."""
    table = Table({"rounds": 3, "interval_s": 0.1, "timeout_s": 0.2, "mtu": False} | found, "plan.toml", "options.")
    read = path.read_options(table)
    table.close()
    return read


def office(kind: LinkKind = LinkKind.FIXED) -> Link:
    """The client's line."""
    return Link(name="office", kind=kind, interface="r1")


def ask(chain: Chain, family: int = 4, *, kind: LinkKind = LinkKind.FIXED, port: int = 1, **found: Any) -> Reading:
    """The reading about the server, seen from the client."""
    with inside(chain.at("client")):
        return ask_from_here(family, kind=kind, port=port, **found)


def ask_both(chain: Chain, **found: Any) -> list[Reading]:
    """Over IPv4 and over IPv6 at once: they share no packet and no memory."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda family: ask(chain, family, **found), (4, 6)))


def ask_from_here(family: int = 4, *, kind: LinkKind = LinkKind.FIXED, port: int = 1, **found: Any) -> Reading:
    """The same for a process that is in the client's namespace already."""
    host = found.pop("host", SERVER[family])
    far = FarEnd(name="server", host=host, port=port)
    asked = Request(link=office(kind), far_ends=(far,), options=options(**found), deadline=Deadline(60), family=family)
    (reading,) = path.measure(asked)
    return reading


def addresses(reading: Reading) -> list[list[str]]:
    """Who answered, hop by hop."""
    return [hop.get("addresses", []) for hop in reading.detail["hops"]]


@contextmanager
def running(namespace: str, code: str, *arguments: str) -> Iterator[None]:
    """A Python program in that namespace, from its line `ready` on."""
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def delayed(chain: Chain, near: str, far: str, seconds: float) -> Iterator[None]:
    """The wire between two neighbours takes so long in each direction: a pair of TUN devices with a relay between."""
    wire = next(wire for wire in WIRES if wire[:2] == (near, far))
    for name, other, side in ((near, far, 1), (far, near, 2)):
        if name == near:
            chain.ip(name, f"link del dev {other}")
        chain.ip(name, f"tuntap add dev {other} mode tun", f"link set dev {other} txqueuelen 1000")
        for family, bits in ((4, 24), (6, 64)):
            nodad = " nodad" if family == 6 else ""
            chain.ip(name, f"addr add {end_of(wire, side, family)}/{bits} dev {other}{nodad}")
        chain.ip(name, f"link set dev {other} up")
    for family in (4, 6):
        for name in (near, far):
            chain.ip(name, *(line.replace("add", "replace", 1) for line in _routes(family)[name]), family=family)
    arguments = (chain.at(near), far, chain.at(far), near, str(seconds))
    command = [sys.executable, "-c", _RELAY, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


_RELAY = """
import os, select, sys, time
from collections import deque
from doxa_lab.net.tun import attach
near, near_tun, far, far_tun, delay = sys.argv[1:]
ends = [attach(near, near_tun, offload=False), attach(far, far_tun, offload=False)]
held = [deque(), deque()]
try:
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
except OSError:
    pass
print("ready", flush=True)
while True:
    due = min((queue[0][0] for queue in held if queue), default=None)
    ready, _, _ = select.select(ends, [], [], None if due is None else max(0.0, due - time.monotonic()))
    for side, end in enumerate(ends):
        if end in ready:
            packet = os.read(end, 2048)
            held[side].append((time.monotonic() + float(delay), packet))
        while held[side] and held[side][0][0] <= time.monotonic():
            try:
                os.write(ends[1 - side], held[side].popleft()[1])
            except OSError:
                pass
"""


def unprivileged(namespace: str, work: Callable[[], Any]) -> Any:
    """What `work` returns (as JSON) in a process of nobody inside that namespace."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with inside(namespace):
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
                os.write(writer, json.dumps(work()).encode())
                os._exit(0)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        answer = told.read()
    os.waitpid(child, 0)
    return json.loads(answer)
