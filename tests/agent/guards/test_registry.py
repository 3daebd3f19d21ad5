"""The registry of guards: the folder decides, and a broken guard ends nothing."""

from pathlib import Path

import pytest

from doxa_agent import guards
from doxa_agent.guard import Effect, Finding
from doxa_agent.meter import Link
from doxa_core.errors import OperationError
from doxa_core.linkkind import LinkKind
from doxa_core.names import CODE

LINK = Link(name="office", kind=LinkKind.FIXED, interface="lo")
HEAD = """
from doxa_agent.guard import Effect, Finding
from doxa_core.language import Text
TITLE = Text(vi="thử", en="trial")
FINDINGS = {"busy_line": Text(vi="bận", en="busy")}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second folder of guards beside the real one."""
    monkeypatch.setattr(guards, "__path__", [*guards.__path__, str(tmp_path)])
    return tmp_path


@pytest.mark.parametrize("name", guards.names())
def test_every_guard_of_the_folder_keeps_the_contract(name: str) -> None:
    guard = guards.load(name)
    assert guard.title.vi
    assert guard.title.en
    for code, text in guard.findings.items():
        assert CODE.fullmatch(code)
        assert text.vi != text.en
    declared = set(guard.findings)
    assert {finding.code for finding in guard.look(LINK, heavy=True)} <= declared


def test_a_new_file_is_a_new_guard_and_looks_with_the_others(folder: Path) -> None:
    (folder / "trial_one.py").write_text(
        HEAD
        + "def look(link, *, heavy):\n    return [Finding(code='busy_line', effect=Effect.REFUSE)] if heavy else []\n"
    )
    (folder / "_not_one.py").write_text("raise SystemExit")
    assert "trial_one" in guards.names()
    assert "_not_one" not in guards.names()
    found = guards.look_all(LINK, True)
    assert Finding(code="busy_line", effect=Effect.REFUSE) in found
    assert guards.refusals(found) == ("busy_line",)
    assert "busy_line" not in guards.codes(found)
    assert guards.refusals(guards.look_all(LINK, False)) == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trial_syntax", "def look("),
        ("trial_empty", ""),
        ("trial_code", HEAD.replace("busy_line", "Busy Line") + "def look(link, *, heavy): return []"),
    ],
)
def test_a_broken_file_fails_under_its_own_name(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text)
    with pytest.raises(OperationError) as error:
        guards.load(name)
    assert name in error.value.text.vi
    assert "\n" not in str(error.value)


def test_a_guard_that_raises_is_a_finding_and_the_others_still_look(folder: Path) -> None:
    (folder / "trial_raise.py").write_text(HEAD + "def look(link, *, heavy):\n    raise ValueError(7)\n")
    (folder / "trial_well.py").write_text(HEAD + "def look(link, *, heavy):\n    return [Finding(code='busy_line')]\n")
    found = guards.look_all(LINK, True, among=["trial_raise", "trial_well"])
    assert found == [Finding(code="guard_fault_trial_raise"), Finding(code="busy_line")]


def test_the_same_finding_of_two_guards_stands_once(folder: Path) -> None:
    for name in ("trial_twin", "trial_twain"):
        (folder / f"{name}.py").write_text(HEAD + "def look(link, *, heavy):\n    return [Finding(code='busy_line')]\n")
    assert guards.look_all(LINK, False, among=["trial_twin", "trial_twain"]) == [Finding(code="busy_line")]
