"""The collector as a process: killed at any moment, told to stop or to read again, watched by systemd."""

import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from doxa_lab.ports import free_port
from doxa_lab.servers import Mosquitto, VictoriaMetrics

pytestmark = pytest.mark.slow


def broker_lines(broker: Mosquitto) -> str:
    return f'[broker]\nhost = "{broker.host}"\nport = {broker.port}\n'


def page(port: int, more: str = "") -> str:
    return f'[web]\nlisten = "127.0.0.1:{port}"\n{more}'


NO_PAGE = "[web]\nenabled = false\n"
NO_BROKER = '[broker]\nhost = "127.0.0.1"\nport = 1\n'


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Callable[[str], list[Any]]]:
    """Ask the ledger's file with SQL, as another program would."""
    engines: list[Engine] = []

    def ask(query: str) -> list[Any]:
        if not engines:
            engines.append(create_engine(f"sqlite:///{tmp_path / 'ledger.db'}"))
        with engines[0].connect() as conn:
            return [tuple(row) for row in conn.execute(text(query))]

    yield ask
    for engine in engines:
        engine.dispose()


@pytest.mark.server
def test_killed_in_mid_stream_again_and_again_it_keeps_every_measurement_once(
    mosquitto: Mosquitto, make_collector: Any, make_probe: Any, measurement: Any, wait_until: Any, look: Any
) -> None:
    collector = make_collector(broker_lines(mosquitto) + NO_PAGE)
    collector.start()
    probe = make_probe(mosquitto.host, mosquitto.port)
    seq = 0
    for _ in range(4):
        for _ in range(40):
            probe.send([measurement(n) for n in range(seq + 1, seq + 11)])
            seq += 10
        wait_until(lambda: probe.kept, "some are committed")
        probe.kept.clear()
        collector.kill()
        probe.send([measurement(seq + 1)])
        seq += 1
        collector.start()

    def all_named() -> bool:
        probe.send_again(500)
        return not probe.unnamed

    wait_until(all_named, "every measurement is named")
    assert look("SELECT count(*), count(DISTINCT seq), min(seq), max(seq) FROM measurement") == [(seq, seq, 1, seq)]
    assert look("SELECT count(*) FROM quarantine") == [(0,)]
    assert look("SELECT value FROM counter WHERE name = 'accepted'") == [(seq,)]
    collector.stop()


@pytest.mark.server
def test_what_was_delivered_twice_is_counted(
    mosquitto: Mosquitto, make_collector: Any, make_probe: Any, measurement: Any, wait_until: Any
) -> None:
    collector = make_collector(broker_lines(mosquitto) + NO_PAGE)
    collector.start()
    wait_until(lambda: ": connected" in collector.text(), "the subscription")
    probe = make_probe(mosquitto.host, mosquitto.port)
    for _ in range(3):
        probe.send([measurement(n) for n in range(1, 11)])
    wait_until(lambda: not probe.unnamed, "named")
    wait_until(lambda: collector.ask_json("status")["counters"].get("duplicate") == 20, "each sending is counted")
    found = collector.ask_json("status")
    assert (found["measurements"], found["counters"]["accepted"], found["counters"]["duplicate"]) == (10, 10, 20)
    collector.stop()


@pytest.mark.server
def test_a_sink_that_is_down_delays_nobody_and_gets_all_rows_later(
    mosquitto: Mosquitto, victoria_metrics: VictoriaMetrics, make_collector: Any, make_probe: Any, measurement: Any,
    wait_until: Any,
) -> None:  # fmt: skip
    victoria_metrics.stop()
    sink = f'[sink.vm]\nkind = "influx"\nurl = "{victoria_metrics.url}"\nbatch_rows = 50\n'
    collector = make_collector(broker_lines(mosquitto) + NO_PAGE + sink)
    collector.start()
    wait_until(lambda: ": connected" in collector.text(), "the subscription")
    probe = make_probe(mosquitto.host, mosquitto.port)
    for start in range(1, 301, 20):
        probe.send([measurement(n) for n in range(start, start + 20)])
    wait_until(lambda: not probe.unnamed, "named while the sink is down")
    found = collector.ask_json("sinks", "status")
    assert (found[0]["pending"], found[0]["written"]) == (300, 0)
    victoria_metrics.start()
    wait_until(lambda: collector.ask_json("sinks", "status")[0]["pending"] == 0, "written")
    assert collector.stop() == 0
    victoria_metrics.flush()
    address = f"{victoria_metrics.url}/api/v1/export?match[]=doxa_speed_upload_mbps&start=0&end=4102444800"
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert len(re.findall(rb"34.41", answer.read())) == 300


def test_it_stops_politely_without_broker_and_says_what_is_missing(make_collector: Any, wait_until: Any) -> None:
    collector = make_collector(NO_BROKER + NO_PAGE)
    collector.start()
    sentence = "MQTT broker 127.0.0.1:1: nobody listens there; start the broker or mend broker.host, broker.port"
    wait_until(lambda: sentence in collector.text(), "the sentence")
    time.sleep(1.5)
    assert collector.stop() == 0
    assert collector.text().count(sentence) == 1, "each trouble is said once"
    assert "Traceback" not in collector.text()


def test_the_page_is_served(make_collector: Any) -> None:
    port = free_port()
    collector = make_collector(NO_BROKER + page(port))
    collector.start()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        assert answer.status == 200
    assert f"http://127.0.0.1:{port}/" in collector.text()
    assert collector.stop() == 0


def test_a_busy_port_is_one_sentence(make_collector: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = make_collector(NO_BROKER + page(port)).ask("run")
    assert done.returncode == 1
    assert done.stderr == (
        f"doxa collector: 127.0.0.1:{port} cannot be opened (Address already in use); doxa or another program may hold "
        "the port: change web.listen\n"
    )


def test_beyond_loopback_it_wants_a_token(make_collector: Any, tmp_path: Path) -> None:
    done = make_collector(NO_BROKER + '[web]\nlisten = "0.0.0.0:0"\n').ask("run")
    assert done.returncode == 2
    assert done.stderr == (
        f"doxa collector: {tmp_path}/collector.toml: web.listen: the address 0.0.0.0 opens the page beyond this machine "
        "without an access token; write web.token_file, or listen on 127.0.0.1 only\n"
    )


def test_a_socket_passed_by_systemd_is_served(make_collector: Any, tmp_path: Path) -> None:
    collector = make_collector(NO_BROKER + "[web]\n")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = _with_socket(collector, listening)
        port = listening.getsockname()[1]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            assert answer.status == 200
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_a_passed_socket_beyond_loopback_wants_a_token_too(make_collector: Any) -> None:
    collector = make_collector(NO_BROKER + "[web]\n")
    with socket.create_server(("0.0.0.0", 0)) as listening:
        process = _with_socket(collector, listening)
        assert process.wait(60) == 2
    assert "opens the page beyond this machine" in collector.text()


def _with_socket(collector: Any, listening: socket.socket) -> subprocess.Popen[bytes]:
    """As systemd does it: the socket is number 3, LISTEN_FDS says so."""
    program = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
        "os.execv(sys.argv[2], sys.argv[2:])"
    )
    words = [sys.executable, "-c", program, str(listening.fileno()), *collector.command("run")]
    with collector.log.open("ab") as log:
        return subprocess.Popen(words, pass_fds=[listening.fileno()], stderr=log)


def test_a_ledger_without_folder_is_one_sentence(make_collector: Any, tmp_path: Path) -> None:
    collector = make_collector(NO_BROKER + NO_PAGE)
    collector.config.write_text(collector.config.read_text().replace('"ledger.db"', '"no/ledger.db"'))
    done = collector.ask("run")
    assert (done.returncode, done.stderr) == (
        1,
        (
            f"doxa collector: ledger {tmp_path}/no/ledger.db: the folder {tmp_path}/no does not exist; create it and let "
            "doxa write there\n"
        ),
    )


@pytest.mark.server
def test_sighup_reads_the_registry_again_and_a_bad_one_changes_nothing(
    mosquitto: Mosquitto, make_collector: Any, make_probe: Any, measurement: Any, wait_until: Any, sites_file: Path,
    look: Any,
) -> None:  # fmt: skip
    good = sites_file.read_text(encoding="utf-8")
    collector = make_collector(broker_lines(mosquitto) + page(free_port()))
    sites_file.write_text(good.replace('"dong-dang-1", ', ""), encoding="utf-8")
    collector.start()
    wait_until(lambda: ": connected" in collector.text(), "the subscription")
    probe = make_probe(mosquitto.host, mosquitto.port)
    probe.send([measurement(1)])
    wait_until(lambda: probe.refused == [1], "refused: not registered")

    sites_file.write_text("[[site]]\n", encoding="utf-8")
    collector.signal(signal.SIGHUP)
    wait_until(lambda: "nothing was read again" in collector.text(), "the refusal")
    assert look("SELECT count(*) FROM audit WHERE action = 'reload.refused'") == [(1,)]

    sites_file.write_text(good, encoding="utf-8")
    collector.signal(signal.SIGHUP)
    wait_until(lambda: "registry and plans were read again" in collector.text(), "read again")
    probe.send([measurement(2)])
    wait_until(lambda: probe.kept == [2], "kept: registered")

    done = collector.ask_json("quarantine", "replay")
    assert done == {"accepted": 1, "known": 0, "still": 0}
    assert look("SELECT seq FROM measurement ORDER BY seq") == [(1,), (2,)]
    assert collector.ask_json("quarantine", "replay") == {"accepted": 0, "known": 0, "still": 0}
    assert look("SELECT count(*) FROM audit WHERE action = 'quarantine.replay'") == [(1,)]
    assert collector.stop() == 0


def test_systemd_hears_ready_alive_reloading_and_stopping(make_collector: Any, tmp_path: Path, wait_until: Any) -> None:
    path = str(tmp_path / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.setblocking(False)
        heard: list[str] = []

        def hears(word: str) -> bool:
            try:
                while True:
                    heard.append(systemd.recv(4096).decode())
            except BlockingIOError:
                return any(word in said for said in heard)

        collector = make_collector(NO_BROKER + NO_PAGE)
        collector.start(NOTIFY_SOCKET=path, WATCHDOG_USEC="600000")
        wait_until(lambda: hears("READY=1\nSTATUS=doxa is running"), "ready")
        wait_until(lambda: hears("WATCHDOG=1"), "alive")
        collector.signal(signal.SIGHUP)
        wait_until(lambda: hears("RELOADING=1\nMONOTONIC_USEC="), "reloading")
        assert collector.stop() == 0
        assert hears("STOPPING=1")
        order = [said.split("=")[0] for said in heard if "WATCHDOG" not in said]
        assert order == ["READY", "RELOADING", "READY", "STOPPING"]
