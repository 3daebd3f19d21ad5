"""Facts of the registry, told at each hour, and told again where the registry was changed afterwards.

Two streams each. `Hourly` goes forward by the hour. `Mended` follows the log of the registry's changes: what a change
concerns is written again for every hour since its `valid_from` until the change, no further back than `LOOK_BACK_US`. What
no longer holds at all (a link that was struck out of the past) stays in the store: a store is never asked to delete.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, func, or_, select

from doxa_collector.ledger.schema import audit
from doxa_collector.period import DAY_US, local_day
from doxa_collector.series._batch import HOUR_US, batch, beginning_us, hour_of, position_of
from doxa_collector.series._registry import TABLES, Register, View
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream

_FULL_US: Final = 2 * DAY_US
"""Catching up, what is older is told for each local midnight only: a constant needs no more to be drawn."""
_MIDNIGHT_US: Final = 17 * HOUR_US  # of Vietnam, in UTC
_ENTRIES: Final = 500
_MOST: Final = 20_000


@dataclass(slots=True)
class Only:
    """Which offices and places are concerned."""

    sites: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)


Tell = Callable[[View, int, Only | None], Iterable[Point]]
"""The points of an hour: all, or only of some offices and places."""


def hourly(suffix: str, tell: Tell, world: World) -> tuple[Stream, Stream]:
    """Both streams of one fact."""
    register = Register()
    return Hourly(suffix, tell, world, register), Mended(f"{suffix}_mended", tell, world, register)


class Hourly:
    """Forward by the hour; the position is the last hour told."""

    def __init__(self, suffix: str, tell: Tell, world: World, register: Register) -> None:
        self.suffix = suffix
        self._tell, self._world, self._register = tell, world, register

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:
        """The points of the next hours, about `limit` of them, an hour always whole."""
        now, found, reached = self._world.now_us(), list[Point](), position
        for at in hours_after(position, beginning_us(conn, now), now):
            found += self._tell(self._register.on(conn, local_day(at)), at, None)
            reached = at
            if len(found) >= limit:
                break
        return batch(found, before=position, after=reached)

    def position(self, item: Item) -> int:
        """The hour."""
        return position_of(item)


def hours_after(position: int, beginning: int, now_us: int) -> Iterator[int]:
    """The hours after `position` that have begun; only midnights of what is long past."""
    at, lately = max(position + HOUR_US, beginning), -(-(now_us - _FULL_US) // HOUR_US) * HOUR_US
    while at <= now_us:
        if at < lately:
            at = min(lately, at + (_MIDNIGHT_US - at) % DAY_US)
        yield at
        at += HOUR_US


class Mended:
    """The registry's changes in their order; the position is the line of the audit log."""

    def __init__(self, suffix: str, tell: Tell, world: World, register: Register) -> None:
        self.suffix = suffix
        self._tell, self._world, self._register = tell, world, register

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:  # noqa: ARG002 - one change is whole
        """What the next changes concern, for every hour that they concern."""
        now = self._world.now_us()
        if position == 0:  # the other stream begins with the registry as it is: only what meets its beginning is left
            return batch((), before=0, after=last_before(conn, now - DAY_US)) or self._changes(conn, 0, now)
        return self._changes(conn, position, now)

    def _changes(self, conn: Connection, position: int, now: int) -> list[Point]:
        a = audit.c
        action = or_(*(a.action.startswith(f"{table}.") for table in TABLES))
        query = select(a.id, a.at_us, a.action, a.detail).where(a.id > position, action).order_by(a.id).limit(_ENTRIES)
        found, reached, beginning = list[Point](), position, beginning_us(conn, now)
        for row in conn.execute(query).all():
            only, since = concerned(row.action, json.loads(row.detail))
            first, last = max(beginning, hour_of(_midnight_us(since))), hour_of(min(row.at_us, now))
            if first <= last:
                found += self._again(conn, self._widened(conn, only, now), first, last)
            reached = row.id
            if len(found) >= _MOST:
                break
        return batch(found, before=position, after=reached)

    def _widened(self, conn: Connection, only: Only, now: int) -> Only:
        """An office's change concerns the counts of its places; a place's the labels and tags of its offices."""
        view = self._register.on(conn, local_day(now))
        if not only.sites:
            only.sites |= {name for name, row in view.sites.items() if row["place_code"] in only.places}
        for name in only.sites:
            only.places |= {code for key, code in view.where(name).items() if key != "site" and code is not None}
        only.places |= {view.newest[code]["province"] for code in only.places if code in view.newest}
        return only

    def _again(self, conn: Connection, only: Only, first: int, last: int) -> Iterator[Point]:
        for at in range(first, last + 1, HOUR_US):
            yield from self._tell(self._register.on(conn, local_day(at)), at, only)

    def position(self, item: Item) -> int:
        """The line of the audit log."""
        return position_of(item)


def concerned(action: str, detail: dict[str, Any]) -> tuple[Only, date]:
    """What one line of the audit log is about, and since when it holds."""
    only, since = Only(), list[str]()
    rows = [detail["before"], detail["after"]] if action.endswith(".changed") else [detail]
    for row in rows:
        since.append(row.get("valid_from", date.min.isoformat()))
        if action.startswith("place."):
            only.places.add(row["code"])
        else:
            only.sites.add(row["site"])
            only.places |= {row["place_code"]} if "place_code" in row else set()
    return only, date.fromisoformat(min(since))


def _midnight_us(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_US - 7 * HOUR_US


def last_before(conn: Connection, moment_us: int) -> int:
    """The newest line of the audit log before a moment; 0 without any."""
    return conn.execute(select(func.max(audit.c.id)).where(audit.c.at_us < moment_us)).scalar() or 0
