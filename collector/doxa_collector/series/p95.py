"""`doxa_p95_1d`: a line's traffic on a local day, and the rule's seven days that end on it (TT 06/2026, Đ.5.6).

A day has a point if the line was polled on it. A poll changes the seven days that end on its own day and on each of the six
after it; one of a day's first minutes those of the day before as well, since its sample may lie there. Each is counted
whole from the ledger, so neither the order of arrivals nor how they are cut matters, and late ones mend what they change.
The position is a measurement's id (_touched.py).

A second stream follows the log of the registry's changes: what it says anew of a line is told again of every day since.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.assess.p95_ledger import contracts_on
from doxa_collector.assess.traffic import METER, week_ending
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import audit, measurement
from doxa_collector.ledger.schema import link as link_table
from doxa_collector.period import DAY_US, Period, day_of, local_day
from doxa_collector.plans.model import Rule
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.pack import EPOCH
from doxa_collector.rollups.polled import KeptPolls, LinePolls
from doxa_collector.series._batch import LOOK_BACK_US, batch, position_of
from doxa_collector.series._hourly import last_before
from doxa_collector.series._p95_days import fields_of, part
from doxa_collector.series._registry import Register, is_internal
from doxa_collector.series._spans import DAY
from doxa_collector.series._touched import Touched, Window
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier

OWN_THREAD: Final = True
_WEEKS: Final = 25
"""How many are counted at most, about, in one call: half a second's work."""
_REMEMBERED: Final = 40_000
_ENTRIES: Final = 500
_A_DAY: Final = timedelta(days=1)
_AFTER: Final = timedelta(days=6)
_Key = tuple[str, str, date]
"""Site, link, the last of seven days."""


def streams(world: World) -> Sequence[Stream]:
    """Forward by the polls, and again where the registry was changed."""
    return [Weeks(world), Mended(world)]


class Weeks:
    """Every day of every line that was polled, for one sink."""

    suffix = "/p95"

    def __init__(self, world: World, weeks: int = _WEEKS) -> None:
        self._world, self._weeks = world, weeks
        self._touched = Touched(DAY)
        self._teller = _Teller(world)
        self._counted: dict[_Key, int] = {}
        """The ledger's newest measurement when seven days were counted."""
        self._reached = 0

    def after(self, conn: Connection, position: int, limit: int) -> Sequence[Item]:  # noqa: ARG002 - a week is much work
        """The days that are due after a measurement; a mark where there are none."""
        if position < self._reached:  # the store took nothing, or was sent back: what was counted may not stand there
            self._counted.clear()
        ledger = _Ledger(conn)
        points, counted, reached = list[Point](), set[_Key](), position
        for window in self._touched.after(conn, position, self._world.now_us()):
            if window.meter == METER:
                for last, polls in self._due(ledger, window, counted):
                    counted.add((window.site, window.link, last))
                    points.append(self._teller.point(ledger, polls, last))
            reached = window.last_id
            if len(points) >= self._weeks:
                break
        self._remember(counted, ledger.newest)
        self._reached = reached
        return batch(points, before=position, after=reached)

    def position(self, item: Item) -> int:
        """How far the stream is once this point is written."""
        return position_of(item)

    def _due(self, ledger: "_Ledger", window: Window, counted: set[_Key]) -> Iterator[tuple[date, LinePolls]]:
        """The days that a window changes and that were not counted since, with their polls."""
        day = local_day(window.from_us)
        needed = {day + n * _A_DAY: window.last_id for n in range(_AFTER.days + 1)}
        left = [one for one in needed if self._open(window, one, needed[one], counted)]
        line = ledger.polls(window.site, window.link, day - _A_DAY, day + _AFTER)
        if line is None:
            return
        own = line.days.get(_number(day))
        if own is not None and own.head.n and self._open(window, day - _A_DAY, own.head.last, counted):
            left.insert(0, day - _A_DAY)
        for last in left:
            if _number(last) in line.days:
                yield last, line

    def _open(self, window: Window, last: date, needed: int, counted: set[_Key]) -> bool:
        """Whether seven days are to be counted because of a measurement, or have been since it arrived."""
        key = window.site, window.link, last
        return key not in counted and self._counted.get(key, -1) < needed

    def _remember(self, keys: set[_Key], newest: int) -> None:
        for key in keys:
            self._counted.pop(key, None)
            self._counted[key] = newest
        while len(self._counted) > _REMEMBERED:
            del self._counted[next(iter(self._counted))]


class Mended:
    """The registry's changes of lines in their order; the position is the line of the audit log."""

    suffix = "/p95_mended"

    def __init__(self, world: World, days: int = _WEEKS) -> None:
        self._world, self._days = world, days
        self._teller = _Teller(world)
        self._work: _Work | None = None

    def after(self, conn: Connection, position: int, limit: int) -> Sequence[Item]:  # noqa: ARG002 - one change is whole
        """What the next change concerns; while that is being counted, a mark at the same position."""
        now = self._world.now_us()
        if position == 0 and (last := last_before(conn, now - DAY_US)):
            return batch((), before=0, after=last)  # the other stream begins with the registry as it is
        work = self._work
        if work is None or work.before != position:
            work = self._work = self._next(conn, position, now)
        if work is None:
            return ()
        if work.first <= work.last:
            ledger, until = _Ledger(conn), min(work.last, work.first + self._days * _A_DAY)
            line = ledger.polls(work.site, work.link, work.first, until)
            days = () if line is None else [day for n in line.days if work.first <= (day := day_of(n)) <= until]
            work.points += [self._teller.point(ledger, line, day) for day in days if line is not None]
            work.first = until + _A_DAY
            return [Point(tier=Tier.LONG, measurement="doxa_mark", tags={}, fields={}, at_us=0, position=position)]
        self._work = None
        return batch(work.points, before=position, after=work.after)

    def position(self, item: Item) -> int:
        """The line of the audit log."""
        return position_of(item)

    def _next(self, conn: Connection, position: int, now: int) -> "_Work | None":
        """The next change of a line that was polled since; where there is none, what only moves the position."""
        a, work = audit.c, None
        query = select(a.id, a.action, a.detail).where(a.id > position, a.action.startswith("link."))
        for row in conn.execute(query.order_by(a.id).limit(_ENTRIES)).all():
            detail = json.loads(row.detail)
            told = [detail["before"], detail["after"]] if row.action.endswith(".changed") else [detail]
            since = date.fromisoformat(min(one["valid_from"] for one in told))
            site, link = told[0]["site"], told[0]["link"]
            first = _first_poll(conn, site, link, max(since, local_day(now - LOOK_BACK_US)))
            work = _Work(before=position, after=row.id, site=site, link=link, first=first, last=local_day(now))
            if first <= work.last:
                return work
        return work


@dataclass(slots=True, kw_only=True)
class _Work:
    """The days that one change of the registry concerns."""

    before: int
    """The position; `after`: what it is when all of them are told."""
    after: int
    site: str
    link: str
    first: date
    """The next one that is to be counted."""
    last: date
    points: list[Point] = field(default_factory=list)


def _first_poll(conn: Connection, site: str, link: str, since: date) -> date:
    """The day of a line's first poll since then; a day that never comes where there is none."""
    m = measurement.c
    first_us = Period(first=since, last=since).from_us
    query = select(func.min(m.started_us)).where(
        m.site == site, m.link == link, m.meter == METER, m.started_us >= first_us
    )
    found = conn.execute(query).scalar()
    return date.max if found is None else local_day(found)


class _Teller:
    """Makes the points, with the registry as it is now."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._register = Register()

    def point(self, ledger: "_Ledger", line: LinePolls, last: date) -> Point:
        """The day `last` of a line, whose polls reach six days further back at least."""
        rows = ledger.rows(line.site, line.link)
        row = next((row for row in rows if _holds(row, last)), None)
        ruled = row is not None and row.kind == Rule.P95_90.link_kind
        where = self._register.on(ledger.conn, local_day(self._world.now_us())).where(line.site)
        kind = None if row is None else row.kind
        provider = None if row is None else row.provider
        same = [row for row in rows if row.kind == Rule.P95_90.link_kind]
        return Point(
            tier=Tier.LONG,
            measurement="doxa_p95_1d",
            tags=where | {"link": line.link, "kind": kind, "provider": provider},
            fields=fields_of(part(line, last), contracts_on(same, week_ending(last)) if ruled else None, last),
            at_us=Period(first=last, last=last).from_us,
            internal=is_internal(kind),
            position=0,
        )


class _Ledger:
    """What one call asks of the ledger; each thing once."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.newest: int = conn.execute(select(func.max(measurement.c.id))).scalar() or 0
        self._source = KeptPolls(conn, Kept(conn).position, tail=True)
        self._rows: dict[tuple[str, str], Sequence[AnyRow]] = {}

    def polls(self, site: str, link: str, first: date, last: date) -> LinePolls | None:
        """A line's polls of the seven days that end on each of these, from what is kept and what came after it."""
        reach = Period(first=week_ending(first).first, last=last)
        return next(iter(self._source.read([site], reach, [link])), None)

    def rows(self, site: str, link: str) -> Sequence[AnyRow]:
        """What the registry says of a line, at all times."""
        if (site, link) not in self._rows:
            table = link_table.c
            query = select(link_table).where(table.site == site, table.link == link).order_by(table.valid_from)
            self._rows[site, link] = self.conn.execute(query).all()
        return self._rows[site, link]


def _holds(row: AnyRow, day: date) -> bool:
    return bool(row.valid_from <= day.isoformat() and (row.valid_to is None or row.valid_to >= day.isoformat()))


def _number(day: date) -> int:
    return day.toordinal() - EPOCH
