"""The months of a longer period: each as it was closed or as it stands, and the one that the period is judged for.

A quarter and a year are judged by their last month, since a plan says what must be reached and not what must last; what
the months before it came to stands beside. Any other days are judged from the rollups of these days, which is no monthly
verdict, and the paper says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from doxa_collector.assess.closing import Judged, latest_closings
from doxa_collector.assess.inputs import read_inputs
from doxa_collector.assess.judging import judge_month
from doxa_collector.assess.run import first_day, source_now
from doxa_collector.assess.settings import Settings
from doxa_collector.papers.drafts.progress_records import MonthState
from doxa_collector.period import Period, local_day, month_of
from doxa_collector.plans.model import Plan
from doxa_collector.report.month import Month, choose_places, choose_plan, find_month, month_or_none
from doxa_collector.report.span import Span, SpanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One month of the period."""

    period: Period
    state: MonthState
    month: Month | None = None
    """None where nothing was judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """A plan's period: the month that its table shows, and every month of it."""

    span: Span
    main: Month
    columns: tuple[Column, ...] = ()
    """In the order of the calendar; empty for a single month and for any other days."""

    @property
    def provisional(self) -> bool:
        """Whether anything in it may still change."""
        return self.main.closing is None or any(
            c.state in (MonthState.PROVISIONAL, MonthState.AHEAD) for c in self.columns
        )


def find_months(
    conn: Connection,
    plans: Sequence[Plan],
    span: Span,
    settings: Settings,
    now_us: int,
    *,
    plan: str,
    place: str | None,
    places: Path | None = None,
) -> Months:
    """The plan's period; errors as of `find_month`, of which the main month is one."""
    if span.kind is SpanKind.DAYS:
        return Months(span=span, main=_days(conn, plans, span, settings, now_us, plan=plan, place=place, places=places))
    last = span.judged_month(local_day(now_us))
    main = find_month(conn, plans, last, settings, now_us, plan=plan, place=place, places=places)
    if span.kind is SpanKind.MONTH:
        return Months(span=span, main=main)
    return Months(
        span=span, main=main, columns=tuple(_columns(conn, plans, span, settings, now_us, main, place, places))
    )


def _columns(
    conn: Connection,
    plans: Sequence[Plan],
    span: Span,
    settings: Settings,
    now_us: int,
    main: Month,
    place: str | None,
    places: Path | None,
) -> Iterator[Column]:
    begun, shut = first_day(conn, now_us), latest_closings(conn)
    for period in span.months():
        if period == main.period:
            yield _column(period, main)
        elif period.from_us > now_us:
            yield Column(period=period, state=MonthState.AHEAD)
        elif period.last < begun and period.first not in shut:
            yield Column(period=period, state=MonthState.NOT_JUDGED)  # nothing was measured anywhere yet
        else:
            yield _column(
                period,
                month_or_none(conn, plans, period, settings, now_us, plan=main.plan.id, place=place, places=places),
            )


def _column(period: Period, found: Month | None) -> Column:
    if found is None:
        return Column(period=period, state=MonthState.NOT_JUDGED)
    return Column(
        period=period, state=MonthState.PROVISIONAL if found.closing is None else MonthState.CLOSED, month=found
    )


def _days(
    conn: Connection,
    plans: Sequence[Plan],
    span: Span,
    settings: Settings,
    now_us: int,
    *,
    plan: str,
    place: str | None,
    places: Path | None = None,
) -> Month:
    """The plan judged over any days by what the ledger holds now; the published figures are those of the last month."""
    period = span.period
    chosen = choose_plan(plans, plan, _NAME.format(span.first, span.last))
    inputs = replace(read_inputs(conn, period, places), figure=read_inputs(conn, month_of(span.last), places).figure)
    source, last_id = source_now(conn)
    verdicts = judge_month(conn, [chosen], period, settings, inputs, last_id, now_us, source)
    judged = Judged(
        period=period, plans=(chosen,), settings=settings, inputs=inputs, last_id=last_id, judged_us=now_us,
        verdicts=tuple(verdicts),
    )  # fmt: skip
    return Month(plan=chosen, judged=judged, closing=None, late=0, places=choose_places(chosen, judged, place))


_NAME: Final = "{:%d/%m/%Y} – {:%d/%m/%Y}"
