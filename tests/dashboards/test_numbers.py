"""The numbers of every panel against the ledger: what a page's queries answer is what plain SQL over the ledger says.

`expected/<page>.py` has a function for each panel: of the ledger and the viewer's choice to the rows of each query.
Nothing of the series' or the pages' code is used there, so an error in the writing, in the windows, in a query or in the
registry's tags shows as a number that differs. A new panel without a function fails, but on the pages that
`WITHOUT_EXPECTATION_YET` names; so does a meter's value renamed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from tests.dashboards.expected.asked import Asked, Rows
from tests.dashboards.grafana import Query, choose, queries
from tests.dashboards.month import undeclared
from tests.dashboards.month_store import Written, written

from doxa_dashboards import build, pages

pytestmark = pytest.mark.server

EXPECTED: Final = {
    page: import_module(f"tests.dashboards.expected.{page}")
    for page in pages.names()
    if (Path(__file__).parent / "expected" / f"{page}.py").exists()
}
"""By page: what its panels are to say (`EXPECTED`), and for which choices (`CHOICES`)."""
WITHOUT_EXPECTATION_YET: Final = frozenset({"tslcd", "providers", "noc", "ispeed", "ipv6", "health"})
"""Pages of which not every panel is compared yet; the test tells which panels these are."""
WORDS: Final = frozenset({"text"})
"""Columns that are sentences and no figures: their makers have tests of their own."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    with written(tmp_path_factory.mktemp("month")) as found:
        yield found


@cache
def keys(page: str) -> dict[int, str]:
    """The panels of a page: number and key."""
    return {card.number: card.key for section in pages.load(page).sections for card in section.cards}


def answered(query: Query, store: Written) -> Rows:
    """What the store answers, as an expectation says it."""
    series = store.ask(query.uid, query.statement)
    timed = "GROUP BY time(" in query.statement or 'FROM "doxa_incident"' in query.statement
    found: Rows = {}
    for one in series:
        names = [match for match in _groups(query.statement) if match in one.get("tags", {})]
        tags = tuple(one["tags"][name] for name in names)
        for row in one["values"]:
            cells = dict(zip(one["columns"], row, strict=True))
            at = cells.pop("time")
            kept = {name: value for name, value in cells.items() if value is not None and name not in WORDS}
            if kept:
                assert (tags, at if timed else None) not in found, f"{query}: one row twice"
                found[tags, at if timed else None] = kept
    return found


def _groups(statement: str) -> list[str]:
    """The tags of the outermost GROUP BY."""
    depth, outer = 0, []
    for letter in statement:
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            outer.append(letter)
    _, _, by = "".join(outer).rpartition("GROUP BY")
    return [part.strip().strip('"') for part in by.split("fill")[0].split(",") if '"' in part]


def differences(expected: Rows, found: Rows) -> list[str]:
    """Where they differ by more than one in a thousand million."""
    wrong = [f"not answered: {key} {expected[key]}" for key in expected.keys() - found.keys()]
    wrong += [f"not in the ledger: {key} {found[key]}" for key in found.keys() - expected.keys()]
    for key in expected.keys() & found.keys():
        one, other = expected[key], found[key]
        for name in one.keys() | other.keys():
            if not same(one.get(name), other.get(name)):
                wrong.append(f"{key} {name}: the ledger says {one.get(name)}, the page {other.get(name)}")
    return wrong


def same(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str) or one is None or other is None:
        return bool(one == other)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


CASES: Final = [(page, *choice) for page, module in EXPECTED.items() for choice in module.CHOICES]


@pytest.mark.parametrize(("page", "name", "how", "fixed"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_a_page_says_what_the_ledger_says(
    page: str, name: str, how: str, fixed: Mapping[str, Sequence[str]], store: Written
) -> None:
    built = build.built(page)
    choice = choose(built, how, store.ask, fixed)
    asked = Asked(store.books, choice)
    named, alone = keys(page), {**built, "annotations": {"list": []}}
    wrong: list[str] = []
    rows = 0
    for panel in (panel for panel in built["panels"] if panel["type"] != "row"):
        key = named[panel["id"]]
        asked_of_it = queries({**alone, "panels": [panel]}, choice, store.books.month.shown)
        letters = {query.name: answered(query, store) for query in asked_of_it}
        if key not in EXPECTED[page].EXPECTED:
            assert page in WITHOUT_EXPECTATION_YET, f"{page}.{key} is compared with nothing"
            continue
        expected = EXPECTED[page].EXPECTED[key](asked)
        assert expected.keys() == letters.keys(), f"{page}.{key}: other queries than expected"
        for letter, rows_ in letters.items():
            rows += len(rows_)
            wrong += [f"{page}.{key}, query {letter}: {what}" for what in differences(expected[letter], rows_)[:4]]
    assert wrong == [], "\n" + "\n".join(wrong)
    assert rows, "a comparison of nothing"


def test_every_panel_has_an_expectation() -> None:
    panels = {f"{page}.{key}" for page in pages.names() for key in keys(page).values()}
    expected = {f"{page}.{key}" for page, module in EXPECTED.items() for key in module.EXPECTED}
    missing = sorted(panels - expected)
    print("compared with nothing yet:", ", ".join(missing))
    assert [one for one in missing if one.partition(".")[0] not in WITHOUT_EXPECTATION_YET] == []
    assert expected - panels == set()


def test_the_month_holds_what_the_meters_declare() -> None:
    """A value renamed in a meter is told here by its name, and the page that asks for it cannot even be built."""
    assert undeclared() == []
