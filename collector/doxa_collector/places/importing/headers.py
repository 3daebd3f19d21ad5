"""Which column says what: by the words of the header, with or without Vietnamese marks."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from doxa_collector.places.folding import plain
from doxa_collector.places.importing.sheet import Row
from doxa_core.errors import InputError
from doxa_core.language import Text

SEARCHED_ROWS: Final = 40
"""How far down the header may stand: official lists begin with titles."""


class Column(StrEnum):
    """What a column says."""

    CODE = "code"
    NAME = "name"
    LEVEL = "level"
    PROVINCE = "province"
    FIRST = "valid_from"
    LAST = "valid_to"
    DECISION = "decision"
    OLD = "old"


_WORDS: Final = {
    Column.CODE: (
        "ma", "ma so", "ma don vi", "ma dvhc", "ma don vi hanh chinh", "ma so don vi hanh chinh", "ma xa", "ma xa phuong",
        "ma phuong xa", "ma px", "ma xp", "ma cap xa", "ma don vi hanh chinh cap xa", "code",
    ),
    Column.NAME: (
        "ten", "ten don vi", "ten dvhc", "ten don vi hanh chinh", "ten xa", "ten xa phuong", "ten phuong xa", "phuong xa",
        "xa phuong", "xa phuong dac khu", "ten xa phuong dac khu", "don vi hanh chinh", "ten don vi hanh chinh cap xa", "name",
    ),
    Column.LEVEL: ("cap", "loai", "loai don vi", "loai don vi hanh chinh", "cap hanh chinh", "cap don vi hanh chinh", "level"),
    Column.PROVINCE: ("ma tinh", "ma tinh thanh pho", "ma tp", "ma tinh tp", "ma cap tinh", "province"),
    Column.FIRST: (
        "co hieu luc tu", "hieu luc tu", "ngay hieu luc", "ngay co hieu luc", "co hieu luc tu ngay", "hieu luc tu ngay",
        "tu ngay", "valid from",
    ),
    Column.LAST: ("den ngay", "co hieu luc den", "hieu luc den", "co hieu luc den ngay", "hieu luc den ngay", "valid to"),
    Column.DECISION: (
        "quyet dinh", "nghi quyet", "nghi dinh", "van ban", "so van ban", "so quyet dinh", "so nghi quyet", "can cu",
        "van ban phap ly", "decision",
    ),
    Column.OLD: ("ma cu", "ma so cu", "ma don vi cu", "ma truoc day", "tu ma", "old"),
}  # fmt: skip
_MEANING: Final = {word: column for column, words in _WORDS.items() for word in words}


class Header:
    """Where the columns stand."""

    def __init__(self, file: str, row: Row) -> None:
        self.row = row.number
        self.columns: dict[Column, int] = {}
        self.names: dict[Column, str] = {}
        self.ignored: list[str] = []
        for n, cell in enumerate(row.cells):
            meaning = _MEANING.get(plain(cell.text))
            if meaning is None:
                self.ignored += [cell.text] if cell.text else []
            elif meaning in self.columns:
                where = f"{file}: {Text(vi='dòng', en='row')} {row.number}"
                what = _TWICE.fill(one=self.names[meaning], other=cell.text)
                raise InputError(where, what, _ONE_ONLY)
            else:
                self.columns[meaning], self.names[meaning] = n, cell.text


def find_header(file: str, rows: Sequence[Row]) -> Header:
    """The header; `InputError` where no row names a column of codes and one of names."""
    for row in rows[:SEARCHED_ROWS]:
        meanings = {_MEANING.get(plain(cell.text)) for cell in row.cells if not cell.fault}
        if {Column.CODE, Column.NAME} <= meanings:
            return Header(file, row)
    raise InputError(file, _NO_HEADER, _WRITE_HEADER)


_TWICE = Text(vi="cột «{one}» và «{other}» cùng nghĩa", en="the columns '{one}' and '{other}' mean the same")
_ONE_ONLY = Text(vi="hãy bỏ hoặc đổi tên một cột", en="remove or rename one of them")
_NO_HEADER = Text(
    vi="không thấy dòng tiêu đề có cột mã và cột tên", en="no header row names a column of codes and one of names"
)
_WRITE_HEADER = Text(
    vi="hãy đặt tên cột: Mã, Tên, Cấp, Mã tỉnh, Có hiệu lực từ, Đến ngày, Quyết định, Mã cũ",
    en="name the columns: Mã, Tên, Cấp, Mã tỉnh, Có hiệu lực từ, Đến ngày, Quyết định, Mã cũ",
)
