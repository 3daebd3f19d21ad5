"""Messages: the closed set of places in a rule's message, and how each is written for people in both languages."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Final

from doxa_collector.alerts.about import About
from doxa_collector.alerts.catalogue import Metric
from doxa_collector.watch.subject import Kind, Subject
from doxa_core.language import LANGUAGES, VIETNAM_TIME, Language, Text, number
from doxa_core.linkkind import LinkKind

_ALWAYS: Final = frozenset({"metric", "value", "threshold", "baseline", "since"})
_OF_OFFICE: Final = frozenset({"office", "code", "place"})
PLACEHOLDERS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.PROBE: _ALWAYS | _OF_OFFICE | {"agent"},
    Kind.LINK: _ALWAYS | _OF_OFFICE | {"link", "provider", "far_end"},
    Kind.NODE: _ALWAYS | {"node"},
    Kind.COLLECTOR: _ALWAYS,
}
"""What a message about such a subject may name, in braces."""
MASK: Final = "•••"
"""Stands for what is nội bộ (domain.md §8)."""
NONE: Final = Text(vi="không có số liệu", en="no figures")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def unknown_placeholder(sentence: str, kind: Kind) -> str | None:
    """The first place in `sentence` that is not in the closed set, None where all are. `ValueError` for lone braces."""
    for _literal, name, form, conversion in Formatter().parse(sentence):
        if name is not None and (name not in PLACEHOLDERS[kind] or form or conversion):
            return name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
    return None


def fill(
    message: Text,
    subject: Subject,
    about: About,
    metric: Metric,
    *,
    value: float | None,
    threshold: float | None,
    baseline: float | None,
    since_us: int,
    now_us: int,
    reveal: bool,
    far_end: str = "",
) -> Text:
    """`message` about this subject at this moment; rates, providers and far ends of a TSLCD line are hidden unless `reveal`."""
    hidden = about.link_kind is LinkKind.TSLCD and not reveal
    rate = MASK if hidden and metric.unit == "mbps" else None
    kind = about.link_kind.text if about.link_kind is not None else subject.name
    return Text(
        *(
            message.in_language(lang).format(
                office=about.office or subject.site,
                code=about.code or "?",
                place=about.place or about.office or subject.site,
                agent=subject.name,
                node=subject.name,
                link=kind if isinstance(kind, str) else kind.in_language(lang),
                provider=MASK if hidden else about.provider or "?",
                far_end=MASK if hidden and far_end else far_end or "?",
                metric=metric.text.in_language(lang),
                value=rate or shown(value, metric.unit, lang),
                threshold=rate or shown(threshold, metric.unit, lang),
                baseline=rate or shown(baseline, metric.unit, lang),
                since=moment(since_us, now_us, lang),
            )
            for lang in LANGUAGES
        )
    )


def shown(value: float | None, unit: str, lang: Language) -> str:
    """A figure with its unit, as people write it."""
    if value is None:
        return NONE.in_language(lang)
    if unit == "ratio":
        percent = value * 100
        return f"{number(percent, 0 if percent >= 10 or percent == 0 else 1, lang)} %"
    if unit == "flag":
        return (Text(vi="có", en="yes") if value >= 0.5 else Text(vi="không", en="no")).in_language(lang)
    if unit == "s":
        return _span(value).in_language(lang)
    decimals = 0 if value == int(value) or abs(value) >= 100 else 1
    return f"{number(value, decimals, lang)} {_UNITS.get(unit, '')}".rstrip()


_UNITS: Final = {"ms": "ms", "us": "µs", "mbps": "Mbps", "celsius": "°C", "mtu": "byte", "bytes": "byte", "rpm": "RPM",
                 "ms2": "ms²", "hz": "/s"}  # fmt: skip


def _span(seconds: float) -> Text:
    for size, text in _SPANS:
        if abs(seconds) >= 2 * size:
            return text.fill(n=round(seconds / size))
    return Text(vi=f"{number(seconds, 0, 'vi')} giây", en=f"{number(seconds, 0, 'en')} s")


_SPANS: Final = (
    (86_400, Text(vi="{n} ngày", en="{n} days")),
    (3_600, Text(vi="{n} giờ", en="{n} hours")),
    (60, Text(vi="{n} phút", en="{n} minutes")),
)


def moment(at_us: int, now_us: int, lang: Language) -> str:
    """07:58, with the date where it is not today's: 07:58 24/11/2026."""
    at, now = (_local(us) for us in (at_us, now_us))
    clock = at.strftime("%H:%M")
    if at.date() == now.date():
        return clock
    return f"{clock} {at.strftime('%Y-%m-%d' if lang == 'en' else '%d/%m/%Y')}"


def _local(at_us: int) -> datetime:
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(VIETNAM_TIME)
