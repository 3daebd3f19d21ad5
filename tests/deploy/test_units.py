"""The units by systemd's own tools, and their agreement with the example files and the commands."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
UNITS: Final = sorted(DEPLOY.rglob("*.service"))
DOXA: Final = str(Path(sys.executable).with_name("doxa"))
WORST_EXPOSURE: Final = 20
"""Tenths of systemd's exposure level: 2.0 of 10."""


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"(?m)^([A-Za-z]+)=(.*)$", unit.read_text()):
        found.setdefault(key, []).append(value)
    return found


@pytest.fixture(params=UNITS, ids=lambda unit: unit.name)
def unit(request: pytest.FixtureRequest) -> Path:
    """Each unit of deploy/."""
    found: Path = request.param
    return found


@pytest.fixture
def here(unit: Path, tmp_path: Path) -> Path:
    """The unit with a program that exists on this machine, under its own name."""
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/doxa/bin/doxa", "/bin/true"))
    return copy


def test_systemd_understands_every_line(here: Path) -> None:
    assert shutil.which("systemd-analyze"), "install the package systemd"
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(here)], text=True, capture_output=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if here.name in line]
    assert ours == []
    assert done.returncode == 0, done.stderr


def test_systemd_finds_little_exposed(here: Path) -> None:
    argv = ["systemd-analyze", "security", "--offline=true", f"--threshold={WORST_EXPOSURE}", "--no-pager", str(here)]
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    (line,) = settings(unit)["ExecStart"]
    program, group, command, *options = line.split()
    assert program == "/opt/doxa/bin/doxa"
    done = subprocess.run([DOXA, group, command, "--help"], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    for option in options:
        if option.startswith("--"):
            assert option in done.stdout


def test_a_unit_is_watched_restarted_and_bounded(unit: Path) -> None:
    found = settings(unit)
    assert found["Type"] == ["notify"]
    assert int(found["WatchdogSec"][0]) > 0
    assert found["Restart"] == ["always"]
    assert found["StartLimitIntervalSec"] == ["0"]
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == [""]
    assert "MemoryMax" in found
    assert "TasksMax" in found


def test_the_agents_unit_agrees_with_the_example_configuration() -> None:
    found = settings(DEPLOY / "pi/doxa-agent.service")
    example = tomllib.loads((DEPLOY / "pi/agent.toml").read_text())
    assert Path(example["spool"]["path"]).parent == Path("/var/lib") / found["StateDirectory"][0]
    assert Path(example["runner"]["heavy_lock"]).parent == Path("/run") / found["RuntimeDirectory"][0]
    assert found["LoadCredential"] == [f"{example['broker']['password_file']}:/etc/doxa/mqtt.password"]
    assert found["User"] == ["doxa"]
    accounts = (DEPLOY / "pi/doxa.sysusers").read_text()
    assert re.search(r"(?m)^u doxa ", accounts)
    folders = re.findall(r"(?m)^d (\S+) +(\d+) (\w+) (\w+)", (DEPLOY / "pi/doxa.tmpfiles").read_text())
    assert ("/var/lib/doxa", found["StateDirectoryMode"][0], "doxa", "doxa") in folders
    assert ("/run/doxa", found["RuntimeDirectoryMode"][0], "doxa", "doxa") in folders


def test_the_collectors_unit_agrees_with_the_example_configuration() -> None:
    found = settings(DEPLOY / "server/doxa-collector.service")
    example = tomllib.loads((DEPLOY / "server/collector.toml").read_text())
    assert Path(example["ledger"]["path"]).parent == Path("/var/lib") / found["StateDirectory"][0]
    name = example["broker"]["password_file"]
    assert found["LoadCredential"] == [f"{name}:/etc/doxa/{name}"]
    accounts = (DEPLOY / "server/doxa-server.sysusers").read_text()
    assert re.search(rf"(?m)^u {found['User'][0]} ", accounts)
    assert f"m {found['User'][0]} {found['SupplementaryGroups'][0]}" in accounts


def test_the_agent_may_read_the_clock_and_nobody_may_set_it(unit: Path) -> None:
    """A refused adjtimex would look like a clock that is never synchronised, so no measurement would show the mistake."""
    spec = importlib.util.spec_from_file_location("unitrun", Path(__file__).with_name("unitrun.py"))
    assert spec
    assert spec.loader
    unitrun = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unitrun)
    allowed = unitrun.allowed_calls(unitrun.read_unit(unit))
    assert {"adjtimex", "clock_adjtime"} <= allowed or "agent" not in unit.name
    assert not {"settimeofday", "clock_settime", "mount", "ptrace", "reboot", "bpf", "init_module"} & allowed


def test_no_unit_and_no_example_holds_a_secret_or_a_machines_name() -> None:
    for file in (f for f in DEPLOY.rglob("*") if f.is_file()):
        text = file.read_text()
        assert not re.search(r"(?i)password *= *\"(?!mqtt\.|collector\.)", text), file
        assert "BEGIN" not in text or "PRIVATE KEY" not in text, file
