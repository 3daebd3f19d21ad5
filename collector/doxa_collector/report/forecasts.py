"""What a progress report says of the due dates: the forecast of each target, with all that must be said beside it."""

from sqlalchemy import Connection

from doxa_collector.plans.model import PlanPlace, Target
from doxa_collector.report.month import Month, damaged
from doxa_collector.report.months import Months
from doxa_collector.report.span import SpanKind
from doxa_collector.views.asclosed import AsClosed
from doxa_collector.views.forecast import Forecast, forecast_of


class Forecasts:
    """The forecasts of one paper: of a closed month from what was there when it was closed, of an open one from now.

    Any days of one's own choice are no month, and nothing is forecast from them.
    """

    def __init__(self, conn: Connection, months: Months) -> None:
        month = months.main
        self._conn, self._month = conn, month
        self._any_days = months.span.kind is SpanKind.DAYS
        self._found: dict[tuple[str, str], Forecast | None] = {}
        self._kept = None if month.closing is None else AsClosed(conn, month.closing, month.plan.id)

    def of(self, target: Target, place: PlanPlace) -> Forecast | None:
        """None where nothing can be forecast (`views.forecast`); `OperationError` where the ledger is damaged."""
        if self._any_days:
            return None
        if (target.id, place.code) not in self._found:
            self._found[target.id, place.code] = self._asked(target, place)
        return self._found[target.id, place.code]

    def _asked(self, target: Target, place: PlanPlace) -> Forecast | None:
        month: Month = self._month
        try:
            return forecast_of(self._conn, month.plan, target, place, month.period, kept=self._kept)
        except ValueError as error:
            raise damaged(month, error) from error


def forecast_words(found: Forecast | None) -> str:
    """The sentence and its notes in one line; empty where there is none."""
    return "" if found is None else " ".join([found.text.vi, *(note.vi for note in found.notes)])
