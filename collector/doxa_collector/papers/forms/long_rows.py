"""Rows of a long table whose height is known before the page is laid out.

Typst lays every cell out twice to find how high its row is, and keeps what it found: an annex of every commune of the
country took 640 MB. Where we break the lines ourselves, by the advances that stand in the font, a row's height is their
number, and each cell is laid out once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from doxa_collector.papers.fonts import Face
from doxa_collector.papers.model import Table

FEWEST: Final = 250
"""Rows; a shorter table costs little."""
PAD_X: Final = 3.2
PAD_Y: Final = 3.4
"""Points between a text and the lines around it; `paper.typ` says the same."""
NOTE: Final = 0.84
CAP: Final = 0.655
LEADING: Final = 0.45
"""The height of a line in em (Times's capitals), and the room between two in em of the cell's text; as in `paper.typ`."""
_SURE: Final = 0.985
"""Of a column's width: a line that Typst would break again must not be."""
_MOST_LINES: Final = 20
_POINTS: Final = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Row:
    """A row's height in points, and the lines of each cell's text and note."""

    height: float
    cells: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def long_rows(table: Table, room: float, faces: tuple[Face, Face] | None) -> list[Row] | None:
    """The rows of a table `room` millimetres wide; None where Typst must find the heights itself.

    That is: a short table, one with a cell that covers others, a letter that the font does not have, a row of many lines.
    """
    if faces is None or len(table.rows) < FEWEST or any(c.columns + c.rows > 2 for row in table.rows for c in row):
        return None
    total = sum(column.width for column in table.columns)
    widths = [_SURE * (room * _POINTS * column.width / total - 2 * PAD_X) for column in table.columns]
    regular, bold = (lru_cache(1_000)(_Lines(face)) for face in faces)
    found = []
    for row in table.rows:
        if not all(faces[cell.bold].knows(cell.shown) and faces[0].knows(cell.note) for cell in row):
            return None
        cells = tuple(
            (
                (bold if cell.bold else regular)(cell.shown, width / table.size),
                regular(cell.note, width / (NOTE * table.size)),
            )
            for cell, width in zip(row, widths, strict=True)
        )
        if any(len(text) + len(note) > _MOST_LINES for text, note in cells):
            return None
        found.append(Row(height=max(_height(text, note, table.size) for text, note in cells), cells=cells))
    return found


def _height(text: Sequence[str], note: Sequence[str], size: float) -> float:
    lines = CAP * size * (len(text) + NOTE * len(note))
    return lines + LEADING * size * max(0, len(text) + len(note) - 1) + 2 * PAD_Y


class _Lines:
    """Breaks words into lines of a width in em."""

    def __init__(self, face: Face) -> None:
        self._face = face

    def __call__(self, words: str, width: float) -> tuple[str, ...]:
        """The lines; none for no words. A word that is wider than a line is cut between letters."""
        return tuple(line for part in words.split("\n") for line in self._broken(part, width)) if words else ()

    def _broken(self, words: str, width: float) -> list[str]:
        found = [""]
        for word in words.split(" "):
            longer = f"{found[-1]} {word}" if found[-1] else word
            if self._face.width(longer) <= width:
                found[-1] = longer
                continue
            if found[-1]:
                found.append("")
            for letter in word:
                if found[-1] and self._face.width(found[-1] + letter) > width:
                    found.append("")
                found[-1] += letter
        return found
