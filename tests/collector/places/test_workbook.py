"""XLSX files, also hostile ones."""

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doxa_collector.places.importing.claims import Listing, read_listing
from doxa_core.errors import DoxaError, InputError

from .conftest import HEADER, MakeList

ROW: tuple[Any, ...] = ("06184", "Phường Đồng Đăng", "Phường", "20", "01/01/2027", None, "NQ 1", None)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_listing(path)
    assert "\n" not in caught.value.text.vi
    return caught.value.text.vi


def changed(path: Path, member: str, old: bytes, new: bytes) -> None:
    """The workbook with a part of one member replaced."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts[member]
    parts[member] = parts[member].replace(old, new, 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def test_texts_and_date_cells_are_read(xlsx_list: MakeList) -> None:
    other = ("06079", "Xã Hồng Phong", None, "20", datetime(2027, 2, 1), date(2027, 12, 31), None, None)
    found: Listing = read_listing(xlsx_list(ROW, other))
    assert [(c.row, c.code, c.name, c.first, c.last) for c in found.claims] == [
        (2, "06184", "Phường Đồng Đăng", date(2027, 1, 1), None),
        (3, "06079", "Xã Hồng Phong", date(2027, 2, 1), date(2027, 12, 31)),
    ]


def test_a_number_keeps_its_zeros_only_where_its_format_shows_them(xlsx_list: MakeList) -> None:
    path = xlsx_list((6184, *ROW[1:]))
    assert "«6184» có 4 chữ số" in refused(path)

    def shown(sheet: Any) -> None:
        sheet["A2"].number_format = "00000"

    assert read_listing(xlsx_list((6184, *ROW[1:]), change=shown)).claims[0].code == "06184"


@pytest.mark.parametrize(
    ("cell", "value", "said"),
    [
        ("A2", "=B1", "cột «Mã»: ô là công thức"),
        ("E2", 46388, "cột «Có hiệu lực từ»: «46388» không phải ngày"),
        ("A2", 6184.5, "không phải mã"),
        ("A2", True, "ô là giá trị lỗi"),
        ("B2", "#REF!", "ô là giá trị lỗi"),
        ("B2", "x" * 600, "ô dài hơn 500 ký tự"),
    ],
)
def test_a_cell_that_is_no_plain_value_is_refused(xlsx_list: MakeList, cell: str, value: Any, said: str) -> None:
    def change(sheet: Any) -> None:
        sheet[cell] = value

    assert said in refused(xlsx_list(ROW, change=change))


def test_merged_cells_in_the_rows_are_refused_and_in_a_title_are_not(xlsx_list: MakeList) -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("D2:D3")

    assert "dòng 3, cột «Mã tỉnh»: ô bị gộp" in refused(
        xlsx_list(ROW, ("06079", "Xã Hồng Phong", None, None, "01/01/2027"), change=merge)
    )

    def title(sheet: Any) -> None:
        sheet.insert_rows(1)
        sheet["A1"] = "DANH MỤC"
        sheet.merge_cells("A1:H1")

    assert len(read_listing(xlsx_list(ROW, change=title)).claims) == 1


def test_a_bomb_a_declaration_and_a_lie_about_the_size_do_no_harm(xlsx_list: MakeList) -> None:
    path = xlsx_list(ROW)
    changed(path, "xl/worksheets/sheet1.xml", b"<worksheet", b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet')
    assert "khai báo XML" in refused(path)

    path = xlsx_list(ROW)
    changed(path, "xl/worksheets/sheet1.xml", b'ref="A1:H2"', b'ref="A1:XFD1048576"')
    assert len(read_listing(path).claims) == 1

    path = xlsx_list(ROW)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros.bin", bytes(129 * 1024 * 1024))
    assert "bung ra quá lớn" in refused(path)


def test_a_row_far_down_is_too_many(xlsx_list: MakeList) -> None:
    def far(sheet: Any) -> None:
        sheet["A60000"] = "06079"

    assert "quá nhiều dòng" in refused(xlsx_list(ROW, change=far))


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "b")
    path = tmp_path / "list.xlsx"
    path.write_bytes(out.getvalue())
    assert "XLSX" in refused(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_workbook_is_read_or_refused(xlsx_list: MakeList, data: st.DataObject) -> None:
    path = xlsx_list(ROW)
    book = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        book[data.draw(st.integers(0, 9_999)) % len(book)] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(book[: max(4, data.draw(st.sampled_from([10_000, 10_000, 10_000, 3_000, 400])))]))
    try:
        read_listing(path)
    except DoxaError as error:
        assert "\n" not in error.text.vi


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"<row",
                b"</row>",
                b"<c",
                b't="s"',
                b't="inlineStr"',
                b"<v>",
                b"9999999",
                b'r="A1"',
                b"<f>",
                b'"',
                b">",
                b"<mergeCell ref=",
            ]
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_sheet_of_odd_xml_is_read_or_refused(xlsx_list: MakeList, parts: list[bytes]) -> None:
    path = xlsx_list(ROW)
    changed(path, "xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheetData>" + b" ".join(parts))
    try:
        read_listing(path)
    except DoxaError as error:
        assert "\n" not in error.text.vi


def test_the_header_of_these_tests_is_the_one_that_help_names() -> None:
    assert HEADER == ("Mã", "Tên", "Cấp", "Mã tỉnh", "Có hiệu lực từ", "Đến ngày", "Quyết định", "Mã cũ")
