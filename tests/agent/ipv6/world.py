"""A small Internet in four namespaces: office – office router (radvd) – provider – far end (nginx, dnsmasq).

It is made once; `heal()` brings it back to health before each test, and each test breaks one thing for real. Tests whose
time goes in waiting for silence have their runs done at once, each in one of a few such worlds (`Ahead`).
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.agent.conftest import inside, ip

from doxa_agent.ipv6 import run
from doxa_agent.ipv6.options import Options, Portal
from doxa_agent.ipv6.prefix import Memory
from doxa_agent.meter import Deadline, FarEnd, Link, Reading
from doxa_core.linkkind import LinkKind
from doxa_lab.net.commands import ip as batch
from doxa_lab.net.relay import Lane, write_lanes

_NUMBERS = count()
HERE4, THERE4, THERE6 = "10.98.1.10", "10.98.3.1", "2001:db8:3::1"
LINE = "line0"
PREFIX = "2001:db8:1::/64"
MAC = "02:00:5e:10:00:01"
EUI = "2001:db8:1::5eff:fe10:1"
"""The address that the office makes of its prefix and its MAC (RFC 4291, appendix A)."""
PORTS = {"http": 8080, "only4": 8081, "https": 8443, "stranger": 8444}

MANY_NAMES = ",".join(
    ["DNS:far.test", "DNS:only4.test", "DNS:portal.test", *(f"DNS:n{n}.portal.test" for n in range(150))]
)
"""A certificate that fills more than one packet, as real chains do."""

_RADVD = """
interface down0 {{
    AdvSendAdvert on;
    MinRtrAdvInterval 30;
    MaxRtrAdvInterval 100;
    AdvDefaultLifetime {lifetime};
    AdvManagedFlag {managed};
    UnicastOnly on;
    {prefix}
}};
"""
_DNSMASQ = ("--no-resolv", "--no-hosts", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=")
ON_PREFIX = "prefix {prefix} {{ AdvOnLink on; AdvAutonomous {autonomous}; }};"


@dataclass(slots=True)
class World:
    """The names of the namespaces, the folder of the servers' files, and how things are broken."""

    office: str
    router: str
    provider: str
    server: str
    folder: Path
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    radvd: "subprocess.Popen[bytes] | None" = None
    said: str = ""
    hurt: set[str] = field(default_factory=set)
    narrowed: bool = False
    slowed: bool = False
    leasing: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    # --- breaking ------------------------------------------------------------------------------------------------

    def advertise(
        self, lifetime: int = 1800, *, prefix: str = PREFIX, autonomous: str = "on", managed: str = "off"
    ) -> None:
        """Let radvd say this from now on."""
        named = ON_PREFIX.format(prefix=prefix, autonomous=autonomous)
        said = _RADVD.format(lifetime=lifetime, managed=managed, prefix=named)
        if said == self.said and self.radvd is not None:
            return
        self.said = said
        (self.folder / "radvd.conf").write_text(said)
        if self.radvd is None:
            self._start_radvd()
        else:
            self.radvd.send_signal(signal.SIGHUP)

    def _start_radvd(self) -> None:
        files = ["-C", str(self.folder / "radvd.conf"), "-p", str(self.folder / "radvd.pid"), "-m", "stderr"]
        self.radvd = self.serve(self.router, [_found("radvd"), "--nodaemon", *files])

    def silence(self) -> None:
        """There is no router any more that advertises."""
        if self.radvd is not None:
            self.radvd.kill()
            self.radvd.wait(10)
        self.radvd, self.said = None, ""
        with inside(self.router):
            Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")

    def lease(self) -> None:
        """Addresses come by DHCPv6 alone: the router's advertisements say so (M), and its server gives them."""
        self.silence()
        ip("-n", self.router, "addr", "add", "2001:db8:1::1/64", "dev", "down0", "nodad")
        pool = "2001:db8:1::1000,2001:db8:1::1fff,64,1h"
        leases = self.folder / f"leases-{len(self.servers)}"
        options = ["--port=0", "--interface=down0", "--enable-ra", f"--dhcp-range={pool}", f"--dhcp-leasefile={leases}"]
        self.leasing.append(self.serve(self.router, [_found("dnsmasq"), *_DNSMASQ, *options]))

    def ask_for_lease(self) -> None:
        """A DHCPv6 client runs in the office, with the distribution's own script."""
        (self.folder / "resolv.conf").touch()
        files = [
            word for flag, name in (("-pf", "pid"), ("-lf", "db")) for word in (flag, self.folder / f"dhclient.{name}")
        ]
        hidden = f"mount --bind {self.folder}/resolv.conf /etc/resolv.conf && exec"
        client = shlex.join([_found("dhclient"), "-6", "-d", *map(str, files), "-cf", "/dev/null", LINE])
        self.leasing.append(
            self.serve(self.office, ["unshare", "-m", "--propagation", "private", "sh", "-c", f"{hidden} {client}"])
        )

    def wait_for_lease(self) -> None:
        """Until the client has set its address: it collects offers for a second."""
        until = time.monotonic() + 20
        command = ["ip", "-n", self.office, "-6", "addr", "show", "dev", LINE, "scope", "global"]
        while "2001:db8:1::1" not in subprocess.run(command, capture_output=True, text=True, check=True).stdout:
            assert time.monotonic() < until, (self.folder / "unshare.log").read_text()
            time.sleep(0.05)

    @contextmanager
    def far_away(self, seconds: float) -> Iterator[None]:
        """What comes to the office over v6 is held that long: a relay of the lab, for this kernel may have no netem."""
        rules = (
            "tuntap add mode tun name hold0", "link set hold0 addrgenmode none up",
            "-6 route replace 2001:db8:1::/64 dev hold0 table 6", "-6 rule add iif far0 lookup 6",
        )  # fmt: skip
        for words in rules:
            ip("-n", self.provider, *words.split())
        lanes = self.folder / "lanes"
        write_lanes(lanes, [Lane(namespace=self.provider, tun="hold0", delay_s=seconds)])
        command = [sys.executable, "-m", "doxa_lab.net.relay", str(lanes)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as relay:
            try:
                assert relay.stdout is not None
                assert relay.stdout.readline() == b"ready\n"
                yield
            finally:
                relay.kill()
                for words in ("-6 rule del iif far0 lookup 6", "link del hold0"):
                    ip("-n", self.provider, *words.split())

    def filter(self, namespace: str, *rules: str, hook: str = "forward") -> None:
        """Rules of nft in that namespace."""
        self.hurt.add(namespace)
        body = "\n".join(rules)
        table = f"table inet {hook}x {{\n chain c {{\n type filter hook {hook} priority 0;\n {body}\n }}\n}}\n"
        _run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], table)

    @contextmanager
    def forged(self) -> Iterator[None]:
        """Somebody beyond a router sends advertisements all the time: their hop limit is below 255."""
        with inside(self.router):
            raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            index = socket.if_nametoindex("down0")
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 64)
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        over = threading.Event()

        def send() -> None:
            while not over.wait(0.05):
                raw.sendto(b"\x86\0\0\0\x40\0\x07\x08" + bytes(8), ("ff02::1", 0, 0, index))

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(5)
            raw.close()

    def narrow(self, mtu: int, *, told: bool) -> None:
        """The line between router and provider carries `mtu` octets; `told`: whether its ends say so to senders."""
        self.narrowed = True
        ip("-n", self.router, "link", "set", "up0", "mtu", str(mtu))
        ip("-n", self.provider, "link", "set", "core0", "mtu", str(mtu))
        if not told:
            for name in (self.router, self.provider):
                self.filter(name, "icmpv6 type packet-too-big drop", hook="output")

    def slow(self, mbit: int) -> None:
        """What goes to the office over v6 is shaped."""
        self.slowed = True
        for words in (
            "qdisc replace dev core0 root handle 1: htb default 9",
            "class add dev core0 parent 1: classid 1:9 htb rate 200mbit burst 60k quantum 60000",
            f"class add dev core0 parent 1: classid 1:6 htb rate {mbit}mbit burst 15k quantum 60000",
            "filter add dev core0 parent 1: protocol ipv6 u32 match u32 0 0 flowid 1:6",
        ):
            _run(["tc", "-netns", self.provider, *words.split()])

    # --- healing -------------------------------------------------------------------------------------------------

    def heal(self, *, duplicates: bool = False) -> None:
        """As on the first day: rules gone, full MTU, the office's interface fresh."""
        for name in self.hurt:
            _run(["ip", "netns", "exec", name, "nft", "flush ruleset"])
        self.hurt.clear()
        for process in self.leasing:
            process.kill()
            process.wait(10)
        self.leasing.clear()
        if self.slowed:
            _run(["tc", "-netns", self.provider, "qdisc", "del", "dev", "core0", "root"])
        if self.narrowed:
            ip("-n", self.router, "link", "set", "up0", "mtu", "1500")
            ip("-n", self.provider, "link", "set", "core0", "mtu", "1500")
        self.slowed = self.narrowed = False
        ip("-n", self.router, "-6", "addr", "flush", "dev", "down0", "scope", "global")
        self.advertise()
        for name in (self.office, self.router, self.server):
            ip("-n", name, "-6", "route", "flush", "cache")
        self.fresh(duplicates=duplicates)

    def fresh(self, *, duplicates: bool = False) -> None:
        """The office's interface goes down and up: what was learnt is forgotten."""
        batch([f"link set {LINE} down", f"addr flush dev {LINE}"], self.office)
        with inside(self.office):
            conf = Path("/proc/sys/net/ipv6/conf") / LINE
            for key, value in {
                "accept_ra": "1", "autoconf": "1", "disable_ipv6": "0", "accept_ra_defrtr": "1",
                "accept_dad": "1" if duplicates else "0", "router_solicitation_delay": "0",
            }.items():  # fmt: skip
                (conf / key).write_text(value)
            (Path("/proc/sys/net/ipv6/neigh") / LINE / "retrans_time_ms").write_text("200")  # checks take that long
        up = (f"link set {LINE} up", f"addr add {HERE4}/24 dev {LINE}", "route replace default via 10.98.1.1")
        batch(up, self.office)

    # --- measuring -----------------------------------------------------------------------------------------------

    def measure(
        self,
        host: str = "far.test",
        port: str = "http",
        *,
        portal: str | None = None,
        resolvers: Sequence[str] = (THERE6, THERE4),
        wait_s: float = 2.4,
        memory: Memory | None = None,
        interface: str | None = LINE,
        **options: Any,
    ) -> Reading:
        """One run from the office."""
        ca = self.folder / "ca.pem"
        tls = port in ("https", "stranger")
        far = FarEnd(name="far", host=host, port=PORTS[port], tls=tls, ca_file=ca if tls else None)
        at = FarEnd(name="portal", host=portal or "", port=PORTS["https"], tls=True, ca_file=ca)
        settings = Options(
            advertisement_wait_s=wait_s,
            resolvers=tuple(resolvers),
            portal=Portal(far_end=at) if portal else None,
            **({"timeout_s": 0.6} | options),
        )
        link = Link(name="internet", kind=LinkKind.FIXED, interface=interface)
        with inside(self.office):
            (reading,) = run.run(link, [far], settings, Deadline(60), frugal=False, memory=memory or Memory())
        return reading

    # --- making --------------------------------------------------------------------------------------------------

    def serve(self, namespace: str, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        """Start a server there; its words go to a log."""
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", namespace, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.servers.append(process)
        return process


def _run(command: Sequence[str], given: str = "") -> None:
    done = subprocess.run(command, input=given, text=True, capture_output=True, timeout=20, check=False)
    assert not done.returncode, f"{command}: {done.stderr}"


def _found(program: str) -> str:
    return shutil.which(program) or f"/usr/sbin/{program}"


def _make_net(world: World) -> None:
    for name in (world.office, world.router, world.provider, world.server):
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
    for a, device_a, b, device_b in (
        (world.office, LINE, world.router, "down0"),
        (world.router, "up0", world.provider, "core0"),
        (world.provider, "far0", world.server, "line1"),
    ):
        ip("link", "add", device_a, "netns", a, "type", "veth", "peer", "name", device_b, "netns", b)
    ip("-n", world.office, "link", "set", LINE, "address", MAC, "addrgenmode", "eui64")
    for name, device, four, six in (
        (world.router, "down0", "10.98.1.1/24", None),
        (world.router, "up0", "10.98.2.1/24", "2001:db8:2::1/64"),
        (world.provider, "core0", "10.98.2.2/24", "2001:db8:2::2/64"),
        (world.provider, "far0", "10.98.3.2/24", "2001:db8:3::2/64"),
        (world.server, "line1", f"{THERE4}/24", f"{THERE6}/64"),
    ):
        ip("-n", name, "link", "set", device, "addrgenmode", "eui64")
        ip("-n", name, "addr", "add", four, "dev", device)
        if six:
            ip("-n", name, "addr", "add", six, "dev", device, "nodad")
    _forward(world)
    for name, device in (
        (world.router, "down0"), (world.router, "up0"), (world.provider, "core0"), (world.provider, "far0"),
        (world.server, "line1"), (world.office, LINE),
    ):  # fmt: skip
        ip("-n", name, "link", "set", device, "up")
    routes = (
        (world.router, "default", "10.98.2.2", "2001:db8:2::2"),
        (world.server, "default", "10.98.3.2", "2001:db8:3::2"),
    )
    for name, to, four, six in routes:
        ip("-n", name, "route", "add", to, "via", four)
        ip("-n", name, "-6", "route", "add", to, "via", six)
    ip("-n", world.provider, "route", "add", "10.98.1.0/24", "via", "10.98.2.1")
    ip("-n", world.provider, "-6", "route", "add", "2001:db8:1::/64", "via", "2001:db8:2::1")
    ip("-n", world.router, "-6", "route", "add", "2001:db8:1::/64", "dev", "down0")


def _forward(world: World) -> None:
    for name in (world.router, world.provider):
        with inside(name):
            for key in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                (Path("/proc/sys/net") / key).write_text("1")
            for device in Path("/proc/sys/net/ipv6/conf").iterdir():
                (device / "accept_dad").write_text("0")
    with inside(world.server):
        (Path("/proc/sys/net/ipv4") / "tcp_no_metrics_save").write_text("1")


def _papers(folder: Path) -> None:
    """An authority, a certificate for the names of this world, and one for somebody else."""

    def openssl(*words: object) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    authority = ("-addext", "basicConstraints=critical,CA:TRUE")
    openssl(
        *new,
        "-x509",
        "-days",
        2,
        "-subj",
        "/CN=ca",
        "-keyout",
        folder / "ca.key",
        "-out",
        folder / "ca.pem",
        *authority,
    )
    openssl(*new, "-subj", "/CN=far", "-keyout", folder / "key.pem", "-out", folder / "req.pem")
    for name, san in (("cert", MANY_NAMES), ("stranger", "DNS:somebody.else")):
        (folder / "ext").write_text(f"subjectAltName={san}")
        openssl(
            "x509", "-req", "-in", folder / "req.pem", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
            "-CAcreateserial", "-days", 2, "-extfile", folder / "ext", "-out", folder / f"{name}.pem",
        )  # fmt: skip


def _serve(world: World) -> None:
    folder = world.folder
    (folder / "www").mkdir()
    (folder / "www" / "garbage.php").write_bytes(os.urandom(1_000_000))
    (folder / "www" / "empty.php").write_bytes(b"")
    (folder / "www" / "index.html").write_text("x")
    tls = f"ssl_certificate_key {folder}/key.pem; ssl_certificate {folder}"
    files = f"root {folder}/www; default_type application/octet-stream;"
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;"
        "events { worker_connections 128; } http { access_log off;"
        f" server {{ listen {PORTS['http']}; listen [::]:{PORTS['http']} ipv6only=on; {files} }}"
        f" server {{ listen {THERE4}:{PORTS['only4']}; {files} }}"
        f" server {{ listen {PORTS['https']} ssl; listen [::]:{PORTS['https']} ssl ipv6only=on; {tls}/cert.pem; {files} }}"
        f" server {{ listen {PORTS['stranger']} ssl; listen [::]:{PORTS['stranger']} ssl ipv6only=on; {tls}/stranger.pem;"
        f" {files} }} }}"
    )
    world.serve(world.server, [_found("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")])
    records = [
        "--host-record=far.test,10.98.3.1,2001:db8:3::1", "--host-record=portal.test,10.98.3.1,2001:db8:3::1",
        "--host-record=only4.test,10.98.3.1", "--local=/test/",
    ]  # fmt: skip
    world.serve(world.server, [_found("dnsmasq"), *_DNSMASQ, *records])


@contextmanager
def a_world(folder: Path) -> Iterator[World]:
    """The whole, gone at the end."""
    mark = f"dx6-{os.getpid()}-{next(_NUMBERS)}"
    world = World(f"{mark}-c", f"{mark}-r", f"{mark}-i", f"{mark}-s", folder)
    with ExitStack() as stack:
        for name in (world.office, world.router, world.provider, world.server):
            stack.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True, timeout=20, check=False)
        stack.callback(_stop, world)
        _papers(folder)
        _make_net(world)
        _serve(world)
        world.advertise()
        world.fresh()
        _wait_ready(world)
        yield world


def _stop(world: World) -> None:
    for process in world.servers:
        process.kill()
        process.wait(10)


def _wait_ready(world: World) -> None:
    until = time.monotonic() + 20
    with inside(world.server):
        for port in (53, *PORTS.values()):
            while True:
                try:
                    socket.create_connection((THERE4, port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < until, (port, [p.poll() for p in world.servers])
                    time.sleep(0.02)


Scene = Callable[[World], Any]
"""Breaks a healthy world, runs the meter in it, and returns what it read."""


class Ahead:
    """Runs that mostly wait, all begun at once: scene after scene in a few worlds of their own, in threads."""

    def __init__(self, folder: Path, scenes: Sequence[Scene], stack: ExitStack, worlds: int = 3) -> None:
        """The worlds stand as long as the `stack` does."""
        self._folder, self._stack = folder, stack
        self._free: SimpleQueue[World] = SimpleQueue()
        self._pool = ThreadPoolExecutor(worlds)
        for made in list(self._pool.map(self._world, range(worlds))):
            self._free.put(made)
        stack.callback(self._pool.shutdown, cancel_futures=True)
        self._told = {scene: self._pool.submit(self._run, scene) for scene in scenes}

    def _world(self, number: int) -> World:
        (self._folder / str(number)).mkdir()
        return self._stack.enter_context(a_world(self._folder / str(number)))

    def _run(self, scene: Scene) -> Any:
        world = self._free.get()
        try:
            world.heal()
            return scene(world)
        finally:
            self._free.put(world)

    def __call__(self, scene: Scene) -> Any:
        """What the run of this scene read; asked again, by a test that is repeated, it runs again."""
        future = self._told.pop(scene, None) or self._pool.submit(self._run, scene)
        return future.result()
