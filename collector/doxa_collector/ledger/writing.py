"""Writing the ledger: measurements once, rubbish once with a count, and what agents say of themselves."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import agent_status, audit, counter, measurement, quarantine
from doxa_core.measurement import MAX_BYTES, Measurement
from doxa_core.moments import microseconds
from doxa_core.status import AgentStatus

MAX_SIGNATURE: Final = 1024
KEPT_PAYLOAD: Final = MAX_BYTES + 1 + MAX_SIGNATURE
"""How much of a quarantined payload is kept: a whole measurement with its signature always fits."""
_CHUNK: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A line that decoded and is who it says."""

    measurement: Measurement
    raw: bytes
    signature: bytes | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes it one measurement in the world."""
        return self.measurement.agent, self.measurement.epoch, self.measurement.seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubbish:
    """What was not accepted, and why. `payload` is what is kept of it, `size` what it was."""

    topic: str
    payload: bytes
    size: int
    digest: str
    code: str
    detail: str


def rubbish(topic: str, payload: bytes, code: str, detail: str) -> Rubbish:
    """The quarantine's form of a payload: cut, with the digest of the whole."""
    whole = sha256(topic.encode("utf-8", "surrogatepass") + b"\0" + payload).hexdigest()
    return Rubbish(
        topic=topic[:1000].encode("utf-8", "backslashreplace").decode(),
        payload=payload[:KEPT_PAYLOAD],
        size=len(payload),
        digest=whole,
        code=code,
        detail=detail[:1000].encode("utf-8", "backslashreplace").decode(),
    )


class Fate(StrEnum):
    """What became of a line in the ledger."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """The same bytes were there already."""
    CONFLICT = "conflict"
    """Other bytes were there already under this agent, epoch and sequence: the first ones stay."""


def keep(conn: Connection, lines: Sequence[Incoming], now_us: int) -> list[Fate]:
    """Insert what is new; the fate of each line, in order. Needs a writing transaction."""
    if not lines:
        return []
    newest = conn.execute(select(func.max(measurement.c.id))).scalar() or 0
    statement = upsert(measurement).on_conflict_do_nothing()
    result = conn.execute(statement, [_row(line, now_us) for line in lines])
    if result.rowcount == len(lines):
        return [Fate.ACCEPTED] * len(lines)
    return _fates(conn, lines, newest)


def _row(line: Incoming, now_us: int) -> dict[str, Any]:
    m = line.measurement
    return {
        "agent": m.agent, "epoch": m.epoch, "seq": m.seq, "site": m.site, "link": m.link, "task": m.task,
        "meter": m.meter, "method": m.method, "started_us": microseconds(m.started), "received_us": now_us,
        "outcome": m.outcome.value, "far_end": m.far_end, "family": m.family, "values": _json(dict(m.values)),
        "reasons": _json(list(m.reasons)), "findings": _json(list(m.findings)), "raw": line.raw,
        "signature": line.signature,
    }  # fmt: skip


def _json(found: object) -> str:
    return json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _fates(conn: Connection, lines: Sequence[Incoming], newest: int) -> list[Fate]:
    """Which lines are rows of ours (id above `newest`, first of their key), which were there before."""
    stored = _stored(conn, lines)
    found, seen = [], set()
    for line in lines:
        row = stored[line.key]
        if row.id > newest and line.key not in seen:
            found.append(Fate.ACCEPTED)
        else:
            found.append(Fate.DUPLICATE if row.raw == line.raw else Fate.CONFLICT)
        seen.add(line.key)
    return found


def _stored(conn: Connection, lines: Iterable[Incoming]) -> dict[tuple[str, str, int], AnyRow]:
    groups: dict[tuple[str, str], list[int]] = {}
    for agent, epoch, seq in {line.key for line in lines}:
        groups.setdefault((agent, epoch), []).append(seq)
    found: dict[tuple[str, str, int], AnyRow] = {}
    m = measurement.c
    for (agent, epoch), numbers in groups.items():
        for start in range(0, len(numbers), _CHUNK):
            query = select(m.id, m.seq, m.raw).where(
                m.agent == agent, m.epoch == epoch, m.seq.in_(numbers[start : start + _CHUNK])
            )
            found |= {(agent, epoch, row.seq): row for row in conn.execute(query)}
    return found


def put_aside(conn: Connection, found: Sequence[Rubbish], now_us: int) -> None:
    """Keep each in the quarantine once, and count how often it came."""
    if not found:
        return
    statement = upsert(quarantine)
    statement = statement.on_conflict_do_update(
        index_elements=["digest"],
        set_={
            "last_us": statement.excluded.last_us,
            "count": quarantine.c.count + 1,
            "code": statement.excluded.code,
            "detail": statement.excluded.detail,
        },
    )
    conn.execute(
        statement,
        [
            {
                "digest": r.digest, "first_us": now_us, "last_us": now_us, "count": 1, "topic": r.topic,
                "code": r.code, "detail": r.detail, "size": r.size, "payload": r.payload,
            }
            for r in found
        ],
    )  # fmt: skip


def count(conn: Connection, steps: Mapping[str, int]) -> None:
    """Add to counters; a name appears with its first count."""
    found = [{"name": name[:80], "value": step} for name, step in steps.items() if step]
    if found:
        statement = upsert(counter)
        more = {"value": counter.c.value + statement.excluded.value}
        conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_=more), found)


def note_status(conn: Connection, status: AgentStatus, raw: bytes, now_us: int, *, retained: bool) -> bool:
    """Keep what an agent says of itself; whether anything changed.

    `since_us` moves only with the state. The broker's retained copy of what we know already moves nothing: it says
    that the agent once was so, not that it is there now.
    """
    known = conn.execute(select(agent_status).where(agent_status.c.agent == status.agent)).first()
    if known is not None and retained and known.raw == raw:
        return False
    same = known is not None and known.state == status.state.value
    row = {
        "site": status.site, "state": status.state.value, "reason": status.reason, "received_us": now_us,
        "since_us": known.since_us if known is not None and same else now_us, "raw": raw,
    }  # fmt: skip
    statement = upsert(agent_status).values(agent=status.agent, **row)
    conn.execute(statement.on_conflict_do_update(index_elements=["agent"], set_=row))
    return True


def note(conn: Connection, now_us: int, actor: str, action: str, detail: Mapping[str, Any]) -> None:
    """One line of the audit log."""
    text = json.dumps(detail, sort_keys=True, ensure_ascii=False)
    conn.execute(insert(audit).values(at_us=now_us, actor=actor, action=action, detail=text))
