"""`doxa_incident`: each incident as one point that is written again with every change of it.

It stands at the moment when it was opened, with the remainder of its number by 1000 as nanoseconds: both never change. Its
beginning, cause, place and severity may, so they are fields and not tags: a changed tag would be another point, and the
former one would stay. `doxa_incident_5m` counts what was open at the end of each window.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, func, or_, select

from doxa_collector.incidents import store
from doxa_collector.incidents.atlas import read_atlas
from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.model import Incident, State, Turn
from doxa_collector.incidents.settings import Settings
from doxa_collector.incidents.summary import headline, provider_name
from doxa_collector.ledger.schema import incident, incident_entry
from doxa_collector.nodes.tree import Network
from doxa_collector.papers.secrecy import mask_addresses
from doxa_collector.period import DAY_US, local_day
from doxa_collector.series._batch import batch, position_of
from doxa_collector.series._registry import Register, is_internal
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Kind, Subject
from doxa_core.codes import COUNTRY, INCIDENT_STATES, SEVERITIES
from doxa_core.linkkind import LinkKind

_WINDOW_US: Final = 300_000_000
_SETTLE_US: Final = 30_000_000
_BACK_US: Final = 92 * DAY_US
"""How far back a new sink gets the counts."""
_ENTRIES: Final = 500
_RETOLD: Final = (Turn.RECAST.value, Turn.REOPENED.value)
"""The changes after which earlier windows count otherwise."""


def streams(world: World) -> Sequence[Stream]:
    """The incidents, the counts, and the counts that a change makes others."""
    return Incidents(world), Counts(world), Recounts(world)


class Sight:
    """How an incident is seen: by whom, of where, in which words.

    Who may see it follows from the registry and the tree alone, never from what probes say of themselves: a probe of an
    office with a TSLCD line may be on it.
    """

    def __init__(self, conn: Connection, world: World, register: Register) -> None:
        self._conn, self._tree, self._day = conn, world.tree(), local_day(world.now_us())
        self.view = register.on(conn, self._day)
        self._grounds: tuple[Ground, Ground] | None = None

    def is_secret(self, subject: Subject) -> bool:
        """Whether a member is *nội bộ*: a TSLCD line or one that nobody knows, a probe that may be on one, the collector."""
        if subject.kind is Kind.NODE:
            node = self._tree.get(subject)
            return node is None or node.network is not Network.INTERNET
        if subject.kind is Kind.PROBE:
            return LinkKind.TSLCD in self.view.kinds_of(subject.site)
        lines = self.view.by_site.get(subject.site, ())
        kind = next((row["kind"] for row in lines if row["link"] == subject.name), None)
        return subject.kind is Kind.COLLECTOR or is_internal(kind)

    def _ground(self, *, secret: bool) -> Ground:
        """For sentences. In the public ones offices have no TSLCD lines at all, or "TSLCD is well" would stand there."""
        if self._grounds is None:
            atlas, settings = read_atlas(self._conn, self._day), Settings()
            plain = {key: wire for key, wire in atlas.wires.items() if wire.kind is not LinkKind.TSLCD}
            public = Ground(self._tree, replace(atlas, wires=plain), settings)
            self._grounds = Ground(self._tree, atlas, settings), public
        return self._grounds[0 if secret else 1]

    def secret_since(self, found: Incident) -> int | None:
        """When it became *nội bộ*; None while it is not."""
        if found.root is not None and self.is_secret(found.root):
            return found.opened_us
        return min((m.joined_us for m in found.members if self.is_secret(m.subject)), default=None)

    def provinces(self, found: Incident, at_us: int | None = None) -> frozenset[str]:
        """The provinces whose offices it reaches (by then)."""
        sites = {m.subject.site for m in found.members if m.subject.site and (at_us is None or m.joined_us <= at_us)}
        return frozenset(code for site in sites if (code := self.view.province_of(site)) is not None)

    def fields(self, found: Incident, *, secret: bool) -> dict[str, float | str | None]:
        """Everything that is told of it."""
        ground = self._ground(secret=secret)
        kinds = {ground.atlas.kind_of(line) for m in found.members for line in ground.atlas.lines_of(m.subject)}
        kind = next(iter(kinds)) if len(kinds) == 1 else None
        provinces = self.provinces(found)
        ended = ended_us(found)
        return {
            "number": float(found.id), "state_code": float(INCIDENT_STATES[found.state].number),
            "severity_code": float(SEVERITIES[found.severity].number), "sites_count": float(len(found.sites)),
            "muted_flag": float(found.muted), "absorbed_flag": float(found.absorbed_by is not None),
            "delay_s": (found.opened_us - found.began_us) / 1e6,
            "duration_s": None if ended is None else max(0, ended - found.began_us) / 1e6,
            "title": f"Sự cố {found.id}: {found.cause.text.vi}",
            "text": mask_addresses(headline(found, ground).vi),
            "province": next(iter(provinces)) if len(provinces) == 1 else COUNTRY,
            "provinces": f" {' '.join(sorted(provinces) or [COUNTRY])} ", "place": found.place or "",
            "provider": provider_name(found, ground) or "", "kind": "" if kind is None else kind.value,
            "cause": found.cause.value,
        }  # fmt: skip


def ended_us(found: Incident) -> int | None:
    """When it was over; None while it lasts."""
    ends = [at for at in (found.resolved_us, found.closed_us) if at is not None]
    return None if found.state.is_live else min(ends, default=found.opened_us)


class Incidents:
    """The incidents in the order of their changes; the position is the line of their history."""

    suffix = "/incidents"

    def __init__(self, world: World) -> None:
        self._world, self._register = world, Register()

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:
        """Each incident that changed, as it stands now."""
        e = incident_entry.c
        rows = conn.execute(select(e.id, e.incident).where(e.id > position).order_by(e.id).limit(limit)).all()
        if not rows:
            return []
        sight = Sight(conn, self._world, self._register)
        found = (store.get(conn, number) for number in dict.fromkeys(row.incident for row in rows))
        points = [_point(one, sight) for one in found if one is not None]
        return batch(points, before=position, after=rows[-1].id)

    def position(self, item: Item) -> int:
        """The line of the history."""
        return position_of(item)


def _point(found: Incident, sight: Sight) -> Point:
    since = sight.secret_since(found)
    fields = sight.fields(found, secret=since is not None)
    return Point(
        tier=Tier.LONG, measurement="doxa_incident", tags={}, fields=fields, at_us=found.opened_us, rank=found.id % 1000,
        internal=since is not None, public=_withdrawn(fields) if since is not None and since > found.opened_us else None,
        position=0,
    )  # fmt: skip


def _withdrawn(fields: dict[str, Any]) -> dict[str, float | str | None]:
    """What the public store gets of an incident that it was told of, and that reaches TSLCD lines now: it is put away."""
    empty = {name: "" for name, value in fields.items() if isinstance(value, str)}
    state = float(INCIDENT_STATES[State.CLOSED].number)
    return empty | {"number": fields["number"], "state_code": state, "absorbed_flag": 1.0, "sites_count": 0.0}


class Counts:
    """How many incidents were open at the end of each window; the position is that end."""

    suffix = "/incident_5m"

    def __init__(self, world: World) -> None:
        self._world, self._register = world, Register()

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:
        """The windows after `position` that have ended."""
        due = _due(self._world)
        start = max(position, _floor(due - _BACK_US))
        if start > position:
            first = conn.execute(select(func.min(incident.c.began_us))).scalar()
            start = max(start, due - _WINDOW_US if first is None else _floor(first))
        if start + _WINDOW_US > due:
            return []
        points = _counted(
            conn, Sight(conn, self._world, self._register), start, min(due, start + _WINDOW_US * max(1, limit // 100))
        )
        return batch(points, before=position, after=points[-1].at_us + _WINDOW_US if points else due)

    def position(self, item: Item) -> int:
        """The end of the window."""
        return position_of(item)


class Recounts:
    """Changes that make earlier counts others (another severity, a return); the position is the line of the history."""

    suffix = "/incident_5m_found"

    def __init__(self, world: World) -> None:
        self._world, self._register = world, Register()

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:  # noqa: ARG002 - a change is whole
        """The windows since such an incident was opened, of the last day at most."""
        e, due = incident_entry.c, _due(self._world)
        last = conn.execute(select(func.max(e.id)).where(e.at_us < due - DAY_US)).scalar() or 0
        if position < last:
            return batch((), before=position, after=last)
        rows = conn.execute(
            select(e.id, e.incident, e.action).where(e.id > position).order_by(e.id).limit(_ENTRIES)
        ).all()
        found = (store.get(conn, row.incident) for row in rows if row.action in _RETOLD)
        opened = min((one.opened_us for one in found if one is not None), default=due)
        start = max(_floor(opened), due - DAY_US)
        points = _counted(conn, Sight(conn, self._world, self._register), start, due) if start < due else []
        return batch(points, before=position, after=rows[-1].id if rows else position)

    def position(self, item: Item) -> int:
        """The line of the history."""
        return position_of(item)


def _floor(moment_us: int) -> int:
    return moment_us - moment_us % _WINDOW_US


def _due(world: World) -> int:
    """The end of the last window that is to be written."""
    return _floor(world.now_us() - _SETTLE_US)


def _counted(conn: Connection, sight: Sight, from_us: int, to_us: int) -> list[Point]:
    found = [(one, sight.secret_since(one)) for one in _lasting(conn, from_us, to_us)]
    return [point for start in range(from_us, to_us, _WINDOW_US) for point in _count(start, found, sight)]


def _lasting(conn: Connection, from_us: int, to_us: int) -> list[Incident]:
    """The incidents that lasted at some moment of a span."""
    c = incident.c
    live = c.state.in_([State.OPEN.value, State.ACKNOWLEDGED.value])
    query = select(c.id).where(c.began_us < to_us, or_(live, func.coalesce(c.resolved_us, c.closed_us) > from_us))
    found = (store.get(conn, number) for number in conn.execute(query).scalars().all())
    return [one for one in found if one is not None]


def _count(start_us: int, found: Iterable[tuple[Incident, int | None]], sight: Sight) -> Iterator[Point]:
    at = start_us + _WINDOW_US
    counted: dict[tuple[str, Severity], list[bool]] = {}
    once: dict[Severity, list[bool]] = {}
    for one, secret in found:
        ended = ended_us(one)
        if one.opened_us <= at and (ended is None or ended > at):
            once.setdefault(one.severity, []).append(secret is None)
            for code in sight.provinces(one, at) or {COUNTRY}:
                counted.setdefault((code, one.severity), []).append(secret is None)
    for code in sorted({*sight.view.provinces, COUNTRY, *(code for code, _ in counted)}):
        for severity in Severity:
            public, every = counted.get((code, severity), []), once.get(severity, [])
            fields, shown = {"open_count": float(len(public))}, {"open_count": float(sum(public))}
            if code == COUNTRY:  # one that reaches several provinces counts in each of them, but in the country once
                fields["all_count"], shown["all_count"] = float(len(every)), float(sum(every))
            yield Point(
                tier=Tier.FIVE_MINUTES, measurement="doxa_incident_5m", tags={"province": code, "severity": severity.value},
                fields=fields, at_us=start_us, internal=True, public=shown, position=0,
            )  # fmt: skip
