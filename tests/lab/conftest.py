"""A laboratory of links for one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doxa_lab.net.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty laboratory; lay lines in it and `start()`."""
    with Lab(tmp_path, "test") as found:
        yield found
