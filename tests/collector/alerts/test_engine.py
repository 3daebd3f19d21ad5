"""One rule, one line, and a clock: what is raised and cleared, and when."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.collector.alerts.conftest import LINE, SECOND, START, MakeRule, Play

from doxa_collector.alerts.about import About
from doxa_collector.alerts.baseline import HOUR_US, Usual
from doxa_collector.alerts.rules import read_rules
from doxa_collector.watch.fact import Fact
from doxa_collector.watch.subject import Subject, line, node, probe
from doxa_core.linkkind import LinkKind

Game = Callable[..., Play]
NODE = {"on": "node", "metric": "node.down_flag", "operator": ">=", "threshold": 1, "clear_threshold": 1}
TEXT = {"message": {"vi": "{value}", "en": "{value}"}}


def test_a_rule_that_waits_for_nothing_speaks_at_once(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    assert [game.at(0, 0.2), game.at(5, 0.2), game.at(10, 0.01)] == [["raised r"], [], ["cleared r"]]


def test_a_sample_alone_proves_no_duration(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule(for_s=60)])
    assert [game.at(0, 0.2), game.tick(300), game.at(301, 0.2)] == [[], [], ["raised r"]]


def test_few_samples_prove_nothing_however_far_apart(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule(for_s=60, for_samples=4)])
    told = [game.at(second, 0.2) for second in (0, 300, 300, 600, 900)]
    assert told == [[], [], [], [], ["raised r"]]


def test_the_alarm_says_when_the_fault_began_by_the_facts(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule(for_s=60)])
    for second in range(0, 100, 20):
        game.at(second, 0.2)
    (change,) = game.seen
    assert (change.alarm.began_us, change.alarm.raised_us) == (START, START + 60 * SECOND)


def test_the_alarm_ended_with_the_first_good_figure_not_when_there_were_enough_of_them(
    play: Game, make_rule: MakeRule
) -> None:
    game = play([make_rule(clear_for_s=60)])
    for second, value in ((0, 0.2), (20, 0.0), (40, 0.0), (60, 0.0), (80, 0.0)):
        game.at(second, value)
    _, cleared = game.seen
    assert cleared.alarm.cleared_us == START + 20 * SECOND


def test_one_good_figure_begins_the_waiting_again(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule(for_s=60)])
    told = [game.at(s, v) for s, v in ((0, 0.2), (30, 0.2), (45, 0.0), (61, 0.2), (120, 0.2), (121, 0.2))]
    assert told == [[], [], [], [], [], ["raised r"]]


def test_what_lasts_is_raised_by_time_alone(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule(**NODE, **TEXT, for_s=60, clear_for_s=30)])
    down = "node.down_flag"
    assert game.at(0, 1, down, node("core-1")) == []
    assert [game.tick(59), game.tick(60)] == [[], ["raised r"]]
    assert game.at(70, 0, down, node("core-1")) == []
    assert [game.tick(99), game.tick(100)] == [[], ["cleared r"]]


def test_the_order_in_which_facts_come_within_a_tick_does_not_matter(play: Game, make_rule: MakeRule) -> None:
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        game = play([make_rule(for_s=20)])
        facts = [(0, 0.2), (10, 0.3), (20, 0.4)]
        for n in order:
            game.fact(*facts[n])
        assert game.tick(20) == ["raised r"]


def test_late_facts_neither_clear_nor_raise_again(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    game.at(100, 0.2)
    game.fact(90, 0.0)
    assert game.tick(101) == []
    assert game.at(110, 0.0) == ["cleared r"]
    game.fact(105, 0.9)
    assert game.tick(111) == []


def test_what_was_long_ago_raises_nothing_though_it_is_new_to_us(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule(for_s=60)])
    for second in range(0, 600, 20):
        game.fact(second, 0.5)
    assert game.tick(7200) == []
    game.fact(7190, 0.5)
    assert game.tick(7201) == ["raised r"]
    assert game.seen[0].alarm.began_us == START


def test_of_two_figures_of_one_moment_the_better_one_counts(play: Game, make_rule: MakeRule) -> None:
    for values in ((0.9, 0.0), (0.0, 0.9)):
        game = play([make_rule()])
        for value in values:
            game.fact(0, value)
        assert game.tick(0) == []


def test_a_better_figure_that_comes_after_the_alarm_ends_it(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    assert [game.at(0, 0.9), game.at(0, 0.0)] == [["raised r"], ["cleared r"]]


def test_outside_its_hours_an_alarm_is_muted_and_told_when_they_begin(play: Game, make_rule: MakeRule) -> None:
    # START is 15:00 of a Friday in Vietnam
    rule = make_rule(schedule={"days": ["fri"], "hours": ["15:10-16:00"]})
    game = play([rule])
    assert game.at(0, 0.5) == ["raised r muted"]
    assert game.tick(599) == []
    assert game.tick(600) == ["cleared r muted", "raised r"]
    assert game.seen[-1].alarm.began_us == START


def test_a_thousand_flaps_are_a_handful_of_messages(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule(damping={"changes": 6, "within_s": 7200, "calm_s": 1800})])
    told = [word for n in range(2000) for word in game.at(n * 30, float(n % 2))]
    assert told == ["raised r", "cleared r"] * 3 + ["raised r muted"]
    assert game.seen[-1].alarm.detail["flapping"] is True
    assert [game.tick(1999 * 30 + 1799), game.tick(1999 * 30 + 1800)] == [[], ["cleared r muted", "raised r"]]


def test_flapping_that_ends_well_is_cleared(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    for n in range(101):
        game.at(n * 30, float(n % 2))
    assert game.tick(3000 + 1800) == ["cleared r muted"]
    assert game.engine.open_alarms() == []


def test_no_data_can_take_an_alarm_back(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule(no_data="clear", no_data_s=100)])
    game.at(0, 0.5)
    assert [game.tick(99), game.tick(100), game.tick(500)] == [[], ["cleared r"], []]
    assert game.seen[-1].alarm.detail["cleared_by"] == "no_data"


def test_no_data_can_be_the_fault(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule(no_data="raise", no_data_s=100)])
    game.at(0, 0.0)
    assert [game.tick(99), game.tick(100), game.tick(900)] == [[], ["raised r"], []]
    assert game.seen[0].alarm.text.vi == "fixed không có số liệu"
    assert game.at(910, 0.0) == ["cleared r"]


def test_an_alarm_is_kept_through_silence_by_default(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    game.at(0, 0.5)
    assert game.tick(10 * 86_400) == []


def test_a_clock_that_was_ahead_freezes_nothing(play: Game, make_rule: MakeRule) -> None:
    lasting = make_rule(id="n", **NODE, **TEXT, for_s=60)
    game = play([make_rule(), lasting])
    game.at(86_400, 0.0)
    game.at(86_400, 1, "node.down_flag", node("core-1"))
    assert game.at(10, 0.5) == ["raised r"]
    assert game.at(20, 0.0) == ["cleared r"]
    assert game.tick(71) == ["raised n"]


def test_a_fact_from_the_future_does_not_make_the_present_old(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    game.fact(86_400, 0.0)
    game.tick(10)
    assert game.at(20, 0.5) == ["raised r"]


def test_what_is_no_number_is_no_fact(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    assert [game.at(0, float("nan")), game.at(1, float("inf"))] == [[], []]
    assert game.engine.size == 0


def usual_of(value: float) -> Usual:
    usual = Usual(7)
    for hour in range(START // HOUR_US - 168, START // HOUR_US):
        for n in range(60):
            usual.add(hour * HOUR_US + n, value)
    return usual


@pytest.fixture
def relative(make_rule: MakeRule) -> Any:
    limits = {"factor": 2.0, "clear_factor": 1.5, "floor": 30}
    return make_rule(metric="latency.rtt_p50_ms", baseline=limits)


@pytest.mark.parametrize(("usual", "value", "told"), [(40, 81, True), (40, 79, False), (5, 29, False), (5, 31, True)])
def test_latency_is_held_against_its_own_past_and_a_floor(
    play: Game, relative: Any, usual: float, value: float, told: bool
) -> None:
    game = play([relative])
    game.engine.keep_baselines([(LINE, "latency.rtt_p50_ms", usual_of(usual))])
    assert game.at(0, value, "latency.rtt_p50_ms") == (["raised r"] if told else [])


def test_without_a_past_nothing_is_judged(play: Game, relative: Any) -> None:
    game = play([relative])
    assert game.at(0, 5000, "latency.rtt_p50_ms") == []


def test_the_alarm_names_what_is_usual(play: Game, relative: Any) -> None:
    game = play([relative])
    game.engine.keep_baselines([(LINE, "latency.rtt_p50_ms", usual_of(40))])
    game.at(0, 90, "latency.rtt_p50_ms")
    assert game.seen[0].alarm.detail == {
        "metric": "latency.rtt_p50_ms", "operator": ">", "threshold": 80.0, "baseline": 40.0
    }  # fmt: skip


ABOUT = About(
    office="UBND xã Đồng Đăng", code="06184", province="20", link_kind=LinkKind.TSLCD, provider="VNPT Lạng Sơn"
)


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        ({"link_kinds": ["tslcd"]}, True), ({"link_kinds": ["fixed"]}, False), ({"places": ["20"]}, True),
        ({"places": ["06184"]}, True), ({"places": ["33"]}, False), ({"providers": ["Viettel"]}, False),
        ({"sites": ["dong-dang"]}, True), ({"sites": ["dong-dang"], "places": ["33"]}, False),
    ],
)  # fmt: skip
def test_a_rule_keeps_to_its_scope(play: Game, make_rule: MakeRule, scope: dict[str, Any], inside: bool) -> None:
    game = play([make_rule(scope=scope)], atlas=lambda _: ABOUT)
    assert bool(game.at(0, 0.5)) is inside


def test_a_message_reads_as_the_field_writes_it(play: Game, make_rule: MakeRule) -> None:
    words = "{office} ({code}): {link} mất gói {value} (ngưỡng {threshold}) từ {since}, {provider}"
    game = play([make_rule(message={"vi": words, "en": words})], atlas=lambda _: ABOUT)
    game.at(0, 0.125)
    text = game.seen[0].alarm.text
    assert text.vi == "UBND xã Đồng Đăng (06184): Mạng TSLCD mất gói 13 % (ngưỡng 10 %) từ 15:00, •••"
    assert text.en == "UBND xã Đồng Đăng (06184): TSLCD network mất gói 13 % (ngưỡng 10 %) từ 15:00, •••"


def test_rates_of_a_tslcd_line_are_hidden_unless_the_deployment_allows(play: Game, make_rule: MakeRule) -> None:
    rule = make_rule(metric="speed.download_mbps", operator="<", threshold=90.5, clear_threshold=90.5)
    texts = []
    for reveal in (False, True):
        game = play([rule], atlas=lambda _: ABOUT, reveal_tslcd=reveal)
        game.at(0, 34.41, "speed.download_mbps")
        texts.append(game.seen[0].alarm.text.vi)
    assert texts == ["Mạng TSLCD •••", "Mạng TSLCD 34,4 Mbps"]


def test_presence_lends_its_cause_to_the_alarm(play: Game, make_rule: MakeRule) -> None:
    rule = make_rule(on="probe", metric="probe.offline_flag", operator=">=", threshold=1, clear_threshold=1, **TEXT)
    game = play([rule], evidence=lambda _subject, _metric: {"cause": "power"})
    game.at(0, 1, "probe.offline_flag", probe("dong-dang", "dong-dang-1"))
    assert game.seen[0].alarm.detail["cause"] == "power"


def test_a_reload_touches_only_what_changed(play: Game, make_rule: MakeRule) -> None:
    stays, goes = make_rule(id="stays"), make_rule(id="goes")
    game = play([stays, goes])
    assert game.at(0, 0.5) == ["raised stays", "raised goes"]
    game.engine.use([stays])
    assert game.at(5, 0.5) == ["cleared goes"]
    assert game.at(10, 0.0) == ["cleared stays"]


def test_a_changed_threshold_judges_from_the_next_figure_on(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    game.at(0, 0.2)
    game.engine.use([make_rule(threshold=0.5, clear_threshold=0.3)])
    assert [game.tick(5), game.at(10, 0.2)] == [[], ["cleared r"]]


def test_a_subject_that_left_the_registry_takes_its_alarm_along(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    game.at(0, 0.2)
    game.engine.forget(LINE)
    assert game.tick(5) == ["cleared r"]
    assert game.engine.size == 0


def test_only_subjects_of_the_rules_kind_are_judged(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    assert game.at(0, 0.9, subject=Subject.parse("node:core-1")) == []


def test_lines_are_judged_apart(play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    assert game.at(0, 0.9) == ["raised r"]
    assert game.at(0, 0.9, subject=line("my-hao", "fixed")) == ["raised r"]


def test_a_certificate_alarm_names_its_page(play: Game) -> None:
    rule = next(rule for rule in read_rules() if rule.id == "certificate-ends")
    it = play([rule])
    it.engine.feed([Fact(LINE, "web.certificate_left_s", 86_400.0, START, "dichvucong")])
    it.tick(1)
    (change,) = it.seen
    assert "chứng thư của trang dichvucong" in change.alarm.text.vi
    assert change.alarm.detail["far_end"] == "dichvucong"
