"""A link's curve as geometry for a server-rendered SVG: lines, target levels, marks of what did not succeed, axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from doxa_collector.web.language import Voice, from_us
from doxa_collector.web.scale import number_ticks, tick_format, time_ticks
from doxa_core.language import VIETNAM_TIME

_LABEL_HEIGHT: Final = 15.0
_SAME_LINE: Final = 3.0
_DOTS_UP_TO: Final = 160
_MARK_SPACING: Final = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value at one moment (microseconds)."""

    at_us: int
    value: float
    title: str
    hollow: bool = False
    """A lower bound only: the probe was the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of the curve; `name` is its CSS class, `title` what people read."""

    name: str
    title: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A horizontal line: a target or the contract."""

    name: str
    label: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A measurement without a usable value: it stands on the lane below the curve, never hidden."""

    at_us: int
    kind: str
    """`failed`, `skipped`, `probe_limited` or `error`."""
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What a chart shows."""

    title: str
    unit: str
    decimals: int
    from_us: int
    to_us: int
    series: Sequence[Series]
    levels: Sequence[Level] = ()
    marks: Sequence[Mark] = ()
    outages: Sequence[tuple[int, int]] = ()
    """Spans in which the line did not answer, in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The size of a drawing in pixels; text keeps its size, so a phone gets a narrow frame of its own."""

    name: str
    width: float
    height: float
    left: float
    right: float = 14.0
    top: float = 14.0
    bottom: float = 52.0
    ticks: int = 8

    @property
    def plot_right(self) -> float:
        return self.width - self.right

    @property
    def plot_bottom(self) -> float:
        return self.height - self.bottom

    @property
    def lane(self) -> float:
        """Where the marks stand: between the plot and the words of the time axis."""
        return self.plot_bottom + 13


WIDE: Final = Frame(name="broad", width=920, height=330, left=52)
NARROW: Final = Frame(name="narrow", width=344, height=290, left=38, right=8, ticks=4)
FRAMES: Final = (WIDE, NARROW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on an axis with its word."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point or a mark, drawn."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """A level, drawn: its line and the baseline of its label."""

    name: str
    label: str
    y: float
    label_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series, drawn."""

    name: str
    path: str
    dots: Sequence[Dot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Everything that the template needs, in pixels."""

    frame: Frame
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    lines: Sequence[Line]
    strokes: Sequence[Stroke]
    marks: Sequence[Dot]
    outages: Sequence[tuple[float, float]]
    """Left edge and width of each outage."""


def draw(curve: Curve, frame: Frame, voice: Voice) -> Drawing:
    """The geometry of `curve` within `frame`. The value axis starts at 0: a curve must not exaggerate."""
    values = [p.value for s in curve.series for p in s.points] + [level.value for level in curve.levels]
    ticks = number_ticks(max([*values, 1e-3]) * 1.06)
    plane = _Plane(curve, frame, ticks[-1])
    moments = time_ticks(curve.from_us, curve.to_us, frame.ticks)
    return Drawing(
        frame=frame,
        x_ticks=[Tick(at=plane.x(at), label=_local(at, tick_format(moments))) for at in moments],
        y_ticks=[Tick(at=plane.y(v), label=voice.number(v)) for v in ticks],
        lines=[_line(series, plane) for series in curve.series],
        strokes=_strokes(curve.levels, plane),
        marks=_marks(curve.marks, plane),
        outages=[_outage(span, curve, plane) for span in curve.outages],
    )


class _Plane:
    def __init__(self, curve: Curve, frame: Frame, highest: float) -> None:
        self._curve, self._frame, self._highest = curve, frame, highest
        self.lane = frame.lane
        self.top = frame.top

    def x(self, at_us: int) -> float:
        span = max(1, self._curve.to_us - self._curve.from_us)
        share = (at_us - self._curve.from_us) / span
        return round(self._frame.left + share * (self._frame.plot_right - self._frame.left), 1)

    def y(self, value: float) -> float:
        share = value / self._highest
        return round(self._frame.plot_bottom - share * (self._frame.plot_bottom - self._frame.top), 1)


def _local(at_us: int, shape: str) -> str:
    return from_us(at_us).astimezone(VIETNAM_TIME).strftime(shape)


def _line(series: Series, plane: _Plane) -> Line:
    points = sorted(series.points, key=lambda p: p.at_us)
    widest = _widest_step(points)
    steps = ["M"] + ["M" if b.at_us - a.at_us > widest else "L" for a, b in pairwise(points)]
    path = " ".join(f"{step}{plane.x(p.at_us)} {plane.y(p.value)}" for step, p in zip(steps, points, strict=False))
    lonely = [steps[n] == "M" and (n + 1 == len(points) or steps[n + 1] == "M") for n in range(len(points))]
    shown = [p for p, alone in zip(points, lonely, strict=True) if alone or p.hollow or len(points) <= _DOTS_UP_TO]
    dots = [
        Dot(x=plane.x(p.at_us), y=plane.y(p.value), kind="hollow" if p.hollow else "full", title=p.title) for p in shown
    ]
    return Line(name=series.name, path=path if points else "", dots=dots)


def _widest_step(points: Sequence[Point]) -> float:
    """A longer pause between two points is a gap: the line is not drawn across what nobody measured."""
    steps = [b.at_us - a.at_us for a, b in pairwise(points)]
    return 4 * median(steps) if steps else 0.0


def _outage(span: tuple[int, int], curve: Curve, plane: _Plane) -> tuple[float, float]:
    left, right = plane.x(max(span[0], curve.from_us)), plane.x(min(span[1], curve.to_us))
    return left, max(2.0, round(right - left, 1))


def _strokes(levels: Sequence[Level], plane: _Plane) -> list[Stroke]:
    """Each label stands above its line and above the label below it; levels on one line share a label."""
    found: list[Stroke] = []
    above = float("inf")
    for level in sorted(levels, key=lambda item: (item.value, item.name)):
        y = plane.y(level.value)
        if found and abs(found[-1].y - y) < _SAME_LINE:
            last = found.pop()
            name = "target" if "target" in (last.name, level.name) else level.name
            found.append(Stroke(name=name, label=f"{level.label} · {last.label}", y=last.y, label_y=last.label_y))
            continue
        label_y = min(y - 5, above - _LABEL_HEIGHT)
        if label_y < plane.top:
            label_y = y + 14
        above = label_y
        found.append(Stroke(name=level.name, label=level.label, y=y, label_y=label_y))
    return found


def _marks(marks: Sequence[Mark], plane: _Plane) -> list[Dot]:
    """Marks of one kind that would cover each other become one that says how many it stands for."""
    found: list[Dot] = []
    crowd: dict[str, list[Mark]] = {}

    def settle(kind: str) -> None:
        group = crowd.pop(kind)
        title = group[0].title if len(group) == 1 else f"{group[0].title} … {group[-1].title} ({len(group)})"
        found.append(Dot(x=plane.x(group[0].at_us), y=plane.lane, kind=kind, title=title))

    for mark in sorted(marks, key=lambda m: m.at_us):
        group = crowd.get(mark.kind)
        if group and plane.x(mark.at_us) - plane.x(group[0].at_us) >= _MARK_SPACING:
            settle(mark.kind)
        crowd.setdefault(mark.kind, []).append(mark)
    for kind in list(crowd):
        settle(kind)
    return found


def span_of(moments: Sequence[int], now_us: int, longest: timedelta) -> tuple[int, int]:
    """The time axis: up to now, back to the first measurement but not further than `longest`, at least a minute."""
    earliest = now_us - int(longest.total_seconds() * 1_000_000)
    first = max(min(moments, default=earliest), earliest)
    return min(first, now_us - 60_000_000), now_us
