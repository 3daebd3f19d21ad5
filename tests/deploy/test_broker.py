"""The real mosquitto with deploy/server/mosquitto/doxa.conf and accounts made by doxa-probe-account."""

import contextlib
import re
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from doxa_core.batch import MAX_BATCH_BYTES
from doxa_core.topic import Channel, Topic, filter_for

if TYPE_CHECKING:
    from tests.deploy.conftest import Broker

pytestmark = pytest.mark.server
SUCCESS = "Success"
UNHEARD = "No matching subscribers"  # accepted, but no collector is there
REFUSED = "Not authorized"
ROOT = Path(__file__).resolve().parents[2]


def topic(site: str, agent: str, channel: Channel) -> str:
    return str(Topic(site=site, agent=agent, channel=channel))


OWN = topic("xa-a", "probe-a", Channel.MEASUREMENTS)
OWN_STATUS = topic("xa-a", "probe-a", Channel.STATUS)
OTHER = topic("xa-b", "probe-b", Channel.MEASUREMENTS)


def test_without_an_account_nobody_enters(broker: "Broker") -> None:
    assert broker.visit(None).refused == REFUSED


def test_a_wrong_password_is_refused(broker: "Broker") -> None:
    broker.new_probe("xa-a", "probe-a")
    assert broker.visit("probe-a", "wrong").refused == REFUSED
    assert broker.visit("probe-a", None).refused == REFUSED


def test_plaintext_finds_no_door(broker: "Broker") -> None:
    """Whatever mosquitto listens on speaks TLS only: a plain CONNECT gets no answer in MQTT."""
    listening = broker.listening_ports()
    assert listening == {broker.port}
    connect = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"
    with socket.create_connection(("localhost", broker.port), 10) as plain:
        plain.sendall(connect)
        with contextlib.suppress(ConnectionResetError):
            assert not plain.recv(100).startswith(b"\x20")  # CONNACK


def test_an_old_tls_is_refused(broker: "Broker") -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("localhost", broker.port), 10) as plain, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(plain)


@pytest.mark.parametrize("protocol", [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311])
def test_a_probe_speaks_on_its_own_topics_and_the_collector_hears_it(
    broker: "Broker", protocol: MQTTProtocolVersion
) -> None:
    secret = broker.new_probe("xa-a", "probe-a")
    collector = broker.visit("collector_1", broker.account("add-collector").stdout.strip(), protocol=protocol)
    collector.subscribe(filter_for(Channel.MEASUREMENTS))
    collector.subscribe(filter_for(Channel.STATUS))
    probe = broker.visit("probe-a", secret, protocol=protocol)
    assert probe.publish(OWN, b"batch") == SUCCESS
    assert probe.publish(OWN_STATUS, b"online", retain=True) == SUCCESS
    assert collector.hears(b"batch")
    assert collector.hears(b"online")


def test_the_collector_answers_and_only_that_probe_hears(broker: "Broker") -> None:
    probe_a = broker.visit("probe-a", broker.new_probe("xa-a", "probe-a"))
    probe_b = broker.visit("probe-b", broker.new_probe("xa-b", "probe-b"))
    collector = broker.visit("collector_1", broker.account("add-collector").stdout.strip())
    probe_a.subscribe(topic("xa-a", "probe-a", Channel.ACK))
    for wanted in ("#", "doxa/v1/+/+/+/ack", topic("xa-a", "probe-a", Channel.ACK), filter_for(Channel.MEASUREMENTS)):
        probe_b.subscribe(wanted)
    probe_b.subscribe(topic("xa-b", "probe-b", Channel.ACK))
    assert collector.publish(topic("xa-a", "probe-a", Channel.ACK), b"for a") == SUCCESS
    assert probe_a.publish(OWN, b"from a") == SUCCESS
    assert probe_a.publish(OWN_STATUS, b"state of a", retain=True) == SUCCESS
    assert probe_a.hears(b"for a")
    assert collector.publish(topic("xa-b", "probe-b", Channel.ACK), b"for b") == SUCCESS
    assert probe_b.hears(b"for b")  # sent last, so all that came before had its chance
    assert {payload for _, payload in probe_b.heard} == {b"for b"}


@pytest.mark.parametrize(
    "wrong",
    [
        OTHER,
        topic("xa-b", "probe-b", Channel.STATUS),
        topic("xa-b", "probe-a", Channel.MEASUREMENTS),
        topic("xa-a", "probe-b", Channel.MEASUREMENTS),
        topic("xa-a", "probe-a", Channel.ACK),
        OWN + "/more",
        "doxa/v1/99",
        "$SYS/broker/version",
        "rubbish",
    ],
)
def test_a_probe_cannot_write_anywhere_else(broker: "Broker", wrong: str) -> None:
    secret = broker.new_probe("xa-a", "probe-a")
    broker.new_probe("xa-b", "probe-b")
    probe = broker.visit("probe-a", secret)
    assert probe.publish(wrong) == REFUSED
    assert probe.publish(OWN) == UNHEARD


def test_a_collector_cannot_forge_a_measurement(broker: "Broker") -> None:
    collector = broker.visit("collector_1", broker.account("add-collector").stdout.strip())
    assert collector.publish(OWN) == REFUSED
    assert collector.publish(OWN_STATUS) == REFUSED


def test_a_will_on_anothers_topic_is_never_spoken(broker: "Broker") -> None:
    secret = broker.new_probe("xa-a", "probe-a")
    collector = broker.visit("collector_1", broker.account("add-collector").stdout.strip())
    collector.subscribe(filter_for(Channel.STATUS))
    liar = broker.visit("probe-a", secret, will=topic("xa-b", "probe-b", Channel.STATUS))
    liar.break_off()
    honest = broker.visit("probe-a", secret, will=OWN_STATUS)
    honest.break_off()
    assert collector.hears(b"will")
    assert [t for t, _ in collector.heard] == [OWN_STATUS]


def test_a_stolen_probe_cannot_take_anothers_session(broker: "Broker") -> None:
    """MQTT throws out the older of two equal client ids: the account is the client id, so a name cannot be borrowed."""
    thief = broker.new_probe("xa-a", "probe-a")
    collector = broker.visit("collector_1", broker.account("add-collector").stdout.strip(), client_id="collector_1")
    collector.subscribe(filter_for(Channel.MEASUREMENTS))
    assert broker.visit("probe-a", thief, client_id="collector_1").entered.is_set()
    probe = broker.visit("probe-a", thief)
    assert probe.publish(OWN, b"still here") == SUCCESS
    assert collector.hears(b"still here")
    assert not collector.ended.is_set()


def test_a_removed_probe_is_put_out_at_once_and_cannot_return(broker: "Broker") -> None:
    secret = broker.new_probe("xa-a", "probe-a")
    staying = broker.visit("probe-b", broker.new_probe("xa-b", "probe-b"))
    probe = broker.visit("probe-a", secret)
    broker.account("remove", "probe-a")
    assert probe.ended.wait(20) or probe.publish(OWN) != SUCCESS
    assert broker.visit("probe-a", secret).refused == REFUSED
    assert staying.publish(OTHER) == UNHEARD
    assert not staying.ended.is_set()


def test_a_probe_added_while_the_broker_runs_enters_without_a_restart(broker: "Broker") -> None:
    before = broker.server.process.pid
    secret = broker.new_probe("xa-a", "probe-a")
    assert broker.visit("probe-a", secret).entered.is_set()
    assert broker.server.process.pid == before


def test_a_new_password_ends_the_old_one(broker: "Broker") -> None:
    old = broker.new_probe("xa-a", "probe-a")
    new = broker.account("add", "xa-a", "probe-a", "--new-password").stdout.strip()
    assert new != old
    assert broker.visit("probe-a", new).entered.is_set()
    assert broker.visit("probe-a", old).refused == REFUSED


def test_the_largest_batch_passes_and_a_larger_one_does_not(broker: "Broker") -> None:
    collector = broker.visit("collector_1", broker.account("add-collector").stdout.strip())
    collector.subscribe(filter_for(Channel.MEASUREMENTS))
    secret = broker.new_probe("xa-a", "probe-a")
    probe = broker.visit("probe-a", secret)
    assert probe.publish(OWN, b"a" * MAX_BATCH_BYTES) == SUCCESS
    assert collector.hears(b"a" * MAX_BATCH_BYTES)
    assert broker.visit("probe-a", secret).try_publish(OWN, b"b" * (MAX_BATCH_BYTES + 1)) != SUCCESS
    assert broker.visit("probe-a", secret).publish(OWN, b"c") == SUCCESS
    assert collector.hears(b"c")
    assert not any(p.startswith(b"b") for _, p in collector.heard)


def test_what_was_sent_while_the_collector_was_away_waits_for_it(broker: "Broker") -> None:
    word = broker.account("add-collector").stdout.strip()
    collector = broker.visit("collector_1", word, clean=False)
    collector.subscribe(filter_for(Channel.MEASUREMENTS))
    collector.close()
    probe = broker.visit("probe-a", broker.new_probe("xa-a", "probe-a"))
    for n in range(100):
        assert probe.publish(OWN, b"%d" % n) == SUCCESS
    broker.server.restart(kill=False)
    collector = broker.visit("collector_1", word, clean=False)
    assert collector.hears(b"99")
    assert [p for _, p in collector.heard] == [b"%d" % n for n in range(100)]


def test_the_collector_holds_more_messages_unacknowledged_than_mosquittos_twenty(broker: "Broker") -> None:
    collector = broker.visit("collector_1", broker.account("add-collector").stdout.strip(), manual_ack=True)
    collector.subscribe(filter_for(Channel.MEASUREMENTS))
    probe = broker.visit("probe-a", broker.new_probe("xa-a", "probe-a"))
    for n in range(300):
        probe.client.publish(OWN, b"%d" % n, qos=1)
    assert collector.hears(b"299")


def test_no_password_reaches_the_brokers_log_or_files(broker: "Broker") -> None:
    secret = broker.new_probe("xa-a", "probe-a")
    broker.visit("probe-a", secret).publish(OWN, b"the payload")
    broker.visit("probe-a", "a wrong word")
    log = (broker.folder / "log").read_bytes()
    assert b"probe-a" in log  # the log does say who
    for unwanted in (secret.encode(), b"a wrong word", b"the payload"):
        assert unwanted not in log
    for file in broker.doxa.rglob("*"):
        assert secret.encode() not in file.read_bytes()


def test_every_limit_that_keeps_the_broker_alive_is_set() -> None:
    text = (ROOT / "deploy/server/mosquitto/doxa.conf").read_text()
    found = dict(re.findall(r"(?m)^(\w+) (\S+)$", text))
    for limit in ("max_queued_messages", "max_queued_bytes", "memory_limit", "message_size_limit"):
        assert int(found[limit]) > 0, limit
    assert int(found["max_inflight_messages"]) == 1000
    assert int(found["message_size_limit"]) == MAX_BATCH_BYTES
    assert re.fullmatch(r"\d+[dwm]", found["persistent_client_expiration"])
    assert found["allow_anonymous"] == "false"
    assert found["tls_version"] == "tlsv1.2"
