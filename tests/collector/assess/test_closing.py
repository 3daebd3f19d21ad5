"""A closed month: what it said it says for ever, and judging it again from what was kept gives the same bytes."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update
from tests.collector.assess.conftest import NOW, PROVINCE, Books, level, manual, plan_of, rank

from doxa_collector.assess import METHOD, Settings
from doxa_collector.assess.closing import (
    Closing,
    differences,
    judge_again,
    kept_result,
    late,
    latest_closings,
    revisions,
)
from doxa_collector.assess.inputs import decode, read_inputs
from doxa_collector.assess.run import reopen
from doxa_collector.assess.snapshots import keep, recall
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.period import month_of
from doxa_collector.places.gazetteer import load
from doxa_collector.places.model import Level
from doxa_collector.plans import load_plans
from doxa_collector.plans.keeping import plan_as_json, plan_from_json

NOVEMBER = month_of(date(2026, 11, 1))
AFTER = datetime(2026, 12, 5, 5, tzinfo=UTC)


def office(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [120.5] * 4 + [99.25], start=NOW - timedelta(days=2))
    books.figure("42", 187.43)
    books.indicator("t4", 95)


def closed(books: Books) -> Closing:
    with reading(books.engine) as conn:
        return latest_closings(conn)[NOVEMBER.first]


def again(books: Books) -> tuple[bytes, bytes]:
    """What was kept, and the same judged anew."""
    with reading(books.engine) as conn:
        found = latest_closings(conn)[NOVEMBER.first]
        return kept_result(conn, found), judge_again(conn, found).encode()


def test_a_closed_month_judged_again_gives_the_same_bytes_whatever_came_since(books: Books) -> None:
    office(books)
    plan = plan_of(level(100), manual())
    books.judge(plan, now=AFTER)
    kept, anew = again(books)
    assert kept == anew
    assert {row["outcome"] for row in json.loads(kept)} == {"pass"}

    books.runs("x", "fixed", [1] * 500)  # replayed too late
    books.figure("42", 1.0)
    books.indicator("t4", 1)
    books.line("x", "fibre", "fixed", valid_from="2026-11-02", contracted_down_mbps=1000)
    books.office("y", "18073", "fixed")
    books.judge(
        plan_of(level(10_000), manual(), version="2"), plan_of(level(1), id="q"), now=AFTER + timedelta(days=40)
    )
    with writing(books.engine) as conn:
        conn.execute(update(schema.link).values(valid_to="2026-11-05"))
        conn.execute(delete(schema.site).where(schema.site.c.site == "x"))
    assert again(books) == (kept, anew)


def test_a_month_is_closed_once_and_says_from_what(books: Books) -> None:
    office(books)
    books.judge(plan_of(level(100)), now=AFTER)
    books.judge(plan_of(level(100)), now=AFTER + timedelta(days=1))
    found = closed(books)
    assert (found.revision, found.last_id, found.actor, found.reason) == (1, 5, "doxa", "")
    assert (found.settings, found.method) == (Settings(min_samples=3, decide_by="estimate"), METHOD)
    with reading(books.engine) as conn:
        assert len(revisions(conn, NOVEMBER)) == 1
        inputs = decode(recall(conn, found.inputs))
    assert [row["site"] for row in inputs.site] == ["x"]


def test_an_open_month_is_not_closed(books: Books) -> None:
    office(books)
    books.judge(plan_of(level(100)), now=datetime(2026, 12, 2, tzinfo=UTC))
    with reading(books.engine) as conn:
        assert latest_closings(conn) == {}


def test_a_plan_that_comes_after_the_closing_is_not_judged_for_that_month(books: Books) -> None:
    office(books)
    books.judge(plan_of(level(100)), now=AFTER)
    books.judge(plan_of(level(100)), plan_of(level(100), id="q"), now=AFTER + timedelta(days=1))
    assert sorted((row.plan, row.period_from) for row in books.kept()) == [
        ("p", "2026-11-01"), ("p", "2026-12-01"), ("q", "2026-12-01"),
    ]  # fmt: skip


def test_what_came_too_late_is_counted_and_a_new_revision_takes_it_in_without_losing_the_old(books: Books) -> None:
    office(books)
    plan = plan_of(level(100))
    books.judge(plan, now=AFTER)
    first, before = closed(books), again(books)[0]
    books.runs("x", "fixed", [1] * 30)
    with reading(books.engine) as conn:
        assert late(conn, first) == 30
    month = reopen(
        books.engine, [plan], Settings(min_samples=5, decide_by="estimate"), NOVEMBER, AFTER, "lan", "probe was offline"
    )
    second = closed(books)
    assert (second.revision, second.actor, second.reason) == (2, "lan", "probe was offline")
    assert [verdict.outcome.value for verdict in month.verdicts] == ["fail"]
    assert [row.outcome for row in books.kept() if row.period_from == "2026-11-01"] == ["fail"]
    with reading(books.engine) as conn:
        assert late(conn, second) == 0
        assert kept_result(conn, first) == before, "the first revision can still be read"
        assert differences(before, judge_again(conn, second))
        assert judge_again(conn, first).encode() == before, "and judged again"


def test_a_ledger_that_was_meddled_with_is_noticed(books: Books) -> None:
    office(books)
    books.judge(plan_of(level(100)), now=AFTER)
    with writing(books.engine) as conn:
        conn.execute(update(schema.measurement).values(values='{"download_mbps": 1}'))
    with reading(books.engine) as conn:
        found = differences(kept_result(conn, closed(books)), judge_again(conn, closed(books)))
    assert (found.missing, found.new, found.changed) == (0, 0, 1)


def test_a_changed_snapshot_is_refused(books: Books) -> None:
    with writing(books.engine) as conn:
        digest = keep(conn, "plan", b"one")
        assert keep(conn, "plan", b"one") == digest
        assert recall(conn, digest) == b"one"
        other = keep(conn, "plan", b"two")
        packed = conn.execute(select(schema.snapshot.c.content).where(schema.snapshot.c.digest == other)).scalar_one()
        conn.execute(update(schema.snapshot).where(schema.snapshot.c.digest == digest).values(content=packed))
        with pytest.raises(ValueError, match="changed"):
            recall(conn, digest)
        with pytest.raises(ValueError, match="keeps nothing"):
            recall(conn, "0" * 64)


def test_a_contract_of_next_year_does_not_even_change_the_bytes_that_are_kept(books: Books) -> None:
    office(books)
    with reading(books.engine) as conn:
        before = read_inputs(conn, NOVEMBER).encode()
    books.line("x", "fixed", "fixed", valid_from="2027-01-01", contracted_down_mbps=200)
    books.place("99999", valid_from="2027-01-01")
    books.figure("42", 5, month="2026-12")
    books.indicator("t4", 5, as_of="2026-12-01")
    with reading(books.engine) as conn:
        assert read_inputs(conn, NOVEMBER).encode() == before
        assert decode(before).encode() == before


@pytest.mark.parametrize("kept", [b"[]", b'{"format":2}', b'{"format":1,"place":[]}', b"{"])
def test_only_what_was_kept_is_read_back(kept: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(kept)


def test_every_shipped_plan_comes_back_from_its_json_as_it_was() -> None:
    for plan in load_plans():
        found = json.loads(json.dumps(plan_as_json(plan)))
        assert plan_from_json(found) == plan
        assert json.dumps(plan_as_json(plan_from_json(found))) == json.dumps(found), "the same bytes, 5 not 5.0"


@pytest.mark.parametrize(
    "change", [{"targets": [{"id": "x"}]}, {"nothing": 1}, {"valid_from": 5}, {"version": 1}, {"letter": None}]
)
def test_what_is_no_plan_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a plan"):
        plan_from_json(plan_as_json(load_plans()[0]) | change)


def test_a_rank_of_a_closed_month_keeps_the_figures_of_then(books: Books) -> None:
    office(books)
    books.place("42", level="province", province="42")
    for n, unit in enumerate(load().units(Level.PROVINCE, NOVEMBER.last)):
        books.figure(unit.code, 100 + n)
    books.judge(plan_of(rank(), where=PROVINCE), now=AFTER)
    kept, anew = again(books)
    assert kept == anew
    books.figure("42", 9999)
    assert again(books)[1] == kept
