"""The path meter over a chain of real routers: who stands where, what is lost where, what changed, what passes."""

import json
import re
import socket
import subprocess
from typing import Any

import pytest
from tests.agent.conftest import inside
from tests.agent.path.conftest import (
    BY_B,
    CHAIN,
    FAR,
    OTHER_TABLE,
    SERVER,
    Chain,
    a_chain,
    addresses,
    ask,
    ask_both,
    ask_from_here,
    delayed,
    office,
    running,
    unprivileged,
)

from doxa_agent.meter import Deadline, Reading
from doxa_agent.path.talk import Talk
from doxa_agent.path.tracer import UdpTracer
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

pytestmark = pytest.mark.root
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f]*:[0-9a-f:]*")


def without_addresses(reading: Reading) -> bool:
    told = json.dumps([dict(reading.values), list(reading.values), reading.reasons, reading.findings])
    return ADDRESS.search(told) is None


@pytest.mark.parametrize("family", [4, 6])
def test_every_router_is_found_where_it_stands(chain: Chain, family: int) -> None:
    reading = ask(chain, family)
    assert (reading.outcome, reading.reasons, reading.findings) == (Outcome.OK, (), ())
    assert addresses(reading) == [[address] for address in CHAIN[family]]
    values = reading.values
    assert (values["hop_count"], values["end_reached_flag"], values["loss_ratio"]) == (5, 1, 0)
    assert (values["last_mile_hop_count"], values["silent_hop_count"], values["limited_hop_count"]) == (2, 0, 0)
    assert (reading.detail["way"], reading.detail["end_way"]) == ("udp", "icmp_datagram")
    assert all((hop["sent"], hop["received"]) == (3, 3) for hop in reading.detail["hops"])
    assert reading.detail["counts"]["kernel_stamps"] == reading.detail["counts"]["probes"]
    assert without_addresses(reading)


@pytest.mark.alone
@pytest.mark.calm
def test_the_delays_are_those_that_ping_and_fping_see() -> None:
    with a_chain() as chain, delayed(chain, "r2", "a", 0.006):  # its own: a wire of it is replaced
        reading = ask(chain, rounds=10)
        referees = referee(chain, 1, 2, 4)
    hops = reading.detail["hops"]
    assert hops[1]["rtt_p50_ms"] < 1 < 12 <= hops[2]["rtt_min_ms"]
    for hop, median in referees.items():
        assert hops[hop]["rtt_p50_ms"] == pytest.approx(median, rel=0.08, abs=0.15)
    assert reading.values["rtt_p50_ms"] == pytest.approx(referees[4], rel=0.08, abs=0.15)
    assert reading.values["last_mile_rtt_p50_ms"] == pytest.approx(hops[1]["rtt_p50_ms"], abs=0.01)


def referee(chain: Chain, *hops: int) -> dict[int, float]:
    """By hop the median of fping, which must itself agree with ping."""
    within = ["ip", "netns", "exec", chain.at("client")]
    hosts = [CHAIN[4][hop] for hop in hops]
    fping = subprocess.run(
        [*within, "fping", "-C", "12", "-p", "30", "-i", "8", "-q", *hosts], capture_output=True, text=True
    )
    medians: dict[int, float] = {}
    for hop, host, told in zip(hops, hosts, fping.stderr.splitlines(), strict=True):
        ping = subprocess.run([*within, "ping", "-n", "-c", "12", "-i", "0.02", host], capture_output=True, text=True)
        pinged = sorted(float(found) for found in re.findall(r"time=([\d.]+)", ping.stdout))
        assert told.partition(" : ")[0].strip() == host
        medians[hop] = sorted(float(word) for word in told.partition(" : ")[2].split())[5]
        assert medians[hop] == pytest.approx(pinged[5], rel=0.1, abs=0.2)
    return medians


def balance(chain: Chain, family: int) -> None:
    """`r2` sends each flow by `a` or by `b`."""
    ways = " ".join(f"nexthop via {address}" for address in (CHAIN[family][2], BY_B[family]))
    chain.ip("r2", f"route replace {FAR[family]} {ways}", family=family)


@pytest.mark.parametrize("family", [4, 6])
def test_of_two_balanced_ways_one_flow_sees_one_in_every_run(chain: Chain, family: int) -> None:
    balance(chain, family)
    runs = [ask(chain, family, rounds=3) for _ in range(2)]
    assert met_by_flows(chain, family) == {CHAIN[family][2], BY_B[family]}  # it does balance
    assert len(addresses(runs[0])[2]) == 1
    assert addresses(runs[0]) == addresses(runs[1])
    assert runs[0].detail["flow"] == runs[1].detail["flow"]
    assert [run.values.get("changed_flag") for run in runs] == [None, 0]
    assert runs[1].values["balanced_hop_count"] == 0


def met_by_flows(chain: Chain, family: int) -> set[str]:
    """Who is met at the third hop by flows of other ports."""
    met: set[str] = set()
    with inside(chain.at("client")):
        for number in range(16):
            tracer = UdpTracer(SERVER[family], family, office(), str(number))
            hit = Talk(tracer, 0.5).ask(3, 0.5, Deadline(5))
            tracer.close()
            met |= {hit.host} if hit else set()
    return met


def test_a_hop_that_takes_turns_is_balanced_and_not_a_change(chain: Chain) -> None:
    chain.filter("r2", "prerouting", "meta mark set numgen inc mod 2", priority=-150)
    chain.ip(
        "r2",
        f"rule add fwmark 1 lookup {OTHER_TABLE}",
        f"route replace {FAR[4]} via {BY_B[4]} table {OTHER_TABLE}",
        family=4,
    )
    runs = [ask(chain, probe="udp") for _ in range(2)]
    assert sorted(addresses(runs[1])[2]) == sorted([CHAIN[4][2], BY_B[4]])
    assert runs[1].values["balanced_hop_count"] == 1
    assert (runs[1].values["changed_flag"], runs[1].findings) == (0, ())
    assert runs[0].detail["signature"] == runs[1].detail["signature"]


def test_a_path_that_leads_elsewhere_than_before_has_changed_from_that_hop_on(chain: Chain) -> None:
    before = ask(chain, 6)
    chain.ip("r2", f"route add {FAR[6]} via {BY_B[6]}", family=6)
    after = ask(chain, 6)
    again = ask(chain, 6)
    assert (after.values["changed_flag"], after.values["changed_hop_count"]) == (1, 3)
    assert "path_changed" in after.findings
    assert after.detail["hops_before"][0] == {"ttl": 3, "addresses": [CHAIN[6][2]]}
    assert (again.values["changed_flag"], again.findings) == (0, ())
    assert before.detail["signature"] != after.detail["signature"] == again.detail["signature"]
    assert without_addresses(after)


NO_WORD = "icmp type time-exceeded drop"
NO_WORD_6 = "icmpv6 type time-exceeded drop"


def test_a_silent_hop_is_no_loss(chain: Chain) -> None:
    chain.filter("a", "output", NO_WORD, NO_WORD_6)
    for family, reading in zip((4, 6), ask_both(chain, rounds=3), strict=True):
        assert (reading.outcome, reading.reasons) == (Outcome.OK, ())
        assert addresses(reading)[2:] == [[], [CHAIN[family][3]], [CHAIN[family][4]]]
        assert (reading.values["silent_hop_count"], reading.values["loss_ratio"]) == (1, 0)
        assert "loss_after_hop_count" not in reading.values


def test_a_hop_that_limits_its_answers_is_no_loss_either(chain: Chain) -> None:
    # Milliseconds for each, a quarter of that for a network of 64 bits, and six at once after a rest. While the limit is 0, as
    # in the tests before, the kernel saves nothing up: the run must last for some of them.
    chain.set("r2", ipv6__icmp__ratelimit="1000")
    reading = ask(chain, 6, rounds=24)
    hop = reading.detail["hops"][1]
    assert 0 < hop["received"] < hop["sent"] == 24
    assert hop["limited"] is True
    assert (reading.values["limited_hop_count"], reading.values["loss_ratio"]) == (1, 0)
    assert (reading.outcome, reading.findings) == (Outcome.OK, ())
    assert reading.values["last_mile_rtt_min_ms"] <= hop["rtt_min_ms"] + 0.001  # rounded


def test_loss_that_lasts_to_the_end_is_the_lines_and_has_its_place(chain: Chain) -> None:
    """Behind `a`, the third hop, every other packet is lost; the second hop limits its answers besides."""
    chain.set("r2", ipv4__icmp_ratelimit="500")
    chain.filter("a", "forward", 'oifname "r4" numgen inc mod 2 == 0 drop')
    reading = ask(chain, rounds=8)
    assert (reading.outcome, reading.values["end_reached_flag"]) == (Outcome.OK, 1)
    assert 0.25 <= reading.values["loss_ratio"] <= 0.75
    assert reading.values["loss_after_hop_count"] == 3


def test_an_end_that_cannot_be_reached_is_a_failure_unless_it_answers_handshakes(chain: Chain) -> None:
    """Nothing reaches it over IPv6; over IPv4 it answers neither echo requests nor UDP."""
    chain.filter("r4", "forward", 'meta nfproto ipv6 oifname "server" drop')
    chain.filter("server", "input", "meta l4proto { icmp, udp } drop")
    with inside(chain.at("server")):
        listening = socket.create_server(("0.0.0.0", 0))
    with listening:
        shakes, silent = ask_both(chain, port=listening.getsockname()[1], rounds=2, max_hops=5)
    assert (silent.outcome, silent.reasons) == (Outcome.FAILED, ("no_reply",))
    assert (silent.values["end_reached_flag"], silent.values["last_hop_count"]) == (0, 4)
    assert (silent.values["loss_ratio"], silent.values["received_count"]) == (1, 0)
    assert silent.values["loss_after_hop_count"] == 4
    assert not {"hop_count", "rtt_min_ms", "path_mtu"} & set(silent.values)
    assert without_addresses(silent)
    assert (shakes.outcome, shakes.reasons, shakes.findings) == (Outcome.OK, (), ("answers_tcp_only",))
    assert (shakes.values["end_reached_flag"], shakes.values["hop_count"]) == (1, 5)
    assert "loss_ratio" not in shakes.values


def test_what_routers_say_of_an_end_that_cannot_be_reached_is_the_reason(chain: Chain) -> None:
    before = ask_both(chain, rounds=1)
    for family in (4, 6):
        chain.ip("r2", f"route add prohibit {FAR[family]}", family=family)
    for known, refused in zip(before, ask_both(chain, rounds=2), strict=True):
        assert (known.outcome, refused.outcome, refused.reasons) == (Outcome.OK, Outcome.FAILED, ("prohibited",))
        assert (refused.values.get("changed_flag"), refused.findings) == (0, ())
        assert without_addresses(refused)


def test_packets_that_go_in_circles_are_named(chain: Chain) -> None:
    chain.ip("r4", f"route replace 192.0.9.0/24 via {CHAIN[4][3][:-1]}1")
    chain.ip("a", f"route replace 192.0.9.0/24 via {CHAIN[4][3]}")
    reading = ask(chain, host="192.0.9.1", rounds=1)
    assert (reading.outcome, reading.reasons[0]) == (Outcome.FAILED, "routing_loop")
    assert reading.values["last_hop_count"] < 10


def test_no_right_is_needed(chain: Chain) -> None:
    def work() -> Any:
        found = ask_from_here(rounds=2, mtu=True)
        return [found.outcome, found.detail["way"], found.detail["end_way"], dict(found.values), addresses(found)]

    outcome, *ways, values, hops = unprivileged(chain.at("client"), work)
    assert (outcome, ways) == ("ok", ["udp", "icmp_datagram"])
    assert (values["hop_count"], values["path_mtu"], values["loss_ratio"]) == (5, 1500, 0)
    assert hops == [[address] for address in CHAIN[4]]
    chain.set("client", ipv4__ping_group_range="1 0")
    outcome, *ways, values, hops = unprivileged(chain.at("client"), work)
    assert (outcome, ways) == ("ok", ["udp", "udp"])
    assert values["hop_count"] == 5
    assert "loss_ratio" not in values, "the end's ICMP errors are held back: what is missing of them is not lost"


def test_where_udp_is_filtered_echo_requests_find_the_path(chain: Chain) -> None:
    chain.filter("a", "forward", "meta l4proto udp drop")
    reading = ask(chain, 6, rounds=2)
    assert (reading.outcome, reading.detail["way"]) == (Outcome.OK, "icmp_datagram")
    assert addresses(reading) == [[address] for address in CHAIN[6]]


LYING = (
    "icmp type destination-unreachable icmp code 4 icmp mtu set 1495",
    "icmpv6 type packet-too-big icmpv6 mtu set 1495",
)
NO_PTB = ("icmp type destination-unreachable icmp code 4 drop", "icmpv6 type packet-too-big drop")


def test_what_routers_claim_of_the_mtu_is_compared_with_what_passes(chain: Chain) -> None:
    chain.narrow("a", "r4", 1492)
    true = ask_both(chain, rounds=1, mtu=True)
    chain.filter("a", "output", *LYING)
    lies = ask_both(chain, rounds=1, mtu=True)
    chain.filter("a", "postrouting", *NO_PTB)
    hole = ask(chain, 6, rounds=1, mtu=True)
    found = [*true, *lies, hole]
    assert [one.values["path_mtu"] for one in found] == [1492] * 5
    assert [one.values.get("claimed_mtu") for one in found] == [1492, 1492, 1495, 1495, None]
    wrong = ("mtu_claim_wrong",)
    assert [one.findings for one in found] == [(), (), wrong, wrong, ("mtu_black_hole",)]


CLAIMING = """
import socket, struct, sys
name, own, claim, octets = sys.argv[1:]
listening = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
listening.bind((name, 0))
speaking = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
speaking.bind((own, 0))
def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
print("ready", flush=True)
while True:
    packet, where = listening.recvfrom(9000)
    if where[2] == socket.PACKET_HOST and packet[9] == 1 and len(packet) > int(claim):
        head, quote = struct.pack("!HH", 0, int(claim)), packet[: int(octets)]
        total = checksum(struct.pack("!BBH", 3, 4, 0) + head + quote)
        speaking.sendto(struct.pack("!BBH", 3, 4, total) + head + quote, (socket.inet_ntoa(packet[12:16]), 0))
"""
"""A router that says of packets that they do not fit, quoting so many octets of them; whether they do is not its matter."""


def test_a_packet_that_passes_although_a_router_says_no_has_passed(chain: Chain) -> None:
    chain.slow("r1", "r2")  # so that the word is there before the answer
    with running(chain.at("r1"), CLAIMING, "client", CHAIN[4][0], "1300", "128"):
        reading = ask(chain, rounds=1, mtu=True)
    assert (reading.values["path_mtu"], reading.findings) == (1500, ("mtu_claim_wrong",))


def test_a_router_that_quotes_no_more_than_it_must_is_believed_all_the_same(chain: Chain) -> None:
    chain.narrow("a", "r4", 1400)
    chain.filter("a", "output", "icmp type destination-unreachable ip length > 56 drop")
    with running(chain.at("a"), CLAIMING, "r2", CHAIN[4][2], "1400", "28"):
        reading = ask(chain, rounds=1, mtu=True)
    assert (reading.values["path_mtu"], reading.values["claimed_mtu"], reading.findings) == (1400, 1400, ())


def test_the_office_ends_where_its_prefix_ends(chain: Chain) -> None:
    """By its addresses, by its name, and in a network where all addresses may be private."""
    named = ask(chain, rounds=1, office_prefixes=["192.168.7.0/24", "203.0.113.0/24"])
    assert named.values["last_mile_hop_count"] == 3
    tslcd = ask(chain, rounds=1, kind=LinkKind.TSLCD)
    assert tslcd.values["last_mile_hop_count"] == 2
    chain.filter("r1", "output", NO_WORD)
    hidden = ask(chain, rounds=1)
    assert hidden.values["last_mile_hop_count"] == 2
    assert "last_mile_uncertain" in hidden.findings


MUTE_ROUTER = """
import socket, struct, sys
name, own = sys.argv[1:]
listening = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
listening.bind((name, 0))
speaking = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
speaking.bind((own, 0))
def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
print("ready", flush=True)
while True:
    packet, where = listening.recvfrom(2048)
    if where[2] == socket.PACKET_HOST and packet[8] == 1 and packet[9] == 17:
        quote = packet[:28]
        total = checksum(struct.pack("!BBHI", 11, 0, 0, 0) + quote)
        answer = struct.pack("!BBHI", 11, 0, total, 0) + quote
        speaking.sendto(answer, (socket.inet_ntoa(packet[12:16]), 0))
"""
"""A router that quotes the 28 octets of RFC 792 and no more."""


def test_routers_that_quote_no_more_than_they_must_are_told_apart_all_the_same(chain: Chain) -> None:
    chain.filter("r1", "output", f"{NO_WORD[:-4]} ip length > 56 drop")
    chain.filter("r2", "output", f"{NO_WORD[:-4]} ip length > 56 drop")
    with (
        running(chain.at("r1"), MUTE_ROUTER, "client", CHAIN[4][0]),
        running(chain.at("r2"), MUTE_ROUTER, "r1", CHAIN[4][1]),
    ):
        reading = ask(chain, rounds=4)
    assert addresses(reading) == [[address] for address in CHAIN[4]]
    assert [hop["received"] for hop in reading.detail["hops"]] == [4] * 5
    assert reading.detail["counts"]["unnamed"] >= 8
