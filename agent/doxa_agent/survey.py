"""A look into the spool from outside, without disturbing the service that owns it."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from doxa_core.errors import OperationError, WireError
from doxa_core.language import Text
from doxa_core.measurement import decode
from doxa_core.moments import to_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What waits, and the counts by name and epoch."""

    path: Path
    epoch: str
    owner: str
    rows: int
    octets: int
    oldest: datetime | None
    newest: datetime | None
    counts: dict[str, dict[str, int]]

    def as_fields(self) -> dict[str, Any]:
        """The survey as JSON fields; what is not known is absent."""
        found: dict[str, Any] = {
            "path": str(self.path), "epoch": self.epoch, "owner": self.owner, "rows": self.rows, "octets": self.octets,
            "oldest": self.oldest and to_wire(self.oldest), "newest": self.newest and to_wire(self.newest),
            "counts": self.counts,
        }  # fmt: skip
        return {k: v for k, v in found.items() if v is not None}


def survey(path: Path) -> Survey:
    """The spool at `path`, opened for reading only; `OperationError` where there is none or it cannot be read."""
    if not path.exists():
        raise OperationError(NONE.fill(path=path))
    try:
        sql = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            return _read(path, sql)
        finally:
            sql.close()
    except (sqlite3.Error, TypeError) as error:
        raise OperationError(UNREADABLE.fill(path=path, why=error)) from None


def _read(path: Path, sql: sqlite3.Connection) -> Survey:
    epoch, owner = sql.execute("SELECT epoch, owner FROM identity").fetchone()
    rows, octets = sql.execute("SELECT lines, octets FROM total").fetchone()
    counts: dict[str, dict[str, int]] = {}
    for name, of, value in sql.execute("SELECT name, epoch, value FROM counted ORDER BY name, epoch"):
        counts.setdefault(name, {})[of] = value
    ends = [
        sql.execute(f"SELECT line FROM waiting ORDER BY position {order} LIMIT 1").fetchone()  # noqa: S608 - our words
        for order in ("ASC", "DESC")
    ]
    return Survey(
        path=path,
        epoch=epoch,
        owner=owner,
        rows=rows,
        octets=octets,
        oldest=_moment(ends[0]),
        newest=_moment(ends[1]),
        counts=counts,
    )


def _moment(row: tuple[bytes] | None) -> datetime | None:
    if row is None:
        return None
    try:
        return decode(row[0]).started
    except WireError:  # a damaged row: the service puts it aside when it comes to it
        return None


NONE = Text(
    vi="chưa có hàng đợi tại {path}; doxa agent chưa chạy lần nào với cấu hình này?",
    en="there is no spool at {path}; has doxa agent never run with this configuration?",
)
UNREADABLE = Text(
    vi="không đọc được hàng đợi {path} ({why}); hãy kiểm tra quyền đọc",
    en="the spool {path} cannot be read ({why}); check the permission to read it",
)
