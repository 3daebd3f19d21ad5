"""The months of a plan's period as trends: each target's measured figure by month, the published one beside it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from doxa_collector.assess.wording import demand as demand_of
from doxa_collector.papers.drafts.progress_records import Known, MonthState, Trend, TrendMonth
from doxa_collector.plans.model import Kind, Mark, PlanPlace, Target
from doxa_collector.report.forecasts import Forecasts
from doxa_collector.report.months import Column, Months
from doxa_collector.report.span import SpanKind
from doxa_collector.report.wording import confidence_words, demand, figure_month, statistic_words, unit_words, when
from doxa_collector.verdict import Verdict
from doxa_collector.views.forecast import Forecast

_CERTAIN: Final = "khoảng chắc chắn"
"""Of a share: all that is unknown failing, or meeting."""


def trends_of(months: Months, forecasts: Forecasts) -> tuple[Trend, ...]:
    """A trend for each target at each place that the main month judged; none for a single month."""
    if not months.columns:
        return ()
    several = len(months.main.places) > 1
    found = [_verdicts(column) for column in months.columns]
    return tuple(
        replace(
            _trend(target, place, months.columns, found, several=several), ahead=_ahead(forecasts.of(target, place))
        )
        for place in months.main.places
        for target in months.main.plan.targets
        if target.kind is not Kind.MANUAL
    )


def states_of(months: Months) -> tuple[tuple[str, MonthState], ...]:
    """Each month of the period with what is known of it."""
    return tuple((label_of(column), column.state) for column in months.columns)


def label_of(column: Column) -> str:
    """`10/2026`."""
    return f"{column.period.first:%m/%Y}"


def _verdicts(column: Column) -> Mapping[tuple[str, str], Verdict]:
    if column.month is None:
        return {}
    return {(verdict.target, verdict.place): verdict for verdict in column.month.verdicts}


def _trend(
    target: Target,
    place: PlanPlace,
    columns: Iterable[Column],
    found: Iterable[Mapping[tuple[str, str], Verdict]],
    *,
    several: bool,
) -> Trend:
    pairs = [
        (column, verdicts.get((target.id, place.code))) for column, verdicts in zip(columns, found, strict=True)
    ]  # fmt: skip
    rank = target.kind is Kind.RANK
    return Trend(
        label=target.label,
        title=target.title.vi + (f" – {place.name}" if several else ""),
        unit=unit_words(target.unit),
        months=tuple(_month(column, verdict) for column, verdict in pairs),
        operator=target.operator,
        target=target.value,
        target_words=demand(target) or demand_of(target, "vi"),
        bounds=_bounds(target, pairs),
        drawn=not rank,
    )


def _ahead(found: Forecast | None) -> TrendMonth | None:
    """The last of a forecast's line, where it reaches the due month: it alone has bounds."""
    if found is None or not found.line or found.line[-1].lower is None:
        return None
    last = found.line[-1]
    return TrendMonth(
        label=f"{last.period.first:%m/%Y}", value=last.value, lower=last.lower, upper=last.upper, state=MonthState.AHEAD
    )


def _bounds(target: Target, pairs: Iterable[tuple[Column, Verdict | None]]) -> str:
    """What the bounds are: nothing where months were judged with different confidences, for one word must hold for all."""
    if target.kind is Kind.SHARE:
        return _CERTAIN
    words = {
        confidence_words(json.loads(verdict.detail)) for _, verdict in pairs
        if verdict is not None and verdict.lower is not None
    }  # fmt: skip
    return f"cận tin cậy {words.pop()}" if len(words) == 1 else ""


def _month(column: Column, verdict: Verdict | None) -> TrendMonth:
    if verdict is None:
        return TrendMonth(label=label_of(column), value=None, state=column.state)
    return TrendMonth(
        label=label_of(column),
        value=verdict.value,
        lower=verdict.lower,
        upper=verdict.upper,
        published=published_of(verdict, column),
        outcome=verdict.outcome,
        state=column.state,
    )


def published_of(verdict: Verdict, column: Column) -> Known | None:
    """The published figure that stood beside the verdict."""
    origin: Mapping[str, Any] | None = json.loads(verdict.detail).get("published")
    if verdict.published is None or origin is None or column.month is None:
        return None
    return Known(
        value=verdict.published, unit="Mbps", when=when(figure_month(column.month.period)),
        statistic=statistic_words(origin["statistic"]), mark=Mark(origin["mark"]), source=origin["source"],
    )  # fmt: skip


def remarks_of(months: Months) -> Iterator[str]:
    """What a reader must know of a period that is no single month."""
    main = months.main.period
    if months.span.kind is SpanKind.DAYS:
        yield _ANY_DAYS.format(figure_month(main)[5:], main.last.year)
    if not months.columns:
        return
    yield f"Bảng chỉ tiêu được đánh giá theo tháng {main.first:%m/%Y}, tháng cuối đã bắt đầu của kỳ; các tháng khác ở bảng theo tháng."
    groups = ((MonthState.CLOSED, "đã khóa sổ"), (MonthState.PROVISIONAL, "tạm tính, chưa khóa sổ"),
              (MonthState.AHEAD, "chưa tới"), (MonthState.NOT_JUDGED, "không đánh giá kế hoạch này"))  # fmt: skip
    parts = [
        f"{words}: {', '.join(label for label, one in states_of(months) if one is state)}"
        for state, words in groups
        if any(one is state for _, one in states_of(months))
    ]
    yield f"Các tháng của kỳ – {'; '.join(parts)}."


_ANY_DAYS: Final = (
    "Kỳ này gồm các ngày do người dùng chọn: kết quả tính từ số liệu đo của đúng các ngày đó theo cùng phép đánh giá, không phải "
    "kết quả đánh giá tháng và không được khóa sổ. Số liệu công bố, nếu có, là của tháng {}/{}."
)
