"""The run of an acceptance, in order: preconditions, path MTU, idle round trip, the steps, TCP; it ends when told to."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from doxa_agent.acceptance.contract import Contract, Packets, Targets
from doxa_agent.acceptance.course import Course, Step
from doxa_agent.acceptance.judgement import Figures, StepResult, judge_ceiling, judge_step
from doxa_agent.acceptance.pieces import Piece, join, lengths
from doxa_agent.acceptance.repeat import is_settled, settle
from doxa_agent.acceptance.result import Acceptance, Part, Who
from doxa_agent.acceptance.tcp import tcp_figures
from doxa_agent.acceptance.verdict import Verdict
from doxa_agent.directions import DIRECTIONS
from doxa_agent.meter import Deadline, Reading
from doxa_agent.net.clock import read_clock
from doxa_agent.net.mtu import PathMtu
from doxa_agent.net.nic import Nic
from doxa_core.layers import Layer
from doxa_core.measurement import LinkProof


class Stop:
    """The user's wish to end: cancels the deadline of what runs now, and of everything after it."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._given: deque[Deadline] = deque(maxlen=64)

    @property
    def asked(self) -> bool:
        """Whether the run must end."""
        return self._asked.is_set()

    def now(self) -> None:
        """End the run; what is known is kept. Safe in a signal handler."""
        self._asked.set()
        for deadline in tuple(self._given):
            deadline.cancel()

    def deadline(self, seconds: float) -> Deadline:
        """A deadline for the next measurement, over at once where the end was asked for."""
        found = Deadline(seconds)
        self._given.append(found)  # only the newest few are in use at any time
        if self.asked:
            found.cancel()
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is found before anything is sent."""

    family: int | None = None
    address: str | None = None
    proof: LinkProof | None = None
    nic: Nic | None = None
    unusable: tuple[str, ...] = ()
    """Why the line or far end cannot be used at all."""


class Instruments(Protocol):
    """What measures. Nothing here raises for the line's faults."""

    packets: Packets
    """The size of the test's packets and the headers around them; the family is the scene's."""
    methods: dict[str, str]
    """The meters that were used, with the versions of their methods; grows as they are."""

    def look(self) -> Scene:
        """The preconditions."""

    def path_mtu(self, scene: Scene, deadline: Deadline) -> PathMtu | None:
        """The path's MTU; None where the line does not let it be asked."""

    def base_rtt(self, scene: Scene, deadline: Deadline) -> Reading:
        """The round trip of the idle line."""

    def offer(self, asked_ip_mbps: float) -> float:
        """The rate that is really sent: the least that the meter has which is not below."""

    def step(self, step: Step, offered_ip_mbps: float, scene: Scene, stop: Stop) -> tuple[Reading, Figures]:
        """One run at a fixed rate, with what the guards say to it."""

    def tcp(self, direction: str, seconds: float, scene: Scene, stop: Stop) -> Reading:
        """One TCP transfer of that length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What happens next, for people who wait."""

    stage: str
    """`preconditions`, `path_mtu`, `base_rtt`, `step`, `tcp`."""
    number: int = 0
    of: int = 0
    seconds: float = 0.0
    step: Step | None = None
    direction: str | None = None
    asked_mbps: float | None = None
    attempt: int = 1
    """Of this step; later ones follow one that was not passed."""
    done: StepResult | None = None
    """Set when a step has ended."""


@dataclass(slots=True, kw_only=True)
class Book:
    """What is gathered on the way."""

    parts: list[Part] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    readings: dict[str, Reading] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def judge(self, name: str, verdict: Verdict, *reasons: str) -> None:
        """Note a judged part."""
        self.parts.append(Part(name=name, verdict=verdict, reasons=reasons))


WINDOW_HELD: Final = frozenset({"rwnd_limited", "sndbuf_limited"})
"""What the kernel's TCP says where windows, all streams together, stay below the bandwidth-delay product."""
MTU_S: Final = 40.0
RTT_S: Final = 15.0
MOST_RETRIES: Final = 3
LONGEST_RETRY_S: Final = 60.0
"""A far end that is busy says when to come back; so long, and so often, a person is made to wait for a step."""


def accept(
    who: Who,
    contract: Contract,
    targets: Targets,
    course: Course,
    instruments: Instruments,
    *,
    stop: Stop | None = None,
    tell: Callable[[Progress], None] = lambda _: None,
    findings: Iterable[str] = (),
) -> Acceptance:
    """Run the course and judge it; never raises for the line's faults. `findings` are the guards' from before."""
    run = _Run(who, contract, targets, course, instruments, stop or Stop(), tell)
    run.book.findings += findings
    return run.run()


class _Run:
    def __init__(
        self,
        who: Who,
        contract: Contract,
        targets: Targets,
        course: Course,
        instruments: Instruments,
        stop: Stop,
        tell: Callable[[Progress], None],
    ) -> None:
        self._who, self._contract, self._targets, self._course = who, contract, targets, course
        self._instruments, self._stop, self._tell = instruments, stop, tell
        self.book = Book()
        self._packets = instruments.packets

    def run(self) -> Acceptance:
        """Everything in its order; each stage is left out once the end is asked for."""
        started, clock, since = datetime.now(UTC), read_clock(), time.monotonic()
        self._tell(Progress(stage="preconditions"))
        scene = self._instruments.look()
        self._packets = replace(self._packets, family=scene.family or 4)
        if self._may_start(scene):
            self._idle(scene)
            self._steps(scene)
            self._tcp(scene)
        if self._stop.asked:
            self.book.judge("run", Verdict.INSUFFICIENT, "interrupted")
        return Acceptance(
            who=self._who,
            contract=self._contract,
            targets=self._targets,
            course=self._course,
            packets=self._packets,
            started=started,
            monotonic_s=since,
            duration_s=time.monotonic() - since,
            clock=clock,
            family=scene.family,
            address=scene.address,
            proof=scene.proof,
            port=self._port_fields(scene),
            findings=tuple(dict.fromkeys(self.book.findings)),
            parts=tuple(self.book.parts),
            steps=tuple(self.book.steps),
            readings=dict(self.book.readings),
            interrupted=self._stop.asked,
            **self.book.more,
        )

    # --- before anything is sent -------------------------------------------------------------------------------------

    def _may_start(self, scene: Scene) -> bool:
        if scene.unusable:
            self.book.judge("preconditions", Verdict.INSUFFICIENT, *scene.unusable)
        if limits := port_limits(scene.nic, self.wire_need_mbps):
            self.book.judge("port", Verdict.PROBE_LIMITED, *limits)
        return not self.book.parts and not self._stop.asked

    @property
    def wire_need_mbps(self) -> float:
        """What the fastest step needs on the wire of the probe's port: each direction has the whole of it."""
        steps = [step.asked_ip_mbps(self._contract, self._packets) for step in self._course.steps()]
        return self._packets.at_port.from_ip_mbps(max(steps, default=0.0), Layer.WIRE)

    def _port_fields(self, scene: Scene) -> dict[str, Any]:
        found: dict[str, Any] = {"wire_need_mbps": round(self.wire_need_mbps, 3)}
        if scene.nic is not None:
            found |= {
                "interface": scene.nic.name,
                "speed_mbps": scene.nic.speed_mbps,
                "duplex": scene.nic.duplex,
                "mtu": scene.nic.mtu,
                "virtual": scene.nic.is_virtual,
            }
        return {name: value for name, value in found.items() if value is not None}

    # --- the idle line -----------------------------------------------------------------------------------------------

    def _idle(self, scene: Scene) -> None:
        self._path_mtu(scene)
        if not self._stop.asked:
            self._base_rtt(scene)

    def _path_mtu(self, scene: Scene) -> None:
        self._tell(Progress(stage="path_mtu"))
        found = self._instruments.path_mtu(scene, self._stop.deadline(MTU_S))
        self.book.more["path_mtu"] = found
        mtu = None if found is None else found.mtu
        if mtu is None:
            self.book.findings.append("mtu_not_measured")
        elif found is not None and not found.exact:
            self.book.findings.append("mtu_upper_bound")
        elif found is not None and found.black_hole:
            self.book.findings.append("mtu_black_hole")
        if self._targets.mtu is None or self._stop.asked:
            return
        if found is None or mtu is None or (not found.exact and mtu >= self._targets.mtu):
            self.book.judge("path_mtu", Verdict.INSUFFICIENT, "mtu_unknown")
        elif mtu < self._targets.mtu:
            own = scene.nic is not None and scene.nic.mtu is not None and scene.nic.mtu < self._targets.mtu
            self.book.judge("path_mtu", Verdict.PROBE_LIMITED if own else Verdict.FAIL, "mtu_below_target")
        else:
            self.book.judge("path_mtu", Verdict.PASS)

    def _base_rtt(self, scene: Scene) -> None:
        self._tell(Progress(stage="base_rtt"))
        reading = self._instruments.base_rtt(scene, self._stop.deadline(RTT_S))
        self.book.more["base_rtt"] = reading
        self.book.readings["base_rtt"] = reading
        p95 = reading.values.get("rtt_p95_ms")
        if p95 is None:
            self.book.findings.append("base_rtt_not_measured")
        if self._stop.asked:
            return
        judged = judge_ceiling(p95, self._targets.rtt_ms, "base_rtt_above_target", "rtt_unknown")
        if judged is not None:
            self.book.judge("base_rtt", judged[0], *filter(None, judged[1:]))

    # --- the loaded line ---------------------------------------------------------------------------------------------

    def _steps(self, scene: Scene) -> None:
        steps = list(self._course.steps())
        for number, step in enumerate(steps, 1):
            if self._stop.asked or _hopeless(self.book.steps):
                self._skip(step)
                continue
            asked = step.asked_mbps(self._contract)
            told = Progress(
                stage="step", number=number, of=len(steps), seconds=step.seconds, step=step, asked_mbps=asked
            )
            self._tell(told)
            attempts = [self._step(step, scene)]
            while not is_settled(attempts) and not self._stop.asked:
                self._tell(replace(told, attempt=len(attempts) + 1, done=None))
                attempts.append(self._step(step, scene))
            done = settle(attempts)
            self.book.steps.append(done)
            self._tell(replace(told, done=done))

    def _step(self, step: Step, scene: Scene) -> StepResult:
        offered = self._instruments.offer(step.asked_ip_mbps(self._contract, self._packets))
        pieces: list[Piece] = []
        for seconds in lengths(step.seconds):
            pieces.append(self._patiently(replace(step, seconds=seconds), offered, scene))
            if self._stop.asked or pieces[-1][1].received_ip_mbps is None:
                break
        reading, figures = join(pieces, step.direction)
        self.book.readings[step.name] = reading
        if self._stop.asked:
            reading = replace(reading, findings=tuple(dict.fromkeys((*reading.findings, "cut_short"))))
        return judge_step(step, self._contract, self._packets, self._targets, reading, figures, offered)

    def _patiently(self, step: Step, offered: float, scene: Scene) -> Piece:
        reading, figures = self._instruments.step(step, offered, scene, self._stop)
        for _ in range(MOST_RETRIES):
            wait_s = reading.retry_after_s
            if wait_s is None or wait_s > LONGEST_RETRY_S or not self._stop.deadline(wait_s + 60).wait(wait_s):
                break
            reading, figures = self._instruments.step(step, offered, scene, self._stop)
        return reading, figures

    def _skip(self, step: Step) -> None:
        self.book.steps.append(
            StepResult(
                step=step,
                verdict=Verdict.INSUFFICIENT,
                reasons=("not_reached",),
                asked_ip_mbps=step.asked_ip_mbps(self._contract, self._packets),
                asked_mbps=step.asked_mbps(self._contract),
            )
        )

    def _tcp(self, scene: Scene) -> None:
        found = []
        for direction in DIRECTIONS:
            if self._stop.asked or self._course.tcp_s <= 0:
                break
            self._tell(Progress(stage="tcp", direction=direction, seconds=self._course.tcp_s))
            reading = self._instruments.tcp(direction, self._course.tcp_s, scene, self._stop)
            self.book.readings[f"tcp-{direction}"] = reading
            figures = tcp_figures(reading, direction, self._contract, self._packets.family)
            if figures is None:
                self.book.findings.append("tcp_not_measured")
            else:
                found.append(figures)
            if not WINDOW_HELD.isdisjoint(reading.findings):
                self.book.findings.append("window_small")
        if found and self._course.tcp_s < 30:
            self.book.findings.append("tcp_short")
        self.book.more["tcp"] = tuple(found)


def port_limits(nic: Nic | None, wire_need_mbps: float) -> tuple[str, ...]:
    """Why the probe's port cannot show such a rate; an unknown speed (radio, modem) limits nothing."""
    if nic is None:
        return ()
    found = []
    if nic.speed_mbps is not None and nic.speed_mbps <= wire_need_mbps:
        found.append("port_too_slow")
    if nic.duplex == "half":
        found.append("port_half_duplex")
    return tuple(found)


def _hopeless(steps: Iterable[StepResult]) -> bool:
    """Whether the far end refused the first two steps: the rest would only repeat it."""
    first = list(steps)[:2]
    return len(first) == 2 and all(
        not step.figures.received_ip_mbps and step.reasons[:1] == ("not_measured",) for step in first
    )


def hindered(
    who: Who, contract: Contract, targets: Targets, course: Course, *reasons: str, findings: Iterable[str] = ()
) -> Acceptance:
    """The result of a run that did not begin."""
    return Acceptance(
        who=who,
        contract=contract,
        targets=targets,
        course=course,
        packets=Packets(),
        started=datetime.now(UTC),
        monotonic_s=time.monotonic(),
        duration_s=0.0,
        clock=read_clock(),
        parts=(Part(name="run", verdict=Verdict.INSUFFICIENT, reasons=reasons),),
        findings=tuple(findings),
        interrupted="interrupted" in reasons,
    )
