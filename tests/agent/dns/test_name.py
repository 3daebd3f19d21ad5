"""Names: what is written comes back as it was, what cannot be is refused in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.dns import name
from doxa_agent.dns.name import Malformed

LABEL = st.binary(min_size=1, max_size=63)
NAMES = st.lists(LABEL, max_size=20).map(tuple).filter(lambda labels: len(name.encode(labels)) <= 255)


def test_a_name_is_read_with_or_without_its_last_dot_and_in_any_script() -> None:
    assert name.parse("Portal.xa.vn") == name.parse("Portal.xa.vn.") == (b"Portal", b"xa", b"vn")
    assert name.parse(".") == ()
    assert name.parse("đo.vn") == (b"xn--o-kia", b"vn")


@pytest.mark.parametrize("text", ["a..b", ".a", "a" * 64, ".".join(["a" * 60] * 5), "a b", "a\tb", "đ" * 80])
def test_what_cannot_be_a_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        name.parse(text)


@given(NAMES, st.binary(max_size=8), st.binary(max_size=8))
def test_a_name_comes_back_as_it_was_wherever_it_stands(labels: name.Name, before: bytes, after: bytes) -> None:
    octets = before + name.encode(labels) + after
    assert name.decode(octets, len(before)) == (labels, len(octets) - len(after))


def test_a_compressed_name_continues_where_its_pointer_leads() -> None:
    octets = b"\x02xa\x02vn\x00" + b"\x03www\xc0\x00" + b"!"
    assert name.decode(octets, 7) == ((b"www", b"xa", b"vn"), 13)


@pytest.mark.parametrize(
    ("octets", "at", "what"),
    [
        (b"\xc0\x00", 0, "name_pointer"),  # to itself
        (b"\x01a\xc0\x04\x01b\xc0\x00", 4, "name_pointer"),  # two that lead to each other
        (b"\xc0\x02\x00", 0, "name_pointer"),  # forward
        (b"\x01a\xc0\x00", 0, "name_pointer"),  # back to its own beginning: "aaaa…"
        (b"\x05ab", 0, "name_cut"),
        (b"\xc0", 0, "name_cut"),
        (b"", 0, "name_cut"),
        (b"\x40a\x00", 0, "name_label"),
        (b"\x80a\x00", 0, "name_label"),
        (b"\x3f" + b"a" * 63 + b"\xc0\x00", 64, "name_pointer"),
        ((b"\x3f" + b"a" * 63) * 4 + b"\x00", 0, "name_long"),
    ],
)
def test_loops_and_cut_or_overlong_names_are_refused(octets: bytes, at: int, what: str) -> None:
    with pytest.raises(Malformed) as error:
        name.decode(octets, at)
    assert error.value.what == what


@given(st.binary(max_size=600), st.integers(0, 600))
def test_whatever_the_octets_only_our_own_error_is_raised(octets: bytes, at: int) -> None:
    try:
        labels, after = name.decode(octets, at)
    except Malformed:
        return
    assert len(name.encode(labels)) <= name.MAX_NAME
    assert at < after <= len(octets)


def test_letters_of_both_cases_are_equal_and_strange_octets_are_shown_as_numbers() -> None:
    assert name.same((b"XA", b"vn"), (b"xa", b"VN"))
    assert not name.same((b"xa", b"vn"), (b"xa",))
    assert name.show((b"a.b", b"\x00\xff", b"vn")) == r"a\.b.\000\255.vn"
    assert name.show(()) == "."
