"""XLSX: a sheet of what the paper says, and a sheet for each table with numbers as numbers."""

import re
from copy import copy
from datetime import datetime, time
from io import BytesIO
from math import ceil
from textwrap import wrap
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from doxa_collector.papers.archive import steady
from doxa_collector.papers.forms import Look
from doxa_collector.papers.model import Align, Block, Cell, Document, Heading, Paragraph, Tone
from doxa_collector.papers.numbering import annex_names, numbered
from doxa_collector.papers.sheet import Sheet, flatten

FACE: Final = "Times New Roman"
_FILLS: Final = {Tone.GOOD: "E3F1DD", Tone.BAD: "F9DAD7", Tone.LIMITED: "FFF1CC", Tone.OPEN: "ECECEC"}
_ALIGN: Final = {Align.LEFT: "left", Align.CENTRE: "center", Align.RIGHT: "right", Align.JUSTIFY: "left"}
_THIN: Final = Side(style="thin", color="808080")
_EDGE: Final = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_TITLE_ROWS: Final = 2
_LONGEST: Final = 32_767
"""Characters of a cell (Excel's limit)."""
_FIRST: Final = "Nội dung"
_PAGE_WIDE, _NARROWEST, _WIDEST = 76.0, 6.0, 44.0
"""Widths of columns in characters: of the sheet of words, and of a table's."""
_PAGE_LYING: Final = 230.0
"""Characters across a lying page at 60 %, about 6.5 points: what is wider is printed on several pages side by side."""
_FOUR_DIGITS: Final = 1e4
"""From here on a number may need more room than the narrowest column has."""
_LINE_11, _LINE_12 = 15.0, 16.5
"""The height of a line in points."""
_Looks = dict[Any, Any]
"""What a cell looks like → its look in this workbook."""


def render(document: Document, look: Look) -> bytes:
    """The workbook. Its dates are the paper's own, it names no author."""
    del look
    book = Workbook()
    book.remove(book.worksheets[0])
    _words(book.create_sheet(_FIRST), document)
    taken = {_FIRST.lower()}
    looks: _Looks = {}
    for table in document.tables():
        found = flatten(table)
        _numbers(book.create_sheet(_sheet_name(found.name, taken)), found, document, looks)
    moment = datetime.combine(document.made_on, time())
    book.properties.creator = ""
    book.properties.title = document.title[:255]
    book.properties.created = moment
    out = BytesIO()
    book.save(out)
    return _redated(out.getvalue(), moment)


def _redated(packed: bytes, moment: datetime) -> bytes:
    """Openpyxl writes the present moment as that of the last change; the paper's is another."""
    from zipfile import ZipFile

    with ZipFile(BytesIO(packed)) as archive:
        core = archive.read("docProps/core.xml").decode()
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    core = re.sub(r"(<dcterms:modified[^>]*>)[^<]*(<)", rf"\g<1>{stamp}\g<2>", core)
    return steady(packed, {"docProps/core.xml": core.encode()})


def _words(sheet: Worksheet, document: Document) -> None:
    """Kind, subject and every paragraph, a line each."""
    head = document.head
    sheet.column_dimensions["A"].width = _PAGE_WIDE
    lines = [(head.parent, False), (head.agency, True), ("DỰ THẢO" if head.draft else "", True)]
    lines += [(head.kind, True), (head.subject, True)]
    lines += _said(document.blocks)
    for name, annex in zip(annex_names(document.annexes), document.annexes, strict=True):
        lines.append((f"{name}: {annex.title}", True))
        lines += _said(annex.blocks)
    at = 0
    for words, bold in lines:
        if words:
            at += 1
            field = sheet.cell(row=at, column=1)
            _put_text(field, words)
            field.font = Font(name=FACE, size=12, bold=bold)
            field.alignment = Alignment(wrap_text=True, vertical="top")
            sheet.row_dimensions[at].height = _LINE_12 * _lines(words, _PAGE_WIDE)
    _printed(sheet, landscape=False, heading_row=None)


def _said(blocks: tuple[Block, ...]) -> list[tuple[str, bool]]:
    found = [(number, block) for number, block in numbered(blocks)]
    return [(number + block.text, bool(number)) for number, block in found if isinstance(block, (Heading, Paragraph))]


def _numbers(sheet: Worksheet, found: Sheet, document: Document, looks: _Looks) -> None:
    _put_text(sheet.cell(row=1, column=1), found.title or found.name)
    sheet.cell(row=1, column=1).font = Font(name=FACE, size=13, bold=True)
    _put_text(sheet.cell(row=2, column=1), document.title + (" – DỰ THẢO" if document.head.draft else ""))
    sheet.cell(row=2, column=1).font = Font(name=FACE, size=11, italic=True)
    heading_row, widths = _TITLE_ROWS + 1, _widths(found)
    highest = max(_lines(column.heading, width) for column, width in zip(found.columns, widths, strict=True))
    sheet.row_dimensions[heading_row].height = _LINE_11 * highest
    for at, column in enumerate(found.columns, 1):
        sheet.column_dimensions[get_column_letter(at)].width = widths[at - 1]
        field = sheet.cell(row=heading_row, column=at)
        _put_text(field, column.heading)
        field.font = Font(name=FACE, size=11, bold=True)
        field.fill = PatternFill("solid", start_color="DCE6F1")
        field.border = _EDGE
        field.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    for down, row in enumerate(found.rows, heading_row + 1):
        for at, cell in enumerate(row, 1):
            _fill(sheet.cell(row=down, column=at), cell, found.columns[at - 1].align, looks)
        long = [_lines(c.text, width) for c, width in zip(row, widths, strict=True) if c.number is None and c.text]
        if (highest := max(long, default=1)) > 1:
            sheet.row_dimensions[down].height = _LINE_11 * highest
    sheet.freeze_panes = f"{get_column_letter(min(3, len(found.columns)))}{heading_row + 1}"
    if found.rows:
        sheet.auto_filter.ref = f"A{heading_row}:{get_column_letter(len(found.columns))}{heading_row + len(found.rows)}"
    _printed(sheet, landscape=True, heading_row=heading_row)
    if (across := ceil(sum(widths) / _PAGE_LYING)) > 1:  # on one page nobody could read it
        sheet.page_setup.fitToWidth = across
        sheet.print_title_cols = f"A:{get_column_letter(min(2, len(widths)))}"


def _widths(found: Sheet) -> list[float]:
    """As wide as what stands in a column, a long text in several lines; in characters."""
    longest = [max(len(c.heading) // 2, *map(len, c.heading.split()), 0) for c in found.columns]
    for row in found.rows:
        for at, cell in enumerate(row):
            if cell.number is None and len(cell.text) > longest[at]:
                longest[at] = max(longest[at], *map(len, cell.text.split("\n")))
            elif cell.number is not None and abs(cell.number) >= _FOUR_DIGITS:
                longest[at] = max(longest[at], len(cell.shown))
    return [min(_WIDEST, max(_NARROWEST, size + 2.0)) for size in longest]


def _lines(words: str, width: float) -> int:
    """In how many lines a text stands; said to the file, for not every program finds the height of a row itself."""
    if len(words) <= width and "\n" not in words:
        return 1
    parts = words.split("\n")
    return sum(1 if len(part) <= width else len(wrap(part, int(width))) or 1 for part in parts)


def _fill(field: Any, cell: Cell, align: Align, looks: _Looks) -> None:
    """A cell with its look; a look is made once, because a country of communes has a hundred thousand cells."""
    across = Align.RIGHT if cell.number is not None else cell.align or align
    key = (None if cell.number is None else cell.decimals, cell.bold, across, cell.tone)
    look = looks.get(key)
    if look is None:
        _dress(field, cell, across)
        look = looks[key] = field._style  # noqa: SLF001 - openpyxl has no shared looks for cells
    field._style = copy(look)  # noqa: SLF001
    if cell.number is None:
        _put_text(field, cell.text)
    else:
        field.value = cell.number


def _dress(field: Any, cell: Cell, across: Align) -> None:
    if cell.number is not None:
        field.number_format = "#,##0" + ("." + "0" * cell.decimals if cell.decimals else "")
    field.font = Font(name=FACE, size=11, bold=cell.bold)
    field.border = _EDGE
    field.alignment = Alignment(horizontal=_ALIGN[across], vertical="top", wrap_text=True)
    if cell.tone is not None:
        field.fill = PatternFill("solid", start_color=_FILLS[cell.tone])


def _put_text(field: Any, words: str) -> None:
    """Text for ever: of type string, and marked as quoted, so that editing the cell computes nothing either."""
    field.value = words[:_LONGEST]
    field.data_type = "s"
    if words.startswith(("=", "+", "-", "@")):
        field.quotePrefix = True


def _sheet_name(wanted: str, taken: set[str]) -> str:
    r"""At most 31 characters, none of `[]:*?/\\`, and not given before."""
    bare = re.sub(r"[\[\]:*?/\\'\n]", " ", wanted).strip()[:31] or "Bảng"
    found, again = bare, 1
    while found.lower() in taken:
        again += 1
        found = f"{bare[:27]} {again}"
    taken.add(found.lower())
    return found


def _printed(sheet: Worksheet, *, landscape: bool, heading_row: int | None) -> None:
    """A4, as wide as the page, the heading on each one."""
    sheet.page_setup.paperSize = 9
    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_margins.left, sheet.page_margins.right = 1.18, 0.6
    sheet.page_margins.top, sheet.page_margins.bottom = 0.8, 0.8
    footer: Any = sheet.oddFooter
    footer.center.text = "&P/&N"
    if heading_row is not None:
        sheet.print_title_rows = f"{heading_row}:{heading_row}"
