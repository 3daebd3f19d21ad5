"""What tests of the series share; a file that needs another ledger has a `filled` of its own."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.collector.series.series_ledger import DAY, START, write_registry


@pytest.fixture
def filled(engine: Engine, tmp_path: Path) -> Engine:
    """A ledger with the registry of a day ago, and nothing measured."""
    write_registry(engine, tmp_path, at_us=START - DAY)
    return engine
