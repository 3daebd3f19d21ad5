"""One office: its lines with their state, and its agents with since when they are there or gone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import agent_status, probe
from doxa_collector.web.linkstate import LinkState, by_site, link_states
from doxa_collector.web.places import Atlas, Site
from doxa_collector.web.settings import Settings
from doxa_core.status import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent of an office; `state` is None where it never said anything."""

    name: str
    state: str | None
    reason: str | None
    since_us: int | None
    received_us: int | None
    version: str | None
    waiting: int | None
    """Measurements in its spool."""
    dropped: int | None
    """Measurements that a full spool lost."""
    clock_synchronised: bool | None
    findings: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What the page of an office, or its entry in a list, shows."""

    site: Site
    place: str
    province: str | None
    links: Sequence[LinkState]
    agents: Sequence[Agent]


def read_offices(
    conn: Connection, atlas: Atlas, sites: Sequence[Site], *, settings: Settings, now_us: int
) -> list[Office]:
    """The offices `sites`, in that order."""
    names = [site.site for site in sites]
    links = by_site(link_states(conn, names, now_us=now_us, silent_after_s=settings.silent_after_s))
    agents = _agents(conn, names)
    return [
        Office(
            site=site,
            place=atlas.name_of(site.place),
            province=None if (code := atlas.provinces.get(site.place)) is None else atlas.name_of(code),
            links=links.get(site.site, ()),
            agents=agents.get(site.site, ()),
        )
        for site in sites
    ]


def sites_without_agent(conn: Connection) -> set[str]:
    """The offices with an agent that is offline."""
    query = select(agent_status.c.site).where(agent_status.c.state == State.OFFLINE.value)
    return set(conn.execute(query).scalars())


def _agents(conn: Connection, sites: Sequence[str]) -> dict[str, list[Agent]]:
    s = agent_status.c
    query = (
        select(probe.c.agent, probe.c.site, s.state, s.reason, s.since_us, s.received_us, s.raw)
        .select_from(probe.outerjoin(agent_status, probe.c.agent == s.agent))
        .where(probe.c.site.in_(sites))
        .order_by(probe.c.site, probe.c.agent)
    )
    found: dict[str, list[Agent]] = {}
    for row in conn.execute(query):
        said = {} if row.raw is None else json.loads(row.raw)
        found.setdefault(row.site, []).append(
            Agent(
                name=row.agent,
                state=row.state,
                reason=row.reason,
                since_us=row.since_us,
                received_us=row.received_us,
                version=said.get("version"),
                waiting=said.get("spool_rows"),
                dropped=said.get("spool_dropped"),
                clock_synchronised=said.get("clock_synchronised"),
                findings=tuple(said.get("findings", ())),
            )
        )
    return found
