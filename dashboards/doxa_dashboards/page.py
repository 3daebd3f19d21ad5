"""A page: sections of cards, variables, marks and links, laid out on the grid and made into one dashboard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from doxa_core.language import LANGUAGES, Language, Text, language
from doxa_dashboards import style
from doxa_dashboards.annotations import Annotation
from doxa_dashboards.panel import Card, Link
from doxa_dashboards.query import QueryError
from doxa_dashboards.variables import Variable

_ROW: Final = 1
"""The height of a section's heading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and the cards below it, from left to right and from top to bottom."""

    title: Text
    cards: Sequence[Card]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One dashboard. Its name is that of its file, and the end of its uid, which never changes."""

    name: str
    title: Text
    meaning: Text
    """What the page answers, for whom."""
    sections: Sequence[Section]
    variables: Sequence[Variable] = ()
    annotations: Sequence[Annotation] = ()
    links: Sequence[Link] = ()
    """Other pages, shown at the top."""
    range_from: str = "now-7d"
    refresh: str = "5m"
    internal: bool = False
    """Whether it is *nội bộ*: published in a folder that public viewers do not see."""

    @property
    def uid(self) -> str:
        """The dashboard's address in the language in force."""
        return uid_of(self.name)


def uid_of(name: str) -> str:
    """The uid of the page of that name in the language in force: `doxa-commune`, `doxa-commune-en`."""
    spoken: Language = language()
    return f"doxa-{name}" if spoken == LANGUAGES[0] else f"doxa-{name}-{spoken}"


def to_page(name: str, title: Text, *variables: str, **fields: str) -> Link:
    """A link to another page that keeps the range of time.

    `variables` go along as they are chosen; `fields` take a variable from a column of the clicked row:
    `to_page("commune", …, place="place")`.
    """
    kept = [f"${{{variable}:queryparam}}" for variable in variables]
    taken = [f'var-{variable}=${{__data.fields["{column}"]}}' for variable, column in fields.items()]
    return Link(title=title, url=f"/d/{uid_of(name)}?" + "&".join([*kept, *taken, _RANGE]))


_RANGE: Final = "${__url_time_range}"


def assemble(page: Page) -> dashboard.Dashboard:
    """The dashboard of a page in the language in force."""
    built = (
        builders.Dashboard(_title(page.title))
        .uid(page.uid)
        .description(str(page.meaning))
        .tags(["doxa", "noi-bo" if page.internal else "cong-khai"])
        .timezone(style.TIMEZONE)
        .week_start("monday")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time(page.range_from, "now")
        .refresh(page.refresh)
        .readonly()
        .variables(list(page.variables))
        .annotations(list(page.annotations))
        .links([_top(link) for link in page.links])
        .build()
    )
    built.panels = list(_laid_out(page.sections))
    _refuse_twins(built.panels)
    return built


def _title(title: Text) -> str:
    """The title in the language in force. Grafana refuses two dashboards with one title in one folder, and both
    languages stand there: where the words are the same (`IPv6`, `NOC`), the other language names itself.
    """
    spoken: Language = language()
    return str(title) if spoken == LANGUAGES[0] or title.vi != title.en else f"{title} ({_NAMES[spoken]})"


_NAMES: Final = {"vi": "tiếng Việt", "en": "English"}


def _top(link: Link) -> builders.DashboardLink:
    """The range goes along by a switch of its own: Grafana 9 leaves it out where the address asks for it."""
    return (
        builders.DashboardLink(str(link.title))
        .type(dashboard.DashboardLinkType.LINK)
        .icon("dashboard")
        .url(link.url.removesuffix(_RANGE).rstrip("?&"))
        .keep_time(True)  # noqa: FBT003 - the SDK's own
        .tags([])
    )


def _laid_out(sections: Sequence[Section]) -> Iterator[dashboard.Panel | dashboard.RowPanel]:
    y = 0
    for place, section in enumerate(sections):
        grid = dashboard.GridPos(h=_ROW, w=style.GRID, x=0, y=y)
        yield dashboard.RowPanel(id_val=100_000 + place, title=str(section.title), grid_pos=grid, panels=[])
        y += _ROW
        x = height = 0
        for card in section.cards:
            if x + card.width > style.GRID:
                y, x, height = y + height, 0, 0
            card.panel.id_val = card.number
            card.panel.grid_pos = dashboard.GridPos(h=card.height, w=card.width, x=x, y=y)
            yield card.panel
            x, height = x + card.width, max(height, card.height)
        y += height


def _refuse_twins(panels: Sequence[dashboard.Panel | dashboard.RowPanel]) -> None:
    """Two cards with one number: the same key twice, or a very rare chance."""
    numbers = [panel.id_val for panel in panels]
    for panel in panels:
        if numbers.count(panel.id_val) > 1:
            raise QueryError(
                Text(vi=f"hai ô cùng khóa: «{panel.title}»", en=f"two cards with one key: '{panel.title}'")
            )
