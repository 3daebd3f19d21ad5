"""A copy of the ledger while it is written to."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from doxa_collector.cli import main
from doxa_collector.ledger.copying import Copy, check_copy, copy_ledger
from doxa_collector.ledger.engine import LedgerError, open_ledger, reading, writing
from doxa_collector.ledger.writing import note
from doxa_core.errors import InputError


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    engine = open_ledger(path)
    with writing(engine) as conn:
        note(conn, 1, "test", "first", {})
    engine.dispose()
    return path


def _notes(path: Path) -> int:
    with closing(sqlite3.connect(path)) as conn:
        return int(conn.execute("SELECT count(*) FROM audit").fetchone()[0])


def test_a_copy_opens_as_a_ledger_and_stands_alone(ledger: Path, tmp_path: Path) -> None:
    found = copy_ledger(ledger, tmp_path / "copy.db")
    assert found == check_copy(tmp_path / "copy.db")
    assert (found.measurements, found.newest_id) == (0, 0)
    assert not list(tmp_path.glob("copy.db?*")), "a copy is one file"
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    engine = open_ledger(tmp_path / "copy.db")
    with reading(engine) as conn:
        assert conn.exec_driver_sql("SELECT action FROM audit").scalars().all() == ["first"]
    engine.dispose()


def test_it_shows_one_moment_though_another_writes_all_the_time(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doxa_collector.ledger.copying._STEP_PAGES", 1)
    engine = open_ledger(ledger)
    before = _notes(ledger)

    def write(_share: float) -> None:  # between two steps, by another connection
        with writing(engine) as conn:
            note(conn, 2, "test", "later", {"filling": "x" * 5000})

    copy_ledger(ledger, tmp_path / "copy.db", write)
    engine.dispose()
    assert _notes(ledger) > before
    assert _notes(tmp_path / "copy.db") == before


def test_a_writer_never_waits_for_a_copy(ledger: Path, tmp_path: Path) -> None:
    engine = open_ledger(ledger)
    wrote = threading.Event()

    def write(_share: float) -> None:
        if not wrote.is_set():
            thread = threading.Thread(target=_write)
            thread.start()
            thread.join(4)  # less than what a writer waits for a lock before it gives up
            assert wrote.is_set()

    def _write() -> None:
        with writing(engine) as conn:
            note(conn, 3, "test", "meanwhile", {})
        wrote.set()

    copy_ledger(ledger, tmp_path / "copy.db", write)
    engine.dispose()
    assert wrote.is_set()


def test_it_never_writes_over_a_file(ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(InputError, match=r"copy\.db"):
        copy_ledger(ledger, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_what_a_killed_copy_left_is_cleared_away(ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db.part").write_text("half")
    assert isinstance(copy_ledger(ledger, tmp_path / "copy.db"), Copy)
    assert not (tmp_path / "copy.db.part").exists()


def test_a_folder_that_is_not_there_leaves_nothing(ledger: Path, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="nowhere"):
        copy_ledger(ledger, tmp_path / "nowhere" / "copy.db")


@pytest.mark.parametrize("where", [0, 100, 4096, 8192], ids=str)
def test_a_damaged_copy_is_called_damaged(ledger: Path, tmp_path: Path, where: int) -> None:
    copy = copy_ledger(ledger, tmp_path / "copy.db").path
    content = bytearray(copy.read_bytes())
    content[where : where + 200] = b"\xff" * 200
    copy.write_bytes(content)
    with pytest.raises(LedgerError, match=r"copy\.db"):
        check_copy(copy)


def test_a_file_that_is_no_ledger_is_called_so(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as conn:
        conn.execute("CREATE TABLE something (a)")
    with pytest.raises(LedgerError, match="ledger_version"):
        check_copy(tmp_path / "other.db")


def test_tables_of_a_later_doxa_are_not_called_good(ledger: Path, tmp_path: Path) -> None:
    copy = copy_ledger(ledger, tmp_path / "copy.db").path
    with closing(sqlite3.connect(copy)) as conn:
        conn.execute("UPDATE ledger_version SET version = 99")
        conn.commit()
    with pytest.raises(LedgerError, match="99"):
        check_copy(copy)


def test_the_command_checks_a_copy_without_any_configuration(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_ledger(ledger, tmp_path / "copy.db")
    assert main(["backup", "--check", str(tmp_path / "copy.db")]) == 0
    assert "nguyên vẹn, 0 kết quả đo" in capsys.readouterr().out
