"""The cost and the truth of a ping: CPU per request and added delay of our pinger against fping and icmplib.

A hundred far ends in a namespace behind one veth pair are asked once a second by each in turn, ten times, in several
repetitions; the medians of the ratios count, not the absolute figures. The path itself takes a few microseconds, so what a tool reports is
mostly what the tool adds. CPU is that of the whole fping process, and that of the pinging alone in the Python ones (an
agent starts once). Needs root.
"""

import json
import os
import re
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_lab.bench import Row
from doxa_lab.net import commands
from doxa_lab.net.commands import ip, set_sysctls

FAR_ENDS: Final = 100
REQUESTS: Final = 10
REPETITIONS: Final = 5
GOALS: Final = {"fping": 0.3, "icmplib": 0.15}
"""CPU per request of ours, as a share of theirs (throughput.md §7)."""
CORE: Final = 0.005
"""What a hundred far ends at 1 Hz may take of a core (issue 3)."""
ADDRESSES: Final = [f"10.98.1.{n}" for n in range(1, FAR_ENDS + 1)]

NEEDS_ROOT: Final = Text(
    vi="đo chuẩn độ trễ cần quyền root (không gian tên mạng)",
    en="the latency benchmark needs root (network namespaces)",
)
MISSING: Final = Text(vi="thiếu {program}: apt-get install fping", en="{program} is missing: apt-get install fping")
LOST: Final = Text(
    vi="{lost} yêu cầu bị mất trên đường không có gì cản: kết quả đo chuẩn vô nghĩa",
    en="{lost} requests were lost where nothing hindered them: the benchmark means nothing",
)

_OURS: Final = """
import json, sys, time
from doxa_agent.meter import Deadline, Link
from doxa_agent.net.ping import Cadence, Target, ping
from doxa_core.linkkind import LinkKind
targets = [Target(family=4, address=address) for address in sys.argv[2:]]
link = Link(name="bench", kind=LinkKind.FIXED, interface="b0")
began = time.process_time()
run = ping(targets, link, Cadence(interval_s=1, count=int(sys.argv[1])), Deadline(120))
cpu = time.process_time() - began
delays = [delay for track in run.tracks for delay in track.delays_ms]
print(json.dumps({"cpu_s": cpu, "delays_ms": delays}))
"""
_ICMPLIB: Final = """
import json, sys, time, icmplib
began = time.process_time()
hosts = icmplib.multiping(
    sys.argv[2:], count=int(sys.argv[1]), interval=1, timeout=2, privileged=False, concurrent_tasks=len(sys.argv) - 2
)
cpu = time.process_time() - began
delays = [delay for host in hosts for delay in host.rtts]
missing = [None] * sum(host.packets_sent - len(host.rtts) for host in hosts)
print(json.dumps({"cpu_s": cpu, "delays_ms": delays + missing}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One round of one tool."""

    cpu_us: float
    """Per request."""
    delays_ms: list[float | None]

    @property
    def median_us(self) -> float:
        """The median delay that the tool reports."""
        return 1000 * statistics.median(delay for delay in self.delays_ms if delay is not None)


@contextmanager
def two_namespaces() -> Iterator[str]:
    """The name of the asking one; behind its interface `b0` a hundred addresses answer."""
    here, there = f"dxl-{os.getpid()}-a", f"dxl-{os.getpid()}-b"
    try:
        ip([f"netns add {here}", f"netns add {there}"])
        ip([f"link add b0 netns {here} type veth peer name b0 netns {there}"])
        ip(["addr add 10.98.0.1/16 dev b0", "link set b0 up"], here)
        ip([*(f"addr add {address}/16 dev b0" for address in ADDRESSES), "link set b0 up"], there)
        set_sysctls(here, {"ipv4/ping_group_range": "0 2147483647"})
        yield here
    finally:
        for name in (here, there):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=20, check=False)


def of_python(program: str) -> Callable[[str], Result]:
    """A round of a Python program that prints its CPU seconds and its delays."""

    def measure(namespace: str) -> Result:
        command = [*_inside(namespace), sys.executable, "-c", program, str(REQUESTS), *ADDRESSES]
        found = json.loads(commands.run(command))
        return Result(cpu_us=_per_request(found["cpu_s"]), delays_ms=found["delays_ms"])

    return measure


def of_fping(namespace: str) -> Result:
    """A round of fping: as often and as evenly spread as ours."""
    command = [*_inside(namespace), "fping", "-q", "-C", str(REQUESTS), "-p", "1000", "-i", str(1000 // FAR_ENDS)]
    before = _children_s()
    try:
        done = subprocess.run([*command, *ADDRESSES], capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        raise OperationError(MISSING.fill(program="fping")) from None
    found = [word for line in done.stderr.splitlines() for word in line.partition(" : ")[2].split()]
    if not found:
        raise OperationError(MISSING.fill(program="fping"))
    delays = [float(word) if re.fullmatch(r"[\d.]+", word) else None for word in found]
    return Result(cpu_us=_per_request(_children_s() - before), delays_ms=delays)


def _inside(namespace: str) -> list[str]:
    return ["ip", "netns", "exec", namespace]


def _per_request(seconds: float) -> float:
    return seconds / (FAR_ENDS * REQUESTS) * 1e6


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


TOOLS: Final[dict[str, Callable[[str], Result]]] = {
    "doxa": of_python(_OURS),
    "fping": of_fping,
    "icmplib": of_python(_ICMPLIB),
}


def measure() -> dict[str, list[Result]]:
    """All rounds of all tools, the tools taking turns so that what else the machine does meets them alike."""
    found: dict[str, list[Result]] = {tool: [] for tool in TOOLS}
    with two_namespaces() as namespace:
        for _ in range(REPETITIONS):
            for tool, once in TOOLS.items():
                found[tool].append(once(namespace))
    return found


def run() -> list[Row]:
    """CPU per request against each peer, and the delay that is added against fping's; `OperationError` for lost replies."""
    if os.geteuid() != 0:
        raise OperationError(NEEDS_ROOT)
    found = measure()
    lost = sum(one.delays_ms.count(None) for one in found["doxa"])
    if lost:
        raise OperationError(LOST.fill(lost=lost))
    rows = [_cpu(found, tool, goal) for tool, goal in GOALS.items()]
    return [*rows, _share_of_a_core(found["doxa"]), _added_delay(found["doxa"], found["fping"])]


def _cpu(found: dict[str, list[Result]], tool: str, goal: float) -> Row:
    ours, theirs = ([one.cpu_us for one in found[name]] for name in ("doxa", tool))
    return Row(
        what=f"ping {FAR_ENDS} far ends/s: CPU per request, against {tool}",
        ours=f"{statistics.median(ours):.0f} µs",
        peer=f"{statistics.median(theirs):.0f} µs",
        ratio=statistics.median(one / other for one, other in zip(ours, theirs, strict=True)),
        goal=goal,
    )


def _share_of_a_core(ours: list[Result]) -> Row:
    share = statistics.median(one.cpu_us for one in ours) * FAR_ENDS / 1e6
    return Row(
        what=f"ping {FAR_ENDS} far ends/s: share of a core",
        ours=f"{share:.2%}",
        peer=f"{CORE:.1%}",
        ratio=share / CORE,
        goal=1.0,
    )


def _added_delay(ours: list[Result], theirs: list[Result]) -> Row:
    return Row(
        what=f"ping {FAR_ENDS} far ends/s: median delay of an empty path, against fping",
        ours=f"{statistics.median(one.median_us for one in ours):.1f} µs",
        peer=f"{statistics.median(one.median_us for one in theirs):.1f} µs",
        ratio=statistics.median(one.median_us / other.median_us for one, other in zip(ours, theirs, strict=True)),
        goal=1.0,
    )
