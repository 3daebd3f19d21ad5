"""XLSX files, read with distrust: bounded unpacking, no formulas, no merged cells, dates only from date cells."""

import io
import re
import zipfile
from datetime import date, datetime
from typing import Any, Final

import openpyxl

from doxa_collector.places.importing.sheet import MAX_COLUMNS, MAX_ROWS, Cell, Row, plain_cell, too_big
from doxa_core.errors import InputError
from doxa_core.language import Text

MAX_UNPACKED: Final = 128 * 1024 * 1024
MAX_MEMBERS: Final = 1_000
_MERGED: Final = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]{0,80}?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_FORBIDDEN: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ZEROS: Final = re.compile(r"0+")
_SHEET: Final = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)


def read_workbook(name: str, data: bytes) -> list[Row]:
    """The rows of the workbook's first visible sheet; `InputError` for whatever is not plainly one."""
    _check_archive(name, data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        try:
            sheet = next(sheet for sheet in book.worksheets if sheet.sheet_state == "visible")
            path = str(getattr(sheet, "_worksheet_path", ""))
            sheet.reset_dimensions()  # the file's own word for its size may be wrong, or a trap
            rows = _rows(name, sheet)
        finally:
            book.close()
        merged = _merged(data, path)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl fails on broken files in every way there is
        what = Text(
            vi=f"không phải tệp XLSX đọc được ({type(error).__name__})",
            en=f"not a readable XLSX file ({type(error).__name__})",
        )
        raise InputError(name, what, _SAVE_AGAIN) from None
    return [_with_merged(row, merged) for row in rows]


def _check_archive(name: str, data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED:
                raise InputError(name, _BOMB, _SAVE_AGAIN)
            for member in members:
                if member.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(member) as handle:
                        if _FORBIDDEN.search(handle.read(4_096)):
                            raise InputError(name, _DECLARES, _SAVE_AGAIN)
    except InputError:
        raise
    except Exception:  # noqa: BLE001 - zlib and lzma have errors of their own
        raise InputError(name, _NOT_ZIP, _SAVE_AGAIN) from None


def _rows(name: str, sheet: Any) -> list[Row]:
    rows: list[Row] = []
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if number > MAX_ROWS:
            raise too_big(name)
        if len(cells) > MAX_COLUMNS and any(cell.value is not None for cell in cells[MAX_COLUMNS:]):
            raise too_big(name)
        rows.append(Row(number, [_cell(cell) for cell in cells[:MAX_COLUMNS]]))
    return rows


def _cell(cell: Any) -> Cell:
    value, kind = cell.value, getattr(cell, "data_type", "n")
    if value is None:
        return Cell("")
    if kind == "f":
        return Cell("=", _FORMULA)
    if kind == "e":
        return Cell(str(value), _ERROR)
    if isinstance(value, datetime):
        return Cell(value.date().isoformat())
    if isinstance(value, date):
        return Cell(value.isoformat())
    if isinstance(value, bool):
        return Cell(str(value), _ERROR)
    if isinstance(value, (int, float)):
        return _number(value, str(cell.number_format or ""))
    return plain_cell(str(value))


def _number(value: float, shown_as: str) -> Cell:
    if not (abs(value) <= 1e12 and value == int(value)):  # also what is not a number
        return plain_cell(repr(value))
    text = str(int(value))
    return Cell(text.zfill(len(shown_as)) if _ZEROS.fullmatch(shown_as) else text)


def _merged(data: bytes, path: str) -> set[tuple[int, int]]:
    """The cells (row, column from 0) that a merged one hides."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        member = next((one for one in archive.namelist() if one.lstrip("/") == path.lstrip("/")), None)
        members = [member] if member else [one for one in archive.namelist() if _SHEET.fullmatch(one)]
        found = [match for one in members for match in _MERGED.finditer(archive.read(one))]
    hidden: set[tuple[int, int]] = set()
    for match in found:
        left, top, right, bottom = _column(match[1]), int(match[2]), _column(match[3]), int(match[4])
        for row in range(top, min(bottom, MAX_ROWS) + 1):
            hidden.update(
                (row, column) for column in range(left, min(right, MAX_COLUMNS) + 1) if (row, column) != (top, left)
            )
            if len(hidden) > MAX_ROWS * 4:
                return hidden
    return hidden


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def _with_merged(row: Row, hidden: set[tuple[int, int]]) -> Row:
    if not hidden:
        return row
    cells = [Cell("", _HIDDEN) if (row.number, n) in hidden else cell for n, cell in enumerate(row.cells)]
    return Row(row.number, cells)


_SAVE_AGAIN = Text(
    vi="hãy mở bằng bảng tính rồi lưu lại dưới dạng .xlsx hoặc «CSV UTF-8»",
    en="open it in a spreadsheet program and save it as .xlsx or 'CSV UTF-8'",
)
_BOMB = Text(vi="tệp bung ra quá lớn", en="the file unpacks to too much")
_DECLARES = Text(vi="tệp có khai báo XML không được phép", en="the file has XML declarations that are not allowed")
_NOT_ZIP = Text(vi="tệp XLSX hỏng hoặc có mật khẩu", en="the XLSX file is broken or has a password")
_FORMULA = Text(vi="ô là công thức", en="the cell is a formula")
_ERROR = Text(vi="ô là giá trị lỗi hoặc đúng/sai", en="the cell is an error or a truth value")
_HIDDEN = Text(vi="ô bị gộp với ô khác", en="the cell is merged with another one")
