"""The runs of one line in a month: from what is kept of them, and from its own rows for the days that have newer ones.

Never another line's rows, and never less than the ledger holds: a pack that lags behind is made up for by the day.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.period import Period
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.model import LineRuns
from doxa_collector.rollups.raw import runs_of_rows
from doxa_collector.rollups.series import SERIES
from doxa_collector.statistics.sample import slot_of
from doxa_collector.views.contracts import day_of


def read_line(conn: Connection, site: str, link: str, period: Period) -> dict[str, LineRuns]:
    """Meter → the line's runs of the period; a meter without any is absent."""
    kept, found = Kept(conn), {}
    for meter in SERIES:
        runs = (
            _both(conn, kept, (site, link, meter), period) if kept.position else _rows(conn, site, link, meter, period)
        )
        if runs is not None and runs.outcomes:
            found[meter] = runs
    return found


def meters_of(conn: Connection, site: str, link: str) -> Iterator[str]:
    """The meters that ever ran over the line: one step through the index each."""
    m, last = measurement.c, ""
    query = select(func.min(m.meter)).where(m.site == site, m.link == link)
    while found := conn.execute(query.where(m.meter > last)).scalar():
        yield (last := str(found))


def _both(conn: Connection, kept: Kept, key: tuple[str, str, str], period: Period) -> LineRuns | None:
    """What is kept of the days that it knows whole, and the rows of the others."""
    site, link, meter = key
    packed = next((runs for runs in kept.read([site], meter, period) if runs.link == link), None)
    m = measurement.c
    query = select(m.started_us).where(*_of(site, link, meter, period), m.id > kept.position)
    newer = sorted({slot_of(at_us).day for at_us in conn.execute(query).scalars()})
    for day in newer:
        runs = _rows(conn, site, link, meter, Period(first=day_of(day), last=day_of(day)))
        if packed is None:
            packed = runs
        elif runs is not None:
            packed = packed.on(packed.outcomes.keys() - {day}).merge(runs)
    return packed


def _rows(conn: Connection, site: str, link: str, meter: str, period: Period) -> LineRuns | None:
    m = measurement.c
    query = select(m.id, m.started_us, m.outcome, m["values"], m.digest).where(*_of(site, link, meter, period))
    rows = [(row[0], row[1], row[2], row[3], row[4]) for row in conn.execute(query)]
    return runs_of_rows(conn, site, link, meter, rows) if rows else None


def _of(site: str, link: str, meter: str, period: Period) -> tuple[Any, ...]:
    m = measurement.c
    return (
        m.site == site, m.link == link, m.meter == meter, m.started_us >= period.from_us, m.started_us < period.to_us
    )  # fmt: skip
