"""What all panels have: a place on the grid, words, queries, a data source, a unit.

A page makes its cards with charts.py, tables.py and maps.py, and takes finished ones from cards.py. Title, meaning and
the text of an empty panel are asked for everywhere, because a number without its meaning is worse than none.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.cog import builder as cog
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import dashboard

from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_dashboards import style
from doxa_dashboards.catalogue import Tier
from doxa_dashboards.codes import Seen
from doxa_dashboards.query import Select
from doxa_dashboards.style import Role

MIXED: Final = "-- Mixed --"
"""Grafana's own data source for a panel whose queries go to several."""
Property = dashboard.DynamicConfigValue
Transformation = dashboard.DataTransformerConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A panel and its size on the grid."""

    key: str
    """Unique in its page and never changed: the panel's number, and so every link to it, follows from it."""
    panel: dashboard.Panel
    width: int
    height: int

    @property
    def number(self) -> int:
        """The panel's id."""
        return 1 + zlib.crc32(self.key.encode()) % 99_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One query of a panel: what is asked, what its series are called, what role they play."""

    select: Select
    alias: Text | None = None
    """The series' name; `$tag_link`, `$col` stand for the tag and the column."""
    role: Role = Role.MEASURED
    color: str | None = None
    """Of the palette; None takes the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What every panel must say: its title, what its numbers mean, and what it says when there are none."""

    title: Text
    meaning: Text
    nothing: Text = style.NO_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where a click leads."""

    title: Text
    url: str


class InfluxQuery(variants.Dataquery):
    """A query as Grafana's InfluxDB data source takes it in InfluxQL mode (the SDK has no type for it)."""

    def __init__(self, ref: str, ask: Ask, *, as_table: bool) -> None:
        self._ref, self._ask, self._as_table = ref, ask, as_table

    def to_json(self) -> dict[str, object]:
        """What stands in `targets`."""
        ask = self._ask
        found: dict[str, object] = {
            "refId": self._ref,
            "datasource": source(ask.select.tier).to_json(),
            "query": ask.select.statement(),
            "rawQuery": True,
            "resultFormat": "table" if self._as_table else "time_series",
        }
        if ask.alias is not None:
            found["alias"] = str(ask.alias)
        return found


class _Built(cog.Builder[variants.Dataquery]):
    def __init__(self, query: InfluxQuery) -> None:
        self._query = query

    def build(self) -> variants.Dataquery:
        return self._query


def source(tier: Tier) -> dashboard.DataSourceRef:
    """The data source of a tier."""
    return dashboard.DataSourceRef(type_val="influxdb", uid=tier.value)


def ref(number: int) -> str:
    """A, B, C …: the name of a panel's query."""
    return chr(ord("A") + number)


def dressed(built: Any, words: Words, asks: Sequence[Ask], unit: str, *, as_table: bool) -> Any:
    """Title, meaning, unit, the text of an empty panel, queries and data source. The builders share no base class."""
    shown = style.UNITS[unit]
    tiers = {ask.select.tier for ask in asks}
    mixed = dashboard.DataSourceRef(type_val="datasource", uid=MIXED)
    return (
        built.title(str(words.title))
        .description(str(words.meaning))
        .no_value(str(words.nothing))
        .unit(shown.unit)
        .decimals(shown.decimals)
        .datasource(source(tiers.pop()) if len(tiers) == 1 else mixed)
        .targets([_Built(InfluxQuery(ref(n), ask, as_table=as_table)) for n, ask in enumerate(asks)])
    )


class Fixed(cog.Builder[dashboard.FieldColor]):
    def __init__(self, color: str) -> None:
        self._color = color

    def build(self) -> dashboard.FieldColor:
        return dashboard.FieldColor(mode=dashboard.FieldColorModeId.FIXED, fixed_color=self._color)


def mapping(codes: Sequence[Seen]) -> dashboard.ValueMap:
    """Numbers as shapes and words in their colours."""
    return dashboard.ValueMap(
        options={
            str(code.number): dashboard.ValueMappingResult(text=str(code), color=code.color, index=code.number)
            for code in codes
        }
    )


def naming(words: Mapping[str, Text]) -> dashboard.ValueMap:
    """A tag's codes in words."""
    return dashboard.ValueMap(
        options={
            value: dashboard.ValueMappingResult(text=str(text), index=place)
            for place, (value, text) in enumerate(words.items())
        }
    )


KINDS: Final[Mapping[str, Text]] = {kind.value: kind.text for kind in LinkKind}
"""The kinds of line in words."""
