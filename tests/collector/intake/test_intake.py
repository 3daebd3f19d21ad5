"""The intake against a real broker: committed before acknowledged, rubbish counted, a refusing ledger waited for."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from doxa_collector import admission, config, intake
from doxa_collector.admission import Known, Refusal
from doxa_collector.intake import Arrival, Intake, Settled, acknowledges, commit
from doxa_collector.ledger import engine as ledger
from doxa_collector.ledger import reading as look
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.ledger.schema import agent_status, quarantine
from doxa_collector.ledger.schema import measurement as table
from doxa_core.ack import Ack
from doxa_core.batch import Line, join
from doxa_core.status import AgentStatus, State
from doxa_core.topic import Channel, Topic
from doxa_lab.servers import Amqtt, Mosquitto

KNOWN = Known({"dong-dang-1": "dong-dang", "dong-dang-2": "dong-dang"}, frozenset({("dong-dang", "fixed")}))
TOPIC = str(Topic(site="dong-dang", agent="dong-dang-1", channel=Channel.MEASUREMENTS))


def stored(engine: Engine) -> list[int]:
    with reading(engine) as conn:
        return list(conn.execute(select(table.c.seq).order_by(table.c.seq)).scalars())


def counters(engine: Engine) -> dict[str, int]:
    with reading(engine) as conn:
        return look.counts(conn).counters


@pytest.fixture
def run_intake(engine: Engine) -> Iterator[Callable[..., Intake]]:
    """A factory of running intakes, stopped at the end."""
    running: list[Intake] = []

    def start(broker: config.Broker, *, known: Known = KNOWN, over: Engine | None = None) -> Intake:
        running.append(Intake(over or engine, broker, config.Intake(), known))
        running[-1].start()
        return running[-1]

    yield start
    for found in running:
        found.stop()


def test_acknowledges_are_ranges_for_each_probe_and_epoch() -> None:
    settled = Settled(
        kept=(("s", "a", "0" * 16, 1), ("s", "a", "0" * 16, 2), ("s", "a", "1" * 16, 1), ("s", "b", "0" * 16, 9)),
        refused=(Refusal(site="s", agent="a", epoch="0" * 16, seq=3),),
    )
    topic = str(Topic(site="s", agent="a", channel=Channel.ACK))
    assert acknowledges(settled) == [
        (topic, Ack(epoch="0" * 16, kept=((1, 2),), refused=((3, 3),))),
        (topic, Ack(epoch="1" * 16, kept=((1, 1),))),
        (topic.replace("/a/", "/b/"), Ack(epoch="0" * 16, kept=((9, 9),))),
    ]


def test_an_acknowledge_never_holds_more_ranges_than_the_wire_allows() -> None:
    scattered = tuple(("s", "a", "0" * 16, 2 * n) for n in range(1, 2301))
    found = acknowledges(Settled(kept=scattered))
    assert [len(ack.kept) for _, ack in found] == [1000, 1000, 300]
    assert [first for _, ack in found for first, _ in ack.kept] == [2 * n for n in range(1, 2301)]


def test_one_transaction_takes_good_and_bad_together(engine: Engine, measurement: Any) -> None:
    arrivals = [
        Arrival(topic=TOPIC, payload=join([Line(measurement(n).encode()) for n in (1, 2)])),
        Arrival(topic=TOPIC, payload=b"rubbish"),
        Arrival(topic=TOPIC, payload=measurement(2).encode()),
        Arrival(topic=TOPIC, payload=measurement(1, task="liar").encode()),
    ]
    settled = commit(engine, arrivals, KNOWN, 5)
    assert [seq for *_, seq in settled.kept] == [1, 2, 2]
    assert [r.seq for r in settled.refused] == [1]
    assert counters(engine) == {
        "accepted": 2, "conflict": 1, "duplicate": 1, "messages": 4, "quarantined.conflict": 1,
        "quarantined.not_json": 1, "refused": 1,
    }  # fmt: skip


@pytest.mark.server
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_a_probe_sends_is_committed_and_named_back(
    mosquitto: Mosquitto, engine: Engine, run_intake: Any, make_probe: Any, measurement: Any, wait_until: Any,
    protocol: str,
) -> None:  # fmt: skip
    run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port, protocol=protocol))
    probe = make_probe(mosquitto.host, mosquitto.port)
    wait_until(lambda: engine is not None)
    for start in range(1, 201, 20):
        probe.send([measurement(n) for n in range(start, start + 20)])

    def all_named() -> bool:
        if probe.unnamed:
            probe.send_again()
        return not probe.unnamed

    wait_until(all_named, "acknowledges")
    assert stored(engine) == list(range(1, 201))
    assert probe.refused == []


@pytest.mark.server
def test_over_a_unix_socket_too(
    tmp_path: Path, engine: Engine, run_intake: Any, measurement: Any, wait_until: Any
) -> None:
    with Mosquitto(tmp_path / "m", unix_socket=tmp_path / "mqtt.sock") as broker:
        assert broker.unix_socket is not None
        found = run_intake(config.Broker(socket=broker.unix_socket))
        wait_until(lambda: found.broker_trouble is None, "connected")
        found.stop()


@pytest.mark.server
def test_the_broker_of_last_resort_serves(
    amqtt_broker: Amqtt, engine: Engine, run_intake: Any, make_probe: Any, measurement: Any, wait_until: Any
) -> None:
    run_intake(config.Broker(host=amqtt_broker.host, port=amqtt_broker.port, protocol="3.1.1"))
    probe = make_probe(amqtt_broker.host, amqtt_broker.port, protocol="3.1.1")
    probe.send([measurement(1)])

    def named() -> bool:
        probe.send_again()
        return not probe.unnamed

    wait_until(named, "acknowledge")
    assert stored(engine) == [1]


@pytest.mark.server
def test_shards_divide_the_country(
    mosquitto: Mosquitto, engine: Engine, run_intake: Any, make_probe: Any, measurement: Any, wait_until: Any
) -> None:
    """Đồng Đăng is in shard 47; a collector of the others never hears of it."""
    shard = int(TOPIC.split("/")[2])
    others = tuple(n for n in range(64) if n != shard)
    deaf = run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port, client_id="deaf", shards=others))
    wait_until(lambda: deaf.broker_trouble is None)
    probe = make_probe(mosquitto.host, mosquitto.port)
    probe.send([measurement(1)])
    ours = run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port, shards=(shard,), share="group"))
    wait_until(lambda: ours.broker_trouble is None)
    assert stored(engine) == []

    def named() -> bool:
        probe.send_again()
        return not probe.unnamed

    wait_until(named, "acknowledge")
    assert stored(engine) == [1]


@pytest.mark.server
def test_rubbish_on_the_broker_is_counted_and_nothing_stops(
    mosquitto: Mosquitto, engine: Engine, run_intake: Any, make_probe: Any, measurement: Any, wait_until: Any
) -> None:
    """The list of the issue: not JSON, wrong site, huge, NaN, old schema, unknown fields."""
    found = run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port))
    wait_until(lambda: found.broker_trouble is None)
    probe = make_probe(mosquitto.host, mosquitto.port)
    line = json.loads(measurement(1).encode())
    sends = {
        "not_json": b"{",
        "not_utf8": b"\xff\xff",
        "too_big": b"z" * 300_000,
        "not_a_number": json.dumps(line | {"values": {"download_mbps": float("nan")}}).encode(),
        "old_schema": json.dumps(line | {"schema": 0, "seq": 2}).encode(),
        "identity_mismatch": measurement(3, agent="dong-dang-2").encode(),
        "unknown_link": measurement(4, link="satellite").encode(),
        "empty": b"\n",
    }
    for payload in sends.values():
        probe.publish(Channel.MEASUREMENTS, payload)
    probe.publish(Channel.MEASUREMENTS, b"z" * 3_000_000)  # the broker keeps it from us: our packets are bounded
    probe.publish_on(TOPIC.replace("/47/", "/01/"), measurement(5).encode())
    probe.publish_on(TOPIC.replace("dong-dang-1", "Đồng Đăng"), b"x")
    probe.publish(Channel.STATUS, b"not a status")
    probe.publish(Channel.MEASUREMENTS, json.dumps(line | {"seq": 6, "weather": "fine"}).encode())
    probe.send([measurement(7)])
    wait_until(lambda: stored(engine) == [6, 7], "the good ones")
    with reading(engine) as conn:
        codes = look.counts(conn).quarantine
    assert codes == dict.fromkeys(sends, 1) | {"bad_topic": 1, "bad_identifier": 1, "not_json": 2}
    wait_until(lambda: set(probe.refused) >= {1, 2, 4}, "refusals")
    assert 3 not in probe.refused + probe.kept
    assert found.alive


@pytest.mark.server
def test_a_locked_ledger_is_waited_for_without_acknowledge_and_the_connection_lives(
    mosquitto: Mosquitto, tmp_path: Path, run_intake: Any, make_probe: Any, measurement: Any, wait_until: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(ledger, "BUSY_S", 0.1)
    engine = open_ledger(tmp_path / "shy.db")
    found = run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port), over=engine)
    wait_until(lambda: found.broker_trouble is None)
    blocker = sqlite3.connect(tmp_path / "shy.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    probe = make_probe(mosquitto.host, mosquitto.port)
    probe.send([measurement(n) for n in range(1, 6)])
    wait_until(lambda: found.ledger_trouble is not None, "the sentence")
    assert "another program has locked it" in found.ledger_trouble.en
    assert (probe.kept, found.broker_trouble) == ([], None)
    blocker.execute("ROLLBACK")
    blocker.close()
    wait_until(lambda: not probe.unnamed, "acknowledges after the lock")
    assert stored(engine) == [1, 2, 3, 4, 5]
    assert found.ledger_trouble is None
    found.stop()
    engine.dispose()


@pytest.mark.root
@pytest.mark.server
def test_a_full_disk_is_said_once_and_loses_nothing(
    mosquitto: Mosquitto, small_disk: Path, fill_disk: Any, run_intake: Any, make_probe: Any, measurement: Any,
    wait_until: Any, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    engine = open_ledger(small_disk / "ledger.db")
    found = run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port), over=engine)
    wait_until(lambda: found.broker_trouble is None)
    ballast = fill_disk(small_disk)
    probe = make_probe(mosquitto.host, mosquitto.port)
    for seq in range(1, 11):
        probe.send([measurement(seq, detail={"bins": "x" * 30_000})])
    wait_until(lambda: found.ledger_trouble is not None, "the sentence")
    assert "the disk is full" in found.ledger_trouble.en
    kept = len(probe.kept)
    assert kept < 10
    ballast.unlink()
    wait_until(lambda: not probe.unnamed, "acknowledges when there is room")
    assert stored(engine) == list(range(1, 11))
    said = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(said) == 1, "one sentence, not one for each attempt"
    found.stop()
    engine.dispose()


@pytest.mark.server
def test_a_broker_that_comes_late_or_restarts_is_waited_for(
    tmp_path: Path, engine: Engine, run_intake: Any, make_probe: Any, measurement: Any, wait_until: Any
) -> None:
    broker = Mosquitto(tmp_path / "late")
    found = run_intake(config.Broker(host=broker.host, port=broker.port))
    wait_until(lambda: found.broker_trouble is not None and "nobody listens there" in found.broker_trouble.en)
    with broker:
        wait_until(lambda: found.broker_trouble is None, "connected")
        broker.kill()
        wait_until(lambda: found.broker_trouble is not None, "noticed")
        broker.start()
        wait_until(lambda: found.broker_trouble is None, "connected again")
        probe = make_probe(broker.host, broker.port)
        probe.send([measurement(1)])

        def named() -> bool:
            probe.send_again()
            return not probe.unnamed

        wait_until(named, "acknowledge")


@pytest.mark.server
def test_our_own_fault_on_one_message_stops_nothing_else(
    mosquitto: Mosquitto, engine: Engine, run_intake: Any, make_probe: Any, measurement: Any, wait_until: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    real = admission.admit

    def clumsy(topic: str, payload: bytes, *rest: Any, **more: Any) -> None:
        if b'"seq":13' in payload:
            raise KeyError("a fault of ours")
        real(topic, payload, *rest, **more)

    monkeypatch.setattr(intake, "admit", clumsy)
    found = run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port))
    wait_until(lambda: found.broker_trouble is None)
    probe = make_probe(mosquitto.host, mosquitto.port)
    for seq in (12, 13, 14):
        probe.send([measurement(seq)])
    wait_until(lambda: stored(engine) == [12, 14] and counters(engine).get("quarantined.internal_error"), "both")
    wait_until(lambda: list(probe.unnamed) == [13], "the acknowledge of the others")
    with reading(engine) as conn:
        assert conn.execute(select(quarantine.c.detail)).scalar_one() == "KeyError: 'a fault of ours'"


@pytest.mark.server
def test_statuses_are_kept_and_a_restart_does_not_reset_since(
    mosquitto: Mosquitto, engine: Engine, run_intake: Any, make_probe: Any, wait_until: Any
) -> None:
    probe = make_probe(mosquitto.host, mosquitto.port)
    said = AgentStatus(site="dong-dang", agent="dong-dang-1", epoch="0" * 16, state=State.ONLINE, version="1")
    probe.publish(Channel.STATUS, said.encode(), retain=True)

    def row() -> Any:
        with reading(engine) as conn:
            return conn.execute(select(agent_status)).first()

    first = run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port))
    wait_until(row, "the retained status")
    before = row()
    first.stop()
    second = run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port))
    wait_until(lambda: counters(engine)["messages"] >= 2, "the retained status again")
    assert row() == before
    gone = AgentStatus(site="dong-dang", agent="dong-dang-1", epoch="0" * 16, state=State.OFFLINE, version="1")
    probe.publish(Channel.STATUS, gone.encode(), retain=True)
    wait_until(lambda: row().state == "offline", "offline")
    assert row().since_us > before.since_us
    assert second.alive


@pytest.mark.server
def test_an_agent_that_becomes_known_is_heard_at_once(
    mosquitto: Mosquitto, engine: Engine, run_intake: Any, make_probe: Any, wait_until: Any
) -> None:
    probe = make_probe(mosquitto.host, mosquitto.port)
    said = AgentStatus(site="dong-dang", agent="dong-dang-1", epoch="0" * 16, state=State.ONLINE, version="1")
    probe.publish(Channel.STATUS, said.encode(), retain=True)
    found = run_intake(config.Broker(host=mosquitto.host, port=mosquitto.port), known=Known())
    wait_until(lambda: counters(engine).get("quarantined.unknown_agent"), "unknown")
    found.known = KNOWN
    found.ask_again()
    wait_until(lambda: counters(engine).get("status"), "known")


def test_stopping_does_not_wait_for_a_broker_that_never_came(run_intake: Any) -> None:
    found = run_intake(config.Broker(host="127.0.0.1", port=1))
    done = threading.Thread(target=found.stop)
    done.start()
    done.join(30)
    assert not done.is_alive()
    assert not found.alive
