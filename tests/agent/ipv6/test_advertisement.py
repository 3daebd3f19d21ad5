"""What routers say is read exactly, and whatever else comes is refused without harm."""

import ipaddress
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.ipv6.advertisement import Advertisement, Malformed, Prefix, parse

ROUTER = "fe80::1"
GOLDEN = bytes.fromhex(
    "86000000" "40c00708" "00000000" "00000000"  # hop limit 64, M and O, 1800 s
    "01010200 5e100001"  # source link-layer address
    "05010000 000005d4"  # MTU 1492
    "03044040 00015180 00003840 00000000 20010db8 00010000 00000000 00000000"  # 2001:db8:1::/64, A only
    "19030000 00000e10 20010db8 00000000 00000000 00000053"  # RDNSS
)  # fmt: skip
"""Written by hand from RFC 4861 §4.2, §4.6 and RFC 8106 §5.1; kept for ever."""


def test_the_golden_advertisement_says_what_it_says() -> None:
    assert parse(GOLDEN, ROUTER) == Advertisement(
        router=ROUTER,
        lifetime_s=1800,
        managed=True,
        other=True,
        prefixes=(
            Prefix(
                network=ipaddress.IPv6Network("2001:db8:1::/64"),
                autonomous=True,
                on_link=False,
                valid_s=86400,
                preferred_s=14400,
            ),
        ),
        mtu=1492,
        resolvers=("2001:db8::53",),
    )


@given(st.binary(max_size=400))
def test_whatever_octets_come_only_malformed_is_raised(octets: bytes) -> None:
    for packet in (octets, b"\x86\0" + octets, GOLDEN[:16] + octets):
        with suppress(Malformed):
            parse(packet, ROUTER)


@given(st.integers(0, len(GOLDEN) - 1))
def test_a_cut_advertisement_never_gives_an_option_that_is_not_whole(length: int) -> None:
    try:
        found = parse(GOLDEN[:length], ROUTER)
    except Malformed:
        return
    assert length in (16, 24, 32, 64)
    assert bool(found.prefixes) is (length >= 64)


def test_an_option_of_length_zero_spoils_the_whole() -> None:
    with pytest.raises(Malformed):
        parse(GOLDEN[:16] + b"\x05\0" + bytes(6), ROUTER)


@pytest.mark.parametrize(("flags", "bits", "offered"), [(0x40, 64, True), (0x80, 64, False), (0x40, 56, False)])
def test_only_an_autonomous_prefix_of_64_bits_offers_an_address(flags: int, bits: int, offered: bool) -> None:
    option = struct.pack("!BBBBIII16s", 3, 4, bits, flags, 1, 1, 0, ipaddress.IPv6Address("2001:db8::").packed)
    found = parse(b"\x86" + bytes(15) + option, ROUTER)
    assert found.offers_slaac is found.offers_address is offered


def test_a_resolver_whose_lifetime_is_over_is_none() -> None:
    gone = GOLDEN[:64] + GOLDEN[64:68] + bytes(4) + GOLDEN[72:]
    assert parse(gone, ROUTER).resolvers == ()


@pytest.mark.parametrize(("flags", "word"), [(0x00, "medium"), (0x08, "high"), (0x18, "low"), (0x10, "medium")])
def test_the_preference_is_told_and_the_reserved_one_counts_as_medium(flags: int, word: str) -> None:
    assert parse(b"\x86\0\0\0\x40" + bytes([flags]) + bytes(10), ROUTER).preference == word
