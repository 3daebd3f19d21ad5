"""The file of a STAMP key: one line of hexadecimal digits, 16 to 64 octets, known to both ends and to nobody else."""

import re
from pathlib import Path
from typing import Final

from doxa_core.errors import InputError
from doxa_core.language import Text

_KEY: Final = re.compile(r"(?:[0-9a-fA-F]{2}){16,64}")
_LARGEST: Final = 4096


def read_key(path: Path, where: str) -> bytes:
    """The key in the file; `InputError` at `where` (an option or a key of the plan) where there is none.

    The sentence never quotes what stands in the file.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode("ascii", "replace").strip()
    except OSError as error:
        what = Text(vi=f"không đọc được {path} ({error.strerror})", en=f"{path} cannot be read ({error.strerror})")
        raise InputError(where, what, _CHECK) from None
    if not _KEY.fullmatch(text):
        raise InputError(where, Text(vi=f"{path} không chứa khóa STAMP", en=f"{path} holds no STAMP key"), _MAKE)
    return bytes.fromhex(text)


_CHECK: Final = Text(vi="hãy kiểm tra đường dẫn và quyền đọc", en="check the path and the permission to read")
_MAKE: Final = Text(
    vi="hãy tạo khóa: openssl rand -hex 32 > TỆP, rồi chép cùng tệp đó cho đầu kia",
    en="make one: openssl rand -hex 32 > FILE, and copy the same file to the other end",
)
