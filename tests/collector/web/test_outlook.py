"""The picture of a forecast on a line's page: its figures, what it leaves out, and where there is none."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from tests.collector.assess.conftest import share
from tests.collector.views.conftest import AFTER, Shelf
from tests.collector.views.test_forecast import PLACE, plan, target

from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.period import month_of
from doxa_collector.plans.model import Plan, Target
from doxa_collector.statistics.trend import forecast, month_number
from doxa_collector.views.forecast import Forecast, forecast_of
from doxa_collector.web import Settings, create_app
from doxa_collector.web.language import Voice
from doxa_collector.web.outlook import Outlook, outlook_of
from doxa_collector.web.svg import Frame
from doxa_core.language import number

FIGURES: dict[str, float | None] = {
    "2026-04": 80.5, "2026-05": 84.0, "2026-06": None, "2026-07": 90.25, "2026-08": 96.0, "2026-09": 97.5, "2026-10": 104.0,
}  # fmt: skip
NOVEMBER = month_of(date(2026, 11, 20))
VOICE = Voice("vi")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    engine = open_ledger(tmp_path / "ledger.sqlite")
    yield Shelf(engine)
    engine.dispose()


def told(shelf: Shelf, of: Target, figures: dict[str, float | None], own: Plan | None = None) -> Forecast:
    own = plan(of) if own is None else own
    shelf.commune("fixed", "tslcd")
    shelf.close(own, of.id, figures)
    with reading(shelf.engine) as conn:
        found = forecast_of(conn, own, of, PLACE, NOVEMBER)
    assert found is not None
    return found


def drawn(found: Forecast) -> Outlook:
    outlook = outlook_of(found, VOICE)
    assert outlook is not None
    return outlook


def value_at(frame: Frame, top: float, y: float) -> float:
    """What stands at a height of the drawing."""
    return (frame.plot_bottom - y) / (frame.plot_bottom - frame.top) * top


def numbers(path: str) -> list[float]:
    return [float(one) for one in re.findall(r"[\d.]+", path)]


def test_the_band_is_the_forecast_of_each_month_up_to_the_due_one(shelf: Shelf) -> None:
    found = told(shelf, target(112.0), FIGURES)
    for picture in drawn(found).pictures:
        top = float(picture.y_ticks[-1].label.replace(",", "."))
        value = partial(value_at, picture.frame, top)
        corners = numbers(picture.band)[1::2]
        figures = {month_number(date.fromisoformat(f"{m}-01")): v for m, v in FIGURES.items() if v is not None}
        ahead = [forecast(figures, 112.0, month_number(date(2026, month, 1))) for month in (11, 12)]
        wanted = [found.line[1].value, *(one.upper for one in ahead), *(one.lower for one in reversed(ahead))]
        assert [value(y) for y in corners] == pytest.approx(wanted, abs=top / 100)
        assert value(picture.target_y) == pytest.approx(112, abs=top / 100)
        assert picture.end.title == number(ahead[-1].value or 0, 1, "vi")
        assert [value(dot.y) for dot in picture.dots] == pytest.approx([*figures.values()], abs=top / 100)
        assert picture.frame.left < picture.end.x < picture.frame.plot_right


def test_the_line_is_not_drawn_across_a_month_that_nobody_measured(shelf: Shelf) -> None:
    outlook = drawn(told(shelf, target(112.0), FIGURES))
    assert re.sub(r"[^ML]", "", outlook.pictures[0].measured) == "MLMLLL"


def test_the_words_say_every_figure_of_the_picture(shelf: Shelf) -> None:
    found = told(shelf, target(112.0), FIGURES)
    outlook = drawn(found)
    for month, value in FIGURES.items():
        there = f"tháng {month[5:]}/{month[:4]} {number(value, 1, 'vi')}" if value is not None else f"tháng {month[5:]}"
        assert (there in outlook.summary) is (value is not None)
    assert f"Dự báo tháng 12/2026: {number(found.found.value or 0, 1, 'vi')}, khoảng 80 % từ" in outlook.summary
    assert outlook.summary.endswith("Mục tiêu 112 Mbps.")


def test_a_month_that_is_left_out_is_said_to_be(shelf: Shelf) -> None:
    shelf.close(plan(target(112.0)), target(112.0).id, {"2026-06": 41.5}, n=3)
    outlook = drawn(told(shelf, target(112.0), {month: value for month, value in FIGURES.items() if value is not None}))
    assert f"tháng 06/2026 41,5 (không tính); tháng 07/2026 {number(90.25, 1, 'vi')};" in outlook.summary
    assert [dot.kind for dot in outlook.pictures[0].dots].count("out") == 1
    assert outlook.left_out


def test_a_share_stays_within_a_hundred(shelf: Shelf) -> None:
    of = replace(share(), due=date(2026, 12, 31))
    figures = {
        f"2026-{month:02d}": value
        for month, value in zip(range(5, 11), (70.0, 78.0, 83.0, 91.0, 94.0, 99.5), strict=True)
    }
    outlook = drawn(told(shelf, of, dict(figures)))
    assert [picture.y_ticks[-1].label for picture in outlook.pictures] == ["100", "100"]
    assert outlook.pictures[0].end.title == "100,0"


@pytest.mark.parametrize(("months", "due"), [(3, date(2026, 12, 31)), (6, date(2029, 12, 31))])
def test_too_few_months_and_a_due_month_too_far_ahead_have_no_picture(shelf: Shelf, months: int, due: date) -> None:
    figures = {month: value for month, value in FIGURES.items() if value is not None}
    found = told(shelf, replace(target(112.0), due=due), dict([*figures.items()][-months:]))
    assert outlook_of(found, VOICE) is None


def test_the_page_shows_it_with_its_words_and_elsewhere_only_the_sentence(shelf: Shelf) -> None:
    from tests.collector.web.conftest import Served

    own = plan(target(112.0))
    told(shelf, target(112.0), FIGURES, own)
    served = Served(create_app(shelf.engine, [own], settings=Settings(now=lambda: AFTER)))
    try:
        line, front = served.get("/sites/dd/links/fixed").text, served.get("/").text
    finally:
        served.stop()
    assert line.count('class="ahead" points=') == 2, "one for a desk, one for a phone"
    assert (
        len(re.findall(r'<svg class="curve (?:broad|narrow)"[^>]* role="img" aria-label="Đã đo \(Mbps\): ', line)) == 2
    )
    assert "Dự báo:" in line
    assert "Dự báo:" in front
    assert 'class="ahead"' not in front
