"""The p95 rule in words: one sentence a direction, a table of its seven days, and the same for machines."""

from datetime import date
from typing import Any, Final

from doxa_collector.assess.p95 import DAYS, MOST, Day, Way, Week, exceeds
from doxa_collector.assess.reasons import reason_text
from doxa_collector.assess.traffic import PER_DAY
from doxa_collector.assess.wording import OUTCOMES
from doxa_collector.plans.model import LAYERS
from doxa_core.language import LANGUAGES, Language, Text, language, number

DIRECTIONS: Final = {
    "download": Text(vi="tải xuống", en="download"),
    "upload": Text(vi="tải lên", en="upload"),
}
_SENTENCE: Final = Text(
    vi="{outcome} ({direction}): bách phân vị 95 của {days} ngày bằng {share} dung lượng{bounds}, "
    "{samples}/{all} mẫu, so với ≤ {most}",
    en="{outcome} ({direction}): the 95th percentile of {days} days is {share} of the capacity{bounds}, "
    "{samples} of {all} samples, against ≤ {most}",
)
_NOTHING: Final = Text(
    vi="{outcome} ({direction}): {samples}/{all} mẫu, ngưỡng ≤ {most}",
    en="{outcome} ({direction}): {samples} of {all} samples, limit ≤ {most}",
)
_BOUNDS: Final = Text(vi=" (chắc chắn từ {lower} đến {upper})", en=" (for certain from {lower} to {upper})")
_AT_LEAST: Final = Text(vi=" (chắc chắn ít nhất {lower})", en=" (for certain at least {lower})")
_ABOVE: Final = Text(vi="{n}/{days} ngày tự vượt ngưỡng", en="{n} of {days} days are above on their own")


def sentence(way: Way) -> Text:
    """Such as "Không đạt (tải xuống): bách phân vị 95 của 7 ngày bằng 93,1 % dung lượng, 2.016/2.016 mẫu, so với ≤ 90 %"."""
    return Text(*(_sentence(way, lang) for lang in LANGUAGES))


def _sentence(way: Way, lang: Language) -> str:
    parts = {
        "outcome": OUTCOMES[way.outcome],
        "direction": DIRECTIONS[way.direction],
        "days": DAYS,
        "samples": number(way.samples, 0, lang),
        "all": number(PER_DAY * DAYS, 0, lang),
        "most": _share(MOST, lang),
    }
    if way.share is None:
        head = _NOTHING.fill(**parts)
    else:
        head = _SENTENCE.fill(**parts, share=_share(way.share, lang), bounds=_bounds(way, lang))
    why = [reason_text(code) for code in way.reasons]
    why += [_ABOVE.fill(n=way.days_above, days=DAYS)] if way.days_above else []
    return " – ".join([head.in_language(lang), *(["; ".join(w.in_language(lang) for w in why)] if why else [])])


def _bounds(way: Way, lang: Language) -> str:
    """What the missing samples leave certain; nothing where none is missing."""
    if way.lower is None or way.lower == way.upper:
        return ""
    if way.upper is None:
        return _AT_LEAST.fill(lower=_share(way.lower, lang)).in_language(lang)
    return _BOUNDS.fill(lower=_share(way.lower, lang), upper=_share(way.upper, lang)).in_language(lang)


def _share(value: float, lang: Language) -> str:
    """A share in per cent, with as many decimals as keep it on its side of the limit."""
    decimals = 0 if value == MOST else next((n for n in (1, 2, 3) if exceeds(round(value, n + 2)) is exceeds(value)), 4)
    return f"{number(100 * value, decimals, lang)} %"


def table(week: Week) -> list[str]:
    """The lines of the table and its sentences, in the language in force."""
    lang = language()
    heads = [_DAY, *(head for _ in week.ways for head in (_SAMPLES, _P95, _CAPACITY, _SHARE))]
    rows = [[head.in_language(lang) for head in heads]]
    for place, day in enumerate(day.day for day in week.ways[0].days):
        rows.append([_date(day, lang), *(cell for way in week.ways for cell in _cells(way.days[place], lang))])
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    titles = f"{'':{widths[0]}}  " + "  ".join(
        f"{DIRECTIONS[way.direction].in_language(lang):<{sum(widths[1 + 4 * n : 5 + 4 * n]) + 6}}"
        for n, way in enumerate(week.ways)
    )
    lines = [titles.rstrip()]
    lines += ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    layers = list(dict.fromkeys(day.layer for day in week.ways[0].days))
    lines.append(str(_LAYER.fill(layers=", ".join(LAYERS[layer].in_language(lang) for layer in layers))))
    return lines + [str(sentence(way)) for way in week.ways]


def _cells(day: Day, lang: Language) -> list[str]:
    absent = "–"
    return [
        f"{day.samples}/{PER_DAY}" + ("" if day.enough else " !"),
        absent if day.p95_mbps is None else number(day.p95_mbps, 2, lang),
        absent if day.capacity_mbps is None else number(day.capacity_mbps, 1, lang),
        absent if day.share is None else _share(day.share, lang) + (" ▲" if day.above else ""),
    ]


def _date(day: date, lang: Language) -> str:
    return day.isoformat() if lang == "en" else day.strftime("%d/%m/%Y")


_DAY: Final = Text(vi="ngày", en="day")
_SAMPLES: Final = Text(vi="mẫu", en="samples")
_P95: Final = Text(vi="p95 (Mbps)", en="p95 (Mbps)")
_CAPACITY: Final = Text(vi="dung lượng", en="capacity")
_SHARE: Final = Text(vi="tỷ lệ", en="share")
_LAYER: Final = Text(
    vi="tầng của số liệu: {layers}; «!»: ngày chưa đủ mẫu; «▲»: ngày tự vượt ngưỡng",
    en="layer of the figures: {layers}; '!': too few samples; '▲': above on its own",
)


def as_json(site: str, link: str, week: Week) -> dict[str, Any]:
    """The whole answer; what is not known is null."""
    return {
        "site": site,
        "link": link,
        "from": week.period.first.isoformat(),
        "to": week.period.last.isoformat(),
        "limit_ratio": MOST,
        "outcome": week.outcome.value,
        "directions": [_way(way) for way in week.ways],
    }


def _way(way: Way) -> dict[str, Any]:
    text = sentence(way)
    return {
        "direction": way.direction,
        "outcome": way.outcome.value,
        "reasons": list(way.reasons),
        "p95_ratio": way.share,
        "p95_lower_ratio": way.lower,
        "p95_upper_ratio": way.upper,
        "sample_count": way.samples,
        "expected_count": PER_DAY * len(way.days),
        "days_above_count": way.days_above,
        "text": {"vi": text.vi, "en": text.en},
        "days": [
            {
                "day": day.day.isoformat(),
                "sample_count": day.samples,
                "expected_count": PER_DAY,
                "enough": day.enough,
                "p95_mbps": day.p95_mbps,
                "layer": day.layer.value,
                "capacity_mbps": day.capacity_mbps,
                "p95_ratio": day.share,
                "above": day.above,
            }
            for day in way.days
        ],
    }
