"""Sends Load PDUs at the pace of a sending rate: many datagrams a system call (UDP GSO), none early, no large bursts.

Linux `UDP_SEGMENT` (udp(7), 4.18) lets the kernel cut one buffer into datagrams of one size; where it cannot, each is
sent on its own. The pace is kept by time, not by counting ticks: what a late timer missed is caught up at no more than
`CATCH_UP` times the rate, and never more than `BURST_NS` of it at once. What this machine could not send at all is not
hidden: `asked_octets` says what the rates wanted, `sent_octets` what left.
"""

import ctypes
import errno
import os
import random
import socket
import struct
import sys
from array import array
from typing import Final, Self

from doxa_agent.udpstp.load import HEADER, LOAD_ID, Action
from doxa_agent.udpstp.rates import SendingRate
from doxa_agent.udpstp.steady import SteadyClock

TICK_NS: Final = 1_000_000
"""How long datagrams are gathered for one call."""
BURST_NS: Final = 4_000_000
"""The most of the rate that leaves at once."""
CATCH_UP: Final = 1.5
FORGET_NS: Final = 100_000_000
"""Older debts are not paid: they count as not sent."""
HELD_FORGET_NS: Final = 10_000_000
"""… where a rate is held: catching up a longer stall would for a while offer the line more than was asked of it, and what
it then lost would be blamed on the line."""
_SOL_UDP: Final = 17
_UDP_SEGMENT: Final = 103
_SEGMENTS: Final = 64
"""UDP_MAX_SEGMENTS of Linux before 6.9."""
_LARGEST: Final = 65_000
"""An IP packet of 65,535 octets with its headers, and something to spare."""
_NO_GSO: Final = frozenset({errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP})
_LATER: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM})
_NS: Final = 1_000_000_000
_SEQUENCE, _FRACTION, _DELAY = 3, 12, 14
"""16-bit columns of the header: low half of the sequence, nanoseconds (two), response delay."""
_PR_SET_TIMERSLACK: Final = 29
_PR_GET_TIMERSLACK: Final = 30
_NUMBERS: Final = array("H", range(0x10000))
"""Every 16-bit number in network order, to be copied in stretches."""
if sys.byteorder == "little":
    _NUMBERS.byteswap()


class FineTimer:
    """Within it this thread's timers are as fine as the kernel has them (prctl(2), PR_SET_TIMERSLACK); no privilege."""

    def __init__(self) -> None:
        self._before = 0

    def __enter__(self) -> Self:
        self._before = _prctl(_PR_GET_TIMERSLACK, 0)
        _prctl(_PR_SET_TIMERSLACK, 1)
        return self

    def __exit__(self, *_: object) -> None:
        _prctl(_PR_SET_TIMERSLACK, max(0, self._before))


def _prctl(what: int, value: int) -> int:
    function = getattr(ctypes.CDLL(None), "prctl", None)
    return -1 if function is None else int(function(what, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3))


class Sender:
    """The load of one test over one connected, non-blocking UDP socket."""

    def __init__(
        self,
        sock: socket.socket,
        clock: SteadyClock,
        *,
        family: int,
        random_payload: bool = False,
        gso: bool = True,
        held: bool = False,
    ) -> None:
        self.sent_datagrams = 0
        self.sent_octets = 0
        """UDP payload that the kernel took."""
        self.asked_octets = 0.0
        """UDP payload that the rates asked for up to the last tick."""
        self.blocked = 0
        """How often the kernel had no room: our own interface is slower than the rate."""
        self.gso = gso
        self.status_errors = 0
        self.receive_stopped = False
        self.action = Action.TEST
        self.receive_stopped = False
        """Whether we have heard nothing for a second: the far end is told so."""
        self.sequence = 0
        """Of the last datagram; the first is 1."""
        self.rate = SendingRate()
        self._sock, self._clock, self._family = sock, clock, family
        self._content = os.urandom(_LARGEST + 1500) if random_payload else bytes(_LARGEST + 1500)
        self._trains: dict[int, _Train] = {}
        self._echo = self._echo_at = 0
        self._last = clock.now()
        self._debt = 0
        self._forget_ns = HELD_FORGET_NS if held else FORGET_NS
        self._credits = [0.0, 0.0, 0.0]
        self._flows: tuple[float, float, float] = (0.0, 0.0, 0.0)
        self._octets_ns = 0.0

    def set_rate(self, rate: SendingRate) -> None:
        """Send at this rate of the wire from now on; over IPv6 its payloads are 20 octets shorter."""
        rate = rate.for_family(self._family)
        if rate == self.rate:
            return
        self._settle(self._clock.now())
        fresh = self.rate.silent
        self.rate = rate
        one = rate.burst1 / rate.interval1_us / 1000 if rate.interval1_us else 0.0
        two = rate.burst2 / rate.interval2_us / 1000 if rate.interval2_us else 0.0
        extra = 1 / rate.interval2_us / 1000 if rate.interval2_us and rate.addon2 else 0.0
        self._flows = (one, two, extra)
        before, self._octets_ns = self._octets_ns, rate.payload_bps / 8 / _NS
        if before < self._octets_ns:
            self._debt = int(self._debt * before / self._octets_ns)  # what is owed is octets of the old rate
        if fresh:
            self._debt = 0
            self._credits = [min(1.0, flow * 1e12) for flow in self._flows]

    def echo(self, status_time_ns: int, received_ns: int) -> None:
        """The last Status PDU: its send time (as it stood in it) and when it came, for the other side's RTT."""
        self._echo, self._echo_at = status_time_ns, received_ns

    def tick(self, now: int) -> int:
        """Send what is due at `now` (the clock's); when to call again. `OSError` where the way is closed."""
        serve = self._settle(now)
        self._debt -= serve
        counts = [0, 0, 0]
        for place, flow in enumerate(self._flows):
            due = self._credits[place] + serve * flow
            counts[place] = int(due)
            self._credits[place] = due - counts[place]
        self._send(now, counts)
        if self._debt > TICK_NS // 4:
            return now + TICK_NS
        return now + max(TICK_NS, self._until_next())

    def finish(self) -> None:
        """One last datagram that says stop (test action 2)."""
        self.action = Action.STOP
        size = max(HEADER.size, self.rate.payload1 or self.rate.payload2 or HEADER.size)
        self._single(self._clock.now(), size)

    def _settle(self, now: int) -> int:
        """Book the time since the last call; how much of it to serve now."""
        passed = max(0, now - self._last)
        self._last = max(now, self._last)
        self.asked_octets += passed * self._octets_ns
        self._debt = min(self._debt + passed, self._forget_ns)
        return int(min(self._debt, BURST_NS, max(TICK_NS, passed) * CATCH_UP)) if passed else 0

    def _until_next(self) -> int:
        waits = [(1 - self._credits[n]) / flow for n, flow in enumerate(self._flows) if flow]
        return int(min(waits, default=50_000_000.0)) - self._debt

    def _send(self, now: int, counts: list[int]) -> None:
        rate = self.rate
        ones, twos, extras = counts
        if rate.random1 or rate.random2:
            for size, count, free in ((rate.payload1, ones, rate.random1), (rate.payload2, twos, rate.random2)):
                for _ in range(count):
                    self._single(now, self._size(size, free=free))
            ones = twos = 0
        if rate.payload1 == rate.payload2:
            ones, twos = ones + twos, 0
        addon = self._size(rate.addon2, free=rate.random_addon) if extras else 0
        if ones:
            addon = self._many(now, rate.payload1, ones, 0 if twos else addon) or (addon if twos else 0)
        if twos:
            addon = self._many(now, rate.payload2, twos, addon)
        if addon:
            self._single(now, addon)
        for _ in range(extras - 1):
            self._single(now, self._size(rate.addon2, free=rate.random_addon))

    def _size(self, most: int, *, free: bool) -> int:
        return random.randint(self.rate.least_payload, max(most, self.rate.least_payload)) if free else most

    # --- datagrams of one size ---------------------------------------------------------------------------------------

    def _many(self, now: int, payload: int, count: int, addon: int) -> int:
        """Send `count` datagrams of one size, and behind them the shorter add-on; the add-on that did not go along."""
        train = self._trains.get(payload)
        if train is None:
            train = self._trains[payload] = _Train(payload, self._content)
        most = train.most
        while count > 0:
            if not self.gso:
                self._one_by_one(now, payload, count)
                return addon
            cars = min(count, most, 0x10000 - (self.sequence + 1 & 0xFFFF))
            last = addon if 0 < addon < payload and cars == count and cars < most else 0
            sent = self._train(now, train, cars, last)
            if sent < 0:
                continue  # without GSO
            if sent == 0:
                return 0
            count -= cars
            addon = 0 if last else addon
        return addon

    def _train(self, now: int, train: "_Train", cars: int, last: int) -> int:
        """One system call: 1 sent, 0 no room, −1 no GSO here."""
        train.fill(self._header(now, train.payload), self.sequence + 1, cars)
        size = cars * train.payload
        if last:
            at = self._header(now, last)
            HEADER.pack_into(train.buffer, size, *at[:3], self.sequence + 1 + cars & 0xFFFFFFFF, *at[4:])
            size += last
            train.spoiled = cars
        control = [(_SOL_UDP, _UDP_SEGMENT, struct.pack("=H", train.payload))] if size > train.payload else []
        try:
            self._sock.sendmsg([train.view[:size]], control)
        except OSError as error:
            if error.errno in _LATER:
                self.blocked += 1
                return 0
            if control and error.errno in _NO_GSO:
                self.gso = False
                return -1
            raise
        self._book(cars + (1 if last else 0), size)
        return 1

    def _one_by_one(self, now: int, payload: int, count: int) -> None:
        for _ in range(count):
            if not self._single(now, payload):
                return

    def _single(self, now: int, size: int) -> bool:
        header = self._header(now, size)
        packet = HEADER.pack(*header[:3], self.sequence + 1 & 0xFFFFFFFF, *header[4:])
        try:
            self._sock.send(packet + self._content[HEADER.size : size])
        except OSError as error:
            if error.errno in _LATER:
                self.blocked += 1
                return False
            raise
        self._book(1, size)
        return True

    def _header(self, now: int, payload: int) -> tuple[int, ...]:
        delay = min(0xFFFF, (now - self._echo_at + 500_000) // 1_000_000) if self._echo else 0
        seconds, fraction = divmod(now, _NS)
        echo_s, echo_ns = divmod(self._echo, _NS)
        return (
            LOAD_ID, self.action, self.receive_stopped, 0, payload, self.status_errors & 0xFFFF,
            echo_s, echo_ns, seconds, fraction, max(0, delay), 0,
        )  # fmt: skip

    def _book(self, datagrams: int, octets: int) -> None:
        self.sequence = self.sequence + datagrams & 0xFFFFFFFF
        self.sent_datagrams += datagrams
        self.sent_octets += octets


class _Train:
    """A buffer of datagrams of one size that is filled again for each call: only the columns that change are written."""

    def __init__(self, payload: int, content: bytes) -> None:
        self.payload = payload
        self.most = max(1, min(_SEGMENTS, _LARGEST // payload))
        self.buffer = bytearray(content[: payload * self.most])
        self.view = memoryview(self.buffer)
        self.spoiled: int | None = None
        """The place where an add-on's header stands now."""
        self._words = self.view[: self.most * payload // 2 * 2].cast("H") if payload % 2 == 0 else None
        self._common: tuple[int, ...] = ()

    def fill(self, header: tuple[int, ...], first: int, cars: int) -> None:
        """Write the headers of the first `cars` datagrams, whose sequence numbers begin with `first`."""
        words = self._words
        if words is None:
            for car in range(cars):
                HEADER.pack_into(self.buffer, car * self.payload, *header[:3], first + car & 0xFFFFFFFF, *header[4:])
            return
        packed = array("H", HEADER.pack(*header[:3], first & 0xFFFFFFFF, *header[4:]))
        common = (*packed[:_SEQUENCE], *packed[_SEQUENCE + 1 : _FRACTION])
        step = self.payload // 2
        if common != self._common:
            for column, word in enumerate(packed):
                words[column::step] = array("H", [word]) * self.most
            self._common = common
        elif self.spoiled is not None and self.spoiled < self.most:
            words[self.spoiled * step : self.spoiled * step + len(packed)] = packed
        self.spoiled = None
        low, end = first & 0xFFFF, cars * step
        words[_SEQUENCE:end:step] = _NUMBERS[low : low + cars]
        for column in (_FRACTION, _FRACTION + 1, _DELAY):
            words[column:end:step] = array("H", [packed[column]]) * cars
