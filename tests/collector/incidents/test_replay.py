"""The messages of a scenario: what reaches the collector when something is cut, and what waits."""

from pathlib import Path

from doxa_collector.nodes.reading import read_tree
from doxa_collector.registry import read_registry
from doxa_core.measurement import Measurement
from doxa_core.measurement import decode as decode_measurement
from doxa_core.outcome import Outcome
from doxa_core.status import AgentStatus, State
from doxa_core.status import decode as decode_status
from doxa_lab.incidents import faults
from doxa_lab.incidents.faults import S, Scenario
from doxa_lab.incidents.province import Country, Province
from doxa_lab.incidents.replay import Arrival, Replay

COUNTRY = Country(Province(communes=4))
PROVINCE = COUNTRY.provinces[0]


def of(fault: faults.Fault, agent: str) -> list[tuple[float, Arrival]]:
    scenario = Scenario(country=COUNTRY, faults=(fault,), seconds=300)
    return [((a.received_us - scenario.start_us) / S, a) for a in Replay(scenario).arrivals() if a.item.agent == agent]


def test_the_files_of_a_country_are_read_back_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "sites.toml").write_text(COUNTRY.sites_toml(), encoding="utf-8")
    (tmp_path / "nodes.toml").write_text(COUNTRY.nodes_toml(), encoding="utf-8")
    registry = read_registry(tmp_path / "sites.toml")
    assert read_tree(tmp_path / "nodes.toml", registry) == COUNTRY.tree
    assert registry.sites[:-1] == COUNTRY.registry.sites


def test_everything_that_arrives_is_what_the_wire_accepts_and_comes_in_order() -> None:
    scenario = Scenario(country=COUNTRY, faults=(faults.power_out(PROVINCE, [1, 2], 50, 120),), seconds=300)
    found = Replay(scenario).arrivals()
    assert [a.received_us for a in found] == sorted(a.received_us for a in found)
    for arrival in found:
        encoded = arrival.item.encode()
        assert (decode_status if isinstance(arrival.item, AgentStatus) else decode_measurement)(encoded) == arrival.item
    assert Replay(scenario).arrivals() == found


def test_a_cut_line_ends_in_a_last_will_and_its_measurements_come_later() -> None:
    found = of(faults.cut_office(PROVINCE, 1, 50, 120), "xa-52-001-1")
    (will,) = [at for at, a in found if isinstance(a.item, AgentStatus) and a.item.state is State.OFFLINE]
    assert 55 <= will <= 57.5
    assert not [at for at, a in found if 51.5 < at < 120 and at != will]
    late = [at for at, a in found if isinstance(a.item, Measurement) and a.item.outcome is Outcome.FAILED]
    assert set(late) == {122.0}
    assert len(late) == 7


def test_a_power_cut_brings_another_boot_and_nothing_from_the_dark() -> None:
    found = of(faults.power_out(PROVINCE, [1], 50, 120, batteries=0), "xa-52-001-1")
    boots = {a.item.boot for _, a in found if isinstance(a.item, AgentStatus) and a.item.boot}
    assert len(boots) == 2
    assert all(a.item.outcome is Outcome.OK for _, a in found if isinstance(a.item, Measurement))


def test_facts_say_what_the_measurements_say() -> None:
    scenario = Scenario(country=COUNTRY, faults=(faults.node_out(COUNTRY, "agg-52", 50, 120),), seconds=300)
    down = {(str(h.fact.subject), h.fact.metric) for h in Replay(scenario).facts() if h.fact.value == 1}
    assert ("node:agg-52", "node.down_flag") in down
    assert ("link:xa-52-002/tslcd", "link.down_flag") in down
    assert ("probe:xa-52-001/xa-52-001-2", "probe.offline_flag") in down
    assert not [subject for subject, _ in down if "internet" in subject or subject.endswith("core")]
