"""The tokens of other systems: a file of names, scopes and SHA-256, so that a file that leaks gives none away."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from doxa_collector.api.audience import Audience
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.names import IDENTIFIER

SCOPES: Final = {"public": Audience.PUBLIC, "internal": Audience.INTERNAL}
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_log = logging.getLogger("doxa.api")


@dataclass(frozen=True, slots=True)
class Token:
    """One token: who has it, and what it opens."""

    name: str
    audience: Audience


def read_tokens(file: Path) -> Mapping[str, Token]:
    """SHA-256 → token. A line is `NAME SCOPE SHA256`; empty lines and those that begin with `#` say nothing. `InputError`."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "UTF-8"
        what = Text(vi=f"không đọc được ({reason})", en=f"it cannot be read ({reason})")
        raise InputError(str(file), what, _CHECK) from None
    found: dict[str, Token] = {}
    names: set[str] = set()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"{file}:{number}"
        if len(words) != 3 or not IDENTIFIER.fullmatch(words[0]) or not _DIGEST.fullmatch(words[2]):
            raise InputError(where, _NO_TOKEN, _FORM)
        name, scope, digest = words
        if scope not in SCOPES:
            raise InputError(where, _NO_SCOPE.fill(scope=scope), _SCOPES)
        if name in names or digest in found:
            raise InputError(where, _TWICE.fill(name=name), _ONCE)
        names.add(name)
        found[digest] = Token(name, SCOPES[scope])
    return found


class Tokens:
    """The tokens in force: the file is read again when it changes. A file that is wrong opens nothing."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._stamp: tuple[int, int, int] | None = None
        self._found: Mapping[str, Token] = {}

    def find(self, offered: str) -> Token | None:
        """The token of that text. By its SHA-256, so the time it takes tells nothing of the text."""
        if self._file is None:
            return None
        return self._in_force(self._file).get(sha256(offered.encode("utf-8", "surrogateescape")).hexdigest())

    def _in_force(self, file: Path) -> Mapping[str, Token]:
        try:
            there = file.stat()
            stamp = (there.st_mtime_ns, there.st_size, there.st_ino)
            if stamp != self._stamp:
                self._found, self._stamp = read_tokens(file), stamp
        except (OSError, InputError) as error:
            if self._found or self._stamp is None:
                _log.error("%s", _CLOSED.fill(error=error))
            self._found, self._stamp = {}, (0, 0, 0)
        return self._found


_CHECK: Final = Text(vi="hãy kiểm tra tệp và quyền đọc", en="check the file and the permission to read it")
_NO_TOKEN: Final = Text(vi="dòng này không phải một mã truy cập", en="this line is no token")
_FORM: Final = Text(
    vi="hãy ghi TÊN PHẠM-VI SHA256, ví dụ: so-khcn public 9f86d081…",
    en="write NAME SCOPE SHA256, such as: so-khcn public 9f86d081…",
)
_NO_SCOPE: Final = Text(vi="không có phạm vi «{scope}»", en="there is no scope '{scope}'")
_SCOPES: Final = Text(vi="hãy ghi public hoặc internal", en="write public or internal")
_TWICE: Final = Text(
    vi="tên «{name}» hoặc mã này đã có ở trên", en="the name '{name}' or this token stands above already"
)
_ONCE: Final = Text(vi="mỗi nơi nhận một mã riêng", en="give each system a token of its own")
_CLOSED: Final = Text(
    vi="API không nhận mã nào cho đến khi sửa xong tệp: {error}",
    en="the API takes no token until this is mended: {error}",
)
