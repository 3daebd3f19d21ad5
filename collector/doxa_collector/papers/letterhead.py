"""The names above the number of a paper: each on one line, or on two of about one length where its half of the page is too narrow."""

from typing import Final

from doxa_collector.papers.model import Head
from doxa_collector.papers.svg import extent

_SIZE: Final = 12.0
_ROOM: Final = 217.0
"""Points of `extent`, which says a tenth too much of capitals: with some room left of the motto on the right half."""
_BOLDER: Final = 1.04


def letterhead(head: Head) -> tuple[str, str]:
    """Parent body and agency as they stand: a line feed where a name goes on below."""
    return _parted(head.parent, 1.0), _parted(head.agency, _BOLDER)


def _parted(name: str, wider: float) -> str:
    return "\n".join(_halved(line) if extent(line, _SIZE) * wider > _ROOM else line for line in name.split("\n"))


def _halved(line: str) -> str:
    """Broken at the space that makes the longer part shortest; one word alone at an end looks like a mistake."""
    words = line.split(" ")
    if len(words) < 2:
        return line
    parts = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    return "\n".join(min(parts, key=lambda pair: max(map(extent, pair))))
