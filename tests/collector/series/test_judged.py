"""Verdicts and published figures as series."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update
from tests.collector.series.series_ledger import DAY, START, Clock, Shelf, afresh, drain, plan, world, write_registry

from doxa_collector.assess.storing import store
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.schema import figure, verdict
from doxa_collector.period import month_of
from doxa_collector.series import published, verdicts
from doxa_collector.verdict import Verdict, VerdictOutcome


def judge(engine: Engine, at_us: int = START, **changes: Any) -> None:
    row: dict[str, Any] = {
        "plan": "a-hong-phong", "plan_version": plan().version, "target": "a1", "place_code": "06184",
        "period_from": "2026-10-01", "period_to": "2026-10-31", "outcome": "fail", "value": 34.4, "n": 30, "lower": 33.0,
        "upper": 36.0, "published": None, "reasons": "[]", "detail": "{}", "computed_us": at_us,
    }  # fmt: skip
    row |= changes
    with writing(engine) as conn:
        for name in ("plan", "target", "place_code", "period_from"):
            assert row[name]
        conn.execute(verdict.delete().where(verdict.c.target == row["target"]))
        conn.execute(insert(verdict).values(row))


def test_a_verdict_stands_at_the_beginning_of_its_month_and_is_overwritten(engine: Engine) -> None:
    shelf = Shelf()
    judge(engine)
    feed = drain(engine, shelf, verdicts.streams(world(Clock(), [plan()])))
    judge(engine, START + 60_000_000, outcome="pass", value=50.1)
    feed()
    target = plan().target("a1")
    assert target is not None
    (point,) = shelf.of("doxa_verdict").items()
    assert point[0] == month_of(date(2026, 10, 1)).from_us, "local midnight of the first"
    assert point[1] == {
        "outcome_code": 1.0, "passed_flag": 1.0, "value": 50.1, "n_count": 30.0, "lower": 33.0, "upper": 36.0,
        "threshold": target.value,
    }  # fmt: skip
    (tags,) = {tuple(sorted(one.tags.items())) for one in shelf.sent}
    assert target.link_kind is not None
    place = plan().places[0]
    assert dict(tags) == {
        "plan": "a-hong-phong", "target": "a1", "place": "06184", "kind": target.link_kind.value,
        "level": next((p.level.value for p in plan().places if p.code == "06184"), None), "province": place.province,
    }  # fmt: skip


def test_a_judging_that_finds_the_same_sends_nothing_again(engine: Engine) -> None:
    shelf = Shelf()
    of_target = [found(target) for target in ("a1", "a2")]
    with writing(engine) as conn:
        store(conn, of_target, START)
    feed = drain(engine, shelf, verdicts.streams(world(Clock(), [plan()])))
    assert len(shelf.sent) == 2
    with writing(engine) as conn:
        store(conn, of_target, START + 60_000_000)
    feed()
    assert len(shelf.sent) == 2
    with writing(engine) as conn:
        store(conn, [of_target[0], replace(of_target[1], value=51.0)], START - 60_000_000)  # the clock was set back
    feed()
    assert [(one.tags["target"], one.fields["value"]) for one in shelf.sent[2:]] == [("a2", 51.0)]


def found(target: str) -> Verdict:
    return Verdict(
        plan="a-hong-phong", plan_version=plan().version, target=target, place="06184", period_from=date(2026, 10, 1),
        period_to=date(2026, 10, 31), outcome=VerdictOutcome.FAIL, value=34.4, n=30, lower=33.0, upper=36.0, detail="{}",
    )  # fmt: skip


def test_undecided_has_no_flag_and_what_no_plan_knows_is_internal(engine: Engine) -> None:
    shelf = Shelf()
    judge(engine, outcome="insufficient", value=None, lower=None, upper=None)
    judge(engine, plan="gone", target="x1")
    drain(engine, shelf, verdicts.streams(world(Clock(), [plan()])))
    (open_one,) = shelf.of("doxa_verdict", target="a1").values()
    assert "passed_flag" not in open_one
    assert {one.tags["target"] for one in shelf.sent if one.internal} == {"x1"}


@pytest.mark.parametrize("target", ["tslcd"])
def test_a_verdict_of_tslcd_is_internal(engine: Engine, target: str) -> None:
    shelf = Shelf()
    judge(engine, target=target)
    drain(engine, shelf, verdicts.streams(world(Clock(), [plan()])))
    assert [one.internal for one in shelf.sent] == [True]


def bring(engine: Engine, **changes: Any) -> None:
    row: dict[str, Any] = {
        "place_code": "00", "month": "2026-02", "link_kind": "fixed", "statistic": "median", "direction": "download",
        "value_mbps": 258.3, "n": 1000, "source": "i-Speed", "mark": "S", "imported_us": START, "imported_by": "x",
        "file": "f", "digest": "0" * 64,
    }  # fmt: skip
    with writing(engine) as conn:
        conn.execute(insert(figure).values(row | changes))


def test_a_published_figure_is_a_line_through_its_month(engine: Engine, tmp_path: Any) -> None:
    write_registry(engine, tmp_path)
    shelf = Shelf()
    bring(engine)
    bring(engine, place_code="06184", month="2026-04", mark="V", n=None)
    bring(engine, place_code="20", link_kind="tslcd")
    bring(engine, place_code="20", link_kind="mobile-5g")
    feed = drain(engine, shelf, published.streams(world(Clock())))
    country = shelf.of("doxa_published", province="00", kind="fixed", quantity="download", statistic="median")
    first = month_of(date(2026, 2, 1)).from_us
    assert list(country) == [first + n * DAY for n in range(28)]
    assert set(map(repr, country.values())) == {repr({"published_mbps": 258.3, "samples_count": 1000.0})}
    commune = shelf.of("doxa_published", place="06184", province="20", source_mark="V")
    assert (len(commune), next(iter(commune.values()))) == (30, {"published_mbps": 258.3, "samples_goal_count": 300})
    assert {one.tags["kind"] for one in shelf.sent if one.internal} == {"tslcd"}
    with writing(engine) as conn:
        conn.execute(update(figure).where(figure.c.place_code == "00").values(superseded_us=START))
    bring(engine, value_mbps=260.0)
    feed()
    assert {one["published_mbps"] for one in shelf.of("doxa_published", province="00").values()} == {260.0}
    again: Sequence[Any] = published.streams(world(Clock()))
    assert afresh(engine, again).points == shelf.points
