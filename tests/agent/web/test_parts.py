"""Addresses, heads and bodies: what a strict reader takes, and that nothing makes it raise anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net.binding import Unreachable
from doxa_agent.web import head, url
from doxa_agent.web.body import Body
from doxa_agent.web.head import Head

PLAIN = url.Url(tls=False, host="page.test", port=80, target="/a/b?c")


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ("/x", "http://page.test/x"),
        ("x?y#z", "http://page.test/a/x?y"),
        ("//other.test:8080", "http://other.test:8080/"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]/"),
        ("https://page.test:443/%C4%91", "https://page.test/%C4%91"),
        ("/đo", "http://page.test/%C4%91o"),
        ("HTTP://Page.Test/", "http://page.test/"),
    ],
)
def test_a_redirect_leads_where_its_location_says(location: str, text: str) -> None:
    assert PLAIN.joined(location).text == text


@pytest.mark.parametrize(
    "location",
    ["ftp://page.test/", "javascript:alert(1)", "https:///", "http://user:word@page.test/", "http://page.test:0/", "file:///etc/passwd",
     "http://page.test:99999/", "http://[::1", "/a b", "/a\r\nHost: evil", "http://" + "a" * 5000, "http://[fe80::1%25eth0]/"],
)  # fmt: skip
def test_a_location_that_is_no_place_for_us_is_refused(location: str) -> None:
    with pytest.raises(Unreachable) as error:
        PLAIN.joined(location)
    assert error.value.reason == "redirect_invalid"


@given(st.text(max_size=60))
def test_whatever_the_location_only_our_own_error_is_raised(location: str) -> None:
    try:
        found = PLAIN.joined(location)
    except Unreachable:
        return
    assert found.target.isascii()
    assert not set(found.target + found.host) & set(" \r\n\0")


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "octets",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 No\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"Space : x\r\n\r\n",
        OK + b"A: x\r\n folded\r\n\r\n",
        OK + b"A: \0\r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 1e3\r\n\r\n",
        OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
        OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"A: b\r\n" * 300 + b"\r\n",
    ],
)
def test_a_head_that_two_programs_could_read_differently_is_refused(octets: bytes) -> None:
    with pytest.raises(Unreachable) as error:
        head.parse(octets)
    assert error.value.reason == "http_protocol"


def test_a_head_without_an_end_is_given_up() -> None:
    assert head.parse(OK + b"A: b\r\n") is None
    with pytest.raises(Unreachable) as error:
        head.parse(OK + b"A: b\r\n" * 6000)
    assert error.value.reason == "http_head_endless"


@given(st.binary(max_size=80))
def test_whatever_the_head_only_our_own_error_is_raised(octets: bytes) -> None:
    for prefix in (b"", OK):
        try:
            found = head.parse(prefix + octets + b"\r\n\r\n")
        except Unreachable:
            continue
        assert found is None or found.size <= len(prefix) + len(octets) + 4


def a_head(**found: object) -> Head:
    return Head(**{"status": 200, "fields": {}, "size": 0, "chunked": False, "length": None, **found})  # type: ignore[arg-type]


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=20), st.lists(st.integers(1, 60), max_size=20))
def test_a_chunked_body_is_the_same_however_it_is_cut_into_chunks_and_pieces(
    octets: bytes, chunks: list[int], pieces: list[int]
) -> None:
    sent, rest = b"", octets
    for size in chunks:
        part, rest = rest[:size], rest[size:]
        if part:
            sent += b"%x;ext=1\r\n%s\r\n" % (len(part), part)
    if rest:
        sent += b"%X\r\n%s\r\n" % (len(rest), rest)
    sent += b"0\r\nTrailer: x\r\n\r\nextra"
    body = Body(a_head(chunked=True), 10_000)
    for size in [*pieces, len(sent)]:
        body.feed(sent[:size])
        sent = sent[size:]
    assert body.kept == octets
    assert body.complete
    assert body.extra == 5


@pytest.mark.parametrize(
    "octets",
    [b"x\r\n", b"\r\n", b"-1\r\n", b"123456789\r\n", b"1\n", b"1\r\nab\r\n", b"1\r\na\n", b"0x1\r\n", b"1" * 300, b"0\r\n" + b"A: b\r\n" * 2000],
)  # fmt: skip
def test_wrong_chunks_are_refused(octets: bytes) -> None:
    with pytest.raises(Unreachable) as error:
        Body(a_head(chunked=True), 1000).feed(octets)
    assert error.value.reason == "http_protocol"


@given(st.lists(st.binary(max_size=40), max_size=8), st.booleans(), st.none() | st.integers(0, 60))
def test_whatever_the_body_only_our_own_error_is_raised(pieces: list[bytes], chunked: bool, length: int | None) -> None:
    body = Body(a_head(chunked=chunked, length=None if chunked else length), 50)
    try:
        for piece in pieces:
            body.feed(piece)
        body.end()
    except Unreachable as error:
        assert error.reason in ("http_protocol", "body_short")
        return
    assert body.complete


def test_a_body_shorter_than_told_is_noticed_and_one_that_is_longer_is_counted() -> None:
    short = Body(a_head(length=5), 100)
    short.feed(b"abc")
    with pytest.raises(Unreachable) as error:
        short.end()
    assert error.value.reason == "body_short"
    long = Body(a_head(length=2), 100)
    long.feed(b"abcde")
    assert (bytes(long.kept), long.complete, long.extra) == (b"ab", True, 3)
