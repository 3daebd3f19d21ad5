"""The spool keeps what it reported as kept, whatever happens to the process, the file or the disk."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doxa_agent.config import SpoolSettings
from doxa_agent.shelf import Shelf, ShelfBrokenError, Spooled
from doxa_agent.spool import MEMORY_ROWS, Cursor, Spool
from doxa_agent.survey import survey
from doxa_core.errors import OperationError
from doxa_core.measurement import decode

Build = Callable[[str, int], bytes]
Make = Callable[..., Build]
OWNER = "xa-dong-dang/px-1"
ALL = (10_000, 64 * 1024 * 1024)


def open_spool(path: Path, **bounds: int) -> Spool:
    return Spool(SpoolSettings(path=path, **bounds), OWNER)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "spool.db"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    found = open_spool(path)
    yield found
    found.close()


def seqs(spool: Spool) -> list[int]:
    batch = spool.peek(Cursor(), *ALL)
    return [row.seq for row in batch.rows] if batch else []


def test_rows_come_back_verbatim_in_order_and_after_a_restart(spool: Spool, path: Path, build: Make) -> None:
    added = [spool.add(build()) for _ in range(5)]
    assert [row.seq for row in added] == [1, 2, 3, 4, 5]
    spool.close()
    again = open_spool(path)
    batch = again.peek(Cursor(), *ALL)
    again.close()
    assert batch is not None
    assert list(batch.rows) == added
    assert all(decode(row.line).seq == row.seq for row in batch.rows)


def test_a_sequence_number_is_never_given_twice_also_when_all_was_forgotten(path: Path, build: Make) -> None:
    first = open_spool(path)
    for _ in range(3):
        first.add(build())
    first.forget(first.epoch, [(1, 3)])
    epoch = first.epoch
    first.close()
    second = open_spool(path)
    assert second.add(build()).seq == 4
    assert second.epoch == epoch
    second.close()


def test_a_batch_is_bounded_in_lines_and_in_octets_but_never_empty(spool: Spool, build: Make) -> None:
    for _ in range(10):
        spool.add(build(pad=1000))
    line = len(spool.peek(Cursor(), 1, 1).rows[0].line)  # type: ignore[union-attr]
    assert [len(b.rows) for n in (1, 3, 100) if (b := spool.peek(Cursor(), n, 10**9))] == [1, 3, 10]
    assert [len(b.rows) for n in (1, line + 1, 3 * line + 3, 3 * line + 2) if (b := spool.peek(Cursor(), 100, n))] == [
        1,
        1,
        3,
        2,
    ]


def test_a_cursor_walks_through_and_stops_at_its_end(spool: Spool, build: Make) -> None:
    for _ in range(7):
        spool.add(build())
    end = spool.end()
    spool.add(build())
    at, seen = Cursor(), []
    while batch := spool.peek(at, 3, 10**9, until=end):
        seen.append([row.seq for row in batch.rows])
        at = batch.after
    assert seen == [[1, 2, 3], [4, 5, 6], [7]]
    assert [row.seq for row in spool.peek(end, 9, 10**9).rows] == [8]  # type: ignore[union-attr]


def test_forgetting_takes_ranges_and_only_of_its_epoch(spool: Spool, build: Make) -> None:
    for _ in range(10):
        spool.add(build())
    assert spool.forget("0" * 16, [(1, 10)]) == 0
    assert spool.forget(spool.epoch, [(1, 3), (5, 5), (9, 400)]) == 6
    assert seqs(spool) == [4, 6, 7, 8]


def test_what_the_collector_refused_is_gone_and_counted(spool: Spool, path: Path, build: Make) -> None:
    for _ in range(4):
        spool.add(build())
    spool.refuse(spool.epoch, [(2, 3)])
    assert seqs(spool) == [1, 4]
    assert (spool.state().refused, survey(path).counts["refused"]) == (2, {spool.epoch: 2})


def test_a_full_spool_drops_the_oldest_rows_and_counts_them_for_ever(path: Path, build: Make) -> None:
    spool = open_spool(path, max_rows=100)
    for _ in range(130):
        spool.add(build())
    assert seqs(spool) == list(range(31, 131))
    spool.close()
    again = open_spool(path, max_rows=100)
    assert again.state().dropped == 30
    assert again.state().rows == 100
    again.close()


def test_octets_are_bounded_too(path: Path, build: Make) -> None:
    spool = open_spool(path, max_bytes=1024 * 1024)
    for _ in range(60):
        spool.add(build(pad=40_000))
    state = spool.state()
    assert 0.9 * 1024 * 1024 < state.octets <= 1024 * 1024
    assert state.rows + state.dropped == 60
    assert seqs(spool)[-1] == 60
    spool.close()


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_totals_and_rows_agree_with_a_simple_model(data: st.DataObject) -> None:
    shelf = Shelf(None, owner=OWNER, max_rows=20, max_bytes=10**6)
    model: dict[int, int] = {}
    for _ in range(data.draw(st.integers(1, 40))):
        if data.draw(st.booleans()):
            size = data.draw(st.integers(0, 50))
            row = shelf.add(lambda _epoch, _seq, size=size: b"x" * size)  # type: ignore[misc]
            model[row.seq] = len(row.line)
            model = dict(sorted(model.items())[-20:])
        else:
            first = data.draw(st.integers(1, 40))
            last = first + data.draw(st.integers(0, 5))
            shelf.forget(shelf.epoch, [(first, last)])
            model = {seq: size for seq, size in model.items() if not first <= seq <= last}
    assert [row.seq for row in shelf.peek(0, 1000, 10**9)] == sorted(model)
    assert shelf.totals() == (len(model), sum(model.values()))
    shelf.close()


def test_many_threads_share_one_spool(spool: Spool, build: Make) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.extend(spool.add(build()).seq for _ in range(20))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 121)) == seqs(spool)


def test_two_processes_may_write_at_once(spool: Spool, path: Path, build: Make) -> None:
    """`doxa agent once --spool` beside the running service."""
    other = open_spool(path)
    numbers = [(spool if n % 2 else other).add(build()).seq for n in range(10)]
    other.close()
    assert numbers == list(range(1, 11)) == seqs(spool)


WRITER = """
import sys
from pathlib import Path
from doxa_agent.config import SpoolSettings
from doxa_agent.spool import Spool
spool = Spool(SpoolSettings(path=Path(sys.argv[1])), "s/a")
template = Path(sys.argv[2]).read_bytes()
while True:
    row = spool.add(lambda epoch, seq: template.replace(b"EPOCH", epoch.encode()).replace(b'"seq":7', b'"seq":%d' % seq))
    sys.stdout.write(f"{row.epoch} {row.seq}\\n")
    sys.stdout.flush()
    if row.seq % 5 == 0:
        spool.forget(row.epoch, [(row.seq - 4, row.seq - 3)])
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_loses_nothing_that_it_reported(path: Path, tmp_path: Path, build: Make) -> None:
    """24 times SIGKILL at a random moment: what was reported is there, numbers never repeat, the file stays sound."""
    template = tmp_path / "line"
    template.write_bytes(build()("0" * 16, 7).replace(b"0" * 16, b"EPOCH"))
    reported: list[int] = []
    epochs = set()
    path.parent.mkdir()
    for _ in range(24):
        command = [sys.executable, "-c", WRITER, str(path), str(template)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            first = child.stdout.readline()
            time.sleep(random.uniform(0, 0.03))
            child.send_signal(signal.SIGKILL)
            lines = [first, *child.stdout.read().splitlines(keepends=True)]
        whole = [line.split() for line in lines if line.endswith("\n")]
        epochs |= {epoch for epoch, _ in whole}
        reported += [int(seq) for _, seq in whole]
    assert len(epochs) == 1
    assert len(set(reported)) == len(reported) > 24
    assert reported == sorted(reported)
    spool = Spool(SpoolSettings(path=path), "s/a")
    here = set(seqs(spool))
    forgettable = {seq for seq in reported if seq % 5 in (1, 2)}
    assert set(reported) - forgettable <= here  # a kill may fall between a report and its forget()
    assert len(forgettable - here) > len(forgettable) / 2
    assert max(here) >= reported[-1]
    assert (spool.state().set_aside, spool.state().damaged) == (0, 0)
    spool.close()


def spoil(path: Path, at: int, with_: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(with_)


def test_a_file_that_is_no_database_is_set_aside_with_a_new_epoch(path: Path, build: Make) -> None:
    first = open_spool(path)
    first.add(build())
    epoch = first.epoch
    first.close()
    path.write_bytes(os.urandom(8192))
    spool = open_spool(path)
    assert spool.epoch != epoch
    assert spool.add(build()).seq == 1
    assert spool.state().set_aside == 1
    assert spool.state().trouble is None
    assert path.with_name("spool.db.aside-1").exists()
    spool.close()


def test_rows_of_a_corrupt_file_are_rescued_under_their_old_epoch(path: Path, build: Make) -> None:
    first = open_spool(path)
    lines = [first.add(build(pad=3000)) for _ in range(40)]
    old = first.epoch
    first.close()
    size = path.stat().st_size
    spoil(path, (size // 2) // 4096 * 4096, os.urandom(4096))
    spool = open_spool(path)
    assert spool.state().set_aside == 1
    batch = spool.peek(Cursor(), *ALL)
    assert batch is not None
    rescued = {row.seq: row.line for row in batch.rows if row.epoch == old}
    assert len(rescued) >= 20
    assert all(line == lines[seq - 1].line for seq, line in rescued.items())
    assert spool.add(build()).epoch != old
    spool.close()


def test_a_file_that_breaks_while_in_use_is_replaced_at_once(spool: Spool, path: Path, build: Make) -> None:
    for _ in range(30):
        spool.add(build(pad=3000))
    with sqlite3.connect(path) as sql:
        sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sql.close()
    spoil(path, 0, os.urandom(path.stat().st_size))
    before = spool.epoch
    for _ in range(200):
        spool.add(build(pad=3000))
        if spool.epoch != before:
            break
    assert spool.state().set_aside == 1
    assert spool.state().in_memory == 0


def test_only_the_last_three_corrupt_files_are_kept(path: Path) -> None:
    path.parent.mkdir()
    for _ in range(6):
        path.write_bytes(os.urandom(5000))
        open_spool(path).close()
    assert sorted(p.name for p in path.parent.glob("*.aside-?")) == [f"spool.db.aside-{n}" for n in (4, 5, 6)]


def test_the_spool_of_another_identity_is_set_aside_whole(path: Path, build: Make) -> None:
    first = Spool(SpoolSettings(path=path), "other/px-9")
    first.add(build())
    first.close()
    spool = open_spool(path)
    assert seqs(spool) == []
    assert path.with_name("spool.db.aside-1").exists()
    spool.close()


def test_a_layout_of_the_future_is_not_touched(path: Path) -> None:
    open_spool(path).close()
    with sqlite3.connect(path) as sql:
        sql.execute("PRAGMA user_version = 9")
    sql.close()
    with pytest.raises(ShelfBrokenError, match="layout 9"):
        Shelf(path, owner=OWNER, max_rows=100, max_bytes=10**6)


def test_a_row_that_no_longer_decodes_is_put_aside_and_counted(spool: Spool, path: Path, build: Make) -> None:
    for _ in range(5):
        spool.add(build())
    with sqlite3.connect(path) as sql:
        sql.execute("UPDATE waiting SET line = substr(line, 1, 40) WHERE seq IN (1, 3)")
    sql.close()
    assert seqs(spool) == [2, 4, 5]
    assert spool.state().damaged == 2
    assert survey(path).rows == 3
    with sqlite3.connect(path) as sql:
        assert [row[0] for row in sql.execute("SELECT seq FROM damaged")] == [1, 3]
    sql.close()


def full_disk(spool: Spool) -> None:
    """The file may not grow: SQLite answers SQLITE_FULL, as a full disk does."""
    assert spool._disk is not None
    sql = spool._disk._sql
    sql.execute("PRAGMA max_page_count = 1")


def free_disk(spool: Spool) -> None:
    assert spool._disk is not None
    spool._disk._sql.execute("PRAGMA max_page_count = 1000000")


def fill(spool: Spool, build: Make) -> None:
    """Until nothing fits any more, not even a small row."""
    full_disk(spool)
    for pad in (30_000, 0):
        for _ in range(200):
            if spool.add(build(pad=pad)).epoch != spool.epoch:
                break
        else:
            raise AssertionError("the disk never got full")


def test_a_full_disk_is_one_sentence_and_measuring_goes_on_in_memory(spool: Spool, build: Make) -> None:
    fill(spool, build)
    assert spool.trouble is not None
    assert "is full; free some space" in spool.trouble.en
    assert "đã đầy; hãy giải phóng dung lượng" in spool.trouble.vi
    row = spool.add(build())
    assert row.epoch != spool.epoch
    assert spool.state().in_memory >= 2
    batches = list(walk(spool))
    assert batches[-1].rows[-1].line == row.line
    assert {row.epoch for row in batches[-1].rows} == {row.epoch}


def walk(spool: Spool) -> Iterator[Any]:
    at = Cursor()
    while batch := spool.peek(at, 1000, 10**9):
        yield batch
        at = batch.after


def test_what_waited_in_memory_goes_to_the_disk_when_there_is_room_again(spool: Spool, path: Path, build: Make) -> None:
    fill(spool, build)
    kept = [spool.add(build()) for _ in range(3)]
    free_disk(spool)
    spool.add(build())
    assert spool.trouble is None
    assert spool.state().in_memory == 0
    with sqlite3.connect(path) as sql:
        there = {(epoch, seq): line for epoch, seq, line in sql.execute("SELECT epoch, seq, line FROM waiting")}
    sql.close()
    assert all(there[row.epoch, row.seq] == row.line for row in kept)


def test_a_number_given_in_memory_is_never_given_again_by_the_next_process(path: Path, build: Make) -> None:
    """The same pair of epoch and number for two measurements would make the collector drop the second as a repeat."""
    epochs = set()
    for _ in range(3):
        spool = open_spool(path)
        fill(spool, build)
        epochs.add(spool.add(build()).epoch)
        spool.close()
    assert len(epochs) == 3


def test_memory_is_bounded_and_counts_what_it_dropped_for_ever(spool: Spool, path: Path, build: Make) -> None:
    fill(spool, build)
    for _ in range(MEMORY_ROWS + 5):
        spool.add(build())
    state = spool.state()
    assert state.in_memory == MEMORY_ROWS
    assert state.dropped >= 5
    free_disk(spool)
    spool.add(build())
    assert spool.state().dropped == state.dropped
    spool.close()
    again = open_spool(path)
    assert again.state().dropped == state.dropped  # the count went to the disk with the rows
    again.close()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, build: Make) -> None:
    (tmp_path / "file").write_text("")
    spool = open_spool(tmp_path / "file" / "spool.db")
    assert spool.trouble is not None
    assert "spool's folder" in spool.trouble.en
    assert spool.add(build()).seq == 1
    assert seqs(spool) == [1]
    spool.close()


@pytest.mark.root
def test_a_read_only_disk_is_one_sentence_and_heals(tmp_path: Path, build: Make) -> None:
    """A real read-only file system, made writable again while the agent runs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "doxa-test", str(disk)], check=True)
    try:
        spool = open_spool(disk / "spool.db")
        spool.add(build())
        spool.close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        spool = open_spool(disk / "spool.db")
        assert spool.trouble is not None
        row = spool.add(build())
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        spool._tried_at -= 60
        spool.add(build())
        assert spool.trouble is None
        assert spool.state().rows == 3
        assert any(row.epoch == found.epoch for batch in walk(spool) for found in batch.rows)
        spool.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.root
def test_a_disk_that_is_really_full_loses_nothing(tmp_path: Path, build: Make) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "doxa-test", str(disk)], check=True)
    try:
        spool = open_spool(disk / "spool.db")
        (disk / "ballast").write_bytes(b"x" * 600_000)
        added: list[Spooled] = []
        while spool.trouble is None:
            added.append(spool.add(build(pad=20_000)))
        added.append(spool.add(build()))
        assert "is full" in spool.trouble.en
        (disk / "ballast").unlink()
        added.append(spool.add(build()))
        assert spool.trouble is None
        there = {(row.epoch, row.seq): row.line for batch in walk(spool) for row in batch.rows}
        assert there == {(row.epoch, row.seq): row.line for row in added}
        spool.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_survey_reads_beside_the_service(spool: Spool, path: Path, build: Make) -> None:
    for _ in range(3):
        spool.add(build())
    found = survey(path)
    assert (found.rows, found.epoch, found.owner) == (3, spool.epoch, OWNER)
    assert found.oldest == found.newest
    with pytest.raises(OperationError, match="none"):
        survey(path.with_name("none"))
