"""The sending-rate table of UDPSTP and one row of it: two transmitters and an add-on datagram (RFC 9946, TR-471).

A row on the wire always states payloads as for IPv4. Whoever sends over IPv6 takes `row.for_family(6)`, which makes each
payload 20 bytes shorter, so that a row means the same IP-layer rate in both families.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from doxa_agent.udpstp.wire import PduError, check, packed

ROWS: Final = 1153
HIGH_SPEED_ROW: Final = 1000
"""The row of 1 Gbit/s: below it the searches take large steps, above it single ones."""
DEFAULT_PAYLOAD: Final = 1222
"""UDP payload of an IPv4 packet of 1250 bytes."""
TRADITIONAL_PAYLOAD: Final = 1472
"""UDP payload of an IPv4 packet of 1500 bytes."""
JUMBO_PAYLOAD: Final = 8972
"""UDP payload of an IPv4 packet of 9000 bytes."""
LEAST_PAYLOAD: Final = 52
"""The smallest payload of a row (IPv4): the Load header of 32 bytes and the 20 that IPv6 takes."""
MOST_BURST: Final = 100
LEAST_INTERVAL_US: Final = 100
MOST_INTERVAL_US: Final = 1_000_000
IPV4_HEADERS: Final = 28
"""IPv4 and UDP headers."""
IPV6_EXTRA: Final = 20

_ROW: Final = struct.Struct("!7I")
ROW_SIZE: Final = _ROW.size
_RANDOM: Final = 0x8000_0000
_IDLE_US: Final = 50_000
_T1_US: Final = 100
_T2_US: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingRate:
    """One row: what a sender sends until it gets another one.

    Transmitter 1 sends `burst1` datagrams of `payload1` bytes every `interval1_us`; transmitter 2 sends `burst2` of
    `payload2` every `interval2_us`, and with each of its bursts one more of `addon2` bytes. 0 is: none. Payloads are UDP
    payload, Load header included. A payload marked random is the most: each datagram has its own size, uniform
    from `least_payload` on.
    """

    interval1_us: int = 0
    payload1: int = 0
    burst1: int = 0
    interval2_us: int = 0
    payload2: int = 0
    burst2: int = 0
    addon2: int = 0
    random1: bool = False
    random2: bool = False
    random_addon: bool = False
    family: int = 4
    """4 on the wire and in the table; 6 in what `for_family(6)` gives."""

    @property
    def least_payload(self) -> int:
        """The smallest size of a random datagram, bytes of UDP payload."""
        return LEAST_PAYLOAD - (IPV6_EXTRA if self.family == 6 else 0)

    @property
    def overhead(self) -> int:
        """Bytes of IP and UDP header of each datagram."""
        return IPV4_HEADERS + (IPV6_EXTRA if self.family == 6 else 0)

    @property
    def silent(self) -> bool:
        """Whether this row sends nothing at all."""
        return self.datagrams_per_s == 0.0

    @property
    def datagrams_per_s(self) -> float:
        """Datagrams per second of both transmitters and the add-on."""
        return sum(rate for rate, _ in self._streams())

    @property
    def payload_bps(self) -> float:
        """Mean rate of the UDP payload, bit/s."""
        return sum(rate * size for rate, size in self._streams()) * 8

    @property
    def ip_bps(self) -> float:
        """Mean rate of the IP layer (headers included), bit/s."""
        return sum(rate * (size + self.overhead) for rate, size in self._streams()) * 8

    def for_family(self, family: int) -> "SendingRate":
        """What a sender of this address family sends for a row of the wire: payloads 20 bytes shorter over IPv6."""
        if family == self.family:
            return self
        if family != 6 or self.family != 4:
            raise PduError("range", "family of a sending rate")
        return replace(
            self,
            payload1=_shorter(self.payload1),
            payload2=_shorter(self.payload2),
            addon2=_shorter(self.addon2),
            family=6,
        )

    def encode(self) -> bytes:
        """The 28 bytes of the wire; PduError for a row of IPv6, which the wire does not know."""
        check(self.family == 4, code="range", what="sending rate")
        return packed(
            _ROW, self.interval1_us, self.payload1 | _RANDOM * self.random1, self.burst1,
            self.interval2_us, self.payload2 | _RANDOM * self.random2, self.burst2,
            self.addon2 | _RANDOM * self.random_addon, what="sending rate",
        )  # fmt: skip

    @classmethod
    def decode(cls, data: bytes) -> "SendingRate":
        """A row of the wire; PduError for a wrong length or a row that no sender should follow."""
        check(len(data) == ROW_SIZE, code="length", what="sending rate")
        interval1, size1, burst1, interval2, size2, burst2, addon = _ROW.unpack(data)
        made = cls(
            interval1_us=interval1, payload1=size1 & ~_RANDOM, burst1=burst1,
            interval2_us=interval2, payload2=size2 & ~_RANDOM, burst2=burst2, addon2=addon & ~_RANDOM,
            random1=bool(size1 & _RANDOM), random2=bool(size2 & _RANDOM), random_addon=bool(addon & _RANDOM),
        )  # fmt: skip
        made._check()
        return made

    def _check(self) -> None:
        for interval, burst in ((self.interval1_us, self.burst1), (self.interval2_us, self.burst2)):
            check(interval == 0 or LEAST_INTERVAL_US <= interval <= MOST_INTERVAL_US, code="range", what="interval")
            check(burst <= MOST_BURST, code="range", what="burst")
        for payload, wanted in ((self.payload1, self.burst1), (self.payload2, self.burst2), (self.addon2, 0)):
            check(payload <= JUMBO_PAYLOAD, code="range", what="payload")
            check(payload >= LEAST_PAYLOAD or (payload == 0 and wanted == 0), code="range", what="payload")

    def _streams(self) -> Iterator[tuple[float, float]]:
        """Datagrams per second and mean payload of each of the three."""
        if self.interval1_us and self.burst1:
            yield self.burst1 * 1e6 / self.interval1_us, self._mean(self.payload1, random=self.random1)
        if self.interval2_us and self.burst2:
            yield self.burst2 * 1e6 / self.interval2_us, self._mean(self.payload2, random=self.random2)
        if self.interval2_us and self.addon2:
            yield 1e6 / self.interval2_us, self._mean(self.addon2, random=self.random_addon)

    def _mean(self, payload: int, *, random: bool) -> float:
        return (self.least_payload + payload) / 2 if random else payload


def _shorter(payload: int) -> int:
    return payload - IPV6_EXTRA if payload >= LEAST_PAYLOAD else payload


@cache
def table(*, traditional: bool = False, jumbo: bool = False) -> tuple[SendingRate, ...]:
    """The 1153 rows. Row r of the first 1001 is r Mbit/s at the IP layer, but row 0, which is a datagram now and then.

    `traditional`: packets of 1500 bytes instead of 1250. `jumbo`: above 1 Gbit/s the packets grow up to 9000 bytes; below
    it nothing changes.
    """
    payload = TRADITIONAL_PAYLOAD if traditional else DEFAULT_PAYLOAD
    rows = [_megabits(row, payload, traditional=traditional) for row in range(HIGH_SPEED_ROW + 1)]
    rows.extend(_above(payload, traditional=traditional, jumbo=jumbo))
    return tuple(rows[:ROWS])


def _megabits(row: int, payload: int, *, traditional: bool) -> SendingRate:
    """Row r ≤ 1000: hundreds (or 120s) by transmitter 1, tens (or 12s) by transmitter 2, the rest by the add-on."""
    if row == 0:
        return SendingRate(interval2_us=_IDLE_US, addon2=payload, random_addon=True)
    small = 12 if traditional else 10
    fast, rest = divmod(row, small * 10)
    slow, addon = divmod(rest, small)
    return SendingRate(
        interval1_us=_T1_US if fast else 0,
        payload1=payload if fast else 0,
        burst1=fast,
        interval2_us=_T2_US if rest else 0,
        payload2=payload if slow else 0,
        burst2=slow,
        addon2=addon * 125 - IPV4_HEADERS if addon else 0,
    )


def _above(payload: int, *, traditional: bool, jumbo: bool) -> Iterator[SendingRate]:
    """The rows above 1 Gbit/s, more than enough of them: larger packets first where allowed, then larger bursts."""
    burst = 9 if traditional and not jumbo else 11
    if jumbo:
        for size in range(DEFAULT_PAYLOAD + 125, JUMBO_PAYLOAD + 1, 125):
            yield SendingRate(interval1_us=_T1_US, payload1=size, burst1=10)
        payload = JUMBO_PAYLOAD
    for wanted in range(burst, burst + ROWS - HIGH_SPEED_ROW):
        yield SendingRate(interval1_us=_T1_US, payload1=payload, burst1=min(wanted, MOST_BURST))


def row_for(mbps: float, rows: tuple[SendingRate, ...]) -> int:
    """The highest row whose IP-layer rate is not above that many Mbit/s; 0 where there is none."""
    most = mbps * 1e6 * (1 + 1e-9)
    for row in range(len(rows) - 1, 0, -1):
        if rows[row].ip_bps <= most:
            return row
    return 0
