"""A heavy run that has to wait: for a quiet line, for a far end that is busy, within a month's volume."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from doxa_agent.config import Settings
from doxa_agent.guard import Effect, Finding, GuardSettings, Turn, Verdict
from doxa_agent.meter import Deadline, FarEnd, Reading, Request
from doxa_agent.net import heavy
from doxa_agent.runner import Runner
from doxa_agent.shelf import Shelf
from doxa_core.measurement import Measurement, decode
from doxa_core.outcome import Outcome

Until = Callable[..., None]
BUSY = Finding(code="cross_traffic", effect=Effect.DEFER)
NOTE = Finding(code="clock_unsynchronised")


class Guards:
    """Guards that give one answer after the other, the last one for ever."""

    def __init__(self, *answers: list[Finding]) -> None:
        self.answers = list(answers)
        self.turns: list[Turn] = []

    def __call__(self, turn: Turn, _pause: object) -> list[Finding]:
        self.turns.append(turn)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Nobody:
    def end(self) -> tuple[list[Verdict], list[str]]:
        return [], []


@pytest.fixture
def settings(folder: Any) -> Settings:
    found: Settings = folder.settings()
    return replace(found, guards=GuardSettings(defer_look_s=0.1))


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

    def make(look: Guards, *, using: Settings = settings) -> Runner:
        judge: Callable[[Turn, Reading], Verdict] = lambda _turn, _reading: Verdict()  # noqa: E731 - nobody judges
        found = Runner(using, keep, look=look, watch=lambda _turn: Nobody(), judge=judge)
        made.append(found)
        return found

    yield make
    for one in made:
        one.stop(5)


def kept(shelf: Shelf) -> list[Measurement]:
    return [decode(row.line) for row in shelf.peek(0, 1000, 10**9)]


def ok(_request: Request[Any]) -> list[Reading]:
    return [Reading(outcome=Outcome.OK, far_end="here")]


def busy_once(wait_s: float = 0.1) -> Callable[[Request[Any]], list[Reading]]:
    """A far end that says once when to come back."""
    asked: list[tuple[str, ...]] = []

    def measure(request: Request[Any]) -> list[Reading]:
        asked.append(tuple(far.name for far in request.far_ends))
        if len(asked) > 1:
            return [Reading(outcome=Outcome.OK, far_end=name) for name in asked[-1]]
        busy = Reading(outcome=Outcome.SKIPPED, far_end="here", reasons=("far_end_busy",), retry_after_s=wait_s)
        return [busy, *(Reading(outcome=Outcome.OK, far_end=name) for name in asked[0] if name != "here")]

    return measure


def test_a_line_that_becomes_quiet_is_measured_and_the_wait_is_told(make_runner: Any, make_task: Any) -> None:
    guards = Guards([BUSY], [BUSY], [NOTE])
    (made,) = make_runner(guards).run(make_task(ok, heavy=True))
    assert (made.outcome, made.findings) == (Outcome.OK, ("clock_unsynchronised",))
    assert 0.1 <= made.detail["deferred_s"] < 30
    assert len(guards.turns) == 3


def test_a_line_that_stays_busy_until_patience_ends_is_skipped(
    make_runner: Any, make_task: Any, settings: Settings
) -> None:
    short = replace(settings, guards=replace(settings.guards, defer_max_s=0.5))
    task = make_task(lambda _request: pytest.fail("it must not run"), heavy=True)
    (made,) = make_runner(Guards([BUSY, NOTE]), using=short).run(task)
    assert (made.outcome, made.reasons) == (Outcome.SKIPPED, ("busy", "cross_traffic"))
    assert made.findings == ("clock_unsynchronised",)
    assert made.detail["deferred_s"] >= 0.3


def test_nobody_waits_into_the_tasks_next_turn(make_runner: Any, make_task: Any, settings: Settings) -> None:
    """Its cadence leaves no room beside the run itself."""
    task = make_task(ok, heavy=True, worst_s=5.0, every_s=11.0)
    (made,) = make_runner(Guards([BUSY])).run(task)
    assert (made.outcome, made.reasons) == (Outcome.SKIPPED, ("busy", "cross_traffic"))


def test_a_run_that_waits_does_not_hold_the_line(make_runner: Any, make_task: Any, shelf: Shelf, until: Until) -> None:
    class OnlyOthers(Guards):
        def __call__(self, turn: Turn, pause: object) -> list[Finding]:
            super().__call__(turn, pause)
            return [BUSY] if turn.link.name == "internet" else []

    guards = OnlyOthers([])
    runner = make_runner(guards)
    waiting = make_task(ok, heavy=True, name="waiting")
    other = replace(make_task(ok, heavy=True, name="other"), link=replace(waiting.link, name="second"))
    runner.start(waiting)
    until(lambda: guards.turns)
    assert runner.run(other)[0].outcome is Outcome.OK
    assert runner.busy == ["waiting"]
    assert [m.task for m in kept(shelf)] == ["other"]


def test_a_stop_ends_the_waiting_at_once(make_runner: Any, make_task: Any, shelf: Shelf, until: Until) -> None:
    guards = Guards([BUSY])
    runner = make_runner(guards)
    runner.start(make_task(ok, heavy=True, every_s=3600.0))
    until(lambda: guards.turns)
    runner.stop(20)
    assert [(m.outcome, m.reasons) for m in kept(shelf)] == [(Outcome.SKIPPED, ("stopped",))]


def test_a_stop_ends_the_guards_own_look_at_once(make_runner: Any, make_task: Any, shelf: Shelf, until: Until) -> None:
    looking = threading.Event()

    def look(_turn: Turn, pause: Callable[[float], bool]) -> list[Finding]:
        looking.set()
        assert not pause(600), "cut short"
        return []

    runner = make_runner(look)
    runner.start(make_task(ok, heavy=True))
    looking.wait(10)
    runner.stop(20)
    assert [(m.outcome, m.reasons) for m in kept(shelf)] == [(Outcome.SKIPPED, ("stopped",))]


def test_a_refusal_ends_the_waiting_with_its_own_reason(make_runner: Any, make_task: Any) -> None:
    guards = Guards([BUSY], [BUSY, Finding(code="data_budget", effect=Effect.REFUSE)])
    (made,) = make_runner(guards).run(make_task(ok, heavy=True))
    assert (made.outcome, made.reasons) == (Outcome.SKIPPED, ("data_budget",))


def test_a_light_run_waits_for_nothing(make_runner: Any, make_task: Any) -> None:
    (made,) = make_runner(Guards([BUSY])).run(make_task(ok))
    assert made.outcome is Outcome.OK


def test_a_busy_far_end_is_asked_once_more_when_it_said(make_runner: Any, make_task: Any, shelf: Shelf) -> None:
    found = make_runner(Guards([])).run(make_task(busy_once(), heavy=True))
    assert [(m.outcome, m.far_end, m.detail) for m in found] == [(Outcome.OK, "here", {"far_end_deferrals": 1})]
    assert kept(shelf) == found, "only the final result is kept"


def test_only_the_far_end_that_was_busy_is_asked_again(make_runner: Any, make_task: Any) -> None:
    task = make_task(busy_once(), heavy=True)
    task = replace(task, far_ends=(*task.far_ends, FarEnd(name="there", host="127.0.0.2")))
    found = make_runner(Guards([])).run(task)
    assert [(m.far_end, m.detail) for m in found] == [("there", {}), ("here", {"far_end_deferrals": 1})]


@pytest.mark.parametrize("wait_s", [600.0, float("inf"), float("nan"), -1.0])
def test_a_far_end_that_asks_for_more_than_our_patience_is_told_as_it_is(
    wait_s: float, make_runner: Any, make_task: Any
) -> None:
    (made,) = make_runner(Guards([])).run(make_task(busy_once(wait_s), heavy=True))
    assert (made.outcome, made.reasons, made.detail) == (Outcome.SKIPPED, ("far_end_busy",), {})


def test_a_stop_while_a_far_end_is_waited_for_keeps_what_it_said(
    make_runner: Any, make_task: Any, shelf: Shelf
) -> None:
    runner, told, busy = make_runner(Guards([])), threading.Event(), busy_once(30.0)

    def measure(request: Request[Any]) -> list[Reading]:
        told.set()
        return busy(request)

    runner.start(make_task(measure, heavy=True, every_s=3600.0))
    told.wait(10)
    time.sleep(0.3)  # until it waits
    runner.stop(20)
    assert [(m.outcome, m.reasons) for m in kept(shelf)] == [(Outcome.SKIPPED, ("far_end_busy",))]


def test_a_light_measurement_beside_a_heavy_run_on_its_line_says_so(make_runner: Any, make_task: Any) -> None:
    runner = make_runner(Guards([]))
    begun, free = threading.Event(), threading.Event()

    def load(_request: Request[Any]) -> list[Reading]:
        begun.set()
        free.wait(20)
        return ok(_request)

    runner.start(make_task(load, heavy=True, name="heavy"))
    begun.wait(10)
    same, task = make_task(ok), make_task(ok, name="o")
    other = replace(task, link=replace(task.link, name="elsewhere"))
    assert runner.run(same)[0].findings == ("during_heavy_test",)
    assert runner.run(other)[0].findings == ()
    free.set()


def test_a_heavy_run_marks_its_line_until_the_meter_really_came_back(
    make_runner: Any, make_task: Any, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr("doxa_agent.runner.GRACE_S", 0.1)
    free = threading.Event()

    def stuck(_request: Request[Any]) -> list[Reading]:
        free.wait(20)
        return []

    task = make_task(stuck, heavy=True, worst_s=0.1)
    task = replace(task, link=replace(task.link, name="stuck"))
    make_runner(Guards([])).run(task)
    now = time.monotonic()
    assert heavy.loaded("stuck", now, now)
    free.set()
    until(lambda: not heavy.loaded("stuck", time.monotonic(), time.monotonic()))


def test_what_heavy_runs_move_is_counted_and_a_small_budget_makes_them_frugal_then_stops_them(
    make_runner: Any, make_task: Any, settings: Settings
) -> None:
    """Without an interface's counters the readings' own octets are booked."""
    asked: list[bool] = []

    def move(request: Request[Any]) -> list[Reading]:
        asked.append(request.frugal)
        return [Reading(outcome=Outcome.OK, values={"download_bytes": 45e6, "upload_bytes": 0.0})]

    runner = Runner(
        replace(settings, guards=replace(settings.guards, before_s=0.0, off=("cpu", "clock"))),
        lambda build: build("0" * 16, 1),
        watch=lambda _turn: Nobody(),
    )
    task = make_task(move, heavy=True)
    task = replace(task, link=replace(task.link, interface=None, monthly_bytes=100e6))
    found = [runner.run(task)[0] for _ in range(4)]
    assert asked == [False, False, True]
    assert [m.outcome for m in found] == [Outcome.OK, Outcome.OK, Outcome.OK, Outcome.SKIPPED]
    assert "budget_frugal" in found[2].findings
    assert found[3].reasons == ("data_budget",)


def test_an_interfaces_own_counters_are_what_is_booked(make_runner: Any, make_task: Any) -> None:
    import socket

    def move(_request: Request[Any]) -> list[Reading]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(100):
                sock.sendto(bytes(10_000), ("127.0.0.1", 9))
        return ok(_request)

    runner = make_runner(Guards([]))
    task = make_task(move, heavy=True)
    runner.run(replace(task, link=replace(task.link, name="counted", monthly_bytes=1e9)))
    assert runner._volumes.moved("counted") >= 2e6, "sent and received"


def test_a_machine_that_has_no_thread_left_does_not_keep_the_line(
    make_runner: Any, make_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = make_runner(Guards([]))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_thread)
        with pytest.raises(RuntimeError):
            runner.run(make_task(ok, heavy=True))
    assert runner.run(make_task(ok, heavy=True, every_s=3.0))[0].outcome is Outcome.OK


def _no_thread(_self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_deadline_that_is_cancelled_wakes_whoever_waits() -> None:
    deadline = Deadline(60)
    threading.Timer(0.1, deadline.cancel).start()
    assert deadline.wait(60) is False
