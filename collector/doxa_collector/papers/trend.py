"""A figure month by month with its bounds, against a target line; nothing is drawn across a month without a figure."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from doxa_collector.papers.model import NO_FIGURE, TrendChart, plain_number
from doxa_collector.papers.svg import FAINT, INK, SERIES, TARGET, Drawing, extent, shortened, ticks

WIDTH: Final = 468.0
_LEFT: Final = 44.0
_TOP: Final = 44.0
_PLOT: Final = 130.0
_FIGURES_UP_TO: Final = 13
_NEAR: Final = 22.0
"""How far from its point a figure may stand."""
_SIGN: Final = 22.0
"""The room of a sign in the legend."""


def draw(chart: TrendChart, family: str) -> str:
    """The chart as SVG."""
    drawing = Drawing(WIDTH, family)
    shown = chart.points if chart.ahead is None else (*chart.points, chart.ahead)
    known = [v for p in shown for v in (p.value, p.upper, p.other) if v is not None] + [chart.target or 0.0]
    scale = ticks(_highest(known, chart.unit))
    step = (WIDTH - _LEFT - 12) / max(1, len(shown))
    bottom = _TOP + _PLOT

    def y(value: float) -> float:
        return bottom - _PLOT * max(0.0, value) / scale[-1]

    def x(place: int) -> float:
        return _LEFT + step * (place + 0.5)

    decimals = 0 if scale[1] >= 1 else 1
    for tick in scale:
        drawing.line(_LEFT, y(tick), WIDTH - 8, y(tick), FAINT, width=0.5)
        drawing.text(_LEFT - 5, y(tick) + 3.5, plain_number(tick, decimals), anchor="end")
    drawing.text(_LEFT - 5, _TOP - 10, chart.unit, anchor="end", italic=True)
    if chart.target is not None:
        drawing.line(_LEFT, y(chart.target), WIDTH - 8, y(chart.target), TARGET, width=1.4, dash="5 3")
    _curve(drawing, chart, step, x, y)
    _forecast(drawing, chart, x, y)
    if len(chart.points) <= _FIGURES_UP_TO:
        _figures(drawing, chart, x, y)
    drawing.line(_LEFT, bottom, WIDTH - 8, bottom, INK)
    _legend(drawing, chart)
    return drawing.finish(bottom + 20)


def _highest(known: list[float], unit: str) -> float:
    """A little room above the highest value; shares of a whole end at 100."""
    highest = max(known, default=0.0) or 1.0
    return 100.0 if unit == "%" and 80 <= highest <= 100 else highest * 1.05


def _labelled(chart: TrendChart, step: float) -> tuple[list[str], int]:
    """The months as they fit below their points, `01/26` for `01/2026`, and each how many-th of them is named."""
    labels = [point.label for point in chart.points]
    if max(map(extent, labels), default=0.0) + 4 > step:
        labels = [re.sub(r"^(\d\d)/20(\d\d)$", r"\1/\2", label) for label in labels]
    return labels, max(1, -int(-(max(map(extent, labels), default=0.0) + 4) // step))


def _curve(
    drawing: Drawing, chart: TrendChart, step: float, x: Callable[[int], float], y: Callable[[float], float]
) -> None:
    """Points with their bounds, a cross where there is no figure, the months below."""
    bottom = _TOP + _PLOT
    labels, every = _labelled(chart, step)
    before: tuple[float, float] | None = None
    for place, point in enumerate(chart.points):
        if place % every == 0:
            drawing.text(x(place), bottom + 13, labels[place], anchor="middle")
        if point.other is not None:
            _diamond(drawing, x(place), y(point.other))
        if point.lower is not None and point.upper is not None:
            drawing.line(x(place), y(point.lower), x(place), y(point.upper), SERIES[0], width=1.0)
            for end in (point.lower, point.upper):
                drawing.line(x(place) - 4, y(end), x(place) + 4, y(end), SERIES[0], width=1.0)
        if point.value is None:
            before = None
            if point.lower is None or point.upper is None:
                drawing.text(x(place), bottom - 4, "×", anchor="middle", ink="#555555")
            continue
        here = (x(place), y(point.value))
        if before is not None:
            drawing.line(*before, *here, SERIES[0], width=1.4)
        before = here
        drawing.dot(*here, SERIES[0])


def _forecast(drawing: Drawing, chart: TrendChart, x: Callable[[int], float], y: Callable[[float], float]) -> None:
    """Broken lines from the last figure to the one that is forecast and to its bounds, which no measured point has."""
    known = [(place, point.value) for place, point in enumerate(chart.points) if point.value is not None]
    if chart.ahead is None or chart.ahead.value is None or not known:
        return
    (last, value), at = known[-1], x(len(chart.points))
    for end in (chart.ahead.value, chart.ahead.lower, chart.ahead.upper):
        if end is not None:
            drawing.line(x(last), y(value), at, y(end), SERIES[0], width=1.0, dash="2 2")
    for end in (chart.ahead.lower, chart.ahead.upper):
        if end is not None:
            drawing.line(at - 4, y(end), at + 4, y(end), SERIES[0], width=1.0)
    drawing.text(at, _TOP + _PLOT + 13, chart.ahead.label, anchor="middle", italic=True)
    near = chart.ahead.value if chart.ahead.upper is None else chart.ahead.upper
    drawing.text(at, y(near) - 4, plain_number(chart.ahead.value, chart.decimals), anchor="middle", italic=True)


def _diamond(drawing: Drawing, x: float, y: float) -> None:
    """The mark of another origin: its shape tells it apart in black and white too."""
    for way in (-1, 1):
        drawing.line(x - 4, y, x, y + 4 * way, SERIES[1], width=1.6)
        drawing.line(x + 4, y, x, y + 4 * way, SERIES[1], width=1.6)


def _figures(drawing: Drawing, chart: TrendChart, x: Callable[[int], float], y: Callable[[float], float]) -> None:
    """Each figure above its point or below it, and beside it where the bounds reach far or the target's line runs."""
    line = None if chart.target is None else y(chart.target)
    for place, point in enumerate(chart.points):
        if point.value is None:
            continue
        words, at = plain_number(point.value, chart.decimals), y(point.value)
        above = min(at, at if point.upper is None else y(point.upper)) - 4
        below = max(at, at if point.lower is None else y(point.lower)) + 11
        if at - above < _NEAR and _clear(above, line):
            drawing.text(x(place), above, words, anchor="middle")
        elif below - at < _NEAR and below < _TOP + _PLOT - 1 and _clear(below, line):
            drawing.text(x(place), below, words, anchor="middle")
        else:
            beside = at - 4 if _clear(at - 4, line) else at + 12
            drawing.text(x(place) + 5, beside, words)


def _clear(baseline: float, line: float | None) -> bool:
    """Whether the target's line does not run through words on this baseline."""
    return line is None or not baseline - 10 <= line <= baseline + 3


def _legend(drawing: Drawing, chart: TrendChart) -> None:
    """What the signs are, in a second line where one is too short."""
    at, down = _LEFT, 0.0
    for words, sign in _signs(chart):
        wide = _SIGN + extent(words)
        if at > _LEFT and at + wide > WIDTH:
            at, down = _LEFT, down + 13
        sign(drawing, at, down + 7.5)
        drawing.text(at + _SIGN, down + 11, shortened(words, WIDTH - at - _SIGN))
        at += wide + 12


def _signs(chart: TrendChart) -> Iterator[tuple[str, Callable[[Drawing, float, float], None]]]:
    if chart.label:
        yield chart.label, _sign_of_line
    if chart.other_label and any(point.other is not None for point in chart.points):
        yield chart.other_label, lambda drawing, x, y: _diamond(drawing, x + 9, y)
    if chart.target is not None:
        yield chart.target_label, lambda drawing, x, y: drawing.line(x, y, x + 18, y, TARGET, width=1.4, dash="5 3")
    if chart.bounds_label and any(point.lower is not None for point in chart.points):
        yield chart.bounds_label, _sign_of_bounds
    if chart.ahead is not None and chart.ahead.value is not None:
        yield chart.ahead_label, lambda drawing, x, y: drawing.line(x, y, x + 18, y, SERIES[0], width=1.0, dash="2 2")
    if any(point.value is None and None in (point.lower, point.upper) for point in chart.points):
        yield NO_FIGURE, lambda drawing, x, y: drawing.text(x + 9, y + 3.5, "×", anchor="middle", ink="#555555")


def _sign_of_line(drawing: Drawing, x: float, y: float) -> None:
    drawing.line(x, y, x + 18, y, SERIES[0], width=1.4)
    drawing.dot(x + 9, y, SERIES[0])


def _sign_of_bounds(drawing: Drawing, x: float, y: float) -> None:
    drawing.line(x, y, x + 14, y, SERIES[0], width=1.0)
    for end in (x, x + 14):
        drawing.line(end, y - 4, end, y + 4, SERIES[0], width=1.0)
