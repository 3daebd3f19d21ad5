"""The extensions that may follow a STAMP packet: type, length, value and three flags each (RFC 8972 §4).

Known here: extra padding (type 1), direct measurement (5: the counters of both ends) and HMAC (8). What a reflector does
not know it returns with the U flag; what it cannot read, with the M flag; what fails its HMAC, with the I flag.
"""

import hashlib
import hmac
import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

EXTRA_PADDING: Final = 1
DIRECT_MEASUREMENT: Final = 5
HMAC: Final = 8

UNRECOGNISED: Final = 0x80
"""The U flag: set by a sender, cleared by a reflector that understood (RFC 8972 §4)."""
MALFORMED: Final = 0x40
FAILED_INTEGRITY: Final = 0x20

HEADER_BYTES: Final = 4
COUNTERS_BYTES: Final = 12
DIGEST_BYTES: Final = 16
_HEADER: Final = struct.Struct("!BBH")
_COUNTERS: Final = struct.Struct("!III")
_SEQUENCE: Final = struct.Struct("!I")
_LENGTHS: Final = {DIRECT_MEASUREMENT: COUNTERS_BYTES, HMAC: DIGEST_BYTES}
"""The types whose value has one length only."""
_COUNTED: Final = 0xFFFFFFFF


class PacketError(Exception):
    """These octets are no STAMP packet of the session's mode; `code` says why: `too_short`, `bad_hmac`, `bad_tlv`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Tlv(NamedTuple):
    """One extension."""

    kind: int
    value: bytes
    flags: int = UNRECOGNISED


class Counters(NamedTuple):
    """Packets of a session so far, each modulo 2^32 (direct measurement, RFC 8972 §4.5)."""

    sender_sent: int
    reflector_received: int
    reflector_sent: int
    """With the packet that carries this number."""

    def to_tlv(self) -> Tlv:
        """The extension as a sender puts it into a packet."""
        return Tlv(DIRECT_MEASUREMENT, _COUNTERS.pack(*(count & _COUNTED for count in self)))


def digest(key: bytes, text: bytes) -> bytes:
    """HMAC-SHA-256 truncated to 128 bits (RFC 8762 §4.4)."""
    return hmac.digest(key, text, hashlib.sha256)[:DIGEST_BYTES]


def encode(tlvs: Iterable[Tlv]) -> bytes:
    """The octets of the extensions, one after the other."""
    return b"".join(_HEADER.pack(tlv.flags, tlv.kind, len(tlv.value)) + tlv.value for tlv in tlvs)


def seal(sequence: int, tlvs: Iterable[Tlv], key: bytes) -> bytes:
    """The extensions with an HMAC over the packet's sequence number and themselves behind them (RFC 8972 §4.8)."""
    covered = encode(tlvs)
    return covered + encode([Tlv(HMAC, digest(key, _SEQUENCE.pack(sequence) + covered))])


def parse(tail: bytes) -> list[Tlv]:
    """The extensions in the octets behind a base packet; `PacketError("bad_tlv")` where one does not fit."""
    found, at = [], 0
    while at < len(tail):
        tlv = _read(tail, at)
        if tlv is None:
            raise PacketError("bad_tlv")
        found.append(tlv)
        at += HEADER_BYTES + len(tlv.value)
    return found


def _read(tail: bytes, at: int) -> Tlv | None:
    """The extension at that place; None where it is malformed: longer than what is left, or of a wrong length."""
    if at + HEADER_BYTES > len(tail):
        return None
    flags, kind, length = _HEADER.unpack_from(tail, at)
    end = at + HEADER_BYTES + length
    if end > len(tail) or _LENGTHS.get(kind, length) != length:
        return None
    return Tlv(kind, tail[at + HEADER_BYTES : end], flags)


def read_counters(tail: bytes, sequence: int, key: bytes | None) -> Counters | None:
    """The counters that a reflector filled into its reply; None where it did not, or their HMAC fails (`key`)."""
    try:
        tlvs = parse(tail)
    except PacketError:
        return None
    if any(tlv.flags & FAILED_INTEGRITY for tlv in tlvs) or (
        key is not None and not _sealed(tail, tlvs, sequence, key)
    ):
        return None
    for tlv in tlvs:
        if tlv.flags & MALFORMED:
            return None
        if tlv.kind == DIRECT_MEASUREMENT and not tlv.flags & UNRECOGNISED:
            return Counters(*_COUNTERS.unpack(tlv.value))
    return None


def _sealed(tail: bytes, tlvs: list[Tlv], sequence: int, key: bytes) -> bool:
    """Whether an HMAC that only padding follows covers the extensions before it (RFC 8972 §4.8)."""
    at = 0
    for place, tlv in enumerate(tlvs):
        if tlv.kind == HMAC:
            last = all(later.kind == EXTRA_PADDING for later in tlvs[place + 1 :])
            return last and hmac.compare_digest(tlv.value, digest(key, _SEQUENCE.pack(sequence) + tail[:at]))
        at += HEADER_BYTES + len(tlv.value)
    return len(tlvs) <= 1 and all(tlv.kind == EXTRA_PADDING for tlv in tlvs)


def reflect(tail: bytes, asked: int, answered: int, key: bytes | None, counters: Counters | None) -> bytes:
    """What a reflector returns for `tail`: as many octets, each extension with its flags and values of this end.

    `asked` and `answered` are the sequence numbers of the packet and of its reply, `counters` those of a stateful
    session (a stateless reflector has none and does not know direct measurement). Octets behind a malformed extension
    are returned as they came (RFC 8972 §4).
    """
    tlvs, rest = _split(tail)
    if key is not None and not rest and not _sealed(tail, tlvs, asked, key):
        return encode(tlv._replace(flags=FAILED_INTEGRITY) for tlv in tlvs)
    known = {EXTRA_PADDING} | ({HMAC} if key is not None else set())
    known |= {DIRECT_MEASUREMENT} if counters is not None else set()
    out = bytearray()
    for tlv in tlvs:
        value = tlv.value
        if not rest and tlv.kind in known:
            value = _answer(tlv, _SEQUENCE.pack(answered) + out, key, counters)
        out += encode([Tlv(tlv.kind, value, 0 if tlv.kind in known else UNRECOGNISED)])
    if rest:
        out += bytes([MALFORMED]) + rest[1:]
    return bytes(out)


def _answer(tlv: Tlv, covered: bytes, key: bytes | None, counters: Counters | None) -> bytes:
    """The value that a reflector returns in a known extension; `covered` is what an HMAC at this place is over."""
    if tlv.kind == DIRECT_MEASUREMENT and counters is not None:
        return tlv.value[:4] + _COUNTERS.pack(*(count & _COUNTED for count in counters))[4:]
    if tlv.kind == HMAC and key is not None:
        return digest(key, covered)
    return tlv.value


def _split(tail: bytes) -> tuple[list[Tlv], bytes]:
    """The sound extensions at the head of `tail`, and what begins with the first malformed one."""
    found, at = [], 0
    while at < len(tail) and (tlv := _read(tail, at)) is not None:
        found.append(tlv)
        at += HEADER_BYTES + len(tlv.value)
    return found, tail[at:]
