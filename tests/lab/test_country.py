"""The five offices as data: they fit the shipped plans, and the files written from them are accepted by their readers."""

import itertools
from pathlib import Path

import pytest

from doxa_agent.config import load as load_agent
from doxa_agent.plan import load as load_plan
from doxa_collector.config import read_settings
from doxa_collector.plans.loader import load_plans
from doxa_collector.registry import read_registry
from doxa_core.errors import InputError
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_lab.country.office import FOLDER, Outage, read_offices
from doxa_lab.demo.files import Broker, write_agent, write_collector, write_plan, write_registry
from doxa_lab.demo.ground import Loopback
from doxa_lab.demo.schedule import HEAVY_SLOT_S, in_order, timings

BROKER = Broker(host="127.0.0.1", port=1883, protocol="5")


def test_every_office_stands_in_a_place_of_its_plan() -> None:
    plans = {plan.id: plan for plan in load_plans()}
    for office in read_offices():
        places = plans[office.plan].places
        codes = {code for place in places for code in (place.code, *place.members)}
        assert {office.place.code, office.place.province} & codes, office.site


def test_the_country_holds_the_cases_that_the_demo_is_to_show() -> None:
    offices = {office.plan[0].upper(): {link.name: link for link in office.links} for office in read_offices()}
    assert sorted(offices) == ["A", "B", "C", "D", "E"]
    assert (offices["A"]["fixed"].down_mbps, offices["A"]["mobile"].down_mbps) == (85.07, 34.41)
    assert (offices["B"]["tslcd"].down_mbps, offices["B"]["tslcd"].layer) == (94.0, Layer.IP)
    assert offices["C"]["fixed"].down_mbps > 91
    assert offices["C"]["mobile"].down_mbps > 36
    assert offices["D"]["fixed"].down_mbps > 150
    assert offices["D"]["mobile"].down_mbps > 71
    assert "tslcd" not in offices["D"]
    assert offices["E"]["mobile"].line.down.ip > 80 > offices["E"]["mobile"].line.down.payload
    assert [link.outage for links in offices.values() for link in links.values() if link.outage]


def test_no_probe_stands_in_tslcd_and_in_another_network() -> None:
    for office in read_offices():
        for links in office.probes.values():
            assert len({link.kind is LinkKind.TSLCD for link in links}) == 1


def test_an_outage_comes_back_at_its_cadence() -> None:
    outage = Outage(after_s=10, for_s=5, every_s=60)
    assert [outage.down_at(t) for t in (0, 9.9, 10, 14.9, 15, 69, 70, 75)] == [
        *(False, False, True, True),
        *(False, False, True, False),
    ]


def test_an_unknown_key_of_an_office_is_refused_with_its_place(tmp_path: Path) -> None:
    text = (FOLDER / "a-dong-dang.toml").read_text().replace("rtt_ms = 14.0", "rtt_ms = 14.0\nrtt = 14.0", 1)
    file = tmp_path / "office.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"office\.toml: link\.fixed\.rtt: .*rtt_ms"):
        read_offices([file])


def test_the_files_of_the_demo_are_what_agent_and_collector_read(tmp_path: Path) -> None:
    offices, ground = read_offices(), Loopback()
    ground.build(offices)
    planned = timings(ground.spots, lead_s=4)
    agents = {agent for office in offices for agent in office.probes}
    for agent in agents:
        spots = [spot for spot in ground.spots if spot.agent == agent]
        settings = load_agent(write_agent(tmp_path / agent, agent, spots, BROKER, tmp_path / "lock"))
        write_plan(tmp_path / agent, spots, planned)
        plan = load_plan(settings)
        assert settings.agent == agent
        assert {task.name for task in plan.tasks} == {f"{m}-{s.link.name}" for m in ("speed", "latency") for s in spots}
        assert all(task.family == 4 and task.phase_s is not None for task in plan.tasks)
    write_registry(tmp_path, offices)
    collector = read_settings(write_collector(tmp_path, BROKER, "http://127.0.0.1:8428"))
    rules = collector.assess.rules
    assert (rules.min_samples, rules.decide_by, len(collector.sinks)) == (1, "estimate", 1)
    registry = read_registry(collector.registry)
    assert set(registry.home_of()) == agents
    assert registry.lines_of() == {(s.office.site, s.link.name) for s in ground.spots}


def test_heavy_tests_have_a_slot_each_and_the_offices_take_turns() -> None:
    ground = Loopback()
    ground.build(read_offices())
    planned = timings(ground.spots, lead_s=4)
    speeds = [planned[spot.name]["speed"] for spot in in_order(ground.spots)]
    assert len({timing.every_s for timing in speeds}) == 1
    gaps = [(b.phase_s - a.phase_s) % a.every_s for a, b in itertools.pairwise(speeds)]
    assert gaps == pytest.approx([HEAVY_SLOT_S] * len(gaps), abs=0.01)
    first_round = [spot.office.site for spot in in_order(ground.spots)][: len(read_offices())]
    assert len(set(first_round)) == len(first_round)


def test_far_ends_of_a_plain_user_pace_themselves_to_the_payload_that_the_line_would_carry() -> None:
    ground = Loopback()
    ground.build(read_offices())
    spot = next(s for s in ground.spots if s.name == "phuong-thu-dau-mot/tslcd")
    arguments = ground.far_end_arguments(spot)
    assert float(arguments[arguments.index("--rate-down-mbps") + 1]) == pytest.approx(94 * 1448 / 1500, rel=1e-6)
    assert spot.truths["download_ip_mbps"] == pytest.approx(94)
