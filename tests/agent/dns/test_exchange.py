"""Questions to servers that answer late, wrongly, in part, or not at all."""

import struct
import time

import pytest
from tests.agent.dns.rogue import address, framed, question_of, reply, rogue

from doxa_agent.dns import exchange, name
from doxa_agent.dns.exchange import Answered, Policy, Server, Tally, ask
from doxa_agent.dns.message import TYPES, Question
from doxa_agent.meter import Deadline, Link
from doxa_agent.net.binding import Unreachable
from doxa_core.linkkind import LinkKind

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
PORTAL = Question(name.parse("portal.xa.test"), TYPES["A"])


def inquire(port: int, tally: Tally | None = None, *, seconds: float = 20, **policy: object) -> Answered:
    chosen = Policy(**{"timeout_s": 0.3, "tries": 2, **policy})  # type: ignore[arg-type]
    server = Server(address="127.0.0.1", family=4, port=port)
    return ask(server, PORTAL, chosen, LOOPBACK, Deadline(seconds), Tally() if tally is None else tally)


def refused(port: int, tally: Tally | None = None, *, seconds: float = 20, **policy: object) -> str:
    with pytest.raises(Unreachable) as error:
        inquire(port, tally, seconds=seconds, **policy)
    return error.value.reason


def test_a_lost_question_is_sent_again_and_the_round_trip_is_that_of_the_one_that_was_answered() -> None:
    tally = Tally()
    with rogue(lambda asked, number: [reply(asked, address())] if number else []) as server:
        found = inquire(server.port, tally)
    assert tally.sent == 2
    assert found.took_s > 0.3 > found.rtt_s
    assert server.asked[0][:2] != server.asked[1][:2], "each sending has an identifier of its own"


def test_a_late_answer_to_the_first_question_counts_and_its_round_trip_is_its_own() -> None:
    kept: list[bytes] = []

    def late(asked: bytes, number: int) -> list[bytes]:
        kept.append(asked)
        return [reply(kept[0], address())] if number else []

    with rogue(late) as server:
        found = inquire(server.port)
    assert found.rtt_s == pytest.approx(found.took_s, rel=0.2)
    assert found.rtt_s >= 0.3


def test_what_answers_another_question_is_ignored_and_counted() -> None:
    other = name.encode(name.parse("other.test")) + b"\0\1\0\1"
    evil = address(octets=b"\6\6\6\6")

    def forge(asked: bytes, _: int) -> list[bytes]:
        number = int.from_bytes(asked[:2], "big")
        return [
            reply(asked, evil, number=number ^ 1),
            reply(asked, evil, question=other),
            reply(asked, evil, question=question_of(asked)[:-4] + b"\0\x1c\0\1"),  # another type
            reply(asked, evil, flags=0x0180),  # a question
            reply(asked, evil, flags=0xA980),  # another opcode
            reply(asked, evil, question=question_of(asked) * 2),
            b"",
            reply(asked, question=b""),  # an answer without error that repeats no question
            reply(asked, address()),
        ]

    tally = Tally()
    with rogue(forge) as server:
        found = inquire(server.port, tally)
    assert [record.address for record in found.message.answers] == ["203.0.113.10"]
    assert (tally.unmatched, tally.malformed, tally.sent) == (8 - 1, 1, 1)


def test_an_answer_from_another_port_is_never_heard() -> None:
    tally = Tally()
    with rogue(lambda *_: [], elsewhere=lambda asked, _: [reply(asked, address())]) as server:
        assert refused(server.port, tally, timeout_s=0.1) == "no_answer"
    assert len(server.asked) == 2
    assert tally.unmatched == 0


def test_a_compression_loop_with_our_identifier_is_a_malformed_answer() -> None:
    def loop(asked: bytes, _: int) -> list[bytes]:
        looped = b"\xc0" + bytes([12 + len(question_of(asked))]) + struct.pack("!HHIH", 1, 1, 60, 4) + b"\1\2\3\4"
        return [reply(asked, looped)]

    tally = Tally()
    with rogue(loop) as server:
        assert refused(server.port, tally, timeout_s=0.1) == "malformed_answer"
    assert (tally.malformed, tally.last_malformed) == (2, "name_pointer")


def test_a_malformed_forgery_does_not_hide_the_true_answer() -> None:
    with rogue(lambda asked, _: [asked[:2] + b"\x81\x80" + b"\xff" * 40, reply(asked, address())]) as server:
        assert inquire(server.port).message.answers[0].address == "203.0.113.10"


def test_a_truncated_answer_is_asked_for_over_tcp() -> None:
    def cut(asked: bytes, _: int) -> list[bytes]:
        return [reply(asked, address(), flags=0x8380)[:-20]]  # in the middle of a record, as some servers do

    tally = Tally()
    many = [address(octets=bytes([10, 0, i >> 8, i & 255])) for i in range(500)]
    with rogue(cut, lambda asked, _: [framed(reply(asked, *many))[:3], framed(reply(asked, *many))[3:]]) as server:
        found = inquire(server.port, tally)
    assert len(found.message.answers) == 500
    assert tally.truncated
    assert tally.tcp
    assert len(server.over_tcp) == 1


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([b"\x00\x20"], "broke_off"),  # closes before the message
        ([b""], "broke_off"),
        ([b"\x00\x05hello"], "no_answer"),  # too short to be an answer to anybody; the server then says no more
    ],
)
def test_a_tcp_side_that_fails_has_a_reason(pieces: list[bytes], reason: str) -> None:
    with rogue(lambda asked, _: [reply(asked, flags=0x8380)], lambda *_: pieces) as server:
        assert refused(server.port) in (reason, "broke_off")


def test_a_truncated_answer_without_a_tcp_side_is_refused() -> None:
    with rogue(lambda asked, _: [reply(asked, flags=0x8380)]) as server:
        assert refused(server.port) == "tcp_refused"


def test_a_server_that_knows_no_edns_is_asked_again_without_it() -> None:
    def old(asked: bytes, number: int) -> list[bytes]:
        plain = asked[10:12] == b"\0\0"
        if plain:
            return [reply(asked, address(), edns=False)]
        return [asked[:2] + b"\x81\x81" + bytes(8)]  # FORMERR, nothing repeated

    tally = Tally()
    with rogue(old) as server:
        assert inquire(server.port, tally).message.answers
    assert tally.edns_refused
    assert tally.sent == 2


def test_a_flood_of_forgeries_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_MOST_ODD", 20)
    with rogue(lambda *_: [b"\0" * 12] * 40) as server:
        began = time.monotonic()
        assert refused(server.port, timeout_s=30.0, tries=1) == "no_answer"
    assert time.monotonic() - began < 25


def test_a_closed_port_and_a_cancelled_run_have_their_reasons() -> None:
    with rogue(lambda *_: []) as server:
        assert refused(server.port, seconds=0.05, timeout_s=5.0) == "cut_short"
    assert refused(server.port) == "port_unreachable"
