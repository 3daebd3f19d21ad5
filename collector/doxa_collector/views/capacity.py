"""The rule of Thông tư 06/2026 Đ.5.6 over a month of a TSLCD line: every span of seven days that ended in it.

The rule names seven consecutive days and no day of the week, so every day of the month ends such a span. What is shown is
the latest of them, how many were above, and the fullest. Figures are those of `assess.p95`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from doxa_collector.assess.p95 import Contract as Capacity
from doxa_collector.assess.p95 import Week, judge_week
from doxa_collector.assess.traffic import FiveMinutes, five_minutes, read_intervals, week_ending
from doxa_collector.period import Period
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.views.contracts import parts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityMonth:
    """The spans of seven days that ended on a whole day of the month, judged."""

    series: str
    """The task that polled the line, `TASK` or `TASK/FAR-END`; of several the one with most samples."""
    other_series: int
    latest: Week
    fullest: Week
    """The span whose percentile is the largest share of the capacity; where none has one, the latest."""
    spans: int
    above: int
    """Spans that break the rule for certain."""
    open: int
    """Spans that decide nothing: samples or a contract are missing."""


def read_capacity(conn: Connection, site: str, link: str, period: Period, last: date) -> CapacityMonth | None:
    """The spans that ended from the first day of `period` to `last`; None where nothing polled the line."""
    reach = Period(first=period.first - timedelta(days=6), last=last)
    series: dict[str, list[FiveMinutes]] = {}
    intervals = read_intervals(conn, site, link, reach)
    for task in {interval.series for interval in intervals}:
        series[task] = five_minutes([interval for interval in intervals if interval.series == task])
    name = max(sorted(series), key=lambda one: len(series[one]), default="")
    if not series.get(name) or last < period.first:
        return None
    weeks = _weeks(series[name], _capacities(conn, site, link, reach), period.first, last)
    return CapacityMonth(
        series=name,
        other_series=len(series) - 1,
        latest=weeks[-1],
        fullest=max(weeks, key=lambda week: (_share(week), week.period.first)),
        spans=len(weeks),
        above=sum(week.outcome is VerdictOutcome.FAIL for week in weeks),
        open=sum(week.outcome is VerdictOutcome.INSUFFICIENT for week in weeks),
    )


def _weeks(samples: Sequence[FiveMinutes], capacities: dict[date, Capacity], first: date, last: date) -> list[Week]:
    by_day: dict[date, list[FiveMinutes]] = {}
    for sample in samples:
        by_day.setdefault(sample.day, []).append(sample)
    found = []
    for number in range((last - first).days + 1):
        span = week_ending(first + timedelta(days=number))
        days = [span.first + timedelta(days=n) for n in range(7)]
        own = [sample for day in days for sample in by_day.get(day, ())]
        found.append(judge_week(own, capacities, span))
    return found


def _capacities(conn: Connection, site: str, link: str, reach: Period) -> dict[date, Capacity]:
    found = {}
    for part in parts_of(conn, site, link, reach):
        if part.contract is None:
            continue
        rates = {"download": part.contract.down_mbps, "upload": part.contract.up_mbps}
        known = {direction: rate for direction, rate in rates.items() if rate is not None}
        for number in range((part.last - part.first).days + 1):
            found[part.first + timedelta(days=number)] = Capacity(mbps=known, layer=part.contract.layer)
    return found


def _share(week: Week) -> float:
    return max((way.share for way in week.ways if way.share is not None), default=-1.0)
