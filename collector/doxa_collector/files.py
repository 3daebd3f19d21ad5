"""Files that a settings file names: found when it is read, not at midnight when they are needed."""

from pathlib import Path

from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.strict import Table


def optional_file(table: Table, key: str, base: Path) -> Path | None:
    """The file that `key` names, relative to `base`; None where the key is absent, `InputError` where the file is."""
    if table.text(key, None) is None:
        return None
    file = table.secret(key, base=base)
    if not file.is_file():
        raise table.refuse(key, Text(vi=f"không có tệp {file}", en=f"there is no file {file}"), CHECK_PATH)
    return file


def read_secret(file: Path) -> str:
    """The one word in a file of a password or token, without outer white space; never empty."""
    try:
        word = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "UTF-8"
        what = Text(vi=f"không đọc được ({reason})", en=f"it cannot be read ({reason})")
        raise InputError(str(file), what, _CHECK_FILE) from None
    if not word:
        raise InputError(str(file), Text(vi="tệp rỗng", en="the file is empty"), _WRITE_IT)
    return word


CHECK_PATH = Text(vi="hãy kiểm tra đường dẫn", en="check the path")
_CHECK_FILE = Text(vi="hãy kiểm tra tệp và quyền đọc", en="check the file and the permission to read it")
_WRITE_IT = Text(vi="hãy ghi mật khẩu hoặc mã vào tệp đó", en="write the password or token into that file")
