"""A table file as rows of cells, whatever made it: CSV (UTF-8; comma, semicolon or tab) or XLSX."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from doxa_core.errors import InputError
from doxa_core.language import Text

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_ROWS: Final = 50_000
MAX_COLUMNS: Final = 64
MAX_LETTERS: Final = 500
"""In one cell."""


class Cell(NamedTuple):
    """What stands in a cell, and why it cannot be taken (a formula, half of a merged cell), if so."""

    text: str
    fault: Text | None = None


class Row(NamedTuple):
    """A row and its number in the file, as a spreadsheet program shows it."""

    number: int
    cells: Sequence[Cell]


def read_rows(path: Path) -> list[Row]:
    """Every row that is not empty; `InputError` for a file that is too big or is neither CSV nor XLSX."""
    return rows_of(path, read_bytes(path))


def rows_of(path: Path, data: bytes) -> list[Row]:
    """The same for a file that was read; `path` names it in errors."""
    if data.startswith(b"PK\x03\x04"):
        from doxa_collector.places.importing.workbook import read_workbook  # openpyxl only for who needs it

        rows = read_workbook(path.name, data)
    elif data.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(str(path), _OLD_EXCEL, _SAVE_XLSX)
    else:
        rows = _csv(path, data)
    found = [row for row in rows if any(cell.text or cell.fault for cell in row.cells)]
    if not found:
        raise InputError(str(path), Text(vi="tệp không có dòng nào", en="the file has no rows"), _CHECK)
    return found


def read_bytes(path: Path) -> bytes:
    """The whole file; `InputError` where it cannot be read or is too big."""
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        what = Text(vi=f"không đọc được ({error.strerror})", en=f"it cannot be read ({error.strerror})")
        raise InputError(str(path), what, _CHECK) from None
    if len(data) > MAX_BYTES:
        raise InputError(str(path), Text(vi="tệp quá lớn", en="the file is too big"), _SMALLER)
    return data


def _csv(path: Path, data: bytes) -> list[Row]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            str(path), Text(vi="không phải CSV UTF-8 hay XLSX", en="neither CSV in UTF-8 nor XLSX"), _SAVE
        ) from None
    if "\0" in text:
        raise InputError(str(path), Text(vi="tệp có ký tự NUL", en="the file has NUL characters"), _SAVE)
    return max((_parsed(path, text, mark) for mark in ",;\t"), key=_columns)


def _parsed(path: Path, text: str, separator: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[Row] = []
    try:
        for cells in reader:
            if len(rows) >= MAX_ROWS or len(cells) > MAX_COLUMNS:
                raise too_big(str(path))
            rows.append(Row(reader.line_num, [plain_cell(cell) for cell in cells]))
    except csv.Error as error:
        where = f"{path}: {Text(vi='dòng', en='row')} {reader.line_num}"
        raise InputError(where, Text(vi=f"không phải CSV ({error})", en=f"it is not CSV ({error})"), _SAVE) from None
    return rows


def _columns(rows: list[Row]) -> int:
    """By the right separator most rows have several cells."""
    return sum(min(len(row.cells), 4) for row in rows[:200])


def plain_cell(text: str) -> Cell:
    """The cell without outer spaces; one that is far too long is faulty."""
    stripped = " ".join(text.split())
    return Cell(stripped) if len(stripped) <= MAX_LETTERS else Cell(stripped[:20] + "…", _TOO_LONG)


def too_big(where: str) -> InputError:
    """The error for more rows or columns than a list of places can have."""
    return InputError(where, _TOO_MANY, _SMALLER)


_CHECK = Text(vi="hãy kiểm tra đường dẫn và nội dung tệp", en="check the path and what is in the file")
_SMALLER = Text(
    vi=f"hãy giữ dưới {MAX_BYTES // 2**20} MB, {MAX_ROWS} dòng và {MAX_COLUMNS} cột",
    en=f"keep it below {MAX_BYTES // 2**20} MB, {MAX_ROWS} rows and {MAX_COLUMNS} columns",
)
_TOO_MANY = Text(vi="quá nhiều dòng hoặc cột", en="too many rows or columns")
_TOO_LONG = Text(vi=f"ô dài hơn {MAX_LETTERS} ký tự", en=f"the cell has more than {MAX_LETTERS} characters")
_SAVE = Text(vi="hãy lưu lại dưới dạng «CSV UTF-8» hoặc .xlsx", en="save it as 'CSV UTF-8' or .xlsx")
_OLD_EXCEL = Text(vi="tệp .xls cũ, hoặc có mật khẩu", en="an old .xls file, or one with a password")
_SAVE_XLSX = Text(vi="hãy lưu lại dưới dạng .xlsx không mật khẩu", en="save it as .xlsx without a password")
