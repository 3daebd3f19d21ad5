"""A day of polls of one line's terminal (the meter `snmp`), as octets: all that the rule of TT 06/2026 asks of them.

A day has as many polls as a month has tests, so a row holds one line and one local day: a new poll changes ten kilobytes
and not three hundred. Polls lie in the order of (moment, id). Little-endian:

    "DXP1", checksum (the first 8 octets of SHA-256 over the row's key and all that follows it)
    polls (4), names of series (2), ordered (1)
    trace of the day, and of its first hour: polls (4), first id (8), last id (8), chain (32)
    per name of a series: its octets (2), and the name in UTF-8
    outcome of each poll (1 each); which series each belongs to (2 each; left out where there is one)
    kinds of the columns (1 each), and the columns (`numbers`): microseconds since the poll before (since midnight for the
    first one), seconds that the poll covers, rate in Mbps for each of `RATES`
    where `ordered`: what `summary.summary_of` found

A poll that measured nothing has no seconds and no rate. The trace of the first hour is there because a period takes in
the polls of the hour after it, which say something of its last minutes.
"""

import json
import struct
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from hashlib import sha256
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from doxa_collector.rollups import numbers
from doxa_collector.rollups.columns import CODE_OF, ENDINGS
from doxa_collector.rollups.model import Trace
from doxa_collector.rollups.numbers import NARROW, WIDE, Numbers, numbers_of, octets_of
from doxa_collector.rollups.pack import EPOCH, OFFSET_US, Key
from doxa_collector.rollups.raw import digest_of, traced
from doxa_collector.rollups.summary import SEALED, Summary, summary_of
from doxa_collector.statistics.sample import DAY_US, slot_of
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

METER: Final = "snmp"
DIRECTIONS: Final = ("download", "upload")
RATES: Final = tuple((direction, layer) for direction in DIRECTIONS for layer in (Layer.IP, Layer.FRAME, Layer.WIRE))
"""What a poll may say: (direction, layer), in Mbps."""
NAMES: Final = tuple(f"{direction}_traffic_{layer.value}_mbps" for direction, layer in RATES)
INTERVAL: Final = "interval_s"
AFTER_US: Final = 3_600_000_000
"""Polls of the first hour of a day belong to the period before it as well."""
MAGIC: Final = b"DXP1"
_HEAD: Final = struct.Struct("<4s8s")
_SIZES: Final = struct.Struct("<IHB")
_TRACE: Final = struct.Struct("<IQQ32s")
_NAME: Final = struct.Struct("<H")
_COLUMNS: Final = 2 + len(RATES)
_ENDINGS: Final = bytes(range(len(ENDINGS)))
_FEW: Final = 6
"""So many new polls are put in one by one; more are laid out anew, which is quicker then."""
_NO_TRACE: Final = Trace(0, 0, 0, bytes(32))


class Poll(NamedTuple):
    """One poll on its way into a day."""

    number: int
    """`measurement.id`."""
    started_us: int
    ending: int
    """`columns.CODE_OF` its outcome."""
    series: str
    """The task, and behind a slash the far end where there is one: two series of a line are never mixed."""
    seconds: float | None
    """What it covers; None where it measured nothing."""
    rates: Sequence[float | None]
    """For each of `RATES`."""
    digest: bytes
    """SHA-256 of the signed line."""


def poll_of(conn: Connection, row: Sequence[Any]) -> Poll:
    """From (id, started_us, outcome, values, digest, task, far_end)."""
    number, started_us, ending, text, digest, task, far_end = row
    values = json.loads(text)
    rates = [float(values[name]) if name in values else None for name in NAMES]
    seconds = values.get(INTERVAL, 0)
    if seconds <= 0 or all(rate is None for rate in rates):
        seconds, rates = None, [None] * len(RATES)
    return Poll(
        number, started_us, CODE_OF[Outcome(ending)], f"{task}/{far_end}" if far_end else task,
        None if seconds is None else float(seconds), rates, digest_of(conn, number, digest),
    )  # fmt: skip


def day_text(day: int) -> str | None:
    """A local day since 1970 as the row's key has it, such as `2026-11-22`; None for one that no calendar has."""
    try:
        return date.fromordinal(EPOCH + day).isoformat()
    except (ValueError, OverflowError):
        return None


def day_number(text: str) -> int:
    """The day of such a key. `ValueError` for what is no day."""
    return date.fromisoformat(text).toordinal() - EPOCH


class PollDay:
    """A day that may grow."""

    __slots__ = ("_columns", "_kept", "_which", "day", "endings", "head", "names", "trace")

    def __init__(
        self,
        day: int,
        trace: Trace = _NO_TRACE,
        head: Trace = _NO_TRACE,
        names: Sequence[str] = (),
        endings: bytes = b"",
        which: bytes = b"",
        columns: Sequence[Numbers] = (numbers.EMPTY,) * _COLUMNS,
        kept: Summary | None = None,
    ) -> None:
        self.day = day
        """Local days since 1970."""
        self.trace = trace
        self.head = head
        """The trace of the polls of its first hour; `n` is 0 without any."""
        self.names = list(names)
        """Its series, the one that was there first before the others."""
        self.endings = endings
        self._which = which
        self._columns = list(columns)
        self._kept = kept

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PollDay) and self.body() == other.body()

    __hash__ = None  # type: ignore[assignment]  # it grows

    @property
    def from_us(self) -> int:
        """Its first moment, in microseconds since 1970 UTC."""
        return self.day * DAY_US - OFFSET_US

    def moments(self) -> list[int]:
        """When each poll ended, in microseconds since the day began."""
        kind, content = self._columns[0]
        return list(accumulate(numbers_of(_code(kind), content))) if kind else []

    def seconds(self) -> list[float | None]:
        """What each poll covers."""
        return numbers.read(self._columns[1]) or [None] * len(self.endings)

    def rates(self, place: int) -> list[float | None]:
        """What each poll says for one of `RATES`; empty where none says it."""
        return numbers.read(self._columns[2 + place])

    def rate_at(self, place: int, poll: int) -> float | None:
        """What one poll says for one of `RATES`."""
        return numbers.value_at(self._columns[2 + place], poll)

    def most(self, place: int) -> float | None:
        """The largest sample of one of `RATES`; None without any, and only of a day that is plain."""
        last = self.summary().tops[place].octets[-2:]
        poll = int.from_bytes(last, "little")
        rate, covered = self.rate_at(place, poll), numbers.value_at(self._columns[1], poll)
        return None if not last or rate is None or covered is None else (0.0 + rate * covered) / covered

    def largest(self, place: int, depth: int) -> list[float]:
        """The largest samples of one of `RATES`, ascending: `depth` of them or all; only of a day that is plain."""
        polls = self.summary().tops[place].highest(depth)
        if not polls:
            return []
        rates, seconds = numbers.picked(self._columns[2 + place], polls), numbers.picked(self._columns[1], polls)
        return [(0.0 + rate * covered) / covered for rate, covered in zip(rates, seconds, strict=True)]

    def start(self, polls: int) -> tuple[list[int], list[float | None]]:
        """Moments and seconds of the first polls alone."""
        kind, content = self._columns[0]
        if not kind:
            return [], []
        seconds = self._columns[1]
        few = Numbers(seconds.kind, seconds.content[: numbers.size_of(seconds.kind, polls)])
        moments = list(accumulate(numbers_of(_code(kind), content[: numbers.size_of(kind, polls)])))
        return moments, numbers.read(few) or [None] * len(moments)

    def which(self) -> Sequence[int]:
        """The place of each poll's series in `names`."""
        return numbers_of("H", self._which) if self._which else bytes(len(self.endings))

    def summary(self) -> Summary:
        """What its samples come to; kept with a day that is nearly full, found again for any other."""
        if self._kept is None:
            self._kept = self._summed()
        return self._kept

    def add(self, polls: Iterable[Poll]) -> None:
        """Count further polls of the day, in the order of their ids, which are larger than all before."""
        new = list(polls)
        if not new:
            return
        self._kept = None
        began = self.from_us
        self.trace = _grown(self.trace, new)
        self.head = _grown(self.head, [poll for poll in new if poll.started_us - began < AFTER_US])
        moments, which = self.moments(), list(self.which())
        for poll in new:
            if poll.series not in self.names:
                self.names.append(poll.series)
        if len(new) <= _FEW:
            for poll in new:
                self._put(poll, moments, which)
        else:
            self._lay(new, moments, which)
        self._which = octets_of("H", which) if len(self.names) > 1 else b""
        steps = [after - before for before, after in pairwise([0, *moments])]
        kind = NARROW if max(steps) < 2**32 else WIDE
        self._columns[0] = Numbers(kind, octets_of(_code(kind), steps))

    def body(self) -> bytes:
        """Its octets without their head."""
        ordered = len(self.endings) >= SEALED
        names = [name.encode() for name in self.names]
        return b"".join(
            (
                _SIZES.pack(len(self.endings), len(names), ordered),
                _TRACE.pack(*self.trace),
                _TRACE.pack(*self.head),
                *(_NAME.pack(len(name)) + name for name in names),
                self.endings,
                self._which,
                bytes([column.kind for column in self._columns]),
                *(column.content for column in self._columns),
                self.summary().encode() if ordered else b"",
            )
        )

    def encode(self, key: Key) -> bytes:
        """Its octets, as the row of `key`."""
        body = self.body()
        return _HEAD.pack(MAGIC, _checksum(key, body)) + body

    def _summed(self) -> Summary:
        columns = [self.rates(place) for place in range(len(RATES))]
        return summary_of(self.moments(), self.seconds(), columns, one_series=len(self.names) <= 1)

    def _put(self, poll: Poll, moments: list[int], which: list[int]) -> None:
        moment, n = poll.started_us - self.from_us, len(moments)
        place = bisect_right(moments, moment)
        moments.insert(place, moment)
        which.insert(place, self.names.index(poll.series))
        self.endings = self.endings[:place] + bytes([poll.ending]) + self.endings[place:]
        for at, value in enumerate((poll.seconds, *poll.rates), 1):
            self._columns[at] = numbers.put(self._columns[at], n, place, value)

    def _lay(self, new: Sequence[Poll], moments: list[int], which: list[int]) -> None:
        """All polls in their order, the new ones behind what is of the same moment."""
        began, n = self.from_us, len(moments)
        places = {name: place for place, name in enumerate(self.names)}
        at = [*moments, *(poll.started_us - began for poll in new)]
        order = sorted(range(len(at)), key=at.__getitem__)
        all_which = [*which, *(places[poll.series] for poll in new)]
        all_endings = self.endings + bytes([poll.ending for poll in new])
        self.endings = bytes([all_endings[place] for place in order])
        moments[:], which[:] = [at[place] for place in order], [all_which[place] for place in order]
        for column in range(1, _COLUMNS):
            more = [poll.seconds if column == 1 else poll.rates[column - 2] for poll in new]
            known = numbers.read(self._columns[column]) or [None] * n
            found = [*known, *more]
            self._columns[column] = numbers.made([found[place] for place in order])


def decode(content: bytes, key: Key) -> PollDay:
    """What `PollDay.encode` wrote for this key. `ValueError` for anything else."""
    if len(content) < _HEAD.size + _SIZES.size + 2 * _TRACE.size or content[:4] != MAGIC:
        raise ValueError("it is no day of polls of version 1")
    body = content[_HEAD.size :]
    if content[4 : _HEAD.size] != _checksum(key, body):
        raise ValueError("its checksum does not fit its content")
    polls, series, ordered = _SIZES.unpack_from(body)
    at = _SIZES.size
    trace, head = Trace(*_TRACE.unpack_from(body, at)), Trace(*_TRACE.unpack_from(body, at + _TRACE.size))
    at += 2 * _TRACE.size
    names = []
    for _ in range(series):
        if at + _NAME.size > len(body):
            raise ValueError("its length does not fit its content")
        (size,) = _NAME.unpack_from(body, at)
        names.append(body[at + _NAME.size : at + _NAME.size + size].decode())
        at += _NAME.size + size
    endings, at = body[at : at + polls], at + polls
    which_size = 2 * polls if series > 1 else 0
    which, at = body[at : at + which_size], at + which_size
    kinds, at = body[at : at + _COLUMNS], at + _COLUMNS
    if len(kinds) != _COLUMNS or any(kind not in numbers.KINDS for kind in kinds) or kinds[0] not in (NARROW, WIDE):
        raise ValueError("it has other columns than a day of polls")
    columns = []
    for kind in kinds:
        size = numbers.size_of(kind, polls)
        columns.append(Numbers(kind, body[at : at + size]))
        at += size
    if not polls or trace.n != polls or not series or endings.translate(None, _ENDINGS) or at > len(body):
        raise ValueError("its length does not fit its content")
    if which and max(numbers_of("H", which)) >= series:
        raise ValueError("a poll in it is of no series")
    if bool(ordered) != (polls >= SEALED) or (not ordered and at != len(body)):
        raise ValueError("its length does not fit its content")
    kept = Summary.decode(body[at:], len(RATES)) if ordered else None
    return PollDay(day_number(key.month), trace, head, names, endings, which, columns, kept)


def days_of(polls: Iterable[Poll]) -> dict[int, PollDay]:
    """Polls in the order of their ids, by local day."""
    found: dict[int, list[Poll]] = {}
    for poll in sorted(polls, key=attrgetter("number")):
        found.setdefault(slot_of(poll.started_us).day, []).append(poll)
    days = {day: PollDay(day) for day in sorted(found)}
    for day, more in found.items():
        days[day].add(more)
    return days


def layout() -> str:
    """What is kept of a poll: part of the layout's name."""
    return f"1 {INTERVAL} {NAMES} {MAGIC!r}"


def traces_of(days: Mapping[int, PollDay], first: int, last: int) -> dict[int, Trace]:
    """Which polls a period stands on, by local day: those of its days and of the hour after them."""
    found = {day: one.trace for day, one in sorted(days.items()) if first <= day <= last}
    after = days.get(last + 1)
    return found if after is None or not after.head.n else {**found, last + 1: after.head}


def _grown(before: Trace, polls: Sequence[Poll]) -> Trace:
    if not polls:
        return before
    return traced(before if before.n else None, ((poll.number, poll.digest) for poll in polls))


def _checksum(key: Key, body: bytes) -> bytes:
    found = sha256("/".join(key).encode())
    found.update(body)
    return found.digest()[:8]


def _code(kind: int) -> str:
    return "I" if kind == NARROW else "Q"
