"""The rows of a Word table as XML text, parsed a piece at a time.

Through python-docx each cell costs several searches of the whole styles part, and a table of every commune of the country
takes minutes. The elements are those that python-docx writes (ECMA-376 part 1 §17.4), in the order of the schema.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from docx.oxml.ns import nsdecls
from docx.oxml.parser import parse_xml

from doxa_collector.papers.grid import Placed, alignment, place
from doxa_collector.papers.model import Align, Cell, Table, Tone

_PIECE: Final = 200
"""Rows in one text: an annex of the country would be one of ten megabytes."""
_FILLS: Final = {Tone.GOOD: "E3F1DD", Tone.BAD: "F9DAD7", Tone.LIMITED: "FFF1CC", Tone.OPEN: "ECECEC"}
_HEADING: Final = "EEF2F7"
_JC: Final = {Align.LEFT: "left", Align.CENTRE: "center", Align.RIGHT: "right", Align.JUSTIFY: "both"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """A cell that covers others: its place in the whole table, for who merges them."""

    row: int
    column: int
    rows: int
    columns: int


def add_rows(element: Any, table: Table, widths: Sequence[int], style: str) -> list[Spans]:
    """Append all rows to the `w:tbl`; `widths` in twentieths of a point, `style` is the id of the cells' paragraph style.

    Gives the cells that cover several: their text stands in the first of them, the others are empty.
    """
    found: list[Spans] = []
    for heading, rows, before in ((True, table.header, 0), (False, table.rows, len(table.header))):
        pieces = _pieces(table, rows, widths, style, heading=heading)
        for piece in pieces:
            for row in parse_xml(f"<w:tbl {nsdecls('w')}>{piece}</w:tbl>"):
                element.append(row)
        found += _spans(rows, len(widths), before)
    return found


def _spans(rows: Sequence[Sequence[Cell]], width: int, before: int) -> Iterator[Spans]:
    for at in place(rows, width):
        if at.cell.columns > 1 or at.cell.rows > 1:
            yield Spans(row=before + at.row, column=at.column, rows=at.cell.rows, columns=at.cell.columns)


def _pieces(
    table: Table, rows: Sequence[Sequence[Cell]], widths: Sequence[int], style: str, *, heading: bool
) -> Iterator[str]:
    kept = "<w:trPr><w:cantSplit/>" + ("<w:tblHeader/>" if heading else "") + "</w:trPr>"
    written = [f'<w:tc><w:tcPr><w:tcW w:type="dxa" w:w="{width}"/>' for width in widths]
    empty = [f"{one}</w:tcPr><w:p/></w:tc>" for one in written]
    placed, waiting = place(rows, len(widths)), None
    done: list[str] = []
    for at in range(len(rows)):
        cells = list(empty)
        while (waiting := waiting or next(placed, None)) is not None and waiting.row == at:
            cells[waiting.column] = written[waiting.column] + _cell(table, waiting, style, heading=heading)
            waiting = None
        done.append(f"<w:tr>{kept}{''.join(cells)}</w:tr>")
        if len(done) == _PIECE:
            yield "".join(done)
            done = []
    if done:
        yield "".join(done)


def _cell(table: Table, placed: Placed, style: str, *, heading: bool) -> str:
    """From behind its width on."""
    found = placed.cell
    fill = _FILLS[found.tone] if found.tone is not None else _HEADING if heading else None
    shade = "" if fill is None else f'<w:shd w:val="clear" w:color="auto" w:fill="{fill}"/>'
    way = _JC[alignment(table, placed, heading=heading)]
    runs = _run(found.shown, table.size, bold=found.bold or heading)
    if found.note:
        runs += _run(("\n" if found.shown else "") + found.note, round(table.size * 0.84 * 2) / 2, bold=False)
    look = f'<w:pPr><w:pStyle w:val={quoteattr(style)}/><w:jc w:val="{way}"/></w:pPr>'
    return f"{shade}</w:tcPr><w:p>{look}{runs}</w:p></w:tc>"


def _run(words: str, size: float, *, bold: bool) -> str:
    """A line feed is a break; white space at an edge is kept."""
    parts = (_text(part) if part else "" for part in words.split("\n"))
    return f'<w:r><w:rPr>{"<w:b/>" if bold else ""}<w:sz w:val="{int(size * 2)}"/></w:rPr>{"<w:br/>".join(parts)}</w:r>'


def _text(words: str) -> str:
    space = ' xml:space="preserve"' if words.strip() != words else ""
    return f"<w:t{space}>{escape(words)}</w:t>"
