"""The polls of lines over some days, read from the evidence or from what is kept of it: the same, whichever it is."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from sqlalchemy import Connection, Select, select

from doxa_collector.ledger.schema import measurement, rollup_pack
from doxa_collector.rollups.damage import DAMAGED
from doxa_collector.rollups.model import Trace
from doxa_collector.rollups.pack import EPOCH, Key
from doxa_collector.rollups.polls import (
    AFTER_US,
    METER,
    RATES,
    Poll,
    PollDay,
    day_number,
    days_of,
    decode,
    poll_of,
    traces_of,
)
from doxa_collector.statistics.sample import slot_of
from doxa_core.errors import OperationError
from doxa_core.layers import Layer

if TYPE_CHECKING:
    from doxa_collector.period import Period

_SITES_AT_ONCE: Final = 25
"""Their rows are taken before they are looked at, so that no statement stays open meanwhile."""


class Spoken(NamedTuple):
    """One poll that measured."""

    end_us: int
    """Microseconds since 1970 UTC."""
    seconds: float
    rates: Mapping[tuple[str, Layer], float]
    series: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePolls:
    """The polls of one line from the first day to the last, and of the hour after it."""

    site: str
    link: str
    first: int
    """Local days since 1970."""
    last: int
    days: Mapping[int, PollDay]
    """Every day that has polls, in their order; the one after `last` too, of which only the first hour belongs here."""

    @property
    def traces(self) -> dict[int, Trace]:
        """Local day → which polls it has; of the day after the last one those of its first hour."""
        return traces_of(self.days, self.first, self.last)

    @property
    def newest(self) -> int:
        """The largest `measurement.id` among them; 0 without any."""
        return max((trace.last for trace in self.traces.values()), default=0)

    def spoken(self) -> list[Spoken]:
        """Those that measured, in the order of (moment, id)."""
        found = []
        for number, day in sorted(self.days.items()):
            columns = [day.rates(place) for place in range(len(RATES))]
            named = [(name, column) for name, column in zip(RATES, columns, strict=True) if column]
            which, began = day.which(), day.from_us
            for place, (moment, seconds) in enumerate(zip(day.moments(), day.seconds(), strict=True)):
                if number > self.last and moment >= AFTER_US:
                    break
                if seconds is not None:
                    rates = {name: rate for name, column in named if (rate := column[place]) is not None}
                    found.append(Spoken(began + moment, seconds, rates, day.names[which[place]]))
        return found


class PollSource(Protocol):
    """Whoever gives polls."""

    def read(self, sites: Sequence[str], period: "Period", links: Sequence[str] | None = None) -> Iterator[LinePolls]:
        """Each (site, link) of these sites that was polled in a period or in the hour after it, in their order.

        `links`: of lines of these names alone.
        """
        ...


class RawPolls:
    """The evidence itself, up to `last_id`; None: all of it."""

    def __init__(self, conn: Connection, last_id: int | None = None) -> None:
        self._conn = conn
        self._last_id = last_id

    def read(self, sites: Sequence[str], period: "Period", links: Sequence[str] | None = None) -> Iterator[LinePolls]:
        """See `PollSource`."""
        m = measurement.c
        for part in _parts(sites):
            query = _evidence(period).where(m.site.in_(part))
            if links is not None:
                query = query.where(m.link.in_(sorted(set(links))))
            if self._last_id is not None:
                query = query.where(m.id <= self._last_id)
            rows = self._conn.execute(query.order_by(m.site, m.link)).all()
            for (site, link), found in groupby(rows, itemgetter(0, 1)):
                days = days_of(poll_of(self._conn, row[2:]) for row in found)
                yield _line(site, link, period, days)


class KeptPolls:
    """What is kept, up to `position`, with the evidence that came after it where `tail` is asked for.

    `last_id`: the newest measurement that counts. A line of which more is kept is read from the evidence.
    """

    def __init__(self, conn: Connection, position: int, *, last_id: int | None = None, tail: bool = False) -> None:
        self._conn = conn
        self._position = position
        self._last_id = last_id
        self._tail = tail

    def read(self, sites: Sequence[str], period: "Period", links: Sequence[str] | None = None) -> Iterator[LinePolls]:
        """See `PollSource`. `OperationError` for a row that is damaged."""
        for part in _parts(sites):
            more = self._newer(part, period, links) if self._tail else {}
            rows = self._conn.execute(_kept(part, period, links)).all() if self._position else []
            lines = {pair: list(found) for pair, found in groupby(rows, itemgetter(0, 1))}
            for site, link in sorted({*lines, *more}):
                found = self._opened(site, link, lines.get((site, link), ()), more.get((site, link), ()), period)
                if self._last_id is None or found.newest <= self._last_id:
                    if found.traces:
                        yield found
                else:
                    yield from RawPolls(self._conn, self._last_id).read([site], period, [link])

    def _opened(self, site: str, link: str, rows: Iterable[Any], more: Iterable[Any], period: "Period") -> LinePolls:
        days = {day_number(row[2]): open_day(row[3], Key(site, link, METER, row[2])) for row in rows}
        late = defaultdict[int, list[Poll]](list)
        for poll in sorted((poll_of(self._conn, row[2:]) for row in more), key=attrgetter("number")):
            late[slot_of(poll.started_us).day].append(poll)
        for number, polls in late.items():
            days.setdefault(number, PollDay(number)).add(polls)
        return _line(site, link, period, dict(sorted(days.items())))

    def _newer(
        self, sites: Sequence[str], period: "Period", links: Sequence[str] | None
    ) -> dict[tuple[str, str], list[Any]]:
        m = measurement.c
        query = _evidence(period).where(m.site.in_(sites), m.id > self._position)
        if links is not None:
            query = query.where(m.link.in_(sorted(set(links))))
        if self._last_id is not None:
            query = query.where(m.id <= self._last_id)
        rows = self._conn.execute(query.order_by(m.site, m.link)).all()
        return {pair: list(found) for pair, found in groupby(rows, itemgetter(0, 1))}


def open_day(content: bytes, key: Key) -> PollDay:
    """A row of the table. `OperationError` where it is damaged: a sentence that says which, and how to mend it."""
    try:
        return decode(content, key)
    except ValueError as error:
        raise OperationError(DAMAGED.fill(error=error, **{**key._asdict(), "month": key.month[:7]})) from error


def _line(site: str, link: str, period: "Period", days: Mapping[int, PollDay]) -> LinePolls:
    first, last = (day.toordinal() - EPOCH for day in (period.first, period.last))
    return LinePolls(site=site, link=link, first=first, last=last, days=days)


def _parts(sites: Iterable[str]) -> Iterator[Sequence[str]]:
    names = sorted(set(sites))
    for start in range(0, len(names), _SITES_AT_ONCE):
        yield names[start : start + _SITES_AT_ONCE]


def _evidence(period: "Period") -> Select[Any]:
    m = measurement.c
    return select(
        m.site, m.link, m.id, m.started_us, m.outcome, m["values"], m.digest, m.task, m.far_end
    ).where(m.meter == METER, m.started_us >= period.from_us, m.started_us < period.to_us + AFTER_US)  # fmt: skip


def _kept(sites: Sequence[str], period: "Period", links: Sequence[str] | None) -> Select[Any]:
    p = rollup_pack.c
    after: date = period.last + timedelta(days=1)
    query = select(p.site, p.link, p.month, p.content).where(
        p.meter == METER, p.site.in_(sites), p.month >= period.first.isoformat(), p.month <= after.isoformat()
    )
    if links is not None:
        query = query.where(p.link.in_(sorted(set(links))))
    return query.order_by(p.site, p.link, p.month)
