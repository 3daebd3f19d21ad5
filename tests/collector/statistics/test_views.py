"""The views of QCVN 34, i-Speed and the FCC, peak hours, and what stands beside every figure."""

from collections.abc import Callable, Iterable
from datetime import time
from random import Random

import pytest

from doxa_collector.plans.model import Mark, Operator
from doxa_collector.statistics import ispeed, qcvn
from doxa_collector.statistics.coverage import spread_of
from doxa_collector.statistics.fcc import fcc_view
from doxa_collector.statistics.ispeed import month_view
from doxa_collector.statistics.missing import Extremes, counts_of, mean_extremes, share_extremes
from doxa_collector.statistics.peak import peak_of
from doxa_collector.statistics.qcvn import QcvnView, qcvn_way
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import DAY_US, Sample
from doxa_collector.statistics.windows import EVENING, OFFICE, Window
from doxa_collector.verdict import VerdictOutcome
from doxa_core.outcome import Outcome

MONDAY = 20_591  # 2026-05-18
HOUR_US = 3_600_000_000


def at(day: int, hour: float, value: float | None, outcome: Outcome = Outcome.OK) -> Sample:
    """A run on a day after that Monday, at a local hour."""
    return Sample((MONDAY + day) * DAY_US + int((hour - 7) * HOUR_US), outcome, value)


def hourly(value: Callable[[int], float], days: int = 28, hours: Iterable[int] = range(24)) -> list[Sample]:
    return [at(day, hour, value(hour)) for day in range(days) for hour in hours]


def test_office_hours_are_weekdays_without_the_noon_break() -> None:
    inside = [hour for hour in range(48) if [*OFFICE.of([at(0, hour / 2, 1.0)])]]
    assert inside == [*range(15, 23), *range(26, 33)]
    assert [*OFFICE.of([at(5, 9, 1.0), at(6, 9, 1.0)])] == []
    assert [*EVENING.of([at(5, 17.99, 1.0), at(5, 18, 2.0), at(5, 23.99, 3.0)])] == [at(5, 18, 2.0), at(5, 23.99, 3.0)]


@pytest.mark.parametrize(
    "spans", [(), ((time(9), time(9)),), ((time(9, 15), time(10)),), ((time(9), time(11)), (time(10), time(12)))]
)
def test_a_window_that_half_hours_cannot_tell_is_refused(spans: tuple[tuple[time, time], ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Window(spans=spans)
    with pytest.raises(ValueError, match=r"0 to 6"):
        Window(spans=((time(9), time(10)),), weekdays=frozenset({7}))


def test_a_line_that_is_slow_in_the_evening_shows_by_how_much() -> None:
    random = Random(1)
    found = peak_of(Rollup.of(hourly(lambda hour: (70 if hour >= 18 else 100) + random.gauss(0, 3))), EVENING)
    assert found.difference is not None
    assert found.difference.lower is not None
    assert found.difference.upper is not None
    assert found.difference.lower < -30 < found.difference.upper < -27
    assert found.ratio == pytest.approx(0.7, abs=0.01)
    assert found.ratio is not None
    assert found.ratio_bounds is not None
    assert found.ratio_bounds.lower < found.ratio < found.ratio_bounds.upper < 0.75


def test_slow_days_do_not_pass_for_slow_hours() -> None:
    """Paired by day: the days differ by 50, the hours not at all; a weekend's rest does not count against office hours."""
    samples = [at(day, hour, 200.0 - 50 * (day % 2) - 90 * (day % 7 > 4)) for day in range(28) for hour in range(24)]
    found = peak_of(Rollup.of(samples), OFFICE)
    assert found.difference is not None
    assert (found.difference.value, found.difference.lower, found.difference.upper) == (0, 0, 0)
    assert found.difference.days == 20
    assert found.outside is not None
    assert found.outside.days == 20
    assert found.ratio == 1


def test_without_tests_in_the_window_there_is_no_difference() -> None:
    found = peak_of(Rollup.of(hourly(lambda _: 100.0, hours=range(8))), EVENING)
    assert (found.inside, found.difference, found.ratio, found.ratio_bounds) == (None, None, None, None)
    assert found.outside is not None


def test_spread_tells_even_days_from_bunched_ones() -> None:
    assert spread_of(Rollup.of(hourly(lambda _: 1.0))).even_hours == 24
    bunched = spread_of(Rollup.of([*hourly(lambda _: 1.0, days=1), *hourly(lambda _: 1.0, days=27, hours=[9])]))
    assert bunched.hours == 24
    assert bunched.even_hours < 3.5
    assert spread_of(Rollup(days={})).hours == 0


def test_qcvn_waits_for_its_thousand_samples_and_says_how_many_hours_they_cover() -> None:
    way = qcvn_way(Rollup.of(hourly(lambda _: 81.0, hours=range(22))), 100)
    assert way.meets is None
    assert way.progress.vi == "616/1000 mẫu, 22/24 giờ"
    assert way.share == pytest.approx(0.81)


@pytest.mark.parametrize(("speed", "meets"), [(80.0, True), (79.9, False)])
def test_qcvn_holds_the_arithmetic_mean_against_80_percent(speed: float, meets: bool) -> None:
    enough = Rollup.of(hourly(lambda hour: speed - 10 + 20 * (hour % 2), days=42))
    way = qcvn_way(enough, 100)
    assert way.meets is meets
    assert QcvnView(download=way, upload=qcvn_way(enough, 50)).meets is meets
    assert QcvnView(download=way, upload=qcvn_way(Rollup(days={}), 50)).meets is (None if meets else False)


def test_qcvn_blames_no_line_for_a_limited_probe_and_always_shows_its_mark() -> None:
    limited = [at(n // 24, n % 24, 50.0, Outcome.PROBE_LIMITED) for n in range(1000)]
    assert qcvn_way(Rollup.of(limited), 100).meets is None
    assert qcvn.MARK is Mark.S
    assert "[S" in qcvn.SOURCE.vi
    assert "[S" in qcvn.SOURCE.en


def test_an_i_speed_like_month_shows_both_statistics_and_never_the_name_as_ours() -> None:
    view = month_view(Rollup.of(hourly(lambda hour: 100.0 if hour else 400.0, days=12)))
    assert view.median is not None
    assert view.mean is not None
    assert (view.median.value, view.mean.value) == (100.0, 112.5)
    assert (view.progress.vi, view.enough) == ("288/300 mẫu", False)
    assert "không phải số liệu i-Speed" in ispeed.LABEL.vi
    assert month_view(Rollup.of(hourly(lambda _: 1.0, days=13))).enough


def test_the_fcc_rule_counts_one_week_of_evenings() -> None:
    speed = hourly(lambda hour: 85.0 if hour >= 18 else 10.0, days=14)
    latency = hourly(lambda _: 100.0, days=14)
    view = fcc_view(speed, latency, 100, MONDAY)
    assert view.met is True
    assert view.hours == 42
    assert view.speed.figure is not None
    assert (view.speed.figure.n, view.speed.needed, view.latency.needed) == (42, 39, None)
    assert view.speed.shown is VerdictOutcome.PASS
    assert view.latency.shown is VerdictOutcome.INSUFFICIENT


@pytest.mark.parametrize(("failing", "met", "shown"), [(3, True, VerdictOutcome.PASS), (8, True, VerdictOutcome.INSUFFICIENT),
                                                       (9, False, VerdictOutcome.INSUFFICIENT), (20, False, VerdictOutcome.FAIL)])  # fmt: skip
def test_the_fcc_share_as_it_stands_and_what_is_shown_are_two_things(
    failing: int, met: bool, shown: VerdictOutcome
) -> None:
    speed = [at(n // 6, 18 + n % 6, 79.9 if n < failing else 80.0) for n in range(42)]
    found = fcc_view(speed, [], 100, MONDAY)
    assert (found.speed.met, found.speed.shown, found.met) == (met, shown, None)


GATED = Rollup.of(
    [*(at(0, 9, 110.0) for _ in range(6)), *(at(0, 9, 50.0) for _ in range(2)),
     at(0, 9, 94.0, Outcome.PROBE_LIMITED), at(0, 9, 101.0, Outcome.PROBE_LIMITED), at(0, 9, None),
     *(at(0, 9, None, Outcome.SKIPPED) for _ in range(5)), at(0, 9, None, Outcome.FAILED), at(0, 9, None, Outcome.ERROR)]
)  # fmt: skip


def test_every_run_is_counted_once_beside_the_figure() -> None:
    found = counts_of(GATED, due=20)
    assert (found.measured, found.probe_limited, found.skipped, found.failed) == (8, 2, 5, 1)
    assert (found.error, found.without_value, found.never_ran) == (1, 1, 2)
    assert (found.due, found.missing) == (20, 12)


def test_gating_cannot_hide_what_the_missing_tests_could_have_said() -> None:
    assert share_extremes(GATED, Operator.AT_LEAST, 100, 20) == Extremes(worst=7 / 20, best=18 / 20)
    found = mean_extremes(GATED, Operator.AT_LEAST, 100, 20)
    assert found.worst == pytest.approx((660 + 100 + 94 + 101) / 20)
    assert found.best == pytest.approx((660 + 100 + 94 + 101 + 1000) / 20)
    assert mean_extremes(GATED, Operator.AT_MOST, 100).worst is None
    assert share_extremes(Rollup(days={}), Operator.AT_LEAST, 1) == Extremes(worst=None, best=None)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: qcvn_way(GATED, 0),
        lambda: qcvn_way(GATED, 100, share=0),
        lambda: qcvn_way(GATED, float("inf")),
        lambda: month_view(GATED, samples=0),
        lambda: fcc_view([], [], 0, MONDAY),
        lambda: fcc_view([], [], float("nan"), MONDAY),
        lambda: counts_of(GATED, -1),
        lambda: share_extremes(GATED, Operator.EQUAL, 1),
        lambda: mean_extremes(GATED, Operator.EQUAL, 1),
        lambda: peak_of(GATED, OFFICE, 0.2),
    ],
)
def test_what_lies_outside_the_domain_is_a_value_error(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        wrong()
