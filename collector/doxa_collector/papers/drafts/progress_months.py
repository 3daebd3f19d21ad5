"""The months of a longer period in a progress report: a chart for each target, and one table with every month."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from doxa_collector.assess.wording import OUTCOMES
from doxa_collector.papers.drafts.progress_records import MonthState, Trend, TrendMonth
from doxa_collector.papers.model import NO_FIGURE, Align, Block, Cell, Column, TrendChart, TrendPoint, plain_number
from doxa_collector.papers.parts import NOT_ENOUGH, TONES, decimals_beside, paragraph, shortest, tabled, titled
from doxa_collector.papers.sources import sign
from doxa_collector.verdict import VerdictOutcome

TITLE: Final = "DIỄN BIẾN THEO THÁNG"
_ROOM: Final = 180.0
"""Of the months together; twelve of them still hold `12/2026`."""
_STATES: Final = {
    MonthState.CLOSED: "đã khóa sổ",
    MonthState.PROVISIONAL: "tạm tính",
    MonthState.AHEAD: "chưa tới",
    MonthState.NOT_JUDGED: "không đánh giá",
}
PUBLISHED: Final = "i-Speed công bố"
MEASURED: Final = "đo tại trụ sở"
AHEAD: Final = "dự báo {}, khoảng 80 %"


def charts(trends: Iterable[Trend]) -> Iterator[TrendChart]:
    """A chart for each target of which a month has a figure, measured or published."""
    for trend in trends:
        if trend.drawn and any(one.value is not None or _beside(trend, one) is not None for one in trend.months):
            yield _chart(trend)


def _chart(trend: Trend) -> TrendChart:
    return TrendChart(
        title=f"{titled(trend.label, trend.title)}: diễn biến theo tháng",
        unit=trend.unit,
        points=tuple(
            TrendPoint(
                label=one.label,
                value=None if _only_bounded(trend, one) else one.value,
                lower=one.lower if trend.bounds else None,
                upper=one.upper if trend.bounds else None,
                other=_beside(trend, one),
            )
            for one in trend.months
        ),
        target=trend.target,
        target_label=f"mục tiêu {trend.target_words.removeprefix('= ')}".rstrip(),
        bounds_label=trend.bounds,
        label=MEASURED,
        other_label=PUBLISHED,
        ahead=None if trend.ahead is None else _ahead(trend.ahead),
        ahead_label="" if trend.ahead is None else AHEAD.format(trend.ahead.label),
    )


def _only_bounded(trend: Trend, one: TrendMonth) -> bool:
    """Whether a share is known within bounds only: its lower end, often 0, is not what was found."""
    return (
        trend.unit == "%" and one.outcome is VerdictOutcome.INSUFFICIENT and None not in (one.lower, one.upper)
    )  # fmt: skip


def _ahead(one: TrendMonth) -> TrendPoint:
    return TrendPoint(label=one.label, value=one.value, lower=one.lower, upper=one.upper)


def _beside(trend: Trend, one: TrendMonth) -> float | None:
    """The published figure, where it is of the chart's unit."""
    return one.published.value if one.published is not None and one.published.unit == trend.unit else None


def months_table(states: Sequence[tuple[str, MonthState]], trends: Sequence[Trend]) -> tuple[Block, ...]:
    """Every target in every month: what was measured, below it what was published."""
    width = _ROOM / max(1, len(states))
    columns = [
        ("Chỉ tiêu", Column(width=46)),
        ("Mục tiêu", Column(width=24, align=Align.CENTRE)),
        *((label, Column(width=width, align=Align.RIGHT)) for label, _ in states),
    ]
    head = (Cell(text="Trạng thái số liệu", bold=True), Cell(), *(_state(state) for _, state in states))
    rows = [head, *(row for trend in trends for row in _rows(trend))]
    size = 9.0 if len(states) > 6 else 10.5
    return (tabled("Theo tháng", columns, rows, size=size), paragraph(_EXPLAINED, small=True))


def _state(state: MonthState) -> Cell:
    return Cell(text=_STATES[state], align=Align.CENTRE)


def _rows(trend: Trend) -> Iterator[tuple[Cell, ...]]:
    unit = f" ({trend.unit})" if trend.unit else ""
    name = Cell(text=titled(trend.label, trend.title), note=MEASURED + unit)
    yield name, Cell(text=trend.target_words), *(_month(trend, one) for one in trend.months)
    if any(one.published is not None for one in trend.months):
        beside = Cell(
            text=titled(trend.label, "").strip() or trend.title,
            note=PUBLISHED + (" (Mbps)" if trend.unit != "Mbps" else unit),
        )
        yield beside, Cell(), *(_published(one) for one in trend.months)


def _month(trend: Trend, one: TrendMonth) -> Cell:
    if one.outcome is None:
        return Cell(text="–", align=Align.CENTRE)
    said, tone = OUTCOMES[one.outcome].vi, TONES[one.outcome]
    if one.value is None:
        return Cell(
            text=said if said.lower() == NOT_ENOUGH else NO_FIGURE,
            note="" if said.lower() == NOT_ENOUGH else said,
            tone=tone,
        )
    if _only_bounded(trend, one):
        return Cell(
            text=said, note=f"từ {plain_number(one.lower or 0, 1)} đến {plain_number(one.upper or 0, 1)} %", tone=tone
        )
    decimals = decimals_beside(one.value, trend.operator, trend.target) if trend.drawn else 0
    return Cell(number=one.value, decimals=decimals, note=said, tone=tone)


def _published(one: TrendMonth) -> Cell:
    known = one.published
    if known is None:
        return Cell(
            text="–" if one.state in (MonthState.AHEAD, MonthState.NOT_JUDGED) else NO_FIGURE, align=Align.CENTRE
        )
    note = f"{known.statistic}{sign(known.mark)}".strip()
    return Cell(number=known.value, decimals=shortest(known.value), note=note)


_EXPLAINED: Final = (
    "Mỗi tháng được đánh giá riêng, theo kế hoạch và danh mục của tháng đó. «Đã khóa sổ»: kết quả đã tính lại từ số liệu gốc và "
    "trùng khớp với lúc khóa sổ. «Tạm tính»: còn có thể thay đổi. Dấu «–»: không có đánh giá trong tháng."
)
