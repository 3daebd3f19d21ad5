"""Strict TOML: every key is read or refused, and each refusal says where, what and how to mend it."""

import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from re import Pattern
from typing import Any, Final, Literal, overload

from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.names import IDENTIFIER
from doxa_core.similar import nearest

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
_REQUIRED: Final = object()


def read_toml(path: Path) -> "Table":
    """The file as a strict table; `InputError` where it cannot be read or is not TOML."""
    import tomllib  # a process that only measures has its options given, and reads no file

    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(str(path), Text(vi="tệp quá lớn", en="the file is too big"), _SMALLER)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(str(path), _cannot_read(error), _CHECK_PATH) from None
    except UnicodeDecodeError:
        raise InputError(
            str(path), Text(vi="không phải văn bản UTF-8", en="it is not UTF-8 text"), _SAVE_UTF8
        ) from None
    try:
        return Table(tomllib.loads(text), str(path))
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits, and bottomless nesting
        what = Text(vi=f"không đúng cú pháp TOML ({error})", en=f"it is not valid TOML ({error})")
        raise InputError(str(path), what, Text(vi="hãy sửa tại vị trí đó", en="mend it at that place")) from None


_SMALLER = Text(vi=f"giữ dưới {MAX_FILE_BYTES} byte", en=f"keep it below {MAX_FILE_BYTES} bytes")
_CHECK_PATH = Text(vi="hãy kiểm tra đường dẫn và quyền đọc", en="check the path and the permission to read")
_SAVE_UTF8 = Text(vi="hãy lưu lại tệp dưới dạng UTF-8", en="save the file as UTF-8")


def _cannot_read(error: OSError) -> Text:
    return Text(vi=f"không đọc được ({error.strerror})", en=f"it cannot be read ({error.strerror})")


class Table:
    """One table of a TOML file. Readers take a key each; `close()` refuses what nobody read."""

    def __init__(self, found: dict[str, Any], where: str, path: str = "") -> None:
        self._found = found
        self._where = where
        self._path = path
        self._read: set[str] = set()

    def name_of(self, key: str) -> str:
        """Where `key` stands, as a person finds it: `agent.toml: broker.port`."""
        return f"{self._where}: {self._path}{key}"

    def refuse(self, key: str, what: Text, mend: Text) -> InputError:
        """The error for `key`, to be raised by the caller."""
        return InputError(self.name_of(key), what, mend)

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def _take(self, key: str, default: Any, wanted: Text) -> Any:
        self._read.add(key)
        value = self._found.get(key, default)
        if value is _REQUIRED:
            near = nearest(key, self._found)
            what = Text(vi="thiếu khóa bắt buộc này", en="this required key is missing")
            if near is not None:
                what = Text(
                    vi=f"{what.vi} (có khóa gần giống «{near}»)", en=f"{what.en} (there is a similar key '{near}')"
                )
            raise self.refuse(key, what, Text(vi=f"hãy ghi {wanted.vi}", en=f"write {wanted.en}"))
        return value

    def _wrong(self, key: str, value: object, wanted: Text) -> InputError:
        what = Text(vi=f"giá trị {value!r} không hợp lệ", en=f"the value {value!r} is not valid")
        return self.refuse(key, what, Text(vi=f"hãy ghi {wanted.vi}", en=f"write {wanted.en}"))

    @overload
    def text(self, key: str, *, pattern: Pattern[str] | None = None, wanted: Text | None = None) -> str: ...
    @overload
    def text(
        self, key: str, default: str, *, pattern: Pattern[str] | None = None, wanted: Text | None = None
    ) -> str: ...
    @overload
    def text(
        self, key: str, default: None, *, pattern: Pattern[str] | None = None, wanted: Text | None = None
    ) -> str | None: ...
    def text(
        self, key: str, default: Any = _REQUIRED, *, pattern: Pattern[str] | None = None, wanted: Text | None = None
    ) -> Any:
        """A text without outer spaces, not empty, of the given pattern; `wanted` describes the pattern."""
        described = wanted or Text(vi="một chuỗi không rỗng", en="a text that is not empty")
        value = self._take(key, default, described)
        if value is default and key not in self._found:
            return value
        if isinstance(value, str) and value == value.strip() != "" and (pattern is None or pattern.fullmatch(value)):
            return value
        raise self._wrong(key, value, described)

    def identifier(self, key: str) -> str:
        """A required identifier (docs/wire.md §1)."""
        return self.text(key, pattern=IDENTIFIER, wanted=_IDENTIFIER)

    @overload
    def choice(self, key: str, choices: Sequence[str]) -> str: ...
    @overload
    def choice(self, key: str, choices: Sequence[str], default: str) -> str: ...
    @overload
    def choice(self, key: str, choices: Sequence[str], default: None) -> str | None: ...
    def choice(self, key: str, choices: Sequence[str], default: Any = _REQUIRED) -> Any:
        """One of `choices`."""
        wanted = Text(vi=f"một trong: {', '.join(choices)}", en=f"one of: {', '.join(choices)}")
        value = self._take(key, default, wanted)
        if (value is default and key not in self._found) or value in choices:
            return value
        raise self._wrong(key, value, wanted)

    @overload
    def integer(self, key: str, lowest: int, highest: int) -> int: ...
    @overload
    def integer(self, key: str, lowest: int, highest: int, default: int) -> int: ...
    @overload
    def integer(self, key: str, lowest: int, highest: int, default: None) -> int | None: ...
    def integer(self, key: str, lowest: int, highest: int, default: Any = _REQUIRED) -> Any:
        """A whole number within bounds."""
        wanted = Text(vi=f"một số nguyên từ {lowest} đến {highest}", en=f"a whole number from {lowest} to {highest}")
        value = self._take(key, default, wanted)
        if (value is default and key not in self._found) or (type(value) is int and lowest <= value <= highest):
            return value
        raise self._wrong(key, value, wanted)

    @overload
    def number(self, key: str, lowest: float, highest: float) -> float: ...
    @overload
    def number(self, key: str, lowest: float, highest: float, default: float) -> float: ...
    @overload
    def number(self, key: str, lowest: float, highest: float, default: None) -> float | None: ...
    def number(self, key: str, lowest: float, highest: float, default: Any = _REQUIRED) -> Any:
        """A number within bounds; TOML's inf and nan are refused."""
        wanted = Text(vi=f"một số từ {lowest:g} đến {highest:g}", en=f"a number from {lowest:g} to {highest:g}")
        value = self._take(key, default, wanted)
        if value is default and key not in self._found:
            return value
        if type(value) in (int, float) and lowest <= value <= highest:
            return value
        raise self._wrong(key, value, wanted)

    @overload
    def flag(self, key: str) -> bool: ...
    @overload
    def flag(self, key: str, default: bool) -> bool: ...  # noqa: FBT001 - the same call as the other readers
    @overload
    def flag(self, key: str, default: None) -> bool | None: ...
    def flag(self, key: str, default: Any = _REQUIRED) -> Any:
        """Read `true` or `false`."""
        wanted = Text(vi="true hoặc false", en="true or false")
        value = self._take(key, default, wanted)
        if (value is default and key not in self._found) or isinstance(value, bool):
            return value
        raise self._wrong(key, value, wanted)

    @overload
    def day(self, key: str) -> date: ...
    @overload
    def day(self, key: str, default: date) -> date: ...
    @overload
    def day(self, key: str, default: None) -> date | None: ...
    def day(self, key: str, default: Any = _REQUIRED) -> Any:
        """A TOML local date such as 2025-12-31 (without quotes)."""
        wanted = Text(vi="ngày dạng 2025-12-31, không có dấu nháy", en="a date such as 2025-12-31, without quotes")
        value = self._take(key, default, wanted)
        if (value is default and key not in self._found) or type(value) is date:
            return value
        raise self._wrong(key, value, wanted)

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """A list of texts."""
        wanted = Text(vi='một danh sách chuỗi, ví dụ ["a", "b"]', en='a list of texts, such as ["a", "b"]')
        value = self._take(key, _REQUIRED if default is None else list(default), wanted)
        if isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value):
            return tuple(value)
        raise self._wrong(key, value, wanted)

    def integers(self, key: str, lowest: int, highest: int) -> tuple[int, ...] | None:
        """A list of different whole numbers within bounds, sorted; None where the key is absent."""
        wanted = Text(
            vi=f"một danh sách số nguyên khác nhau từ {lowest} đến {highest}, ví dụ [{lowest}, {lowest + 1}]",
            en=f"a list of different whole numbers from {lowest} to {highest}, such as [{lowest}, {lowest + 1}]",
        )
        value = self._take(key, None, wanted)
        if value is None:
            return None
        sound = isinstance(value, list) and value and all(type(n) is int and lowest <= n <= highest for n in value)
        if sound and len(set(value)) == len(value):
            return tuple(sorted(value))
        raise self._wrong(key, value, wanted)

    def path(self, key: str, default: Path | None = None, *, base: Path | None = None) -> Path:
        """A path, relative to `base` (the file's folder) where it is not absolute."""
        found = Path(self.text(key, str(default) if default is not None else _REQUIRED))  # type: ignore[call-overload]
        return found if base is None or found.is_absolute() else base / found

    def secret(self, key: str, *, base: Path) -> Path:
        """The path of a secret's file; a name without a folder may be a credential of the service.

        systemd's LoadCredential= puts copies into `$CREDENTIALS_DIRECTORY`, which only the service can read. So one
        line serves both the service (no right to read the original) and a person with sudo.
        """
        found = self.path(key)
        held = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / found
        if found.name == str(found) and held.is_file():
            return held
        return base / found

    @overload
    def table(self, key: str) -> "Table": ...
    @overload
    def table(self, key: str, *, optional: Literal[True]) -> "Table | None": ...
    def table(self, key: str, *, optional: bool = False) -> "Table | None":
        """The table `[key]`."""
        wanted = Text(vi=f"một bảng [{self._path}{key}]", en=f"a table [{self._path}{key}]")
        value = self._take(key, None if optional else _REQUIRED, wanted)
        if value is None:
            return None
        if isinstance(value, dict):
            return Table(value, self._where, f"{self._path}{key}.")
        raise self._wrong(key, value, wanted)

    def tables(self, key: str) -> list[tuple[str, "Table"]]:
        """The named tables `[key.NAME]`, in the file's order; empty where there are none."""
        group = self.table(key, optional=True)
        if group is None:
            return []
        for name in group:
            if not IDENTIFIER.fullmatch(name):
                raise group.refuse(
                    name,
                    Text(vi="tên không hợp lệ", en="the name is not valid"),
                    Text(vi=f"hãy ghi {_IDENTIFIER.vi}", en=f"write {_IDENTIFIER.en}"),
                )
        return [(name, group.table(name)) for name in group]

    def array(self, key: str) -> list["Table"]:
        """The array of tables `[[key]]`, empty where there is none."""
        wanted = Text(vi=f"các bảng [[{self._path}{key}]]", en=f"tables [[{self._path}{key}]]")
        value = self._take(key, [], wanted)
        if isinstance(value, list) and all(isinstance(v, dict) for v in value):
            return [Table(v, self._where, f"{self._path}{key}[{n}].") for n, v in enumerate(value, 1)]
        raise self._wrong(key, value, wanted)

    def close(self) -> None:
        """Refuse the first key that nobody read."""
        for key in self._found:
            if key not in self._read:
                near = nearest(key, self._read)
                known = ", ".join(sorted(self._read))
                mend = Text(vi=f"các khóa được dùng: {known}", en=f"the keys known here: {known}")
                if near is not None:
                    mend = Text(vi=f"có phải ý bạn là «{near}»?", en=f"did you mean '{near}'?")
                raise self.refuse(key, Text(vi="khóa này không tồn tại", en="this key does not exist"), mend)


_IDENTIFIER = Text(
    vi="chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
    en="lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang",
)
