"""The drawing of a forecast: the months that were measured, the trend through them with its 80 % band, and the target.

Geometry only, in pixels; `outlook.html` draws it. The band is that of `statistics.trend` for every month up to the due one;
it opens at the last month that counted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_collector.period import Period
from doxa_collector.statistics import trend as trends
from doxa_collector.statistics.trend import month_number
from doxa_collector.views.forecast import Forecast
from doxa_collector.views.months import MonthPoint
from doxa_collector.web.language import Voice
from doxa_collector.web.scale import number_ticks
from doxa_collector.web.svg import Dot, Frame, Tick

BROAD: Final = Frame(name="broad", width=620, height=210, left=44, right=58, bottom=30, ticks=9)
NARROW: Final = Frame(name="narrow", width=320, height=200, left=36, right=50, bottom=30, ticks=5)
_ROOM: Final = 1.08
"""Above the highest value."""
_PERCENT: Final = "%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that the template needs for one size."""

    frame: Frame
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    measured: str
    """The path through the months that count."""
    dots: Sequence[Dot]
    trend: str
    """The line of the trend, from its first month to the due one."""
    band: str
    """The points of the band's outline."""
    target_y: float
    end: Dot
    """The forecast of the due month; its title is the figure beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """One forecast in all sizes, with its words."""

    pictures: Sequence[Picture]
    summary: str
    """The picture in words, for those who do not see it."""
    target: str
    unit: str
    left_out: bool
    """Whether some month stands there that the trend does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """The forecast of one month, within what the unit allows."""

    month: int
    value: float
    lower: float
    upper: float


def outlooks_of(
    forecasts: Mapping[tuple[str, str, str], Forecast], voice: Voice
) -> dict[tuple[str, str, str], Outlook]:
    """By the same keys, those that there is enough to draw of."""
    drawn = ((key, outlook_of(forecast, voice)) for key, forecast in forecasts.items())
    return {key: found for key, found in drawn if found is not None}


def outlook_of(forecast: Forecast, voice: Voice) -> Outlook | None:
    """None where nothing is forecast: too few months, or a due month too far ahead. The sentence beside it says so."""
    if forecast.trend is None or not forecast.line or forecast.line[-1].lower is None:
        return None
    ahead = list(_ahead(forecast))
    shown = [point for point in forecast.points if point.value is not None]
    return Outlook(
        pictures=[_picture(forecast, shown, ahead, frame, voice) for frame in (BROAD, NARROW)],
        summary=_summary(forecast, shown, ahead[-1], voice),
        target=f"{voice.say('mục tiêu', 'target')} {voice.number(forecast.target)}\u00a0{forecast.unit}",
        unit=forecast.unit,
        left_out=any(point.why_not for point in shown),
    )


def _ahead(forecast: Forecast) -> Iterable[_Ahead]:
    """Every month behind the last that counts, up to the due one."""
    figures = {month_number(p.period.first): p.value for p in forecast.history.counted if p.value is not None}
    highest = 100.0 if forecast.unit == _PERCENT else float("inf")
    for month in range(max(figures) + 1, month_number(forecast.due.first) + 1):
        found = trends.forecast(figures, forecast.target, month, upward=forecast.upward)
        if found.value is not None and found.lower is not None and found.upper is not None:
            value, lower, upper = (min(highest, max(0.0, one)) for one in (found.value, found.lower, found.upper))
            yield _Ahead(month=month, value=value, lower=lower, upper=upper)


def _picture(
    forecast: Forecast, shown: Sequence[MonthPoint], ahead: Sequence[_Ahead], frame: Frame, voice: Voice
) -> Picture:
    first, due = month_number(shown[0].period.first), ahead[-1].month
    values = [point.value or 0.0 for point in shown] + [one.upper for one in ahead] + [forecast.target]
    highest = max(*values, 1e-3)
    ticks = number_ticks(100.0 if forecast.unit == _PERCENT and highest > 100 / _ROOM else highest * _ROOM, about=4)

    def x(month: int) -> float:
        return round(frame.left + (month - first + 0.5) / (due - first + 1) * (frame.plot_right - frame.left), 1)

    def y(value: float) -> float:
        return round(frame.plot_bottom - value / ticks[-1] * (frame.plot_bottom - frame.top), 1)

    counted = [point for point in shown if not point.why_not]
    begin, last = (month_number(counted[at].period.first) for at in (0, -1))
    trend = forecast.line
    corners = [(x(last), y(trend[1].value))]
    corners += [(x(one.month), y(one.upper)) for one in ahead] + [
        (x(one.month), y(one.lower)) for one in reversed(ahead)
    ]
    return Picture(
        frame=frame,
        x_ticks=[Tick(at=x(month), label=_short(month)) for month in _named(first, due, frame.ticks)],
        y_ticks=[Tick(at=y(value), label=voice.number(value)) for value in ticks],
        measured=_course([(month_number(p.period.first), y(p.value or 0.0)) for p in counted], x),
        dots=[_dot(point, forecast.unit, x(month_number(point.period.first)), y(point.value or 0.0), voice) for point in shown],
        trend=_path([(x(begin), y(trend[0].value)), (x(due), y(trend[-1].value))]),
        band=" ".join(f"{at},{down}" for at, down in corners),
        target_y=y(forecast.target),
        end=Dot(x=x(due), y=y(ahead[-1].value), kind="forecast", title=voice.number(ahead[-1].value, 1)),
    )  # fmt: skip


def _path(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{'L' if at else 'M'}{x} {y}" for at, (x, y) in enumerate(points))


def _course(points: Sequence[tuple[int, float]], x: Callable[[int], float]) -> str:
    """Through neighbouring months; the line is not drawn across a month that nobody measured."""
    known = {month for month, _ in points}
    return " ".join(f"{'L' if month - 1 in known else 'M'}{x(month)} {y}" for month, y in points)


def _dot(point: MonthPoint, unit: str, x: float, y: float, voice: Voice) -> Dot:
    words = f"{_month(point.period, voice)}: {voice.number(point.value or 0.0, 1)} {unit}"
    return Dot(x=x, y=y, kind="out" if point.why_not else "full", title=words)


def _named(first: int, due: int, most: int) -> list[int]:
    """The months that are named below: counted back from the due one, as many as have room."""
    step = -(-(due - first + 1) // most)
    return list(range(due, first - 1, -step))[::-1]


def _short(month: int) -> str:
    return f"{month % 12 + 1:02d}/{month // 12 % 100:02d}"


def _month(period: Period, voice: Voice) -> str:
    return voice.say(f"tháng {period.first:%m/%Y}", period.month)


def _summary(forecast: Forecast, shown: Sequence[MonthPoint], end: _Ahead, voice: Voice) -> str:
    aside = voice.say(" (không tính)", " (left out)")
    figures = "; ".join(
        f"{_month(point.period, voice)} {voice.number(point.value or 0.0, 1)}{aside if point.why_not else ''}"
        for point in shown
    )
    value, lower, upper = (voice.number(one, 1) for one in (end.value, end.lower, end.upper))
    due, wanted, unit = _month(forecast.due, voice), voice.number(forecast.target), forecast.unit
    return voice.say(
        f"Đã đo ({unit}): {figures}. Dự báo {due}: {value}, khoảng 80 % từ {lower} đến {upper}. Mục tiêu {wanted} {unit}.",
        f"Measured ({unit}): {figures}. Forecast for {due}: {value}, 80 % between {lower} and {upper}. Target {wanted} {unit}.",
    )
