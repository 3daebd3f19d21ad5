"""The head of an answer, read strictly: what two programs could understand differently is refused (RFC 9112 §4–6)."""

import re
from dataclasses import dataclass
from typing import Final

from doxa_agent.net.binding import Unreachable

MAX_HEAD: Final = 32 * 1024
MAX_FIELDS: Final = 200
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n\0]*)?")
_FIELD: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_NO_BODY: Final = (204, 304)
_LONGEST: Final = 15
"""Digits of a Content-Length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status and fields of one answer."""

    status: int
    fields: dict[str, tuple[str, ...]]
    """Names in lower case, each with all its values in order."""
    size: int
    """Octets with the empty line."""
    chunked: bool
    length: int | None
    """Octets of the body; None where chunks or the connection's end delimit it."""

    def first(self, name: str) -> str | None:
        """The first value of a field."""
        values = self.fields.get(name)
        return values[0] if values else None


def parse(received: bytes) -> Head | None:
    """The head at the beginning of `received`, None while more is needed.

    Raises `Unreachable`: `http_protocol` for what is no HTTP/1 head or contradicts itself, `http_head_endless`.
    """
    if not received.startswith(b"HTTP/1."[: len(received)]):
        raise Unreachable("http_protocol")
    end = received.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        if len(received) >= MAX_HEAD:
            raise Unreachable("http_head_endless")
        return None
    first, *lines = received[:end].split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None or len(lines) > MAX_FIELDS:
        raise Unreachable("http_protocol")
    fields: dict[str, tuple[str, ...]] = {}
    for line in lines:
        if (field := _FIELD.fullmatch(line)) is None:
            raise Unreachable("http_protocol")
        name = field[1].decode("ascii").lower()
        fields[name] = (*fields.get(name, ()), field[2].decode("latin-1"))
    return _framed(int(status[1]), fields, end + 4)


def _framed(status: int, fields: dict[str, tuple[str, ...]], size: int) -> Head:
    """Decide how the body is delimited (RFC 9112 §6.3)."""
    lengths = {part.strip() for value in fields.get("content-length", ()) for part in value.split(",")}
    codings = [part.strip().lower() for value in fields.get("transfer-encoding", ()) for part in value.split(",")]
    if len(lengths) > 1 or (lengths and codings) or codings not in ([], ["chunked"]):
        raise Unreachable("http_protocol")
    length = None
    if lengths:
        (text,) = lengths
        if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
            raise Unreachable("http_protocol")
        length = int(text)
    if status in _NO_BODY or status < 200:
        length, codings = 0, []
    return Head(status=status, fields=fields, size=size, chunked=bool(codings), length=length)
