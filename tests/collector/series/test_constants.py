"""Places, offices, contracts and targets as series: by the hour, and again where registry or plans were changed."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.collector.series.series_ledger import (
    DAY,
    HOUR,
    REGISTRY,
    START,
    Clock,
    Shelf,
    afresh,
    drain,
    plan,
    world,
    write_registry,
)

from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.writing import Incoming, keep
from doxa_collector.plans import Plan
from doxa_collector.series import World, contracts, places, sites, targets
from doxa_collector.series._hourly import hours_after
from doxa_core.linkkind import LinkKind


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def filled(engine: Engine, tmp_path: Path, measurement: Any) -> Engine:
    """A ledger whose first measurement came ten days before the clock begins."""
    write_registry(engine, tmp_path, at_us=START - 10 * DAY)
    first = measurement(1)
    with writing(engine) as conn:
        keep(conn, [Incoming(measurement=first, raw=first.encode())], START - 10 * DAY)
    return engine


def test_long_ago_there_is_a_point_for_each_midnight_and_lately_for_each_hour() -> None:
    found = list(hours_after(0, START - 10 * DAY, START))
    assert found[-49:] == [START - n * HOUR for n in range(48, -1, -1)], "every hour of two days"
    old = found[:-49]
    assert len(old) == 8
    assert {(at + 7 * HOUR) % DAY for at in old} == {0}, "local midnights"
    assert list(hours_after(START, START - 10 * DAY, START + HOUR - 1)) == []
    assert list(hours_after(START, START - 10 * DAY, START + HOUR)) == [START + HOUR]


def test_places_have_labels_counts_and_a_point_on_the_map(filled: Engine, clock: Clock) -> None:
    shelf = Shelf()
    drain(filled, shelf, places.streams(world(clock)))
    (lang_son,) = {tuple(sorted(f.items())) for f in shelf.of("doxa_place", level="province", province="20").values()}
    found = dict(lang_son)
    assert (found["sites_count"], found["links_count"]) == (2.0, 3.0)
    assert 21 < float(found["latitude_deg"]) < 22.5
    assert shelf.of("doxa_place", province="20", label="20 Lạng Sơn", level="province")
    commune = shelf.of("doxa_place", place="06184", label="06184 Xã Đồng Đăng")
    assert commune[START] == {"sites_count": 1.0, "links_count": 2.0}


def test_offices_have_their_name_and_counts(filled: Engine, clock: Clock) -> None:
    shelf = Shelf()
    drain(filled, shelf, sites.streams(world(clock)))
    found = shelf.of("doxa_site", site="dong-dang", province="20", place="06184", label="UBND xã Đồng Đăng")
    assert found[START] == {"links_count": 2.0, "probes_count": 2.0}


def test_a_contract_holds_on_its_days_and_tells_what_follows_from_it(filled: Engine, clock: Clock) -> None:
    shelf = Shelf()
    drain(filled, shelf, contracts.streams(world(clock)))
    fixed = shelf.of("doxa_contract", site="dong-dang", link="fixed", kind="fixed", provider="VNPT")
    midnight = START - 8 * HOUR  # of the 20th, in Vietnam
    assert fixed[midnight - HOUR]["contracted_down_mbps"] == 200
    assert fixed[midnight] == {
        "contracted_down_mbps": 300, "contracted_up_mbps": 150, "floor_down_mbps": 240, "floor_up_mbps": 120,
        "samples_goal_count": 300, "samples_full_count": 1000,
    }  # fmt: skip
    tslcd = shelf.of("doxa_contract", kind="tslcd")[START]
    assert tslcd == {"contracted_down_mbps": 100, "limit_down_mbps": 90, "required_mbps": 100}
    mobile = shelf.of("doxa_contract", kind="mobile")[START]
    assert mobile == {"samples_goal_count": 300}, "a contract that says nothing is not there; QCVN 34 is of fixed lines"
    assert {item.tags["kind"] for item in shelf.sent if item.internal} == {"tslcd"}


def test_a_change_of_the_registry_is_told_again_since_it_holds(filled: Engine, clock: Clock, tmp_path: Path) -> None:
    shelf, streams = Shelf(), [one for room in (places, sites, contracts) for one in room.streams(world(clock))]
    feed = drain(filled, shelf, streams)
    clock.now_us += 5 * HOUR
    before = len(shelf.sent)
    changed = REGISTRY.replace("contracted_down_mbps = 100}]", "contracted_down_mbps = 150, valid_from = 2026-11-18}]")
    changed = changed.replace("UBND xã Hồng Phong", "UBND Hồng Phong")
    write_registry(filled, tmp_path, changed, clock.now_us)
    feed()
    told = shelf.of("doxa_contract", site="hong-phong")
    midnight = START - 2 * DAY - 8 * HOUR  # of the 18th, in Vietnam
    assert {fields["contracted_down_mbps"] for at, fields in told.items() if at >= midnight} == {150}
    assert {fields["contracted_down_mbps"] for at, fields in told.items() if at < midnight} == {100}
    again = [one for one in shelf.sent[before:] if one.at_us <= START]
    assert {one.tags["site"] for one in again if "site" in one.tags} == {"hong-phong"}, "nobody else is written again"
    fresh = afresh(filled, streams)
    for key, fields in fresh.points.items():
        assert shelf.points[key] == fields, "what is written twice does not differ"


def test_targets_hold_from_their_first_day_and_count_the_days_left(filled: Engine, clock: Clock) -> None:
    shelf = Shelf()
    drain(filled, shelf, targets.streams(world(clock, [plan()])))
    found = next(iter(shelf.of("doxa_target", plan="a-hong-phong", quantity="download", kind="fixed").items()))
    one = next(t for t in plan().targets if t.measure and t.measure.link_kind is LinkKind.FIXED)
    assert (found[1]["threshold"], found[1]["title"]) == (one.value, one.title.vi)
    hours = sorted(shelf.of("doxa_target", plan="a-hong-phong", target=one.id))
    assert hours == list(range(START - 10 * DAY, START + 1, HOUR))
    if one.due is not None:
        last = shelf.of("doxa_target", plan="a-hong-phong", target=one.id)[START]
        assert last["due_days"] == (one.due - date(2026, 11, 20)).days


def test_another_plan_is_told_again_from_the_beginning(filled: Engine, clock: Clock) -> None:
    plans, force = [plan()], list[list[Plan]]()
    force.append(plans)
    around = World(plans=lambda: force[-1], now_us=clock)
    shelf, (stream,) = Shelf(), targets.streams(around)
    feed = drain(filled, shelf, [stream])
    sent = len(shelf.sent)
    feed()
    assert len(shelf.sent) == sent, "nothing is written twice while nothing changes"
    one = next(t for t in plans[0].targets if t.value is not None)
    other = replace(one, value=one.value + 1 if one.value else 1.0)
    changed = [replace(plans[0], targets=tuple(other if t is one else t for t in plans[0].targets))]
    force.append(changed)
    feed()
    told = shelf.of("doxa_target", plan="a-hong-phong", target=one.id).values()
    assert {fields["threshold"] for fields in told} == {other.value}


def test_targets_of_tslcd_are_internal_by_their_line_and_by_their_words() -> None:
    shelf = Shelf()
    shelf.send(list(targets.in_force([plan(), plan("d-ha-tinh"), plan("b-binh-duong")], START)))
    internal = {(one.tags["plan"], one.tags["target"]) for one in shelf.sent if one.internal}
    for name in ("a-hong-phong", "d-ha-tinh", "b-binh-duong"):
        for target in plan(name).targets:
            secret = "TSLCD" in target.title.vi or "tslcd" in target.id
            assert ((name, target.id) in internal) == secret, target.id
