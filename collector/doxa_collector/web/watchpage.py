"""What the pages of incidents and of presence show: read from the ledger, named from the registry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from doxa_collector.incidents import lifecycle
from doxa_collector.incidents import store as incidents
from doxa_collector.incidents.atlas import read_atlas
from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.model import Incident
from doxa_collector.incidents.settings import Settings as Rules
from doxa_collector.incidents.store import Entry
from doxa_collector.incidents.summary import headline, place_name, provider_name, root_name, summary
from doxa_collector.incidents.windows import Window
from doxa_collector.nodes.tree import Tree
from doxa_collector.presence import store as presences
from doxa_collector.presence.model import Presence, State
from doxa_core.language import Text

RECENT: Final = 50
_ORDER: Final = (State.OFFLINE, State.UNKNOWN, State.NEVER, State.ONLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One incident in words."""

    incident: Incident
    head: Text
    place: Text
    root: Text | None
    provider: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentBoard:
    """The list: what lasts, what ended lately, what is planned, and the line that a director reads."""

    summary: Sequence[Text]
    live: Sequence[Shown]
    over: Sequence[Shown]
    windows: Sequence[Window]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentPage:
    """One incident with its history."""

    shown: Shown
    entries: Sequence[Entry]
    members: Sequence[tuple[str, str, int, int | None]]
    """(office or node, rule, began, cleared)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceBoard:
    """The probes, those that are away first."""

    counts: Sequence[tuple[State, int]]
    probes: Sequence[tuple[Presence, str, str]]
    """(presence, office, place)."""


def read_incidents(conn: Connection, tree: Tree, today: date, now_us: int, *, reveal: bool) -> IncidentBoard:
    """Everything that lasts, and the newest that are over."""
    ground = Ground(tree, read_atlas(conn, today), Rules())
    found = incidents.find(conn, limit=RECENT)
    live = {one.id: one for one in [*incidents.find(conn, live=True, limit=1000)]}
    return IncidentBoard(
        summary=summary(live.values(), ground, now_us, reveal=reveal),
        live=[_shown(one, ground, reveal=reveal) for one in live.values()],
        over=[_shown(one, ground, reveal=reveal) for one in found if one.id not in live],
        windows=lifecycle.windows(conn, now_us),
    )


def read_incident(conn: Connection, tree: Tree, today: date, number: int, *, reveal: bool) -> IncidentPage | None:
    """One incident; None where there is none of that number."""
    found = incidents.get(conn, number)
    if found is None:
        return None
    ground = Ground(tree, read_atlas(conn, today), Rules())
    return IncidentPage(
        shown=_shown(found, ground, reveal=reveal),
        entries=incidents.entries(conn, number),
        members=[
            (_name(member.subject.site, member.subject.name, ground, reveal=reveal), member.rule, member.began_us, member.cleared_us)
            for member in found.members
        ],
    )  # fmt: skip


def read_presence(conn: Connection, today: date) -> PresenceBoard:
    """Every probe of the registry."""
    atlas = read_atlas(conn, today)
    found = sorted(presences.shown(conn), key=lambda one: (_ORDER.index(one.state), one.site, one.agent))
    counts = [(state, sum(one.state is state for one in found)) for state in _ORDER]
    named = []
    for one in found:
        office = atlas.offices.get(one.site)
        place = atlas.names.get(office.place, "") if office is not None else ""
        named.append((one, one.site if office is None else office.name, place))
    return PresenceBoard(counts=counts, probes=named)


def _shown(one: Incident, ground: Ground, *, reveal: bool) -> Shown:
    return Shown(
        incident=one,
        head=headline(one, ground, reveal=reveal),
        place=place_name(one.place, ground),
        root=root_name(one, ground, reveal=reveal),
        provider=provider_name(one, ground, reveal=reveal),
    )


def _name(site: str, name: str, ground: Ground, *, reveal: bool) -> str:
    """An office with its line or probe; a node by its name only where that may be shown."""
    office = ground.atlas.offices.get(site)
    if office is not None:
        return f"{office.name} · {name}" if name else office.name
    return name if reveal and name else "•••"
