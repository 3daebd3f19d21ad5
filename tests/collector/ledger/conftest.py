"""The ledger as the collector opens it: what is promised about the disk is tested here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from doxa_collector.ledger.engine import open_ledger


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty ledger that waits for the disk."""
    found = open_ledger(tmp_path / "ledger.db")
    yield found
    found.dispose()
