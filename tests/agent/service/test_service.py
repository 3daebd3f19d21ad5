"""The service as a process: it starts, measures, reloads, stops, and says in one sentence why it cannot."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doxa_agent import config
from doxa_agent.agenda import Agenda
from doxa_agent.forwarding import forwarding_switches, refuse_bridge
from doxa_agent.log import OneLine
from doxa_agent.meter import Link
from doxa_agent.notify import Notifier
from doxa_agent.plan import Task
from doxa_agent.presence import look_at
from doxa_agent.quiet import Quiet
from doxa_agent.survey import survey
from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_core.status import State
from doxa_lab.servers import Mosquitto

Until = Callable[..., None]
DOXA = [sys.executable, "-c", "import sys; from doxa_core.command import main; sys.exit(main())"]


class Journal:
    """systemd's side of sd_notify(3)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(path))
        self._sock.setblocking(False)
        self.lines: list[str] = []

    def read(self) -> list[str]:
        while True:
            try:
                self.lines += self._sock.recv(65536).decode().split("\n")
            except BlockingIOError:
                return self.lines

    def close(self) -> None:
        self._sock.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    found = Journal(tmp_path / "notify")
    yield found
    found.close()


@contextmanager
def running(file: Path, journal: Journal, **environ: str) -> Iterator[subprocess.Popen[str]]:
    keys = os.environ | {"NOTIFY_SOCKET": str(journal.path), "DOXA_LANG": "en"} | environ
    with subprocess.Popen(
        [*DOXA, "agent", "run", "--config", str(file)], stderr=subprocess.PIPE, text=True, env=keys
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def rows(spool: Path) -> int:
    """How many wait, 0 while the file is being made."""
    try:
        return survey(spool).rows
    except OperationError:
        return 0


def end(child: subprocess.Popen[str], by: int = signal.SIGTERM) -> str:
    child.send_signal(by)
    return child.communicate(timeout=60)[1]


@pytest.mark.slow
@pytest.mark.server
def test_the_service_measures_publishes_and_stops_politely(
    mosquitto: Mosquitto, folder: Any, collectors: Any, until: Until, journal: Journal
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    file = folder.write(port=mosquitto.port)
    with running(file, journal, WATCHDOG_USEC="3000000") as child:
        until(lambda: journal.read() and len(collector.batches) >= 2, 90)
        until(lambda: rows(folder.path / "spool.db") == 0)
        log = end(child)
        assert child.returncode == 0
    first = collector.batches[0][0]
    assert (first.task, first.meter, first.far_end, first.values["received_count"]) == ("rtt", "latency", "here", 2)
    until(lambda: collector.statuses[-1][0].reason == "stopped")
    told = journal.read()
    assert told[0].startswith("STATUS=") or told[0] == "READY=1"
    assert "READY=1" in told
    assert "STATUS=measuring, connected to the broker" in told
    assert told.count("WATCHDOG=1") >= 2
    assert "STOPPING=1" in told
    lines = log.splitlines()
    assert len(lines) == 3, log
    assert "measuring: site xa-dong-dang, agent px-1, 1 tasks" in lines[0]
    assert lines[-1].endswith("stopped as asked")


@pytest.mark.slow
@pytest.mark.server
def test_a_reload_takes_good_files_and_keeps_the_last_good_ones_before_bad_ones(
    mosquitto: Mosquitto, folder: Any, collectors: Any, until: Until, journal: Journal
) -> None:
    collector = collectors(mosquitto.host, mosquitto.port)
    file = folder.write(port=mosquitto.port, every=3600)
    plan = folder.path / "plan.toml"
    with running(file, journal) as child:
        until(lambda: collector.statuses)
        good = plan.read_text()
        plan.write_text(good.replace('"here"', '"there"'))
        child.send_signal(signal.SIGHUP)
        until(lambda: collector.statuses[-1][0].findings == ("reload_refused",))
        until(lambda: any(line.startswith("STATUS=the configuration is not reloaded") for line in journal.read()))
        plan.write_text(good.replace("3600", "12"))
        child.send_signal(signal.SIGHUP)
        until(lambda: collector.statuses[-1][0].findings == ())
        until(lambda: collector.batches, 60)  # the new cadence is in force
        file.write_text(file.read_text().replace('agent = "px-1"', 'agent = "px-2"'))
        child.send_signal(signal.SIGHUP)
        until(lambda: collector.statuses[-1][0].findings == ("reload_refused",))
        log = end(child)
    assert "there is no far end 'there'; did you mean 'here'?" in log
    assert "site, agent or [spool] has changed, which cannot be reloaded while running; restart doxa agent" in log
    told = [line.partition("=")[0] for line in journal.read()]
    assert told.count("RELOADING") == 3
    assert told.count("READY") == 4


@pytest.mark.server
def test_a_reload_moves_to_another_broker(
    mosquitto: Mosquitto, folder: Any, collectors: Any, until: Until, journal: Journal, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path / "second") as other:
        collector = collectors(other.host, other.port)
        with running(folder.write(port=mosquitto.port), journal) as child:
            until(lambda: "STATUS=measuring, connected to the broker" in journal.read())
            folder.write(port=other.port)
            child.send_signal(signal.SIGHUP)
            until(lambda: collector.statuses and collector.statuses[-1][0].state is State.ONLINE)
            end(child)
    assert child.returncode == 0


@pytest.mark.slow
def test_without_a_broker_it_measures_and_keeps(folder: Any, until: Until, journal: Journal) -> None:
    with running(folder.write(port=1), journal) as child:
        until(lambda: rows(folder.path / "spool.db") >= 2, 90)
        log = end(child, signal.SIGINT)
        assert child.returncode == 0
    assert log.count("refuses the connection") == 1
    assert "Traceback" not in log
    assert any("refuses the connection" in line for line in journal.read())


def test_a_second_service_on_one_spool_is_refused(folder: Any, until: Until, journal: Journal) -> None:
    file = folder.write()
    with running(file, journal) as first:
        until(lambda: "READY=1" in journal.read())
        second = subprocess.run(
            [*DOXA, "agent", "run", "--config", str(file)], capture_output=True, text=True, timeout=60
        )
        assert second.returncode == 1
        assert "một doxa agent khác đang dùng hàng đợi" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        end(first)


@pytest.mark.slow
def test_a_killed_service_goes_on_where_it_was(folder: Any, until: Until, journal: Journal) -> None:
    """SIGKILL, then a new process: the same epoch, the next numbers, nothing gone."""
    file, spool = folder.write(), folder.path / "spool.db"
    with running(file, journal) as child:
        until(lambda: rows(spool) >= 1, 60)
        child.kill()
    before = survey(spool)
    with running(file, journal) as child:
        until(lambda: rows(spool) > before.rows, 60)
        end(child)
    assert survey(spool).epoch == before.epoch


def task(every: float) -> Task:
    found: Any = object()
    return Task(name="t", meter=found, link=Link(name="l", kind=LinkKind.FIXED), every_s=every, phase_s=0)


def test_the_agenda_starts_what_is_due_and_leaves_out_what_was_slept_through() -> None:
    agenda = Agenda("a")
    agenda.plan([task(10)], wall=1003, monotonic=50)
    assert agenda.next_at == 57
    assert agenda.take_due(wall=1009, monotonic=56) == []
    assert len(agenda.take_due(wall=1010, monotonic=57)) == 1
    assert agenda.next_at == 67
    assert agenda.take_due(wall=5013, monotonic=4060) == []  # asleep for an hour and more
    assert agenda.missed == 1
    assert agenda.next_at == 4067
    assert len(agenda.take_due(wall=5020, monotonic=4067)) == 1


def test_a_new_plan_keeps_the_start_of_what_did_not_change() -> None:
    agenda = Agenda("a")
    agenda.plan([task(10)], wall=1003, monotonic=50)
    agenda.plan([task(10)], wall=1009.5, monotonic=56.5)
    assert agenda.next_at == 57
    agenda.plan([task(20)], wall=1009.5, monotonic=56.5)
    assert agenda.next_at == 67
    agenda.plan([], wall=1009.5, monotonic=56.5)
    assert agenda.next_at == float("inf")


def sysctl(root: Path, name: str, value: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(value + "\n")


@pytest.mark.parametrize(
    "switch", ["ipv4/ip_forward", "ipv4/conf/eth1/forwarding", "ipv6/conf/all/forwarding", "ipv6/conf/eth0/forwarding"]
)
def test_a_probe_on_two_networks_does_not_run_while_its_kernel_forwards(switch: str, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    head, link = 'site = "s"\nagent = "a"\ndual_homed = true\n', '[link.{0}]\nkind = "{0}"\ninterface = "{0}0"\n'
    file.write_text(head + link.format("fixed") + link.format("tslcd"))
    for name in (
        "ipv4/ip_forward",
        "ipv4/conf/eth1/forwarding",
        "ipv6/conf/all/forwarding",
        "ipv6/conf/eth0/forwarding",
    ):
        sysctl(tmp_path, name, "0")
    settings = config.load(file)
    refuse_bridge(settings, tmp_path)
    sysctl(tmp_path, switch, "1")
    with pytest.raises(OperationError) as caught:
        refuse_bridge(settings, tmp_path)
    assert f"(net.{switch.replace('/', '.')} = 1), so it does not run" in caught.value.text.en
    alone = replace(settings, links={"fixed": settings.links["fixed"]})
    refuse_bridge(alone, tmp_path)  # one network: forwarding is somebody else's matter


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace of our own that forwards nothing yet."""
    name = f"dxsvc-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        forward(name, "0")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def forward(namespace: str, value: str) -> None:
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        subprocess.run(["ip", "netns", "exec", namespace, "sysctl", "-qw", f"{key}={value}"], check=True)


@pytest.mark.root
@pytest.mark.parametrize("command", ["run", "once"])
def test_a_bridge_is_refused_by_the_real_kernel_s_word(command: str, namespace: str, folder: Any) -> None:
    """One sentence and exit code 1 while forwarding is on; without it the same probe measures."""
    file = folder.write()
    legs = '[link.wan]\nkind = "tslcd"\ninterface = "wan0"\n'
    file.write_text("dual_homed = true\n" + file.read_text() + legs)
    line = [
        "ip",
        "netns",
        "exec",
        namespace,
        "timeout",
        "-s",
        "TERM",
        "4",
        *DOXA,
        "--lang",
        "en",
        "agent",
        command,
        "--config",
        str(file),
    ]
    forward(namespace, "1")
    refused = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "kernel forwards packets (net.ipv4.ip_forward = 1), so it does not run" in refused.stderr
    forward(namespace, "0")
    runs = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert "forwards packets" not in runs.stderr
    assert runs.stdout if command == "once" else "measuring: site" in runs.stderr


def test_the_switches_of_this_machine_can_be_read() -> None:
    assert all(name.startswith("net.ipv") for name in forwarding_switches())


def test_a_link_is_told_as_the_kernel_sees_it() -> None:
    assert look_at(Link(name="l", kind=LinkKind.MOBILE)) == {"kind": "mobile"}
    assert look_at(Link(name="l", kind=LinkKind.FIXED, interface="none9"))["up"] is False


def test_the_notifier_keeps_silent_without_systemd_and_leaves_a_foreign_watchdog_alone(journal: Journal) -> None:
    silent = Notifier({})
    silent.ready()
    assert silent.watchdog_s is None
    foreign = Notifier({"NOTIFY_SOCKET": str(journal.path), "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"})
    foreign.alive()
    foreign.status("a")
    foreign.status("a")
    assert journal.read() == ["STATUS=a"]


def test_a_supervisor_that_does_not_listen_holds_nobody_up(journal: Journal) -> None:
    """The queue of a datagram socket is ten messages long; then send() would block."""
    notifier = Notifier({"NOTIFY_SOCKET": str(journal.path)})
    for number in range(14):
        notifier.status(str(number))
    assert len(journal.read()) >= 10


def test_an_abstract_notify_socket_works(tmp_path: Path) -> None:
    name = f"doxa-test-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        Notifier({"NOTIFY_SOCKET": "@" + name}).ready()
        assert sock.recv(100) == b"READY=1"


def test_a_trouble_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    import logging

    caplog.set_level(logging.INFO, logger="doxa.test")
    quiet = Quiet(logging.getLogger("doxa.test"))
    sentence = Text(vi="hỏng", en="broken")
    for _ in range(50):
        quiet.warn("x", sentence)
    quiet.warn("y", sentence)
    quiet.good(Text(vi="tốt", en="good"))
    quiet.warn("x", sentence)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO", "WARNING"]


def test_the_log_is_one_line_an_event_with_a_priority_for_the_journal() -> None:
    import logging

    record = logging.LogRecord("doxa", logging.ERROR, __file__, 1, "a\n%s", ("b\r\nc",), None)
    assert OneLine(journal=True).format(record) == "<3>a b c"
    assert OneLine(journal=False).format(record).endswith("doxa-agent: a b c")
