"""Share targets: how many of the offices meet a condition. An office without evidence never counts as meeting it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from doxa_collector.assess.evidence import Evidence, InForce, Line, Office, Pulse
from doxa_collector.assess.family import Family, family_of
from doxa_collector.assess.judgement import Bounds, Judgement
from doxa_collector.assess.level import Held, Reader, by_layer, hold, judged, rolled_up
from doxa_collector.assess.rules import Ruled, Ruler
from doxa_collector.assess.settings import Settings
from doxa_collector.period import DAY_US
from doxa_collector.plans.model import Condition, Offices, Operator, PlaceLevel, PlanPlace, Target
from doxa_collector.rollups.model import evidence_of
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
    """The same figure at every layer, where the condition is a rate and is not met."""
    bounds: Bounds | None = None
    """Those of the value that the standing stands on."""
    by_figure: bool = False
    """Whether samples decided, so that it may be wrong by chance; what the registry or a dead line says is certain."""

    def shown(self) -> dict[str, Any]:
        """What the verdict's detail keeps of it."""
        found: dict[str, Any] = {"site": self.site, "place": self.place, "standing": self.standing.value, "n": self.n}
        lower, upper = self.bounds or (None, None)
        more = {
            "value": self.value, "layer": self.layer and self.layer.value, "layers": self.layers,
            "lower": lower, "upper": upper,
        }  # fmt: skip
        return found | {k: v for k, v in more.items() if v is not None} | {"reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Commune-level units of a place of which the registry has no office."""

    n: int
    codes: tuple[str, ...] = ()
    """Which they are; empty where only their number is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """Everybody whom a share is about."""

    members: tuple[Member, ...]
    """Every office of the registry, those that do not meet the condition first."""
    missing: Missing


def judge_share(evidence: Evidence, where: PlanPlace, target: Target, settings: Settings, now_us: int) -> Judgement:
    """The judgement of a share target at one place. `ValueError` for a target that is none."""
    condition, operator, value = _demand(target)
    offices, missing = _offices(evidence, where, condition), missing_of(evidence, where)
    family = family_of(len(offices), missing.n, operator, value, settings)
    members = members_among(evidence, offices, condition, settings, family, now_us)
    found = tally(members, missing, operator, value, family)
    if condition.rule is not None:
        stood_on = Ruler(evidence, offices, condition.rule, now_us).stood_on()
        return replace(found, detail={**found.detail, "rule": condition.rule.value, "evidence": evidence_of(stood_on)})
    if condition.measure is None:
        return found
    detail = {**found.detail, "decide_by": settings.decide_by, **family.shown()}
    if rolled_up(condition.measure):
        runs = evidence.runs(offices, condition.measure.meter, condition.link_kind)
        detail["evidence"] = evidence_of(line.runs for line in runs)
    return replace(found, detail=detail)


def members_of(evidence: Evidence, where: PlanPlace, target: Target, settings: Settings, now_us: int) -> Roll:
    """All offices of a share target at one place, as its judgement saw them; the verdict's detail has the first 200.

    With the evidence, settings and moment of a month (`closing.Judged`) these are the offices of its verdict, as long as
    the month was closed by this `settings.METHOD`. `ValueError` for a target that is no share.
    """
    condition, operator, value = _demand(target)
    offices, missing = _offices(evidence, where, condition), missing_of(evidence, where)
    family = family_of(len(offices), missing.n, operator, value, settings)
    members = members_among(evidence, offices, condition, settings, family, now_us)
    return Roll(members=tuple(sorted(members, key=_worst_first)), missing=missing)


def _demand(target: Target) -> tuple[Condition, Operator, float]:
    if target.condition is None or target.operator is None or target.value is None:
        raise ValueError(f"{target.id} is no share target")
    return target.condition, target.operator, target.value


def _offices(evidence: Evidence, where: PlanPlace, condition: Condition) -> list[Office]:
    return [o for o in evidence.offices(where) if o.commune or condition.offices is Offices.ALL]


def _worst_first(member: Member) -> tuple[int, str]:
    return list(Standing).index(member.standing), member.site


def missing_of(evidence: Evidence, where: PlanPlace) -> Missing:
    """The commune-level units of the place that have no office in the registry.

    How many there should be the plan says (`units`, `members`); else the gazetteer as it was at the end of the period.
    """
    there = {office.place for office in evidence.offices(where) if office.commune}
    codes = _communes(evidence, where)
    lacking = tuple(code for code in codes if code not in there)
    if where.units is None or where.units == len(codes):
        return Missing(n=len(lacking), codes=lacking)
    return Missing(n=max(0, where.units - len(there)))


def _communes(evidence: Evidence, where: PlanPlace) -> tuple[str, ...]:
    if where.members:
        return where.members
    if where.level is PlaceLevel.COUNTRY:
        return tuple(row["code"] for row in evidence.inputs.commune)
    if where.level is PlaceLevel.PROVINCE:
        return tuple(row["code"] for row in evidence.inputs.commune if row["province"] == where.code)
    return (where.code,) if where.level is PlaceLevel.COMMUNE else ()


# --- one office


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every office is asked."""

    evidence: Evidence
    condition: Condition
    settings: Settings
    family: Family
    runs: Mapping[tuple[str, str], InForce]
    pulses: Mapping[tuple[str, str], Pulse]
    layers: bool = True


def members_among(
    evidence: Evidence,
    offices: Sequence[Office],
    condition: Condition,
    settings: Settings,
    family: Family,
    now_us: int,
    *,
    layers: bool = True,
) -> list[Member]:
    """What is known of each of these offices, when an answer must be as certain as `family` says.

    A country is asked in parts, with the family of all of it. `layers`: whether each says its figure at every layer.
    """
    if condition.rule is not None:
        ruler = Ruler(evidence, offices, condition.rule, now_us)
        return [_ruled(office, ruler.judge(office)) for office in offices]
    until = min(now_us, evidence.period.to_us)
    pulses = evidence.pulses(offices, until - int(settings.recent_days * DAY_US), until)
    measure = condition.measure
    lines = (
        [] if measure is None or not rolled_up(measure) else evidence.runs(offices, measure.meter, measure.link_kind)
    )
    runs = {(line.runs.site, line.runs.link): line for line in lines}
    asked = _Asked(evidence, condition, settings, family, runs, pulses, layers)
    return [_member(office, asked) for office in offices]


def _ruled(office: Office, found: Ruled) -> Member:
    """By a rule, which is about the samples themselves: nothing of it is left to chance."""
    return Member(
        site=office.site, place=office.place, standing=_STANDINGS[found.outcome], reasons=found.reasons,
        value=found.value, n=found.n, bounds=found.bounds,
    )  # fmt: skip


def _member(office: Office, asked: _Asked) -> Member:
    """The best of the office's lines of the kind: one that meets the condition is enough."""
    day = asked.evidence.day
    lines = office.lines_on(day, asked.condition.link_kind)
    if not lines:
        registered = bool(office.lines_on(day))
        return _certain(
            office, Standing.FAILED if registered else Standing.UNKNOWN, "no_link" if registered else "no_lines"
        )
    order = (Standing.MET, Standing.LIMITED, Standing.UNKNOWN, Standing.FAILED)
    found = min((_of_line(office, line, asked) for line in lines), key=lambda member: order.index(member.standing))
    if found.standing is Standing.UNKNOWN and not found.n and not asked.evidence.probed(office):
        return replace(found, reasons=("no_probe",))
    return found


def _certain(office: Office, standing: Standing, *reasons: str, n: int = 0) -> Member:
    return Member(site=office.site, place=office.place, standing=standing, reasons=reasons, n=n)


def _of_line(office: Office, line: Line, asked: _Asked) -> Member:
    pulse = asked.pulses.get((line.site, line.link)) or Pulse()
    condition, settings = asked.condition, asked.settings
    if pulse.dead(settings.min_samples, settings.down_after_days):
        return _certain(office, Standing.FAILED, "link_down", n=pulse.broken)
    if condition.measure is None or condition.operator is None or condition.value is None:
        if pulse.through:
            return _certain(office, Standing.MET, n=pulse.through)
        return _certain(office, Standing.UNKNOWN, "no_recent_evidence")
    if not rolled_up(condition.measure):
        return _certain(office, Standing.UNKNOWN, "value_not_kept")
    runs = asked.runs.get((line.site, line.link))
    reader = Reader([] if runs is None else [runs], condition.measure)
    return _rated(office, reader, hold(condition.operator, condition.value, condition.measure, settings), asked)


def _rated(office: Office, reader: Reader, held: Held, asked: _Asked) -> Member:
    """By the line's own samples; what counts against the share must be as certain as the family needs, and what counts for it."""
    family = asked.family
    found = judged(reader, held.sure(family.met))
    if found.outcome in (VerdictOutcome.FAIL, VerdictOutcome.INSUFFICIENT) and family.failed != family.met:
        against = judged(reader, held.sure(family.failed))
        found = against if VerdictOutcome.FAIL in (found.outcome, against.outcome) else found
    standing = _STANDINGS[found.outcome]
    return Member(
        site=office.site,
        place=office.place,
        standing=standing,
        reasons=("below", *found.reasons) if standing is Standing.FAILED else found.reasons,
        value=found.value,
        n=found.n,
        layer=found.layer,
        layers=by_layer(reader, reader.measure.statistic) if asked.layers and found.layer is not None else None,
        bounds=found.bounds,
        by_figure=True,
    )


_STANDINGS: Final = {
    VerdictOutcome.PASS: Standing.MET,
    VerdictOutcome.FAIL: Standing.FAILED,
    VerdictOutcome.PROBE_LIMITED: Standing.LIMITED,
    VerdictOutcome.INSUFFICIENT: Standing.UNKNOWN,
}


# --- all of them


def tally(
    members: Sequence[Member], missing: Missing, operator: Operator, value: float, family: Family | None = None
) -> Judgement:
    """The outcome for these offices and the missing ones, of which nothing is known.

    The bounds leave to chance only what the offices' own answers do: all that is unknown missing the condition, or meeting
    it. So one certain failure decides "100 %", and nothing less than evidence from every office passes it.
    """
    counts = Counter(member.standing for member in members)
    total, met, failed = len(members) + missing.n, counts[Standing.MET], counts[Standing.FAILED]
    detail = _detail(members, missing, counts, total)
    if not total or not members:
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, reasons=("no_offices",), detail=detail)
    sure_met = met - _idle(members, Standing.MET, family.idle_met if family else 0)
    sure_failed = failed - _idle(members, Standing.FAILED, family.idle_failed if family else 0)
    bounds = Bounds(100 * sure_met / total, 100 * (total - sure_failed) / total)
    known = met + failed
    outcome = _outcome(bounds, counts, missing, operator, value)
    by_chance = outcome is VerdictOutcome.INSUFFICIENT and known == total
    return Judgement(
        outcome=outcome,
        value=100 * met / known if known else None,
        n=known,
        bounds=bounds,
        reasons=(*_reasons(members, counts, missing), *(("within_uncertainty",) if by_chance else ())),
        detail=detail,
    )


def _idle(members: Sequence[Member], standing: Standing, idle: int) -> int:
    """How many of a standing decide nothing: never those that are certain."""
    return min(idle, sum(1 for member in members if member.standing is standing and member.by_figure))


def _outcome(
    bounds: Bounds, counts: Counter[Standing], missing: Missing, operator: Operator, value: float
) -> VerdictOutcome:
    lower, upper = bounds.lower or 0.0, 100.0 if bounds.upper is None else bounds.upper
    worst, best = (lower, upper) if operator.upward else (upper, lower)
    if operator.holds(worst, value):
        return VerdictOutcome.PASS
    if not operator.holds(best, value):
        return VerdictOutcome.FAIL
    if counts[Standing.UNKNOWN] or missing.n or not counts[Standing.LIMITED]:
        return VerdictOutcome.INSUFFICIENT
    return VerdictOutcome.PROBE_LIMITED


def _reasons(members: Sequence[Member], counts: Counter[Standing], missing: Missing) -> tuple[str, ...]:
    """Why offices failed, then what is not known."""
    found = {reason: None for m in members if m.standing is Standing.FAILED for reason in m.reasons}
    if counts[Standing.LIMITED]:
        found["probe_was_limit"] = None
    if counts[Standing.UNKNOWN]:
        found["offices_unknown"] = None
        said = {reason for m in members if m.standing is Standing.UNKNOWN for reason in m.reasons}
        found |= dict.fromkeys(code for code in _TOLD_OF_MEMBERS if code in said)
    if any("by_estimate" in m.reasons for m in members):
        found["by_estimate"] = None
    if missing.n:
        found["offices_missing"] = None
    return tuple(found)


_TOLD_OF_MEMBERS: Final = (
    "no_probe", "within_uncertainty", "skips_decide", "too_few_days", "between_layers", "outermost_open", "no_capacity",
    "no_seven_days", "days_incomplete", "missing_samples_decide", "layer_not_counted",
)  # fmt: skip
"""What keeps an office unknown and stands among the share's own reasons too."""


def _detail(members: Sequence[Member], missing: Missing, counts: Counter[Standing], total: int) -> dict[str, Any]:
    shown = sorted(members, key=_worst_first)[:MEMBERS_SHOWN]
    return {
        "offices": {standing.value: counts[standing] for standing in Standing} | {"missing": missing.n, "total": total},
        "members": [member.shown() for member in shown],
        "members_shown": len(shown),
        "missing_places": list(missing.codes[:MEMBERS_SHOWN]),
    }
