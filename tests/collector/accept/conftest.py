"""Evidence of the agent's own golden run, changed as a test wants it, and a stand-in for the test on a line."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from doxa_collector.accept import cli, contracted, running
from doxa_core.fields import canonical
from doxa_core.language import choose_language, language

GOLDEN = Path(__file__).parents[2] / "agent" / "acceptance" / "acceptance-1.json"
REGISTRY = """
[[place]]
code = "20"
name = "Tỉnh Lạng Sơn"
level = "province"
[[place]]
code = "06184"
name = "Xã Đồng Đăng"
level = "commune"
province = "20"
[[site]]
id = "xa-dong-dang"
name = "Trụ sở Đảng ủy – UBND"
place = "06184"
agents = ["px-1"]
[[site.link]]
id = "internet"
kind = "fixed"
provider = "VNPT Lạng Sơn"
technology = "FTTH"
contract = "245/2026/HĐ-VNPT"
contracted_down_mbps = 100
contracted_up_mbps = 100
valid_from = 2026-01-01
valid_to = 2036-12-31
[[site.link]]
id = "internet"
kind = "fixed"
contracted_down_mbps = 50
contracted_up_mbps = 50
valid_from = 2025-01-01
valid_to = 2025-12-31
[[site.link]]
id = "tslcd"
kind = "tslcd"
"""
NAMES = ("xa-dong-dang", "internet")
MARK = "xa-dong-dang_internet_20261122-090000"
STAND_IN = """
import json, shutil, sys
words = sys.argv[1:]
open({log!r}, "w").write(json.dumps(words))
if {result!r}:
    shutil.copy({result!r}, words[words.index("--output") + 1])
sys.exit({code})
"""


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Words as the field reads them; no file of this machine is looked at."""
    monkeypatch.setattr(contracted, "DEFAULT_REGISTRY", tmp_path / "none.toml")
    monkeypatch.setattr(cli, "DEFAULT_REGISTRY", tmp_path / "none.toml")
    before = language()
    choose_language("vi")
    yield
    choose_language(before)


def evidence(change: Callable[[dict[str, Any]], None] = lambda _: None) -> dict[str, Any]:
    """The golden evidence, changed."""
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())["evidence"]
    change(found)
    return found


def document(found: dict[str, Any]) -> bytes:
    """Evidence as the agent writes it, its digest right again: what a forger can do as well."""
    packed = hashlib.sha256(canonical(found)).hexdigest()
    return canonical({"schema": "acceptance/1", "sha256": packed, "evidence": found})


def passed(found: dict[str, Any]) -> None:
    """A line that carries it: every step as asked."""
    for step in found["steps"]:
        step |= {
            "verdict": "pass", "reasons": [], "loss_ratio": 0.0,
            "received_ip_mbps": step["asked_ip_mbps"], "received_mbps": step["asked_mbps"],
        }  # fmt: skip
    found |= {"verdict": "pass", "reasons": []}


def limited(found: dict[str, Any]) -> None:
    """A port of 100 Mb/s: nothing was sent."""
    for name in ("steps", "tcp", "base_rtt", "path_mtu", "readings"):
        del found[name]
    found["port"]["speed_mbps"] = 100
    found["parts"] = [{"name": "port", "verdict": "probe_limited", "reasons": ["port_too_slow"]}]
    found |= {"verdict": "probe_limited", "reasons": ["port_too_slow"], "findings": []}


def refused(found: dict[str, Any]) -> None:
    """A far end that refuses: two steps were tried."""
    for at, step in enumerate(found["steps"]):
        for name in (
            "received_ip_mbps",
            "received_mbps",
            "loss_ratio",
            "rtt_p95_ms",
            "delay_variation_ms",
            "measured_s",
        ):
            step.pop(name, None)
        step |= {"verdict": "insufficient", "reasons": ["not_measured", "far_end_busy"] if at < 2 else ["not_reached"]}
    del found["tcp"]
    found |= {"verdict": "insufficient", "reasons": ["not_measured", "far_end_busy", "not_reached"]}


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """sites.toml."""
    file = tmp_path / "sites.toml"
    file.write_text(REGISTRY, encoding="utf-8")
    return file


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """What `doxa agent accept --output` wrote."""
    file = tmp_path / "result.json"
    file.write_bytes(document(evidence()) + b"\n")
    return file


@pytest.fixture
def agent_file(tmp_path: Path) -> Path:
    """agent.toml, as far as this room reads it."""
    file = tmp_path / "agent.toml"
    file.write_text('site = "xa-dong-dang"\nagent = "px-1"\n', encoding="utf-8")
    return file


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path | None, int], Path]:
    """Puts a child in the agent's place that leaves this result and ends with this code; where its arguments are kept."""

    def place(result: Path | None, code: int) -> Path:
        log = tmp_path / "arguments.json"
        script = STAND_IN.format(log=str(log), result=str(result) if result else "", code=code)
        monkeypatch.setattr(running, "AGENT", (sys.executable, "-c", script))
        return log

    return place
