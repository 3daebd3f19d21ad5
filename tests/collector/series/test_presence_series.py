"""Presence in windows: exact shares, what nobody can say, and what is found later."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.collector.series.series_ledger import (
    DAY,
    HOUR,
    MINUTE,
    START,
    Clock,
    Feed,
    Shelf,
    afresh,
    world,
)

from doxa_collector.ledger.engine import writing
from doxa_collector.presence import store
from doxa_collector.presence.model import Presence, State, Turn
from doxa_collector.series.presence import Part, Timelines, streams, window_of


def turn(engine: Engine, agent: str, state: State, began_us: int, noticed_us: int | None = None) -> None:
    now = Presence(agent=agent, site=agent.rpartition("-")[0], state=state, since_us=began_us)
    with writing(engine) as conn:
        store.save(conn, [Turn(before=None, now=now, noticed_us=began_us if noticed_us is None else noticed_us)])


def test_a_window_says_how_much_of_it_the_probes_were_there(filled: Engine) -> None:
    clock, shelf = Clock(), Shelf()
    feed = Feed(filled, shelf, streams(world(clock)))
    turn(filled, "dong-dang-1", State.ONLINE, START)
    turn(filled, "dong-dang-2", State.ONLINE, START + 2 * MINUTE)
    turn(filled, "dong-dang-1", State.OFFLINE, START + 6 * MINUTE)
    clock.now_us = START + 10 * MINUTE + MINUTE
    feed()
    found = shelf.of("doxa_presence_5m", site="dong-dang", province="20", place="06184")
    assert found == {
        START: {"probes_count": 2.0, "online_ratio": 1.0, "silent_count": 0.0, "state_code": 0.0},
        START + 5 * MINUTE: {"probes_count": 2.0, "online_ratio": 0.6, "silent_count": 1.0, "state_code": 3.0},
    }
    assert not shelf.of("doxa_presence_1h"), "its hour has not ended"
    assert not shelf.of("doxa_presence_5m", site="hong-phong"), "nothing is known there"


def test_what_nobody_can_say_is_no_absence(filled: Engine) -> None:
    clock, shelf = Clock(START + HOUR), Shelf()
    turn(filled, "hong-phong-1", State.ONLINE, START)
    turn(filled, "hong-phong-1", State.UNKNOWN, START + 30 * MINUTE)
    turn(filled, "dien-bien-1", State.NEVER, START)
    Feed(filled, shelf, streams(world(clock)))()
    clock.now_us += MINUTE
    Feed(filled, shelf, streams(world(clock)))()
    (hour,) = shelf.of("doxa_presence_1h", site="hong-phong").values()
    assert hour == {"probes_count": 1.0, "online_ratio": 1.0, "silent_count": 0.0, "state_code": 1.0}
    (never,) = shelf.of("doxa_presence_1h", site="dien-bien").values()
    assert never == {"probes_count": 1.0, "silent_count": 0.0, "state_code": 2.0}


def test_what_is_found_late_is_written_again_in_every_length(filled: Engine) -> None:
    clock, shelf = Clock(), Shelf()
    feed = Feed(filled, shelf, streams(world(clock)))
    turn(filled, "hong-phong-1", State.ONLINE, START - DAY)
    turn(filled, "dien-bien-1", State.ONLINE, START - DAY)
    clock.now_us = START + DAY
    feed()
    before = len(shelf.sent)
    turn(filled, "hong-phong-1", State.OFFLINE, START, noticed_us=clock.now_us)
    feed()
    assert shelf.of("doxa_presence_5m", site="hong-phong")[START]["online_ratio"] == 0
    day = window_of(START, DAY)
    assert shelf.of("doxa_presence_1d", site="hong-phong")[day]["online_ratio"] == (START - day) / DAY
    assert {one.tags["site"] for one in shelf.sent[before:]} == {"hong-phong"}
    assert afresh(filled, streams(world(clock))).points == shelf.points


def test_a_probe_that_left_the_registry_is_counted_until_its_last_turn(filled: Engine) -> None:
    clock, shelf = Clock(START + 11 * MINUTE), Shelf()
    turn(filled, "dong-dang-1", State.ONLINE, START)
    turn(filled, "dong-dang-2", State.ONLINE, START)
    turn(filled, "dong-dang-2", State.OFFLINE, START + 5 * MINUTE)
    with writing(filled) as conn:
        store.forget(conn, ["dong-dang-2"])
    Feed(filled, shelf, streams(world(clock)))()
    found = shelf.of("doxa_presence_5m", site="dong-dang")
    assert [fields["probes_count"] for fields in found.values()] == [2.0, 1.0]
    assert found[START + 5 * MINUTE]["silent_count"] == 0


_TURNS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(list(State)), st.integers(0, 40), st.integers(0, 15)), max_size=12
)


@given(_TURNS, st.integers(0, 40), st.integers(1, 30))
def test_a_window_counts_what_a_clock_would_count(
    turns: Sequence[tuple[int, State, int, int]], first: int, length: int
) -> None:
    """Minute by minute: the latest finding that reaches back to a minute says what it was."""
    lines, truth = Timelines(), dict[tuple[int, int], State]()
    for agent, state, at, back in turns:
        lines._take_part(str(agent), Part(max(0, at - back), state, "o"))
        for minute in range(max(0, at - back), 200):
            truth[agent, minute] = state
    found = lines.window(first, first + length).get("o")
    minutes = [truth.get((agent, minute)) for agent in (0, 1) for minute in range(first, first + length)]
    known = [state for state in minutes if state in (State.ONLINE, State.OFFLINE)]
    assert (found.known_us if found else 0) == len(known)
    assert (found.online_us if found else 0) == known.count(State.ONLINE)
    ends = [last for agent in (0, 1) if (last := truth.get((agent, first + length - 1))) is not None]
    assert sorted(found.ends if found else []) == sorted(ends)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_found_whenever_the_store_ends_up_as_a_new_one_would(filled: Engine, seed: int) -> None:
    chance, clock, shelf = Random(seed), Clock(), Shelf()
    feed = Feed(filled, shelf, streams(world(clock)))
    for _ in range(25):
        agent = chance.choice(["dong-dang-1", "dong-dang-2", "hong-phong-1"])
        state = chance.choice([State.ONLINE, State.OFFLINE])
        turn(filled, agent, state, clock.now_us - chance.randrange(0, 40) * MINUTE, clock.now_us)
        clock.now_us += chance.randrange(1, 20) * MINUTE
        if chance.random() < 0.7:
            feed()
    feed()
    assert afresh(filled, streams(world(clock))).points == shelf.points
