"""Rollups: whole numbers that merge in any order, and text that gives them back."""

import json
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.plans.model import Operator
from doxa_collector.statistics.bins import bin_of, highest, is_edge, lowest, meeting
from doxa_collector.statistics.level import Rule, decide
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import DAY_US, Sample, micro, slot_of, weekday
from doxa_core.outcome import Outcome

DAY0 = 20_575 * DAY_US
SAMPLES = st.builds(
    Sample,
    st.integers(DAY0, DAY0 + 9 * DAY_US),
    st.sampled_from(Outcome),
    st.none() | st.floats(0, 2000) | st.integers(0, 300).map(float),
)
ORDERS = st.sampled_from([Operator.AT_LEAST, Operator.ABOVE, Operator.AT_MOST, Operator.BELOW])


def test_a_local_day_begins_at_midnight_in_vietnam() -> None:
    half_past_seven = 1_779_064_200_000_000  # 2026-05-18 07:30 in Vietnam, a Monday
    day = (date(2026, 5, 18) - date(1970, 1, 1)).days
    assert slot_of(half_past_seven) == (day, 15)
    assert slot_of(half_past_seven - 15 * 1_800_000_000 - 1) == (day - 1, 47)
    assert weekday(day) == 0


@given(st.integers(0, 10**15))
def test_every_value_lies_in_its_bin_and_bins_keep_the_order(units: int) -> None:
    key = bin_of(units)
    assert lowest(key) <= units <= highest(key)
    assert key <= bin_of(units + 1)
    assert highest(key) - lowest(key) <= max(1, units // 1000)


@given(st.integers(1, 9999), st.integers(0, 6), st.integers(0, 10**10), ORDERS)
def test_a_target_of_four_digits_is_decided_exactly(digits: int, zeros: int, units: int, operator: Operator) -> None:
    target = digits * 10**zeros
    assert is_edge(target)
    for near in (units, target - 1, target, target + 1):
        assert meeting(operator, target)(bin_of(near)) is operator.holds(near, target)


@given(st.integers(0, 10**10), st.integers(0, 10**10), ORDERS)
def test_a_longer_target_never_counts_a_miss_as_met(target: int, units: int, operator: Operator) -> None:
    if meeting(operator, target)(bin_of(units)):
        assert operator.holds(units, target)


@pytest.mark.parametrize("operator", [Operator.AT_LEAST, Operator.AT_MOST])
def test_the_bin_that_a_longer_target_cuts_counts_as_not_met(operator: Operator) -> None:
    assert bin_of(100_123_450) == bin_of(100_150_000) == bin_of(100_101_000)
    assert not meeting(operator, 100_123_450)(bin_of(100_123_450))


@given(st.lists(SAMPLES), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(samples: list[Sample], order: Random) -> None:
    other = list(samples)
    order.shuffle(other)
    assert Rollup.of(samples).to_json() == Rollup.of(other).to_json()


@given(st.lists(SAMPLES), st.lists(SAMPLES), st.lists(SAMPLES))
def test_merging_is_associative_and_commutative_and_equals_the_whole(
    a: list[Sample], b: list[Sample], c: list[Sample]
) -> None:
    x, y, z = (Rollup.of(part) for part in (a, b, c))
    whole = Rollup.of([*a, *b, *c])
    assert x.merge(y).merge(z) == x.merge(y.merge(z)) == z.merge(x).merge(y) == Rollup.merged([z, y, x]) == whole
    assert x.merge(y).merge(z).digest() == whole.digest()


@given(st.lists(SAMPLES))
def test_text_gives_the_same_rollup_back(samples: list[Sample]) -> None:
    rollup = Rollup.of(samples)
    assert Rollup.from_json(rollup.to_json()) == rollup


def test_the_text_of_version_1_stays_as_it_is() -> None:
    rollup = Rollup.of(
        [
            Sample(DAY0, Outcome.OK, 101.25),
            Sample(DAY0 + DAY_US // 2, Outcome.OK, 100.0),
            Sample(DAY0 + DAY_US // 2, Outcome.PROBE_LIMITED, 94.1234567),
            Sample(DAY0 + DAY_US, Outcome.FAILED),
        ]
    )
    golden = (
        '{"v":1,"days":[[20575,[[200000000,1,100000000],[202400001,1,101250000]],[[188240001,1,94123457]],'
        '[[14,1,101250000],[38,2,194123457]],[["ok",2],["probe_limited",1]]],[20576,[],[],[],[["failed",1]]]]}'
    )
    assert rollup.to_json() == golden
    assert Rollup.from_json(golden) == rollup


SCRAPS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 1, 2, 47, 48, 10**30, 10**500, 0.5, float("nan"), "", "ok", "v", [], [1], {}, [[1, 1, 1]]]
)
SOUND = Rollup.of(
    [Sample(DAY0, Outcome.OK, 101.25), Sample(DAY0, Outcome.PROBE_LIMITED, 3.0), Sample(0, Outcome.ERROR)]
)


def spoil(tree: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    """The tree with one place, at any depth, replaced by a scrap."""
    if not isinstance(tree, list | dict) or not tree or draw(st.integers(0, 4)) == 0:
        return draw(SCRAPS)
    key = draw(st.sampled_from(range(len(tree)) if isinstance(tree, list) else sorted(tree)))
    tree[key] = spoil(tree[key], draw)
    return tree


@given(st.data())
def test_what_is_no_rollup_raises_value_error_and_nothing_else(data: st.DataObject) -> None:
    tree = json.loads(SOUND.to_json())
    for _ in range(data.draw(st.integers(1, 2))):
        tree = spoil(tree, data.draw)
    try:
        found = Rollup.from_json(json.dumps(tree))
    except ValueError:
        return
    assert Rollup.from_json(found.to_json()) == found
    decide(found, Rule(operator=Operator.AT_LEAST, target=1.0))


@given(st.text(max_size=20))
def test_any_other_text_is_no_rollup(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Rollup.from_json(text)


@pytest.mark.parametrize(
    "spoiled",
    ["[" * 100_000, '{"v":2,"days":[]}', '{"v":1,"days":[[1,[],[],[],[]]]}',
     '{"v":1,"days":[[20575,[[200000000,1,100000000]],[],[[14,1,100000001]],[["ok",1]]]]}',
     '{"v":1,"days":[[20575,[[200000000,1,100000001]],[],[[14,1,100000001]],[["ok",1]]]]}',
     '{"v":1,"days":[[20575,[[200000000,1,100000000]],[],[[14,1,100000000]],[["failed",1]]]]}',
     '{"v":1,"days":[[20575,[],[],[],[["ok",1]]],[20575,[],[],[],[["ok",1]]]]}'],
)  # fmt: skip
def test_a_rollup_that_contradicts_itself_is_refused(spoiled: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Rollup.from_json(spoiled)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.1e12])
def test_what_is_no_measurement_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        micro(value)
    with pytest.raises(ValueError, match="must lie between"):
        Rollup.of([Sample(0, Outcome.OK, value)])


def test_a_failed_run_gives_no_value_even_if_it_carries_one() -> None:
    assert Rollup.of([Sample(0, Outcome.FAILED, 12.0)]).all.n == 0


def test_only_the_days_asked_for_are_kept() -> None:
    rollup = Rollup.of(Sample(DAY0 + n * DAY_US, Outcome.OK, 1.0) for n in range(5))
    assert list(rollup.between(20_576, 20_577).days) == [20_576, 20_577]
