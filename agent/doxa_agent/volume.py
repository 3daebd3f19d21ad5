"""What heavy runs moved over each link, month by month: a small file beside the spool that survives a power cut.

The file is replaced as a whole (written, synced, renamed), so it is always an old or a new state. A month is the
calendar's in Vietnam. A clock that nobody vouches for books on the newest month known, so that a probe which boots in
1970 does not get a fresh budget.
"""

import fcntl
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from doxa_agent.net.clock import read_clock
from doxa_core.language import VIETNAM_TIME, Text

log = logging.getLogger("doxa.agent.volume")

_MONTHS: Final = 3
"""So many are kept for each link."""
_MOST: Final = 64 * 1024

Books = dict[str, dict[str, float]]
"""Octets by link and month."""


def month_now() -> str | None:
    """The month of the wall clock, as `2026-11`; None while nobody vouches for it."""
    return datetime.now(UTC).astimezone(VIETNAM_TIME).strftime("%Y-%m") if read_clock().synchronised else None


def file_beside(spool: Path) -> Path:
    """Where the volumes of the service with that spool stand."""
    return spool.with_name(spool.name + ".volume")


class Volumes:
    """Thread-safe, and safe beside another process with the same file (`doxa agent once` beside the service).

    Where the disk cannot be written it still counts until the process ends, and says so once.
    """

    def __init__(self, file: Path, month: Callable[[], str | None] = month_now) -> None:
        self._file = file
        self._month = month
        self._lock = threading.Lock()
        self._unwritten: Books = {}
        self._told = False

    def moved(self, link: str) -> float:
        """Octets in this month."""
        with self._lock:
            books = _joined(_read(self._file), self._unwritten)
            return books.get(link, {}).get(self._this_month(books), 0.0)

    def add(self, link: str, octets: float) -> None:
        """Book what moved."""
        if octets <= 0:
            return
        with self._lock, _alone(self._file):
            month = self._this_month(_joined(_read(self._file), self._unwritten))
            self._unwritten = _joined(self._unwritten, {link: {month: octets}})
            books = _joined(_read(self._file), self._unwritten)
            self._write({name: _newest(months, month) for name, months in books.items()})

    def _this_month(self, books: Books) -> str:
        known = max((month for months in books.values() for month in months), default="")
        return self._month() or known or "0000-00"

    def _write(self, books: Books) -> None:
        try:
            _replace(self._file, json.dumps(books).encode("ascii"))
        except OSError as error:
            if not self._told:
                log.warning("%s", NOT_WRITTEN.fill(path=self._file, why=error.strerror))
            self._told = True
        else:
            self._unwritten, self._told = {}, False


def _joined(one: Books, other: Books) -> Books:
    """The sums of both."""
    found = {link: dict(months) for link, months in one.items()}
    for link, months in other.items():
        books = found.setdefault(link, {})
        for month, octets in months.items():
            books[month] = books.get(month, 0.0) + octets
    return found


def _newest(months: dict[str, float], present: str) -> dict[str, float]:
    """The present month and the newest others."""
    others = sorted(months.keys() - {present})[1 - _MONTHS :]
    return {month: months[month] for month in sorted([*others, present]) if month in months}


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """No other process changes the file meanwhile, as far as the disk lets us lock."""
    with ExitStack() as stack:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(file.with_name(file.name + ".lock"), os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            stack.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(file: Path, octets: bytes) -> None:
    """Make `octets` the file's content, wholly or not at all."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as out:
            os.fchmod(out.fileno(), 0o644)
            out.write(octets)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """The renaming itself must reach the disk, too."""
    with suppress(OSError):
        found = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(found)
        finally:
            os.close(found)


def _read(file: Path) -> Books:
    """The books in the file; what is not of our form counts as nothing, as a missing file does."""
    try:
        with file.open("rb") as source:
            found = json.loads(source.read(_MOST))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {link: kept for link, months in found.items() if (kept := _months(months))}


def _months(found: Any) -> dict[str, float]:
    if not isinstance(found, dict):
        return {}
    return {
        month: float(octets)
        for month, octets in found.items()
        if type(octets) in (int, float) and 0 <= octets < 1e18 and len(month) == len("2026-11")
    }


NOT_WRITTEN = Text(
    vi="không ghi được dung lượng đã dùng vào {path} ({why}); sẽ mất số đếm khi khởi động lại",
    en="the volume used cannot be written to {path} ({why}); the count will be lost at a restart",
)
