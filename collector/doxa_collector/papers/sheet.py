"""A table as a sheet of numbers: one value a cell, notes in columns of their own, headings in one row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from doxa_collector.papers.grid import place
from doxa_collector.papers.model import Align, Cell, Table

DETAIL: Final = "chi tiết"


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A heading with its width in characters."""

    heading: str
    width: float
    align: Align


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns, and rows of as many cells; a cell that covers several is repeated as an empty one."""

    title: str
    name: str
    columns: tuple[SheetColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]


def flatten(table: Table) -> Sheet:
    """The table with units and notes of a column's cells in a column beside it, where there are any."""
    width = len(table.columns)
    body = _spread(table.rows, width)
    heads = _headings(table, width)
    detailed = {at for at in range(width) if any(row[at].note or row[at].unit for row in body)}
    columns: list[SheetColumn] = []
    for at, column in enumerate(table.columns):
        columns.append(SheetColumn(heads[at], max(6.0, column.width * 0.62), column.align))
        if at in detailed:
            columns.append(SheetColumn(f"{heads[at]} – {DETAIL}", max(14.0, column.width * 0.62), Align.LEFT))
    rows = [tuple(cell for at in range(width) for cell in _pair(row[at], detailed=at in detailed)) for row in body]
    return Sheet(table.title, table.name, tuple(columns), tuple(rows))


def _pair(cell: Cell, *, detailed: bool) -> list[Cell]:
    parts = [cell.unit if cell.number is not None else "", cell.note.replace("\n", "; ")]
    return [cell, Cell(text="; ".join(p for p in parts if p))] if detailed else [cell]


def _spread(rows: Sequence[Sequence[Cell]], width: int) -> list[list[Cell]]:
    empty = Cell()
    found = [[empty] * width for _ in rows]
    for placed in place(rows, width):
        found[placed.row][placed.column] = placed.cell
    return found


def _headings(table: Table, width: int) -> list[str]:
    """Each column's headings from the top to the bottom, joined: `Tải xuống – p95 (Mbps)`."""
    found: list[list[str]] = [[] for _ in range(width)]
    for placed in place(table.header, width):
        for right in range(placed.cell.columns):
            words = " ".join(placed.cell.shown.split())
            if words:
                found[placed.column + right].append(words)
    return [" – ".join(words) for words in found]
