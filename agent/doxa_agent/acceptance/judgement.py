"""What follows from readings: each step's outcome with its reasons, and the parts that are judged beside them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from doxa_agent.acceptance.contract import Contract, Packets, Targets
from doxa_agent.acceptance.course import Step
from doxa_agent.acceptance.verdict import Verdict
from doxa_agent.meter import Reading
from doxa_core.outcome import Outcome

SENT: Final = 0.98
"""Below this share of what was asked the sender, not the line, set the rate (methods.md §3)."""
ACCURACY: Final = 0.005
"""What our own rates may be wrong by (clocks, the edges of a step): a line is not proven to be below by less."""
IMPOSSIBLE: Final = 1.02
"""More than this share of what was sent cannot have arrived."""
SPENT: Final = 0.8
"""The least share of a step's time that must have been measured."""
DOUBTS: Final[Mapping[str, str]] = {
    "byte_audit": "other_traffic",
    "cross_traffic": "other_traffic",
    "cut_short": "cut_short",
}
"""Findings of a meter or guard under which a shortfall proves nothing about the line, and what we say then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a step measured, at the IP layer; what was not measured is None."""

    received_ip_mbps: float | None = None
    """The mean over the whole step, not the best second of it."""
    sent_ip_mbps: float | None = None
    loss_ratio: float | None = None
    rtt_p95_ms: float | None = None
    """Under this load."""
    pdv_ms: float | None = None
    """The largest delay above the minimum."""
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """A step with what was measured and what follows."""

    step: Step
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    asked_ip_mbps: float
    asked_mbps: float
    """At the contract's layer, as `received_mbps`."""
    offered_ip_mbps: float | None = None
    """What the sender was really told: the next rate that the protocol has, never less than asked; None: not sent."""
    received_mbps: float | None = None
    figures: Figures = field(default_factory=Figures)
    reading: Reading | None = None
    attempts: tuple["StepResult", ...] = ()
    """The other attempts at this step, in their order (acceptance.repeat)."""

    def as_fields(self) -> dict[str, Any]:
        """For the result; what is not known is absent."""
        found: dict[str, Any] = {
            "name": self.step.name,
            "direction": self.step.direction,
            "percent": self.step.percent,
            "planned_s": self.step.seconds,
            "performance": self.step.performance,
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "asked_mbps": round(self.asked_mbps, 6),
            "asked_ip_mbps": round(self.asked_ip_mbps, 6),
            "offered_ip_mbps": None if self.offered_ip_mbps is None else round(self.offered_ip_mbps, 6),
            "received_mbps": None if self.received_mbps is None else round(self.received_mbps, 6),
            "received_ip_mbps": self.figures.received_ip_mbps,
            "sent_ip_mbps": self.figures.sent_ip_mbps,
            "loss_ratio": self.figures.loss_ratio,
            "rtt_p95_ms": self.figures.rtt_p95_ms,
            "delay_variation_ms": self.figures.pdv_ms,
            "measured_s": self.figures.seconds,
            "attempts": [found.as_fields() for found in self.attempts] or None,
        }
        return {name: value for name, value in found.items() if value is not None}


def judge_step(
    step: Step,
    contract: Contract,
    packets: Packets,
    targets: Targets,
    reading: Reading,
    figures: Figures,
    offered_ip_mbps: float | None = None,
) -> StepResult:
    """The step's outcome, from a reading to which the guards have spoken.

    A step that reaches everything passes even where the probe was limited, for that can only make a line look worse. A
    step that does not is `probe_limited` when anything but the line may be why, `insufficient` where the measurement is
    in doubt, and only then `fail`.
    """
    asked_ip = step.asked_ip_mbps(contract, packets)
    offered = _Offered(asked_ip, max(asked_ip, offered_ip_mbps or 0.0), step.share)
    verdict, reasons = _outcome(step, offered, targets, reading, figures)
    notes = list(reading.findings)
    if verdict is Verdict.PASS and reading.outcome is Outcome.PROBE_LIMITED:
        notes += ["measured_limited", *reading.reasons]
    if verdict is Verdict.PASS and (figures.loss_ratio or 0.0) > targets.loss_ratio:
        notes.append("full_rate_step_within_tolerance")
    received = figures.received_ip_mbps
    return StepResult(
        step=step,
        verdict=verdict,
        reasons=tuple(dict.fromkeys(reasons)),
        notes=tuple(dict.fromkeys(notes)),
        asked_ip_mbps=asked_ip,
        asked_mbps=step.asked_mbps(contract),
        offered_ip_mbps=offered.ip_mbps,
        received_mbps=None if received is None else packets.from_ip_mbps(received, contract.layer),
        figures=figures,
        reading=reading,
    )


@dataclass(frozen=True, slots=True)
class _Offered:
    """What a step asks by the contract, and what is really sent: the protocol's rates are whole Mbit/s."""

    asked_ip_mbps: float
    ip_mbps: float
    planned_share: float

    @property
    def share(self) -> float:
        """Of the contracted rate that is really offered."""
        return self.planned_share * self.ip_mbps / self.asked_ip_mbps


def _outcome(
    step: Step, offered: _Offered, targets: Targets, reading: Reading, figures: Figures
) -> tuple[Verdict, tuple[str, ...]]:
    if gaps := _gaps(step, offered, targets, reading, figures):
        return Verdict.INSUFFICIENT, gaps
    received, loss = figures.received_ip_mbps or 0.0, figures.loss_ratio or 0.0
    sent = figures.sent_ip_mbps if figures.sent_ip_mbps is not None else received / max(1e-9, 1.0 - loss)
    if received > IMPOSSIBLE * max(sent, offered.ip_mbps):
        return Verdict.INSUFFICIENT, ("impossible_rate",)
    faults = _faults(offered, targets, figures)
    if not faults:
        return Verdict.PASS, ()
    short = sent < SENT * offered.asked_ip_mbps or received >= targets.floor_ratio * sent * (1 - ACCURACY)
    if blame := _blame(reading, short=short and "rate_below_contract" in faults):
        return Verdict.PROBE_LIMITED, blame
    if doubts := tuple(dict.fromkeys(DOUBTS[code] for code in reading.findings if code in DOUBTS)):
        return Verdict.INSUFFICIENT, doubts
    return Verdict.FAIL, faults


def _gaps(step: Step, offered: _Offered, targets: Targets, reading: Reading, figures: Figures) -> tuple[str, ...]:
    """What is missing to say anything."""
    measured = reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED) and figures.received_ip_mbps is not None
    if not measured:
        return ("not_measured", *reading.reasons)
    if figures.seconds is not None and figures.seconds < SPENT * step.seconds:
        return ("cut_short",)
    if figures.loss_ratio is None:
        return ("loss_unknown",)
    found = []
    if targets.judges_delay(offered.share):
        if targets.rtt_ms is not None and figures.rtt_p95_ms is None:
            found.append("rtt_unknown")
        if targets.pdv_ms is not None and figures.pdv_ms is None:
            found.append("delay_variation_unknown")
    return tuple(found)


def _faults(offered: _Offered, targets: Targets, figures: Figures) -> tuple[str, ...]:
    """What the step does not reach."""
    found = []
    if (figures.received_ip_mbps or 0.0) < targets.floor_ratio * offered.asked_ip_mbps * (1 - ACCURACY):
        found.append("rate_below_contract")
    if (figures.loss_ratio or 0.0) > targets.loss_at(offered.share) + 1e-9:
        found.append("loss_above_target")
    if targets.judges_delay(offered.share):
        if targets.rtt_ms is not None and (figures.rtt_p95_ms or 0.0) > targets.rtt_ms:
            found.append("rtt_above_target")
        if targets.pdv_ms is not None and (figures.pdv_ms or 0.0) > targets.pdv_ms:
            found.append("delay_variation_above_target")
    return tuple(found)


def _blame(reading: Reading, *, short: bool) -> tuple[str, ...]:
    """Who else than the line may be why; `short` says that the missing rate was not sent in the first place."""
    found: list[str] = []
    if reading.outcome is Outcome.PROBE_LIMITED:
        found += reading.reasons or ("limit_unnamed",)
    if short:
        found.append("sender_short")
    return tuple(dict.fromkeys(found))


def judge_ceiling(value: float | None, ceiling: float | None, above: str, unknown: str) -> tuple[Verdict, str] | None:
    """A figure that must not exceed a target: None where no target is given."""
    if ceiling is None:
        return None
    if value is None:
        return Verdict.INSUFFICIENT, unknown
    return (Verdict.FAIL, above) if value > ceiling else (Verdict.PASS, "")
