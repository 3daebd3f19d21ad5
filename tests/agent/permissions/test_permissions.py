"""Every meter with exactly the rights of the unit file: all of it works, or it says in one code which right is missing."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.agent.conftest import far_end, inside
from tests.agent.ipv6.world import LINE, PORTS, THERE4, THERE6, World, a_world
from tests.agent.permissions.confined import UNITRUN, unitrun
from tests.agent.snmp.snmpd import COMMUNITY, snmpd

pytestmark = [pytest.mark.root, pytest.mark.server]
ROOT: Final = Path(__file__).resolve().parents[3]
UNIT: Final = ROOT / "deploy/pi/doxa-agent.service"
ACCOUNT: Final = 64_123
"""A plain account that nobody has."""
CLOSED: Final = "1 0"
"""net.ipv4.ping_group_range as the kernel starts with it: no group may ping."""
ICMP: Final = ("latency4", "latency6", "node", "path4", "path6", "ipv6")


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights of the service: capabilities, and the groups that may ping."""

    capabilities: tuple[str, ...]
    groups: str


def granted(text: str) -> tuple[str, ...]:
    """The capabilities of `AmbientCapabilities=` lines, as setpriv spells them; the bounding set must hold the same."""
    found = {
        key: re.findall(rf"(?m)^{key}=(.*)$", text)[-1].split()
        for key in ("AmbientCapabilities", "CapabilityBoundingSet")
    }
    assert found["AmbientCapabilities"] == found["CapabilityBoundingSet"]
    return tuple(name.removeprefix("CAP_").lower() for name in found["AmbientCapabilities"])


def as_it_stands() -> Grant:
    """The unit, with the groups that install.sh writes in the place of @GROUPS@."""
    line = re.search(r"(?m)^net\.ipv4\.ping_group_range = @GROUPS@$", (ROOT / "deploy/pi/doxa.sysctl").read_text())
    assert line, "doxa.sysctl opens no ping sockets any more: then the unit must grant a right"
    return Grant(granted(UNIT.read_text()), f"{ACCOUNT} {ACCOUNT}")


def with_the_right() -> Grant:
    """The unit with the one right that its comment offers, where the sysctl cannot be set."""
    offered = "\n".join(re.findall(r"(?m)^#   ((?:CapabilityBoundingSet|AmbientCapabilities)=.*)$", UNIT.read_text()))
    assert granted(offered), "the unit offers no right any more"
    return Grant(granted(offered), CLOSED)


def without_any() -> Grant:
    """The unit on a system that lets nobody ping."""
    return Grant(granted(UNIT.read_text()), CLOSED)


@dataclass(frozen=True, slots=True)
class Scene:
    """A world with all far ends in it, and what the probe measures there."""

    world: World
    tasks: Path

    def measure(self, grant: Grant) -> dict[str, Any]:
        """What the meters find with these rights."""
        found: dict[str, Any] = json.loads(self._run(grant, Path(__file__).with_name("measure.py"), str(self.tasks)))
        return found

    def _run(self, grant: Grant, script: Path, *words: str) -> str:
        with inside(self.world.office):
            Path("/proc/sys/net/ipv4/ping_group_range").write_text(grant.groups)
        run = unitrun()
        unit = run.read_unit(UNIT)
        assert unit["NoNewPrivileges"] == ["yes"]
        assert unit["SecureBits"] == ["noroot-locked"]
        order = self.world.folder / f"order-{'-'.join(grant.capabilities)}-{grant.groups.replace(' ', '-')}.json"
        order.write_text(
            json.dumps(
                {
                    "account": ACCOUNT,
                    "capabilities": grant.capabilities,
                    "families": unit["RestrictAddressFamilies"][0],
                    "calls": sorted(run.allowed_calls(unit)),
                    "paths": [sys.executable, str(UNITRUN), str(script), str(self.tasks), str(order)],
                    "command": [sys.executable, str(script), *words],
                }
            )
        )
        launcher = str(Path(__file__).with_name("confined.py"))
        done = subprocess.run(
            ["ip", "netns", "exec", self.world.office, sys.executable, launcher, str(order)],
            capture_output=True, text=True, timeout=120, cwd="/", env={**os.environ, "DOXA_LANG": "en"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def tasks(port: int, snmp_port: int, folder: Path) -> dict[str, Any]:
    """Every meter that needs a socket of its own kind, short."""
    four, six = ({"name": "far", "host": host, "port": port} for host in (THERE4, THERE6))
    web = {"name": "far", "host": "far.test", "port": PORTS["https"], "tls": True, "ca_file": str(folder / "ca.pem")}
    ping = {"count": 3, "interval_s": 0.1, "timeout_s": 1}
    path = {"rounds": 1, "interval_s": 0.2, "timeout_s": 0.4}
    meters: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "latency4": ("latency", four, ping),
        "latency6": ("latency", six, ping),
        "node": ("node", four, {"duration_s": 3, "timeout_s": 0.5}),
        "path4": ("path", four, path),
        "path6": ("path", six, path),
        "ipv6": ("ipv6", six, {"advertisement_wait_s": 2, "timeout_s": 2, "resolvers": [THERE6], "transfer_bytes": 0, "craft": True}),
        "dns": ("dns", {"name": "far", "host": THERE4}, {"name": "far.test"}),
        "web": ("web", web | {"host": THERE4, "tls": False, "port": PORTS["http"]}, {"path": "/index.html"}),
        "snmp": ("snmp", {"name": "far", "host": THERE4}, {"port": snmp_port, "community_file": "community", "interface_name": "lo"}),
        "capacity": ("capacity", four, {"seconds": 5, "rate_mbps": 2, "directions": ["download"]}),
        "stamp": ("stamp", four | {"stamp_port": 8620}, {"count": 3, "interval_s": 0.1, "timeout_s": 1}),
    }  # fmt: skip
    return {
        name: {
            "meter": kind,
            "interface": LINE,
            "far_ends": [end],
            "options": options,
            "plan": str(folder / "plan.toml"),
        }
        for name, (kind, end, options) in meters.items()
    }


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A healthy world with a responder and a terminal beside the usual servers."""
    folder = tmp_path_factory.mktemp("permissions")
    with ExitStack() as stack:
        world = stack.enter_context(a_world(folder))
        roles = ("--also", "capacity,stamp", "--stamp-port", "8620")
        port = stack.enter_context(far_end(*roles, namespace=world.server))
        terminal = stack.enter_context(snmpd(folder / "snmpd", namespace=world.server, host=THERE4))
        secret = folder / "community"
        secret.write_text(COMMUNITY)
        secret.chmod(0o400)
        os.chown(secret, ACCOUNT, ACCOUNT)
        world.measure()  # so that the kernel has heard the router, as on any probe that stands for a while
        (folder / "tasks.json").write_text(json.dumps(tasks(port, terminal.port, folder)))
        yield Scene(world, folder / "tasks.json")
