"""From measurements and statuses to facts."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.collector.alerts.conftest import LINE, SECOND, START

from doxa_collector.alerts.engine import Engine
from doxa_collector.alerts.facts import Observer
from doxa_collector.alerts.goals import Goal, goals_of, reached
from doxa_collector.alerts.rules import read_rules, wanted
from doxa_collector.ledger.record import Record
from doxa_collector.plans import load_plans
from doxa_collector.registry import read_registry
from doxa_collector.watch.alarm import Turn
from doxa_collector.watch.subject import line, node, probe
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome
from doxa_core.status import AgentStatus, State

Make = Callable[..., Record]


@pytest.fixture
def run() -> Make:
    """A run over the line that started at that second."""
    number = iter(range(1, 10_000))

    def make(second: float, outcome: Outcome = Outcome.OK, **changes: Any) -> Record:
        plain: dict[str, Any] = {
            "id": next(number), "agent": "dong-dang-1", "epoch": "00112233445566aa", "seq": 1, "site": "dong-dang",
            "link": "fixed", "task": "t", "meter": "latency", "method": "latency/1", "received_us": 0, "far_end": "a",
            "started_us": START + round(second * SECOND), "family": 4, "values": {}, "reasons": (), "findings": (),
        }  # fmt: skip
        return Record(**(plain | {"outcome": outcome} | changes))

    return make


@pytest.fixture
def observer() -> Observer:
    return Observer(wanted(read_rules()), {("dong-dang", "fixed"): Goal(down_mbps=100)})


def told(observer: Observer, *records: Record) -> list[tuple[str, float, float]]:
    """(metric, value, second) of the facts."""
    return [(f.metric, f.value, (f.at_us - START) / SECOND) for f in observer.measured(records)]


def test_only_what_a_rule_reads_becomes_a_fact(observer: Observer, run: Make) -> None:
    found = told(observer, run(0, values={"loss_ratio": 0.1, "rtt_p95_ms": 9.0}))
    assert sorted(found) == [("latency.loss_ratio", 0.1, 0), ("link.down_flag", 0.0, 0)]


def test_the_far_end_that_fared_best_speaks_for_the_line(observer: Observer, run: Make) -> None:
    lost, fine = {"loss_ratio": 1.0}, {"loss_ratio": 0.0}
    found = told(observer, run(0, Outcome.FAILED, values=lost), run(0, far_end="b", values=fine))
    assert sorted(found) == [("latency.loss_ratio", 0.0, 0), ("link.down_flag", 0.0, 0)]


def test_the_page_whose_certificate_ends_first_speaks(observer: Observer, run: Make) -> None:
    pages = [
        run(0, meter="web", far_end=name, values={"certificate_left_s": s}) for name, s in (("a", 9e6), ("b", 5e5))
    ]
    assert ("web.certificate_left_s", 5e5, 0) in told(observer, *pages)


def test_a_line_is_down_when_every_far_end_failed(observer: Observer, run: Make) -> None:
    assert ("link.down_flag", 0.0, 0) in told(observer, run(0), run(0, far_end="b"))
    assert told(observer, run(10, Outcome.FAILED), run(10, far_end="b")) == [("link.down_flag", 0.0, 10)]
    assert told(observer, run(20, Outcome.FAILED), run(20, Outcome.FAILED, far_end="b")) == [
        ("link.down_flag", 1.0, 20)
    ]
    assert told(observer, run(30)) == [("link.down_flag", 0.0, 30)]


def test_every_round_of_a_late_batch_is_its_own_fact(observer: Observer, run: Make) -> None:
    outcomes = [Outcome.FAILED, Outcome.OK, Outcome.FAILED]
    found = told(observer, *(run(n * 10, outcome) for n, outcome in enumerate(outcomes)))
    assert found == [("link.down_flag", 1.0, 0), ("link.down_flag", 0.0, 10), ("link.down_flag", 1.0, 20)]


def test_a_broken_ipv6_alone_is_no_dead_line(observer: Observer, run: Make) -> None:
    for second in range(0, 100, 20):
        assert told(observer, run(second)) == [("link.down_flag", 0.0, second)]
        assert told(observer, run(second + 10, Outcome.FAILED, family=6)) == [("link.down_flag", 0.0, second + 10)]


def test_without_a_route_a_run_has_no_family_and_speaks_for_both(observer: Observer, run: Make) -> None:
    told(observer, run(0), run(10, Outcome.FAILED, family=6))
    assert told(observer, run(20, Outcome.FAILED, family=None)) == [("link.down_flag", 1.0, 20)]


def test_the_offices_own_terminal_says_nothing_about_the_line(observer: Observer, run: Make) -> None:
    told(observer, run(0))
    assert ("link.down_flag", 1.0, 10) in told(observer, run(10, Outcome.FAILED))
    assert told(observer, run(12, meter="snmp", values={"oper_up_flag": 1.0})) == [("snmp.oper_up_flag", 1.0, 12)]


def test_what_was_skipped_or_went_wrong_with_us_says_nothing(observer: Observer, run: Make) -> None:
    values = {"loss_ratio": 1.0}
    assert told(observer, run(0, Outcome.SKIPPED, values=values), run(1, Outcome.ERROR, values=values)) == []


SLOW = {"download_ip_mbps": 50.0, "download_wire_mbps": 52.0, "download_mbps": 47.0}


def test_a_slow_line_is_held_against_its_contract(observer: Observer, run: Make) -> None:
    found = told(observer, run(0, meter="speed", values=SLOW))
    assert ("speed.target_ratio", 0.52, 0) in found


def test_what_the_probe_limited_never_counts_as_under_target(observer: Observer, run: Make) -> None:
    assert "speed.target_ratio" not in [
        m for m, _, _ in told(observer, run(0, Outcome.PROBE_LIMITED, meter="speed", values=SLOW))
    ]
    fast = {name: value * 2.5 for name, value in SLOW.items()}
    assert ("speed.target_ratio", 1.3, 9) in told(observer, run(9, Outcome.PROBE_LIMITED, meter="speed", values=fast))


@pytest.mark.parametrize(
    ("goal", "share"),
    [
        (Goal(down_mbps=100), 0.52),  # no layer named: the kindest
        (Goal(down_mbps=100, outermost=Layer.IP), 0.5),
        (Goal(down_mbps=100, layer=Layer.IP), 0.5),
        (Goal(down_mbps=100, layer=Layer.PAYLOAD), 0.47),
        (Goal(down_mbps=100, layer=Layer.FRAME), 0.506),
        (Goal(down_mbps=100, up_mbps=10), 0.52),  # upload was not measured
        (Goal(up_mbps=10), None),
    ],
)
def test_the_share_counts_at_the_contracts_layer(goal: Goal, share: float | None) -> None:
    found = reached(SLOW, goal)
    assert found == (None if share is None else pytest.approx(share, rel=1e-3))


def test_goodput_alone_can_pass_but_never_fail() -> None:
    assert reached({"download_mbps": 99.0}, Goal(down_mbps=100)) is None
    assert reached({"download_mbps": 101.0}, Goal(down_mbps=100)) == 1.01


def test_the_contract_goes_before_the_plan(sites_file: Path) -> None:
    text = sites_file.read_text(encoding="utf-8")
    text += '\n[[site.link]]\nid = "tslcd"\nkind = "tslcd"\n'
    text = (
        text.replace('"06001"', '"25747"')
        .replace('code = "20"', 'code = "79"')
        .replace('province = "20"', 'province = "79"')
    )
    sites_file.write_text(text, encoding="utf-8")
    goals = goals_of(read_registry(sites_file), load_plans(), date(2026, 11, 22))
    assert goals["dong-dang", "fixed"] == Goal(down_mbps=100)
    assert goals["dong-dang", "tslcd"] == Goal(down_mbps=100)  # B3: 100 Mbps at every commune office of the plan
    assert ("dong-dang", "mobile") not in goals  # its targets are bound to i-Speed's statistic


def watch(run: Make, second: float, site: str, up: float | None) -> Record:
    values = {} if up is None else {"up_flag": up}
    return run(
        second, site=site, meter="node", far_end="core-1", values=values, outcome=Outcome.OK if up else Outcome.FAILED
    )


def test_a_node_is_down_when_nobody_reaches_it(observer: Observer, run: Make) -> None:
    assert told(observer, watch(run, 0, "a", 1), watch(run, 1, "b", 1))[-1] == ("node.down_flag", 0.0, 1)
    assert told(observer, watch(run, 10, "a", 0)) == [("node.down_flag", 0.0, 10)]
    (fact,) = observer.measured([watch(run, 11, "b", 0)])
    assert (fact.subject, fact.value) == (node("core-1"), 1.0)


def test_the_first_look_after_a_restart_blames_no_node(observer: Observer, run: Make) -> None:
    told(observer, run(0, site="a"))
    assert told(observer, watch(run, 1, "a", 0)) == []
    assert told(observer, watch(run, 10, "a", 0)) == []
    assert ("node.down_flag", 1.0, 10) in told(observer, run(11, site="a"))


def test_a_probe_without_a_line_says_nothing_about_nodes(observer: Observer, run: Make) -> None:
    told(observer, run(0, site="a"), watch(run, 0, "a", 1), watch(run, 1, "b", 1))
    told(observer, run(10, Outcome.FAILED, site="a"))
    assert told(observer, watch(run, 11, "a", 0)) == [("node.down_flag", 0.0, 11)]
    assert told(observer, watch(run, 12, "b", None)) == []


def test_a_node_that_was_blamed_for_a_dead_line_is_taken_back(observer: Observer, run: Make) -> None:
    told(observer, run(0), watch(run, 0, "dong-dang", 1))
    told(observer, watch(run, 5, "dong-dang", 0))
    assert ("node.down_flag", 1.0, 5) in told(observer, run(8))
    assert ("node.down_flag", 0.0, 10) in told(observer, run(10, Outcome.FAILED))


def nodes_told(observer: Observer, *records: Record) -> list[tuple[str, float, float]]:
    return [fact for fact in told(observer, *records) if fact[0] == "node.down_flag"]


def test_a_single_watchers_own_line_that_is_down_makes_no_node_dead(observer: Observer, run: Make) -> None:
    nodes_told(observer, run(0), watch(run, 0, "dong-dang", 1), run(60))
    assert nodes_told(observer, watch(run, 65, "dong-dang", 0)) == []
    for at in range(70, 115, 10):
        assert nodes_told(observer, watch(run, at, "dong-dang", 0)) == []
    assert 1.0 not in [value for _, value, _ in nodes_told(observer, run(120, Outcome.FAILED))]
    assert 1.0 not in [value for at in range(130, 900, 60) for _, value, _ in nodes_told(
        observer, watch(run, at, "dong-dang", 0), run(at + 1, Outcome.FAILED))]  # fmt: skip


def test_a_single_watcher_is_believed_from_the_moment_when_its_line_carried_something(
    observer: Observer, run: Make
) -> None:
    nodes_told(observer, run(0), watch(run, 0, "dong-dang", 1))
    assert nodes_told(observer, watch(run, 5, "dong-dang", 0)) == []
    assert nodes_told(observer, run(9)) == [("node.down_flag", 1.0, 5)]
    assert nodes_told(observer, watch(run, 15, "dong-dang", 0)) == [("node.down_flag", 1.0, 15)]
    assert nodes_told(observer, watch(run, 25, "dong-dang", 1)) == [("node.down_flag", 0.0, 25)]


@pytest.mark.parametrize(("local", "found"), [((), [("node.down_flag", 1.0, 10)]), (("router",), [])])
def test_another_node_that_is_reached_proves_the_line_unless_it_stands_in_the_office(
    observer: Observer, run: Make, local: tuple[str, ...], found: list[object]
) -> None:
    observer.stand_on(local)
    nodes_told(observer, watch(run, 0, "a", 1))
    assert nodes_told(observer, watch(run, 10, "a", 0)) == []
    other = run(12, site="a", meter="node", far_end="router", values={"up_flag": 1.0})
    assert [fact for fact in nodes_told(observer, other) if fact[1]] == found


def test_a_watcher_whose_line_nobody_measures_is_believed_after_two_minutes(observer: Observer, run: Make) -> None:
    nodes_told(observer, watch(run, 0, "a", 1))
    early = [fact for at in range(10, 130, 10) for fact in nodes_told(observer, watch(run, at, "a", 0))]
    assert early == []
    assert nodes_told(observer, watch(run, 130, "a", 0))[0] == ("node.down_flag", 1.0, 10)


def test_the_far_end_is_named_where_a_line_is_measured_against_it_alone(observer: Observer, run: Make) -> None:
    (down,) = observer.measured([run(0, Outcome.FAILED, far_end="hn")])
    assert (down.metric, down.far_end) == ("link.down_flag", "hn")
    both = [run(100, Outcome.FAILED, far_end="hn"), run(101, Outcome.FAILED, far_end="hcm")]
    assert observer.measured(both)[-1].far_end == ""
    assert observer.against("hn", 0).failing == frozenset()


def test_lines_at_one_far_end_are_failing_well_or_not_looked_at(observer: Observer, run: Make) -> None:
    observer.measured([run(0, site=site, far_end="hn") for site in "abc"])
    observer.measured([run(60, Outcome.FAILED, site="a", far_end="hn"), run(61, site="b", far_end="hn")])
    failing, well, unseen = observer.against("hn", START + 60 * 1_000_000)
    assert [{subject.site for subject in part} for part in (failing, well, unseen)] == [{"a"}, {"b"}, {"c"}]


STATUS = AgentStatus(
    site="dong-dang", agent="dong-dang-1", epoch="00112233445566aa", state=State.ONLINE, version="0.1.0", spool_rows=7,
    clock_synchronised=False, findings=("spool_in_memory",),
    links={"fixed": {"up": True, "speed_mbps": 100, "duplex": "half"}, "tslcd": {"up": False}, "odd": {"up": "?"}},
)  # fmt: skip


def test_a_status_becomes_facts_about_the_probe_and_its_ports(observer: Observer) -> None:
    found = {(f.subject, f.metric): f.value for f in observer.said(STATUS, START)}
    who = probe("dong-dang", "dong-dang-1")
    assert found == {
        (who, "probe.spool_rows_count"): 7, (who, "probe.clock_synchronised_flag"): 0,
        (who, "probe.spool_in_memory_flag"): 1, (who, "probe.forwarding_on_flag"): 0, (who, "probe.outdated_flag"): 0,
        (LINE, "link.port_down_flag"): 0, (LINE, "link.port_mbps"): 100, (LINE, "link.half_duplex_flag"): 1,
        (line("dong-dang", "tslcd"), "link.port_down_flag"): 1,
    }  # fmt: skip


def test_a_last_will_says_nothing_of_the_present(observer: Observer) -> None:
    will = AgentStatus(
        site="a", agent="a-1", epoch="00112233445566aa", state=State.OFFLINE, version="0.1.0", reason="lost"
    )
    assert observer.said(will, START) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "outdated"),
    [("0.10.0", "0.9.9", 1), ("0.4.0", "0.4.0", 0), ("0.4.0", "0.5.0.dev1", 0), ("1.0", "x", 1)],
)
def test_versions_are_compared_as_numbers(ours: str, theirs: str, outdated: float) -> None:
    observer = Observer({"probe.outdated_flag": False}, version=ours)
    status = AgentStatus(site="a", agent="a-1", epoch="00112233445566aa", state=State.ONLINE, version=theirs)
    assert [f.value for f in observer.said(status, START)] == [outdated]


def test_what_a_dead_line_loses_is_no_loss(observer: Observer, run: Make) -> None:
    dead = {"loss_ratio": 1.0}
    found = told(observer, run(0, Outcome.FAILED, values=dead), run(10, values={"loss_ratio": 0.1}))
    assert sorted(found) == [("latency.loss_ratio", 0.1, 10), ("link.down_flag", 0.0, 10), ("link.down_flag", 1.0, 0)]


def test_one_watcher_that_flaps_does_not_flap_a_node_that_another_reaches(observer: Observer, run: Make) -> None:
    nodes_told(observer, watch(run, 0, "a", 1), watch(run, 0, "b", 1))
    looks = [(watch(run, at, "a", 1), watch(run, at + 5, "b", float(at % 20 == 0))) for at in range(10, 1000, 10)]
    assert {value for pair in looks for _, value, _ in nodes_told(observer, *pair)} == {0.0}


@pytest.mark.parametrize("every_s", [10, 20, 60])
def test_a_node_whose_only_watcher_flaps_is_told_once_at_most(observer: Observer, run: Make, every_s: int) -> None:
    engine, told_of = Engine([rule for rule in read_rules() if rule.id == "node-down"]), 0
    for at in range(0, 7200, 5):
        up = float(at // every_s % 2 == 0)
        engine.feed(observer.measured([run(at, site="a"), watch(run, at + 1, "a", up)]))
        told_of += sum(c.turn is Turn.RAISED and not c.alarm.muted for c in engine.tick(START + (at + 2) * SECOND))
    assert told_of <= (3 if every_s == 60 else 1)  # damping needs some changes before it calls it flapping
