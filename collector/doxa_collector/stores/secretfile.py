"""A new file for a secret: 0600, whole or not there, never over another one.

The secret is first written into a draft beside the file; its name holds a mark by which the secret can be found in the
store. A draft that nobody holds any more is left from a run that was killed: its secret is to be revoked.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doxa_collector.files import read_secret
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text

_MARK = re.compile(r"[0-9a-f]{16}")


def read_token(file: Path) -> str:
    """The token in a file, which a header can carry; the sentence never shows it."""
    word = read_secret(file)
    if not (word.isascii() and word.isprintable()):
        raise InputError(str(file), _NO_WORD, _ONE_LINE)
    return word


class Draft:
    """A file in the making."""

    def __init__(self, path: Path, mark: str, handle: int) -> None:
        self._path, self._handle = path, handle
        self.mark = mark
        """The word by which the store's side of the secret is known."""
        self.stays = False
        """Set where the secret may still be in the store: the draft then stays, and the next run revokes it."""

    def keep(self, word: str) -> None:
        """Make it the file; `OperationError` where that cannot be, also because it exists by now."""
        try:
            os.write(self._handle, f"{word}\n".encode())
            os.fsync(self._handle)
            os.link(_draft(self._path, self.mark), self._path)
            _sync(self._path.parent)
        except OSError as error:
            raise _refused(self._path, error) from None


@contextmanager
def draft(path: Path) -> Iterator[Draft]:
    """A draft beside `path`, gone afterwards; `OperationError` where the folder takes none: before anything was made."""
    mark = secrets.token_hex(8)
    try:
        handle = os.open(_draft(path, mark), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise _refused(path, error) from None
    made = Draft(path, mark, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.fchmod(handle, 0o600)
        yield made
    finally:
        if not made.stays:
            forget(path, mark)
        os.close(handle)


def left(path: Path) -> list[str]:
    """The marks of drafts of `path` that a killed run left behind. Those of a finished file are removed on the way."""
    found = []
    for one in sorted(path.parent.glob(f".{path.name}.*.part")):
        mark = one.name.removeprefix(f".{path.name}.").removesuffix(".part")
        if _MARK.fullmatch(mark) and not _held(one):
            if path.exists() and path.samefile(one):
                forget(path, mark)
            else:
                found.append(mark)
    return found


def forget(path: Path, mark: str) -> None:
    """Remove a draft."""
    _draft(path, mark).unlink(missing_ok=True)


def _draft(path: Path, mark: str) -> Path:
    return path.with_name(f".{path.name}.{mark}.part")


def _held(path: Path) -> bool:
    """Whether a run that lives still writes it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _sync(folder: Path) -> None:
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _refused(path: Path, error: OSError) -> OperationError:
    return OperationError(_REFUSED.fill(path=path, reason=error.strerror or error))


_NO_WORD = Text(vi="nội dung không phải một mã truy cập", en="what it holds is no token")
_ONE_LINE = Text(vi="hãy ghi mã trên một dòng duy nhất", en="write the token on one single line")
_REFUSED = Text(
    vi="{path}: không ghi được tệp ({reason}); hãy kiểm tra thư mục và quyền ghi",
    en="{path}: the file cannot be written ({reason}); check the folder and the permission to write there",
)
