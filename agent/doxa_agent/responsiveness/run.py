"""One whole test against one far end: idle probes, then each direction; whatever stops it becomes a reading."""

import os
from typing import Any, Final

from doxa_agent.meter import FarEnd, Reading, Request
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.names import resolve
from doxa_agent.net.proof import prove_from_here
from doxa_agent.responsiveness.course import Course, Found
from doxa_agent.responsiveness.exchange import need_http2
from doxa_agent.responsiveness.idle import idle_probes
from doxa_agent.responsiveness.options import IDLE_PROBES, Options
from doxa_agent.responsiveness.stability import Confidence, Foreign, Parameters, foreign_rpm, rpm, trimmed_mean
from doxa_agent.speed.target import Stopped, Target
from doxa_core.errors import OperationError
from doxa_core.measurement import LinkProof
from doxa_core.outcome import Outcome

_CPU_FULL: Final = 0.9


def measure_far_end(request: Request[Options], far_end: FarEnd) -> Reading:
    """The reading about `far_end`; the line's faults are in it, never raised."""
    test = _Test(request, far_end)
    try:
        test.run()
    except Unreachable as error:
        return test.reading(Outcome.FAILED, error.reason)
    except Stopped:
        return test.reading(Outcome.ERROR, "deadline")
    except OperationError as error:
        test.detail["text"] = error.text.en
        return test.reading(Outcome.SKIPPED, "extra_missing")
    if test.cpu_full:
        return test.reading(Outcome.PROBE_LIMITED, "cpu_limited")
    return test.reading(Outcome.OK)


class _Test:
    def __init__(self, request: Request[Options], far_end: FarEnd) -> None:
        self.values: dict[str, float] = {}
        self.detail: dict[str, Any] = {}
        self.findings: list[str] = []
        self.cpu_full = False
        self._request, self._far_end = request, far_end
        self._family = request.family
        self._proof: LinkProof | None = None

    def reading(self, outcome: Outcome, *reasons: str) -> Reading:
        """What was found."""
        return Reading(
            outcome=outcome, far_end=self._far_end.name, family=self._family, proof=self._proof, reasons=reasons,
            findings=tuple(dict.fromkeys(self.findings)), values=self.values, detail=self.detail,
        )  # fmt: skip

    def run(self) -> None:
        """All steps."""
        request, options = self._request, self._request.options
        if self._far_end.tls:
            need_http2()
        left = min(5.0, max(0.1, request.deadline.left_s))
        self._family, address = resolve(self._far_end.host, request.family, timeout_s=left)
        self._proof = prove_from_here(address, self._family, request.link)
        target = Target(
            link=request.link, far_end=self._far_end, family=self._family, address=address,
            session=os.urandom(8).hex(), congestion=options.congestion,
        )  # fmt: skip
        self.detail |= {"address": address, "protocol": "h2" if self._far_end.tls else "http/1.1"}
        if not self._far_end.tls:
            self.findings.append("loaded_by_tcp_estimate")
        self._idle(target)
        for direction in options.directions:
            self._direction(direction, target)

    def _idle(self, target: Target) -> None:
        probes = idle_probes(target, IDLE_PROBES, self._request.deadline)
        if (found := foreign_rpm(probes, 1.0)) is not None:
            self.values["idle_rpm"] = found
        self.detail["idle_ms"] = _phases(probes, 1.0)

    def _direction(self, direction: str, target: Target) -> None:
        options = self._request.options
        course = Course(
            target, options.parameters, self._request.deadline, sending=direction == "upload", limit_s=options.limit_s
        )
        try:
            course.run()
        finally:
            self._book(direction, course.found, options.parameters)

    def _book(self, direction: str, found: Found, parameters: Parameters) -> None:
        kept = parameters.trimmed
        self.detail[direction] = describe(found, kept)
        self.values.update({f"{direction}_{name}": value for name, value in figures(found, kept).items()})
        if found.confidence is not Confidence.HIGH:
            self.findings.append(f"{direction}_{found.confidence}_confidence")
        if found.lost_probes:
            self.findings.append("probes_lost")
        self.cpu_full = self.cpu_full or (found.seconds > 0 and found.cpu_s > _CPU_FULL * found.seconds)


def figures(found: Found, kept: float) -> dict[str, float]:
    """The values of one direction; what is not known is absent."""
    own = trimmed_mean(found.own, kept)
    mbps = found.goodput_mbps
    values = {
        "responsiveness_rpm": found.rpm[-1] if found.rpm else None,
        "foreign_rpm": foreign_rpm(found.foreign, kept),
        "loaded_rpm": None if own is None else rpm([own]),
        "goodput_mbps": mbps[-1] if mbps and mbps[-1] > 0 else None,
        "duration_s": found.seconds or None,
        "bytes": float(round(found.octets)) or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def describe(found: Found, kept: float) -> dict[str, Any]:
    """The evidence."""
    return {
        "goodput_mbps": [round(rate, 3) for rate in found.goodput_mbps],
        "rpm": [round(value, 1) for value in found.rpm],
        "saturated_at": found.saturated_at,
        "goodput_confidence": str(found.goodput_confidence),
        "confidence": str(found.confidence),
        "connections": found.connections,
        "probes": {"foreign": len(found.foreign), "own": len(found.own), "lost": found.lost_probes},
        "foreign_ms": _phases(found.foreign, kept),
        "cpu_s": round(found.cpu_s, 3),
    }


def _phases(probes: list[Foreign], kept: float) -> dict[str, float]:
    """The trimmed mean of each phase, in milliseconds."""
    phases = {
        "tcp": trimmed_mean([p.tcp_s for p in probes], kept),
        "tls": trimmed_mean([p.tls_s for p in probes if p.tls_s is not None], kept),
        "http": trimmed_mean([p.http_s for p in probes], kept),
    }
    return {name: round(value * 1000, 3) for name, value in phases.items() if value is not None}
