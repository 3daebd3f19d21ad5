"""PDF by Typst: the page stands in `paper.typ`, the words come as data and are never read as markup."""

import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, Final

import typst

from doxa_collector.papers.fonts import load
from doxa_collector.papers.forms import Look
from doxa_collector.papers.grid import alignment, place
from doxa_collector.papers.model import BarChart, Block, Document, Heading, Paragraph, Qr, Table, TrendChart
from doxa_collector.papers.numbering import annex_names, closing, numbered
from doxa_collector.papers.pictures import chart_svg, qr_svg
from doxa_core.errors import OperationError
from doxa_core.language import Text

_PAGE: Final = Path(__file__).with_name("paper.typ")
_LONG: Final = 600
"""Characters of a cell that may be divided between pages; shorter rows stay whole."""


def render(document: Document, look: Look) -> bytes:
    """The PDF with its fonts embedded (subsets) and the paper's own date; no clock, no system font is looked at."""
    fonts = load(look.fonts)
    words = json.dumps(_fields(document, look.fonts.family), ensure_ascii=False, allow_nan=False)
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


def _fields(document: Document, family: str) -> dict[str, Any]:
    head, made = document.head, document.made_on
    of = " ".join(f"Kèm theo {head.kind.capitalize()} {head.subject}".split())
    return {
        "title": document.title,
        "family": family,
        "made": [made.year, made.month, made.day],
        "head": {
            "parent": head.parent, "agency": head.agency, "symbol": head.symbol, "place": head.place,
            "kind": head.kind, "subject": head.subject, "draft": head.draft,
        },
        "blocks": _blocks(document.blocks, family),
        "closing": closing(document.blocks),
        "signatures": [{"lines": list(one.lines), "hint": one.hint} for one in document.signatures],
        "recipients": list(document.recipients),
        "annexes": [
            {"number": name, "title": annex.title, "landscape": annex.landscape, "of": of,
             "blocks": _blocks(annex.blocks, family)}
            for name, annex in zip(annex_names(document.annexes), document.annexes, strict=True)
        ],
    }  # fmt: skip


def _blocks(blocks: tuple[Block, ...], family: str) -> list[dict[str, Any]]:
    return [_block(number, block, family) for number, block in numbered(blocks)]


def _block(number: str, block: Block, family: str) -> dict[str, Any]:
    match block:
        case Heading():
            return {"type": "heading", "level": block.level, "number": number, "text": block.text}
        case Paragraph():
            runs = [{"text": run.text, "bold": run.bold, "italic": run.italic} for run in block.runs]
            look = {"align": block.align.value, "indent": block.indent, "small": block.small}
            return {"type": "paragraph", "runs": runs, **look}
        case Table():
            return _table(block)
        case BarChart() | TrendChart():
            return {"type": "chart", "title": block.title, "svg": chart_svg(block, family)}
        case Qr():
            return {"type": "qr", "caption": block.caption, "svg": qr_svg(block)}


def _table(table: Table) -> dict[str, Any]:
    return {
        "type": "table",
        "title": table.title,
        "size": table.size,
        "widths": [column.width for column in table.columns],
        "header": _cells(table, heading=True),
        "rows": _cells(table, heading=False),
    }


def _cells(table: Table, *, heading: bool) -> list[dict[str, Any]]:
    rows = table.header if heading else table.rows
    return [
        {
            "text": placed.cell.shown,
            "note": placed.cell.note,
            "tone": placed.cell.tone,
            "bold": placed.cell.bold,
            "columns": placed.cell.columns,
            "rows": placed.cell.rows,
            "align": alignment(table, placed, heading=heading),
            "heading": heading,
            "long": len(placed.cell.shown) + len(placed.cell.note) > _LONG,
        }
        for placed in place(rows, len(table.columns))
    ]


_REFUSED: Final = Text(vi="không lập được PDF: {why}", en="the PDF cannot be made: {why}")
