"""Faults with their truth: what is cut from when to when, and what an incident about it must say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from doxa_collector.incidents.model import Cause
from doxa_lab.incidents.province import INTERNET, NOC, TSLCD, Country, Province

S: Final = 1_000_000
"""Microseconds in a second."""


class Cut(StrEnum):
    """What can fail."""

    LINK = "link"
    """`what` is site/link."""
    POWER = "power"
    """`what` is the site."""
    NODE = "node"
    """`what` is the node; the lines behind it are cut with it."""
    FAR_END = "far_end"
    """`what` is its name; the lines that are measured against it carry everything else."""
    UPLINK = "uplink"
    """The collector's own: nothing arrives."""


@dataclass(frozen=True, slots=True, order=True)
class Outage:
    """One thing that fails, in seconds of the scenario."""

    from_s: float
    to_s: float
    cut: Cut
    what: str = ""
    battery_s: float = 0.0
    """POWER: so long a battery carries the probe, which says so; without one the cause shows only when it returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault as people would report it: exactly one incident must come of it."""

    name: str
    outages: tuple[Outage, ...]
    causes: frozenset[Cause]
    """Any of these is right; the first word of the report is the cause that the evidence allows."""
    sites: frozenset[str]
    """The offices that it reaches; nobody else may be blamed."""
    place: str | None = None
    root: str | None = None
    """The subject that explains the others, as text."""
    provider: str | None = None

    @property
    def from_s(self) -> float:
        """When it begins."""
        return min(o.from_s for o in self.outages)

    @property
    def to_s(self) -> float:
        """When everything is well again."""
        return max(o.to_s for o in self.outages)


def cut_office(province: Province, n: int, from_s: float, to_s: float) -> Fault:
    """Both lines of an office, such as by an excavator."""
    site = province.site(n)
    return Fault(
        name=f"cut {site}",
        outages=tuple(Outage(from_s, to_s, Cut.LINK, f"{site}/{link}") for link in (INTERNET, TSLCD)),
        causes=frozenset((Cause.LINE, Cause.UNKNOWN)),
        sites=frozenset((site,)),
        place=province.commune(n),
    )


def provider_out(province: Province, provider: str, from_s: float, to_s: float) -> Fault:
    """All Internet lines of a provider in a province."""
    sites = [province.site(n) for n in range(1, province.communes + 1) if province.provider(n) == provider]
    return Fault(
        name=f"{provider} in {province.name}",
        outages=tuple(Outage(from_s, to_s, Cut.LINK, f"{site}/{INTERNET}") for site in sites),
        causes=frozenset((Cause.PROVIDER_IN_PROVINCE,)),
        sites=frozenset(sites),
        place=province.code,
        provider=provider,
    )


def node_out(country: Country, node: str, from_s: float, to_s: float) -> Fault:
    """A node with everything behind it."""
    found = country.tree.nodes[node]
    behind = country.tree.behind(found.subject)
    causes = {"aggregation": Cause.AGGREGATION_DOWN, "core": Cause.CORE_DOWN}
    provinces = {site.partition("-")[2].partition("-")[0] for site in (s.site for s in behind) if site}
    return Fault(
        name=f"node {node}",
        outages=(Outage(from_s, to_s, Cut.NODE, node),),
        causes=frozenset((causes.get(found.kind, Cause.NODE_DOWN),)),
        sites=frozenset(s.site for s in behind if s.site),
        place=provinces.pop() if len(provinces) == 1 else None,
        root=str(found.subject),
    )


def far_end_out(country: Country, far_end: str, from_s: float, to_s: float) -> Fault:
    """A far end that answers nobody: no line is to blame."""
    sites = frozenset(site for (site, _), name in country.far_ends.items() if name == far_end)
    provinces = {site.partition("-")[2].partition("-")[0] for site in sites}
    return Fault(
        name=f"far end {far_end}",
        outages=(Outage(from_s, to_s, Cut.FAR_END, far_end),),
        causes=frozenset((Cause.FAR_END,)),
        sites=sites,
        place=provinces.pop() if len(provinces) == 1 else None,
    )


def uplink_out(country: Country, from_s: float, to_s: float) -> Fault:
    """The collector's own line: everything is silent and nobody outside is to blame."""
    return Fault(
        name="own uplink",
        outages=(Outage(from_s, to_s, Cut.UPLINK),),
        causes=frozenset((Cause.COLLECTOR, Cause.BROKER)),
        sites=frozenset((NOC, *(site.site for site in country.registry.sites))),
        root="collector:",
    )


def power_out(province: Province, offices: Iterable[int], from_s: float, to_s: float, *, batteries: int = 2) -> Fault:
    """No mains at some offices; every `batteries`-th has a battery for two minutes, 0: none has, and nobody can know."""
    chosen = list(offices)
    outages = [
        Outage(from_s, to_s, Cut.POWER, province.site(n), 120.0 if batteries and place % batteries == 0 else 0.0)
        for place, n in enumerate(chosen)
    ]
    known = frozenset((Cause.POWER,)) if batteries else frozenset((Cause.AREA, Cause.POWER))
    return Fault(
        name=f"power at {len(chosen)} offices",
        outages=tuple(outages),
        causes=known,
        sites=frozenset(map(province.site, chosen)),
        place=province.commune(chosen[0]) if len(chosen) == 1 else province.code,
    )


def flapping(province: Province, n: int, from_s: float, times: int, every_s: float) -> Fault:
    """An office whose lines come and go."""
    site = province.site(n)
    return Fault(
        name=f"flapping {site}",
        outages=tuple(
            Outage(from_s + k * every_s, from_s + (k + 0.5) * every_s, Cut.LINK, f"{site}/{link}")
            for k in range(times)
            for link in (INTERNET, TSLCD)
        ),
        causes=frozenset((Cause.LINE, Cause.UNKNOWN)),
        sites=frozenset((site,)),
        place=province.commune(n),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Faults over a country for so many seconds, from a moment on."""

    country: Country
    faults: tuple[Fault, ...]
    seconds: float
    start_us: int = 1_795_482_000 * S
    """24/11/2026 08:00 in Vietnam."""
    seed: int = 1

    def outages(self) -> Iterator[Outage]:
        """All outages of all faults."""
        for fault in self.faults:
            yield from fault.outages
