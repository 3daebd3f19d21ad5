"""The handbooks cannot drift: their commands, files and limits exist, and the backup does what it says."""

import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from doxa_agent import config as agent_config
from doxa_collector.ledger.engine import open_ledger
from doxa_core.command import main

ROOT: Final = Path(__file__).resolve().parents[2]
BOOKS: Final = [ROOT / "docs" / name for name in ("operating.md", "vi/lap-dat.md", "vi/noc.md", "vi/grafana.md")]
DOXA: Final = str(Path(sys.executable).with_name("doxa"))


@pytest.fixture(params=BOOKS, ids=lambda book: book.name)
def text(request: pytest.FixtureRequest) -> str:
    """Each handbook."""
    found: str = request.param.read_text()
    return found


def _commands(text: str) -> set[tuple[str, ...]]:
    groups = r"\bdoxa (agent|collector|responder) ([a-z0-9]+)(?: (list|status|replay|rewind))?"
    return {tuple(word for word in found if word) for found in re.findall(groups, text)}


def test_every_command_of_a_handbook_exists(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _commands(text)
    for command in _commands(text):  # in this process: to start one for each takes half a second
        with pytest.raises(SystemExit) as left:
            main([*command, "--help"])
        assert left.value.code == 0, (command, capsys.readouterr().err)


def test_every_option_of_the_scripts_exists(text: str) -> None:
    script = (ROOT / "deploy/pi/install.sh").read_text()
    tool = (ROOT / "deploy/server/doxa-probe-account").read_text()
    for line in re.findall(r"(?s)(?:install\.sh|doxa-probe-account) (?:[^`\n]|\\\n)*", text):
        known = script if line.startswith("install.sh") else tool
        for option in re.findall(r"(?<= )--[a-z-]+", line):
            assert option in known, (line, option)


def test_every_file_of_the_sources_that_it_names_exists(text: str) -> None:
    for name in re.findall(r"\bdeploy/[A-Za-z0-9_./-]+\*?[A-Za-z.]*", text):
        assert list(ROOT.glob(name.rstrip("./"))), name
    for name in re.findall(r"\]\(([^)#]+\.md)", text):
        assert any((folder / name).exists() for folder in (ROOT / "docs", ROOT / "docs/vi")), name


def test_the_limits_it_names_are_those_in_force() -> None:
    text = BOOKS[0].read_text()
    broker = (ROOT / "deploy/server/mosquitto/doxa.conf").read_text()
    for setting, wanted in (
        ("max_connections 8000", "8,000 connections"),
        ("max_queued_messages 20000", "20,000 messages or 64 MiB, 14 days"),
        ("max_queued_bytes 67108864", "64 MiB"),
        ("persistent_client_expiration 14d", "14 days"),
        ("memory_limit 1073741824", "1 GiB"),
        ("message_size_limit 262144", "256 KiB"),
        ("listener 8883", "**8883**"),
    ):
        assert setting in broker
        assert wanted in text
    spool = agent_config.SpoolSettings()
    assert f"{spool.max_rows:,} measurements or {spool.max_bytes // 2**20} MB" in text


def test_the_backup_holds_what_only_the_log_has(tmp_path: Path) -> None:
    """Rows that were committed but not yet moved from the write-ahead log, while the writer still has it open."""
    found = re.search(r"```sh backup\n(.*?)```", BOOKS[0].read_text(), re.DOTALL)
    assert found
    example = (ROOT / "deploy/server/collector.toml").read_text()
    (tmp_path / "collector.toml").write_text(example.replace("/var/lib/doxa-collector", str(tmp_path)))
    for name in ("collector.password", "ca.crt"):
        (tmp_path / name).write_text("x\n")
    engine = open_ledger(tmp_path / "ledger.db")
    writer = sqlite3.connect(tmp_path / "ledger.db")
    writer.execute("PRAGMA wal_autocheckpoint=0")
    writer.executemany("INSERT INTO counter VALUES (?, 1)", [(f"n{n}",) for n in range(1000)])
    writer.commit()
    here = f"{DOXA} collector backup --config {tmp_path / 'collector.toml'}"
    commands = found.group(1).replace("doxa collector backup", here)
    subprocess.run(["sh", "-eu"], input=commands, text=True, check=True, capture_output=True, cwd=tmp_path)
    (name,) = set(re.findall(r"ledger-\S+", found.group(1)))
    copy = sqlite3.connect(tmp_path / name)
    assert copy.execute("SELECT count(*) FROM counter WHERE name LIKE 'n%'").fetchone() == (1000,)
    copy.close()
    writer.close()
    engine.dispose()


@pytest.mark.parametrize("book", BOOKS[1:], ids=lambda book: book.name)
def test_a_vietnamese_handbook_is_short_and_writes_dates_and_decimals_as_people_do(book: Path) -> None:
    text = book.read_text()
    assert len(text.splitlines()) <= 110
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)
    assert not re.search(r"\b\d+\.\d+ (?:Mbps|ms|GB)", text)
