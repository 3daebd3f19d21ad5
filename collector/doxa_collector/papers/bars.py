"""Horizontal bars against a target line. The axis begins at 0: a bar must not exaggerate."""

from itertools import groupby
from typing import Final

from doxa_collector.papers.model import NO_FIGURE, BarChart, plain_number
from doxa_collector.papers.svg import FAINT, INK, SERIES, TARGET, Drawing, extent, shortened, ticks

WIDTH: Final = 468.0
_LABELS: Final = 150.0
_ROW: Final = 15.0
_GAP: Final = 7.0
_TOP: Final = 40.0


def draw(chart: BarChart, family: str) -> str:
    """The chart as SVG. Bars with one label stand together, one under the other."""
    drawing = Drawing(WIDTH, family)
    values = [bar.value for bar in chart.bars if bar.value is not None] + [chart.target or 0.0]
    scale = ticks(max(values, default=0.0) or 1.0)
    longest = max((extent(plain_number(v, chart.decimals)) for v in values), default=20.0)
    room = WIDTH - _LABELS - longest - 14
    bottom = _TOP + _height(chart)

    def x(value: float) -> float:
        return _LABELS + room * max(0.0, value) / scale[-1]

    _legend(drawing, chart)
    for tick in scale:
        drawing.line(x(tick), _TOP - 4, x(tick), bottom, FAINT, width=0.5)
        drawing.text(x(tick), bottom + 12, plain_number(tick, _tick_decimals(scale)), anchor="middle")
    drawing.text(WIDTH - 4, 15, chart.unit, anchor="end", italic=True)
    y = _TOP
    for label, group in groupby(chart.bars, key=lambda bar: bar.label):
        together = list(group)
        middle = y + _ROW * len(together) / 2 + 3.5
        drawing.text(_LABELS - 6, middle, shortened(label, _LABELS - 10), anchor="end")
        for bar in together:
            if bar.value is None:
                drawing.text(_LABELS + 4, y + 11, NO_FIGURE, italic=True, ink="#555555")
            else:
                drawing.rect(_LABELS, y + 1.5, x(bar.value) - _LABELS, _ROW - 3, SERIES[bar.series % len(SERIES)])
                beside = x(bar.value)
                if chart.target is not None and beside <= x(chart.target) < beside + 3 + longest:
                    beside = x(chart.target)  # the target's line must not run through the figure
                drawing.text(beside + 3, y + 11, plain_number(bar.value, chart.decimals))
            y += _ROW
        y += _GAP
    drawing.line(_LABELS, _TOP - 4, _LABELS, bottom, INK)
    if chart.target is not None:
        drawing.line(x(chart.target), _TOP - 8, x(chart.target), bottom, TARGET, width=1.4, dash="5 3")
    return drawing.finish(bottom + 20)


def _height(chart: BarChart) -> float:
    groups = sum(1 for _ in groupby(chart.bars, key=lambda bar: bar.label))
    return _ROW * len(chart.bars) + _GAP * groups


def _tick_decimals(scale: list[float]) -> int:
    step = scale[1] - scale[0]
    return next((n for n in range(4) if abs(round(step, n) - step) < 1e-9), 4)


def _legend(drawing: Drawing, chart: BarChart) -> None:
    at = 4.0
    for place, name in enumerate(chart.series):
        drawing.rect(at, 7, 9, 9, SERIES[place % len(SERIES)])
        drawing.text(at + 13, 15, name)
        at += 24 + extent(name)
    if chart.target is not None:
        drawing.line(at, 11.5, at + 18, 11.5, TARGET, width=1.4, dash="5 3")
        drawing.text(at + 22, 15, shortened(chart.target_label, WIDTH - at - 34 - extent(chart.unit)))
