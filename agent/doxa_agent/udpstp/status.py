"""The Status packet of UDPSTP: what a receiver saw in the last trial interval and sub-interval (RFC 9946).

RFC 9946 keeps an authentication block at the end of the packet, for its mode 2. The reference implementation knows only modes 0
and 1, in which a Status is not signed, and uses the place of the digest for ECN counts and for a checksum at 186.
We write no checksum (0: UDP's own covers the packet) and check one that we find at either place.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from doxa_agent.udpstp.load import Action
from doxa_agent.udpstp.rates import ROW_SIZE, SendingRate
from doxa_agent.udpstp.wire import NONE_32, check, check_head, check_sum, choice, joined_ns, packed, split_ns

STATUS_ID: Final = 0xFEED

_HEAD: Final = struct.Struct("!HBBI")
_SUB: Final = struct.Struct("!IQIIIIIIIIIII")
_TRIAL: Final = struct.Struct("!IIIiIIIIIIBBHIIIII")
_TAIL: Final = struct.Struct("!HBB12xIIBBH16x")
SUB_INTERVAL_SIZE: Final = _SUB.size
_NUMBER_AT: Final = _HEAD.size + ROW_SIZE
_SUB_AT: Final = _NUMBER_AT + 4
_TRIAL_AT: Final = _SUB_AT + SUB_INTERVAL_SIZE
_TAIL_AT: Final = _TRIAL_AT + _TRIAL.size
STATUS_SIZE: Final = _TAIL_AT + _TAIL.size
_REFERENCE_CHECKSUM_AT: Final = 186
_BLEACHED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SubInterval:
    """The statistics of one sub-interval, 56 bytes; the capacity is the greatest of them (RFC 9097 §5)."""

    datagrams: int = 0
    payload_bytes: int = 0
    """UDP payload."""
    delta_us: int = 0
    """How long it lasted."""
    lost: int = 0
    reordered: int = 0
    duplicates: int = 0
    delay_variation_min_ms: int | None = None
    """One-way delay above the least of the test so far; None where no datagram gave one."""
    delay_variation_max_ms: int = 0
    delay_variation_sum_ms: int = 0
    delay_variation_count: int = 0
    rtt_variation_min_ms: int | None = None
    """Round-trip time above the least of the test so far; None where there was no sample."""
    rtt_variation_max_ms: int = 0
    accumulated_ms: int = 0
    """Time of the test up to its end."""

    def encode(self) -> bytes:
        """56 bytes; PduError where a value does not fit."""
        return packed(
            _SUB, self.datagrams, self.payload_bytes, self.delta_us, self.lost, self.reordered, self.duplicates,
            _or_none(self.delay_variation_min_ms), self.delay_variation_max_ms, self.delay_variation_sum_ms,
            self.delay_variation_count, _or_none(self.rtt_variation_min_ms), self.rtt_variation_max_ms,
            self.accumulated_ms, what="sub-interval",
        )  # fmt: skip

    @classmethod
    def decode(cls, data: bytes) -> "SubInterval":
        """The statistics of 56 bytes; PduError for another length."""
        check(len(data) == SUB_INTERVAL_SIZE, code="length", what="sub-interval")
        count, total, delta, lost, late, twice, low, high, summed, samples, rtt_low, rtt_high, accumulated = (
            _SUB.unpack(data)
        )
        return cls(
            datagrams=count, payload_bytes=total, delta_us=delta, lost=lost, reordered=late, duplicates=twice,
            delay_variation_min_ms=_none(low), delay_variation_max_ms=high, delay_variation_sum_ms=summed,
            delay_variation_count=samples, rtt_variation_min_ms=_none(rtt_low), rtt_variation_max_ms=rtt_high,
            accumulated_ms=accumulated,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A Status packet, 204 bytes."""

    action: Action = Action.TEST
    receive_stopped: bool = False
    """The sender of this has received no load for a second."""
    sequence: int
    """From 1."""
    rate: SendingRate = field(default_factory=SendingRate)
    """From a server: what the client must send from now on. From a client: empty."""
    sub_interval_number: int = 0
    """Rises by one when `sub_interval` is a new one; 0 before the first."""
    sub_interval: SubInterval = field(default_factory=SubInterval)
    """The last complete sub-interval."""
    lost: int = 0
    """This and what follows: of the trial interval since the last Status."""
    reordered: int = 0
    duplicates: int = 0
    clock_delta_min_ms: int = 0
    """Least of (receive time − send time) of the test so far: clocks' difference and delay together, signed."""
    delay_variation_min_ms: int | None = None
    delay_variation_max_ms: int = 0
    delay_variation_sum_ms: int = 0
    delay_variation_count: int = 0
    rtt_min_ms: int | None = None
    """Least round-trip time of the test so far; None before the first sample."""
    rtt_variation_ms: int | None = None
    """Last sample of the trial interval above that least one; None where there was none."""
    minimum_updated: bool = False
    """A least delay above is new."""
    trial_us: int = 0
    datagrams: int = 0
    payload_bytes: int = 0
    """UDP payload of those datagrams."""
    sent_ns: int
    """Time of sending, ns since 1970 of the sender's clock; comes back in the next Load."""
    mode: int = 0
    """The authentication mode of the test."""
    ce_marks: int = 0
    """Datagrams of the trial interval marked as congested (ECN CE)."""
    sub_interval_ce_marks: int = 0
    ecn_bleached: bool = False
    """Something on the way clears ECN."""

    @property
    def delay_variation_mean_ms(self) -> float | None:
        """Mean one-way delay variation of the trial interval; None where no datagram gave one."""
        return self.delay_variation_sum_ms / self.delay_variation_count if self.delay_variation_count else None

    def encode(self) -> bytes:
        """The packet's bytes; PduError where a value does not fit."""
        head = packed(_HEAD, STATUS_ID, self.action, self.receive_stopped, self.sequence, what="status")
        number = packed(_NUMBER, self.sub_interval_number, what="status")
        trial = packed(
            _TRIAL, self.lost, self.reordered, self.duplicates, self.clock_delta_min_ms,
            _or_none(self.delay_variation_min_ms), self.delay_variation_max_ms, self.delay_variation_sum_ms,
            self.delay_variation_count, _or_none(self.rtt_min_ms), _or_none(self.rtt_variation_ms),
            self.minimum_updated, 0, 0, self.trial_us, self.datagrams, self.payload_bytes, *split_ns(self.sent_ns),
            what="status",
        )  # fmt: skip
        tail = packed(
            _TAIL, 0, 0, self.mode, self.ce_marks, self.sub_interval_ce_marks, 0, _BLEACHED * self.ecn_bleached, 0,
            what="status",
        )  # fmt: skip
        return head + self.rate.encode() + number + self.sub_interval.encode() + trial + tail

    @classmethod
    def decode(cls, data: bytes) -> "Status":
        """The packet of these bytes; PduError where it is none."""
        check_head(data, STATUS_SIZE, STATUS_ID, "status")
        _, action, stopped, sequence = _HEAD.unpack_from(data)
        (
            lost, late, twice, delta, low, high, summed, samples, rtt, variation, updated, _, _, trial, count, total,
            seconds, nanoseconds,
        ) = _TRIAL.unpack_from(data, _TRIAL_AT)  # fmt: skip
        _, _, mode, marks, sub_marks, _, modifiers, _ = _TAIL.unpack_from(data, _TAIL_AT)
        check(stopped <= 1 and updated <= 1 and sequence > 0 and mode <= 1, code="range", what="status")
        check_sum(data, _REFERENCE_CHECKSUM_AT, "status")
        return cls(
            action=choice(Action, action, "range", "status"),
            receive_stopped=bool(stopped),
            sequence=sequence,
            rate=SendingRate.decode(data[_HEAD.size : _NUMBER_AT]),
            sub_interval_number=_NUMBER.unpack_from(data, _NUMBER_AT)[0],
            sub_interval=SubInterval.decode(data[_SUB_AT:_TRIAL_AT]),
            lost=lost, reordered=late, duplicates=twice, clock_delta_min_ms=delta,
            delay_variation_min_ms=_none(low), delay_variation_max_ms=high, delay_variation_sum_ms=summed,
            delay_variation_count=samples, rtt_min_ms=_none(rtt), rtt_variation_ms=_none(variation),
            minimum_updated=bool(updated), trial_us=trial, datagrams=count, payload_bytes=total,
            sent_ns=joined_ns(seconds, nanoseconds, "status"), mode=mode, ce_marks=marks,
            sub_interval_ce_marks=sub_marks, ecn_bleached=bool(modifiers & _BLEACHED),
        )  # fmt: skip


_NUMBER: Final = struct.Struct("!I")


def _none(value: int) -> int | None:
    return None if value == NONE_32 else value


def _or_none(value: int | None) -> int:
    return NONE_32 if value is None else value
