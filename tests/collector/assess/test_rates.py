"""The benchmark of false verdicts, in small: it goes through the real judging and finds what it must. Tables: docs/judging.md."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from doxa_collector.plans.model import Statistic
from doxa_collector.verdict import VerdictOutcome
from doxa_core.outcome import Outcome
from doxa_lab.bench import _rule_rates, _share_rates, verdict_rates
from doxa_lab.bench._cells import DOXA, Cells, joined, rate
from doxa_lab.bench._noise import kind_of, month, seen

PASS, FAIL, OPEN = VerdictOutcome.PASS, VerdictOutcome.FAIL, VerdictOutcome.INSUFFICIENT


def test_places_of_leased_lines_two_per_cent_off_get_the_answer_that_is_true() -> None:
    leased = kind_of("leased")
    found = _share_rates.scene_rates(leased, Statistic.MEAN, 2, 1, margins=(0.02,), calibration=60)
    for scene in _share_rates.SCENES:
        true = FAIL if scene.spare else PASS
        assert found.of(_share_rates.row_of(scene, leased, Statistic.MEAN), "±2%", DOXA).said[true] == 2


def test_of_twenty_offices_four_may_miss_a_target_of_four_in_five() -> None:
    found = {scene.name: scene.missing_it(20) for scene in _share_rates.SCENES}
    assert list(found.values()) == [0, 1, 4, 5]
    assert [scene.missing_it(21) for scene in _share_rates.SCENES] == [0, 1, 4, 5], "17 of 21 are 81 %"


def test_a_place_with_offices_without_probe_is_never_judged_against_what_is_true() -> None:
    found = _share_rates.place_rates(kind_of("leased"), Statistic.MEAN, 3, 1, points=(-10, 10), calibration=60)
    assert sum(cell.n for cell in found.all() if cell.rule == DOXA) > 3
    assert all(cell.false == 0 for cell in found.all() if cell.rule == DOXA)


def test_published_figures_two_per_cent_apart_are_ranked_as_they_are_whatever_their_rounding() -> None:
    said = verdict_rates.rank_rates(40, 1)
    for decimals in verdict_rates.DECIMALS:
        for level in (0.98, 1.02):
            true = PASS if level > 1 else FAIL
            assert said[decimals, level, true] == 40


def test_a_week_of_traffic_is_above_the_rule_only_where_all_its_samples_are() -> None:
    found = _rule_rates.p95_rates(1, 1)
    said = {truth: found.of("p95, every poll comes", truth, DOXA).said for truth in ("0.98", "1.00", "1.02")}
    assert said == {"0.98": Counter({PASS: 1}), "1.00": Counter({PASS: 1}), "1.02": Counter({FAIL: 1})}
    assert found.of("p95, 10 % lost by chance", "1.02", DOXA).said == Counter({OPEN: 1})


def test_a_steady_line_keeps_qcvns_mean_and_the_fccs_share_just_above_them_and_not_just_below() -> None:
    still = kind_of("tslcd, still")
    for found in (
        _rule_rates.qcvn_rates(still, 1, 1, calibration=2),
        _rule_rates.fcc_rates(still, 1, 1, calibration=20),
    ):
        said = {cell.truth: next(iter(cell.said)) for cell in found.all() if cell.rule in (DOXA, "as the FCC counts")}
        assert (said["0.98"], said["1.02"]) == (FAIL, PASS)


@pytest.mark.parametrize(
    ("name", "ending", "least", "most"),
    [
        ("fibre, skips by chance", Outcome.SKIPPED, 0.35, 0.45),
        ("fibre, skips when busy", Outcome.SKIPPED, 0.1, 0.2),
        ("fibre, probe limited", Outcome.PROBE_LIMITED, 0.15, 0.25),
    ],
)
def test_what_is_taken_from_a_month_is_what_its_kind_says(
    name: str, ending: Outcome, least: float, most: float
) -> None:
    draw = Random(1)
    found = Counter(sample.outcome for sample in seen(kind_of(name), month(kind_of(name), draw), draw))
    assert least <= found[ending] / found.total() <= most


def test_pieces_are_added_up_and_rates_bounded_exactly(tmp_path: Path) -> None:
    cells = Cells()
    for outcome in (PASS, FAIL, FAIL, OPEN):
        cells.count("row", "0.98", DOXA, outcome, met=False)
    cells.keep(tmp_path / "piece.json")
    whole = joined([tmp_path / "piece.json"] * 2).of("row", "0.98", DOXA)
    assert (whole.n, whole.false_pass, whole.false_fail, whole.answered) == (8, 2, 0, 6)
    assert rate(0, 2000) == "0.00 % (≤ 0.15)"
    other = Cells()
    other.count("row", "0.98", DOXA, PASS, met=True)
    other.keep(tmp_path / "other.json")
    with pytest.raises(ValueError, match="what is true"):
        joined([tmp_path / "piece.json", tmp_path / "other.json"])
