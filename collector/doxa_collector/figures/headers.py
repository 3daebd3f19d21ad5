"""Which column of a file of figures says what: by the words of its header, with or without Vietnamese marks."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from doxa_collector.places.folding import plain
from doxa_collector.places.importing.sheet import Row
from doxa_core.errors import InputError
from doxa_core.language import Text

SEARCHED_ROWS: Final = 40
"""How far down the header may stand: tables begin with titles."""


class Column(StrEnum):
    """What a column says."""

    CODE = "code"
    NAME = "name"
    PROVINCE = "province"
    MONTH = "month"
    KIND = "link_kind"
    STATISTIC = "statistic"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    SAMPLES = "n"


TITLES: Final = {
    Column.CODE: "Mã đơn vị",
    Column.NAME: "Tên",
    Column.PROVINCE: "Tỉnh",
    Column.MONTH: "Tháng",
    Column.KIND: "Loại đường truyền",
    Column.STATISTIC: "Thống kê",
    Column.DOWNLOAD: "Tải xuống",
    Column.UPLOAD: "Tải lên",
    Column.SAMPLES: "Số mẫu",
}
"""The words that the template's header has."""

_WORDS: Final = {
    Column.CODE: ("ma don vi", "ma", "ma so", "ma dvhc", "ma don vi hanh chinh", "ma tinh", "ma xa", "code"),
    Column.NAME: (
        "ten", "ten don vi", "ten dvhc", "don vi hanh chinh", "dia phuong", "dia ban", "ten xa", "xa phuong", "name",
    ),
    Column.PROVINCE: ("tinh", "ten tinh", "tinh thanh", "tinh thanh pho", "tinh tp", "province"),
    Column.MONTH: ("thang", "ky", "thoi gian", "thang nam", "month"),
    Column.KIND: (
        "loai duong truyen", "loai", "loai mang", "loai ket noi", "mang", "duong truyen", "dich vu", "link kind", "kind",
    ),
    Column.STATISTIC: ("thong ke", "loai thong ke", "cach tinh", "statistic"),
    Column.DOWNLOAD: ("tai xuong", "toc do tai xuong", "download", "toc do download", "tai ve", "toc do tai ve"),
    Column.UPLOAD: ("tai len", "toc do tai len", "upload", "toc do upload"),
    Column.SAMPLES: ("so mau", "so luot do", "so lan do", "luot do", "co mau", "samples", "n"),
}  # fmt: skip
_MEANING: Final = {plain(word): column for column, words in _WORDS.items() for word in words}
_NEEDED: Final = (Column.MONTH, Column.KIND, Column.STATISTIC)
_RATES: Final = (Column.DOWNLOAD, Column.UPLOAD)
_ASIDE: Final = frozenset(map(plain, ("ghi chu", "stt", "tt", "note")))
"""Columns that every table has and nobody misses."""
_UNIT: Final = " mbps"
"""What may follow the words of a column of rates: `Tải xuống (Mbps)`."""


class Header:
    """Where the columns stand."""

    def __init__(self, file: str, row: Row) -> None:
        self.row = row.number
        self.width = len(row.cells)
        self.columns: dict[Column, int] = {}
        self.names: dict[Column, str] = {}
        self.ignored: list[str] = []
        for n, cell in enumerate(row.cells):
            meaning = _meaning(cell.text)
            if meaning is None:
                self.ignored += [cell.text] if plain(cell.text) not in _ASIDE | {""} else []
            elif meaning in self.columns:
                what = _TWICE.fill(one=self.names[meaning], other=cell.text)
                raise InputError(f"{file}: {Text(vi='dòng', en='row')} {row.number}", what, _ONE_ONLY)
            else:
                self.columns[meaning], self.names[meaning] = n, cell.text


def _meaning(text: str) -> Column | None:
    words = plain(text)
    meaning = _MEANING.get(words.removesuffix(_UNIT))
    return meaning if words in _MEANING or meaning in _RATES else None


def find_header(file: str, rows: Sequence[Row]) -> Header:
    """The header; `InputError` where no row names a place, a month, a kind of line, a statistic and a rate."""
    best: set[Column | None] = set()
    for row in rows[:SEARCHED_ROWS]:
        meanings = {_meaning(cell.text) for cell in row.cells if not cell.fault} - {None}
        if not _lacking(meanings):
            return Header(file, row)
        best = max(best, meanings, key=len)
    raise InputError(file, _NO_HEADER.fill(lacking=", ".join(f"«{name}»" for name in _lacking(best))), _WRITE_HEADER)


def _lacking(found: set[Column | None]) -> list[str]:
    lacking = [TITLES[column] for column in _NEEDED if column not in found]
    if found.isdisjoint((Column.CODE, Column.NAME, Column.PROVINCE)):
        lacking.insert(0, TITLES[Column.CODE])
    if found.isdisjoint(_RATES):
        lacking.append(TITLES[Column.DOWNLOAD])
    return lacking


_TWICE = Text(vi="cột «{one}» và «{other}» cùng nghĩa", en="the columns '{one}' and '{other}' mean the same")
_ONE_ONLY = Text(vi="hãy bỏ hoặc đổi tên một cột", en="remove or rename one of them")
_NO_HEADER = Text(vi="dòng tiêu đề thiếu cột {lacking}", en="the header row lacks the columns {lacking}")
_WRITE_HEADER = Text(
    vi="hãy đặt tên cột như tệp mẫu: doxa figures template mau.xlsx",
    en="name the columns as in the template: doxa figures template template.xlsx",
)
