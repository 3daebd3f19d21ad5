"""The Load packet of UDPSTP: the header of every datagram that fills the line (RFC 9946)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from doxa_agent.udpstp.wire import check, check_sum, choice, joined_ns, packed, split_ns

LOAD_ID: Final = 0xBEEF
HEADER: Final = struct.Struct("!HBBIHHIIIIHH")
"""For whoever reads thousands a second: id, action, stopped, sequence, payload, status errors, Status time s and ns,
send time s and ns, response delay, checksum."""
LOAD_SIZE: Final = HEADER.size
_CHECKSUM_AT: Final = LOAD_SIZE - 2
MOST_STATUS_ERRORS: Final = 0xFFFF
"""As number of Status sequence errors: one came out of order."""


class Action(IntEnum):
    """Where a test stands: its server says stop, its client confirms with the same."""

    TEST = 0
    STOP_LOCAL = 1
    """Used by the reference implementation within its server only; never sent."""
    STOP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A Load header, 32 bytes; padding up to `payload` follows it."""

    action: Action = Action.TEST
    receive_stopped: bool = False
    """The sender of this has heard nothing for a second."""
    sequence: int
    """From 1."""
    payload: int
    """Bytes of UDP payload, this header included."""
    status_errors: int = 0
    """Sequence errors that the sender saw in the Status packets just before."""
    status_sent_ns: int = 0
    """The send time that the last Status bore, unchanged: its sender's clock. 0 before the first."""
    sent_ns: int
    """Time of sending, ns since 1970 of the sender's clock."""
    response_delay_ms: int = 0
    """How long ago that Status came."""

    def encode(self) -> bytes:
        """The header's bytes, without padding; PduError where a value does not fit."""
        return packed(
            HEADER, LOAD_ID, self.action, self.receive_stopped, self.sequence, self.payload, self.status_errors,
            *split_ns(self.status_sent_ns), *split_ns(self.sent_ns), self.response_delay_ms, 0, what="load",
        )  # fmt: skip

    @classmethod
    def decode(cls, data: bytes) -> "Load":
        """The header at the beginning of a datagram, of which only the first 32 bytes need be there; else PduError."""
        check(len(data) >= LOAD_SIZE, code="length", what="load")
        head = bytes(data[:LOAD_SIZE])
        number, action, stopped, sequence, payload, errors, s1, ns1, s2, ns2, delay, _ = HEADER.unpack(head)
        check(number == LOAD_ID, code="id", what="load")
        check(stopped <= 1 and sequence > 0 and payload >= LOAD_SIZE, code="range", what="load")
        check_sum(head, _CHECKSUM_AT, "load")
        return cls(
            action=choice(Action, action, "range", "load"),
            receive_stopped=bool(stopped),
            sequence=sequence,
            payload=payload,
            status_errors=errors,
            status_sent_ns=joined_ns(s1, ns1, "load"),
            sent_ns=joined_ns(s2, ns2, "load"),
            response_delay_ms=delay,
        )
