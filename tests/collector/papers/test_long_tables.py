"""A long table on paper: rows whose height we find ourselves stand where Typst would put them."""

from datetime import date
from io import BytesIO
from random import Random

import pytest
from pypdf import PdfReader
from tests.collector.papers.reading import squeezed

from doxa_collector.papers.fonts import FontSettings, faces
from doxa_collector.papers.forms import as_pdf, long_rows, render
from doxa_collector.papers.model import Align, Annex, Cell, Column, Document, Head, Table, Tone

WORDS = (
    "xã",
    "Đồng",
    "Đăng",
    "phường",
    "Kỳ",
    "Lừa",
    "nghiêng",
    "ướt",
    "quỹ",
    "Mbps",
    "(tầng",
    "IP)",
    "95",
    "%:",
    "101,72",
)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a table were long with so many rows: reading pages back is slow."""
    for module in (long_rows, as_pdf):
        monkeypatch.setattr(module, "FEWEST", 60)


def table(rows: int, *, odd: str = "") -> Table:
    """Cells of one to three lines, bold ones, notes, shades, a word that no line holds."""
    chance = Random(7)

    def cell(most: int, **more: object) -> Cell:
        note = " ".join(chance.choices(WORDS, k=chance.randint(0, 6)))
        return Cell(text=" ".join(chance.choices(WORDS, k=chance.randint(1, most))), note=note, **more)  # type: ignore[arg-type]

    found = [
        (
            Cell(number=at + 1), cell(9), cell(4, bold=True, tone=Tone.BAD), cell(4), Cell(number=1.5 * at, decimals=2, unit="Mbps"),
            Cell(text="W" * 70 if at % 40 == 3 else f"hàng thứ {at}."),
        )
        for at in range(rows)
    ]  # fmt: skip
    found[-1] = (*found[-1][:-1], Cell(text=odd or "hàng cuối"))
    ways = (Align.RIGHT, Align.LEFT, Align.CENTRE, Align.JUSTIFY, Align.RIGHT, Align.LEFT)
    columns = tuple(Column(width=width, align=way) for width, way in zip((14, 60, 40, 40, 30, 40), ways, strict=True))
    header = (tuple(Cell(text=words) for words in ("TT", "Một", "Hai", "Ba", "Bốn", "Năm")),)
    return Table(name="t", title="Bảng dài", columns=columns, header=header, rows=tuple(found), size=10.5)


def paper(one: Table) -> Document:
    head = Head(agency="A", symbol="S", place="P", kind="BÁO CÁO", subject="Thử")
    return Document(
        head=head, blocks=(), annexes=(Annex(title="X", blocks=(one,), landscape=True),), made_on=date(2026, 1, 2)
    )


def pages(found: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(found)).pages]


def last_rows(found: list[str], rows: int) -> list[int]:
    """The last row of each page."""
    return [max((at for at in range(rows) if f"hàng thứ {at}." in page), default=-1) for page in found]


def test_the_pages_are_those_that_typst_makes_of_the_same_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds the same heights, and breaks no line again."""
    document = paper(table(long_rows.FEWEST))
    ours = pages(render(document, "pdf"))
    made = as_pdf._table
    monkeypatch.setattr(as_pdf, "_table", lambda *given: made(*given) | {"heights": []})
    theirs = pages(render(document, "pdf"))
    assert len(ours) == len(theirs) > 3
    assert last_rows(ours, long_rows.FEWEST) == last_rows(theirs, long_rows.FEWEST)
    assert sorted(squeezed("".join(ours))) == sorted(squeezed("".join(theirs)))
    assert all("Một" in page for page in ours[2:]), "the heading stands on every page"


def test_a_line_that_was_broken_fits_its_column() -> None:
    both = faces(FontSettings())
    assert both is not None
    assert (both[0].width("0123456789"), both[1].width("0")) == (5.0, 0.5), "as in Times New Roman"
    one, room = table(long_rows.FEWEST), 250.0
    rows = long_rows.long_rows(one, room, both)
    assert rows is not None
    inside = [room * 72 / 25.4 * column.width / sum(c.width for c in one.columns) - 6.4 for column in one.columns]
    for row, cells in zip(rows, one.rows, strict=True):
        for (text, note), cell, width in zip(row.cells, cells, inside, strict=True):
            assert all(both[cell.bold].width(line) * one.size <= width for line in text)
            assert all(both[0].width(line) * one.size * 0.84 <= width for line in note)
            assert squeezed("".join(text)) == squeezed(cell.shown)


@pytest.mark.parametrize("odd", ["mũ \U0001f680", "\u0627\u0644\u0639"])
def test_a_letter_that_the_font_lacks_leaves_the_rows_to_typst(odd: str) -> None:
    both = faces(FontSettings())
    assert long_rows.long_rows(table(long_rows.FEWEST, odd=odd), 250.0, both) is None
    assert render(paper(table(long_rows.FEWEST, odd=odd)), "pdf")


def test_short_tables_and_cells_that_cover_others_are_left_to_typst() -> None:
    both = faces(FontSettings())
    assert long_rows.long_rows(table(long_rows.FEWEST - 1), 250.0, both) is None
    wide = (Cell(text="rộng", columns=2), *(Cell(text="x"),) * 4)
    one = table(long_rows.FEWEST)
    merged = Table(name="t", columns=one.columns, header=one.header, rows=(*one.rows, wide))
    assert long_rows.long_rows(merged, 250.0, both) is None
