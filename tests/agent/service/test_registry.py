"""The directory of meters is their registry: found by name, loaded when asked for, checked against the contract."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doxa_agent import meters
from doxa_core.errors import InputError, OperationError
from doxa_core.names import is_value_name

SOUND = """
from doxa_core.language import Text
METHOD = "trial/1"
TITLE = Text(vi="thử", en="trial")
HEAVY = False
VALUES = {"rtt_p50_ms": Text(vi="trung vị", en="median")}
def read_options(table): return None
def seconds(options, far_ends): return 1.0
def measure(request): return []
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second folder of meters, in front of the real one."""
    monkeypatch.setattr(meters, "__path__", [str(tmp_path), *meters.__path__])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("doxa_agent.meters."):
            del sys.modules[name]
            delattr(meters, name.rpartition(".")[2])


def test_every_meter_in_the_folder_keeps_the_contract() -> None:
    """No list of kinds here: whatever lies in the folder is held to the contract."""
    assert meters.kinds() == sorted(meters.kinds())
    assert meters.kinds()
    for kind in meters.kinds():
        meter = meters.load(kind)
        assert meter.kind == kind
        assert meter.method.startswith(f"{kind}/")
        assert all(is_value_name(name) and text.vi and text.en for name, text in meter.values.items())


def test_a_file_dropped_into_the_folder_is_a_meter_and_an_underscore_hides_one(shelf: Path) -> None:
    (shelf / "trial.py").write_text(SOUND)
    (shelf / "_parts.py").write_text("")
    assert "trial" in meters.kinds()
    assert "_parts" not in meters.kinds()
    assert meters.load("trial").method == "trial/1"


def test_listing_imports_nothing() -> None:
    code = "import sys; from doxa_agent import meters; meters.kinds(); print([m for m in sys.modules if 'doxa_agent.meters.' in m])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_unknown_kind_is_refused_with_a_near_one() -> None:
    with pytest.raises(InputError) as caught:
        meters.load("latensy", "plan.toml: task.x.meter")
    assert caught.value.where == "plan.toml: task.x.meter"
    assert "did you mean 'latency'?" in caught.value.text.en
    assert "có phải ý bạn là «latency»?" in caught.value.text.vi


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def (", "SyntaxError"),
        (SOUND.replace("HEAVY = False", ""), "HEAVY is missing or of the wrong type"),
        (SOUND.replace('METHOD = "trial/1"', "METHOD = 1"), "METHOD is missing or of the wrong type"),
        (SOUND.replace("def measure(request): return []", ""), "measure is missing or of the wrong type"),
        (SOUND.replace("rtt_p50_ms", "rtt_p50"), "VALUES: 'rtt_p50' does not end in a unit"),
    ],
)
def test_a_broken_file_fails_under_its_own_name_alone(text: str, why: str, shelf: Path) -> None:
    (shelf / "trial.py").write_text(text)
    with pytest.raises(OperationError) as caught:
        meters.load("trial")
    assert "'trial'" in caught.value.text.en
    assert why in caught.value.text.en
    assert meters.load("latency").kind == "latency"
