"""doxa-stack: one command makes a backup of everything, one puts it back, and neither loses what is there."""

import grp
import json
import os
import pwd
import re
import sqlite3
import stat
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from doxa_collector.ledger.engine import open_ledger
from doxa_lab.servers import InfluxDB16

ROOT: Final = Path(__file__).resolve().parents[2]
TOOL: Final = ROOT / "deploy/server/doxa-stack"

DOCKER: Final = '''\
"""A stand-in for `docker compose`: volumes are folders, and what was asked is written down."""
import io, json, os, shutil, sqlite3, sys, tarfile
from pathlib import Path
home = Path(os.environ["FAKE_DOCKER"])
words = sys.argv[2:]
with open(home / "asked", "a") as asked:
    asked.write(json.dumps(words) + "\\n")
if os.environ.get("FAKE_FAILS", "") == words[0]:
    sys.exit("no such service")
def place(name):
    service, _, path = name.partition(":")
    return home / service / path.removesuffix("/.").strip("/")
if words[0] == "run" and "backup" in words:
    with sqlite3.connect(place("collector:/var/lib/doxa-collector/ledger.db")) as ledger:
        ledger.backup(sqlite3.connect(place("collector:" + words[-1])))
elif words[0] == "run" and "rm" in words:
    place("collector:" + words[-1]).unlink()
elif words[0] == "cp":
    source, target = [word for word in words[1:] if not word.startswith("--")]
    if target == "-":
        with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
            for path in place(source).iterdir():
                tar.add(path, path.name)
    elif source == "-":
        place(target).mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as tar:
            tar.extractall(place(target))
    else:
        shutil.copyfile(place(source), target)
elif words[0] == "down":
    for service in ("collector", "influxdb", "grafana"):
        shutil.rmtree(home / service, ignore_errors=True)
'''

SYSTEMCTL: Final = """\
import os, sys
from pathlib import Path
verb, service = sys.argv[1], sys.argv[-1]
if verb in ("is-enabled", "is-active", "cat"):
    sys.exit(service not in os.environ.get("FAKE_" + verb.removeprefix("is-").upper(), service).split())
if f"{verb} {service}" == os.environ.get("FAKE_FAILS"):
    sys.exit("Job failed")
with open(Path(os.environ["FAKE_DOCKER"]) / "asked", "a") as asked:
    asked.write(" ".join(sys.argv[1:]) + "\\n")
"""


class Machine:
    """A server's files below a folder, with stand-ins for what controls its services."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "compose"
        self.folder.mkdir(parents=True)
        (home / "bin").mkdir()
        for name, text in (("docker", DOCKER), ("systemctl", SYSTEMCTL)):
            program = home / "bin" / name
            program.write_text(f"#!{sys.executable}\n{text}")
            program.chmod(0o755)
        (home / "bin/doxa").symlink_to(Path(sys.executable).with_name("doxa"))

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """doxa-stack by the system's own Python, without any package."""
        path = f"{self.home / 'bin'}:{os.environ['PATH']}"
        known = {**os.environ, "PATH": path, "FAKE_DOCKER": str(self.home), "DOXA_LANG": "en", **environment}
        argv = [sys.executable, "-I", str(TOOL), "--folder", str(self.folder), *words]
        return subprocess.run(argv, env=known, text=True, capture_output=True, check=False)

    def asked(self) -> list[str]:
        """What was asked of the engine or of systemd."""
        return (self.home / "asked").read_text().splitlines()

    def fill(self) -> None:
        """A stack that has run: state, a ledger, stores."""
        (self.folder / "state/secrets").mkdir(parents=True)
        (self.folder / "state/secrets/influx.token").write_text("secret\n")
        (self.folder / ".env").write_text("DOXA_NAME=x\n")
        for place in ("influxdb/var/lib/influxdb2", "influxdb/etc/influxdb2", "grafana/var/lib/grafana"):
            (self.home / place).mkdir(parents=True)
            (self.home / place / "data").write_text(place)
        ledger = self.home / "collector/var/lib/doxa-collector/ledger.db"
        ledger.parent.mkdir(parents=True)
        open_ledger(ledger).dispose()


def test_what_a_backup_holds_comes_back_on_an_empty_machine(tmp_path: Path) -> None:
    old, new = Machine(tmp_path / "old"), Machine(tmp_path / "new")
    old.fill()
    file = tmp_path / "all.tar"
    done = old.run("backup", str(file))
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".doxa-*"))
    done = new.run("restore", str(file))
    assert done.returncode == 0, done.stderr
    assert (new.folder / "state/secrets/influx.token").read_text() == "secret\n"
    for place in ("influxdb/var/lib/influxdb2", "influxdb/etc/influxdb2", "grafana/var/lib/grafana"):
        assert (new.home / place / "data").read_text() == place
    ledger = new.home / "collector/var/lib/doxa-collector/ledger.db"
    with closing(sqlite3.connect(ledger)) as conn:
        assert conn.execute("SELECT count(*) FROM ledger_version").fetchone() == (1,)
    order = [json.loads(line)[0] for line in new.asked()]
    assert order == ["build", "create", "cp", "cp", "cp", "cp", "up"], "nothing runs while volumes are filled"


def test_a_store_is_started_again_though_its_copy_failed(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "m")
    machine.fill()
    (machine.home / "influxdb/var/lib/influxdb2/data").unlink()
    (machine.home / "influxdb/var/lib/influxdb2").rmdir()
    done = machine.run("backup", str(tmp_path / "all.tar"))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == len([s for s in done.stderr.splitlines() if not s.startswith(" ")])
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "all.tar").exists()
    assert json.loads(machine.asked()[-1]) == ["start", "influxdb"]


def test_it_never_throws_away_what_is_there_unasked(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "m")
    machine.fill()
    file = tmp_path / "all.tar"
    assert machine.run("backup", str(file)).returncode == 0
    assert machine.run("backup", str(file)).returncode == 2, "an older backup stays"
    (machine.folder / "state/secrets/influx.token").write_text("newer\n")
    done = machine.run("restore", str(file))
    assert (done.returncode, "--replace" in done.stderr) == (2, True)
    assert (machine.folder / "state/secrets/influx.token").read_text() == "newer\n"
    assert machine.run("restore", "--replace", str(file)).returncode == 0
    assert (machine.folder / "state/secrets/influx.token").read_text() == "secret\n"


def test_a_damaged_backup_is_found_before_anything_is_touched(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "m")
    machine.fill()
    file = tmp_path / "all.tar"
    assert machine.run("backup", str(file)).returncode == 0
    content = file.read_bytes()
    with tarfile.open(file) as tar:
        where = tar.getmember("ledger.db").offset_data
    file.write_bytes(content[: where + 100] + b"x" + content[where + 101 :])
    done = machine.run("restore", "--replace", str(file))
    assert done.returncode == 1
    assert "ledger.db" in done.stderr
    assert (machine.home / "collector/var/lib/doxa-collector/ledger.db").exists()
    for bad in (b"", b"not a tar", content[:2000]):
        file.write_bytes(bad)
        done = machine.run("check", str(file))
        assert (done.returncode, "Traceback" in done.stderr, len(done.stderr.splitlines())) == (1, False, 1), (
            done.stderr
        )


def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, stack_module: object) -> None:
    evil = tmp_path / "state.tar"
    with tarfile.open(evil, "w") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))
    with pytest.raises(stack_module.StackError):  # type: ignore[attr-defined]
        stack_module.unpack(evil, tmp_path / "inside")  # type: ignore[attr-defined]
    assert not (tmp_path / "outside").exists()


@pytest.mark.root
def test_on_another_machine_a_service_owns_its_files_by_name_but_a_container_by_number(
    tmp_path: Path, stack_module: Any
) -> None:
    """An account that a package makes has another number on each machine; one of an image never has."""
    tar, daemon = tmp_path / "store.tar", pwd.getpwnam("daemon")
    with tarfile.open(tar, "w") as whole:
        member = tarfile.TarInfo("data")
        member.uid = member.gid = 54_321
        member.uname, member.gname = "daemon", grp.getgrgid(daemon.pw_gid).gr_name
        whole.addfile(member)
    for by_name, owner in ((True, daemon.pw_uid), (False, 54_321)):
        stack_module.unpack(tar, tmp_path / f"{by_name}", by_name=by_name)
        assert (tmp_path / f"{by_name}/data").stat().st_uid == owner


def _write(server: InfluxDB16, database: str, line: str) -> None:
    import urllib.request

    urllib.request.urlopen(f"{server.url}/write?db={database}", data=line.encode(), timeout=10).close()


def _native(tmp_path: Path) -> tuple[Machine, Path]:
    """A server of Debian's services below a root of our own: a ledger, the broker's accounts, the configuration."""
    machine, root = Machine(tmp_path / "m"), tmp_path / "root"
    for place in ("etc/doxa", "etc/mosquitto/doxa", "var/lib/doxa-collector"):
        (root / place).mkdir(parents=True)
    (root / "etc/mosquitto/doxa/passwords").write_text("of the old machine\n")
    ledger = root / "var/lib/doxa-collector/ledger.db"
    open_ledger(ledger).dispose()
    for name in ("collector.toml", "sites.toml"):
        text = (ROOT / "deploy/server" / name).read_text()
        (root / "etc/doxa" / name).write_text(text.replace("/var/lib/doxa-collector", str(ledger.parent)))
    for name in ("collector.password", "ca.crt"):
        (root / "etc/doxa" / name).write_text("x\n")
    return machine, root


@pytest.fixture(scope="module")
def native_backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The backup of a machine that starts the broker, the web and the collector by itself."""
    folder = tmp_path_factory.mktemp("native")
    machine, root = _native(folder)
    file = folder / "native.tar"
    enabled = "mosquitto nginx doxa-collector"
    done = machine.run("--root", str(root), "backup", "--native", str(file), FAKE_ENABLED=enabled)
    assert done.returncode == 0, done.stderr
    return file


class Empty:
    """Another machine, below a root of its own."""

    def __init__(self, folder: Path) -> None:
        self.machine, self.root = Machine(folder / "m"), folder / "other"
        (self.root / "var/lib/doxa-collector").mkdir(parents=True)

    def restore(self, file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Bring it back; nothing runs yet unless it is said."""
        words = ["--root", str(self.root), "restore", "--native", str(file)]
        return self.machine.run(*words, **{"FAKE_ACTIVE": "", **environment})


def test_after_a_restore_what_the_old_machine_started_runs_with_its_files(native_backup: Path, tmp_path: Path) -> None:
    new = Empty(tmp_path)
    done = new.restore(native_backup)
    assert done.returncode == 0, done.stderr
    assert (new.root / "etc/mosquitto/doxa/passwords").read_text() == "of the old machine\n"
    assert new.machine.asked() == [
        "stop doxa-collector", "daemon-reload",
        "enable mosquitto", "restart mosquitto", "enable nginx", "restart nginx",
        "enable doxa-collector", "start doxa-collector",
    ]  # fmt: skip


def test_after_a_restore_what_ran_here_runs_again_but_is_not_enabled(native_backup: Path, tmp_path: Path) -> None:
    new = Empty(tmp_path)
    assert new.restore(native_backup, FAKE_ACTIVE="doxa-responder").returncode == 0
    assert [line for line in new.machine.asked() if "responder" in line] == ["start doxa-responder"]


def test_a_service_that_does_not_start_keeps_no_other_down_and_its_command_is_said(
    native_backup: Path, tmp_path: Path
) -> None:
    new = Empty(tmp_path)
    done = new.restore(native_backup, FAKE_FAILS="restart nginx")
    assert done.returncode == 1
    assert new.machine.asked()[-1] == "start doxa-collector"
    assert done.stderr.splitlines()[-1].endswith("then run: systemctl enable nginx && systemctl restart nginx")


def test_a_machine_without_the_collectors_service_is_left_as_it_is(native_backup: Path, tmp_path: Path) -> None:
    new = Empty(tmp_path)
    done = new.restore(native_backup, FAKE_CAT="mosquitto")
    assert (done.returncode, "doxa-collector" in done.stderr) == (2, True)
    assert not (new.root / "etc").exists()
    assert not (new.machine.home / "asked").exists()


def test_sizes_are_written_as_people_write_them(native_backup: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "m")
    assert re.search(r", \d+,\d MB, tạo", machine.run("check", str(native_backup), DOXA_LANG="vi").stderr)
    assert re.search(r", \d+\.\d MB, made", machine.run("check", str(native_backup)).stderr)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["backup"], "thiếu TỆP; đúng thứ tự là: doxa-stack backup [--native] TỆP"),
        (["restore", "--relpace", "x"],
         "không hiểu --relpace; đúng thứ tự là: doxa-stack restore [--native] [--replace] TỆP"),
        (["up", "--native"], "không hiểu --native; đúng thứ tự là: doxa-stack up"),
        (["bakcup", "x"], "không có việc 'bakcup'; đúng thứ tự là: doxa-stack VIỆC …"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_one_vietnamese_sentence_with_the_right_order(
    tmp_path: Path, words: list[str], told: str
) -> None:
    done = Machine(tmp_path / "m").run(*words, DOXA_LANG="vi")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"doxa-stack: {told}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.server
def test_debians_services_come_back_with_a_database_that_answers(tmp_path: Path) -> None:
    """A real ledger and a real InfluxDB 1.6.7 below a root of our own."""
    machine, root = _native(tmp_path)
    store = root / "var/lib/influxdb"
    with InfluxDB16(store) as server:
        server.query("CREATE DATABASE doxa")
        _write(server, "doxa", "weather value=21 1000000000")
    file = tmp_path / "native.tar"
    done = machine.run("--native", "--root", str(root), "backup", str(file))
    assert done.returncode == 0, done.stderr
    assert machine.asked() == ["stop influxdb", "start influxdb"]
    other = tmp_path / "other"
    (other / "var/lib/doxa-collector").mkdir(parents=True)
    done = machine.run("--native", "--root", str(other), "restore", str(file))
    assert done.returncode == 0, done.stderr
    assert (other / "etc/doxa/collector.password").read_text() == "x\n"
    with InfluxDB16(other / "var/lib/influxdb") as server:
        assert "21" in json.dumps(server.query("SELECT value FROM doxa..weather"))
    done = machine.run("restore", str(file))
    assert (done.returncode, "--native" in done.stderr) == (2, True)


@pytest.mark.root
def test_init_makes_secrets_for_the_accounts_that_read_them_and_never_changes_them(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "m")
    for name in ("a.crt", "a.key", "ca.crt"):
        (tmp_path / name).write_text(name)
    files = ["--certificate", "a.crt", "--key", "a.key", "--authority", "ca.crt"]
    argv = ["init", "--name", "doxa.example.gov.vn", *(str(tmp_path / w) if "." in w else w for w in files)]
    assert machine.run(*argv).returncode == 0
    state = machine.folder / "state"
    owners = {"secrets/influx.token": 0, "secrets/grafana.password": 472, "collector/web.token": 10800}
    before = {name: (state / name).read_text() for name in owners}
    for name, owner in owners.items():
        found = (state / name).stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (owner, 0o600), name
        assert len(before[name].strip()) >= 40
        assert before[name].strip().isalnum(), "influx setup would take a leading hyphen for an option"
    assert len(set(before.values())) == len(before)
    assert machine.run(*argv).returncode == 0
    assert {name: (state / name).read_text() for name in owners} == before
    assert machine.run("init", "--name", "Đồng Đăng").returncode == 2
