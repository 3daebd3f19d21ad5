"""PDF by Typst: the page stands in `paper.typ`, the words come as data and are never read as markup."""

import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, Final

import typst

from doxa_collector.papers.fonts import faces, load
from doxa_collector.papers.forms import Look
from doxa_collector.papers.forms.long_rows import FEWEST, long_rows
from doxa_collector.papers.grid import Placed, alignment, place
from doxa_collector.papers.letterhead import letterhead
from doxa_collector.papers.model import BarChart, Block, Document, Heading, Paragraph, Qr, Table, TrendChart
from doxa_collector.papers.numbering import annex_names, closing, numbered
from doxa_collector.papers.pictures import chart_svg, qr_svg
from doxa_core.errors import OperationError
from doxa_core.language import Text

_PAGE: Final = Path(__file__).with_name("paper.typ")
_LONG: Final = 600
"""Characters of a cell that may be divided between pages; shorter rows stay whole."""
_WHOLE_ROWS: Final = 8
_WHOLE_TEXT: Final = 700
"""A table of so few rows and characters is never divided."""
_ROOMS: Final = {False: 163.0, True: 250.0}
"""Millimetres between the margins of a page, upright and lying (`paper.typ`)."""
_Made = dict[str, Any]


def render(document: Document, look: Look) -> bytes:
    """The PDF with its fonts embedded (subsets) and the paper's own date; no clock, no system font is looked at."""
    fonts = load(look.fonts)
    words = json.dumps(_fields(document, look), ensure_ascii=False, allow_nan=False)
    moment = datetime.combine(document.made_on, time(), UTC)
    try:
        return typst.compile(
            _PAGE,
            font_paths=fonts,
            root=_PAGE.parent,
            sys_inputs={"paper": words},
            format="pdf",
            timestamp=int(moment.timestamp()),
        )
    except typst.TypstError as error:
        raise OperationError(_REFUSED.fill(why=error.message)) from error


def _fields(document: Document, look: Look) -> _Made:
    head, made = document.head, document.made_on
    parent, agency = letterhead(head)
    of = " ".join(f"Kèm theo {head.kind.capitalize()} {head.subject}".split())
    return {
        "title": document.title,
        "family": look.fonts.family,
        "made": [made.year, made.month, made.day],
        "head": {
            "parent": parent, "agency": agency, "symbol": head.symbol, "place": head.place,
            "kind": head.kind, "subject": head.subject, "draft": head.draft,
        },
        "blocks": _blocks(document.blocks, look, _ROOMS[False]),
        "closing": closing(document.blocks),
        "signatures": [{"lines": list(one.lines), "hint": one.hint} for one in document.signatures],
        "recipients": list(document.recipients),
        "annexes": [
            {"number": name, "title": annex.title, "landscape": annex.landscape, "of": of,
             "blocks": _blocks(annex.blocks, look, _ROOMS[annex.landscape])}
            for name, annex in zip(annex_names(document.annexes), document.annexes, strict=True)
        ],
    }  # fmt: skip


def _blocks(blocks: tuple[Block, ...], look: Look, room: float) -> list[_Made]:
    return [_block(number, block, look, room) for number, block in numbered(blocks)]


def _block(number: str, block: Block, look: Look, room: float) -> _Made:
    match block:
        case Heading():
            return {"type": "heading", "level": block.level, "number": number, "text": block.text}
        case Paragraph():
            runs = [{"text": run.text, "bold": run.bold, "italic": run.italic} for run in block.runs]
            how = {"align": block.align.value, "indent": block.indent, "small": block.small}
            return {"type": "paragraph", "runs": runs, **how}
        case Table():
            return _table(block.paged, look, room)
        case BarChart() | TrendChart():
            return {"type": "chart", "title": block.title, "svg": chart_svg(block, look.fonts.family)}
        case Qr():
            return {"type": "qr", "caption": block.caption, "svg": qr_svg(block)}


def _table(table: Table, look: Look, room: float) -> _Made:
    """Cells as three values each, text, note and the place of their look in `looks`: Typst keeps what it is given."""
    looks: dict[tuple[Any, ...], int] = {}
    header = [_cell(table, one, looks, heading=True) for one in place(table.header, len(table.columns))]
    rows = [_cell(table, one, looks, heading=False) for one in place(table.rows, len(table.columns))]
    text = sum(len(cell.shown) + len(cell.note) for row in table.rows for cell in row)
    made: _Made = {
        "type": "table",
        "title": table.title,
        "size": table.size,
        "widths": [column.width for column in table.columns],
        "whole": len(table.rows) <= _WHOLE_ROWS and text <= _WHOLE_TEXT,
        "headers": len(table.header),
        "heights": [],
    }
    known = long_rows(table, room, faces(look.fonts)) if len(table.rows) >= FEWEST else None
    if known is not None:
        broken = (lines for row in known for lines in row.cells)
        rows = [["\n".join(text), "\n".join(note), cell[2]] for cell, (text, note) in zip(rows, broken, strict=True)]
        made["heights"] = [round(row.height, 3) for row in known]
    names = ("align", "tone", "bold", "columns", "rows", "heading", "long")
    return made | {
        "looks": [dict(zip(names, one, strict=True)) for one in looks], "header": header, "rows": rows,
    }  # fmt: skip


def _cell(table: Table, placed: Placed, looks: dict[tuple[Any, ...], int], *, heading: bool) -> list[Any]:
    cell = placed.cell
    long = len(cell.shown) + len(cell.note) > _LONG
    how = (
        alignment(table, placed, heading=heading),
        cell.tone,
        cell.bold or heading,
        cell.columns,
        cell.rows,
        heading,
        long,
    )
    return [cell.shown, cell.note, looks.setdefault(how, len(looks))]


_REFUSED: Final = Text(vi="không lập được PDF: {why}", en="the PDF cannot be made: {why}")
