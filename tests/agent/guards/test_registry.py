"""The registry of guards: the folder decides, and a broken guard ends nothing."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from doxa_agent import guards
from doxa_agent.guard import Effect, Finding, GuardSettings, Turn, Verdict
from doxa_agent.meter import Link, Reading
from doxa_core.errors import OperationError
from doxa_core.linkkind import LinkKind
from doxa_core.names import CODE
from doxa_core.outcome import Outcome

LINK = Link(name="office", kind=LinkKind.FIXED, interface="lo")
HEAVY = Turn(link=LINK, heavy=True)
LIGHT = Turn(link=LINK, heavy=False)
READING = Reading(outcome=Outcome.OK)


def only(*wanted: str) -> Turn:
    """A heavy turn at which nobody else is asked."""
    off = tuple(name for name in guards.names() if name not in wanted)
    return Turn(link=LINK, heavy=True, settings=GuardSettings(off=off))


def at_once(_seconds: float) -> bool:
    return True


HEAD = """
from doxa_agent.guard import Effect, Finding, GuardSettings, Turn, Verdict
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
    assert {finding.code for finding in guard.look(HEAVY)} <= declared


def test_a_new_file_is_a_new_guard_and_looks_with_the_others(folder: Path) -> None:
    (folder / "trial_one.py").write_text(
        HEAD + "def look(turn):\n    return [Finding(code='busy_line', effect=Effect.REFUSE)] if turn.heavy else []\n"
    )
    (folder / "_not_one.py").write_text("raise SystemExit")
    assert "trial_one" in guards.names()
    assert "_not_one" not in guards.names()
    found = guards.look_all(HEAVY, at_once)
    assert Finding(code="busy_line", effect=Effect.REFUSE) in found
    assert guards.refusals(found) == ("busy_line",)
    assert "busy_line" not in guards.codes(found)
    assert guards.refusals(guards.look_all(LIGHT, at_once)) == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trial_syntax", "def look("),
        ("trial_empty", ""),
        ("trial_code", HEAD.replace("busy_line", "Busy Line") + "def look(turn): return []"),
    ],
)
def test_a_broken_file_fails_under_its_own_name(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text)
    with pytest.raises(OperationError) as error:
        guards.load(name)
    assert name in error.value.text.vi
    assert "\n" not in str(error.value)


def test_a_guard_that_raises_is_a_finding_and_the_others_still_look(folder: Path) -> None:
    (folder / "trial_raise.py").write_text(HEAD + "def look(turn):\n    raise ValueError(7)\n")
    (folder / "trial_well.py").write_text(HEAD + "def look(turn):\n    return [Finding(code='busy_line')]\n")
    found = guards.look_all(only("trial_raise", "trial_well"), at_once)
    assert found == [Finding(code="busy_line"), Finding(code="guard_fault_trial_raise")]


def test_the_same_finding_of_two_guards_stands_once(folder: Path) -> None:
    for name in ("trial_twin", "trial_twain"):
        (folder / f"{name}.py").write_text(HEAD + "def look(turn):\n    return [Finding(code='busy_line')]\n")
    assert guards.look_all(only("trial_twin", "trial_twain"), at_once) == [Finding(code="busy_line")]


WATCHFUL = (
    HEAD
    + """
from doxa_agent.guard import Verdict
class Seen:
    ticks = 0
    def tick(self):
        Seen.ticks += 1
        if BREAKS: raise KeyError("tick")
    def end(self):
        return [Finding(code="busy_line", effect=Effect.DEFER)]
class Told(Seen):
    def end(self):
        return Verdict(findings=("busy_line",), limits=("busy_line",), detail={"ticks": Seen.ticks})
def look(turn):
    return []
def before(turn):
    return Seen()
def during(turn):
    return Told()
def judge(turn, reading):
    return Verdict(impossible=("x_mbps",))
"""
)


def test_a_guard_watches_before_and_during_a_heavy_run_and_judges_after_it(folder: Path) -> None:
    (folder / "trial_watch.py").write_text(WATCHFUL.replace("BREAKS", "False"))
    turn, slept = only("trial_watch"), list[float]()

    def pause(seconds: float) -> bool:
        slept.append(seconds)
        return True

    found = guards.look_all(turn, pause)
    assert guards.deferrals(found) == ("busy_line",)
    assert slept == [5.0]
    watching = guards.watch_all(turn)
    time.sleep(0.6)
    verdicts, faults = watching.end()
    whole = guards.together([*verdicts, guards.judge_all(turn, READING)], faults)
    assert (whole.findings, whole.limits, whole.impossible) == (("busy_line",), ("busy_line",), ("x_mbps",))
    assert whole.detail["ticks"] >= 1


def test_a_light_run_is_not_kept_waiting(folder: Path) -> None:
    (folder / "trial_watch.py").write_text(WATCHFUL.replace("BREAKS", "False"))
    turn = replace(only("trial_watch"), heavy=False)
    assert guards.look_all(turn, lambda _seconds: pytest.fail("nobody waits")) == []


def test_a_stop_during_the_look_leaves_out_what_was_not_seen(folder: Path) -> None:
    (folder / "trial_watch.py").write_text(WATCHFUL.replace("BREAKS", "False"))
    assert guards.look_all(only("trial_watch"), lambda _seconds: False) == []


def test_a_watch_that_breaks_is_a_finding_and_the_run_keeps_its_figures(folder: Path) -> None:
    (folder / "trial_breaks.py").write_text(WATCHFUL.replace("BREAKS", "True"))
    watching = guards.watch_all(only("trial_breaks"))
    time.sleep(0.6)
    verdicts, faults = watching.end()
    assert guards.together(verdicts, faults).findings == ("busy_line", "guard_fault_trial_breaks")
    assert guards.together([Verdict()], []) == Verdict()
