"""The trend of a target at a place, and whether it will be met on its due date.

From the verdicts of closed months (`views.months`), by `statistics.trend`: at least four of them, no further ahead than
they reach back, and only along months that measured the same. What changed between them is always said. The sentence
says the confidence, and that it holds if things go on as they went.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from doxa_collector.assess.closing import Closing, latest_closings
from doxa_collector.period import Period, month_of
from doxa_collector.plans.model import LAYERS, Kind, Plan, PlanPlace, Target, Unit
from doxa_collector.statistics import trend as trends
from doxa_collector.statistics.trend import Answer, Trend, month_number, trend_of
from doxa_collector.statistics.trend_words import sentence
from doxa_collector.views.asclosed import AsClosed
from doxa_collector.views.months import LIMITED, TOO_FEW, Change, History, MonthPoint, read_history, read_kept
from doxa_core.language import Text
from doxa_core.layers import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Where the line of the trend lies in one month; the bounds only where they were forecast."""

    period: Period
    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The answer with everything that a reader or a chart needs; numbers in the target's unit."""

    answer: Answer
    text: Text
    """The sentence."""
    notes: tuple[Text, ...]
    """What must be said beside it: changes within the time, months left out, whose figures they are."""
    target: float
    upward: bool
    unit: str
    due: Period
    """The month of the due date."""
    history: History
    found: trends.Forecast
    trend: Trend | None
    line: tuple[Band, ...]
    """For a chart: the trend at its first and last month, and the forecast at the due month with its 80 % interval."""

    @property
    def points(self) -> tuple[MonthPoint, ...]:
        """Every closed month, counted or not."""
        return self.history.points


def forecast_of(
    conn: Connection,
    plan: Plan,
    target: Target,
    place: PlanPlace,
    month: Period,
    *,
    closed: Mapping[date, Closing] | None = None,
    kept: AsClosed | None = None,
) -> Forecast | None:
    """The forecast as of the end of `month`, from it and the closed months before.

    `closed` is `assess.closing.latest_closings`, for who asks for many. With `kept` the forecast stands on nothing that came
    after `month` was closed. `ValueError` where the ledger keeps a snapshot no longer whole.

    None where there is nothing to forecast: no due date or one that is past, no number or operator that orders, a rank
    (it depends on others) or a figure entered by hand, and before the first closed month.
    """
    if target.kind not in (Kind.LEVEL, Kind.SHARE) or target.due is None or target.unit is None:
        return None
    if target.value is None or target.operator is None or month_number(target.due) <= month_number(month.first):
        return None
    if kept is not None:
        history = read_kept(conn, plan, target, place, kept)
    else:
        history = read_history(conn, plan, target, place, month, latest_closings(conn) if closed is None else closed)
    if not history.points:
        return None
    figures = {month_number(point.period.first): point.value for point in history.counted if point.value is not None}
    found = trends.forecast(figures, target.value, month_number(target.due), upward=target.operator.upward)
    trend, due = trend_of(figures), month_of(target.due)
    return Forecast(
        answer=found.answer,
        text=_sentence(found, target.value, target.unit),
        notes=tuple(_notes(history, target, found)),
        target=target.value,
        upward=target.operator.upward,
        unit=target.unit.text.vi,
        due=due,
        history=history,
        found=found,
        trend=trend,
        line=_line(found, trend, history, due, target.unit),
    )


def _sentence(found: trends.Forecast, target: float, unit: Unit) -> Text:
    """A share stays within 0 and 100 where it is shown; the answer was given before."""
    if unit is not Unit.PERCENT or found.value is None or found.lower is None or found.upper is None:
        return sentence(found, target, str(unit.text))
    shown = trends.Forecast(
        answer=found.answer, reason=found.reason, months=found.months, due=found.due, slope=found.slope,
        value=_share(found.value), lower=_share(found.lower), upper=_share(found.upper),
    )  # fmt: skip
    return sentence(shown, target, "%")


def _share(value: float) -> float:
    return min(100.0, max(0.0, value))


def _line(found: trends.Forecast, trend: Trend | None, history: History, due: Period, unit: Unit) -> tuple[Band, ...]:
    if trend is None:
        return ()
    own = history.counted[-trend.months :]
    bands = [Band(period=point.period, value=trend.at(month_number(point.period.first))) for point in (own[0], own[-1])]
    if found.value is not None and found.reason != "too_far":
        bands.append(Band(period=due, value=found.value, lower=found.lower, upper=found.upper))
    if unit is not Unit.PERCENT:
        return tuple(bands)
    return tuple(
        Band(
            period=band.period, value=_share(band.value), lower=None if band.lower is None else _share(band.lower),
            upper=None if band.upper is None else _share(band.upper),
        )
        for band in bands
    )  # fmt: skip


def _notes(history: History, target: Target, found: trends.Forecast) -> Iterator[Text]:
    for change in history.changes:
        yield _CHANGES[change.code, change.cuts].fill(
            month=_month(change.month), changed=change.changed, lines=change.lines, words=_words(change)
        )
    for why, words in _LEFT_OUT.items():
        if n := sum(point.why_not == why for point in history.points):
            yield words.fill(n=n)
    if found.value is not None and found.reason != "too_far":
        yield _OURS if target.ispeed else _AS_IT_WENT


def _words(change: Change) -> Text:
    if change.code == "layer":
        return LAYERS[Layer(change.words)] if change.words in list(Layer) else Text(vi="không nêu tầng", en="no layer")
    return Text(vi=change.words, en=change.words)


def _month(period: Period) -> Text:
    return Text(vi=period.first.strftime("%m/%Y"), en=period.month)


_CHANGES: Final = {
    ("plan_version", False): Text(
        vi="Từ tháng {month} kế hoạch có phiên bản {words}, chỉ tiêu này vẫn đo như trước.",
        en="From {month} on the plan has version {words}; this target is measured as before.",
    ),
    ("plan_version", True): Text(
        vi="Từ tháng {month} kế hoạch có phiên bản {words}, chỉ tiêu được đo khác trước: xu hướng chỉ tính từ tháng này.",
        en="From {month} on the plan has version {words} and measures this target differently: the trend begins there.",
    ),
    ("layer", True): Text(
        vi="Từ tháng {month} số liệu tính ở {words}: xu hướng chỉ tính từ tháng này.",
        en="From {month} on the figure is counted at {words}: the trend begins there.",
    ),
    ("method", False): Text(
        vi="Từ tháng {month} cách kết luận là phiên bản {words}; số liệu vẫn được đếm như trước.",
        en="From {month} on verdicts follow method {words}; the figure is counted as before.",
    ),
    ("contract", False): Text(
        vi="Tháng {month}: {changed}/{lines} đường truyền đổi hợp đồng; xu hướng có cả ảnh hưởng này.",
        en="{month}: {changed} of {lines} lines got another contract; the trend holds its effect too.",
    ),
    ("contract", True): Text(
        vi="Tháng {month}: {changed}/{lines} đường truyền đổi hợp đồng: xu hướng chỉ tính từ tháng này.",
        en="{month}: {changed} of {lines} lines got another contract: the trend begins there.",
    ),
}
_LEFT_OUT: Final = {
    TOO_FEW: Text(vi="{n} tháng chưa đủ mẫu nên không tính.", en="{n} months have too few samples and are left out."),
    LIMITED: Text(
        vi="{n} tháng bị thiết bị đo giới hạn nên không tính.",
        en="{n} months were limited by the probe and are left out.",
    ),
}
_OURS: Final = Text(
    vi="Dự báo theo số đo tại trụ sở, không phải số liệu i-Speed công bố; chỉ đúng nếu diễn biến tiếp tục như những tháng qua.",
    en="By what was measured at the offices, not by i-Speed's figures; it holds only if things go on as they went.",
)
_AS_IT_WENT: Final = Text(
    vi="Dự báo chỉ đúng nếu diễn biến tiếp tục như những tháng qua.", en="It holds only if things go on as they went."
)
