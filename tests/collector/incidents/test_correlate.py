"""The correlator step by step: settling, growing, merging, recovering, coming back, and what order does not matter to."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.incidents.conftest import START, Feed, MakeAlarm, away, tslcd

from doxa_collector.alerts.facts import Against
from doxa_collector.incidents.atlas import Atlas, atlas_of
from doxa_collector.incidents.chance import by_accident, coincidence
from doxa_collector.incidents.correlate import Correlator
from doxa_collector.incidents.model import Cause, Reach, State, Turn
from doxa_collector.incidents.summary import headline
from doxa_collector.incidents.windows import Scope, Window
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import COLLECTOR, Subject, line, node
from doxa_lab.incidents import faults
from doxa_lab.incidents.alarms import ticks
from doxa_lab.incidents.faults import S, Scenario
from doxa_lab.incidents.province import INTERNET, TSLCD, Country, Province

MakeFeed = Callable[[], Feed]


def turns(feed: Feed) -> list[tuple[int, Turn]]:
    return [(c.incident.id, c.turn) for c in feed.changes]


def test_nothing_is_told_before_the_fault_has_settled(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    assert it.step(8, alarm(away(7))) == []
    assert it.step(16) == []
    (opened,) = it.step(18)
    assert opened.turn is Turn.OPENED
    assert opened.notable
    assert opened.incident.opened_us == START + 18 * S
    assert opened.incident.time_to_detect_s == 8


def test_members_that_keep_coming_delay_the_message_but_not_for_ever(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    told = [(at, change.turn) for at in range(0, 60, 2) for change in it.step(at, alarm(away(at * 2 + 1), at / 2))]
    assert told[0] == (20, Turn.OPENED)


def test_an_alarm_that_is_gone_before_it_settled_begins_nothing(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it, one = feed(), alarm(away(7))
    it.step(8, one)
    it.step(14, cleared=[replace(one, cleared_us=START + 13 * S)])
    it.step(100)
    assert it.changes == []


def test_a_probe_and_its_lines_are_one_incident(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, alarm(away(7)), alarm(away(7, 2)), alarm(line("xa-52-007", INTERNET), 5))
    (opened,) = it.step(20)
    assert len(opened.incident.members) == 3
    assert opened.incident.fault.reach is Reach.OFFICE


def test_slowness_of_a_dead_line_is_part_of_its_incident(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, alarm(tslcd(8)), alarm(tslcd(8), 20, metric="latency.loss_ratio", severity=Severity.WARNING))
    (opened,) = it.step(20)
    assert opened.incident.cause is Cause.LINE
    assert len(opened.incident.members) == 2


def test_loss_latency_and_speed_of_a_line_are_one_fault(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    metrics = ("latency.loss_ratio", "latency.rtt_p50_ms", "speed.target_ratio")
    it.step(8, *(alarm(tslcd(8), at * 60, metric=m, severity=Severity.WARNING) for at, m in enumerate(metrics)))
    (opened,) = it.step(20)
    assert opened.incident.cause is Cause.LOSS_DEGRADED
    assert opened.incident.severity is Severity.WARNING
    assert len(opened.incident.members) == 3


def test_a_late_common_cause_absorbs_what_was_open(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    first, second = alarm(tslcd(2)), alarm(tslcd(4), 15)
    it.step(8, first)
    it.step(20, second)
    it.step(82)
    assert turns(it) == [(1, Turn.OPENED), (2, Turn.OPENED)]
    found = it.step(90, alarm(node("agg-52"), 5))
    found += it.step(102)
    assert [(c.incident.id, c.turn) for c in found] == [(1, Turn.RECAST), (2, Turn.ABSORBED)]
    recast, absorbed = (c.incident for c in found)
    assert recast.cause is Cause.AGGREGATION_DOWN
    assert len(recast.members) == 3
    assert (absorbed.state, absorbed.absorbed_by) == (State.CLOSED, 1)


def test_two_offices_behind_a_small_node_wait_for_it_and_one_alone_does_not(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, alarm(tslcd(2)))
    assert [c.incident.sites for c in it.step(18)] == [{"xa-52-002"}]
    it.step(30, alarm(tslcd(4), 15))
    assert it.step(60) == []
    (recast,) = it.step(70, alarm(node("agg-52"), 5))
    assert (recast.turn, recast.incident.id, len(recast.incident.members)) == (Turn.RECAST, 1, 3)


def test_offices_that_lost_more_than_what_is_behind_the_node_do_not_wait_for_it(
    feed: MakeFeed, alarm: MakeAlarm
) -> None:
    it = feed()
    it.step(8, *(alarm(line(f"xa-52-{n:03d}", link)) for n in (2, 4) for link in (INTERNET, TSLCD)))
    assert {c.incident.fault.name for c in it.step(18)} == {"xa-52-002", "xa-52-004"}


def test_what_still_fails_after_its_node_came_back_has_its_own_incident(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it, agg = feed(), alarm(node("agg-52"))
    lines = [alarm(tslcd(n), 1) for n in range(2, 20, 2)]
    it.step(8, agg, *lines)
    it.step(20)
    it.step(100, cleared=[replace(a, cleared_us=START + 100 * S) for a in (agg, *lines[1:])])
    for at in range(110, 420, 10):
        it.step(at)
    ends = {c.incident.id: c.incident for c in it.changes}
    assert ends[1].state is State.RESOLVED
    assert ends[1].resolved_us == START + 100 * S
    assert (ends[2].cause, ends[2].state) == (Cause.LINE, State.OPEN)
    assert ends[2].sites == {"xa-52-002"}


def test_members_clear_one_by_one_and_the_incident_ends_after_the_last(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    found = [alarm(away(7)), alarm(away(7, 2))]
    it.step(8, *found)
    it.step(20)
    (shrank,) = it.step(100, cleared=[replace(found[0], cleared_us=START + 99 * S)])
    assert (shrank.turn, shrank.notable, len(shrank.incident.open_members)) == (Turn.SHRANK, False, 1)
    it.step(200, cleared=[replace(found[1], cleared_us=START + 199 * S)])
    assert it.step(250) == []
    (resolved,) = it.step(260)
    assert resolved.turn is Turn.RESOLVED
    assert resolved.incident.time_to_repair_s == 199


def test_what_comes_back_soon_reopens_and_what_comes_back_late_is_new(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    for begin, number, turn in ((0, 1, Turn.OPENED), (500, 1, Turn.REOPENED), (4000, 2, Turn.OPENED)):
        one = alarm(away(7), begin)
        it.step(begin + 8, one)
        (change,) = it.step(begin + 20)
        assert (change.incident.id, change.turn) == (number, turn)
        it.step(begin + 100, cleared=[replace(one, cleared_us=START + (begin + 100) * S)])
        it.step(begin + 400)
        assert it.changes[-1].turn is Turn.RESOLVED


def test_a_failure_within_the_hold_time_says_nothing_new(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it, one = feed(), alarm(away(7))
    it.step(8, one)
    it.step(20)
    it.step(30, cleared=[replace(one, cleared_us=START + 30 * S)])
    assert it.step(50, alarm(away(7), 40)) == []
    assert it.step(500) == []
    assert it.correlator.incidents()[0].open_members


def test_power_that_is_known_only_afterwards_changes_the_cause(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it, one = feed(), alarm(away(8), detail={"cause": "lost"})
    it.step(8, one)
    it.step(20)
    assert it.changes[-1].incident.cause is Cause.UNKNOWN
    it.step(100, cleared=[replace(one, cleared_us=START + 100 * S)])
    (recast,) = it.step(110, causes={"xa-52-008-1": "power"})
    assert (recast.turn, recast.incident.cause, recast.notable) == (Turn.RECAST, Cause.POWER, False)


def test_a_collectors_disk_explains_nothing(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, alarm(COLLECTOR, metric="collector.disk_free_ratio"), alarm(away(7)))
    causes = {c.incident.cause for c in it.step(20)}
    assert causes == {Cause.DEVICE, Cause.UNKNOWN}


def test_the_same_device_trouble_at_many_probes_is_one_incident(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, *(alarm(away(n), n, metric="probe.outdated_flag", severity=Severity.INFO) for n in range(1, 101)))
    (opened,) = it.step(20)
    assert (opened.incident.cause, len(opened.incident.members)) == (Cause.OUTDATED, 100)
    assert opened.incident.severity is Severity.INFO


def test_a_far_end_that_fails_blames_no_provider(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    lines = [line(f"xa-52-{n:03d}", INTERNET) for n in range(1, 41)]
    it.step(8, *(alarm(found, detail={"far_end": "vnix-hn"}) for found in lines))
    (opened,) = it.step(20)
    assert (opened.incident.cause, opened.incident.fault.name) == (Cause.FAR_END, "vnix-hn")
    assert opened.incident.lost_sites == frozenset()  # no office lacks anything


class Sees:
    """A sight by hand."""

    def __init__(self, against: Against, *nodes: str) -> None:
        self.found, self.nodes = against, nodes

    def against(self, far_end: str, since_us: int) -> Against:
        assert far_end
        assert since_us == START
        return self.found

    def reached(self, node: Subject, since_us: int = 0) -> bool:
        assert since_us >= 0
        return node.name in self.nodes

    def awaited(self, node: Subject, since_us: int) -> bool:
        assert since_us >= START
        return node.name not in self.nodes


NOBODY: frozenset[Subject] = frozenset()
MANY = frozenset(tslcd(n) for n in range(50, 61))


@pytest.mark.parametrize(
    ("against", "nodes", "is_far_end"),
    [
        (Against(NOBODY, NOBODY, NOBODY), ("core", "agg-52"), True),
        (Against(MANY, NOBODY, NOBODY), ("core", "agg-52"), True),
        (Against(NOBODY, MANY, NOBODY), ("core", "agg-52"), False),  # others are well there
        (Against(NOBODY, NOBODY, MANY), ("core", "agg-52"), True),  # others were not looked at
        (Against(NOBODY, NOBODY, NOBODY), ("core",), False),  # the aggregation that all are behind may be dead
    ],
)
def test_a_far_end_is_blamed_only_where_nothing_else_can_be(
    against: Against, nodes: tuple[str, ...], is_far_end: bool, country: Country, atlas: Atlas, alarm: MakeAlarm
) -> None:
    it = Feed(Correlator(country.tree, atlas, sight=Sees(against, *nodes)))
    it.step(8, *(alarm(tslcd(n), detail={"far_end": "tslcd-hn"}) for n in range(1, 41)))
    it.step(20)
    (opened,) = it.step(100) if not it.changes else it.changes
    assert (opened.incident.cause is Cause.FAR_END) is is_far_end


def test_a_page_whose_certificate_ends_is_one_incident_that_names_it(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    found = [alarm(tslcd(n), n * 7000, metric="web.certificate_left_s", detail={"far_end": "portal"}) for n in (1, 2)]
    it.step(8, found[0])
    (opened,) = it.step(20)
    (grew,) = it.step(14_020, found[1])
    assert (grew.incident.id, grew.notable) == (opened.incident.id, False)
    assert grew.incident.cause is Cause.CERTIFICATE
    assert headline(grew.incident, it.correlator.ground, reveal=True).vi.startswith("Trang portal: chứng thư số")


def test_a_node_is_concluded_from_what_is_behind_it_and_confirmed_later(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, *(alarm(tslcd(n), n / 10) for n in range(1, 131)))
    (opened,) = it.step(20)
    assert (opened.incident.cause, opened.incident.inferred) == (Cause.AGGREGATION_DOWN, True)
    (grew,) = it.step(30, alarm(node("agg-52"), 1))
    assert (grew.incident.id, grew.incident.inferred) == (1, False)


def test_a_node_of_which_half_works_is_not_concluded_to_be_down(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, *(alarm(tslcd(n)) for n in range(1, 41)))
    (opened,) = it.step(20)
    assert opened.incident.root is None
    assert opened.incident.cause is Cause.PROVIDER_IN_PROVINCE


def test_what_failed_long_before_a_node_is_not_its_fault(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, alarm(tslcd(2)))
    it.step(20)
    it.step(1008, alarm(node("agg-52"), 1000), *(alarm(tslcd(n), 1000) for n in range(4, 60, 2)))
    (opened,) = it.step(1020)
    assert "xa-52-002" not in opened.incident.sites


def test_only_lines_of_its_own_province_are_a_providers_fault_there(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it, vnpt = feed(), [n for n in range(1, 131) if Province().provider(n) == "VNPT"]
    it.step(8, *(alarm(line(f"xa-52-{n:03d}", INTERNET)) for n in vnpt), alarm(line("xa-11-001", INTERNET)))
    first, second = (c.incident for c in it.step(20))
    assert {(first.cause, len(first.sites)), (second.cause, len(second.sites))} == {
        (Cause.PROVIDER_IN_PROVINCE, len(vnpt)), (Cause.LINE, 1)
    }  # fmt: skip


def test_a_latecomer_within_an_open_incidents_reach_joins_it(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it, vnpt = feed(), [n for n in range(1, 131) if Province().provider(n) == "VNPT"]
    it.step(8, *(alarm(line(f"xa-52-{n:03d}", INTERNET)) for n in vnpt[1:]))
    it.step(20)
    (grew,) = it.step(218, alarm(line(f"xa-52-{vnpt[0]:03d}", INTERNET), 210))
    assert (grew.turn, grew.incident.id, grew.notable) == (Turn.GREW, 1, False)
    it.step(1008, alarm(tslcd(90), 1000))
    assert it.step(1020)[-1].incident.id == 2


def test_three_provinces_of_a_provider_are_one_incident(alarm: MakeAlarm) -> None:
    country = Country(*(Province(code=code, name=f"Tỉnh {code}", communes=40) for code in ("11", "20", "52")))
    it = Feed(Correlator(country.tree, atlas_of(country.registry, date(2026, 11, 24), country.carried)))
    sites = [p.site(n) for p in country.provinces for n in range(1, 41) if p.provider(n) == "VNPT"]
    it.step(8, *(alarm(line(site, INTERNET)) for site in sites))
    (opened,) = it.step(20)
    assert (opened.incident.cause, opened.incident.place) == (Cause.PROVIDER, None)


def test_an_operators_close_silences_until_the_alarm_has_cleared(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it, one = feed(), alarm(away(7))
    it.step(8, one)
    it.step(20)
    it.correlator.close(1)
    assert it.step(100) == []
    it.step(200, cleared=[replace(one, cleared_us=START + 200 * S)])
    it.step(308, alarm(away(7), 300))
    (opened,) = it.step(320)
    assert (opened.turn, opened.incident.id) == (Turn.OPENED, 2)


def test_muted_alarms_are_recorded_and_told_when_something_else_joins(feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, alarm(away(7), muted=True))
    (opened,) = it.step(20)
    assert (opened.incident.muted, opened.notable) == (True, False)
    told = [(c.turn, c.notable) for c in it.step(40, alarm(away(7, 2), 30)) if c.notable]
    assert told == [(Turn.UNMUTED, True)]


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(), True), (Scope(site="xa-52-008"), True), (Scope(site="xa-52-009"), False), (Scope(place="52"), True),
        (Scope(place="52008"), True), (Scope(place="11"), False), (Scope(place="52", link="tslcd"), True),
        (Scope(link="internet"), False), (Scope(node="core"), True), (Scope(node="agg-11"), False),
        (Scope(provider="Bưu điện Trung ương"), True), (Scope(provider="VNPT"), False),
        (Scope(site="xa-52-008", link="internet"), False), (Scope(node="core", place="11"), False),
    ],
)  # fmt: skip
def test_planned_work_covers_what_it_names(scope: Scope, covered: bool, feed: MakeFeed, alarm: MakeAlarm) -> None:
    window = Window(id=1, from_us=START, to_us=START + 3600 * S, scope=scope)
    it = feed()
    it.step(8, alarm(tslcd(8)), windows=[window])
    (opened,) = it.step(20, windows=[window])
    assert opened.incident.muted is covered


def test_cancelled_work_mutes_nothing(feed: MakeFeed, alarm: MakeAlarm) -> None:
    window = Window(id=1, from_us=START, to_us=START + 3600 * S, cancelled_us=START + 5 * S)
    it = feed()
    it.step(8, alarm(tslcd(8)), windows=[window])
    assert not it.step(20, windows=[window])[0].incident.muted


MIXED = Country(Province(communes=30), Province(code="11", name="Tỉnh Điện Biên", communes=30))
MIXED_ATLAS = atlas_of(MIXED.registry, date(2026, 11, 24), MIXED.carried)
POOL = (
    faults.node_out(MIXED, "agg-52", 30, 200),
    faults.provider_out(MIXED.provinces[0], "VNPT", 40, 220),
    faults.power_out(MIXED.provinces[1], range(1, 12), 35, 300),
    faults.cut_office(MIXED.provinces[1], 21, 32, 150),
    faults.uplink_out(MIXED, 60, 120),
    faults.flapping(MIXED.provinces[0], 9, 20, 3, 100),
)


@settings(max_examples=12)
@given(
    chosen=st.lists(st.sampled_from(POOL), min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 1000),
    shuffled=st.randoms(use_true_random=False),
)
def test_the_order_within_a_tick_changes_nothing(
    chosen: list[faults.Fault], seed: int, shuffled: random.Random
) -> None:
    scenario = Scenario(country=MIXED, faults=tuple(chosen), seconds=500, seed=seed)
    plain, mixed = Correlator(MIXED.tree, MIXED_ATLAS), Correlator(MIXED.tree, MIXED_ATLAS)
    for now_us, changes, alarms in ticks(scenario, 10):
        others, opens = list(changes), list(alarms)
        shuffled.shuffle(others)
        shuffled.shuffle(opens)
        assert plain.update(now_us, changes, alarms) == mixed.update(now_us, others, opens)


@settings(max_examples=12)
@given(chosen=st.lists(st.sampled_from(POOL), min_size=1, max_size=3, unique=True), seed=st.integers(0, 1000))
def test_every_open_alarm_is_in_one_incident_or_waits(chosen: list[faults.Fault], seed: int) -> None:
    scenario = Scenario(country=MIXED, faults=tuple(chosen), seconds=500, seed=seed)
    correlator = Correlator(MIXED.tree, MIXED_ATLAS)
    waiting: dict[object, int] = {}
    for now_us, changes, alarms in ticks(scenario, 10):
        correlator.update(now_us, changes, alarms)
        held = [m.key for i in correlator.incidents() for m in i.open_members]
        assert len(held) == len(set(held))
        assert set(held) <= {a.key for a in alarms}
        waiting = {a.key: waiting.get(a.key, now_us) for a in alarms if a.key not in set(held)}
        assert all(now_us - since <= 80 * S for since in waiting.values())


@given(failing=st.integers(0, 60), among=st.integers(1, 5000), span_s=st.floats(1, 7200))
def test_more_failures_are_less_likely_a_coincidence(failing: int, among: int, span_s: float) -> None:
    chances = [coincidence(k, among, span_s, 0.1) for k in (failing, failing + 1)]
    assert 0 <= chances[1] <= chances[0] <= 1


def test_the_accident_of_lines_is_the_binomial_tail() -> None:
    assert by_accident(1, 2, 0.5) == pytest.approx(0.75)
    assert by_accident(0, 2, 0.5) == 1
    assert by_accident(2, 2, 0.5) == pytest.approx(0.25)


def test_a_tick_in_which_nothing_happens_costs_no_explaining(
    feed: MakeFeed, alarm: MakeAlarm, monkeypatch: pytest.MonkeyPatch, atlas: Atlas
) -> None:
    it = feed()
    it.step(8, *(alarm(tslcd(n)) for n in range(1, 131)))
    it.step(20)

    def never(*_: object) -> None:
        raise AssertionError("nothing was different")

    monkeypatch.setattr("doxa_collector.incidents.correlate.explain", never)
    it.step(22)
