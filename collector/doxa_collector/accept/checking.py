"""`doxa accept --check`: whether a file of evidence is the one whose hash stands on a paper."""

import hmac
import re
from typing import Final

from doxa_core.errors import InputError
from doxa_core.language import Text

_HASH: Final = re.compile(r"[0-9a-f]{64}")


def read_hash(said: str) -> str:
    """A hash as the QR picture gives it (`sha256:…`) or as a person reads it from the paper, in groups of eight.

    `InputError` for what is not 64 hexadecimal digits.
    """
    found = "".join(said.split()).lower().removeprefix("sha256:")
    if _HASH.fullmatch(found) is None:
        raise InputError("--hash", _NO_HASH.fill(n=len(found)), _WRITE_HASH)
    return found


def grouped(sha256: str) -> str:
    """In groups of eight, to be compared by eye."""
    return " ".join(sha256[at : at + 8] for at in range(0, len(sha256), 8))


def is_same(found: str, on_paper: str) -> bool:
    """Whether the two hashes are one."""
    return hmac.compare_digest(found, on_paper)


_NO_HASH: Final = Text(
    vi="mã băm phải có 64 chữ số thập lục phân, ở đây có {n} ký tự",
    en="a hash has 64 hexadecimal digits, here are {n} characters",
)
_WRITE_HASH: Final = Text(
    vi="hãy quét mã QR trên biên bản, hoặc gõ lại đủ tám nhóm", en="scan the QR picture, or type all eight groups"
)
