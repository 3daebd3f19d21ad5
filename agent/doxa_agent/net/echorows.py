"""What recvmmsg(2) delivers for ICMP echo, row by row: the usual shapes are read by columns, all others by parts.

A row is the sender's address, the control messages and the packet. Two shapes are usual: a reply with its receive stamp,
and a copy of our own request with its transmit stamp (from the error queue).
"""

import socket
import struct
import sys
from array import array
from typing import Final

from doxa_agent.net import echo
from doxa_agent.net.mmsg import Inbox
from doxa_agent.net.stamp import SO_TIMESTAMPING_NEW

_CMSG: Final = struct.Struct("@Nii")
_STAMP_BYTES: Final = 48
"""struct scm_timestamping with 64-bit times: three pairs, the software stamp first."""
STAMP_HEAD: Final = _CMSG.pack(_CMSG.size + _STAMP_BYTES, socket.SOL_SOCKET, SO_TIMESTAMPING_NEW)
"""How the control message with a stamp begins."""
_HEAD_WORDS: Final = array("I", STAMP_HEAD)
_STAMP_SPACE: Final = -(-(_CMSG.size + _STAMP_BYTES) // struct.calcsize("@N")) * struct.calcsize("@N")
_SECOND: Final = 1_000_000_000
_TWO: Final = struct.Struct("=H")

NAME: Final = {4: 16, 6: 28}
"""Octets of a socket address."""
_HOST_AT: Final = {4: slice(4, 8), 6: slice(8, 24)}
STAMP_CONTROL: Final = 80
"""Room for a stamp (64 octets) beside a reply; less memory is less to fetch at each wake-up."""
CONTROL: Final = 160
"""Room for a stamp (64 octets) and an extended error with the offender's address (64)."""
REPLY_DATA: Final = 96
"""Room for a reply: the largest IPv4 header before it on a raw socket (60), the ICMP header and our mark (24)."""
OWN_DATA: Final = 128
"""Room for what the error queue gives: link header, IP header, ICMP header, our mark; or what a router quoted."""
IPV4_HEADER: Final = 20
"""What a raw IPv4 socket delivers before the ICMP header, without options."""


_ROW: Final = {family: name + STAMP_CONTROL + REPLY_DATA for family, name in NAME.items()}
_HOSTS: Final = {4: struct.Struct(f"=4x4s{_ROW[4] - 8}x"), 6: struct.Struct(f"=8x16s{_ROW[6] - 24}x")}


def host_of(address: bytes, family: int) -> bytes:
    """The bare address (4 or 16 octets) in a socket address."""
    return address[_HOST_AT[family]]


def hosts_of(box: Inbox, family: int, first: int, after: int) -> list[bytes]:
    """The bare addresses in some rows."""
    return [host for (host,) in _HOSTS[family].iter_unpack(box.used(first, after))]


def stamps_of(box: Inbox, first: int, after: int) -> list[int] | None:
    """The stamps (realtime nanoseconds) where each of these rows begins its control messages with one; else None."""
    many, at = after - first, box.name
    for word in _HEAD_WORDS:
        if box.column(at, first, after).count(word) != many:
            return None
        at += 4
    low, high = (0, 4) if sys.byteorder == "little" else (4, 0)
    # 64-bit numbers whose upper half is 0 until the year 2106; a later one is read by the general way.
    if box.column(at + high, first, after).count(0) != many or box.column(at + 8 + high, first, after).count(0) != many:
        return None
    seconds, nanoseconds = box.column(at + low, first, after), box.column(at + 8 + low, first, after)
    return [second * _SECOND + nanosecond for second, nanosecond in zip(seconds, nanoseconds, strict=True)]


def marks_of(box: Inbox, token: bytes, at: int, first: int, after: int) -> "tuple[array[int], array[int]] | None":
    """The places and sequences in rows that all have our token at `at`; None where one has not."""
    many = after - first
    for turn, word in enumerate(array("I", token)):
        if box.column(at + 4 * turn, first, after).count(word) != many:
            return None
    at += echo.TOKEN_BYTES
    return _from_network("I", box.column(at, first, after)), _from_network("I", box.column(at + 4, first, after))


def are_replies(box: Inbox, family: int, seqs: "array[int]", at: int, first: int, after: int) -> bool:
    """Whether these rows have, at `at`, the ICMP header of an answer with these sequences (RFC 792, RFC 4443)."""
    (kind,) = _TWO.unpack(bytes((echo.REPLY[family], 0)))
    if box.column(at, first, after, 2).count(kind) != after - first:
        return False
    shorts = _from_network("H", box.column(at + 6, first, after, 2))
    return shorts.tolist() == [seq & 0xFFFF for seq in seqs]


def origins_are(box: Inbox, origin: int, first: int, after: int) -> bool:
    """Whether the extended error behind the stamp of each of these rows (ip(7), IP_RECVERR) has this origin."""
    at = box.name + _STAMP_SPACE + _CMSG.size + 4
    found = [word for (word,) in struct.iter_unpack(f"={at}xB{box.row - at - 1}x", box.used(first, after))]
    return found.count(origin) == after - first


def _from_network(code: str, numbers: list[int]) -> "array[int]":
    found = array(code, numbers)
    if sys.byteorder == "little":
        found.byteswap()
    return found
