"""DOCX by python-docx, with real styles, so that whoever completes the draft in Word finds what Word expects.

Times New Roman is named for all four of Word's scripts (ECMA-376 part 1 §17.3.2.26), else Word takes another font for
letters that it counts to another script. One module, as each form is: its small functions write parts of one Word file.
"""

from collections.abc import Sequence
from datetime import datetime, time
from io import BytesIO
from typing import Any, Final

import docx
from docx.document import Document as Word
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.section import Section
from docx.shared import Mm, Pt, RGBColor
from docx.table import Table as WordTable
from docx.table import _Cell as WordCell
from docx.text.paragraph import Paragraph as WordParagraph

from doxa_collector.papers.archive import steady
from doxa_collector.papers.forms import Look
from doxa_collector.papers.forms.docx_rows import add_rows
from doxa_collector.papers.letterhead import letterhead
from doxa_collector.papers.model import (
    Align,
    BarChart,
    Block,
    Document,
    Head,
    Heading,
    Paragraph,
    Qr,
    Signature,
    Table,
    TrendChart,
)
from doxa_collector.papers.numbering import annex_names, closing, numbered
from doxa_collector.papers.pictures import QR_MM, chart_svg, png, qr_svg

FACE: Final = "Times New Roman"
_ALIGN: Final = {
    Align.LEFT: WD_ALIGN_PARAGRAPH.LEFT,
    Align.CENTRE: WD_ALIGN_PARAGRAPH.CENTER,
    Align.RIGHT: WD_ALIGN_PARAGRAPH.RIGHT,
    Align.JUSTIFY: WD_ALIGN_PARAGRAPH.JUSTIFY,
}
_SHORT, _LONG = 210.0, 297.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 30.0, 17.0, 22.0, 20.0
_CELL, _NOTE, _SMALL = "Doxa ô bảng", "Doxa ghi chú", "Doxa tiêu đề bảng"


def render(document: Document, look: Look) -> bytes:
    """The file; its properties carry the paper's date and no person."""
    word = docx.Document()
    _styles(word)
    _page(word.sections[0], landscape=False, draft=document.head.draft, first=True)
    _head(word, document.head)
    _blocks(word, document.blocks, look, _SHORT, closing(document.blocks))
    _ends(word, document)
    of = " ".join(f"Kèm theo {document.head.kind.capitalize()} {document.head.subject}".split())
    for name, annex in zip(annex_names(document.annexes), document.annexes, strict=True):
        section = word.add_section(WD_SECTION.NEW_PAGE)
        _page(section, landscape=annex.landscape, draft=document.head.draft, first=False)
        _line(word, name, bold=True, size=14)
        _line(word, annex.title, bold=True)
        _line(word, f"({of})", italic=True, size=12)
        _rule(word.add_paragraph(), 40, (_LONG if annex.landscape else _SHORT) - _LEFT - _RIGHT)
        _blocks(word, annex.blocks, look, _LONG if annex.landscape else _SHORT)
    _properties(word, document)
    out = BytesIO()
    word.save(out)
    return steady(out.getvalue())


def _properties(word: Word, document: Document) -> None:
    moment = datetime.combine(document.made_on, time())
    found = word.core_properties
    found.author = found.last_modified_by = found.comments = found.keywords = ""
    found.title = document.title[:255]
    found.language = "vi-VN"
    found.created = found.modified = moment
    found.revision = 1


# Styles and pages.


def _styles(word: Word) -> None:
    styles: Any = word.styles
    defaults = styles.element.find(qn("w:docDefaults"))
    fonts = defaults.find(".//" + qn("w:rPr"))
    _face(fonts)
    _language(fonts)
    normal = styles["Normal"]
    _look(normal, 13)
    normal.paragraph_format.space_after = Pt(6)
    normal.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    normal.paragraph_format.widow_control = True
    for level in (1, 2, 3):
        heading = styles[f"Heading {level}"]
        _look(heading, 13, bold=True, italic=level == 3)
        heading.paragraph_format.space_before, heading.paragraph_format.space_after = Pt(8), Pt(6)
        heading.paragraph_format.first_line_indent = Mm(10)
        heading.paragraph_format.keep_with_next = True
    body = styles["Body Text"]
    _look(body, 13)
    body.paragraph_format.space_after = Pt(6)
    body.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    for name, size in ((_CELL, 11.0), (_NOTE, 11.0), (_SMALL, 12.5)):
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = normal
        _look(style, size, bold=name == _SMALL, italic=name == _NOTE)
        style.paragraph_format.space_after = Pt(0 if name == _CELL else 4)
    title = styles[_SMALL].paragraph_format
    title.alignment, title.keep_with_next, title.space_before = WD_ALIGN_PARAGRAPH.CENTER, True, Pt(6)


def _look(style: Any, size: float, *, bold: bool = False, italic: bool = False) -> None:
    style.font.name, style.font.size = FACE, Pt(size)
    style.font.bold, style.font.italic = bold, italic
    style.font.color.rgb = RGBColor(0, 0, 0)
    _face(style.element.get_or_add_rPr())


def _face(properties: Any) -> None:
    """The same font for every script, and none of the theme's, which would win."""
    fonts = properties.find(qn("w:rFonts"))
    if fonts is None:
        fonts = OxmlElement("w:rFonts")
        properties.insert(0, fonts)
    for name in list(fonts.attrib):
        del fonts.attrib[name]
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), FACE)


def _language(properties: Any) -> None:
    spoken = properties.find(qn("w:lang"))
    if spoken is None:
        spoken = OxmlElement("w:lang")
        properties.append(spoken)
    for script in ("val", "eastAsia", "bidi"):
        spoken.set(qn(f"w:{script}"), "vi-VN")


def _page(section: Section, *, landscape: bool, draft: bool, first: bool) -> None:
    """A4 with its margins; the number in the middle of the top from the second page on."""
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    width, height = (_LONG, _SHORT) if landscape else (_SHORT, _LONG)
    section.page_width, section.page_height = Mm(width), Mm(height)
    section.left_margin, section.right_margin = Mm(_LEFT), Mm(_RIGHT)
    section.top_margin, section.bottom_margin = Mm(_TOP), Mm(_BOTTOM)
    section.header_distance, section.footer_distance = Mm(11), Mm(9)
    section.different_first_page_header_footer = first
    if not first:
        return  # an annex goes on with the header of the first section
    top = section.header.paragraphs[0]
    top.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _number_field(top)
    for foot in (section.footer, section.first_page_footer):
        line = foot.paragraphs[0]
        line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        if draft:
            words = line.add_run("DỰ THẢO")
            words.font.size, words.font.color.rgb = Pt(10), RGBColor(0x88, 0x88, 0x88)


def _number_field(paragraph: WordParagraph) -> None:
    for kind, words in (("begin", ""), ("", " PAGE "), ("separate", ""), ("text", "2"), ("end", "")):
        run = paragraph.add_run("2" if kind == "text" else "")
        run.font.size = Pt(13)
        if words:
            code = OxmlElement("w:instrText")
            code.set(qn("xml:space"), "preserve")
            code.text = words
            run._r.append(code)  # noqa: SLF001 - python-docx has no fields
        elif kind != "text":
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)  # noqa: SLF001


# The heading block.


def _head(word: Word, head: Head) -> None:
    table = _bare(word, (72.0, 91.0))
    _narrow(table)
    left, right = table.rows[0].cells
    parent, agency = (name.split("\n") if name else [] for name in letterhead(head))
    _stack(left, [*((line, False) for line in parent), *((line, True) for line in agency)], 12)
    _rule(left.add_paragraph(), 22, 68)
    _stack(right, [("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", True)], 12)
    _stack(right, [("Độc lập - Tự do - Hạnh phúc", True)], 13, more=True)
    _rule(right.add_paragraph(), 58, 87)
    lower = _new_row(table)
    _stack(lower[0], [(f"Số:          /{head.symbol}" if head.symbol else "", False)], 13)
    _stack(lower[1], [(f"{head.place}, ngày       tháng       năm         ", False)], 13, italic=True)
    if head.draft:
        mark = lower[0].add_paragraph()
        mark.alignment = WD_ALIGN_PARAGRAPH.CENTER
        mark.paragraph_format.space_before = Pt(4)
        run = mark.add_run(" DỰ THẢO ")
        run.bold = True
        edge = OxmlElement("w:bdr")
        for name, value in (("val", "single"), ("sz", "8"), ("space", "0"), ("color", "000000")):
            edge.set(qn(f"w:{name}"), value)
        run._r.get_or_add_rPr().append(edge)  # noqa: SLF001
    _line(word, head.kind, bold=True, size=14, before=12)
    if head.subject:
        _line(word, head.subject, bold=True, size=13.5, sides=10)
        _rule(word.add_paragraph(), 45, _SHORT - _LEFT - _RIGHT)


def _bare(word: Word, widths: Sequence[float]) -> WordTable:
    """A table without lines, for what stands side by side."""
    table: WordTable = word.add_table(rows=1, cols=len(widths))
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    _fixed(table, widths)
    return table


def _new_row(table: WordTable) -> tuple[WordCell, ...]:
    row: Any = table.add_row()  # type: ignore[no-untyped-call]
    found: tuple[WordCell, ...] = row.cells
    return found


def _fixed(table: WordTable, widths: Sequence[float]) -> None:
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = Mm(width)


def _stack(
    cell: WordCell, lines: Sequence[tuple[str, bool]], size: float, *, italic: bool = False, more: bool = False
) -> None:
    for at, (words, bold) in enumerate(lines):
        paragraph = cell.add_paragraph() if at or more else cell.paragraphs[0]
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.space_after = Pt(0)
        run = paragraph.add_run(words)
        run.bold, run.italic, run.font.size = bold, italic, Pt(size)


def _line(
    word: Word,
    words: str,
    *,
    bold: bool = False,
    italic: bool = False,
    size: float = 13,
    before: float = 0,
    sides: float = 0,
) -> None:
    paragraph = word.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.space_after, paragraph.paragraph_format.space_before = Pt(0), Pt(before)
    paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = Mm(sides)
    run = paragraph.add_run(words)
    run.bold, run.italic, run.font.size = bold, italic, Pt(size)


def _rule(paragraph: WordParagraph, length: float, within: float) -> None:
    """A line of `length` in the middle of `within`: the upper border of an empty paragraph between wide indents."""
    form = paragraph.paragraph_format
    form.left_indent = form.right_indent = Mm((within - length) / 2)
    form.space_before, form.space_after = Pt(4), Pt(4)
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(4)
    edges = OxmlElement("w:pBdr")
    top = OxmlElement("w:top")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "000000")):
        top.set(qn(f"w:{name}"), value)
    edges.append(top)
    properties: Any = paragraph._p.get_or_add_pPr()  # noqa: SLF001
    properties.insert_element_before(
        edges, "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:rPr"
    )


# What it says.


def _blocks(word: Word, blocks: tuple[Block, ...], look: Look, width: float, together: int | None = None) -> None:
    room = width - _LEFT - _RIGHT
    for at, (number, block) in enumerate(numbered(blocks)):
        held = together is not None and at >= together
        match block:
            case Heading():
                word.add_paragraph(number + block.text, style=f"Heading {min(max(block.level, 1), 3)}")
            case Paragraph():
                _paragraph(word, block).paragraph_format.keep_with_next = held or None
            case Table():
                _table(word, block.paged, room)
            case BarChart() | TrendChart():
                word.add_paragraph(block.title, style=_SMALL)
                drawn = word.add_paragraph()
                drawn.alignment = WD_ALIGN_PARAGRAPH.CENTER
                _picture(drawn, png(chart_svg(block, look.fonts.family), look.fonts), 160, block.title)
            case Qr():
                _qr(word, block, look, room, held=held)


def _paragraph(word: Word, block: Paragraph) -> WordParagraph:
    paragraph = word.add_paragraph(style=_NOTE if block.small else "Body Text")
    paragraph.alignment = _ALIGN[block.align]
    if block.indent:
        paragraph.paragraph_format.first_line_indent = Mm(10)
    for one in block.runs:
        run = paragraph.add_run(one.text)
        run.bold = one.bold or None
        run.italic = one.italic or None
    return paragraph


def _picture(paragraph: WordParagraph, found: bytes, width: float, words: str) -> None:
    shape = paragraph.add_run().add_picture(BytesIO(found), width=Mm(width))
    described: Any = shape._inline.docPr  # noqa: SLF001 - the alternative text has no setter
    described.set("descr", words)


def _qr(word: Word, block: Qr, look: Look, room: float, *, held: bool) -> None:
    table = _bare(word, (QR_MM + 4, room - QR_MM - 4))
    left, right = table.rows[0].cells
    _picture(left.paragraphs[0], png(qr_svg(block), look.fonts), QR_MM, block.caption)
    right.paragraphs[0].style = word.styles[_CELL]
    right.paragraphs[0].add_run(block.caption)
    for cell in (left, right):
        cell.paragraphs[0].paragraph_format.keep_with_next = held or None


def _table(word: Word, block: Table, room: float) -> None:
    if block.title:
        word.add_paragraph(block.title, style=_SMALL)
    share = room / sum(column.width for column in block.columns)
    widths = [column.width * share for column in block.columns]
    table = word.add_table(rows=0, cols=len(widths))
    table.style = word.styles["Table Grid"]
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
    _narrow(table)
    _rows(word, table, block)
    after = word.add_paragraph()
    after.paragraph_format.space_after = Pt(0)
    after.paragraph_format.line_spacing_rule, after.paragraph_format.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(6)


def _narrow(table: WordTable) -> None:
    """0.8 mm between text and line: with Word's 1.9 mm a column for five digits would break them."""
    properties: Any = table._tbl.tblPr  # noqa: SLF001
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        edge = OxmlElement(f"w:{side}")
        edge.set(qn("w:w"), "45")
        edge.set(qn("w:type"), "dxa")
        margins.append(edge)
    look = properties.find(qn("w:tblLook"))
    if look is None:
        properties.append(margins)
    else:
        look.addprevious(margins)


def _rows(word: Word, table: WordTable, block: Table) -> None:
    """The rows as XML; then what covers several cells is merged, which moves no text, for the others are empty."""
    element: Any = table._tbl  # noqa: SLF001 - row.cells is quadratic
    widths = [int(column.get(qn("w:w"))) for column in element.tblGrid.gridCol_lst]
    merged = add_rows(element, block, widths, word.styles[_CELL].style_id)
    grid = [list(row.tc_lst) for row in element.tr_lst] if merged else []
    for one in merged:
        first = WordCell(grid[one.row][one.column], table)
        first.merge(WordCell(grid[one.row + one.rows - 1][one.column + one.columns - 1], table))


# Who receives, who signs.


def _ends(word: Word, document: Document) -> None:
    signers = list(document.signatures)
    space = word.add_paragraph()
    space.paragraph_format.space_after, space.paragraph_format.keep_with_next = Pt(0), True
    if document.recipients or len(signers) == 1:
        table = _bare(word, (81.5, 81.5))
        left, right = table.rows[0].cells
        if document.recipients:
            _recipients(left, document.recipients)
        if signers:
            _sign(right, signers.pop(0))
        _whole(table)
    if signers:
        across = 2 if len(signers) == 4 else min(3, len(signers))
        table = _bare(word, (163.0 / across,) * across)
        for at, one in enumerate(signers):
            if at and at % across == 0:
                _new_row(table)
            _sign(table.rows[at // across].cells[at % across], one)
        _whole(table)


def _whole(table: WordTable) -> None:
    """A signature never stands on another page than its line."""
    for row in table._tbl.tr_lst:  # noqa: SLF001
        properties: Any = row.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))


def _recipients(cell: WordCell, who: tuple[str, ...]) -> None:
    title = cell.paragraphs[0]
    title.paragraph_format.space_after = Pt(0)
    run = title.add_run("Nơi nhận:")
    run.bold, run.italic, run.font.size = True, True, Pt(12)
    for at, one in enumerate(who):
        line = cell.add_paragraph()
        line.paragraph_format.space_after = Pt(0)
        line.add_run(f"- {one}{'.' if at + 1 == len(who) else ';'}").font.size = Pt(11)


def _sign(cell: WordCell, who: Signature) -> None:
    _stack(cell, [(words, True) for words in who.lines], 13)
    if who.hint:
        _stack(cell, [(who.hint, False)], 12, italic=True, more=True)
    for _ in range(4):
        cell.add_paragraph().paragraph_format.space_after = Pt(0)
