"""The annex by commune: every commune-level unit of a place under a target, also those of which nothing is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection

from doxa_collector.assess.evidence import Evidence, InForce, Office
from doxa_collector.assess.judgement import Bounds, Judgement
from doxa_collector.assess.level import Reader, hold, judged, rolled_up
from doxa_collector.assess.published import Published, published_figures
from doxa_collector.assess.reasons import reason_text
from doxa_collector.assess.share import Member, Missing, Roll, Standing, members_of, missing_of
from doxa_collector.papers.drafts.progress_records import CommuneRow, CommuneTable, Known, Measured
from doxa_collector.plans.model import Kind, Mark, Measure, PlaceLevel, PlanPlace, Target
from doxa_collector.report.month import Month
from doxa_collector.report.wording import figure_month, layer_words, sentence, statistic_words, unit_words, when
from doxa_collector.rollups.kept import Kept
from doxa_collector.verdict import VerdictOutcome

NOT_LISTED: Final = "chưa có trong danh mục"
OUTCOMES: Final = {
    Standing.MET: VerdictOutcome.PASS,
    Standing.FAILED: VerdictOutcome.FAIL,
    Standing.LIMITED: VerdictOutcome.PROBE_LIMITED,
    Standing.UNKNOWN: VerdictOutcome.INSUFFICIENT,
}


def evidence_for(conn: Connection, month: Month) -> Evidence:
    """What a month was judged by. It is read from the rollups where these have counted just that."""
    kept, last_id = Kept(conn), month.judged.last_id
    whole = kept.position == last_id or (kept.position > last_id and not month.late)
    return Evidence(conn, month.period, month.day, month.judged.inputs, last_id, kept if whole else None)


@dataclass(frozen=True)
class Register:
    """Names of a month, looked up many times."""

    month: Month
    _published: dict[Measure, dict[str, Published]] = field(default_factory=dict)

    @cached_property
    def _communes(self) -> Mapping[str, str]:
        on, inputs = self.month.day.isoformat(), self.month.judged.inputs
        found = {row["code"]: str(row["name"]) for row in inputs.commune}
        for row in inputs.place:
            if row["valid_from"] <= on <= row.get("valid_to", on):
                found[row["code"]] = str(row["name"])
        return found

    @cached_property
    def _sites(self) -> Mapping[str, str]:
        return {row["site"]: str(row["name"]) for row in self.month.judged.inputs.site}

    @cached_property
    def provinces(self) -> Mapping[str, str]:
        """Commune → its province, by the list of units and by the registry."""
        inputs = self.month.judged.inputs
        found = {row["code"]: str(row["province"]) for row in inputs.commune}
        return found | {row["code"]: str(row["province"]) for row in inputs.place if row["level"] == PlaceLevel.COMMUNE}

    def commune(self, code: str) -> str:
        """A unit's name; its code where nobody named it."""
        return self._communes.get(code, code)

    def office(self, site: str, code: str) -> str:
        """The commune, and the office within it: a commune may have several."""
        return "\n".join(dict.fromkeys((self.commune(code), self._sites.get(site, site))))

    def published(self, measure: Measure | None, code: str) -> Known | None:
        """The published figure of the month for a place."""
        if measure is None:
            return None
        if measure not in self._published:
            self._published[measure] = published_figures(self.month.judged.inputs, measure)
        found = self._published[measure].get(code)
        if found is None:
            return None
        return Known(
            value=found.value, unit="Mbps", when=when(figure_month(self.month.period)),
            statistic=statistic_words(found.statistic), mark=Mark(found.mark), source=found.source,
        )  # fmt: skip


def communes_of(
    evidence: Evidence, register: Register, target: Target, place: PlanPlace, title: str, detail: Mapping[str, Any]
) -> CommuneTable | None:
    """The units of a place under a target; None for a target that offices do not answer, and for a level of one commune."""
    if target.kind is Kind.SHARE:
        return _share(evidence, register, target, place, title, detail)
    if target.kind is Kind.LEVEL and place.level is not PlaceLevel.COMMUNE and register.month.provable:
        return _level(evidence, register, target, place, title)
    return None


# --- offices of a share


def _share(
    evidence: Evidence, register: Register, target: Target, place: PlanPlace, title: str, detail: Mapping[str, Any]
) -> CommuneTable | None:
    condition, month = target.condition, register.month
    if condition is None:
        return None
    if month.provable:
        roll = members_of(evidence, place, target, month.judged.settings, month.judged.judged_us)
    else:
        roll = _as_kept(detail)
    if not roll.members:
        return None
    rows = [_office(register, month, target, member) for member in roll.members]
    rows += _absent(register, roll.missing, condition.link_kind.text.vi)
    return CommuneTable(
        label=target.label, title=title, operator=condition.asked.operator, value=condition.asked.value,
        rows=tuple(sorted(rows, key=lambda row: (row.code, row.name))), unlisted=_nameless(roll.missing),
        confidence=month.judged.settings.confidence,
    )  # fmt: skip


def _office(register: Register, month: Month, target: Target, member: Member) -> CommuneRow:
    condition = target.condition
    assert condition is not None  # a share has one
    rated = condition.measure is not None
    notes = [reason_text(code).vi for code in member.reasons]
    if not rated and condition.rule is None and member.standing is Standing.MET:
        notes.append(f"{member.n} lần đo qua trong những ngày cuối kỳ")
    return CommuneRow(
        code=member.place,
        name=register.office(member.site, member.place),
        link=condition.link_kind.text.vi,
        published=register.published(condition.measure, member.place),
        measured=_figure(member, target),
        samples=member.n if rated or condition.rule is not None else None,
        needed=month.judged.settings.min_samples if rated else None,
        outcome=OUTCOMES[member.standing],
        notes=tuple(map(sentence, notes)),
    )


def _figure(member: Member, target: Target) -> Measured | None:
    condition = target.condition
    if member.value is None or condition is None:
        return None
    if condition.rule is not None:
        unit = unit_words(condition.asked.unit)
        return Measured(value=member.value, unit=unit, statistic=condition.rule.figure.vi, layer="")
    if condition.measure is None:
        return None
    return Measured(
        value=member.value, unit=unit_words(condition.unit), statistic=condition.measure.statistic.text.vi,
        layer=layer_words(None if member.layer is None else member.layer.value),
    )  # fmt: skip


def _absent(register: Register, missing: Missing, link: str) -> Iterator[CommuneRow]:
    for code in missing.codes:
        yield CommuneRow(
            code=code, name=register.commune(code), link=link, outcome=VerdictOutcome.INSUFFICIENT,
            notes=(sentence(NOT_LISTED),), listed=False,
        )  # fmt: skip


def _nameless(missing: Missing) -> int:
    return 0 if missing.codes else missing.n


# --- communes of a level


def _level(evidence: Evidence, register: Register, target: Target, place: PlanPlace, title: str) -> CommuneTable | None:
    """Each commune by its own offices' runs: for comparison, since the target is judged for the whole place."""
    measure, offices, month = target.measure, evidence.offices(place), register.month
    if measure is None or target.operator is None or target.value is None or not offices or not rolled_up(measure):
        return None
    held = hold(target.operator, target.value, measure, month.judged.settings)
    lines = _by_commune(evidence.runs(offices, measure.meter, measure.link_kind), offices)
    missing = missing_of(evidence, place)
    rows = [
        _commune(
            register, month, target, code, judged(Reader(lines.get(code, []), measure), held, fixed_layer=target.ispeed)
        )
        for code in sorted({office.place for office in offices})
    ]
    rows += _absent(register, missing, measure.link_kind.text.vi)
    return CommuneTable(
        label=target.label, title=f"{title} – từng xã, phường, để tham khảo", operator=target.operator, value=target.value,
        rows=tuple(sorted(rows, key=lambda row: row.code)), unlisted=_nameless(missing),
        confidence=month.judged.settings.confidence,
    )  # fmt: skip


def _by_commune(lines: list[InForce], offices: list[Office]) -> dict[str, list[InForce]]:
    places = {office.site: office.place for office in offices}
    found: dict[str, list[InForce]] = {}
    for line in lines:
        found.setdefault(places[line.runs.site], []).append(line)
    return found


def _commune(register: Register, month: Month, target: Target, code: str, found: Judgement) -> CommuneRow:
    measure = target.measure
    assert measure is not None  # a level has one
    lower, upper = found.bounds or Bounds(None, None)
    measured = None if found.value is None else Measured(
        value=found.value, unit=unit_words(target.unit), statistic=measure.statistic.text.vi,
        layer=layer_words(None if found.layer is None else found.layer.value), lower=lower, upper=upper,
        confidence=month.judged.settings.confidence,
    )  # fmt: skip
    return CommuneRow(
        code=code,
        name=register.commune(code),
        link=measure.link_kind.text.vi,
        published=register.published(measure, code),
        measured=measured,
        samples=found.n,
        needed=month.judged.settings.min_samples,
        outcome=found.outcome,
        notes=tuple(sentence(reason_text(reason).vi) for reason in found.reasons),
    )


def _as_kept(detail: Mapping[str, Any]) -> Roll:
    """The offices that a kept verdict lists, of a month that another method closed; the paper says where it is not all of them."""
    members = tuple(
        Member(
            site=one["site"], place=one["place"], standing=Standing(one["standing"]), reasons=tuple(one["reasons"]),
            value=one.get("value"), n=int(one["n"]),
        )
        for one in detail.get("members", ())
    )  # fmt: skip
    missing = Missing(n=int(detail.get("offices", {}).get("missing", 0)))
    return Roll(members=members, missing=missing)
