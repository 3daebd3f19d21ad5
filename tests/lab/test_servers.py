"""The real servers of the lab: they start, take data, survive a kill on the same port, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from doxa_core.errors import OperationError
from doxa_lab.process import Process
from doxa_lab.servers import Amqtt, InfluxDB16, Mosquitto, Nginx, Server, VictoriaMetrics

pytestmark = pytest.mark.server


def publish_and_hear(host: str, port: int, user: str | None = None, password: str | None = None) -> bytes | None:
    """What a subscriber hears of one QoS 1 message; None when the broker refuses the account. `port` 1 with a path: a unix socket."""
    heard: list[bytes] = []
    reasons: list[ReasonCode] = []
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311, transport="unix" if host.startswith("/") else "tcp"
    )
    client.username_pw_set(user, password)
    client.on_message = lambda _c, _u, message: heard.append(bytes(message.payload))
    client.on_connect = lambda _c, _u, _f, reason, _p: reasons.append(reason)
    client.connect(host, port)
    turn(client, lambda: bool(reasons))
    if reasons[0].is_failure:
        return None
    client.subscribe("probe/one", 1)
    client.publish("probe/one", b"hello", 1)
    turn(client, lambda: bool(heard))
    client.disconnect()
    return heard[0] if heard else None


def turn(client: mqtt.Client, done: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not done() and time.monotonic() < until:
        client.loop(0.05)


def test_mosquitto_carries_a_message_and_again_after_a_kill_on_the_same_port(mosquitto: Mosquitto) -> None:
    port, pid = mosquitto.port, mosquitto.process.pid
    assert publish_and_hear(mosquitto.host, port) == b"hello"
    mosquitto.restart()
    assert (mosquitto.port, mosquitto.process.pid != pid) == (port, True)
    assert publish_and_hear(mosquitto.host, port) == b"hello"


def test_mosquitto_refuses_a_wrong_password_and_takes_the_right_one(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, users={"probe": "secret"}, acl="user probe\ntopic readwrite #\n") as broker:
        assert publish_and_hear(broker.host, broker.port, user="probe", password="wrong") is None
        assert publish_and_hear(broker.host, broker.port, user="probe", password="secret") == b"hello"


def test_mosquitto_listens_on_a_unix_socket_also_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "mqtt.sock"
    with Mosquitto(tmp_path / "broker", unix_socket=path) as broker:
        broker.restart()
        assert publish_and_hear(str(path), 1) == b"hello"


def test_amqtt_carries_a_message(amqtt_broker: Amqtt) -> None:
    assert publish_and_hear(amqtt_broker.host, amqtt_broker.port) == b"hello"


def write(url: str, line: bytes) -> int:
    request = urllib.request.Request(f"{url}/api/v2/write?org=o&bucket=doxa&precision=us", data=line)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


def test_victoria_metrics_takes_a_v2_write_and_shows_it_after_a_flush(victoria_metrics: VictoriaMetrics) -> None:
    now_us = time.time_ns() // 1000
    assert write(victoria_metrics.url, f"speed,site=a mbps=94.5 {now_us}".encode()) == 204
    assert victoria_metrics.query("speed_mbps", now_us / 1e6 + 1)[0]["value"][1] == "94.5"
    assert [series["values"] for series in victoria_metrics.export()] == [[94.5]]


def test_influxdb_behind_nginx_keeps_a_v2_write_over_a_kill(influxd: InfluxDB16, influx_v2: Nginx) -> None:
    influxd.create_database("doxa")
    assert write(influx_v2.url, b"speed,site=a mbps=94.5 1700000000000001") == 204
    influxd.restart()
    assert influxd.query("SELECT mbps FROM speed", "doxa")[0]["values"] == [[1_700_000_000_000_001_000, 94.5]]


def test_influxdb_says_what_it_does_not_understand(influxd: InfluxDB16) -> None:
    with pytest.raises((RuntimeError, urllib.error.HTTPError)):
        influxd.query("SELEKT 1")


def test_a_stopped_server_is_gone_and_its_own_folder_with_it() -> None:
    with Mosquitto() as server:
        folder, pid = server.folder, server.process.pid
        assert server.answers()
    assert not folder.exists()
    assert not psutil.pid_exists(pid)
    assert not server.answers()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="no_such_setting"), Mosquitto(tmp_path, lines=["no_such_setting 1"]):
        pass


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    class Absent(Server):
        program = "doxa-no-such-program"
        package = "no-such-package"

        def _prepare(self) -> list[str]:
            return [self._found()]

    assert not Absent.installed()
    with pytest.raises(OperationError, match="apt-get install no-such-package"), Absent(tmp_path):
        pass


def test_a_start_waits_as_long_as_the_caller_says(tmp_path: Path) -> None:
    class Silent(Server):
        program = "python3"
        package = "python3"

        def _prepare(self) -> list[str]:
            return [sys.executable, "-c", "import time; time.sleep(60)"]

    with pytest.raises(OperationError, match=r"\b1 (s|giây)\b"), Silent(tmp_path, patience_s=1):
        pass


def test_a_port_given_by_the_caller_is_never_changed(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with pytest.raises(OperationError), Mosquitto(tmp_path / "second", port=mosquitto.port) as second:
        assert second.port == mosquitto.port


def test_a_child_dies_with_its_parent_even_when_that_is_killed(tmp_path: Path) -> None:
    parent = tmp_path / "parent.py"
    parent.write_text(
        textwrap.dedent(f"""
        import time
        from pathlib import Path
        from doxa_lab.process import Process
        child = Process("sleep", ["sleep", "600"], log=Path({str(tmp_path / "log")!r}))
        child.start()
        print(child.pid, flush=True)
        time.sleep(600)
        """)
    )
    with subprocess.Popen([sys.executable, str(parent)], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        child = psutil.Process(int(run.stdout.readline()))
        run.send_signal(signal.SIGKILL)
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_child_gets_a_listening_socket_as_systemd_would_hand_it_over(tmp_path: Path) -> None:
    import socket

    program = "import os, socket; s = socket.socket(fileno=3); print(s.getsockname()[1], os.environ['LISTEN_FDS'], int(os.environ['LISTEN_PID']) == os.getpid())"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        child = Process("child", [sys.executable, "-c", program], log=tmp_path / "log", listening=listening)
        child.start()
        assert child.wait(20) == 0
        assert child.tail().split() == [str(listening.getsockname()[1]), "1", "True"]
    assert "LISTEN_FDS" not in os.environ
