"""Measured against true: what counts as near enough, what as absent, and what the report says."""

import json
from dataclasses import replace

import pytest

from doxa_core.outcome import Outcome
from doxa_lab.country.office import read_offices
from doxa_lab.demo.comparison import by_spot, compare, unmeasured
from doxa_lab.demo.ground import RATES, RTT, Loopback, Spot
from doxa_lab.demo.results import Judged, Results, Run, repeated
from doxa_lab.demo.verdicts import Verdicts, decided


@pytest.fixture
def ground() -> Loopback:
    """One office with one line, which also has a round-trip time."""
    found = Loopback()
    found.build(read_offices()[:1])
    found.spots = [replace(found.spots[0], truths=dict.fromkeys(RATES, 100.0) | {RTT: 10.0})]
    return found


def run(spot: Spot, meter: str, at_s: float, **values: float) -> Run:
    return Run(
        site=spot.office.site,
        link=spot.link.name,
        meter=meter,
        started_us=round(at_s * 1e6),
        received_us=round(at_s * 1e6),
        duration_s=5,
        outcome=Outcome.OK,
        values=values,
        reasons=(),
        findings=(),
    )


def rates(mbps: float) -> dict[str, float]:
    return dict.fromkeys(RATES, mbps)


def failures(ground: Loopback, *runs: Run) -> list[str]:
    return [one.value for one in compare(ground, Results(runs=runs)) if not one.good]


def test_two_percent_off_is_near_enough_and_more_is_not(ground: Loopback) -> None:
    spot = ground.spots[0]
    latency = run(spot, "latency", 100, **{RTT: 10.5})
    assert failures(ground, run(spot, "speed", 0, **rates(98.01)), latency) == []
    assert failures(ground, run(spot, "speed", 0, **rates(102.1)), latency) == list(RATES)


def test_of_several_runs_the_one_farthest_off_counts(ground: Loopback) -> None:
    spot = ground.spots[0]
    runs = [run(spot, "speed", 0, **rates(90)), run(spot, "speed", 50, **rates(100))]
    assert failures(ground, *runs) == [*RATES, RTT]


def test_a_rate_that_was_never_stable_is_absent_and_named_with_its_reason(ground: Loopback) -> None:
    spot = ground.spots[0]
    found = replace(run(spot, "speed", 0, download_mbps=100), findings=("not_stable",))
    results = Results(runs=[found])
    assert unmeasured(spot, results) == [*RATES[1:], RTT]
    assert repeated([spot], results) == {spot.name: ["ok,not_stable"]}
    missing = next(one for one in compare(ground, results) if one.value == "upload_mbps")
    assert missing.error is None
    assert "not_stable" in missing.text.vi


def test_a_failed_run_gives_no_value(ground: Loopback) -> None:
    spot = ground.spots[0]
    failed = replace(run(spot, "speed", 0, **rates(100)), outcome=Outcome.PROBE_LIMITED, reasons=("cpu",))
    assert failures(ground, failed) == [*RATES, RTT]


def test_a_round_trip_measured_beside_a_speed_test_of_the_same_line_does_not_count(ground: Loopback) -> None:
    spot = ground.spots[0]
    speed = run(spot, "speed", 0, **rates(100))
    assert failures(ground, speed, run(spot, "latency", 4, **{RTT: 10})) == [RTT]
    assert failures(ground, speed, run(spot, "latency", 5.1, **{RTT: 10})) == []


def test_the_report_holds_truth_measured_and_error_and_leaves_absent_ones_out(ground: Loopback) -> None:
    spot = ground.spots[0]
    found = compare(ground, Results(runs=[run(spot, "speed", 0, download_mbps=99)]))
    assert by_spot(found, "truth")[spot.name][RTT] == 10
    assert by_spot(found, "measured") == {spot.name: {"download_mbps": 99}}
    assert by_spot(found, "error") == {spot.name: {"download_mbps": -0.01}}
    assert json.dumps(by_spot(found, "error"))


def judged(target: str, place: str, outcome: str, value: float | None = 85.0) -> Judged:
    return Judged(
        plan="a-hong-phong",
        target=target,
        place=place,
        outcome=outcome,
        value=value,
        n=1,
        layer="payload",
        reasons=(),
        computed_us=1,
    )


def test_a_line_shows_the_verdicts_of_its_kind_and_place(ground: Loopback) -> None:
    spot = ground.spots[0]
    results = Results(
        verdicts=[judged("a1", "06184", "fail"), judged("a2", "06184", "fail"), judged("a2", "99999", "pass")]
    )
    found = Verdicts().of_spot(spot, results)
    assert [str(one.text.vi) for one in found] == ["✗ A2 không đạt 85,0"]


def test_only_a_verdict_that_rests_on_a_measurement_is_the_first_one() -> None:
    no_line = replace(judged("d3", "42", "fail", 0.0), reasons=("no_link",))
    assert decided([no_line, judged("a1", "06184", "insufficient")]) == []
    assert decided([no_line, judged("a2", "06184", "fail")]) == [judged("a2", "06184", "fail")]
