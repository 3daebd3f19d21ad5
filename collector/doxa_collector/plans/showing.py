"""Plans as people read them in a terminal, and as machines read them: every fact that is no quotation keeps its mark."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any

from doxa_collector.plans.model import LAYERS, Condition, Kind, Mark, Measure, Operator, Plan, PlanPlace, Target, Unit
from doxa_core.language import Text, language, number


def plan_line(plan: Plan) -> str:
    """One plan in one line of the list."""
    counts = ", ".join(
        f"{n} {kind.text}" for kind in Kind if (n := sum(target.kind is kind for target in plan.targets))
    )
    period = f"{day(plan.valid_from)} – {day(plan.valid_to)}{short(plan.period_mark)}"
    return f"{plan.letter}  {plan.id:<14} {plan.issuer}; {period}; {counts}"


def plan_lines(plan: Plan) -> Iterator[str]:
    """A plan with its places and targets."""
    yield f"{plan.title}{marked(plan.mark)}"
    yield row(Text(vi="Mã kế hoạch", en="Plan"), f"{plan.id}, {Text(vi='phiên bản', en='version')} {plan.version}")
    yield row(Text(vi="Số, ký hiệu", en="Number"), plan.document or _unknown())
    yield row(Text(vi="Cơ quan ban hành", en="Issued by"), plan.issuer)
    yield row(Text(vi="Ngày ban hành", en="Issued"), day(plan.issued) if plan.issued else _unknown())
    yield row(
        Text(vi="Thời gian", en="Period"), f"{day(plan.valid_from)} – {day(plan.valid_to)}{marked(plan.period_mark)}"
    )
    if plan.judge_until is not None:
        yield row(Text(vi="Đánh giá đến", en="Judged until"), day(plan.judge_until))
    if plan.note is not None:
        yield row(Text(vi="Ghi chú", en="Note"), str(plan.note))
    yield ""
    yield str(Text(vi="Địa bàn", en="Places"))
    for place in plan.places:
        yield f"  {place_line(place)}"
    yield ""
    yield str(Text(vi="Chỉ tiêu", en="Targets"))
    for target in plan.targets:
        yield f"  {target_line(target)}"
    yield ""
    yield legend()


def place_line(place: PlanPlace) -> str:
    """A unit, its time, and whether it inherits."""
    parts = [f"{place.code} {place.name}"]
    if place.valid_from is not None:
        parts.append(str(Text(vi="từ {day}", en="from {day}").fill(day=day(place.valid_from))))
    if place.valid_to is not None:
        parts.append(str(Text(vi="đến {day}", en="until {day}").fill(day=day(place.valid_to))))
    if place.units is not None:
        parts.append(str(Text(vi="{n} đơn vị cấp xã", en="{n} communes").fill(n=place.units)))
    if place.inherits is not None:
        inherits = Text(vi="kế thừa từ {one}", en="inherits from {one}")
        inherits_not = Text(vi="không kế thừa từ {one}", en="does not inherit from {one}")
        parts.append(str((inherits if place.inherits else inherits_not).fill(one=place.inherits_from)))
    return f"{', '.join(parts)}{marked(place.mark)}"


def target_line(target: Target) -> str:
    """A target in one line: label, what it demands, where it stands."""
    wanted = _demand(target.operator, target.value, target.unit, short(target.operator_mark))
    return f"{target.label:<24} {target.title}: {wanted}  {_where(target)}".rstrip()


def target_lines(plan: Plan, target: Target) -> Iterator[str]:
    """A target with everything that the file knows of it."""
    yield f"{plan.id} {target.label} – {target.title}"
    name = Text(vi="Lời văn", en="Words") if target.quoted else Text(vi="Tóm tắt", en="In short")
    words = f"«{target.words}»" if target.quoted else target.words
    yield row(name, f"{words} {_where(target)}".rstrip() + marked(target.mark))
    yield row(Text(vi="Điều khoản", en="Clause"), target.clause)
    yield row(Text(vi="Loại", en="Kind"), str(target.kind.text))
    yield row(
        Text(vi="Phải đạt", en="Demand"),
        _demand(target.operator, target.value, target.unit, marked(target.operator_mark)),
    )
    if target.condition is not None:
        yield row(Text(vi="Điều kiện mỗi trụ sở", en="Each office"), _condition(target.condition))
    if target.due is not None:
        yield row(Text(vi="Hạn", en="Due"), f"{day(target.due)}{marked(target.due_mark)}")
    if target.measure is not None:
        yield row(Text(vi="Phép đo", en="Measured by"), _measure(target.measure))
    if target.ispeed:
        by_ispeed = Text(
            vi="theo i-Speed: số công bố và số đo tại trụ sở ghi riêng",
            en="by i-Speed: the published figure and the measured one are kept apart",
        )
        yield row(Text(vi="Căn cứ", en="Basis"), str(by_ispeed))
    if target.baseline is not None:
        one = target.baseline
        of = f", {one.as_of}" if one.as_of else ""
        shown = f"{_amount(one.value, one.unit)}{of} – «{one.words}» ({one.line})"
        yield row(Text(vi="Hiện trạng khi lập", en="Baseline"), shown)
    notes = (
        ("Ghi chú", "Note", target.note),
        ("Ghi chú hiện trạng", "Baseline note", target.baseline and target.baseline.note),
    )
    for vi, en, note in notes:
        if note is not None:
            yield row(Text(vi=vi, en=en), str(note))


def _where(target: Target) -> str:
    """Where the words stand; empty for what is no quotation."""
    return f"({', '.join(target.lines)})" if target.lines else ""


def row(name: Text, value: str) -> str:
    """A name and its value."""
    return f"  {name}: {value}"


def marked(mark: Mark) -> str:
    """Nothing for what was read in the full text; otherwise the mark with its meaning, so that it is no legal fact."""
    return "" if mark is Mark.V else f" [{mark}: {mark.text}]"


def short(mark: Mark) -> str:
    """The mark alone, for lists that end with `legend`."""
    return "" if mark is Mark.V else f" [{mark}]"


def legend() -> str:
    """What the marks of a list mean."""
    return str(_LEGEND.fill(marks="; ".join(f"[{mark}] {mark.text}" for mark in Mark if mark is not Mark.V)))


_LEGEND = Text(
    vi="Thông tin có dấu không phải lời văn bản: {marks}",
    en="What carries a mark is not the document's word: {marks}",
)


def day(value: date) -> str:
    """`31/12/2025`, in English `2025-12-31`."""
    return value.isoformat() if language() == "en" else value.strftime("%d/%m/%Y")


def _unknown() -> str:
    return str(Text(vi="bản đọc được không ghi", en="not in the copy that was read"))


def _demand(operator: Operator | None, value: float | None, unit: Unit | None, mark: str) -> str:
    """The sign, its mark right behind it (the number itself stands in the document), and the amount."""
    if operator is None or value is None:
        return str(Text(vi="không nêu con số, cần minh chứng", en="no number; evidence is needed"))
    return f"{operator.sign}{mark} {_amount(value, unit)}"


def _amount(value: float, unit: Unit | None) -> str:
    decimals = next((n for n in range(4) if round(value, n) == value), 4)
    return f"{number(value, decimals)} {'' if unit is None else unit.text}".rstrip()


def _condition(condition: Condition) -> str:
    connected = Text(vi="đường {kind} đã khai báo và hoạt động", en="a registered, working {kind} line")
    shown = str(connected.fill(kind=condition.link_kind.text))
    if condition.rule is not None:
        ruled = Text(vi="mỗi đường {kind} đã khai báo: {rule}", en="each registered {kind} line: {rule}")
        return str(ruled.fill(kind=condition.link_kind.text, rule=condition.rule.text))
    if condition.measure is None:
        return shown
    level = f"{condition.operator.sign if condition.operator else ''} {_amount(condition.value or 0, condition.unit)}"
    return f"{shown}, {level} – {_measure(condition.measure)}"


def _measure(measure: Measure) -> str:
    parts = [
        f"{measure.meter}/{measure.value}",
        str(measure.link_kind.text),
        f"{measure.statistic.text}{marked(measure.statistic_mark)}",
    ]
    if measure.layer is not None:
        parts.append(f"{LAYERS[measure.layer]}{marked(measure.layer_mark)}")
    return ", ".join(parts)


def plain(value: Any) -> Any:
    """A record as JSON takes it: sentences in both languages, days as ISO text, absent values left out."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        found = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {name: shown for name, shown in found.items() if shown is not None}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value
