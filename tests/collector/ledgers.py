"""Empty ledgers for tests: one is made in each process, and every test gets a copy of its file.

Without waiting for the disk after each commit: no test loses its power. What the ledger itself promises about the disk is
tested in `ledger/`, whose `engine` is opened as the collector opens it.
"""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from doxa_collector.ledger.engine import open_ledger


def empty_ledger(file: Path) -> Engine:
    """A new ledger in `file`, as `open_ledger` makes it."""
    file.write_bytes(_empty())
    engine = open_ledger(file)
    event.listen(engine, "connect", _hurry)
    engine.dispose()  # what is connected already has waited for the disk so far
    return engine


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        open_ledger(file).dispose()
        assert [found.name for found in file.parent.iterdir()] == [file.name], "all of it is in the file itself"
        return file.read_bytes()


def _hurry(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")
