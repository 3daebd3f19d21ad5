"""Messages: golden packets of real servers, what a strict reader refuses, and what no octets may do to it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.dns import golden

from doxa_agent.dns import message, name
from doxa_agent.dns.message import TYPES, Chain, Question, Record
from doxa_agent.dns.name import Malformed

WWW = Question(name.parse("www.xa.test"), TYPES["A"])


def test_the_question_that_we_send_is_octet_for_octet_this_one() -> None:
    assert message.query(0xBEEF, WWW).hex() == golden.QUERY
    assert (
        message.query(1, WWW, edns=False, ad=False).hex()
        == "0001010000010000000000000377777702786104746573740000010001"
    )
    assert message.query(1, WWW, dnssec=True).endswith(bytes.fromhex("00002904d0000080000000"))


@pytest.mark.parametrize("server", sorted(golden.ANSWERS))
def test_the_answer_of_a_real_server_is_read(server: str) -> None:
    found = message.decode(bytes.fromhex(golden.ANSWERS[server]))
    assert found.response
    assert found.recursion_available
    assert not found.truncated
    assert found.rcode == message.NOERROR
    assert found.trailing == 0
    assert WWW.fits(found.questions[0])
    chain = message.follow(found, WWW)
    assert [record.address for record in chain.records] == ["203.0.113.10"]
    assert (chain.aliases, chain.ttl) == (1, 60)
    assert found.edns is not None
    assert found.edns.version == 0


def test_a_real_message_cut_anywhere_is_malformed_and_never_another_one() -> None:
    octets = bytes.fromhex(golden.ANSWERS["unbound"])
    for end in range(len(octets)):
        with pytest.raises(Malformed):
            message.decode(octets[:end])


def test_octets_behind_the_last_record_are_counted() -> None:
    assert message.decode(bytes.fromhex(golden.ANSWERS["unbound"]) + b"junk").trailing == 4


def head(*, qd: int = 0, an: int = 0, ns: int = 0, ar: int = 0, flags: int = 0x8180) -> bytes:
    return struct.pack("!HHHHHH", 7, flags, qd, an, ns, ar)


def record(owner: str, kind: str, data: bytes, *, ttl: int = 60, class_: int = 1) -> bytes:
    packed = struct.pack("!HHIH", TYPES[kind], class_, ttl, len(data))
    return name.encode(name.parse(owner)) + packed + data


OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"\0" * 11, "header_cut"),
        (head(qd=65535), "name_cut"),
        (head(qd=1) + b"\0\0\x01", "question_cut"),
        (head(an=1) + b"\0\0\x01\0\x01\0\0\0\x3c\xff\xff", "record_cut"),
        (head(an=1) + record("a", "A", b"\1\2\3"), "address_length"),
        (head(an=1) + record("a", "AAAA", b"\1\2\3\4"), "address_length"),
        (head(an=1) + record("a", "CNAME", b"\1b\0\0"), "target_length"),
        (head(an=1) + record("a", "CNAME", b"\xc0\x19"), "name_pointer"),
        (head(ar=2) + OPT + OPT, "opt"),
        (head(ar=1) + b"\1a" + OPT, "opt"),
    ],
)
def test_what_contradicts_itself_is_refused(octets: bytes, what: str) -> None:
    with pytest.raises(Malformed) as error:
        message.decode(octets)
    assert error.value.what == what


@given(st.binary(max_size=300))
def test_whatever_the_octets_only_our_own_error_is_raised(octets: bytes) -> None:
    try:
        found = message.decode(octets)
    except Malformed:
        return
    assert len(found.answers) + len(found.authority) + len(found.additional) <= len(octets) // 11
    message.follow(found, WWW)


@given(
    st.sampled_from(sorted(golden.ANSWERS)), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6)
)
def test_a_real_answer_with_some_octets_changed_harms_nobody(server: str, changes: list[tuple[int, int]]) -> None:
    octets = bytearray.fromhex(golden.ANSWERS[server])
    for at, octet in changes:
        octets[at % len(octets)] = octet
    try:
        found = message.decode(bytes(octets))
    except Malformed:
        return
    chain = message.follow(found, WWW)
    assert (chain.ttl is None) == (not chain.records)


def test_the_extended_rcode_and_a_time_to_live_with_the_highest_bit_are_read() -> None:
    opt = b"\0" + struct.pack("!HHIH", 41, 512, 0x01_00_8000, 0)
    found = message.decode(head(an=1, ar=1) + record("a", "A", b"\1\2\3\4", ttl=0x80000001) + opt)
    assert found.rcode == 16
    assert message.rcode_name(found.rcode) == "badvers"
    assert found.answers[0].ttl == 0
    assert found.edns is not None
    assert found.edns.dnssec_ok


def answers(*records: bytes) -> Chain:
    question = name.encode(WWW.name) + b"\0\1\0\1"
    return message.follow(message.decode(head(qd=1, an=len(records)) + question + b"".join(records)), WWW)


def test_only_the_records_at_the_end_of_the_aliases_count() -> None:
    alias = record("WWW.xa.test", "CNAME", name.encode(name.parse("b.test")), ttl=9)
    chain = answers(record("evil.test", "A", b"\6\6\6\6"), record("B.test", "A", b"\1\2\3\4", ttl=90), alias)
    assert [found.address for found in chain.records] == ["1.2.3.4"]
    assert (chain.aliases, chain.ttl) == (1, 9)


def test_aliases_in_a_circle_end() -> None:
    there = record("www.xa.test", "CNAME", name.encode(name.parse("b.test")))
    back = record("b.test", "CNAME", name.encode(name.parse("www.xa.test")))
    assert answers(there, back) == Chain((), 2, None)


def test_an_address_of_another_class_is_no_address() -> None:
    assert Record((), TYPES["A"], 3, 0, b"\1\2\3\4").address is None
    assert not answers(record("www.xa.test", "A", b"\1\2\3\4", class_=3)).records
