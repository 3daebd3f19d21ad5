"""nodes.toml: strict, and checked against the registry: a cycle, two parents or an unknown name is refused with its cure."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from doxa_collector.nodes.tree import Network, Node, NodeKind, Tree
from doxa_collector.registry import Registry
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_core.names import IDENTIFIER
from doxa_core.similar import nearest
from doxa_core.strict import Table, read_toml


class _Draft:
    """A node as the file says it, with the table that can refuse."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.id = table.identifier("id")
        self.name = table.text("name")
        self.kind = NodeKind(table.choice("kind", list(NodeKind)))
        self.parent = table.text("parent", None, pattern=IDENTIFIER)
        self.place = table.text("place", None)
        self.provider = table.text("provider", None)
        network = table.choice("network", list(Network), None)
        self.network = None if network is None else Network(network)
        self.behind = table.texts("behind", [])
        self.parent_table = table
        """The table whose key names the parent: this one's `parent`, or another one's `behind`."""
        self.parent_key = "parent"
        self.links: list[tuple[str, str]] = []
        table.close()


def read_tree(file: Path, registry: Registry) -> Tree:
    """The tree in `file`; `InputError` with file, key and cure for what is wrong in it.

    `behind` lists lines as `site/link` and may list nodes by their id; a line or node has one parent, stated once.
    """
    top = read_toml(file)
    drafts = [_Draft(table) for table in top.array("node")]
    top.close()
    named = _by_id(drafts)
    _check_places(drafts, registry)
    _hang_up(drafts, named, registry)
    for draft in drafts:
        _check_parent(draft, named)
    _check_cycles(drafts, named)
    _check_networks(drafts, named, registry)
    return Tree(_node(draft) for draft in drafts)


def _node(draft: _Draft) -> Node:
    return Node(
        id=draft.id,
        name=draft.name,
        kind=draft.kind,
        parent=draft.parent,
        place=draft.place,
        provider=draft.provider,
        network=draft.network,
        links=tuple(draft.links),
    )


def _by_id(drafts: Sequence[_Draft]) -> dict[str, _Draft]:
    named: dict[str, _Draft] = {}
    for draft in drafts:
        if draft.id in named:
            raise draft.table.refuse("id", _TWICE.fill(id=draft.id, first=named[draft.id].table.name_of("id")), _RENAME)
        named[draft.id] = draft
    return named


def _check_places(drafts: Sequence[_Draft], registry: Registry) -> None:
    codes = {place.code for place in registry.places}
    for draft in drafts:
        if draft.place is not None and draft.place not in codes:
            raise draft.table.refuse("place", _NO_PLACE.fill(code=draft.place), _near(draft.place, codes))


def _hang_up(drafts: Sequence[_Draft], named: Mapping[str, _Draft], registry: Registry) -> None:
    """Read every `behind`: lines find their node, nodes their parent."""
    known = {f"{site}/{link}": (site, link) for site, link in registry.lines_of()}
    owners: dict[str, _Draft] = {}
    for draft in drafts:
        for entry in draft.behind:
            if "/" not in entry:
                _adopt(draft, entry, named)
                continue
            if entry not in known:
                raise draft.table.refuse("behind", _unknown_link(entry, registry), _near(entry, known))
            if entry in owners:
                what = _TWO_PARENTS.fill(child=entry, first=owners[entry].id, second=draft.id)
                raise draft.table.refuse("behind", what, _ONE_PARENT)
            owners[entry] = draft
            draft.links.append(known[entry])


def _adopt(parent: _Draft, child: str, named: Mapping[str, _Draft]) -> None:
    found = named.get(child)
    if found is None:
        raise parent.table.refuse("behind", _NO_NODE.fill(id=child), _near(child, named))
    if found.parent is not None:
        what = _TWO_PARENTS.fill(child=child, first=found.parent, second=parent.id)
        raise parent.table.refuse("behind", what, _ONE_PARENT)
    found.parent, found.parent_table, found.parent_key = parent.id, parent.table, "behind"


def _unknown_link(entry: str, registry: Registry) -> Text:
    site = entry.partition("/")[0]
    if site not in {s.site for s in registry.sites}:
        return Text(vi=f"danh mục không có điểm đo «{site}»", en=f"the registry has no site '{site}'")
    return Text(vi=f"danh mục không có đường truyền «{entry}»", en=f"the registry has no link '{entry}'")


def _check_parent(draft: _Draft, named: Mapping[str, _Draft]) -> None:
    if draft.parent is not None and draft.parent not in named:
        raise draft.table.refuse("parent", _NO_NODE.fill(id=draft.parent), _near(draft.parent, named))


def _check_cycles(drafts: Sequence[_Draft], named: Mapping[str, _Draft]) -> None:
    sound: set[str] = set()
    for draft in drafts:
        way: list[str] = []
        here: str | None = draft.id
        while here is not None and here not in sound:
            if here in way:
                circle = [*way[way.index(here) :], here]
                culprit = named[here]
                what = _CYCLE.fill(way=" → ".join(circle))
                raise culprit.parent_table.refuse(culprit.parent_key, what, _BREAK.fill(id=here))
            way.append(here)
            here = named[here].parent
        sound.update(way)


def _check_networks(drafts: Sequence[_Draft], named: Mapping[str, _Draft], registry: Registry) -> None:
    """TSLCD and the Internet never meet, so nothing of one network can be behind a node of the other."""
    kinds = {(line.site, line.link): line.kind for site in registry.sites for line in site.links}
    for draft in drafts:
        above = _network_of(draft, named)
        if above is None:
            continue
        for site, link in draft.links:
            own = Network.TSLCD if kinds[site, link] is LinkKind.TSLCD else Network.INTERNET
            if own is not above:
                what = _OTHER_NETWORK.fill(child=f"{site}/{link}", own=own, id=draft.id, above=above)
                raise draft.table.refuse("behind", what, _MEND_NETWORK)
        parent = None if draft.parent is None else _network_of(named[draft.parent], named)
        if parent is not None and parent is not above:
            what = _OTHER_NETWORK.fill(child=draft.id, own=above, id=draft.parent, above=parent)
            raise draft.parent_table.refuse(draft.parent_key, what, _MEND_NETWORK)


def _network_of(draft: _Draft, named: Mapping[str, _Draft]) -> Network | None:
    """The node's network, or that of the nearest node above which names one."""
    here: _Draft | None = draft
    while here is not None:
        if here.network is not None:
            return here.network
        here = None if here.parent is None else named[here.parent]
    return None


def _near(wanted: str, known: Mapping[str, object] | set[str]) -> Text:
    if near := nearest(wanted, sorted(known)):
        return Text(vi=f"có phải ý bạn là «{near}»?", en=f"did you mean '{near}'?")
    return Text(vi="hãy sửa tên này, hoặc thêm nó vào danh mục", en="mend this name, or add what it names")


_TWICE = Text(vi="nút «{id}» đã được ghi ở {first}", en="the node '{id}' stands already at {first}")
_RENAME = Text(vi="hãy đổi tên hoặc bỏ một trong hai", en="rename or remove one of the two")
_NO_PLACE = Text(vi="danh mục không có địa bàn mã {code}", en="the registry has no place with the code {code}")
_NO_NODE = Text(vi="không có nút «{id}»", en="there is no node '{id}'")
_TWO_PARENTS = Text(
    vi="«{child}» đã đứng sau nút «{first}», không thể đứng sau cả «{second}»",
    en="'{child}' is behind the node '{first}' already and cannot be behind '{second}' too",
)
_ONE_PARENT = Text(vi="hãy chỉ ghi nó ở một nút", en="write it at one node only")
_CYCLE = Text(vi="các nút đứng sau nhau thành vòng: {way}", en="the nodes are behind each other in a circle: {way}")
_BREAK = Text(
    vi="hãy bỏ hoặc sửa nút cha của một trong số đó, ví dụ «{id}»",
    en="remove or mend the parent of one of them, such as '{id}'",
)
_OTHER_NETWORK = Text(
    vi="«{child}» thuộc mạng {own} mà nút «{id}» thuộc mạng {above}",
    en="'{child}' belongs to the network {own}, but the node '{id}' to {above}",
)
_MEND_NETWORK = Text(
    vi="hãy sửa network, hoặc chuyển sang nút của đúng mạng", en="mend network, or move it to a node of its own network"
)
