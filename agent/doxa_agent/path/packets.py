"""The octets of a probe: what stays the same so that a balancer keeps to one path, and what tells the probe apart.

A balancer chooses by addresses, protocol, ports (UDP), or by type, code, checksum and identifier (ICMP), RFC 6438 adds the
flow label. All of those stay the same. A UDP probe is told apart by its payload (and so by its checksum), an ICMP echo
request by its sequence number, whose complement stands in the payload and keeps the checksum.
"""

import struct
from typing import Final

from doxa_agent.net import echo

TOKEN_BYTES: Final = 8
PAYLOAD: Final = 32
"""Octets behind the UDP or ICMP header."""
MAX_SEQ: Final = 0xFFFF
_MARK: Final = struct.Struct(f"!{TOKEN_BYTES}sH")
MARK_BYTES: Final = _MARK.size
_HEADER: Final = struct.Struct("!BBHHH")
ICMP_HEADER: Final = _HEADER.size


def udp_payload(token: bytes, seq: int) -> bytes:
    """The payload of the UDP probe `seq`."""
    return _MARK.pack(token, seq).ljust(PAYLOAD, b"\0")


def read_udp(payload: bytes, token: bytes) -> int | None:
    """The probe that a quoted or returned payload belongs to; None where it is cut off or not ours."""
    if len(payload) < _MARK.size:
        return None
    found, seq = _MARK.unpack_from(payload)
    return int(seq) if found == token else None


def echo_request(family: int, token: bytes, identifier: int, seq: int, *, checksum: bool = False) -> bytes:
    """The ICMP echo request `seq`; `checksum` where the kernel does not fill it in (a raw IPv4 socket)."""
    payload = _MARK.pack(token, MAX_SEQ - seq).ljust(PAYLOAD, b"\0")
    kind = echo.REQUEST[family]
    total = echo.internet_checksum(_HEADER.pack(kind, 0, 0, identifier, seq) + payload) if checksum else 0
    return _HEADER.pack(kind, 0, total, identifier, seq) + payload


def read_echo(packet: bytes, family: int, token: bytes) -> int | None:
    """The request that an echo reply (from the ICMP header on) answers; None where it is not one of ours."""
    if len(packet) < ICMP_HEADER + _MARK.size:
        return None
    kind, code, _, _, seq = _HEADER.unpack_from(packet)
    found, rest = _MARK.unpack_from(packet, ICMP_HEADER)
    ours = kind == echo.REPLY[family] and code == 0 and found == token and rest == MAX_SEQ - seq
    return int(seq) if ours else None


def read_quoted_echo(packet: bytes, family: int, token: bytes, identifier: int | None) -> int | None:
    """The request that an ICMP error quotes; the 8 octets that RFC 792 promises are enough.

    `identifier` is asked for where the kernel has not sorted by it already (a raw socket).
    """
    if len(packet) < ICMP_HEADER:
        return None
    kind, code, _, ident, seq = _HEADER.unpack_from(packet)
    if kind != echo.REQUEST[family] or code != 0 or identifier not in (None, ident):
        return None
    if len(packet) >= ICMP_HEADER + _MARK.size and _MARK.unpack_from(packet, ICMP_HEADER)[0] != token:
        return None
    return int(seq)


def read_own(frame: bytes, token: bytes, *, complement: bool) -> int | None:
    """The probe in the kernel's copy of what was sent, behind whatever headers; None where it is not whole."""
    start = frame.find(token)
    if start < 0 or len(frame) < start + _MARK.size:
        return None
    seq = int(_MARK.unpack_from(frame, start)[1])
    return MAX_SEQ - seq if complement else seq
