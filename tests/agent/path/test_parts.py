"""The parts of a traceroute by themselves: octets, guesses, losses, changes, the end of the office."""

import ipaddress
import json
import random
import struct
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import path
from doxa_agent.net import echo
from doxa_agent.net.stamp import Moment, now
from doxa_agent.path import packets
from doxa_agent.path.change import Change, Memory
from doxa_agent.path.hops import Hop, bounded, limited, loss_after
from doxa_agent.path.lastmile import Office, first_outside, office_of
from doxa_agent.path.talk import Talk
from doxa_agent.path.trace import Trace
from doxa_agent.path.tracer import Sighting, Word
from doxa_agent.path.within import Within
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import MAX_BYTES, LinkProof
from doxa_core.strict import Table

TOKEN = b"\x01\x02\x03\x04\x05\x06\x07\x08"
SEQS = st.integers(0, packets.MAX_SEQ)


def test_the_octets_of_a_probe_are_these() -> None:
    assert packets.udp_payload(TOKEN, 513).hex() == "01020304050607080201" + "00" * 22
    whole = packets.echo_request(4, TOKEN, 61_000, 513, checksum=True).hex()
    assert whole == "0800f9a2ee480201" + "0102030405060708fdfe" + "00" * 22


@given(one=SEQS, other=SEQS, family=st.sampled_from([4, 6]))
def test_all_echo_requests_of_a_run_look_alike_to_a_balancer(one: int, other: int, family: int) -> None:
    """Type, code, checksum and identifier; and the kernel, which fills in the checksum, comes to the same."""
    first, second = (packets.echo_request(family, TOKEN, 7, seq, checksum=True) for seq in (one, other))
    assert first[:6] == second[:6]
    assert echo.internet_checksum(first) == 0


@given(seq=SEQS, family=st.sampled_from([4, 6]), more=st.binary(max_size=20))
def test_what_comes_back_names_its_probe(seq: int, family: int, more: bytes) -> None:
    request = packets.echo_request(family, TOKEN, 7, seq)
    reply = bytes([echo.REPLY[family]]) + request[1:]
    assert packets.read_udp(packets.udp_payload(TOKEN, seq) + more, TOKEN) == seq
    assert packets.read_echo(reply, family, TOKEN) == seq
    assert packets.read_quoted_echo(request + more, family, TOKEN, 7) == seq
    assert packets.read_quoted_echo(request[:8], family, TOKEN, None) == seq
    assert packets.read_own(more.replace(TOKEN, b"") + request, TOKEN, complement=True) == seq
    assert packets.read_own(packets.udp_payload(TOKEN, seq), TOKEN, complement=False) == seq


@given(octets=st.binary(max_size=80), family=st.sampled_from([4, 6]))
def test_foreign_octets_name_none(octets: bytes, family: int) -> None:
    foreign = octets.replace(TOKEN, b"")
    assert packets.read_udp(foreign, TOKEN) is None
    assert packets.read_echo(foreign, family, TOKEN) is None
    assert packets.read_own(foreign, TOKEN, complement=True) is None
    quoted = packets.read_quoted_echo(foreign, family, TOKEN, 7)
    assert quoted is None or (len(foreign) < 18 and foreign[0] == echo.REQUEST[family])


class Played:
    """A tracer without a network: what it will hear is put in."""

    refusal = ""

    def __init__(self) -> None:
        self.waiting: list[Sighting] = []
        self.departures: dict[int, int] = {}

    def fileno(self) -> int:
        return 0

    def send(self, seq: int, hop_limit: int) -> Moment | None:
        assert 0 <= seq < hop_limit + 100
        return now()

    def drain(self) -> list[Sighting]:
        found, self.waiting = self.waiting, []
        return found

    def hear(self, host: str, seq: int | None = None) -> None:
        self.waiting.append(Sighting(seq, host, Word.EXCEEDED, "", None))


def talking() -> tuple[Talk, Played]:
    played = Played()
    return Talk(played, 1.0), played  # type: ignore[arg-type]


def test_an_answer_without_a_name_is_the_only_open_probes() -> None:
    talk, played = talking()
    talk.send(1)
    played.hear("r1")
    talk.collect()
    talk.send(2)
    played.hear("r2")
    talk.collect()
    assert {seq: hit.host for seq, hit in talk.hits.items()} == {0: "r1", 1: "r2"}
    for ttl in (1, 2):
        talk.send(ttl, 0)
    played.hear("r2")
    played.hear("r1")
    talk.collect()
    assert (talk.hits[2].host, talk.hits[3].host) == ("r1", "r2")
    assert (talk.unnamed, talk.unattributed) == (4, 0)


def test_an_answer_that_may_be_of_two_probes_is_given_to_none() -> None:
    talk, played = talking()
    for ttl in (1, 2):
        talk.send(ttl, 0)
    played.hear("somebody")
    talk.collect()
    assert (talk.hits, talk.unattributed) == ({}, 1)


def test_a_probe_that_was_given_up_takes_no_answer_without_a_name() -> None:
    talk, played = talking()
    talk.ask(1, 0.0, Deadline(1))
    talk.send(2)
    played.hear("r2")
    talk.collect()
    assert list(talk.hits) == [1]
    played.hear("r1", seq=0)
    played.hear("r1", seq=0)
    played.hear("nobody", seq=99)
    talk.collect()
    assert (talk.hits[0].host, talk.duplicates) == ("r1", 1)


def hop(ttl: int, *hosts: str, sent: int = 10, received: int = 10, ms: float = 1.0, end: bool = False) -> Hop:
    return Hop(ttl=ttl, sent=sent, delays=[ms] * received, hosts=Counter(hosts), end=end)


@pytest.mark.parametrize(
    ("received", "end", "few", "after"),
    [
        ([10, 10, 10, 10], 10, set(), None),
        ([10, 3, 10, 10], 10, {2}, None),
        ([10, 3, 10, 6], 6, {2}, 3),
        ([6, 6, 6, 6], 6, set(), 0),
        ([10, 10, 0, 5], 5, {3}, 2),
        ([10, 10, 10, 0], 0, set(), 3),
        ([10, 10, 9, 9], 9, set(), None),
    ],
)
def test_only_loss_that_lasts_to_the_end_counts_and_has_a_place(
    received: Sequence[int], end: int, few: set[int], after: int | None
) -> None:
    hops = [hop(ttl, f"r{ttl}", received=many) for ttl, many in enumerate(received, 1)]
    assert limited(hops, (10 - end) / 10) == few
    assert loss_after(hops, 10, 10 - end) == after


@given(received=st.lists(st.integers(0, 10), min_size=1, max_size=12), end=st.integers(0, 10))
def test_a_hop_is_never_blamed_for_more_than_the_end_lost(received: list[int], end: int) -> None:
    hops = [hop(ttl, f"r{ttl}", received=many) for ttl, many in enumerate(received, 1)]
    after = loss_after(hops, 10, 10 - end)
    assert (after is None) == (end > 8)
    assert after is None or after == 0 or 10 - received[after - 1] < (10 - end) / 4
    blamed = [one for one in hops if one.ttl not in limited(hops, (10 - end) / 10)]
    assert all(one.loss is not None and one.loss <= (10 - end) / 10 for one in blamed)


def test_whoever_answers_sooner_from_behind_bounds_the_way_to_a_slow_router() -> None:
    hops = [hop(1, "r1", ms=1), hop(2, "r2", ms=30), hop(3, "r3", ms=8), hop(4, "r4", ms=9)]
    assert bounded(hops, 2) == (8, 8)
    assert bounded(hops, 4) == (9, 9)
    assert bounded(hops, 5) == (None, None)


def compare(memory: Memory, *hosts: str | tuple[str, ...], end: int | None = None) -> Change:
    hops = [
        hop(ttl, *((host,) if isinstance(host, str) else host)) if host else hop(ttl)
        for ttl, host in enumerate(hosts, 1)
    ]
    return memory.compare("key", hops, set() if end is None else {end})


def test_a_path_changes_where_somebody_new_answers_alone() -> None:
    memory = Memory()
    first = compare(memory, "a", "b", "c", end=3)
    assert first.changed is None
    assert compare(memory, "a", "b", "c", end=3).changed is False
    assert compare(memory, "a", ("b", "x"), "c", end=3).changed is False
    assert compare(memory, "a", "x", "c", end=3) == Change(signature=first.signature, changed=False)
    moved = compare(memory, "a", "y", "c", end=3)
    assert (moved.changed, moved.first, moved.before) == (True, 2, [{"ttl": 2, "addresses": ["b", "x"]}])
    assert moved.signature != first.signature
    longer = compare(memory, "a", "y", "z", "c", end=4)
    assert (longer.changed, longer.first) == (True, 3)


def test_silence_and_an_end_that_is_not_reached_prove_no_change() -> None:
    memory = Memory()
    first = compare(memory, "a", "", "c", end=3)
    for hosts, end in ((("a", "b", "c"), 3), (("a", "", ""), None), (("a", "b"), None), ((), None)):
        found = compare(memory, *hosts, end=end)
        assert (bool(found.changed), found.signature) == (False, first.signature)
    assert compare(memory).changed is None


@given(st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=2, unique=True), min_size=1, max_size=12))
def test_two_addresses_in_turn_are_one_path_once_both_were_seen(turns: list[list[str]]) -> None:
    memory = Memory()
    compare(memory, "r1", ("a", "b"), "r3", end=3)
    assert not any(compare(memory, "r1", tuple(turn), "r3", end=3).changed for turn in turns)


PROOF = LinkProof(interface="nothere0", source="10.1.2.3", gateway="10.1.2.1")


@pytest.mark.parametrize(
    ("kind", "named", "hosts", "found"),
    [
        (LinkKind.FIXED, [], ["10.1.2.1", "10.9.9.9", "100.64.0.1", "203.0.113.1"], (3, True)),
        (LinkKind.FIXED, [], ["10.1.2.1", "", "203.0.113.1"], (3, False)),
        (LinkKind.FIXED, [], ["10.1.2.1", "", "10.5.5.5", "203.0.113.1"], (4, True)),
        (LinkKind.FIXED, [], ["10.1.2.1", "192.168.1.1"], (None, True)),
        (LinkKind.TSLCD, [], ["10.1.2.1", "10.77.0.1", "10.77.0.2"], (2, True)),
        (LinkKind.TSLCD, ["10.0.0.0/15"], ["10.1.2.1", "10.1.3.1", "10.77.0.2"], (3, True)),
        (LinkKind.FIXED, ["203.0.113.0/28"], ["203.0.113.1", "10.0.0.1"], (2, True)),
        (LinkKind.FIXED, [], ["fd00:7::1", "fe80::1", "2001:db8::1"], (3, True)),
    ],
)
def test_the_last_mile_ends_at_the_first_hop_outside(
    kind: LinkKind, named: list[str], hosts: list[str], found: tuple[int | None, bool]
) -> None:
    hops = [hop(ttl, host) if host else hop(ttl) for ttl, host in enumerate(hosts, 1)]
    office = office_of(kind, [ipaddress.ip_network(text) for text in named], PROOF)
    outside, sure = first_outside(hops, office)
    assert (None if outside is None else outside.ttl, sure) == found


def test_the_network_that_the_probe_is_in_is_inside_whatever_its_addresses() -> None:
    own = [ipaddress.ip_network("2001:db8:7::/64")]
    office = office_of(LinkKind.TSLCD, [], None, own)
    assert office == Office(networks=tuple(own))
    assert office.has("2001:db8:7::1%eth0")
    assert not office.has("2001:db8:8::1")


def test_a_part_of_a_run_ends_with_the_whole() -> None:
    whole = Deadline(60)
    part = Within(whole, 5)
    assert 4 < part.left_s <= 5
    whole.cancel()
    assert part.over


def test_the_largest_path_fits_a_measurement() -> None:
    """Sixty hops with eight long addresses each, all different from those before."""
    chance = random.Random(1)

    def address() -> str:
        return str(ipaddress.IPv6Address(struct.pack("!4I", *(chance.getrandbits(32) | 1 << 31 for _ in range(4)))))

    far = FarEnd(name="far", host="192.0.2.1")
    options = path.read_options(Table({"mtu": False, "rounds": 100, "max_hops": 60}, "p", ""))
    link = Link(name="x", kind=LinkKind.FIXED, interface="nothere0")
    asked = Request(link=link, far_ends=(far,), options=options, deadline=Deadline(5))

    def run() -> Reading:
        hops = [
            Hop(ttl=ttl, sent=100, delays=[chance.random() * 1000 for _ in range(100)],
                hosts=Counter({address(): 9 for _ in range(12)}), refusers=Counter({address(): 1 for _ in range(12)}),
                reason="host_unreachable")
            for ttl in range(1, 61)
        ]  # fmt: skip
        found = Trace(way="udp", flow={"source_port": 61_000, "port": 33_434}, source=address(), hops=hops,
                      reached=True, end_way="udp", end=hops[-1])  # fmt: skip
        return path._Account(asked, far, found, 6, "2001:db8::1").reading()

    run()
    reading = run()
    assert reading.values["changed_flag"] == 1
    assert len(reading.detail["hops"]) == len(reading.detail["hops_before"]) == 60
    assert all(hop["addresses"] and hop["more_addresses"] for hop in reading.detail["hops"])
    assert len(json.dumps(dict(reading.detail))) < MAX_BYTES - 8_000
