"""Skipped tests never lift a verdict, and where none was skipped nothing is asked of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.assess.conftest import Books, area, level, plan_of, share
from tests.collector.assess.test_rules import AFTER, NOVEMBER, QCVN, judged, local, member

from doxa_collector.assess import explain
from doxa_collector.assess.closing import judge_again, kept_result, latest_closings
from doxa_collector.assess.level import Reader, hold, judge
from doxa_collector.assess.level import judged as judged_of
from doxa_collector.assess.rules import qcvn_way_of
from doxa_collector.assess.settings import Settings
from doxa_collector.ledger.engine import reading
from doxa_collector.plans.model import Operator, Statistic
from doxa_collector.statistics.due import Due, Placed, shifted
from doxa_collector.statistics.level import decide
from doxa_collector.statistics.sample import DAY_US, Sample, plain
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome
from doxa_lab.bench._noise import FIRST_DAY, UTC_OFFSET_US, Noise, kind_of, month, seen, truth
from doxa_lab.bench._questions import TARGET, measure_of

PASS, FAIL, OPEN = VerdictOutcome.PASS, VerdictOutcome.FAIL, VerdictOutcome.INSUFFICIENT
SERIES = "download@ip"
HOUR_US = 3_600_000_000


def outcome_of(
    noise: Noise, factor: float, statistic: Statistic, operator: Operator = Operator.AT_LEAST
) -> VerdictOutcome:
    measure = measure_of(statistic)
    return judged_of(Reader([noise.line(factor)], measure), hold(operator, TARGET, measure, Settings())).outcome


def without_a_look_at_skips(noise: Noise, factor: float, statistic: Statistic) -> VerdictOutcome:
    """As method 2 decided."""
    measure = measure_of(statistic)
    rollup = noise.line(factor).runs.rollup(SERIES)
    return decide(rollup, hold(Operator.AT_LEAST, TARGET, measure, Settings()).rule).outcome


# --- lines without a skipped run

RUNS = st.lists(
    st.tuples(
        st.integers(0, 10 * 24), st.sampled_from([o for o in Outcome if o is not Outcome.SKIPPED]), st.floats(95, 112)
    ),
    min_size=1,
    max_size=60,
)


def noise_of(runs: Sequence[tuple[int, Outcome, float]]) -> Noise:
    begin = FIRST_DAY * DAY_US - UTC_OFFSET_US
    telling = (Outcome.OK, Outcome.PROBE_LIMITED)
    ordered = sorted(runs, key=lambda run: run[0])
    return Noise([Sample(begin + at * HOUR_US, how, value if how in telling else None) for at, how, value in ordered])


@settings(max_examples=60)
@given(
    RUNS,
    st.sampled_from(Statistic),
    st.sampled_from([Operator.AT_LEAST, Operator.AT_MOST]),
    st.sampled_from([0.6, 0.99]),
)
def test_a_line_without_skipped_runs_has_the_verdict_that_the_bounds_alone_give(
    runs: list[tuple[int, Outcome, float]], statistic: Statistic, operator: Operator, confidence: float
) -> None:
    line, measure = noise_of(runs).line(1), measure_of(statistic)
    held = hold(operator, TARGET, measure, Settings(min_samples=5, min_days=2, confidence=confidence))
    found, alone = judge([line], measure, held), decide(line.runs.rollup(SERIES), held.rule)
    figure = alone.figure
    ends = None if figure is None or figure.lower is figure.upper is None else (figure.lower, figure.upper)
    assert (found.outcome, found.bounds, found.value) == (alone.outcome, ends, figure and figure.value)
    assert found.reasons[: len(alone.reasons)] == alone.reasons
    assert "due" not in found.detail
    assert "skips_decide" not in found.reasons


# --- skipped just when the line is slow


def crowded(months: int) -> Iterator[tuple[Noise, Noise]]:
    """Months of a line that is a quarter slower in the evening: all of its tests, and what the skipping leaves of them."""
    kind, draw = kind_of("crowded, skips when busy"), Random(3)
    for _ in range(months):
        due = list(month(kind, draw))
        yield Noise(due), Noise(list(seen(kind, due, draw)))


@pytest.mark.parametrize("statistic", Statistic)
def test_skipping_the_slow_evenings_never_lifts_a_line_to_a_pass_and_never_hides_one_that_is_clear(
    statistic: Statistic,
) -> None:
    scale = TARGET / truth(kind_of("crowded, skips when busy"), statistic, 40)
    lifted = 0
    for whole, left in crowded(12):
        for reached in (0.96, 0.98, 0.99):
            factor = scale * reached
            assert outcome_of(left, factor, statistic) is not PASS or outcome_of(whole, factor, statistic) is PASS
            lifted += without_a_look_at_skips(left, factor, statistic) is PASS
        lifted += without_a_look_at_skips(left, scale, statistic) is PASS
        assert outcome_of(left, scale * 1.08, statistic) is PASS
        assert outcome_of(left, scale * 0.90, statistic) is FAIL
    assert lifted > 0, "without a look at what was skipped some of these months pass"


def test_the_verdict_says_why_it_is_none_and_its_bounds_reach_over_both_figures() -> None:
    measure = measure_of(Statistic.MEAN)
    scale = TARGET / truth(kind_of("crowded, skips when busy"), Statistic.MEAN, 40)
    months = (left for _, left in crowded(12) if without_a_look_at_skips(left, scale, Statistic.MEAN) is PASS)
    left, held = next(months).line(scale), hold(Operator.AT_LEAST, TARGET, measure, Settings())
    found, alone = judge([left], measure, held), decide(left.runs.rollup(SERIES), held.rule)
    assert (alone.outcome, found.outcome, found.reasons[0]) == (PASS, OPEN, "skips_decide")
    assert alone.figure is not None
    assert found.bounds is not None
    assert (found.value, found.n) == (alone.figure.value, alone.figure.n)
    assert (found.bounds.lower or 0) < TARGET <= (alone.figure.lower or 0)
    assert found.detail["due"] < found.detail["mean"]
    by_figure = hold(Operator.AT_LEAST, TARGET, measure, Settings(decide_by="estimate"))
    assert judge([left], measure, by_figure).outcome is PASS, "a demonstration decides by the figure alone"


def test_a_line_that_skips_its_fast_hours_does_not_fail_by_what_is_left() -> None:
    """The mirror image: delays that may not lie above the target, and nights that nobody measured."""
    draw = Random(5)
    due = [(day * 24 + hour, 70 if hour < 5 else 102, draw.gauss(0, 0.5)) for day in range(28) for hour in range(24)]
    runs = [
        (at, Outcome.SKIPPED if base < 100 and draw.random() < 0.9 else Outcome.OK, base + noise)
        for at, base, noise in due
    ]
    full = noise_of([(at, Outcome.OK, base + noise) for at, base, noise in due])
    unseen = noise_of([run for run in runs if run[1] is Outcome.OK])
    found = [outcome_of(noise, 1, Statistic.MEAN, Operator.AT_MOST) for noise in (full, unseen, noise_of(runs))]
    assert found == [PASS, FAIL, OPEN]


def test_an_hour_that_was_always_skipped_may_be_as_slow_as_the_slowest_for_a_pass_and_as_fast_as_the_fastest_for_a_fail() -> (
    None
):
    draw = Random(8)
    hours = {hour: 90.0 if hour < 3 else 104.0 for hour in range(23)}  # 102.2 in the mean; with the 24th 101.7 to 102.3
    runs = [
        (
            24 * day + hour,
            Outcome.OK if hour in hours else Outcome.SKIPPED,
            hours.get(hour, 100.0) + draw.gauss(0, 0.01),
        )
        for day in range(28)
        for hour in range(24)
    ]
    said = {
        target: outcome_of(noise_of(runs), TARGET / target, Statistic.MEAN) for target in (101.6, 102.0, 102.2, 102.4)
    }
    assert said == {101.6: PASS, 102.0: OPEN, 102.2: OPEN, 102.4: FAIL}


@pytest.mark.parametrize("statistic", Statistic)
def test_tests_skipped_by_chance_seldom_cost_an_answer(statistic: Statistic) -> None:
    kind, draw = kind_of("fibre, skips by chance"), Random(2)
    scale, kept, before = TARGET / truth(kind, statistic, 40), 0, 0
    for _ in range(12):
        noise = Noise(list(seen(kind, month(kind, draw), draw)))
        for reached in (0.97, 0.98, 1.02, 1.03):
            alone = without_a_look_at_skips(noise, scale * reached, statistic)
            measure = measure_of(statistic)
            said = judged_of(
                Reader([noise.line(scale * reached)], measure), hold(Operator.AT_LEAST, TARGET, measure, Settings())
            )
            found = said.outcome
            assert found in (alone, OPEN)
            assert ("skips_decide" in said.reasons) is (found is not alone)
            before += alone is not OPEN
            kept += found is not OPEN
    assert kept >= 0.75 * before > 0


def test_packs_and_evidence_say_it_to_the_byte_for_a_place_and_for_a_share_of_its_offices(books: Books) -> None:
    """Hourly tests, slow from 18 to 22 h, where of ten evenings one is measured."""
    books.place("18073")
    books.office("x", "18073", "tslcd", layer="ip")
    draw = Random(6)
    for hour in range(24):
        busy = 18 <= hour < 22
        for skipped in (False, True) if busy else (False,):
            values = [{"download_ip_mbps": draw.gauss(80 if busy else 102, 0.5)}] * (3 if busy else 28)
            books.runs(
                "x", "tslcd", [None] * 25 if skipped else values, outcome=Outcome.SKIPPED if skipped else Outcome.OK,
                start=local(NOVEMBER.first) + timedelta(hours=hour, days=3 if skipped else 0), step=timedelta(days=1),
                received=AFTER - timedelta(days=5),
            )  # fmt: skip
    rate = level(
        100, statistic=Statistic.MEAN, name="download_ip_mbps", layer=Layer.IP, ispeed=False, kind=LinkKind.TSLCD
    )
    some = share(100)
    assert some.condition is not None
    assert some.condition.measure is not None
    mean = replace(some.condition, measure=replace(some.condition.measure, statistic=Statistic.MEAN))
    plan = plan_of(rate, replace(some, condition=mean), where=area("18073"))
    said = books.judge(plan, now=AFTER, decide_by="bounds", least=30)
    one, of_all = (verdict for verdict in said if verdict.period_from == NOVEMBER.first)
    with reading(books.engine) as conn:
        closed = latest_closings(conn)[NOVEMBER.first]
        assert judge_again(conn, closed).encode() == kept_result(conn, closed)
    assert (one.outcome, one.reasons[0]) == (of_all.outcome, "skips_decide") == (OPEN, "skips_decide")
    assert (one.lower or 0) < 100 < (one.value or 0)
    assert {"offices_unknown", "skips_decide"} <= set(of_all.reasons)
    assert "các lần đo bị bỏ qua đủ để đổi kết luận" in explain(one, rate).vi
    assert "the skipped tests could change the answer" in explain(one, rate).en


# --- the figure of all that was due


def test_each_hour_counts_as_much_as_was_due_in_it_and_an_empty_one_like_the_hour_that_speaks_most_against() -> None:
    """Per day two runs of 10 and of 20 in other hours, one of 4 beside three skipped ones, and a skipped one alone."""
    whole = [Placed(0, 10), Placed(1, 10), Placed(4, 20), Placed(5, 20)]
    line = {day: [*whole, Placed(40, 4), *[Placed(41, None)] * 3, Placed(20, None)] for day in (1, 2, 3)}
    low, high = Due.of([line], low=True).mean(), Due.of([line], low=False).mean()
    assert low is not None
    assert high is not None
    assert low.value == pytest.approx(plain(20 + 40 + 4 * 5, 9))
    assert high.value == pytest.approx(plain(20 + 40 + 16 + 20, 9))
    assert Due.of([{1: [Placed(3, None)]}], low=True).mean() is None
    middles = [Due.of([line], low=low).median() for low in (True, False)]
    assert [middle and middle.value for middle in middles] == [plain(4), plain(10)], "15 and 12 of 27 count as 4"
    assert Due.of([{1: [Placed(3, None)]}], low=True).median() is None


def test_unequal_weights_are_worth_fewer_values() -> None:
    """Days that do not differ at all: 460 values of weight 1 and 20 of weight 21 tell as much as 83 equal ones."""
    line = {day: [*(Placed(2 * hour, 1000 + hour) for hour in range(24)), *[Placed(2, None)] * 20] for day in range(20)}
    found = Due.of([line], low=True).median()
    assert found is not None
    assert 20 < found.clustering.effective_tests(0.99) < 84


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 47), st.none() | st.integers(0, 10**9)), max_size=30),
    st.randoms(),
)
def test_neither_the_order_of_runs_nor_that_of_days_moves_the_figure(
    runs: list[tuple[int, int, int | None]], random: Random
) -> None:
    def line(found: Sequence[tuple[int, int, int | None]]) -> dict[int, list[Placed]]:
        days: dict[int, list[Placed]] = {}
        for day, half_hour, units in found:
            days.setdefault(day, []).append(Placed(half_hour, units))
        return days

    mixed = list(runs)
    random.shuffle(mixed)
    one, other = Due.of([line(sorted(runs, key=lambda r: r[0]))], low=True), Due.of([line(mixed)], low=True)
    assert one.mean() == other.mean()
    mean = one.mean()
    values = [plain(units) for *_, units in runs if units is not None]
    assert mean is None if not values else min(values) - 1e-6 <= mean.value <= max(values) + 1e-6  # type: ignore[union-attr]


# --- QCVN 34


@pytest.mark.parametrize(
    ("way", "evening", "rest", "skipped", "outcome", "reasons"),
    [
        ("download", 50, 84, True, "insufficient", ["skips_decide"]),  # 83.2 of what is there, 78.3 of what was due
        ("upload", 50, 84, True, "insufficient", ["skips_decide"]),
        ("download", 50, 84, False, "pass", []),
        ("download", 70, 84, True, "pass", []),  # 81.7 of what was due
        ("upload", 90, 79.5, True, "insufficient", ["skips_decide"]),  # 79.8 and 81.3
        ("download", 50, 79, True, "fail", ["below"]),
    ],
)
def test_qcvns_mean_is_open_where_the_skipped_transfers_could_turn_it(
    books: Books, way: str, evening: float, rest: float, skipped: bool, outcome: str, reasons: list[str]
) -> None:
    """48 half hours a day; of the eight of the evening only the first was measured, on every day."""
    books.place("18073")
    books.office("x", "18073")
    books.line("x", "wan", "fixed", contracted_down_mbps=100, contracted_up_mbps=100)
    steady = {"download_mean_mbps": 95.0, "upload_mean_mbps": 95.0}
    for slot in range(48):
        gone = 37 <= slot < 44
        if gone and not skipped:
            continue
        values = None if gone else steady | {f"{way}_mean_mbps": evening if slot == 36 else rest}
        books.runs(
            "x", "wan", [values] * 29, outcome=Outcome.SKIPPED if gone else Outcome.OK,
            start=local(NOVEMBER.first) + timedelta(minutes=30 * slot), step=timedelta(days=1), received=AFTER - timedelta(days=5),
        )  # fmt: skip
    found = judged(books, QCVN, AFTER)
    assert (found.outcome, member(found)["reasons"], member(found)["n"]) == (outcome, reasons, 41 * 29)
    assert ("skips_decide" in found.reasons) is ("skips_decide" in reasons)


def test_transfers_skipped_by_chance_leave_qcvns_answer_alone() -> None:
    draw = Random(4)
    for rate, meets in ((81.0, True), (79.0, False)):
        runs = [
            (at, Outcome.SKIPPED if draw.random() < 0.2 else Outcome.OK, draw.gauss(rate, 2)) for at in range(60 * 24)
        ]
        assert qcvn_way_of(noise_of(runs).line(1).runs, SERIES, 100).meets is meets


def test_a_single_day_tells_nothing_of_a_shift() -> None:
    assert shifted({1: [Placed(0, 10), Placed(1, None)]}, 0.99, low=True) is None
    assert shifted({1: [Placed(1, None)]}, 0.99, low=True) is None
    two = {day: [Placed(0, 10_000_000), Placed(2, 4_000_000), Placed(3, None)] for day in (1, 2)}
    assert shifted(two, 0.99, low=True) == pytest.approx(6 - 7)
