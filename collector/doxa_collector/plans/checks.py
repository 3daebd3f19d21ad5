"""What a target may not say: contradictions within it, and between its words and its numbers."""

from datetime import date
from typing import Final

from doxa_collector.plans.model import (
    Condition,
    Kind,
    Mark,
    Measure,
    Operator,
    Rule,
    Target,
    Unit,
)
from doxa_collector.plans.quantities import numbers_in, stated_above, states
from doxa_collector.plans.reading import LINE
from doxa_collector.plans.strictly import refuse
from doxa_core.layers import Layer
from doxa_core.names import unit_of
from doxa_core.strict import Table

CAVEATS: Final = ("offices_only", "medium_not_measured", "users_by_offices")
"""Reason codes that a file may put on a target; their texts stand in `assess.reasons`."""

_MEASURED: Final = {"mbps": Unit.MBPS, "ms": Unit.MS, "ratio": Unit.PERCENT}
_LAYERS: Final = {"ip": Layer.IP, "frame": Layer.FRAME, "wire": Layer.WIRE}


def check_target(target: Target, table: Table, letter: str, valid: tuple[date, date], *, decimal_comma: bool) -> None:
    """Refuse what a target contradicts itself in."""
    _check_shape(target, table)
    _check_lines(target, table, letter)
    _check_due(target, table, valid)
    _check_caveats(target, table)
    _check_ispeed(target, table)
    if target.measure is not None and target.unit is not None and target.kind is Kind.LEVEL:
        check_measure(target.measure, target.unit, table.table("measure"), table, "unit")
    if target.condition is not None:
        _check_condition(target, target.condition, table.table("condition"), decimal_comma=decimal_comma)
    _check_numbers(target, table, decimal_comma=decimal_comma)
    _check_operator(target, table, decimal_comma=decimal_comma)
    _check_baseline(target, table, letter, decimal_comma=decimal_comma)


_NEEDS: Final = {
    Kind.LEVEL: ("operator", "value", "measure"),
    Kind.SHARE: ("operator", "value", "condition"),
    Kind.RANK: ("operator", "value", "measure", "rank_among"),
    Kind.MANUAL: (),
}
_MAY_NOT: Final = {
    Kind.LEVEL: ("condition", "rank_among"),
    Kind.SHARE: ("measure", "rank_among"),
    Kind.RANK: ("condition",),
    Kind.MANUAL: ("measure", "condition", "rank_among"),
}


def _check_shape(target: Target, table: Table) -> None:
    for key in _NEEDS[target.kind]:
        if getattr(target, key) is None:
            raise refuse(
                table, key,
                (f"chỉ tiêu loại {target.kind} thiếu khóa này", f"a target of kind {target.kind} lacks this key"),
                ("hãy bổ sung, hoặc đổi kind", "add it, or change kind"),
            )  # fmt: skip
    for key in _MAY_NOT[target.kind]:
        if getattr(target, key) is not None:
            raise refuse(
                table, key,
                (f"chỉ tiêu loại {target.kind} không dùng khóa này", f"a target of kind {target.kind} has no use for this key"),
                ("hãy bỏ khóa này, hoặc đổi kind", "leave it out, or change kind"),
            )  # fmt: skip
    _check_pairing(target, table)
    _check_unit_of_kind(target, table)
    if target.kind is Kind.LEVEL and target.operator is Operator.EQUAL:
        raise refuse(
            table, "operator",
            ("một mức đo không bao giờ bằng đúng một con số", "a measured level never equals a number exactly"),
            ("hãy ghi >=, >, <= hoặc <", "write >=, >, <= or <"),
        )  # fmt: skip


def _check_pairing(target: Target, table: Table) -> None:
    if (target.operator is None) != (target.value is None):
        missing = "operator" if target.operator is None else "value"
        raise refuse(
            table, missing,
            ("operator và value phải đi cùng nhau", "operator and value go together"),
            ("hãy ghi cả hai hoặc bỏ cả hai", "write both or neither"),
        )  # fmt: skip


def _check_unit_of_kind(target: Target, table: Table) -> None:
    if target.kind is Kind.SHARE and target.unit is not Unit.PERCENT:
        raise refuse(
            table, "unit",
            (f"một tỷ lệ tính bằng %, không phải {target.unit}", f"a share is counted in %, not in {target.unit}"),
            ('hãy ghi unit = "%"; mức phải đạt ghi trong [condition]', 'write unit = "%"; the level to meet stands in [condition]'),
        )  # fmt: skip
    ranked = (target.kind is Kind.RANK, target.unit is Unit.RANK, target.operator is Operator.RANK_AT_MOST)
    if any(ranked) and not all(ranked):
        raise refuse(
            table, "kind",
            ("kind = rank, unit = rank và operator = rank<= phải đi cùng nhau",
             "kind = rank, unit = rank and operator = rank<= go together"),
            ("hãy ghi cả ba hoặc bỏ cả ba", "write all three or none"),
        )  # fmt: skip


def _check_lines(target: Target, table: Table, letter: str) -> None:
    for line in target.lines:
        if not LINE.fullmatch(line) or not line.startswith(letter):
            raise refuse(
                table, "lines",
                (f"«{line}» không phải số dòng của kế hoạch {letter}", f"'{line}' is not a line number of plan {letter}"),
                (f'hãy ghi dạng ["{letter}:47"]', f'write it as ["{letter}:47"]'),
            )  # fmt: skip
    if not target.lines and target.quoted:
        raise refuse(
            table, "lines",
            ("lời văn phải có số dòng", "a quotation needs its line number"),
            (f'hãy ghi dạng ["{letter}:47"]', f'write it as ["{letter}:47"]'),
        )  # fmt: skip


def _check_due(target: Target, table: Table, valid: tuple[date, date]) -> None:
    lasting = target.condition is not None and target.condition.rule is not None  # a rule holds in every month
    if target.due is None and target.value is not None and not lasting:
        raise refuse(
            table, "due",
            ("một con số phải đạt cần có hạn", "a number to reach needs a due date"),
            ("hãy ghi due = 2025-12-31 nếu văn bản viết «đến năm 2025»",
             "write due = 2025-12-31 where the document says 'to the year 2025'"),
        )  # fmt: skip
    if target.due is not None and not valid[0] <= target.due <= valid[1]:
        raise refuse(
            table, "due",
            (f"hạn {target.due} nằm ngoài thời gian của kế hoạch ({valid[0]} … {valid[1]})",
             f"the due date {target.due} lies outside the plan's validity ({valid[0]} … {valid[1]})"),
            ("hãy sửa due, hoặc valid_from / valid_to", "mend due, or valid_from / valid_to"),
        )  # fmt: skip


def _check_caveats(target: Target, table: Table) -> None:
    for code in target.caveats:
        if code not in CAVEATS:
            raise refuse(
                table, "caveats",
                (f"không có lưu ý «{code}»", f"there is no caveat '{code}'"),
                (f"hãy chọn trong: {', '.join(CAVEATS)}", f"choose from: {', '.join(CAVEATS)}"),
            )  # fmt: skip


def _check_ispeed(target: Target, table: Table) -> None:
    if target.ispeed != ("i-speed" in target.words.lower()):
        said = (
            ("lời văn viết", "the words say") if not target.ispeed else ("lời văn không viết", "the words do not say")
        )
        raise refuse(
            table, "ispeed",
            (f"{said[0]} «theo i-Speed»", f"{said[1]} 'theo i-Speed'"),
            ("hãy ghi ispeed đúng như lời văn", "write ispeed as the words have it"),
        )  # fmt: skip
    if target.ispeed and (target.measure is None or target.measure.layer is not Layer.PAYLOAD):
        raise refuse(
            table, "measure.layer",
            ("i-Speed đo ở tầng ứng dụng, chỉ tiêu theo i-Speed không thể đo ở tầng khác",
             "i-Speed measures payload; a target by i-Speed cannot be measured at another layer"),
            ('hãy ghi layer = "payload" và value = "download_mbps"', 'write layer = "payload" and value = "download_mbps"'),
        )  # fmt: skip


def check_measure(measure: Measure, unit: Unit, table: Table, outer: Table, unit_key: str) -> None:
    """Refuse a measured value that cannot be held against `unit`, or whose name is of another layer than `layer`."""
    measured = _MEASURED.get(unit_of(measure.value))
    if measured is not unit:
        raise refuse(
            outer, unit_key,
            (f"đơn vị {unit} không so được với giá trị đo «{measure.value}»",
             f"the unit {unit} cannot be compared with the measured value '{measure.value}'"),
            ("hãy sửa đơn vị hoặc measure.value", "mend the unit or measure.value"),
        )  # fmt: skip
    if layer_of(measure.value) is not measure.layer:
        known = layer_of(measure.value)
        shown = (
            ("không có tầng", "has no layer") if known is None else (f"thuộc tầng {known}", f"is of the layer {known}")
        )
        raise refuse(
            table, "layer",
            (f"giá trị đo «{measure.value}» {shown[0]}", f"the measured value '{measure.value}' {shown[1]}"),
            ("hãy ghi layer đúng với tên giá trị đo", "write the layer that the value's name has"),
        )  # fmt: skip


def layer_of(value: str) -> Layer | None:
    """The layer that a value's name says: `download_ip_mbps` is IP, `download_mbps` payload; None where it is no rate."""
    if unit_of(value) != "mbps":
        return None
    return _LAYERS.get(value.removesuffix("_mbps").rpartition("_")[2], Layer.PAYLOAD)


def _check_rule(condition: Condition, rule: Rule, table: Table) -> None:
    for key in ("measure", "operator", "value"):
        if getattr(condition, key) is not None:
            raise refuse(
                table, key,
                (f"quy tắc «{rule}» đã có phép tính và mức của nó", f"the rule '{rule}' has its own calculation and level"),
                ("hãy bỏ khóa này, hoặc bỏ rule", "leave this key out, or leave rule out"),
            )  # fmt: skip
    if condition.link_kind is not rule.link_kind:
        raise refuse(
            table, "link_kind",
            (f"quy tắc «{rule}» nói về đường {rule.link_kind}, không phải {condition.link_kind}",
             f"the rule '{rule}' is about a {rule.link_kind} link, not a {condition.link_kind} one"),
            (f'hãy ghi link_kind = "{rule.link_kind}"', f'write link_kind = "{rule.link_kind}"'),
        )  # fmt: skip


def _check_condition(target: Target, condition: Condition, table: Table, *, decimal_comma: bool) -> None:
    if condition.rule is not None:
        _check_rule(condition, condition.rule, table)
        return
    given = {
        "measure": condition.measure is not None,
        "operator": condition.operator is not None,
        "value": condition.value is not None,
    }
    for key, there in given.items():
        if not there and any(given.values()):
            raise refuse(
                table, key,
                ("measure, operator và value của điều kiện phải đi cùng nhau",
                 "a condition's measure, operator and value go together"),
                ("hãy ghi cả ba, hoặc bỏ cả ba nếu chỉ cần có kết nối", "write all three, or none where a connection is enough"),
            )  # fmt: skip
    if condition.measure is None or condition.unit is None or condition.value is None:
        return
    check_measure(condition.measure, condition.unit, table.table("measure"), table, "unit")
    if condition.measure.link_kind is not condition.link_kind:
        raise refuse(
            table, "link_kind",
            (f"điều kiện nói về đường {condition.link_kind} nhưng đo đường {condition.measure.link_kind}",
             f"the condition is about a {condition.link_kind} link but measures a {condition.measure.link_kind} link"),
            ("hãy ghi cùng một loại đường truyền", "write the same kind of link in both"),
        )  # fmt: skip
    _check_value(target.words, condition.value, condition.unit, table, decimal_comma=decimal_comma)


def _check_numbers(target: Target, table: Table, *, decimal_comma: bool) -> None:
    if target.value is not None and target.unit is not None:
        _check_value(target.words, target.value, target.unit, table, decimal_comma=decimal_comma)


def _check_value(words: str, value: float, unit: Unit, table: Table, *, decimal_comma: bool) -> None:
    found = numbers_in(words, unit, decimal_comma=decimal_comma)
    if value not in found:
        shown = ", ".join(f"{n:g}" for n in sorted(found))
        raise refuse(
            table, "value",
            (f"lời văn không có số {value:g} {unit} (có: {shown or 'không số nào'})",
             f"the words have no {value:g} {unit} (they have: {shown or 'none'})"),
            ("hãy kiểm tra số, đơn vị và dấu thập phân (khóa decimal)", "check the number, the unit and the decimal sign (key decimal)"),
        )  # fmt: skip


def _check_operator(target: Target, table: Table, *, decimal_comma: bool) -> None:
    operator, value = target.operator, target.value
    if operator is None or value is None:
        return
    if target.operator_mark is Mark.V and not states(operator, target.words):
        raise refuse(
            table, "operator_mark",
            (f"lời văn không tự nói «{operator.sign}»", f"the words themselves do not say '{operator.sign}'"),
            ('hãy ghi operator_mark = "I" (suy luận)', 'write operator_mark = "I" (our inference)'),
        )  # fmt: skip
    if operator is not Operator.ABOVE and stated_above(target.words, value, decimal_comma=decimal_comma):
        raise refuse(
            table, "operator",
            (f"lời văn viết «trên {value:g}»", f"the words say 'trên {value:g}' (more than)"),
            ('hãy ghi operator = ">"', 'write operator = ">"'),
        )  # fmt: skip


def _check_baseline(target: Target, table: Table, letter: str, *, decimal_comma: bool) -> None:
    baseline = target.baseline
    if baseline is None:
        return
    inner = table.table("baseline")
    if target.unit is not None and baseline.unit is not target.unit:
        raise refuse(
            inner, "unit",
            (f"hiện trạng tính bằng {baseline.unit} nhưng chỉ tiêu tính bằng {target.unit}",
             f"the baseline is in {baseline.unit} but the target in {target.unit}"),
            ("hãy đưa về cùng một đơn vị", "bring both to one unit"),
        )  # fmt: skip
    if not LINE.fullmatch(baseline.line) or not baseline.line.startswith(letter):
        raise refuse(
            inner, "line",
            (f"«{baseline.line}» không phải số dòng của kế hoạch {letter}", f"'{baseline.line}' is not a line number of plan {letter}"),
            (f'hãy ghi dạng "{letter}:81"', f'write it as "{letter}:81"'),
        )  # fmt: skip
    _check_value(baseline.words, baseline.value, baseline.unit, inner, decimal_comma=decimal_comma)
