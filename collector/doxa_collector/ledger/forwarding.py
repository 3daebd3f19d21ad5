"""What sinks need of the ledger: measurements after a position with their place and line, and the sinks' cursors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, ScalarSelect, and_, func, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert

from doxa_collector.ledger.record import AnyRow, record_from
from doxa_collector.ledger.schema import link, measurement, place, sink_cursor, sink_rejection, site
from doxa_collector.sink import Parcel, Where

_m = measurement
_earlier = measurement.alias("earlier")
_VIETNAM_OFFSET_S: Final = 7 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far one stream of a sink is. `position` and `safe` are measurement ids; other streams count in their own way."""

    position: int = 0
    """The last that the sink took."""
    safe: int = 0
    """The position that it had a safety margin ago: where going back goes to."""
    written: int = 0
    """Writings that the sink acknowledged, repeated ones included."""
    rejected: int = 0
    rewound: int = 0
    """How often it went back."""
    error: str | None = None
    """Why it stands still; None while it flows."""


def cursor_of(conn: Connection, sink: str) -> Cursor:
    """The cursor of a sink, at the beginning where it never wrote."""
    row = conn.execute(select(sink_cursor).where(sink_cursor.c.sink == sink)).first()
    if row is None:
        return Cursor()
    return Cursor(
        position=row.position,
        safe=row.safe,
        written=row.written,
        rejected=row.rejected,
        rewound=row.rewound,
        error=row.error,
    )


def streams_of(conn: Connection, sink: str) -> dict[str, Cursor]:
    """The cursors of a sink's other streams, which stand beside its measurements, by what follows the sink's name."""
    c = sink_cursor.c
    names = conn.execute(
        select(c.sink).where(c.sink.startswith(f"{sink}/", autoescape=True)).order_by(c.sink)
    ).scalars()
    return {name.removeprefix(f"{sink}/"): cursor_of(conn, name) for name in list(names)}


def begin_again(conn: Connection, sink: str, now_us: int) -> frozenset[str]:
    """Send all other streams of a sink back to their beginning: a measurement's id means nothing to them.

    Gives what follows the sink's name in each; one that only an older version had is among them (`series.names`).
    """
    streams = frozenset(streams_of(conn, sink))
    for suffix in sorted(streams):
        rewind(conn, f"{sink}/{suffix}", 0, now_us)
    return streams


def move(conn: Connection, sink: str, cursor: Cursor, now_us: int) -> None:
    """Keep a cursor."""
    row = {
        "position": cursor.position, "safe": cursor.safe, "updated_us": now_us, "written": cursor.written,
        "rejected": cursor.rejected, "rewound": cursor.rewound, "error": cursor.error,
    }  # fmt: skip
    statement = upsert(sink_cursor).values(sink=sink, **row)
    conn.execute(statement.on_conflict_do_update(index_elements=["sink"], set_=row))


def rewind(conn: Connection, sink: str, position: int, now_us: int) -> Cursor:
    """Send a sink back to `position` (0 is the beginning), never forward: what lies between is written again."""
    cursor = cursor_of(conn, sink)
    back = min(position, cursor.position)
    cursor = replace(cursor, position=back, safe=min(back, cursor.safe), rewound=cursor.rewound + 1)
    move(conn, sink, cursor, now_us)
    return cursor


def reject(conn: Connection, sink: str, reasons: Mapping[int, str], now_us: int) -> None:
    """Remember which measurements a sink refuses, and why: they stay in the ledger and can be sent again by a rewind."""
    if reasons:
        statement = upsert(sink_rejection)
        again = {"at_us": statement.excluded.at_us, "reason": statement.excluded.reason}
        statement = statement.on_conflict_do_update(index_elements=["sink", "position"], set_=again)
        rows = [{"sink": sink, "position": p, "at_us": now_us, "reason": r[:1000]} for p, r in reasons.items()]
        conn.execute(statement, rows)


def newest(conn: Connection) -> int:
    """The id of the newest measurement, 0 in an empty ledger."""
    return conn.execute(select(func.max(_m.c.id))).scalar() or 0


def received_since(conn: Connection, moment_us: int) -> int:
    """The position just before the first measurement that was received at `moment_us` or later."""
    first = conn.execute(select(func.min(_m.c.id)).where(_m.c.received_us >= moment_us)).scalar()
    return newest(conn) if first is None else first - 1


def after(conn: Connection, position: int, limit: int) -> list[Parcel]:
    """The next measurements in the order of arrival."""
    day = func.strftime("%Y-%m-%d", _m.c.started_us / 1_000_000 + _VIETNAM_OFFSET_S, "unixepoch")
    on_line = and_(
        link.c.site == _m.c.site,
        link.c.link == _m.c.link,
        link.c.valid_from <= day,
        or_(link.c.valid_to.is_(None), link.c.valid_to >= day),
    )
    province = select(place.c.province).where(place.c.code == site.c.place_code).order_by(place.c.valid_from.desc())
    query = (
        select(
            _m,
            site.c.place_code,
            province.limit(1).scalar_subquery().label("province"),
            link.c.kind,
            link.c.provider,
            _rank().label("rank"),
        )
        .select_from(_m.outerjoin(site, site.c.site == _m.c.site).outerjoin(link, on_line))
        .where(_m.c.id > position)
        .order_by(_m.c.id)
        .limit(limit)
    )
    return [_parcel(row) for row in conn.execute(query)]


def _rank() -> ScalarSelect[int]:
    e = _earlier.c
    same = (e.site == _m.c.site) & (e.link == _m.c.link) & (e.meter == _m.c.meter) & (e.started_us == _m.c.started_us)
    return select(func.count()).select_from(_earlier).where(same, e.id < _m.c.id).scalar_subquery()


def _parcel(row: AnyRow) -> Parcel:
    return Parcel(
        record=record_from(row),
        where=Where(province=row.province, place=row.place_code, kind=row.kind, provider=row.provider),
        duration_s=float(json.loads(row.raw)["duration_s"]),
        rank=row.rank,
    )
