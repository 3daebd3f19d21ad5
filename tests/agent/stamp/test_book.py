"""The fate of packets by direction, against a line whose truth is known."""

import random

from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.stamp.book import Answer, Book, Directions, directions, far_steps, overtaken
from doxa_agent.stamp.tlv import Counters

MS = 1_000_000


def answer(asked: int, number: int, *, counters: bool = True, **more: int) -> Answer:
    found = {"trip": 20 * MS, "residence": MS, "out": 10 * MS, "back": 9 * MS, "ttl": 60} | more
    told = Counters(asked + 1, number + 1, number + 1) if counters else None
    return Answer(
        asked=asked, number=number, counters=told, bound_ms=None, ptp=False, by_kernel=True, stepped=False, **found
    )


def book_of(sent: int, answers: list[Answer]) -> Book:
    book = Book()
    for number in range(sent):
        book.sent_real.append(number * 1000 * MS)
        book.sent_mono.append(number * 1000 * MS)
        book.stamps.append(number)
    for found in answers:
        book.add(found, 1000 * MS)
    return book


@given(st.integers(1, 200), st.integers(0, 60), st.integers(0, 60), st.booleans(), st.randoms(use_true_random=False))
def test_loss_is_told_apart_by_direction_up_to_the_last_answer(
    sent: int, out_loss: int, back_loss: int, counting: bool, chance: random.Random
) -> None:
    """Every request has a fate; what is said about the two directions must be that fate, exactly."""
    arrived = [n for n in range(sent) if chance.randrange(100) >= out_loss]
    returned = [(n, number) for number, n in enumerate(arrived) if chance.randrange(100) >= back_loss]
    found = directions(book_of(sent, [answer(n, number, counters=counting) for n, number in returned]))
    if not returned:
        assert found == "no_reply"
        return
    last = returned[-1][0]
    if isinstance(found, str):
        assert (found, counting) == ("reflector_stateless", False)
        assert all(n == number for n, number in returned)
        return
    assert (found.asked, found.arrived) == (last + 1, sum(n <= last for n in arrived))
    assert (found.returned, found.unattributed) == (len(returned), sent - last - 1)
    assert (found.reordered_out, found.reordered_back) == (0, 0)


def test_numbers_that_are_copied_tell_no_direction() -> None:
    book = book_of(10, [answer(n, n, counters=False) for n in (0, 1, 5, 9)])
    assert directions(book) == "reflector_stateless"


def test_a_reflector_that_began_anew_is_noticed() -> None:
    book = book_of(10, [answer(n, n % 5) for n in range(10)])
    assert directions(book) == "reflector_count_broken"


def test_a_reflector_that_counted_more_than_was_asked_is_not_believed() -> None:
    assert directions(book_of(3, [answer(0, 700), answer(1, 701)])) == "reflector_count_broken"


def test_a_request_that_came_twice_is_no_loss_on_the_way_back() -> None:
    book = book_of(3, [answer(0, 0), answer(1, 1), answer(1, 2), answer(2, 3)])
    found = directions(book)
    assert isinstance(found, Directions)
    assert (found.arrived, found.returned, book.duplicated_out, book.duplicated_back) == (3, 3, 1, 0)


def test_a_reply_that_came_twice_is_no_further_packet() -> None:
    book = book_of(2, [answer(0, 0), answer(0, 0), answer(1, 1)])
    found = directions(book)
    assert isinstance(found, Directions)
    assert (found.arrived, len(book.answers), book.duplicated_out, book.duplicated_back) == (2, 2, 0, 1)


def test_overtaking_is_told_apart_by_direction() -> None:
    out = directions(book_of(4, [answer(1, 0), answer(0, 1), answer(2, 2), answer(3, 3)]))
    back = directions(book_of(4, [answer(1, 1), answer(0, 0), answer(2, 2), answer(3, 3)]))
    assert isinstance(out, Directions)
    assert isinstance(back, Directions)
    assert (out.reordered_out, out.reordered_back) == (1, 0)
    assert (back.reordered_out, back.reordered_back) == (0, 1)


def test_a_late_reply_is_neither_received_nor_lost_on_the_way() -> None:
    book = book_of(3, [answer(0, 0), answer(1, 1, trip=1500 * MS), answer(2, 2)])
    found = directions(book)
    assert isinstance(found, Directions)
    assert (len(book.answers), len(book.late), found.arrived, found.returned) == (2, 1, 3, 3)


def test_a_residence_that_cannot_be_gives_no_delay() -> None:
    assert answer(0, 0, residence=-1).delay is None
    assert answer(0, 0, residence=21 * MS).delay is None
    assert answer(0, 0).delay == 19 * MS


def test_overtaken_counts_what_came_after_a_larger_number() -> None:
    assert [overtaken(n) for n in ([], [0, 1, 2], [2, 0, 1, 3], [3, 2, 1, 0])] == [0, 0, 2, 3]


def test_a_step_of_the_far_clock_is_found_where_no_path_could_have_made_it() -> None:
    steady = [answer(n, n) for n in range(5)]
    stepped = [answer(n, n, out=510 * MS, back=-491 * MS) for n in range(5, 8)]
    assert far_steps(book_of(8, steady + stepped)) == {5}


@given(
    st.lists(st.tuples(st.integers(0, 50 * MS), st.integers(0, 50 * MS)), max_size=30), st.integers(-(10**18), 10**18)
)
def test_no_path_looks_like_a_step_however_uneven(delays: list[tuple[int, int]], offset: int) -> None:
    found = [
        answer(n, n, trip=out + back + MS, residence=MS, out=out + offset, back=back - offset)
        for n, (out, back) in enumerate(delays)
    ]
    assert far_steps(book_of(len(found), found)) == frozenset()


def test_our_clock_set_between_two_requests_is_noticed() -> None:
    book = book_of(4, [answer(n, n) for n in range(4)])
    assert not book.stepped
    book.sent_real[3] += 2 * MS
    assert book.stepped
