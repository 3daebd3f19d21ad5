"""The run: open months are rewritten, closed months never, and the shipped plans can be judged as they are."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.collector.assess.conftest import NOW, PROVINCE, Books, level, manual, plan_of

from doxa_collector.assess import Settings, run
from doxa_collector.period import local_day, month_of, months
from doxa_collector.plans import load_plans
from doxa_collector.plans.model import PlaceLevel, PlanPlace
from doxa_collector.verdict import VerdictOutcome
from doxa_core.moments import microseconds


def office(books: Books, value: float = 120, start: datetime = NOW - timedelta(days=2)) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [value] * 5, start=start)


def at(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 5, tzinfo=UTC)


def test_a_run_writes_what_it_gives_back(books: Books) -> None:
    office(books)
    (found,) = books.judge(plan_of(level(100)))
    (row,) = books.kept()
    assert (row.plan, row.plan_version, row.target, row.place_code) == ("p", "1", "t1", "42")
    assert (row.period_from, row.period_to) == ("2026-11-01", "2026-11-30")
    assert (row.outcome, row.value, row.n, row.layer) == ("pass", 120, 5, "payload")
    assert (row.lower, row.upper) == (found.lower, found.upper)
    assert (json.loads(row.reasons), row.detail, row.computed_us) == (
        list(found.reasons),
        found.detail,
        microseconds(NOW),
    )


def test_an_open_month_is_rewritten_in_place(books: Books) -> None:
    office(books)
    books.judge(plan_of(level(100)))
    books.runs("x", "fixed", [50] * 6)
    books.judge(plan_of(level(100)), now=NOW + timedelta(minutes=1))
    (row,) = books.kept()
    assert (row.id, row.outcome, row.n) == (1, "fail", 11)


def test_a_month_stays_open_for_what_probes_replay_and_is_then_closed_for_ever(books: Books) -> None:
    plan = plan_of(level(100))
    office(books)
    books.judge(plan)
    books.runs("x", "fixed", [50] * 6)
    books.judge(plan, now=at(12, 2))
    assert [(row.period_from, row.outcome) for row in books.kept()] == [
        ("2026-11-01", "fail"),
        ("2026-12-01", "insufficient"),
    ]
    books.runs("x", "fixed", [200] * 30)
    books.judge(plan, now=at(12, 5))
    november = books.kept()[0]
    assert (november.outcome, november.n) == ("pass", 41)
    books.runs("x", "fixed", [1] * 500)
    assert [v.period_from.month for v in books.judge(plan, now=at(12, 6))] == [12]
    assert books.kept()[0] == november


def test_another_version_never_changes_a_closed_month(books: Books) -> None:
    office(books)
    books.judge(plan_of(level(100)), now=at(12, 5))
    books.judge(plan_of(level(500), version="2"), now=at(12, 6))
    rows = [(row.period_from, row.plan_version, row.outcome) for row in books.kept()]
    assert rows == [("2026-11-01", "1", "pass"), ("2026-12-01", "2", "insufficient")]


def test_an_open_month_is_judged_under_one_version(books: Books) -> None:
    office(books)
    books.judge(plan_of(level(100)))
    books.judge(plan_of(level(500), version="2"))
    assert [(row.plan_version, row.outcome) for row in books.kept()] == [("2", "fail")]


def test_a_target_that_left_the_file_leaves_the_open_month_only(books: Books) -> None:
    office(books)
    books.judge(plan_of(level(100), manual()), now=at(12, 5))
    books.judge(plan_of(level(100)), now=at(12, 6))
    assert sorted((row.period_from, row.target) for row in books.kept()) == [
        ("2026-11-01", "t1"),
        ("2026-11-01", "t4"),
        ("2026-12-01", "t1"),
    ]


def test_other_plans_are_left_alone(books: Books) -> None:
    office(books)
    books.judge(plan_of(level(100)), plan_of(level(100), id="q"))
    books.judge(plan_of(level(100)))
    assert [row.plan for row in books.kept()] == ["p", "q"]


def test_months_that_were_missed_are_judged_afterwards(books: Books) -> None:
    office(books, start=at(9, 20))
    found = books.judge(plan_of(level(100)))
    assert [v.period_from for v in found] == [date(2026, 11, 1), date(2026, 10, 1), date(2026, 9, 1)]
    assert [v.outcome for v in found] == [VerdictOutcome.INSUFFICIENT, VerdictOutcome.INSUFFICIENT, VerdictOutcome.PASS]


def test_a_probe_with_a_wrong_clock_opens_no_month_before_the_ledger_began(books: Books) -> None:
    office(books)
    books.runs("x", "fixed", [1], start=at(1, 1, 2000), received=NOW)
    assert len(books.judge(plan_of(level(100)))) == 1


def test_a_plan_is_judged_from_its_beginning_and_until_the_customer_ends_it(books: Books) -> None:
    office(books, start=at(9, 20))
    target = level(100, due=date(2026, 10, 1))
    spans: dict[str, dict[str, Any]] = {
        "always": {}, "late": {"valid_from": date(2026, 10, 15)}, "ended": {"judge_until": date(2026, 10, 2)},
        "overdue": {"valid_to": date(2026, 10, 2)},
    }  # fmt: skip
    found = books.judge(*(plan_of(target, id=name, **more) for name, more in spans.items()))
    judged = {name: [v.period_from.month for v in found if v.plan == name] for name in spans}
    assert (judged["always"], judged["late"], judged["ended"]) == ([11, 10, 9], [11, 10], [10, 9])
    assert judged["overdue"] == [11, 10, 9], "an overdue target is judged and says so"


@pytest.mark.parametrize(
    ("more", "judged"),
    [
        ({"valid_to": date(2025, 6, 30)}, False),
        ({"valid_from": date(2025, 7, 1), "inherits": True, "inherits_from": "x"}, True),
        ({"valid_from": date(2025, 7, 1), "inherits": False, "inherits_from": "x"}, False),
        ({"valid_from": date(2026, 12, 1)}, False),
    ],
)
def test_only_a_unit_that_exists_and_inherits_is_judged(books: Books, more: dict[str, Any], judged: bool) -> None:
    office(books)
    where = PlanPlace(code="18073", name="x", level=PlaceLevel.COMMUNE, province="42", **more)
    assert bool(books.judge(plan_of(level(100), where=where))) is judged


def test_a_reused_code_is_the_unit_that_exists_on_the_day(books: Books) -> None:
    books.place("18073", province="20", valid_to="2025-06-30")
    books.place("18073", province="42", valid_from="2025-07-01", valid_to="2026-11-30")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [120] * 5)
    books.place("18073", province="12", valid_from="2026-12-01")
    elsewhere = PlanPlace(code="20", name="khác", level=PlaceLevel.PROVINCE, province="20")
    assert books.verdict(level(100), where=elsewhere).n == 0
    assert books.verdict(level(100), where=PROVINCE).n == 5


def test_an_empty_ledger_gives_an_answer_for_every_target_of_the_shipped_plans(books: Books) -> None:
    plans = load_plans()
    found = run(books.engine, plans, Settings(), NOW)
    wanted = {
        (p.id, t.id, w.code) for p in plans for t in p.targets for w in p.places if w.judged_on(date(2026, 11, 21))
    }
    assert {(v.plan, v.target, v.place) for v in found} == wanted
    assert {v.outcome for v in found} == {VerdictOutcome.INSUFFICIENT}
    assert all(v.reasons for v in found)
    assert {v.place for v in found} == {"06184", "74", "12103", "12127", "12133", "42", "12"}


def test_the_offices_of_the_five_plans_are_judged_as_their_lines_are(books: Books) -> None:
    rates = {
        "06184": ("20", 85.07),
        "25747": ("79", 300.0),
        "12103": ("33", 95.0),
        "18073": ("42", 151.0),
        "03388": ("12", 60.0),
    }
    for code, (province, fixed) in rates.items():
        books.place(code, province=province)
        books.office(f"o{code}", code, "fixed", "mobile", *(["tslcd"] if code != "18073" else []))
        books.runs(f"o{code}", "fixed", [fixed] * 5)
        books.runs(f"o{code}", "mobile", [{"download_mbps": 40.0, "download_ip_mbps": 42.0}] * 5)
        if code != "18073":
            books.runs(f"o{code}", "tslcd", [{"download_ip_mbps": 94.0, "download_wire_mbps": 96.4}] * 5)
    found = {
        v.target: (v.place, v.outcome.value) for v in books.judge(*load_plans(), least=3) if v.n and v.value is not None
    }
    assert found == {
        "a1": ("06184", "fail"),
        "a2": ("06184", "fail"),
        "b3": ("74", "fail"),
        "c1": ("12103", "pass"),
        "c2": ("12103", "pass"),
        "d1": ("42", "fail"),
        "d2": ("42", "pass"),
        "d3": ("42", "fail"),
        "e1": ("12", "fail"),
        "e2": ("12", "insufficient"),
    }


def test_months_are_calendar_months_in_vietnam() -> None:
    assert local_day(microseconds(datetime(2026, 10, 31, 16, 59, 59, tzinfo=UTC))) == date(2026, 10, 31)
    assert local_day(microseconds(datetime(2026, 10, 31, 17, 0, tzinfo=UTC))) == date(2026, 11, 1)
    february = month_of(date(2028, 2, 10))
    assert (february.first, february.last, february.month) == (date(2028, 2, 1), date(2028, 2, 29), "2028-02")
    assert february.to_us - february.from_us == 29 * 86_400_000_000
    assert [m.month for m in months(date(2026, 11, 30), date(2027, 1, 1))] == ["2027-01", "2026-12", "2026-11"]
