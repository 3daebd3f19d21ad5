"""A line's runs by day: parts of them, together, and what they stand on."""

import pytest

from doxa_collector.rollups.model import LineRuns, Trace, evidence_of
from doxa_collector.statistics.rollup import Rollup, Tally
from doxa_collector.statistics.sample import DAY_US, Sample
from doxa_core.outcome import Outcome


def runs(*days: int, site: str = "a", value: float | None = 10.0) -> LineRuns:
    """By hand, as the contract between the rooms has it."""
    samples = [Sample(day * DAY_US, Outcome.OK, value) for day in days]
    return LineRuns(
        site=site,
        link="l",
        meter="speed",
        series={"download@ip": Rollup.of(samples)},
        traces={day: Trace(1, day, day, bytes([day]) * 32) for day in days},
    )


def test_only_the_days_asked_for_are_left() -> None:
    whole = runs(1, 2, 3, 4)
    part = whole.between(2, 3)
    assert list(part.rollup("download@ip").days) == list(part.traces) == list(part.outcomes) == [2, 3]
    assert part.sums("download@ip") == {2: Tally(1, 10_000_000), 3: Tally(1, 10_000_000)}
    assert part == whole.on({2, 3}) != whole
    assert whole.on({1, 2, 3, 4, 5}) is whole
    assert dict(whole.on({9}).series) == {}


def test_a_series_without_a_value_still_counts_its_runs() -> None:
    found = runs(1, 2).rollup("upload@wire")
    assert found.all.n == 0
    assert found.outcomes[Outcome.OK] == 2
    assert runs(1, 2).sums("upload@wire") == {}


def test_halves_of_a_month_make_the_whole() -> None:
    whole = runs(1, 2, 3)
    assert whole.on({3}).merge(whole.on({1, 2})) == whole
    assert list(whole.on({3}).merge(whole.on({1, 2})).traces) == [1, 2, 3]
    assert whole.merge(whole.on(())) == whole.on(()).merge(whole) == whole


def test_a_day_in_both_halves_is_refused_as_its_chain_cannot_go_on() -> None:
    with pytest.raises(ValueError, match="count it from the evidence"):
        runs(1, 2).merge(runs(2, 3))
    with pytest.raises(ValueError, match="one line and one meter"):
        runs(1).merge(runs(2, site="b"))


def test_evidence_is_named_the_same_whatever_the_parts() -> None:
    a, b = runs(1, 2, 3), runs(4, site="b")
    named = evidence_of([a, b])
    assert named == evidence_of([b, a.on({3}), a.on({1, 2})])
    assert named == {
        "n": 4,
        "first": 1,
        "last": 4,
        "sha256": "fefe0b60760d09ad6bc1add63edfb27b3fd077d1237a807c768a8e20416d1151",
    }
    assert named != evidence_of([a])
    assert evidence_of([]) == {"n": 0}
