"""The uplink against a real mosquitto: nothing lost, nothing sent twice after its acknowledge, every trouble one sentence."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from doxa_agent import config
from doxa_agent.config import Settings
from doxa_agent.presence import Presence
from doxa_agent.spool import Spool
from doxa_agent.uplink import Uplink
from doxa_core.ack import Ack
from doxa_core.status import State, decode
from doxa_core.topic import Channel, Topic
from doxa_lab.ports import free_port
from doxa_lab.servers import Mosquitto
from doxa_lab.servers.mosquitto import Tls

pytestmark = pytest.mark.server

STATUS = Topic(site="xa-dong-dang", agent="px-1", channel=Channel.STATUS)
ACK = Topic(site="xa-dong-dang", agent="px-1", channel=Channel.ACK)
Make = Callable[..., Callable[[str, int], bytes]]
Until = Callable[..., None]


class Agent:
    """A spool and its uplink."""

    def __init__(self, settings: Settings) -> None:
        self.spool = Spool(settings.spool, "xa-dong-dang/px-1")
        self.findings: tuple[str, ...] = ()
        self.presence = Presence(settings, self.spool, lambda: self.findings)
        self.uplink = Uplink(settings, self.spool, self.presence.status)
        self._stopped = False

    def add(self, build: Callable[[str, int], bytes], count: int = 1) -> None:
        for _ in range(count):
            self.spool.add(build)
        self.uplink.wake()

    def stop(self, within_s: float = 10) -> None:
        if not self._stopped:
            self._stopped = True
            self.uplink.stop(within_s)
            self.spool.close()


@pytest.fixture
def start(folder: Any) -> Iterator[Callable[..., Agent]]:
    """Starts agents over the folder's configuration; keys fill it in."""
    made: list[Agent] = []

    def begin(*, running: bool = True, **keys: Any) -> Agent:
        agent = Agent(config.load(folder.write(**keys)))
        made.append(agent)
        if running:
            agent.uplink.start()
        return agent

    yield begin
    for agent in made:
        agent.stop(3)


def seen(mosquitto: Mosquitto, topic: Topic = STATUS) -> Any:
    """What is retained on a topic, as a late visitor sees it."""
    found: list[MQTTMessage] = []
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: found.append(message)
    client.connect(mosquitto.host, mosquitto.port)
    client.subscribe(str(topic), 1)
    end = time.monotonic() + 5
    while not found and time.monotonic() < end:
        client.loop(0.1)
    client.disconnect()
    return decode(bytes(found[0].payload)) if found and found[0].retain else None


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_measurements_arrive_and_are_forgotten_on_the_collectors_word(
    protocol: str, mosquitto: Mosquitto, start: Callable[..., Agent], collectors: Any, build: Make, until: Until
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    agent = start(port=mosquitto.port, broker=f'protocol = "{protocol}"')
    agent.add(build(), 7)
    until(lambda: agent.spool.state().rows == 0)
    assert sorted(set(collector.seqs)) == list(range(1, 8))
    status = seen(mosquitto)
    assert (status.state, status.reason, status.epoch) == (State.ONLINE, "running", agent.spool.epoch)
    assert status.links["internet"] == {"kind": "fixed", "interface": "lo", "up": True}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_batch_is_sent_again_until_the_collector_speaks_and_never_after(
    protocol: str, mosquitto: Mosquitto, start: Callable[..., Agent], collectors: Any, build: Make, until: Until
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    collector.acks = False
    agent = start(port=mosquitto.port, broker=f'protocol = "{protocol}"')
    until(lambda: agent.uplink.state.connected)
    agent.add(build(), 3)
    until(lambda: collector.seqs.count(1) >= 3)
    assert agent.spool.state().rows == 3
    collector.acks = True
    collector.acknowledge(collector.batches[-1])
    until(lambda: agent.spool.state().rows == 0)
    until(lambda: agent.uplink.state.in_flight == 0)
    time.sleep(0.3)  # what was under way has arrived
    sent = len(collector.batches)
    time.sleep(2.5)  # several acknowledge timeouts
    assert len(collector.batches) == sent


def test_the_broker_killed_and_back_loses_nothing(
    mosquitto: Mosquitto, start: Callable[..., Agent], collectors: Any, build: Make, until: Until
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    agent = start(port=mosquitto.port)
    for _ in range(3):
        agent.add(build(), 20)
        time.sleep(0.1)
        mosquitto.kill()
        agent.add(build(), 20)
        time.sleep(0.2)
        mosquitto.start()
        agent.add(build(), 5)
    until(lambda: agent.spool.state().rows == 0)
    assert sorted(set(collector.seqs)) == list(range(1, 136))


def test_an_agent_that_dies_leaves_its_last_will_and_nothing_is_lost(
    mosquitto: Mosquitto, folder: Any, start: Callable[..., Agent], collectors: Any, build: Make, until: Until
) -> None:
    """The uplink's connection breaks without a goodbye; the next one delivers what was in the spool."""
    agent = start(port=mosquitto.port)
    until(lambda: agent.uplink.state.connected and seen(mosquitto))
    agent.add(build(), 4)
    epoch = agent.spool.epoch
    code = (
        "import sys,time; from pathlib import Path; from doxa_agent import config; from doxa_agent.spool import Spool\n"
        "from doxa_agent.presence import Presence; from doxa_agent.uplink import Uplink\n"
        "s = config.load(Path(sys.argv[1])); spool = Spool(s.spool, 'xa-dong-dang/px-1')\n"
        "u = Uplink(s, spool, Presence(s, spool, tuple).status); u.start()\n"
        "while not u.state.connected: time.sleep(0.01)\n"
        "time.sleep(0.3); print('on', flush=True); time.sleep(600)\n"
    )
    agent.stop()
    assert seen(mosquitto).reason == "stopped"
    with subprocess.Popen([sys.executable, "-c", code, str(folder.agent)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"on\n"
        assert seen(mosquitto).state is State.ONLINE
        child.kill()
    until(lambda: seen(mosquitto).state is State.OFFLINE)
    lost = seen(mosquitto)
    assert (lost.reason, lost.at, lost.epoch) == ("lost", None, epoch)
    collector = collectors(mosquitto.host, mosquitto.port)
    again = start(port=mosquitto.port)
    until(lambda: again.spool.state().rows == 0)
    assert sorted(set(collector.seqs)) == [1, 2, 3, 4]


def test_stopping_sends_what_waits_and_says_stopped(
    mosquitto: Mosquitto, start: Callable[..., Agent], collectors: Any, build: Make, until: Until
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    agent = start(port=mosquitto.port)
    until(lambda: agent.uplink.state.connected)
    for _ in range(5):
        agent.spool.add(build())
    agent.stop()
    until(lambda: sorted(set(collector.seqs)) == [1, 2, 3, 4, 5])
    status = seen(mosquitto)
    assert (status.state, status.reason) == (State.OFFLINE, "stopped")


def test_stopping_is_bounded_when_nobody_acknowledges(
    mosquitto: Mosquitto, start: Callable[..., Agent], build: Make, until: Until
) -> None:
    agent = start(port=mosquitto.port)
    until(lambda: agent.uplink.state.connected)
    agent.add(build(), 5)
    agent.stop(2)
    assert not agent.uplink.is_alive
    assert seen(mosquitto).reason == "stopped"


def test_the_backlog_leaves_at_its_rate_and_fresh_measurements_overtake_it(
    mosquitto: Mosquitto, start: Callable[..., Agent], collectors: Any, build: Make, until: Until
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    agent = start(running=False, port=mosquitto.port, replay=20)
    agent.add(build(), 100)
    began = time.monotonic()
    agent.uplink.start()
    until(lambda: agent.uplink.state.connected)
    time.sleep(0.5)
    agent.add(build())
    until(lambda: agent.spool.state().rows == 0)
    took = time.monotonic() - began
    assert took >= 0.8 * 100 / 20  # it cannot have been faster than its rate; slower on a loaded machine
    order = collector.seqs
    assert order.index(101) < order.index(60)
    assert len(order) == 101


def test_the_status_is_told_again_when_something_in_it_changes(
    mosquitto: Mosquitto, start: Callable[..., Agent], collectors: Any, until: Until
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    agent = start(port=mosquitto.port)
    until(lambda: collector.statuses)
    told = len(collector.statuses)
    agent.uplink.wake()
    time.sleep(0.5)
    assert len(collector.statuses) == told  # nothing changed, and the next is not due
    agent.findings = ("reload_refused",)
    agent.uplink.wake()
    until(lambda: collector.statuses[-1][0].findings == ("reload_refused",))


def test_what_the_collector_refuses_is_counted_in_the_status(
    mosquitto: Mosquitto, start: Callable[..., Agent], collectors: Any, build: Make, until: Until
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    collector.refuse = {2, 3}
    agent = start(port=mosquitto.port)
    agent.add(build(), 4)
    until(lambda: collector.statuses and collector.statuses[-1][0].spool_refused == 2)
    until(lambda: agent.spool.state().rows == 0)


@pytest.mark.parametrize(
    "payload", [b"", b"nonsense", b'{"schema":1}', b'{"schema":1,"epoch":"x"}', b"\xff" * 100, b"[" * 5000]
)
def test_rubbish_on_the_acknowledge_topic_changes_nothing(
    payload: bytes, mosquitto: Mosquitto, start: Callable[..., Agent], collectors: Any, build: Make, until: Until
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    agent = start(port=mosquitto.port)
    until(lambda: agent.uplink.state.connected)
    collector.publish(ACK, payload)
    collector.publish(ACK, Ack(epoch="0" * 16, kept=((1, 999),)).encode())
    agent.add(build(), 2)
    until(lambda: agent.spool.state().rows == 0)
    assert sorted(set(collector.seqs)) == [1, 2]


def trouble(agent: Agent, until: Until) -> Any:
    until(lambda: agent.uplink.state.trouble is not None)
    return agent.uplink.state.trouble


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_one_sentence_said_once(
    protocol: str,
    tmp_path: Path,
    folder: Any,
    start: Callable[..., Agent],
    build: Make,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (folder.path / "word").write_text("wrong")
    with Mosquitto(tmp_path / "m", users={"px-1": "right"}) as broker:
        access = f'protocol = "{protocol}"\nusername = "px-1"\npassword_file = "word"'
        agent = start(port=broker.port, broker=access)
        found = trouble(agent, until)
        assert found.code == "password"
        assert "does not accept the account 'px-1'" in found.text.en
        assert "không chấp nhận tài khoản «px-1»" in found.text.vi
        time.sleep(2)  # several attempts
        told = [record.getMessage() for record in caplog.records if "px-1" in record.getMessage()]
        assert len(told) == 1
        assert "wrong" not in caplog.text
        agent.add(build())
        assert agent.spool.state().rows == 1


def test_the_right_password_is_taken_and_an_acl_that_forbids_is_told(
    tmp_path: Path, folder: Any, start: Callable[..., Agent], build: Make, until: Until
) -> None:
    (folder.path / "word").write_text("right\n")
    acl = f"user px-1\ntopic write {STATUS}\n"
    with Mosquitto(tmp_path / "m", users={"px-1": "right"}, acl=acl) as broker:
        agent = start(port=broker.port, broker='username = "px-1"\npassword_file = "word"')
        until(lambda: agent.uplink.state.connected)
        agent.add(build())
        found = trouble(agent, until)
        assert found.code == "no_publish"
        assert "does not take measurements of the account 'px-1' (Not authorized); check the ACL" in found.text.en


def test_a_collector_that_stays_silent_is_told_and_forgiven(
    mosquitto: Mosquitto, start: Callable[..., Agent], collectors: Any, build: Make, until: Until
) -> None:
    agent = start(port=mosquitto.port)
    agent.add(build())
    assert trouble(agent, until).code == "no_ack"
    assert agent.uplink.state.connected
    collectors(mosquitto.host, mosquitto.port)
    until(lambda: agent.uplink.state.trouble is None)
    until(lambda: agent.spool.state().rows == 0)


def test_a_broker_that_is_not_there_is_one_sentence(start: Callable[..., Agent], until: Until) -> None:
    found = trouble(start(port=free_port()), until)
    assert found.code == "refused"
    assert "not running, or a wrong port" in found.text.en


def test_an_unknown_name_is_one_sentence(start: Callable[..., Agent], until: Until) -> None:
    found = trouble(start(host="broker.invalid", port=1883), until)
    assert found.code == "name"
    assert "cannot be resolved" in found.text.en


def test_a_server_that_speaks_no_mqtt_is_one_sentence(start: Callable[..., Agent], until: Until) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            try:
                while True:
                    peer, _ = server.accept()
                    with peer:
                        peer.recv(100)
                        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            except OSError:
                return

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        agent = start(port=port)
        found = trouble(agent, until)
        assert found.code == "not_mqtt"
        agent.stop()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_two_probes_of_one_name_are_told(
    mosquitto: Mosquitto, start: Callable[..., Agent], folder: Any, until: Until
) -> None:
    """A copied card: each of the two throws the other out, and mosquitto 2.0.11 does not say why."""
    first = start(port=mosquitto.port)
    folder.agent.write_text(folder.agent.read_text().replace("spool.db", "copy.db"))
    second = Agent(config.load(folder.agent))
    second.uplink.start()
    until(lambda: "flapping" in {one.uplink.state.trouble and one.uplink.state.trouble.code for one in (first, second)})
    second.stop(3)


def test_mqtt_goes_over_a_unix_socket(
    tmp_path: Path, folder: Any, start: Callable[..., Agent], build: Make, until: Until
) -> None:
    path = tmp_path / "mqtt.sock"
    with Mosquitto(tmp_path / "m", unix_socket=path):
        settings = folder.write()
        text = settings.read_text().replace('host = "127.0.0.1"\nport = 1\n', f'socket = "{path}"\n')
        settings.write_text(text)
        agent = Agent(config.load(settings))
        agent.uplink.start()
        until(lambda: agent.uplink.state.connected)
        agent.stop()
    agent = Agent(config.load(settings))
    path.unlink(missing_ok=True)
    agent.uplink.start()
    assert trouble(agent, until).code == "socket"
    agent.stop()


def openssl(*words: str, folder: Path) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, a broker's certificate for 127.0.0.1, a probe's certificate, and an expired broker's certificate."""
    folder = tmp_path_factory.mktemp("pki")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "30", "-subj", "/CN=doxa test CA", folder=folder)  # fmt: skip
    for name, names, days in (
        ("server", "IP:127.0.0.1", "30"),
        ("probe", "DNS:px-1", "30"),
        ("old", "IP:127.0.0.1", "-1"),
    ):
        (folder / "ext").write_text(f"subjectAltName={names}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/CN={'px-1' if name == 'probe' else name}", folder=folder)  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", days,
                "-extfile", "ext", "-out", f"{name}.pem", folder=folder)  # fmt: skip
    return folder


def test_mutual_tls_carries_measurements(
    pki: Path, tmp_path: Path, start: Callable[..., Agent], build: Make, until: Until
) -> None:
    tls = Tls(
        ca_file=pki / "ca.pem", cert_file=pki / "server.pem", key_file=pki / "server.key", require_certificate=True
    )
    with Mosquitto(tmp_path / "m", tls=tls) as broker:
        files = f'ca_file = "{pki}/ca.pem"\ncert_file = "{pki}/probe.pem"\nkey_file = "{pki}/probe.key"'
        agent = start(port=broker.port, broker=files)
        until(lambda: agent.uplink.state.connected)
        agent.add(build(), 3)
        until(lambda: agent.uplink.state.in_flight >= 1)  # three measurements, in one batch or in several


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves the socket of a failed handshake
@pytest.mark.parametrize(
    ("server", "ca", "code", "words"),
    [
        ("server", "probe.pem", "tls_certificate", "is not trusted"),
        ("old", "ca.pem", "tls_time", "check this device's clock"),
    ],
)
def test_a_certificate_that_does_not_hold_is_one_sentence(
    server: str, ca: str, code: str, words: str, pki: Path, tmp_path: Path, start: Callable[..., Agent], until: Until
) -> None:
    tls = Tls(ca_file=pki / "ca.pem", cert_file=pki / f"{server}.pem", key_file=pki / f"{server}.key")
    with Mosquitto(tmp_path / "m", tls=tls) as broker:
        found = trouble(start(port=broker.port, broker=f'ca_file = "{pki / ca}"'), until)
        assert found.code == code
        assert words in found.text.en


def test_tls_towards_a_plain_port_is_one_sentence(
    pki: Path, mosquitto: Mosquitto, start: Callable[..., Agent], until: Until
) -> None:
    found = trouble(start(port=mosquitto.port, broker=f'ca_file = "{pki}/ca.pem"'), until)
    assert found.code in ("tls", "network")
    assert str(mosquitto.port) in found.text.en


def test_the_delay_between_attempts_is_spread_and_grows_to_its_ceiling(start: Callable[..., Agent]) -> None:
    agent = start(running=False)
    delays = [[agent.uplink.delay_s(failures) for _ in range(300)] for failures in (0, 1, 2, 3, 50)]
    assert all(0.1 <= delay <= 0.5 for row in delays for delay in row)
    assert max(delays[0]) <= 0.2
    assert max(delays[-1]) > 0.45
    assert min(delays[-1]) < 0.15  # full jitter: a short one stays possible
