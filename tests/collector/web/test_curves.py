"""Axes have round numbers and round Vietnamese times; a curve hides neither gaps nor failures."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.web import charts
from doxa_collector.web.language import Voice, from_us
from doxa_collector.web.scale import number_ticks, tick_format, time_ticks
from doxa_collector.web.svg import FRAMES, NARROW, WIDE, Curve, Level, Mark, Point, Series, draw, span_of
from doxa_core.language import VIETNAM_TIME
from doxa_core.moments import microseconds

START = microseconds(datetime(2026, 11, 24, 8, 0, tzinfo=VIETNAM_TIME))
MINUTE = 60_000_000


def point(minute: float, value: float, *, hollow: bool = False) -> Point:
    return Point(at_us=START + int(minute * MINUTE), value=value, title="", hollow=hollow)


def curve(points: list[Point], **more: object) -> Curve:
    plain: dict[str, object] = {
        "title": "Tốc độ", "unit": "Mbps", "decimals": 2, "from_us": START, "to_us": START + 60 * MINUTE,
        "series": [Series(name="download", title="Tải xuống", points=points)],
    }  # fmt: skip
    return Curve(**(plain | more))  # type: ignore[arg-type]


@given(highest=st.floats(1e-3, 1e6))
def test_the_value_axis_starts_at_zero_and_reaches_the_highest(highest: float) -> None:
    ticks = number_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest * 0.999
    assert 3 <= len(ticks) <= 8


@given(seconds=st.integers(60, 400 * 86_400), start=st.integers(0, 86_400 * 365), most=st.integers(3, 12))
def test_time_ticks_lie_within_the_span_and_are_few(seconds: int, start: int, most: int) -> None:
    from_us = START + start * 1_000_000
    ticks = time_ticks(from_us, from_us + seconds * 1_000_000, most)
    assert all(from_us <= tick <= from_us + seconds * 1_000_000 for tick in ticks)
    assert len(ticks) <= max(most + 1, seconds // (30 * 86_400) + 1)


def test_hours_are_round_in_vietnam() -> None:
    ticks = time_ticks(START + 7 * MINUTE, START + 600 * MINUTE, 8)
    local = [from_us(tick).astimezone(VIETNAM_TIME) for tick in ticks]
    assert [(t.hour, t.minute) for t in local] == [(10, 0), (12, 0), (14, 0), (16, 0), (18, 0)]
    assert tick_format(ticks) == "%H:%M"
    days = time_ticks(START, START + 14 * 1440 * MINUTE, 8)
    assert {from_us(tick).astimezone(VIETNAM_TIME).hour for tick in days} == {0}
    assert tick_format(days) == "%d/%m"


def test_labels_are_written_as_people_write_them() -> None:
    drawn = draw(curve([point(1, 0.8)]), WIDE, Voice("vi"))
    assert "0,2" in [tick.label for tick in drawn.y_ticks]
    assert "0.2" in [tick.label for tick in draw(curve([point(1, 0.8)]), WIDE, Voice("en")).y_ticks]


def test_a_line_is_not_drawn_across_a_pause() -> None:
    minutes = [0, 1, 2, 3, 30, 31, 32]
    path = draw(curve([point(m, 50) for m in minutes]), WIDE, Voice("vi")).lines[0].path
    assert path.count("M") == 2


def test_a_lonely_point_is_still_seen_among_many() -> None:
    points = [point(n / 10, 50) for n in range(200)] + [point(59, 10)]
    dots = draw(curve(points), WIDE, Voice("vi")).lines[0].dots
    assert len(dots) == 1
    assert dots[0].y > WIDE.height / 2


def test_a_lower_bound_is_hollow() -> None:
    dots = draw(curve([point(1, 50), point(2, 50, hollow=True)]), WIDE, Voice("vi")).lines[0].dots
    assert [dot.kind for dot in dots] == ["full", "hollow"]


def test_everything_stays_within_the_frame() -> None:
    levels = [Level(name="target", label="A2", value=102), Level(name="contract", label="", value=150)]
    for frame in FRAMES:
        drawn = draw(curve([point(n, 85 + n % 7) for n in range(60)], levels=levels), frame, Voice("vi"))
        for dot in drawn.lines[0].dots:
            assert frame.left <= dot.x <= frame.plot_right
            assert frame.top <= dot.y <= frame.plot_bottom
        assert all(frame.top <= stroke.y <= frame.plot_bottom for stroke in drawn.strokes)


def test_labels_of_near_levels_do_not_touch_and_equal_ones_share_a_label() -> None:
    levels = [
        Level(name="target", label="A", value=100),
        Level(name="contract", label="B", value=102),
        Level(name="contract", label="C", value=100),
    ]
    strokes = draw(curve([point(1, 90)], levels=levels), NARROW, Voice("vi")).strokes
    assert {stroke.label for stroke in strokes} == {"A · C", "B"}
    ys = sorted(stroke.label_y for stroke in strokes)
    assert all(b - a >= 15 for a, b in pairwise(ys))


def test_marks_that_would_cover_each_other_say_how_many_they_are() -> None:
    marks = [Mark(at_us=START + n * 1_000_000, kind="failed", title=f"t{n}") for n in range(30)]
    marks.append(Mark(at_us=START + 40 * MINUTE, kind="failed", title="later"))
    found = draw(curve([], marks=marks), WIDE, Voice("vi")).marks
    assert [mark.title for mark in found] == ["t0 … t29 (30)", "later"]


def test_kinds_of_marks_are_never_merged() -> None:
    marks = [Mark(at_us=START, kind=kind, title=kind) for kind in ("failed", "skipped")]
    assert {mark.kind for mark in draw(curve([], marks=marks), WIDE, Voice("vi")).marks} == {"failed", "skipped"}


def test_an_empty_curve_can_be_drawn() -> None:
    drawn = draw(curve([]), NARROW, Voice("vi"))
    assert drawn.lines[0].path == ""
    assert drawn.y_ticks


def test_the_time_axis_begins_with_the_first_measurement() -> None:
    now = START + 600 * MINUTE
    assert span_of([START + 590 * MINUTE], now, timedelta(hours=24)) == (START + 590 * MINUTE, now)
    assert span_of([START - 10**13], now, timedelta(hours=1)) == (now - 60 * MINUTE, now)
    assert span_of([now], now, timedelta(hours=1)) == (now - MINUTE, now)


@pytest.mark.parametrize(
    ("asked", "contract", "shown"),
    [
        (None, "ip", "ip"),
        (None, "frame", "ip"),
        (None, "wire", "wire"),
        (None, None, "payload"),
        ("payload", "ip", "payload"),
    ],
)
def test_a_line_without_a_target_is_shown_at_the_layer_of_its_contract(
    asked: str | None, contract: str | None, shown: str
) -> None:
    wish = charts.Wish(range="24h", layer=asked, far_end=None)
    assert charts.layer_of(wish, [], ["payload", "ip", "wire"], contract) == shown
