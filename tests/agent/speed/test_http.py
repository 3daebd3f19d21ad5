"""Answers are read piece by piece, whatever their framing, and rubbish is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net.binding import Unreachable
from doxa_agent.speed.http import MAX_HEAD, Answer, host_field, parse_head, request


def fed(*pieces: bytes) -> Answer:
    answer = Answer()
    for piece in pieces:
        answer.feed(piece)
    return answer


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"


def test_a_request_says_what_a_server_needs() -> None:
    found = request("POST", "a:8080", "/empty.php?r=1", length=5).decode()
    assert found.startswith("POST /empty.php?r=1 HTTP/1.1\r\nHost: a:8080\r\n")
    assert "Content-Length: 5\r\n" in found
    assert found.endswith("Connection: keep-alive\r\n\r\n")


@pytest.mark.parametrize(
    ("host", "port", "wanted"),
    [("a.vn", 80, "a.vn"), ("a.vn", 8080, "a.vn:8080"), ("fe80::1%eth0", 8080, "[fe80::1]:8080"), ("::1", 80, "[::1]")],
)
def test_the_host_field_is_what_rfc_9112_wants(host: str, port: int, wanted: str) -> None:
    assert host_field(host, port) == wanted


@given(
    st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=30), st.sampled_from(["length", "chunked", "close"])
)
def test_every_framing_gives_the_body_back_however_it_is_cut(body: bytes, cuts: list[int], framing: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nX: y\r\n"
    if framing == "length":
        whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    elif framing == "chunked":
        whole = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, 17)
    else:
        whole = head + b"Connection: close\r\n\r\n" + body
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(whole[at : at + cut])
        at += cut
    pieces = [piece for piece in [*pieces, whole[at:]] if piece]
    answer = fed(*pieces)
    if framing == "close":
        assert not answer.complete
        answer.feed(b"")
    assert answer.complete
    assert answer.body == body
    assert answer.head is not None
    assert answer.head.status == 200


@given(st.binary(max_size=400))
def test_rubbish_is_refused_or_waits_for_more_but_never_raises_anything_else(packed: bytes) -> None:
    answer = Answer()
    try:
        answer.feed(b"HTTP/1.1 200 OK\r\n" + packed)
    except Unreachable as error:
        assert error.reason in ("http_protocol", "broke_off")


@given(st.binary(min_size=1, max_size=60))
def test_what_does_not_begin_like_http_is_named_at_once(packed: bytes) -> None:
    if not packed.startswith(b"H") and not b"HTTP/1.".startswith(packed):
        with pytest.raises(Unreachable) as found:
            parse_head(packed)
        assert found.value.reason == "http_protocol"


def test_an_interim_answer_is_passed_over() -> None:
    answer = fed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert answer.complete
    assert answer.head is not None
    assert answer.head.status == 204


def test_what_follows_an_answer_is_kept_apart() -> None:
    assert fed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1").rest == b"HTTP/1.1"


def test_an_end_before_the_answer_is_a_break() -> None:
    with pytest.raises(Unreachable) as found:
        fed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", b"")
    assert found.value.reason == "broke_off"


def test_an_endless_head_is_refused() -> None:
    with pytest.raises(Unreachable) as found:
        parse_head(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MAX_HEAD)
    assert found.value.reason == "http_protocol"


@pytest.mark.parametrize("line", [b"-1", b"zz", b"", b"1" * 9, b"fffffff"])
def test_a_chunk_size_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(Unreachable):
        fed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + line + b"\r\n")


@pytest.mark.parametrize(
    ("fields", "closes"),
    [(b"", False), (b"Connection: close\r\n", True), (b"Connection: Keep-Alive, Close\r\n", True)],
)
def test_whether_the_server_hangs_up_is_known(fields: bytes, *, closes: bool) -> None:
    head = parse_head(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n")
    assert head is not None
    assert head.closes is closes


def test_http_1_0_hangs_up_unless_it_says_otherwise() -> None:
    head = parse_head(b"HTTP/1.0 200 OK\r\n\r\n")
    assert head is not None
    assert head.closes
