"""The shipped plans hold every target and indicator of the domain's tables, with its number, operator and line."""

from collections.abc import Iterator

import pytest

from doxa_collector.plans import Kind, Mark, Plan, Statistic, Target, load_plans
from doxa_collector.plans.loader import CHECKOUT
from doxa_core.layers import Layer

PLANS = {plan.letter: plan for plan in load_plans(CHECKOUT)}


def target(letter: str, name: str) -> Target:
    found = PLANS[letter].target(name)
    assert found is not None, f"{letter} has no {name}"
    return found


MEASURED = [
    # (plan, id, kind, operator, mark of the operator, value, unit, lines)
    ("A", "a1", "level", ">=", "V", 42, "Mbps", "A:47"),
    ("A", "a2", "level", ">=", "V", 102, "Mbps", "A:57"),
    ("B", "b1", "rank", "rank<=", "V", 5, "rank", "B:25"),
    ("B", "b2", "rank", "rank<=", "V", 5, "rank", "B:26"),
    ("B", "b3", "share", "=", "V", 100, "%", "B:30"),
    ("C", "c1", "level", ">=", "I", 36, "Mbps", "C:39"),
    ("C", "c2", "level", ">=", "I", 91, "Mbps", "C:48"),
    ("D", "d1", "level", ">=", "I", 71, "Mbps", "D:40"),
    ("D", "d2", "level", ">=", "I", 150, "Mbps", "D:46"),
    ("D", "d3", "share", "=", "I", 100, "%", "D:50"),
    ("D", "d4", "share", "=", "V", 100, "%", "D:59"),
    ("E", "e1", "level", ">=", "I", 80, "Mbps", "E:151"),
    ("E", "e2", "share", "=", "V", 100, "%", "E:155"),
]


@pytest.mark.parametrize("row", MEASURED, ids=lambda row: row[1])
def test_a_measured_target_is_as_the_domain_says(row: tuple[str, str, str, str, str, float, str, str]) -> None:
    letter, name, kind, operator, mark, value, unit, line = row
    found = target(letter, name)
    assert (found.kind, found.operator, found.operator_mark) == (kind, operator, mark)
    assert (found.value, found.unit, found.lines) == (value, unit, (line,))


def test_the_measured_targets_are_these_and_no_others() -> None:
    found = {(letter, t.id) for letter, plan in PLANS.items() for t in plan.targets if t.kind is not Kind.MANUAL}
    assert found == {(row[0], row[1]) for row in MEASURED}


INDICATORS: dict[str, dict[str, tuple[float | None, float | None, str]]] = {
    # name: per plan (value, baseline, sign of the operator); None where the domain's cell is empty
    "mobile-subscribers": {"A": (90, 80.69, "≥"), "C": (90, None, "≥"), "D": (95.2, None, "≥")},
    "smartphone-subscribers": {"A": (90, 80.20, "≥"), "C": (92, None, "≥"), "D": (95, None, "≥")},
    "adult-smartphones": {
        "A": (90, 70, "≥"), "B": (95, None, ">"), "C": (92, None, "≥"), "D": (85, None, ">"), "E": (80, None, "≥"),
    },
    "adult-smartphones-2030": {"D": (95, None, ">"), "E": (95, None, "≥")},
    "smart-device-households": {"B": (100, None, "="), "E": (100, None, "=")},
    "fixed-subscribers": {"A": (18, 17.38, "≥"), "C": (22, None, "≥")},
    "households-fixed": {
        "A": (75, 67.75, "≥"), "B": (90, None, ">"), "C": (97, None, "≥"), "D": (80, None, "≥"), "E": (80, 41.5, "≥"),
    },
    "households-fixed-2030": {"E": (100, None, "=")},
    "internet-users": {"B": (95, None, ">")},
    "hamlets-mobile": {"A": (98, 92, "≥"), "C": (100, None, "="), "D": (99.85, None, "≥"), "E": (100, None, "=")},
    "hamlets-ftth": {"A": (95, 87, "≥"), "C": (100, None, "="), "D": (93, None, "≥"), "E": (100, 73, "=")},
    "shared-bts": {"A": (None, 16, ""), "B": (30, None, "≥"), "C": (25, None, "≥"), "D": (30, None, "≥")},
    "shared-bts-new": {"E": (40, None, "≥")},
    "shared-bts-new-2030": {"E": (50, None, "≥")},
    "shared-poles": {"B": (100, None, "="), "D": (80, None, "≥")},
    "shared-ducts": {"B": (100, None, "="), "D": (70, None, "≥")},
    "platforms-state": {"A": (100, None, "="), "B": (100, None, "="), "C": (70, None, "≥"), "D": (100, None, "=")},
    "platforms-firms": {"A": (70, None, "≥"), "B": (70, None, "≥"), "C": (50, None, "≥"), "D": (70, None, "≥")},
    "platforms-state-2030": {"D": (100, None, "=")},
    "platforms-firms-2030": {"D": (70, None, "≥")},
    "cloud-state": {"A": (100, None, "="), "B": (100, None, "="), "E": (100, None, "=")},
    "cloud-firms": {"A": (70, None, "≥"), "B": (70, None, "≥"), "E": (80, None, "≥")},
    "cloud-systems": {"D": (50, None, ">")},
    "cloud-systems-2030": {"D": (100, None, "=")},
    "cloud-state-2030": {"D": (100, None, "=")},
    "cloud-people-2030": {"D": (50, None, ">")},
    "coverage-4g": {"E": (100, None, "=")},
    "ipv6": {"B": (None, None, ""), "C": (None, None, ""), "D": (None, None, ""), "E": (None, None, "")},
    "tslcd": {"A": (None, None, ""), "C": (None, None, ""), "D": (None, None, ""), "E": (None, None, "")},
    "node-monitoring": {"A": (None, None, ""), "E": (None, None, "")},
}  # fmt: skip


def cells() -> Iterator[tuple[str, str, tuple[float | None, float | None, str]]]:
    for name, plans in INDICATORS.items():
        for letter, cell in plans.items():
            yield letter, name, cell


@pytest.mark.parametrize("cell", list(cells()), ids=lambda cell: f"{cell[0]}-{cell[1]}")
def test_an_indicator_is_as_the_domain_says(cell: tuple[str, str, tuple[float | None, float | None, str]]) -> None:
    letter, name, (value, baseline, sign) = cell
    found = target(letter, name)
    assert found.kind is Kind.MANUAL
    assert (found.value, found.operator.sign if found.operator else "") == (value, sign)
    assert (found.baseline.value if found.baseline else None) == baseline


def test_the_indicators_are_these_and_no_others() -> None:
    found = {(letter, t.id) for letter, plan in PLANS.items() for t in plan.targets if t.kind is Kind.MANUAL}
    assert found == {(letter, name) for letter, name, _ in cells()}


def all_targets() -> list[tuple[Plan, Target]]:
    return [(plan, found) for plan in PLANS.values() for found in plan.targets]


@pytest.mark.parametrize(("plan", "found"), [pytest.param(p, t, id=f"{p.id}-{t.id}") for p, t in all_targets()])
def test_a_number_has_a_due_date_at_the_end_of_2025_or_2030(plan: Plan, found: Target) -> None:
    if found.value is not None:
        assert found.due is not None
        wanted = 2030 if found.id.endswith("2030") or (plan.letter, found.id) == ("D", "d4") else 2025
        assert (found.due.year, found.due.month, found.due.day) == (wanted, 12, 31)
        assert found.due_mark is Mark.I


def test_targets_by_i_speed_are_judged_at_the_payload_layer_on_a_statistic_that_is_marked_ours() -> None:
    found = [t for _, t in all_targets() if t.ispeed]
    assert {t.id for t in found} == {"a1", "a2", "c1", "c2", "d1", "d2"}
    for one in found:
        assert one.measure is not None
        assert (one.measure.layer, one.measure.statistic_mark) == (Layer.PAYLOAD, Mark.I)


def test_where_the_words_say_average_the_statistic_is_the_mean_and_marked_as_read() -> None:
    for letter, name in (("B", "b1"), ("B", "b2"), ("E", "e1")):
        measure = target(letter, name).measure
        assert measure is not None
        assert (measure.statistic, measure.statistic_mark) == (Statistic.MEAN, Mark.V)
        assert "trung bình" in target(letter, name).words


def test_rates_without_a_named_layer_are_judged_at_the_ip_layer() -> None:
    for letter, name in (("B", "b3"), ("D", "d4")):
        condition = target(letter, name).condition
        assert condition is not None
        assert condition.measure is not None
        assert (condition.measure.layer, condition.measure.layer_mark) == (Layer.IP, Mark.I)


def test_gigabits_are_normalised() -> None:
    condition = target("D", "d4").condition
    assert condition is not None
    assert (condition.operator, condition.value, condition.unit) == (">", 1000, "Mbps")


def test_who_inherits_is_written_for_every_unit_that_came_later() -> None:
    later = [place for plan in PLANS.values() for place in plan.places if place.valid_from is not None]
    assert {place.code for place in later} == {"06184", "74", "12103", "12127", "12133"}
    assert all(place.inherits is True and place.inherits_from and place.mark is not Mark.V for place in later)


def test_the_reused_code_of_hong_phong_is_not_in_the_plan() -> None:
    assert "06079" not in {place.code for place in PLANS["A"].places}


def test_the_numbers_of_communes_are_those_of_the_domain() -> None:
    assert {(p.code, p.units) for p in (*PLANS["D"].places, *PLANS["E"].places)} == {("42", 69), ("12", 38)}
    area = PLANS["B"].places[-1]
    assert (area.units, len(set(area.members))) == (36, 36)
