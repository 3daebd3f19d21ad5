"""Who gets a test: the books of the bandwidth, and the patience with each source."""

import random

from doxa_agent.udpstp.admission import Admission, Grant, Patience


def test_the_books_of_the_bandwidth_balance() -> None:
    books, held = Admission(bandwidth_mbps=100, most_tests=5), list[Grant]()
    source = random.Random(3)
    for _ in range(2000):
        got = books.ask(upstream=source.random() < 0.5, mbps=source.randint(1, 60))
        held += [got] if isinstance(got, Grant) else []
        if held and source.random() < 0.6:
            books.give_back(held.pop(source.randrange(len(held))))
        assert max(books.granted.values()) <= 100
        assert (books.tests, sum(books.granted.values())) == (len(held), sum(grant.mbps for grant in held))


def test_patience_comes_back_with_time_and_a_whole_ipv6_network_shares_it() -> None:
    patience = Patience(burst=3, per_second=1)
    assert [patience.spend("192.0.2.1", 0.0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert [patience.spend("192.0.2.1", 2.0) for _ in range(3)] == [True, True, False]
    assert patience.spend("192.0.2.2", 2.0)
    assert [patience.spend(f"2001:db8::{n}", 0.0) for n in range(5)] == [True] * 3 + [False] * 2
    for number in range(10_000):
        patience.spend(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 3.0)
    assert len(patience) <= 4096
