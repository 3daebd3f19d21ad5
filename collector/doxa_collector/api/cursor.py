"""Where a list goes on: an opaque word that carries the last row's key, and fits the question that it was given for."""

import base64
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

LONGEST: Final = 512
_MOST: Final = 2**63
_LONGEST_WORD: Final = 100
Key = tuple[int | str, ...]


def fingerprint(path: str, asked: Mapping[str, str]) -> str:
    """The question: a cursor of one list means nothing in another."""
    plain = json.dumps([path, sorted(asked.items())], ensure_ascii=False)
    return sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def encode(question: str, key: Sequence[int | str]) -> str:
    """The word for the rows behind `key`."""
    plain = json.dumps([question, *key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode(text: str, question: str, types: tuple[type, ...]) -> Key:
    """The key in a cursor of this question; `ValueError` for anything else, whatever it is."""
    if len(text) > LONGEST or not text.isascii():
        raise ValueError("no cursor of ours")
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        found: Any = json.loads(plain)
    except (ValueError, RecursionError) as error:  # also what is no base64, no UTF-8, no JSON
        raise ValueError("no cursor of ours") from error
    if not isinstance(found, list) or len(found) != 1 + len(types) or found[0] != question:
        raise ValueError("a cursor of another question")
    key = tuple(found[1:])
    if not all(_fits(part, wanted) for part, wanted in zip(key, types, strict=True)):
        raise ValueError("no cursor of ours")
    return key


def _fits(part: object, wanted: type) -> bool:
    if type(part) is not wanted:
        return False
    if isinstance(part, int):
        return -_MOST <= part < _MOST
    return isinstance(part, str) and len(part) <= _LONGEST_WORD and part.isprintable()
