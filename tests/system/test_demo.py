"""The whole road with one command: a round of the country in small agrees with the truth, and nothing is left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from doxa_lab.net.namespaces import FOLDER

DOXA = [sys.executable, "-c", "from doxa_core.command import main; raise SystemExit(main())"]
ONE_OFFICE = [
    sys.executable,
    "-c",
    """
from doxa_core.command import main
from doxa_lab.demo import show
offices = show.read_offices()
show.read_offices = lambda: offices[:1]
raise SystemExit(main())""",
]
"""Three lines and two probes: enough where the rates do not matter, or the ground is another. A round takes five seconds a
line, one line after the other."""
PLAIN = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
# Our interpreter may lie where only root can read: the plain user of these tests may read everything, and no more.
PLAIN += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]

pytestmark = [pytest.mark.root, pytest.mark.server, pytest.mark.slow]


def once(folder: Path, *program: str, **environment: str) -> tuple[int, dict[str, Any], str]:
    command = [*program, "demo", "--once", "--json", "--keep", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=420, check=False, env=os.environ | environment
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def left_behind(folder: Path) -> list[str]:
    """Processes that still name the demo's folder, and namespaces of a demo."""
    found = [" ".join(p.info["cmdline"]) for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"]]
    return [line for line in found if str(folder) in line]


def namespaces_of(pid: int) -> list[str]:
    return [entry.name for entry in FOLDER.glob(f"doxa-{pid:x}.*")] if FOLDER.is_dir() else []


@pytest.mark.alone
@pytest.mark.timeout(480)
def test_one_round_of_the_country_agrees_with_the_truth_within_two_percent(tmp_path: Path) -> None:
    code, report, errors = once(tmp_path / "demo", *DOXA)
    assert code == 0, (report["failures"], report["repeated"], errors)
    assert report["mode"] == "namespaces"
    assert report["failures"] == []
    rates = [abs(e) for line in report["errors"].values() for name, e in line.items() if name.endswith("_mbps")]
    assert len(report["truths"]) == 14
    assert len(rates) == 14 * 4
    assert max(rates) <= 0.02
    assert report["first_verdict_s"] <= 60
    outcomes = {(v["plan"], v["target"], v["place"]): v["outcome"] for v in report["verdicts"]}
    assert outcomes["a-hong-phong", "a1", "06184"] == "fail"
    assert outcomes["a-hong-phong", "a2", "06184"] == "fail"
    assert outcomes["b-binh-duong", "b3", "74"] == "fail"
    assert outcomes["c-my-hao", "c1", "12103"] == "pass"
    assert outcomes["c-my-hao", "c2", "12103"] == "pass"
    assert outcomes["d-ha-tinh", "d1", "42"] == "pass"
    assert outcomes["d-ha-tinh", "d2", "42"] == "pass"
    assert outcomes["d-ha-tinh", "d3", "42"] == "fail"
    assert outcomes["e-lai-chau", "e1", "12"] == "pass"
    assert left_behind(tmp_path / "demo") == []


@pytest.mark.alone
@pytest.mark.timeout(480)
def test_a_plain_user_gets_the_country_on_loopback(tmp_path: Path) -> None:
    home = Path("/tmp") / f"doxa-test-{os.getpid()}"
    home.mkdir()
    os.chown(home, 65534, 65534)
    try:
        code, report, errors = once(
            home / "demo", *PLAIN, *ONE_OFFICE, HOME=str(home), PATH="/usr/bin:/bin", TMPDIR=str(home)
        )
        assert code == 0, (report["failures"], report["repeated"], errors)
        assert report["mode"] == "loopback"
        assert len(report["truths"]) == 3
        assert "không có quyền root: đầu xa tự điều tiết tốc độ trên loopback" in report["note"]
        assert report["first_verdict_s"] <= 60
        assert left_behind(home / "demo") == []
    finally:
        shutil.rmtree(home)


def started(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A demo that serves its page, and the page's address."""
    demo = subprocess.Popen([*ONE_OFFICE, "demo", "--keep", str(folder)], stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "trình duyệt" in line:
            return demo, line.split()[-1]
    raise AssertionError("the demo ended before it had a page")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_clears_everything_away(tmp_path: Path, number: signal.Signals) -> None:
    demo, url = started(tmp_path / "demo")
    with urllib.request.urlopen(url, timeout=30) as page:
        assert "doxa" in page.read().decode()
    assert namespaces_of(demo.pid)
    demo.send_signal(number)
    demo.send_signal(number)  # an impatient user
    said, _ = demo.communicate(timeout=60)
    assert "đã dọn sạch" in said
    assert demo.returncode == 0
    assert namespaces_of(demo.pid) == []
    assert left_behind(tmp_path / "demo") == []


def test_a_killed_demo_leaves_no_process_and_the_next_one_clears_its_namespaces(tmp_path: Path) -> None:
    demo, _ = started(tmp_path / "first")
    demo.kill()
    demo.communicate(timeout=60)
    until = time.monotonic() + 30
    while left_behind(tmp_path / "first") and time.monotonic() < until:
        time.sleep(0.1)
    assert left_behind(tmp_path / "first") == []
    after, _ = started(tmp_path / "second")
    assert namespaces_of(demo.pid) == []
    after.terminate()
    after.communicate(timeout=60)
