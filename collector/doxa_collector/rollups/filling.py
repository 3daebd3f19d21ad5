"""Keeping the packs up with the evidence: a cursor over the measurements, and batches of a fraction of a second.

A batch is read and counted without any lock. Then one short transaction writes its packs and moves the cursor, if the
cursor still stands where the batch began: so whoever is killed, or is slower than another one, loses only work.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Select, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import measurement, rollup_cursor, rollup_pack
from doxa_collector.rollups.kinds import grown, own_key, pulse_key
from doxa_collector.rollups.pack import Key, month_of
from doxa_collector.rollups.raw import NAMES_AT_ONCE
from doxa_collector.rollups.series import LAYOUT
from doxa_collector.statistics.sample import slot_of
from doxa_core.language import Text

_AIM_S: Final = 0.25
"""What a batch should take, so that its transaction stays well below half a second even on a slow disk."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a filling did."""

    position: int
    """The newest measurement that the packs count now."""
    counted: int = 0
    """Measurements that were counted."""
    passed: int = 0
    """Measurements of meters that are not rolled up; they count in their line's pulse alone."""
    late: Mapping[str, int] = field(default_factory=dict)
    """Month → those of the counted ones that reached the ledger after that month was over (Vietnamese time)."""
    done: bool = True
    """Whether nothing was left at the end; False where the time ran out."""

    @property
    def text(self) -> Text:
        """One line for the log."""
        if not self.late:
            return _COUNTED.fill(n=self.counted)
        months = ", ".join(f"{month}: {n}" for month, n in self.late.items())
        return _LATE.fill(n=self.counted, late=sum(self.late.values()), months=months)


class Progress(NamedTuple):
    """How far a filling is."""

    position: int
    newest: int


class Sizes(NamedTuple):
    """How many measurements a batch has: the first one, and the bounds of the later ones."""

    first: int = 500
    smallest: int = 50
    largest: int = 20_000


class Cursor(NamedTuple):
    """Where the packs stand."""

    position: int
    rebuilt: int
    fresh: bool
    """Whether the packs have to be made from nothing: there are none, or they are of another layout."""


@dataclass(slots=True)
class Batch:
    """What a batch found out."""

    position: int
    packs: dict[Key, bytes]
    counted: int
    passed: int
    late: dict[str, int]


def fill(
    engine: Engine,
    *,
    budget_s: float | None = None,
    progress: Callable[[Progress], None] | None = None,
    sizes: Sizes = Sizes(),  # noqa: B008 - it cannot change
) -> Filled:
    """Count every measurement that the packs do not have yet.

    Any number of programs may do so at once, and each may be killed anywhere. `budget_s` ends it after about so many
    seconds; the next call goes on. `OperationError` for a damaged pack, `LedgerError` where the database refuses.
    """
    until = None if budget_s is None else time.monotonic() + budget_s
    counted = passed = 0
    late: dict[str, int] = {}
    size = sizes.first
    while True:
        began = time.monotonic()
        with reading(engine) as conn:
            cursor = cursor_of(conn)
            batch = _counted(conn, cursor, size)
            newest = conn.execute(select(func.max(measurement.c.id))).scalar() or 0
        if batch is None and not cursor.fresh:
            return _told(Filled(position=cursor.position, counted=counted, passed=passed, late=_ordered(late)))
        if batch is None:
            batch = Batch(position=0, packs={}, counted=0, passed=0, late={})
        if not _write(engine, cursor, batch):
            continue  # another one was here first
        counted, passed = counted + batch.counted, passed + batch.passed
        for month, n in batch.late.items():
            late[month] = late.get(month, 0) + n
        if progress is not None:
            progress(Progress(batch.position, newest))
        if until is not None and time.monotonic() >= until and batch.position < newest:
            found = Filled(position=batch.position, counted=counted, passed=passed, late=_ordered(late), done=False)
            return _told(found)
        size = _next_size(size, sizes, time.monotonic() - began)


def cursor_of(conn: Connection) -> Cursor:
    """Where the packs stand."""
    rows = {row.layout: row for row in conn.execute(select(rollup_cursor))}
    row = rows.get(LAYOUT)
    rebuilt = max((found.rebuilt for found in rows.values()), default=0)
    return Cursor(0, rebuilt, fresh=True) if row is None else Cursor(row.position, rebuilt, fresh=False)


def _counted(conn: Connection, cursor: Cursor, size: int) -> Batch | None:
    """The next measurements with the packs that they belong to; None where there are none."""
    m = measurement.c
    rows = conn.execute(rows_query().where(m.id > cursor.position).order_by(m.id).limit(size)).all()
    return packed(conn, rows, None if cursor.fresh else lambda keys: packs_of(conn, keys)) if rows else None


def rows_query() -> Select[Any]:
    """Measurements as `packed` takes them: (site, link, meter, received_us) and a `kinds.Row`."""
    m = measurement.c
    return select(
        m.site, m.link, m.meter, m.received_us,
        m.id, m.started_us, m.outcome, m["values"], m.digest, m.task, m.far_end,
    )  # fmt: skip


def packed(
    conn: Connection, rows: Sequence[Any], known: Callable[[Iterable[Key]], Mapping[Key, bytes]] | None
) -> Batch:
    """The packs with these measurements (`rows_query`, in the order of ids) in them, on top of what is `known`; None:
    nothing is.
    """
    found: dict[Key, list[Any]] = {}
    late: dict[str, int] = {}
    counted = 0
    for site, link, meter, received_us, *row in rows:
        pulse = pulse_key(site, link, row[1])
        if pulse is not None:
            found.setdefault(pulse, []).append(row)
        key = own_key(site, link, meter, row[1])
        if key is None:
            continue
        found.setdefault(key, []).append(row)
        counted += 1
        month = key.month[:7]
        if month < (month_of(slot_of(received_us).day) or month):
            late[month] = late.get(month, 0) + 1
    before = {} if known is None else known(found)
    packs = {key: grown(conn, before.get(key), key, more) for key, more in found.items()}
    position = rows[-1][4] if rows else 0
    return Batch(position=position, packs=packs, counted=counted, passed=len(rows) - counted, late=late)


def packs_of(conn: Connection, keys: Iterable[Key]) -> dict[Key, bytes]:
    """Those of these packs that are there.

    They are asked for by meter, month and office, which the primary key leads to; a list of whole keys would make SQLite
    read the table from end to end.
    """
    wanted: dict[tuple[str, str], set[str]] = {}
    asked = set(keys)
    for key in asked:
        wanted.setdefault((key.meter, key.month), set()).add(key.site)
    p, found = rollup_pack.c, {}
    for (meter, month), sites in wanted.items():
        names = sorted(sites)
        for start in range(0, len(names), NAMES_AT_ONCE):
            query = select(p.site, p.link, p.meter, p.month, p.content).where(
                p.meter == meter, p.month == month, p.site.in_(names[start : start + NAMES_AT_ONCE])
            )
            for *row, content in conn.execute(query):
                key = Key(*row)
                if key in asked:
                    found[key] = content
    return found


def _write(engine: Engine, cursor: Cursor, batch: Batch) -> bool:
    """Write a batch, if nobody has moved the cursor or made packs anew since it was read."""
    with writing(engine) as conn:
        if cursor_of(conn) != cursor:
            return False
        if cursor.fresh:
            conn.execute(delete(rollup_pack))
            conn.execute(delete(rollup_cursor))
        put_packs(conn, batch.packs)
        put_cursor(conn, batch.position, cursor.rebuilt)
    return True


def put_packs(conn: Connection, packs: Mapping[Key, bytes]) -> None:
    """Write packs, new or in the place of what was there."""
    if packs:
        statement = upsert(rollup_pack)
        statement = statement.on_conflict_do_update(
            index_elements=["meter", "site", "link", "month"], set_={"content": statement.excluded.content}
        )
        conn.execute(statement, [{**key._asdict(), "content": packs[key]} for key in sorted(packs)])


def put_cursor(conn: Connection, position: int, rebuilt: int) -> None:
    """Say how far the packs are."""
    row = {"position": position, "rebuilt": rebuilt}
    statement = upsert(rollup_cursor).values(layout=LAYOUT, **row)
    conn.execute(statement.on_conflict_do_update(index_elements=["layout"], set_=row))


def _next_size(size: int, sizes: Sizes, took_s: float) -> int:
    """Grown or shrunk towards `_AIM_S`, at most twofold a step."""
    wanted = size * _AIM_S / max(took_s, 1e-3)
    return int(min(max(wanted, size / 2, sizes.smallest), size * 2, sizes.largest))


def _told(filled: Filled) -> Filled:
    if filled.late:
        _log.info("%s", filled.text)
    return filled


def _ordered(late: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(late.items()))


_COUNTED = Text(vi="đã tổng hợp {n} kết quả đo", en="rollups: {n} measurements counted")
_LATE = Text(
    vi="đã tổng hợp {n} kết quả đo, trong đó {late} kết quả đến muộn, tính vào tháng của chúng ({months})",
    en="rollups: {n} measurements counted, {late} of them late and counted in their own month ({months})",
)
