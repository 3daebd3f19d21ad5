"""By bounds over days: an answer only where it is certain, and what never turns one answer into its opposite."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.assess.conftest import Books, level

from doxa_collector.assess.evidence import InForce
from doxa_collector.assess.level import hold, judge
from doxa_collector.assess.settings import METHOD, Settings
from doxa_collector.plans.model import Measure, Operator, Statistic
from doxa_collector.rollups.model import LineRuns
from doxa_collector.rollups.series import read_series
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import DAY_US, Sample
from doxa_collector.verdict import Verdict, VerdictOutcome
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

PASS, FAIL, LIMITED, INSUFFICIENT = (
    VerdictOutcome.PASS,
    VerdictOutcome.FAIL,
    VerdictOutcome.PROBE_LIMITED,
    VerdictOutcome.INSUFFICIENT,
)
BEGIN = datetime.fromisoformat("2026-11-01T00:20:00+07:00")


def month(books: Books, mean: float, spread: float = 2, *, days: int = 20, outcome: Outcome = Outcome.OK) -> None:
    """Every two hours a test of an office's fixed line, its IP figure 5 % and its wire figure 8 % above the payload."""
    if days:
        books.place("18073")
        books.office("x", "18073", "fixed")
    random = Random(7)
    rates = [random.gauss(mean, spread) for _ in range(12 * days)]
    values = [{"download_mbps": r, "download_ip_mbps": r * 1.05, "download_wire_mbps": r * 1.08} for r in rates]
    books.runs("x", "fixed", values, start=BEGIN, step=timedelta(hours=2), outcome=outcome)


def certain(books: Books, value: float = 100, **how: object) -> Verdict:
    return books.verdict(level(value, **how), decide_by="bounds", least=30)  # type: ignore[arg-type]


@pytest.mark.parametrize("statistic", Statistic)
@pytest.mark.parametrize(("mean", "outcome"), [(103, PASS), (97, FAIL), (100.1, INSUFFICIENT)])
def test_only_a_line_clear_of_the_target_gets_an_answer_with_the_bounds_it_stands_on(
    books: Books, mean: float, outcome: VerdictOutcome, statistic: Statistic
) -> None:
    month(books, mean)
    found = certain(books, statistic=statistic)
    assert found.outcome is outcome
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < (found.value or 0) < found.upper
    assert (found.lower >= 100, found.upper < 100) == (outcome is PASS, outcome is FAIL)
    assert ("within_uncertainty" in found.reasons) is (outcome is INSUFFICIENT)
    detail = json.loads(found.detail)
    assert (detail["method"], detail["confidence"], detail["decide_by"]) == (METHOD, 0.99, "bounds")
    assert (detail["min_samples"], detail["min_days"], detail["days"], detail["lines"]) == (30, 7, 20, 1)
    assert detail["mean"] == pytest.approx(mean, rel=0.01)
    assert detail["median"] == pytest.approx(mean, rel=0.01)
    assert detail["met_lower"] < detail["met_share"] == detail["met"] / detail["told"]


def test_many_samples_of_few_days_are_no_answer(books: Books) -> None:
    month(books, 150, days=6)
    found = certain(books)
    assert (found.outcome, found.n, found.reasons[0]) == (INSUFFICIENT, 72, "too_few_days")


def test_the_estimate_alone_says_that_it_was_the_estimate(books: Books) -> None:
    month(books, 100.1, days=1)
    found = books.verdict(level(100))
    assert (found.outcome, found.reasons[0]) == (PASS if (found.value or 0) >= 100 else FAIL, "by_estimate")
    assert json.loads(found.detail)["decide_by"] == "estimate"
    assert "by_estimate" not in books.verdict(level(100), least=30).reasons, "an answer that is none needs no excuse"


def test_what_the_probe_limited_is_no_fail_and_can_be_a_pass(books: Books) -> None:
    month(books, 94, outcome=Outcome.PROBE_LIMITED)
    assert certain(books).outcome is LIMITED
    assert certain(books, 90).outcome is PASS


@pytest.mark.parametrize(
    ("target", "outcome", "reason"),
    [
        (96, PASS, None),  # 97 × 1.05 = 101.85 at the IP layer, 104.8 on the wire
        (103.5, INSUFFICIENT, "between_layers"),
        (104.8, INSUFFICIENT, "outermost_open"),
        (107, FAIL, None),
    ],
)
def test_a_layer_that_nobody_named_is_missed_only_where_the_wire_misses_too(
    books: Books, target: float, outcome: VerdictOutcome, reason: str | None
) -> None:
    month(books, 97)
    found = certain(books, target, name="download_ip_mbps", layer=Layer.IP, ispeed=False)
    assert (found.outcome, found.layer) == (outcome, "ip")
    assert {"between_layers", "outermost_open", "goodput_only"} & set(found.reasons) == ({reason} if reason else set())


def test_a_wire_figure_that_the_probe_did_not_give_is_computed_from_full_packets() -> None:
    found = read_series("speed", {"download_ip_mbps": 97.5293})
    assert found["download@wire"] == pytest.approx(100, abs=1e-3)


# --- what can never happen, on the smallest pieces


MEASURE = Measure(meter="speed", value="download_mbps", link_kind=LinkKind.FIXED, layer=Layer.PAYLOAD)
DAY0 = 20_575 * DAY_US - 7 * 3_600_000_000  # midnight in Vietnam


def in_force(samples: Sequence[Sample], layers: Sequence[Layer | None] = (None,), site: str = "x") -> InForce:
    """A line whose every layer is the same figure, so that the payload alone fails nothing."""
    rollup = Rollup.of(samples)
    series: Mapping[str, Rollup] = {f"download@{layer.value}": rollup for layer in Layer}
    return InForce(
        runs=LineRuns(site=site, link="a", meter="speed", series=series, traces={}), layers=frozenset(layers)
    )


NEAR = st.floats(90, 115) | st.integers(95, 105).map(float)
SAMPLES = st.lists(
    st.builds(Sample, st.integers(DAY0, DAY0 + 4 * DAY_US), st.sampled_from([Outcome.OK, Outcome.OK, Outcome.PROBE_LIMITED]), NEAR),
    min_size=2,
    max_size=12,
)  # fmt: skip
SETTINGS = st.builds(
    Settings,
    min_samples=st.just(3),
    min_days=st.just(2),
    confidence=st.sampled_from([0.6, 0.8, 0.99]),
    decide_by=st.sampled_from(["bounds", "estimate"]),
)
OPERATORS = st.sampled_from([Operator.AT_LEAST, Operator.ABOVE, Operator.AT_MOST, Operator.BELOW])


def outcome_of(samples: Sequence[Sample], operator: Operator, settings: Settings) -> VerdictOutcome:
    return judge([in_force(samples)], MEASURE, hold(operator, 100.0, MEASURE, settings)).outcome


@given(SAMPLES, OPERATORS, SETTINGS, NEAR, st.integers(0, 4 * DAY_US))
def test_a_sample_that_meets_the_target_never_turns_pass_into_fail(
    samples: list[Sample], operator: Operator, settings: Settings, value: float, later: int
) -> None:
    if operator.holds(value, 100) and outcome_of(samples, operator, settings) is PASS:
        assert outcome_of([*samples, Sample(DAY0 + later, Outcome.OK, value)], operator, settings) is not FAIL


@given(SAMPLES, OPERATORS, SETTINGS, st.randoms(use_true_random=False), st.integers(0, 12))
def test_neither_order_nor_the_split_into_lines_changes_an_outcome(
    samples: list[Sample], operator: Operator, settings: Settings, random: Random, cut: int
) -> None:
    mixed = list(samples)
    random.shuffle(mixed)
    lines = [in_force(part, site=f"s{n}") for n, part in enumerate((mixed[:cut], mixed[cut:])) if part]
    held = hold(operator, 100.0, MEASURE, settings)
    one, other = judge([in_force(samples)], MEASURE, held), judge(lines, MEASURE, held)
    assert (one.outcome, one.value, one.n, one.bounds, one.reasons) == (
        other.outcome, other.value, other.n, other.bounds, other.reasons,
    )  # fmt: skip


@given(SAMPLES, OPERATORS, SETTINGS)
def test_samples_that_the_probe_limited_never_make_a_fail(
    samples: list[Sample], operator: Operator, settings: Settings
) -> None:
    if operator.upward:
        limited = [sample._replace(outcome=Outcome.PROBE_LIMITED) for sample in samples]
        assert outcome_of(limited, operator, settings) is not FAIL


@given(SAMPLES, OPERATORS, st.sampled_from([0.6, 0.8, 0.99]))
def test_what_the_bounds_answer_the_estimate_answers_too(
    samples: list[Sample], operator: Operator, confidence: float
) -> None:
    sure = outcome_of(samples, operator, Settings(min_samples=3, min_days=2, confidence=confidence))
    alone = outcome_of(samples, operator, Settings(min_samples=3, decide_by="estimate"))
    assert sure in (alone, INSUFFICIENT, LIMITED)


@given(SAMPLES, OPERATORS)
def test_more_confidence_never_finds_an_answer_that_less_did_not(samples: list[Sample], operator: Operator) -> None:
    low, high = (
        outcome_of(samples, operator, Settings(min_samples=3, min_days=2, confidence=sure)) for sure in (0.8, 0.99)
    )
    assert high in (low, INSUFFICIENT)
