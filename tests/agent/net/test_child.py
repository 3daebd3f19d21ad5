"""A child process that behaves answers; one that does not is ended, bounded and named, and leaves nothing behind."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doxa_agent.meter import Deadline
from doxa_agent.net import child

WORK = {
    "echoes": "serve(lambda order: order)",
    "prints": "serve(lambda order: print('noise', flush=True) or os.system('echo more') and b'' or b'answer')",
    "says_nothing": "os._exit(3)",
    "dies": "os.kill(os.getpid(), 9)",
    "garbage": "os.write(1, b'Segmentation fault')",
    "endless": "os.set_blocking(1, True)\nwhile True: os.write(1, b'x' * 65536)",
    "hangs": "time.sleep(600)",
    "deaf": "os.close(0); os.write(1, b'answer'); os.close(1)",
    "lingers": "os.write(1, b'answer'); os.close(1); time.sleep(600)",
    "greedy": "serve(lambda order: bytes(300 << 20))",
    "leaves_somebody": "p = subprocess.Popen(['sleep', '600']); os.write(1, str(p.pid).encode())",
    "tells": "serve(lambda order: json.dumps([dict(os.environ), sys.path, os.getcwd()]).encode())",
}
HEAD = "import json, os, subprocess, sys, time\nfrom doxa_agent.net.child import serve\n"


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The children above as modules that an interpreter finds."""
    for name, body in WORK.items():
        (tmp_path / f"child_{name}.py").write_text(HEAD + body + "\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def decode(octets: bytes) -> bytes:
    """`answer` and whatever a test sent; anything else is none."""
    if octets[:18] == b"Segmentation fault" or not octets:
        raise ValueError
    return octets


def ask(name: str, order: bytes = b"order", *, run_s: float = 60, limit_s: float = 30) -> bytes | child.Fault:
    return child.ask(f"child_{name}", order, decode, Deadline(run_s), Deadline(limit_s))


def children() -> set[str]:
    mine = f"/proc/self/task/{os.getpid()}/children"
    return set(Path(mine).read_text().split())


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    """Whatever the child did, none of this process is left, not even as a zombie."""
    before = children()
    yield
    assert children() == before


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize("octets", [0, 5, child.LARGEST])
def test_an_order_of_any_size_goes_in_and_an_answer_comes_out(octets: int) -> None:
    order = os.urandom(octets)
    found = ask("echoes", order)
    assert found == (order or child.Fault(child.CRASHED, "exit 0"))


@pytest.mark.usefixtures("modules")
def test_what_the_work_prints_is_not_in_the_answer() -> None:
    assert ask("prints") == b"answer"


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("says_nothing", "exit 3"),
        ("dies", "exit -9"),
        ("garbage", "exit 0"),
        ("greedy", "exit 1"),
        ("endless", "answer too long"),
        ("is_no_module", "exit 1"),
    ],
)
def test_what_is_no_answer_is_our_own_fault_and_says_how_it_ended(name: str, why: str) -> None:
    assert ask(name) == child.Fault(child.CRASHED, why)


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(("run_s", "limit_s", "reason"), [(1.5, 60, child.CUT_SHORT), (60, 1.5, child.OVERDUE)])
def test_one_that_hangs_is_ended_in_time_and_whose_time_it_was_is_said(
    run_s: float, limit_s: float, reason: str
) -> None:
    began = time.monotonic()
    assert ask("hangs", run_s=run_s, limit_s=limit_s) == child.Fault(reason)
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize("name", ["deaf", "lingers"])
def test_one_that_answers_and_then_misbehaves_has_answered(name: str) -> None:
    assert ask(name, bytes(child.LARGEST)) == b"answer"


@pytest.mark.usefixtures("modules")
def test_what_the_child_started_ends_with_it() -> None:
    found = ask("leaves_somebody")
    assert isinstance(found, bytes)
    status = Path(f"/proc/{int(found)}/stat")
    until = time.monotonic() + 10
    while status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z" and time.monotonic() < until:
        time.sleep(0.01)
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.usefixtures("modules")
def test_the_child_has_no_secret_of_the_environment_and_no_module_of_the_folder_it_stands_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("https_proxy", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "DOXA_SECRET"):
        monkeypatch.setenv(name, "for the agent alone")
    here = tmp_path / "here"
    here.mkdir()
    (here / "json.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(here)
    found: Any = ask("tells")
    assert not isinstance(found, child.Fault)
    assert b"for the agent alone" not in found
    assert str(here) not in found.decode().rpartition("],")[0], "the folder is no place of modules"


def test_a_child_that_cannot_be_started_is_our_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    assert ask("echoes") == child.Fault(child.CRASHED, "FileNotFoundError")
