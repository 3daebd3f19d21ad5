"""A laboratory of links: offices, routers and far ends as network namespaces, shaped, delayed, and gone at the end.

Nothing outside the laboratory's own namespaces is touched, the root namespace included. Their names carry the process
id and start time of their maker, so the next laboratory can clear away what a killed one left.
"""

import os
import shutil
import sys
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_lab.net.commands import ip, run, set_sysctls, tc
from doxa_lab.net.line import Laid, Line
from doxa_lab.net.namespaces import FOLDER
from doxa_lab.net.relay import Lane, write_lanes
from doxa_lab.process import Process
from doxa_lab.truth import MTU

PREFIX: Final = "doxa"
_MOST_LINES: Final = 62
_UP: Final = "tunup"
_DOWN: Final = "tundown"
_TUN_QUEUE: Final = 10_000
"""Packets that wait for the relay: a burst must not be lost there, only where the line says so."""

_ENDS: Final = {
    "ipv4/ip_forward": "0",
    "ipv4/conf/all/rp_filter": "2",
    "ipv4/tcp_no_metrics_save": "1",
    "ipv4/ping_group_range": "0 2147483647",
    "ipv6/conf/all/forwarding": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/router_solicitations": "0",
    "ipv6/conf/all/keep_addr_on_down": "1",
}
_ROUTER: Final = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv6/conf/all/forwarding": "1",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/all/keep_addr_on_down": "1",
}

TOO_FAST = Text(
    vi="đường {name}: có mất gói thì relay chỉ chạy được đến 120 Mbit/s; hãy giảm tốc độ hoặc bỏ mất gói",
    en="line {name}: with loss the relay passes at most 120 Mbit/s; lower the rate or leave out the loss",
)
TOO_MANY = Text(vi="một phòng lab có tối đa {most} đường", en="a laboratory has at most {most} lines")


def can_make() -> bool:
    """Whether this machine and user allow a laboratory: root who may make namespaces, `ip`, `tc`, and a TUN device."""
    if os.geteuid() != 0 or not all(shutil.which(name) for name in ("ip", "tc")) or not Path("/dev/net/tun").exists():
        return False
    trial = f"{PREFIX}-{own_mark()}-trial"
    try:
        ip([f"netns add {trial}", f"netns del {trial}"])
    except OperationError:  # root of a container without CAP_SYS_ADMIN
        return False
    return True


def _born(pid: int) -> int | None:
    """When a process began, in clock ticks since boot (proc(5), field 22); None where there is none."""
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])


def own_mark() -> str:
    """What marks a laboratory as this process's: `PID` and start, in hexadecimal."""
    return f"{os.getpid():x}.{_born(os.getpid()) or 0:x}"


def is_stale(mark: str) -> bool:
    """Whether the maker of `mark` is no longer there."""
    pid, _, born = mark.partition(".")
    try:
        return _born(int(pid, 16)) != int(born, 16)
    except ValueError:
        return False  # not a mark of ours: leave it alone


def clear_stale() -> list[str]:
    """Remove the namespaces of laboratories whose makers are gone; their names."""
    found = sorted(entry.name for entry in FOLDER.iterdir()) if FOLDER.is_dir() else []
    stale = [name for name in found if name.startswith(f"{PREFIX}-") and is_stale(name.split("-")[1])]
    _remove(stale)
    return stale


def _remove(names: list[str]) -> None:
    for name in names:
        for pid in run(["ip", "netns", "pids", name]).split():
            try:
                os.kill(int(pid), 9)
            except ProcessLookupError:
                continue
    if names:
        run(["ip", "-force", "-batch", "-"], given="".join(f"netns del {name}\n" for name in names))


class Lab:
    """Namespaces and lines; leaving the context removes them all. One maker may have several: `name` tells them apart."""

    def __init__(self, folder: Path, name: str = "lab") -> None:
        self.folder = folder
        self.name = name
        self.lines: list[Laid] = []
        self._namespaces: list[str] = []
        self._relays: dict[str, Process] = {}

    def namespace(self, name: str, settings: dict[str, str] | None = None) -> str:
        """Make a namespace with loopback up; its full name."""
        return self.make_namespaces([name], settings)[0]

    def make_namespaces(self, names: list[str], settings: dict[str, str] | None = None) -> list[str]:
        """Make several at once."""
        full = [f"{PREFIX}-{own_mark()}-{self.name}-{name}" for name in names]
        self._namespaces += full
        ip([f"netns add {name}" for name in full])
        for name in full:
            set_sysctls(name, _ENDS if settings is None else settings)
            ip(["link set lo up"], name)
        return full

    def office(self, name: str) -> str:
        """The namespace of an office, or of one probe in it."""
        return self.namespace(name)

    def lay(self, name: str, office: str, line: Line, *, interface: str | None = None) -> Laid:
        """Lay a line from the namespace `office` to a far end of its own. `start()` brings it into service."""
        if line.too_fast:
            raise OperationError(TOO_FAST.fill(name=name))
        if len(self.lines) >= _MOST_LINES:
            raise OperationError(TOO_MANY.fill(most=_MOST_LINES))
        router = self.namespace(f"{name}-r", _ROUTER)
        far = self.namespace(f"{name}-f")
        laid = Laid(
            name=name,
            line=line,
            office=office,
            router=router,
            far=far,
            interface=interface or name,
            number=len(self.lines) + 1,
        )
        _cable(laid)
        _route(laid)
        _shape(laid)
        self.lines.append(laid)
        return laid

    def start(self) -> None:
        """Start the relays of the lines that were laid, one process a line: a busy line must not delay a quiet one."""
        for laid in self.lines:
            if laid.name not in self._relays:
                self._relays[laid.name] = self._start_relay(laid)
        for relay in self._relays.values():
            relay.wait_ready(partial(_is_ready, relay))

    def _start_relay(self, laid: Laid) -> Process:
        file = self.folder / f"{self.name}-{laid.name}.lanes.json"
        write_lanes(file, _lanes(laid))
        command = [sys.executable, "-m", "doxa_lab.net.relay", str(file)]
        relay = Process(f"relay {laid.name}", command, log=self.folder / f"{self.name}-{laid.name}.relay.log")
        relay.start()
        return relay

    def relay(self, laid: Laid) -> Process:
        """The relay's process of a line; `KeyError` before `start()`."""
        return self._relays[laid.name]

    def join(self, hub: str, members: list[str], interface: str = "noc0") -> dict[str, str]:
        """A private switch between the namespace `hub` and `members` (10.64.0.0/16); each one's address.

        It is the road of the messages, apart from the lines that are measured.
        """
        addresses = {hub: "10.64.0.1"} | {name: f"10.64.1.{n}" for n, name in enumerate(members, 1)}
        ip(["link add noc0 type bridge", "link set noc0 up", f"addr add {addresses[hub]}/16 dev noc0"], hub)
        ip([f"link add port{n} type veth peer name {interface} netns {m}" for n, m in enumerate(members)], hub)
        ip([f"link set port{n} master noc0 up" for n in range(len(members))], hub)
        for member in members:
            ip([f"link set {interface} up", f"addr add {addresses[member]}/16 dev {interface}"], member)
        return addresses

    def cut(self, laid: Laid) -> None:
        """Pull the cable at the office's side: no carrier."""
        ip(["link set office down"], laid.router)

    def mend(self, laid: Laid) -> None:
        """Plug it in again."""
        ip(["link set office up"], laid.router)

    def close(self) -> None:
        """Stop the relays and remove every namespace, with whatever still runs in it."""
        for relay in self._relays.values():
            relay.kill()
        there = {entry.name for entry in FOLDER.iterdir()} if FOLDER.is_dir() else set()
        _remove([name for name in self._namespaces if name in there])
        self._namespaces.clear()

    def __enter__(self) -> Self:
        clear_stale()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_ready(relay: Process) -> bool:
    return "ready" in relay.tail()


def _cable(laid: Laid) -> None:
    """Two veth pairs and the TUNs, made inside the namespaces: nothing shows up outside."""
    offload = " vnet_hdr" if laid.line.offload else ""
    ip(
        [
            f"link add office type veth peer name {laid.interface} netns {laid.office}",
            f"link add far type veth peer name line netns {laid.far}",
            *(f"tuntap add dev {tun} mode tun{offload}" for tun in (_UP, _DOWN)),
            *(f"link set {tun} txqueuelen {_TUN_QUEUE} up" for tun in (_UP, _DOWN)),
            "link set office up",
            "link set far up",
            f"addr add {laid.gateway_v4}/30 dev office",
            f"addr add {laid.far_gateway_v4}/30 dev far",
            f"addr add {laid.gateway_v6}/64 dev office nodad",
            f"addr add {laid.far_gateway_v6}/64 dev far nodad",
        ],
        laid.router,
    )
    ip(_end("line", laid.far_v4, laid.far_gateway_v4, laid.far_v6, laid.far_gateway_v6), laid.far)
    metric, table = 100 + laid.number, 100 + laid.number
    office = _end(laid.interface, laid.office_v4, laid.gateway_v4, laid.office_v6, laid.gateway_v6, metric)
    ip(office, laid.office)
    # A socket bound to the line's address, and not to its interface, must leave by it too.
    for family, source, gateway in ((4, laid.office_v4, laid.gateway_v4), (6, laid.office_v6, laid.gateway_v6)):
        policy = [
            f"route add default via {gateway} dev {laid.interface} table {table}",
            f"rule add from {source} lookup {table}",
        ]
        ip(policy, laid.office, family=family)


def _end(interface: str, v4: str, gateway_v4: str, v6: str, gateway_v6: str, metric: int = 100) -> list[str]:
    return [
        f"link set {interface} up",
        f"addr add {v4}/30 dev {interface}",
        f"addr add {v6}/64 dev {interface} nodad",
        f"route add default via {gateway_v4} dev {interface} metric {metric}",
        f"route add default via {gateway_v6} dev {interface} metric {metric}",
    ]


def _route(laid: Laid) -> None:
    """Send what comes from either side through its TUN; what the relay writes back takes the main table."""
    lines = []
    for side, tun, table in (("office", _UP, 101), ("far", _DOWN, 102)):
        lines += [f"route add default dev {tun} table {table}", f"rule add iif {side} lookup {table} priority {table}"]
    for family in (4, 6):
        ip(lines, laid.router, family=family)


def _shape(laid: Laid) -> None:
    line = laid.line
    if line.mtu != MTU:
        ip([f"link set {device} mtu {line.mtu}" for device in ("office", "far")], laid.router)
        ip([f"link set {laid.interface} mtu {line.mtu}"], laid.office)
        ip([f"link set line mtu {line.mtu}"], laid.far)
    tc(
        [
            f"qdisc add dev office root {line.shaper(line.down_bps)}",
            f"qdisc add dev far root {line.shaper(line.up_bps)}",
        ],
        laid.router,
    )


def _lanes(laid: Laid) -> list[Lane]:
    line = laid.line
    return [
        Lane(
            namespace=laid.router,
            tun=tun,
            delay_s=line.rtt_ms / 2000,
            jitter_s=line.jitter_ms / 2000,
            loss=line.loss,
            offload=line.offload,
        )
        for tun in (_UP, _DOWN)
    ]
