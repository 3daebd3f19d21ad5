"""A condition that is a rule: read, refused where it contradicts itself, shown, compared, and kept in a closed month."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from doxa_collector.plans import Rule, load_plans, read_plan
from doxa_collector.plans.comparing import compare
from doxa_collector.plans.keeping import plan_as_json, plan_from_json
from doxa_collector.plans.loader import CHECKOUT
from doxa_collector.plans.showing import target_lines
from doxa_collector.report.wording import condition_words
from doxa_core.errors import InputError

LEVEL = """operator = ">="
value = 100
unit = "Mbps"
[target.x2.condition.measure]
meter = "speed"
value = "download_ip_mbps"
link_kind = "tslcd"
layer = "ip"
"""
RULE = 'rule = "p95_90"\n'


def test_a_rule_stands_in_the_place_of_a_level(write_plan: Callable[..., Path]) -> None:
    plan = read_plan(write_plan((LEVEL, RULE)))
    condition = plan.targets[1].condition
    assert condition is not None
    assert (condition.rule, condition.measure, condition.value) == (Rule.P95_90, None, None)
    assert condition.asked == ("<=", 90, "%")
    assert plan_from_json(plan_as_json(plan)) == plan
    (ours,) = (line for line in target_lines(plan, plan.targets[1]) if "bách phân vị" in line)
    assert "≤ 90 % dung lượng" in ours
    assert condition_words(condition).startswith("mỗi đường Mạng TSLCD của trụ sở: bách phân vị 95")


def test_a_plan_without_rules_is_kept_as_it_was_before_there_were_any(write_plan: Callable[..., Path]) -> None:
    assert "rule" not in str(plan_as_json(read_plan(write_plan())))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        (((LEVEL, RULE + LEVEL),), "target.x2.condition.measure: quy tắc «p95_90» đã có phép tính"),
        (((LEVEL, RULE + 'operator = ">="\n'),), "target.x2.condition.operator: quy tắc «p95_90»"),
        (((LEVEL, 'rule = "qcvn_34"\n'),), "target.x2.condition.link_kind: quy tắc «qcvn_34» nói về đường fixed"),
        (((LEVEL, 'rule = "p95"\n'),), "target.x2.condition.rule"),
    ],
)
def test_a_rule_that_contradicts_its_condition_is_refused(
    write_plan: Callable[..., Path], changes: tuple[tuple[str, str], ...], where: str
) -> None:
    with pytest.raises(InputError) as refused:
        read_plan(write_plan(*changes))
    assert where in refused.value.text.vi


def test_only_a_rule_needs_no_due_date(write_plan: Callable[..., Path]) -> None:
    due = 'clause = "a"\ndue = 2025-12-31\noperator = "="\n'
    without = 'clause = "a"\noperator = "="\n'
    assert read_plan(write_plan((LEVEL, RULE), (due, without))).targets[1].due is None
    with pytest.raises(InputError, match="due"):
        read_plan(write_plan((due, without)))


def test_a_change_of_the_rule_is_a_difference() -> None:
    plan = next(plan for plan in load_plans(CHECKOUT / "national") if plan.id == "tt06-2026")
    (target,) = plan.targets
    assert target.condition is not None
    other = replace(plan, targets=(replace(target, condition=replace(target.condition, rule=None)),))
    (change,) = compare(plan, other)
    assert (change.where, change.what, change.before) == ("target p95-90", "condition.rule", "p95_90")


def test_a_summary_stands_in_no_quotation_marks() -> None:
    plan = next(plan for plan in load_plans(CHECKOUT / "national") if plan.id == "tt06-2026")
    shown = "\n".join(target_lines(plan, plan.targets[0]))
    assert "Tóm tắt: Bách phân vị 95" in shown
    assert "«" not in shown
    assert "()" not in shown
