"""Field-by-field differences: what Grafana spells otherwise is the same, what a person changed is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_dashboards.publish.differences import differences


@pytest.mark.parametrize(
    ("found", "wanted"),
    [("1h", "60m"), ("1d", "24h"), ("0s", "0s"), (None, ""), ([], None), (1, 1.0), ({"a": None}, {})],
)
def test_the_same_in_other_words(found: object, wanted: object) -> None:
    assert not list(differences({"x": found}, {"x": wanted}, whole=True))


@pytest.mark.parametrize(("found", "wanted"), [("1h", "1m"), (True, 1), (0, False), (0, None), ("5", 5), ([1], [1, 2])])
def test_something_else(found: object, wanted: object) -> None:
    (change,) = differences({"x": found}, {"x": wanted}, whole=True)
    assert change.path == "x"


def test_additions_count_only_where_the_whole_is_ours() -> None:
    assert not list(differences({"a": 1, "b": 2}, {"a": 1}, whole=False))
    assert [str(c) for c in differences({"a": 1, "b": 2}, {"a": 1}, whole=True)] == ["b: 2 → ∅"]


_VALUES = st.recursive(
    st.integers() | st.text(max_size=5) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES)
def test_nothing_differs_from_itself(value: object) -> None:
    assert not list(differences(value, value, whole=True))
