"""The forecasts of the targets that a page explains."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection

from doxa_collector.assess.closing import latest_closings
from doxa_collector.period import month_of
from doxa_collector.plans.model import Plan, PlanPlace, Target
from doxa_collector.views.forecast import Forecast, forecast_of


def forecasts_of(
    conn: Connection, asked: Iterable[tuple[Plan, Target, PlanPlace]], today: date
) -> dict[tuple[str, str, str], Forecast]:
    """(plan, target, place) → forecast; what cannot be forecast is absent. Nothing before a month is closed."""
    closed = latest_closings(conn)
    if not closed:
        return {}
    return {
        (plan.id, target.id, place.code): found
        for plan, target, place in asked
        if (found := forecast_of(conn, plan, target, place, month_of(today), closed=closed)) is not None
    }
