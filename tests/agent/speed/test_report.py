"""The receiver's report is read strictly; another server's answer is none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.responder.sessions import Session
from doxa_agent.speed.http import Answer
from doxa_agent.speed.report import read_report


def answer(body: bytes, status: int = 200) -> Answer:
    found = Answer()
    found.feed(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
    return found


def test_what_the_responder_writes_the_client_reads() -> None:
    session = Session(touched=0.0)
    session.begin(10.0, 1)
    session.live[1] = 1000.0
    session.tick(10.05)
    session.live[1] = 3000.0
    session.tick(10.11)
    found = read_report(answer(json.dumps(session.report()).encode()))
    assert found is not None
    assert (found.octets, found.connections, found.counted) == (3000, 1, "segments")
    assert [(round(b.seconds, 6), b.octets) for b in found.bins] == [(0.05, 1000), (0.06, 2000)]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"doxa":2}', b'{"doxa":1}', b"[" * 100_000])
def test_another_servers_page_is_no_report(body: bytes) -> None:
    assert read_report(answer(body)) is None


def test_an_error_page_is_no_report() -> None:
    assert read_report(answer(b'{"doxa":1}', 404)) is None


@given(
    st.fixed_dictionaries(
        {
            "doxa": st.just(1),
            "octets": st.one_of(st.integers(-5, 5), st.text(max_size=2), st.floats()),
            "seconds": st.one_of(st.floats(0, 9), st.none()),
            "bins_us": st.lists(st.one_of(st.integers(-1, 9), st.text(max_size=1)), max_size=3),
            "bins_octets": st.lists(st.integers(-1, 9), max_size=3),
            "counted": st.text(max_size=3),
            "connections": st.integers(-1, 3),
        }
    )
)
def test_a_report_of_rubbish_is_none_or_has_sane_numbers(found: dict[str, Any]) -> None:
    report = read_report(answer(json.dumps(found).encode()))
    if report is not None:
        assert report.octets >= 0
        assert all(b.seconds >= 0 and b.octets >= 0 for b in report.bins)
