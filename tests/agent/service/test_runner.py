"""One run of a task, whatever the meter does, is measurements in the spool that say what happened."""

import fcntl
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doxa_agent import runner as module
from doxa_agent.config import Settings
from doxa_agent.guard import Effect, Finding, Turn, Verdict
from doxa_agent.lane import HeavyLane
from doxa_agent.meter import Deadline, Reading, Request
from doxa_agent.plan import Task
from doxa_agent.runner import Runner
from doxa_agent.shelf import Shelf
from doxa_core.errors import OperationError
from doxa_core.measurement import LinkProof, Measurement, decode
from doxa_core.outcome import Outcome

MakeTask = Callable[..., Task]
Until = Callable[..., None]
Pause = Callable[[float], bool]


@pytest.fixture
def settings(folder: Any) -> Settings:
    found: Settings = folder.settings()
    return found


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    found = Shelf(None, owner="s/a", max_rows=1000, max_bytes=10**7)
    yield found
    found.close()


@pytest.fixture
def make_runner(settings: Settings, shelf: Shelf) -> Iterator[Callable[..., Runner]]:
    made: list[Runner] = []
    lock = threading.Lock()

    def keep(build: Callable[[str, int], bytes]) -> object:
        with lock:
            return shelf.add(build)

    def make(**keys: Any) -> Runner:
        found = Runner(keys.pop("settings", settings), keep, **({"look": quiet, "watch": nobody, "judge": fine} | keys))
        made.append(found)
        return found

    yield make
    for one in made:
        one.stop(5)


@pytest.fixture
def run(make_runner: Callable[..., Runner]) -> Runner:
    return make_runner()


class Nobody:
    """No guard watches."""

    def end(self) -> tuple[list[Verdict], list[str]]:
        return [], []


def nobody(_turn: Turn) -> Nobody:
    return Nobody()


def quiet(_turn: Turn, _pause: Pause) -> list[Finding]:
    return []


def fine(_turn: Turn, _reading: Reading) -> Verdict:
    return Verdict()


def finds(*findings: Finding) -> Callable[[Turn, Pause], list[Finding]]:
    return lambda _turn, _pause: list(findings)


def kept(shelf: Shelf) -> list[Measurement]:
    return [decode(row.line) for row in shelf.peek(0, 1000, 10**9)]


def ok(request: Request[Any]) -> list[Reading]:
    return [Reading(outcome=Outcome.OK, far_end="here", family=4, values={"rtt_p50_ms": 1.5})]


def test_a_reading_becomes_a_measurement_with_identity_time_and_clock(
    run: Runner, shelf: Shelf, make_task: MakeTask
) -> None:
    before = time.monotonic()
    (made,) = run.run(make_task(ok))
    assert kept(shelf) == [made]
    assert (made.site, made.agent, made.task, made.meter, made.method) == (
        "xa-dong-dang",
        "px-1",
        "t",
        "made",
        "made/1",
    )
    assert (made.link, made.far_end, made.family, made.values) == ("internet", "here", 4, {"rtt_p50_ms": 1.5})
    assert (made.epoch, made.seq) == (shelf.epoch, 1)
    assert before <= made.monotonic_s + 1e-5 <= time.monotonic() + 1e-5
    assert 0 <= made.duration_s < 5
    assert made.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_each_far_end_is_a_measurement_of_its_own_with_the_same_start(
    run: Runner, shelf: Shelf, make_task: MakeTask
) -> None:
    def two(_request: Request[Any]) -> list[Reading]:
        proof = LinkProof(interface="lo", source="127.0.0.1")
        return [Reading(outcome=Outcome.OK, far_end=name, proof=proof) for name in ("a", "b")]

    found = run.run(make_task(two))
    assert [(m.far_end, m.seq) for m in found] == [("a", 1), ("b", 2)]
    assert len({(m.started, m.monotonic_s) for m in found}) == 1


def test_the_meter_gets_the_link_the_far_ends_and_a_deadline(run: Runner, make_task: MakeTask) -> None:
    seen: list[Request[Any]] = []

    def look(request: Request[Any]) -> list[Reading]:
        seen.append(request)
        return [Reading(outcome=Outcome.OK)]

    task = replace(make_task(look, worst_s=3), family=6, options="mine")
    (made,) = run.run(task)
    (request,) = seen
    assert (request.link, request.far_ends, request.family, request.options) == (task.link, task.far_ends, 6, "mine")
    assert 3 < request.deadline.left_s <= 4  # worst case + margin of the test's settings
    assert made.far_end == "here"  # the only one there is


def test_an_exception_in_a_meter_is_our_own_error_and_named(
    run: Runner, make_task: MakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    def burst(_request: Request[Any]) -> list[Reading]:
        raise ZeroDivisionError("by\nnothing")

    (made,) = run.run(make_task(burst))
    assert (made.outcome, made.reasons) == (Outcome.ERROR, ("exception",))
    assert made.detail["exception"] == "ZeroDivisionError"
    assert made.detail["text"] == "by\nnothing"
    assert made.detail["at"].startswith("test_runner.py:")
    assert len(caplog.records) == 1
    assert "ZeroDivisionError: by nothing" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("returned", [[], None])
def test_a_meter_that_says_nothing_is_an_error_not_silence(returned: Any, run: Runner, make_task: MakeTask) -> None:
    (made,) = run.run(make_task(lambda _request: returned))
    assert (made.outcome, made.reasons) == (Outcome.ERROR, ("no_reading",))


BAD_READINGS = [
    Reading(outcome=Outcome.OK, values={"rtt_p50_ms": math.nan}),
    Reading(outcome=Outcome.OK, values={"rtt_p50_ms": math.inf}),
    Reading(outcome=Outcome.OK, values={"rtt_p50": 1.0}),
    Reading(outcome=Outcome.OK, values={"loss_ratio": 1.5}),
    Reading(outcome=Outcome.FAILED, reasons=("No Reply",)),
    Reading(outcome=Outcome.OK, detail={"samples": [0] * 60_000}),
    Reading(outcome=Outcome.OK, detail={"what": object()}),
    Reading(outcome=Outcome.OK, values=None),  # type: ignore[arg-type]
    Reading(outcome="well"),  # type: ignore[arg-type]
    Reading(outcome=Outcome.OK, family=5),
    Reading(outcome=Outcome.OK, far_end="x" * 500),
]


@pytest.mark.parametrize("number", range(len(BAD_READINGS)))
def test_a_reading_that_the_contract_refuses_is_kept_as_bad_reading(
    number: int, run: Runner, shelf: Shelf, make_task: MakeTask
) -> None:
    good = Reading(outcome=Outcome.OK, far_end="second")
    found = run.run(make_task(lambda _request: [BAD_READINGS[number], good]))
    assert [(m.outcome, m.reasons) for m in found] == [(Outcome.ERROR, ("bad_reading",)), (Outcome.OK, ())]
    assert kept(shelf) == found
    assert found[0].detail["text"]


def test_a_value_that_nobody_declared_is_kept_and_marked(run: Runner, make_task: MakeTask) -> None:
    (made,) = run.run(make_task(lambda _request: [Reading(outcome=Outcome.OK, values={"surprise_ms": 1.0})]))
    assert made.values == {"surprise_ms": 1.0}
    assert made.findings == ("undeclared_value",)


def test_a_run_past_its_deadline_is_cut_off_and_an_error(run: Runner, make_task: MakeTask) -> None:
    def slow(request: Request[Any]) -> list[Reading]:
        while request.deadline.wait(60):
            pass
        return ok(request)

    (made,) = run.run(make_task(slow, worst_s=0.1))
    assert (made.outcome, made.reasons, made.values) == (Outcome.ERROR, ("deadline",), {})
    assert made.detail["came_back"] is True
    assert made.duration_s >= 1.1  # worst case + margin


def test_a_meter_that_never_comes_back_is_given_up_and_its_line_stays_closed(
    run: Runner, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    """A heavy test that still loads the line must not be joined by the next one."""
    monkeypatch.setattr(module, "GRACE_S", 0.1)
    free = threading.Event()

    def stuck(_request: Request[Any]) -> list[Reading]:
        free.wait(60)
        return []

    (made,) = run.run(make_task(stuck, worst_s=0.1, heavy=True))
    assert (made.reasons, made.detail["came_back"]) == (("deadline",), False)
    assert run.hung == 1
    (second,) = run.run(make_task(ok, heavy=True, every_s=0.3))
    assert (second.outcome, second.reasons) == (Outcome.SKIPPED, ("busy",))
    free.set()
    until(lambda: run.hung == 0)
    assert run.run(make_task(ok, heavy=True))[0].outcome is Outcome.OK


def test_a_guard_that_refuses_makes_a_skipped_measurement_and_notes_go_along(
    make_runner: Callable[..., Runner], make_task: MakeTask
) -> None:
    called: list[tuple[str, bool]] = []

    def look(turn: Turn, _pause: Pause) -> list[Finding]:
        called.append((turn.link.name, turn.heavy))
        return [Finding(code="cross_traffic", effect=Effect.REFUSE), Finding(code="clock_unsynchronised")]

    (made,) = make_runner(look=look).run(make_task(lambda _request: pytest.fail("it must not run"), heavy=True))
    assert (made.outcome, made.reasons, made.findings) == (
        Outcome.SKIPPED, ("cross_traffic",), ("clock_unsynchronised",)
    )  # fmt: skip
    assert called == [("internet", True)]

    (made,) = make_runner(look=finds(Finding(code="nic_fast_ethernet", effect=Effect.LIMIT))).run(make_task(ok))
    assert (made.outcome, made.findings) == (Outcome.OK, ("nic_fast_ethernet",))


def test_a_heavy_run_that_the_probe_limited_says_so_and_others_are_not_asked(
    make_runner: Callable[..., Runner], make_task: MakeTask
) -> None:
    asked: list[tuple[str, float]] = []

    def judge(turn: Turn, reading: Reading) -> Verdict:
        asked.append((turn.link.name, reading.values.get("rtt_p50_ms", 0.0)))
        return Verdict(limits=("nic_fast_ethernet",), detail={"port_mbps": 100})

    runner = make_runner(judge=judge)
    (made,) = runner.run(make_task(ok, heavy=True))
    assert (made.outcome, made.reasons, made.values) == (
        Outcome.PROBE_LIMITED, ("nic_fast_ethernet",), {"rtt_p50_ms": 1.5}
    )  # fmt: skip
    assert made.detail == {"guards": {"port_mbps": 100}}
    assert asked == [("internet", 1.5)]
    failed = Reading(outcome=Outcome.FAILED, reasons=("refused",))
    assert runner.run(make_task(lambda _request: [failed], heavy=True))[0].outcome is Outcome.FAILED
    assert runner.run(make_task(ok))[0].outcome is Outcome.OK
    assert len(asked) == 2, "the figures of a light run are not the guards' matter"
    (made,) = make_runner().run(make_task(ok, heavy=True))
    assert (made.outcome, made.reasons) == (Outcome.OK, ())


def test_a_refused_heavy_run_leaves_the_line_free(make_runner: Callable[..., Runner], make_task: MakeTask) -> None:
    answers = [[Finding(code="cross_traffic", effect=Effect.REFUSE)], []]
    runner = make_runner(look=lambda _turn, _pause: answers.pop(0))
    task = make_task(ok, heavy=True)
    assert [runner.run(task)[0].outcome for _ in range(2)] == [Outcome.SKIPPED, Outcome.OK]


class Overlap:
    """A meter that notices when it is not alone."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request[Any]) -> list[Reading]:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.1)
        with self._lock:
            self.now -= 1
        return ok(request)


def test_heavy_runs_are_one_after_the_other_and_light_ones_beside_each_other(
    run: Runner, shelf: Shelf, make_task: MakeTask, until: Until
) -> None:
    heavy, light = Overlap(), Overlap()
    for n in range(4):
        run.start(make_task(heavy, heavy=True, name=f"h{n}"))
        run.start(make_task(light, name=f"l{n}"))
    until(lambda: shelf.totals()[0] == 8)
    assert heavy.most == 1
    assert light.most >= 2


def test_agents_of_one_machine_share_the_heavy_lane(
    make_runner: Callable[..., Runner],
    settings: Settings,
    shelf: Shelf,
    make_task: MakeTask,
    tmp_path: Path,
    until: Until,
) -> None:
    overlap = Overlap()
    shared = replace(settings, runner=replace(settings.runner, heavy_lock=tmp_path / "heavy.lock"))
    for _ in range(4):
        make_runner(settings=shared).start(make_task(overlap, heavy=True))
    until(lambda: shelf.totals()[0] == 4)
    assert overlap.most == 1


def test_a_line_that_stays_busy_is_a_skipped_measurement(
    make_runner: Callable[..., Runner], settings: Settings, make_task: MakeTask, tmp_path: Path
) -> None:
    """Another process holds the lock; flock(2) of a second open file conflicts within one process, too."""
    file = tmp_path / "heavy.lock"
    shared = replace(settings, runner=replace(settings.runner, heavy_lock=file, heavy_wait_s=0.5))
    with file.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        (made,) = make_runner(settings=shared).run(make_task(ok, heavy=True))
    assert (made.outcome, made.reasons) == (Outcome.SKIPPED, ("busy",))


def test_an_unusable_lock_file_is_our_error_with_a_sentence(
    make_runner: Callable[..., Runner], settings: Settings, make_task: MakeTask, tmp_path: Path
) -> None:
    shared = replace(settings, runner=replace(settings.runner, heavy_lock=tmp_path / "no" / "heavy.lock"))
    (made,) = make_runner(settings=shared).run(make_task(ok, heavy=True))
    assert (made.outcome, made.reasons) == (Outcome.ERROR, ("lock_unusable",))
    with pytest.raises(OperationError, match="heavy_lock"):
        HeavyLane(tmp_path / "no" / "heavy.lock").enter(Deadline(1))


def test_a_run_that_has_not_ended_is_not_joined_by_a_second(
    run: Runner, shelf: Shelf, make_task: MakeTask, until: Until
) -> None:
    free = threading.Event()

    def slow(request: Request[Any]) -> list[Reading]:
        free.wait(20)
        return ok(request)

    task = make_task(slow)
    run.start(task)
    run.start(task)
    until(lambda: shelf.totals()[0] == 1)
    assert (kept(shelf)[0].outcome, kept(shelf)[0].reasons) == (Outcome.SKIPPED, ("still_running",))
    assert run.busy == ["t"]
    free.set()
    until(lambda: shelf.totals()[0] == 2)


def test_stopping_cuts_runs_off_and_says_so(run: Runner, shelf: Shelf, make_task: MakeTask, until: Until) -> None:
    begun = threading.Event()

    def slow(request: Request[Any]) -> list[Reading]:
        begun.set()
        while request.deadline.wait(60):
            pass
        return ok(request)

    run.start(make_task(slow, worst_s=600, heavy=True, name="first"))
    begun.wait(10)
    run.start(make_task(slow, worst_s=600, heavy=True, name="second"))
    run.stop(20)
    assert {(m.task, m.outcome, m.reasons) for m in kept(shelf)} == {
        ("first", Outcome.SKIPPED, ("stopped",)), ("second", Outcome.SKIPPED, ("stopped",))
    }  # fmt: skip
    run.start(make_task(ok))
    assert shelf.totals()[0] == 2


def test_a_fault_of_the_runner_itself_is_one_line_in_the_log(
    settings: Settings, make_task: MakeTask, caplog: pytest.LogCaptureFixture, until: Until
) -> None:
    def keep(build: object) -> None:
        raise RuntimeError("no place")

    caplog.set_level(logging.ERROR)
    runner = Runner(settings, keep, look=quiet)
    runner.start(make_task(ok))
    until(lambda: "RuntimeError: no place" in caplog.text)
    runner.stop(5)
