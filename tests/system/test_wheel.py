"""The built wheel in a clean environment: with `[agent]` alone the agent's own tests pass, and no collector library is there."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = (
    "speedtest-cli",
    "h2",
    "pytest",
    "pytest-randomly",
    "pytest-rerunfailures",
    "pytest-timeout",
    "pytest-xdist",
    "hypothesis",
)


def run(*command: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    found = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert found.returncode == 0, f"{command}\n{found.stdout[-6000:]}\n{found.stderr[-3000:]}"
    return found  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what git would give a stranger (tracked files only)."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, names):
        path = source / name.decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name.decode()).is_file():
            path.write_bytes((ROOT / name.decode()).read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, source)
    return next(out.glob("doxa-*.whl"))


@pytest.fixture(scope="module")
def probe(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment as on a probe, and the path of its Python."""
    home = tmp_path_factory.mktemp("probe")
    venv.create(home, with_pip=True, symlinks=True)
    python = home / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt")
    run(*pip, f"{wheel}[agent]")
    run(*pip, *TOOLS)
    return python


@pytest.mark.slow
@pytest.mark.server
def test_a_probe_installs_no_library_of_the_collector(probe: Path) -> None:
    names = run(probe, "-m", "pip", "list", "--format=freeze").stdout.lower()
    assert "paho-mqtt" in names
    assert [
        n for n in ("sqlalchemy", "influxdb", "starlette", "uvicorn", "jinja2", "scapy", "amqtt") if n in names
    ] == []


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.root
@pytest.mark.flaky(reruns=0)  # what fails inside is repeated there, alone
def test_the_tests_of_core_and_agent_pass_on_the_wheel_without_the_sources(probe: Path, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    for name in ("conftest.py", "core", "agent"):
        (tmp_path / "tests" / name).symlink_to(ROOT / "tests" / name)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    # What is asked here is whether the wheel holds every module and every data file.
    clean["DOXA_TEST_ONE_OF_EACH"] = "1"
    found = run(
        probe, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", f"--rootdir={tmp_path}", "-m", "not slow and not alone and not root and not server", "-n", "2", "--assert=plain", "--reruns", "2", "--reruns-delay", "3", "--hypothesis-profile=once",
        tmp_path / "tests" / "core", tmp_path / "tests" / "agent", cwd=tmp_path, env=clean,
    )  # fmt: skip
    assert "passed" in found.stdout


@pytest.mark.slow
def test_a_group_whose_extra_is_missing_prints_the_line_that_installs_it(probe: Path) -> None:
    found = subprocess.run(
        [probe, "-m", "doxa_core", "collector", "check"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert "pip install 'doxa[collector]'" in found.stderr


@pytest.mark.slow
def test_the_wheel_carries_the_plans_and_works_from_anywhere(probe: Path, tmp_path: Path) -> None:
    assert "Hồng Phong" in run(probe, "-m", "doxa_core", "plan", "list", cwd=tmp_path).stdout
