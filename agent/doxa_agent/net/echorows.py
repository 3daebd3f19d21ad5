"""What recvmmsg(2) delivers for ICMP echo, row by row: the usual shapes are read by one `struct`, all others by parts.

A row is the sender's address, the control messages and the packet. Two shapes are usual: a reply with its receive stamp,
and a copy of our own request with its transmit stamp (from the error queue).
"""

import socket
import struct
from typing import Final

from doxa_agent.net import echo
from doxa_agent.net.stamp import SO_TIMESTAMPING_NEW

_CMSG: Final = struct.Struct("@Nii")
_STAMP_BYTES: Final = 48
"""struct scm_timestamping with 64-bit times: three pairs, the software stamp first."""
STAMP_HEAD: Final = _CMSG.pack(_CMSG.size + _STAMP_BYTES, socket.SOL_SOCKET, SO_TIMESTAMPING_NEW)
"""How the control message with a stamp begins."""
_STAMP_SPACE: Final = _CMSG.size + _STAMP_BYTES

NAME: Final = {4: 16, 6: 28}
"""Octets of a socket address."""
_HOST: Final = {4: "4x4s8x", 6: "8x16s4x"}
_HOST_AT: Final = {4: slice(4, 8), 6: slice(8, 24)}
CONTROL: Final = 160
"""Room for a stamp (64 octets) and an extended error with the offender's address (64)."""
REPLY_DATA: Final = 96
"""Room for a reply: the largest IPv4 header before it on a raw socket (60), the ICMP header and our mark (24)."""
OWN_DATA: Final = 128
"""Room for what the error queue gives: link header, IP header, ICMP header, our mark; or what a router quoted."""
_IPV4_HEADER: Final = 20
_MARK: Final = f"{echo.TOKEN_BYTES}sII"


def host_of(address: bytes, family: int) -> bytes:
    """The bare address (4 or 16 octets) in a socket address."""
    return address[_HOST_AT[family]]


def reply_row(family: int, *, raw: bool) -> struct.Struct:
    """host, head of the control message, seconds, nanoseconds, type and code, short sequence, token, place, sequence."""
    before = _IPV4_HEADER if raw and family == 4 else 0
    head = f"={_HOST[family]}{_CMSG.size}sqq32x{CONTROL - _STAMP_SPACE}x"
    # The marks are in network order, all else in the machine's: they are read as octets.
    data = f"{before}x2s4x2s{echo.TOKEN_BYTES}s8s"
    return struct.Struct(f"{head}{data}{REPLY_DATA - before - 24}x")


def own_row(family: int, token_at: int) -> struct.Struct:
    """Head of the stamp, seconds, nanoseconds, origin, token, mark; for frames in which our token begins at `token_at`."""
    head = f"={NAME[family]}x{_CMSG.size}sqq32x{_CMSG.size}x4xB{CONTROL - _STAMP_SPACE - _CMSG.size - 5}x"
    return struct.Struct(f"{head}{token_at}x{echo.TOKEN_BYTES}s8s{OWN_DATA - token_at - echo.TOKEN_BYTES - 8}x")
