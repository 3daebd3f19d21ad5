"""The numbers of headings and annexes: I., 1., a); Phụ lục I, II …"""

from collections.abc import Iterable, Iterator
from typing import Final

from doxa_collector.papers.model import Annex, Block, Heading, Paragraph

_ROMAN: Final = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
_LETTERS: Final = "abcdđeghiklmnopqrstuvxy"
"""The Vietnamese order, as points of a clause are lettered."""


def roman(value: int) -> str:
    """1 to 39 in Roman numerals."""
    found = ""
    for size, sign in _ROMAN:
        while value >= size:
            found, value = found + sign, value - size
    return found


def numbered(blocks: Iterable[Block]) -> Iterator[tuple[str, Block]]:
    """Each block with its number (`I. `, `1. `, `a) `), empty for what is no heading."""
    counts = [0, 0, 0]
    for block in blocks:
        if not isinstance(block, Heading):
            yield "", block
            continue
        level = min(max(block.level, 1), 3)
        counts[level - 1] += 1
        counts[level:] = [0] * (3 - level)
        at = counts[level - 1]
        yield (f"{roman(at)}. ", f"{at}. ", f"{_LETTERS[(at - 1) % len(_LETTERS)]}) ")[level - 1], block


def closing(blocks: tuple[Block, ...]) -> int:
    """From which block on the end of a text stays with the signatures: nobody signs a page without a word of the text."""
    last = [at for at, block in enumerate(blocks) if isinstance(block, Paragraph) and not block.small]
    return last[-1] if last else len(blocks)


def annex_names(annexes: tuple[Annex, ...]) -> tuple[str, ...]:
    """`PHỤ LỤC` alone, or `PHỤ LỤC I`, `PHỤ LỤC II` … where there are several."""
    if len(annexes) == 1:
        return ("PHỤ LỤC",)
    return tuple(f"PHỤ LỤC {roman(place + 1)}" for place in range(len(annexes)))
