"""Faults of a province replayed: the cause is right, each fault is one incident, nobody else is blamed."""

from collections.abc import Sequence
from datetime import date

import pytest

from doxa_collector.incidents.atlas import atlas_of
from doxa_collector.incidents.correlate import Correlator
from doxa_collector.incidents.model import Cause, IncidentChange, State, Turn
from doxa_collector.incidents.windows import Scope, Window
from doxa_lab.incidents import faults
from doxa_lab.incidents.alarms import Witness, ticks
from doxa_lab.incidents.faults import Fault, S, Scenario
from doxa_lab.incidents.province import Country, Province
from doxa_lab.incidents.verdict import Outcome, final, outcomes

pytestmark = pytest.mark.slow

PROVINCE = Province()
COUNTRY = Country(PROVINCE, Province(code="11", name="Tỉnh Điện Biên", communes=40))
ATLAS = atlas_of(COUNTRY.registry, date(2026, 11, 24), COUNTRY.carried)
SMALL = Country(Province(communes=4), Province(code="11", name="Tỉnh Điện Biên", communes=40))
SMALL_ATLAS = atlas_of(SMALL.registry, date(2026, 11, 24), SMALL.carried)


def late(scenario: Scenario, late_s: float) -> list[IncidentChange]:
    """The centre looks at nodes so seldom that their alarms come so late."""
    witness = Witness(scenario, every_s=late_s + 20)
    correlator = Correlator(scenario.country.tree, ATLAS if scenario.country is COUNTRY else SMALL_ATLAS, sight=witness)
    found = []
    for now_us, changes, alarms in ticks(scenario, 2, nodes_late_s=late_s):
        witness.now_us = now_us
        found += correlator.update(now_us, changes, alarms)
    return found


def replay(scenario: Scenario, windows: Sequence[Window] = (), *, knows: bool = True) -> list[IncidentChange]:
    correlator = Correlator(COUNTRY.tree, ATLAS)
    return [
        change
        for now_us, changes, alarms in ticks(scenario, 4, knows=knows)
        for change in correlator.update(now_us, changes, alarms, windows)
    ]


def run(*found: Fault, seconds: float = 1100, seed: int = 1, knows: bool = True) -> list[Outcome]:
    scenario = Scenario(country=COUNTRY, faults=found, seconds=seconds, seed=seed)
    found_outcomes = outcomes(scenario, replay(scenario, knows=knows))
    for outcome in found_outcomes:
        print(outcome)
        assert outcome.incident.state is State.RESOLVED
        assert outcome.incident.sites == outcome.fault.sites or outcome.fault.root == "collector:"
    return found_outcomes


ONE_FAULT = {
    "cut office, two probes": faults.cut_office(PROVINCE, 7, 60, 600),
    "cut office, one probe": faults.cut_office(PROVINCE, 8, 60, 600),
    "provider in a province": faults.provider_out(PROVINCE, "VNPT", 60, 600),
    "the other provider": faults.provider_out(PROVINCE, "Viettel", 60, 600),
    "aggregation of a province": faults.node_out(COUNTRY, PROVINCE.aggregation, 60, 600),
    "core": faults.node_out(COUNTRY, "core", 60, 600),
    "own uplink": faults.uplink_out(COUNTRY, 60, 600),
    "power at 20 sites": faults.power_out(PROVINCE, range(31, 51), 60, 900),
    "power at 20 sites, no battery": faults.power_out(PROVINCE, range(31, 51), 60, 900, batteries=0),
    "power at one site": faults.power_out(PROVINCE, [12], 60, 900, batteries=1),
    "power at the whole province": faults.power_out(PROVINCE, range(1, 131), 60, 900),
}


@pytest.mark.parametrize("name", ONE_FAULT)
def test_one_fault_is_one_incident_with_the_right_cause_and_few_messages(name: str) -> None:
    (outcome,) = run(ONE_FAULT[name])
    assert outcome.messages <= 3
    assert outcome.detected_s <= (80 if name == "power at one site" else 30)  # a battery is told after a minute


@pytest.mark.parametrize("late_s", [30, 45, 60])
@pytest.mark.parametrize("country", [COUNTRY, SMALL], ids=["130 communes", "4 communes"])
def test_an_aggregation_whose_own_alarm_is_late_is_still_one_message(country: Country, late_s: float) -> None:
    fault = faults.node_out(country, "agg-52", 60, 600)
    scenario = Scenario(country=country, faults=(fault,), seconds=1000)
    changes = late(scenario, late_s)
    (outcome,) = outcomes(scenario, changes)
    print(outcome)
    assert [c.turn for c in changes if c.notable] == [Turn.OPENED, Turn.RESOLVED]
    assert changes[0].incident.cause is Cause.AGGREGATION_DOWN
    assert outcome.detected_s <= late_s + 45


def test_our_own_uplink_blames_no_office_though_every_probe_seems_away() -> None:
    (outcome,) = run(faults.uplink_out(COUNTRY, 60, 900), knows=False)
    assert outcome.incident.cause is Cause.COLLECTOR
    assert outcome.incident.place is None
    assert outcome.messages <= 4


def test_everything_silent_at_once_is_our_own_trouble_even_before_anything_says_so() -> None:
    (outcome,) = run(faults.uplink_out(COUNTRY, 60, 300), knows=False)
    assert (outcome.incident.cause, outcome.incident.inferred) == (Cause.COLLECTOR, True)


SEVERAL = {
    "aggregation and an office elsewhere": (
        faults.node_out(COUNTRY, PROVINCE.aggregation, 60, 600),
        faults.cut_office(COUNTRY.provinces[1], 9, 62, 500),
    ),
    "provider and power": (
        faults.provider_out(PROVINCE, "VNPT", 60, 600),
        faults.power_out(COUNTRY.provinces[1], range(1, 21), 60, 600),
    ),
    "two providers in two provinces": (
        faults.provider_out(PROVINCE, "VNPT", 60, 600),
        faults.provider_out(COUNTRY.provinces[1], "Viettel", 70, 600),
    ),
    "two offices at once": (faults.cut_office(PROVINCE, 3, 60, 600), faults.cut_office(PROVINCE, 90, 61, 700)),
    "provider and an office of the other one": (
        faults.provider_out(PROVINCE, "VNPT", 60, 600),
        faults.cut_office(PROVINCE, next(n for n in (5, 7, 9) if PROVINCE.provider(n) != "VNPT"), 65, 500),
    ),
    "the same office twice, hours apart": (
        faults.cut_office(PROVINCE, 3, 60, 600),
        faults.cut_office(PROVINCE, 3, 9000, 9600),
    ),
    "power while an office is cut": (
        faults.cut_office(PROVINCE, 101, 60, 3000),
        faults.power_out(PROVINCE, range(31, 51), 1200, 2000),
    ),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_faults_at_once_stay_several_incidents(name: str) -> None:
    found = SEVERAL[name]
    outcomes_found = run(*found, seconds=max(f.to_s for f in found) + 300, seed=2)
    assert all(outcome.messages <= 4 for outcome in outcomes_found)


def test_a_flapping_office_is_one_incident_with_bounded_messages() -> None:
    scenario = Scenario(country=COUNTRY, faults=(faults.flapping(PROVINCE, 7, 60, 60, 120),), seconds=10_000)
    (outcome,) = outcomes(scenario, replay(scenario))
    print(outcome)
    assert outcome.incident.state is State.RESOLVED
    assert outcome.messages <= 6


def window(scope: Scope, from_s: float, to_s: float) -> Window:
    start = Scenario(country=COUNTRY, faults=(), seconds=0).start_us
    return Window(id=1, from_us=start + round(from_s * S), to_us=start + round(to_s * S), scope=scope, reason="x")


@pytest.mark.parametrize("scope", [Scope(node="agg-52"), Scope(place="52")])
def test_a_node_down_in_planned_work_is_recorded_and_not_told(scope: Scope) -> None:
    fault = faults.node_out(COUNTRY, "agg-52", 60, 600)
    scenario = Scenario(country=COUNTRY, faults=(fault,), seconds=1000)
    changes = replay(scenario, [window(scope, 0, 900)])
    (outcome,) = outcomes(scenario, changes)
    assert outcome.incident.muted
    assert outcome.incident.state is State.RESOLVED
    assert not any(c.notable for c in changes)


def test_what_outlasts_the_planned_work_is_told_when_it_ends() -> None:
    fault = faults.node_out(COUNTRY, "agg-52", 60, 600)
    scenario = Scenario(country=COUNTRY, faults=(fault,), seconds=1000)
    changes = replay(scenario, [window(Scope(node="agg-52"), 0, 300)])
    told = [(c.turn, (c.at_us - scenario.start_us) // S) for c in changes if c.notable]
    assert told[0] == (Turn.UNMUTED, 300)
    assert told[-1][0] is Turn.RESOLVED


def test_planned_work_elsewhere_mutes_nothing() -> None:
    fault = faults.node_out(COUNTRY, "agg-52", 60, 600)
    scenario = Scenario(country=COUNTRY, faults=(fault,), seconds=1000)
    changes = replay(scenario, [window(Scope(node="agg-11"), 0, 900), window(Scope(place="11"), 0, 900)])
    assert not any(i.muted for i in final(changes))
