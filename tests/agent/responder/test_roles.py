"""Roles of the far end: each alone, others beside HTTP, kept up, stopped together, and sentences where one is wrong."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doxa_agent.responder import cli, roles
from doxa_agent.responder.beside import environment
from doxa_core.errors import InputError, OperationError
from doxa_core.language import choose_language

_MAIN = "import sys; from doxa_core.command import main; sys.exit(main(sys.argv[1:]))"
_ROLE = """
import argparse, json, os, signal, sys, time
from doxa_core.language import Text
TITLE = Text(vi="thử", en="a trial")
EXAMPLE = Text(vi="ví dụ: thử", en="example: trial")
def add_options(parser):
    parser.add_argument("--port", type=int, default=7)
    parser.add_argument("--fail", action="store_true")
    parser.add_argument("--json", action="store_true")
def run(asked):
    if asked.fail:
        print("trial: a sentence about what is wrong", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(json.dumps({"listening": [{"host": "127.0.0.1", "port": asked.port}], "pid": os.getpid()}), flush=True)
    while True:
        time.sleep(0.05)
"""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One more role, `trial`, in a folder of its own."""
    (tmp_path / "trial.py").write_text(_ROLE)
    (tmp_path / "broken.py").write_text("import a_module_that_nobody_has\n")
    (tmp_path / "empty.py").write_text("TITLE = 1\n")
    monkeypatch.setattr(roles, "__path__", [*roles.__path__, str(tmp_path)])
    yield tmp_path
    for name in ("trial", "broken", "empty"):
        sys.modules.pop(f"doxa_agent.responder.roles.{name}", None)


def test_the_folder_is_the_registry(planted: Path) -> None:
    assert {"http", "trial", "broken"} <= set(roles.names())
    assert roles.load("trial").title.en == "a trial"
    assert not [name for name in roles.names() if name.startswith("_")], "what the roles share is none"


@pytest.mark.parametrize(
    ("name", "why"),
    [("broken", "a_module_that_nobody_has"), ("empty", "EXAMPLE"), ("nothing", "choose: ")],
)
def test_a_broken_or_missing_role_is_a_sentence(planted: Path, name: str, why: str) -> None:
    with pytest.raises(OperationError) as found:
        roles.load(name)
    assert why in found.value.text.en
    assert name in found.value.text.vi


def test_the_overview_shows_every_role_and_what_is_broken(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(name in said for name in ("run", "http", "trial", "a_module_that_nobody_has"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--also", "nothing"], "--also: there is no role 'nothing'; choose: "),
        (["--also", "http"], "--also: there is no role 'http'; choose: "),
        (["--also", "trial", "--trial-warp", "9"], "--trial-…: unrecognized arguments: --warp 9; see: "),
        (["--also", "trial", "--trial-port", "x"], "--trial-…: "),
    ],
)
def test_a_wrong_word_for_a_role_is_one_sentence_before_anything_starts(
    planted: Path, words: list[str], message: str
) -> None:
    choose_language("en")  # argparse speaks one language at a time
    with pytest.raises(InputError) as found:
        cli.main(["run", "--port", "0", *words])
    assert found.value.text.en.startswith(message)


def test_a_childs_environment_has_nothing_of_what_systemd_gave_us() -> None:
    ours = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "LISTEN_FDS": "1", "LISTEN_PID": "1", "PATH": "/bin"}
    assert environment(ours) == {"PATH": "/bin"}


# --- real processes ----------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH whose sitecustomize plants the role `trial` in this process and in its children."""
    (tmp_path / "roles").mkdir()
    (tmp_path / "roles/trial.py").write_text(_ROLE)
    (tmp_path / "sitecustomize.py").write_text(
        f"from doxa_agent.responder import roles\nroles.__path__.append({str(tmp_path / 'roles')!r})\n"
    )
    return tmp_path


@contextlib.contextmanager
def responder(site: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, "responder", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "DOXA_LANG": "en", "PYTHONPATH": str(site)},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _first(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def _children(pid: int) -> list[int]:
    return [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]


def _until(holds: Any) -> None:
    until = time.monotonic() + 20
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)
    assert holds()


def _gone(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    return True


def test_a_role_beside_http_is_told_kept_up_and_stopped_with_it(site: Path) -> None:
    words = ("run", "--host", "127.0.0.1", "--port", "0", "--json", "--also", "trial", "--trial-port", "77")
    with responder(site, *words) as process:
        found = _first(process)
        assert found["listening"][0]["host"] == "127.0.0.1"
        assert found["roles"] == {"trial": [{"host": "127.0.0.1", "port": 77}]}
        (child,) = _children(process.pid)
        os.kill(child, signal.SIGKILL)
        _until(lambda: [pid for pid in _children(process.pid) if pid != child and not _gone(pid)])
        (second,) = [pid for pid in _children(process.pid) if pid != child]
        with socket.create_connection(("127.0.0.1", found["listening"][0]["port"]), 5):
            pass
        process.send_signal(signal.SIGTERM)
        _out, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert said == "the role trial ended unexpectedly (code -9); it starts again in 1 s\n"
    _until(lambda: _gone(second))


def test_a_role_that_does_not_start_ends_everything_with_its_code(site: Path) -> None:
    with responder(site, "run", "--port", "0", "--also", "trial", "--trial-fail") as process:
        _out, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said.splitlines() == [
        "trial: a sentence about what is wrong",
        "doxa responder: the role trial did not start (code 2); see the line above, or leave out --also trial",
    ]


def test_a_role_does_not_outlive_a_far_end_that_was_killed(site: Path) -> None:
    with responder(site, "run", "--port", "0", "--json", "--also", "trial") as process:
        _first(process)
        (child,) = _children(process.pid)
        process.kill()
        process.wait(10)
        _until(lambda: _gone(child))


def test_http_is_a_role_of_its_own(site: Path) -> None:
    with responder(site, "http", "--host", "127.0.0.1", "--port", "0", "--json") as process:
        place = _first(process)["listening"][0]
        with socket.create_connection(("127.0.0.1", place["port"]), 5) as sock:
            sock.sendall(b"GET /getIP HTTP/1.1\r\n\r\n")
            assert sock.recv(4096).endswith(b"127.0.0.1")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
