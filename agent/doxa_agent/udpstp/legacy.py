"""Protocol versions 11–19, from before RFC 9946: their packets as those of version 20 and back, at the server's border.

Seen in the reference implementation, which answers them: the Setup packets are the same but a signature is made with the shared
key itself and answers are not signed; there is no Null request; a Test Activation (60 bytes) has no authentication,
counts its sub-interval in seconds at 14 and keeps its checksum at 58; a Status (168 bytes) ends behind its send time,
has 4 bytes of padding behind the number of datagrams and behind the statistics of the sub-interval, and its checksum at 146.
Load packets are the same.
"""

import struct
from typing import Final

from doxa_agent.udpstp.activation import ACTIVATION_SIZE
from doxa_agent.udpstp.status import STATUS_SIZE
from doxa_agent.udpstp.wire import OLDEST_VERSION, VERSION, check, check_sum

LEGACY: Final = range(OLDEST_VERSION, VERSION)
ACTIVATION_LEGACY_SIZE: Final = 60
STATUS_LEGACY_SIZE: Final = 168
_VERSION_AT: Final = 2
_SECONDS_AT: Final = 14
_SUB_INTERVAL_AT: Final = 56
_ACTIVATION_CHECKSUM_AT: Final = 58
_STATUS_CHECKSUM_AT: Final = 146
_CHECKSUM_SIZE: Final = 2
_FIRST, _SECOND, _END = 44, 52, 64
"""Lengths of the three parts of a Status between which the padding stands."""
_PAD: Final = bytes(4)


def activation_from(data: bytes, version: int) -> bytes:
    """A Test Activation of that version as one of version 20; PduError for what is none."""
    check(len(data) == ACTIVATION_LEGACY_SIZE, code="length", what="activation")
    check_sum(data, _ACTIVATION_CHECKSUM_AT, "activation")
    (found,) = struct.unpack_from("!H", data, _VERSION_AT)
    check(found == version, code="version", what="activation")
    made = bytearray(data[:_SUB_INTERVAL_AT].ljust(ACTIVATION_SIZE, b"\0"))
    struct.pack_into("!H", made, _VERSION_AT, VERSION)
    struct.pack_into("!H", made, _SUB_INTERVAL_AT, min(0xFFFF, data[_SECONDS_AT] * 1000))
    made[_SECONDS_AT] = 0
    return bytes(made)


def activation_to(data: bytes, version: int) -> bytes:
    """A Test Activation of version 20 as one of that version."""
    made = bytearray(data[:_SUB_INTERVAL_AT].ljust(ACTIVATION_LEGACY_SIZE, b"\0"))
    struct.pack_into("!H", made, _VERSION_AT, version)
    made[_SECONDS_AT] = struct.unpack_from("!H", data, _SUB_INTERVAL_AT)[0] // 1000
    return bytes(made)


def status_from(data: bytes) -> bytes:
    """A Status of 168 bytes as one of version 20; PduError for another length or a wrong checksum."""
    check(len(data) == STATUS_LEGACY_SIZE, code="length", what="status")
    check_sum(data, _STATUS_CHECKSUM_AT, "status")
    clean = data[:_STATUS_CHECKSUM_AT] + bytes(_CHECKSUM_SIZE) + data[_STATUS_CHECKSUM_AT + _CHECKSUM_SIZE :]
    first, rest = clean[:_FIRST], clean[_FIRST + len(_PAD) :]
    second, rest = rest[:_SECOND], rest[_SECOND + len(_PAD) :]
    return (first + second + rest).ljust(STATUS_SIZE, b"\0")


def status_to(data: bytes) -> bytes:
    """A Status of version 20 as one of 168 bytes."""
    first, rest = data[:_FIRST], data[_FIRST:]
    return first + _PAD + rest[:_SECOND] + _PAD + rest[_SECOND : _SECOND + _END]
