"""Secrets in files of one word, and a mark by which a changed secret is noticed though Grafana never shows it."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.strict import Table

_WORD: Final = re.compile(r"[\x21-\x7e]{1,4096}")
_FILE: Final = re.compile(r"[^\x00-\x1f${}]+")
_ROUNDS: Final = 100_000
_MARK_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class Base:
    """Where the files of a settings file lie."""

    folder: Path
    exist: bool
    """Whether they must be on this machine; provisioning only names them."""


def secret_file(table: Table, key: str, base: Base) -> Path:
    """The file that `key` names, relative to `base`, or a credential of the service."""
    name = table.text(key)  # a missing key is told as such
    if not _FILE.fullmatch(name):
        raise table.refuse(key, _BAD_NAME, _CHECK_PATH)
    file = table.secret(key, base=base.folder)
    if base.exist and not file.is_file():
        raise table.refuse(key, Text(vi=f"không có tệp {file}", en=f"there is no file {file}"), _CHECK_PATH)
    return file


def optional_secret_file(table: Table, key: str, base: Base) -> Path | None:
    """The same, None where the key is absent."""
    return None if table.text(key, None) is None else secret_file(table, key, base)


def read_secret(file: Path) -> str:
    """The word in the file; `InputError` without showing it. It goes into a header, so it is visible ASCII."""
    try:
        word = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "UTF-8"
        what = Text(vi=f"không đọc được ({reason})", en=f"it cannot be read ({reason})")
        raise InputError(str(file), what, _CHECK_FILE) from None
    if not _WORD.fullmatch(word):
        raise InputError(str(file), _NO_WORD, _WRITE_IT)
    return word


def read_certificate(file: Path) -> str:
    """The certificates in the file, as text; `InputError`."""
    try:
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "ASCII"
        what = Text(vi=f"không đọc được ({reason})", en=f"it cannot be read ({reason})")
        raise InputError(str(file), what, _CHECK_FILE) from None
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise InputError(str(file), _NO_CERTIFICATE, _CHECK_FILE)
    return text


@cache
def mark(secret: str, salt: str) -> str:
    """Eight hexadecimal digits that change with the secret. They are readable in Grafana, so guessing is made slow."""
    derived = hashlib.pbkdf2_hmac("sha256", secret.encode(), f"doxa grafana {salt}".encode(), _ROUNDS)
    return derived.hex()[:_MARK_LENGTH]


_BAD_NAME = Text(vi="tên tệp không hợp lệ", en="it is no usable name of a file")
_CHECK_PATH = Text(vi="hãy kiểm tra đường dẫn", en="check the path")
_CHECK_FILE = Text(vi="hãy kiểm tra tệp và quyền đọc", en="check the file and the permission to read it")
_NO_CERTIFICATE = Text(vi="không có chứng chỉ nào (PEM)", en="it holds no certificate (PEM)")
_NO_WORD = Text(vi="nội dung không phải một mã duy nhất", en="it does not hold one word")
_WRITE_IT = Text(
    vi="hãy ghi đúng mã đó vào tệp, một dòng, không dấu cách", en="write the token into it, one line without spaces"
)
