"""The test packets of STAMP (RFC 8762 §4.2 and §4.3, with the session identifier of RFC 8972 §3).

The base packet has 44 octets in the unauthenticated mode, 112 in the authenticated one, whose last 16 are an HMAC over
the 96 before it; extensions (tlv.py) may follow. Request and reply have the same size. Fields that must be zero are
written as zero and not looked at, as the RFC wants.

Whatever the octets: a parser here returns a packet or raises `PacketError`, nothing else.
"""

import hmac
import struct
from dataclasses import dataclass
from typing import Final

from doxa_agent.stamp.timestamp import ErrorEstimate
from doxa_agent.stamp.tlv import DIGEST_BYTES, PacketError, digest

OPEN_BYTES: Final = 44
"""The base packet without authentication."""
SEALED_BYTES: Final = 112
"""The base packet with authentication."""
_COVERED: Final = SEALED_BYTES - DIGEST_BYTES

_REQUEST: Final = {
    False: struct.Struct("!I Q H H 28x"),
    True: struct.Struct("!I 12x Q H H 68x"),
}
"""Sequence number, timestamp, error estimate, session identifier; by whether the packet is authenticated."""
_REPLY: Final = {
    False: struct.Struct("!I Q H H Q I Q H 2x B 3x"),
    True: struct.Struct("!I 12x Q H H 4x Q 8x I 12x Q H 6x B 15x"),
}
"""The reflector's sequence number, timestamp, error estimate, the session identifier, when it received; then the sender's
sequence number, timestamp, error estimate, and the TTL that was left on arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a session sender sends. Timestamps are the 64 bits of the wire; `error` says in which format."""

    sequence: int
    timestamp: int
    error: ErrorEstimate
    ssid: int = 0
    """The session identifier of RFC 8972 §3; 0 where it is not used."""
    tail: bytes = b""
    """The octets of the extensions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a session reflector returns."""

    sequence: int
    """Its own count in the stateful mode, the sender's number in the stateless one (RFC 8762 §4.3.1)."""
    timestamp: int
    """T3: when it began to send."""
    error: ErrorEstimate
    ssid: int
    received: int
    """T2: when the request came."""
    asked_sequence: int
    asked_timestamp: int
    """T1 as the request had it."""
    asked_error: int
    """The request's error estimate, as it came."""
    ttl: int
    """TTL or hop limit of the request on arrival."""
    tail: bytes = b""


def base_bytes(key: bytes | None) -> int:
    """The size of a base packet of the mode."""
    return OPEN_BYTES if key is None else SEALED_BYTES


def encode_request(packet: Request, key: bytes | None = None) -> bytes:
    """The octets of a request; with `key` in the authenticated mode."""
    base = _REQUEST[key is not None].pack(packet.sequence, packet.timestamp, packet.error.to_wire(), packet.ssid)
    return _sign(base, key) + packet.tail


def parse_request(octets: bytes, key: bytes | None = None) -> Request:
    """The request in `octets`; `PacketError` with `too_short` or `bad_hmac`. The extensions are not looked at."""
    _check(octets, key)
    sequence, timestamp, error, ssid = _REQUEST[key is not None].unpack_from(octets)
    return Request(
        sequence=sequence,
        timestamp=timestamp,
        error=ErrorEstimate.from_wire(error),
        ssid=ssid,
        tail=octets[base_bytes(key) :],
    )


def encode_reply(packet: Reply, key: bytes | None = None) -> bytes:
    """The octets of a reply; with `key` in the authenticated mode."""
    base = _REPLY[key is not None].pack(
        packet.sequence,
        packet.timestamp,
        packet.error.to_wire(),
        packet.ssid,
        packet.received,
        packet.asked_sequence,
        packet.asked_timestamp,
        packet.asked_error,
        packet.ttl,
    )
    return _sign(base, key) + packet.tail


def parse_reply(octets: bytes, key: bytes | None = None) -> Reply:
    """The reply in `octets`; `PacketError` with `too_short` or `bad_hmac`. The extensions are not looked at."""
    _check(octets, key)
    sequence, timestamp, error, ssid, received, *asked, ttl = _REPLY[key is not None].unpack_from(octets)
    return Reply(
        sequence=sequence,
        timestamp=timestamp,
        error=ErrorEstimate.from_wire(error),
        ssid=ssid,
        received=received,
        asked_sequence=asked[0],
        asked_timestamp=asked[1],
        asked_error=asked[2],
        ttl=ttl,
        tail=octets[base_bytes(key) :],
    )


def _sign(base: bytes, key: bytes | None) -> bytes:
    return base if key is None else base + digest(key, base)


def _check(octets: bytes, key: bytes | None) -> None:
    if len(octets) < base_bytes(key):
        raise PacketError("too_short")
    if key is not None and not hmac.compare_digest(octets[_COVERED:SEALED_BYTES], digest(key, octets[:_COVERED])):
        raise PacketError("bad_hmac")
