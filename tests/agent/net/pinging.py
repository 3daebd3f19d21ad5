"""What the tests of the pinger share: lines, far ends, rules for the router, and the form of a played far end."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.agent.conftest import Line, inside

from doxa_agent.meter import Deadline, Link
from doxa_agent.net.ping import Cadence, Target, ping
from doxa_core.linkkind import LinkKind

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
EVERYONE = "0 2147483647"


def link_of(line: Line) -> Link:
    return Link(name="office", kind=LinkKind.FIXED, interface=line.interface)


def target(address: str, port: int = 80) -> Target:
    return Target(family=6 if ":" in address else 4, address=address, port=port)


def allow(namespace: str, groups: str) -> None:
    setting = f"net.ipv4.ping_group_range={groups}"
    subprocess.run(["ip", "netns", "exec", namespace, "sysctl", "-qw", setting], check=True, timeout=20)


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


Reflection = Callable[[bytes, int], list[tuple[float, bytes]]]
"""Given a reply and how many came before it: when (seconds from now) which packets go back."""
