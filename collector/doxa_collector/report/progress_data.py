"""A month of one plan as the record of the progress report: every target at every place, whether there is a figure or not."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, select

from doxa_collector.assess.evidence import Evidence as Ledger
from doxa_collector.assess.evidence import Office
from doxa_collector.assess.manual import FLAG
from doxa_collector.assess.reasons import reason_text
from doxa_collector.assess.share import Standing
from doxa_collector.assess.wording import explain
from doxa_collector.ledger.schema import measurement
from doxa_collector.papers.drafts.progress_records import (
    CommuneTable,
    Evidence,
    HandRow,
    Known,
    Measured,
    Progress,
    TargetRow,
)
from doxa_collector.papers.parts import quoted, said
from doxa_collector.papers.period import ReportPeriod, day
from doxa_collector.papers.sources import Ground, sign
from doxa_collector.period import local_day
from doxa_collector.plans.model import Kind, Mark, Plan, PlanPlace, Target
from doxa_collector.report.communes import Register, communes_of, evidence_for
from doxa_collector.report.forecasts import Forecasts, forecast_words
from doxa_collector.report.month import Month
from doxa_collector.report.months import Months
from doxa_collector.report.trends import remarks_of, states_of, trends_of
from doxa_collector.report.wording import (
    DUE,
    condition_words,
    confidence_of,
    demand,
    doubt_notes,
    figure_month,
    layer_words,
    sentence,
    statistic_words,
    unit_words,
    when,
)
from doxa_collector.verdict import Verdict

Detail = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How many offices one place has in the registry of the month, and from how many something arrived."""

    place: PlanPlace
    offices: int
    heard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The record, and what the paper must say besides."""

    progress: Progress
    scopes: tuple[Scope, ...]
    shortened: tuple[str, ...]
    """Labels of the shares whose list of offices is longer than the ledger keeps."""
    ranks: frozenset[str]
    """Labels of the targets that are ranks."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """One target at one place."""

    month: Month
    verdict: Verdict
    target: Target
    place: PlanPlace
    detail: Detail

    @property
    def label(self) -> str:
        return self.target.label

    @property
    def title(self) -> str:
        """With the place, where the plan has several of them."""
        several = len(self.month.places) > 1
        return self.target.title.vi + (f" – {self.place.name}" if several else "")


def progress_of(conn: Connection, months: Months) -> Filled:
    """The record of a period; of closed months the same on whatever day it is asked."""
    month = months.main
    found = tuple(_judged(month))
    ledger, register, forecasts = evidence_for(conn, month), Register(month), Forecasts(conn, months)
    tables = [
        (one, communes_of(ledger, register, one.target, one.place, one.title, one.detail)) for one in found
    ]  # fmt: skip
    progress = Progress(
        plan_title=month.plan.title,
        place=", ".join(place.name for place in month.places),
        period=ReportPeriod(first=months.span.first, last=months.span.last),
        made_on=_made_on(months),
        rows=tuple(_row(one, forecasts) for one in found if one.target.kind is not Kind.MANUAL),
        hand=tuple(_hand(one) for one in found if one.target.kind is Kind.MANUAL),
        communes=tuple(table for _, table in tables if table is not None),
        trends=trends_of(months, forecasts),
        month_states=states_of(months),
        remarks=tuple(remarks_of(months)),
        grounds=(_ground(month.plan),),
        evidence=_evidence(conn, month, found, ledger),
    )
    return Filled(
        progress=progress,
        scopes=tuple(_scope(ledger, place) for place in month.places),
        shortened=tuple(one.label for one, table in tables if table is not None and _lists_less(one, table)),
        ranks=frozenset(one.label for one in found if one.target.kind is Kind.RANK),
    )


def _made_on(months: Months) -> date:
    """The day of its youngest judgement."""
    found = [column.month.judged.judged_us for column in months.columns if column.month is not None]
    return local_day(max((months.main.judged.judged_us, *found)))


def _judged(month: Month) -> Iterator[_Judged]:
    targets = {target.id: target for target in month.plan.targets}
    places = {place.code: place for place in month.places}
    for verdict in month.verdicts:
        yield _Judged(month, verdict, targets[verdict.target], places[verdict.place], json.loads(verdict.detail))


def _lists_less(one: _Judged, table: CommuneTable) -> bool:
    """Whether a month that another method closed kept only the first of its offices."""
    total = one.detail.get("offices", {}).get("total", 0)
    return not one.month.provable and len(table.rows) + table.unlisted < total


# --- what was measured or published


def _row(one: _Judged, forecasts: Forecasts) -> TargetRow:
    target, verdict = one.target, one.verdict
    return TargetRow(
        label=one.label,
        title=one.title,
        words=target.words,
        quoted=target.quoted,
        line=", ".join(target.lines),
        operator=target.operator,
        operator_mark=target.operator_mark,
        value=target.value,
        unit=unit_words(target.unit),
        demand=demand(target),
        due=target.due,
        baseline=_baseline(target),
        ispeed=target.ispeed or target.kind is Kind.RANK,
        published=_published(one),
        measured=_measured(one),
        outcome=verdict.outcome,
        samples=verdict.n,
        needed=_needed(one),
        counted=_COUNTED[target.kind],
        explanation=explain(verdict, target).vi,
        forecast=forecast_words(forecasts.of(target, one.place)),
        notes=_notes(one),
    )


def _baseline(target: Target) -> Known | None:
    found = target.baseline
    if found is None:
        return None
    return Known(value=found.value, unit=unit_words(found.unit), when=when(found.as_of) or _NO_DATE, source=found.line)


def _published(one: _Judged) -> Known | None:
    """The published figure of the month as its source labels it; i-Speed counts in Mbps."""
    value, origin = one.verdict.published, one.detail.get("published")
    if value is None or origin is None:
        return None
    return Known(
        value=value, unit="Mbps", when=when(figure_month(one.month.period)), statistic=statistic_words(origin["statistic"]),
        mark=Mark(origin["mark"]), source=origin["source"],
    )  # fmt: skip


def _measured(one: _Judged) -> Measured | None:
    """What the probes found. A rank is no measurement, and the bounds of a share are no 95 % ones: both stand in notes."""
    verdict, target = one.verdict, one.target
    if verdict.value is None or target.kind is Kind.RANK:
        return None
    if target.kind is Kind.SHARE:
        met = one.detail["offices"][Standing.MET]
        return Measured(value=verdict.value, unit="%", statistic=f"{said(met)}/{said(verdict.n)} trụ sở đã rõ")
    return Measured(
        value=verdict.value, unit=unit_words(target.unit), statistic=statistic_words(one.detail.get("statistic")),
        layer=layer_words(verdict.layer), lower=verdict.lower, upper=verdict.upper,
        confidence=confidence_of(one.detail),
    )  # fmt: skip


def _needed(one: _Judged) -> int | None:
    if one.target.kind is Kind.RANK:
        return int(one.detail["needed"])
    if one.target.kind is Kind.SHARE:
        offices = one.detail.get("offices")
        return offices["total"] if offices else None
    least = one.detail.get("min_samples")
    return None if least is None else int(least)


def _notes(one: _Judged, *said_already: str) -> tuple[str, ...]:
    """Everything that a reader must know: reasons, conditions, sources, and what is not the document's own word."""
    found = [reason_text(code).vi for code in one.verdict.reasons]
    if one.target.condition is not None:
        found.append(condition_words(one.target.condition))
    found += _share_notes(one)
    if one.target.kind is Kind.RANK and one.verdict.value is not None:
        found.append(f"thứ {int(one.verdict.value)} trong {one.verdict.n} tỉnh, thành phố có số liệu công bố")
    published = _published(one)
    if published is not None:
        found.append(f"nguồn số liệu công bố: {published.source}")
    if one.target.baseline is not None and one.target.baseline.note is not None:
        found.append(f"hiện trạng ban đầu: {one.target.baseline.note.vi}")
    if one.target.note is not None:
        found.append(one.target.note.vi)
    return tuple(sentence(words) for words in dict.fromkeys((*found, *doubt_notes(one.target, *said_already))))


def _share_notes(one: _Judged) -> Iterator[str]:
    """How many offices are what, and the share that is certain whatever the others turn out to be."""
    offices, verdict = one.detail.get("offices"), one.verdict
    if not offices or not offices["total"]:
        return
    names = ((Standing.MET, "đáp ứng"), (Standing.FAILED, "không đáp ứng"), (Standing.LIMITED, "thiết bị đo giới hạn"),
             (Standing.UNKNOWN, "chưa đủ dữ liệu"), ("missing", "chưa có trong danh mục"))  # fmt: skip
    counted = ", ".join(f"{offices[key]} {words}" for key, words in names if offices[key])
    yield f"trong {offices['total']} trụ sở: {counted}"
    if verdict.lower is not None and verdict.upper is not None and verdict.n < offices["total"]:
        yield f"chắc chắn từ {said(verdict.lower, decimals=1)} % đến {said(verdict.upper, decimals=1)} % tổng số trụ sở"


# --- what people entered


def _hand(one: _Judged) -> HandRow:
    target = one.target
    titled = f"{one.title}\n{quoted(target.words, ', '.join(target.lines), literally=target.quoted)}"
    entered, who = _entered(one)
    return HandRow(
        label=one.label,
        title=titled,
        operator=target.operator,
        operator_mark=target.operator_mark,
        value=target.value,
        unit=unit_words(target.unit),
        demand="" if target.value is not None else "thực hiện, không đặt con số",
        baseline=_baseline(target),
        entered=entered,
        entered_by=who,
        outcome=one.verdict.outcome,
        notes=(*_due_note(target), *_notes(one, DUE)),
    )


def _due_note(target: Target) -> tuple[str, ...]:
    """The draft gives a date only to measured targets."""
    return () if target.due is None else (sentence(f"hạn {day(target.due)}{sign(target.due_mark)}"),)


def _entered(one: _Judged) -> tuple[Known | None, str]:
    """The figure that the verdict took, and who entered it."""
    if one.verdict.value is None or "as_of" not in one.detail:
        return None, ""
    unit, as_of, source = one.detail["unit"], one.detail["as_of"], one.detail["source"]
    done = {1.0: "đã thực hiện", 0.0: "chưa thực hiện"}.get(one.verdict.value, "") if unit == FLAG else ""
    rows = [
        row for row in one.month.judged.inputs.indicator
        if (row["plan"], row["target"], row["place_code"]) == (one.month.plan.id, one.target.id, one.place.code)
    ]  # fmt: skip
    latest = max(rows, key=lambda row: (row["as_of"], row["entered_us"], row["id"]))  # as assess.manual takes it
    known = Known(
        value=one.verdict.value, unit=unit_words(unit), when=when(as_of), statistic=done, source=source
    )  # fmt: skip
    return known, str(latest["entered_by"])


# --- what it stands on


def _ground(plan: Plan) -> Ground:
    around = [f"số {plan.document}"] if plan.document else []
    issued = f"ngày {day(plan.issued)} " if plan.issued else ""
    around.append(f"{issued}của {plan.issuer}")
    return Ground(words=f"{plan.title} ({' '.join(around)})", mark=plan.mark, source=plan.source)


def _evidence(conn: Connection, month: Month, found: tuple[_Judged, ...], ledger: Ledger) -> Evidence:
    """The whole range of records, and the methods that measured them."""
    named = [one.detail["evidence"] for one in found if one.detail.get("evidence", {}).get("n")]
    return Evidence(
        first=f"số {said(min(one['first'] for one in named))}" if named else "",
        last=f"số {said(max(one['last'] for one in named))}" if named else "",
        methods=_methods(conn, month, [office for place in month.places for office in ledger.offices(place)]),
        plan_version=month.plan.version,
    )


def _methods(conn: Connection, month: Month, offices: list[Office]) -> tuple[str, ...]:
    """`speed librespeed/1` … of the meters that the plan's targets read."""
    measures = (t.measure or (t.condition.measure if t.condition else None) for t in month.plan.targets)
    meters = {measure.meter for measure in measures if measure is not None}
    sites = sorted({office.site for office in offices})
    m, period, found = measurement.c, month.period, set[str]()
    for start in range(0, len(sites), _CHUNK):
        query = select(m.meter, m.method).distinct().where(
            m.site.in_(sites[start : start + _CHUNK]), m.meter.in_(sorted(meters)), m.started_us >= period.from_us,
            m.started_us < period.to_us, m.id <= month.judged.last_id,
        )  # fmt: skip
        found |= {f"{meter} ({method})" for meter, method in conn.execute(query)}
    return tuple(sorted(found))


def _scope(ledger: Ledger, place: PlanPlace) -> Scope:
    offices = ledger.offices(place)
    pulses = ledger.pulses(offices, ledger.period.from_us, ledger.period.to_us)
    return Scope(place=place, offices=len(offices), heard=len({site for site, _ in pulses}))


_NO_DATE: Final = "văn bản không ghi thời điểm"
_CHUNK: Final = 500  # names in one statement: databases limit their number
_COUNTED: Final = {Kind.LEVEL: "mẫu", Kind.SHARE: "trụ sở đã rõ", Kind.RANK: "tỉnh", Kind.MANUAL: "lần nhập"}
