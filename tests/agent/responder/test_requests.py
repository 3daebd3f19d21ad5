"""Requests are read strictly: what no client needs gets a status, never an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.responder.requests import MAX_HEAD, Refusal, head_size, parse_request


def request(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode() + b"\r\n\r\n"


def test_a_browsers_upload_is_understood() -> None:
    found = parse_request(request("POST /backend/empty.php?r=0.5 HTTP/1.1\nHost: x\nContent-Length: 20971520"))
    assert (found.method, found.path, found.length) == ("POST", "/backend/empty.php", 20971520)
    assert found.query == {"r": "0.5"}
    assert found.keep_alive
    assert not found.expects_continue


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        ("GET / HTTP/1.1", True),
        ("GET / HTTP/1.1\nConnection: close", False),
        ("GET / HTTP/1.1\nConnection: TE, Close", False),
        ("GET / HTTP/1.0", False),
        ("GET / HTTP/1.0\nConnection: keep-alive", True),
    ],
)
def test_the_connection_is_kept_as_the_version_says(text: str, *, keeps: bool) -> None:
    assert parse_request(request(text)).keep_alive is keeps


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("rubbish", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET http://x/ HTTP/1.1", 400),
        ("GET / HTTP/2.0", 505),
        ("PUT / HTTP/1.1", 405),
        ("BREW / HTTP/1.1", 501),
        ("GET / HTTP/1.1\nno colon", 400),
        ("GET / HTTP/1.1\n folded: x", 400),
        ("POST / HTTP/1.1", 411),
        ("POST / HTTP/1.1\nTransfer-Encoding: chunked", 411),
        ("POST / HTTP/1.1\nContent-Length: -1", 400),
        ("POST / HTTP/1.1\nContent-Length: 1e9", 400),
        ("POST / HTTP/1.1\nContent-Length: ١", 400),
        ("POST / HTTP/1.1\nContent-Length: 99999999999999999999", 413),
        ("POST / HTTP/1.1\nContent-Length: 1\nContent-Length: 2", 400),
        ("GET /?" + "&".join(f"a{n}=1" for n in range(40)) + " HTTP/1.1", 400),
    ],
)
def test_what_is_refused_gets_its_status(text: str, status: int) -> None:
    with pytest.raises(Refusal) as found:
        parse_request(request(text))
    assert found.value.status == status


def test_a_head_is_waited_for_and_bounded() -> None:
    assert head_size(b"GET / HTTP/1.1\r\n") is None
    assert head_size(b"GET / HTTP/1.1\r\n\r\nbody") == 18
    with pytest.raises(Refusal) as found:
        head_size(b"x" * MAX_HEAD)
    assert found.value.status == 431


@given(st.binary(max_size=400))
def test_rubbish_is_refused_or_understood_and_nothing_else(packed: bytes) -> None:
    try:
        found = parse_request(packed + b"\r\n\r\n")
    except Refusal as refusal:
        assert 400 <= refusal.status < 600
    else:
        assert found.path.startswith("/")


@given(
    st.text("abcXYZ-", min_size=1, max_size=10),
    st.dictionaries(st.text("abc", min_size=1, max_size=4), st.text("xyz09", max_size=5), max_size=5),
    st.integers(0, 2**39),
)
def test_what_a_client_writes_is_what_we_read(name: str, query: dict[str, str], length: int) -> None:
    target = f"/{name}?" + "&".join(f"{k}={v}" for k, v in query.items())
    found = parse_request(request(f"POST {target} HTTP/1.1\nContent-Length: {length}"))
    assert (found.path, dict(found.query), found.length) == (f"/{name}", query, length)
