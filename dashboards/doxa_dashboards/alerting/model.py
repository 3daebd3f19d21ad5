"""What an alert rule says, before Grafana's form of it (render.py).

A rule asks series, reduces each to one number, compares, and waits. Every number stands in the message, so each query
selects one column: Grafana takes two columns with equal labels for a mistake.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from doxa_dashboards.query import Select

BY_LINE: Final = "province place site link kind provider"
"""The tags that name a line; series grouped by them meet in an expression, because their labels are equal."""


class Severity(StrEnum):
    """How soon somebody has to look; the words of the collector's incidents."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class NoData(StrEnum):
    """What it means that a query finds no series at all (one line's silence only ends that line's alarm)."""

    OK = "OK"
    """Nothing to judge: no such line, no target, a new country. Silence itself is told by presence and the collector."""
    ALERTING = "Alerting"
    """The one who should write is not running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question of one column. Its answer is reduced to each series' last number."""

    ref: str
    """The name of the number in expressions and texts."""
    select: Select
    """Checked against the catalogue of what is written; its tier is the data source."""
    from_s: int
    to_s: int = 0
    """The time that is asked about: this long ago until that long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One alert rule. Texts are Go templates of Grafana with `$labels` and `$values`."""

    name: str
    """Its uid is `doxa-<name>`, at most 40 characters."""
    group: str
    title: str
    queries: tuple[Query, ...]
    when: str
    """A Grafana expression of the queries' names, such as `$speed < $floor`: true is an alarm."""
    wait: str
    """How long it must hold: `0s`, `15m`, `1h`."""
    severity: Severity
    summary: str
    description: str
    page: str
    """The uid of the dashboard to look at."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables of that dashboard and the labels that fill them."""
    country_page: str = ""
    """The dashboard to look at instead, without variables, where an alarm is about the country (`province` 00)."""
    no_data: NoData = NoData.OK

    @property
    def uid(self) -> str:
        """How Grafana and we know it."""
        return f"doxa-{self.name}"


GROUPS: Final[Mapping[str, int]] = {"nhanh": 60, "nam-phut": 300, "gio": 3600}
"""How often each group is evaluated, in seconds; waiting times are multiples of it."""
