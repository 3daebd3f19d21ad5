"""Holding the packs against the evidence, by the other way of reading it; and making them anew from it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, select

from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import measurement, rollup_pack
from doxa_collector.rollups.filling import cursor_of, fill, packed, packs_of, put_cursor, put_packs, rows_query
from doxa_collector.rollups.kinds import METERS, days_apart, moments_of, own_key, pulse_key
from doxa_collector.rollups.pack import OFFSET_US, Key
from doxa_collector.rollups.pulses import METER as PULSE
from doxa_collector.statistics.sample import DAY_US

if TYPE_CHECKING:
    from doxa_collector.period import Period

MISSING: Final = "missing"
"""There is evidence, but no pack."""
EXTRA: Final = "extra"
"""There is a pack, but no evidence."""
DAMAGED: Final = "damaged"
"""The pack cannot be read."""
DIFFERS: Final = "differs"
"""The pack says something else than the evidence."""
Step = Callable[[int, int], None]
"""Called with how many are done, of how many."""


class Difference(NamedTuple):
    """A pack that is not what the evidence comes to."""

    key: Key
    what: str
    days: tuple[int, ...] = ()
    """Local days since 1970 on which it differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found."""

    position: int
    """The newest measurement that the packs count: what came later is not asked for."""
    packs: int
    """How many were looked at."""
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What making anew did."""

    packs: int
    runs: int
    dropped: int
    """Packs without any evidence, which were taken away."""


def check(
    conn: Connection, period: "Period | None" = None, sites: Collection[str] | None = None, progress: Step | None = None
) -> Checked:
    """Every pack of a month, of some sites, or of both against the evidence; without either, all there are."""
    cursor = cursor_of(conn)
    month = None if period is None else period.month
    keys = sorted({*_kept_keys(conn, month, sites), *_keys_of_evidence(conn, cursor.position, month, sites)})
    return _checked(conn, cursor.position, keys, progress)


def check_sample(conn: Connection, size: int, seed: int | None = None, progress: Step | None = None) -> Checked:
    """About `size` packs by chance: those that measurements chosen by chance belong to, and as many chosen themselves."""
    random, position = Random(seed), cursor_of(conn).position
    m, keys = measurement.c, set()
    for _ in range(size if position else 0):
        row = conn.execute(
            select(m.site, m.link, m.meter, m.started_us)
            .where(m.id >= random.randint(1, position), m.id <= position, m.meter.in_(METERS))
            .order_by(m.id)
            .limit(1)
        ).first()
        key = None if row is None else own_key(*row)
        if key is not None:
            keys.add(key)
    kept = sorted(set(_kept_keys(conn, None, None)) - keys)
    keys |= set(random.sample(kept, min(len(kept), max(0, size - len(keys) // 2))))
    return _checked(conn, position, sorted(keys), progress)


def rebuild(engine: Engine, period: "Period | None" = None, progress: Step | None = None) -> Rebuilt:
    """Make the packs of a month, or all of them, anew from the evidence that they are to count.

    One short transaction per site; intake, filling and readers go on beside it. Where there are no packs yet, all are
    made. `LedgerError` where the database refuses.
    """
    with reading(engine) as conn:
        fresh = cursor_of(conn).fresh
    if fresh:
        filled = fill(engine, progress=None if progress is None else lambda p: progress(p.position, p.newest))
        with reading(engine) as conn:
            packs = conn.execute(select(func.count()).select_from(rollup_pack)).scalar_one()
        return Rebuilt(packs=packs, runs=filled.counted, dropped=0)
    with reading(engine) as conn:
        sites = _sites(conn)
    packs = runs = dropped = 0
    for done, site in enumerate(sites, 1):
        more = _rebuild_site(engine, site, period)
        packs, runs, dropped = packs + more.packs, runs + more.runs, dropped + more.dropped
        if progress is not None:
            progress(done, len(sites))
    return Rebuilt(packs=packs, runs=runs, dropped=dropped)


def _rebuild_site(engine: Engine, site: str, period: "Period | None") -> Rebuilt:
    month = None if period is None else period.month
    while True:
        with reading(engine) as conn:
            cursor = cursor_of(conn)
            rows = _rows(conn, site, cursor.position, month)
            batch = packed(conn, rows, None)
            gone = set(_kept_keys(conn, month, [site])) - batch.packs.keys()
        with writing(engine) as conn:
            if cursor_of(conn) != cursor:
                continue  # it has been filled since: what was read is not all that these packs are to count
            put_packs(conn, batch.packs)
            _drop(conn, gone)
            put_cursor(conn, cursor.position, cursor.rebuilt + 1)
        return Rebuilt(packs=len(batch.packs), runs=batch.counted, dropped=len(gone))


def _checked(conn: Connection, position: int, keys: Sequence[Key], progress: Step | None) -> Checked:
    found: list[Difference] = []
    for done, key in enumerate(keys, 1):
        found += _difference(conn, position, key)
        if progress is not None:
            progress(done, len(keys))
    return Checked(position=position, packs=len(keys), differences=tuple(found))


def _difference(conn: Connection, position: int, key: Key) -> Iterator[Difference]:
    content = packs_of(conn, [key]).get(key)
    rows = [row[4:] for row in _rows(conn, key.site, position, key.month, key)]
    if content is None or not rows:
        if content is not None or rows:
            yield Difference(key, MISSING if content is None else EXTRA)
        return
    try:
        days = days_apart(conn, content, key, rows)
    except (ValueError, KeyError):
        yield Difference(key, DAMAGED)
        return
    if days:
        yield Difference(key, DIFFERS, days)


def _rows(conn: Connection, site: str, position: int, month: str | None, key: Key | None = None) -> list[Any]:
    """Measurements of a site that the packs are to count, in the order of ids; with a `key` those of its pack."""
    m = measurement.c
    query = rows_query().where(m.site == site, m.id <= position)
    if key is not None:
        query = query.where(m.link == key.link)
        if key.meter != PULSE:
            query = query.where(m.meter == key.meter)
    if month is not None:
        first, end = moments_of(month)
        query = query.where(m.started_us >= first, m.started_us < end)
    return sorted(conn.execute(query), key=lambda row: int(row[4]))


def _kept_keys(conn: Connection, month: str | None, sites: Collection[str] | None) -> Iterable[Key]:
    p = rollup_pack.c
    query = select(p.site, p.link, p.meter, p.month)
    if month is not None:
        query = query.where(func.substr(p.month, 1, len(month)) == month)
    if sites is not None:
        query = query.where(p.site.in_(sites))
    return [Key(*row) for row in conn.execute(query)]


def _keys_of_evidence(
    conn: Connection, position: int, month: str | None, sites: Collection[str] | None
) -> Iterable[Key]:
    m = measurement.c
    day = (m.started_us + OFFSET_US) // DAY_US
    query = select(m.site, m.link, m.meter, day).where(m.id <= position).distinct()
    if month is not None:
        first, end = moments_of(month)
        query = query.where(m.started_us >= first, m.started_us < end)
    if sites is not None:
        query = query.where(m.site.in_(sites))
    found: set[Key | None] = set()
    for site, link, meter, number in conn.execute(query):
        noon_us = (2 * int(number) + 1) * DAY_US // 2 - OFFSET_US
        found |= {own_key(site, link, meter, noon_us), pulse_key(site, link, noon_us)}
    return {key for key in found if key is not None}


def _sites(conn: Connection) -> list[str]:
    names = {*conn.execute(select(measurement.c.site).distinct()).scalars()}
    return sorted(names | {*conn.execute(select(rollup_pack.c.site).distinct()).scalars()})


def _drop(conn: Connection, keys: Iterable[Key]) -> None:
    p = rollup_pack.c
    for key in keys:
        conn.execute(
            delete(rollup_pack).where(
                p.site == key.site, p.link == key.link, p.meter == key.meter, p.month == key.month
            )
        )
