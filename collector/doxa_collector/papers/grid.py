"""Where the cells of a table stand: cells that cover several columns or rows push the others aside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from doxa_collector.papers.model import Align, Cell, Table


@dataclass(frozen=True, slots=True)
class Placed:
    """A cell with the row and column of its upper left corner."""

    row: int
    column: int
    cell: Cell


def place(rows: Sequence[Sequence[Cell]], width: int) -> Iterator[Placed]:
    """The cells of some rows; `ValueError` where they do not fill `width` columns: a row of the wrong length would shift
    figures under another heading.
    """
    reached: dict[int, set[int]] = {}
    """Row below → the columns that cells above reach into."""
    whole = set(range(width))
    for at, row in enumerate(rows):
        taken, column = reached.pop(at, set()), 0
        for cell in row:
            while column in taken:
                column += 1
            yield Placed(at, column, cell)
            across = range(column, column + cell.columns)
            taken.update(across)
            for down in range(1, cell.rows):
                reached.setdefault(at + down, set()).update(across)
        if taken != whole:
            raise ValueError(f"row {at} does not fill the table's {width} columns")


def alignment(table: Table, placed: Placed, *, heading: bool) -> Align:
    """How a cell stands: its own way, else centred in the header, else as its column."""
    if placed.cell.align is not None:
        return placed.cell.align
    return Align.CENTRE if heading else table.columns[placed.column].align
