"""The tree of nodes: who is behind whom, so that one failing node explains what fails behind it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from doxa_collector.watch.subject import Kind, Subject
from doxa_collector.watch.subject import line as line_subject
from doxa_collector.watch.subject import node as node_subject
from doxa_core.language import Text

_NOTHING: Final[frozenset[Subject]] = frozenset()


class NodeKind(StrEnum):
    """What a node does."""

    ROUTER = "router"
    AGGREGATION = "aggregation"
    CORE = "core"
    DNS = "dns"
    PORTAL = "portal"
    OTHER = "other"

    @property
    def text(self) -> Text:
        """The word that people read."""
        return _KINDS[self]


_KINDS = {
    NodeKind.ROUTER: Text(vi="bộ định tuyến", en="router"),
    NodeKind.AGGREGATION: Text(vi="nút tập trung", en="aggregation"),
    NodeKind.CORE: Text(vi="nút lõi", en="core"),
    NodeKind.DNS: Text(vi="máy chủ DNS", en="DNS server"),
    NodeKind.PORTAL: Text(vi="cổng thông tin", en="portal"),
    NodeKind.OTHER: Text(vi="nút mạng", en="node"),
}


class Network(StrEnum):
    """The network that a node belongs to: the two never meet (domain.md §5)."""

    INTERNET = "internet"
    TSLCD = "tslcd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of the network."""

    id: str
    name: str
    kind: NodeKind
    parent: str | None = None
    """The node that it is behind, seen from the centre; None for a root."""
    place: str | None = None
    """The code of the place where it stands."""
    provider: str | None = None
    network: Network | None = None
    links: tuple[tuple[str, str], ...] = ()
    """The lines directly behind it, as (site, link)."""

    @property
    def subject(self) -> Subject:
        """What alarms about it name."""
        return node_subject(self.id)


class Tree:
    """A tree without contradictions; whoever makes one has checked it (`nodes.reading`)."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self.nodes: Mapping[str, Node] = MappingProxyType({n.id: n for n in nodes})
        self._above = {n.subject: node_subject(n.parent) for n in self.nodes.values() if n.parent is not None}
        for found in self.nodes.values():
            self._above |= {line_subject(site, link): found.subject for site, link in found.links}
        self._behind = self._gather()
        self._children: dict[Subject, list[Subject]] = {}
        for found in self.nodes.values():
            if found.parent is not None:
                self._children.setdefault(node_subject(found.parent), []).append(found.subject)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and dict(self.nodes) == dict(other.nodes)

    def __hash__(self) -> int:
        return hash(frozenset(self.nodes.values()))

    def _gather(self) -> dict[Subject, frozenset[Subject]]:
        found: dict[Subject, set[Subject]] = {n.subject: set() for n in self.nodes.values()}
        for subject in self._above:
            for above in self._climb(subject):
                found[above].add(subject)
        return {subject: frozenset(below) for subject, below in found.items()}

    def _climb(self, subject: Subject) -> Iterable[Subject]:
        above = self._above.get(subject)
        while above is not None:
            yield above
            above = self._above.get(above)

    def ancestors(self, subject: Subject) -> tuple[Subject, ...]:
        """The nodes that a line or node is behind, nearest first; empty for what the tree does not hold.

        A probe stands behind no node itself: its lines do, and which of them carries it is not the tree's to know.
        """
        return tuple(self._climb(subject))

    def children(self, node: Subject) -> tuple[Subject, ...]:
        """The nodes directly behind `node`."""
        return tuple(self._children.get(node, ()))

    def behind(self, node: Subject) -> frozenset[Subject]:
        """Every line and node behind `node`, at any depth; empty for a node that the tree does not hold."""
        return self._behind.get(node, _NOTHING)

    def links_behind(self, node: Subject) -> frozenset[Subject]:
        """The lines among `behind(node)`."""
        return frozenset(s for s in self.behind(node) if s.kind is Kind.LINK)

    def get(self, subject: Subject | None) -> Node | None:
        """The node that a subject names."""
        return None if subject is None or subject.kind is not Kind.NODE else self.nodes.get(subject.name)
