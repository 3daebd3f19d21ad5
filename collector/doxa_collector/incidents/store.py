"""Incidents in the ledger: kept as they change, found again after a restart, and never overwriting what a person did."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, exists, func, insert, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert

from doxa_collector.incidents.correlate import Correlator
from doxa_collector.incidents.model import (
    Cause,
    Family,
    Fault,
    Incident,
    IncidentChange,
    Member,
    Reach,
    State,
    Turn,
)
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import incident, incident_entry, incident_member
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Subject
from doxa_core.language import Text

OURSELVES: Final = "doxa"
"""The actor of what happens by itself; the text of its entries is JSON `{"vi": …, "en": …}`, a person's is plain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of an incident's history."""

    at_us: int
    actor: str
    action: str
    text: Text


def save(conn: Connection, changes: Iterable[IncidentChange]) -> None:
    """Keep the changes of one tick. Needs a writing transaction.

    What a person did in between stays: a closed incident stays closed, an acknowledged one acknowledged.
    """
    for change in changes:
        _keep(conn, change.incident)
        _entry(conn, change)


def _keep(conn: Connection, found: Incident) -> None:
    before = conn.execute(
        select(incident.c.state, incident.c.acknowledged_us, incident.c.closed_us).where(incident.c.id == found.id)
    ).first()
    row = _row(found)
    if before is not None and before.state == State.CLOSED:
        row |= {"state": before.state, "closed_us": before.closed_us}
    if before is not None and before.acknowledged_us is not None:
        row["acknowledged_us"] = before.acknowledged_us
        if row["state"] == State.OPEN:
            row["state"] = State.ACKNOWLEDGED.value
    statement = upsert(incident).values(id=found.id, **row)
    conn.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
    _keep_members(conn, found)


def _row(found: Incident) -> dict[str, Any]:
    detail = {
        "fault": [found.fault.reach, found.fault.name, found.fault.family], "inferred": found.inferred,
        "why": [{"vi": t.vi, "en": t.en} for t in found.why], "opened_us": found.opened_us,
        "reopened": found.reopened, "absorbed_by": found.absorbed_by,
        "families": {m.rule: m.family for m in found.members}, "sites": len(found.sites), "lost": len(found.lost_sites),
    }  # fmt: skip
    return {
        "cause": found.cause.value, "root": None if found.root is None else str(found.root), "place_code": found.place,
        "provider": found.provider, "severity": found.severity.value, "state": found.state.value,
        "muted": int(found.muted), "began_us": found.began_us, "detected_us": found.detected_us,
        "acknowledged_us": found.acknowledged_us, "resolved_us": found.resolved_us, "closed_us": found.closed_us,
        "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True),
    }  # fmt: skip


def _keep_members(conn: Connection, found: Incident) -> None:
    """Write what differs: an incident of 150 members changes by a few of them."""
    m = incident_member.c
    kept = {
        (row.rule, row.subject): (row.joined_us, row.cleared_us, row.began_us)
        for row in conn.execute(
            select(m.rule, m.subject, m.joined_us, m.cleared_us, m.began_us).where(m.incident == found.id)
        )
    }
    fresh = {(member.rule, str(member.subject)): member for member in found.members}
    for rule, subject in kept.keys() - fresh.keys():
        conn.execute(delete(incident_member).where(m.incident == found.id, m.rule == rule, m.subject == subject))
    rows = [
        {
            "incident": found.id, "subject": subject, "rule": rule, "site": member.subject.site or None,
            "severity": member.severity.value, "began_us": member.began_us, "joined_us": member.joined_us,
            "cleared_us": member.cleared_us,
        }
        for (rule, subject), member in sorted(fresh.items())
        if kept.get((rule, subject)) != (member.joined_us, member.cleared_us, member.began_us)
    ]  # fmt: skip
    if rows:
        statement = upsert(incident_member)
        set_ = {name: statement.excluded[name] for name in ("severity", "began_us", "joined_us", "cleared_us")}
        conn.execute(statement.on_conflict_do_update(index_elements=["incident", "subject", "rule"], set_=set_), rows)


def _entry(conn: Connection, change: IncidentChange) -> None:
    text = told(change)
    add_entry(
        conn, change.incident.id, change.at_us, OURSELVES, change.turn.value,
        json.dumps({"vi": text.vi, "en": text.en}, ensure_ascii=False),
    )  # fmt: skip


def add_entry(conn: Connection, number: int, at_us: int, actor: str, action: str, text: str) -> None:
    """One more line of an incident's history."""
    conn.execute(insert(incident_entry).values(incident=number, at_us=at_us, actor=actor, action=action, text=text))


def told(change: IncidentChange) -> Text:
    """The change as a sentence for the history."""
    parts = _CHANGES[change.turn].fill(
        cause=change.incident.cause.text,
        joined=len(change.joined),
        left=len(change.left),
        open=len(change.incident.open_members),
        all=len(change.incident.members),
    )
    if not change.note.vi:
        return parts
    return Text(vi=f"{parts.vi}; {change.note.vi}", en=f"{parts.en}; {change.note.en}")


_CHANGES: Final = {
    Turn.OPENED: Text(vi="phát hiện: {cause}, {all} thành phần", en="opened: {cause}, {all} members"),
    Turn.UNMUTED: Text(
        vi="không còn trong thời gian bảo trì: {cause}, {open} thành phần đang lỗi",
        en="no longer in planned work: {cause}, {open} members failing",
    ),
    Turn.GREW: Text(vi="lan rộng: thêm {joined}, tổng {all}", en="grew by {joined} to {all} members"),
    Turn.RECAST: Text(
        vi="đánh giá lại: {cause}, {open}/{all} thành phần đang lỗi",
        en="judged anew: {cause}, {open}/{all} members failing",
    ),
    Turn.SHRANK: Text(vi="{left} thành phần rời đi, còn {open}/{all}", en="{left} members left, {open}/{all} remain"),
    Turn.RESOLVED: Text(vi="đã khôi phục toàn bộ {all} thành phần", en="all {all} members are well"),
    Turn.REOPENED: Text(vi="lỗi trở lại: {joined} thành phần", en="came back: {joined} members"),
    Turn.ABSORBED: Text(vi="đóng vì thuộc sự cố rộng hơn", en="closed as part of a wider incident"),
}

# --- finding


def restore(conn: Connection, correlator: Correlator, now_us: int) -> None:
    """Give a fresh correlator what the ledger keeps: what lasts, and what ended so recently that it may come back."""
    c = incident.c
    since = now_us - int(correlator.settings.reopen_s * 1e6)
    recent = (c.state == State.RESOLVED.value) & (c.resolved_us >= since)
    query = select(incident).where(or_(c.state.in_([State.OPEN.value, State.ACKNOWLEDGED.value]), recent))
    newest = conn.execute(select(func.max(c.id))).scalar() or 0
    correlator.restore(_pictures(conn, list(conn.execute(query.order_by(c.id)))), newest + 1)


def heed(conn: Connection, correlator: Correlator) -> None:
    """Tell the correlator what people did since the last tick."""
    numbers = correlator.held()
    c = incident.c
    query = select(c.id, c.state, c.acknowledged_us).where(
        c.id.in_(numbers), c.state.in_([State.ACKNOWLEDGED.value, State.CLOSED.value])
    )
    for row in conn.execute(query):
        if row.state == State.CLOSED:
            correlator.close(row.id)
        else:
            correlator.acknowledge(row.id, row.acknowledged_us)


def get(conn: Connection, number: int) -> Incident | None:
    """The incident of that number."""
    found = _pictures(conn, list(conn.execute(select(incident).where(incident.c.id == number))))
    return found[0] if found else None


def find(
    conn: Connection,
    *,
    live: bool = False,
    since_us: int | None = None,
    place: str | None = None,
    sites: Collection[str] = (),
    limit: int = 50,
) -> list[Incident]:
    """The newest incidents first, without those that others absorbed.

    `live`: only those that last. `since_us`: that lasted then or began later. `place` and its `sites`: that reach there.
    """
    c, m = incident.c, incident_member.c
    query = select(incident).where(func.json_extract(c.detail, "$.absorbed_by").is_(None))
    if live:
        query = query.where(c.state.in_([State.OPEN.value, State.ACKNOWLEDGED.value]))
    if since_us is not None:
        ended = func.coalesce(c.resolved_us, c.closed_us)
        query = query.where(or_(c.began_us >= since_us, ended.is_(None), ended >= since_us))
    if place is not None:
        there = exists().where(m.incident == c.id, m.site.in_(sorted(sites)))
        query = query.where(or_(c.place_code == place, there))
    return _pictures(conn, list(conn.execute(query.order_by(c.began_us.desc(), c.id.desc()).limit(limit))))


def entries(conn: Connection, number: int) -> list[Entry]:
    """The history of an incident, oldest first."""
    e = incident_entry.c
    query = select(incident_entry).where(e.incident == number).order_by(e.at_us, e.id)
    return [
        Entry(at_us=row.at_us, actor=row.actor, action=row.action, text=_text(row.actor, row.text))
        for row in conn.execute(query)
    ]


def _text(actor: str, text: str) -> Text:
    return Text(**json.loads(text)) if actor == OURSELVES else Text(vi=text, en=text)


def _pictures(conn: Connection, rows: Sequence[AnyRow]) -> list[Incident]:
    m = incident_member.c
    query = select(incident_member).where(m.incident.in_([row.id for row in rows]))
    members: dict[int, list[AnyRow]] = {}
    for row in conn.execute(query.order_by(m.began_us, m.subject, m.rule)):
        members.setdefault(row.incident, []).append(row)
    return [_picture(row, members.get(row.id, ())) for row in rows]


def _picture(row: AnyRow, members: Sequence[AnyRow]) -> Incident:
    detail = json.loads(row.detail)
    reach, name, family = detail["fault"]
    families = {rule: Family(word) for rule, word in detail["families"].items()}
    return Incident(
        id=row.id,
        fault=Fault(Reach(reach), name, Family(family)),
        cause=Cause(row.cause),
        severity=Severity(row.severity),
        state=State(row.state),
        began_us=row.began_us,
        detected_us=row.detected_us,
        opened_us=detail["opened_us"],
        members=tuple(_member(found, families) for found in members),
        root=None if row.root is None else Subject.parse(row.root),
        place=row.place_code,
        provider=row.provider,
        muted=bool(row.muted),
        inferred=detail["inferred"],
        why=tuple(Text(**text) for text in detail["why"]),
        acknowledged_us=row.acknowledged_us,
        resolved_us=row.resolved_us,
        closed_us=row.closed_us,
        reopened=detail["reopened"],
        absorbed_by=detail["absorbed_by"],
    )


def _member(row: AnyRow, families: dict[str, Family]) -> Member:
    return Member(
        subject=Subject.parse(row.subject),
        rule=row.rule,
        severity=Severity(row.severity),
        family=families.get(row.rule, Family.DOWN),
        began_us=row.began_us,
        joined_us=row.joined_us,
        cleared_us=row.cleared_us,
    )
