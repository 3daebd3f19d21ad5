"""Text as it may stand in any of the formats: composed letters, no control characters, nothing that turns a line around."""

import re
import unicodedata
from typing import Final

REPLACEMENT: Final = "\ufffd"
_BREAKS: Final = re.compile(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]")
_DIRECTING: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Marks that change the direction of what follows: with them a name could make the figure beside it read backwards."""
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What XML 1.0 §2.2 forbids, with DEL, C1 and the noncharacters."""


def clean(text: str) -> str:
    r"""`text` in composed form (NFC); what no document can hold is U+FFFD, a tab is a space, line ends are `\n`."""
    found = _DIRECTING.sub("", _BREAKS.sub("\n", text)).replace("\t", " ")
    return unicodedata.normalize("NFC", _FORBIDDEN.sub(REPLACEMENT, found))


def one_line(text: str) -> str:
    """Cleaned, in one line, runs of white space as one space."""
    return " ".join(clean(text).split())
