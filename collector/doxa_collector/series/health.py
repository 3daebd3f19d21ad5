"""`doxa_collector`, `doxa_agent`, `doxa_agents_5m`: how the collector and the probes themselves do. Never for the public.

`doxa_collector`, each minute: what was so at that minute cannot be told later, so nothing is caught up. Its counters are
totals since the ledger began. `doxa_agent`: the latest word of each probe, looked at every five minutes.
`doxa_agents_5m`: the probes heard within the hour added up, at the beginning of each window; of now, as the minute is.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.schema import agent_status, counter, measurement, presence, probe, sink_cursor
from doxa_collector.period import local_day
from doxa_collector.presence.model import State
from doxa_collector.series._agents import summed, too_little
from doxa_collector.series._batch import batch, position_of
from doxa_collector.series._registry import Register
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier
from doxa_core.codes import COUNTRY
from doxa_core.errors import WireError
from doxa_core.status import AgentStatus, decode
from doxa_core.status import State as Said

_MINUTE_US: Final = 60_000_000
_AGENTS_US: Final = 5 * _MINUTE_US
_HEARD_US: Final = 60 * _MINUTE_US
"""How old a word may be that still counts as one of now: what the page of the system's health calls an hour."""


def streams(world: World) -> Sequence[Stream]:
    """The collector's, the agents' and the agents' together."""
    return Collector(world), Agents(world), Together(world)


class Collector:
    """One minute after the other; the position is the minute."""

    suffix = "/health"

    def __init__(self, world: World) -> None:
        self._world = world

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:  # noqa: ARG002 - a minute is whole
        """This minute, once."""
        now = self._world.now_us()
        minute = now - now % _MINUTE_US
        if minute <= position:
            return []
        last = conn.execute(select(measurement.c.id, measurement.c.received_us).order_by(measurement.c.id.desc()).limit(1)).first()  # fmt: skip
        points = [_point({}, self._fields(conn, now, None if last is None else last.received_us), minute)]
        for name, state in _sinks(conn, 0 if last is None else last.id).items():
            points.append(_point({"sink": name}, state.fields(), minute))
        return batch(points, before=position, after=minute)

    def _fields(self, conn: Connection, now: int, newest_us: int | None) -> dict[str, float | None]:
        counters = {row.name: row.value for row in conn.execute(select(counter))}
        health = self._world.health()
        online = select(func.count()).select_from(presence).where(presence.c.state == State.ONLINE.value)
        return {
            "accepted_count": float(counters.get("accepted", 0)),
            "duplicate_count": float(counters.get("duplicate", 0)),
            "quarantined_count": float(sum(n for name, n in counters.items() if name.startswith("quarantined."))),
            "ledger_bytes": _size(conn),
            "agents_online_count": float(conn.execute(online).scalar_one()),
            "agents_count": float(conn.execute(select(func.count()).select_from(probe)).scalar_one()),
            "newest_age_s": None if newest_us is None else max(0, now - newest_us) / 1e6,
            "broker_connected_flag": None if health is None else float(health.broker_connected),
            "intake_behind_s": None if health is None else health.behind_s,
        }

    def position(self, item: Item) -> int:
        """The minute."""
        return position_of(item)


def _point(tags: dict[str, str | None], fields: dict[str, float | None], at_us: int) -> Point:
    return Point(
        tier=Tier.RAW, measurement="doxa_collector", tags=tags, fields=fields, at_us=at_us, internal=True, position=0
    )


@dataclass(slots=True)
class _SinkState:
    """A sink with all its streams."""

    behind: int | None = None
    waits: bool = False
    rejected: int = 0

    def fields(self) -> dict[str, float | None]:
        return {
            "behind_count": None if self.behind is None else float(self.behind), "waiting_flag": float(self.waits),
            "rejected_count": float(self.rejected),
        }  # fmt: skip


def _sinks(conn: Connection, newest: int) -> dict[str, _SinkState]:
    """By the name in the settings: how many measurements are to go, whether any of its streams waits."""
    found: dict[str, _SinkState] = defaultdict(_SinkState)
    for row in conn.execute(select(sink_cursor)):
        name, slash, _ = row.sink.partition("/")
        state = found[name]
        state.waits |= row.error is not None
        state.rejected += row.rejected
        if not slash:
            state.behind = max(0, newest - row.position)
    return found


def _size(conn: Connection) -> float | None:
    """The ledger with its log, in octets."""
    file = conn.engine.url.database
    if file is None:
        return None
    files = (Path(file), Path(f"{file}-wal"))
    return float(sum(one.stat().st_size for one in files if one.exists()))


class Agents:
    """What probes said of themselves since the last look; the position is the moment of the latest word."""

    suffix = "/agents"

    def __init__(self, world: World) -> None:
        self._world, self._register, self._looked_us = world, Register(), 0

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:
        """The probes that were heard since, at most once in five minutes."""
        now, s = self._world.now_us(), agent_status.c
        if self._looked_us <= now < self._looked_us + _AGENTS_US:
            return []
        query = select(agent_status).where(s.received_us > position).order_by(s.received_us, s.agent)
        rows = conn.execute(query).all()
        if len(rows) <= limit:
            self._looked_us = now
        else:  # never a part of those of one moment
            rows = [row for row in rows if row.received_us <= rows[limit - 1].received_us]
        view = self._register.on(conn, local_day(now))
        points = [
            _agent(said, view.where(row.site) | {"agent": row.agent}, row.received_us)
            for row in rows if (said := _said(row.raw)) is not None
        ]  # fmt: skip
        return batch(points, before=position, after=rows[-1].received_us if rows else position)

    def position(self, item: Item) -> int:
        """The moment of the word."""
        return position_of(item)


class Together:
    """The probes heard within the hour, by province and once for the country; the position is the window."""

    suffix = "/agents_5m"

    def __init__(self, world: World) -> None:
        self._world, self._register = world, Register()

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:  # noqa: ARG002 - a look is whole
        """This window, once; a province without a probe that was heard has no point."""
        now, s = self._world.now_us(), agent_status.c
        window = now - now % _AGENTS_US
        if window <= position:
            return []
        view, low = self._register.on(conn, local_day(now)), too_little(self._world.rules())
        query = select(s.site, s.raw).where(s.received_us > now - _HEARD_US, s.state == Said.ONLINE.value)
        heard: dict[str, list[AgentStatus]] = {COUNTRY: []}
        for row in conn.execute(query):
            if (said := _said(row.raw)) is not None:
                heard[COUNTRY].append(said)
                if (code := view.province_of(row.site)) is not None:
                    heard.setdefault(code, []).append(said)
        points = [
            Point(
                tier=Tier.FIVE_MINUTES, measurement="doxa_agents_5m", tags={"province": code}, fields=summed(said, low),
                at_us=window, internal=True, position=0,
            )
            for code, said in sorted(heard.items())
        ]  # fmt: skip
        return batch(points, before=position, after=window)

    def position(self, item: Item) -> int:
        """The window."""
        return position_of(item)


def _said(raw: bytes) -> AgentStatus | None:
    """The status; None for a last will, which was written before the fact and says nothing of the probe."""
    try:
        status = decode(raw)
    except WireError:
        return None
    return status if status.state is Said.ONLINE else None


def _agent(said: AgentStatus, tags: dict[str, str | None], at_us: int) -> Point:
    numbers = {
        "spool_rows_count": said.spool_rows, "spool_dropped_count": said.spool_dropped,
        "disk_free_ratio": said.disk_free_ratio, "uptime_s": said.uptime_s, "clock_ok_flag": said.clock_synchronised,
        "battery_flag": said.on_battery,
    }  # fmt: skip
    fields: dict[str, float | str | None] = {name: _number(value) for name, value in numbers.items()}
    return Point(
        tier=Tier.RAW, measurement="doxa_agent", tags=tags, fields=fields | {"version": said.version}, at_us=at_us,
        internal=True, position=0,
    )  # fmt: skip


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
