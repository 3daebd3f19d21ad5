"""Numbers and units as documents write them: `42Mbps`, `36Mb/s`, `1Gb/s`, `95,2`, `3.200`, and what they are in ours."""

import re
from typing import Final

from doxa_collector.plans.model import Operator, Unit

RATES: Final = {"Mbps": 1, "Mb/s": 1, "Mbit/s": 1, "Gbps": 1000, "Gb/s": 1000, "Gbit/s": 1000}
"""Spellings of a rate and how many decimal megabits per second one of them is."""

OTHERS: Final = {unit.value: unit for unit in Unit if unit is not Unit.MBPS}

_BYTES = re.compile(r"([KMGTkmgt]?)i?B(?:ytes?)?(?:/s|ps)")
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)*)\s*(%|[MG]b(?:ps|/s|it/s)(?![A-Za-z]))?")

_STATED = {
    Operator.AT_LEAST: re.compile(r"tối thiểu|ít nhất|trở lên", re.IGNORECASE),
    Operator.ABOVE: re.compile(r"(?:trên|hơn|vượt)\s*\d", re.IGNORECASE),
    Operator.AT_MOST: re.compile(r"tối đa|không quá|nhiều nhất", re.IGNORECASE),
    Operator.BELOW: re.compile(r"dưới\s*\d", re.IGNORECASE),
    Operator.EQUAL: re.compile(r"100\s*%"),
    Operator.RANK_AT_MOST: re.compile(r"nhóm\s*\d|tốp\s*\d|top\s*\d", re.IGNORECASE),
}


def normal_unit(written: str) -> tuple[Unit, float] | None:
    """Our unit and the factor to it; None for what is no unit of ours (a byte rate among them)."""
    if written in RATES:
        return Unit.MBPS, RATES[written]
    other = OTHERS.get(written)
    return None if other is None else (other, 1)


def counts_bytes(written: str) -> bool:
    """Whether it is a byte rate (`MB/s`): eight times another number, and the usual slip."""
    return _BYTES.fullmatch(written) is not None


def states(operator: Operator, words: str) -> bool:
    """Whether the words themselves say the operator (only "tối thiểu" and its like say ≥)."""
    return _STATED[operator].search(words) is not None


def stated_above(words: str, value: float, *, decimal_comma: bool) -> bool:
    """Whether the words say "trên" right before this value."""
    found = re.finditer(r"trên\s*(\d+(?:[.,]\d+)*)", words, re.IGNORECASE)
    return any(_read(match[1], decimal_comma=decimal_comma) == value for match in found)


def numbers_in(words: str, unit: Unit, *, decimal_comma: bool) -> set[float]:
    """The numbers of a quotation that can be of `unit`: rates in Mbps for a rate, the bare numbers otherwise."""
    found = ((_read(match[1], decimal_comma=decimal_comma), match[2]) for match in _NUMBER.finditer(words))
    if unit is Unit.MBPS:
        return {_round(value * RATES[suffix]) for value, suffix in found if suffix in RATES}
    return {value for value, suffix in found if suffix not in RATES}


def _read(text: str, *, decimal_comma: bool) -> float:
    thousands, point = (".", ",") if decimal_comma else (",", ".")
    plain = text.replace(thousands, "").replace(point, ".")
    whole, _, rest = plain.partition(".")
    return float(f"{whole[:300]}.{rest.replace('.', '') or 0}")  # a float holds no more digits before its point


def _round(value: float) -> float:
    return round(value, 9)  # 0.1 Gb/s is 100 Mbps, not 100.00000000000001
