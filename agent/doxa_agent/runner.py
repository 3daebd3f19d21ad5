"""Runs a task: guards, its turn on the line, the deadline, and one measurement in the spool for each reading.

How a heavy run waits for a quiet line is `admission.py`; what its guards' words make of a reading is `judged.py`.
It is one module because a run is one story: what any step gives up must be undone or booked by the same hands.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf
from pathlib import PurePath
from time import monotonic
from typing import Any, Final, Protocol

from doxa_agent import guards
from doxa_agent.admission import Admission, Look, admit, look_once
from doxa_agent.config import Settings
from doxa_agent.guard import Turn, Verdict
from doxa_agent.judged import judged
from doxa_agent.lane import HeavyLane
from doxa_agent.meter import Deadline, Link, Reading, Request
from doxa_agent.net import audit, heavy
from doxa_agent.net.clock import boot_id, read_clock
from doxa_agent.plan import Task
from doxa_agent.volume import Volumes, file_beside
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


class Watched(Protocol):
    """Watches beside a heavy run: `guards.watch_all`."""

    def end(self) -> tuple[list[Verdict], list[str]]:
        """What each guard says, and the guards that broke."""


Judge = Callable[[Turn, Reading], Verdict]
"""What the guards say to the figures of a heavy run: `guards.judge_all`."""
CHECKPOINT_S: Final = 5.0
"""So often a long run's volume is written down: a power cut loses no more."""
RETRY_JITTER: Final = 0.1
DURING_HEAVY: Final = "during_heavy_test"


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
        watch: Callable[[Turn], Watched] = guards.watch_all,
        judge: Judge = guards.judge_all,
        tell: Callable[[Measurement], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self._keep = keep
        self._look = look
        self._watch = watch
        self._judge = judge
        self._volumes = Volumes(file_beside(settings.spool.path))
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
        self._store(task, _Run(readings=[_skipped("still_running")]))

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
        """Run the task now, in this thread, and keep what it gives; far ends that were busy get a second chance."""
        patience = self._deadline(self._patience_s(task))
        try:
            first = self._attempt(task, patience)
            busy = [reading for reading in first.readings if reading.retry_after_s is not None]
            wait_s = max((reading.retry_after_s or 0.0 for reading in busy), default=0.0)
            wait_s *= random.uniform(1, 1 + RETRY_JITTER)  # not all that were sent away come back together
            if not busy or not 0 <= wait_s <= patience.left_s:  # a far end may say anything
                return self._store(task, first)
            kept = self._store(task, replace(first, readings=[r for r in first.readings if r.retry_after_s is None]))
            if not patience.wait(wait_s):
                return kept + self._store(task, replace(first, readings=busy))
            again = self._attempt(_only(task, busy), patience)
            deferred = {"far_end_deferrals": 1}
            return kept + self._store(task, replace(again, readings=[_noted(r, deferred) for r in again.readings]))
        finally:
            self._done(patience)

    def _patience_s(self, task: Task) -> float:
        """How long a run may be put off: its next start must find it over."""
        limits, runner = self.settings.guards, self.settings.runner
        room = task.every_s - task.worst_s - runner.margin_s - limits.before_s
        return max(0.0, min(limits.defer_max_s, room))

    def _attempt(self, task: Task, patience: Deadline) -> "_Run":
        """One try: the guards and the lane, then the meter."""
        turn = Turn(
            link=task.link,
            heavy=task.meter.heavy,
            settings=self.settings.guards,
            moved_bytes=self._volumes.moved(task.link.name) if task.meter.heavy else 0.0,
        )
        lane = self._lane if turn.heavy else None
        try:
            found = self._admitted(task, turn, lane, patience)
        except OperationError as error:
            log.error("%s", error)
            return _Run(readings=[_error("lock_unusable", {"text": error.text.en})])
        leave = lane.leave if lane is not None else lambda: None
        detail = {"deferred_s": round(found.deferred_s, 1)} if found.deferred_s else {}
        if found.admitted and not self._stopping:
            run = self._measured(task, turn, leave, frugal=found.frugal)
        else:
            if found.admitted:
                leave()
            reasons = ("stopped",) if self._stopping else found.reasons
            run = _Run(readings=[_skipped(*reasons)])
        readings = [_noted(reading, detail) for reading in run.readings]
        return replace(run, readings=readings, findings=(*found.findings, *run.findings))

    def _admitted(self, task: Task, turn: Turn, lane: HeavyLane | None, patience: Deadline) -> Admission:
        if lane is None:
            return look_once(turn, self._look)
        made: list[Deadline] = []

        def deadline(seconds: float) -> Deadline:
            made.append(self._deadline(seconds))
            return made[-1]

        try:
            turn_s = min(self.settings.runner.heavy_wait_s, task.every_s)
            return admit(lane, turn, self._look, deadline=deadline, turn_s=turn_s, patience=patience)
        finally:
            for one in made:
                self._done(one)

    def _measured(self, task: Task, turn: Turn, leave: Callable[[], None], *, frugal: bool) -> "_Run":
        """Measure in a thread that can be given up; the line is free only when the meter really came back."""
        deadline = self._deadline(task.worst_s + self.settings.runner.margin_s)
        watched = self._watch(turn) if turn.heavy else None
        volume = _Volume(self._volumes, task.link) if turn.heavy else None
        moment, box = Moment.now(), _Box()
        worker = threading.Thread(
            target=self._measure, args=(task, deadline, box, leave), kwargs={"frugal": frugal},
            name=f"meter-{task.name}", daemon=True,
        )  # fmt: skip
        _start(worker, turn, leave)
        while worker.is_alive() and not deadline.over:
            worker.join(min(CHECKPOINT_S, deadline.left_s))
            if volume is not None:
                volume.book()
        worker.join(GRACE_S)
        ended_s = monotonic()
        if worker.is_alive():
            with self._lock:
                self._given_up.append(worker)
        readings = self._found(task, box)
        self._done(deadline)
        if volume is not None:
            volume.close(readings)
        if watched is not None:
            verdicts, faults = watched.end()
            readings = [self._judged(turn, reading, verdicts, faults) for reading in readings]
        loaded = not turn.heavy and heavy.loaded(task.link.name, moment.monotonic_s, ended_s)
        return _Run(
            readings=readings,
            findings=(DURING_HEAVY,) if loaded else (),
            moment=moment,
            duration_s=ended_s - moment.monotonic_s,
        )

    def _measure(self, task: Task, deadline: Deadline, box: "_Box", leave: Callable[[], None], *, frugal: bool) -> None:
        request: Request[Any] = Request(
            link=task.link, far_ends=task.far_ends, options=task.options, deadline=deadline, family=task.family,
            frugal=frugal,
        )  # fmt: skip
        try:
            box.readings = task.meter.measure(request)
        except Exception as error:  # noqa: BLE001 - an exception in a meter is our own fault, told as an outcome
            box.error = error
        finally:
            box.in_time = not deadline.over
            if task.meter.heavy:
                heavy.end(task.link.name)
            leave()

    def _judged(self, turn: Turn, reading: Reading, verdicts: list[Verdict], faults: list[str]) -> Reading:
        """The reading of a heavy run with what the guards say of it; a run that did not take place has no company."""
        if reading.outcome is Outcome.SKIPPED:
            return reading
        return judged(reading, guards.together([*verdicts, self._judge(turn, reading)], faults))

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

    def _store(self, task: Task, run: "_Run") -> list[Measurement]:
        kept = [self._store_one(task, run.moment, _with(r, task, run.findings), run.duration_s) for r in run.readings]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one try amounts to, not yet kept."""

    readings: list[Reading]
    findings: tuple[str, ...] = ()
    moment: Moment = field(default_factory=Moment.now)
    duration_s: float = 0.0


class _Volume:
    """What a heavy run moves over its link, booked as it goes."""

    def __init__(self, volumes: Volumes, link: Link) -> None:
        self._volumes, self._link = volumes, link
        self._watched = audit.begin(link.interface)
        self._booked = 0.0

    def book(self) -> bool:
        """Book what moved since the last time; whether the interface could be asked."""
        moved = self._watched.end()
        if moved is None:
            return False
        octets = moved.rx_octets + moved.tx_octets
        self._volumes.add(self._link.name, octets - self._booked)
        self._booked = float(octets)
        return True

    def close(self, readings: Iterable[Reading]) -> None:
        """The rest; where no interface is named or it has left, what the readings themselves say that they moved."""
        if not self.book():
            self._volumes.add(self._link.name, sum(_told_octets(reading) for reading in readings) - self._booked)


def _told_octets(reading: Reading) -> float:
    """What the reading says that it moved; a meter's fault counts nothing."""
    with suppress(TypeError, AttributeError):
        told = [float(reading.values.get(name, 0.0)) for name in ("download_bytes", "upload_bytes")]
        return sum(octets for octets in told if 0 < octets < inf)
    return 0.0


@dataclass(slots=True)
class _Box:
    """What a meter's thread leaves behind."""

    readings: list[Reading] | None = None
    error: Exception | None = None
    in_time: bool = False


def _start(worker: threading.Thread, turn: Turn, leave: Callable[[], None]) -> None:
    """Start the meter; a machine that has no thread left must not keep the line closed for ever."""
    if turn.heavy:
        heavy.begin(turn.link.name)
    try:
        worker.start()
    except RuntimeError:
        if turn.heavy:
            heavy.end(turn.link.name)
        leave()
        raise


def _only(task: Task, readings: Iterable[Reading]) -> Task:
    """The task against the far ends of these readings alone."""
    names = {reading.far_end for reading in readings}
    return replace(task, far_ends=tuple(far for far in task.far_ends if far.name in names) or task.far_ends)


def _noted(reading: Reading, detail: Mapping[str, Any]) -> Reading:
    """The reading with more detail, if its own is one at all (encoding refuses what is not)."""
    if not detail or not isinstance(reading.detail, Mapping):
        return reading
    return replace(reading, detail={**reading.detail, **detail})


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
