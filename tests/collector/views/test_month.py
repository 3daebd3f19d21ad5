"""A line's month against figures computed by hand or by brute force; what is not known is absent."""

import json
import math
from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate
from math import comb
from random import Random

import pytest
from sqlalchemy import text
from tests.collector.views.conftest import AFTER, MIDNIGHT, OCTOBER, Shelf, at

from doxa_collector.ledger.engine import reading, writing
from doxa_collector.plans.model import Plan
from doxa_collector.rollups.filling import fill
from doxa_collector.statistics.student import t_quantile
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.views import words
from doxa_collector.views.contracts import Part, parts_of
from doxa_collector.views.evening import last_week
from doxa_collector.views.fields import month_fields
from doxa_collector.views.month import read_month
from doxa_collector.views.showing import month_lines
from doxa_collector.views.speeds import Figures, Speeds
from doxa_core.layers import Layer
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

HOUR_US = 3_600_000_000


def speeds(shelf: Shelf, part: int = 0) -> Speeds:
    found = shelf.month().parts[part].speeds
    assert found is not None
    return found


def payload(found: Speeds, direction: str = "download") -> Figures:
    one = found.of(direction, Layer.PAYLOAD)
    assert one is not None
    return one.own


def test_mean_median_and_percentiles_are_those_of_all_tests(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100, contracted_up_mbps=50)
    random = Random(7)
    values = [round(random.gauss(100, 10), 1) for _ in range(24 * 20)]  # four digits: bins hold them exactly
    shelf.speed(values)
    found = payload(speeds(shelf))
    ordered = sorted(values)
    exact = float(sum(Fraction(str(value)) for value in values) / len(values))
    assert [figure and figure.value for figure in (found.mean, found.median, found.p5, found.p95)] == pytest.approx(
        [exact, (ordered[239] + ordered[240]) / 2, ordered[math.ceil(0.05 * 480) - 1], ordered[math.ceil(0.95 * 480) - 1]],
        abs=1e-9,
    )  # fmt: skip
    assert found.mean is not None
    assert found.mean.lower is not None
    assert found.mean.upper is not None
    day_means = [sum(values[24 * day : 24 * day + 24]) / 24 for day in range(20)]
    plain = math.sqrt(sum((one - exact) ** 2 for one in day_means) / 19 / 20) * t_quantile(0.95, 10)
    assert (
        plain < (found.mean.upper - found.mean.lower) / 2 < 2 * plain
    )  # widened: neighbouring days resemble each other


def test_the_share_of_tests_has_the_exact_binomial_bound(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100, layer="payload")
    shelf.speed([100.0] * 55 + [99.9] * 5)
    (held,) = speeds(shelf).held
    assert held.independent is not None
    assert held.share is not None
    assert (held.met, held.independent.n, held.share.value) == (55, 60, 55 / 60)
    assert held.independent.lower is not None
    p = Fraction(held.independent.lower)
    tail = sum(comb(60, k) * p**k * (1 - p) ** (60 - k) for k in range(55, 61))
    assert float(tail) == pytest.approx(0.05, abs=1e-6)
    assert held.share.lower is not None
    assert held.share.lower <= held.independent.lower  # tests of three days tell less than sixty independent ones


def test_a_plan_s_level_is_held_against_the_line_beside_the_contract(shelf: Shelf, plans: tuple[Plan, ...]) -> None:
    shelf.commune("fixed", contracted_down_mbps=150, layer="wire")
    shelf.speed([101.0, 102.0, 103.0, 104.0])
    found = shelf.month(plans=plans).parts[0].speeds
    assert found is not None
    said = {one.demand.label if one.demand else "": (one.layer, one.met) for one in found.held}
    assert said == {"": (Layer.WIRE, 0), "A2": (Layer.PAYLOAD, 3)}  # theo i-Speed: never at the contract's layer


def test_each_contract_of_the_month_is_a_part_of_its_own(shelf: Shelf) -> None:
    shelf.commune()
    shelf.line("dd", "fixed", "fixed", valid_to="2026-10-14", contracted_down_mbps=100)
    shelf.line("dd", "fixed", "fixed", valid_from="2026-10-15", contracted_down_mbps=200)
    shelf.speed([90.0] * 14 + [180.0] * 17, step=timedelta(days=1), start=at(1, 9))
    month = shelf.month()
    assert [(one.part.first.day, one.part.last.day) for one in month.parts] == [(1, 14), (15, 31)]
    means = [payload(speeds(shelf, n)).mean for n in (0, 1)]
    assert [mean.value for mean in means if mean is not None] == [90.0, 180.0]
    assert [held.share and held.share.value for held in speeds(shelf, 0).held] == [0.0, 0.0]
    assert "100 Mbps" in "\n".join(month_lines(month))
    assert "200 Mbps" in "\n".join(month_lines(month))


def test_days_without_a_contract_are_told_and_not_mixed_in(shelf: Shelf) -> None:
    shelf.commune()
    shelf.line("dd", "fixed", "fixed", valid_from="2026-10-10", valid_to="2026-10-20", contracted_down_mbps=100)
    shelf.line("dd", "fixed", "fixed", valid_from="2026-10-21", contracted_down_mbps=100)
    with reading(shelf.engine) as conn:
        found = parts_of(conn, "dd", "fixed", OCTOBER)
    assert [(one.first.day, one.last.day, one.contract is None) for one in found] == [(1, 9, True), (10, 31, False)]
    shelf.speed([50.0], start=at(3))
    assert shelf.month().parts[0].part.contract is None
    assert "danh mục không có" in "\n".join(month_lines(shelf.month()))


def test_what_was_not_measured_is_absent_and_never_zero(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100)
    shelf.runs("dd", "fixed", [{"download_mbps": 80.0}] * 40, start=MIDNIGHT)
    month = shelf.month()
    (part,) = month.parts
    assert part.delays is None
    assert part.speeds is not None
    assert {one.direction for one in part.speeds.figures} == {"download"}
    assert part.speeds.qcvn["download"].mean is None
    assert (
        part.speeds.held == ()
    )  # no figure at the IP layer or on the wire: goodput alone says nothing of the contract
    said = json.dumps(month_fields(month))
    assert "null" not in said
    assert "upload@" not in said


def test_a_month_without_any_run_says_so(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100)
    month = shelf.month()
    assert month.empty
    assert month.evidence == {"n": 0}
    assert [*month_lines(month)][-1] == "chưa có số liệu"
    with reading(shelf.engine) as conn:
        assert read_month(conn, "dd", "no-such", OCTOBER, now_us=microseconds(AFTER)) is None


def test_three_samples_are_shown_and_said_to_be_three(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100, layer="payload")
    shelf.speed([90.0, 100.0, 110.0])
    found = payload(speeds(shelf))
    assert found.mean is not None
    assert (found.n, found.mean.value, found.mean.lower) == (3, 100.0, None)
    said = "\n".join(month_lines(shelf.month()))
    assert "Mới có 3 mẫu trong 1 ngày" in said
    assert "3/300 mẫu" in said


def test_gating_cannot_hide_a_bad_line(shelf: Shelf) -> None:
    """Eight good tests remain of twenty: the share is 100 %, and the two ends stand beside it."""
    shelf.commune("fixed", contracted_down_mbps=100, layer="payload")
    shelf.speed([100.0] * 8)
    for day, outcome in ((10, Outcome.FAILED), (11, Outcome.SKIPPED)):
        shelf.speed([100.0] * 5, start=at(day), outcome=outcome)
    shelf.speed([50.0] * 2, start=at(12), outcome=Outcome.PROBE_LIMITED)
    found = speeds(shelf)
    counts = found.counts["download"]
    assert (counts.due, counts.measured, counts.failed, counts.skipped, counts.probe_limited) == (20, 8, 5, 5, 2)
    (held,) = found.held
    assert held.share is not None
    assert (held.share.value, held.extremes.worst, held.extremes.best) == (1.0, 8 / 20, 1.0)
    said = "\n".join(month_lines(shelf.month()))
    assert "20 lần chạy, 8 lần đo được đường truyền; 5 lần không đo được" in said
    assert "từ 40,0 % (nếu đều không đạt) đến 100 % (nếu đều đạt)" in said
    own = payload(found)
    assert own.at_least is not None
    assert own.at_least.value == 90.0  # (8 × 100 + 2 × 50) ÷ 10: the line is no slower


def test_qcvn_and_the_way_of_i_speed_show_their_progress(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100, contracted_up_mbps=100)
    shelf.speed([85.0] * 210, step=timedelta(hours=1), start=at(1))
    month = shelf.month()
    qcvn = speeds(shelf).qcvn["download"]
    assert (qcvn.share, qcvn.meets, qcvn.progress.vi) == (0.85, None, "210/1000 mẫu, 24/24 giờ")
    assert month.ispeed["download"].progress.vi == "210/300 mẫu"
    assert not month.ispeed["download"].enough
    assert "đo tại trụ sở (không phải số liệu i-Speed công bố)" in "\n".join(month_lines(month))
    assert "số i-Speed công bố của tháng này: chưa nhập" in "\n".join(month_lines(month))


def test_published_figures_stand_beside_with_their_source(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.speed([85.0] * 3)
    shelf.figure("20", 187.43, month="2026-10", source="VNNIC 10/2026")
    shelf.figure("06184", 92.5, month="2026-10", statistic="mean", source="cổng tỉnh")
    shelf.figure("06184", 91.0, month="2026-10", statistic="mean", superseded_us=5)
    shelf.figure("06184", 60.0, month="2026-09")
    shelf.figure("06001", 70.0, month="2026-10")
    month = shelf.month()
    assert [(one.place, one.statistic, one.mbps) for one in month.published] == [
        ("06184", "mean", 92.5), ("20", "median", 187.43),
    ]  # fmt: skip
    said = "\n".join(month_lines(month))
    assert "i-Speed công bố, xã Đồng Đăng: tải xuống trung bình 92,50 Mbps (cổng tỉnh) [S]" in said
    assert "tỉnh Lạng Sơn" in said


def test_a_tslcd_line_has_neither_qcvn_nor_i_speed(shelf: Shelf) -> None:
    shelf.commune("tslcd", contracted_down_mbps=100)
    shelf.speed([90.0] * 40, link="tslcd")
    month = shelf.month("tslcd")
    assert month.ispeed == {}
    assert month.parts[0].speeds is not None
    assert month.parts[0].speeds.qcvn == {}
    assert month.capacity is None  # nothing polled its traffic


def test_the_week_of_the_fcc_is_chosen_by_the_calendar(shelf: Shelf) -> None:
    whole = Part(first=date(2026, 10, 1), last=date(2026, 10, 31), contract=None)
    assert last_week(whole, date(2026, 11, 5)) == (date(2026, 10, 19), date(2026, 10, 25))
    assert last_week(whole, date(2026, 10, 25)) == (date(2026, 10, 12), date(2026, 10, 18))  # this Sunday is not over
    assert last_week(whole, date(2026, 10, 26)) == (date(2026, 10, 19), date(2026, 10, 25))
    short = Part(first=date(2026, 10, 6), last=date(2026, 10, 17), contract=None)
    assert last_week(short, date(2026, 11, 5)) is None


def test_evenings_of_that_week_are_counted_as_the_fcc_counts(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100, layer="payload")
    for day in range(1, 32):  # every hour; slow from 18 to 24 h on the Saturday and Sunday of the week
        slow = day in (24, 25)
        shelf.speed([79.0 if slow and hour >= 18 else 80.0 for hour in range(24)], start=at(day))
    shelf.pings([True] * 24, start=at(19, 18), step=timedelta(minutes=15))
    shelf.pings([False] * 4, start=at(20, 18), step=timedelta(minutes=15))
    week = shelf.month().parts[0].evenings
    assert week is not None
    assert (week.first.day, week.last.day) == (19, 25)
    view = week.ways["download"]
    assert view.speed.figure is not None
    assert (view.speed.figure.n, view.speed.figure.value, view.hours) == (42, 30 / 42, 42)
    assert (view.met, view.speed.shown) == (False, VerdictOutcome.INSUFFICIENT)
    assert view.latency.figure is not None
    assert (view.latency.figure.n, view.latency.figure.value) == (24, 1.0)
    assert list(week.ways) == ["download"]  # the contract names no upload
    assert "chưa đủ để chứng minh" in words.evening(week, "download").vi


def test_a_value_that_is_no_measurement_breaks_no_page(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100, layer="payload")
    shelf.speed([-1.0, 1e13, 90.0], start=at(20, 19))
    part = shelf.month().parts[0]
    assert part.evenings is not None
    figure = part.evenings.ways["download"].speed.figure
    assert figure is not None
    assert figure.n == 1
    assert part.speeds is not None
    assert part.speeds.counts["download"].without_value == 2


def test_evening_hours_lie_against_the_others_of_the_same_days(shelf: Shelf) -> None:
    shelf.commune("fixed", layer="payload")
    shelf.speed([70.0 if hour >= 18 else 100.0 for _ in range(14) for hour in range(24)])
    found = speeds(shelf)
    evening = found.peaks["evening"]["download"]
    assert evening.inside is not None
    assert evening.difference is not None
    assert (evening.inside.value, evening.difference.value, evening.difference.days) == (70.0, -30.0, 14)
    assert "thấp hơn 30,0 Mbps" in words.peak(evening, words.DIRECTIONS["download"], "Mbps", 1).vi


def test_what_is_kept_and_what_was_measured_give_the_same_month(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100, contracted_up_mbps=100)
    random = Random(3)
    shelf.speed([random.gauss(95, 5) for _ in range(300)])
    shelf.pings([random.random() > 0.1 for _ in range(300)])
    before = month_fields(shelf.month())
    fill(shelf.engine)
    assert month_fields(shelf.month()) == before
    shelf.speed([10.0] * 5, start=at(2, 0.5))  # late, and the packs do not know of it
    late = month_fields(shelf.month())
    assert late != before
    assert late["evidence"]["n"] == before["evidence"]["n"] + 5
    fill(shelf.engine)
    assert month_fields(shelf.month()) == late


@pytest.mark.parametrize("kept", [False, True])
def test_no_other_line_s_rows_are_read(shelf: Shelf, kept: bool) -> None:
    shelf.commune("fixed")
    shelf.line("dd", "another", "mobile")  # before "fixed" in every index
    shelf.speed([90.0] * 5)
    shelf.speed([30.0] * 7, link="another")
    if kept:
        fill(shelf.engine)
    with writing(shelf.engine) as conn:
        conn.execute(text("UPDATE measurement SET \"values\" = 'torn' WHERE link = 'another'"))
    assert payload(speeds(shelf)).n == 5


def test_the_running_month_ends_today(shelf: Shelf) -> None:
    shelf.commune("fixed", contracted_down_mbps=100)
    shelf.speed([90.0] * 48)
    month = shelf.month(now=at(10, 12))
    assert (month.running, month.last.day, month.parts[0].part.last.day) == (True, 10, 10)
    assert "đang chạy, tính đến 10/10/2026" in next(iter(month_lines(month)))
    with pytest.raises(ValueError, match="has not begun"):
        shelf.month(now=MIDNIGHT - timedelta(days=1))


def test_a_tslcd_month_looks_at_every_span_of_seven_days(shelf: Shelf) -> None:
    shelf.commune("tslcd", contracted_down_mbps=100, contracted_up_mbps=100, layer="frame")
    polls = [
        {"interval_s": 300.0, "download_traffic_frame_mbps": 95.0 if 10 <= day <= 16 else 40.0, "upload_traffic_frame_mbps": 5.0}
        for day in range(-5, 32)
        for _ in range(288)
    ]  # fmt: skip
    shelf.runs("dd", "tslcd", polls, meter="snmp", start=at(-5, 5 / 60), step=timedelta(minutes=5))
    found = shelf.month("tslcd").capacity
    assert found is not None
    assert (found.spans, found.open) == (31, 0)
    # Of the 2,016 samples of a span the highest 5 % do not count: 100. One busy day has 288, so any span with one breaks it.
    assert found.above == len(
        [last for last in range(1, 32) if any(10 <= day <= 16 for day in range(last - 6, last + 1))]
    )
    assert found.latest.outcome is VerdictOutcome.PASS
    assert "13/31 khoảng 7 ngày" in words.capacity(found).vi
    assert ": 95,0 % dung lượng" in words.capacity(found).vi


def test_accumulated_bounds_never_cross(shelf: Shelf) -> None:
    """Of every figure that is shown: lower ≤ value ≤ upper, and p5 ≤ median ≤ p95."""
    shelf.commune("fixed", contracted_down_mbps=100)
    random = Random(11)
    walk = accumulate((random.gauss(0, 2) for _ in range(400)), initial=100.0)
    shelf.speed([abs(value) for value in walk])
    own = payload(speeds(shelf))
    for figure in (own.mean, own.median, own.p5, own.p95):
        assert figure is not None
        assert (figure.lower or 0) <= figure.value <= (figure.upper or math.inf)
    assert own.p5 is not None
    assert own.median is not None
    assert own.p95 is not None
    assert own.p5.value <= own.median.value <= own.p95.value
