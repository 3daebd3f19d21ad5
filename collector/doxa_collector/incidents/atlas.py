"""Where everything is: offices, lines and probes with their places and providers, as correlation and summaries need them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from doxa_collector.ledger import reading
from doxa_collector.ledger.schema import measurement
from doxa_collector.registry import Registry
from doxa_collector.watch.subject import Kind, Subject, line
from doxa_core.errors import WireError
from doxa_core.linkkind import LinkKind
from doxa_core.status import decode

_NONE: Final[tuple[str, ...]] = ()
_LATEST: Final = 50
"""So many measurements of a line tell which probes carry it."""


class Office(NamedTuple):
    """An office of the registry."""

    site: str
    name: str
    place: str
    agents: tuple[str, ...] = ()


class Wire(NamedTuple):
    """A line of an office."""

    kind: LinkKind
    provider: str | None


@dataclass(frozen=True)  # no slots: what is derived is kept
class Atlas:
    """The registry of one day. An office is watched when it has a probe; so are its lines then."""

    names: Mapping[str, str]
    """Place code → name."""
    provinces: Mapping[str, str]
    """Place code → province code."""
    offices: Mapping[str, Office]
    wires: Mapping[tuple[str, str], Wire]
    carried: Mapping[str, tuple[str, ...]]
    """Agent → its links, as it says itself; an agent that never said is missing."""

    @cached_property
    def links_of(self) -> Mapping[str, tuple[str, ...]]:
        """Site → its links."""
        found: dict[str, tuple[str, ...]] = {}
        for site, link in sorted(self.wires):
            found[site] = (*found.get(site, ()), link)
        return found

    @cached_property
    def watched(self) -> frozenset[Subject]:
        """The lines that are watched."""
        return frozenset(line(site, link) for site, link in self.wires if self.is_watched(site))

    @cached_property
    def watched_sites(self) -> Mapping[str, frozenset[str]]:
        """Province code → its watched offices."""
        found: dict[str, set[str]] = {}
        for office in self.offices.values():
            if office.agents:
                found.setdefault(self.province_of(office.site) or "", set()).add(office.site)
        return {code: frozenset(sites) for code, sites in found.items()}

    @cached_property
    def watched_of_provider(self) -> Mapping[tuple[str, str], frozenset[Subject]]:
        """(province, provider) → watched lines; a line without a named provider belongs to nobody."""
        found: dict[tuple[str, str], set[Subject]] = {}
        for subject in self.watched:
            provider = self.provider_of(subject)
            province = self.province_of(subject.site)
            if provider is not None and province is not None:
                found.setdefault((province, provider), set()).add(subject)
        return {key: frozenset(subjects) for key, subjects in found.items()}

    @cached_property
    def probes(self) -> int:
        """How many probes there are."""
        return sum(len(office.agents) for office in self.offices.values())

    def is_watched(self, site: str) -> bool:
        """Whether a probe stands there."""
        office = self.offices.get(site)
        return office is not None and bool(office.agents)

    def place_of(self, site: str) -> str | None:
        """The code of the office's place."""
        office = self.offices.get(site)
        return None if office is None else office.place

    def province_of(self, site: str) -> str | None:
        """The code of the office's province."""
        place = self.place_of(site)
        return None if place is None else self.provinces.get(place)

    def provider_of(self, subject: Subject) -> str | None:
        """The provider of a line."""
        wire = self.wires.get((subject.site, subject.name)) if subject.kind is Kind.LINK else None
        return None if wire is None else wire.provider

    def kind_of(self, subject: Subject) -> LinkKind | None:
        """The kind of a line."""
        wire = self.wires.get((subject.site, subject.name)) if subject.kind is Kind.LINK else None
        return None if wire is None else wire.kind

    def lines_of(self, subject: Subject, said: Iterable[str] = ()) -> frozenset[Subject]:
        """The lines that may be dead where `subject` is silent: a line itself, those of a probe.

        Of a probe: those that the alarm names (`said`), else those that the agent names, else all of its office.
        """
        if subject.kind is Kind.LINK:
            return frozenset((subject,))
        if subject.kind is not Kind.PROBE:
            return frozenset()
        links = tuple(said) or self.carried.get(subject.name, _NONE) or self.links_of.get(subject.site, _NONE)
        return frozenset(line(subject.site, link) for link in links)

    def smallest_place(self, places: Iterable[str | None]) -> str | None:
        """The commune where all are of one, the province where all are of one, else None."""
        found = {place for place in places if place is not None}
        if len(found) == 1:
            return found.pop()
        provinces = {self.provinces.get(place) for place in found}
        return provinces.pop() if len(provinces) == 1 else None


def atlas_of(registry: Registry, day: date, carried: Mapping[str, tuple[str, ...]] | None = None) -> Atlas:
    """The atlas of a registry as it holds on `day`."""

    def holds(first: date, last: date | None) -> bool:
        return first <= day and (last is None or last >= day)

    places = [p for p in registry.places if holds(p.valid_from, p.valid_to)]
    return Atlas(
        names={p.code: p.name for p in places},
        provinces={p.code: p.province for p in places},
        offices={s.site: Office(s.site, s.name, s.place, s.agents) for s in registry.sites},
        wires={
            (line.site, line.link): Wire(line.kind, line.provider)
            for site in registry.sites
            for line in site.links
            if holds(line.valid_from, line.valid_to)
        },
        carried=carried or {},
    )


def read_atlas(conn: Connection, day: date) -> Atlas:
    """The atlas of the ledger's registry as it holds on `day`, with the links that agents name in their statuses."""
    places = reading.places(conn, day)
    agents: dict[str, list[str]] = {}
    carried: dict[str, tuple[str, ...]] = {}
    for row in reading.agents(conn):
        agents.setdefault(row.site, []).append(row.agent)
        if row.raw is not None and (links := _links_in(row.raw)):
            carried[row.agent] = links
    wires = {(w.site, w.link): Wire(LinkKind(w.kind), w.provider) for w in reading.links(conn, day)}
    silent = {site for site, there in agents.items() if not all(agent in carried for agent in there)}
    for agent, links in _measured_over(conn, [key for key in sorted(wires) if key[0] in silent]).items():
        carried.setdefault(agent, links)
    return Atlas(
        names={p.code: p.name for p in places},
        provinces={p.code: p.province for p in places},
        offices={
            s.site: Office(s.site, s.name, s.place_code, tuple(agents.get(s.site, ()))) for s in reading.sites(conn)
        },
        wires=wires,
        carried=carried,
    )


def _measured_over(conn: Connection, lines: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Agent → the lines that it measured lately: a last will names no links, and it takes the place of the status."""
    m, found = measurement.c, dict[str, tuple[str, ...]]()
    for site, link in lines:
        latest = (
            select(m.agent)
            .where(m.site == site, m.link == link)
            .order_by(m.meter.desc(), m.started_us.desc())
            .limit(_LATEST)
            .subquery()
        )
        for agent in conn.execute(select(latest.c.agent).distinct()).scalars():
            found[agent] = (*found.get(agent, ()), link)
    return found


def _links_in(raw: bytes) -> tuple[str, ...]:
    """The links that a status names: a last will names none."""
    try:
        return tuple(sorted(decode(raw).links))
    except WireError:
        return ()
