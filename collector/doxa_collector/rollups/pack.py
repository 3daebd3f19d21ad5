"""A pack: the runs of one line and one meter in one local month, as octets.

Columns lie side by side, each value as wide as the largest of its series in the month needs. So one series is read
without touching the others, a day grows by octets that are put in between, and equal runs give equal octets, whatever
the order in which they came. Little-endian:

    "DXR1", checksum (the first 8 octets of SHA-256 over the row's key and all that follows it)
    days (1), series (1), runs (4)
    per day: day of the month (1), runs (4), first id (8), last id (8), chain (32)
    half hour of each run (1 each), outcome of each run (1 each)
    width of each series (1 each: 0 for a series without any value, else 1, 2, 4 or 8)
    per series with a width: one value per run; all bits set means that the run has none
"""

import struct
import sys
from array import array
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from doxa_collector.rollups.columns import ENDINGS, Column, Runs
from doxa_collector.rollups.model import Trace
from doxa_collector.rollups.raw import traced
from doxa_collector.statistics.sample import DAY_US, SLOTS

MAGIC: Final = b"DXR1"
_HEAD: Final = struct.Struct("<4s8s")
_SIZES: Final = struct.Struct("<BBI")
_DAY: Final = struct.Struct("<BIQQ32s")
OFFSET_US: Final = 7 * 3_600_000_000
"""Vietnam has no daylight saving."""
_CODES: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
EPOCH: Final = date(1970, 1, 1).toordinal()
"""The ordinal of the day from which local days count."""


class Key(NamedTuple):
    """Which pack it is."""

    site: str
    link: str
    meter: str
    month: str
    """Such as `2026-11`, in Vietnamese time."""


class Run(NamedTuple):
    """One run on its way into a pack."""

    day: int
    """Local days since 1970."""
    number: int
    """`measurement.id`."""
    half_hour: int
    ending: int
    """`columns.CODE_OF` its outcome."""
    units: Sequence[int | None]
    """For every series of the meter, in their order: whole millionths, None where it has no value."""
    digest: bytes
    """SHA-256 of the signed line."""


class Pack:
    """A month that may grow."""

    __slots__ = ("_columns", "endings", "half_hours", "traces")

    def __init__(
        self, traces: Mapping[int, Trace], half_hours: bytes, endings: bytes, columns: Sequence[tuple[int, bytes]]
    ) -> None:
        self.traces = dict(traces)
        """Local day → its runs, days in their order."""
        self.half_hours = half_hours
        self.endings = endings
        self._columns = list(columns)

    @classmethod
    def empty(cls, series: int) -> "Pack":
        """Without any run, for a meter of so many series."""
        return cls({}, b"", b"", [(0, b"")] * series)

    def add(self, runs: Iterable[Run]) -> None:
        """Count further runs of any days of the month, in the order of their ids, which are larger than all before."""
        new: dict[int, list[Run]] = {}
        for run in runs:
            new.setdefault(run.day, []).append(run)
        pieces = _pieces(self.traces, new)
        for day, found in new.items():
            self.traces[day] = traced(self.traces.get(day), ((run.number, run.digest) for run in found))
        self.traces = dict(sorted(self.traces.items()))
        before = len(self.endings)
        self.half_hours = b"".join(
            self.half_hours[start:end] + bytes([run.half_hour for run in found]) for start, end, found in pieces
        )
        self.endings = b"".join(
            self.endings[start:end] + bytes([run.ending for run in found]) for start, end, found in pieces
        )
        self._columns = [_grown(column, before, pieces, place) for place, column in enumerate(self._columns)]

    def runs(self, names: Sequence[str]) -> Runs:
        """To read: a series is decoded when it is asked for. `names` are the meter's series."""
        columns = dict(zip(names, self._columns, strict=True))

        def column(name: str) -> Column | None:
            width, content = columns[name]
            return (_numbers(width, content), absent(width)) if width else None

        return Runs(spans=_spans(self.traces), half_hours=self.half_hours, endings=self.endings, column=column)

    def encode(self, key: Key) -> bytes:
        """Its octets. `ValueError` for a day outside the key's month."""
        first, days = month_days(key.month)
        table = []
        for day, trace in self.traces.items():
            if not 0 <= day - first < days:
                raise ValueError(f"day {day} does not lie in {key.month}")
            table.append(_DAY.pack(day - first + 1, *trace))
        body = b"".join(
            (
                _SIZES.pack(len(table), len(self._columns), len(self.endings)),
                *table,
                self.half_hours,
                self.endings,
                bytes([width for width, _ in self._columns]),
                *(content for _, content in self._columns),
            )
        )
        return _HEAD.pack(MAGIC, _checksum(key, body)) + body


def decode(content: bytes, key: Key, series: int) -> Pack:
    """What `Pack.encode` wrote for this key and a meter of so many series. `ValueError` for anything else."""
    if len(content) < _HEAD.size + _SIZES.size or content[:4] != MAGIC:
        raise ValueError("it is no pack of version 1")
    body = content[_HEAD.size :]
    if content[4 : _HEAD.size] != _checksum(key, body):
        raise ValueError("its checksum does not fit its content")
    days, columns, runs = _SIZES.unpack_from(body)
    at = _SIZES.size
    widths_at = at + days * _DAY.size + 2 * runs
    widths = body[widths_at : widths_at + columns]
    if columns != series or any(width not in (0, *_CODES) for width in widths):
        raise ValueError("it has other series than this meter")
    if len(body) != widths_at + columns + runs * sum(widths):
        raise ValueError("its length does not fit its content")
    traces = _read_days(body[at : at + days * _DAY.size], key.month, runs)
    at += days * _DAY.size
    half_hours, endings = body[at : at + runs], body[at + runs : at + 2 * runs]
    if max(half_hours, default=0) >= SLOTS or max(endings, default=0) >= len(ENDINGS):
        raise ValueError("a run in it lies at no half hour, or has no outcome")
    at, found = widths_at + columns, []
    for width in widths:
        found.append((width, body[at : at + width * runs]))
        at += width * runs
    return Pack(traces, half_hours, endings, found)


def absent(width: int) -> int:
    """The number that stands for "no value" in a column of so many octets."""
    return (1 << 8 * width) - 1


def month_of(day: int) -> str | None:
    """The month of a local day since 1970, such as `2026-11`; None for a day that no calendar has."""
    try:
        return date.fromordinal(EPOCH + day).isoformat()[:7]
    except (ValueError, OverflowError):
        return None


@lru_cache(256)
def month_days(month: str) -> tuple[int, int]:
    """The first day of a month (since 1970), and how many it has. `ValueError` for what is no month."""
    first = date.fromisoformat(f"{month}-01")
    return first.toordinal() - EPOCH, monthrange(first.year, first.month)[1]


def next_month(month: str) -> str:
    """The month after this one; for `9999-12`, whose next no calendar has, a `ValueError`."""
    first, days = month_days(month)
    return date.fromordinal(EPOCH + first + days).isoformat()[:7]


def first_moment(month: str) -> int:
    """The first moment of a month in Vietnam, in microseconds since 1970 UTC."""
    return month_days(month)[0] * DAY_US - OFFSET_US


def _checksum(key: Key, body: bytes) -> bytes:
    found = sha256("/".join(key).encode())
    found.update(body)
    return found.digest()[:8]


def _read_days(table: bytes, month: str, runs: int) -> dict[int, Trace]:
    first, length = month_days(month)
    traces: dict[int, Trace] = {}
    before = counted = 0
    for number, n, smallest, largest, link in _DAY.iter_unpack(table):
        if not before < number <= length or not n or smallest > largest:
            raise ValueError("a day in it is none")
        traces[first + number - 1] = Trace(n, smallest, largest, link)
        before, counted = number, counted + n
    if counted != runs:
        raise ValueError("its days have other runs than it says")
    return traces


def _spans(traces: Mapping[int, Trace]) -> dict[int, tuple[int, int]]:
    spans, at = {}, 0
    for day, trace in traces.items():
        spans[day] = (at, at + trace.n)
        at += trace.n
    return spans


Piece = tuple[int, int, list[Run]]


def _pieces(traces: Mapping[int, Trace], new: Mapping[int, list[Run]]) -> list[Piece]:
    """What stays (from, to), each with the runs that come right behind it."""
    spans, pieces, done = _spans(traces), [], 0
    for day in sorted(new):
        end = max((end for known, (_, end) in spans.items() if known <= day), default=0)
        pieces.append((done, end, new[day]))
        done = end
    return [*pieces, (done, sum(trace.n for trace in traces.values()), [])]


def _grown(column: tuple[int, bytes], before: int, pieces: Sequence[Piece], place: int) -> tuple[int, bytes]:
    """A column with the new runs' values in between; wider where one of them needs it."""
    width, content = column
    top = max(
        (run.units[place] or 0 for *_, found in pieces for run in found if run.units[place] is not None), default=-1
    )
    if top < 0 and not width:
        return column
    needed = _width_for(top)
    if needed > width:
        width, content = needed, _widened(column, before, needed)
    none = absent(width)
    parts = []
    for start, end, found in pieces:
        parts.append(content[start * width : end * width])
        for run in found:
            value = run.units[place]
            parts.append((none if value is None else value).to_bytes(width, "little"))
    return width, b"".join(parts)


def _width_for(top: int) -> int:
    return next(width for width in _CODES if top < absent(width))


def _widened(column: tuple[int, bytes], runs: int, width: int) -> bytes:
    old, content = column
    if not old:
        return b"\xff" * (runs * width)
    none = absent(old)
    return b"".join(
        (absent(width) if value == none else value).to_bytes(width, "little") for value in _numbers(old, content)
    )


def _numbers(width: int, content: bytes) -> Sequence[int]:
    numbers = array(_CODES[width], content)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
