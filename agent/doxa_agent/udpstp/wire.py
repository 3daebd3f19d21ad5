"""What every UDPSTP packet shares: its one error, the optional checksum and the authentication block (RFC 9946 §4, §5)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

VERSION: Final = 20
"""The protocol version of RFC 9946, the one that we speak."""
OLDEST_VERSION: Final = 11
"""The oldest version whose requests the server answers, as the reference implementation does (see `legacy.py`)."""
CONTROL_PORT: Final = 24601
NONE_32: Final = 0xFFFF_FFFF
"""On the wire: there is no such figure. In our records that is None."""

_BLOCK: Final = struct.Struct("!BI32sBBH")
BLOCK_SIZE: Final = _BLOCK.size
DIGEST_SIZE: Final = 32
_DIGEST_FROM_END: Final = DIGEST_SIZE + 4
_CHECKSUM_FROM_END: Final = 2
_NS: Final = 1_000_000_000

Made = TypeVar("Made")


class PduError(ValueError):
    """These bytes are not the packet that they should be; `code` says in what respect.

    One of `length`, `id`, `version`, `command`, `range` and `checksum`: for counting, never for an answer.
    """

    def __init__(self, code: str, what: str) -> None:
        super().__init__(f"{what}: {code}")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """The authentication block, the last 41 bytes of a control packet (RFC 9946)."""

    mode: int = 0
    """0 none, 1 control packets are signed; others are for the receiver to refuse."""
    unix_time: int = 0
    """Seconds since 1970, u32."""
    digest: bytes = bytes(DIGEST_SIZE)
    """HMAC-SHA-256 over the whole packet with this field and the checksum zero."""
    key_id: int = 0
    """0–255: which shared key."""

    def encode(self) -> bytes:
        """41 bytes; the checksum is 0, which means unused: UDP's own covers the packet."""
        return _BLOCK.pack(self.mode, self.unix_time, self.digest, self.key_id, 0, 0)

    @classmethod
    def decode(cls, data: bytes) -> "Authentication":
        """The block at the end of a control packet's bytes (its length is already checked)."""
        mode, unix_time, digest, key_id, _reserved, _checksum = _BLOCK.unpack_from(data, len(data) - BLOCK_SIZE)
        return cls(mode=mode, unix_time=unix_time, digest=digest, key_id=key_id)


def without_digest(data: bytes) -> bytes:
    """A control packet's bytes as its digest covers them: digest and checksum zero."""
    start, end = len(data) - _DIGEST_FROM_END, len(data) - _DIGEST_FROM_END + DIGEST_SIZE
    return data[:start] + bytes(DIGEST_SIZE) + data[end:-_CHECKSUM_FROM_END] + bytes(_CHECKSUM_FROM_END)


def with_digest(data: bytes, digest: bytes) -> bytes:
    """A control packet's bytes with this digest in its place."""
    start = len(data) - _DIGEST_FROM_END
    return data[:start] + digest + data[start + DIGEST_SIZE :]


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of bytes; 0 for bytes that already carry theirs."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def check_sum(data: bytes, at: int, what: str) -> None:
    """PduError where the packet carries a checksum at this offset (other than 0) that does not fit."""
    if data[at : at + 2] != b"\0\0" and checksum(data) != 0:
        raise PduError("checksum", what)


def check_head(data: bytes, size: int, number: int, what: str) -> None:
    """PduError unless these bytes have this length, begin with this identifier and keep their checksum, if any."""
    if len(data) != size:
        raise PduError("length", what)
    if int.from_bytes(data[:2], "big") != number:
        raise PduError("id", what)
    check_sum(data, size - _CHECKSUM_FROM_END, what)


def check(*good: bool, code: str, what: str) -> None:
    """PduError with this code unless all is good."""
    if not all(good):
        raise PduError(code, what)


def packed(form: struct.Struct, *values: object, what: str) -> bytes:
    """The bytes of these values; PduError where one does not fit its field."""
    try:
        return form.pack(*values)
    except struct.error:
        raise PduError("range", what) from None


def choice(kind: Callable[[int], Made], value: int, code: str, what: str) -> Made:
    """The member of an enumeration; PduError for a value that it does not have."""
    try:
        return kind(value)
    except ValueError:
        raise PduError(code, what) from None


def joined_ns(seconds: int, nanoseconds: int, what: str) -> int:
    """One time in ns from the wire's two fields; PduError for a fraction of a second or more."""
    check(nanoseconds < _NS, code="range", what=what)
    return seconds * _NS + nanoseconds


def split_ns(time_ns: int) -> tuple[int, int]:
    """The wire's two fields of a time in ns."""
    return divmod(time_ns, _NS)
