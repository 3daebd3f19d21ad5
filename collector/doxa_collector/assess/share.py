"""Share targets: how many of the offices meet a condition. An office without evidence never counts as meeting it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from doxa_collector.assess.bounds import Bounds
from doxa_collector.assess.evidence import Evidence, Office, Pulse, Sample, named
from doxa_collector.assess.level import Judgement, Rule, judge
from doxa_collector.assess.period import DAY_US
from doxa_collector.assess.settings import Settings
from doxa_collector.plans.model import Condition, Offices, Operator, PlaceLevel, PlanPlace, Target
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer

MEMBERS_SHOWN: Final = 200
"""Offices listed in a verdict's detail; the failed ones come first, so a country's list stays readable."""


class Standing(StrEnum):
    """What is known of one office."""

    FAILED = "failed"
    LIMITED = "limited"
    UNKNOWN = "unknown"
    MET = "met"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One office of a share."""

    site: str
    place: str
    standing: Standing
    reasons: tuple[str, ...] = ()
    value: float | None = None
    n: int = 0
    layer: Layer | None = None
    layers: Mapping[str, float] | None = None
    """The same figure at every layer, where the condition is a rate."""

    def shown(self) -> dict[str, Any]:
        """What the verdict's detail keeps of it."""
        found: dict[str, Any] = {"site": self.site, "place": self.place, "standing": self.standing.value, "n": self.n}
        more = {"value": self.value, "layer": self.layer and self.layer.value, "layers": self.layers}
        return found | {k: v for k, v in more.items() if v is not None} | {"reasons": list(self.reasons)}


def judge_share(evidence: Evidence, where: PlanPlace, target: Target, settings: Settings, now_us: int) -> Judgement:
    """The judgement of a share target at one place."""
    condition = target.condition
    if condition is None or target.operator is None or target.value is None:
        raise ValueError(f"{target.id} is no share target")
    offices = [o for o in evidence.offices(where) if o.commune or condition.offices is Offices.ALL]
    members = members_of(evidence, offices, condition, settings, now_us)
    found = tally(members, _missing(offices, where), target.operator, target.value)
    if condition.measure is None:
        return found
    runs = evidence.samples(offices, condition.measure.meter, condition.link_kind)
    return replace(found, detail={**found.detail, "evidence": named(runs)})


def members_of(
    evidence: Evidence, offices: Sequence[Office], condition: Condition, settings: Settings, now_us: int
) -> list[Member]:
    """What is known of each office."""
    until = min(now_us, evidence.period.to_us)
    pulses = evidence.pulses(offices, until - int(settings.recent_days * DAY_US), until)
    samples = _samples_by_line(evidence, offices, condition)
    return [_member(office, evidence, condition, samples, pulses, settings) for office in offices]


def _samples_by_line(
    evidence: Evidence, offices: Sequence[Office], condition: Condition
) -> dict[tuple[str, str], list[Sample]]:
    found: dict[tuple[str, str], list[Sample]] = {}
    if condition.measure is not None:
        for sample in evidence.samples(offices, condition.measure.meter, condition.link_kind):
            found.setdefault((sample.site, sample.link), []).append(sample)
    return found


def _member(
    office: Office,
    evidence: Evidence,
    condition: Condition,
    samples: Mapping[tuple[str, str], Sequence[Sample]],
    pulses: Mapping[tuple[str, str], Pulse],
    settings: Settings,
) -> Member:
    """The best of the office's lines of the kind: one that meets the condition is enough."""
    lines = office.lines_on(evidence.day, condition.link_kind)
    if not lines:
        registered = bool(office.lines_on(evidence.day))
        standing, reason = (Standing.FAILED, "no_link") if registered else (Standing.UNKNOWN, "no_lines")
        return Member(site=office.site, place=office.place, standing=standing, reasons=(reason,))
    found = [
        _of_line(
            office, condition, samples.get((line.site, line.link), ()), pulses.get((line.site, line.link)), settings
        )
        for line in lines
    ]
    order = (Standing.MET, Standing.LIMITED, Standing.UNKNOWN, Standing.FAILED)
    return min(found, key=lambda member: order.index(member.standing))


def _of_line(
    office: Office, condition: Condition, samples: Sequence[Sample], heard: Pulse | None, settings: Settings
) -> Member:
    pulse = heard or Pulse()
    if pulse.dead(settings.min_samples, settings.down_after_days):
        return Member(
            site=office.site, place=office.place, standing=Standing.FAILED, reasons=("link_down",), n=pulse.broken
        )
    if condition.measure is None or condition.operator is None or condition.value is None:
        return _connected(office, pulse)
    rule = Rule(
        operator=condition.operator,
        value=condition.value,
        statistic=condition.measure.statistic,
        min_samples=settings.min_samples,
    )
    found = judge(samples, condition.measure, rule)
    reasons = ("below", *found.reasons) if found.outcome is VerdictOutcome.FAIL else found.reasons
    return Member(
        site=office.site,
        place=office.place,
        standing=_STANDINGS[found.outcome],
        reasons=reasons,
        value=found.value,
        n=found.n,
        layer=found.layer,
        layers=found.detail.get("layers"),
    )


_STANDINGS: Final = {
    VerdictOutcome.PASS: Standing.MET,
    VerdictOutcome.FAIL: Standing.FAILED,
    VerdictOutcome.PROBE_LIMITED: Standing.LIMITED,
    VerdictOutcome.INSUFFICIENT: Standing.UNKNOWN,
}


def _connected(office: Office, pulse: Pulse) -> Member:
    standing, reasons = (Standing.MET, ()) if pulse.through else (Standing.UNKNOWN, ("no_recent_evidence",))
    return Member(site=office.site, place=office.place, standing=standing, reasons=reasons, n=pulse.through)


def _missing(offices: Sequence[Office], where: PlanPlace) -> int:
    """How many commune-level units of the place have no office in the registry."""
    expected = where.units or len(where.members) or int(where.level is PlaceLevel.COMMUNE)
    return max(0, expected - len({office.place for office in offices if office.commune}))


def tally(members: Sequence[Member], missing: int, operator: Operator, value: float) -> Judgement:
    """The outcome for these offices and `missing` more of which nothing is known.

    The bounds are certain, not statistical: all that is unknown missing the condition, or meeting it. So one certain
    failure decides "100 %", and nothing less than evidence from every office passes it.
    """
    counts = Counter(member.standing for member in members)
    total, met, failed = len(members) + missing, counts[Standing.MET], counts[Standing.FAILED]
    detail = _detail(members, missing, counts, total)
    if not total or not members:
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, reasons=("no_offices",), detail=detail)
    bounds = Bounds(100 * met / total, 100 * (total - failed) / total)
    known = met + failed
    return Judgement(
        outcome=_outcome(bounds, counts, missing, operator, value),
        value=100 * met / known if known else None,
        n=known,
        bounds=bounds,
        reasons=_reasons(members, counts, missing),
        detail=detail,
    )


def _outcome(
    bounds: Bounds, counts: Counter[Standing], missing: int, operator: Operator, value: float
) -> VerdictOutcome:
    worst, best = (bounds.lower, bounds.upper) if operator.upward else (bounds.upper, bounds.lower)
    if operator.holds(worst, value):
        return VerdictOutcome.PASS
    if not operator.holds(best, value):
        return VerdictOutcome.FAIL
    if counts[Standing.UNKNOWN] or missing:
        return VerdictOutcome.INSUFFICIENT
    return VerdictOutcome.PROBE_LIMITED


def _reasons(members: Sequence[Member], counts: Counter[Standing], missing: int) -> tuple[str, ...]:
    """Why offices failed, then what is not known."""
    found = {reason: None for m in members if m.standing is Standing.FAILED for reason in m.reasons}
    if counts[Standing.LIMITED]:
        found["probe_was_limit"] = None
    if counts[Standing.UNKNOWN]:
        found["offices_unknown"] = None
        if any("between_layers" in m.reasons for m in members):
            found["between_layers"] = None
    if missing:
        found["offices_missing"] = None
    return tuple(found)


def _detail(members: Sequence[Member], missing: int, counts: Counter[Standing], total: int) -> dict[str, Any]:
    order = list(Standing)
    shown = sorted(members, key=lambda member: (order.index(member.standing), member.site))[:MEMBERS_SHOWN]
    return {
        "offices": {standing.value: counts[standing] for standing in Standing} | {"missing": missing, "total": total},
        "members": [member.shown() for member in shown],
        "members_shown": len(shown),
    }
