"""Reading the ledger: what the page, the assessment and the commands ask of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, or_, select, tuple_

from doxa_collector.ledger.record import AnyRow, Record, Sample, codes, record_from
from doxa_collector.ledger.schema import agent_status, counter, link, measurement, place, probe, quarantine, site
from doxa_core.moments import microseconds
from doxa_core.names import unit_of
from doxa_core.outcome import Outcome

_COLUMNS = [column for column in measurement.columns if column.name not in ("raw", "signature", "digest")]


def samples(
    conn: Connection,
    *,
    meter: str,
    value: str,
    from_us: int,
    to_us: int,
    sites: Collection[str] | None = None,
    links: Collection[tuple[str, str]] | None = None,
) -> list[Sample]:
    """Every run of `meter` that started in [from_us, to_us), oldest first, with the number called `value`.

    Runs of every outcome come back, so that a failure is seen too; `sites` or `links` ((site, link) pairs) limit them.
    """
    unit_of(value)  # a name of the closed list, so it can stand in a JSON path
    number = func.json_extract(measurement.c["values"], f'$."{value}"')
    m = measurement.c
    query = (
        select(m.id, m.site, m.link, m.started_us, m.outcome, m.method, m.reasons, m.findings, number.label("value"))
        .where(m.meter == meter, m.started_us >= from_us, m.started_us < to_us)
        .order_by(m.started_us, m.id)
    )
    if sites is not None:
        query = query.where(m.site.in_(sites))
    if links is not None:
        query = query.where(tuple_(m.site, m.link).in_(links))
    return [_sample(row) for row in conn.execute(query)]


def _sample(row: AnyRow) -> Sample:
    return Sample(
        id=row.id,
        site=row.site,
        link=row.link,
        started_us=row.started_us,
        outcome=Outcome(row.outcome),
        method=row.method,
        value=row.value,
        reasons=codes(row.reasons),
        findings=codes(row.findings),
    )


def latest(
    conn: Connection, site: str, link: str, meter: str, *, outcomes: Collection[Outcome] | None = None
) -> Record | None:
    """The newest run of a meter over a link (by its start), of any outcome or of `outcomes`."""
    m = measurement.c
    query = select(*_COLUMNS).where(m.site == site, m.link == link, m.meter == meter)
    if outcomes is not None:
        query = query.where(m.outcome.in_(outcomes))
    row = conn.execute(query.order_by(m.started_us.desc(), m.id.desc()).limit(1)).first()
    return None if row is None else record_from(row)


def history(
    conn: Connection, site: str, link: str, *, meter: str | None = None, before_us: int | None = None, limit: int = 100
) -> list[Record]:
    """The newest runs over a link, newest first, at most `limit`, started before `before_us` where it is given."""
    m = measurement.c
    query = select(*_COLUMNS).where(m.site == site, m.link == link)
    if meter is not None:
        query = query.where(m.meter == meter)
    if before_us is not None:
        query = query.where(m.started_us < before_us)
    return [record_from(row) for row in conn.execute(query.order_by(m.started_us.desc(), m.id.desc()).limit(limit))]


def meters_of(conn: Connection, site: str, link: str) -> list[str]:
    """The meters that ever ran over a link."""
    m = measurement.c
    query = select(m.meter).where(m.site == site, m.link == link).distinct().order_by(m.meter)
    return list(conn.execute(query).scalars())


def raw(conn: Connection, measurement_id: int) -> tuple[bytes, bytes | None] | None:
    """The line of a measurement as the probe sent it, and its signature: the evidence."""
    query = select(measurement.c.raw, measurement.c.signature).where(measurement.c.id == measurement_id)
    row = conn.execute(query).first()
    return None if row is None else (row.raw, row.signature)


def span(conn: Connection) -> tuple[int, int] | None:
    """The earliest and the latest start of all measurements, or None for an empty ledger."""
    m = measurement.c.started_us
    row = conn.execute(select(func.min(m), func.max(m))).one()
    return None if row[0] is None else (row[0], row[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much the ledger holds."""

    measurements: int
    quarantine: dict[str, int]
    """Kept rows by code."""
    agents: dict[str, int]
    """Agents by state; `never` for those of the registry that never said anything."""
    counters: dict[str, int]
    """Since the ledger began: accepted, duplicate, quarantined.<code> …"""


def counts(conn: Connection) -> Counts:
    """How much the ledger holds."""
    agents = _grouped(conn, agent_status, "state")
    known = select(func.count()).select_from(probe).where(probe.c.agent.not_in(select(agent_status.c.agent)))
    if silent := conn.execute(known).scalar_one():
        agents["never"] = silent
    return Counts(
        measurements=conn.execute(select(func.count()).select_from(measurement)).scalar_one(),
        quarantine=_grouped(conn, quarantine, "code"),
        agents=agents,
        counters={row.name: row.value for row in conn.execute(select(counter).order_by(counter.c.name))},
    )


def _grouped(conn: Connection, table: Table, column: str) -> dict[str, int]:
    key = table.c[column]
    return {row[0]: row[1] for row in conn.execute(select(key, func.count()).group_by(key).order_by(key))}


def places(conn: Connection, day: date | None = None) -> list[AnyRow]:
    """The places of the registry, all rows or those valid on `day`, by code."""
    return _valid(conn, select(place).order_by(place.c.code, place.c.valid_from), place, day)


def links(conn: Connection, day: date | None = None, site_name: str | None = None) -> list[AnyRow]:
    """The links of the registry, all rows or those valid on `day`, by site and link."""
    query = select(link).order_by(link.c.site, link.c.link, link.c.valid_from)
    if site_name is not None:
        query = query.where(link.c.site == site_name)
    return _valid(conn, query, link, day)


def sites(conn: Connection) -> list[AnyRow]:
    """The sites of the registry: site, name, place_code."""
    return list(conn.execute(select(site).order_by(site.c.site)))


def agents(conn: Connection) -> list[AnyRow]:
    """Every agent of the registry or heard of: agent, site, state, reason, received_us, since_us (None: never heard)."""
    s = agent_status.c
    query = (
        select(probe.c.agent, probe.c.site, s.state, s.reason, s.received_us, s.since_us, s.raw)
        .select_from(probe.outerjoin(agent_status, probe.c.agent == s.agent))
        .order_by(probe.c.site, probe.c.agent)
    )
    return list(conn.execute(query))


def _valid(conn: Connection, query: Select[Any], table: Table, day: date | None) -> list[AnyRow]:
    return list(conn.execute(query if day is None else query.where(valid_on(table, day))))


def valid_on(table: Table, day: date) -> ColumnElement[bool]:
    """The condition that a row of `place` or `link` holds on `day` (both ends included)."""
    text = day.isoformat()
    return (table.c.valid_from <= text) & or_(table.c.valid_to.is_(None), table.c.valid_to >= text)


def now_us() -> int:
    """This moment in the ledger's form."""
    return microseconds(datetime.now(UTC))
