"""A file of published figures, read strictly: every wrong cell is named, and one of them is enough to take nothing."""

from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from doxa_collector.figures import cells
from doxa_collector.figures.cells import Wrong
from doxa_collector.figures.headers import TITLES, Column, Header, find_header
from doxa_collector.figures.naming import Places
from doxa_collector.places.folding import plain
from doxa_collector.places.importing.sheet import Row, read_bytes, rows_of
from doxa_collector.plans.reference import Figure
from doxa_core.errors import InputError
from doxa_core.language import Text

EXAMPLE: Final = "ví dụ"
"""A row with a cell that begins so is the template's example."""
_Value = TypeVar("_Value")
_MOST_FAULTS: Final = 200
"""After so many the rest of the file is not read."""


class Refused(InputError):  # noqa: N818 - the house names errors by what happened
    """A file with wrong cells; `faults` has a sentence for each."""

    def __init__(self, where: str, faults: Sequence[InputError]) -> None:
        count = _MANY if len(faults) >= _MOST_FAULTS else Text(vi="{n}", en="{n}")
        what = Text(vi="có {count} chỗ sai, chưa ghi gì", en="{count} things are wrong, nothing was written")
        mend = Text(vi="hãy sửa từng chỗ đã nêu rồi nhập lại", en="mend each of those named and import it again")
        super().__init__(where, what.fill(count=count.fill(n=len(faults))), mend)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a file says."""

    figures: tuple[Figure, ...]
    ignored: tuple[str, ...]
    """Columns that mean nothing to us."""
    digest: str
    """SHA-256 of the file."""


def month_end(month: str) -> date:
    """The last day of a month such as `2025-09`."""
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, monthrange(year, number)[1])


def read_sheet(path: Path, places: Places, source: str, mark: str, today: date) -> Sheet:
    """The figures of a CSV or XLSX file; `InputError` for a file that is none, `Refused` for wrong rows."""
    data = read_bytes(path)
    rows = rows_of(path, data)
    header = find_header(str(path), rows)
    reader = _Reader(path, header, places, source, mark, today, rectangular=not data.startswith(b"PK"))
    for row in rows:
        if row.number > header.row and len(reader.faults) < _MOST_FAULTS:
            reader.take(row)
    if len(reader.faults) == 1:
        raise reader.faults[0]
    if reader.faults:
        raise Refused(str(path), reader.faults)
    if not reader.figures:
        raise InputError(str(path), Text(vi="tệp không có số liệu nào", en="the file has no figures"), _FILL_IT)
    return Sheet(figures=tuple(reader.figures), ignored=tuple(header.ignored), digest=sha256(data).hexdigest())


class _Reader:
    """Takes one row after the other and gathers figures and faults."""

    def __init__(
        self, path: Path, header: Header, places: Places, source: str, mark: str, today: date, *, rectangular: bool
    ) -> None:
        self._path, self._header, self._places, self._today = path, header, places, today
        self._source, self._mark = source, mark
        self._rectangular = rectangular
        self._rows: dict[tuple[str, ...], int] = {}
        self.figures: list[Figure] = []
        self.faults: list[InputError] = []

    def take(self, row: Row) -> None:
        """Read a row that stands below the header."""
        before = len(self.faults)
        if any(plain(cell.text).startswith(plain(EXAMPLE)) for cell in row.cells):
            return self._refuse(row, None, Wrong(_IS_EXAMPLE, _REMOVE_ROW))
        if self._rectangular and len(row.cells) != self._header.width:
            return self._refuse(row, None, Wrong(_CELLS.fill(n=len(row.cells), wanted=self._header.width), _COMMAS))
        month = self._read(row, Column.MONTH, lambda text: cells.month(text, self._today))
        kind = self._read(row, Column.KIND, cells.kind)
        statistic = self._read(row, Column.STATISTIC, cells.statistic)
        rates = {way: self._read(row, way, cells.rate) for way in (Column.DOWNLOAD, Column.UPLOAD)}
        n = self._read(row, Column.SAMPLES, cells.samples)
        place = None if month is None else self._place(row, month_end(month))
        if len(self.faults) == before and not any(rates.values()):
            self._refuse(row, None, Wrong(_NO_FIGURE, _ONE_RATE))
        if len(self.faults) == before and month and kind and statistic and place:
            for way, value in rates.items():
                if value is not None:
                    self._add(row, way, Figure(
                        place_code=place, month=month, link_kind=kind, statistic=statistic, direction=way.value,
                        value_mbps=value, n=n, source=self._source, mark=self._mark,
                    ))  # fmt: skip
        return None

    def _add(self, row: Row, way: Column, figure: Figure) -> None:
        key = figure.place_code, figure.month, figure.link_kind, figure.statistic, figure.direction
        if key in self._rows:
            self._refuse(row, way, Wrong(_TWICE.fill(row=self._rows[key]), _REMOVE_ROW))
            return
        self._rows[key] = row.number
        self.figures.append(figure)

    def _place(self, row: Row, day: date) -> str | None:
        column = next(one for one in (Column.CODE, Column.NAME, Column.PROVINCE) if one in self._header.columns)
        try:
            code, name, province = (self._text(row, one) for one in (Column.CODE, Column.NAME, Column.PROVINCE))
            if not code and (name or province):
                column = Column.NAME if name else Column.PROVINCE
            return self._places.code(code, name, province, day)
        except Wrong as wrong:
            self._refuse(row, column, wrong)
            return None

    def _read(self, row: Row, column: Column, read: Callable[[str], _Value]) -> _Value | None:
        if column not in self._header.columns:
            return None
        try:
            return read(self._text(row, column))
        except Wrong as wrong:
            self._refuse(row, column, wrong)
            return None

    def _text(self, row: Row, column: Column) -> str:
        n = self._header.columns.get(column)
        if n is None or n >= len(row.cells):
            return ""
        cell = row.cells[n]
        if cell.fault is not None:
            raise Wrong(cell.fault, _PLAIN_VALUE)
        return cell.text

    def _refuse(self, row: Row, column: Column | None, wrong: Wrong) -> None:
        where = f"{self._path}: {Text(vi='dòng', en='row')} {row.number}"
        if column is not None:
            where += f", {Text(vi='cột', en='column')} «{self._header.names.get(column, TITLES[column])}»"
        self.faults.append(InputError(where, wrong.what, wrong.mend))


_MANY = Text(vi="ít nhất {n}", en="at least {n}")
_FILL_IT = Text(vi="hãy điền các dòng dưới tiêu đề", en="fill the rows below the header")
_IS_EXAMPLE = Text(vi="đây là dòng ví dụ của tệp mẫu", en="this is the template's example")
_REMOVE_ROW = Text(vi="hãy xóa dòng này", en="remove this row")
_CELLS = Text(vi="dòng có {n} ô mà tiêu đề có {wanted}", en="the row has {n} cells where the header has {wanted}")
_COMMAS = Text(
    vi="hãy ghi đủ ô; nếu dấu phẩy vừa ngăn ô vừa ngăn phần lẻ thì ngăn ô bằng dấu chấm phẩy",
    en="give each row all its cells; where commas part both cells and decimals, part the cells by semicolons",
)
_NO_FIGURE = Text(vi="dòng này không có con số nào", en="this row has no number")
_ONE_RATE = Text(
    vi="hãy ghi tải xuống, tải lên hoặc cả hai, hoặc xóa dòng", en="write download, upload or both, or remove the row"
)
_TWICE = Text(vi="số liệu này đã có ở dòng {row}", en="this figure stands in row {row} already")
_PLAIN_VALUE = Text(vi="hãy ghi thẳng giá trị vào ô", en="write the plain value into the cell")
