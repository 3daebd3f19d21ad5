"""Small readers shared by the plan files: a sentence in two languages, a mark, an operator, a value with its unit."""

from enum import StrEnum
from typing import NamedTuple, TypeVar

from doxa_collector.plans.model import Mark, Operator, Unit
from doxa_collector.plans.quantities import OTHERS, RATES, counts_bytes, normal_unit
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.strict import Table

Word = TypeVar("Word", bound=StrEnum)


class Amount(NamedTuple):
    """A value in our unit."""

    value: float
    unit: Unit


def refuse(table: Table, key: str, what: tuple[str, str], mend: tuple[str, str]) -> InputError:
    """The error for `key`; each sentence as (Vietnamese, English)."""
    return table.refuse(key, Text(*what), Text(*mend))


def read_sentence(table: Table, key: str) -> Text:
    """The required table `key = { vi = "…", en = "…" }`."""
    return _sentence(table.table(key))


def read_optional_sentence(table: Table, key: str) -> Text | None:
    """The same, None where it is absent."""
    found = table.table(key, optional=True)
    return None if found is None else _sentence(found)


def _sentence(found: Table) -> Text:
    sentence = Text(vi=found.text("vi"), en=found.text("en"))
    found.close()
    return sentence


def read_word(table: Table, key: str, words: type[Word]) -> Word:
    """A required word of a closed list."""
    return words(table.choice(key, [w.value for w in words]))


def read_word_or(table: Table, key: str, words: type[Word], default: Word) -> Word:
    """A word of a closed list with a default."""
    return words(table.choice(key, [w.value for w in words], default.value))


def read_optional_word(table: Table, key: str, words: type[Word]) -> Word | None:
    """A word of a closed list, None where it is absent."""
    found = table.choice(key, [w.value for w in words], None)
    return None if found is None else words(found)


def read_mark(table: Table, key: str, default: Mark) -> Mark:
    """How sure a fact is."""
    return read_word_or(table, key, Mark, default)


def read_operator(table: Table) -> Operator | None:
    """The operator, None where it is absent."""
    return read_optional_word(table, "operator", Operator)


def read_amount(table: Table) -> Amount | None:
    """`value` and `unit`, both or neither, as an amount in our unit."""
    value = table.number("value", -1e15, 1e15, None)
    written = table.text("unit", None)
    if value is None and written is None:
        return None
    if written is None or value is None:
        missing, present = ("unit", "value") if written is None else ("value", "unit")
        raise refuse(
            table, missing,
            (f"thiếu khóa này trong khi có «{present}»", f"this key is missing while '{present}' is given"),
            ("hãy ghi cả hai hoặc bỏ cả hai", "write both or neither"),
        )  # fmt: skip
    return _normal(table, value, written)


def _normal(table: Table, value: float, written: str) -> Amount:
    if counts_bytes(written):
        raise refuse(
            table, "unit",
            (f"«{written}» đếm byte, chỉ tiêu đường truyền đếm bit", f"'{written}' counts bytes, a line's target counts bits"),
            (f"hãy ghi Mbps nếu văn bản viết Mb/s; 1 {written} = 8 {_bits(written)}",
             f"write Mbps if the document says Mb/s; 1 {written} = 8 {_bits(written)}"),
        )  # fmt: skip
    found = normal_unit(written)
    if found is None:
        known = ", ".join([*RATES, *OTHERS])
        raise refuse(
            table, "unit",
            (f"đơn vị «{written}» không có trong danh sách", f"the unit '{written}' is not known"),
            (f"hãy ghi một trong: {known}", f"write one of: {known}"),
        )  # fmt: skip
    unit, factor = found
    return _bounded(table, Amount(round(value * factor, 9), unit))


def _bits(written: str) -> str:
    return f"{written[0]}bps" if written[0] in "KMGTkmgt" else "bps"


def _bounded(table: Table, amount: Amount) -> Amount:
    if amount.value <= 0:
        raise refuse(
            table, "value",
            ("một chỉ tiêu không thể bằng 0 hoặc âm", "a target cannot be 0 or negative"),
            ("hãy ghi số của văn bản, hoặc bỏ khóa này nếu văn bản không nêu số",
             "write the document's number, or leave the key out where it has none"),
        )  # fmt: skip
    if amount.unit is Unit.PERCENT and amount.value > 100:
        raise refuse(
            table, "value",
            (f"tỷ lệ {amount.value:g} % lớn hơn 100 %", f"a share of {amount.value:g} % is more than 100 %"),
            ("hãy ghi số từ 0 đến 100", "write a number from 0 to 100"),
        )  # fmt: skip
    return amount
