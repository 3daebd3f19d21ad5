"""What was seen wrong on the printed pages, and must not come back."""

import re
from dataclasses import replace
from io import BytesIO

import docx
import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from tests.collector.papers.conftest import FAIL, OPEN, SETTINGS, TENANTS, progress
from tests.collector.papers.reading import csv_rows, docx_text, pdf_text, sheets, squeezed
from tests.collector.papers.test_drafts import words_of

from doxa_collector.papers import trend
from doxa_collector.papers.drafts.progress import progress_report
from doxa_collector.papers.drafts.progress_months import charts, months_table
from doxa_collector.papers.drafts.progress_records import MonthState, Trend, TrendMonth
from doxa_collector.papers.fonts import FontSettings, faces
from doxa_collector.papers.forms import render
from doxa_collector.papers.forms.long_rows import PAD_X
from doxa_collector.papers.letterhead import letterhead
from doxa_collector.papers.model import Annex, BarChart, Cell, Column, Document, Head, Table, TrendChart, TrendPoint
from doxa_collector.papers.parts import count_width, shortest, tabled, titled


def test_an_id_for_machines_is_not_printed_and_a_label_is() -> None:
    assert titled("A1", "Tốc độ") == "A1. Tốc độ"
    assert titled("YC10", "Tốc độ") == "YC10. Tốc độ"
    assert titled("adult-smartphones-2030", "Điện thoại") == "Điện thoại"


@pytest.mark.parametrize(
    ("value", "decimals"), [(92.14999999999999, 2), (67.9, 1), (95 * 0.97, 2), (100.0, 0), (99.85, 2), (1 / 3, 4)]
)
def test_a_figure_has_as_many_decimals_as_somebody_wrote(value: float, decimals: int) -> None:
    assert shortest(value) == decimals


def test_no_sentence_cries_the_agency_in_capitals(paper: Document) -> None:
    assert SETTINGS.agency not in words_of(paper)


SHARE = Trend(
    label="D4", title="Trụ sở đạt", unit="%", target=100, target_words="= 100 %", bounds="khoảng chắc chắn",
    months=(
        TrendMonth(label="01/2026", value=91.7, lower=16, upper=98.6, outcome=FAIL),
        TrendMonth(label="02/2026", value=0.0, lower=0.0, upper=84.1, outcome=OPEN, state=MonthState.PROVISIONAL),
    ),
)  # fmt: skip


def test_a_share_that_is_known_within_bounds_only_is_no_zero() -> None:
    (chart,) = charts((SHARE,))
    assert [(point.value, point.upper) for point in chart.points] == [(91.7, 98.6), (None, 84.1)]
    drawn = trend.draw(chart, "Liberation Serif")
    assert ">0,0<" not in drawn
    assert "×" not in drawn, "the bounds are drawn: something is known"
    table = months_table((("01/2026", MonthState.CLOSED), ("02/2026", MonthState.PROVISIONAL)), (SHARE,))[0]
    assert isinstance(table, Table)
    cell = table.rows[1][3]
    assert (cell.number, cell.shown, cell.note) == (None, "Chưa đủ dữ liệu", "từ 0,0 đến 84,1 %")


def labels(drawn: str) -> dict[str, tuple[float, float]]:
    """Where each text of a picture stands."""
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)<', drawn)
    return {words: (float(x), float(y)) for x, y, words in found}


@pytest.mark.parametrize(
    ("value", "lower", "upper"), [(0.4, 0.0, 96.0), (3.7, 3.7, 99.2), (91.7, 16.0, 98.6), (99.9, 99.0, 100.0)]
)
def test_a_figure_stands_at_its_point_and_not_at_the_end_of_its_bounds(
    value: float, lower: float, upper: float
) -> None:
    chart = TrendChart(
        title="t", unit="%", target=100, target_label="= 100 %",
        points=(TrendPoint(label="01/2026", value=value, lower=lower, upper=upper), TrendPoint(label="02/2026", value=50.0)),
    )  # fmt: skip
    drawn = trend.draw(chart, "Liberation Serif")
    found = labels(drawn)
    at = next(float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', drawn))
    assert abs(found[f"{value:.1f}".replace(".", ",")][1] - at) <= 22
    assert found[f"{value:.1f}".replace(".", ",")][1] < found["01/2026"][1] - 9, "and never in the words of the axis"
    assert "120" not in found, "a share has no more than 100 %"


def test_every_month_of_a_year_is_named_below() -> None:
    points = tuple(TrendPoint(label=f"{month:02d}/2026", value=50.0 + month) for month in range(1, 13))
    found = labels(trend.draw(TrendChart(title="t", unit="Mbps", points=points), "Liberation Serif"))
    assert [f"{month:02d}/26" in found for month in range(1, 13)] == [True] * 12


def test_a_workbook_gives_every_long_cell_the_height_that_it_needs() -> None:
    book = load_workbook(BytesIO(render(progress_report(progress(), SETTINGS), "xlsx")))
    for sheet in book.worksheets[1:]:
        widths = {letter: column.width for letter, column in sheet.column_dimensions.items()}
        assert max(widths.values()) <= 44
        for row in sheet.iter_rows(min_row=4):
            need = max(len(str(cell.value or "")) / widths[get_column_letter(at)] for at, cell in enumerate(row, 1))
            height = sheet.row_dimensions[row[0].row or 0].height or 15
            assert height >= 15 * max(need, 1), f"{sheet.title} {row[0].row}"


def head_of(parent: str, agency: str) -> Head:
    return Head(parent=parent, agency=agency, symbol="BC-SKHCN", place="p", kind="BÁO CÁO", subject="s")


def test_a_long_name_above_the_number_goes_on_below_and_no_word_stands_alone() -> None:
    assert letterhead(head_of("ỦY BAN NHÂN DÂN TỈNH LẠNG SƠN", "SỞ KHOA HỌC VÀ CÔNG NGHỆ")) == (
        "ỦY BAN NHÂN DÂN\nTỈNH LẠNG SƠN", "SỞ KHOA HỌC VÀ CÔNG NGHỆ",
    )  # fmt: skip
    assert letterhead(head_of("", "ỦY BAN NHÂN DÂN TỈNH HÀ TĨNH")) == ("", "ỦY BAN NHÂN DÂN\nTỈNH HÀ TĨNH"), (
        "bold is wider"
    )
    assert letterhead(head_of("ỦY BAN NHÂN DÂN TỈNH HÀ TĨNH", "B" * 60)) == ("ỦY BAN NHÂN DÂN TỈNH HÀ TĨNH", "B" * 60)


def test_word_has_the_long_name_on_two_lines() -> None:
    word = docx.Document(BytesIO(render(progress_report(progress(0), SETTINGS), "docx")))
    left = [paragraph.text for paragraph in word.tables[0].cell(0, 0).paragraphs]
    assert left[:3] == ["ỦY BAN NHÂN DÂN", "TỈNH LẠNG SƠN", "SỞ KHOA HỌC VÀ CÔNG NGHỆ"]


def test_communes_that_nobody_measures_are_one_row_on_pages_and_rows_of_their_own_in_workbooks() -> None:
    data = progress()
    rows = tuple(
        replace(row, name=f"Xã {TENANTS[at]}", listed=at < 3, measured=row.measured if at < 3 else None)
        for at, row in enumerate(data.communes[0].rows)
    )
    document = progress_report(replace(data, communes=(replace(data.communes[0], rows=rows),)), SETTINGS)
    for text in (docx_text(render(document, "docx")), pdf_text(render(document, "pdf"))):
        flat = squeezed(text)
        assert squeezed("5 xã, phường chưa có điểm đo") in flat
        assert [squeezed(f"Xã {name}") in flat for name in ("Tam Thanh", "Lương Văn Tri", "Đình Lập")] == [
            True,
            False,
            False,
        ]
    for found in (sheets(render(document, "xlsx"))["Xã A2"], csv_rows(render(document, "csv"))):
        names = [row[2] for row in found if len(row) > 3 and str(row[2]).startswith("Xã ")]
        assert names[-8:] == [row.name for row in rows]
    alone = tuple(replace(row, listed=at != 5) for at, row in enumerate(rows))
    whole = progress_report(replace(data, communes=(replace(data.communes[0], rows=alone),)), SETTINGS)
    assert all(table.on_pages is None for table in whole.tables()), "one row for one commune saves nothing"


@pytest.mark.parametrize(
    ("count", "width", "total", "room", "size"), [(3321, 10, 292, 250, 10.5), (3321, 8, 278, 250, 9)]
)
def test_a_running_number_above_999_stands_on_one_line(
    count: int, width: float, total: float, room: float, size: float
) -> None:
    regular, _ = faces(FontSettings()) or pytest.fail("no fonts")
    wide = count_width(width, count)
    points = room * 72 / 25.4 * wide / (total - width + wide) - 2 * PAD_X
    assert regular.width("3.321") * size < points
    assert count_width(width, 999) == width


def test_the_bar_of_a_share_says_of_how_many_offices() -> None:
    document = progress_report(progress(), SETTINGS)
    bars = {chart.title[:2]: chart for chart in document.blocks if isinstance(chart, BarChart)}
    assert bars["B3"].bars[-1].label == "đạt 31/36 trụ sở"
    assert bars["A2"].bars[-1].label == "đo tại trụ sở"
    assert bars["B3"].target_label == "mục tiêu 100 %", "and no sign stands before what must be met in full"


def test_a_sheet_that_nobody_could_read_on_one_page_is_printed_on_several() -> None:
    def sheet(columns: int) -> Table:
        words = [(f"c{at}", Column(width=20)) for at in range(columns)]
        return tabled(f"t{columns}", words, [tuple(Cell(text="w" * 40) for _ in words)])

    document = replace(
        progress_report(progress(0), SETTINGS), annexes=(Annex(title="a", blocks=(sheet(4), sheet(12))),)
    )
    book = load_workbook(BytesIO(render(document, "xlsx")))
    assert (book["t4"].page_setup.fitToWidth, book["t4"].print_title_cols) == (1, None)
    assert (book["t12"].page_setup.fitToWidth, book["t12"].print_title_cols) == (3, "$A:$B")
