"""Runs a task: guards, its turn on the line, the deadline, and one measurement in the spool for each reading."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePath
from time import monotonic
from typing import Any, Final, Protocol

from doxa_agent import guards
from doxa_agent.config import Settings
from doxa_agent.guard import Finding
from doxa_agent.lane import HeavyLane
from doxa_agent.meter import Deadline, Link, Reading, Request
from doxa_agent.net.clock import boot_id, read_clock
from doxa_agent.plan import Task
from doxa_core import __version__
from doxa_core.errors import OperationError, WireError
from doxa_core.language import Text
from doxa_core.measurement import Clock, Measurement
from doxa_core.outcome import Outcome

log = logging.getLogger("doxa.agent.runner")

GRACE_S: Final = 2.0
"""What a meter has to come back after its deadline before the run is given up without it."""
MAX_TEXT: Final = 300


class Keeper(Protocol):
    """Where measurements go: `Spool.add`."""

    def __call__(self, build: Callable[[str, int], bytes]) -> object: ...


Look = Callable[[Link, bool], list[Finding]]
"""What the guards notice about a link before a run, heavy or not: `guards.look_all`."""
Judge = Callable[[Link, Mapping[str, float]], tuple[str, ...]]
"""Why the probe and not the line may have set the values of a heavy run: `guards.judge_all`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a run started, by both clocks, and how good the wall clock was."""

    started: datetime
    monotonic_s: float
    clock: Clock

    @classmethod
    def now(cls) -> "Moment":
        """This moment."""
        return cls(started=datetime.now(UTC), monotonic_s=monotonic(), clock=read_clock())


class Runner:
    """Runs tasks in threads of their own: light ones at once, heavy ones one after the other (`HeavyLane`)."""

    def __init__(
        self,
        settings: Settings,
        keep: Keeper,
        *,
        look: Look = guards.look_all,
        judge: Judge = guards.judge_all,
        tell: Callable[[Measurement], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self._keep = keep
        self._look = look
        self._judge = judge
        self._tell = tell
        self._lane = HeavyLane(settings.runner.heavy_lock)
        self._lock = threading.Lock()
        self._running: dict[str, threading.Thread] = {}
        self._deadlines: set[Deadline] = set()
        self._stopping = False
        self._given_up: list[threading.Thread] = []

    def use(self, settings: Settings) -> None:
        """Go by new settings from the next run on."""
        if settings.runner.heavy_lock != self.settings.runner.heavy_lock:
            self._lane = HeavyLane(settings.runner.heavy_lock)
        self.settings = settings

    def start(self, task: Task) -> None:
        """Run the task in a thread; while its previous run still goes on, this one is a `skipped` measurement."""
        with self._lock:
            if self._stopping:
                return
            before = self._running.get(task.name)
            if before is None or not before.is_alive():
                thread = threading.Thread(target=self._run_quietly, args=(task,), name=f"run-{task.name}", daemon=True)
                self._running[task.name] = thread
                thread.start()
                return
        self._store(task, Moment.now(), _skipped("still_running"))

    def _run_quietly(self, task: Task) -> None:
        try:
            self.run(task)
        except Exception as error:  # noqa: BLE001 - a thread's last line: the service goes on and says what happened
            log.error("%s", OUR_FAULT.fill(task=task.name, what=_short(error), where=_place(error)))

    def stop(self, within_s: float) -> None:
        """Cut every run off and wait so long for their measurements to be kept."""
        with self._lock:
            self._stopping = True
            threads = list(self._running.values())
            for deadline in self._deadlines:
                deadline.cancel()
        end = Deadline(within_s)
        for thread in threads:
            thread.join(end.left_s)

    @property
    def busy(self) -> list[str]:
        """The tasks that are running now."""
        with self._lock:
            return [name for name, thread in self._running.items() if thread.is_alive()]

    @property
    def hung(self) -> int:
        """Runs whose meter has not come back although it was cut off: our own fault, told in the status."""
        with self._lock:
            self._given_up = [thread for thread in self._given_up if thread.is_alive()]
            return len(self._given_up)

    def run(self, task: Task) -> list[Measurement]:
        """Run the task now, in this thread, and keep what it gives."""
        if not task.meter.heavy:
            return self._guarded(task)
        patience = self._deadline(min(self.settings.runner.heavy_wait_s, task.every_s))
        lane = self._lane
        try:
            if not lane.enter(patience):
                return self._store(task, Moment.now(), _skipped("stopped" if self._stopping else "busy"))
        except OperationError as error:
            log.error("%s", error)
            return self._store(task, Moment.now(), _error("lock_unusable", {"text": error.text.en}))
        finally:
            self._done(patience)
        return self._guarded(task, leave=lane.leave)

    def _guarded(self, task: Task, leave: Callable[[], None] = lambda: None) -> list[Measurement]:
        """Let the guards look, then measure; `leave` gives the line free."""
        try:
            found = self._look(task.link, task.meter.heavy)
        except BaseException:
            leave()
            raise
        findings = guards.codes(found)
        if reasons := guards.refusals(found) or (("stopped",) if self._stopping else ()):
            leave()
            return self._store(task, Moment.now(), _skipped(*reasons), findings=findings)
        return self._measured(task, leave, findings)

    def _measured(self, task: Task, leave: Callable[[], None], findings: tuple[str, ...]) -> list[Measurement]:
        """Measure in a thread that can be given up; the line is free only when the meter really came back."""
        deadline = self._deadline(task.worst_s + self.settings.runner.margin_s)
        moment, box = Moment.now(), _Box()
        worker = threading.Thread(
            target=self._measure, args=(task, deadline, box, leave), name=f"meter-{task.name}", daemon=True
        )
        worker.start()
        while worker.is_alive() and not deadline.over:
            worker.join(deadline.left_s)
        worker.join(GRACE_S)
        duration_s = monotonic() - moment.monotonic_s
        if worker.is_alive():
            with self._lock:
                self._given_up.append(worker)
        readings = [self._limited(task, reading) for reading in self._found(task, box)]
        self._done(deadline)
        return self._store(task, moment, *readings, findings=findings, duration_s=duration_s)

    def _measure(self, task: Task, deadline: Deadline, box: "_Box", leave: Callable[[], None]) -> None:
        request: Request[Any] = Request(
            link=task.link, far_ends=task.far_ends, options=task.options, deadline=deadline, family=task.family
        )
        try:
            box.readings = task.meter.measure(request)
        except Exception as error:  # noqa: BLE001 - an exception in a meter is our own fault, told as an outcome
            box.error = error
        finally:
            box.in_time = not deadline.over
            leave()

    def _limited(self, task: Task, reading: Reading) -> Reading:
        """The reading of a heavy run, as `probe_limited` where a guard says that the probe may have set its values."""
        if not task.meter.heavy or reading.outcome is not Outcome.OK:
            return reading
        reasons = self._judge(task.link, reading.values)
        if not reasons:
            return reading
        return replace(
            reading, outcome=Outcome.PROBE_LIMITED, reasons=tuple(dict.fromkeys((*reading.reasons, *reasons)))
        )

    def _found(self, task: Task, box: "_Box") -> list[Reading]:
        """What the run amounts to: its readings, or the one that says why there are none."""
        if self._stopping and not box.in_time:
            return [_skipped("stopped")]
        if box.error is not None:
            detail = {"exception": type(box.error).__name__, "text": str(box.error)[:MAX_TEXT], "at": _place(box.error)}
            log.error("%s", OUR_FAULT.fill(task=task.name, what=_short(box.error), where=_place(box.error)))
            return [_error("exception", detail)]
        if not box.in_time:
            log.error("%s", TOO_LATE.fill(task=task.name, worst=f"{task.worst_s:g}"))
            return [_error("deadline", {"worst_s": task.worst_s, "came_back": box.readings is not None})]
        return list(box.readings or ()) or [_error("no_reading", {})]

    def _deadline(self, seconds: float) -> Deadline:
        deadline = Deadline(seconds)
        with self._lock:
            self._deadlines.add(deadline)
            if self._stopping:
                deadline.cancel()
        return deadline

    def _done(self, deadline: Deadline) -> None:
        with self._lock:
            self._deadlines.discard(deadline)

    def _store(
        self, task: Task, moment: Moment, *readings: Reading, findings: Iterable[str] = (), duration_s: float = 0.0
    ) -> list[Measurement]:
        kept = [self._store_one(task, moment, _with(r, task, findings), duration_s) for r in readings]
        for measurement in kept:
            self._tell(measurement)
        return kept

    def _store_one(self, task: Task, moment: Moment, reading: Reading, duration_s: float) -> Measurement:
        made: list[Measurement] = []

        def build(epoch: str, seq: int) -> bytes:
            measurement = self._measurement(task, moment, reading, duration_s, epoch, seq)
            try:
                line = measurement.encode()
            except (WireError, ValueError, TypeError, AttributeError, RecursionError) as error:
                log.error("%s", BAD_READING.fill(task=task.name, why=_short(error)))
                bad = _error("bad_reading", {"text": _short(error), "far_end": _short(reading.far_end)})
                measurement = self._measurement(task, moment, bad, duration_s, epoch, seq)
                line = measurement.encode()
            made[:] = [measurement]
            return line

        self._keep(build)
        return made[-1]

    def _measurement(
        self, task: Task, moment: Moment, reading: Reading, duration_s: float, epoch: str, seq: int
    ) -> Measurement:
        return Measurement(
            site=self.settings.site,
            agent=self.settings.agent,
            epoch=epoch,
            seq=seq,
            task=task.name,
            meter=task.meter.kind,
            method=task.meter.method,
            link=task.link.name,
            started=moment.started,
            boot=boot_id(),
            monotonic_s=round(moment.monotonic_s, 6),
            duration_s=round(duration_s, 6),
            clock=moment.clock,
            outcome=reading.outcome,
            version=__version__,
            far_end=reading.far_end,
            family=reading.family,
            proof=reading.proof,
            reasons=reading.reasons,
            findings=reading.findings,
            values=reading.values,
            detail=reading.detail,
        )


@dataclass(slots=True)
class _Box:
    """What a meter's thread leaves behind."""

    readings: list[Reading] | None = None
    error: Exception | None = None
    in_time: bool = False


def _skipped(*reasons: str) -> Reading:
    return Reading(outcome=Outcome.SKIPPED, reasons=reasons)


def _error(reason: str, detail: dict[str, Any]) -> Reading:
    return Reading(outcome=Outcome.ERROR, reasons=(reason,), detail=detail)


def _with(reading: Reading, task: Task, findings: Iterable[str]) -> Reading:
    """The reading with the guards' findings, the only far end's name, and a word on values that nobody declared."""
    added = list(findings)
    with suppress(TypeError):  # whatever it is instead of a mapping, encoding refuses it
        if any(name not in task.meter.values for name in reading.values):
            added.append("undeclared_value")
    far_end = reading.far_end or (task.far_ends[0].name if len(task.far_ends) == 1 else None)
    return replace(reading, far_end=far_end, findings=tuple(dict.fromkeys((*reading.findings, *added))))


def _short(error: object) -> str:
    text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else repr(error)
    return " ".join(text.split())[:MAX_TEXT]


def _place(error: BaseException) -> str:
    """The innermost line that raised: `speed.py:123`; enough to find a fault without a traceback in the log."""
    found = error.__traceback__
    while found is not None and found.tb_next is not None:
        found = found.tb_next
    return "?" if found is None else f"{PurePath(found.tb_frame.f_code.co_filename).name}:{found.tb_lineno}"


OUR_FAULT = Text(
    vi="tác vụ {task}: lỗi của chính chương trình ({what} tại {where}); xin báo cho nhóm phát triển",
    en="task {task}: a fault of the program itself ({what} at {where}); please report it",
)
TOO_LATE = Text(
    vi="tác vụ {task}: quá hạn (dự tính tối đa {worst} giây), đã ngắt",
    en="task {task}: past its deadline ({worst} s at most were foreseen), cut off",
)
BAD_READING = Text(
    vi="tác vụ {task}: kết quả không đúng quy ước ({why}), đã ghi thành lỗi bad_reading",
    en="task {task}: the reading breaks the contract ({why}); kept as the error bad_reading",
)
