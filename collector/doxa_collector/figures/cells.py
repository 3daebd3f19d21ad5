"""What one cell says: a month, a rate, a count, a kind of line, a statistic. What can be read in two ways is refused."""

import calendar
import re
from datetime import date
from typing import Final

from doxa_collector.places.folding import plain
from doxa_collector.plans.quantities import RATES
from doxa_core.language import Text

MIN_MBPS: Final = 0.001
MAX_MBPS: Final = 1e6
MAX_SAMPLES: Final = 10**9
NOTHING: Final = frozenset({"", "-", "–", "—", "…", "..."})
"""How tables write that there is no figure."""

KINDS: Final = {
    "fixed": ("co dinh", "bang rong co dinh", "internet co dinh", "internet bang rong co dinh", "cap quang", "fixed"),
    "mobile": ("di dong", "bang rong di dong", "internet di dong", "internet bang rong di dong", "mobile"),
    "mobile-5g": ("5g", "di dong 5g", "mang 5g", "bang rong di dong 5g", "mobile-5g"),
    "tslcd": ("tslcd", "truyen so lieu chuyen dung", "mang truyen so lieu chuyen dung"),
}
"""What people write for each kind of `plans.reference.KINDS`, without marks."""
STATISTICS: Final = {
    "median": ("trung vi", "median"),
    "mean": ("trung binh", "tb", "mean", "average"),
    "not_stated": ("khong ro", "khong neu", "khong ghi", "not stated"),
}
_KIND: Final = {plain(word): kind for kind, words in KINDS.items() for word in words}
_STATISTIC: Final = {plain(word): statistic for statistic, words in STATISTICS.items() for word in words}

_ISO_DAY: Final = re.compile(r"(20[0-9]{2})-([0-9]{2})-([0-9]{2})")
_DAY: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/(20[0-9]{2})")
_YEAR_FIRST: Final = re.compile(r"(20[0-9]{2})[-/]([0-9]{1,2})")
_MONTH_FIRST: Final = re.compile(r"(?:(?:tháng|thang|t)\s*)?([0-9]{1,2})[-/](20[0-9]{2})", re.IGNORECASE)
_RATE: Final = re.compile(r"([0-9.,]{1,20})\s*([A-Za-z/]*)")
_PLAIN: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_GROUPED: Final = (re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+"), re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+"))
_TWO_WAYS: Final = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_COUNT: Final = re.compile(
    r"[0-9]{1,12}|[0-9]{1,3}(?:\.[0-9]{3}){1,3}|[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,3}(?: [0-9]{3}){1,3}"
)


class Wrong(Exception):  # noqa: N818 - it becomes an InputError once its place is known
    """A cell cannot be taken: what is wrong and how to mend it."""

    def __init__(self, what: Text, mend: Text) -> None:
        super().__init__(what.en)
        self.what = what
        self.mend = mend


def month(text: str, today: date) -> str:
    """The month as `2025-09`, not after `today`; a day is taken only where it is the first or last of its month.

    A spreadsheet makes a day of this year of `9/25`, so any other day is refused.
    """
    found = _month(text)
    if found > today.isoformat()[:7]:
        raise Wrong(Text(vi=f"tháng «{text}» chưa tới", en=f"the month '{text}' has not come"), _MONTH)
    return found


def _month(text: str) -> str:
    try:
        if match := _ISO_DAY.fullmatch(text):
            return _whole(date(*map(int, match.groups())))
        if match := _DAY.fullmatch(text):
            return _whole(date(int(match[3]), int(match[2]), int(match[1])))
        if match := _YEAR_FIRST.fullmatch(text):
            return date(int(match[1]), int(match[2]), 1).isoformat()[:7]
        if match := _MONTH_FIRST.fullmatch(text):
            return date(int(match[2]), int(match[1]), 1).isoformat()[:7]
    except ValueError:
        pass
    raise Wrong(_said(text, "không phải một tháng", "is no month"), _MONTH)


def _whole(day: date) -> str:
    if day.day not in (1, calendar.monthrange(day.year, day.month)[1]):
        raise Wrong(_said(day.isoformat(), "là một ngày giữa tháng", "is a day inside a month"), _MONTH)
    return day.isoformat()[:7]


def decimal(text: str) -> float:
    """A number with a decimal comma or point; `1.234` is refused, for it may be a thousand or one and a bit."""
    if _TWO_WAYS.fullmatch(text):
        raise Wrong(_said(text, "có thể đọc theo hai cách", "can be read in two ways"), _TWO_DECIMALS)
    for grouped, mark in zip(_GROUPED, ".,", strict=True):
        if grouped.fullmatch(text):
            text = text.replace(mark, "")
    if not _PLAIN.fullmatch(text):
        raise Wrong(_said(text, "không phải một con số", "is no number"), _NUMBER)
    return float(text.replace(",", "."))


def rate(text: str) -> float | None:
    """A rate in Mbps; None where the cell says that there is none. A zero is no figure and is refused."""
    if text in NOTHING:
        return None
    match = _RATE.fullmatch(text)
    if match is None or (match[2] and match[2] not in RATES):
        raise Wrong(_said(text, "không phải tốc độ tính bằng Mbps", "is no rate in Mbps"), _NUMBER)
    value = round(decimal(match[1]) * RATES.get(match[2], 1), 9)
    if not MIN_MBPS <= value <= MAX_MBPS:
        raise Wrong(_said(text, "nằm ngoài khoảng có thể có", "is out of all bounds"), _BOUNDS)
    return value


def samples(text: str) -> int | None:
    """A count of samples, 1 or more; None where the cell says that it is not known."""
    if text in NOTHING:
        return None
    if not _COUNT.fullmatch(text):
        raise Wrong(_said(text, "không phải số lượng mẫu", "is no count of samples"), _WHOLE)
    found = int(re.sub("[., ]", "", text))
    if not 1 <= found <= MAX_SAMPLES:
        raise Wrong(_said(text, "nằm ngoài khoảng có thể có", "is out of all bounds"), _WHOLE)
    return found


def kind(text: str) -> str:
    """The kind of line, a word of `plans.reference.KINDS`."""
    return _word(text, _KIND, _A_KIND)


def statistic(text: str) -> str:
    """The statistic, a word of `plans.reference.STATISTICS`; that it is not known must be said."""
    return _word(text, _STATISTIC, _A_STATISTIC)


def _word(text: str, known: dict[str, str], mend: Text) -> str:
    found = known.get(plain(text))
    if found is None:
        raise Wrong(_said(text, "không hiểu được", "is not understood"), mend)
    return found


def _said(text: str, vi: str, en: str) -> Text:
    short = text if len(text) <= 60 else f"{text[:60]}…"
    return Text(vi=f"«{short}» {vi}" if text else "ô trống", en=f"'{short}' {en}" if text else "the cell is empty")


_MONTH = Text(
    vi="hãy ghi như 09/2025 hoặc 2025-09, không muộn hơn tháng này",
    en="write it like 09/2025 or 2025-09, not after this month",
)
_NUMBER = Text(vi="hãy ghi số Mbps như 272,44", en="write a number of Mbps such as 272.44")
_TWO_DECIMALS = Text(
    vi="hãy ghi phần lẻ hai chữ số như 1,23, hoặc không dấu như 1234",
    en="write two decimals such as 1.23, or no mark as in 1234",
)
_BOUNDS = Text(
    vi="hãy ghi số lớn hơn 0 và đến 1000000 Mbps, để trống ô không có số liệu",
    en="write more than 0 and up to 1000000 Mbps, and leave a cell without a figure empty",
)
_WHOLE = Text(vi="hãy ghi một số nguyên từ 1, hoặc để trống", en="write a whole number from 1, or leave it empty")
_A_KIND = Text(vi="hãy ghi: cố định, di động, 5G hoặc TSLCD", en="write one of: fixed, mobile, mobile-5g, tslcd")
_A_STATISTIC = Text(
    vi="hãy ghi: trung vị, trung bình, hoặc không rõ nếu nguồn không nói",
    en="write median, mean, or not_stated where the source does not say",
)
