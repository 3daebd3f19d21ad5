"""Plain data as YAML in block style. Texts are double-quoted as in JSON, which every YAML reader takes for the same text."""

import json
from collections.abc import Iterator
from typing import Any


def dump(value: dict[str, Any]) -> str:
    """The document, ending in a newline; the order of keys is kept."""
    return "\n".join(_table(value, 0)) + "\n"


def _table(value: dict[str, Any], depth: int) -> Iterator[str]:
    for key, inner in value.items():
        yield from _entry(f"{' ' * depth}{key}:", inner, depth + 2)


def _entry(head: str, value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield head
        yield from _table(value, depth)
    elif isinstance(value, list) and value:
        yield head
        for item in value:
            yield from _item(item, depth)
    else:
        yield f"{head} {json.dumps(value, ensure_ascii=False)}"


def _item(value: Any, depth: int) -> Iterator[str]:
    pad = " " * depth
    if isinstance(value, dict) and value:
        lines = list(_table(value, depth + 2))
        yield f"{pad}- {lines[0][depth + 2 :]}"
        yield from lines[1:]
    else:
        yield f"{pad}- {json.dumps(value, ensure_ascii=False)}"
