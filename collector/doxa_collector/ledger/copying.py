"""A copy of the ledger while it is written to: complete as of one moment, checked, and never half a file."""

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from doxa_collector.ledger.engine import LedgerError, is_there
from doxa_collector.ledger.schema import VERSION
from doxa_core.errors import InputError
from doxa_core.language import Text

_STEP_PAGES: Final = 2048
"""Pages between two looks at the progress: 8 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a copy holds."""

    path: Path
    size_bytes: int
    sha256: str
    version: int
    """The version of its tables."""
    measurements: int
    newest_id: int
    """The id of its newest measurement; 0 where it has none."""


def copy_ledger(source: Path, target: Path, progress: Callable[[float], None] = lambda _share: None) -> Copy:
    """Copy `source` to the new file `target` (0600) and check it; `progress` hears the share that is done, 0 to 1.

    One reading transaction holds the moment: writers go on, and none of what they write is in the copy. `InputError`
    where `target` exists or cannot be made, `LedgerError` where the ledger cannot be read or the disk is full.
    """
    if not is_there(source):
        raise LedgerError(_NO_LEDGER.fill(path=source))
    if target.exists():
        raise InputError(str(target), _EXISTS, _ANOTHER_NAME)
    part = target.with_name(target.name + ".part")
    try:
        _fresh(part)
        _copy(source, part, progress)
        found = check_copy(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise LedgerError(_FAILED.fill(source=source, target=target, error=_words(error))) from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return replace(found, path=target)


def check_copy(path: Path) -> Copy:
    """What a copy holds, after SQLite's own check of every page; `LedgerError` where it is damaged or no ledger."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
            if (said := copy.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                raise LedgerError(_DAMAGED.fill(path=path, error=said))
            version = copy.execute("SELECT max(version) FROM ledger_version").fetchone()[0]
            count, newest = copy.execute("SELECT count(*), max(id) FROM measurement").fetchone()
    except sqlite3.Error as error:
        raise LedgerError(_DAMAGED.fill(path=path, error=_words(error))) from None
    if version is None or version > VERSION:
        raise LedgerError(_NEWER.fill(path=path, version=version, known=VERSION))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Copy(
        path=path,
        size_bytes=path.stat().st_size,
        sha256=digest,
        version=version,
        measurements=count,
        newest_id=newest or 0,
    )


def _fresh(path: Path) -> None:
    path.unlink(missing_ok=True)  # what a killed copy left behind
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _copy(source: Path, part: Path, progress: Callable[[float], None]) -> None:
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as ledger,
        closing(sqlite3.connect(part)) as copy,
    ):
        # Held open, it makes every step see the same moment; without it a writer would make SQLite begin again.
        ledger.execute("BEGIN")
        ledger.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        ledger.backup(copy, pages=_STEP_PAGES, sleep=0.0, progress=lambda _, left, all_: progress(1 - left / all_))
        ledger.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it


def _words(error: Exception) -> str:
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)


_NO_LEDGER: Final = Text(
    vi="chưa có sổ cái {path}; hãy xem ledger.path trong collector.toml",
    en="there is no ledger {path}; see ledger.path in collector.toml",
)
_EXISTS: Final = Text(vi="tệp này đã có", en="this file exists")
_ANOTHER_NAME: Final = Text(vi="hãy chọn tên tệp khác", en="choose another file name")
_FAILED: Final = Text(
    vi="không sao chép được sổ cái {source} sang {target}: {error}",
    en="the ledger {source} cannot be copied to {target}: {error}",
)
_DAMAGED: Final = Text(
    vi="{path} không phải bản sao sổ cái còn nguyên vẹn ({error}); hãy dùng bản sao khác",
    en="{path} is not an intact copy of a ledger ({error}); take another copy",
)
_NEWER: Final = Text(
    vi="{path} thuộc phiên bản bảng {version}, bản doxa này biết đến {known}; hãy nâng cấp doxa",
    en="{path} has tables of version {version}, this doxa knows {known}; upgrade doxa",
)
