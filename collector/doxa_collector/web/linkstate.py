"""What state a line is in, told from its latest measurements: it works, it is down, it is silent, or nobody measured it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, and_, func, literal, select
from sqlalchemy.sql.selectable import FromClause

from doxa_collector.ledger.reading import valid_on
from doxa_collector.ledger.record import AnyRow, Record, record_from
from doxa_collector.ledger.schema import link, measurement
from doxa_collector.watch.runs import RECENT, SPEAKING, all_failed, deciding
from doxa_collector.web.language import from_us
from doxa_core.language import VIETNAM_TIME, Text
from doxa_core.outcome import Outcome

_COLUMNS = [column for column in measurement.columns if column.name not in ("raw", "signature")]

Key = tuple[str, str]
"""(site, link)"""


class State(StrEnum):
    """The state of a line."""

    UP = "up"
    DOWN = "down"
    SILENT = "silent"
    NEVER = "never"

    @property
    def text(self) -> Text:
        """The word that people read."""
        return _TEXTS[self]


_TEXTS = {
    State.UP: Text(vi="hoạt động", en="up"),
    State.DOWN: Text(vi="mất kết nối", en="down"),
    State.SILENT: Text(vi="không có số liệu mới", en="no recent figures"),
    State.NEVER: Text(vi="chưa có phép đo", en="never measured"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """One line with its contract, state and latest measurements."""

    site: str
    link: str
    kind: str
    provider: str | None
    contracted_down_mbps: float | None
    contracted_up_mbps: float | None
    layer: str | None
    technology: str | None
    contract: str | None
    state: State
    since_us: int | None
    """When it went down or silent; None where it works, or where the beginning is further back than we looked."""
    records: Sequence[Record]
    """The latest measurements of every meter, newest first."""

    def newest(self, value: str) -> Record | None:
        """The newest measurement that has `value`."""
        return next((r for r in self.records if value in r.values), None)

    @property
    def last(self) -> Record | None:
        """The newest measurement of any kind."""
        return self.records[0] if self.records else None


def link_states(conn: Connection, sites: Collection[str], *, now_us: int, silent_after_s: int) -> dict[Key, LinkState]:
    """The state of every line of `sites` that the registry knows today; a few queries, however many lines."""
    today = from_us(now_us).astimezone(VIETNAM_TIME).date()
    query = select(link).where(link.c.site.in_(sites), valid_on(link, today)).order_by(link.c.site, link.c.link)
    rows = list(conn.execute(query))
    recent = _recent(conn, sites)
    return {
        (row.site, row.link): _state_of(row, recent.get((row.site, row.link), []), now_us, silent_after_s)
        for row in rows
    }


def _state_of(row: AnyRow, records: list[Record], now_us: int, silent_after_s: int) -> LinkState:
    state, since_us = _judge(records, now_us, silent_after_s)
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for access by key
    return LinkState(
        site=found["site"],
        link=found["link"],
        kind=found["kind"],
        provider=found["provider"],
        contracted_down_mbps=found["contracted_down_mbps"],
        contracted_up_mbps=found["contracted_up_mbps"],
        layer=found["layer"],
        technology=found["technology"],
        contract=found["contract"],
        state=state,
        since_us=since_us,
        records=records,
    )


def _judge(records: Sequence[Record], now_us: int, silent_after_s: int) -> tuple[State, int | None]:
    """The line is down when all far ends' latest runs of the deciding meter have failed (`watch.runs`)."""
    speaking = [r for r in records if r.outcome in SPEAKING]
    if not speaking:
        return (State.SILENT, records[0].started_us) if records else (State.NEVER, None)
    newest = speaking[0]
    if now_us - newest.started_us > silent_after_s * 1_000_000:
        return State.SILENT, newest.started_us
    decided = deciding(speaking)
    if all_failed(decided):
        return State.DOWN, _began([r for r in speaking if r.meter == decided[0].meter])
    return State.UP, None


def _began(speaking: Sequence[Record]) -> int | None:
    """The first failure after the latest success, None where no success is in sight."""
    first = None
    for record in speaking:
        if record.outcome is not Outcome.FAILED:
            return first
        first = record.started_us
    return None


def _recent(conn: Connection, sites: Collection[str]) -> dict[Key, list[Record]]:
    """The latest measurements of every meter over every line of `sites`, newest first."""
    found: dict[Key, list[Record]] = {}
    for meter in meters_of_sites(conn, sites):
        for row in conn.execute(_latest_runs(sites, meter)):
            found.setdefault((row.site, row.link), []).append(record_from(row))
    for records in found.values():
        records.sort(key=lambda r: (-r.started_us, -r.id))
    return found


def _lines(sites: Collection[str]) -> FromClause:
    return select(link.c.site, link.c.link).where(link.c.site.in_(sites)).distinct().subquery("line")


def meters_of_sites(conn: Connection, sites: Collection[str]) -> list[str]:
    """The meters that ever ran over a line of `sites`: one step through the index a meter, not one a measurement."""
    found: list[str] = []
    while nearest := conn.execute(_next_meter(sites, found[-1] if found else "")).scalar():
        found.append(nearest)
    return found


def _next_meter(sites: Collection[str], after: str) -> Select[Any]:
    line, m = _lines(sites), measurement.c
    following = (
        select(func.min(m.meter))
        .where(m.site == line.c.site, m.link == line.c.link, m.meter > after)
        .correlate(line)
        .scalar_subquery()
    )
    return select(func.min(select(following.label("meter")).select_from(line).subquery().c.meter))


def _latest_runs(sites: Collection[str], meter: str) -> Select[Any]:
    line = _lines(sites)
    older = measurement.alias("older")
    oldest = (
        select(older.c.started_us)
        .where(older.c.site == line.c.site, older.c.link == line.c.link, older.c.meter == meter)
        .order_by(older.c.started_us.desc())
        .limit(1)
        .offset(RECENT - 1)
        .correlate(line)
        .scalar_subquery()
    )
    m = measurement.c
    same = and_(
        m.site == line.c.site,
        m.link == line.c.link,
        m.meter == meter,
        m.started_us >= func.coalesce(oldest, literal(0)),
    )
    return select(*_COLUMNS).select_from(line.join(measurement, same))


def by_site(states: Mapping[Key, LinkState]) -> dict[str, list[LinkState]]:
    """The lines grouped by their site."""
    found: dict[str, list[LinkState]] = {}
    for state in states.values():
        found.setdefault(state.site, []).append(state)
    return found
