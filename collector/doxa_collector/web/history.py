"""A line's measurements over a span of time, thinned evenly where there are more than a screen can show."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.record import Record, record_from
from doxa_collector.ledger.schema import measurement
from doxa_core.outcome import Outcome

MOST: Final = 2500
"""Measurements that one curve reads; beyond, every second, third … one, and the page says so."""

RANGES: Final = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "1y": timedelta(days=366),
}
"""What a reader may ask for, by its name in the address."""

_COLUMNS = [column for column in measurement.columns if column.name not in ("raw", "signature")]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One meter's runs over one line, oldest first."""

    meter: str
    records: Sequence[Record]
    every: int
    """1: all of them; n: every n-th of those that succeeded (failures are never thinned before there are thousands)."""

    def far_ends(self) -> list[str]:
        """The far ends, the one measured most often first."""
        seen = Counter(record.far_end for record in self.records if record.far_end is not None)
        return [name for name, _ in sorted(seen.items(), key=lambda item: (-item[1], item[0]))]


def read_history(conn: Connection, site: str, link: str, meter: str, *, from_us: int, to_us: int) -> History:
    """The runs of `meter` that started within [from_us, to_us]."""
    m = measurement.c
    where = (m.site == site, m.link == link, m.meter == meter, m.started_us >= from_us, m.started_us <= to_us)
    n = conn.execute(select(func.count()).select_from(measurement).where(*where)).scalar_one()
    every = max(1, -(-n // MOST))
    query = select(*_COLUMNS).where(*where)
    if every == 1:
        rows = list(conn.execute(query))
    else:
        ok = m.outcome == Outcome.OK.value
        rows = list(conn.execute(query.where(ok, m.id % every == 0)))
        rows += conn.execute(query.where(~ok).order_by(m.started_us.desc()).limit(MOST))
    records = sorted((record_from(row) for row in rows), key=lambda r: (r.started_us, r.id))
    return History(meter=meter, records=records, every=every)


def outages(records: Sequence[Record], now_us: int) -> list[tuple[int, int]]:
    """Spans from the first of at least two failures in a row to the next success, or to now; runs of one far end."""
    found: list[tuple[int, int]] = []
    failing: list[Record] = []
    for record in records:
        if record.outcome is Outcome.FAILED:
            failing.append(record)
        elif record.outcome in (Outcome.OK, Outcome.PROBE_LIMITED):
            if len(failing) > 1:
                found.append((failing[0].started_us, record.started_us))
            failing = []
    return [*found, (failing[0].started_us, now_us)] if len(failing) > 1 else found


def newest_runs(conn: Connection, site: str, link: str, meters: Sequence[str], each: int) -> list[Record]:
    """The newest runs over a line, newest first: so many of each meter, so that a busy one hides no other."""
    m = measurement.c
    found: list[Record] = []
    for meter in meters:
        query = select(*_COLUMNS).where(m.site == site, m.link == link, m.meter == meter)
        found += [record_from(row) for row in conn.execute(query.order_by(m.started_us.desc()).limit(each))]
    return sorted(found, key=lambda r: (-r.started_us, -r.id))


def read_evidence(conn: Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The decoded lines of some measurements, as the probes sent them."""
    query = select(measurement.c.id, measurement.c.raw).where(measurement.c.id.in_(ids))
    return {row.id: json.loads(row.raw) for row in conn.execute(query)}
