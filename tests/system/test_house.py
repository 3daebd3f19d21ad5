"""The house itself: what may know what, what the wheel holds, what a commit may not hold."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    found = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in found.decode().split("\0") if name]


def test_the_direction_of_imports_is_that_of_the_design() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("doxa_core.measurement", "doxa_agent doxa_collector paho"),
        (
            "doxa_agent.service",
            "scapy sqlalchemy influxdb_client starlette uvicorn jinja2 asyncio doxa_collector doxa_lab",
        ),
        ("doxa_agent.responder.cli", "scapy sqlalchemy paho asyncio doxa_collector doxa_lab"),
        ("doxa_collector.intake", "scapy icmplib doxa_agent doxa_lab"),
    ],
)
def test_importing_a_room_loads_nothing_of_the_others(module: str, forbidden: str) -> None:
    code = f"import sys, {module}; print([m for m in '{forbidden}'.split() if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_locked_versions_name_no_index_host() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [d for extra in project["project"]["optional-dependencies"].values() for d in extra] + project[
        "dependency-groups"
    ]["dev"]
    locked = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    names = {re.split(r"[\[<>=]", d)[0].lower().replace("_", "-") for d in wanted} - {"doxa"}
    assert names - locked == set()


def test_no_commit_holds_a_machine_path_or_a_private_key() -> None:
    bad = re.compile(r"/work/|/root/\.|/home/[a-z]+/|BEGIN [A-Z ]*PRIVATE " + "KEY")
    texts = [p for p in tracked() if p.suffix != ".png" and p.is_file()]
    found = {p.relative_to(ROOT): bad.findall(p.read_text(encoding="utf-8")) for p in texts if p != Path(__file__)}
    assert {p: hits for p, hits in found.items() if hits} == {}


def test_every_module_says_in_one_sentence_what_it_is_for() -> None:
    missing = [
        p.relative_to(ROOT)
        for p in tracked("core/*.py", "agent/*.py", "collector/*.py", "dashboards/*.py", "lab/*.py")
        if not p.read_text(encoding="utf-8").lstrip().startswith('"""')
    ]
    assert missing == []


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    bad = re.compile(r"pytest\.(?:skip|importorskip|xfail)\(|mark\.(?:skip|skipif|xfail)")
    assert [
        p.name for p in tracked("tests/*.py") if p != Path(__file__) and bad.search(p.read_text(encoding="utf-8"))
    ] == []


def test_every_test_that_make_test_quick_leaves_out_exists() -> None:
    """Those that took 0.3 s of processor time or 0.9 s, three at a time on two cores; files whose fixtures take seconds."""
    for line in (ROOT / "tests/not-quick.txt").read_text(encoding="utf-8").splitlines():
        file, _, name = line.removeprefix("--deselect=").partition("::")
        assert (f"\ndef {name}(" if name else "") in (ROOT / file).read_text(encoding="utf-8"), line


def test_no_installed_package_overwrites_files_of_another() -> None:
    """As urllib3-future does with urllib3's (ADR 0022): whoever imports the one gets the other, and nobody is told."""
    owners: dict[str, set[str]] = {}
    for found in metadata.distributions():
        for file in found.files or ():
            if file.suffix == ".py":
                owners.setdefault(str(file), set()).add(found.metadata["Name"].lower())
    assert len(owners) > 1000
    assert {file: names for file, names in owners.items() if len(names) > 1} == {}
