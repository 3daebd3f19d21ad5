"""The outbox: messages in the ledger until a channel has taken them, so that neither a crash nor an outage loses one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import notice
from doxa_collector.notify.channel import Message

MOST: Final = 200
"""Notices that are looked at together."""
_N = notice.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message that waits."""

    id: int
    incident: int
    event: str
    message: Message
    created_us: int
    tries: int


def enqueue(conn: Connection, channel: str, incident: int, event: str, message: Message, now_us: int) -> None:
    """Add a message to a channel's outbox, due at once; needs a writing transaction."""
    before = select(func.coalesce(func.max(_N.ordinal) + 1, 0)).where(
        _N.channel == channel, _N.incident == incident, _N.event == event
    )
    content = {"title": message.title, "body": message.body, "fields": dict(message.fields)}
    conn.execute(
        insert(notice).values(
            channel=channel, incident=incident, event=event, ordinal=conn.execute(before).scalar_one(),
            content=json.dumps(content, ensure_ascii=False, sort_keys=True), created_us=now_us, due_us=now_us, tries=0,
        )
    )  # fmt: skip


def due(conn: Connection, channel: str, now_us: int) -> list[Notice]:
    """What may be sent now, oldest first."""
    query = (
        select(notice)
        .where(_N.channel == channel, _N.sent_us.is_(None), _N.given_up_us.is_(None), _N.due_us <= now_us)
        .order_by(_N.id)
        .limit(MOST)
    )
    return [_read(row) for row in conn.execute(query)]


def next_due(conn: Connection, channel: str) -> int | None:
    """When the next one is due."""
    query = select(func.min(_N.due_us)).where(_N.channel == channel, _N.sent_us.is_(None), _N.given_up_us.is_(None))
    found = conn.execute(query).scalar()
    return None if found is None else int(found)


def taken(conn: Connection, notices: Sequence[Notice], now_us: int) -> None:
    """They were delivered."""
    conn.execute(update(notice).where(_N.id.in_([one.id for one in notices])).values(sent_us=now_us, error=None))


def failed(conn: Connection, notices: Sequence[Notice], error: str, due_us: int) -> None:
    """They were not; they are tried again at `due_us`."""
    conn.execute(
        update(notice)
        .where(_N.id.in_([one.id for one in notices]))
        .values(error=error[:500], due_us=due_us, tries=_N.tries + 1)
    )


def given_up(conn: Connection, notices: Sequence[Notice], error: str, now_us: int) -> None:
    """They never will be; that is kept and shown."""
    conn.execute(
        update(notice)
        .where(_N.id.in_([one.id for one in notices]))
        .values(error=error[:500], given_up_us=now_us, tries=_N.tries + 1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a channel does."""

    sent: int
    waiting: int
    given_up: int
    error: str | None
    """Of the oldest that waits."""
    last_sent_us: int | None


def standing(conn: Connection, channel: str) -> Standing:
    """How a channel does."""
    of = _N.channel == channel
    open_ = of & _N.sent_us.is_(None) & _N.given_up_us.is_(None)
    oldest = conn.execute(select(_N.error).where(open_).order_by(_N.id).limit(1)).first()

    def count(where: Any) -> int:
        return int(conn.execute(select(func.count()).select_from(notice).where(where)).scalar_one())

    return Standing(
        sent=count(of & _N.sent_us.is_not(None)),
        waiting=count(open_),
        given_up=count(of & _N.given_up_us.is_not(None)),
        error=None if oldest is None else oldest.error,
        last_sent_us=conn.execute(select(func.max(_N.sent_us)).where(of)).scalar(),
    )


def _read(row: AnyRow) -> Notice:
    found = json.loads(row.content)
    message = Message(title=found["title"], body=found["body"], fields=found["fields"])
    return Notice(
        id=row.id, incident=row.incident, event=row.event, message=message, created_us=row.created_us, tries=row.tries
    )
