"""Presence in the ledger: what is shown now, and every turn of it."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import presence, presence_change, probe
from doxa_collector.presence.model import Cause, Evidence, Presence, State, Turn


def save(conn: Connection, turns: Iterable[Turn]) -> None:
    """Keep some turns; needs a writing transaction. A refinement rewrites the cause of the absence that it explains."""
    for turn in turns:
        if turn.refines:
            _refine(conn, turn)
            continue
        now = turn.now
        row = _row(now) | {"updated_us": turn.noticed_us}
        statement = upsert(presence).values(agent=now.agent, **row)
        conn.execute(statement.on_conflict_do_update(index_elements=["agent"], set_=row))
        conn.execute(
            insert(presence_change).values(
                agent=now.agent, site=now.site, state=now.state.value, cause=_value(now.cause), began_us=now.since_us,
                noticed_us=turn.noticed_us, evidence=_evidence(now),
            )
        )  # fmt: skip


def _refine(conn: Connection, turn: Turn) -> None:
    p = presence_change.c
    conn.execute(
        update(presence_change)
        .where(p.agent == turn.now.agent, p.began_us == turn.now.since_us, p.state == State.OFFLINE.value)
        .values(cause=_value(turn.now.cause), evidence=_evidence(turn.now))
    )


def forget(conn: Connection, agents: Iterable[str]) -> None:
    """Probes that left the registry are not shown any more; their history stays."""
    conn.execute(delete(presence).where(presence.c.agent.in_(list(agents))))


def shown(conn: Connection) -> list[Presence]:
    """What is shown of every registered probe, by office; one that never was judged is `NEVER`."""
    query = (
        select(probe.c.agent.label("name"), probe.c.site.label("home"), presence)
        .select_from(probe.outerjoin(presence, probe.c.agent == presence.c.agent))
        .order_by(probe.c.site, probe.c.agent)
    )
    return [_read(row) for row in conn.execute(query)]


def _read(row: AnyRow) -> Presence:
    if row.state is None:
        return Presence(agent=row.name, site=row.home, state=State.NEVER, since_us=0)
    return Presence(
        agent=row.name,
        site=row.home,
        state=State(row.state),
        cause=None if row.cause is None else Cause(row.cause),
        since_us=row.since_us,
        evidence=tuple(_evidence_from(found) for found in json.loads(row.evidence)),
    )


def _row(now: Presence) -> dict[str, Any]:
    return {
        "site": now.site, "state": now.state.value, "cause": _value(now.cause), "since_us": now.since_us,
        "evidence": _evidence(now),
    }  # fmt: skip


def _value(cause: Cause | None) -> str | None:
    return None if cause is None else cause.value


def _evidence(now: Presence) -> str:
    return json.dumps([found.as_fields() for found in now.evidence], ensure_ascii=False, sort_keys=True)


def _evidence_from(found: dict[str, Any]) -> Evidence:
    return Evidence(code=found["code"], at_us=found.get("at_us"), about=found.get("about", ""))
