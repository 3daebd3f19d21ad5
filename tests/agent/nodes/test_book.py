"""One node's book: what is up, what is down, what is not known, and how long the silence lasted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.nodes.book import Asked, Book


def booked(*rows: Asked, down_after: int = 3) -> Book:
    book = Book(down_after=down_after)
    for row in rows:
        book.take(row)
    return book


def asked(pattern: str, **found: bool) -> list[Asked]:
    """One request a second: `!` answered, `.` silent, `x` not sent, `~` alive without a delay."""
    rows = []
    for second, mark in enumerate(pattern):
        delay = 2.0 if mark == "!" else None
        rows.append(Asked(sent_s=float(second), delay_ms=delay, alive=mark == "~", blind=mark == "x", **found))
    return rows


@pytest.mark.parametrize(
    ("pattern", "up"),
    [
        ("", None),
        ("!", True),
        ("..", None),
        ("...", False),
        ("!..", True),
        ("!...", False),
        ("...!", True),
        ("..~", True),
        ("!x", None),
        ("..x..", None),
        ("...x", None),
        ("!..x.", None),
    ],
)
def test_enough_silence_in_a_row_is_down_one_answer_is_up_and_our_own_fault_is_neither(
    pattern: str, up: bool | None
) -> None:
    assert booked(*asked(pattern)).up is up


def test_silence_under_our_own_load_needs_four_times_as_many_requests() -> None:
    assert booked(*asked("." * 11, loaded=True)).up is None
    book = booked(*asked("." * 12, loaded=True))
    assert book.up is False
    assert (book.sent, book.loaded) == (0, 12)


def test_the_longest_silence_reaches_from_a_silent_request_to_the_next_answered_one() -> None:
    book = booked(*asked("!.!..!!"))
    assert book.longest_s(10.0) == 2.0
    assert book.silence_s(10.0) is None
    assert booked(*asked("!!")).longest_s(10.0) == 0.0


def test_a_silence_that_goes_on_over_a_reading_is_told_in_its_full_length() -> None:
    book = booked(*asked("!..."))
    assert (book.silence_s(4.0), book.longest_s(4.0)) == (3.0, 3.0)
    book.tell(4.0)
    assert (book.sent, book.up, book.news) == (0, False, False)
    book.take(Asked(sent_s=20.0, delay_ms=1.0))
    assert (book.longest_s(21.0), book.up, book.news) == (19.0, True, True)
    book.tell(21.0)
    assert book.longest_s(22.0) == 0.0


@given(st.text("!.x~", max_size=60), st.integers(1, 5))
def test_the_counts_agree_with_what_was_booked(pattern: str, down_after: int) -> None:
    book = booked(*asked(pattern), down_after=down_after)
    assert book.sent == len(pattern) - pattern.count("x")
    assert len(book.delays_ms) == pattern.count("!")
    assert book.unsent == pattern.count("x")
    since = pattern.rpartition("x")[2]
    trailing = len(since) - len(since.rstrip("."))
    expected = False if trailing >= down_after else (True if set(since) & set("!~") else None)
    assert book.up is expected
