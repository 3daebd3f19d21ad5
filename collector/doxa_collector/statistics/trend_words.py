"""The sentence of a forecast, in both languages."""

from typing import Final

from doxa_collector.statistics.trend import Answer, Forecast
from doxa_core.language import LANGUAGES, Language, Text, number

_HEAD: Final = Text(
    vi="Theo xu hướng {months} tháng qua ({slope} {unit} mỗi tháng), tháng {due} dự kiến {value} {unit} "
    "(khoảng {lower}–{upper}, độ tin cậy 80 %): {answer}.",
    en="By the trend of the last {months} months ({slope} {unit} a month), {due} is expected at {value} {unit} "
    "({lower} to {upper} with 80 %): {answer}.",
)
_ANSWERS: Final = {
    Answer.LIKELY: Text(vi="có khả năng đạt mục tiêu {target} {unit}", en="likely to meet the target of {target} {unit}"),
    Answer.UNLIKELY: Text(
        vi="khó đạt mục tiêu {target} {unit}", en="unlikely to meet the target of {target} {unit}"
    ),
    Answer.CANNOT_TELL: Text(
        vi="chưa thể kết luận về mục tiêu {target} {unit}", en="no answer yet on the target of {target} {unit}"
    ),
}  # fmt: skip
_FEW: Final = Text(
    vi="Mới có số liệu {months} tháng, cần ít nhất 4 tháng để nói về xu hướng.",
    en="There are figures of {months} months only; a trend needs at least 4.",
)
_NONE: Final = Text(
    vi="Chưa có tháng nào có số liệu, cần ít nhất 4 tháng để nói về xu hướng.",
    en="There are figures of no month yet; a trend needs at least 4.",
)
_FAR: Final = Text(
    vi="Hạn tháng {due} xa hơn khoảng thời gian đã đo ({months} tháng), chưa thể dự báo.",
    en="{due} lies further ahead than what was measured ({months} months): no forecast.",
)


def sentence(found: Forecast, target: float, unit: str) -> Text:
    """What the forecast says; `unit` as it is written behind a number (`Mbps`)."""
    return Text(*(_said(found, target, unit, lang) for lang in LANGUAGES))


def _said(found: Forecast, target: float, unit: str, lang: Language) -> str:
    due = _month(found.due, lang)
    if found.value is None or found.lower is None or found.upper is None or found.slope is None:
        return (_FEW.fill(months=found.months) if found.months else _NONE).in_language(lang)
    if found.reason == "too_far":
        return _FAR.fill(due=due, months=found.months).in_language(lang)
    parts = {"value": found.value, "lower": max(0.0, found.lower), "upper": max(0.0, found.upper), "target": target}
    shown = {name: number(part, 1, lang) for name, part in parts.items()}
    sign = "+" if found.slope > 0 else ""
    return _HEAD.fill(
        months=found.months,
        due=due,
        unit=unit,
        slope=sign + number(found.slope, 2, lang),
        answer=_ANSWERS[found.answer].fill(target=shown["target"], unit=unit),
        **{name: shown[name] for name in ("value", "lower", "upper")},
    ).in_language(lang)


def _month(month: int, lang: Language) -> str:
    year, index = divmod(month, 12)
    return f"{year:04d}-{index + 1:02d}" if lang == "en" else f"{index + 1:02d}/{year:04d}"
