"""Marks on the time axis: incidents as they were opened, and changes of plans and contracts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.cog import builder as cog
from grafana_foundation_sdk.models import dashboard

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import style
from doxa_dashboards.panel import source
from doxa_dashboards.query import Condition, Select, among, both, chosen_as, compared, either, field, reaches, select


class _Annotation(dashboard.AnnotationQuery):
    """An annotation with a real query in `target`, for which the SDK has no type yet."""

    def __init__(self, name: str, color: str, query: Select, tags: Sequence[str]) -> None:
        super().__init__(
            name=name, datasource=source(query.tier), enable=True, hide=False, icon_color=color, built_in=None
        )
        self._query, self._tags = query, tags

    def to_json(self) -> dict[str, object]:
        target: dict[str, Any] = {
            "refId": "Anno",
            "datasource": source(self._query.tier).to_json(),
            "name": self.name,
            "query": self._query.statement(),
            "rawQuery": True,
            "resultFormat": "table",
            "queryType": "tags",
            "fromAnnotations": True,
            "titleColumn": "title",
            "textColumn": "text",
            "tagsColumn": ",".join(self._tags),
            "timeEndColumn": "",
        }
        return {**super().to_json(), "target": target}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation(cog.Builder[dashboard.AnnotationQuery]):
    """One layer of marks: a query with `title` and `text`, and which columns are shown as tags."""

    name: Text
    color: str
    query: Select
    tags: tuple[str, ...] = ()

    def build(self) -> dashboard.AnnotationQuery:
        """As the SDK wants it."""
        return _Annotation(str(self.name), self.color, self.query, self.tags)


def incidents(*where: Condition) -> Annotation:
    """Incidents; those that became part of a wider one are left out."""
    asked = select(
        "doxa_incident",
        field("title"),
        field("text"),
        field("cause"),
        where=(compared("absorbed_flag", "=", 0), *where),
    )
    return Annotation(name=_INCIDENTS, color=style.BAD, query=asked, tags=("cause",))


def events(*where: Condition) -> Annotation:
    """Changes of plans and contracts, closed months, maintenance."""
    asked = select("doxa_event", field("title"), field("text"), field("event"), where=where)
    return Annotation(name=_EVENTS, color=style.ACCENT, query=asked, tags=("event",))


def of_province() -> tuple[Annotation, ...]:
    """What concerns the chosen provinces and the country."""
    return incidents(touches_province()), events(among("province", "${province}", COUNTRY))


def of_commune() -> tuple[Annotation, ...]:
    """What concerns the chosen communes, their province as a whole, and the country."""
    return incidents(touches_commune()), events(
        among("province", "${province}", COUNTRY), among("place", "${place}", "")
    )


def touches_province() -> Condition:
    """An incident in the chosen provinces, also one that reaches others as well, or one that is of no province.

    With the country's own figures chosen ("00"): those of several provinces, and of none.
    """
    return reaches("province", "provinces", COUNTRY)


def touches_commune() -> Condition:
    """An incident at the chosen communes, or a wider one that reaches their province or is of none."""
    here = either(chosen_as("place", "place"), compared("sites_count", ">", 1))
    return both(touches_province(), here)


_INCIDENTS: Final = Text(vi="Sự cố", en="Incidents")
_EVENTS: Final = Text(vi="Thay đổi kế hoạch, hợp đồng; bảo trì", en="Changes of plans and contracts; maintenance")
