"""`doxa plan diff`: every difference is told, and nothing else."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from doxa_collector.plans import load_plans
from doxa_collector.plans.cli import main
from doxa_collector.plans.comparing import Change, compare, lines
from doxa_collector.plans.loader import default_folder

PLANS = {plan.letter: plan for plan in load_plans()}


def test_a_plan_does_not_differ_from_itself() -> None:
    for plan in PLANS.values():
        assert compare(plan, plan) == []


def test_a_raised_value_an_ended_place_and_a_new_target_are_each_one_change() -> None:
    old = PLANS["A"]
    a2 = old.targets[1]
    new = replace(
        old,
        version="2",
        places=(replace(old.places[0], valid_to=date(2026, 1, 31)), *old.places[1:]),
        targets=(old.targets[0], replace(a2, value=200.0), *old.targets[2:], replace(a2, id="a9")),
    )
    found = {(c.where, c.what): (c.kind, c.before, c.after) for c in compare(old, new)}
    assert found["", "version"] == ("changed", old.version, "2")
    assert found[f"target {a2.id}", "value"] == ("changed", a2.value, 200.0)
    assert found["target a9", ""][0] == "added"
    assert len(found) == 4
    back = {(c.where, c.what): (c.kind, c.after, c.before) for c in compare(new, old)}
    assert back["target a9", ""][0] == "removed"


def test_a_field_inside_another_is_named_with_its_way() -> None:
    old = PLANS["A"]
    measure = old.targets[0].measure
    assert measure is not None
    target = replace(old.targets[0], measure=replace(measure, meter="capacity"))
    new = replace(old, targets=(target, *old.targets[1:]))
    assert compare(old, new) == [
        Change(where=f"target {target.id}", what="measure.meter", before=measure.meter, after="capacity")
    ]


def test_a_code_that_is_used_again_is_another_place() -> None:
    old = PLANS["B"]
    assert len({c.where for c in compare(old, replace(old, places=()))}) == len(old.places) == 2


def test_people_read_what_was_and_what_is() -> None:
    old = PLANS["A"]
    text = "\n".join(lines(old, (new := replace(old, version="2")), compare(old, new)))
    assert "Văn bản\n  - version: 1\n  + version: 2" in text
    assert "không có gì khác nhau" in "\n".join(lines(old, old, []))


def test_the_command_compares_ids_and_files_and_says_by_its_code_whether_they_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = default_folder() / "a-hong-phong.toml"
    other = tmp_path / "next.toml"
    other.write_text(shipped.read_text(encoding="utf-8").replace('version = "1"', 'version = "2"'), encoding="utf-8")
    assert main(["diff", "a", "a-hong-phong"]) == 0
    capsys.readouterr()
    assert main(["diff", "a", str(other), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"kind": "changed", "where": "", "what": "version", "before": "1", "after": "2"}
    ]
