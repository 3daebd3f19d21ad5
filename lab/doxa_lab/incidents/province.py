"""A made-up province: communes with an office each, an Internet line and a TSLCD line, and the nodes before them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from doxa_collector.nodes.tree import Network, Node, NodeKind, Tree
from doxa_collector.registry import Line, Place, Registry, Site
from doxa_core.linkkind import LinkKind

INTERNET: Final = "internet"
TSLCD: Final = "tslcd"
NOC: Final = "noc"
"""The site of the centre: its probe looks at the nodes."""
CORE: Final = "core"
PROVIDERS: Final = ("VNPT", "Viettel")
CARRIER: Final = "Bưu điện Trung ương"
"""Who carries every TSLCD line here."""


@dataclass(frozen=True)  # no slots: what is derived is kept
class Province:
    """So many communes. Every odd one has two probes, one for each network; every even one has one probe on both lines."""

    code: str = "52"
    name: str = "Tỉnh Gia Lai"
    communes: int = 130

    @property
    def aggregation(self) -> str:
        """The TSLCD aggregation of the province: every TSLCD line is behind it, and it is behind the core."""
        return f"agg-{self.code}"

    def commune(self, n: int) -> str:
        """The code of commune `n` from 1 on."""
        return f"{self.code}{n:03d}"

    def site(self, n: int) -> str:
        """The office of commune `n`."""
        return f"xa-{self.code}-{n:03d}"

    def provider(self, n: int) -> str:
        """Whose Internet line the office of commune `n` has."""
        return PROVIDERS[n % 2 ^ (n // 2) % 2]  # independent of how many probes there are

    def far_end(self, n: int, link: str) -> str:
        """What the lines of commune `n` are measured against: one of two far ends in the whole country."""
        return f"{link}-{'hn' if n % 2 else 'hcm'}"

    def probes(self, n: int) -> dict[str, tuple[str, ...]]:
        """Agent → the links that it carries, the one by which it reaches us first."""
        if n % 2:
            return {f"{self.site(n)}-1": (INTERNET,), f"{self.site(n)}-2": (TSLCD,)}
        return {f"{self.site(n)}-1": (INTERNET, TSLCD)}

    @cached_property
    def sites(self) -> tuple[str, ...]:
        """All offices."""
        return tuple(self.site(n) for n in range(1, self.communes + 1))

    @cached_property
    def carried(self) -> dict[str, tuple[str, ...]]:
        """Agent → its links, of all offices."""
        return {agent: links for n in range(1, self.communes + 1) for agent, links in self.probes(n).items()}

    def places(self) -> Iterable[Place]:
        """The province and its communes."""
        yield Place(code=self.code, name=self.name, level="province", province=self.code)
        for n in range(1, self.communes + 1):
            kind = "Phường" if n % 10 == 0 else "Xã"
            yield Place(code=self.commune(n), name=f"{kind} số {n}", level="commune", province=self.code)

    def offices(self) -> Iterable[Site]:
        """The offices as the registry has them."""
        for n in range(1, self.communes + 1):
            site = self.site(n)
            internet = Line(site=site, link=INTERNET, kind=LinkKind.FIXED, provider=self.provider(n))
            tslcd = Line(site=site, link=TSLCD, kind=LinkKind.TSLCD, provider=CARRIER)
            name = f"UBND {'phường' if n % 10 == 0 else 'xã'} số {n}"
            yield Site(
                site=site, name=name, place=self.commune(n), agents=tuple(self.probes(n)), links=(internet, tslcd)
            )

    def node(self) -> Node:
        """The aggregation with everything behind it."""
        return Node(
            id=self.aggregation,
            name=f"Nút tập trung {self.name}",
            kind=NodeKind.AGGREGATION,
            parent=CORE,
            place=self.code,
            network=Network.TSLCD,
            links=tuple((site, TSLCD) for site in self.sites),
        )


class Country:
    """Provinces under one core, as registry, tree and files."""

    def __init__(self, *provinces: Province) -> None:
        self.provinces = provinces or (Province(),)
        self.registry = Registry(
            places=tuple(place for p in self.provinces for place in p.places()),
            sites=tuple(site for p in self.provinces for site in p.offices()),
        )
        core = Node(id=CORE, name="Nút lõi TSLCD", kind=NodeKind.CORE, network=Network.TSLCD)
        self.tree = Tree([core, *(p.node() for p in self.provinces)])
        self.far_ends = {
            (p.site(n), link): p.far_end(n, link) for p in self.provinces for n in range(1, p.communes + 1) for link in (INTERNET, TSLCD)
        }  # fmt: skip
        self.carried = {agent: links for p in self.provinces for agent, links in p.carried.items()}

    def sites_toml(self) -> str:
        """The registry as sites.toml, with the centre's own site."""
        found = [
            f'[[place]]\ncode = "{p.code}"\nname = "{p.name}"\nlevel = "{p.level}"\n'
            + (f'province = "{p.province}"\n' if p.level == "commune" else "")
            for p in self.registry.places
        ]
        for site in self.registry.sites:
            agents = ", ".join(f'"{a}"' for a in site.agents)
            found.append(
                f'[[site]]\nid = "{site.site}"\nname = "{site.name}"\nplace = "{site.place}"\nagents = [{agents}]\n'
            )
            found += [
                f'[[site.link]]\nid = "{w.link}"\nkind = "{w.kind}"\nprovider = "{w.provider}"\n' for w in site.links
            ]
        found.append(
            f'[[site]]\nid = "{NOC}"\nname = "Trung tâm"\nplace = "{self.provinces[0].code}"\nagents = ["{NOC}-1"]\n'
            f'[[site.link]]\nid = "{TSLCD}"\nkind = "tslcd"\nprovider = "{CARRIER}"\n'
        )
        return "\n".join(found)

    def nodes_toml(self) -> str:
        """The tree as nodes.toml."""
        found = []
        for node in self.tree.nodes.values():
            lines = [
                f'id = "{node.id}"',
                f'name = "{node.name}"',
                f'kind = "{node.kind}"',
                f'network = "{node.network}"',
            ]
            if node.parent is not None:
                lines += [f'parent = "{node.parent}"', f'place = "{node.place}"']
            if node.links:
                lines.append("behind = [" + ", ".join(f'"{site}/{link}"' for site, link in node.links) + "]")
            found.append("[[node]]\n" + "\n".join(lines) + "\n")
        return "\n".join(found)
