"""Every paper in every format: the same bytes, the same figures, the form of a state document, and no hostile text breaks it."""

import json
import zipfile
from dataclasses import replace
from datetime import date
from fractions import Fraction
from io import BytesIO
from math import floor
from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, Twips
from docx.styles.styles import Styles
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from pypdf import PdfReader
from tests.collector.papers import reading
from tests.collector.papers.conftest import SETTINGS, notice

from doxa_collector.papers import fonts
from doxa_collector.papers.drafts.notice import Loss, Share, notice_paper
from doxa_collector.papers.forms import Look, names, render
from doxa_collector.papers.forms.as_csv import render_table
from doxa_collector.papers.forms.docx_rows import add_rows
from doxa_collector.papers.grid import place
from doxa_collector.papers.model import (
    NO_FIGURE,
    Align,
    Annex,
    Bar,
    BarChart,
    Cell,
    Column,
    Document,
    Head,
    Paragraph,
    Qr,
    Run,
    Table,
    Tone,
    plain_number,
)
from doxa_core.errors import InputError

HOSTILE = (
    '#panic("x") $a$ *b* _c_ `d` @e <f> = g // h /* i */ \\u{41} "#eval(\'1\')"',
    "<w:t>&amp;</w:t>]]><script>",
    "a\x00b\x07c\x1bd\ud800e\ufffef",
    "\u202eesrever\u202c \u200f עברית عربي 🚀👩‍👩‍👧",
    '=HYPERLINK("http://x")',
    "+1+1", "-2-2", "@SUM(A1)", "\t=1",
    "Nguyễ" * 400,
    "e\u0302\u0301 a\u0306\u0323",
    "",
    " ",
    "dòng một\r\ndòng hai\n\ndòng bốn",
)  # fmt: skip


def small(texts: tuple[str, ...], rows: int = 1) -> Document:
    """A document that has `texts` in every place where a text can stand."""
    joined = texts[0]
    cells = tuple(
        (Cell(number=at + 0.25, decimals=2, unit="Mbps"), Cell(text=texts[at % len(texts)], note=joined))
        for at in range(rows)
    )
    table = Table(
        name=joined,
        title=joined,
        columns=(Column(width=30), Column(width=60)),
        header=((Cell(text="Số"), Cell(text=joined)),),
        rows=cells,
    )
    return Document(
        head=Head(agency=joined, parent=joined, symbol=joined, place=joined, kind=joined, subject=joined),
        blocks=(
            *(Paragraph(runs=(Run(t),)) for t in texts),
            table,
            BarChart(
                title=joined,
                unit=joined,
                series=(joined,),
                bars=(Bar(label=joined, value=1.5),),
                target=2.0,
                target_label=joined,
            ),
        ),
        annexes=(Annex(title=joined, blocks=(table,), landscape=True),),
        recipients=texts,
        made_on=date(2026, 11, 30),
        data={"texts": [cells[0][1].text for _ in texts]},
    )


@pytest.mark.parametrize("form", ["csv", "docx", "json", "pdf", "xlsx"])
def test_the_same_paper_is_the_same_bytes(paper: Document, form: str) -> None:
    """Byte for byte, and no date of the machine is in it."""
    assert form in names()
    assert render(paper, form) == render(paper, form)


def test_a_pdf_says_everything_with_its_own_fonts_and_date(paper: Document) -> None:
    found = render(paper, "pdf")
    text = reading.pdf_text(found)
    missing = [words for words in reading.said_by(paper) if reading.squeezed(words) not in text]
    assert not missing
    reader = PdfReader(BytesIO(found))
    embedded = [
        descendant.get_object()["/FontDescriptor"]
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
        for descendant in font.get_object()["/DescendantFonts"]
    ]
    assert embedded
    assert all("/FontFile2" in one or "/FontFile3" in one for one in embedded)
    assert all("Liberation" in one["/FontName"] for one in embedded)
    assert reader.metadata is not None
    assert reader.metadata.author is None
    assert reader.metadata.creation_date is not None
    assert reader.metadata.creation_date.date() == paper.made_on


def test_a_pdf_is_numbered_from_its_second_page(paper: Document) -> None:
    reader = PdfReader(BytesIO(render(paper, "pdf")))
    starts = [page.extract_text().split("\n")[0].strip() for page in reader.pages]
    assert starts[1:] == [str(n) for n in range(2, len(starts) + 1)]
    assert starts[0] != "1"


def test_a_docx_says_everything_in_the_font_that_word_keeps(paper: Document) -> None:
    found = render(paper, "docx")
    text = reading.docx_text(found)
    assert not [words for words in reading.said_by(paper) if reading.squeezed(words) not in text]
    word = docx.Document(BytesIO(found))
    assert word.core_properties.author == ""
    assert word.core_properties.last_modified_by == ""
    assert word.core_properties.created is not None
    assert word.core_properties.created.date() == paper.made_on
    for style in ("Normal", "Heading 1", "Body Text"):
        face = word.styles[style].element.rPr.find(qn("w:rFonts"))
        assert {face.get(qn(f"w:{script}")) for script in ("ascii", "hAnsi", "eastAsia", "cs")} == {"Times New Roman"}
    section = word.sections[0]
    assert [round(length.mm) for length in (section.page_width, section.page_height)] == [210, 297]  # type: ignore[union-attr]
    assert all(20 <= round(length.mm) <= 25 for length in (section.top_margin, section.bottom_margin))  # type: ignore[union-attr]
    grids = [table for table in word.tables if table.style is not None and table.style.name == "Table Grid"]
    assert len(grids) == len(paper.tables())
    assert all(table._tbl.tr_lst[0].find(f".//{qn('w:tblHeader')}") is not None for table in grids)


def test_numbers_of_a_workbook_are_the_numbers_that_went_in(paper: Document) -> None:
    found = list(reading.sheets(render(paper, "xlsx")).values())[1:]
    for table, rows in zip(paper.tables(), found, strict=True):
        wanted = sorted(cell.number for row in table.rows for cell in row if cell.number is not None)
        got = sorted(value for row in rows[3:] for value in row if isinstance(value, (int, float)))
        assert got == pytest.approx(wanted, rel=1e-14), "a workbook has 16 digits"


def test_numbers_of_a_csv_are_the_numbers_that_went_in_with_a_decimal_comma(paper: Document) -> None:
    for table in paper.tables():
        wanted = sorted(cell.number for row in table.rows for cell in row if cell.number is not None)
        rows = reading.csv_rows(render_table(table))
        texts = {cell.text for row in table.rows for cell in row} | {""}
        got = [field for row in rows[1:] for field in row if field not in texts and field.lstrip("'") not in texts]
        figures = [float(field.replace(",", ".")) for field in got if field.replace(",", "").replace("-", "").isdigit()]
        assert sorted(figures) == wanted


def test_json_has_the_data_and_nothing_that_is_no_number(paper: Document) -> None:
    found = json.loads(render(paper, "json"))
    assert found["draft"] is True
    assert found["data"] == json.loads(json.dumps(paper.data))


def test_a_figure_that_is_missing_is_said_and_never_zero_or_empty(paper: Document) -> None:
    """No cell of a body is empty but notes; what is not finite is missing."""
    assert Cell(number=float("nan")).shown == NO_FIGURE
    assert Cell(number=float("inf"), unit="Mbps").shown == NO_FIGURE
    assert Cell(number=-0.04, decimals=1).shown == "0,0"


@pytest.mark.parametrize("form", ["csv", "docx", "pdf", "xlsx", "json"])
def test_hostile_texts_break_nothing_and_run_nothing(form: str) -> None:
    for first in () if form == "docx" else HOSTILE:  # python-docx is slow, and takes the same cleaned text
        render(small((first, "x")), form)
    found = render(small(HOSTILE), form)
    text = {"pdf": reading.pdf_text, "docx": reading.docx_text}.get(form, lambda _: "")(found)
    assert not text or all(words in text for words in ("#panic", "]]><script>", "@SUM(A1)"))


def test_hostile_texts_in_a_record_reach_no_format_raw() -> None:
    """Through a draft, the way that names from the ledger take."""
    found = replace(notice(), losses=(Loss(cause=HOSTILE[2], shares=(Share(name=HOSTILE[0], lost=1, watched=2),)),))
    document = notice_paper(found, SETTINGS)
    for form in names():
        assert render(document, form)
    assert "\x00" not in render(document, "json").decode()


def test_no_text_becomes_a_formula() -> None:
    document = small(HOSTILE, rows=len(HOSTILE))
    book = load_workbook(BytesIO(render(document, "xlsx")))
    fields = [field for sheet in book.worksheets for row in sheet.iter_rows() for field in row]
    assert not [field.coordinate for field in fields if field.data_type == "f"]
    assert '=HYPERLINK("http://x")' in {field.value for field in fields}
    for comma in (True, False):
        rows = reading.csv_rows(render(document, "csv", Look(comma=comma)), ";" if comma else ",")
        assert not [field for row in rows for field in row if field.lstrip().startswith(("=", "+", "-", "@"))]


def test_four_hundred_rows_keep_their_heading_on_every_page() -> None:
    found = render(small(("Xã Đồng Đăng",), rows=400), "pdf")
    reader = PdfReader(BytesIO(found))
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) > 15
    assert all("Số" in text for text in texts if "0,25" in text or "Mbps\n" in text)
    assert reading.squeezed("".join(texts)).count(reading.squeezed("399,25 Mbps")) == 2
    rows = docx.Document(BytesIO(render(small(("Xã",), rows=400), "docx"))).tables
    assert max(len(table._tbl.tr_lst) for table in rows) == 401


def test_rows_of_a_docx_are_those_that_python_docx_would_write() -> None:
    """Element by element: breaks, white space at an edge, an empty cell, a note, a shade, cells that cover others."""
    cells = (
        (Cell(text="a\n\nb", note="c", tone=Tone.BAD, bold=True), Cell(text=" <&> "), Cell()),
        (Cell(number=1234.5, decimals=1, unit="Mbps"), Cell(note="n\n"), Cell(text="x", align=Align.JUSTIFY)),
        (Cell(text="rộng", columns=2, rows=2), Cell(text="y")),
        (Cell(text="z"),),
    )
    table = Table(name="t", columns=(Column(width=9, align=Align.RIGHT),) * 3, header=(), rows=cells, size=10.5)
    word = docx.Document()
    wanted, found = word.add_table(rows=4, cols=3), word.add_table(rows=0, cols=3)
    width = 1234
    add_rows(found._tbl, table, [width] * 3, "TableGrid")
    ways = {Align.RIGHT: WD_ALIGN_PARAGRAPH.RIGHT, Align.JUSTIFY: WD_ALIGN_PARAGRAPH.JUSTIFY}
    for one in place(cells, 3):
        cell = wanted.cell(one.row, one.column)
        cell.paragraphs[0]._p.style = "TableGrid"
        cell.paragraphs[0].alignment = ways[one.cell.align or Align.RIGHT]
        run = cell.paragraphs[0].add_run(one.cell.shown)
        run.font.size, run.bold = Pt(10.5), one.cell.bold or None
        if one.cell.note:
            cell.paragraphs[0].add_run(("\n" if one.cell.shown else "") + one.cell.note).font.size = Pt(9)
        if one.cell.tone is not None:
            shade = OxmlElement("w:shd", attrs={qn("w:val"): "clear", qn("w:color"): "auto", qn("w:fill"): "F9DAD7"})
            cell._tc.get_or_add_tcPr().append(shade)
    for row in wanted._tbl.tr_lst:
        row.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for tc in row.tc_lst:
            tc.width = Twips(width)
    assert [row.xml for row in found._tbl.tr_lst] == [row.xml for row in wanted._tbl.tr_lst]


def test_a_docx_asks_for_its_styles_as_often_with_many_rows_as_with_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question searches all styles: one a cell made an annex of the country's communes take minutes."""
    asked: list[str] = []
    known, counts = Styles.__getitem__, []

    def ask(styles: Styles, key: str) -> object:
        asked.append(key)
        return known(styles, key)

    monkeypatch.setattr(Styles, "__getitem__", ask)
    for rows in (2, 60):
        asked.clear()
        render(small(("Xã",), rows=rows), "docx")
        counts.append(len(asked))
    assert counts[0] == counts[1] > 0


def test_archives_carry_no_time() -> None:
    for form in ("docx", "xlsx"):
        with zipfile.ZipFile(BytesIO(render(small(("a",)), form))) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_draft_says_so_and_a_final_text_does_not() -> None:
    draft = small(("a",))
    final = replace(draft, head=replace(draft.head, draft=False))
    for form, read in (("pdf", reading.pdf_text), ("docx", reading.docx_text)):
        assert "DỰTHẢO" in read(render(draft, form))
        assert "DỰTHẢO" not in read(render(final, form))


def test_missing_fonts_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Liberation Serif") as caught:
        render(small(("a",)), "pdf", Look(fonts=fonts.FontSettings(folder=tmp_path)))
    assert str(tmp_path) in str(caught.value)


def test_a_font_without_vietnamese_letters_is_refused(tmp_path: Path) -> None:
    """Liberation 1 has the name and not the letters: the mono face stands for it here under a name that it has."""
    good = next(
        folder
        for folder in fonts.DEBIAN
        if (folder / "LiberationSerif-Regular.ttf").exists()
        and fonts.letters(folder / "LiberationSerif-Regular.ttf") >= fonts.VIETNAMESE
    )
    (tmp_path / "a.ttf").write_bytes((good / "LiberationSerif-Regular.ttf").read_bytes())
    assert fonts.load(fonts.FontSettings(folder=tmp_path)) is not None
    assert fonts.letters(tmp_path / "a.ttf") >= fonts.VIETNAMESE
    cut = (tmp_path / "a.ttf").read_bytes().replace(b"cmap", b"cmaq", 1)
    (tmp_path / "a.ttf").write_bytes(cut)
    assert not fonts.letters(tmp_path / "a.ttf")


def test_an_unknown_format_is_one_sentence() -> None:
    with pytest.raises(InputError, match="csv, docx, json, pdf, xlsx"):
        render(small(("a",)), "odt")


def test_a_qr_picture_is_the_code_of_its_text() -> None:
    import segno

    from doxa_collector.papers.pictures import qr_svg

    text = "sha256:" + "0f" * 32
    dark = sum(sum(row) for row in segno.make(text, error="m", micro=False).matrix)
    assert qr_svg(Qr(text=text, caption="")).count("h1v1h-1z") == dark


@given(st.floats(min_value=-1e12, max_value=1e12, allow_nan=False), st.integers(min_value=0, max_value=6))
def test_a_number_with_a_decimal_comma_reads_back(value: float, decimals: int) -> None:
    found = plain_number(value, decimals)
    whole = floor(abs(Fraction(repr(value))) * 10**decimals + Fraction(1, 2))  # the middle goes away from zero
    nearest = float(Fraction(whole, 10**decimals))
    assert float(found.replace(".", "").replace(",", ".")) == (-nearest if value < 0 else nearest)


@settings(max_examples=8, deadline=None)
@given(st.text(max_size=60), st.floats(allow_nan=True, allow_infinity=True))
def test_any_text_and_number_make_every_paper(text: str, value: float) -> None:
    document = small((text,))
    table = Table(
        name=text, columns=(Column(width=10),), header=((Cell(text=text),),), rows=((Cell(number=value, decimals=1),),)
    )
    document = replace(document, blocks=(*document.blocks[:1], table), annexes=())
    for form in ("csv", "docx", "pdf", "xlsx"):
        assert render(document, form)
