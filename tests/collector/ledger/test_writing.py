"""Measurements once, rubbish once with a count, statuses that know since when."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import agent_status, counter, quarantine
from doxa_collector.ledger.schema import measurement as measurement_table
from doxa_collector.ledger.writing import Fate, Incoming, count, keep, note_status, put_aside, rubbish
from doxa_core.measurement import Measurement
from doxa_core.status import AgentStatus, State


def incoming(found: Measurement, **changes: Any) -> Incoming:
    return Incoming(measurement=found, raw=found.encode(), **changes)


def fates(engine: Engine, *lines: Incoming) -> list[Fate]:
    with writing(engine) as conn:
        return keep(conn, lines, 7)


def test_a_measurement_is_kept_with_its_bytes_and_signature(engine: Engine, measurement: Any) -> None:
    found = measurement(1)
    assert fates(engine, incoming(found, signature=b"sig")) == [Fate.ACCEPTED]
    with reading(engine) as conn:
        row = conn.execute(select(measurement_table)).one()
    assert (row.raw, row.signature, row.received_us) == (found.encode(), b"sig", 7)
    assert json.loads(row._mapping["values"]) == found.values


def test_a_repeated_measurement_is_kept_once(engine: Engine, measurement: Any) -> None:
    assert fates(engine, incoming(measurement(1))) == [Fate.ACCEPTED]
    assert fates(engine, incoming(measurement(1)), incoming(measurement(2))) == [Fate.DUPLICATE, Fate.ACCEPTED]
    assert fates(engine, incoming(measurement(3)), incoming(measurement(3))) == [Fate.ACCEPTED, Fate.DUPLICATE]


def test_other_bytes_under_the_same_name_are_a_conflict_and_the_first_stay(engine: Engine, measurement: Any) -> None:
    first, liar = measurement(1), measurement(1, values={"download_mbps": 1e3})
    assert fates(engine, incoming(first)) == [Fate.ACCEPTED]
    assert fates(engine, incoming(liar)) == [Fate.CONFLICT]
    assert fates(engine, incoming(measurement(2)), incoming(measurement(2, task="other"))) == [
        Fate.ACCEPTED,
        Fate.CONFLICT,
    ]
    with reading(engine) as conn:
        assert (
            conn.execute(select(measurement_table.c.raw).where(measurement_table.c.seq == 1)).scalar_one()
            == first.encode()
        )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 1)), max_size=12), max_size=5))
def test_however_often_and_mixed_they_come_each_is_kept_once(
    engine: Engine, measurement: Any, batches: list[list[tuple[int, int]]]
) -> None:
    """A model: the first bytes under a name stay; equal ones are duplicates, others conflicts."""
    stored: dict[int, int] = {}
    with writing(engine) as conn:
        conn.execute(measurement_table.delete())
        for batch in batches:
            wanted: list[Fate] = []
            for seq, variant in batch:
                known = stored.setdefault(seq, variant)
                again = seq in {s for s, _ in batch[: len(wanted)]} or seq in _before(batches, batch)
                wanted.append(Fate.CONFLICT if known != variant else Fate.DUPLICATE if again else Fate.ACCEPTED)
            found = keep(conn, [incoming(measurement(s, duration_s=float(v))) for s, v in batch], 1)
            assert found == wanted
        assert len(conn.execute(select(measurement_table.c.id)).all()) == len(stored)


def _before(batches: list[list[tuple[int, int]]], batch: list[tuple[int, int]]) -> set[int]:
    place = next(n for n, found in enumerate(batches) if found is batch)
    return {seq for found in batches[:place] for seq, _ in found}


def test_rubbish_is_kept_once_and_counted(engine: Engine) -> None:
    found = rubbish("some/topic", b"x" * 100_000, "not_json", "why")
    with writing(engine) as conn:
        put_aside(conn, [found, found], 5)
        put_aside(conn, [found, rubbish("other/topic", b"x" * 100_000, "not_json", "why")], 9)
    with reading(engine) as conn:
        rows = conn.execute(select(quarantine).order_by(quarantine.c.id)).all()
    assert [(r.topic, r._mapping["count"], r.first_us, r.last_us) for r in rows] == [
        ("some/topic", 3, 5, 9),
        ("other/topic", 1, 9, 9),
    ]
    assert rows[0].size == 100_000
    assert len(rows[0].payload) < 70_000


@given(st.text(), st.binary(max_size=200), st.text())
def test_any_topic_payload_and_detail_can_be_put_aside(topic: str, payload: bytes, detail: str) -> None:
    found = rubbish(topic, payload, "not_json", detail)
    found.topic.encode()
    found.detail.encode()
    assert found.payload == payload


def test_counters_add_up(engine: Engine) -> None:
    with writing(engine) as conn:
        count(conn, {"accepted": 2, "none": 0})
        count(conn, {"accepted": 3})
    with reading(engine) as conn:
        assert conn.execute(select(counter)).all() == [("accepted", 5)]


def status(state: State, reason: str, rows: int = 0) -> AgentStatus:
    return AgentStatus(
        site="s", agent="a", epoch="0" * 16, state=state, version="1", reason=reason, spool_rows=rows or None
    )


def say(engine: Engine, found: AgentStatus, now_us: int, *, retained: bool = False) -> bool:
    with writing(engine) as conn:
        return note_status(conn, found, found.encode(), now_us, retained=retained)


def since(engine: Engine) -> tuple[str, int, int]:
    with reading(engine) as conn:
        row = conn.execute(select(agent_status)).one()
    return row.state, row.since_us, row.received_us


def test_since_moves_only_with_the_state(engine: Engine) -> None:
    say(engine, status(State.ONLINE, "running"), 10)
    say(engine, status(State.ONLINE, "running", 5), 20)
    assert since(engine) == ("online", 10, 20)
    say(engine, status(State.OFFLINE, "lost"), 30)
    say(engine, status(State.OFFLINE, "stopped"), 40)
    assert since(engine) == ("offline", 30, 40)


def test_a_retained_copy_of_what_is_known_moves_nothing(engine: Engine) -> None:
    """After our restart the broker gives every retained status again: that is no sign of life."""
    assert say(engine, status(State.ONLINE, "running"), 10)
    assert not say(engine, status(State.ONLINE, "running"), 99, retained=True)
    assert since(engine) == ("online", 10, 10)
    assert say(engine, status(State.OFFLINE, "lost"), 100, retained=True)
    assert since(engine) == ("offline", 100, 100)
