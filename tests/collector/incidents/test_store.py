"""Incidents in the ledger: found again after a restart, and what people do to them."""

import json
from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import Engine, select
from tests.collector.incidents.conftest import START, Feed, MakeAlarm, away

from doxa_collector.incidents import lifecycle, store
from doxa_collector.incidents.atlas import Atlas, read_atlas
from doxa_collector.incidents.correlate import Correlator
from doxa_collector.incidents.model import State, Turn
from doxa_collector.incidents.windows import Scope
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.registration import register
from doxa_collector.ledger.schema import audit
from doxa_core.errors import InputError
from doxa_core.language import choose_language
from doxa_lab.incidents import faults
from doxa_lab.incidents.alarms import ticks
from doxa_lab.incidents.faults import S, Scenario
from doxa_lab.incidents.province import Country, Province

MakeFeed = Callable[[], Feed]
COUNTRY = Country(Province(communes=30))


def replay(engine: Engine, scenario: Scenario, restart_every: int) -> None:
    """The scenario with a correlator that is lost and rebuilt every so many ticks; 0: never."""
    with reading(engine) as conn:
        atlas = read_atlas(conn, date(2026, 11, 24))
    correlator = Correlator(scenario.country.tree, atlas)
    for step, (now_us, changes, alarms) in enumerate(ticks(scenario, 4)):
        if restart_every and step % restart_every == 0:
            correlator = Correlator(scenario.country.tree, atlas)
            with reading(engine) as conn:
                store.restore(conn, correlator, now_us)
        found = correlator.update(now_us, changes, alarms)
        if found:
            with writing(engine) as conn:
                store.save(conn, found)


@pytest.mark.parametrize("restart_every", [0, 7])
def test_a_restart_of_the_collector_changes_no_incident(engine: Engine, restart_every: int) -> None:
    with writing(engine) as conn:
        register(conn, COUNTRY.registry, 1, "test")
    chosen = (
        faults.node_out(COUNTRY, "agg-52", 60, 400),
        faults.cut_office(COUNTRY.provinces[0], 9, 900, 1200),
    )
    replay(engine, Scenario(country=COUNTRY, faults=chosen, seconds=1500), restart_every)
    with reading(engine) as conn:
        found = store.find(conn)
    assert [(i.cause, i.state, len(i.sites)) for i in found] == [
        ("unknown", State.RESOLVED, 1), ("aggregation_down", State.RESOLVED, 30)
    ]  # fmt: skip
    assert [i.reopened for i in found] == [0, 0]


def test_what_is_kept_is_what_was_decided(engine: Engine, feed: MakeFeed, alarm: MakeAlarm) -> None:
    it = feed()
    it.step(8, *(alarm(away(n), detail={"cause": "power"}) for n in range(1, 30, 2)))
    found = it.step(20)
    with writing(engine) as conn:
        store.save(conn, found)
        assert store.get(conn, 1) == found[0].incident
        assert store.get(conn, 2) is None
        (entry,) = store.entries(conn, 1)
    assert (entry.action, entry.actor, entry.at_us) == ("opened", "doxa", START + 20 * S)
    assert entry.text.vi == "phát hiện: mất điện, 15 thành phần"


@pytest.fixture
def kept(engine: Engine, feed: MakeFeed, alarm: MakeAlarm) -> Feed:
    """One open incident at one office, in the ledger."""
    it = feed()
    it.step(8, alarm(away(7)))
    with writing(engine) as conn:
        store.save(conn, it.step(20))
    choose_language("en")
    return it


def test_acknowledged_stays_acknowledged_whatever_happens_to_it(engine: Engine, kept: Feed, alarm: MakeAlarm) -> None:
    with writing(engine) as conn:
        lifecycle.acknowledge(conn, 1, "lan", START + 30 * S, "called VNPT")
        store.save(conn, kept.step(40, alarm(away(7, 2), 20)))  # the correlator has not heard of it yet
        found = store.get(conn, 1)
        store.heed(conn, kept.correlator)
    assert found is not None
    assert (found.state, found.acknowledged_us, len(found.members)) == (State.ACKNOWLEDGED, START + 30 * S, 2)
    assert kept.correlator.incidents()[0].state is State.ACKNOWLEDGED


def test_closing_needs_force_while_something_fails_and_is_final(engine: Engine, kept: Feed) -> None:
    with writing(engine) as conn:
        with pytest.raises(InputError) as refusal:
            lifecycle.close(conn, 1, "lan", START + 30 * S)
        assert str(refusal.value) == "incident 1: 1 members still fail; wait until they are well, or add --force"
        lifecycle.close(conn, 1, "lan", START + 30 * S, "a test", force=True)
        store.heed(conn, kept.correlator)
    assert kept.correlator.incidents() == []
    assert kept.step(100) == []
    with writing(engine) as conn:
        found = store.get(conn, 1)
        assert found is not None
        assert found.state is State.CLOSED
        with pytest.raises(InputError):
            lifecycle.acknowledge(conn, 1, "lan", START)


def test_every_act_has_an_actor_in_history_and_audit(engine: Engine, kept: Feed) -> None:
    with writing(engine) as conn:
        lifecycle.acknowledge(conn, 1, "lan", START + 30 * S)
        lifecycle.comment(conn, 1, "minh", START + 40 * S, "chờ thợ")
        lifecycle.close(conn, 1, "lan", START + 50 * S, force=True)
        history = [(e.actor, e.action, e.text.vi) for e in store.entries(conn, 1)][1:]
        rows = list(conn.execute(select(audit.c.actor, audit.c.action, audit.c.detail).order_by(audit.c.id)))
    assert history == [("lan", "acknowledged", ""), ("minh", "comment", "chờ thợ"), ("lan", "closed", "")]
    assert [(r.actor, r.action) for r in rows] == [
        ("lan", "incident.acknowledged"), ("minh", "incident.comment"), ("lan", "incident.closed")
    ]  # fmt: skip
    assert json.loads(rows[1].detail) == {"incident": 1, "text": "chờ thợ"}


def test_planned_work_is_kept_cancelled_and_refused(engine: Engine) -> None:
    choose_language("en")
    with writing(engine) as conn:
        plain = {"scope": Scope(node="agg-52"), "reason": "cable", "actor": "lan", "now_us": START}
        window = lifecycle.add_window(conn, from_us=START, to_us=START + 60 * S, **plain)  # type: ignore[arg-type]
        assert lifecycle.windows(conn, START + S) == [window]
        assert lifecycle.windows(conn, START + 60 * S) == []
        cancelled = lifecycle.cancel_window(conn, window.id, "lan", START + 10 * S)
        assert not cancelled.is_on(START + 11 * S)
        assert lifecycle.windows(conn, START + 11 * S) == []
        assert lifecycle.windows(conn, START + 11 * S, past=True) == [cancelled]
        with pytest.raises(InputError, match="over or cancelled"):
            lifecycle.cancel_window(conn, window.id, "lan", START + 12 * S)
        with pytest.raises(InputError, match="ends before it begins"):
            lifecycle.add_window(conn, from_us=START, to_us=START, **plain)  # type: ignore[arg-type]


def test_a_search_finds_by_place_time_and_state(engine: Engine, kept: Feed, atlas: Atlas) -> None:
    with reading(engine) as conn:
        assert len(store.find(conn, live=True)) == 1
        assert len(store.find(conn, place="52", sites=["xa-52-007"])) == 1
        assert store.find(conn, place="11", sites=["xa-11-001"]) == []
        assert len(store.find(conn, since_us=START + 5000 * S)) == 1  # it lasts
    done = [*kept.open.values()]
    kept.step(100, cleared=done)
    with writing(engine) as conn:
        store.save(conn, kept.step(300))
        assert kept.changes[-1].turn is Turn.RESOLVED
        assert store.find(conn, live=True) == []
        assert store.find(conn, since_us=START + 5000 * S) == []
        assert len(store.find(conn, since_us=START)) == 1
