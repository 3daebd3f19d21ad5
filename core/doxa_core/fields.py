"""Reading one JSON object of the contract field by field, with one error shape for all of them."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from doxa_core.errors import WireError

JsonValue = None | bool | int | float | str | list[Any] | dict[str, Any]

MAX_TEXT: Final = 200
_ABSENT: Final = object()


def parse_object(line: bytes, limit: int) -> dict[str, Any]:
    """The JSON object in `line`: at most `limit` bytes, UTF-8, no NaN or Infinity, no repeated key."""
    if len(line) > limit:
        raise WireError("too_big", f"{len(line)} bytes, {limit} allowed")
    try:
        found = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_no_repeats)
    except UnicodeDecodeError:
        raise WireError("not_utf8", "the payload is not UTF-8") from None
    except RecursionError:
        raise WireError("not_json", "nested too deeply") from None
    except ValueError as error:
        raise WireError("not_json", f"{error}"[:MAX_TEXT]) from None
    if not isinstance(found, dict):
        raise WireError("not_json", f"a JSON {type(found).__name__} where an object was expected")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise WireError("not_a_number", f"{text} is not a JSON number; no data is an absent value")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise WireError("repeated_key", "the same key stands twice in one object")
    return found


class Fields:
    """The fields of one object; each reader names the field in its error. Unknown fields stay unread on purpose."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._found = found

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def _get(self, key: str, default: Any) -> Any:
        value = self._found.get(key, default)
        if value is _ABSENT:
            raise WireError("missing_field", key)
        return value

    def raw(self, key: str) -> Any:
        """The required field as it stands."""
        return self._get(key, _ABSENT)

    def text(self, key: str, default: Any = _ABSENT, *, longest: int = MAX_TEXT) -> str:
        """A string of at most `longest` characters without control characters."""
        value = self._get(key, default)
        if isinstance(value, str) and len(value) <= longest and value.isprintable():
            return value
        raise WireError("bad_field", f"{key}: {value!r:.80} is not a printable text of at most {longest} characters")

    def integer(self, key: str, lowest: int, highest: int, default: Any = _ABSENT) -> int:
        """A whole number within bounds (`true` is not one)."""
        value = self._get(key, default)
        if type(value) is int and lowest <= value <= highest:
            return value
        raise WireError("bad_field", f"{key}: {value!r:.80} is not a whole number from {lowest} to {highest}")

    def number(self, key: str, lowest: float = -1e18, highest: float = 1e18) -> float:
        """A finite number within bounds."""
        return finite(self._get(key, _ABSENT), key, lowest, highest)

    def optional_number(self, key: str, lowest: float = -1e18, highest: float = 1e18) -> float | None:
        """A finite number, or None where the field is absent (absent is how no data travels)."""
        return self.number(key, lowest, highest) if key in self._found else None

    def flag(self, key: str) -> bool:
        """A required boolean."""
        value = self._get(key, _ABSENT)
        if isinstance(value, bool):
            return value
        raise WireError("bad_field", f"{key}: {value!r:.80} is not true or false")

    def mapping(self, key: str) -> dict[str, Any]:
        """An object, empty where absent."""
        value = self._get(key, {})
        if isinstance(value, dict):
            return value
        raise WireError("bad_field", f"{key}: {value!r:.80} is not an object")

    def texts(self, key: str, most: int, longest: int) -> tuple[str, ...]:
        """A list of at most `most` printable texts, empty where absent."""
        value = self._get(key, [])
        if isinstance(value, list) and len(value) <= most:
            return tuple(Fields({key: item}).text(key, longest=longest) for item in value)
        raise WireError("bad_field", f"{key}: not a list of at most {most} texts")


def finite(value: object, key: str, lowest: float = -1e18, highest: float = 1e18) -> float:
    """`value` if it is a finite JSON number within bounds, else `WireError("not_a_number")` or `("bad_field")`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise WireError("not_a_number", f"{key}: {value!r:.80} is not a finite number")
    if not lowest <= value <= highest:
        raise WireError("bad_field", f"{key}: {value!r:.80} is outside {lowest} … {highest}")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of thousands of digits
        return False


def canonical(fields: Mapping[str, Any]) -> bytes:
    """The one byte form of an object: keys sorted, no spaces, UTF-8, never NaN (`ValueError`)."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
        "utf-8"
    )
