"""The requests that we send and the answers that we read: HTTP/1.1 (RFC 9112), as little as LibreSpeed needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from doxa_agent.net.binding import Unreachable
from doxa_core import __version__

MAX_HEAD: Final = 16 * 1024
MAX_BODY: Final = 1024 * 1024


def request(method: str, host: str, target: str, *, length: int | None = None, keep: bool = True) -> bytes:
    """The head of a request. `host` is the Host field's value, `target` begins with a slash."""
    size = "" if length is None else f"Content-Length: {length}\r\nContent-Type: application/octet-stream\r\n"
    connection = "keep-alive" if keep else "close"
    return (
        f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: doxa/{__version__}\r\nAccept: */*\r\n"
        f"Accept-Encoding: identity\r\n{size}Connection: {connection}\r\n\r\n"
    ).encode()


def host_field(host: str, port: int, *, tls: bool = False) -> str:
    """The Host field: an IPv6 address stands in brackets without its zone (RFC 3986 §3.2.2, RFC 6874)."""
    name = f"[{host.partition('%')[0]}]" if ":" in host else host
    return name if port == (443 if tls else 80) else f"{name}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of an answer."""

    status: int
    fields: Mapping[str, str]
    """Names in lower case."""
    size: int
    """Octets of the head with its empty line."""

    @property
    def length(self) -> int | None:
        """Octets of the body where the server says so; None for a chunked or a close-delimited one."""
        text = self.fields.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 and not self.chunked else None

    @property
    def chunked(self) -> bool:
        """Whether the body is framed in chunks (RFC 9112 §7.1)."""
        return "chunked" in self.fields.get("transfer-encoding", "").lower()

    @property
    def closes(self) -> bool:
        """Whether the server ends the connection after this answer."""
        words = {word.strip() for word in self.fields.get("connection", "").lower().split(",")}
        return "close" in words or ("keep-alive" not in words and self.fields.get(":version") == "HTTP/1.0")


def parse_head(received: bytes) -> Head | None:
    """The head at the start of `received`, None while it is incomplete; `Unreachable("http_protocol")` if it is none."""
    if not received.startswith(b"HTTP/1."[: len(received)]):
        raise Unreachable("http_protocol")
    end = received.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        if len(received) >= MAX_HEAD:
            raise Unreachable("http_protocol")
        return None
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code = rest[:3]
    if not (len(code) == 3 and code.isascii() and code.isdigit() and rest[3:4] in ("", " ")):
        raise Unreachable("http_protocol")
    fields = {":version": version}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    return Head(status=int(code), fields=fields, size=end + 4)


@dataclass(slots=True)
class Answer:
    """A whole small answer, fed piece by piece: `complete` says when, `head` and `body` what."""

    head: Head | None = None
    body: bytes = b""
    complete: bool = False
    rest: bytes = field(default=b"", repr=False)

    def feed(self, piece: bytes) -> None:
        """Take what was received; an empty piece is the end of the stream. `Unreachable` for what is no answer."""
        self.rest += piece
        while self.head is None and not self.complete and self.rest:
            found = parse_head(self.rest)
            if found is None:
                break
            self.rest = self.rest[found.size :]
            if found.status >= 200:
                self.head = found  # what stands before is an interim answer (100 Continue)
        if self.head is not None:
            self._take_body(ended=not piece)
        if not piece and not self.complete:
            raise Unreachable("broke_off")
        if len(self.body) + len(self.rest) > MAX_BODY:
            raise Unreachable("http_protocol")

    def _take_body(self, *, ended: bool) -> None:
        head = self.head
        if head is None or self.complete:
            return
        if head.chunked:
            self._take_chunks()
            return
        wanted = 0 if head.status in (204, 304) else head.length
        if wanted is None:
            self.body, self.rest, self.complete = self.body + self.rest, b"", ended
        elif len(self.rest) >= wanted:
            self.body, self.rest, self.complete = self.rest[:wanted], self.rest[wanted:], True

    def _take_chunks(self) -> None:
        while not self.complete:
            line, newline, after = self.rest.partition(b"\r\n")
            if not newline:
                if len(line) > 1024:
                    raise Unreachable("http_protocol")
                return
            size = _chunk_size(line)
            if size == 0:
                self._end_chunks(after)
                return
            if len(after) < size + 2:
                return
            if after[size : size + 2] != b"\r\n":
                raise Unreachable("http_protocol")
            self.body, self.rest = self.body + after[:size], after[size + 2 :]

    def _end_chunks(self, after: bytes) -> None:
        """The trailer section: lines up to an empty one."""
        trailer, end, rest = (b"\r\n" + after).partition(b"\r\n\r\n")
        if end and len(trailer) < MAX_HEAD:
            self.rest, self.complete = rest, True


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip(b" \t")
    if not digits or len(digits) > 8 or any(d not in b"0123456789abcdefABCDEF" for d in digits):
        raise Unreachable("http_protocol")
    size = int(digits, 16)
    if size > MAX_BODY:
        raise Unreachable("http_protocol")
    return size
