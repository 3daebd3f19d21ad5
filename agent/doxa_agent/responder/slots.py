"""Who may use the far end's bandwidth, and until when: slots of a promised rate, refusals with a time to come back.

Pure bookkeeping: the time is given by the caller (monotonic), no socket, no thread. Bounded in every direction: so many
slots, so many for one address, so many remembered ends and appointments. There is no queue: who is refused is told
when there should be room, and each refusal counts into the next one's answer, so that the refused do not return at
once (methods.md §9).
"""

import ipaddress
import math
import random
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from doxa_agent.directions import DIRECTIONS, Direction

MAX_SLOTS: Final = 512
MAX_REMEMBERED: Final = 512
"""Tokens that ended: kept a while so that their users learn why."""
REMEMBER_S: Final = 60.0
UNUSED_S: Final = 10.0
"""A slot under which nothing moved for so long is free again."""
ALLOWANCE: Final = 1.5
"""A slot's octets: its rate × its time × this."""
LONGEST_S: Final = 600.0
LONGEST_WAIT_S: Final = 900.0
"""Appointments are not kept by everybody, so nobody is sent away for longer."""
EARLY_S: Final = 5.0
"""Who asks so much before its appointment, or later, is taken for the one who has it."""
FULL: Final = 1e-6
DUST_S: Final = 1e-3
"""Sums of floats: who comes back at the very moment that it was told must find the slot over."""

Ended = Literal["time", "volume", "unused", "returned"]


@dataclass(slots=True, kw_only=True)
class Slot:
    """One promise; rates in Mbit/s of TCP payload in each of its directions, times of the monotonic clock."""

    token: str
    owner: str
    directions: tuple[Direction, ...]
    mbps: float
    began: float
    ends: float
    used: float
    """When something last moved under it, or when it was granted."""
    moved: dict[Direction, int] = field(default_factory=dict)
    ended: Ended | None = None

    @property
    def allowance(self) -> float:
        """Octets that each direction may move."""
        return self.mbps * 1e6 / 8 * (self.ends - self.began) * ALLOWANCE

    def left(self, direction: Direction) -> float:
        """Octets that may still move; none in a direction that was not asked for."""
        return self.allowance - self.moved.get(direction, 0) if direction in self.directions else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No room: when to come back, and why (`busy`, `address_limit`)."""

    come_back_s: float
    why: str


@dataclass(frozen=True, slots=True)
class _Appointment:
    """A refused client that may come back: not a reservation, only a reason to send the next one elsewhere in time."""

    owner: str
    at: float
    until: float
    directions: tuple[Direction, ...]
    mbps: float


class Slots:
    """The slots of one far end."""

    def __init__(
        self,
        promise_mbps: float | None = None,
        *,
        per_address: int = 4,
        most: int = MAX_SLOTS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.promise_mbps = promise_mbps
        self.refused = 0
        self._per_address = per_address
        self._most = most
        self._chance = chance
        self._open: dict[str, Slot] = {}
        self._over: dict[str, Slot] = {}
        self._expected: list[_Appointment] = []

    def __len__(self) -> int:
        return len(self._open)

    def booked_mbps(self, direction: Direction) -> float:
        """What is promised in that direction now."""
        return sum(slot.mbps for slot in self._open.values() if direction in slot.directions)

    def left_mbps(self, direction: Direction) -> float | None:
        """What is promised to nobody; None without a limit."""
        return None if self.promise_mbps is None else max(0.0, self.promise_mbps - self.booked_mbps(direction))

    def used(self, now: float, within_s: float = 1.5) -> int:
        """Slots under which something moved lately."""
        return sum(1 for slot in self._open.values() if slot.moved and now - slot.used <= within_s)

    # --- asking ------------------------------------------------------------------------------------------------------

    def ask(
        self, address: str, *, seconds: float, mbps: float, directions: tuple[Direction, ...], now: float
    ) -> Slot | Refused:
        """A slot, or when to come back. More than the whole promise is cut down to it: a token says what is granted."""
        self.sweep(now)
        owner = owner_of(address)
        seconds = min(seconds, LONGEST_S)
        mbps = mbps if self.promise_mbps is None else min(mbps, self.promise_mbps)
        own = [slot for slot in self._open.values() if slot.owner == owner]
        wanted = _Appointment(owner, now, now + seconds, directions, mbps)
        at = self._room_at(wanted, now, self._open.values(), ())
        if len(own) >= self._per_address:
            return self._refuse(max(at, min(_expected_end(slot) for slot in own)) - now, "address_limit")
        self._meet(owner, now)
        if at > now:
            at = self._room_at(wanted, now, self._open.values(), self._expected)
            return self._appoint(wanted, at, now)
        slot = Slot(
            token=secrets.token_hex(16), owner=owner, directions=directions, mbps=mbps,
            began=now, ends=now + seconds, used=now,
        )  # fmt: skip
        self._open[slot.token] = slot
        return slot

    def _refuse(self, wait: float, why: str) -> Refused:
        """A time to come back, later by chance: what ends together must not bring all back together."""
        self.refused += 1
        wait = max(1.0, wait)
        spread = min(30.0, max(2.0, 0.25 * wait))
        wait = min(LONGEST_WAIT_S, wait + self._chance() * spread)
        return Refused(come_back_s=math.ceil(wait * 10 - DUST_S) / 10, why=why)  # never too early

    def _meet(self, owner: str, now: float) -> None:
        """Who asks has come to its appointment: the earliest of that address, if it is due."""
        own = [a for a in self._expected if a.owner == owner]
        if own and (len(own) >= self._per_address or own[0].at <= now + EARLY_S):
            self._expected.remove(own[0])

    def _appoint(self, wanted: _Appointment, at: float, now: float) -> Refused:
        answer = self._refuse(at - now, "busy")
        if len(self._expected) < self._most:
            comes = now + answer.come_back_s
            self._expected.append(replace(wanted, at=comes, until=comes + wanted.until - wanted.at))
            self._expected.sort(key=lambda appointment: appointment.at)
        return answer

    def _room_at(
        self, wanted: _Appointment, now: float, slots: Iterable[Slot], expected: Iterable[_Appointment]
    ) -> float:
        """The first moment at which what is asked fits between the slots and those who were told to come back."""
        taken = [(now, _expected_end(s), _share(s.mbps, s.directions, wanted.directions)) for s in slots]
        taken += [(a.at, a.until, _share(a.mbps, a.directions, wanted.directions)) for a in expected if a.until > now]
        limit = float("inf") if self.promise_mbps is None else self.promise_mbps
        length = wanted.until - wanted.at
        changes = sorted(
            [(at, mbps, 1) for at, _, mbps in taken] + [(until, _minus(mbps), -1) for _, until, mbps in taken]
        )
        return _first_gap(changes, limit - wanted.mbps, self._most - 1, now, length)

    # --- using -------------------------------------------------------------------------------------------------------

    def find(self, token: str, now: float) -> Slot | None:
        """The open slot of that token; a look at it is no use of it."""
        slot = self._open.get(token)
        if slot is not None and self._end_of(slot, now) is not None:
            self.sweep(now)
            return None
        return slot

    def why_ended(self, token: str) -> Ended | None:
        """Why a slot, or one of its directions, is over; None where it is open, unknown or forgotten."""
        if (slot := self._open.get(token)) is not None:
            return "volume" if any(slot.left(direction) <= 0 for direction in slot.directions) else None
        over = self._over.get(token)
        return None if over is None else over.ended

    def move(self, slot: Slot, direction: Direction, octets: int, now: float) -> None:
        """Octets moved under the slot."""
        slot.moved[direction] = slot.moved.get(direction, 0) + octets
        slot.used = now

    def give_back(self, token: str, now: float) -> bool:
        """Free the slot; False where there is none of that token."""
        slot = self._open.get(token)
        if slot is None:
            return False
        self._close(slot, "returned", now)
        return True

    def sweep(self, now: float) -> None:
        """End what is over, forget what is long over."""
        for slot in list(self._open.values()):
            if (why := self._end_of(slot, now)) is not None:
                self._close(slot, why, now)
        self._over = {t: s for t, s in self._over.items() if now - s.used < REMEMBER_S}
        self._expected = [a for a in self._expected if a.until > now]

    def _end_of(self, slot: Slot, now: float) -> Ended | None:
        if now + DUST_S >= slot.ends:
            return "time"
        if all(slot.left(direction) <= 0 for direction in slot.directions):
            return "volume"
        return "unused" if now + DUST_S >= slot.used + UNUSED_S else None

    def _close(self, slot: Slot, why: Ended, now: float) -> None:
        del self._open[slot.token]
        slot.ended, slot.used = why, now
        if len(self._over) >= MAX_REMEMBERED:
            self._over.pop(next(iter(self._over)))
        self._over[slot.token] = slot


def owner_of(address: str) -> str:
    """Whose a slot is: an IPv4 address, or the /64 of an IPv6 one, for one line has all of that (RFC 6177)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found)


def _expected_end(slot: Slot) -> float:
    """When it really ends if nobody gives it back: its time, or the end of the patience with one that is not used."""
    return slot.ends if slot.moved else min(slot.ends, slot.used + UNUSED_S)


_Shares = tuple[float, float]


def _share(mbps: float, directions: tuple[Direction, ...], wanted: tuple[Direction, ...]) -> _Shares:
    """What it takes of each direction that is wanted."""
    down, up = ((mbps if d in directions and d in wanted else 0.0) for d in DIRECTIONS)
    return down, up


def _minus(shares: _Shares) -> _Shares:
    return -shares[0], -shares[1]


def _first_gap(changes: list[tuple[float, _Shares, int]], room: float, most: int, now: float, length: float) -> float:
    """The first moment from `now` after which both sums stay within `room`, and the count within `most`, for `length`."""
    down = up = 0.0
    count, since = 0, now
    free = True
    for at, (more_down, more_up), one in changes:
        if free and at - since >= length:
            return since
        down, up, count = down + more_down, up + more_up, count + one
        fits = max(down, up) <= room + FULL and count <= most
        if fits and not free:
            since = max(now, at)
        free = fits
    return since
