"""Every meter with exactly the rights of the unit file: all of it works, or it says in one code which right is missing."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.agent.conftest import far_end, inside, ip
from tests.agent.ipv6.world import LINE, PORTS, THERE4, THERE6, World, a_world
from tests.agent.permissions.confined import UNITRUN, unitrun
from tests.agent.snmp.snmpd import COMMUNITY, snmpd

pytestmark = [pytest.mark.root, pytest.mark.server]
ROOT: Final = Path(__file__).resolve().parents[3]
UNIT: Final = ROOT / "deploy/pi/doxa-agent.service"
ACCOUNT, STRANGER = 64_123, 64_124
"""Plain accounts that nobody has: the service's, whose group may ping, and one whose group may not."""
PINGS_ONLY: Final = "10.98.3.9"
"""A far end that answers pings and is silent at every port."""
NEEDS_NOTHING: Final = ("dns", "web", "snmp", "capacity", "stamp")


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights of the service: its account, and its capabilities."""

    account: int
    capabilities: tuple[str, ...]


def granted(text: str) -> tuple[str, ...]:
    """The capabilities of the unit's lines, as setpriv spells them; both sets must hold the same."""
    keys = ("AmbientCapabilities", "CapabilityBoundingSet")
    ambient, bounding = (re.findall(rf"(?m)^{key}=(.*)$", text)[-1].split() for key in keys)
    assert ambient == bounding
    return tuple(name.removeprefix("CAP_").lower() for name in ambient)


def as_it_stands() -> Grant:
    """The unit, and the group that install.sh writes in the place of @GROUPS@."""
    line = re.search(r"(?m)^net\.ipv4\.ping_group_range = @GROUPS@$", (ROOT / "deploy/pi/doxa.sysctl").read_text())
    assert line, "doxa.sysctl opens no ping sockets any more: then the unit must grant a right"
    return Grant(ACCOUNT, granted(UNIT.read_text()))


def with_the_right() -> Grant:
    """The unit with the one right that its comment offers for where the sysctl cannot be set."""
    offered = "\n".join(re.findall(r"(?m)^#   ((?:CapabilityBoundingSet|AmbientCapabilities)=.*)$", UNIT.read_text()))
    assert granted(offered), "the unit offers no right any more"
    return Grant(STRANGER, granted(offered))


def without_any() -> Grant:
    """The unit where the sysctl is missing."""
    return Grant(STRANGER, granted(UNIT.read_text()))


@dataclass(frozen=True, slots=True)
class Scene:
    """A world with all far ends in it, and what the probe measures there."""

    world: World
    tasks: Path
    unit: dict[str, list[str]]
    calls: list[str]

    def measure(self, grant: Grant) -> dict[str, Any]:
        """What the meters find with these rights."""
        script = Path(__file__).with_name("measure.py")
        order = self.world.folder / f"order-{grant.account}-{len(grant.capabilities)}.json"
        found = {
            "account": grant.account,
            "capabilities": grant.capabilities,
            "families": self.unit["RestrictAddressFamilies"][0],
            "calls": self.calls,
            "paths": [sys.executable, str(UNITRUN), str(script), str(self.tasks), str(order)],
            "command": [sys.executable, str(script), str(self.tasks)],
        }
        order.write_text(json.dumps(found))
        launcher = str(Path(__file__).with_name("confined.py"))
        done = subprocess.run(
            ["ip", "netns", "exec", self.world.office, sys.executable, launcher, str(order)],
            capture_output=True, text=True, timeout=120, cwd="/", env={**os.environ, "DOXA_LANG": "en"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told


def tasks(port: int, snmp_port: int, folder: Path) -> dict[str, Any]:
    """Every meter that needs a socket of its own kind, short."""
    four, six = ({"name": "far", "host": host, "port": port} for host in (THERE4, THERE6))
    mute = four | {"host": PINGS_ONLY}
    web = {"name": "far", "host": "far.test", "port": PORTS["https"], "tls": True, "ca_file": str(folder / "ca.pem")}
    ping = {"count": 3, "interval_s": 0.1, "timeout_s": 1}
    path = {"rounds": 1, "interval_s": 0.2, "timeout_s": 0.4}
    meters: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "latency4": ("latency", four, ping),
        "latency6": ("latency", six, ping),
        "node": ("node", four, {"duration_s": 3, "timeout_s": 0.5}),
        "path4": ("path", four, path),
        "path6": ("path", six, path),
        "pings_latency": ("latency", mute, ping),
        "pings_node": ("node", mute, {"duration_s": 5, "timeout_s": 0.5}),
        "pings_path": ("path", mute, path),
        "ipv6": ("ipv6", six, {"advertisement_wait_s": 2, "timeout_s": 2, "resolvers": [THERE6], "transfer_bytes": 0, "craft": True}),
        "dns": ("dns", {"name": "far", "host": THERE4}, {"name": "far.test"}),
        "web": ("web", web | {"host": THERE4, "tls": False, "port": PORTS["http"]}, {"path": "/index.html"}),
        "snmp": ("snmp", {"name": "far", "host": THERE4}, {"port": snmp_port, "community_file": "community", "interface_name": "lo", "timeout_s": 5, "retries": 3}),
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
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """What every meter finds with each of the three grants, all at once: no figure matters here."""
    folder = tmp_path_factory.mktemp("permissions")
    with ExitStack() as stack:
        world = stack.enter_context(a_world(folder))
        roles = ("--also", "capacity,stamp", "--stamp-port", "8620")
        port = stack.enter_context(far_end(*roles, namespace=world.server))
        terminal = stack.enter_context(snmpd(folder / "snmpd", namespace=world.server, host=THERE4))
        ip("-n", world.server, "addr", "add", f"{PINGS_ONLY}/32", "dev", "line1")
        world.filter(world.server, f"ip daddr {PINGS_ONLY} meta l4proto {{ tcp, udp }} drop", hook="input")
        ip("-n", world.provider, "route", "add", PINGS_ONLY, "dev", "far0")
        secret = folder / "community"
        secret.write_text(COMMUNITY)
        secret.chmod(0o440)
        os.chown(secret, ACCOUNT, STRANGER)
        with inside(world.office):
            Path("/proc/sys/net/ipv4/ping_group_range").write_text(f"{ACCOUNT} {ACCOUNT}")
        world.measure()  # so that the kernel has heard the router, as on any probe that stands for a while
        (folder / "tasks.json").write_text(json.dumps(tasks(port, terminal.port, folder)))
        run = unitrun()
        unit = run.read_unit(UNIT)
        assert unit["NoNewPrivileges"] == ["yes"]
        assert unit["SecureBits"] == ["noroot-locked"]
        there = Scene(world, folder / "tasks.json", unit, sorted(run.allowed_calls(unit)))
        grants = {"unit": as_it_stands(), "right": with_the_right(), "nothing": without_any()}
        with ThreadPoolExecutor(len(grants)) as pool:
            yield dict(zip(grants, pool.map(there.measure, grants.values()), strict=True))


def codes(found: dict[str, Any]) -> set[str]:
    """What a result says of permissions."""
    return {*found["reasons"], *found["findings"]} & {
        "not_icmp", "icmp_not_permitted", "needs_raw_socket", "advertisement_not_observable",
    }  # fmt: skip


def test_what_the_unit_grants_is_enough_for_every_figure(measured: dict[str, dict[str, Any]]) -> None:
    found = dict(measured["unit"])
    assert found.pop("check") == {"way": "icmp_datagram", "raw": False}
    assert {name: one["outcome"] for name, one in found.items()} == {
        name: "ok" if one["outcome"] != "probe_limited" else "probe_limited" for name, one in found.items()
    }, {name: (one["outcome"], one["reasons"]) for name, one in found.items()}
    assert {name for name, one in found.items() if codes(one)} == {"ipv6"}
    six = found["ipv6"]
    assert codes(six) == {"needs_raw_socket"}
    assert six["values"]["advertisement_flag"] == 1, "by the kernel's word"
    assert not {"advertisement_ms", "dhcpv6_server_flag", "fragments_flag"} & set(six["values"])
    assert {found[name]["values"]["loss_ratio"] for name in ("latency4", "latency6", "node", "pings_latency")} == {0}


def test_the_right_that_the_unit_offers_reaches_the_child_and_nothing_is_missing(
    measured: dict[str, dict[str, Any]],
) -> None:
    found = dict(measured["right"])
    assert found.pop("check") == {"way": "icmp_raw", "raw": True}
    assert {name: codes(one) for name, one in found.items() if codes(one)} == {}
    values = found["ipv6"]["values"]
    assert (values["fragments_flag"], values["destination_options_flag"], values["dhcpv6_server_flag"]) == (1, 1, 0)
    assert values["advertisement_ms"] > 0
    assert {found[name]["detail"]["way"] for name in ("latency4", "latency6", "pings_latency")} == {"icmp_raw"}
    assert found["pings_path"]["values"]["end_reached_flag"] == 1


def test_without_any_permission_each_result_says_which_is_missing_and_no_figure_is_wrong(
    measured: dict[str, dict[str, Any]],
) -> None:
    found = dict(measured["nothing"])
    assert found.pop("check") == {"way": None, "raw": False}
    assert {name: codes(one) for name, one in found.items()} == {
        "latency4": {"not_icmp"}, "latency6": {"not_icmp"}, "node": {"not_icmp"},
        "path4": {"icmp_not_permitted"}, "path6": {"icmp_not_permitted"}, "ipv6": {"needs_raw_socket"},
        "pings_latency": {"icmp_not_permitted"}, "pings_node": {"icmp_not_permitted", "not_icmp"},
        "pings_path": {"icmp_not_permitted"},
        **{name: set() for name in NEEDS_NOTHING},
    }  # fmt: skip
    for name in ("latency4", "latency6", "node"):
        assert (found[name]["outcome"], found[name]["values"]["loss_ratio"]) == ("ok", 0), name
    for name in ("path4", "path6"):
        assert (found[name]["outcome"], found[name]["values"]["end_reached_flag"]) == ("ok", 1), name
        assert "loss_ratio" not in found[name]["values"], "hosts hold ICMP errors back: what is missing is not lost"
    for name in ("pings_latency", "pings_node", "pings_path"):
        assert (found[name]["outcome"], found[name]["reasons"]) == ("skipped", ["icmp_not_permitted"]), name
        assert not {"loss_ratio", "up_flag", "end_reached_flag", "received_count"} & set(found[name]["values"]), name


def test_what_needs_no_permission_measures_the_same_under_all_grants(measured: dict[str, dict[str, Any]]) -> None:
    for name in NEEDS_NOTHING:
        names = {frozenset(found[name]["values"]) for found in measured.values()}
        assert len(names) == 1, name
        assert {found[name]["outcome"] for found in measured.values()} <= {"ok", "probe_limited"}, name
