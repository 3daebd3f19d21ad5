"""What a reflector returns for the extensions of a packet, and what a sender believes of it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.stamp.conftest import KEY

from doxa_agent.stamp import tlv
from doxa_agent.stamp.tlv import Counters, PacketError, Tlv

HERE = Counters(0, 9, 8)
ASKED = Counters(12, 0, 0)


def reflected(tail: bytes, *, key: bytes | None = None, counters: Counters | None = HERE) -> list[Tlv]:
    return tlv.parse(tlv.reflect(tail, 5, 6, key, counters))


def test_an_unknown_extension_returns_as_it_came_with_the_u_flag() -> None:
    """RFC 8972 §4; the sender's own U flag must not be taken for it, so it is sent with none here."""
    assert reflected(tlv.encode([Tlv(200, b"abc", 0)])) == [Tlv(200, b"abc", tlv.UNRECOGNISED)]


def test_padding_is_understood_and_unchanged() -> None:
    assert reflected(tlv.encode([Tlv(tlv.EXTRA_PADDING, b"xyz")])) == [Tlv(tlv.EXTRA_PADDING, b"xyz", 0)]


def test_the_counters_keep_the_senders_and_get_the_reflectors() -> None:
    back = tlv.reflect(tlv.encode([ASKED.to_tlv()]), 5, 6, None, HERE)
    assert tlv.read_counters(back, 6, None) == Counters(12, 9, 8)


def test_a_reflector_without_counters_says_so() -> None:
    back = tlv.reflect(tlv.encode([ASKED.to_tlv()]), 5, 6, None, None)
    assert tlv.parse(back)[0].flags == tlv.UNRECOGNISED
    assert tlv.read_counters(back, 6, None) is None


def test_a_reflector_that_knows_no_extensions_is_not_believed_to_have_counted() -> None:
    assert tlv.read_counters(tlv.encode([ASKED.to_tlv()]), 6, None) is None


@pytest.mark.parametrize(
    "broken", [b"\x80", b"\x80\x05\x00", b"\x80\x05\x00\x0b" + bytes(11), b"\x80\x63\xff\xff" + bytes(20)]
)
def test_what_is_malformed_is_marked_and_the_rest_is_copied(broken: bytes) -> None:
    """RFC 8972 §4: the M flag, and no counters are filled in any more."""
    head = tlv.encode([ASKED.to_tlv()])
    back = tlv.reflect(head + broken, 5, 6, None, HERE)
    assert back[4 : len(head)] == head[4:]
    assert back[len(head)] == tlv.MALFORMED
    assert back[len(head) + 1 :] == broken[1:]


def test_a_good_hmac_is_answered_with_one_over_the_reply() -> None:
    back = tlv.reflect(tlv.seal(5, [ASKED.to_tlv()], KEY), 5, 6, KEY, HERE)
    assert tlv.read_counters(back, 6, KEY) == Counters(12, 9, 8)
    assert tlv.read_counters(back, 7, KEY) is None
    assert tlv.read_counters(back, 6, bytes(32)) is None


def test_padding_may_follow_the_hmac() -> None:
    """RFC 8972 §4.8."""
    tail = tlv.seal(5, [ASKED.to_tlv()], KEY) + tlv.encode([Tlv(tlv.EXTRA_PADDING, b"xyz")])
    back = tlv.reflect(tail, 5, 6, KEY, HERE)
    assert tlv.read_counters(back, 6, KEY) == Counters(12, 9, 8)


@pytest.mark.parametrize(
    "tail",
    [
        tlv.encode([ASKED.to_tlv()]),  # none at all
        tlv.seal(4, [ASKED.to_tlv()], KEY),  # of another packet
        tlv.seal(5, [], KEY) + tlv.encode([ASKED.to_tlv()]),  # in a wrong place
        tlv.seal(5, [ASKED.to_tlv()], bytes(16)),  # with another key
    ],
)
def test_extensions_without_a_good_hmac_return_with_the_i_flag_and_nothing_filled_in(tail: bytes) -> None:
    """RFC 8972 §4.8."""
    asked, back = tlv.parse(tail), reflected(tail, key=KEY)
    assert [(t.kind, t.value) for t in back] == [(t.kind, t.value) for t in asked]
    assert {t.flags for t in back} == {tlv.FAILED_INTEGRITY}


@given(st.binary(max_size=120), st.none() | st.just(KEY), st.none() | st.just(HERE))
def test_whatever_came_as_many_octets_return(tail: bytes, key: bytes | None, counters: Counters | None) -> None:
    back = tlv.reflect(tail, 5, 6, key, counters)
    assert len(back) == len(tail)
    tlv.read_counters(back, 6, key)
    with contextlib.suppress(PacketError):
        tlv.parse(tail)


@given(st.lists(st.builds(Tlv, st.integers(9, 255), st.binary(max_size=40), st.integers(0, 255)), max_size=6))
def test_sound_extensions_survive_the_wire(tlvs: list[Tlv]) -> None:
    assert tlv.parse(tlv.encode(tlvs)) == tlvs
