"""Words that papers share: marks beside facts, days and quarters as Vietnamese papers write them, conditions of an office."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from doxa_collector.assess.manual import FLAG
from doxa_collector.papers.numbering import roman
from doxa_collector.papers.parts import said
from doxa_collector.papers.period import day
from doxa_collector.papers.sources import sign
from doxa_collector.period import Period
from doxa_collector.plans.model import LAYERS, Condition, Kind, Mark, Measure, Operator, Statistic, Target, Unit
from doxa_core.layers import Layer

DUE: Final = "ngày đến hạn"
_QUARTER: Final = re.compile(r"(\d{4})-Q([1-4])")
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")


def when(words: str | None) -> str:
    """`2023-Q2` → `Quý II/2023`, `2026-10` → `10/2026`, `2026-10-01` → `01/10/2026`; other words as they stand."""
    if not words:
        return ""
    if found := _QUARTER.fullmatch(words):
        return f"Quý {roman(int(found[2]))}/{found[1]}"
    if found := _MONTH.fullmatch(words):
        return f"{found[2]}/{found[1]}"
    try:
        return day(date.fromisoformat(words))
    except ValueError:
        return f"năm {words}" if re.fullmatch(r"\d{4}", words) else words


def sentence(words: str) -> str:
    """With a capital and a full stop: notes stand one below the other in a narrow column."""
    return f"{words[:1].upper()}{words[1:].rstrip('. ')}."


def unit_words(unit: str | None) -> str:
    """The unit as it stands behind a number; one that is not ours as it was entered."""
    if unit is None or unit == FLAG:
        return ""
    try:
        return Unit(unit).text.vi
    except ValueError:
        return unit


def statistic_words(statistic: str | None) -> str:
    """`trung vị`, `trung bình`."""
    return "" if statistic is None else Statistic(statistic).text.vi


def layer_words(layer: str | None) -> str:
    """`tầng IP` …"""
    return "" if layer is None else LAYERS[Layer(layer)].vi


def demand(target: Target) -> str:
    """What only words can say of a demand; empty where sign, number and unit say it."""
    if target.kind is Kind.RANK and target.value is not None:
        sign_of = (target.operator or Operator.RANK_AT_MOST).sign
        among = f" trong {target.rank_among} tỉnh, thành phố" if target.rank_among is not None else ""
        return f"thứ hạng {sign_of} {said(target.value)}{among}"
    return ""


def condition_words(condition: Condition) -> str:
    """What one office must meet: `mỗi trụ sở: Mạng TSLCD hoạt động, ≥ 100 Mbps (trung vị, tầng IP)`."""
    found = f"mỗi trụ sở: {condition.link_kind.text.vi} hoạt động"
    if condition.rule is not None:
        return f"mỗi đường {condition.link_kind.text.vi} của trụ sở: {condition.rule.text.vi}"
    measure = condition.measure
    if measure is None or condition.operator is None or condition.value is None:
        return found
    around = [measure.statistic.text.vi, *([LAYERS[measure.layer].vi] if measure.layer is not None else [])]
    amount = said(condition.value, unit_words(condition.unit))
    return f"{found}, {condition.operator.sign} {amount} ({', '.join(around)})"


def doubts(target: Target) -> Iterator[tuple[str, Mark]]:
    """What of a target is not the document's own word, besides its sign, which stands with the demand."""
    yield "lời văn", target.mark
    if target.due is not None:
        yield DUE, target.due_mark
    measure: Measure | None = target.measure or (target.condition.measure if target.condition else None)
    if measure is not None:
        if measure.layer is not None:
            yield "tầng đo", measure.layer_mark
        yield "cách tính", measure.statistic_mark


def doubt_notes(target: Target, *said_already: str) -> tuple[str, ...]:
    """`ngày đến hạn, tầng đo, cách tính [I]`, a line for each mark but `V`."""
    found = defaultdict[Mark, list[str]](list)
    for words, mark in doubts(target):
        if mark is not Mark.V and words not in said_already:
            found[mark].append(words)
    return tuple(f"{', '.join(words)}{sign(mark)}" for mark, words in found.items())


def figure_month(period: Period) -> str:
    """The month whose published figures stand beside a period: its last one."""
    return f"{period.last:%Y-%m}"


def confidence_words(detail: Mapping[str, Any]) -> str:
    """`95 %`: with which confidence each bound of a verdict holds."""
    return f"{said(round(100 * confidence_of(detail), 4))} %"


def confidence_of(detail: Mapping[str, Any]) -> float:
    """The confidence that a verdict's bounds have; those of the first method said nothing and had 95 %."""
    return float(detail.get("confidence", 0.95))
