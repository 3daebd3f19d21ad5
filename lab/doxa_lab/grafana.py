"""What Grafana does to a page before it asks InfluxDB: variables, macros, and the answers that a variable offers.

Written after the documented behaviour of Grafana 11 (variable formats, `$timeFilter`, regular expressions with the groups
`text` and `value`); none of its code is here.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Document = Mapping[str, Any]
Answer = list[dict[str, Any]]
Ask = Callable[[str, str], Answer]
"""`ask(uid of a data source, statement)`: the series, `RuntimeError` where the server refuses."""

ALL: Final = "$__all"
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


@dataclass(frozen=True, kw_only=True)
class Range:
    """The range of time of a page, and the step that fits a panel."""

    from_ms: int
    to_ms: int
    interval: str = "1h"

    def filter(self) -> str:
        return f"time >= {self.from_ms}ms and time <= {self.to_ms}ms"


@dataclass(frozen=True, kw_only=True)
class Query:
    """One statement of a page, ready to be asked."""

    page: str
    panel: str
    name: str
    uid: str
    statement: str
    table: bool = False

    def __str__(self) -> str:
        return f"page {self.page}, {self.panel}, query {self.name}: {self.statement}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a viewer chose: the values of each variable, and whether a variable's pattern for all stands."""

    values: Mapping[str, Sequence[str]]
    all_values: Mapping[str, str] = field(default_factory=dict)

    def put(self, text: str) -> str:
        """`text` with every variable of the page in it replaced; those of Grafana's own stay."""

        def one(found: re.Match[str]) -> str:
            name, form = found[1], found[2]
            if name not in self.values:
                return found[0]
            chosen = list(self.values[name])
            if chosen == [ALL]:
                return self.all_values[name]
            if form == "regex":
                escaped = [_SPECIAL.sub(r"\\\g<0>", value) for value in chosen]
                return escaped[0] if len(escaped) == 1 else "(" + "|".join(escaped) + ")"
            assert form == "raw", f"the format of {found[0]} is not known here"
            return ",".join(chosen)

        return _VARIABLE.sub(one, text)


def queries(page: Document, choice: Choice, shown: Range) -> Iterator[Query]:
    """Every query of every panel and annotation, as it would be asked."""

    def ready(panel: str, target: Document) -> Query:
        statement = choice.put(target["query"]).replace("$timeFilter", shown.filter())
        statement = statement.replace("$__interval", shown.interval)
        statement = statement.replace("${__from}", f"{shown.from_ms}").replace("${__to}", f"{shown.to_ms}")
        assert "$" not in re.sub(r"\$/", "", statement), f"{page['title']}, {panel}: something is left in {statement}"
        return Query(
            page=page["title"],
            panel=panel,
            name=target["refId"],
            uid=target["datasource"]["uid"],
            statement=statement,
            table=target["resultFormat"] == "table",
        )

    for panel in page["panels"]:
        for target in panel.get("targets", ()):
            yield ready(f"panel {panel['title']}", target)
    for annotation in page["annotations"]["list"]:
        yield ready(f"annotation {annotation['name']}", annotation["target"])


def offered(page: Document, name: str, chosen: Choice, ask: Ask) -> list[tuple[str, str]]:
    """What a variable offers, text and value, when others are chosen as they are."""
    variable = next(one for one in page["templating"]["list"] if one["name"] == name)
    if variable["type"] == "custom":
        return [(option["text"], option["value"]) for option in variable["options"]]
    answer = ask(variable["datasource"]["uid"], chosen.put(variable["query"]))
    found = dict.fromkeys(row[1] for series in answer for row in series["values"])
    if not variable["regex"]:
        return [(value, value) for value in sorted(found)]
    pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
    parts = [match for value in sorted(found) if (match := pattern.search(value))]
    return [(match["text"], match["value"]) for match in parts]


def choose(page: Document, how: str, ask: Ask, fixed: Mapping[str, Sequence[str]] | None = None) -> Choice:
    """A choice for every variable of a page, in their order: `one`, `several` or `all`; `fixed` ones stay as given.

    A variable that takes only one value gets the first; one that offers nothing is empty, as in Grafana.
    """
    values: dict[str, Sequence[str]] = {}
    patterns: dict[str, str] = {}
    for variable in page["templating"]["list"]:
        name = variable["name"]
        so_far = Choice(values=values, all_values=patterns)
        options = [value for _, value in offered(page, name, so_far, ask)]
        patterns[name] = variable.get("allValue") or ""
        if fixed and name in fixed:
            values[name] = list(fixed[name])
        elif how == "all" and variable["includeAll"]:
            values[name] = [ALL]
        else:
            values[name] = options[: 2 if how == "several" and variable["multi"] else 1] or [""]
    return Choice(values=values, all_values=patterns)


_NAME = re.compile(r'(?:AS )?"((?:[^"\\]|\\.)+)"')


def names_asked(statement: str) -> set[str]:
    """The measurements, fields and tags that a statement names; columns that it names itself are no question."""
    own = set(re.findall(r'AS "((?:[^"\\]|\\.)+)"', statement))
    return set(_NAME.findall(statement)) - own
