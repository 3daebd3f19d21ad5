"""The quarantine for people: what lies there, why, and its replay after the registry was mended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, select, update

from doxa_collector.admission import REPLAYABLE, Admission, Known, admit
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import agent_status, quarantine
from doxa_collector.ledger.writing import Fate, count, keep, note, note_status
from doxa_core.topic import Topic

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did."""

    accepted: int = 0
    """New in the ledger."""
    known: int = 0
    """Were in the ledger already."""
    still: int = 0
    """Are refused as before, or for another reason now."""


def list_rows(conn: Connection, *, code: str | None = None, limit: int = 50) -> list[AnyRow]:
    """The newest rows of the quarantine, of one code or of all."""
    query = select(quarantine).order_by(quarantine.c.last_us.desc(), quarantine.c.id.desc()).limit(limit)
    return list(conn.execute(query if code is None else query.where(quarantine.c.code == code)))


def show_row(conn: Connection, row_id: int) -> AnyRow | None:
    """One row with its payload."""
    return conn.execute(select(quarantine).where(quarantine.c.id == row_id)).first()


def replay(engine: Engine, known: Known, now_us: int, *, codes: Sequence[str] = REPLAYABLE, actor: str) -> Replayed:
    """Decide again about complete rows of `codes` that were never replayed, with the registry as it is now."""
    total, after = Replayed(), 0
    while True:
        with writing(engine) as conn:
            rows = _next(conn, codes, after)
            if not rows:
                break
            after = rows[-1].id
            step = _replay(conn, rows, known, now_us)
            if step.accepted or step.known:
                count(conn, {"replayed": step.accepted + step.known, "accepted": step.accepted})
                note(conn, now_us, actor, "quarantine.replay", {"up_to": after, "accepted": step.accepted})
        total = Replayed(
            accepted=total.accepted + step.accepted, known=total.known + step.known, still=total.still + step.still
        )
    return total


def _next(conn: Connection, codes: Sequence[str], after: int) -> list[AnyRow]:
    q = quarantine.c
    query = select(quarantine).where(q.id > after, q.code.in_(codes), q.replayed_us.is_(None))
    return list(conn.execute(query.order_by(q.id).limit(_CHUNK)))


def _replay(conn: Connection, rows: Sequence[AnyRow], known: Known, now_us: int) -> Replayed:
    accepted = already = still = 0
    for row in rows:
        found = Admission()
        if row.size == len(row.payload):
            admit(row.topic, row.payload, known, found)
        if found.rubbish or not (found.kept or found.statuses):
            if found.rubbish and found.rubbish[0].code != row.code:
                _mark(conn, row.id, code=found.rubbish[0].code, detail=found.rubbish[0].detail)
            still += 1
            continue
        fates = keep(conn, found.kept, now_us)
        if Fate.CONFLICT in fates:
            _mark(conn, row.id, code="conflict", detail="kept with other bytes when it was replayed")
            still += 1
            continue
        _statuses(conn, row, found, now_us)
        _mark(conn, row.id, replayed_us=now_us)
        accepted += fates.count(Fate.ACCEPTED)
        already += fates.count(Fate.DUPLICATE)
    return Replayed(accepted=accepted, known=already, still=still)


def _mark(conn: Connection, row_id: int, **values: object) -> None:
    conn.execute(update(quarantine).where(quarantine.c.id == row_id).values(**values))


def _statuses(conn: Connection, row: AnyRow, found: Admission, now_us: int) -> None:
    """An old status counts only where nothing newer is known."""
    agent = Topic.parse(row.topic).agent if found.statuses else ""
    newer = conn.execute(select(agent_status.c.agent).where(agent_status.c.agent == agent)).first()
    if newer is None:
        for status, raw, _ in found.statuses:
            note_status(conn, status, raw, now_us, retained=True)
