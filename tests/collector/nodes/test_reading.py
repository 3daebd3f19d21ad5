"""nodes.toml: what it says, and each mistake refused with file, key and cure."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.nodes.reading import read_tree
from doxa_collector.nodes.standing import StandingTree
from doxa_collector.nodes.tree import NodeKind, Tree
from doxa_collector.registry import Line, Place, Registry, Site
from doxa_collector.watch.subject import line, node
from doxa_core.errors import InputError
from doxa_core.language import choose_language
from doxa_core.linkkind import LinkKind

REGISTRY = Registry(
    places=(
        Place(code="20", name="Tỉnh Lạng Sơn", level="province", province="20"),
        Place(code="06184", name="Xã Đồng Đăng", level="commune", province="20"),
    ),
    sites=tuple(
        Site(
            site=name,
            name=name,
            place="06184",
            agents=(),
            links=(
                Line(site=name, link="tslcd", kind=LinkKind.TSLCD),
                Line(site=name, link="internet", kind=LinkKind.FIXED),
            ),
        )
        for name in ("dong-dang", "that-khe")
    ),
)
GOOD = """
[[node]]
id = "core"
name = "Nút lõi"
kind = "core"
network = "tslcd"

[[node]]
id = "agg-20"
name = "Nút tập trung Lạng Sơn"
kind = "aggregation"
parent = "core"
place = "20"
behind = ["dong-dang/tslcd", "router-tk"]

[[node]]
id = "router-tk"
name = "Bộ định tuyến Thất Khê"
kind = "router"
behind = ["that-khe/tslcd"]
"""


@pytest.fixture(autouse=True)
def english() -> None:
    choose_language("en")


def write(folder: Path, text: str) -> Path:
    file = folder / "nodes.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_ancestors_come_nearest_first_and_behind_holds_every_depth(tmp_path: Path) -> None:
    tree = read_tree(write(tmp_path, GOOD), REGISTRY)
    assert tree.ancestors(line("that-khe", "tslcd")) == (node("router-tk"), node("agg-20"), node("core"))
    assert tree.ancestors(line("that-khe", "internet")) == ()
    assert tree.behind(node("agg-20")) == {
        line("dong-dang", "tslcd"), line("that-khe", "tslcd"), node("router-tk")
    }  # fmt: skip
    assert tree.links_behind(node("core")) == {line("dong-dang", "tslcd"), line("that-khe", "tslcd")}
    assert tree.behind(node("stranger")) == frozenset()
    found = tree.get(node("agg-20"))
    assert found is not None
    assert (found.kind, found.place, found.parent) == (NodeKind.AGGREGATION, "20", "core")


NODE = '[[node]]\nid = "{id}"\nname = "x"\nkind = "other"\n'
REFUSALS = {
    "a cycle is named with its members": (
        NODE.format(id="a") + 'parent = "b"\n' + NODE.format(id="b") + 'parent = "c"\n' + NODE.format(id="c")
        + 'parent = "a"\n',
        "node[1].parent: the nodes are behind each other in a circle: a → b → c → a; remove or mend the parent of one",
    ),
    "a cycle through behind names that key": (
        NODE.format(id="a") + 'behind = ["b"]\n' + NODE.format(id="b") + 'behind = ["a"]\n',
        "node[2].behind: the nodes are behind each other in a circle: a → b → a",
    ),
    "its own parent": (NODE.format(id="a") + 'parent = "a"\n', "node[1].parent: the nodes are behind each other in a c"),
    "an unknown parent": (
        NODE.format(id="core-1") + NODE.format(id="b") + 'parent = "core-2"\n',
        "node[2].parent: there is no node 'core-2'; did you mean 'core-1'?",
    ),
    "an unknown node behind": (NODE.format(id="a") + 'behind = ["b"]\n', "node[1].behind: there is no node 'b'"),
    "a link behind two nodes": (
        NODE.format(id="a") + 'behind = ["dong-dang/tslcd"]\n' + NODE.format(id="b") + 'behind = ["dong-dang/tslcd"]\n',
        "node[2].behind: 'dong-dang/tslcd' is behind the node 'a' already and cannot be behind 'b' too; write it at on",
    ),
    "a node with two parents": (
        NODE.format(id="a") + NODE.format(id="b") + 'parent = "a"\n' + NODE.format(id="c") + 'behind = ["b"]\n',
        "node[3].behind: 'b' is behind the node 'a' already and cannot be behind 'c' too; write it at one node only",
    ),
    "an unknown site": (
        NODE.format(id="a") + 'behind = ["dong-dan/tslcd"]\n',
        "node[1].behind: the registry has no site 'dong-dan'; did you mean 'dong-dang/tslcd'?",
    ),
    "an unknown link": (
        NODE.format(id="a") + 'behind = ["dong-dang/mobile"]\n',
        "node[1].behind: the registry has no link 'dong-dang/mobile'; did you mean",
    ),
    "an id twice": (
        NODE.format(id="a") + NODE.format(id="a"),
        "node[2].id: the node 'a' stands already at {file}: node[1].id; rename or remove one of the two",
    ),
    "an unknown place": (
        NODE.format(id="a") + 'place = "06185"\n',
        "node[1].place: the registry has no place with the code 06185; did you mean '06184'?",
    ),
    "an unknown key": (NODE.format(id="a") + 'parents = "b"\n', "node[1].parents: this key does not exist; did you mean"),
    "a link of the other network": (
        NODE.format(id="a") + 'network = "internet"\nbehind = ["dong-dang/tslcd"]\n',
        "node[1].behind: 'dong-dang/tslcd' belongs to the network tslcd, but the node 'a' to internet; mend network",
    ),
    "a node of the other network": (
        NODE.format(id="a") + 'network = "internet"\n' + NODE.format(id="b") + 'network = "tslcd"\nparent = "a"\n',
        "node[2].parent: 'b' belongs to the network tslcd, but the node 'a' to internet",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_mistake_is_refused_with_file_key_and_cure(tmp_path: Path, name: str) -> None:
    text, wanted = REFUSALS[name]
    file = write(tmp_path, text)
    with pytest.raises(InputError) as refusal:
        read_tree(file, REGISTRY)
    assert str(refusal.value).startswith(f"{file}: {wanted.format(file=file)}")
    assert refusal.value.exit_code == 2


def test_a_bad_file_leaves_the_last_good_tree_in_force(tmp_path: Path) -> None:
    standing = StandingTree(tmp_path / "nodes.toml")
    assert not standing.reload(REGISTRY)
    assert standing.tree == Tree()
    assert standing.trouble is None
    write(tmp_path, GOOD)
    assert standing.reload(REGISTRY)
    good = standing.tree
    write(tmp_path, GOOD + NODE.format(id="core"))
    assert not standing.reload(REGISTRY)
    assert standing.tree is good
    assert "stands already" in str(standing.trouble)
    write(tmp_path, GOOD)
    assert not standing.reload(REGISTRY)
    assert standing.trouble is None


@given(st.dictionaries(st.sampled_from("abcdef"), st.none() | st.sampled_from("abcdefg"), min_size=1))
def test_what_is_accepted_is_a_tree_and_what_is_refused_says_why(
    tmp_path_factory: pytest.TempPathFactory, parents: dict[str, str | None]
) -> None:
    choose_language("en")
    text = "".join(
        NODE.format(id=child) + (f'parent = "{parent}"\n' if parent else "") for child, parent in parents.items()
    )
    file = write(tmp_path_factory.mktemp("nodes"), text)
    try:
        tree = read_tree(file, REGISTRY)
    except InputError:
        assert any(p is not None and p not in parents for p in parents.values()) or any(
            circles(parents, child) for child in parents
        )
        return
    for child in parents:
        above = tree.ancestors(node(child))
        assert node(child) not in above
        assert all(node(child) in tree.behind(one) for one in above)


def circles(parents: dict[str, str | None], start: str) -> bool:
    here, steps = parents.get(start), 0
    while here is not None and steps < 10:
        if here == start:
            return True
        here, steps = parents.get(here), steps + 1
    return False
