"""The Test Activation request and response of UDPSTP: every parameter of one test (RFC 9946)."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from doxa_agent.udpstp.rates import ROW_SIZE, SendingRate
from doxa_agent.udpstp.wire import BLOCK_SIZE, VERSION, Authentication, check, check_head, choice, packed

ACTIVATION_ID: Final = 0xACE2
SEARCH_ROW: Final = 0xFFFF
"""As configured row: the server searches."""
ROW_IS_START: Final = 1
RANDOM_PAYLOAD: Final = 2

_HEAD: Final = struct.Struct("!HHBBHHHHBBHBBHHBBBB")
_TAIL: Final = struct.Struct("!HHHB")
_TAIL_AT: Final = _HEAD.size + ROW_SIZE
ACTIVATION_SIZE: Final = _TAIL_AT + _TAIL.size + BLOCK_SIZE


class Direction(IntEnum):
    """Which way the load goes, seen from the client; the command of an activation."""

    UPSTREAM = 1
    DOWNSTREAM = 2


class ActivationResult(IntEnum):
    """The server's answer to a Test Activation request."""

    NONE = 0
    OK = 1
    BAD_PARAMETERS = 2


class Algorithm(IntEnum):
    """The search for the rate: type B of Y.1540 Annex B and TR-471, or type C, which climbs by factors and tries again."""

    B = 0
    C = 1
    FAST = 240
    """Our own (fast.py); a server that does not know it takes its default instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A Test Activation request or response, 104 bytes. A request states wishes, a response what holds."""

    version: int = VERSION
    direction: Direction
    result: ActivationResult = ActivationResult.NONE
    low_ms: int = 30
    """Delay variation below which the rate may rise."""
    upper_ms: int = 90
    """Delay variation above which the rate falls."""
    trial_ms: int = 50
    """Time between two Status packets."""
    seconds: int = 10
    sub_interval_ms: int = 1000
    dscp_ecn: int = 0
    """The octet of the IP header for the test's packets."""
    row: int = SEARCH_ROW
    """A row of the table to hold, or to begin with where `ROW_IS_START` is set; SEARCH_ROW for neither."""
    one_way: bool = False
    """Judge by one-way delay variation instead of the round-trip time's."""
    high_speed_delta: int = 10
    """Rows of a large step."""
    slow_threshold: int = 3
    """Bad reports until a search goes back by three large steps."""
    sequence_errors: int = 10
    """Errors in a trial interval above which it is bad."""
    ignore_reordering: bool = True
    """Count only losses as errors, not reordered and duplicate packets."""
    modifiers: int = 0
    """Bits `ROW_IS_START` and `RANDOM_PAYLOAD`."""
    algorithm: Algorithm = Algorithm.B
    rate: SendingRate = field(default_factory=SendingRate)
    """In a response for an upstream test: what the client begins to send with."""
    ce_threshold: int = 0
    """Reserved octet 27, in which the reference implementation keeps its threshold of ECN marks; 0 is off."""
    suppressed: int = 0
    """Reserved field at 60, in which the reference implementation keeps a number of first sub-intervals without search."""
    authentication: Authentication = field(default_factory=Authentication)

    @property
    def row_is_start(self) -> bool:
        """Whether `row` is only where the search begins."""
        return bool(self.modifiers & ROW_IS_START)

    @property
    def held_row(self) -> int | None:
        """The row that is sent from beginning to end, without any search; None where there is one."""
        return None if self.row == SEARCH_ROW or self.row_is_start else self.row

    @property
    def random_payload(self) -> bool:
        """Whether the load's padding is random."""
        return bool(self.modifiers & RANDOM_PAYLOAD)

    def encode(self) -> bytes:
        """The packet's bytes; PduError where a value does not fit."""
        head = packed(
            _HEAD, ACTIVATION_ID, self.version, self.direction, self.result, self.low_ms, self.upper_ms, self.trial_ms,
            self.seconds, 0, self.dscp_ecn, self.row, self.one_way, self.high_speed_delta, self.slow_threshold,
            self.sequence_errors, self.ignore_reordering, self.modifiers, self.algorithm, self.ce_threshold,
            what="activation",
        )  # fmt: skip
        tail = packed(_TAIL, self.sub_interval_ms, 0, self.suppressed, 0, what="activation")
        return head + self.rate.encode() + tail + self.authentication.encode()

    @classmethod
    def decode(cls, data: bytes) -> "Activation":
        """The packet of these bytes; PduError where it is none. Its wishes are not judged: see `server.bounded`."""
        check_head(data, ACTIVATION_SIZE, ACTIVATION_ID, "activation")
        (
            _, version, command, result, low, upper, trial, seconds, _reserved, dscp, row, one_way, delta, slow, errors,
            ignore, modifiers, algorithm, ce_threshold,
        ) = _HEAD.unpack_from(data)  # fmt: skip
        sub_interval, _reserved, suppressed, _reserved = _TAIL.unpack_from(data, _TAIL_AT)
        check(version == VERSION, code="version", what="activation")
        check(one_way <= 1 and ignore <= 1, code="range", what="activation")
        return cls(
            version=version,
            direction=choice(Direction, command, "command", "activation"),
            result=choice(ActivationResult, result, "range", "activation"),
            low_ms=low,
            upper_ms=upper,
            trial_ms=trial,
            seconds=seconds,
            sub_interval_ms=sub_interval,
            dscp_ecn=dscp,
            row=row,
            one_way=bool(one_way),
            high_speed_delta=delta,
            slow_threshold=slow,
            sequence_errors=errors,
            ignore_reordering=bool(ignore),
            modifiers=modifiers,
            algorithm=choice(Algorithm, algorithm, "range", "activation"),
            rate=SendingRate.decode(data[_HEAD.size : _TAIL_AT]),
            ce_threshold=ce_threshold,
            suppressed=suppressed,
            authentication=Authentication.decode(data),
        )
