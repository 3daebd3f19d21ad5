"""Sentences for people: Vietnamese first, English by a switch (`--lang en` or `DOXA_LANG=en`)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from decimal import Decimal

Language = Literal["vi", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("vi", "en")

VIETNAM_TIME: Final = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""Vietnam has had UTC+7 without daylight saving since 1975, so no time-zone database is needed on the probe."""

_MOST_EXACT: Final = 1e15

_chosen: list[Language] = []


def language() -> Language:
    """The language in force: the one chosen, else `DOXA_LANG`, else Vietnamese."""
    if _chosen:
        return _chosen[-1]
    asked = os.environ.get("DOXA_LANG", "vi")[:2]
    return "en" if asked == "en" else "vi"


def choose_language(chosen: Language) -> None:
    """Speak `chosen` from now on in this process."""
    _chosen[:] = [chosen]


@contextmanager
def speaking(chosen: Language) -> Iterator[None]:
    """Speak `chosen` for a while; afterwards all is as it was, also that nothing had been chosen."""
    before = list(_chosen)
    choose_language(chosen)
    try:
        yield
    finally:
        _chosen[:] = before


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages; `str()` gives the one in force."""

    vi: str
    en: str

    def __str__(self) -> str:
        return self.in_language(language())

    def in_language(self, wanted: Language) -> str:
        """The sentence in `wanted`."""
        return self.en if wanted == "en" else self.vi

    def fill(self, **parts: object) -> "Text":
        """The sentence with `{name}` places filled; a `Text` part is filled in the same language."""
        return Text(*(self._filled(lang, parts) for lang in LANGUAGES))

    def _filled(self, lang: Language, parts: dict[str, object]) -> str:
        spoken = {k: v.in_language(lang) if isinstance(v, Text) else v for k, v in parts.items()}
        return self.in_language(lang).format(**spoken)


def number(value: float, decimals: int, lang: Language | None = None) -> str:
    """`value` as people write it: 1.234,5 in Vietnamese, 1,234.5 in English.

    What lies in the middle as it is written (95.25) goes away from zero, as in a workbook and at school; Python's own
    format would look at the binary fraction, and a paper would differ from the sheet beside it.
    """
    plain = f"{_rounded(value, decimals):,.{decimals}f}"
    if (lang or language()) == "en":
        return plain
    return plain.translate(str.maketrans(",.", ".,"))


def _rounded(value: float, decimals: int) -> "float | Decimal":
    if not abs(value) < _MOST_EXACT:  # from here on a float has no decimals to round; what is no number stays one
        return value
    from decimal import ROUND_HALF_UP, Decimal  # whoever prints no number does not pay for it

    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def local_time(moment: datetime, lang: Language | None = None) -> str:
    """An aware `moment` in Vietnamese time: `21/11/2026 08:05:09` (ISO order in English)."""
    here = moment.astimezone(VIETNAM_TIME)
    return here.strftime("%Y-%m-%d %H:%M:%S" if (lang or language()) == "en" else "%d/%m/%Y %H:%M:%S")


def span(seconds: float) -> Text:
    """A length of time in its largest whole unit: `12 phút`."""
    size, text = next(((size, text) for size, text in _SPANS if seconds >= size), _SPANS[-1])
    return text.fill(n=max(0, int(seconds // size)))


_SPANS: Final = (
    (86_400, Text(vi="{n} ngày", en="{n} d")),
    (3_600, Text(vi="{n} giờ", en="{n} h")),
    (60, Text(vi="{n} phút", en="{n} min")),
    (1, Text(vi="{n} giây", en="{n} s")),
)
