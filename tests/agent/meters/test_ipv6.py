"""Each broken IPv6 network, built for real, is named by its cause, and nothing else is blamed.

One file, for all of it lives in one world of namespaces that takes seconds to build.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.agent.conftest import inside, ip
from tests.agent.ipv6.world import EUI, LINE, PREFIX, THERE4, THERE6, Ahead, Scene, World, a_world

from doxa_agent.ipv6.options import Options
from doxa_agent.ipv6.prefix import Memory
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import ipv6, load
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

pytestmark = [pytest.mark.root, pytest.mark.server]
REMOTE = ("tcp_flag", "https_flag", "http_flag", "path_mtu", "black_hole_flag", "mtu_1280_flag", "rtt_v6_ms")
STATES = ("none", "partial", "broken", "ready", "v6_only_ready")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    made.heal()
    return made


SCENES: list[Scene] = []


def scene(run: Scene) -> Scene:
    """One whose time goes in waiting: begun together with the others like it."""
    SCENES.append(run)
    return run


@pytest.fixture(scope="module")
def ahead(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ahead]:
    with ExitStack() as stack:
        yield Ahead(tmp_path_factory.mktemp("worlds"), SCENES, stack)


def flags(reading: Reading) -> dict[str, int]:
    return {name.removesuffix("_flag"): int(value) for name, value in reading.values.items() if name.endswith("_flag")}


def state(reading: Reading) -> str:
    """The summary word, which the flags repeat."""
    word = str(reading.detail["state"])
    ready = {"ready", "v6_only_ready"} if word == "v6_only_ready" else {word.removesuffix("_dual_stack")}
    if word != "unknown":
        assert {name for name in STATES if reading.values[f"state_{name}_flag"]} == ready
    else:
        assert not any(name.startswith("state_") for name in reading.values)
    assert set(reading.values) <= set(ipv6.VALUES)
    return word


def absent(reading: Reading, *names: str) -> bool:
    return not set(names) & set(reading.values)


def test_a_healthy_line_is_ready_in_every_state_and_nothing_is_blamed(world: World) -> None:
    found = world.measure(port="https", portal="portal.test")
    assert state(found) == "v6_only_ready"
    assert (found.outcome, found.reasons, found.findings) == (Outcome.OK, (), ())
    assert flags(found) == {
        "advertisement": 1, "address": 1, "slaac": 1, "dhcpv6": 0, "default_route": 1, "resolver": 1, "aaaa": 1, "tcp": 1,
        "https": 1, "mtu_1280": 1, "mtu_1500": 1, "black_hole": 0, "black_hole_inbound": 0, "eyeballs_v6": 1,
        "portal_aaaa": 1, "portal_tcp": 1, "portal_https": 1,
        "state_none": 0, "state_partial": 0, "state_broken": 0, "state_ready": 1, "state_v6_only_ready": 1,
    }  # fmt: skip
    assert found.values["path_mtu"] == 1500
    phases = ("advertisement_ms", "resolver_ms", "aaaa_ms", "tcp_ms", "tls_ms", "first_byte_ms", "page_ms")
    assert all(found.values[name] > 0 for name in phases)
    assert found.values["rtt_v6_to_v4_factor"] > 0
    assert found.proof is not None
    assert (found.proof.interface, found.proof.source) == (LINE, EUI)


@scene
def no_router(world: World) -> Reading:
    world.filter(world.router, "icmpv6 type nd-router-advert drop", hook="output")
    world.fresh()
    return world.measure(wait_s=1.0)


def test_without_any_router_the_line_has_no_ipv6_and_only_the_silence_is_blamed(ahead: Ahead) -> None:
    found = ahead(no_router)
    assert state(found) == "none"
    assert found.reasons == ("no_router_advertisement",)
    assert found.outcome is Outcome.OK
    assert flags(found)["advertisement"] == 0
    assert flags(found)["aaaa"] == 1, "the name is looked up over v4: it has its record all the same"
    assert absent(found, "address_flag", "default_route_flag", "resolver_flag", *REMOTE)


@scene
def a_forger(world: World) -> Reading:
    world.filter(world.router, "ip6 hoplimit 255 icmpv6 type nd-router-advert drop", hook="output")
    world.fresh()
    with world.forged():
        return world.measure(wait_s=1.0)


def test_an_advertisement_from_beyond_the_link_is_no_router(ahead: Ahead) -> None:
    """RFC 4861 §6.1.2: the hop limit proves that nobody forwarded it."""
    found = ahead(a_forger)
    assert (state(found), found.reasons) == ("none", ("no_router_advertisement",))
    assert found.findings[:1] == ("advertisement_malformed",)


def test_an_advertisement_that_offers_no_route_is_told_from_none(world: World) -> None:
    world.advertise(lifetime=0)
    world.fresh()
    found = world.measure()
    assert state(found) == "partial"
    assert found.reasons == ("ra_without_default_route",)
    assert {name: flags(found)[name] for name in ("advertisement", "address", "slaac", "default_route")} == {
        "advertisement": 1, "address": 1, "slaac": 1, "default_route": 0,
    }  # fmt: skip
    assert found.detail["missing"] == ["default_route"]
    assert absent(found, "resolver_flag", *REMOTE)


def test_an_advertisement_without_a_prefix_brings_no_address(world: World) -> None:
    world.advertise(autonomous="off")
    world.fresh()
    found = world.measure()
    assert (state(found), found.reasons) == ("partial", ("no_prefix",))
    assert flags(found)["default_route"] == 1
    assert flags(found)["address"] == 0


@scene
def no_dhcpv6_server(world: World) -> Reading:
    world.advertise(autonomous="off", managed="on")
    world.fresh()
    world.ask_for_lease()
    return world.measure(craft=True)


def test_dhcpv6_that_was_promised_and_did_not_come_is_named(ahead: Ahead) -> None:
    found = ahead(no_dhcpv6_server)
    assert (state(found), found.reasons) == ("partial", ("no_dhcpv6_address",))
    assert flags(found)["dhcpv6_server"] == 0
    assert {name: flags(found)[name] for name in ("advertisement", "address", "default_route")} == {
        "advertisement": 1, "address": 0, "default_route": 1,
    }  # fmt: skip


@scene
def leased_addresses(world: World) -> Reading:
    world.lease()
    world.fresh()
    world.ask_for_lease()
    world.wait_for_lease()
    return world.measure(craft=True, portal="portal.test")


def test_an_address_by_dhcpv6_is_told_from_slaac_and_nothing_is_missing(ahead: Ahead) -> None:
    """A real server (dnsmasq, whose advertisements say M) and a real client (dhclient with Debian's script)."""
    found = ahead(leased_addresses)
    assert (state(found), found.reasons, found.findings) == ("v6_only_ready", (), ())
    assert {name: flags(found)[name] for name in ("address", "dhcpv6", "slaac", "default_route", "dhcpv6_server")} == {
        "address": 1, "dhcpv6": 1, "slaac": 0, "default_route": 1, "dhcpv6_server": 1,
    }  # fmt: skip
    assert found.detail["local"]["routers"][0]["managed"]
    assert found.proof is not None
    assert found.proof.source.startswith("2001:db8:1::1")


def test_an_address_that_somebody_else_has_is_named(world: World) -> None:
    world.heal(duplicates=True)
    ip("-n", world.router, "addr", "add", f"{EUI}/64", "dev", "down0", "nodad")
    world.fresh(duplicates=True)
    found = world.measure()
    assert (state(found), found.reasons) == ("partial", ("duplicate_address",))
    assert (flags(found)["advertisement"], flags(found)["address"], flags(found)["default_route"]) == (1, 0, 1)
    assert absent(found, "resolver_flag", *REMOTE)


def test_a_static_address_that_is_taken_is_named_too(world: World) -> None:
    world.advertise(autonomous="off")
    world.heal(duplicates=True)
    world.advertise(autonomous="off")
    ip("-n", world.router, "addr", "add", "2001:db8:1::77/64", "dev", "down0", "nodad")
    world.fresh(duplicates=True)
    ip("-n", world.office, "addr", "add", "2001:db8:1::77/64", "dev", LINE)
    assert world.measure().reasons == ("duplicate_address",)


def test_our_own_refusal_of_advertisements_is_not_the_routers_fault(world: World) -> None:
    with inside(world.office):
        Path(f"/proc/sys/net/ipv6/conf/{LINE}/accept_ra").write_text("0")
    ip("-n", world.office, "-6", "route", "flush", "dev", LINE, "default")
    ip("-n", world.office, "-6", "addr", "flush", "dev", LINE, "scope", "global")
    found = world.measure()
    assert found.reasons == ("advertisement_ignored_here",)
    assert flags(found)["advertisement"] == 1
    assert absent(found, "address_flag", "default_route_flag", *REMOTE)


def test_ipv6_switched_off_on_the_probe_is_named(world: World) -> None:
    with inside(world.office):
        Path(f"/proc/sys/net/ipv6/conf/{LINE}/disable_ipv6").write_text("1")
    found = world.measure()
    assert (state(found), found.reasons) == ("none", ("ipv6_disabled_here",))


@scene
def a_dead_resolver(world: World) -> Reading:
    world.filter(world.provider, "meta nfproto ipv6 udp dport 53 drop", "meta nfproto ipv6 tcp dport 53 drop")
    return world.measure()


def test_a_dead_resolver_over_v6_is_named_and_names_are_still_asked_over_v4(ahead: Ahead) -> None:
    found = ahead(a_dead_resolver)
    assert (state(found), found.reasons) == ("partial", ("resolver_v6_no_answer",))
    assert found.detail["missing"] == ["resolver"]
    assert {flags(found)[name] for name in ("aaaa", "tcp", "http", "mtu_1500")} == {1}
    assert flags(found)["resolver"] == 0


def test_without_a_resolver_over_v6_dual_stack_is_ready_but_not_v6_only(world: World) -> None:
    found = world.measure(resolvers=(THERE4,))
    assert (state(found), found.reasons, found.findings) == ("ready", (), ("no_v6_resolver",))
    assert flags(found)["resolver"] == 0


def test_a_name_without_aaaa_is_named_and_the_path_is_not_judged_by_it(world: World) -> None:
    found = world.measure("only4.test")
    assert (state(found), found.reasons) == ("partial", ("no_aaaa",))
    assert (flags(found)["resolver"], flags(found)["aaaa"]) == (1, 0)
    assert absent(found, *REMOTE)


def test_a_name_that_does_not_exist_is_told_from_one_without_aaaa(world: World) -> None:
    assert world.measure("nobody.test").reasons == ("name_not_found",)


def test_a_far_end_that_refuses_over_v6_alone_is_a_broken_dual_stack(world: World) -> None:
    found = world.measure(port="only4")
    assert (state(found), found.reasons) == ("broken_dual_stack", ("connect_refused",))
    assert flags(found)["tcp"] == 0
    assert absent(found, "http_flag", "path_mtu", "black_hole_flag")
    assert flags(found)["eyeballs_v6"] == 0


@scene
def a_dead_far_end(world: World) -> Reading:
    world.filter(world.server, "tcp dport 8080 drop", hook="input")
    return world.measure()


def test_what_is_down_over_v4_as_well_is_not_blamed_on_ipv6(ahead: Ahead) -> None:
    found = ahead(a_dead_far_end)
    assert (state(found), found.reasons) == ("unknown", ("connect_timeout",))
    assert "fails_over_v4_too" in found.findings
    assert found.outcome is Outcome.FAILED


@scene
def no_v6_at_the_provider(world: World) -> Reading:
    world.filter(world.provider, "meta nfproto ipv6 drop")
    return world.measure()


def test_v6_that_ends_at_the_provider_costs_a_browser_its_attempt_delay(ahead: Ahead) -> None:
    found = ahead(no_v6_at_the_provider)
    assert (state(found), found.reasons) == ("broken_dual_stack", ("connect_timeout",))
    assert absent(found, "resolver_flag"), "its silence follows from the same cause"
    assert 240 < found.values["eyeballs_penalty_ms"] < 600


@scene
def a_router_that_refuses(world: World) -> Reading:
    world.filter(world.provider, "ip6 daddr 2001:db8:3::1 tcp dport 8080 reject with icmpx type admin-prohibited")
    return world.measure(timeout_s=1.6)


def test_a_router_that_says_unreachable_is_quoted(ahead: Ahead) -> None:
    found = ahead(a_router_that_refuses)
    assert found.reasons == ("prohibited",), (
        "on veth the first answer comes while connect(2) holds the socket: the second counts"
    )


def test_a_wrong_certificate_is_the_pages_fault_not_the_paths(world: World) -> None:
    found = world.measure(port="stranger")
    assert (state(found), found.reasons) == ("partial", ("tls_certificate_name",))
    assert found.findings == ("fails_over_v4_too",)
    assert (flags(found)["tcp"], flags(found)["https"], flags(found)["black_hole"]) == (1, 0, 0)


def test_a_portal_without_aaaa_is_named_and_the_line_stays_ready(world: World) -> None:
    found = world.measure(portal="only4.test")
    assert (state(found), found.reasons) == ("v6_only_ready", ("portal_no_aaaa",))
    assert flags(found)["portal_aaaa"] == 0
    assert absent(found, "portal_tcp_flag", "portal_https_flag")


def test_a_narrow_path_that_says_so_is_no_black_hole(world: World) -> None:
    world.narrow(1492, told=True)
    found = world.measure()
    assert (state(found), found.reasons) == ("v6_only_ready", ())
    assert found.values["path_mtu"] == 1492
    assert {name: flags(found)[name] for name in ("mtu_1500", "packet_too_big", "black_hole", "black_hole_inbound")} == {
        "mtu_1500": 0, "packet_too_big": 1, "black_hole": 0, "black_hole_inbound": 0,
    }  # fmt: skip


@scene
def a_black_hole(world: World) -> Reading:
    world.narrow(1492, told=False)
    return world.measure(port="https")


def test_a_narrow_path_that_keeps_silent_is_a_black_hole_both_ways(ahead: Ahead) -> None:
    found = ahead(a_black_hole)
    assert state(found) == "broken_dual_stack"
    assert set(found.reasons) == {"path_mtu_black_hole", "path_mtu_black_hole_inbound"}
    assert found.values["path_mtu"] == 1492
    assert {flags(found)[name] for name in ("tcp", "mtu_1280", "black_hole", "black_hole_inbound")} == {1}
    assert flags(found)["packet_too_big"] == 0
    assert absent(found, "https_flag"), "the page hangs in the hole: nothing is wrong with the page"


@scene
def clamped_segments(world: World) -> Reading:
    world.narrow(1492, told=False)
    world.filter(world.router, "tcp flags syn tcp option maxseg size set 1432")
    return world.measure()


def test_segments_that_are_clamped_hide_the_hole_from_tcp_only(ahead: Ahead) -> None:
    """What many routers do for PPPoE; QUIC and VPNs still fall into it."""
    found = ahead(clamped_segments)
    assert found.reasons == ("path_mtu_black_hole",)
    assert flags(found)["black_hole_inbound"] == 0


def test_a_slower_v6_is_noticed_and_not_called_broken(world: World) -> None:
    world.slow(20)
    found = world.measure(transfer_bytes=600_000)
    assert (state(found), found.reasons) == ("v6_only_ready", ())
    assert found.findings == ("v6_slower_transfer",)
    assert 10 < found.values["transfer_v6_mbps"] < 22
    assert found.values["transfer_v6_to_v4_factor"] < 0.6


@scene
def a_far_v6(world: World) -> Reading:
    world.measure()  # the route is there only once the router was heard
    with world.far_away(0.04):
        return world.measure(port="https", portal="portal.test")


def test_a_longer_way_over_v6_is_noticed_as_that_and_its_cost_is_told(ahead: Ahead) -> None:
    found = ahead(a_far_v6)
    assert (state(found), found.reasons) == ("v6_only_ready", ())
    assert found.findings == ("v6_slower_rtt",), (
        "a short transfer takes longer on a longer way: that is no second fault"
    )
    assert 40 <= found.values["rtt_v6_ms"] < 80
    assert found.values["rtt_v6_to_v4_factor"] > 2
    assert 0.5 < found.values["eyeballs_penalty_ms"] / found.values["rtt_v6_ms"] < 2
    assert flags(found)["eyeballs_v6"] == 1, "it loses less than the head start that browsers give it"


@scene
def a_v6_around_the_world(world: World) -> Reading:
    world.measure()
    with world.far_away(0.35):
        return world.measure(timeout_s=4.0, transfer_bytes=0)


def test_a_v6_that_is_slower_than_its_head_start_loses_the_race_and_costs_just_that(ahead: Ahead) -> None:
    found = ahead(a_v6_around_the_world)
    assert (state(found), found.reasons, found.findings) == ("v6_only_ready", (), ("v6_slower_rtt",))
    assert flags(found)["eyeballs_v6"] == 0
    assert 240 < found.values["eyeballs_penalty_ms"] < 340


def test_a_network_without_v4_is_ready_for_v6_only(world: World) -> None:
    ip("-n", world.office, "-4", "addr", "flush", "dev", LINE)
    found = world.measure(portal="portal.test")
    assert (state(found), found.reasons, found.findings) == ("v6_only_ready", (), ("no_ipv4",))
    assert absent(found, "rtt_v4_ms", "rtt_v6_to_v4_factor", "eyeballs_penalty_ms", "transfer_v4_mbps")


@scene
def no_v4_and_a_dead_resolver(world: World) -> Reading:
    ip("-n", world.office, "-4", "addr", "flush", "dev", LINE)
    world.filter(world.provider, "meta nfproto ipv6 udp dport 53 drop")
    return world.measure()


def test_a_network_without_v4_whose_resolver_is_dead_knows_no_names_and_says_so_once(ahead: Ahead) -> None:
    found = ahead(no_v4_and_a_dead_resolver)
    assert (state(found), found.reasons) == ("partial", ("resolver_v6_no_answer",))
    assert absent(found, "aaaa_flag", *REMOTE)


def test_a_link_without_a_named_interface_is_where_the_routes_lead(world: World) -> None:
    world.measure()  # the route is there only once the router was heard
    found = world.measure(interface=None)
    assert (state(found), found.reasons) == ("v6_only_ready", ())
    assert flags(found)["advertisement"] == 1


def test_a_changed_prefix_is_noticed_by_the_next_run(world: World) -> None:
    memory = Memory()
    first, second = world.measure(memory=memory), world.measure(memory=memory)
    assert absent(first, "prefix_changed_flag")
    assert flags(second)["prefix_changed"] == 0
    assert second.values["prefix_stable_s"] > 0
    world.advertise(prefix="2001:db8:1:0:8000::/64")  # the same /64, spelled otherwise: nothing changed
    assert flags(world.measure(memory=memory))["prefix_changed"] == 0
    ip("-n", world.office, "-6", "addr", "add", "2001:db8:9::5/64", "dev", LINE, "nodad")
    third = world.measure(memory=memory)
    assert flags(third)["prefix_changed"] == 1
    assert "prefix_changed" in third.findings
    assert third.detail["prefixes_before"] == [PREFIX]


def test_what_the_interface_says_comes_before_everything(world: World) -> None:
    ip("-n", world.office, "link", "set", LINE, "down")
    found = world.measure()
    assert (found.outcome, found.reasons, dict(found.values)) == (Outcome.FAILED, ("interface_down",), {})


def test_the_agent_measures_it_like_any_other_meter(world: World) -> None:
    link = Link(name="tslcd", kind=LinkKind.TSLCD, interface=LINE)
    far = (FarEnd(name="a", host=THERE6, port=8080), FarEnd(name="b", host=THERE4, port=8080))
    module = load("ipv6")
    options = Options(timeout_s=1.0, resolvers=(THERE6,), transfer_bytes=0)
    request = Request(link=link, far_ends=far, options=options, deadline=Deadline(60))
    with inside(world.office):
        first, second = module.measure(request)
    assert (first.far_end, state(first), first.reasons) == ("a", "v6_only_ready", ())
    assert absent(first, "aaaa_flag", "transfer_v6_mbps")
    assert (second.far_end, state(second), second.reasons) == ("b", "partial", ("far_end_is_ipv4",))
    told = json.dumps([first.reasons, first.findings, list(first.values)])
    assert "2001" not in told, "addresses of the specialised network stay in the detail"


_WITHOUT_RIGHTS = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv[1])
from doxa_agent.ipv6 import run
from doxa_agent.ipv6.options import Options
from doxa_agent.meter import Deadline, FarEnd, Link
from doxa_core.linkkind import LinkKind
link = Link(name="x", kind=LinkKind.FIXED, interface=sys.argv[2])
options = Options(timeout_s=1.0, advertisement_wait_s=1.0, resolvers=(sys.argv[3],))
(found,) = run.run(link, [FarEnd(name="far", host="far.test", port=8080)], options, Deadline(60), frugal=False)
print(json.dumps([found.reasons, found.findings, dict(found.values), found.detail["state"]]))
"""


def without_rights(world: World) -> tuple[list[str], list[str], dict[str, float], str]:
    """A run without any right, as systemd starts the agent; what it found and what it says is missing."""
    bare = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    run_it = [sys.executable, "-c", _WITHOUT_RIGHTS, json.dumps(sys.path), LINE, THERE6]
    command = ["ip", "netns", "exec", world.office, *bare, *run_it]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "DOXA_LANG": "en"})
    assert done.returncode == 0, done.stderr
    found: Any = json.loads(done.stdout)
    return found[0], found[1], found[2], found[3]


def test_without_any_right_the_kernel_is_the_witness_and_what_is_missing_is_said(world: World) -> None:
    world.measure()  # so that the kernel has heard the router
    reasons, findings, values, word = without_rights(world)
    assert (reasons, word) == ([], "v6_only_ready")
    assert findings == ["needs_raw_socket"]
    assert values["advertisement_flag"] == 1
    assert "advertisement_ms" not in values
    assert values["path_mtu"] == 1500


def test_without_any_right_the_silence_of_routers_is_still_known(world: World) -> None:
    world.filter(world.router, "icmpv6 type nd-router-advert drop", hook="output")
    world.fresh()
    reasons, findings, values, word = without_rights(world)
    assert (reasons, word) == (["no_router_advertisement"], "none")
    assert "needs_raw_socket" in findings
    assert values["advertisement_flag"] == 0


@scene
def crafted_packets(world: World) -> Reading:
    world.filter(world.provider, "exthdr dst exists drop")
    return world.measure(craft=True)


def test_crafted_packets_are_sent_by_a_child_and_what_is_filtered_on_the_way_is_noticed(ahead: Ahead) -> None:
    found = ahead(crafted_packets)
    assert (state(found), found.reasons) == ("v6_only_ready", ())
    assert (flags(found)["fragments"], flags(found)["destination_options"], flags(found)["dhcpv6_server"]) == (1, 0, 0)
    assert not [name for name in sys.modules if name.startswith("scapy")], "the agent itself never loads scapy"
