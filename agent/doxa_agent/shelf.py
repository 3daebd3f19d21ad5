"""One SQLite file (or one in memory) that keeps encoded measurements in order until they may be forgotten.

Every change is one transaction, written through to the disk before it is reported (WAL, synchronous=FULL), so power may
fail at any byte. Totals are kept by triggers in the same transaction: they hold whoever writes, from any process.
"""

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from doxa_core.errors import OperationError
from doxa_core.language import Text

LAYOUT: Final = 1
"""The layout of the tables (`user_version`); a file of another layout is not ours to change."""
MAX_DAMAGED: Final = 100
_BROKEN: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}

_TABLES: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS identity (id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, owner TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS total (id INTEGER PRIMARY KEY CHECK (id = 1), lines INTEGER NOT NULL, octets INTEGER NOT NULL);
INSERT OR IGNORE INTO total VALUES (1, 0, 0);
CREATE TABLE IF NOT EXISTS waiting (
    position INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, also after the last row is gone
    epoch TEXT NOT NULL, seq INTEGER NOT NULL, line BLOB NOT NULL, signature BLOB, UNIQUE (epoch, seq));
CREATE TABLE IF NOT EXISTS counted (name TEXT NOT NULL, epoch TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (name, epoch));
CREATE TABLE IF NOT EXISTS damaged (epoch TEXT NOT NULL, seq INTEGER NOT NULL, line BLOB NOT NULL, why TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS came AFTER INSERT ON waiting BEGIN
    UPDATE total SET lines = lines + 1, octets = octets + length(new.line); END;
CREATE TRIGGER IF NOT EXISTS went AFTER DELETE ON waiting BEGIN
    UPDATE total SET lines = lines - 1, octets = octets - length(old.line); END;
COMMIT;
"""


class ShelfBrokenError(Exception):
    """The file is not a sound spool: corrupt, not SQLite, or of an unknown layout."""


class ShelfRefusedError(OperationError):
    """The disk refuses: full, read-only, unreadable, locked. The sentence says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """One row: a measurement's bytes exactly as they were made, and where it stands."""

    position: int
    """The order on this shelf."""
    epoch: str
    seq: int
    line: bytes
    signature: bytes | None = None


class Shelf:
    """Rows in order. Not thread-safe by itself: the spool holds a lock around every call."""

    def __init__(self, path: Path | None, *, owner: str, max_rows: int, max_bytes: int) -> None:
        self._path = path
        self._max = max_rows, max_bytes
        with self._translated():
            self._sql = sqlite3.connect(
                ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=5
            )
        try:
            with self._translated():
                self.epoch, self.owner = self._open(owner)
        except BaseException:
            self._sql.close()
            raise

    def _open(self, owner: str) -> tuple[str, str]:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-512", "journal_size_limit=1048576"):
            self._sql.execute(f"PRAGMA {pragma}")
        verdict = self._one("PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise ShelfBrokenError(str(verdict))
        if (layout := self._one("PRAGMA user_version")) not in (0, LAYOUT):
            raise ShelfBrokenError(f"layout {layout}, this version knows {LAYOUT}")
        self._sql.executescript(_TABLES)
        self._sql.execute(f"PRAGMA user_version = {LAYOUT}")
        with self._transaction():
            self._sql.execute("INSERT OR IGNORE INTO identity VALUES (1, ?, ?)", (secrets.token_hex(8), owner))
        epoch, found = self._sql.execute("SELECT epoch, owner FROM identity").fetchone()
        return str(epoch), str(found)

    def close(self) -> None:
        """Close the file; what was stored stays."""
        self._sql.close()

    def add(self, build: Callable[[str, int], bytes]) -> Spooled:
        """Store the line that `build(epoch, seq)` makes under the next sequence number; on the disk when it returns.

        A row too many or a byte too many drops the oldest rows, counted as `dropped`.
        """
        with self._translated(), self._transaction():
            seq = (self._one("SELECT seq FROM sqlite_sequence WHERE name = 'waiting'") or 0) + 1
            row = Spooled(position=seq, epoch=self.epoch, seq=seq, line=build(self.epoch, seq))
            self._insert("INSERT", row, position=seq)
            self._keep_bounds()
        return row

    def put(self, rows: Iterable[Spooled]) -> None:
        """Take over rows of another shelf with their own epoch and sequence, in one transaction; known ones stay once."""
        with self._translated(), self._transaction():
            for row in rows:
                self._insert("INSERT OR IGNORE", row, position=None)
            self._keep_bounds()

    def _insert(self, verb: str, row: Spooled, *, position: int | None) -> None:
        columns = "(position, epoch, seq, line, signature) VALUES (?, ?, ?, ?, ?)"
        self._sql.execute(f"{verb} INTO waiting {columns}", (position, row.epoch, row.seq, row.line, row.signature))

    def _keep_bounds(self) -> None:
        while (over := self._over()) > 0:
            oldest = "SELECT position, epoch, length(line) FROM waiting ORDER BY position LIMIT 100"
            for position, epoch, octets in self._sql.execute(oldest).fetchall():
                self._sql.execute("DELETE FROM waiting WHERE position = ?", (position,))
                self.count("dropped", epoch)
                over -= octets
                if over <= 0 and self._over() <= 0:
                    return

    def _over(self) -> int:
        """How many octets must go; 1 when it is only the number of rows that is too large."""
        lines, octets = self.totals()
        return max(octets - self._max[1], int(lines > self._max[0]))

    def peek(self, after: int, lines: int, octets: int, until: int | None = None) -> list[Spooled]:
        """The first rows beyond position `after` (up to `until`): one epoch, at most so many; always one if there is one."""
        found: list[Spooled] = []
        with self._translated():
            for row in self._rows("position > ? AND position <= ?", (after, until or 2**62), lines):
                octets -= len(row.line) + 1 + (len(row.signature) + 1 if row.signature else 0)
                if found and (octets < 0 or row.epoch != found[0].epoch):
                    break
                found.append(row)
        return found

    def still_there(self, positions: Sequence[int]) -> list[Spooled]:
        """Those of the rows that have not been forgotten or dropped, in order."""
        with self._translated():
            if not positions:
                return []
            wanted = set(positions)
            rows = self._rows("position BETWEEN ? AND ?", (min(wanted), max(wanted)), -1)
            return [row for row in rows if row.position in wanted]

    def _rows(self, where: str, values: tuple[int, ...], limit: int) -> Iterator[Spooled]:
        columns = "SELECT position, epoch, seq, line, signature FROM waiting"
        query = f"{columns} WHERE {where} ORDER BY position LIMIT ?"
        for position, epoch, seq, line, signature in self._sql.execute(query, (*values, limit)):
            yield Spooled(position=position, epoch=epoch, seq=seq, line=line, signature=signature)

    def forget(self, epoch: str, ranges: Iterable[tuple[int, int]], counted: str | None = None) -> int:
        """Delete the rows of these ranges (both ends included) and say how many; `counted` names a count for them."""
        gone = 0
        with self._translated(), self._transaction():
            for first, last in ranges:
                done = self._sql.execute(
                    "DELETE FROM waiting WHERE epoch = ? AND seq BETWEEN ? AND ?", (epoch, first, last)
                )
                gone += done.rowcount
            if counted and gone:
                self.count(counted, epoch, gone)
        return gone

    def set_damaged(self, row: Spooled, why: str) -> None:
        """Move a row that no longer decodes out of the queue; the last hundred of them are kept for people."""
        with self._translated(), self._transaction():
            self._sql.execute("DELETE FROM waiting WHERE position = ?", (row.position,))
            self._sql.execute("INSERT INTO damaged VALUES (?, ?, ?, ?)", (row.epoch, row.seq, row.line, why[:200]))
            self._sql.execute("DELETE FROM damaged WHERE rowid <= (SELECT max(rowid) FROM damaged) - ?", (MAX_DAMAGED,))
            self.count("damaged", row.epoch)

    def count(self, name: str, epoch: str, by: int = 1) -> None:
        """Add to a count that lives as long as the file."""
        self._sql.execute(
            "INSERT INTO counted VALUES (?, ?, ?) ON CONFLICT (name, epoch) DO UPDATE SET value = value + excluded.value",
            (name, epoch, by),
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """Every count: name → epoch → value."""
        found: dict[str, dict[str, int]] = {}
        with self._translated():
            for name, epoch, value in self._sql.execute("SELECT name, epoch, value FROM counted ORDER BY name, epoch"):
                found.setdefault(name, {})[epoch] = value
        return found

    def take_counts(self, other: "Shelf") -> None:
        """Add the other shelf's counts to ours; it starts again from nothing."""
        counts = other.counts()
        with self._translated(), self._transaction():
            for name, by_epoch in counts.items():
                for epoch, value in by_epoch.items():
                    self.count(name, epoch, value)
        other.clear_counts()

    def clear_counts(self) -> None:
        """Forget the counts: somebody else has taken them over."""
        with self._translated():
            self._sql.execute("DELETE FROM counted")

    def totals(self) -> tuple[int, int]:
        """How many rows wait, and the octets of their lines."""
        with self._translated():
            lines, octets = self._sql.execute("SELECT lines, octets FROM total").fetchone()
        return int(lines), int(octets)

    @property
    def last_position(self) -> int:
        """The last position that was ever given, 0 before the first; it is also this epoch's last sequence number."""
        with self._translated():
            return int(self._one("SELECT seq FROM sqlite_sequence WHERE name = 'waiting'") or 0)

    def _one(self, query: str) -> Any:
        row = self._sql.execute(query).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._sql.execute("COMMIT")
        except BaseException:
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors become the two that the spool tells apart."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code in _BROKEN:
                raise ShelfBrokenError(str(error)) from None
            raise ShelfRefusedError(_REFUSALS.get(code, ANY).fill(path=self._path, why=error)) from None


ANY = Text(vi="hàng đợi {path} không dùng được ({why})", en="the spool {path} cannot be used ({why})")
_REFUSALS = {
    sqlite3.SQLITE_FULL: Text(
        vi="đĩa chứa hàng đợi {path} đã đầy; hãy giải phóng dung lượng",
        en="the disk of the spool {path} is full; free some space",
    ),
    sqlite3.SQLITE_READONLY: Text(
        vi="hàng đợi {path} nằm trên đĩa chỉ đọc hoặc không có quyền ghi; hãy kiểm tra thẻ nhớ và quyền",
        en="the spool {path} is on a read-only disk or may not be written; check the card and the permissions",
    ),
    sqlite3.SQLITE_CANTOPEN: Text(
        vi="không mở được hàng đợi {path}; hãy kiểm tra thư mục và quyền ghi",
        en="the spool {path} cannot be opened; check its folder and the permission to write",
    ),
    sqlite3.SQLITE_IOERR: Text(
        vi="đĩa chứa hàng đợi {path} báo lỗi đọc ghi; hãy kiểm tra thẻ nhớ",
        en="the disk of the spool {path} reports read or write errors; check the card",
    ),
    sqlite3.SQLITE_BUSY: Text(
        vi="hàng đợi {path} đang bị tiến trình khác khóa; chỉ chạy một doxa agent trên mỗi hàng đợi",
        en="the spool {path} is locked by another process; run one doxa agent for each spool",
    ),
}
