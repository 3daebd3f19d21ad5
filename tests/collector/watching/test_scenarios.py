"""Faults from the messages of probes to the outbox: the cause is right, nobody else is blamed, one message tells of it."""

from datetime import date
from typing import Any, Protocol

import pytest
from sqlalchemy import func, select

from doxa_collector.incidents.atlas import read_atlas
from doxa_collector.incidents.model import Cause, State
from doxa_collector.incidents.windows import Scope
from doxa_collector.ledger.engine import reading
from doxa_collector.ledger.schema import alarm, incident, presence, presence_change
from doxa_collector.presence.model import Surroundings
from doxa_lab.incidents import faults
from doxa_lab.incidents.drive import Drive
from doxa_lab.incidents.faults import Scenario
from doxa_lab.incidents.province import Country, Province

pytestmark = pytest.mark.slow

PROVINCE = Province(communes=24)
OTHER = Province(code="11", name="Tỉnh Điện Biên", communes=8)
COUNTRY = Country(PROVINCE, OTHER)
AGGREGATION = faults.node_out(COUNTRY, PROVINCE.aggregation, 60, 200)
UPLINK = faults.uplink_out(COUNTRY, 60, 400)
FAULTS = {
    "one office with two probes": faults.cut_office(PROVINCE, 7, 60, 200),
    "one office with one probe": faults.cut_office(PROVINCE, 8, 60, 200),
    "a provider in a province": faults.provider_out(PROVINCE, "VNPT", 60, 200),
    "power at 20 sites, half with UPS": faults.power_out(PROVINCE, range(1, 21), 60, 240),
    "power at 20 sites, no UPS": faults.power_out(PROVINCE, range(1, 21), 60, 200, batteries=0),
}
TOLD = {"opened": 1, "resolved": 1}


class MakeDrive(Protocol):
    def __call__(self, scenario: Scenario, **more: Any) -> Drive: ...


def scenario(fault: faults.Fault, more_s: float = 170) -> Scenario:
    return Scenario(country=COUNTRY, faults=(fault,), seconds=fault.to_s + more_s)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_incident_with_the_right_cause_and_one_message(name: str, drive: MakeDrive) -> None:
    run = drive(scenario(FAULTS[name]))
    run.until()
    (outcome,) = run.outcomes()
    assert outcome.incident.state is State.RESOLVED
    assert outcome.incident.sites == outcome.fault.sites
    assert run.messages == TOLD
    assert outcome.detected_s <= 30


def test_the_cause_is_right_in_the_first_message_already_where_something_tells_it(drive: MakeDrive) -> None:
    run = drive(scenario(FAULTS["power at 20 sites, half with UPS"], more_s=-130))
    run.until()
    (title,) = run.titles()
    assert "do mất điện" in title


def test_a_cut_cable_is_never_told_as_a_power_failure(drive: MakeDrive) -> None:
    run = drive(scenario(FAULTS["one office with two probes"], more_s=-90))
    run.until()
    (found,) = run.incidents()
    assert found.cause is Cause.UNKNOWN


@pytest.mark.parametrize("restarts_s", [(), (80, 150, 210)])
def test_an_aggregation_down_is_one_incident_however_often_the_watch_begins_anew(
    restarts_s: tuple[float, ...], drive: MakeDrive
) -> None:
    run = drive(scenario(AGGREGATION))
    for at_s in restarts_s:
        run.until(at_s)
        run.restart()
    run.until()
    (outcome,) = run.outcomes()
    assert outcome.incident.state is State.RESOLVED
    assert run.messages == TOLD
    assert outcome.detected_s <= 30 + 20 * bool(restarts_s)  # what had not settled settles anew
    with reading(run.engine) as conn:
        assert conn.execute(select(func.count()).select_from(incident)).scalar_one() == 1
        raised = conn.execute(select(alarm.c.rule, alarm.c.subject)).all()
    assert len(raised) == len(set(raised))  # and no alarm was raised twice


def test_a_last_will_makes_nobody_forget_which_lines_a_probe_carries(drive: MakeDrive) -> None:
    run = drive(scenario(AGGREGATION))
    run.until(80)
    with reading(run.engine) as conn:
        carried = read_atlas(conn, date(2026, 11, 24)).carried
    assert {agent: carried.get(agent) for agent in COUNTRY.carried} == COUNTRY.carried


def test_planned_work_on_the_node_is_recorded_and_nobody_is_told(drive: MakeDrive) -> None:
    run = drive(scenario(AGGREGATION))
    run.plan_work(0, 900, Scope(node=PROVINCE.aggregation))
    run.until()
    (outcome,) = run.outcomes()
    assert (outcome.incident.muted, outcome.incident.state) == (True, State.RESOLVED)
    assert run.messages == {}


def test_a_lost_broker_blames_no_probe_and_is_told_once(drive: MakeDrive) -> None:
    run = drive(scenario(UPLINK))
    run.until()
    (outcome,) = run.outcomes()
    assert (outcome.incident.cause, outcome.incident.sites) == (Cause.BROKER, frozenset())
    assert run.messages == TOLD
    assert outcome.detected_s <= 35  # of these 15 until the connection is missed
    with reading(run.engine) as conn:
        states = set(conn.execute(select(presence_change.c.state)).scalars())
        now = set(conn.execute(select(presence.c.state)).scalars())
    assert states == {"never", "online", "unknown"}  # offline said of none, at no time
    assert now == {"online"}


def test_a_silence_of_everybody_is_our_own_though_the_broker_seems_well(drive: MakeDrive) -> None:
    run = drive(scenario(UPLINK))
    run.around = Surroundings
    run.until()
    (outcome,) = run.outcomes()
    assert outcome.incident.cause is Cause.COLLECTOR
    assert outcome.detected_s <= 35
    assert run.messages == TOLD


@pytest.mark.parametrize("far_end", ["internet-hn", "tslcd-hn"])
def test_a_dead_far_end_is_named_and_no_line_is_blamed(far_end: str, drive: MakeDrive) -> None:
    fault = faults.far_end_out(COUNTRY, far_end, 60, 160)
    run = drive(scenario(fault))
    run.until(150)
    (title,) = run.titles()
    assert "mất kết nối" not in title
    assert ("Đầu xa internet-hn không trả lời" if far_end == "internet-hn" else "Đầu xa ••• không trả lời") in title
    run.until()
    (outcome,) = run.outcomes()
    assert (outcome.incident.fault.name, outcome.incident.state) == (far_end, State.RESOLVED)
    assert outcome.incident.sites == fault.sites
    assert outcome.incident.lost_sites == frozenset()
    assert run.messages == TOLD


def test_an_aggregation_that_is_looked_at_seldom_is_one_message(drive: MakeDrive) -> None:
    run = drive(scenario(AGGREGATION, more_s=-60), nodes_s=50)
    run.until()
    run.outcomes()
    assert run.messages == {"opened": 1}


def test_150_probes_that_fail_together_send_one_message(drive: MakeDrive) -> None:
    province = Province(communes=100)
    country = Country(province, Province(code="11", name="Tỉnh Điện Biên", communes=20))
    fault = faults.power_out(province, range(1, 101), 40, 100, batteries=0)
    run = drive(Scenario(country=country, faults=(fault,), seconds=95))
    run.until()
    with reading(run.engine) as conn:
        away = conn.execute(
            select(func.count(), func.max(presence.c.updated_us)).where(presence.c.state == "offline")
        ).one()
    shown_s = (away[1] - run.us(fault.from_s)) / 1e6
    print(f"\n  150 probes: all shown offline after {shown_s:.1f} s", end="")
    assert away[0] == 150
    assert shown_s <= 15  # the broker's last will comes after 5 to 7.5 s
    run.outcomes()
    assert run.messages == {"opened": 1}
