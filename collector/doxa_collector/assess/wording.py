"""One sentence for one verdict: what was found, how much evidence it stands on, and what it was held against."""

import json
from typing import Any, Final

from doxa_collector.assess.reasons import reason_text
from doxa_collector.plans.model import Kind, Target, Unit
from doxa_collector.verdict import Verdict, VerdictOutcome
from doxa_core.language import LANGUAGES, Language, Text, number
from doxa_core.layers import Layer

OUTCOMES: Final = {
    VerdictOutcome.PASS: Text(vi="Đạt", en="Pass"),
    VerdictOutcome.FAIL: Text(vi="Không đạt", en="Fail"),
    VerdictOutcome.PROBE_LIMITED: Text(vi="Thiết bị đo giới hạn", en="Probe limited"),
    VerdictOutcome.INSUFFICIENT: Text(vi="Chưa đủ dữ liệu", en="Insufficient evidence"),
}
LAYERS: Final = {
    Layer.PAYLOAD: Text(vi="tầng ứng dụng", en="payload"),
    Layer.IP: Text(vi="tầng IP", en="IP layer"),
    Layer.FRAME: Text(vi="tầng khung", en="frame layer"),
    Layer.WIRE: Text(vi="trên dây", en="on the wire"),
}


def explain(verdict: Verdict, target: Target) -> Text:
    """Such as "Không đạt: trung vị 81,2 Mbps (tầng ứng dụng, n = 42) so với ≥ 102 Mbps"."""
    detail = json.loads(verdict.detail)
    return Text(*(_sentence(verdict, target, detail, lang) for lang in LANGUAGES))


def _sentence(verdict: Verdict, target: Target, detail: dict[str, Any], lang: Language) -> str:
    outcome = OUTCOMES[verdict.outcome].in_language(lang)
    found = _FOUND[target.kind](verdict, target, detail, lang)
    wanted = demand(target, lang)
    first = f"{outcome}: {found} {_AGAINST.in_language(lang)} {wanted}" if found and wanted else f"{outcome}: {found}"
    if not found:
        first = outcome if not wanted else f"{outcome} ({_WANTED.in_language(lang)} {wanted})"
    why = "; ".join(reason_text(code).in_language(lang) for code in verdict.reasons if code in _DECIDING)
    return f"{first} – {why}" if why else first


_AGAINST: Final = Text(vi="so với", en="against")
_WANTED: Final = Text(vi="chỉ tiêu", en="target")
_DECIDING: Final = frozenset(
    {
        "too_few_samples", "no_samples", "no_offices", "no_links", "between_layers", "offices_unknown",
        "offices_missing", "needs_other_provinces", "no_own_figure", "not_entered", "unit_differs", "no_target_value",
        "probe_was_limit", "no_link", "link_down",
    }
)  # fmt: skip


def demand(target: Target, lang: Language) -> str:
    """What the target wants: `≥ 102 Mbps`, `= 100 %`, `≤ 5`; empty for a qualitative one."""
    if target.operator is None or target.value is None:
        return ""
    return f"{target.operator.sign} {quantity(target.value, target.unit, lang, target=True)}"


def quantity(value: float, unit: Unit | None, lang: Language, *, target: bool = False) -> str:
    """A number with its unit: a target's as short as it is, a measured one with one decimal."""
    shown = _shortest(value, lang) if target or unit is Unit.RANK else number(value, 1, lang)
    unit_text = "" if unit is None else unit.text.in_language(lang)
    return f"{shown} {unit_text}".rstrip()


def _shortest(value: float, lang: Language) -> str:
    for decimals in range(4):
        if round(value, decimals) == value:
            return number(value, decimals, lang)
    return number(value, 4, lang)


def _found_level(verdict: Verdict, target: Target, detail: dict[str, Any], lang: Language) -> str:
    if verdict.value is None or target.measure is None:
        return ""
    statistic = target.measure.statistic.text.in_language(lang)
    parts = [] if verdict.layer is None else [LAYERS[Layer(verdict.layer)].in_language(lang)]
    least = detail.get("min_samples")
    few = "too_few_samples" in verdict.reasons and least is not None
    parts.append(f"n = {verdict.n}/{least}" if few else f"n = {verdict.n}")
    return f"{statistic} {quantity(verdict.value, target.unit, lang)} ({', '.join(parts)})"


def _found_share(verdict: Verdict, target: Target, detail: dict[str, Any], lang: Language) -> str:
    offices = detail.get("offices")
    if not offices or not offices["total"]:
        return ""
    unknown = offices["unknown"] + offices["limited"] + offices["missing"]
    text = Text(vi="{met}/{total} trụ sở đáp ứng", en="{met}/{total} offices meet it").fill(**offices)
    rest = Text(vi=", {failed} không đáp ứng, {unknown} chưa rõ", en=", {failed} do not, {unknown} not known").fill(
        failed=offices["failed"], unknown=unknown
    )
    return text.in_language(lang) + rest.in_language(lang)


def _found_rank(verdict: Verdict, target: Target, detail: dict[str, Any], lang: Language) -> str:
    if verdict.value is None:
        return ""
    text = Text(vi="thứ {rank} trong {n} tỉnh, thành phố", en="number {rank} of {n} provinces")
    return text.fill(rank=int(verdict.value), n=verdict.n).in_language(lang)


def _found_manual(verdict: Verdict, target: Target, detail: dict[str, Any], lang: Language) -> str:
    if verdict.value is None:
        return ""
    if target.value is None:
        done = Text(vi="đã thực hiện", en="done") if verdict.value == 1 else Text(vi="chưa thực hiện", en="not done")
        return done.in_language(lang)
    unit = target.unit if "unit_differs" not in verdict.reasons else None
    return f"{quantity(verdict.value, unit, lang)} ({reason_text('entered_by_hand').in_language(lang)})"


_FOUND: Final = {
    Kind.LEVEL: _found_level,
    Kind.SHARE: _found_share,
    Kind.RANK: _found_rank,
    Kind.MANUAL: _found_manual,
}
