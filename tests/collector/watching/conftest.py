"""The watch over a real ledger, driven by the messages of a scenario and a made-up clock."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from doxa_lab.incidents.drive import Drive
from doxa_lab.incidents.faults import Scenario


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Callable[[Scenario], Drive]]:
    """A factory of drives."""
    made: list[Drive] = []

    def make(scenario: Scenario, tick_s: float = 2.5, **more: Any) -> Drive:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Drive(folder, scenario, tick_s=tick_s, **more))
        return made[-1]

    yield make
    for one in made:
        one.engine.dispose()
