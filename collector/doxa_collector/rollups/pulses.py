"""A month of one line's pulse, as octets: how many runs of any meter ended how, and when it failed first and last, by day.

Every measurement counts here, whether its meter is rolled up or not. Little-endian:

    "DXB1", checksum (the first 8 octets of SHA-256 over the row's key and all that follows it)
    per day: day of the month (1), runs by outcome in the order of `columns.ENDINGS` (4 each), when the first and the last
    failed run began, in microseconds since the day began (8 each; 0 without any)
"""

import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import rollup_pack
from doxa_collector.rollups.columns import CODE_OF, ENDINGS
from doxa_collector.rollups.damage import DAMAGED
from doxa_collector.rollups.pack import EPOCH, OFFSET_US, Key, month_days
from doxa_collector.statistics.sample import DAY_US
from doxa_core.errors import OperationError
from doxa_core.outcome import Outcome

METER: Final = "*"
"""Stands for all of them in a row's key; no meter has this name."""
MAGIC: Final = b"DXB1"
_HEAD: Final = struct.Struct("<4s8s")
_DAY: Final = struct.Struct(f"<B{len(ENDINGS)}IQQ")
_FAILED: Final = CODE_OF[Outcome.FAILED]


class Beat(NamedTuple):
    """One run on its way in."""

    day: int
    """Local days since 1970."""
    moment_us: int
    """Since the day began."""
    ending: int
    """`columns.CODE_OF` its outcome."""


class DayPulse(NamedTuple):
    """One local day."""

    counts: tuple[int, ...]
    """By outcome, in the order of `columns.ENDINGS`."""
    first_us: int = 0
    """When the first failed run began, since the day began; `last_us`: the last one."""
    last_us: int = 0


def grown(days: Mapping[int, DayPulse], beats: Iterable[Beat]) -> dict[int, DayPulse]:
    """The days with further runs, whatever the order."""
    found = dict(days)
    for day, moment_us, ending in beats:
        counts, first, last = found.get(day) or DayPulse((0,) * len(ENDINGS))
        if ending == _FAILED:
            first, last = (min(first, moment_us), max(last, moment_us)) if counts[_FAILED] else (moment_us, moment_us)
        counts = (*counts[:ending], counts[ending] + 1, *counts[ending + 1 :])
        found[day] = DayPulse(counts, first, last)
    return dict(sorted(found.items()))


def encode(days: Mapping[int, DayPulse], key: Key) -> bytes:
    """The octets of a month. `ValueError` for a day outside of it."""
    first, length = month_days(key.month)
    if any(not 0 <= day - first < length for day in days):
        raise ValueError(f"a day does not lie in {key.month}")
    body = b"".join(_DAY.pack(day - first + 1, *one.counts, one.first_us, one.last_us) for day, one in days.items())
    return _HEAD.pack(MAGIC, _checksum(key, body)) + body


def decode(content: bytes, key: Key) -> dict[int, DayPulse]:
    """What `encode` wrote for this key. `ValueError` for anything else."""
    body = content[_HEAD.size :]
    if content[:4] != MAGIC or len(body) % _DAY.size:
        raise ValueError("it is no pulse of version 1")
    if content[4 : _HEAD.size] != _checksum(key, body):
        raise ValueError("its checksum does not fit its content")
    first, length = month_days(key.month)
    found, before = {}, 0
    for number, *row in _DAY.iter_unpack(body):
        if not before < number <= length:
            raise ValueError("a day in it is none")
        *counts, first_us, last_us = row
        found[first + number - 1] = DayPulse(tuple(counts), first_us, last_us)
        before = number
    return found


def open_pulse(content: bytes, key: Key) -> dict[int, DayPulse]:
    """A row of the table. `OperationError` where it is damaged."""
    try:
        return decode(content, key)
    except ValueError as error:
        raise OperationError(DAMAGED.fill(error=error, **key._asdict())) from error


@dataclass(slots=True)
class Heard:
    """What came through a line between two moments."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    first_us: int | None = None
    """When the first failed run began, in microseconds since 1970 UTC; `last_us`: the last one."""
    last_us: int | None = None

    @property
    def failing_us(self) -> int:
        """Between the first and the last failed run."""
        return 0 if self.first_us is None or self.last_us is None else self.last_us - self.first_us

    def failed(self, first_us: int, last_us: int) -> None:
        """Failures between these moments, both of them in."""
        self.first_us = first_us if self.first_us is None else min(self.first_us, first_us)
        self.last_us = last_us if self.last_us is None else max(self.last_us, last_us)


def hear(conn: Connection, sites: Iterable[str], first: int, last: int, found: Mapping[tuple[str, str], Heard]) -> None:
    """Add what is kept of the local days from `first` to `last` to what was `found` (a defaultdict)."""
    p = rollup_pack.c
    months = [_month(day) for day in (first, last)]
    query = select(p.site, p.link, p.month, p.content).where(
        p.meter == METER, p.site.in_(sorted(set(sites))), p.month >= months[0], p.month <= months[1]
    )
    for site, link, month, content in conn.execute(query).all():
        for day, one in open_pulse(content, Key(site, link, METER, month)).items():
            if first <= day <= last:
                _add(found[site, link], day, one)


def _add(heard: Heard, day: int, one: DayPulse) -> None:
    for outcome, n in zip(ENDINGS, one.counts, strict=True):
        if n:
            heard.outcomes[outcome] += n
    if one.counts[_FAILED]:
        began = day * DAY_US - OFFSET_US
        heard.failed(began + one.first_us, began + one.last_us)


def beat_of(row: Any) -> Beat:
    """From (id, started_us, outcome, …)."""
    day, moment_us = divmod(row[1] + OFFSET_US, DAY_US)
    return Beat(day, moment_us, CODE_OF[Outcome(row[2])])


def layout() -> str:
    """What is kept of a pulse: part of the layout's name."""
    return f"1 {MAGIC!r}"


def _month(day: int) -> str:
    return date.fromordinal(EPOCH + day).isoformat()[:7]


def _checksum(key: Key, body: bytes) -> bytes:
    found = sha256("/".join(key).encode())
    found.update(body)
    return found.digest()[:8]
