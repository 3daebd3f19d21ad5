"""doxa-probe-account: idempotent, atomic, and silent about passwords."""

import importlib.machinery
import importlib.util
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_core.names import IDENTIFIER
from doxa_core.topic import Channel, Topic, filter_for
from doxa_lab.servers import find_program

TOOL: Final = Path(__file__).resolve().parents[2] / "deploy/server/doxa-probe-account"
pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The script as a module, for what can be asked without a process."""
    loader = importlib.machinery.SourceFileLoader("doxa_probe_account", str(TOOL))
    spec = importlib.util.spec_from_loader("doxa_probe_account", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def run(folder: Path, *arguments: str, language: str = "vi", path: str = "") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", str(TOOL), "--folder", str(folder), "--pid-file", str(folder / "pid"), *arguments]
    return subprocess.run(
        argv,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
        env=os.environ | {"DOXA_LANG": language, "PATH": path or os.environ["PATH"]},
    )


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {f.name: (f.read_bytes(), f.stat().st_ino) for f in sorted(folder.iterdir()) if f.name != ".lock"}


def test_adding_the_same_probe_twice_changes_nothing_and_says_so(tmp_path: Path) -> None:
    first = run(tmp_path, "add", "xa-a", "probe-a")
    before = state(tmp_path)
    second = run(tmp_path, "add", "xa-a", "probe-a")
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(first.stdout.strip()) >= 32
    assert second.stdout == ""
    assert "không có gì thay đổi" in second.stderr
    assert state(tmp_path) == before


def test_removing_twice_changes_nothing_and_leaves_no_trace(tmp_path: Path) -> None:
    run(tmp_path, "add", "xa-b", "probe-b")
    kept = state(tmp_path)
    run(tmp_path, "add", "xa-a", "probe-a")
    assert run(tmp_path, "remove", "probe-a").returncode == 0
    assert {k: v[0] for k, v in state(tmp_path).items()} == {k: v[0] for k, v in kept.items()}
    again = run(tmp_path, "remove", "probe-a", language="en")
    assert again.returncode == 0
    assert "nothing changed" in again.stderr


def test_the_password_goes_to_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    out = tmp_path / "secret"
    done = run(tmp_path, "add", "xa-a", "probe-a", "--password-file", str(out))
    assert done.stdout == ""
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    word = out.read_text().strip()
    assert len(word) >= 32
    assert word not in done.stderr
    assert word not in (tmp_path / "passwd").read_text()


def test_an_existing_password_file_is_never_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "secret"
    out.write_text("mine")
    done = run(tmp_path, "add", "xa-a", "probe-a", "--password-file", str(out))
    assert done.returncode == 1
    assert "đã tồn tại" in done.stderr
    assert out.read_text() == "mine"
    assert not (tmp_path / "passwd").exists()


def test_a_lost_password_file_is_not_made_again_and_it_says_how_to_get_a_new_password(tmp_path: Path) -> None:
    run(tmp_path, "add", "xa-a", "probe-a")
    done = run(tmp_path, "add", "xa-a", "probe-a", "--password-file", str(tmp_path / "secret"))
    assert done.returncode == 0
    assert "--new-password" in done.stderr
    assert not (tmp_path / "secret").exists()


def test_a_probe_does_not_move_to_another_site_unnoticed(tmp_path: Path) -> None:
    run(tmp_path, "add", "xa-a", "probe-a")
    before = state(tmp_path)
    done = run(tmp_path, "add", "xa-b", "probe-a")
    assert done.returncode == 1
    assert "xa-a" in done.stderr
    assert state(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [("add", "Xã", "probe"), ("add", "xa/b", "probe"), ("add", "xa", "+"), ("add", "xa", "#"), ("add", "xa", "a\nuser b"),
     ("add", "xa", "collector_1"), ("add-collector", "A"), ("add", "xa"), ("dance",), ("add", "a" * 41, "b")],
)  # fmt: skip
def test_a_bad_argument_is_exit_2_and_touches_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert state(tmp_path) == {}


def test_lines_that_somebody_else_wrote_are_not_thrown_away(tmp_path: Path) -> None:
    run(tmp_path, "add", "xa-a", "probe-a")
    acl = tmp_path / "acl"
    acl.write_text(acl.read_text() + "\nuser admin\ntopic readwrite #\n")
    before = state(tmp_path)
    done = run(tmp_path, "add", "xa-b", "probe-b")
    assert done.returncode == 1
    assert "user admin" in done.stderr
    assert state(tmp_path) == before


def test_the_list_tells_accounts_sites_and_roles(tmp_path: Path) -> None:
    run(tmp_path, "add", "xa-a", "probe-a")
    run(tmp_path, "add-collector")
    assert json.loads(run(tmp_path, "list", "--json").stdout) == [
        {"account": "collector_1", "site": None, "role": "collector", "password": True},
        {"account": "probe-a", "site": "xa-a", "role": "probe", "password": True},
    ]
    assert run(tmp_path, "list").stdout.split() == ["collector_1", "collector", "probe-a", "xa-a"]


@pytest.mark.parametrize("lost", ["passwd", "acl"])
def test_a_half_made_account_is_mended_by_the_next_run(tmp_path: Path, lost: str) -> None:
    """As after a power cut between the two files."""
    run(tmp_path, "add", "xa-a", "probe-a")
    (tmp_path / lost).write_text("")
    done = run(tmp_path, "add", "xa-a", "probe-a")
    assert done.returncode == 0
    assert bool(done.stdout) == (lost == "passwd")
    assert json.loads(run(tmp_path, "list", "--json").stdout)[0]["password"] is True


def test_many_at_once_lose_none(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda n: run(tmp_path, "add", "xa-a", f"probe-{n}"), range(12)))
    assert [d.returncode for d in done] == [0] * 12
    found = json.loads(run(tmp_path, "list", "--json").stdout)
    assert [row["account"] for row in found] == sorted(f"probe-{n}" for n in range(12))
    assert all(row["password"] for row in found)


def test_a_missing_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere", "add", "xa-a", "probe-a")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "sudo" in done.stderr


def test_a_pid_file_of_somebody_else_gets_no_signal(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(str(os.getpid()))
    done = run(tmp_path, "add", "xa-a", "probe-a")
    assert done.returncode == 1
    assert "systemctl reload mosquitto" in done.stderr
    assert done.stdout.strip()  # the account stands, and its password was shown: it exists only once


def test_the_password_never_stands_in_the_process_list(tmp_path: Path) -> None:
    """A mosquitto_passwd in front of the real one notes its arguments and environment: what a process list shows."""
    real = find_program("mosquitto_passwd")
    seen = tmp_path / "seen"
    front = tmp_path / "front"
    front.mkdir()
    script = front / "mosquitto_passwd"
    script.write_text(f'#!/bin/sh\n{{ echo "$0 $*"; env; }} >>{seen}\nexec {real} "$@"\n')
    script.chmod(0o755)
    folder = tmp_path / "doxa"
    folder.mkdir()
    word = run(folder, "add", "xa-a", "probe-a", path=f"{front}:{os.environ['PATH']}").stdout.strip()
    assert len(word) >= 32
    assert "probe-a" in seen.read_text()
    assert word not in seen.read_text()


def test_the_files_are_for_root_and_the_broker_only(tmp_path: Path) -> None:
    run(tmp_path, "init")
    for name in ("acl", "passwd"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640
        if os.geteuid() == 0:
            assert (tmp_path / name).group() == "mosquitto"


def test_the_rule_for_names_is_the_contracts(tool: ModuleType) -> None:
    assert tool.IDENTIFIER.pattern == IDENTIFIER.pattern


def test_the_rights_are_the_contracts_topics(tool: ModuleType) -> None:
    rights = tool.Account("probe-a", "xa-a").block.splitlines()[1:]
    granted = {(line.split()[1], line.split()[2]) for line in rights}
    shard = str(Topic(site="xa-a", agent="probe-a", channel=Channel.ACK)).split("/")[2]
    wanted = {
        ("read" if channel is Channel.ACK else "write", str(Topic(site="xa-a", agent="probe-a", channel=channel)))
        for channel in Channel
    }
    assert granted == {(way, topic.replace(f"/{shard}/", "/+/")) for way, topic in wanted}
    collectors = {
        (line.split()[1], line.split()[2]) for line in tool.Account("collector_1", None).block.splitlines()[1:]
    }
    assert collectors == {("write" if c is Channel.ACK else "read", filter_for(c)) for c in Channel}


@given(
    st.dictionaries(st.from_regex(IDENTIFIER, fullmatch=True), st.from_regex(IDENTIFIER, fullmatch=True), max_size=8)
)
def test_what_is_written_is_read_back(tool: ModuleType, accounts: dict[str, str]) -> None:
    wanted = {name: tool.Account(name, site) for name, site in accounts.items()}
    wanted["collector_1"] = tool.Account("collector_1", None)
    text = tool.HEAD + "\n" + "\n".join(wanted[name].block for name in sorted(wanted))
    assert tool.parse_accounts(text) == wanted


@given(st.text())
def test_any_text_is_accounts_or_one_sentence(tool: ModuleType, text: str) -> None:
    try:
        found = tool.parse_accounts(text)
    except tool.AccountError:
        return
    assert all(account.name == name for name, account in found.items())
