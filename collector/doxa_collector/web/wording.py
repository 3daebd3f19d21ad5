"""What stands in a cell: requirements, figures and bounds with their units, in the reader's language."""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from doxa_collector.plans.model import Kind, Target, Unit
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.web.board import Entered, Finding
from doxa_collector.web.language import Voice
from doxa_collector.web.places import Atlas
from doxa_collector.words.codes import VALUES, worded
from doxa_core.names import is_value_name, unit_of

_UNIT_SIGNS = {
    "mbps": "Mbps", "ms": "ms", "ms2": "ms²", "us": "µs", "s": "s", "bytes": "byte", "celsius": "°C", "hz": "/s",
    "mtu": "byte", "rpm": "RPM",
}  # fmt: skip
_WITH_UNIT = re.compile(r"(?<=\d) (?=Mbps|Gb/s|ms|%)")
_SIGNED = re.compile(r"([≥≤<>=]) (?=\d)")
_DECIMALS = {"mbps": 2, "ms": 2, "ms2": 2, "us": 0, "s": 2, "celsius": 1, "hz": 1}


def amount(voice: Voice, value: float, unit: Unit | None, decimals: int | None = None) -> str:
    """A number with the unit of a target: `85,07 Mbps`, `97,5 %`."""
    text = voice.number(value, decimals)
    return text if unit is None or not voice.show(unit.text) else f"{text}\u00a0{voice.show(unit.text)}"


def requirement(voice: Voice, target: Target) -> str:
    """What the target demands: `≥ 102 Mbps`, `trong 5 tỉnh, thành phố cao nhất`."""
    if target.value is None or target.operator is None:
        return voice.say("không có con số", "no figure")
    if target.kind is Kind.RANK:
        top = voice.number(target.value)
        return voice.say(f"trong {top} tỉnh, thành phố cao nhất", f"among the {top} highest provinces")
    return f"{target.operator.sign}\u00a0{amount(voice, target.value, target.unit)}"


def condition(voice: Voice, target: Target) -> str | None:
    """What each office must meet to count in a share; None for other kinds."""
    held = target.condition
    if held is None:
        return None
    kind = voice.show(held.link_kind.text)
    if held.rule is not None:
        rule = voice.show(held.rule.text)
        return voice.say(f"trụ sở có {kind} giữ quy tắc: {rule}", f"offices whose {kind} keeps the rule: {rule}")
    if held.value is None or held.operator is None:
        return voice.say(f"trụ sở có {kind} hoạt động", f"offices with a working {kind}")
    level = f"{held.operator.sign}\u00a0{amount(voice, held.value, held.unit)}"
    return voice.say(f"trụ sở có {kind} {level}", f"offices with {kind} {level}")


def found(voice: Voice, finding: Finding, target: Target) -> str | None:
    """The measured figure of a verdict, None where there is none."""
    if finding.value is None:
        return None
    return amount(voice, finding.value, target.unit, 2 if target.unit is Unit.MBPS else None)


def published(voice: Voice, finding: Finding, target: Target) -> str | None:
    """The i-Speed figure that was imported, None where none was."""
    return None if finding.published is None else amount(voice, finding.published, target.unit, 2)


def _sure(voice: Voice, finding: Finding, target: Target) -> str:
    """` 99 %`: the bounds' confidence; verdicts of the first method had 95 %, and a share's offices have their own."""
    if target.kind is Kind.SHARE:
        return ""
    confidence = 100 * float(finding.detail.get("confidence", 0.95))
    return f"\u00a0{voice.number(confidence, 0 if round(confidence, 4) == round(confidence) else 2)}\u00a0%"


def bounds(voice: Voice, finding: Finding, target: Target) -> list[str]:
    """The one-sided bound that the verdict stands on: the lower of a pass, the upper of a fail, else both."""
    decimals = 2 if target.unit is Unit.MBPS else 1
    low, high = finding.lower, finding.upper
    if target.operator is not None and target.operator.upward:
        low = None if finding.outcome is VerdictOutcome.FAIL else low
        high = None if finding.outcome is VerdictOutcome.PASS else high
    parts, sure = [], _sure(voice, finding, target)
    if low is not None:
        shown = voice.number(low, decimals)
        parts.append(voice.say(f"cận dưới{sure}: {shown}", f"lower bound{sure} {shown}"))
    if high is not None:
        shown = voice.number(high, decimals)
        parts.append(voice.say(f"cận trên{sure}: {shown}", f"upper bound{sure} {shown}"))
    return parts


def statistic(voice: Voice, target: Target) -> str | None:
    """Mean or median, where the target is about samples."""
    return (
        None if target.measure is None or target.kind is not Kind.LEVEL else voice.show(target.measure.statistic.text)
    )


def samples(voice: Voice, finding: Finding, target: Target) -> str:
    """How many stand behind a verdict: samples of a level; of a share, the offices that meet it among all."""
    n = voice.number(finding.n, 0)
    if target.kind is not Kind.SHARE:
        return f"n\u00a0=\u00a0{n}"
    offices = finding.detail.get("offices")
    if isinstance(offices, dict) and "total" in offices:
        met, total = voice.number(offices["met"], 0), voice.number(offices["total"], 0)
        return voice.say(f"{met} trên {total} trụ sở đáp ứng", f"{met} of {total} offices meet it")
    return voice.say(f"{n} trụ sở", f"{n} offices")


def source(voice: Voice, own: Mapping[str, Any]) -> str:
    """Where an imported i-Speed figure comes from: statistic, source, and how sure the source is."""
    kind = {"mean": voice.say("trung bình", "mean"), "median": voice.say("trung vị", "median")}.get(
        own["statistic"], ""
    )
    mark = "" if own.get("mark") == "V" else f" [{own.get('mark')}]"
    return f"{kind} · {own['source']}{mark}"


def as_of(voice: Voice, text: str) -> str:
    """The day of an entered figure; `2025` or `2023-Q2` stay as they are."""
    try:
        return voice.day(text)
    except ValueError:
        return text


def entered(voice: Voice, found_: Entered, target: Target) -> str:
    """An indicator that a person entered."""
    return amount(voice, found_.value, target.unit) if target.unit else f"{voice.number(found_.value)} {found_.unit}"


def quantity(voice: Voice, name: str, value: float) -> str:
    """A measurement's value with the unit in its name; a ratio as a percentage, a count without a unit."""
    unit = unit_of(name) if is_value_name(name) else ""
    if unit == "ratio":
        return voice.percent(value)
    if unit == "flag":
        return voice.say("có", "yes") if value else voice.say("không", "no")
    text = voice.number(value, _DECIMALS.get(unit, 0 if float(value).is_integer() else 2))
    sign = _UNIT_SIGNS.get(unit)
    return text if sign is None else f"{text}\u00a0{sign}"


def value_title(voice: Voice, name: str) -> str:
    """What a value is called."""
    return voice.show(worded(VALUES, name))


def capital(text: str) -> str:
    """The first letter large, the rest as it is: `xã Đồng Đăng` → `Xã Đồng Đăng`."""
    return text[:1].upper() + text[1:]


def province(voice: Voice, atlas: Atlas, code: str) -> str:
    """A province's name, or its code where the registry does not know it."""
    return capital(atlas.names[code]) if code in atlas.names else voice.say(f"tỉnh mã {code}", f"province {code}")


def keep(text: str) -> Markup:
    """`text` in which a number stays with its sign and unit, and the name i-Speed is not broken at its hyphen."""
    whole = _SIGNED.sub("\\1\u00a0", _WITH_UNIT.sub("\u00a0", text))
    return Markup(str(escape(whole)).replace("i-Speed", '<span class="nb">i-Speed</span>'))  # noqa: S704 - escaped first
