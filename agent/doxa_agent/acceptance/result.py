"""The result of an acceptance: everything that was asked, found and concluded, in one document that proves itself whole.

Schema `acceptance/1`: one JSON object in canonical form (keys sorted, no spaces, UTF-8) with `schema`, `sha256` and
`evidence`; the digest is SHA-256 over the canonical bytes of `evidence`. A field is only ever added within a version;
what was not measured is absent. `docs/measuring.md` lists the fields.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from doxa_agent.acceptance.contract import Contract, Packets, Targets
from doxa_agent.acceptance.course import Course
from doxa_agent.acceptance.identity import Device
from doxa_agent.acceptance.judgement import StepResult
from doxa_agent.acceptance.tcp import TcpFigures
from doxa_agent.acceptance.verdict import Verdict, overall
from doxa_agent.meter import FarEnd, Link, Reading
from doxa_agent.net.mtu import PathMtu
from doxa_core.errors import WireError
from doxa_core.fields import canonical, parse_object
from doxa_core.measurement import Clock, LinkProof
from doxa_core.moments import to_wire

SCHEMA: Final = "acceptance/1"
MAX_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who measured what, from where, with what."""

    site: str
    agent: str
    version: str
    link: Link
    far_end: FarEnd
    device: Device = field(default_factory=Device)
    methods: Mapping[str, str] = field(default_factory=dict)
    """The meters and versions of their methods."""
    boot: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One judged part beside the steps: a precondition, or a target on the idle line."""

    name: str
    """`preconditions`, `port`, `path_mtu`, `base_rtt`, `run`."""
    verdict: Verdict
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Everything that was found."""

    who: Who
    contract: Contract
    targets: Targets
    course: Course
    packets: Packets
    started: datetime
    """UTC, by the wall clock, whose quality stands in `clock`."""
    monotonic_s: float
    duration_s: float
    clock: Clock
    family: int | None = None
    address: str | None = None
    proof: LinkProof | None = None
    port: Mapping[str, Any] = field(default_factory=dict)
    """What the probe's port was, and what the contract needs of it."""
    findings: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    steps: tuple[StepResult, ...] = ()
    path_mtu: PathMtu | None = None
    base_rtt: Reading | None = None
    tcp: tuple[TcpFigures, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)
    """Every raw reading by the name of its part or step."""
    interrupted: bool = False

    @property
    def verdict(self) -> Verdict:
        """The whole, from its steps and parts."""
        if not self.steps:
            return overall([part.verdict for part in self.parts if part.verdict is not Verdict.PASS])
        return overall([*(part.verdict for part in self.parts), *(step.verdict for step in self.steps)])

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not a pass: the reasons of the parts and steps that have the whole's outcome, each once."""
        whole = self.verdict
        judged: list[Part | StepResult] = [*self.parts, *self.steps]
        found = [one.reasons for one in judged if one.verdict is whole and whole is not Verdict.PASS]
        return tuple(dict.fromkeys(reason for reasons in found for reason in reasons))

    def evidence(self) -> dict[str, Any]:
        """The evidence as JSON fields; what is not known is absent."""
        found: dict[str, Any] = {
            "site": self.who.site,
            "agent": self.who.agent,
            "version": self.who.version,
            "boot": self.who.boot,
            "methods": dict(self.who.methods),
            "device": self.who.device.as_fields(),
            "link": _link(self.who.link),
            "far_end": _far_end(self.who.far_end, self.address),
            "contract": dict(self.contract.as_fields()),
            "targets": dict(self.targets.as_fields()),
            "course": _course(self.course),
            "packets": {"ip_bytes": self.packets.octets, "headers": self.packets.model.name},
            "started": to_wire(self.started),
            "monotonic_s": round(self.monotonic_s, 6),
            "duration_s": round(self.duration_s, 6),
            "clock": _present(synchronised=self.clock.synchronised, error_ms=self.clock.error_ms),
            "family": self.family,
            "proof": _proof(self.proof),
            "port": dict(self.port),
            "findings": list(self.findings),
            "parts": [{"name": p.name, "verdict": p.verdict.value, "reasons": list(p.reasons)} for p in self.parts],
            "steps": [step.as_fields() for step in self.steps],
            "path_mtu": None if self.path_mtu is None else mtu_fields(self.path_mtu),
            "base_rtt": None if self.base_rtt is None else dict(self.base_rtt.values),
            "tcp": [one.as_fields() for one in self.tcp],
            "readings": {name: reading_fields(reading) for name, reading in self.readings.items()},
            "interrupted": self.interrupted,
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
        }
        return {name: value for name, value in found.items() if value not in (None, {}, [])}

    def encode(self) -> bytes:
        """The document: one line of canonical JSON without a line end."""
        evidence = self.evidence()
        return canonical({"schema": SCHEMA, "sha256": digest(evidence), "evidence": evidence})


def digest(evidence: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical bytes of the evidence, in hexadecimal."""
    return hashlib.sha256(canonical(evidence)).hexdigest()


def read(document: bytes) -> dict[str, Any]:
    """The evidence of a document; `WireError` unless it is of this schema and its digest is right."""
    fields = parse_object(document.strip(), MAX_BYTES)
    if fields.get("schema") != SCHEMA:
        raise WireError("old_schema", f"schema {fields.get('schema')!r:.40} is not {SCHEMA}")
    evidence = fields.get("evidence")
    if not isinstance(evidence, dict):
        raise WireError("missing_field", "evidence")
    try:
        right = digest(evidence) == fields.get("sha256")
    except (ValueError, RecursionError):  # lone surrogates, numbers beyond JSON
        right = False
    if not right:
        raise WireError("bad_field", "sha256: the evidence was changed after it was written")
    return evidence


def reading_fields(reading: Reading) -> dict[str, Any]:
    """A reading as it came from its meter."""
    return _present(
        outcome=reading.outcome.value,
        reasons=list(reading.reasons) or None,
        findings=list(reading.findings) or None,
        family=reading.family,
        proof=_proof(reading.proof),
        values=dict(reading.values),
        detail=dict(reading.detail) or None,
    )


def mtu_fields(found: PathMtu) -> dict[str, Any]:
    """What was found of the path's MTU."""
    return _present(
        way=found.way,
        path_mtu=found.mtu,
        exact=found.exact,
        beyond=found.beyond.value,
        black_hole=found.black_hole,
        reported_mtu=found.reported,
        marks={str(size): fate.value for size, fate in found.marks.items()} or None,
        packets_count=found.packets,
    )


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _proof(proof: LinkProof | None) -> dict[str, Any] | None:
    if proof is None:
        return None
    return _present(interface=proof.interface, source=proof.source, gateway=proof.gateway)


def _link(link: Link) -> dict[str, Any]:
    return _present(name=link.name, kind=link.kind.value, interface=link.interface, source=link.source)


def _far_end(far_end: FarEnd, address: str | None) -> dict[str, Any]:
    return _present(
        name=far_end.name, host=far_end.host, port=far_end.port, capacity_port=far_end.capacity_port, address=address
    )


def _course(course: Course) -> dict[str, Any]:
    return _present(
        form=course.form,
        percents=list(course.percents),
        step_s=course.step_s,
        tcp_s=course.tcp_s,
        performance_s=course.performance_s,
    )
