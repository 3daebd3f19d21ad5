"""Alarms and baselines in the ledger: written as they change, read again after a restart."""

import json
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from doxa_collector.alerts.baseline import Usual
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import alarm as alarms
from doxa_collector.watch.alarm import Alarm, Change, Turn
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Subject
from doxa_core.language import Text

_own = MetaData()
usual = Table(
    "alert_baseline",
    _own,
    Column("subject", String(100), primary_key=True),
    Column("metric", String(80), primary_key=True),
    Column("hours", LargeBinary, nullable=False),  # alerts.baseline.Usual.pack
    Column("updated_us", BigInteger, nullable=False),
)
"""Made at its first use; belongs into ledger.schema as soon as that is free to change."""


def save(conn: Connection, changes: Iterable[Change]) -> None:
    """Write what a tick gave. Writing the same changes twice changes nothing. Needs a writing transaction."""
    for change in changes:
        found = change.alarm
        still_open = (
            alarms.c.rule == found.rule,
            alarms.c.subject == str(found.subject),
            alarms.c.cleared_us.is_(None),
        )
        row = _row(found)
        if change.turn is Turn.CLEARED:
            conn.execute(update(alarms).where(*still_open).values(row))
        elif not _is_kept(conn, found):
            conn.execute(
                update(alarms).where(*still_open).values(cleared_us=found.raised_us)
            )  # lost its end in a crash
            conn.execute(insert(alarms).values(row))


def _is_kept(conn: Connection, found: Alarm) -> bool:
    same = (
        alarms.c.rule == found.rule,
        alarms.c.subject == str(found.subject),
        alarms.c.raised_us == found.raised_us,
        alarms.c.muted == int(found.muted),
    )
    return conn.execute(select(alarms.c.id).where(*same).limit(1)).first() is not None


def _row(found: Alarm) -> dict[str, object]:
    return {
        "rule": found.rule, "subject": str(found.subject), "site": found.subject.site or None,
        "severity": found.severity.value, "began_us": found.began_us, "raised_us": found.raised_us,
        "cleared_us": found.cleared_us, "value": found.value, "muted": int(found.muted),
        "text": _json({"vi": found.text.vi, "en": found.text.en}), "detail": _json(dict(found.detail)),
    }  # fmt: skip


def _json(found: object) -> str:
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def load_open(conn: Connection) -> list[Alarm]:
    """The alarms that are open, the oldest first."""
    query = select(alarms).where(alarms.c.cleared_us.is_(None)).order_by(alarms.c.raised_us, alarms.c.id)
    return [alarm_from(row) for row in conn.execute(query)]


def alarm_from(row: AnyRow) -> Alarm:
    """The alarm in a row of the table `alarm`."""
    return Alarm(
        rule=row.rule,
        subject=Subject.parse(row.subject),
        severity=Severity(row.severity),
        began_us=row.began_us,
        raised_us=row.raised_us,
        cleared_us=row.cleared_us,
        value=row.value,
        text=Text(**json.loads(row.text)),
        muted=bool(row.muted),
        detail=json.loads(row.detail),
    )


def save_baselines(conn: Connection, found: Sequence[tuple[Subject, str, Usual]], now_us: int) -> None:
    """Keep what is usual, once an hour or at a polite stop. Needs a writing transaction."""
    usual.create(conn, checkfirst=True)
    if not found:
        return
    statement = upsert(usual)
    more = {"hours": statement.excluded.hours, "updated_us": statement.excluded.updated_us}
    rows = [{"subject": str(s), "metric": m, "hours": u.pack(), "updated_us": now_us} for s, m, u in found]
    conn.execute(statement.on_conflict_do_update(index_elements=["subject", "metric"], set_=more), rows)


def load_baselines(conn: Connection) -> Iterator[tuple[Subject, str, Usual]]:
    """What `save_baselines` kept; rows that cannot be read are left out: they grow again."""
    if not inspect(conn).has_table(usual.name):
        return
    for row in conn.execute(select(usual)):
        packed = Usual.unpack(row.hours)
        if packed is not None:
            yield Subject.parse(row.subject), row.metric, packed
