"""The body of an answer: counted as it comes, kept up to a bound, its delimiting checked (RFC 9112 §6–7)."""

from typing import Final

from doxa_agent.net.binding import Unreachable
from doxa_agent.web.head import Head

_LONGEST_LINE: Final = 256
_LONGEST_TRAILER: Final = 8 * 1024
_SIZE_DIGITS: Final = 8
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class Body:
    """Fed with what follows the head: `complete` says when it is whole, `full` that the bound is reached."""

    def __init__(self, head: Head, limit: int) -> None:
        self._head, self._limit = head, limit
        self.kept = bytearray()
        """The octets of the body, framing taken off."""
        self.complete = head.length == 0 and not head.chunked
        self.extra = 0
        """Octets behind the end of a body whose length was told."""
        self._chunks = _Chunks() if head.chunked else None

    @property
    def full(self) -> bool:
        """Whether it is longer than may be read."""
        return len(self.kept) > self._limit

    def feed(self, piece: bytes) -> None:
        """Take what was received. `Unreachable("http_protocol")` where the framing is wrong."""
        if self.complete:
            self.extra += len(piece)
        elif self._chunks is not None:
            self.complete, rest = self._chunks.feed(piece, self.kept)
            self.extra += rest
        elif self._head.length is None:
            self.kept += piece
        else:
            room = self._head.length - len(self.kept)
            self.kept += piece[:room]
            self.extra += max(0, len(piece) - room)
            self.complete = len(self.kept) == self._head.length

    def end(self) -> None:
        """The connection ended. `Unreachable("body_short")` where something was still to come."""
        if self._head.length is None and self._chunks is None:
            self.complete = True
        if not self.complete:
            raise Unreachable("body_short")


class _Chunks:
    """The chunked coding (RFC 9112 §7.1), piece by piece in time that grows with the octets only."""

    def __init__(self) -> None:
        self._line = bytearray()
        """The unfinished line of a size or of the trailer."""
        self._left = 0
        """Octets of the chunk that are to come, and then two for its line end."""
        self._in_data = False
        self._in_trailer = False
        self._trailer = 0

    def feed(self, piece: bytes, kept: bytearray) -> tuple[bool, int]:
        """Move the octets of chunks to `kept`; whether the last one is there, and how many octets follow it."""
        at = 0
        while at < len(piece):
            if self._in_data:
                at = self._take_data(piece, at, kept)
                continue
            end = piece.find(b"\n", at)
            stop = len(piece) if end < 0 else end + 1
            self._line += piece[at:stop]
            at = stop
            if len(self._line) > _LONGEST_LINE and not self._in_trailer:
                raise Unreachable("http_protocol")
            if self._in_trailer:
                self._trailer += len(self._line) if end >= 0 else 0
                if max(self._trailer, len(self._line)) > _LONGEST_TRAILER:
                    raise Unreachable("http_protocol")
            if end >= 0 and self._take_line():
                return True, len(piece) - at
        return False, 0

    def _take_data(self, piece: bytes, at: int, kept: bytearray) -> int:
        """Octets of a chunk, and the CRLF behind them."""
        step = min(self._left, len(piece) - at)
        kept += piece[at : at + step]
        self._left -= step
        at += step
        while not self._left and at < len(piece) and self._in_data:
            self._line.append(piece[at])
            at += 1
            if not b"\r\n".startswith(self._line):
                raise Unreachable("http_protocol")
            if len(self._line) == 2:
                self._line.clear()
                self._in_data = False
        return at

    def _take_line(self) -> bool:
        """A whole line: a size, or one of the trailer; True behind the empty one at the end."""
        line = bytes(self._line)
        self._line.clear()
        if not line.endswith(b"\r\n"):
            raise Unreachable("http_protocol")
        if self._in_trailer:
            return line == b"\r\n"
        digits = line[:-2].partition(b";")[0].rstrip(b" \t")
        if not 0 < len(digits) <= _SIZE_DIGITS or not _HEX.issuperset(digits):
            raise Unreachable("http_protocol")
        self._left = int(digits, 16)
        self._in_trailer, self._in_data = not self._left, bool(self._left)
        return False
