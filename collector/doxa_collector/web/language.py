"""The voice of a page: the language of one request, and numbers, moments and spans as people write them in it."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from doxa_core.language import LANGUAGES, VIETNAM_TIME, Language, Text, local_time, number, span

COOKIE: Final = "doxa_lang"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AGO: Final = Text(vi="{span} trước", en="{span} ago")
_JUST_NOW: Final = Text(vi="vừa xong", en="just now")
_MONTH: Final = Text(vi="tháng {month}/{year}", en="{year}-{month}")


def known_language(text: str | None) -> Language | None:
    """`text` if it names a language that we speak."""
    return next((lang for lang in LANGUAGES if lang == text), None)


def from_us(moment_us: int) -> datetime:
    """The aware moment of whole microseconds since 1970 UTC."""
    return _EPOCH + timedelta(microseconds=moment_us)


@dataclass(frozen=True, slots=True)
class Voice:
    """How one reader is spoken to."""

    lang: Language

    def say(self, vi: str, en: str) -> str:
        """One of two sentences that stand beside each other in a template."""
        return en if self.lang == "en" else vi

    def show(self, text: Text | str) -> str:
        """A `Text` in this language; other strings (names, codes) as they are."""
        return text.in_language(self.lang) if isinstance(text, Text) else text

    def number(self, value: float, decimals: int | None = None) -> str:
        """`1.234,5`; without `decimals` as many as the value needs, at most two."""
        if decimals is None:
            decimals = next((d for d in (0, 1) if math.isclose(value, round(value, d), abs_tol=5e-4)), 2)
        return number(value, decimals, self.lang)

    def percent(self, ratio: float, decimals: int = 1) -> str:
        """A share as `97,5 %`."""
        return f"{number(ratio * 100, 0 if ratio in (0, 1) else decimals, self.lang)} %"

    def moment(self, moment_us: int) -> str:
        """Vietnamese local time with the day and the second."""
        return local_time(from_us(moment_us), self.lang)

    def clock(self, moment_us: int) -> str:
        """Vietnamese local time, `08:05:09`."""
        return from_us(moment_us).astimezone(VIETNAM_TIME).strftime("%H:%M:%S")

    def day(self, day: date | str) -> str:
        """`31/12/2025`; ISO order in English."""
        found = date.fromisoformat(day) if isinstance(day, str) else day
        return found.strftime("%Y-%m-%d" if self.lang == "en" else "%d/%m/%Y")

    def period(self, first: str, last: str) -> str:
        """A period of ISO days (both inclusive): a whole month by its name, one day as a day, else both ends."""
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        if start.day == 1 and end + timedelta(days=1) == (start + timedelta(days=31)).replace(day=1):
            return self.show(_MONTH.fill(month=f"{start.month:02d}", year=start.year))
        return self.day(start) if start == end else f"{self.day(start)} – {self.day(end)}"

    def span(self, seconds: float) -> str:
        """A length of time in its largest whole unit: `12 phút`."""
        return self.show(span(seconds))

    def ago(self, moment_us: int, now_us: int) -> str:
        """How long ago, `12 phút trước`; a moment that is not past yet is `vừa xong`."""
        seconds = (now_us - moment_us) / 1e6
        return self.show(_JUST_NOW) if seconds < 2 else self.show(_AGO.fill(span=self.span(seconds)))
