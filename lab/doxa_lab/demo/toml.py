"""Writing the few TOML files of the demo: tables of texts, numbers, flags and lists of texts."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def table(name: str, keys: Mapping[str, Any]) -> str:
    """One `[name]` with its keys (no header for an empty name); a None is left out."""
    lines = [f"[{name}]"] if name else []
    lines += [f"{key} = {_value(value)}" for key, value in keys.items() if value is not None]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return json.dumps(str(value), ensure_ascii=False)  # a JSON string is a TOML basic string
