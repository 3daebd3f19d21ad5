"""ICMP echo packets: how a request is built and what in an answer proves that it is ours (RFC 792, RFC 4443).

The payload opens with a token that no other process can guess, then the far end's place in the run and the full sequence
number, so neither the 16-bit ICMP fields nor the identifier (which the kernel rewrites on a datagram socket) decide alone.
"""

import struct
from typing import Final, NamedTuple

TOKEN_BYTES: Final = 8
_HEADER_BYTES: Final = 8
_WHOLE: Final = struct.Struct(f"!BBHHH{TOKEN_BYTES}sII")  # type, code, checksum, identifier, sequence, and our mark
_MARK: Final = struct.Struct("!II")

MIN_PAYLOAD: Final = _WHOLE.size - _HEADER_BYTES
"""What must come back: far ends that shorten their answers to 64 octets are still told apart."""
MAX_PAYLOAD: Final = 1452
"""With the 8 octets of ICMP and 40 of IPv6 in a packet of 1500."""

REQUEST: Final = {4: 8, 6: 128}
REPLY: Final = {4: 0, 6: 129}


class Mark(NamedTuple):
    """Which request a packet belongs to."""

    place: int
    """The far end's index in the run."""
    seq: int
    """The request's number to that far end, from 0."""


def request(family: int, token: bytes, mark: Mark, size: int, identifier: int = 0, *, checksum: bool = False) -> bytes:
    """An echo request with `size` octets of payload.

    The kernel fills the checksum except on a raw IPv4 socket (`checksum`), and the identifier on a datagram socket.
    """
    kind, padding = REQUEST[family], bytes(size - MIN_PAYLOAD)
    head = _WHOLE.pack(kind, 0, 0, identifier, mark.seq & 0xFFFF, token, mark.place, mark.seq)
    if checksum:
        total = internet_checksum(head + padding)
        head = _WHOLE.pack(kind, 0, total, identifier, mark.seq & 0xFFFF, token, mark.place, mark.seq)
    return head + padding


def read_reply(packet: bytes, family: int, token: bytes) -> Mark | None:
    """The request that `packet` (from the ICMP header on) answers, or None where it is not an answer to this run."""
    return _read(packet, REPLY[family], token)


def read_quoted(packet: bytes, family: int, token: bytes) -> Mark | None:
    """The request of ours that an ICMP error quotes, or None; a router that quotes 8 octets only quotes no token."""
    return _read(packet, REQUEST[family], token)


def read_own(frame: bytes, token: bytes) -> Mark | None:
    """The request in a copy of what was sent, wherever behind link and IP headers it begins; None where it is cut."""
    start = frame.find(token)
    if start < 0 or len(frame) < start + TOKEN_BYTES + _MARK.size:
        return None
    return Mark._make(_MARK.unpack_from(frame, start + TOKEN_BYTES))


def _read(packet: bytes, kind: int, token: bytes) -> Mark | None:
    if len(packet) < _WHOLE.size:
        return None
    found_kind, code, _, _, short, found_token, place, seq = _WHOLE.unpack_from(packet)
    if found_kind != kind or code != 0 or found_token != token or seq & 0xFFFF != short:
        return None
    return Mark(place, seq)


def strip_ip_header(packet: bytes) -> bytes:
    """The ICMP part of what a raw IPv4 socket delivers (RFC 791 §3.1); empty where it is no IPv4 packet."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return b""
    length = (packet[0] & 0x0F) * 4
    return packet[length:] if length >= 20 else b""


def internet_checksum(octets: bytes) -> int:
    """The Internet checksum (RFC 1071) of `octets`, whose checksum field holds 0."""
    padded = octets + b"\0" * (len(octets) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
