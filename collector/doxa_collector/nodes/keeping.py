"""The tree of nodes as rows of plain values, for what a closed month keeps of it, and back."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from doxa_collector.nodes.tree import Network, Node, NodeKind, Tree

Row = Mapping[str, Any]
_TEXTS: Final = ("id", "name", "parent", "place", "provider")
_NAMES: Final = frozenset((*_TEXTS, "kind", "network", "links"))


def tree_as_rows(tree: Tree) -> tuple[Row, ...]:
    """One row a node by its id, without what it does not have; lines as sorted pairs of site and link."""
    return tuple(_row(tree.nodes[name]) for name in sorted(tree.nodes))


def tree_from_rows(rows: Iterable[Row]) -> Tree:
    """What `tree_as_rows` wrote; `ValueError` for anything else."""
    try:
        nodes = {node.id: node for node in map(_node, rows)}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(_NO_TREE) from error
    for node in nodes.values():
        _refuse_cycle(node, nodes)
    return Tree(nodes.values())


def _row(node: Node) -> Row:
    found = {name: getattr(node, name) for name in _NAMES if getattr(node, name) is not None}
    return found | {"links": sorted([site, link] for site, link in node.links)}


def _node(row: Row) -> Node:
    network, texts = row.get("network"), {name: row[name] for name in _TEXTS if name in row}
    links = [tuple(pair) for pair in row["links"]]
    if set(row) - _NAMES or not all(isinstance(word, str) for pair in (texts.values(), *links) for word in pair):
        raise TypeError(_NO_TREE)
    return Node(
        **texts,
        kind=NodeKind(row["kind"]),
        network=None if network is None else Network(network),
        links=tuple((site, link) for site, link in links),
    )


def _refuse_cycle(node: Node, nodes: Mapping[str, Node]) -> None:
    """A tree climbs from parent to parent: a node that stands behind itself would never let it end."""
    passed, above = {node.id}, node.parent
    while above is not None and above in nodes:
        if above in passed:
            raise ValueError(_NO_TREE)
        passed.add(above)
        above = nodes[above].parent


_NO_TREE: Final = "this is not a tree of nodes"
