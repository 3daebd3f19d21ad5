"""The parameters: each knows its JSON schema, how it is read, and the words for what it wants."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from doxa_collector.api.moments import read_moment
from doxa_core.language import Text
from doxa_core.names import IDENTIFIER

MAX_LIMIT: Final = 1000
DEFAULT_LIMIT: Final = 100
LARGEST: Final = 2**63 - 1
"""The largest whole number of the ledger."""
LONGEST_SEARCH: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter of the path or of the query."""

    name: str
    about: str
    says: Mapping[str, Any]
    read: Callable[[str], Any]
    """`ValueError` for what it refuses."""
    wanted: Text
    """What may be written, for the sentence of a refusal."""
    required: bool = False
    default: Any = None

    def needed(self) -> "Param":
        """The same, and it must be given."""
        return replace(self, required=True)


def pattern(name: str, about: str, expression: str, wanted: Text, *, longest: int) -> Param:
    """Text of a form."""
    compiled = re.compile(expression, re.ASCII)

    def read(text: str) -> str:
        if len(text) > longest or not compiled.fullmatch(text):
            raise ValueError(text)
        return text

    says = {"type": "string", "pattern": f"^{expression}$", "maxLength": longest}
    return Param(name=name, about=about, says=says, read=read, wanted=wanted)


def identifier(name: str, about: str) -> Param:
    """A site, link, meter, plan or target."""
    return pattern(name, about, IDENTIFIER.pattern, _IDENTIFIER, longest=40)


def code(name: str, about: str) -> Param:
    """A place by its code."""
    return pattern(name, about, "(?:[0-9]{2}|[0-9]{3}|[0-9]{5})", _CODE, longest=5)


def province(name: str = "province") -> Param:
    """A province by its code."""
    return pattern(name, "The province's code of two digits.", "[0-9]{2}", _PROVINCE, longest=2)


def month(name: str, about: str) -> Param:
    """A calendar month in Vietnamese time."""
    return pattern(name, about, "20[0-9]{2}-(?:0[1-9]|1[0-2])", _MONTH, longest=7)


def whole(name: str, about: str, least: int, most: int, default: int | None = None) -> Param:
    """A whole number within bounds, without a sign or leading zeros."""

    def read(text: str) -> int:
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text) or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    says: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most}
    if default is not None:
        says["default"] = default
    return Param(
        name=name, about=about, says=says, read=read, wanted=_WHOLE.fill(least=least, most=most), default=default
    )


def one_of(name: str, about: str, words: Sequence[str], default: str | None = None) -> Param:
    """A word of a closed list."""
    known = tuple(str(word) for word in words)

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(text)
        return text

    says: dict[str, Any] = {"type": "string", "enum": list(known)}
    if default is not None:
        says["default"] = default
    wanted = _ONE_OF.fill(words=", ".join(known))
    return Param(name=name, about=about, says=says, read=read, wanted=wanted, default=default)


def flag(name: str, about: str) -> Param:
    """`true` or `false`; false unless said."""

    def read(text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError(text)
        return text == "true"

    says = {"type": "boolean", "default": False}
    return Param(name=name, about=about, says=says, read=read, wanted=_FLAG, default=False)


def day(name: str, about: str) -> Param:
    """An ISO day."""

    def read(text: str) -> date:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError(text)
        return date.fromisoformat(text)

    return Param(name=name, about=about, says={"type": "string", "format": "date"}, read=read, wanted=_DAY)


def moment(name: str, about: str) -> Param:
    """A moment, or the first of a day in Vietnam; in microseconds since 1970 UTC."""
    says = {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}
    return Param(name=name, about=about, says=says, read=read_moment, wanted=_MOMENT)


def words(name: str, about: str) -> Param:
    """Words to look for."""

    def read(text: str) -> str:
        if not 1 <= len(text) <= LONGEST_SEARCH:
            raise ValueError(text)
        return text

    says = {"type": "string", "minLength": 1, "maxLength": LONGEST_SEARCH}
    return Param(name=name, about=about, says=says, read=read, wanted=_WORDS)


_IDENTIFIER: Final = Text(
    vi="một mã gồm chữ thường không dấu, số và gạch nối ở giữa, tối đa 40 ký tự",
    en="an identifier of lower-case ASCII letters, digits and inner hyphens, at most 40 characters",
)
_CODE: Final = Text(vi="một mã đơn vị hành chính gồm 2, 3 hoặc 5 chữ số", en="a unit's code of 2, 3 or 5 digits")
_PROVINCE: Final = Text(vi="một mã tỉnh gồm 2 chữ số", en="a province's code of 2 digits")
_MONTH: Final = Text(vi="một tháng dạng 2026-10", en="a month such as 2026-10")
_WHOLE: Final = Text(vi="một số nguyên từ {least} đến {most}", en="a whole number from {least} to {most}")
_ONE_OF: Final = Text(vi="một trong: {words}", en="one of: {words}")
_FLAG: Final = Text(vi="true hoặc false", en="true or false")
_DAY: Final = Text(vi="một ngày dạng 2026-10-31", en="a day such as 2026-10-31")
_MOMENT: Final = Text(
    vi="một thời điểm dạng 2026-10-31T08:00:00+07:00 (RFC 3339) hoặc một ngày",
    en="a moment such as 2026-10-31T08:00:00+07:00 (RFC 3339), or a day",
)
_WORDS: Final = Text(vi=f"từ 1 đến {LONGEST_SEARCH} ký tự", en=f"1 to {LONGEST_SEARCH} characters")
