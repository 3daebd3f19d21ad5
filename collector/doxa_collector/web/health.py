"""How the collector itself is: when it last heard something, who is offline, what was refused, which sink is behind."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import agent_status, measurement, probe, quarantine, sink_cursor
from doxa_collector.web.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """One database that the ledger feeds."""

    name: str
    behind: int | None
    """Measurements that it has not taken yet; None for its other streams, which do not count by them."""
    error: str | None
    updated_us: int
    delayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The collector at one moment."""

    now_us: int
    last_us: int | None
    """When the latest measurement arrived; None before the first."""
    online: int
    offline: int
    never: int
    """Agents of the registry that have never said anything."""
    refused: int
    """Different messages in quarantine that were not replayed."""
    sinks: Sequence[Sink]

    @property
    def delayed(self) -> list[Sink]:
        """The sinks that are behind or stand still."""
        return [sink for sink in self.sinks if sink.delayed]

    @property
    def empty(self) -> bool:
        """Whether nothing has ever been heard from anybody."""
        return self.last_us is None and not (self.online or self.offline)

    @property
    def well(self) -> bool:
        """Whether there is nothing to look at."""
        return not (self.offline or self.never or self.refused or self.delayed)


def read_health(conn: Connection, settings: Settings, now_us: int) -> Health:
    """A few counts; none of them looks at every measurement."""
    m = measurement.c
    newest = conn.execute(select(m.id, m.received_us).order_by(m.id.desc()).limit(1)).first()
    states: Counter[str] = Counter()
    query = (
        select(agent_status.c.state, func.count())
        .select_from(probe.outerjoin(agent_status, probe.c.agent == agent_status.c.agent))
        .group_by(agent_status.c.state)
    )
    for state, n in conn.execute(query):
        states[state or "never"] += n
    refused = select(func.count()).select_from(quarantine).where(quarantine.c.replayed_us.is_(None))
    return Health(
        now_us=now_us,
        last_us=None if newest is None else newest.received_us,
        online=states["online"],
        offline=states["offline"],
        never=states["never"],
        refused=conn.execute(refused).scalar_one(),
        sinks=_sinks(conn, 0 if newest is None else newest.id, settings.sink_delay_rows),
    )


def _sinks(conn: Connection, newest_id: int, delay_rows: int) -> list[Sink]:
    """Each sink by its measurements; its other streams only where one of them stands still."""
    c = sink_cursor.c
    worth = or_(c.error.is_not(None), c.sink.not_like("%/%"))
    query = select(c.sink, c.position, c.error, c.updated_us).where(worth).order_by(c.sink)
    return [_sink(row, newest_id, delay_rows) for row in conn.execute(query)]


def _sink(row: AnyRow, newest_id: int, delay_rows: int) -> Sink:
    behind = None if "/" in row.sink else max(0, newest_id - row.position)
    delayed = row.error is not None or (behind or 0) > delay_rows
    return Sink(name=row.sink, behind=behind, error=row.error, updated_us=row.updated_us, delayed=delayed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One code of the quarantine: how often, and what came last."""

    code: str
    kinds: int
    """Different messages."""
    count: int
    """How often they came."""
    replayed: int
    last_us: int
    topic: str
    detail: str


def read_quarantine(conn: Connection) -> list[Refusal]:
    """What was refused, by code, the latest first."""
    q = quarantine.c
    grouped = (
        select(
            q.code,
            func.count().label("kinds"),
            func.sum(q["count"]).label("times"),
            func.count(q.replayed_us).label("replayed"),
            func.max(q.last_us).label("last_us"),
            func.max(q.id).label("newest"),
        )
        .group_by(q.code)
        .subquery()
    )
    query = select(grouped, q.topic, q.detail).join(quarantine, q.id == grouped.c.newest)
    return [
        Refusal(
            code=row.code,
            kinds=row.kinds,
            count=int(row.times),
            replayed=row.replayed,
            last_us=row.last_us,
            topic=row.topic,
            detail=row.detail,
        )
        for row in conn.execute(query.order_by(grouped.c.last_us.desc()))
    ]
