"""What a list claims, row by row: a code, a name, from when to when; each row right in itself, or refused."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from doxa_collector.places.folding import plain
from doxa_collector.places.importing.headers import Column, Header, find_header
from doxa_collector.places.importing.sheet import Cell, Row, read_rows
from doxa_collector.places.model import DIGITS, TYPES, Extent, Level
from doxa_core.errors import InputError
from doxa_core.language import Text

MAX_NAME: Final = 80
EARLIEST, LATEST = date(1945, 9, 2), date(2099, 12, 31)
_DIGITS: Final = re.compile(r"[0-9]+")
_VIETNAMESE: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: 0?0:00(?::00)?)?")
_OLD: Final = re.compile(r"(\d+)\s*(\([^)]*\))?")
_TYPE: Final = re.compile(
    r"(xã|phường|thị trấn|đặc khu|tỉnh|thành phố|tp\.?|tt\.|p\.|x\.)(?:\s+|(?<=\.))(.+)", re.IGNORECASE
)
_TYPES: Final = {
    "xa": "Xã", "x": "Xã", "phuong": "Phường", "p": "Phường", "thi tran": "Thị trấn", "tt": "Thị trấn",
    "dac khu": "Đặc khu", "tinh": "Tỉnh", "thanh pho": "Thành phố", "tp": "Thành phố",
    "thanh pho truc thuoc trung uong": "Thành phố", "thanh pho trung uong": "Thành phố",
}  # fmt: skip
_NO_TYPE: Final = frozenset(("", "cap xa", "cap tinh", "commune", "province"))


class Old(NamedTuple):
    """An old unit that came into the row's."""

    code: str
    extent: Extent


class Claim(NamedTuple):
    """One row."""

    row: int
    code: str
    name: str
    level: Level
    province: str
    """Empty where the list does not say it."""
    first: date | None
    """None where the list does not say it."""
    last: date | None
    decision: str
    old: tuple[Old, ...]


class Listing(NamedTuple):
    """A whole file."""

    file: str
    header: Header
    claims: tuple[Claim, ...]

    def refuse(self, claim: Claim, column: Column, what: Text, mend: Text) -> InputError:
        """The error for a cell of a row."""
        return InputError(_where(self.file, self.header, claim.row, column), what, mend)


def read_listing(path: Path) -> Listing:
    """The list in a file; `InputError` with file, row and column for the first thing that is wrong."""
    rows = read_rows(path)
    header = find_header(path.name, rows)
    claims = tuple(_Reader(path.name, header, row).claim() for row in rows if row.number > header.row)
    if not claims:
        raise InputError(path.name, Text(vi="danh mục không có đơn vị nào", en="the list has no units"), _FILL)
    return Listing(path.name, header, claims)


def _where(file: str, header: Header, row: int, column: Column) -> str:
    at = Text(vi="{file}: dòng {row}, cột «{column}»", en="{file}: row {row}, column '{column}'")
    return str(at.fill(file=file, row=row, column=header.names.get(column, column.value)))


class _Reader:
    """Reads the cells of one row."""

    def __init__(self, file: str, header: Header, row: Row) -> None:
        self._file, self._header, self._row = file, header, row

    def claim(self) -> Claim:
        code = self._code(Column.CODE)
        level = DIGITS[len(code)]
        province = self._code(Column.PROVINCE) if self._text(Column.PROVINCE) else ""
        if level is Level.PROVINCE:
            if province not in {"", code}:
                raise self._refuse(Column.PROVINCE, _OTHER_PROVINCE, _EMPTY_IT)
            province = code
        elif len(province) not in {0, 2}:
            raise self._refuse(Column.PROVINCE, _NOT_2.fill(code=province), _TWO_DIGITS)
        first, last = self._day(Column.FIRST), self._day(Column.LAST)
        if first and last and last < first:
            raise self._refuse(Column.LAST, _BEFORE.fill(last=last, first=first), _MEND_DAYS)
        return Claim(
            self._row.number, code, self._name(level), level, province, first, last, self._decision(), self._olds(level)
        )

    def _refuse(self, column: Column, what: Text, mend: Text) -> InputError:
        return InputError(_where(self._file, self._header, self._row.number, column), what, mend)

    def _cell(self, column: Column) -> Cell:
        n = self._header.columns.get(column)
        return Cell("") if n is None or n >= len(self._row.cells) else self._row.cells[n]

    def _text(self, column: Column) -> str:
        cell = self._cell(column)
        if cell.fault:
            raise self._refuse(column, cell.fault, _PLAIN_VALUE)
        text = unicodedata.normalize("NFC", cell.text)
        if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn"} for letter in text):
            raise self._refuse(column, _CONTROL, _PLAIN_VALUE)
        return text

    def _code(self, column: Column) -> str:
        text = self._text(column).lstrip("'’")
        if not (text.isascii() and _DIGITS.fullmatch(text)):
            raise self._refuse(column, _NOT_CODE.fill(text=text or "…"), _CODE_DIGITS)
        if len(text) not in {2, 5}:
            raise self._refuse(column, _WRONG_LENGTH.fill(text=text, n=len(text)), _CODE_DIGITS)
        return text

    def _name(self, level: Level) -> str:
        text, said = self._text(Column.NAME), self._said()
        match = _TYPE.fullmatch(text)
        kind = _TYPES[plain(match[1])] if match else said
        bare = (match[2] if match else text).strip()
        if not any(letter.isalnum() for letter in bare) or len(bare) > MAX_NAME:
            raise self._refuse(Column.NAME, _NO_NAME.fill(text=text or "…"), _WRITE_NAME)
        if not kind:
            raise self._refuse(Column.NAME, _NO_TYPE_WORD.fill(text=text), _WRITE_TYPE)
        if said and said != kind:
            raise self._refuse(Column.LEVEL, _TWO_TYPES.fill(one=said, other=kind), _MEND_ONE)
        if kind not in TYPES[level]:
            raise self._refuse(Column.NAME, _WRONG_LEVEL.fill(kind=kind.lower(), level=level.text), _MEND_ONE)
        return f"{kind} {_cased(bare)}"

    def _said(self) -> str:
        """The type word in the level's column; empty where it says only "cấp xã"."""
        text = self._text(Column.LEVEL)
        if plain(text) in _NO_TYPE:
            return ""
        if (kind := _TYPES.get(plain(text))) is None:
            raise self._refuse(Column.LEVEL, _UNKNOWN_LEVEL.fill(text=text), _WRITE_LEVEL)
        return kind

    def _day(self, column: Column) -> date | None:
        text = self._text(column)
        if not text:
            return None
        match = _VIETNAMESE.fullmatch(text)
        try:
            day = date(int(match[3]), int(match[2]), int(match[1])) if match else date.fromisoformat(text.split(" ")[0])
        except ValueError:
            day = None
        if day is None or (not match and "-" not in text):
            raise self._refuse(column, _NOT_DAY.fill(text=text), _WRITE_DAY)
        if not EARLIEST <= day <= LATEST:
            raise self._refuse(column, _FAR_DAY.fill(day=day), _WRITE_DAY)
        return day

    def _decision(self) -> str:
        return self._text(Column.DECISION)

    def _olds(self, level: Level) -> tuple[Old, ...]:
        text = self._text(Column.OLD)
        found: list[Old] = []
        for part in re.split(r"[,;|+]", text) if text else ():
            match = _OLD.fullmatch(part.strip())
            if match is None or not match[1].isascii() or DIGITS.get(len(match[1])) is not level:
                raise self._refuse(Column.OLD, _NOT_OLD.fill(text=part.strip() or "…"), _WRITE_OLD)
            words = plain(match[2] or "")
            if words not in {"", "mot phan", "toan bo"}:
                raise self._refuse(Column.OLD, _NOT_OLD.fill(text=part.strip()), _WRITE_OLD)
            found.append(Old(match[1], Extent.PART if words == "mot phan" else Extent.WHOLE))
        if len({old.code for old in found}) != len(found):
            raise self._refuse(Column.OLD, Text(vi="một mã cũ đứng hai lần", en="an old code stands twice"), _WRITE_OLD)
        return tuple(found)


_LOWER: Callable[[str], str] = str.lower


def _cased(bare: str) -> str:
    """The name as it is written; one in capitals throughout gets only its first letters so (`ĐỒNG ĐĂNG`)."""
    letters: Sequence[str] = [letter for letter in bare if letter.isalpha()]
    if len(letters) > 2 and all(letter.isupper() for letter in letters):
        return " ".join(word[:1] + _LOWER(word[1:]) for word in bare.split(" "))
    return bare


_FILL = Text(vi="hãy ghi ít nhất một dòng dưới tiêu đề", en="write at least one row under the header")
_PLAIN_VALUE = Text(vi="hãy thay bằng giá trị gõ thẳng vào ô", en="put a plain value in the cell")
_CONTROL = Text(vi="ô có ký tự ẩn", en="the cell has hidden characters")
_OTHER_PROVINCE = Text(vi="một tỉnh không thể thuộc tỉnh khác", en="a province cannot be in another province")
_EMPTY_IT = Text(vi="hãy để trống ô này", en="leave the cell empty")
_NOT_2 = Text(vi="«{code}» không phải mã tỉnh", en="'{code}' is not a province's code")
_TWO_DIGITS = Text(vi="hãy ghi mã tỉnh 2 chữ số, ví dụ 20", en="write the province's code of 2 digits, such as 20")
_BEFORE = Text(vi="ngày {last} đứng trước ngày bắt đầu {first}", en="the day {last} is before the first day {first}")
_MEND_DAYS = Text(vi="hãy sửa một trong hai ngày", en="mend one of the two days")
_NOT_CODE = Text(vi="«{text}» không phải mã", en="'{text}' is not a code")
_WRONG_LENGTH = Text(vi="«{text}» có {n} chữ số", en="'{text}' has {n} digits")
_CODE_DIGITS = Text(
    vi="hãy ghi mã tỉnh 2 chữ số hoặc mã xã 5 chữ số, ô dạng văn bản để giữ số 0 ở đầu (06184)",
    en="write a province's code of 2 digits or a commune's of 5, in a text cell so that leading zeros stay (06184)",
)
_NO_NAME = Text(vi="«{text}» không phải tên", en="'{text}' is not a name")
_WRITE_NAME = Text(vi=f"hãy ghi tên, tối đa {MAX_NAME} ký tự", en=f"write the name, at most {MAX_NAME} characters")
_NO_TYPE_WORD = Text(vi="«{text}» thiếu loại đơn vị", en="'{text}' lacks its type word")
_WRITE_TYPE = Text(
    vi="hãy ghi cả loại, ví dụ «Xã Đồng Đăng», hoặc điền cột Cấp",
    en="write the type too, such as 'Xã Đồng Đăng', or fill the column Cấp",
)
_TWO_TYPES = Text(vi="cột này ghi «{one}», tên ghi «{other}»", en="this column says '{one}', the name says '{other}'")
_WRONG_LEVEL = Text(vi="«{kind}» không phải loại của mã {level}", en="'{kind}' is not a type of a {level} code")
_MEND_ONE = Text(vi="hãy sửa một trong hai", en="mend one of the two")
_UNKNOWN_LEVEL = Text(vi="không hiểu «{text}»", en="'{text}' is not known")
_WRITE_LEVEL = Text(
    vi="hãy ghi một trong: Xã, Phường, Thị trấn, Đặc khu, Tỉnh, Thành phố",
    en="write one of: Xã, Phường, Thị trấn, Đặc khu, Tỉnh, Thành phố",
)
_NOT_DAY = Text(vi="«{text}» không phải ngày", en="'{text}' is not a day")
_FAR_DAY = Text(vi="ngày {day} không thể đúng", en="the day {day} cannot be right")
_WRITE_DAY = Text(
    vi="hãy ghi ngày dạng 01/07/2025, hoặc định dạng ô là ngày",
    en="write a day such as 01/07/2025, or format the cell as a date",
)
_NOT_OLD = Text(vi="«{text}» không phải mã cũ cùng cấp", en="'{text}' is not an old code of the same level")
_WRITE_OLD = Text(vi="hãy ghi ví dụ: 06184; 06205 (một phần)", en="write such as: 06184; 06205 (một phần)")
