"""One line of a list: what was looked at or made, how it is, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum

from doxa_core.language import Text


class Mark(StrEnum):
    """How it is."""

    GOOD = "ok"
    MADE = "made"
    """Made now; in a rehearsal: would be made."""
    NOTE = "note"
    """Worth knowing, and nothing is wrong."""
    WRONG = "wrong"
    UNSEEN = "unseen"
    """It could not be looked at; the text says why."""

    @property
    def sign(self) -> str:
        """One character for people."""
        return {"ok": "✓", "made": "+", "note": "!", "wrong": "✗", "unseen": "–"}[self.value]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    what: str
    """A word for machines: url, product, org, token, bucket, mapping, retention …"""
    mark: Mark
    text: Text
    mend: Text | None = None
    """How to mend it, in one sentence."""
    about: str | None = None
    """The bucket, file or stream that it is about."""


def good(what: str, text: Text, about: str | None = None) -> Finding:
    """All is well."""
    return Finding(what, Mark.GOOD, text, None, about)


def made(what: str, text: Text, about: str | None = None) -> Finding:
    """Made, or in a rehearsal to be made."""
    return Finding(what, Mark.MADE, text, None, about)


def noted(what: str, text: Text, mend: Text | None = None, about: str | None = None) -> Finding:
    """Not wrong, but to be known."""
    return Finding(what, Mark.NOTE, text, mend, about)


def wrong(what: str, text: Text, mend: Text, about: str | None = None) -> Finding:
    """Wrong, and how to mend it."""
    return Finding(what, Mark.WRONG, text, mend, about)


def unseen(what: str, text: Text, mend: Text | None = None, about: str | None = None) -> Finding:
    """Could not be looked at, and why."""
    return Finding(what, Mark.UNSEEN, text, mend, about)
