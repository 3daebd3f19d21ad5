"""install.sh and the units on a whole machine: an overlay of this one with its own network, where only systemctl is played."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.root, pytest.mark.slow]

SYSTEMCTL: Final = """\
    #!/bin/sh
    # Behaves like systemctl as far as install.sh asks: remembers what is enabled and active, and notes each call.
    state=/run/systemd/played; mkdir -p $state; echo "$*" >>$state/calls
    for unit in "$@"; do :; done
    case $1 in
    is-enabled) test -e $state/enabled.$unit ;;
    is-active) test -e $state/active.$unit ;;
    enable) touch $state/enabled.$unit ;;
    restart) test ! -e $state/broken && touch $state/active.$unit ;;
    disable) rm -f $state/enabled.$unit $state/active.$unit ;;
    esac
"""


class Machine:
    """An overlay of the running system in mount and network namespaces of its own; nothing leaves it."""

    def __init__(self, folder: Path, wheel: Path, wheelhouse: Path) -> None:
        self.folder = folder
        self.at = folder / "machine"
        self.at.mkdir()
        self.wheel, self.wheelhouse = wheel, wheelhouse
        self._holder = subprocess.Popen(["unshare", "-m", "-n", "--propagation", "private", "sleep", "infinity"])
        try:
            self._wait_until_apart()
            self._mount()
            self.write("/usr/bin/systemctl", textwrap.dedent(SYSTEMCTL), 0o755)
            self.write("/root/word", "a-word-of-the-probe\n", 0o600)
        except BaseException:
            self.close()
            raise

    def _wait_until_apart(self) -> None:
        """Until unshare has become sleep: before that we would mount on the host."""
        until = time.monotonic() + 20
        while Path(f"/proc/{self._holder.pid}/comm").read_text().strip() != "sleep":
            assert time.monotonic() < until, "unshare made no namespaces"
            time.sleep(0.005)

    def _mount(self) -> None:
        layers = f"lowerdir=/,upperdir={self.folder}/layers/u,workdir={self.folder}/layers/w"
        binds = [ROOT, self.wheel.parent, self.wheelhouse, Path(sys.base_prefix)]
        script = f"""
            set -eu
            mkdir -p {self.folder}/layers
            mount -t tmpfs tmpfs {self.folder}/layers
            mkdir {self.folder}/layers/u {self.folder}/layers/w
            mount -t overlay overlay -o {layers} {self.at}
            mount -t proc proc {self.at}/proc
            mount --rbind /sys {self.at}/sys
            mount --rbind /dev {self.at}/dev
            for path in {" ".join(map(str, binds))}; do
                mkdir -p {self.at}$path
                mount --bind $path {self.at}$path
            done
            mkdir -p {self.at}/run/systemd/system
            chmod 711 {self.at}/root
            ip link set lo up
        """
        self._enter(["sh", "-c", script], check=True)

    def _enter(self, argv: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        into = ["nsenter", "-t", str(self._holder.pid), "-m", "-n"]
        return subprocess.run([*into, *argv], text=True, capture_output=True, timeout=280, **more)

    def run(self, *argv: str, heard: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program in the machine, as root."""
        env = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHON": "/usr/bin/python3",
            "LANG": "C.UTF-8",
            "HOME": "/root",
        }
        if shutil.which("python3", path="/usr/bin") is None:
            env["PYTHON"] = os.path.realpath(sys.executable)
        return self._enter(["chroot", str(self.at), *argv], input=heard, check=False, env=env)

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        """Start a program in the machine and leave it running."""
        into = ["nsenter", "-t", str(self._holder.pid), "-m", "-n", "chroot", str(self.at)]
        return subprocess.Popen([*into, *argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def python_doxa(self) -> str:
        """The command of the tests' own environment, which holds every extra."""
        return str(ROOT / ".venv/bin/doxa")

    def write(self, path: str, text: str, mode: int) -> None:
        """Put a file into the machine."""
        done = self.run("sh", "-c", f"cat >{path} && chmod {mode:o} {path}", heard=text)
        assert done.returncode == 0, done.stderr

    def read(self, path: str) -> str:
        """A file of the machine."""
        return self.run("cat", path).stdout

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run install.sh there."""
        return self.run("sh", str(ROOT / "deploy/pi/install.sh"), *arguments)

    @property
    def fresh(self) -> list[str]:
        """The arguments of a first installation; broker and far end are on the machine itself."""
        return ["--wheel", str(self.wheel), "--wheelhouse", str(self.wheelhouse), "--site", "xa-a", "--agent", "probe-a",
                "--broker", "localhost", "--far-end", "127.0.0.1:8080", "--interface", "lo",
                "--password-file", "/root/word"]  # fmt: skip

    def calls(self) -> list[str]:
        """What systemctl was asked since the last time."""
        found = self.read("/run/systemd/played/calls").splitlines()
        self.run("rm", "-f", "/run/systemd/played/calls")
        return [call for call in found if not call.startswith("is-")]

    def close(self) -> None:
        """Everything was in its namespaces: they end with the last process."""
        self._holder.send_signal(signal.SIGKILL)
        self._holder.wait()


@pytest.fixture
def machine(tmp_path: Path, wheel: Path, wheelhouse: Path) -> Iterator[Machine]:
    """A machine without doxa."""
    found = Machine(tmp_path, wheel, wheelhouse)
    yield found
    found.close()


PING: Final = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)"


def test_the_installer_on_a_live_machine(machine: Machine) -> None:
    """Account, sysctl, service; twice; a failing start; removal; purge: in one test, because a machine costs seconds."""
    as_doxa = ["setpriv", "--reuid=doxa", "--regid=doxa", "--clear-groups", "--bounding-set=-all"]
    done = machine.install(*machine.fresh)
    assert done.returncode == 0, done.stderr
    assert machine.calls() == ["daemon-reload", "enable --quiet doxa-agent", "restart doxa-agent"]
    group = machine.run("id", "-g", "doxa").stdout.strip()
    assert machine.read("/proc/sys/net/ipv4/ping_group_range").split() == [group, group]
    assert machine.run(*as_doxa, "/usr/bin/python3", "-c", PING).returncode == 0
    assert machine.run("setpriv", "--reuid=nobody", "--clear-groups", "--regid=nogroup", "--bounding-set=-all",
                       "/usr/bin/python3", "-c", PING).returncode != 0  # fmt: skip
    assert machine.run(*as_doxa, "cat", "/etc/doxa/agent.toml").returncode == 0
    assert machine.run(*as_doxa, "cat", "/etc/doxa/mqtt.password").returncode != 0
    assert machine.run(*as_doxa, "touch", "/etc/doxa/mine").returncode != 0
    assert machine.run("/usr/local/bin/doxa", "--version").stdout.startswith("doxa ")

    again = machine.install(*machine.fresh)
    assert (again.returncode, again.stdout) == (0, "Không có gì thay đổi.\n")
    assert machine.calls() == []

    machine.run("touch", "/run/systemd/played/broken")
    failed = machine.install(*machine.fresh, "--reconfigure", "--link", "other")
    assert failed.returncode == 1
    assert failed.stderr.startswith("install.sh: doxa-agent không khởi động được")
    assert len(failed.stderr.splitlines()) == 1

    machine.calls()
    assert machine.install("--uninstall").returncode == 0
    assert machine.calls() == ["disable --now --quiet doxa-agent", "daemon-reload"]
    assert machine.read("/etc/doxa/agent.toml")
    assert machine.run("id", "-u", "doxa").returncode == 0  # the spool keeps its owner
    assert machine.install("--uninstall", "--purge", "--yes").returncode == 0
    assert machine.run("id", "-u", "doxa").returncode != 0
    assert machine.run("ls", "/etc/doxa").returncode != 0


def test_a_range_of_groups_that_may_ping_is_widened_never_narrowed(machine: Machine) -> None:
    machine.run("sysctl", "-q", "-w", "net.ipv4.ping_group_range=0 2147483647")
    assert machine.install(*machine.fresh).returncode == 0
    assert machine.read("/proc/sys/net/ipv4/ping_group_range").split() == ["0", "2147483647"]


PLAN: Final = """
[far-end.here]
host = "127.0.0.1"
[task.latency]
meter = "latency"
link = "internet"
every_s = 10
phase_s = {between}
far_ends = ["here"]
options = { count = 2, interval_s = 0.1, timeout_s = 0.5 }
[task.speed]
meter = "speed"
link = "internet"
every_s = 40
phase_s = {phase}
far_ends = ["here"]
options = { limit_s = 2, ping_count = 2 }
"""
WAIT_FOR_BOTH: Final = """
import json, sqlite3, time
until, found = time.monotonic() + 100, []
while time.monotonic() < until and {m["task"] for m in found} != {"latency", "speed"}:
    time.sleep(0.5)
    spool = sqlite3.connect("file:/var/lib/doxa/spool.db?mode=ro", uri=True)
    found = [json.loads(line) for (line,) in spool.execute("SELECT line FROM waiting")]
    spool.close()
print(json.dumps(found))
"""


def test_the_agent_measures_inside_its_sandbox(machine: Machine) -> None:
    """The unit's account, without any capability, under its own filter: both meters, the clock, the proof of the way."""
    assert machine.install(*machine.fresh).returncode == 0
    # Other tests run beside this one: a busy machine is no reason here to put the speed test off.
    config = machine.read("/etc/doxa/agent.toml")
    assert "\n[guards]\n" in config
    busy = config.replace("\n[guards]\n", '\n[guards]\noff = ["cpu", "cross_traffic"]\n')
    machine.write("/etc/doxa/agent.toml", busy, 0o644)
    soon = (
        time.time() + 20
    ) % 40  # and the pings between two speed tests: during one they would be marked, not counted
    machine.write(
        "/etc/doxa/plan.toml",
        PLAN.replace("{phase}", f"{soon:.1f}").replace("{between}", f"{(soon + 8) % 10:.1f}"),
        0o644,
    )
    machine.write("/root/wait.py", WAIT_FOR_BOTH, 0o644)
    far_end = machine.start("/opt/doxa/bin/doxa", "responder", "run", "--host", "127.0.0.1")
    try:
        report = run_unit(
            machine, "deploy/pi/doxa-agent.service", "doxa", "/opt/doxa/bin/doxa", "/usr/bin/python3 /root/wait.py"
        )
    finally:
        far_end.kill()
        far_end.wait()
    log = report["log"]
    assert report["said"].get("READY", 0) >= 1, log
    assert report["said"]["WATCHDOG"] >= 2, log
    assert report["exit"] == 0, log
    assert "Traceback" not in log
    measured = json.loads(report["command"]["out"])
    assert {m["task"] for m in measured} == {"latency", "speed"}, log
    for one in measured:
        assert one["outcome"] in ("ok", "probe_limited"), one
        assert one["proof"]["interface"] == "lo", one
    assert "a-word-of-the-probe" not in log


def test_the_responder_serves_inside_its_sandbox(machine: Machine) -> None:
    ask = "/usr/bin/python3 -c \"import urllib.request as r; print(len(r.urlopen('http://127.0.0.1:8080/garbage.php?ckSize=1').read()))\""
    report = run_unit(machine, "deploy/server/doxa-responder.service", "nobody", machine.python_doxa, ask)
    assert report["said"].get("READY", 0) >= 1, report["log"]
    assert report["said"]["WATCHDOG"] >= 2, report["log"]
    assert report["command"]["out"].strip() == str(1024 * 1024), report
    assert report["exit"] == 0, report["log"]


def test_the_collector_runs_inside_its_sandbox(machine: Machine) -> None:
    """With the examples as they stand, and no broker in reach: it waits, serves its page and keeps its ledger."""
    sysusers = str(ROOT / "deploy/server/doxa-server.sysusers")
    assert machine.run("systemd-sysusers", sysusers).returncode == 0
    machine.run("mkdir", "-p", "/etc/doxa")
    for name in ("collector.toml", "sites.toml"):
        text = (ROOT / "deploy/server" / name).read_text().replace("doxa.example.gov.vn", "localhost")
        machine.write(f"/etc/doxa/{name}", text, 0o640)
    machine.run("cp", "/etc/ssl/certs/ca-certificates.crt", "/etc/doxa/ca.crt")
    machine.write("/etc/doxa/collector.password", "a-word-of-the-collector\n", 0o600)
    machine.run("sh", "-c", "chown -R root:doxa /etc/doxa && chown root:root /etc/doxa/collector.password")
    machine.run("chmod", "750", "/etc/doxa")
    ask = "/usr/bin/python3 -c \"import urllib.request as r; print(r.urlopen('http://127.0.0.1:8800/').status)\"; stat -c %U:%a /var/lib/doxa-collector/ledger.db"
    report = run_unit(machine, "deploy/server/doxa-collector.service", "doxa-collector", machine.python_doxa, ask)
    assert report["said"].get("READY", 0) >= 1, report["log"]
    assert report["said"]["WATCHDOG"] >= 2, report["log"]
    assert report["command"]["out"].split() == ["200", "doxa-collector:600"], report
    assert report["exit"] == 0, report["log"]
    assert "Traceback" not in report["log"]
    assert "a-word-of-the-collector" not in report["log"]


def run_unit(machine: Machine, unit: str, user: str, program: str, command: str) -> dict[str, Any]:
    """Run a unit by tests/deploy/unitrun.py in the machine."""
    script = str(ROOT / "tests/deploy/unitrun.py")
    done = machine.run("/usr/bin/python3", "-I", script, str(ROOT / unit), user, program, "120", command)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
