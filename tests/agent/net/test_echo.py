"""Echo packets: only what is whole and ours counts."""

from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net import echo

TOKEN = bytes(range(8))
MARKS = st.builds(echo.Mark, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
FAMILIES = st.sampled_from([4, 6])
SIZES = st.integers(echo.MIN_PAYLOAD, echo.MAX_PAYLOAD)


def reply_to(packet: bytes, family: int, identifier: bytes = b"\x12\x34") -> bytes:
    """What a far end makes of a request: another type, the kernel's own identifier and checksum."""
    return bytes([echo.REPLY[family], 0, 0xAB, 0xCD]) + identifier + packet[6:]


@given(FAMILIES, MARKS, SIZES)
def test_a_reply_leads_back_to_its_request(family: int, mark: echo.Mark, size: int) -> None:
    packet = echo.request(family, TOKEN, mark, size)
    assert len(packet) == 8 + size
    assert echo.read_reply(reply_to(packet, family), family, TOKEN) == mark
    assert echo.read_quoted(packet, family, TOKEN) == mark


@given(FAMILIES, MARKS, st.integers(0, 200))
def test_a_shortened_reply_counts_while_its_mark_is_whole(family: int, mark: echo.Mark, kept: int) -> None:
    packet = reply_to(echo.request(family, TOKEN, mark, 120), family)[:kept]
    assert echo.read_reply(packet, family, TOKEN) == (mark if kept >= 8 + echo.MIN_PAYLOAD else None)


@given(FAMILIES, st.binary(max_size=200))
def test_rubbish_is_nobodys_reply(family: int, packet: bytes) -> None:
    assert echo.read_reply(packet, family, TOKEN) is None
    assert echo.read_quoted(packet, family, TOKEN) is None


@given(FAMILIES, MARKS, st.integers(0, 19), st.integers(1, 255))
def test_a_single_wrong_octet_before_the_sequence_ends_it(family: int, mark: echo.Mark, place: int, by: int) -> None:
    whole = bytearray(reply_to(echo.request(family, TOKEN, mark, 56), family))
    whole[place] ^= by
    found = echo.read_reply(bytes(whole), family, TOKEN)
    unused = place in range(2, 6)  # checksum and identifier are the kernel's affair
    other_target = place in range(16, 20)  # another place: the address decides
    assert found == (mark if unused else echo.Mark(found.place, mark.seq) if found and other_target else None)


@given(FAMILIES, MARKS)
def test_another_runs_reply_is_foreign(family: int, mark: echo.Mark) -> None:
    packet = reply_to(echo.request(family, bytes(8), mark, 56), family)
    assert echo.read_reply(packet, family, TOKEN) is None


@given(MARKS, SIZES)
def test_a_request_is_no_reply_and_a_reply_no_request(mark: echo.Mark, size: int) -> None:
    packet = echo.request(4, TOKEN, mark, size)
    assert echo.read_reply(packet, 4, TOKEN) is None
    assert echo.read_quoted(reply_to(packet, 4), 4, TOKEN) is None


@given(MARKS, st.binary(max_size=60), st.integers(0, 100))
def test_our_own_copy_is_found_behind_any_headers(mark: echo.Mark, headers: bytes, cut: int) -> None:
    frame = headers + echo.request(4, TOKEN, mark, 56)
    assert echo.read_own(frame, TOKEN) == mark
    assert echo.read_own(frame[: len(headers) + min(cut, 8 + echo.MIN_PAYLOAD - 1)], TOKEN) is None


@given(MARKS, SIZES, st.integers(0, 0xFFFF))
def test_a_raw_request_carries_a_right_checksum(mark: echo.Mark, size: int, identifier: int) -> None:
    """RFC 1071: the sum over everything, checksum included, is all ones."""
    packet = echo.request(4, TOKEN, mark, size, identifier, checksum=True)
    assert echo.internet_checksum(packet) == 0


@given(st.binary(max_size=100))
def test_an_ip_header_is_stripped_by_its_own_length_or_not_at_all(packet: bytes) -> None:
    found = echo.strip_ip_header(packet)
    if len(packet) >= 20 and packet[0] >> 4 == 4 and packet[0] & 15 >= 5:
        assert found == packet[(packet[0] & 15) * 4 :]
    else:
        assert found == b""
