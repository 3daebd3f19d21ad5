"""Reads the head of an HTTP/1 request (RFC 9112) and refuses what no speed-test client needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

MAX_HEAD: Final = 16 * 1024
MAX_BODY: Final = 1 << 40
METHODS: Final = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A field's name (RFC 9110 §5.6.2 token): nothing else may stand before the colon."""


class Refusal(Exception):  # noqa: N818 - an answer to the client, not an error of ours
    """The status that the client gets before the connection is closed, and a sentence where the status says too little.

    `answer` is the whole answer where it is more than a sentence.
    """

    def __init__(self, status: int, sentence: str = "", answer: bytes = b"") -> None:
        super().__init__(str(status))
        self.status = status
        self.sentence = sentence
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request's head."""

    method: str
    path: str
    query: Mapping[str, str]
    length: int
    """Octets of the body that follow."""
    keep_alive: bool
    expects_continue: bool


def head_size(received: bytes) -> int | None:
    """Octets of the head with its empty line, None while it is incomplete; `Refusal(431)` for an endless one."""
    end = received.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end >= 0:
        return end + 4
    if len(received) >= MAX_HEAD:
        raise Refusal(431)
    return None


def parse_request(head: bytes) -> HttpRequest:
    """The request in a complete head, or `Refusal` with 400, 405, 411, 413, 501 or 505."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    if any(_CONTROL.search(line) for line in (first, *lines)):
        raise Refusal(400)  # a bare CR, LF or NUL: two readers could see two requests (RFC 9112 §2.2, §11.1)
    parts = first.split(" ")
    if len(parts) != 3 or not parts[1].startswith("/"):
        raise Refusal(400)
    method, target, version = parts
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise Refusal(505 if version.startswith("HTTP/") else 400)
    if method not in METHODS:
        raise Refusal(405 if method in ("PUT", "PATCH", "TRACE", "CONNECT") else 501)
    fields = _fields(lines)
    path, _, query = target.partition("?")
    return HttpRequest(
        method=method,
        path=path,
        query=_query(query),
        length=_length(method, fields),
        keep_alive=_keeps(version, fields.get("connection", "").lower()),
        expects_continue=fields.get("expect", "").lower() == "100-continue",
    )


def _fields(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise Refusal(400)
        key = name.lower()
        if key in ("content-length", "transfer-encoding") and found.get(key, value.strip()) != value.strip():
            raise Refusal(400)  # two framings: RFC 9112 §6.3 (request smuggling)
        found[key] = value.strip()
    return found


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=32))
    except ValueError:
        raise Refusal(400) from None


def _length(method: str, fields: Mapping[str, str]) -> int:
    if "transfer-encoding" in fields:
        raise Refusal(411)  # upload clients know their length; a chunked body could not be discarded in the kernel
    if "content-length" not in fields:
        if method == "POST":
            raise Refusal(411)
        return 0
    text = fields["content-length"]
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400)
    if len(text) > 15 or int(text) > MAX_BODY:
        raise Refusal(413)
    return int(text)


def _keeps(version: str, connection: str) -> bool:
    words = {word.strip() for word in connection.split(",")}
    return "close" not in words if version == "HTTP/1.1" else "keep-alive" in words
