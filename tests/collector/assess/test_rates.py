"""The benchmark of false verdicts, in small: it goes through the real judging and finds what it must. Tables: docs/judging.md."""

from doxa_collector.plans.model import Statistic
from doxa_collector.verdict import VerdictOutcome
from doxa_lab.bench import verdict_rates


def test_places_of_leased_lines_two_per_cent_off_get_the_answer_that_is_true() -> None:
    leased = verdict_rates.KINDS[0]
    said = verdict_rates.share_rates(leased, Statistic.MEAN, 2, 1, calibration=60)
    for scene in verdict_rates.SCENES:
        true = VerdictOutcome.FAIL if scene.spare else VerdictOutcome.PASS
        for margin in verdict_rates.MARGINS:
            assert said[scene.name, margin, "doxa", true] == 2


def test_of_twenty_offices_four_may_miss_a_target_of_four_in_five() -> None:
    found = {scene.name: scene.missing_it(20) for scene in verdict_rates.SCENES}
    assert list(found.values()) == [0, 1, 4, 5]
    assert [scene.missing_it(21) for scene in verdict_rates.SCENES] == [0, 1, 4, 5], "17 of 21 are 81 %"


def test_published_figures_two_per_cent_apart_are_ranked_as_they_are_whatever_their_rounding() -> None:
    said = verdict_rates.rank_rates(40, 1)
    for decimals in verdict_rates.DECIMALS:
        for level in (0.98, 1.02):
            true = VerdictOutcome.PASS if level > 1 else VerdictOutcome.FAIL
            assert said[decimals, level, true] == 40
