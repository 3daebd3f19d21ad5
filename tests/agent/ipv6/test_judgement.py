"""The states out of the evidence, and the one word out of the states: pure, so every combination can be tried."""

import importlib.util
import ipaddress
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.ipv6.test_advertisement import GOLDEN

from doxa_agent.ipv6 import craft, local, pathmtu, remote
from doxa_agent.ipv6.account import Account
from doxa_agent.ipv6.advertisement import Advertisement, Prefix, parse
from doxa_agent.ipv6.kernel import (
    DADFAILED,
    DEPRECATED,
    MANAGETEMPADDR,
    PERMANENT,
    TENTATIVE,
    Address,
    Knowledge,
    Origin,
    Route,
    parse_address,
    parse_default,
)  # fmt: skip
from doxa_agent.ipv6.naming import Names, Resolvers, look_up, servers
from doxa_agent.ipv6.prefix import Memory
from doxa_agent.ipv6.remote import Remote
from doxa_agent.ipv6.solicit import Heard
from doxa_agent.ipv6.summary import State, States, summarise, write
from doxa_agent.meter import Deadline, Link
from doxa_agent.net.mtu import Fate, PathMtu
from doxa_core.linkkind import LinkKind

GOOD = parse(GOLDEN, "fe80::1")
LISTENS = {"accept_ra": 1, "accept_ra_defrtr": 1, "accept_ra_pinfo": 1, "autoconf": 1, "forwarding": 0}
GLOBAL = Address(address="2001:db8::1", bits=64, flags=MANAGETEMPADDR, protocol=2, valid_s=9, preferred_s=5)
BY_RA = Route(gateway="fe80::1", protocol=9, expires_s=100.0)


def judged(
    *addresses: Address,
    routes: tuple[Route, ...] = (BY_RA,),
    heard: Advertisement | None = GOOD,
    permitted: bool = True,
    flags: int = 0,
    **settings: int,
) -> tuple[Account, local.Local]:
    account = Account()
    known = Knowledge(
        index=2, addresses=addresses, routes=routes, inet6_flags=flags, settings={**LISTENS, **settings}
    )  # fmt: skip
    said = Heard(permitted=permitted, waited=permitted, asked=int(permitted))
    if heard is not None and permitted:
        said.advertisements["fe80::1"] = heard
    return account, local.judge(known, said, LinkKind.FIXED, account)


def test_a_tentative_address_is_not_one_yet() -> None:
    account, found = judged(Address(address="2001:db8::1", bits=64, flags=TENTATIVE))
    assert (account.reasons, found.addressed, found.prefixes) == (["address_tentative"], False, ())


def test_a_duplicate_address_is_named_before_anything_else() -> None:
    account, found = judged(Address(address="2001:db8::1", bits=64, flags=DADFAILED | TENTATIVE | PERMANENT))
    assert (account.reasons, found.addressed, found.routed) == (["duplicate_address"], False, True)


def test_an_address_that_is_deprecated_works_but_is_noticed() -> None:
    account, found = judged(Address(address="2001:db8::1", bits=64, flags=DEPRECATED, protocol=2))
    assert (account.reasons, account.findings, found.addressed) == ([], ["address_deprecated"], True)


def test_a_static_line_without_advertisements_is_not_blamed_for_their_silence() -> None:
    static = Address(address="2001:db8::1", bits=64, flags=PERMANENT)
    account, found = judged(static, routes=(Route(gateway="2001:db8::f", protocol=4),), heard=None)
    assert (account.reasons, account.findings) == ([], ["static_configuration"])
    assert (found.advertised, found.addressed, found.routed) == (False, True, True)
    assert account.values["advertisement_flag"] == 0


def test_a_static_address_without_a_route_is_the_routes_matter() -> None:
    account, _ = judged(Address(address="2001:db8::1", bits=64, flags=PERMANENT), routes=(), heard=None)
    assert account.reasons == ["no_default_route"]


def test_a_router_that_no_longer_answers_is_noticed_while_its_word_is_in_force() -> None:
    account, found = judged(GLOBAL, heard=None)
    assert (account.reasons, account.findings, found.advertised) == ([], ["solicitation_unanswered"], True)


def test_an_address_that_outlives_its_router_blames_the_silence_not_an_old_word() -> None:
    assert judged(GLOBAL, routes=(), heard=None)[0].reasons == ["no_router_advertisement"]


def test_an_expired_route_is_no_evidence_of_a_router() -> None:
    gone = Route(gateway="fe80::1", protocol=9, expires_s=-3.0)
    assert judged(routes=(gone,), heard=None)[1].advertised is False


@pytest.mark.parametrize(("flags", "advertised"), [(0x10, False), (0x30, True), (0, None)])
def test_without_a_raw_socket_the_kernels_own_asking_counts(flags: int, advertised: bool | None) -> None:
    account, found = judged(routes=(), permitted=False, flags=flags)
    assert found.advertised is advertised
    assert "needs_raw_socket" in account.findings
    assert ("advertisement_flag" in account.values) is (advertised is not None)


LEASED = Address(address="2001:db8::1", bits=64, flags=0, valid_s=600)


@pytest.mark.parametrize(
    ("managed", "autonomous", "origin"), [(True, False, "dhcpv6"), (True, True, "slaac"), (False, False, "slaac")]
)
def test_a_leased_address_with_a_length_is_known_by_what_routers_allow(
    managed: bool, autonomous: bool, origin: str
) -> None:
    """Some clients of DHCPv6 set the prefix's length, not 128."""
    network = ipaddress.IPv6Network("2001:db8::/64")
    prefix = Prefix(network=network, autonomous=autonomous, on_link=True, valid_s=9, preferred_s=9)
    heard = Advertisement(router="fe80::1", lifetime_s=9, managed=managed, other=False, prefixes=(prefix,))
    account, _ = judged(LEASED, heard=heard)
    assert [name for name in ("slaac", "dhcpv6") if account.values[f"{name}_flag"]] == [origin]
    by_kernel, _ = judged(replace(LEASED, protocol=2), heard=heard)
    assert by_kernel.values["slaac_flag"] == 1


def test_unique_local_addresses_alone_are_noticed() -> None:
    own = Address(address="fd12::1", bits=64, flags=MANAGETEMPADDR)
    assert judged(own)[0].findings == ["only_unique_local"]


@given(
    st.lists(
        st.builds(
            Address,
            address=st.sampled_from(["2001:db8::1", "fe80::1", "fd00::9"]),
            bits=st.sampled_from([64, 128]),
            flags=st.integers(0, 0xFFF),
            protocol=st.integers(0, 20),
        ),
        max_size=3,
    ),
    st.lists(st.builds(Route, gateway=st.just("fe80::1"), protocol=st.integers(2, 16)), max_size=2),
    st.booleans(),
    st.booleans(),
    st.integers(0, 0x3F),
    st.booleans(),
)
def test_whatever_the_evidence_a_missing_state_has_one_cause_and_a_present_one_none(
    addresses: list[Address], routes: list[Route], heard: bool, permitted: bool, flags: int, listens: bool
) -> None:
    account, found = judged(
        *addresses, routes=tuple(routes), heard=GOOD if heard else None, permitted=permitted, flags=flags,
        accept_ra=int(listens),
    )  # fmt: skip
    whole = bool(found.addressed and found.routed)
    assert bool(account.reasons) is not whole
    assert len(account.reasons) <= 2
    for name, state in (("address", found.addressed), ("default_route", found.routed)):
        assert account.values.get(f"{name}_flag") == (None if state is None else float(state))


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        (GLOBAL, Origin.SLAAC),
        (Address(address="2001:db8::1", bits=128, flags=0, valid_s=60), Origin.DHCPV6),
        (Address(address="2001:db8::1", bits=64, flags=0, valid_s=60), Origin.SLAAC),
        (Address(address="2001:db8::1", bits=64, flags=PERMANENT), Origin.STATIC),
        (Address(address="2001:db8::1", bits=64, flags=0, protocol=16, valid_s=60), Origin.DHCPV6),
    ],
)
def test_the_origins_of_addresses_are_told_apart(address: Address, origin: Origin) -> None:
    assert address.origin is origin


@given(st.binary(max_size=200))
def test_no_answer_of_the_kernel_can_harm_us(octets: bytes) -> None:
    parse_address(octets, 2)
    list(parse_default(octets, 2))
    list(parse_default(bytes([10, 0, 0, 0, 254, 9, 0, 1, 0, 0, 0, 0]) + octets, 2))


# --- the summary ------------------------------------------------------------------------------------------------------

MAYBE = (True, False, None)
WHOLE = States(
    address=True, route=True, resolver=True, name=True, name_over_six=True, tcp=True, page=True, path=True, tcp_four=True
)  # fmt: skip


def test_every_combination_of_states_has_one_word_and_ready_lacks_nothing() -> None:
    for address, route, dead, name, tcp, page, path, four in product(MAYBE, MAYBE, (True, False), *(MAYBE,) * 5):
        states = States(
            address=address, route=route, resolver=not dead, resolver_dead=dead, name=name, tcp=tcp, page=page, path=path,
            tcp_four=four, page_four=four,
        )  # fmt: skip
        word, missing = summarise(states)
        account = Account()
        write(word, missing, account)
        set_flags = [flag for flag, value in account.values.items() if value]
        if word in (State.READY, State.V6_ONLY_READY):
            assert (missing, tcp, page, address, route) == ((), True, True, True, True)
            assert path is not False
        if word is State.BROKEN:
            assert four, "only what works over v4 makes it a broken dual stack"
            assert address
            assert route
        if word is State.PARTIAL:
            assert missing
        assert len(set_flags) == (0 if word is State.UNKNOWN else 2 if word is State.V6_ONLY_READY else 1)


def test_the_words_of_the_plain_cases() -> None:
    from dataclasses import replace

    assert summarise(WHOLE) == (State.V6_ONLY_READY, ())
    assert summarise(replace(WHOLE, resolver=False)) == (State.READY, ())
    assert summarise(replace(WHOLE, name_over_six=False)) == (State.READY, ())
    assert summarise(replace(WHOLE, path=None))[0] is State.V6_ONLY_READY, "a mute far end spoils nothing"
    assert summarise(replace(WHOLE, path=False)) == (State.BROKEN, ("path_mtu",))
    assert summarise(replace(WHOLE, path=False, tcp_four=None)) == (State.PARTIAL, ("path_mtu",))
    assert summarise(replace(WHOLE, page=False, page_four=False)) == (State.PARTIAL, ("page",))
    assert summarise(replace(WHOLE, tcp=False, page=None, tcp_four=False))[0] is State.UNKNOWN
    assert summarise(States(nothing=True))[0] is State.NONE


# --- the path's MTU ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mtu", "beyond", "reasons", "flags"),
    [
        (1500, Fate.OWN, [], {"mtu_1500": 1, "black_hole": 0}),
        (1500, Fate.LOST, [], {"mtu_1500": 1, "black_hole": 0}),  # jumbo frames that vanish are nobody's promise
        (1480, Fate.TOO_BIG, [], {"mtu_1500": 0, "packet_too_big": 1, "black_hole": 0}),
        (1480, Fate.LOST, ["path_mtu_black_hole"], {"mtu_1500": 0, "packet_too_big": 0, "black_hole": 1}),
        (1492, Fate.OWN, [], {"black_hole": 0}),  # PPPoE on the probe itself: 1500 was never sent
        (1480, Fate.UNKNOWN, [], {}),  # cut short
    ],
)
def test_a_black_hole_is_only_what_vanishes_below_1500(
    mtu: int, beyond: Fate, reasons: list[str], flags: dict[str, int]
) -> None:
    account = Account()
    fate = Fate.PASSED if mtu >= 1500 else beyond
    pathmtu.judge(PathMtu(way="icmp_raw", mtu=mtu, beyond=beyond, marks={1280: Fate.PASSED, 1500: fate}), account)
    assert account.reasons == reasons
    assert {n.removesuffix("_flag"): int(v) for n, v in account.values.items() if n.endswith("_flag")} == {
        "mtu_1280": 1, **flags,
    }  # fmt: skip


# --- names, prefixes --------------------------------------------------------------------------------------------------


def test_a_stub_on_this_machine_is_no_resolver_over_v6() -> None:
    found = servers(("::1", "127.0.0.53", "2001:db8::53", "fe80::1%eth0"), ("2001:db8::99",), 2.0)
    assert (found.six, found.four) == (("2001:db8::53", "fe80::1%eth0"), ("127.0.0.53",))
    assert servers(("127.0.0.53",), ("2001:db8::99",), 2.0).six == ("2001:db8::99",)


def test_nobody_is_asked_for_an_address() -> None:
    account, link = Account(), Link(name="x", kind=LinkKind.FIXED)
    assert look_up("2001:db8::5", Resolvers(), link, account, Deadline(1)) == Names(six=("2001:db8::5",), literal=True)
    assert (account.values, account.reasons) == ({}, [])


def test_the_first_run_cannot_say_whether_a_prefix_changed() -> None:
    memory = Memory()
    found = [memory.compare("a", prefixes) for prefixes in (("x",), ("x",), (), ("y",), ("y",))]
    assert [one and one.changed for one in found] == [None, False, None, True, False]
    assert memory.compare("b", ("x",)) == memory.compare("c", ("x",))
    changed = found[3]
    assert changed is not None
    assert changed.before == ("x",)


def test_without_the_extra_the_crafted_parts_alone_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    account = Account()
    craft.look(Link(name="x", kind=LinkKind.FIXED, interface="lo"), None, 1.0, account, Deadline(5))
    assert (account.findings, account.values) == (["needs_extra_craft"], {})


def test_what_is_not_connected_is_not_judged_by_its_page() -> None:
    account = Account()
    remote.try_page(Remote(), "/", account, Deadline(1), 1.0)
    assert account == Account()
