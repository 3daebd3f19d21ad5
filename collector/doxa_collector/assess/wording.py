"""One sentence for one verdict: what was found, how much evidence it stands on, and what it was held against."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from doxa_collector.assess.reasons import DECIDING, reason_text
from doxa_collector.plans.model import LAYERS, Kind, Operator, Target, Unit
from doxa_collector.verdict import Verdict, VerdictOutcome
from doxa_core.language import LANGUAGES, Language, Text, number
from doxa_core.layers import Layer

OUTCOMES: Final = {
    VerdictOutcome.PASS: Text(vi="Đạt", en="Pass"),
    VerdictOutcome.FAIL: Text(vi="Không đạt", en="Fail"),
    VerdictOutcome.PROBE_LIMITED: Text(vi="Thiết bị đo giới hạn", en="Probe limited"),
    VerdictOutcome.INSUFFICIENT: Text(vi="Chưa đủ dữ liệu", en="Insufficient evidence"),
}
_AGAINST: Final = Text(vi="so với", en="against")
_WANTED: Final = Text(vi="chỉ tiêu", en="target")
_AT_OFFICES: Final = Text(vi="đo tại trụ sở, ", en="measured at offices, ")
_ON_WIRE: Final = Text(vi="tương đương {figure} trên dây", en="{figure} on the wire")


class _Said(NamedTuple):
    """What a sentence is made of."""

    verdict: Verdict
    target: Target
    detail: Mapping[str, Any]
    lang: Language

    def say(self, text: Text) -> str:
        return text.in_language(self.lang)


def explain(verdict: Verdict, target: Target) -> Text:
    """Such as "Không đạt: trung bình 81,2 Mbps (tầng IP, n = 42) so với ≥ 102 Mbps"; reasons that decided follow."""
    detail = json.loads(verdict.detail)
    return Text(*(_sentence(_Said(verdict, target, detail, lang)) for lang in LANGUAGES))


def _sentence(said: _Said) -> str:
    outcome = said.say(OUTCOMES[said.verdict.outcome])
    found = _FOUND[said.target.kind](said)
    wanted = demand(said.target, said.lang).removeprefix("= ")  # "so với = 100 %" is no sentence
    if found and wanted:
        head = f"{outcome}: {found} {said.say(_AGAINST)} {wanted}"
    elif found:
        head = f"{outcome}: {found}"
    else:
        head = f"{outcome} ({said.say(_WANTED)} {wanted})" if wanted else outcome
    why = "; ".join(said.say(reason_text(code)) for code in said.verdict.reasons if code in DECIDING)
    return f"{head} – {why}" if why else head


def demand(target: Target, lang: Language) -> str:
    """What the target wants: `≥ 102 Mbps`, `= 100 %`, `≤ 5`; empty for a qualitative one."""
    if target.operator is None or target.value is None:
        return ""
    return f"{target.operator.sign} {with_unit(shortest(target.value, lang), target.unit, lang)}"


def with_unit(shown: str, unit: Unit | None, lang: Language) -> str:
    """A written number with its unit behind it."""
    return shown if unit is None else f"{shown} {unit.text.in_language(lang)}".rstrip()


def shortest(value: float, lang: Language) -> str:
    """A number with as few decimals as it has, at most four: a document's number as it stands there."""
    decimals = next((n for n in range(4) if round(value, n) == value), 4)
    return number(value, decimals, lang)


def figure(value: float, operator: Operator | None, wanted: float | None, lang: Language) -> str:
    """A measured number with one decimal, or with more where rounding would put it on the target's other side."""
    if operator is None or wanted is None:
        return number(value, 1, lang)
    met = operator.holds(value, wanted)
    decimals = next((n for n in range(1, 7) if operator.holds(round(value, n), wanted) is met), 7)
    return number(value, decimals, lang)


def _level(said: _Said) -> str:
    verdict, target = said.verdict, said.target
    if verdict.value is None or target.measure is None:
        return ""
    shown = with_unit(figure(verdict.value, target.operator, target.value, said.lang), target.unit, said.lang)
    around = [said.say(LAYERS[Layer(verdict.layer)])] if verdict.layer is not None else []
    around += _amount(said)
    around += _wire(said, said.detail.get("layers"), wanted=bool(_AT_LAYERS & set(verdict.reasons)))
    where = said.say(_AT_OFFICES) if target.ispeed else ""
    return f"{where}{said.say(target.measure.statistic.text)} {shown} ({', '.join(around)})"


_AT_LAYERS: Final = frozenset({"between_layers", "outermost_open"})


def _amount(said: _Said) -> list[str]:
    """How many samples, days too where they are too few, and the bounds where they leave the answer open."""
    verdict, detail = said.verdict, said.detail
    least, least_days = detail.get("min_samples"), detail.get("min_days")
    of = f"/{number(least, 0, said.lang)}" if "too_few_samples" in verdict.reasons and least is not None else ""
    found = [f"n = {number(verdict.n, 0, said.lang)}{of}"]
    if "too_few_days" in verdict.reasons and least_days is not None:
        found.append(said.say(_DAYS.fill(days=detail.get("days", 0), least=least_days)))
    if {"within_uncertainty", "skips_decide"} & set(verdict.reasons):
        ends = ((_FROM, verdict.lower), (_TO, verdict.upper))
        found.append(" ".join(said.say(word.fill(end=_end(said, end))) for word, end in ends if end is not None))
    return [part for part in found if part]


def _end(said: _Said, end: float) -> str:
    return figure(end, said.target.operator, said.target.value, said.lang)


_DAYS: Final = Text(vi="{days}/{least} ngày", en="{days}/{least} days")
_FROM: Final = Text(vi="từ {end}", en="from {end}")
_TO: Final = Text(vi="đến {end}", en="to {end}")


def _wire(said: _Said, layers: Mapping[str, float] | None, *, wanted: bool) -> list[str]:
    if not wanted or not layers or Layer.WIRE not in layers:
        return []
    shown = with_unit(number(layers[Layer.WIRE], 1, said.lang), Unit.MBPS, said.lang)
    return [said.say(_ON_WIRE.fill(figure=shown))]


def _share(said: _Said) -> str:
    offices = said.detail.get("offices")
    if not offices or not offices["total"]:
        return ""
    unknown = offices["unknown"] + offices["limited"] + offices["missing"]
    counts = {**{word: offices[word] for word in ("met", "total", "failed")}, "unknown": unknown}
    shown = {word: number(count, 0, said.lang) for word, count in counts.items()}
    return said.say(_COUNTED.fill(**shown)) + _worst(said)


_COUNTED: Final = Text(
    vi="{met}/{total} trụ sở đáp ứng, {failed} không đáp ứng, {unknown} chưa rõ",
    en="{met} of {total} offices meet it, {failed} do not, {unknown} not known",
)


def _worst(said: _Said) -> str:
    """The figure furthest from the demand among the offices that do not meet it, with its equivalent on the wire."""
    condition = said.target.condition
    found = [m for m in said.detail.get("members", ()) if m["standing"] != "met" and m.get("value") is not None]
    if not found or condition is None:
        return ""
    operator, value, unit = condition.asked
    upward = operator is None or operator.upward
    worst = (min if upward else max)(found, key=lambda member: float(member["value"]))
    shown = with_unit(figure(worst["value"], operator, value, said.lang), unit, said.lang)
    around = [said.say(LAYERS[Layer(worst["layer"])])] if worst.get("layer") else []
    around += _wire(said, worst.get("layers"), wanted=worst.get("layer") == Layer.IP)
    around += [said.say(condition.rule.figure)] if condition.rule is not None else []
    word = Text(vi="thấp nhất {shown}", en="lowest {shown}") if upward else _HIGHEST
    return f" ({said.say(word.fill(shown=', '.join([shown, *around])))})"


_HIGHEST: Final = Text(vi="cao nhất {shown}", en="highest {shown}")


def _rank(said: _Said) -> str:
    if said.verdict.value is None:
        return ""
    place = Text(vi="thứ {rank} trong {n} tỉnh, thành phố", en="number {rank} of {n} provinces")
    return said.say(place.fill(rank=int(said.verdict.value), n=said.verdict.n))


def _manual(said: _Said) -> str:
    value, target = said.verdict.value, said.target
    if value is None:
        return ""
    if target.value is None:
        done = Text(vi="đã thực hiện", en="done") if value == 1 else Text(vi="chưa thực hiện", en="not done")
        return said.say(done)
    unit = None if "unit_differs" in said.verdict.reasons else target.unit
    return f"{with_unit(shortest(value, said.lang), unit, said.lang)} ({said.say(reason_text('entered_by_hand'))})"


_FOUND: Final[Mapping[Kind, Callable[[_Said], str]]] = {
    Kind.LEVEL: _level,
    Kind.SHARE: _share,
    Kind.RANK: _rank,
    Kind.MANUAL: _manual,
}
