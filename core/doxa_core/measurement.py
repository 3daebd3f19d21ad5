"""One measurement: one run of a meter over a link, as it is spooled, sent, kept and judged (docs/wire.md §4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from doxa_core.errors import WireError
from doxa_core.fields import Fields, canonical, finite, parse_object
from doxa_core.moments import from_wire, to_wire
from doxa_core.names import CODE, EPOCH, identifier, unit_of
from doxa_core.outcome import Outcome

SCHEMA: Final = 1
"""The schema that this code writes. It reads every schema from 1 on; see docs/wire.md §6 for how it may grow."""

MAX_BYTES: Final = 64 * 1024
"""The largest encoded measurement; raw samples that would exceed it are thinned by the meter, and it says so."""

MAX_VALUES: Final = 200
MAX_SEQ: Final = 2**53 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How good the wall clock was when the measurement started."""

    synchronised: bool
    error_ms: float | None = None
    """The kernel's estimate of the largest error, in milliseconds; absent where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProof:
    """Which way the packets really went: what the kernel says, not what the configuration hoped."""

    interface: str
    source: str
    """The source address that the sockets had."""
    gateway: str | None = None
    """The next hop of the route that was used; absent on a point-to-point or directly connected path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one run of one meter found.

    `values` maps a name with its unit to a finite number; what was not measured is absent, never 0. `detail` holds
    evidence that no statistic reads (time bins, samples, TCP_INFO). `reasons` are codes: why failed, skipped or limited.
    """

    site: str
    agent: str
    epoch: str
    seq: int
    task: str
    meter: str
    method: str
    """Name and version of the method, such as `speed/1`: a number is comparable only within one method."""
    link: str
    started: datetime
    """UTC; stamped once, by the wall clock. Its quality stands in `clock`."""
    boot: str
    """The kernel's boot id: with `monotonic_s`, a place in time that no clock step can move."""
    monotonic_s: float
    duration_s: float
    """From the monotonic clock."""
    clock: Clock
    outcome: Outcome
    version: str
    """The agent's version."""
    far_end: str | None = None
    family: int | None = None
    """4 or 6: the family that the packets really used."""
    proof: LinkProof | None = None
    reasons: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    """What guards noticed without refusing (`nic_fast_ethernet`, `clock_unsynchronised` …)."""
    values: Mapping[str, float] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The canonical bytes: one line of JSON. Raises `WireError` for what the contract refuses."""
        line = canonical(_fields(self))
        decode(line)  # a probe never spools what the collector would refuse
        return line


def _fields(m: Measurement) -> dict[str, Any]:
    found: dict[str, Any] = {
        "schema": SCHEMA, "site": m.site, "agent": m.agent, "epoch": m.epoch, "seq": m.seq, "task": m.task,
        "meter": m.meter, "method": m.method, "link": m.link, "started": to_wire(m.started), "boot": m.boot,
        "monotonic_s": m.monotonic_s, "duration_s": m.duration_s, "outcome": m.outcome.value, "version": m.version,
        "clock": _present(synchronised=m.clock.synchronised, error_ms=m.clock.error_ms),
        "values": dict(m.values),
    }  # fmt: skip
    if m.proof is not None:
        found["proof"] = _present(interface=m.proof.interface, source=m.proof.source, gateway=m.proof.gateway)
    found |= _present(far_end=m.far_end, family=m.family)
    found |= {
        k: v for k, v in (("reasons", list(m.reasons)), ("findings", list(m.findings)), ("detail", dict(m.detail))) if v
    }
    return found


def _present(**fields: Any) -> dict[str, Any]:
    """Absent is how no data travels: a None never reaches the wire."""
    return {k: v for k, v in fields.items() if v is not None}


def decode(line: bytes) -> Measurement:
    """The measurement in one line of JSON, or `WireError` with a code of docs/wire.md §7.

    Unknown fields are accepted and ignored here; the ledger keeps the raw line, so nothing is lost with them.
    """
    fields = Fields(parse_object(line, MAX_BYTES))
    schema = fields.integer("schema", 0, 2**31)
    if schema < SCHEMA:
        raise WireError("old_schema", f"schema {schema}; this collector reads {SCHEMA} and later")
    return Measurement(
        site=identifier(fields.raw("site"), "site"),
        agent=identifier(fields.raw("agent"), "agent"),
        epoch=epoch(fields.raw("epoch")),
        seq=fields.integer("seq", 1, MAX_SEQ),
        task=identifier(fields.raw("task"), "task"),
        meter=identifier(fields.raw("meter"), "meter"),
        method=fields.text("method", longest=40),
        link=identifier(fields.raw("link"), "link"),
        started=from_wire(fields.raw("started"), "started"),
        boot=fields.text("boot", longest=40),
        monotonic_s=fields.number("monotonic_s", 0),
        duration_s=fields.number("duration_s", 0, 1e7),
        clock=_clock(Fields(fields.mapping("clock"))),
        outcome=_outcome(fields.raw("outcome")),
        version=fields.text("version", longest=40),
        far_end=fields.text("far_end") if "far_end" in fields else None,
        family=_family(fields),
        proof=_proof(Fields(fields.mapping("proof"))) if "proof" in fields else None,
        reasons=_codes(fields.texts("reasons", 32, 64)),
        findings=_codes(fields.texts("findings", 32, 64)),
        values=_values(fields.mapping("values")),
        detail=fields.mapping("detail"),
    )


def epoch(text: object) -> str:
    """`text` if it is an epoch (16 hexadecimal digits), else `WireError`."""
    if isinstance(text, str) and EPOCH.fullmatch(text):
        return text
    raise WireError("bad_field", f"epoch: {text!r:.80} is not 16 hexadecimal digits")


def _family(fields: Fields) -> int | None:
    if "family" not in fields:
        return None
    if (family := fields.integer("family", 4, 6)) == 5:
        raise WireError("bad_field", "family: 5 is neither 4 nor 6")
    return family


def _clock(fields: Fields) -> Clock:
    return Clock(synchronised=fields.flag("synchronised"), error_ms=fields.optional_number("error_ms", 0))


def _proof(fields: Fields) -> LinkProof:
    gateway = fields.text("gateway", longest=64) if "gateway" in fields else None
    return LinkProof(
        interface=fields.text("interface", longest=32), source=fields.text("source", longest=64), gateway=gateway
    )


def _outcome(text: object) -> Outcome:
    try:
        return Outcome(str(text))
    except ValueError:
        raise WireError("bad_outcome", f"{text!r:.40} is not one of {', '.join(Outcome)}") from None


def _codes(found: tuple[str, ...]) -> tuple[str, ...]:
    for code in found:
        if not CODE.fullmatch(code):
            raise WireError("bad_field", f"{code!r:.80} is not a reason code")
    return found


def _values(found: dict[str, Any]) -> dict[str, float]:
    if len(found) > MAX_VALUES:
        raise WireError("too_big", f"{len(found)} values, {MAX_VALUES} allowed")
    return {name: _value(name, value) for name, value in found.items()}


def _value(name: str, value: object) -> float:
    """A value within the bounds that its unit allows: what is impossible is refused, not stored."""
    bounds = {"ratio": (0.0, 1.0), "flag": (0.0, 1.0)}
    lowest, highest = bounds.get(
        unit_of(name), (-1e6 if name.endswith(("_ms", "_us", "_celsius", "_s")) else 0.0, 1e18)
    )
    return finite(value, name, lowest, highest)
