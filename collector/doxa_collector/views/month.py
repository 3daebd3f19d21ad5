"""One line's month, whole: every view of it, each contract apart, and what it stands on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection

from doxa_collector.period import Period, local_day
from doxa_collector.plans.model import Plan
from doxa_collector.rollups.model import LineRuns, evidence_of
from doxa_collector.statistics.ispeed import MonthView, month_view
from doxa_collector.views.beside import PublishedFigure, Where, published_beside, where_is
from doxa_collector.views.capacity import CapacityMonth, read_capacity
from doxa_collector.views.contracts import Part, parts_of
from doxa_collector.views.delays import TYPICAL, Delays, delays_of
from doxa_collector.views.demands import demands_of
from doxa_collector.views.evening import EveningWeek, last_week, read_evenings
from doxa_collector.views.reading import meters_of, read_line
from doxa_collector.views.speeds import DIRECTIONS, Speeds, speeds_of
from doxa_collector.views.uptime import Heard, Uptime
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind

_INTERNET: Final = (LinkKind.FIXED, LinkKind.MOBILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """The days of one contract. What was not measured is None, never 0."""

    part: Part
    speeds: Speeds | None
    delays: Delays | None
    evenings: EveningWeek | None
    uptime: Uptime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineMonth:
    """Everything that a month says of a line."""

    site: str
    link: str
    where: Where | None
    period: Period
    last: date
    """The last day looked at: of a month that runs, today."""
    running: bool
    parts: tuple[PartView, ...]
    ispeed: Mapping[str, MonthView]
    """By direction: the month counted as i-Speed counts, over its days as an Internet line of the latest kind."""
    published: tuple[PublishedFigure, ...]
    capacity: CapacityMonth | None
    """Of a TSLCD line whose traffic was polled."""
    evidence: Mapping[str, Any]
    """Of the measurements in the figures: `rollups.model.evidence_of`."""

    @property
    def empty(self) -> bool:
        """Whether the month has no figure at all."""
        return not any(part.speeds or part.delays or part.uptime for part in self.parts) and self.capacity is None


def read_month(
    conn: Connection, site: str, link: str, period: Period, *, plans: Sequence[Plan] = (), now_us: int
) -> LineMonth | None:
    """The month of a line; None where the registry never had such a line and nobody measured one.

    `ValueError` for a month that lies ahead.
    """
    today = local_day(now_us)
    if period.first > today:
        raise ValueError(f"the month {period.month} has not begun")
    looked = Period(first=period.first, last=min(period.last, today))
    where = where_is(conn, site, period)
    runs = read_line(conn, site, link, looked)
    parts = parts_of(conn, site, link, looked)
    meters = list(meters_of(conn, site, link))
    if not meters and not any(part.contract for part in parts):
        return None
    heard = Heard.read(conn, site, link, meters, (looked.from_us, min(looked.to_us, now_us)))
    views = [_part_view(conn, part, runs, heard, plans, where, (site, link), now_us) for part in parts]
    shown = tuple(view for view in views if view.part.contract or view.speeds or view.delays or view.uptime)
    kind = next((part.contract.kind for part in reversed(parts) if part.contract), None)
    tslcd = any(part.contract is not None and part.contract.kind is LinkKind.TSLCD for part in parts)
    return LineMonth(
        site=site,
        link=link,
        where=where,
        period=period,
        last=looked.last,
        running=today <= period.last,
        parts=shown,
        ispeed=_ispeed(runs, parts, kind),
        published=() if where is None or kind not in _INTERNET else tuple(published_beside(conn, where, kind, period)),
        capacity=read_capacity(conn, site, link, period, _whole_day(looked, today)) if tslcd else None,
        evidence=evidence_of(runs.values()),
    )


def _whole_day(looked: Period, today: date) -> date:
    """The last day that is over."""
    return date.fromordinal(looked.last.toordinal() - 1) if looked.last == today else looked.last


def _part_view(
    conn: Connection,
    part: Part,
    runs: Mapping[str, LineRuns],
    heard: Heard | None,
    plans: Sequence[Plan],
    where: Where | None,
    key: tuple[str, str],
    now_us: int,
) -> PartView:
    own = {meter: found for meter, one in runs.items() if (found := one.on(part.days)).outcomes}
    contract = part.contract
    demands = (
        demands_of(plans, where.place, where.province, contract, part.last)
        if contract is not None and where is not None
        else []
    )
    speeds = speeds_of(own, contract, demands)
    span = (part.period.from_us, min(part.period.to_us, now_us))
    return PartView(
        part=part,
        speeds=speeds,
        delays=delays_of(own, demands),
        evenings=_evenings(conn, part, speeds, key, local_day(now_us)),
        uptime=None if heard is None or span[0] >= span[1] else heard.within(conn, span),
    )


def _evenings(
    conn: Connection, part: Part, speeds: Speeds | None, key: tuple[str, str], today: date
) -> EveningWeek | None:
    """Where a contracted rate is known; 80 % of it, at the layer of the contract."""
    week = last_week(part, today)
    if week is None or speeds is None or part.contract is None:
        return None
    rates = {way: rate for way in DIRECTIONS if (rate := part.contract.mbps(way)) is not None and rate > 0}
    return read_evenings(conn, key, speeds.meter, rates, speeds.layer, TYPICAL, week) if rates else None


def _ispeed(runs: Mapping[str, LineRuns], parts: Sequence[Part], kind: LinkKind | None) -> dict[str, MonthView]:
    """At the payload, where i-Speed counts, and only by the meter that downloads as it does."""
    own = runs.get("speed")
    if own is None or kind not in _INTERNET:
        return {}
    days = {day for part in parts if part.contract is not None and part.contract.kind is kind for day in part.days}
    there = own.on(days)
    return {
        way: month_view(there.rollup(f"{way}@{Layer.PAYLOAD}"))
        for way in DIRECTIONS
        if f"{way}@{Layer.PAYLOAD}" in there.series
    }
