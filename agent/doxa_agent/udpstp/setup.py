"""The Setup request and response and the Null request of UDPSTP, the packets before a test port is known (RFC 9946)."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from doxa_agent.udpstp.wire import BLOCK_SIZE, VERSION, Authentication, check, check_head, choice, packed

SETUP_ID: Final = 0xACE1
NULL_ID: Final = 0xDEAD
MOST_CONNECTIONS: Final = 24
"""Connections of one multi-connection test, as the reference implementation allows."""
MOST_BANDWIDTH_MBPS: Final = 0x7FFF
JUMBO: Final = 1
TRADITIONAL_MTU: Final = 2

_SETUP: Final = struct.Struct("!HHBBHBBHHB")
_NULL: Final = struct.Struct("!HHBBB")
SETUP_SIZE: Final = _SETUP.size + BLOCK_SIZE
NULL_SIZE: Final = _NULL.size + BLOCK_SIZE
_UPSTREAM: Final = 0x8000


class SetupCommand(IntEnum):
    """Who speaks."""

    REQUEST = 1
    RESPONSE = 2


class SetupResult(IntEnum):
    """The server's answer to a Setup request; `name.lower()` is its code for people and programs."""

    NONE = 0
    OK = 1
    BAD_VERSION = 2
    JUMBO_MISMATCH = 3
    AUTHENTICATION_NOT_CONFIGURED = 4
    AUTHENTICATION_REQUIRED = 5
    AUTHENTICATION_MODE_INVALID = 6
    AUTHENTICATION_FAILED = 7
    AUTHENTICATION_TIME = 8
    BANDWIDTH_REQUIRED = 9
    CAPACITY_EXCEEDED = 10
    MTU_MISMATCH = 11
    BAD_CONNECTIONS = 12
    NO_CONNECTION_FREE = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A Setup request or response, 56 bytes.

    Version, connection numbers and authentication mode are taken as they are: a wrong one is the server's to answer.
    """

    version: int = VERSION
    command: SetupCommand = SetupCommand.REQUEST
    result: SetupResult = SetupResult.NONE
    connection_index: int = 0
    connection_count: int = 1
    connection_set: int = 0
    """Joins the connections of one test; a random number other than 0."""
    bandwidth_mbps: int = 0
    """What the client asks the server to keep for it, 0–32767 Mbit/s at the IP layer; 0 is: not stated."""
    upstream: bool = False
    """The direction of that bandwidth."""
    test_port: int = 0
    """In a response that is OK: where the test takes place."""
    modifiers: int = JUMBO
    """Bits `JUMBO` and `TRADITIONAL_MTU`: the sending-rate table. The reference implementation's default is JUMBO."""
    authentication: Authentication = field(default_factory=Authentication)

    @property
    def jumbo(self) -> bool:
        """Whether rows above 1 Gbit/s use jumbo packets."""
        return bool(self.modifiers & JUMBO)

    @property
    def traditional(self) -> bool:
        """Whether rows use packets of 1500 bytes."""
        return bool(self.modifiers & TRADITIONAL_MTU)

    def encode(self) -> bytes:
        """The packet's bytes; PduError where a value does not fit."""
        check(0 <= self.bandwidth_mbps <= MOST_BANDWIDTH_MBPS, code="range", what="setup")
        head = packed(
            _SETUP, SETUP_ID, self.version, self.connection_index, self.connection_count, self.connection_set,
            self.command, self.result, self.bandwidth_mbps | _UPSTREAM * self.upstream, self.test_port, self.modifiers,
            what="setup",
        )  # fmt: skip
        return head + self.authentication.encode()

    @classmethod
    def decode(cls, data: bytes) -> "Setup":
        """The packet of these bytes; PduError where it is none."""
        check_head(data, SETUP_SIZE, SETUP_ID, "setup")
        _, version, index, count, group, command, result, bandwidth, port, modifiers = _SETUP.unpack_from(data)
        return cls(
            version=version,
            command=choice(SetupCommand, command, "command", "setup"),
            result=choice(SetupResult, result, "range", "setup"),
            connection_index=index,
            connection_count=count,
            connection_set=group,
            bandwidth_mbps=bandwidth & ~_UPSTREAM,
            upstream=bool(bandwidth & _UPSTREAM),
            test_port=port,
            modifiers=modifiers,
            authentication=Authentication.decode(data),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """A Null request, 48 bytes: the server opens its own firewall with it; the client does nothing with it."""

    version: int = VERSION
    authentication: Authentication = field(default_factory=Authentication)

    def encode(self) -> bytes:
        """The packet's bytes; PduError where a value does not fit."""
        return packed(_NULL, NULL_ID, self.version, 1, 0, 0, what="null") + self.authentication.encode()

    @classmethod
    def decode(cls, data: bytes) -> "Null":
        """The packet of these bytes; PduError where it is none."""
        check_head(data, NULL_SIZE, NULL_ID, "null")
        _, version, command, result, _ = _NULL.unpack_from(data)
        check(version == VERSION, code="version", what="null")
        check(command == 1, code="command", what="null")
        check(result == 0, code="range", what="null")
        return cls(version=version, authentication=Authentication.decode(data))
