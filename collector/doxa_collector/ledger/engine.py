"""Opening the ledger: a database that keeps what it has committed, through power cuts, and says why when it cannot."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError

from doxa_collector.ledger.schema import VERSION, ledger_version, measurement, metadata
from doxa_core.errors import OperationError
from doxa_core.language import Text

BUSY_S: Final = 5.0
"""How long a writer waits for another one before it says that the ledger is locked."""


def _make_what_is_missing(connection: Connection) -> None:
    """The tables that a version added; those that are there stay as they are."""
    metadata.create_all(connection)


def _keep_versions_and_contracts(connection: Connection) -> None:
    """The published figures of `reference` become the first versions in `figure`; lines get a contract's number."""
    metadata.create_all(connection)
    for name in ("technology", "contract"):
        connection.exec_driver_sql(f"ALTER TABLE link ADD COLUMN {name} TEXT")
    connection.exec_driver_sql("ALTER TABLE measurement ADD COLUMN digest BLOB")
    _digest_what_is_there(connection)


def _digest_what_is_there(connection: Connection) -> None:
    m, last = measurement.c, 0
    piece = select(m.id, m.raw).order_by(m.id).limit(_PIECE)
    while rows := connection.execute(piece.where(m.id > last)).all():
        for row in rows:
            connection.execute(update(measurement).where(m.id == row.id).values(digest=sha256(row.raw).digest()))
        last = rows[-1].id
    columns = "id, place_code, month, link_kind, statistic, direction, value_mbps, n, source, mark, imported_us"
    connection.exec_driver_sql(
        f"INSERT INTO figure ({columns}, imported_by, file, digest) SELECT {columns}, '', '', '' FROM reference"  # noqa: S608
    )
    connection.exec_driver_sql("DROP TABLE reference")


def _say_when_verdicts_changed(connection: Connection) -> None:
    """Until now each judging stamped every verdict."""
    if any(column["name"] == "changed_us" for column in inspect(connection).get_columns("verdict")):
        return  # the table came with one of the steps before
    connection.exec_driver_sql("ALTER TABLE verdict ADD COLUMN changed_us BIGINT DEFAULT '0' NOT NULL")
    connection.exec_driver_sql("UPDATE verdict SET changed_us = computed_us")
    connection.exec_driver_sql("CREATE INDEX verdict_by_change ON verdict (changed_us)")


UPGRADES: Final[dict[int, Callable[[Connection], None]]] = {
    1: _make_what_is_missing,
    2: _keep_versions_and_contracts,
    3: _make_what_is_missing,  # the packs are filled by rollups.filling, in many short transactions
    4: _say_when_verdicts_changed,
}
"""From version N to N + 1, each in the transaction that also writes the new version."""

_WRITE: Final = "doxa_write"
_APART: Final = "doxa_apart"
_PIECE: Final = 5000


class LedgerError(OperationError):
    """The database refuses for now (locked, full, read-only, broken): the sentence says which and what to do."""


def open_ledger(path: Path, *, create: bool = True) -> Engine:
    """The ledger in the SQLite file `path`, made or upgraded where needed; `LedgerError` where it cannot be.

    `create=False` is for those who only look: a missing file is then an error and nothing is upgraded.
    """
    _refuse_early(path, create=create)
    where = URL.create("sqlite+pysqlite", database=str(path))
    # Readers of the page must never take the last connection from the intake.
    engine = create_engine(where, connect_args={"timeout": BUSY_S}, pool_size=20, max_overflow=-1)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    try:
        if create:
            _keep_a_log_ahead(engine)
        _bring_to_version(engine, create=create)
    except LedgerError:
        engine.dispose()
        raise
    return engine


def is_there(path: Path) -> bool:
    """Whether `path` is a file; `LedgerError` where this account may not even look."""
    try:
        # Not is_file(): of a folder that is closed to us it raises in older Pythons and denies the file in newer ones.
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        raise LedgerError(_CLOSED.fill(path=path)) from None
    except OSError:
        return False


def _refuse_early(path: Path, *, create: bool) -> None:
    """SQLite would only say that it cannot open the file: we say why."""
    if not path.parent.is_dir():
        raise LedgerError(_NO_FOLDER.fill(path=path, folder=path.parent))
    there = is_there(path)
    if not create and not there:
        raise LedgerError(_NO_FILE.fill(path=path))
    if create and there and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise LedgerError(_SENTENCES["SQLITE_READONLY"].fill(path=path, code="EROFS, EACCES"))


def _prepare(connection: Any, _record: object) -> None:
    """Settings of one connection; SQLAlchemy begins transactions itself (see `_begin`)."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk before anybody is told
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_size_limit = 67108864")


def _begin(connection: Connection) -> None:
    """A writer takes the write lock at once: taking it later could fail in the middle (SQLITE_BUSY_SNAPSHOT)."""
    options = connection.get_execution_options()
    if not options.get(_APART):  # without BEGIN, SQLite ends its view of the file with each statement
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITE) else "BEGIN")


def _keep_a_log_ahead(engine: Engine) -> None:
    """WAL: readers never wait for the writer. The setting stays in the file."""
    with _translated(engine):
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()


def _bring_to_version(engine: Engine, *, create: bool) -> None:
    with writing(engine) if create else reading(engine) as connection:
        if not inspect(connection).has_table(ledger_version.name):
            if not create:
                raise LedgerError(_NOT_OURS.fill(path=engine.url.database))
            metadata.create_all(connection)
            connection.execute(insert(ledger_version).values(version=VERSION))
        found = connection.execute(select(ledger_version.c.version)).scalar_one()
        if found > VERSION:
            raise LedgerError(_TOO_NEW.fill(path=engine.url.database, found=found, known=VERSION))
        if create:
            for version in range(found, VERSION):
                UPGRADES[version](connection)
                connection.execute(update(ledger_version).values(version=version + 1))


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that holds the write lock from its beginning; `LedgerError` where the database refuses."""
    with _translated(engine), engine.connect().execution_options(**{_WRITE: True}) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view, which no writer disturbs; `LedgerError` where the database refuses."""
    with _translated(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def reading_apart(engine: Engine) -> Iterator[Connection]:
    """Each statement sees the ledger for itself; `LedgerError` where the database refuses.

    For work of minutes: `reading` would keep one view open all that time, and while it is, the log of what is written
    cannot begin anew and grows (SQLite WAL, "checkpoint starvation"). Whoever works so reads only what cannot change, such
    as measurements up to an id and snapshots by their hash, and takes the rows of a statement before working on them.
    """
    with _translated(engine), engine.connect().execution_options(**{_APART: True}) as connection:
        yield connection


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    """The database's own errors become one sentence; our mistakes (a bad statement) stay what they are."""
    try:
        yield
    except DBAPIError as error:
        if not _is_surroundings(error.orig):
            raise
        raise LedgerError(_sentence(error.orig, engine.url.database)) from error
    except sqlite3.DatabaseError as error:  # from the raw connection
        raise LedgerError(_sentence(error, engine.url.database)) from error


def _is_surroundings(error: BaseException | None) -> bool:
    """OperationalError: locked, full, read-only, no such file; a plain DatabaseError: the file is broken."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _sentence(error: BaseException | None, path: str | None) -> Text:
    code = str(getattr(error, "sqlite_errorname", "SQLITE_ERROR"))
    for prefix, text in _SENTENCES.items():
        if code.startswith(prefix):
            return text.fill(path=path, code=code)
    return _OTHER.fill(path=path, code=code, error=error)


_NO_FOLDER = Text(
    vi="sổ cái {path}: chưa có thư mục {folder}; hãy tạo thư mục đó và cho doxa quyền ghi",
    en="ledger {path}: the folder {folder} does not exist; create it and let doxa write there",
)
_NO_FILE = Text(
    vi="sổ cái {path}: chưa có tệp này; hãy chạy doxa collector run trước, hoặc kiểm tra [ledger] path",
    en="ledger {path}: there is no such file; run doxa collector run first, or check [ledger] path",
)
_CLOSED = Text(
    vi="sổ cái {path}: tài khoản này không được đọc; hãy chạy lại với sudo",
    en="ledger {path}: this account may not read it; run it again with sudo",
)
_NOT_OURS = Text(
    vi="sổ cái {path}: tệp này không phải sổ cái của doxa; hãy kiểm tra [ledger] path",
    en="ledger {path}: this file is not a doxa ledger; check [ledger] path",
)
_TOO_NEW = Text(
    vi="sổ cái {path}: phiên bản {found} mới hơn bản doxa này (biết đến {known}); hãy cập nhật doxa",
    en="ledger {path}: version {found} is newer than this doxa (which knows up to {known}); update doxa",
)
_OTHER = Text(
    vi="sổ cái {path}: cơ sở dữ liệu báo lỗi ({code}: {error}); hãy kiểm tra đĩa và quyền ghi",
    en="ledger {path}: the database refuses ({code}: {error}); check the disk and the permission to write",
)
_SENTENCES = {
    "SQLITE_FULL": Text(
        vi="sổ cái {path}: đĩa đã đầy ({code}); hãy giải phóng chỗ, doxa sẽ tự ghi tiếp",
        en="ledger {path}: the disk is full ({code}); make room, and doxa goes on by itself",
    ),
    "SQLITE_READONLY": Text(
        vi="sổ cái {path}: chỉ đọc được, không ghi được ({code}); hãy cho doxa quyền ghi tệp và thư mục",
        en="ledger {path}: it can be read but not written ({code}); let doxa write the file and its folder",
    ),
    "SQLITE_BUSY": Text(
        vi="sổ cái {path}: đang bị chương trình khác khóa ({code}); hãy đóng chương trình đó, doxa sẽ tự ghi tiếp",
        en="ledger {path}: another program has locked it ({code}); close that program, and doxa goes on by itself",
    ),
    "SQLITE_CANTOPEN": Text(
        vi="sổ cái {path}: không mở được ({code}); hãy kiểm tra đường dẫn và quyền ghi thư mục",
        en="ledger {path}: it cannot be opened ({code}); check the path and the permission to write the folder",
    ),
    "SQLITE_NOTADB": Text(
        vi="sổ cái {path}: tệp này không phải cơ sở dữ liệu SQLite ({code}); hãy kiểm tra [ledger] path",
        en="ledger {path}: this file is not a SQLite database ({code}); check [ledger] path",
    ),
    "SQLITE_CORRUPT": Text(
        vi="sổ cái {path}: tệp bị hỏng ({code}); hãy dừng doxa, giữ bản sao, rồi khôi phục từ bản lưu",
        en="ledger {path}: the file is damaged ({code}); stop doxa, keep a copy, then restore a backup",
    ),
    "SQLITE_IOERR": Text(
        vi="sổ cái {path}: đĩa báo lỗi đọc ghi ({code}); hãy kiểm tra đĩa, doxa sẽ tự thử lại",
        en="ledger {path}: the disk fails to read or write ({code}); check the disk, doxa keeps trying",
    ),
}
