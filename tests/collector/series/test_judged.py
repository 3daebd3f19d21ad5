"""Verdicts and published figures as series."""

import random
from collections import Counter
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
from doxa_collector.plans.model import Unit
from doxa_collector.series import judged, published, verdicts
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
        "threshold": target.value, "title": target.title.vi, "unit": "Mbps",
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
    (unknown,) = shelf.of("doxa_verdict", target="x1").values()
    assert not {"title", "unit", "threshold"} & set(unknown)


def test_a_rank_has_a_title_and_no_unit(engine: Engine) -> None:
    shelf = Shelf()
    known = plan("b-binh-duong")
    target = next(one for one in known.targets if one.unit is Unit.RANK)
    judge(engine, plan=known.id, target=target.id, place_code=known.places[0].code)
    drain(engine, shelf, verdicts.streams(world(Clock(), [known])))
    (fields,) = shelf.of("doxa_verdict").values()
    assert (fields["title"], fields.get("unit")) == (target.title.vi, None)


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


OUTCOMES = ("pass", "fail", "probe_limited", "insufficient")


@pytest.mark.parametrize("seed", range(3))
def test_the_counts_are_those_of_the_latest_verdicts_in_whatever_order_they_change(engine: Engine, seed: int) -> None:
    """Three targets over years, judged and judged anew in any order, told in between: as by plain counting, and as afresh."""
    rng, shelf, held = random.Random(seed), Shelf(), dict[tuple[str, str], str]()
    feed = drain(engine, shelf, judged.streams(world(Clock(), [plan()])))
    for step in range(14):
        target, month = (
            rng.choice(("a1", "a2", "ipv6")),
            rng.choice(("2024-01-01", "2026-08-01", "2026-09-01", "2026-10-01")),
        )
        outcome = held[target, month] = rng.choice(OUTCOMES)
        with writing(engine) as conn:
            conn.execute(verdict.delete().where(verdict.c.target == target, verdict.c.period_from == month))
            conn.execute(insert(verdict).values(
                plan="a-hong-phong", plan_version=plan().version, target=target, place_code="06184", period_from=month,
                period_to=month, outcome=outcome, n=1, reasons="[]", detail="{}", computed_us=START + step,
            ))  # fmt: skip
        if rng.random() < 0.5:
            feed()
    feed()
    kinds = {one.id: one.link_kind.value for one in plan().targets if one.link_kind is not None}
    expected: dict[tuple[int, str | None], Counter[str]] = {}
    for until in {month for _, month in held}:
        for target in {target for target, _ in held}:
            months = [month for one, month in held if one == target and month <= until]
            reached = [month for month in months if (date.fromisoformat(until) - date.fromisoformat(month)).days < 800]
            if reached:
                key = month_of(date.fromisoformat(until)).from_us, kinds.get(target)
                expected.setdefault(key, Counter())[f"{held[target, max(reached)]}_count"] += 1
    told = {
        (one.at_us, one.tags.get("kind")): dict(one.fields)
        for one in afresh(engine, judged.streams(world(Clock(), [plan()]))).sent
        if one.fields
    }
    assert {key: {name: n for name, n in fields.items() if n} for key, fields in told.items()} == expected
    assert shelf.points == afresh(engine, judged.streams(world(Clock(), [plan()]))).points


def test_what_is_internal_is_not_counted_for_the_public(engine: Engine) -> None:
    secret = plan("d-ha-tinh")
    for target, outcome in (("d1", "pass"), ("d3", "fail")):
        judge(engine, plan=secret.id, plan_version=secret.version, target=target, place_code="42", outcome=outcome)
    shelf = Shelf()
    drain(engine, shelf, judged.streams(world(Clock(), [secret])))
    seen = {one.tags["kind"]: (one.internal, one.fields["fail_count"], one.public) for one in shelf.sent}
    assert seen["mobile"][:1] == (False,)
    (hidden,) = [told for kind, told in seen.items() if kind != "mobile"]
    assert hidden == (True, 1.0, None), "d3 is about TSLCD, and nothing of its kind is public"
