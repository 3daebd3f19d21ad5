"""Every quotation of the shipped plans stands letter by letter in the documents, at the lines that the files name."""

from pathlib import Path

import pytest

from doxa_collector.plans import Plan, Target, load_plans, read_plan
from doxa_collector.plans.loader import CHECKOUT

FILES = sorted(CHECKOUT.glob("*.toml"))
PLANS = [read_plan(path) for path in FILES]


def stands(sources: Path, plan: Plan, words: str, lines: tuple[str, ...]) -> bool:
    """Whether the quotation stands in these lines; a line break counts as one space."""
    text = (sources / plan.source).read_text(encoding="utf-8").split("\n")
    assert all(line.startswith(f"{plan.letter}:") for line in lines)
    found = [text[int(line.partition(":")[2]) - 1] for line in lines]
    return words in " ".join(" ".join(found).split())


@pytest.mark.parametrize(
    ("plan", "target"), [pytest.param(p, t, id=f"{p.id}-{t.id}") for p in PLANS for t in p.targets]
)
def test_a_target_is_quoted_literally_from_its_lines(sources: Path, plan: Plan, target: Target) -> None:
    assert stands(sources, plan, target.words, target.lines), f"not at {target.lines}: {target.words!r}"


@pytest.mark.parametrize(
    ("plan", "target"), [pytest.param(p, t, id=f"{p.id}-{t.id}") for p in PLANS for t in p.targets if t.baseline]
)
def test_a_baseline_is_quoted_literally_from_its_line(sources: Path, plan: Plan, target: Target) -> None:
    assert target.baseline is not None
    assert stands(sources, plan, target.baseline.words, (target.baseline.line,))


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)
def test_what_a_plan_says_of_itself_stands_in_its_document(sources: Path, plan: Plan) -> None:
    text = " ".join((sources / plan.source).read_text(encoding="utf-8").split()).lower()
    if plan.document is not None:
        assert plan.document.lower() in text
    if plan.issued_words is not None:
        assert plan.issued_line is not None
        assert stands(sources, plan, plan.issued_words, (plan.issued_line,))
    if plan.issued is not None:
        assert f"ngày {plan.issued.day} tháng {plan.issued.month} năm {plan.issued.year}" in text
    assert plan.title.lower().removeprefix("kế hoạch ") in text.replace("**", "")


def test_each_document_has_its_plan(sources: Path) -> None:
    assert {plan.source for plan in load_plans(CHECKOUT)} == {path.name for path in sources.glob("*.txt")}


def test_a_changed_letter_in_a_quotation_is_noticed(sources: Path) -> None:
    plan = next(plan for plan in PLANS if plan.letter == "D")
    assert stands(sources, plan, "đạt150 Mb/s", ("D:46",))
    assert not stands(sources, plan, "đạt 150 Mb/s", ("D:46",))
    assert not stands(sources, plan, "đạt150 Mb/s", ("D:47",))
