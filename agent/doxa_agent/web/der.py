"""What we need of an X.509 certificate: its time, its names, whether it vouches for itself (RFC 5280 §4.1, X.690 §8, §10).

OpenSSL verifies; this reads a certificate that did *not* verify, so that people learn what is wrong with it, and the
days that are left of one that did.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

_SEQUENCE, _INTEGER, _OID, _OCTETS, _BOOLEAN = 0x30, 0x02, 0x06, 0x04, 0x01
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_SUBJECT_ALT_NAME: Final = bytes.fromhex("551d11")
_MOST_NAMES: Final = 1000


class NotACertificate(Exception):  # noqa: N818 - it says what the octets are
    """The octets are no certificate; the only exception that `read` raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate."""

    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    """The subject's alternative names: DNS names in lower case, `*` included, and addresses."""
    issued_to_itself: bool
    """Subject and issuer are the same: nobody else vouches for it."""

    def fits(self, host: str) -> bool:
        """Whether it is for this host: an exact name, or a `*` for exactly the first label (RFC 9525 §6.3)."""
        wanted = host.lower().removesuffix(".")
        rest = wanted.partition(".")[2]
        return any(name == wanted or (rest and "." in rest and name == f"*.{rest}") for name in self.names)


def read(octets: bytes) -> Certificate:
    """The certificate in its DER octets."""
    try:
        return _read(octets)
    except (IndexError, ValueError, OverflowError):  # UnicodeDecodeError is a ValueError
        raise NotACertificate from None


class _Reader:
    """Walks over the elements of one level."""

    def __init__(self, octets: bytes) -> None:
        self._octets, self._at = octets, 0

    @property
    def more(self) -> bool:
        """Whether something is left."""
        return self._at < len(self._octets)

    def peek(self) -> int:
        """The tag of the next element."""
        return self._octets[self._at]

    def take(self, wanted: int | None = None) -> bytes:
        """The content of the next element, which must have the tag that is `wanted`."""
        return self.whole(wanted)[1]

    def whole(self, wanted: int | None = None) -> tuple[bytes, bytes]:
        """All octets of the next element, and its content."""
        begin, tag, length = self._at, self._octets[self._at], self._octets[self._at + 1]
        start = begin + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("length")
            length = int.from_bytes(self._octets[start : start + count], "big")
            start += count
        self._at = start + length
        if (wanted is not None and tag != wanted) or self._at > len(self._octets) or tag & 0x1F == 0x1F:
            raise ValueError("tag or length")
        return self._octets[begin : self._at], self._octets[start : self._at]


def _read(octets: bytes) -> Certificate:
    fields = _Reader(_Reader(_Reader(octets).take(_SEQUENCE)).take(_SEQUENCE))
    if fields.peek() == _VERSION:
        fields.take()
    fields.take(_INTEGER)
    fields.take(_SEQUENCE)
    issuer, _ = fields.whole(_SEQUENCE)
    validity = _Reader(fields.take(_SEQUENCE))
    not_before, not_after = _time(validity), _time(validity)
    subject, _ = fields.whole(_SEQUENCE)
    fields.take(_SEQUENCE)
    names: tuple[str, ...] = ()
    while fields.more:
        if fields.peek() == _EXTENSIONS:
            names = _alternative_names(_Reader(_Reader(fields.take()).take(_SEQUENCE)))
        else:
            fields.take()
    return Certificate(not_before=not_before, not_after=not_after, names=names, issued_to_itself=issuer == subject)


def _time(reader: _Reader) -> datetime:
    """UTCTime with two digits of the year, 50 and later are of the last century; or GeneralizedTime (§4.1.2.5)."""
    tag = reader.peek()
    text = reader.take().decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("time")
    if len(text) != 15 or not (text[:14].isdigit() and text[14] == "Z"):
        raise ValueError("time")
    year, *rest = (int(text[start:end]) for start, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14)))
    month, day, hour, minute, second = rest
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _alternative_names(extensions: _Reader) -> tuple[str, ...]:
    while extensions.more:
        one = _Reader(extensions.take(_SEQUENCE))
        if one.take(_OID) != _SUBJECT_ALT_NAME:
            continue
        if one.peek() == _BOOLEAN:
            one.take()
        return _names(_Reader(_Reader(one.take(_OCTETS)).take(_SEQUENCE)))
    return ()


def _names(general: _Reader) -> tuple[str, ...]:
    found: list[str] = []
    while general.more and len(found) < _MOST_NAMES:
        tag = general.peek()
        content = general.take()
        if tag == _DNS_NAME:
            found.append(content.decode("ascii").lower())
        elif tag == _IP_ADDRESS:
            found.append(str(ip_address(content)))
    return tuple(found)
