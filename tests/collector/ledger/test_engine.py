"""Opening the ledger, and the sentence for each way in which it cannot be opened or written."""

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, inspect, select, text, update

from doxa_collector.ledger import engine as ledger
from doxa_collector.ledger.copying import copy_ledger
from doxa_collector.ledger.engine import LedgerError, open_ledger, reading, writing
from doxa_collector.ledger.schema import VERSION, audit, ledger_version, metadata, verdict
from doxa_collector.ledger.writing import note
from doxa_collector.period import month_of
from doxa_collector.rollups.filling import fill
from doxa_collector.rollups.kept import Kept


def test_a_new_ledger_has_every_table_and_its_version(engine: Engine) -> None:
    with reading(engine) as conn:
        assert set(inspect(conn).get_table_names()) - {"sqlite_sequence"} == set(metadata.tables)
        assert conn.execute(select(ledger_version.c.version)).scalar_one() == VERSION


def test_a_commit_is_on_the_disk_and_readers_do_not_wait_for_the_writer(engine: Engine) -> None:
    with writing(engine) as conn:
        assert conn.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert conn.execute(text("PRAGMA synchronous")).scalar_one() == 2  # FULL
        note(conn, 1, "test", "half-way", {})
        with reading(engine) as other:
            assert other.execute(select(audit)).all() == []
    with reading(engine) as conn:
        assert len(conn.execute(select(audit)).all()) == 1


def test_what_fails_half_way_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(engine) as conn:
        _note_and_fail(conn)
    with reading(engine) as conn:
        assert conn.execute(select(audit)).all() == []


def _note_and_fail(conn: Connection) -> None:
    note(conn, 1, "test", "lost", {})
    raise ZeroDivisionError


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        open_ledger(tmp_path / "again.db").dispose()
    with reading(open_ledger(tmp_path / "again.db", create=False)) as conn:
        assert conn.execute(select(ledger_version.c.version)).all() == [(VERSION,)]


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    engine = open_ledger(file)
    with writing(engine) as conn:
        conn.execute(update(ledger_version).values(version=VERSION + 1))
    engine.dispose()
    with pytest.raises(LedgerError) as found:
        open_ledger(file)
    assert found.value.text.en == (
        f"ledger {file}: version {VERSION + 1} is newer than this doxa (which knows up to {VERSION}); update doxa"
    )


def test_an_older_ledger_goes_through_each_upgrade_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_ledger(tmp_path / "old.db").dispose()
    steps: list[int] = []
    monkeypatch.setattr(ledger, "VERSION", VERSION + 2)
    monkeypatch.setattr(ledger, "UPGRADES", {v: lambda _conn, v=v: steps.append(v) for v in (VERSION, VERSION + 1)})
    for _ in range(2):
        open_ledger(tmp_path / "old.db").dispose()
    assert steps == [VERSION, VERSION + 1]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda d: d / "no" / "l.db", "the folder {d}/no does not exist; create it and let doxa write there"),
        (lambda d: d, "it cannot be opened (SQLITE_CANTOPEN"),
        (lambda d: _file(d, b"not a database at all, but long enough" * 50), "this file is not a SQLite database"),
    ],
)
def test_a_ledger_that_cannot_be_opened_says_why(tmp_path: Path, make: object, sentence: str) -> None:
    assert callable(make)
    with pytest.raises(LedgerError) as found:
        open_ledger(make(tmp_path))
    assert sentence.format(d=tmp_path) in found.value.text.en


def _file(folder: Path, content: bytes) -> Path:
    file = folder / "l.db"
    file.write_bytes(content)
    return file


def test_looking_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(LedgerError) as found:
        open_ledger(tmp_path / "none.db", create=False)
    assert "there is no such file" in found.value.text.en
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_in_a_folder_that_is_closed_to_us_asks_for_sudo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may read the settings (group doxa) need not be allowed into the ledger's folder; root always is."""
    file = tmp_path / "ledger.db"
    plain = Path.stat

    def refused(self: Path, **how: bool) -> os.stat_result:
        if self == file:
            raise PermissionError(13, "Permission denied", str(self))
        return plain(self, **how)

    monkeypatch.setattr(Path, "stat", refused)
    for look in (lambda: open_ledger(file, create=False), lambda: copy_ledger(file, tmp_path / "copy.db")):
        with pytest.raises(LedgerError) as found:
            look()
        assert "sudo" in found.value.text.en


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as conn:
        conn.execute("CREATE TABLE theirs (x)")
    conn.close()
    with pytest.raises(LedgerError) as found:
        open_ledger(tmp_path / "other.db", create=False)
    assert "is not a doxa ledger" in found.value.text.en


def test_a_locked_ledger_says_so_and_works_again_afterwards(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "BUSY_S", 0.1)
    impatient = open_ledger(tmp_path / "ledger.db")
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError) as found, writing(impatient):
        pass
    assert "another program has locked it" in found.value.text.en
    other.execute("ROLLBACK")
    other.close()
    with writing(impatient) as conn:
        note(conn, 1, "test", "after", {})
    impatient.dispose()


def test_readers_never_take_the_last_connection_from_the_writer(engine: Engine) -> None:
    """The page serves many at once; the intake must not wait for them."""
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(reading(engine))
        with writing(engine) as conn:
            note(conn, 1, "test", "beside fifty readers", {})


def test_our_own_mistake_is_not_blamed_on_the_disk(engine: Engine) -> None:
    with pytest.raises(Exception, match="NOT NULL") as found, writing(engine) as conn:
        conn.execute(text("INSERT INTO site (site) VALUES ('x')"))
    assert not isinstance(found.value, LedgerError)


@pytest.mark.root
def test_a_full_disk_says_so_keeps_what_was_committed_and_goes_on_when_there_is_room(
    small_disk: Path, fill_disk: Callable[[Path], Path]
) -> None:
    engine = open_ledger(small_disk / "ledger.db")
    with writing(engine) as conn:
        note(conn, 1, "test", "before", {})
    ballast = fill_disk(small_disk)
    with pytest.raises(LedgerError) as found, writing(engine) as conn:
        note(conn, 2, "test", "too much", {"x": "y" * 200_000})
    assert found.value.text.en.startswith(f"ledger {small_disk}/ledger.db: the disk is full (SQLITE_FULL")
    ballast.unlink()
    with writing(engine) as conn:
        note(conn, 3, "test", "after", {})
    with reading(engine) as conn:
        assert list(conn.execute(select(audit.c.action)).scalars()) == ["before", "after"]
    engine.dispose()


@pytest.mark.root
def test_a_read_only_disk_says_so(small_disk: Path) -> None:
    open_ledger(small_disk / "ledger.db").dispose()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LedgerError) as found:
        open_ledger(small_disk / "ledger.db")
    assert "it can be read but not written" in found.value.text.en


def test_a_ledger_of_version_2_keeps_its_published_figures(tmp_path: Path) -> None:
    file = tmp_path / "two.db"
    engine = open_ledger(file)
    with writing(engine) as conn:
        for name in ("figure", "snapshot", "closing"):
            conn.exec_driver_sql(f"DROP TABLE {name}")
        for name in ("technology", "contract"):
            conn.exec_driver_sql(f"ALTER TABLE link DROP COLUMN {name}")
        conn.exec_driver_sql("ALTER TABLE measurement DROP COLUMN digest")
        conn.exec_driver_sql(
            "INSERT INTO measurement VALUES (1, 'a', 'e', 1, 's', 'l', 't', 'm', 'm/1', 1, 1, 'ok', NULL, NULL, '{}', '[]',"
            " '[]', x'6f6e65', NULL)"
        )
        conn.exec_driver_sql(
            "CREATE TABLE reference (id INTEGER PRIMARY KEY AUTOINCREMENT, place_code TEXT, month TEXT, link_kind TEXT,"
            " statistic TEXT, direction TEXT, value_mbps FLOAT, n INTEGER, source TEXT, mark TEXT, imported_us BIGINT)"
        )
        conn.exec_driver_sql(
            "INSERT INTO reference VALUES (7, '42', '2025-09', 'fixed', 'median', 'download', 272.44, NULL, 's', 'S', 9)"
        )
        conn.execute(update(ledger_version).values(version=2))
    engine.dispose()
    engine = open_ledger(file)
    with reading(engine) as conn:
        (row,) = conn.execute(select(metadata.tables["figure"]))
        assert conn.execute(select(ledger_version.c.version)).scalar_one() == VERSION
        assert not inspect(conn).has_table("reference")
        assert {"technology", "contract"} <= {column["name"] for column in inspect(conn).get_columns("link")}
        assert conn.execute(select(metadata.tables["measurement"].c.digest)).scalar_one() == sha256(b"one").digest()
    engine.dispose()
    assert (row.id, row.value_mbps, row.n, row.imported_us, row.file, row.superseded_us) == (
        7,
        272.44,
        None,
        9,
        "",
        None,
    )


def test_a_ledger_of_version_4_keeps_its_verdicts_and_calls_each_changed_when_it_was_computed(tmp_path: Path) -> None:
    file = tmp_path / "four.db"
    engine = open_ledger(file)
    with writing(engine) as conn:
        conn.exec_driver_sql("DROP INDEX verdict_by_change")
        conn.exec_driver_sql("ALTER TABLE verdict DROP COLUMN changed_us")
        conn.exec_driver_sql(
            "INSERT INTO verdict VALUES (1, 'p', '1', 't', '20', '2026-10-01', '2026-10-31', 'pass', 1, 1, 1, 1, NULL, NULL,"
            " '[]', '{}', 77)"
        )
        conn.execute(update(ledger_version).values(version=4))
    engine.dispose()
    engine = open_ledger(file)
    with reading(engine) as conn:
        assert conn.execute(select(verdict.c.outcome, verdict.c.changed_us)).all() == [("pass", 77)]
        made = set(conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE tbl_name = 'verdict'").scalars())
    engine.dispose()
    assert {"verdict_by_change", "verdict_by_period"} <= made


def test_a_ledger_of_version_3_keeps_its_evidence_and_has_its_rollups_to_make(tmp_path: Path) -> None:
    file = tmp_path / "three.db"
    engine = open_ledger(file)
    with writing(engine) as conn:
        for name in ("rollup_pack", "rollup_cursor"):
            conn.exec_driver_sql(f"DROP TABLE {name}")
        conn.exec_driver_sql(
            "INSERT INTO measurement VALUES (1, 'a', 'e', 1, 's', 'l', 't', 'speed', 'speed/1', 1, 1, 'ok', NULL, NULL,"
            " '{\"download_ip_mbps\": 90}', '[]', '[]', x'6f6e65', NULL, NULL)"
        )
        conn.execute(update(ledger_version).values(version=3))
    engine.dispose()
    looking = open_ledger(file, create=False)
    with reading(looking) as conn:
        assert Kept(conn).position == 0, "who only looks upgrades nothing, and sees that nothing is rolled up"
    looking.dispose()
    engine = open_ledger(file)
    filled = fill(engine)
    with reading(engine) as conn:
        (line,) = Kept(conn).read(["s"], "speed", month_of(date(1970, 1, 1)))
        assert conn.execute(select(ledger_version.c.version)).scalar_one() == VERSION
    engine.dispose()
    assert (filled.counted, line.rollup("download@ip").all.n) == (1, 1)
    (trace,) = line.traces.values()
    assert trace.chain == sha256(sha256(b"one").digest()).digest(), "a line without its digest is hashed again"
