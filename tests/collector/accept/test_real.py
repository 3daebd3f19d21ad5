"""`doxa accept` as a process of its own on shaped lines in namespaces: the record says what the line carries."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.agent.conftest import _MAIN, Line, a_line, ip
from tests.collector.accept.conftest import REGISTRY
from tests.collector.papers.reading import pdf_text, squeezed

pytestmark = [pytest.mark.root]

ACCEPT = """
import sys
from doxa_collector.accept import running
running.AGENT = (sys.executable, "-c", {agent!r})
from doxa_collector.accept.cli import main
sys.exit(main(sys.argv[1:]))
"""
SHORTER = """
import sys
from dataclasses import replace
from doxa_agent.acceptance import course, instruments
course.FORMS["short"] = replace(course.SHORT, tcp_s={tcp_s})
instruments.RTT = {{"count": 5, "interval_s": 0.1, "timeout_s": 1.0}}
from doxa_agent.cli import main
sys.exit(main(["accept", *sys.argv[1:]]))
"""
"""The agent's own command with a shorter TCP transfer and fewer pings: ten seconds and twenty pings teach no more here. No
step is below five seconds: the capacity protocol has none."""
AGENT_FILE = """
site = "xa-dong-dang"
agent = "px-1"
[spool]
path = "spool.db"
[guards]
off = ["cpu", "throttling"]
before_s = 0.1
[link.internet]
kind = "fixed"
interface = "{interface}"
"""
PLAN = """
[far-end.there]
host = "{host}"
port = {port}
capacity_port = {capacity}
[task.rtt]
meter = "latency"
link = "internet"
every_s = 60
far_ends = ["there"]
"""
CAPACITY = ("--also", "capacity", "--capacity-port", "0")


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line() as made:
        yield made


def carry(line: Line, down_mbps: float, up_mbps: float) -> None:
    """Shape to these rates of the test's IP packets: tbf on a veth counts 1264 octets for one of 1250."""
    for device, mbps in (("down0", down_mbps), ("up0", up_mbps)):
        rate = f"tbf rate {round(mbps * 1e6 * 1264 / 1250)}bit burst 32kb latency 40ms"
        command = ["tc", "-netns", line.router, "qdisc", "replace", "dev", device, "root", *rate.split()]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    for name, device in (
        (line.client, line.interface), (line.router, "down0"), (line.router, "up0"), (line.server, "line1"),
    ):  # fmt: skip
        ip("-n", name, "link", "set", device, "gso_max_segs", "2")


@contextmanager
def far_end(line: Line, folder: Path, *options: str) -> Iterator[None]:
    """Our far end behind the line, and the probe's files that name it."""
    command = [sys.executable, "-c", _MAIN, "responder", "run", "--json", "--port", "0", *options]
    process = subprocess.Popen(["ip", "netns", "exec", line.server, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        ports = {"port": said["listening"][0]["port"], "capacity": said["roles"]["capacity"][0]["port"]}
        (folder / "plan.toml").write_text(PLAN.format(host=line.there4, **ports), encoding="utf-8")
        (folder / "agent.toml").write_text(AGENT_FILE.format(interface=line.interface), encoding="utf-8")
        (folder / "sites.toml").write_text(REGISTRY, encoding="utf-8")
        yield
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def accept(line: Line, folder: Path, *words: str, tcp_s: float = 0.0) -> tuple[int, dict[str, Any], str, str]:
    """Exit code, the kept evidence, the words of the PDF, what the terminal showed; the hash is held to the file."""
    main = ACCEPT.format(agent=SHORTER.format(tcp_s=tcp_s))
    files = ["--agent", "agent.toml", "--registry", "sites.toml", "--out", "out", "--format", "pdf,json"]
    command = ["ip", "netns", "exec", line.client, sys.executable, "-c", main, "xa-dong-dang", "internet", *files]
    test = ["--steps", "100", "--step-seconds", "5", "--yes", "--json"]
    spoken = {**os.environ, "DOXA_LANG": "vi"}
    done = subprocess.run(
        [*command, *test, *words], cwd=folder, env=spoken, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode in (0, 1, 3, 4), done.stderr
    told = json.loads(done.stdout)
    kept = (folder / "out" / told["bundle"]).read_bytes()
    assert told["sha256"] == hashlib.sha256(kept).hexdigest()
    paper = next(name for name in told["papers"] if name.endswith(".pdf"))
    evidence: dict[str, Any] = json.loads(kept.split(b"\n")[1])["evidence"]
    assert evidence["verdict"] == told["verdict"]
    return done.returncode, evidence, pdf_text((folder / "out" / paper).read_bytes()), done.stderr


@pytest.mark.alone
def test_a_line_that_carries_its_contract_is_accepted(line: Line, tmp_path: Path) -> None:
    carry(line, 100, 100)
    with far_end(line, tmp_path, *CAPACITY):
        code, evidence, text, shown = accept(line, tmp_path, tcp_s=2.0)
    assert (code, evidence["verdict"]) == (0, "pass"), shown
    assert [step["received_mbps"] for step in evidence["steps"]] == pytest.approx([100, 100], rel=0.03)
    assert squeezed("Kết quả: ĐẠT.") in text
    assert squeezed("- 2/2 bước đo đạt yêu cầu.") in text
    assert squeezed("Truyền TCP và độ trễ khi có tải (RFC 6349)") in text
    assert "[1/2]" in shown, "the steps are shown while they run"


@pytest.mark.alone
def test_a_line_that_carries_80_of_100_is_not(line: Line, tmp_path: Path) -> None:
    carry(line, 80, 100)
    with far_end(line, tmp_path, *CAPACITY):
        code, evidence, text, shown = accept(line, tmp_path)
    assert (code, evidence["verdict"]) == (1, "fail"), shown
    down = evidence["steps"][0]
    assert down["received_mbps"] == pytest.approx(80, rel=0.03)
    assert len(down["attempts"]) >= 1
    assert squeezed("Kết quả: KHÔNG ĐẠT.") in text
    assert squeezed("- Tốc độ nhận được thấp hơn mức hợp đồng (đã trừ dung sai) (bước: Tải xuống 100") in text


def test_a_far_end_that_refuses_leaves_the_line_unjudged(line: Line, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("1 not-ours\n", encoding="utf-8")
    with far_end(line, tmp_path, *CAPACITY, "--capacity-keys", str(keys), "--capacity-require-auth"):
        code, evidence, text, _ = accept(line, tmp_path)
    assert (code, evidence["verdict"], evidence["reasons"][0]) == (4, "insufficient", "not_measured")
    assert squeezed("Kết quả: CHƯA ĐỦ CĂN CỨ.") in text
    assert squeezed("Chưa đủ căn cứ để kết luận về đường truyền") in text
    assert "far_end_" not in text, "a code where words belong"


def test_a_port_that_is_slower_than_the_contract_is_the_probes_limit(line: Line, tmp_path: Path) -> None:
    """A veth says 10 Gb/s of itself, as a Fast Ethernet port says 100 Mb/s: a contract of all of it cannot be shown."""
    with far_end(line, tmp_path, *CAPACITY):
        code, evidence, text, _ = accept(line, tmp_path, "--down", "10000", "--up", "10000")
    assert (code, evidence["reasons"]) == (3, ["port_too_slow"])
    assert "steps" not in evidence
    assert squeezed("Kết quả: THIẾT BỊ ĐO GIỚI HẠN.") in text
    assert squeezed("10.000 Mbps, song công; phép đo này cần 10.304 Mbps trên dây") in text
    assert squeezed("Kết quả: KHÔNG ĐẠT") not in text
