"""From the tables of a plan file to its records, key by key; what contradicts itself is refused in `checks`."""

import re
from typing import Final

from doxa_collector.plans.model import (
    Baseline,
    Condition,
    Kind,
    Mark,
    Measure,
    Offices,
    PlaceLevel,
    PlanPlace,
    Rule,
    Statistic,
    Target,
)
from doxa_collector.plans.strictly import (
    read_amount,
    read_mark,
    read_operator,
    read_optional_sentence,
    read_optional_word,
    read_sentence,
    read_word,
    read_word_or,
    refuse,
)
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.names import is_value_name
from doxa_core.strict import Table

LINE: Final = re.compile(r"[A-Z]:[1-9][0-9]{0,4}")
AS_OF: Final = re.compile(r"[0-9]{4}(?:-Q[1-4]|-(?:0[1-9]|1[0-2])(?:-[0-3][0-9])?)?")
CODE: Final = re.compile(r"[0-9]{2}|[0-9]{3}|[0-9]{5}")

LINE_WANTED: Final = Text(vi='số dòng dạng "A:47"', en='a line such as "A:47"')
_AS_OF_WANTED = Text(
    vi='"2021", "2023-Q2", "2023-06" hoặc "2023-06-30"', en='"2021", "2023-Q2", "2023-06" or "2023-06-30"'
)
_CODE_WANTED = Text(
    vi='mã 2 chữ số (tỉnh), 3 (huyện) hoặc 5 (xã) trong dấu nháy, giữ số 0 ở đầu, ví dụ "06184"',
    en='a code of 2 digits (province), 3 (district) or 5 (commune) in quotes with leading zeros, such as "06184"',
)
_PROVINCE_WANTED = Text(
    vi='mã tỉnh 2 chữ số trong dấu nháy, ví dụ "20"', en='a province code of 2 digits in quotes, such as "20"'
)


def read_target(name: str, table: Table) -> Target:
    """One `[target.NAME]`."""
    amount = read_amount(table)
    target = Target(
        id=name,
        kind=read_word(table, "kind", Kind),
        title=read_sentence(table, "title"),
        words=table.text("words"),
        lines=_lines(table),
        clause=table.text("clause"),
        due=table.day("due", None),
        due_mark=read_mark(table, "due_mark", Mark.I),
        operator=read_operator(table),
        operator_mark=read_mark(table, "operator_mark", Mark.V),
        value=None if amount is None else amount.value,
        unit=None if amount is None else amount.unit,
        measure=_measure(table.table("measure", optional=True)),
        condition=_condition(table.table("condition", optional=True)),
        rank_among=table.integer("rank_among", 2, 100, None),
        baseline=_baseline(table.table("baseline", optional=True)),
        ispeed=table.flag("ispeed", default=False),
        quoted=table.flag("quoted", default=True),
        caveats=table.texts("caveats", ()),
        mark=read_mark(table, "mark", Mark.V),
        note=read_optional_sentence(table, "note"),
    )
    table.close()
    return target


def _lines(table: Table) -> tuple[str, ...]:
    """Where the words stand: required of a quotation, the rest may have none."""
    return table.texts("lines") if table.flag("quoted", default=True) else table.texts("lines", ())


def _measure(table: Table | None) -> Measure | None:
    if table is None:
        return None
    measure = Measure(
        meter=table.identifier("meter"),
        value=_value_name(table),
        link_kind=read_word(table, "link_kind", LinkKind),
        layer=read_optional_word(table, "layer", Layer),
        layer_mark=read_mark(table, "layer_mark", Mark.I),
        statistic=read_word_or(table, "statistic", Statistic, Statistic.MEDIAN),
        statistic_mark=read_mark(table, "statistic_mark", Mark.I),
    )
    table.close()
    return measure


def _value_name(table: Table) -> str:
    name = table.text("value")
    if not is_value_name(name):
        raise refuse(
            table, "value",
            (f"«{name}» không phải tên giá trị đo", f"'{name}' is not the name of a measured value"),
            ("hãy ghi tên kết thúc bằng đơn vị, ví dụ download_mbps", "write a name that ends in its unit, such as download_mbps"),
        )  # fmt: skip
    return name


def _condition(table: Table | None) -> Condition | None:
    if table is None:
        return None
    amount = read_amount(table)
    condition = Condition(
        link_kind=read_word(table, "link_kind", LinkKind),
        offices=read_word_or(table, "offices", Offices, Offices.ALL),
        measure=_measure(table.table("measure", optional=True)),
        operator=read_operator(table),
        value=None if amount is None else amount.value,
        unit=None if amount is None else amount.unit,
        rule=read_optional_word(table, "rule", Rule),
    )
    table.close()
    return condition


def _baseline(table: Table | None) -> Baseline | None:
    if table is None:
        return None
    amount = read_amount(table)
    if amount is None:
        table.number("value", 0, 1e15)  # says that the key is required
        raise AssertionError
    baseline = Baseline(
        value=amount.value,
        unit=amount.unit,
        words=table.text("words"),
        line=table.text("line"),
        as_of=table.text("as_of", None, pattern=AS_OF, wanted=_AS_OF_WANTED),
        note=read_optional_sentence(table, "note"),
    )
    table.close()
    return baseline


def read_place(table: Table) -> PlanPlace:
    """One `[[place]]`."""
    place = PlanPlace(
        code=table.text("code", pattern=CODE, wanted=_CODE_WANTED),
        name=table.text("name"),
        level=read_word(table, "level", PlaceLevel),
        province=table.text("province", pattern=re.compile(r"[0-9]{2}"), wanted=_PROVINCE_WANTED),
        valid_from=table.day("valid_from", None),
        valid_to=table.day("valid_to", None),
        inherits=table.flag("inherits", None),
        inherits_from=table.text("inherits_from", None),
        members=table.texts("members", ()),
        units=table.integer("units", 1, 4000, None),
        mark=read_mark(table, "mark", Mark.V),
        note=read_optional_sentence(table, "note"),
    )
    table.close()
    return place
