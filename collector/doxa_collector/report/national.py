"""The country's period as the record of the national report."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from doxa_collector.assess.closing import latest_closings
from doxa_collector.assess.reasons import reason_text
from doxa_collector.assess.run import first_day
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.share import Standing
from doxa_collector.assess.wording import demand as demand_of
from doxa_collector.assess.wording import shortest
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.papers.drafts.national_records import (
    CommuneCell,
    CommuneLine,
    Counts,
    National,
    ProvinceRow,
    RequirementRow,
    WorstLine,
)
from doxa_collector.papers.drafts.progress_records import MonthState, Trend, TrendMonth
from doxa_collector.papers.parts import said
from doxa_collector.papers.period import ReportPeriod, day
from doxa_collector.papers.sources import Ground, sign
from doxa_collector.period import Period, local_day
from doxa_collector.places.gazetteer import load
from doxa_collector.plans.loader import default_folder
from doxa_collector.plans.model import Kind, Plan
from doxa_collector.report.communes import OUTCOMES
from doxa_collector.report.national_judging import (
    STANDINGS,
    Answer,
    Asked,
    MonthAnswers,
    Requirement,
    judge_country,
    requirements_of,
)
from doxa_collector.report.span import Span, SpanKind
from doxa_collector.report.wording import condition_words, layer_words, sentence, unit_words
from doxa_core.errors import InputError
from doxa_core.language import Text

NATIONAL: Final = default_folder() / "national"
"""The national plans that are shipped; a province's own plans stand beside, so that nobody is judged by them unasked."""
WORST_SHOWN: Final = 15
"""Lines of each requirement."""


def national_of(
    ledger: Path,
    plans: Sequence[Plan],
    span: Span,
    settings: Settings,
    now_us: int,
    *,
    places: Path | None = None,
    jobs: int | None = None,
) -> National:
    """The record of a month, a quarter or a year; its tables are of the last month that has begun.

    `InputError` for any other days, for plans without a target for the country, and for a month that none of them holds in.
    """
    if span.kind is SpanKind.DAYS:
        raise InputError(f"--period {span.first}..{span.last}", _NO_DAYS, _BY_MONTH)
    requirements = requirements_of(plans)
    main, states = _months(ledger, span, now_us)
    held = tuple(one for one in requirements if one.place(main, min(main.last, local_day(now_us))) is not None)
    if not held:
        raise InputError("--plans", _NO_PLAN.fill(month=f"{main.first:%m/%Y}"), _SEE_PLANS)
    asked = [
        Asked(ledger=ledger, period=period, requirements=held, settings=settings, now_us=now_us, places=places,
              detailed=period == main)
        for period, state in states if state not in (MonthState.AHEAD, MonthState.NOT_JUDGED)
    ]  # fmt: skip
    found = {one.period.first: one for one in judge_country(asked, jobs)}
    return _record(span, main, states, found, held, plans, places)


def _months(ledger: Path, span: Span, now_us: int) -> tuple[Period, list[tuple[Period, MonthState]]]:
    engine = open_ledger(ledger, create=False)
    try:
        with reading(engine) as conn:
            main = span.judged_month(local_day(now_us))
            return main, [(period, _state(conn, period, main, now_us)) for period in span.months()]
    finally:
        engine.dispose()


def _state(conn: Connection, period: Period, main: Period, now_us: int) -> MonthState:
    if period.from_us > now_us:
        return MonthState.AHEAD
    if period.first in latest_closings(conn):
        return MonthState.CLOSED
    if period.last < first_day(conn, now_us) and period != main:
        return MonthState.NOT_JUDGED
    return MonthState.PROVISIONAL


def _record(
    span: Span,
    main: Period,
    states: Sequence[tuple[Period, MonthState]],
    found: dict[date, MonthAnswers],
    held: Sequence[Requirement],
    plans: Sequence[Plan],
    places: Path | None,
) -> National:
    now = found[main.first]
    labels = {one.key: f"YC{at}" for at, one in enumerate(held, 1)}
    several = span.kind is not SpanKind.MONTH
    names = _province_names(now, main, places)
    return National(
        period=ReportPeriod(first=span.first, last=span.last),
        judged=ReportPeriod(first=main.first, last=main.last),
        provisional=any(state in (MonthState.PROVISIONAL, MonthState.AHEAD) for _, state in states),
        made_on=local_day(max(one.judged_us for one in found.values())),
        requirements=tuple(_requirement(one, labels[one.key], now) for one in held),
        by_hand=tuple(_hand_words(plan, held) for plan in plans if _hand_words(plan, held)),
        provinces=tuple(_provinces(now, held, names)),
        worst=tuple(line for one in held for line in _worst(one, labels[one.key], now, names)),
        trends=tuple(_trend(one, labels[one.key], states, found) for one in held) if several else (),
        month_states=tuple((_label(period), state) for period, state in states) if several else (),
        communes=tuple(_communes(now, held, found if several else {})),
        offices=now.offices,
        remarks=tuple(_remarks(span, main, states)),
        grounds=tuple(_ground(plan) for plan in dict.fromkeys(one.plan for one in held)) if held else (),
        runs=int(now.evidence.get("n", 0)),
        first=now.evidence.get("first"),
        last=now.evidence.get("last"),
        sha256=str(now.evidence.get("sha256", "")),
        plans=tuple(dict.fromkeys(f"{one.plan.id}, phiên bản {one.plan.version}" for one in held)),
    )


def _province_names(now: MonthAnswers, main: Period, places: Path | None) -> dict[str, str]:
    """The registry's names, else the gazetteer's."""
    gazetteer = load(places) if any(code == name for code, name in now.provinces.items()) else None
    found = dict(now.provinces)
    for code, name in now.provinces.items():
        if name == code and gazetteer is not None and (unit := gazetteer.at(code, main.last)) is not None:
            found[code] = unit.name
    return found


def _label(period: Period) -> str:
    return f"{period.first:%m/%Y}"


# --- requirements


def _requirement(one: Requirement, label: str, now: MonthAnswers) -> RequirementRow:
    target, condition = one.target, one.condition
    judged = now.verdicts.get(one.key)
    notes = (
        []
        if judged is None
        else [reason_text(code).vi for code in (*judged.reasons, *_due(one, now.period), *target.caveats)]
    )
    return RequirementRow(
        label=label,
        title=target.title.vi,
        plan=one.plan.title,
        words=target.words,
        quoted=target.quoted,
        mark=target.mark,
        demand=f"{demand_of(target, 'vi').removeprefix('= ')} số xã" if one.demanded is not None else "",
        condition=condition_words(condition),
        unit=unit_words(condition.asked.unit),
        operator=condition.asked.operator,
        value=condition.asked.value,
        outcome=judged.outcome if judged is not None and one.demanded is not None else None,
        counts=_total(now, one.key),
        due=target.due,
        notes=tuple(sentence(words) for words in (*dict.fromkeys(notes), *_due_words(one), *_note(one))),
    )


def _due(one: Requirement, period: Period) -> Iterator[str]:
    if one.target.due is not None and one.target.due < period.first:
        yield "overdue"
    elif one.target.due is not None and one.target.due > period.last:
        yield "not_due"


def _due_words(one: Requirement) -> Iterator[str]:
    if one.target.due is not None:
        yield f"hạn {day(one.target.due)}{sign(one.target.due_mark)}"


def _note(one: Requirement) -> Iterator[str]:
    if one.target.note is not None:
        yield one.target.note.vi


def _total(now: MonthAnswers, key: str) -> Counts:
    return _counts([sum(column) for column in zip(*now.counts(key).values(), strict=True)])


def _counts(found: Sequence[int]) -> Counts:
    by = dict(zip(STANDINGS, found, strict=True))
    return Counts(
        met=by[Standing.MET], failed=by[Standing.FAILED], limited=by[Standing.LIMITED], unknown=by[Standing.UNKNOWN]
    )  # fmt: skip


def _hand_words(plan: Plan, held: Iterable[Requirement]) -> str:
    """The plan's targets that offices cannot answer, where it holds at all."""
    if not any(one.plan.id == plan.id for one in held):
        return ""
    return "; ".join(f"{target.title.vi} ({plan.title})" for target in plan.targets if target.kind is Kind.MANUAL)


def _ground(plan: Plan) -> Ground:
    around = f"số {plan.document} của {plan.issuer}" if plan.document else plan.issuer
    return Ground(words=f"{plan.title} ({around})", mark=plan.mark, source=plan.source)


# --- provinces, lines, communes


def _provinces(now: MonthAnswers, held: Sequence[Requirement], names: dict[str, str]) -> Iterator[ProvinceRow]:
    counted = [now.counts(one.key) for one in held]
    for code in now.provinces:
        cells = tuple(_counts(found[code]) for found in counted)
        yield ProvinceRow(code=code, name=names[code], communes=cells[0].total if cells else 0, cells=cells)


def _worst(one: Requirement, label: str, now: MonthAnswers, names: dict[str, str]) -> Iterator[WorstLine]:
    """The lowest figures first; lines of which no test came through stand before them."""
    failed = [answer for answer in now.answers[one.key] if answer.standing is Standing.FAILED]
    measure, condition = one.condition.measure, one.condition
    operator, value, unit = condition.asked
    wanted = "" if value is None or operator is None else (
        f"{operator.sign} {shortest(value, 'vi')} {unit_words(unit)}"
    )  # fmt: skip
    order = _lowest if operator is None or operator.upward else _highest
    for answer in sorted(failed, key=order)[:WORST_SHOWN]:
        name, province = now.communes[answer.place]
        yield WorstLine(
            requirement=label,
            code=answer.place,
            name=name,
            province=names.get(province, province),
            link=condition.link_kind.text.vi,
            value=answer.value,
            unit=unit_words(unit),
            layer=layer_words(None if measure is None or measure.layer is None else measure.layer.value),
            samples=answer.n,
            wanted=wanted or "hoạt động",
            notes=tuple(sentence(reason_text(code).vi) for code in answer.reasons if code != "below"),
        )


def _lowest(answer: Answer) -> tuple[bool, float, str]:
    return answer.value is not None, answer.value or 0.0, answer.place


def _highest(answer: Answer) -> tuple[bool, float, str]:
    return answer.value is not None, -(answer.value or 0.0), answer.place


def _communes(now: MonthAnswers, held: Sequence[Requirement], found: dict[date, MonthAnswers]) -> Iterator[CommuneLine]:
    met = {one.key: _months_met(one.key, found) for one in held} if found else {}
    for at, (code, (name, province)) in enumerate(now.communes.items()):
        cells = []
        for one in held:
            answer = now.answers[one.key][at]
            months = met[one.key].get(code, (0, 0)) if met else (None, None)
            cells.append(
                CommuneCell(
                    outcome=OUTCOMES[answer.standing], value=answer.value, samples=answer.n, months_met=months[0],
                    months=months[1], notes=tuple(reason_text(reason).vi for reason in answer.reasons),
                )
            )  # fmt: skip
        yield CommuneLine(code=code, name=name, province=province, cells=tuple(cells))


def _months_met(key: str, found: dict[date, MonthAnswers]) -> dict[str, tuple[int, int]]:
    """Commune → months in which it met the requirement, and months that were judged."""
    counted: dict[str, tuple[int, int]] = {}
    good = STANDINGS.index(Standing.MET)
    for month in found.values():
        if key not in month.standings:
            continue
        for code, octet in zip(month.communes, month.standings[key], strict=True):
            met, judged = counted.get(code, (0, 0))
            counted[code] = met + (octet == good), judged + 1
    return counted


# --- months


def _trend(
    one: Requirement, label: str, states: Sequence[tuple[Period, MonthState]], found: dict[date, MonthAnswers]
) -> Trend:
    demanded = one.demanded
    return Trend(
        label=label,
        title=f"{one.target.title.vi}, tỷ lệ xã đáp ứng",
        unit="%",
        months=tuple(_trend_month(one, period, state, found.get(period.first)) for period, state in states),
        operator=None if demanded is None else demanded[0],
        target=None if demanded is None else demanded[1],
        target_words="" if demanded is None else demand_of(one.target, "vi"),
        bounds="từ chắc chắn đến có thể",
    )


def _trend_month(one: Requirement, period: Period, state: MonthState, month: MonthAnswers | None) -> TrendMonth:
    if month is None or one.key not in month.verdicts:
        return TrendMonth(label=_label(period), value=None, state=state if month is None else MonthState.NOT_JUDGED)
    counts = _total(month, one.key)
    return TrendMonth(
        label=_label(period), value=counts.share, lower=counts.share, upper=counts.possible,
        outcome=month.verdicts[one.key].outcome, state=state,
    )  # fmt: skip


def _remarks(span: Span, main: Period, states: Sequence[tuple[Period, MonthState]]) -> Iterator[str]:
    if span.kind is SpanKind.MONTH:
        return
    shut = sum(state is MonthState.CLOSED for _, state in states)
    yield (
        f"Các bảng theo tháng {main.first:%m/%Y}, tháng cuối đã bắt đầu của kỳ; {said(shut)}/{len(states)} tháng của kỳ đã khóa sổ; "
        "diễn biến từng tháng ở phụ lục."
    )


_NO_DAYS: Final = Text(
    vi="báo cáo toàn quốc theo tháng, quý hoặc năm", en="the national report is of a month, quarter or year"
)
_BY_MONTH: Final = Text(vi="hãy ghi 2026-10, 2026-Q4 hoặc 2026", en="write 2026-10, 2026-Q4 or 2026")
_NO_PLAN: Final = Text(
    vi="không có kế hoạch toàn quốc nào còn được đánh giá trong tháng {month}",
    en="no national plan is judged in {month}",
)
_SEE_PLANS: Final = Text(
    vi='hãy thêm kế hoạch có địa bàn code = "00", level = "country" (xem plans/national)',
    en='add a plan whose place has code = "00" and level = "country" (see plans/national)',
)
