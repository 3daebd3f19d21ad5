"""Questions to the kernel by rtnetlink: one request, its answers, their attributes (rtnetlink(7), RFC 3549).

A netlink socket speaks of the network namespace of its thread; a mounted sysfs may speak of another.
"""

import os
import socket
import struct
from collections.abc import Iterator
from typing import Final

RTM_GETLINK: Final = 18
RTM_GETADDR: Final = 22
RTM_GETROUTE: Final = 26
NLM_F_REQUEST: Final = 0x1
NLM_F_DUMP: Final = 0x300
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_PATIENCE_S: Final = 2.0
"""The kernel answers at once; a socket without an end to its patience would still be a fault."""


def ask(kind: int, body: bytes, *, dump: bool = False) -> list[bytes]:
    """The bodies of the kernel's answers to one request; `OSError` with the kernel's errno where it refuses."""
    flags = NLM_F_REQUEST | (NLM_F_DUMP if dump else 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(_PATIENCE_S)
        sock.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body)
        found: list[bytes] = []
        while True:
            done = False
            for answer, payload in _messages(sock.recv(64 * 1024)):
                if answer == _NLMSG_ERROR:
                    _refuse(payload)
                done = done or answer in (_NLMSG_DONE, _NLMSG_ERROR)
                if answer not in (_NLMSG_DONE, _NLMSG_ERROR):
                    found.append(payload)
            if done or not dump:
                return found


def _messages(packet: bytes) -> Iterator[tuple[int, bytes]]:
    while len(packet) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(packet)
        if length < _HEADER.size:
            return
        yield kind, packet[_HEADER.size : length]
        packet = packet[_aligned(length) :]


def _refuse(payload: bytes) -> None:
    code = -int(struct.unpack_from("=i", payload)[0])
    if code:
        raise OSError(code, os.strerror(code))


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four octets."""
    length = _ATTRIBUTE.size + len(value)
    return (_ATTRIBUTE.pack(length, kind) + value).ljust(_aligned(length), b"\0")


def attributes(packed: bytes) -> dict[int, bytes]:
    """The attributes that follow a message's fixed part; the flag bits of their kinds are cut off."""
    found: dict[int, bytes] = {}
    while len(packed) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(packed)
        if length < _ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = packed[_ATTRIBUTE.size : length]
        packed = packed[_aligned(length) :]
    return found
