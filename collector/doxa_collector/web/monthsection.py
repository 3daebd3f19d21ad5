"""The section "statistics of a month" on a line's page: which month, its neighbours, and the views, made once and kept.

An open page asks every few seconds; a month is made anew only when something that it stands on changed: a measurement of
this line, its contracts, published figures, the plans, or (of the running month) the minute.
"""

import re
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Lock
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.schema import figure, measurement, presence_change, probe
from doxa_collector.period import Period, local_day, month_of
from doxa_collector.plans.model import Plan
from doxa_collector.views.contracts import parts_of
from doxa_collector.views.month import LineMonth, read_month
from doxa_collector.views.reading import meters_of

_MONTH: Final = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])")
_KEPT: Final = 128
_REACH_US: Final = 7 * 86_400_000_000
"""The seven days of the p95 rule begin in the month before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthSection:
    """What the template shows."""

    period: Period
    found: LineMonth | None
    previous: str | None
    """The month before, as the address names it; None before the line's first measurement."""
    following: str | None


class _Shelf:
    """The latest months, by everything that they stand on."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, LineMonth | None] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> tuple[bool, LineMonth | None]:
        with self._lock:
            if key not in self._found:
                return False, None
            self._found.move_to_end(key)
            return True, self._found[key]

    def put(self, key: Hashable, month: LineMonth | None) -> None:
        with self._lock:
            self._found[key] = month
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)


_SHELF: Final = _Shelf()


def asked_period(text: str | None, now_us: int) -> Period:
    """The month of an address, `2026-10`; the running one where nothing, nonsense or the future is asked."""
    running = month_of(local_day(now_us))
    if text is None or not _MONTH.fullmatch(text):
        return running
    return min(running, month_of(date.fromisoformat(f"{text}-01")))


def read_section(
    conn: Connection, plans: Sequence[Plan], site: str, link: str, period: Period, now_us: int
) -> MonthSection:
    """The section of one line and month."""
    meters = list(meters_of(conn, site, link))
    first_us = _first(conn, site, link, meters)
    key = _key(conn, plans, (site, link), meters, period, now_us)
    there, found = _SHELF.get(key)
    if not there:
        found = read_month(conn, site, link, period, plans=plans, now_us=now_us)
        _SHELF.put(key, found)
    earlier = first_us is not None and first_us < period.from_us
    return MonthSection(
        period=period,
        found=found,
        previous=month_of(period.first - timedelta(days=1)).month if earlier else None,
        following=month_of(period.last + timedelta(days=1)).month if period.to_us <= now_us else None,
    )


def _first(conn: Connection, site: str, link: str, meters: Sequence[str]) -> int | None:
    m = measurement.c
    query = select(func.min(m.started_us)).where(m.site == site, m.link == link)
    return min((at for meter in meters if (at := conn.execute(query.where(m.meter == meter)).scalar())), default=None)


def _key(
    conn: Connection, plans: Sequence[Plan], line: tuple[str, str], meters: Sequence[str], period: Period, now_us: int
) -> Hashable:
    m, f, p = measurement.c, figure.c, presence_change.c
    span = (m.started_us >= period.from_us - _REACH_US, m.started_us < period.to_us + _REACH_US)
    newest = tuple(
        conn.execute(
            select(func.count(), func.max(m.id)).where(m.site == line[0], m.link == line[1], m.meter == meter, *span)
        ).one()
        for meter in meters
    )
    figures = conn.execute(select(func.count(), func.max(f.id)).where(f.month == period.month)).one()
    agents = select(probe.c.agent).where(probe.c.site == line[0])
    turns = conn.execute(select(func.max(p.id)).where(p.agent.in_(agents))).scalar()
    return (
        str(conn.engine.url), *line, period, tuple(tuple(row) for row in newest), tuple(figures), turns,
        tuple(map(str, parts_of(conn, *line, period))), tuple((plan.id, plan.version) for plan in plans),
        now_us // 60_000_000 if period.to_us > now_us else None,
    )  # fmt: skip
