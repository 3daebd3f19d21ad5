"""Field-by-field differences between what we want and what is there."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

ABSENT: Final = "∅"
"""How a field that is not there is shown."""
_LONGEST: Final = 160
_DURATION: Final = re.compile(r"(?:\d+(?:w|d|h|m|s))+")
_PART: Final = re.compile(r"(\d+)([wdhms])")
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what Grafana has and what we want."""

    path: str
    found: Any
    wanted: Any

    def __str__(self) -> str:
        return f"{self.path}: {_shown(self.found)} → {_shown(self.wanted)}"


class _Absent:
    """A field that is not there, which is something else than null."""

    def __repr__(self) -> str:
        return ABSENT


NOTHING: Final = _Absent()


def differences(found: Any, wanted: Any, *, whole: bool, path: str = "") -> Iterator[Difference]:
    """What differs. `whole`: what Grafana has beyond ours counts too; else its own additions are left alone."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        yield from _of_tables(found, wanted, whole=whole, path=path)
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
            yield from differences(one, other, whole=whole, path=f"{path}[{number}]")
    elif not same(found, wanted):
        yield Difference(path or ".", found, wanted)


def _of_tables(found: dict[str, Any], wanted: dict[str, Any], *, whole: bool, path: str) -> Iterator[Difference]:
    names = [*wanted, *(name for name in found if name not in wanted)] if whole else list(wanted)
    for name in names:
        inner = f"{path}.{name}" if path else str(name)
        yield from differences(found.get(name, NOTHING), wanted.get(name, NOTHING), whole=whole, path=inner)


def same(found: Any, wanted: Any) -> bool:
    """Equal, where an absent field, null and an empty one are the same, 1 is 1.0, and 1h is 60m."""
    if _empty(found) and _empty(wanted):
        return True
    if isinstance(found, bool) != isinstance(wanted, bool):
        return False
    if isinstance(found, str) and isinstance(wanted, str) and found != wanted:
        return _seconds(found) is not None and _seconds(found) == _seconds(wanted)
    return bool(found == wanted)


def _empty(value: Any) -> bool:
    return value is None or value is NOTHING or value in ("", [], {})


def _seconds(text: str) -> int | None:
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def _shown(value: Any) -> str:
    if value is NOTHING:
        return ABSENT
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
