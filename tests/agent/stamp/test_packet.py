"""The packets of STAMP, octet by octet, and what is none."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.stamp.conftest import KEY

from doxa_agent.stamp import tlv
from doxa_agent.stamp.packet import Reply, Request, encode_reply, encode_request, parse_reply, parse_request
from doxa_agent.stamp.timestamp import ErrorEstimate
from doxa_agent.stamp.tlv import PacketError

GOLDEN = Path(__file__).with_name("golden")
ERROR = ErrorEstimate(synchronised=True, scale=20, multiplier=0xAB)
REQUEST = Request(sequence=0x01020304, timestamp=0x1112131415161718, error=ERROR, ssid=0x2122)
REPLY = Reply(
    sequence=0x31323334,
    timestamp=0x4142434445464748,
    error=ErrorEstimate(scale=1, multiplier=2),
    ssid=0x2122,
    received=0x5152535455565758,
    asked_sequence=0x01020304,
    asked_timestamp=0x1112131415161718,
    asked_error=ERROR.to_wire(),
    ttl=0x3F,
)
COUNTERS = tlv.Counters(7, 0, 0).to_tlv()
PACKETS = {
    "request-open": encode_request(REQUEST),
    "request-sealed": encode_request(REQUEST, KEY),
    "request-open-tlv": encode_request(
        replace(REQUEST, tail=tlv.encode([COUNTERS, tlv.Tlv(tlv.EXTRA_PADDING, bytes(8))]))
    ),
    "request-sealed-tlv": encode_request(
        replace(REQUEST, tail=tlv.seal(REQUEST.sequence, [COUNTERS], KEY)), KEY
    ),
    "reply-open": encode_reply(REPLY),
    "reply-sealed": encode_reply(REPLY, KEY),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKETS)
def test_a_packet_has_the_octets_that_it_always_had(name: str) -> None:
    assert PACKETS[name].hex(" ", 4) == (GOLDEN / f"{name}.hex").read_text(encoding="ascii").replace("\n", " ").strip()


def test_the_fields_of_an_open_request_stand_where_the_rfc_puts_them() -> None:
    """RFC 8762 §4.2.1 figure 2, RFC 8972 §3 figure 1."""
    octets = PACKETS["request-open"]
    assert (octets[:4].hex(), octets[4:12].hex()) == ("01020304", "1112131415161718")
    assert (octets[12:14].hex(), octets[14:16].hex(), octets[16:]) == ("94ab", "2122", bytes(28))


def test_the_fields_of_a_sealed_request_stand_where_the_rfc_puts_them() -> None:
    """RFC 8762 §4.2.2 figure 4: the HMAC covers the 96 octets before it."""
    octets = PACKETS["request-sealed"]
    assert (octets[:4].hex(), octets[4:16], octets[16:24].hex()) == ("01020304", bytes(12), "1112131415161718")
    assert (octets[24:28].hex(), octets[28:96]) == ("94ab2122", bytes(68))
    assert (len(octets), octets[96:]) == (112, tlv.digest(KEY, octets[:96]))


def test_the_fields_of_an_open_reply_stand_where_the_rfc_puts_them() -> None:
    """RFC 8762 §4.3.1 figure 5."""
    octets = PACKETS["reply-open"]
    assert (len(octets), octets[:16].hex()) == (44, "31323334" + "4142434445464748" + "0102" + "2122")
    assert octets[16:38].hex() == "5152535455565758" + "01020304" + "1112131415161718" + "94ab"
    assert octets[38:].hex() == "0000" + "3f" + "000000"


def test_the_fields_of_a_sealed_reply_stand_where_the_rfc_puts_them() -> None:
    """RFC 8762 §4.3.2 figure 6."""
    octets = PACKETS["reply-sealed"]
    assert (octets[:4].hex(), octets[16:28].hex()) == ("31323334", "4142434445464748" + "0102" + "2122")
    assert (octets[32:40].hex(), octets[48:52].hex()) == ("5152535455565758", "01020304")
    assert (octets[64:74].hex(), octets[80]) == ("1112131415161718" + "94ab", 0x3F)
    zeros = octets[4:16] + octets[28:32] + octets[40:48] + octets[52:64] + octets[74:80] + octets[81:96]
    assert (len(octets), not any(zeros)) == (112, True)


words = st.integers(0, 2**32 - 1)
stamps = st.integers(0, 2**64 - 1)
halves = st.integers(0, 0xFFFF)
requests = st.builds(
    Request, sequence=words, timestamp=stamps, error=halves.map(ErrorEstimate.from_wire), ssid=halves, tail=st.binary()
)
replies = st.builds(
    Reply, sequence=words, timestamp=stamps, error=halves.map(ErrorEstimate.from_wire), ssid=halves, received=stamps,
    asked_sequence=words, asked_timestamp=stamps, asked_error=halves, ttl=st.integers(0, 255), tail=st.binary(),
)  # fmt: skip
keys = st.none() | st.just(KEY)


@given(requests, replies, keys)
def test_what_is_encoded_is_parsed_again(request: Request, reply: Reply, key: bytes | None) -> None:
    assert parse_request(encode_request(request, key), key) == request
    assert parse_reply(encode_reply(reply, key), key) == reply


@given(st.binary(max_size=200), keys)
def test_octets_from_anywhere_are_a_packet_or_a_packet_error(octets: bytes, key: bytes | None) -> None:
    for parse in (parse_request, parse_reply):
        with contextlib.suppress(PacketError):
            parse(octets, key)
    if key is not None:
        with pytest.raises(PacketError):
            parse_request(octets, key)


@given(st.integers(0, 112 * 8 - 1))
def test_no_bit_of_a_sealed_packet_can_be_changed_unnoticed(bit: int) -> None:
    octets = bytearray(PACKETS["request-sealed"])
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PacketError) as error:
        parse_request(bytes(octets), KEY)
    assert error.value.code == "bad_hmac"


@pytest.mark.parametrize(("octets", "key"), [(43, None), (111, KEY)])
def test_a_packet_shorter_than_its_base_is_none(octets: int, key: bytes | None) -> None:
    with pytest.raises(PacketError) as error:
        parse_request(bytes(octets), key)
    assert error.value.code == "too_short"
