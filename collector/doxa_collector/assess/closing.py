"""Closed months: what was judged, from what, and the proof that judging again gives the same, byte for byte."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, insert, select

from doxa_collector.assess.inputs import Inputs, canonical, decode
from doxa_collector.assess.judging import judge_month
from doxa_collector.assess.settings import METHOD, Settings, from_json, method_of
from doxa_collector.assess.snapshots import keep, recall
from doxa_collector.assess.storing import as_row, from_row
from doxa_collector.ledger.schema import closing, measurement
from doxa_collector.ledger.writing import note
from doxa_collector.period import Period, month_of
from doxa_collector.plans.keeping import plan_as_json, plan_from_json
from doxa_collector.plans.model import Plan
from doxa_collector.rollups.raw import Raw
from doxa_collector.verdict import Verdict
from doxa_core import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A month's verdicts with all that they stand on."""

    period: Period
    plans: tuple[Plan, ...]
    settings: Settings
    inputs: Inputs
    last_id: int
    """Measurements up to this id were the evidence."""
    judged_us: int
    verdicts: tuple[Verdict, ...]

    def encode(self) -> bytes:
        """The result as canonical JSON: two judgements are the same if and only if these bytes are."""
        return canonical([as_row(verdict) for verdict in self.verdicts])


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How a month was closed, in one of its revisions."""

    period: Period
    revision: int
    closed_us: int
    last_id: int
    judged_us: int
    method: int
    """`settings.METHOD` of the doxa that closed it."""
    settings: Settings
    inputs: str
    """SHA-256 of what `assess.inputs` kept, by which the ledger finds it."""
    plans: tuple[str, ...]
    verdicts: str
    """SHA-256 of the result."""
    program: str
    actor: str
    reason: str

    @property
    def provable(self) -> bool:
        """Whether this doxa judges as the one did that closed the month, so that judging again must give the same."""
        return self.method == METHOD


def close(conn: Connection, month: Judged, now_us: int, actor: str, reason: str) -> Closing:
    """Keep a month's result and all that it stands on as its next revision."""
    first = month.period.first.isoformat()
    known = conn.execute(select(func.max(closing.c.revision)).where(closing.c.period_from == first)).scalar()
    row = {
        "period_from": first,
        "revision": 1 + (known or 0),
        "closed_us": now_us,
        "last_id": month.last_id,
        "judged_us": month.judged_us,
        "settings": json.dumps(month.settings.as_json(), sort_keys=True),
        "inputs": keep(conn, "inputs", month.inputs.encode()),
        "plans": json.dumps([keep(conn, "plan", canonical(plan_as_json(plan))) for plan in month.plans]),
        "verdicts": keep(conn, "verdicts", month.encode()),
        "program": __version__,
        "actor": actor,
        "reason": reason,
    }
    conn.execute(insert(closing).values(row))
    note(conn, now_us, actor, "month.closed", {k: row[k] for k in ("period_from", "revision", "verdicts", "reason")})
    return _read(row)


def latest_closings(conn: Connection) -> dict[date, Closing]:
    """The latest revision of every closed month, by the month's first day."""
    rows = conn.execute(select(closing).order_by(closing.c.period_from, closing.c.revision)).mappings()
    return {found.period.first: found for found in map(_read, rows)}


def revisions(conn: Connection, period: Period) -> list[Closing]:
    """Every revision of one month, the first first."""
    query = select(closing).where(closing.c.period_from == period.first.isoformat()).order_by(closing.c.revision)
    return [_read(row) for row in conn.execute(query).mappings()]


def kept_result(conn: Connection, closed: Closing) -> bytes:
    """The result as it was kept; `ValueError` where the ledger no longer holds it unchanged."""
    return recall(conn, closed.verdicts)


def judge_again(conn: Connection, closed: Closing) -> Judged:
    """The month judged anew from the very evidence, plans, contracts and figures that it was closed with.

    The runs are counted from the measurements themselves, never from what is kept of them: so the proof stands on what
    the probes signed. `ValueError` where something is damaged, was kept by a doxa that wrote it in another form, or was
    closed by another method (`Closing.provable`; `as_kept` shows such a month).
    """
    if not closed.provable:
        raise ValueError(f"the month was closed by method {closed.method}, and this doxa judges by method {METHOD}")
    plans, inputs = _stood_on(conn, closed)
    source = Raw(conn, closed.last_id)
    found = judge_month(conn, plans, closed.period, closed.settings, inputs, closed.last_id, closed.judged_us, source)
    return _judged(closed, plans, inputs, found)


def as_kept(conn: Connection, closed: Closing) -> Judged:
    """The month as it was closed, not judged again. `ValueError` where something that was kept is damaged."""
    found = [from_row(row) for row in json.loads(kept_result(conn, closed))]
    return _judged(closed, *_stood_on(conn, closed), found)


def _stood_on(conn: Connection, closed: Closing) -> tuple[Sequence[Plan], Inputs]:
    plans = [plan_from_json(json.loads(recall(conn, digest))) for digest in closed.plans]
    return plans, decode(recall(conn, closed.inputs))


def _judged(closed: Closing, plans: Sequence[Plan], inputs: Inputs, verdicts: Sequence[Verdict]) -> Judged:
    return Judged(
        period=closed.period, plans=tuple(plans), settings=closed.settings, inputs=inputs,
        last_id=closed.last_id, judged_us=closed.judged_us, verdicts=tuple(verdicts),
    )  # fmt: skip


def late(conn: Connection, closed: Closing) -> int:
    """How many measurements of the month came after it was closed."""
    m, period = measurement.c, closed.period
    query = select(func.count()).where(
        m.id > closed.last_id, m.started_us >= period.from_us, m.started_us < period.to_us
    )  # fmt: skip
    return int(conn.execute(query).scalar() or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """In how many verdicts a result differs from the one that was kept."""

    missing: int
    new: int
    changed: int

    @property
    def total(self) -> int:
        """Of any kind."""
        return self.missing + self.new + self.changed

    def __bool__(self) -> bool:
        return self.total > 0


def differences(kept: bytes, again: Judged) -> Differences:
    """What is not as it was kept."""
    before, after = ({_key(row): row for row in json.loads(result)} for result in (kept, again.encode()))
    return Differences(
        missing=len(before.keys() - after.keys()),
        new=len(after.keys() - before.keys()),
        changed=sum(before[key] != after[key] for key in before.keys() & after.keys()),
    )


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["plan"], row["plan_version"], row["target"], row["place_code"]


def _read(row: Mapping[Any, Any]) -> Closing:
    settings = json.loads(row["settings"])
    return Closing(
        period=month_of(date.fromisoformat(row["period_from"])),
        method=method_of(settings),
        settings=from_json(settings),
        plans=tuple(json.loads(row["plans"])),
        **{k: row[k] for k in ("revision", "closed_us", "last_id", "judged_us", "inputs", "verdicts")},
        **{k: row[k] for k in ("program", "actor", "reason")},
    )
