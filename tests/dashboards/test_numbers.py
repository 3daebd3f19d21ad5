"""The numbers of every panel against the ledger: what a page's queries answer is what plain SQL over the ledger says.

`expected/<page>.py` has a function for each panel: of the ledger and the viewer's choice to the rows of each query.
Nothing of the series' or the pages' code is used there, so an error in the writing, in the windows, in a query or in the
registry's tags shows as a number that differs. A new panel without a function fails; so does a meter's value
renamed.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Final

import pytest
from tests.dashboards.expected import annotations as marks
from tests.dashboards.expected.asked import Asked, Choices, Rows
from tests.dashboards.month import EMPTY, FULL, ONE, Month, undeclared
from tests.dashboards.month_store import Written, written

from doxa_dashboards import build, pages
from doxa_lab.grafana import Query, Range, choose, queries

pytestmark = pytest.mark.server

EXPECTED: Final = {page: import_module(f"tests.dashboards.expected.{page}") for page in pages.names()}
"""By page: what its panels are to say (`EXPECTED`), for which choices (`CHOICES`), and in which range (`shown`; else the month's)."""
TIMED: Final = ("GROUP BY time(", 'FROM "doxa_p95_1d"', 'FROM "doxa_incident"', 'FROM "doxa_event"', '"source_mark"')
"""In queries of which the time is read too: steps, the last of seven days, when an incident was opened or work begins, the
month of a published figure."""
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
    timed = any(part in query.statement for part in TIMED)
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
    return [part.strip().strip('"') for part in by.split("fill")[0].split("ORDER")[0].split(",") if '"' in part]


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


HARD: Final[Choices] = (
    ("a province of which nothing is measured", "all", {"province": [EMPTY]}),
    ("a province with one line", "all", {"province": [ONE]}),
)
"""What every page with provinces must stay right for; a month with a contract that changes is the one of `FULL`."""


def _names(page: str) -> set[str]:
    return {variable["name"] for variable in build.built(page)["templating"]["list"]}


CASES: Final = [
    (page, *choice)
    for page, module in EXPECTED.items()
    for choice in (*module.CHOICES, *(HARD if "province" in _names(page) else ()))
]


@pytest.mark.parametrize(("page", "name", "how", "fixed"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_a_page_says_what_the_ledger_says(
    page: str, name: str, how: str, fixed: Mapping[str, Sequence[str]], store: Written
) -> None:
    built = build.built(page)
    choice = choose(built, how, store.ask, fixed)
    own: Callable[[Month], Range] | None = getattr(EXPECTED[page], "shown", None)
    asked = Asked(store.books, choice, own and own(store.books.month))
    named, alone = keys(page), {**built, "annotations": {"list": []}}
    wrong: list[str] = []
    rows = 0
    for panel in (panel for panel in built["panels"] if panel["type"] != "row"):
        key = named[panel["id"]]
        asked_of_it = queries({**alone, "panels": [panel]}, choice, asked.shown)
        letters = {query.name: answered(query, store) for query in asked_of_it}
        assert key in EXPECTED[page].EXPECTED, f"{page}.{key} is compared with nothing"
        expected = EXPECTED[page].EXPECTED[key](asked)
        assert expected.keys() == letters.keys(), f"{page}.{key}: other queries than expected"
        for letter, rows_ in letters.items():
            rows += len(rows_)
            wrong += [f"{page}.{key}, query {letter}: {what}" for what in differences(expected[letter], rows_)[:4]]
    assert wrong == [], "\n" + "\n".join(wrong)
    assert rows or name in {hard for hard, *_ in HARD}, "a comparison of nothing"


MARKED: Final = [(page, *choice) for page in pages.names() for choice in marks.CHOICES]


@pytest.mark.parametrize(("page", "name", "how", "fixed"), MARKED, ids=[f"{c[0]}: {c[1]}" for c in MARKED])
def test_a_page_marks_what_the_ledger_says(
    page: str, name: str, how: str, fixed: Mapping[str, Sequence[str]], store: Written
) -> None:
    """Each mark on the time axis: when, in which words, and only where it is of the chosen place or of the country."""
    built = build.built(page)
    choice = choose(built, how, store.ask, fixed)
    found: dict[str, list[marks.Mark]] = {}
    for query in queries({**built, "panels": []}, choice, store.books.month.shown):
        found[query.panel.removeprefix("annotation ")] = sorted(marked(query, store))
    assert found == dict(marks.EXPECTED[page](Asked(store.books, choice), store.engine))


def marked(query: Query, store: Written) -> Iterator[marks.Mark]:
    """As a viewer reads them: the nanoseconds only keep two of one moment apart."""
    for series in store.ask(query.uid, query.statement):
        for row in series["values"]:
            cells = dict(zip(series["columns"], row, strict=True))
            yield marks.Mark(cells["time"] // 1000, cells["title"], cells["text"], cells.get("cause") or cells["event"])


@pytest.mark.parametrize("page", EXPECTED)
def test_every_page_of_a_province_is_compared_where_a_contract_changes(page: str) -> None:
    chosen = [fixed.get("province", [FULL]) for _, how, fixed in EXPECTED[page].CHOICES if how != "one"]
    assert "province" not in _names(page) or any(FULL in codes or "00" in codes for codes in chosen)


def test_every_panel_has_an_expectation() -> None:
    panels = {f"{page}.{key}" for page in pages.names() for key in keys(page).values()}
    expected = {f"{page}.{key}" for page, module in EXPECTED.items() for key in module.EXPECTED}
    assert panels == expected


def test_the_month_holds_what_the_meters_declare() -> None:
    """A value renamed in a meter is told here by its name, and the page that asks for it cannot even be built."""
    assert undeclared() == []
