"""Tables: rows put together from several queries, and a matrix of coded values, in the house style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common, dashboard

from doxa_core.language import Text
from doxa_dashboards import style
from doxa_dashboards.codes import Seen
from doxa_dashboards.panel import Ask, Card, Fixed, Link, Property, Transformation, Words, dressed, mapping, naming


@dataclass(frozen=True, slots=True, kw_only=True)
class Col:
    """One column of a table, by its name in the answer."""

    name: str
    title: Text
    unit: str = "text"
    """A key of style.UNITS."""
    codes: Sequence[Seen] = ()
    words: Mapping[str, Text] = field(default_factory=dict)
    """What a tag's values are called."""
    link: "Link | None" = None
    width: int | None = None
    hidden: bool = False
    """Only for the links of others."""
    long: bool = False
    """A text that may not fit: pointing at it offers to show all of it."""


def grid(
    key: str,
    words: Words,
    *asks: Ask,
    columns: Sequence[Col],
    steps: Sequence[Transformation] = (),
    order: str | None = None,
    descending: bool = True,
    rows: int | None = None,
    width: int = 24,
    height: int = 10,
) -> Card:
    """A table: the queries' rows put together where their common columns agree, then `steps`, order and limit.

    Columns that are not listed fall away.
    """
    shaped: list[Transformation] = [_only(columns, steps)]
    if len(asks) > 1:
        shaped.append(Transformation(id_val="merge", options={}))
    shaped += steps
    if order is not None:
        shaped.append(sorted_by(order, descending=descending))
    if rows is not None:
        shaped.append(Transformation(id_val="limit", options={"limitField": rows}))
    shaped.append(_ordered(columns))
    built = _table()
    quotients = {step.alias for step in steps if isinstance(step, Quotient)}
    for column in columns:
        unknown = [Property(id_val="mappings", value=_NO_QUOTIENT)] if column.name in quotients else []
        built.override_by_name(column.name, looks(column) + unknown)
    panel = dressed(built, words, asks, "text", as_table=True).build()
    panel.transformations = shaped
    return Card(key=key, panel=panel, width=width, height=height)


def matrix(
    key: str,
    words: Words,
    *asks: Ask,
    row: str,
    column: str,
    value: str,
    joined_by: str,
    codes: Sequence[Seen],
    link: Link,
    title: Text,
    width: int = 24,
    height: int = 14,
) -> Card:
    """Rows × columns with a coded value in each cell. Two queries are joined by a tag, so that a row has its name.

    The row's name is `CODE words`; the code is at hand for `link` as the field `place`.
    """
    corner = f"{row}\\{column}"
    built = (
        _table()
        .mappings([mapping(codes)])
        .color_scheme(Fixed("text"))
        .cell_options(common.TableColorTextCellOptions())
        .override_by_name(corner, looks(Col(name=corner, title=title, link=link, width=260)))
        .override_by_name("place", [Property(id_val="custom.hidden", value=True)])
    )
    panel = dressed(built, words, asks, "code", as_table=True).build()
    panel.transformations = [
        Transformation(id_val="filterFieldsByName", options={"include": {"names": [joined_by, row, column, value]}}),
        Transformation(id_val="joinByField", options={"byField": joined_by, "mode": "inner"}),
        Transformation(
            id_val="groupingToMatrix",
            options={"rowField": row, "columnField": column, "valueField": value, "emptyValue": "empty"},
        ),
        Transformation(
            id_val="extractFields",
            options={"source": corner, "format": "regexp", "regExp": r"/^(?<place>\S+)/", "keepTime": False},
        ),
        sorted_by(corner, descending=False),
    ]
    return Card(key=key, panel=panel, width=width, height=height)


def tally(
    key: str,
    words: Words,
    *asks: Ask,
    group: Col,
    counted: Col,
    summed: Sequence[Col] = (),
    width: int = 12,
    height: int = 8,
) -> Card:
    """How many rows each value of the column `group` has, most first, with the sums of further columns.

    For what InfluxQL cannot group by: text fields.
    """
    made = [(counted, "count"), *((column, "sum") for column in summed)]
    fields: dict[str, object] = {group.name: {"operation": "groupby", "aggregations": []}}
    fields |= {column.name: {"operation": "aggregate", "aggregations": [how]} for column, how in made}
    built = _table()
    built.override_by_name(group.name, looks(group))
    for column, how in made:
        built.override_by_name(f"{column.name} ({how})", looks(column))
    panel = dressed(built, words, asks, "text", as_table=True).build()
    panel.transformations = [
        _only([group, *(column for column, _ in made)], ()),
        Transformation(id_val="groupBy", options={"fields": fields}),
        sorted_by(f"{counted.name} (count)", descending=True),
    ]
    return Card(key=key, panel=panel, width=width, height=height)


def _table() -> table.Panel:
    """What all tables have. The panel's text of "nothing" would stand in each cell without a value: there is none."""
    built = table.Panel().cell_height(common.TableCellHeight.SM).show_header(True)  # noqa: FBT003
    return built.override_by_regexp(".*", [Property(id_val="noValue", value="")])


def _narrowest(column: Col) -> int:
    """Pixels that a heading and the values need. With Grafana's own 150 for each column, half a page cuts off the last."""
    words = [str(column.title), *(str(text) for text in column.words.values())]
    least = _LEAST.get(column.unit, 95)
    return max(least, *(_heading(word) for word in words))


def _heading(text: str) -> int:
    return 24 + round(7.8 * len(text))


_LEAST: Final = {"count": 70, "days": 70, "text": 115}
"""`1000.0 Mbps` needs 95 pixels, a provider's name 115."""


def _only(columns: Sequence[Col], steps: Sequence[Transformation]) -> Transformation:
    """The listed columns of each answer; what a step computes later does not exist yet and does no harm."""
    names = [column.name for column in columns] + sorted(inputs(steps))
    return Transformation(id_val="filterFieldsByName", options={"include": {"names": list(dict.fromkeys(names))}})


def inputs(steps: Sequence[Transformation]) -> set[str]:
    return {name for step in steps if isinstance(step, Quotient) for name in step.inputs}


class Quotient(Transformation):
    """A new column: one divided by another."""

    def __init__(self, above: str, below: str, alias: str) -> None:
        sides = {
            side: {"matcher": {"id": "byName", "options": name}} for side, name in (("left", above), ("right", below))
        }
        super().__init__(
            id_val="calculateField",
            options={
                "mode": "binary",
                "alias": alias,
                "binary": {**sides, "operator": "/"},
                "replaceFields": False,
            },
        )
        self.alias, self.inputs = alias, (above, below)


_NO_QUOTIENT: Final = [
    {"type": "range", "options": {"from": 1e9, "result": {"text": "", "index": 0}}},  # Grafana takes "to": null for 0
    dashboard.SpecialValueMap(
        options=dashboard.DashboardSpecialValueMapOptions(
            match=dashboard.SpecialValueMatch.NA_N, result=dashboard.ValueMappingResult(text="")
        )
    ),
]
"""Grafana divides by what is not there as by 0: infinity, or no number. Neither is a figure."""


def copied(name: str, alias: str) -> Transformation:
    """A new column: another one's values, to be shown in another unit."""
    reduce = {"include": [name], "reducer": "lastNotNull"}
    return Transformation(
        id_val="calculateField",
        options={"mode": "reduceRow", "alias": alias, "reduce": reduce, "replaceFields": False},
    )


def only_with(name: str) -> Transformation:
    """Rows in which the column has a value."""
    known = {"fieldName": name, "config": {"id": "isNotNull", "options": {}}}
    return Transformation(id_val="filterByValue", options={"filters": [known], "type": "include", "match": "all"})


def sorted_by(name: str, *, descending: bool) -> Transformation:
    """Rows in the order of a column."""
    return Transformation(id_val="sortBy", options={"fields": {}, "sort": [{"field": name, "desc": descending}]})


def _ordered(columns: Sequence[Col]) -> Transformation:
    return Transformation(
        id_val="organize",
        options={
            "excludeByName": {},
            "indexByName": {column.name: place for place, column in enumerate(columns)},
            "includeByName": {},
            "renameByName": {},
        },
    )


_NO_COMMUNE: Final = {"type": "regex", "options": {"pattern": "^[0-9]{2}$", "result": {"text": "", "index": 0}}}
"""What concerns a whole province stands at the province's code, which is no commune to click on."""


def _nobody() -> list[dashboard.SpecialValueMap]:
    """A line of which the registry names no provider: null in one form of answer, an empty tag in another."""
    known = dashboard.ValueMappingResult(text=str(style.NO_PROVIDER))
    matches = (dashboard.SpecialValueMatch.NULL, dashboard.SpecialValueMatch.EMPTY)
    return [
        dashboard.SpecialValueMap(options=dashboard.DashboardSpecialValueMapOptions(match=match, result=known))
        for match in matches
    ]


def looks(column: Col) -> list[Property]:
    """The overrides of a table's column."""
    shown = style.UNITS[column.unit]
    found: list[tuple[str, object]] = [("displayName", str(column.title)), ("unit", shown.unit)]
    if column.unit != "text":
        found.append(("decimals", shown.decimals))
    if column.codes:
        found += [("mappings", [mapping(column.codes)]), ("custom.cellOptions", {"type": "color-text"})]
        found.append(("custom.align", "left"))  # a word, though the value is a number
    if column.words:
        found.append(("mappings", [naming(column.words)]))
    if column.name == "provider":
        found.append(("mappings", _nobody()))
    if column.name == "place" and column.link is not None:
        found.append(("mappings", [_NO_COMMUNE]))
    if column.long:
        found.append(("custom.inspect", True))
    if column.link is not None:
        found.append(("links", [{"title": str(column.link.title), "url": column.link.url}]))
    if column.width is not None:
        found.append(("custom.width", max(column.width, _heading(str(column.title)))))
    else:
        found.append(("custom.minWidth", _narrowest(column)))
    if column.hidden:
        found.append(("custom.hidden", True))
    return [Property(id_val=name, value=value) for name, value in found]
