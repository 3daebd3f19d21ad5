"""`[incidents]` of collector.toml."""

import dataclasses
from typing import Any

import pytest

from doxa_collector.incidents.settings import Settings, read
from doxa_core.errors import InputError
from doxa_core.strict import Table


def table(**found: Any) -> Table:
    return Table(found, "collector.toml", "incidents.")


def test_without_the_table_or_with_an_empty_one_everything_is_as_shipped() -> None:
    assert read(None) == read(table()) == Settings()


def test_every_setting_can_be_written() -> None:
    plain = dataclasses.asdict(Settings())
    assert read(table(**plain)) == Settings()
    changed = {key: value * 0.99 if isinstance(value, float) else value + 1 for key, value in plain.items()}
    assert dataclasses.asdict(read(table(**changed))) == changed


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ({"settle": 5}, "incidents.settle"),
        ({"settle_s": -1}, "incidents.settle_s"),
        ({"node_share": 60}, "incidents.node_share"),
        ({"group_least": 2.5}, "incidents.group_least"),
        ({"settle_s": 30}, "settle_most_s"),
        ({"hold_s": 100, "hold_most_s": 50}, "hold_s"),
    ],
)
def test_a_mistake_is_refused_with_key_and_cure(found: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as error:
        read(table(**found))
    assert named in error.value.text.en
    assert "collector.toml" in error.value.text.en
