"""What a month's inputs keep from before its first day, and what months of former formats go on saying."""

import base64
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from tests.collector.assess.conftest import Books, area, level, plan_of
from tests.collector.assess.test_rules import AFTER, NOVEMBER, P95, QCVN, line, polled, transfers

from doxa_collector.assess import METHOD, Settings
from doxa_collector.assess.closing import as_kept, judge_again, kept_result, latest_closings
from doxa_collector.assess.inputs import FORMAT, Inputs, canonical, decode, read_inputs
from doxa_collector.assess.judging import judge_month
from doxa_collector.assess.run import reopen
from doxa_collector.assess.storing import as_row
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.nodes.keeping import tree_as_rows, tree_from_rows
from doxa_collector.nodes.tree import Network, Node, NodeKind, Tree
from doxa_collector.plans import Plan
from doxa_collector.rollups.raw import Raw

GOLDEN = Path(__file__).with_name("golden") / "closing-inputs-2.json"
OLD = {"valid_from": "2026-01-01", "valid_to": "2026-10-31"}


def fill(books: Books) -> Plan:
    """A contract of 100 Mbps until the end of October, traffic of 95 until 2 November, and 200 Mbps from the 1st on."""
    books.place("18073")
    books.office("x", "18073")
    line(books, **OLD)
    line(books, valid_from="2026-11-01", contracted_down_mbps=200.0)
    books.line("x", "wan", "fixed", contracted_down_mbps=100, contracted_up_mbps=100)
    books.line("x", "old", "mobile", valid_to="2026-10-31")
    polled(books, lambda day, _n: 95.0 if day < date(2026, 11, 3) else 60.0, first=date(2026, 10, 26), days=12)
    transfers(books, 1000, 81)
    return plan_of(P95, QCVN, level(70, name="download_mean_mbps", ispeed=False), where=area("18073"))


def outcomes(result: bytes) -> dict[str, str]:
    return {row["target"]: row["outcome"] for row in json.loads(result)}


def test_a_month_closed_with_the_second_format_is_shown_as_kept_still_judged_by_it_and_anew_with_the_third(
    books: Books,
) -> None:
    """Golden bytes, written by doxa before format 3 and by method 2: no week that reaches into October has its contract
    there. Nothing was skipped, so today's method says of these inputs what that one said."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    plan = fill(books)
    with writing(books.engine) as conn:
        conn.execute(insert(schema.closing).values(**golden["closing"]))
        for digest, one in golden["snapshots"].items():
            row = {"digest": digest, "kind": one["kind"], "content": base64.b64decode(one["packed"])}
            conn.execute(insert(schema.snapshot).values(**row))

    with reading(books.engine) as conn:
        closed = latest_closings(conn)[NOVEMBER.first]
        with pytest.raises(ValueError, match="method 2"):
            judge_again(conn, closed)
        shown, kept = as_kept(conn, closed), kept_result(conn, closed)
        inputs, source = shown.inputs, Raw(conn, closed.last_id)
        anew = judge_month(
            conn, shown.plans, NOVEMBER, closed.settings, inputs, closed.last_id, closed.judged_us, source
        )
    assert shown.encode() == kept
    assert (
        canonical([as_row(one) for one in anew]).replace(f'\\"method\\": {METHOD}'.encode(), b'\\"method\\": 2') == kept
    )
    assert (outcomes(kept)["p95-90"], inputs.earlier, inputs.node, inputs.tree) == ("insufficient", (), None, None)
    reopen(books.engine, [plan], Settings(min_samples=3), NOVEMBER, AFTER, "lan", "format 3", tree=Tree())
    with reading(books.engine) as conn:
        closed = latest_closings(conn)[NOVEMBER.first]
        again, kept = judge_again(conn, closed), kept_result(conn, closed)
    assert again.encode() == kept
    assert (outcomes(kept)["p95-90"], [row["valid_to"] for row in again.inputs.earlier]) == ("fail", ["2026-10-31"] * 2)
    assert again.inputs.tree == Tree()


def test_a_week_that_reaches_back_is_held_against_the_contract_of_then_also_when_it_is_judged_again(
    books: Books,
) -> None:
    plan = fill(books)
    books.judge(plan, now=AFTER, decide_by="bounds")
    with writing(books.engine) as conn:
        conn.execute(schema.link.update().values(contracted_down_mbps=1000.0))
    with reading(books.engine) as conn:
        closed = latest_closings(conn)[NOVEMBER.first]
        kept, found = kept_result(conn, closed), judge_again(conn, closed)
    assert found.encode() == kept
    (member,) = json.loads(found.verdicts[0].detail)["members"]
    assert (member["standing"], member["value"], member["n"]) == ("failed", 95.0, 2016)


@pytest.mark.parametrize(
    ("last", "table"),
    [("2026-10-25", None), ("2026-10-26", "earlier"), ("2026-10-31", "earlier"), ("2026-11-01", "link")],
)
def test_the_inputs_look_back_six_days_and_no_further(books: Books, last: str, table: str | None) -> None:
    books.line("x", "tslcd", "tslcd", valid_to=last)
    with reading(books.engine) as conn:
        found = read_inputs(conn, NOVEMBER)
    assert [name for name in ("earlier", "link") if getattr(found, name)] == ([] if table is None else [table])


def test_a_line_that_ended_before_the_month_is_no_line_of_the_month(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed", valid_to="2026-10-31")
    found = books.verdict(level(100), now=AFTER, where=area("18073"))
    assert found.reasons[0] == "no_links"


NAMES = st.sampled_from(["a", "b", "c", "d-1"])
TEXTS = st.none() | st.just("VNPT")
NODES = st.builds(
    Node, id=NAMES, name=st.just("Nút"), kind=st.sampled_from(NodeKind), place=TEXTS, provider=TEXTS,
    network=st.none() | st.sampled_from(Network), links=st.sets(st.tuples(NAMES, NAMES), max_size=2).map(sorted).map(tuple),
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(NODES, unique_by=lambda node: node.id, max_size=4))
def test_every_tree_comes_back_from_what_a_closing_keeps_of_it(nodes: list[Node]) -> None:
    below = [replace(node, parent=nodes[at - 1].id) if at else node for at, node in enumerate(nodes)]
    kept = Inputs(node=tree_as_rows(Tree(below))).encode()
    assert decode(kept).tree == Tree(below)
    assert decode(kept).encode() == kept
    assert Inputs(node=tree_as_rows(Tree(reversed(below)))).encode() == kept, "the order in the file says nothing"


GOOD = {"id": "a", "name": "A", "kind": "router", "links": [["x", "tslcd"]]}


@pytest.mark.parametrize(
    "rows",
    [
        [GOOD | {"x": 1}], [GOOD | {"kind": "x"}], [GOOD | {"kind": []}], [GOOD | {"network": "x"}], [GOOD | {"name": None}],
        [GOOD | {"links": 5}], [GOOD | {"links": ["xyz"]}], [GOOD | {"links": [[1, "x"]]}], [GOOD | {"parent": "a"}],
        [GOOD | {"parent": "b"}, GOOD | {"id": "b", "parent": "a"}], [{}], [5], [[]],
    ],
)  # fmt: skip
def test_rows_that_are_no_nodes_are_refused(rows: Any) -> None:
    with pytest.raises(ValueError, match="not a tree of nodes"):
        tree_from_rows(rows)


def test_a_table_that_is_missing_or_null_is_refused() -> None:
    good = json.loads(Inputs().encode())
    assert good["format"] == FORMAT == 3
    for bad in (good | {"link": None}, {k: v for k, v in good.items() if k != "earlier"}, good | {"format": 2}):
        with pytest.raises(ValueError, match="a table is missing or unknown"):
            decode(json.dumps(bad).encode())
