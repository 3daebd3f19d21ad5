"""Whatever stands in a plan file, the loader gives a plan or one `InputError`, never another exception."""

import copy
import tomllib
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doxa_collector.plans import Plan
from doxa_collector.plans.loader import CHECKOUT, plan_of
from doxa_core.errors import InputError
from doxa_core.strict import Table

SHIPPED = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(CHECKOUT.glob("*.toml"))]

scalars = (
    st.none().map(lambda _: "")
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.sampled_from(
        ["Mbps", "MB/s", "%", "level", "share", "rank", ">=", "=", "V", "I", "ip", "A:1", "06184", "rank<="]
    )
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def accepted(found: dict[str, Any]) -> Plan | None:
    try:
        return plan_of(Table(found, "x.toml"))
    except InputError as error:
        assert error.text.vi.startswith("x.toml: ")
        assert error.text.en.startswith("x.toml: ")
        return None


@given(st.dictionaries(st.sampled_from([*SHIPPED[0], "plan", ""]) | st.text(max_size=8), values))
def test_any_table_is_accepted_or_refused_in_words(found: dict[str, Any]) -> None:
    accepted(found)


def paths(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    return [path, *(deeper for key, value in inner for deeper in paths(value, (*path, key)))]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_shipped_plan_with_one_thing_changed_is_accepted_or_refused_in_words(data: st.DataObject) -> None:
    found = copy.deepcopy(data.draw(st.sampled_from(SHIPPED)))
    path = data.draw(st.sampled_from([p for p in paths(found) if p]))
    outer = found
    for key in path[:-1]:
        outer = outer[key]
    if data.draw(st.booleans()):
        del outer[path[-1]]
    else:
        outer[path[-1]] = data.draw(values)
    accepted(found)


@pytest.mark.parametrize("found", SHIPPED, ids=lambda found: str(found["id"]))
def test_the_shipped_plans_are_accepted_here_too(found: dict[str, Any]) -> None:
    assert accepted(found) is not None


@pytest.mark.parametrize(
    "value", [date(2025, 1, 1), datetime(2025, 1, 1), time(1), float("nan"), float("inf"), 10**400, -1]
)
@pytest.mark.parametrize("key", ["id", "version", "valid_to", "decimal", "place", "target"])
def test_a_value_of_the_wrong_type_is_refused_in_words(key: str, value: object) -> None:
    assert accepted({**copy.deepcopy(SHIPPED[0]), key: value}) is None or (key, value) == ("valid_to", date(2025, 1, 1))
