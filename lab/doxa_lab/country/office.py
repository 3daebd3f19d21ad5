"""Reading the offices of the country in small: strict TOML, one office a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.strict import Table, read_toml
from doxa_lab.net.line import Line

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The commune of an office and its province, with the codes of 2025."""

    code: str
    name: str
    province: str
    province_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """When a line goes down, in seconds of the demo: first at `after_s`, for `for_s`, then once in `every_s`."""

    after_s: float
    for_s: float
    every_s: float

    def down_at(self, elapsed_s: float) -> bool:
        """Whether the line is down at this moment of the demo."""
        since = elapsed_s - self.after_s
        return since >= 0 and since % self.every_s < self.for_s


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeLink:
    """One line of an office: its truth, and what was contracted."""

    name: str
    kind: LinkKind
    provider: str
    layer: Layer
    """Where `down_mbps` and `up_mbps` are counted, and the layer of the verdict that the line was chosen for."""
    down_mbps: float
    up_mbps: float
    rtt_ms: float
    jitter_ms: float
    loss: float
    contracted_down_mbps: float | None = None
    contracted_up_mbps: float | None = None
    contracted_layer: Layer | None = None
    outage: Outage | None = None

    @property
    def line(self) -> Line:
        """The line that the laboratory lays."""
        return Line.carrying(
            self.down_mbps,
            self.up_mbps,
            self.layer,
            rtt_ms=self.rtt_ms,
            jitter_ms=self.jitter_ms,
            loss=self.loss,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """An office: a site with its place, its plan and its lines."""

    site: str
    name: str
    plan: str
    """The id of the plan that it was chosen for."""
    place: Place
    links: tuple[OfficeLink, ...]

    @property
    def probes(self) -> dict[str, tuple[OfficeLink, ...]]:
        """Agent → its lines. TSLCD has a probe of its own: one probe for each network is the rule (domain.md §5)."""
        groups = {
            f"{self.site}-1": tuple(link for link in self.links if link.kind is not LinkKind.TSLCD),
            f"{self.site}-2": tuple(link for link in self.links if link.kind is LinkKind.TSLCD),
        }
        return {agent: links for agent, links in groups.items() if links}


def read_offices(files: Sequence[Path] | None = None) -> tuple[Office, ...]:
    """The offices in `files` (those of the country by default); `InputError` for what is wrong in one."""
    found = sorted(FOLDER.glob("*.toml")) if files is None else files
    return tuple(_office(read_toml(file)) for file in found)


def _office(top: Table) -> Office:
    place = top.table("place")
    office = Office(
        site=top.identifier("site"),
        name=top.text("name"),
        plan=top.identifier("plan"),
        place=Place(
            code=place.text("code"),
            name=place.text("name"),
            province=place.text("province"),
            province_name=place.text("province_name"),
        ),
        links=tuple(_link(name, table) for name, table in top.tables("link")),
    )
    place.close()
    top.close()
    return office


def _link(name: str, table: Table) -> OfficeLink:
    contracted = table.choice("contracted_layer", list(Layer), None)
    link = OfficeLink(
        name=name,
        kind=LinkKind(table.choice("kind", list(LinkKind))),
        provider=table.text("provider"),
        layer=Layer(table.choice("layer", list(Layer))),
        down_mbps=table.number("down_mbps", 1, 1000),
        up_mbps=table.number("up_mbps", 1, 1000),
        rtt_ms=table.number("rtt_ms", 0, 1000),
        jitter_ms=table.number("jitter_ms", 0, 100),
        loss=table.number("loss", 0, 0.5, 0.0),
        contracted_down_mbps=table.number("contracted_down_mbps", 1, 1e5, None),
        contracted_up_mbps=table.number("contracted_up_mbps", 1, 1e5, None),
        contracted_layer=None if contracted is None else Layer(contracted),
        outage=_outage(table.table("outage", optional=True)),
    )
    table.close()
    return link


def _outage(table: Table | None) -> Outage | None:
    if table is None:
        return None
    outage = Outage(
        after_s=table.number("after_s", 0, 86400),
        for_s=table.number("for_s", 1, 86400),
        every_s=table.number("every_s", 2, 86400),
    )
    table.close()
    return outage
