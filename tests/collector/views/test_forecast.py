"""Whether a target will be met in time: only from closed months that measured the same, and never silently across a change."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from tests.collector.assess.conftest import level, plan_of
from tests.collector.views.conftest import Shelf

from doxa_collector.ledger.engine import reading
from doxa_collector.period import month_of
from doxa_collector.plans.model import Kind, PlaceLevel, Plan, PlanPlace, Statistic, Target
from doxa_collector.statistics.trend import Answer
from doxa_collector.views.fields import forecast_fields
from doxa_collector.views.forecast import Forecast, forecast_of

PLACE = PlanPlace(code="06184", name="xã Đồng Đăng", level=PlaceLevel.COMMUNE, province="20")
NOVEMBER = month_of(date(2026, 11, 20))
RISING = {"2026-05": 80.0, "2026-06": 86.0, "2026-07": 92.0, "2026-08": 98.0, "2026-09": 104.0, "2026-10": 110.0}


def target(value: float = 102.0, **more: Any) -> Target:
    return replace(level(value=value), due=date(2026, 12, 31), **more)


def plan(of: Target, version: str = "1") -> Plan:
    return replace(plan_of(of, where=PLACE), version=version)


def told(shelf: Shelf, of: Target, *, version: str = "1", month: Any = NOVEMBER) -> Forecast | None:
    with reading(shelf.engine) as conn:
        return forecast_of(conn, plan(of, version), of, PLACE, month)


def sure(found: Forecast | None) -> Forecast:
    assert found is not None
    return found


def test_a_straight_rise_goes_on_to_the_due_month(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.close(plan(target()), target().id, RISING)
    found = sure(told(shelf, target()))
    assert (found.answer, found.found.slope) == (Answer.LIKELY, 6.0)
    assert found.found.value == pytest.approx(122.0)  # 110 + 2 × 6
    assert [point.value for point in found.points] == [*RISING.values()]
    assert [(band.period.month, band.value) for band in found.line] == [
        ("2026-05", 80.0), ("2026-10", 110.0), ("2026-12", pytest.approx(122.0)),
    ]  # fmt: skip
    assert "có khả năng đạt mục tiêu 102,0 Mbps" in found.text.vi
    assert "likely to meet the target of 102.0 Mbps" in found.text.en


def test_a_target_beyond_the_trend_is_unlikely(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.close(plan(target(150.0)), target().id, RISING)
    assert sure(told(shelf, target(150.0))).answer is Answer.UNLIKELY


def test_three_months_tell_nothing(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.close(plan(target()), target().id, dict([*RISING.items()][:3]))
    found = sure(told(shelf, target()))
    assert (found.answer, found.found.value, found.line) == (Answer.CANNOT_TELL, None, ())
    assert found.text.vi == "Mới có số liệu 3 tháng, cần ít nhất 4 tháng để nói về xu hướng."
    assert "forecast" not in forecast_fields(found)


def test_an_open_month_and_later_ones_are_no_part_of_it(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.close(plan(target()), target().id, RISING)
    shelf.judged(plan(target()), target().id, NOVEMBER, 5.0)
    assert len(sure(told(shelf, target())).points) == 6
    early = sure(told(shelf, target(), month=month_of(date(2026, 9, 1))))
    assert [point.period.month for point in early.points][-1] == "2026-09"


def test_another_contract_begins_the_trend_anew_and_is_said(shelf: Shelf) -> None:
    """A jump from 100 to 200 Mbps in August is no trend."""
    shelf.commune()
    shelf.line("dd", "fixed", "fixed", valid_to="2026-07-31", contracted_down_mbps=100)
    shelf.line("dd", "fixed", "fixed", valid_from="2026-08-01", contracted_down_mbps=200)
    shelf.close(plan(target()), target().id, RISING)
    found = sure(told(shelf, target()))
    assert [point.why_not for point in found.points] == ["before_contract"] * 3 + [""] * 3
    assert (found.answer, found.found.months) == (Answer.CANNOT_TELL, 3)
    assert "Tháng 08/2026: 1/1 đường truyền đổi hợp đồng: xu hướng chỉ tính từ tháng này." in [
        n.vi for n in found.notes
    ]


def test_one_line_of_many_with_another_contract_is_said_and_cuts_nothing(shelf: Shelf) -> None:
    shelf.commune()
    shelf.line("dd", "fixed", "fixed", valid_to="2026-07-31", contracted_down_mbps=100)
    shelf.line("dd", "fixed", "fixed", valid_from="2026-08-01", contracted_down_mbps=200)
    for n in range(3):
        shelf.line("dd", f"fixed-{n}", "fixed", contracted_down_mbps=100)
    shelf.close(plan(target()), target().id, RISING)
    found = sure(told(shelf, target()))
    assert found.answer is Answer.LIKELY
    assert any("1/4 đường truyền đổi hợp đồng; xu hướng có cả ảnh hưởng này" in note.vi for note in found.notes)


def test_a_new_version_that_measures_the_same_goes_on_and_is_said(shelf: Shelf) -> None:
    shelf.commune("fixed")
    months = [*RISING.items()]
    shelf.close(plan(target(90.0)), target().id, dict(months[:3]))
    shelf.close(plan(target(), "2"), target().id, dict(months[3:]))
    found = sure(told(shelf, target(), version="2"))
    assert (found.answer, found.found.months) == (Answer.LIKELY, 6)
    assert any("phiên bản 2, chỉ tiêu này vẫn đo như trước" in note.vi for note in found.notes)


def test_a_new_version_that_measures_otherwise_begins_anew(shelf: Shelf) -> None:
    shelf.commune("fixed")
    months, now = [*RISING.items()], target()
    assert now.measure is not None
    other = Statistic.MEAN if now.measure.statistic is Statistic.MEDIAN else Statistic.MEDIAN
    before = replace(now, measure=replace(now.measure, statistic=other))
    shelf.close(plan(before), now.id, dict(months[:4]))
    shelf.close(plan(now, "2"), now.id, dict(months[4:]))
    found = sure(told(shelf, now, version="2"))
    assert [point.why_not for point in found.points] == ["before_plan_version"] * 4 + [""] * 2
    assert any("được đo khác trước" in note.vi for note in found.notes)


def test_another_layer_begins_anew_and_another_method_is_only_said(shelf: Shelf) -> None:
    shelf.commune("fixed")
    months = [*RISING.items()]
    shelf.close(plan(target()), target().id, dict(months[:1]), layer="ip")
    shelf.close(plan(target()), target().id, dict(months[1:2]), method=1)
    shelf.close(plan(target()), target().id, dict(months[2:]))
    found = sure(told(shelf, target()))
    assert [point.why_not for point in found.points] == ["before_layer"] + [""] * 5
    assert {(change.code, change.cuts) for change in found.history.changes} == {("layer", True), ("method", False)}


def test_months_without_enough_samples_or_limited_by_the_probe_do_not_count(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.close(plan(target()), target().id, RISING)
    shelf.close(plan(target()), target().id, {"2026-04": 10.0}, n=3)
    shelf.close(plan(target()), target().id, {"2026-03": 10.0}, outcome="probe_limited")
    shelf.close(plan(target()), target().id, {"2026-02": None}, n=0)
    found = sure(told(shelf, target()))
    assert [point.why_not for point in found.points] == ["too_few", "probe_limited", "too_few"] + [""] * 6
    assert (found.answer, found.found.months) == (Answer.LIKELY, 6)
    assert {"2 tháng chưa đủ mẫu nên không tính.", "1 tháng bị thiết bị đo giới hạn nên không tính."} <= {
        note.vi for note in found.notes
    }


def test_nothing_is_forecast_where_nothing_can_be(shelf: Shelf) -> None:
    shelf.commune("fixed")
    assert told(shelf, target()) is None  # no month is closed
    shelf.close(plan(target()), target().id, RISING)
    assert told(shelf, replace(target(), due=None)) is None
    assert told(shelf, replace(target(), due=date(2026, 11, 30))) is None  # not after the month asked
    assert told(shelf, replace(target(), kind=Kind.RANK)) is None
    assert told(shelf, replace(target(), value=None)) is None
    assert told(shelf, target()) is not None


def test_a_target_by_i_speed_says_whose_figures_these_are(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.close(plan(target(ispeed=True)), target().id, RISING)
    assert "không phải số liệu i-Speed công bố" in sure(told(shelf, target(ispeed=True))).notes[-1].vi


def test_too_far_ahead_is_no_forecast(shelf: Shelf) -> None:
    shelf.commune("fixed")
    far = replace(target(), due=date(2030, 12, 31))
    shelf.close(plan(far), far.id, RISING)
    found = sure(told(shelf, far))
    assert (found.answer, found.found.reason) == (Answer.CANNOT_TELL, "too_far")
    assert [band.period.month for band in found.line] == ["2026-05", "2026-10"]
