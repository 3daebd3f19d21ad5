"""The national plans stand apart from the five, say nothing as a document's own words, and are about the whole country."""

from collections.abc import Callable
from pathlib import Path

import pytest

from doxa_collector.plans import Kind, Mark, PlaceLevel, load_plans, read_plan
from doxa_collector.plans.loader import CHECKOUT
from doxa_core.errors import InputError

PLANS = {plan.id: plan for plan in load_plans(CHECKOUT / "national")}
ROWS = [
    # (plan, target, mark, kind, operator, value, unit, condition's value in Mbps)
    ("qd36-2024", "fixed-200", "S", "share", ">=", 90, "%", 200),
    ("qd36-2024", "mobile-4g-40", "S", "level", ">=", 40, "Mbps", None),
    ("qd36-2024", "mobile-5g-100", "S", "manual", ">=", 100, "Mbps", None),
    ("qd36-2024", "tslcd-all", "S", "share", "=", 100, "%", None),
    ("qd912-2025", "gigabit", "S", "share", "=", 100, "%", 1000),
    ("tslcd-100", "tslcd-100", "I", "share", "=", 100, "%", 100),
    ("tslcd-100", "fixed-100", "I", "share", "=", 100, "%", 100),
    ("tt06-2026", "p95-90", "V", "share", "=", 100, "%", None),
    ("qcvn34-2022", "speed-80", "S", "share", "=", 100, "%", None),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_a_national_target_is_as_the_domain_says_and_carries_its_mark(
    row: tuple[str, str, str, str, str, float, str, float | None],
) -> None:
    plan, name, mark, kind, operator, value, unit, level = row
    found = PLANS[plan].target(name)
    assert found is not None
    assert (found.mark, found.kind, found.operator, found.value, found.unit) == (mark, kind, operator, value, unit)
    assert (found.condition.value if found.condition else None) == level
    assert not found.quoted
    assert found.operator_mark is not Mark.V, "no sign is the document's own where only an excerpt was read"


def test_the_national_targets_are_these_and_no_others() -> None:
    assert {(plan.id, target.id) for plan in PLANS.values() for target in plan.targets} == {row[:2] for row in ROWS}
    assert {plan.id for plan in PLANS.values() if plan.mark is Mark.V} == {"tt06-2026"}, "read whole, in an OCR copy"
    assert "OCR" in str(PLANS["tt06-2026"].note)
    assert {(p.code, p.level, p.units) for plan in PLANS.values() for p in plan.places} == {
        ("00", PlaceLevel.COUNTRY, 3321)
    }


def test_nobody_is_judged_by_them_unasked() -> None:
    assert not {plan.id for plan in load_plans(CHECKOUT)} & PLANS.keys()
    assert any(target.kind is Kind.MANUAL for target in PLANS["qd36-2024"].targets)


@pytest.mark.parametrize(
    "changes",
    [
        [('code = "06184"', 'code = "00"')],
        [('level = "commune"', 'level = "country"')],
        [('code = "06184"', 'code = "00"'), ('level = "commune"', 'level = "country"')],
        [('province = "20"', 'province = "00"')],
        [('code = "06184"', 'code = "20"'), ('level = "commune"', 'level = "country"')],
    ],
)
def test_the_code_00_is_the_countrys_and_nothing_elses(
    write_plan: Callable[..., Path], changes: list[tuple[str, str]]
) -> None:
    with pytest.raises(InputError) as refused:
        read_plan(write_plan(*changes))
    assert "code" in str(refused.value)


def test_the_whole_country_is_a_place(write_plan: Callable[..., Path]) -> None:
    changes = [
        ('code = "06184"', 'code = "00"'),
        ('level = "commune"', 'level = "country"'),
        ('province = "20"', 'province = "00"'),
    ]
    (place,) = read_plan(write_plan(*changes)).places
    assert place.level is PlaceLevel.COUNTRY


def test_only_a_quotation_needs_its_line(write_plan: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="lines"):
        read_plan(write_plan(('lines = ["X:39"]\n', "lines = []\n")))
    plan = read_plan(write_plan(('lines = ["X:39"]\n', "quoted = false\n")))
    target = plan.target("x4")
    assert target is not None
    assert (target.quoted, target.lines) == (False, ())
