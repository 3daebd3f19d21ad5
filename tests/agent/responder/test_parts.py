"""The small parts of the far end: tokens, sessions, addresses, and what systemd gives and wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.responder import answers
from doxa_agent.responder.pacing import DEPTH_S, GRAIN, Bucket
from doxa_agent.responder.sessions import KEEP_S, MAX_BINS, MAX_SESSIONS, Session, Sessions, session_name


@given(st.floats(1, 2000), st.lists(st.floats(0.0005, 0.02), min_size=50, max_size=300))
def test_the_tokens_of_a_bucket_are_its_rate_whatever_the_ticks(rate: float, ticks: list[float]) -> None:
    bucket, now, passed = Bucket(rate, 0.0), 0.0, 0
    for tick in ticks:
        now += tick
        tokens = bucket.available(now)
        bucket.spend(tokens)
        passed += tokens
    assert passed == pytest.approx(rate * 1e6 / 8 * now, abs=GRAIN + len(ticks))


def test_an_idle_bucket_keeps_no_credit_and_a_late_one_a_little() -> None:
    bucket = Bucket(80, 0.0)
    bucket.rest(10.0)
    assert bucket.available(10.0) == 0
    assert bucket.available(60.0) == pytest.approx(10e6 * DEPTH_S)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("0123456789abcdef", "0123456789abcdef"),
        ("short", None),
        ("../../etc/passwd", None),
        (None, None),
        ("a" * 33, None),
    ],
)
def test_only_names_of_our_form_are_sessions(asked: str | None, name: str | None) -> None:
    assert session_name(asked) == name


def test_what_a_closed_connection_brought_stays() -> None:
    session = Session(touched=0.0)
    session.begin(0.0, 1)
    session.begin(0.0, 2)
    session.live[1], session.live[2] = 100.0, 50.0
    session.close(1)
    session.tick(0.05)
    assert session.octets == 150
    assert session.report()["bins_octets"] == [150]
    assert session.report()["connections"] == 2


def test_a_session_is_bounded_in_bins() -> None:
    session = Session(touched=0.0)
    session.begin(0.0, 1)
    for n in range(1, 2 * MAX_BINS):
        session.tick(n * 0.05)
    assert len(session.bins) == MAX_BINS


def test_sessions_are_bounded_in_number_and_forgotten_in_time() -> None:
    sessions = Sessions()
    for n in range(MAX_SESSIONS):
        assert sessions.open(f"{n:016x}", 0.0) is not None
    assert sessions.open("f" * 16, 0.0) is None
    sessions.forget(KEEP_S + 1)
    assert len(sessions) == 0
    assert sessions.open("f" * 16, 0.0) is not None


@pytest.mark.parametrize(
    ("peer", "shown"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1"), ("192.0.2.1", "192.0.2.1"), ("::1", "::1")],
)
def test_an_address_is_shown_in_its_own_form(peer: str, shown: str) -> None:
    assert answers.plain_address(peer) == shown
