"""Who is there and why not: each rule with its evidence, by a clock of our own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.presence.engine import Engine
from doxa_collector.presence.model import EVIDENCE, Cause, Presence, Sign, State, Surroundings, Turn
from doxa_collector.presence.settings import Settings

S = 1_000_000
T0 = 1_790_000_000 * S
HOMES = {"a-net": "a", "a-tslcd": "a", "b-net": "b"}
NETWORKS = {"a-net": frozenset({"fixed"}), "a-tslcd": frozenset({"tslcd"}), "b-net": frozenset({"fixed"})}
RULES = Settings()


def alive(agent: str, at: float, **more: object) -> Sign:
    return replace(Sign(agent=agent, site=HOMES[agent], at_us=T0 + int(at * S), online=True, boot="boot-1"), **more)  # type: ignore[arg-type]


def lost(agent: str, at: float, reason: str = "lost") -> Sign:
    return Sign(agent=agent, site=HOMES[agent], at_us=T0 + int(at * S), online=False, reason=reason)


class World:
    """An engine and its clock."""

    def __init__(self, *online: str) -> None:
        self.engine = Engine(RULES)
        self.engine.know(HOMES, NETWORKS)
        self.engine.feed(alive(agent, 0) for agent in online)
        self.at(0)

    def at(self, seconds: float, *signs: Sign, **around: float) -> list[Turn]:
        self.engine.feed(signs)
        found = {k: (T0 + int(v * S) if k == "broker_lost_us" else v) for k, v in around.items()}
        return self.engine.update(T0 + int(seconds * S), Surroundings(**found))  # type: ignore[arg-type]

    def now(self, agent: str) -> Presence:
        return next(one for one in self.engine.all() if one.agent == agent)

    def codes(self, agent: str) -> list[str]:
        return [evidence.code for evidence in self.now(agent).evidence]


def test_a_probe_that_never_spoke_is_never_and_one_that_speaks_is_online() -> None:
    world = World("a-net")
    assert world.now("b-net").state is State.NEVER
    assert world.now("a-net").state is State.ONLINE
    (turn,) = world.at(5, alive("b-net", 5))
    assert (turn.now.agent, turn.now.state) == ("b-net", State.ONLINE)


def test_a_last_will_is_believed_at_once() -> None:
    world = World("b-net")
    (turn,) = world.at(12, lost("b-net", 12))
    assert (turn.now.state, turn.now.cause, turn.now.since_us) == (State.OFFLINE, Cause.LOST, T0 + 12 * S)
    assert world.codes("b-net") == ["last_will"]


def test_many_last_wills_at_once_wait_a_moment_for_the_broker_may_be_going() -> None:
    world = World(*HOMES)
    assert world.at(12, *(lost(agent, 12) for agent in HOMES)) == []
    turns = world.at(12.5, broker_lost_us=12.4)
    assert {(turn.now.state, turn.now.cause) for turn in turns} == {(State.UNKNOWN, Cause.BROKER)}
    world = World(*HOMES)
    world.at(12, *(lost(agent, 12) for agent in HOMES))
    assert {turn.now.state for turn in world.at(12 + RULES.settle_s)} == {State.OFFLINE}


def test_goodbye_is_no_fault() -> None:
    world = World("b-net")
    (turn,) = world.at(5, lost("b-net", 5, "stopped"))
    assert (turn.now.state, turn.now.cause) == (State.OFFLINE, Cause.STOPPED)


def test_a_probe_whose_neighbour_at_the_office_is_still_there_has_power_so_its_line_is_down() -> None:
    world = World("a-net", "a-tslcd")
    world.at(14, lost("a-net", 12))
    assert world.now("a-net").cause is Cause.LOST
    (turn,) = world.at(40, alive("a-tslcd", 40))
    assert (turn.now.agent, turn.now.cause) == ("a-net", Cause.LINE)
    assert world.codes("a-net") == ["last_will", "peer_online"]
    assert turn.now.since_us == T0 + 12 * S


def test_probes_on_two_networks_of_one_office_that_go_together_lost_power() -> None:
    world = World("a-net", "a-tslcd", "b-net")
    world.at(20, lost("a-net", 12), lost("a-tslcd", 15))
    assert {world.now(a).cause for a in ("a-net", "a-tslcd")} == {Cause.POWER}
    assert world.codes("a-net") == ["last_will", "whole_office"]
    assert world.now("b-net").state is State.ONLINE


def test_probes_on_one_network_that_go_together_may_have_lost_that_network() -> None:
    world = World("a-net", "a-tslcd")
    world.engine.know(HOMES, {agent: frozenset({"fixed"}) for agent in HOMES})
    world.at(20, lost("a-net", 12), lost("a-tslcd", 13))
    assert world.now("a-net").cause is Cause.LOST


def test_a_probe_that_ran_on_battery_before_it_went_lost_power() -> None:
    world = World("b-net")
    world.at(5, alive("b-net", 5, on_battery=True))
    world.at(20, lost("b-net", 17))
    assert (world.now("b-net").cause, world.codes("b-net")) == (Cause.POWER, ["last_will", "on_battery"])
    turns = world.at(60, alive("b-net", 60, on_battery=False))
    assert [turn.refines for turn in turns] == [False]  # same boot, but the office had no power all the same


@pytest.mark.parametrize(
    ("boot", "cause", "code"), [("boot-2", Cause.POWER, "new_boot"), ("boot-1", Cause.LINE, "same_boot")]
)
def test_the_boot_that_comes_back_tells_power_from_line(boot: str, cause: Cause, code: str) -> None:
    world = World("b-net")
    world.at(20, lost("b-net", 12))
    better, back = world.at(300, alive("b-net", 300, boot=boot))
    assert better.refines
    assert (better.now.cause, better.now.evidence[-1].code, better.now.since_us) == (cause, code, T0 + 12 * S)
    assert (back.now.state, back.now.cause) == (State.ONLINE, None)


def test_a_measurement_that_comes_before_the_status_tells_nothing_of_the_boot() -> None:
    world = World("b-net")
    world.at(20, lost("b-net", 12))
    assert [turn.refines for turn in world.at(300, alive("b-net", 300, boot=None))] == [False]
    (better,) = world.at(302, alive("b-net", 301, boot="boot-2"))
    assert (better.refines, better.now.cause) == (True, Cause.POWER)


def test_a_status_overtaken_by_a_measurement_still_counts() -> None:
    world = World("b-net")
    world.at(6, alive("b-net", 5, boot=None), alive("b-net", 4, ports_down=("fixed",)))
    world.at(20, lost("b-net", 17))
    assert world.now("b-net").cause is Cause.LINE


def test_a_guess_that_power_was_gone_is_proven_by_the_boot() -> None:
    world = World("a-net", "a-tslcd")
    world.at(20, lost("a-net", 12), lost("a-tslcd", 13))
    assert world.codes("a-net") == ["last_will", "whole_office"]
    turns = world.at(300, alive("a-net", 300, boot="boot-2"))
    assert [(t.now.cause, t.now.evidence[-1].code) for t in turns if t.refines] == [(Cause.POWER, "new_boot")]


def test_nobody_is_blamed_while_the_broker_is_out_of_reach() -> None:
    world = World("a-net", "b-net")
    turns = world.at(11, lost("a-net", 10.5), broker_lost_us=10.9)
    assert {(t.now.state, t.now.cause) for t in turns if t.now.agent == "a-net"} == {(State.UNKNOWN, Cause.BROKER)}
    world.at(250, broker_lost_us=10.9)
    assert world.now("b-net").cause is Cause.BROKER
    assert world.now("b-net").since_us == T0 + int(10.9 * S)


def test_when_the_broker_stays_away_nobody_is_called_online_any_more() -> None:
    world = World("b-net")
    assert world.at(8, broker_lost_us=5) == []
    (turn,) = world.at(5 + RULES.blind_s + 0.1, broker_lost_us=5)
    assert (turn.now.state, turn.now.cause, turn.now.since_us) == (State.UNKNOWN, Cause.BROKER, T0 + 5 * S)
    world.at(60)
    assert world.now("b-net").state is State.UNKNOWN  # what was heard before says nothing now
    (turn,) = world.at(65, alive("b-net", 65))
    assert turn.now.state is State.ONLINE


def test_a_broker_that_restarts_in_a_moment_changes_nothing() -> None:
    world = World("b-net")
    world.at(8, broker_lost_us=5)
    assert world.at(12) == []
    assert world.now("b-net").state is State.ONLINE


def test_after_the_broker_is_back_probes_have_their_time_and_then_the_missing_one_is_named() -> None:
    world = World("a-net", "b-net")
    world.at(300, broker_lost_us=10)
    world.at(310, alive("a-net", 310))
    assert (world.now("a-net").state, world.now("b-net").state) == (State.ONLINE, State.UNKNOWN)
    world.at(500, alive("a-net", 500))
    assert world.now("b-net").state is State.UNKNOWN
    world.at(310 + RULES.grace_s + 1, alive("a-net", 640))
    assert (world.now("b-net").state, world.now("b-net").cause) == (State.OFFLINE, Cause.SILENT)


def test_a_probe_that_was_lost_before_the_broker_went_stays_lost() -> None:
    world = World("b-net")
    world.at(20, lost("b-net", 12))
    world.at(30, broker_lost_us=25)
    assert (world.now("b-net").state, world.now("b-net").cause) == (State.OFFLINE, Cause.LOST)


def test_a_collector_that_is_behind_blames_itself() -> None:
    world = World("b-net")
    world.at(RULES.silent_s + 5, behind_s=30)
    assert (world.now("b-net").state, world.now("b-net").cause) == (State.UNKNOWN, Cause.COLLECTOR)
    world.at(RULES.silent_s + 8, alive("b-net", RULES.silent_s + 7))
    assert world.now("b-net").state is State.ONLINE


def test_silence_is_noticed_without_any_message_and_only_once() -> None:
    world = World("b-net")
    assert world.at(RULES.silent_s - 1) == []
    (turn,) = world.at(RULES.silent_s + 1)
    assert (turn.now.cause, turn.now.since_us) == (Cause.SILENT, T0)
    assert world.at(RULES.silent_s + 60) == []


def test_a_measurement_that_was_overtaken_by_the_last_will_does_not_bring_the_probe_back() -> None:
    world = World("b-net")
    world.at(20, alive("b-net", 11), lost("b-net", 12))
    assert world.now("b-net").state is State.OFFLINE


def test_after_a_restart_what_was_shown_stays_until_something_new_is_known() -> None:
    world = World("b-net")
    world.at(20, lost("b-net", 12))
    again = Engine(RULES)
    again.know(HOMES, NETWORKS)
    again.restore(world.engine.all(), [lost("b-net", 12)])
    assert [turn for turn in again.update(T0 + 25 * S) if turn.now.agent == "b-net"] == []
    again.feed([alive("b-net", 40)])
    assert [turn.now.state for turn in again.update(T0 + 41 * S) if turn.now.agent == "b-net"] == [State.ONLINE]


def test_every_code_of_evidence_has_words_in_both_languages() -> None:
    assert all(text.vi and text.en and text.vi != text.en for text in EVIDENCE.values())
    assert all(one.text.vi for one in (*State, *Cause))


_STEP = st.tuples(
    st.floats(0.1, 120), st.sampled_from(sorted(HOMES)), st.sampled_from(["alive", "lost", "stopped", "reboot", "-"]),
    st.booleans(), st.booleans(),
)  # fmt: skip


@given(st.lists(_STEP, max_size=40))
def test_whatever_happens_a_turn_is_told_once_and_causes_fit_their_states(
    steps: list[tuple[float, str, str, bool, bool]],
) -> None:
    world, now, broker_lost = World(*HOMES), 0.0, None
    shown = {one.agent: one for one in world.engine.all()}
    for pause, agent, what, broker, behind in steps:
        now += pause
        broker_lost = (broker_lost or now) if broker else None
        around = {} if broker_lost is None else {"broker_lost_us": broker_lost}
        signs = {
            "alive": [alive(agent, now)], "reboot": [alive(agent, now, boot=f"boot-{now}")], "-": [],
            "lost": [lost(agent, now)], "stopped": [lost(agent, now, "stopped")],
        }[what]  # fmt: skip
        for turn in world.at(now, *signs, behind_s=20.0 if behind else 0.0, **around):
            if turn.refines:
                continue
            before = shown[turn.now.agent]
            assert turn.before == before
            assert (before.state, before.cause) != (turn.now.state, turn.now.cause)
            shown[turn.now.agent] = turn.now
    for one in world.engine.all():
        assert shown[one.agent] == one
        assert (one.cause is None) is (one.state in (State.ONLINE, State.NEVER))
        if one.state is State.UNKNOWN:
            assert one.cause in (Cause.BROKER, Cause.COLLECTOR)
        assert bool(one.evidence) is (one.cause is not None)
