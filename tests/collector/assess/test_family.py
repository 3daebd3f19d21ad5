"""Shares of many offices: what one office's chance error may do to the share's answer, and what it may not."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.assess.family import Family, family_of
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.share import Member, Missing, Standing, tally
from doxa_collector.plans.model import Operator
from doxa_collector.statistics.binomial import binomial_tail
from doxa_collector.verdict import VerdictOutcome

RULES = Settings()


def test_all_of_a_hundred_needs_a_plain_pass_from_each_and_a_sure_miss_from_one() -> None:
    family = family_of(100, 0, Operator.EQUAL, 100, RULES)
    assert (family.met, family.failed) == pytest.approx((0.99, 0.9999))
    assert (family.idle_met, family.idle_failed) == (0, 0)


def test_one_office_is_judged_as_one_line() -> None:
    assert family_of(1, 0, Operator.EQUAL, 100, RULES) == Family(met=0.99, failed=0.99)


def test_four_of_five_divides_the_doubt_between_both_sides() -> None:
    family = family_of(50, 0, Operator.AT_LEAST, 80, RULES)
    assert (family.met, family.failed) == pytest.approx((1 - 0.01 / 11, 1 - 0.01 / 40))


def test_by_the_estimate_nothing_is_divided() -> None:
    assert family_of(50, 0, Operator.EQUAL, 100, Settings(decide_by="estimate")) == Family(met=0.99, failed=0.99)


def test_a_country_needs_more_than_one_missed_office_but_never_more_than_one_certain_failure() -> None:
    family = family_of(3321, 0, Operator.EQUAL, 100, RULES)
    assert (family.failed, family.idle_failed) == (0.9999, 2)

    def outcome(missed: int, *, by_figure: bool) -> VerdictOutcome:
        standings = [Standing.FAILED] * missed + [Standing.MET] * (3321 - missed)
        return tally(of(standings, by_figure=by_figure), Missing(n=0), Operator.EQUAL, 100, family).outcome

    assert [outcome(n, by_figure=True) for n in (0, 1, 2, 3)] == [
        VerdictOutcome.PASS, VerdictOutcome.INSUFFICIENT, VerdictOutcome.INSUFFICIENT, VerdictOutcome.FAIL,
    ]  # fmt: skip
    assert outcome(1, by_figure=False) is VerdictOutcome.FAIL, "what the registry says is no matter of chance"


def of(standings: Sequence[Standing], *, by_figure: bool = True) -> list[Member]:
    return [
        Member(site=f"s{n}", place="18073", standing=standing, by_figure=by_figure)
        for n, standing in enumerate(standings)
    ]


SHARES = st.sampled_from(
    [(Operator.EQUAL, 100.0), (Operator.AT_LEAST, 90.0), (Operator.ABOVE, 50.0), (Operator.AT_MOST, 20.0)]
)


@given(st.integers(1, 4000), st.integers(0, 50), SHARES)
def test_chance_turns_a_share_less_often_than_the_doubt(
    offices: int, missing: int, asked: tuple[Operator, float]
) -> None:
    """With as many offices on the one side as the target allows, the others' errors must not reach what would turn it."""
    family = family_of(offices, missing, *asked, RULES)
    total = offices + missing
    upward = asked[0].upward
    spare = max(
        (n for n in range(total) if asked[0].holds(100 * (total - n if upward else n) / total, asked[1])), default=0
    )
    against, idle = (family.failed, family.idle_failed) if upward else (family.met, family.idle_met)
    assert binomial_tail(idle + 1, max(1, offices - spare), 1 - against) <= 0.01 * (1 + 1e-6)
    towards, idle = (family.met, family.idle_met) if upward else (family.failed, family.idle_failed)
    assert binomial_tail(idle + 1, spare + 1, 1 - towards) <= 0.01 * (1 + 1e-6)


def test_in_play_the_share_errs_less_often_than_one_line_may() -> None:
    """3,000 places of 40 offices that all meet the condition, each missed as often as its confidence allows."""
    random, family = Random(5), family_of(40, 0, Operator.EQUAL, 100, RULES)
    wrong = sum(
        tally(
            of([Standing.FAILED if random.random() < 1 - family.failed else Standing.MET for _ in range(40)]),
            Missing(n=0), Operator.EQUAL, 100, family,
        ).outcome is VerdictOutcome.FAIL
        for _ in range(3000)
    )  # fmt: skip
    assert 0 < wrong / 3000 < 0.02
