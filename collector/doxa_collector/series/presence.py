"""`doxa_presence_5m`, `_1h`, `_1d`: how much of a window the probes of an office were there, exactly from their turns.

A state holds from the moment that the evidence names until that of the next one. Only time in which a probe was online or
offline is known time: while the broker was away nobody can say, and of a probe that was never heard there is only its state.
A probe that left the registry is counted until its last turn.

One stream for each length writes windows that have ended; `Findings` writes those again that a turn concerns which was
found after their end. A new sink gets a week, three months and 400 days of them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import presence, presence_change
from doxa_collector.period import DAY_US, local_day
from doxa_collector.presence.model import State
from doxa_collector.series._batch import HOUR_US, LOOK_BACK_US, batch, position_of
from doxa_collector.series._registry import Register
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier
from doxa_core.codes import PRESENCE

_OFFSET_US: Final = 7 * HOUR_US  # Vietnam, so that days are local ones
_SETTLE_US: Final = 30_000_000
"""So long after its end a window is written: by then the watch knows whether it was the broker that went."""
_FINDINGS: Final = 200
_NOWHERE: Final = ""


class Length(NamedTuple):
    """One length of window."""

    name: str
    us: int
    tier: Tier
    back_us: int
    """How far back a new sink gets them."""


LENGTHS: Final = (
    Length("5m", 300_000_000, Tier.FIVE_MINUTES, 7 * DAY_US),
    Length("1h", HOUR_US, Tier.LONG, 92 * DAY_US),
    Length("1d", DAY_US, Tier.LONG, LOOK_BACK_US),
)


def streams(world: World) -> Sequence[Stream]:
    """One for each length, and one for what is found later."""
    return (*(Windows(length, world) for length in LENGTHS), Findings(world))


def window_of(moment_us: int, length_us: int) -> int:
    """The beginning of the window that a moment lies in."""
    return moment_us - (moment_us + _OFFSET_US) % length_us


class Part(NamedTuple):
    """A state of one probe, until the next part begins."""

    began_us: int
    state: State
    site: str


@dataclass(slots=True)
class Sum:
    """What one office's probes add up to in one window."""

    online_us: int = 0
    known_us: int = 0
    ends: list[State] = field(default_factory=list)
    """The states at its end."""


class Timelines:
    """The states of every probe since some moment, kept up with the ledger."""

    def __init__(self) -> None:
        self._since_us: int | None = None
        self._last_id = 0
        self._parts: dict[str, list[Part]] = {}

    def reach(self, conn: Connection, since_us: int) -> None:
        """Know all turns that matter at or after `since_us`."""
        if self._since_us is None or since_us < self._since_us:
            self._since_us, self._parts = since_us, {}
            for row in _standing(conn, since_us):
                self._take(row)
            self._last_id = _last_before(conn, since_us)
        query = select(presence_change).where(presence_change.c.id > self._last_id).order_by(presence_change.c.id)
        for row in conn.execute(query):
            self._take(row)
            self._last_id = row.id
        gone = self._parts.keys() - set(conn.execute(select(presence.c.agent)).scalars())
        for agent in gone:  # nobody asks for it any more: what came after its last turn is not known
            self._take_part(agent, self._parts[agent][-1]._replace(state=State.UNKNOWN, site=_NOWHERE))
        if since_us - self._since_us > 2 * DAY_US:
            self._forget(since_us - DAY_US)

    def _take(self, row: AnyRow) -> None:
        self._take_part(row.agent, Part(row.began_us, State(row.state), row.site))

    def _take_part(self, agent: str, part: Part) -> None:
        """A later finding says what was from its beginning on, whatever was thought before."""
        parts = self._parts.setdefault(agent, [])
        while parts and parts[-1].began_us >= part.began_us:
            parts.pop()
        if not parts or parts[-1][1:] != part[1:]:
            parts.append(part)

    def _forget(self, before_us: int) -> None:
        for parts in self._parts.values():
            while len(parts) > 1 and parts[1].began_us <= before_us:
                del parts[0]
        self._since_us = before_us

    def window(self, from_us: int, to_us: int, sites: Collection[str] | None = None) -> dict[str, Sum]:
        """What each office's probes were in a window."""
        found: dict[str, Sum] = defaultdict(Sum)
        for parts in self._parts.values():
            for part, end_us in _within(parts, from_us, to_us):
                if part.site != _NOWHERE and (sites is None or part.site in sites):
                    _add(found[part.site], part, end_us - max(part.began_us, from_us), at_end=end_us == to_us)
        return found


def _within(parts: Sequence[Part], from_us: int, to_us: int) -> Iterator[tuple[Part, int]]:
    """The parts that meet a window, with where they end in it; the latest first."""
    end = to_us
    for part in reversed(parts):
        if part.began_us >= to_us:
            continue
        yield part, end
        end = part.began_us
        if end <= from_us:
            return


def _add(found: Sum, part: Part, lasted_us: int, *, at_end: bool) -> None:
    if part.state in (State.ONLINE, State.OFFLINE):
        found.known_us += lasted_us
        found.online_us += lasted_us if part.state is State.ONLINE else 0
    if at_end:
        found.ends.append(part.state)


def _standing(conn: Connection, before_us: int) -> list[AnyRow]:
    """The latest turn of each probe that was known before a moment."""
    p = presence_change.c
    latest = select(func.max(p.id)).where(p.noticed_us < before_us).group_by(p.agent)
    return list(conn.execute(select(presence_change).where(p.id.in_(latest)).order_by(p.id)))


def _last_before(conn: Connection, moment_us: int) -> int:
    p = presence_change.c
    return conn.execute(select(func.max(p.id)).where(p.noticed_us < moment_us)).scalar() or 0


Where = Callable[[str], dict[str, str | None]]


def _points(length: Length, from_us: int, sums: dict[str, Sum], where: Where) -> Iterator[Point]:
    for site, found in sorted(sums.items()):
        if found.ends or found.known_us:
            worst = max((PRESENCE[state].number for state in found.ends), default=None)
            yield Point(
                tier=length.tier,
                measurement=f"doxa_presence_{length.name}",
                tags=where(site),
                fields={
                    "probes_count": float(len(found.ends)),
                    "online_ratio": found.online_us / found.known_us if found.known_us else None,
                    "silent_count": float(found.ends.count(State.OFFLINE)),
                    "state_code": None if worst is None else float(worst),
                },
                at_us=from_us,
                position=0,
            )


class Windows:
    """The windows of one length in time; the position is the end of the last one."""

    def __init__(self, length: Length, world: World) -> None:
        self.suffix = f"/presence_{length.name}"
        self._length, self._world = length, world
        self._timelines, self._register = Timelines(), Register()

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:
        """The windows after `position` that have ended, about `limit` points, a window always whole."""
        now, us = self._world.now_us(), self._length.us
        start = max(position, window_of(now - self._length.back_us, us))
        if start > position:
            first = conn.execute(select(func.min(presence_change.c.began_us))).scalar()
            if first is None:
                return []
            start = max(start, window_of(first, us))
        if start + us > now - _SETTLE_US:
            return []
        self._timelines.reach(conn, start)
        view, found, reached = self._register.on(conn, local_day(now)), list[Point](), position
        while start + us <= now - _SETTLE_US and len(found) < limit:
            found += _points(self._length, start, self._timelines.window(start, start + us), view.where)
            start = reached = start + us
        return batch(found, before=position, after=reached)

    def position(self, item: Item) -> int:
        """The end of the window."""
        return position_of(item)


class Findings:
    """The turns in the order in which they were found; the position is the row."""

    suffix = "/presence_found"

    def __init__(self, world: World) -> None:
        self._world = world
        self._timelines, self._register = Timelines(), Register()

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:  # noqa: ARG002 - a turn is whole
        """The windows that had ended when a turn in them was found."""
        now, p = self._world.now_us(), presence_change.c
        if position == 0 and (last := _last_before(conn, now - DAY_US)):
            return batch((), before=0, after=last)  # the windows themselves begin with what is known by now
        query = select(p.id, p.site, p.began_us, p.noticed_us).where(p.id > position).order_by(p.id)
        rows = conn.execute(query.limit(_FINDINGS)).all()
        if not rows:
            return []
        wanted: dict[tuple[Length, int], set[str]] = defaultdict(set)
        for row in rows:
            for length, start in _concerned(row.began_us, row.noticed_us, now):
                wanted[length, start].add(row.site)
        return batch(self._again(conn, wanted, now), before=position, after=rows[-1].id)

    def _again(self, conn: Connection, wanted: dict[tuple[Length, int], set[str]], now: int) -> Iterator[Point]:
        if not wanted:
            return
        earliest = min(start for _, start in wanted)
        self._timelines.reach(conn, window_of(earliest, DAY_US) - DAY_US)
        where = self._register.on(conn, local_day(now)).where
        for (length, start), sites in sorted(wanted.items()):
            yield from _points(length, start, self._timelines.window(start, start + length.us, sites), where)

    def position(self, item: Item) -> int:
        """The row."""
        return position_of(item)


def _concerned(began_us: int, noticed_us: int, now_us: int) -> Iterator[tuple[Length, int]]:
    """The windows that were, or may have been, written before the turn was found."""
    for length in LENGTHS:
        start = window_of(max(began_us, now_us - length.back_us), length.us)
        while start + length.us <= min(noticed_us, now_us - _SETTLE_US):
            yield length, start
            start += length.us
