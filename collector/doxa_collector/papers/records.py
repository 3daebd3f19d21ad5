"""The names of a record's fields, found once for each kind: papers ask for those of a hundred thousand records."""

from dataclasses import fields
from typing import Any, Final

_KNOWN: Final[dict[Any, tuple[str, ...]]] = {}


def field_names(kind: Any) -> tuple[str, ...]:
    """Of a dataclass (the class itself)."""
    found = _KNOWN.get(kind)
    if found is None:
        found = _KNOWN[kind] = tuple(one.name for one in fields(kind))
    return found
