"""An empty file to fill in: the header's words and one line that is marked as an example, which no import takes."""

import csv
import io
from pathlib import Path
from typing import Final

from doxa_collector.figures.headers import TITLES, Column
from doxa_collector.figures.reading import EXAMPLE
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text

HEADER: Final = (
    *(f"{TITLES[one]} (Mbps)" if one in (Column.DOWNLOAD, Column.UPLOAD) else TITLES[one] for one in Column), "Ghi chú",
)  # fmt: skip
EXAMPLE_ROW: Final = (
    "01", "Thành phố Hà Nội", "", "09/2025", "cố định", "trung bình", "272,44", "202,05", "1234",
    f"{EXAMPLE}: xóa dòng này trước khi nhập",
)  # fmt: skip


def write_template(path: Path) -> None:
    """Make the file, CSV or XLSX by its name; `InputError` where its name is neither or it exists."""
    makers = {".csv": _csv, ".xlsx": _xlsx}
    make = makers.get(path.suffix.lower())
    if make is None:
        raise InputError(str(path), Text(vi="không phải .csv hay .xlsx", en="it is neither .csv nor .xlsx"), _NAME)
    try:
        with path.open("xb") as handle:  # what somebody filled in is never written over
            handle.write(make())
    except FileExistsError:
        raise InputError(str(path), Text(vi="tệp đã có", en="the file exists"), _NAME) from None
    except OSError as error:
        raise OperationError(_CANNOT.fill(path=path, why=error.strerror or error)) from None


def _csv() -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows([HEADER, EXAMPLE_ROW])
    return out.getvalue().encode("utf-8-sig")  # by the mark Excel knows that it is UTF-8


def _xlsx() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (HEADER, EXAMPLE_ROW):
        sheet.append(list(row))
    for n, title in enumerate(HEADER):
        sheet.column_dimensions[chr(ord("A") + n)].width = max(14, len(title) + 2)
    for number in range(2, 200):
        for column in (1, 4):  # code and month as text: a spreadsheet drops zeros and makes days of months
            sheet.cell(row=number, column=column).number_format = "@"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


_NAME = Text(
    vi="hãy chọn một tên mới như mau.xlsx hoặc mau.csv", en="choose a new name such as template.xlsx or template.csv"
)
_CANNOT = Text(
    vi="{path}: không ghi được ({why}); hãy chọn chỗ khác", en="{path}: cannot be written ({why}); choose another place"
)
