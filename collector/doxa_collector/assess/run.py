"""The run of the assessment: every month that is not closed is judged, and closed once its time has come."""

import logging
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, func, select

from doxa_collector.assess.closing import Judged, close, latest_closings
from doxa_collector.assess.inputs import read_inputs
from doxa_collector.assess.judging import judge_month
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.storing import store
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import measurement
from doxa_collector.nodes.tree import Tree
from doxa_collector.period import DAY_US, Period, local_day, months
from doxa_collector.plans.model import Plan
from doxa_collector.rollups.filling import fill
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.model import Source
from doxa_collector.rollups.raw import Raw
from doxa_collector.verdict import Verdict
from doxa_core.language import Text
from doxa_core.moments import microseconds

ITSELF = "doxa"
"""The actor of a closing that nobody asked for."""
_FILL_S: Final = 60.0
_LAG: Final = 1000
_log = logging.getLogger(__name__)


def run(
    engine: Engine,
    plans: Sequence[Plan],
    settings: Settings,
    now: datetime,
    places: Path | None = None,
    tree: Tree | None = None,
) -> list[Verdict]:
    """Judge every month that is not closed, write the verdicts to the ledger, and give them back (the latest month first).

    The rollups are brought up to the evidence first; where that takes longer than a minute, as after an upgrade, nothing is
    judged yet and the next run goes on. A month is closed by the first run that is `settings.final_after_days` after its
    end: with its verdicts, all that they stand on is kept. From then on nothing changes it but `reopen`. `places` is the
    file of imported places, `tree` the nodes in force: a closing keeps both. `LedgerError` where the database refuses, `OperationError` for a damaged rollup.
    """
    now_us = microseconds(now)
    if not fill(engine, budget_s=_FILL_S).done:
        _log.info("%s", _FILLING)
        return []
    with reading(engine) as conn:
        shut = latest_closings(conn)
        kept = Kept(conn)
        found = [
            _judged(conn, plans, period, settings, now_us, places, kept, kept.position, tree)
            for period in months(first_day(conn, now_us), local_day(now_us))
            if period.first not in shut
        ]
    with writing(engine) as conn:
        shut = latest_closings(conn)  # another collector may have been here since
        for month in (month for month in found if month.period.first not in shut):
            store(conn, month.verdicts, now_us)
            if is_over(month.period, settings, now_us):
                close(conn, month, now_us, ITSELF, "")
    return [verdict for month in found for verdict in month.verdicts]


def reopen(
    engine: Engine,
    plans: Sequence[Plan],
    settings: Settings,
    period: Period,
    now: datetime,
    actor: str,
    reason: str,
    places: Path | None = None,
    tree: Tree | None = None,
) -> Judged:
    """Judge a closed month again with all that is known today, and close it as its next revision; the earlier ones stay."""
    now_us = microseconds(now)
    with writing(engine) as conn:
        last_id = newest(conn)
        month = _judged(conn, plans, period, settings, now_us, places, Raw(conn, last_id), last_id, tree)
        store(conn, month.verdicts, now_us)
        close(conn, month, now_us, actor, reason)
    return month


def judge_now(
    conn: Connection,
    plans: Sequence[Plan],
    period: Period,
    settings: Settings,
    now_us: int,
    places: Path | None = None,
) -> Judged:
    """A month by what the ledger holds at this moment; nothing is written."""
    return _judged(conn, plans, period, settings, now_us, places, *source_now(conn))


def source_now(conn: Connection) -> tuple[Source, int]:
    """Where runs are read at this moment, and the newest measurement that is evidence there.

    From the rollups where these are as good as up to the evidence: what they lack is at most a thousandth of the ledger,
    and then no evidence here either. Otherwise from the evidence itself, which takes longer.
    """
    kept, last_id = Kept(conn), newest(conn)
    if last_id - kept.position <= last_id // _LAG:
        return kept, kept.position
    return Raw(conn, last_id), last_id


def _judged(
    conn: Connection,
    plans: Sequence[Plan],
    period: Period,
    settings: Settings,
    now_us: int,
    places: Path | None,
    source: Source,
    last_id: int,
    tree: Tree | None = None,
) -> Judged:
    inputs = read_inputs(conn, period, places, tree)
    return Judged(
        period=period,
        plans=tuple(plans),
        settings=settings,
        inputs=inputs,
        last_id=last_id,
        judged_us=now_us,
        verdicts=tuple(judge_month(conn, plans, period, settings, inputs, last_id, now_us, source)),
    )


def is_over(period: Period, settings: Settings, now_us: int) -> bool:
    """Whether a month's time to receive what probes replay has run out."""
    return now_us >= period.to_us + int(settings.final_after_days * DAY_US)


def newest(conn: Connection) -> int:
    """The latest measurement's id, 0 in an empty ledger."""
    return int(conn.execute(select(func.max(measurement.c.id))).scalar() or 0)


def first_day(conn: Connection, now_us: int) -> date:
    """The day on which the ledger received its oldest measurement: by our clock, which no probe can set wrong."""
    m = measurement.c
    first = conn.execute(select(m.received_us).order_by(m.id).limit(1)).scalar()
    return local_day(now_us if first is None else min(first, now_us))


_FILLING: Final = Text(
    vi="đang tổng hợp số liệu đã có; chưa đánh giá lượt này",
    en="the evidence is still being rolled up; nothing is judged this time",
)
