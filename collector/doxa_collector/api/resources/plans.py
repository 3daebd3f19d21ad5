"""Plans in force and their targets, with the documents' literal words."""

from collections.abc import Iterator
from typing import Any, Final

from doxa_collector.api.params import identifier, one_of
from doxa_collector.api.resource import Asked, Page, Resource, Single
from doxa_collector.api.types import BOTH, DAY, FLAG, NAME, NUMBER, WHOLE, Field, Listing, Record, choice
from doxa_collector.plans.model import (
    Kind,
    Mark,
    Offices,
    Operator,
    PlaceLevel,
    Plan,
    PlanPlace,
    Rule,
    Statistic,
    Target,
    Unit,
)
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind

_MARK: Final = choice(Mark)
_CONDITION: Final = Record(
    "Condition",
    "What one office must meet to count in a share.",
    (
        Field("link_kind", choice(LinkKind), "A working link of this kind."),
        Field("offices", choice(Offices), "Which offices are counted."),
        Field("operator", choice(Operator), "How a rate on it is held against `value`.", sure=False),
        Field("value", NUMBER, "In `unit`, at `layer`.", sure=False),
        Field("unit", choice(Unit), "The unit of `value`.", sure=False),
        Field("layer", choice(Layer), "Where the rate is counted.", sure=False),
        Field(
            "rule", choice(Rule), "A rule that each of its lines of the kind must keep, instead of a level.", sure=False
        ),
    ),
)
_BASELINE: Final = Record(
    "Baseline",
    "Where things stood when the plan was written.",
    (
        Field("value", NUMBER, "In `unit`."),
        Field("unit", choice(Unit), "The unit of `value`."),
        Field("as_of", NAME, "Such as 2023-Q2; absent where the document does not say.", sure=False),
        Field("words", NAME, "The literal quotation."),
        Field("line", NAME, "Where it stands."),
    ),
)
TARGET: Final = Record(
    "Target",
    "One demand of a plan. What is not the document's own word carries a mark.",
    (
        Field("plan", NAME, "The plan's identifier."),
        Field("plan_version", NAME, "The version of the plan's file."),
        Field("target", NAME, "The target's identifier within the plan."),
        Field("label", NAME, "As people quote it, such as A1."),
        Field("kind", choice(Kind), "How it is decided."),
        Field("title", BOTH, "In a few words."),
        Field("words", NAME, "The quotation, letter by letter as in the document."),
        Field("lines", Listing(NAME), "Where it stands, such as A:47."),
        Field("clause", NAME, "The document's clause."),
        Field("mark", _MARK, "How sure the words are."),
        Field("due", DAY, "The day by which it is due.", sure=False),
        Field("due_mark", _MARK, "Of the due day."),
        Field("operator", choice(Operator), "Absent for what has no number.", sure=False),
        Field("operator_mark", _MARK, "I where the words do not state it."),
        Field("value", NUMBER, "What must be reached, in `unit`, at `layer`.", sure=False),
        Field("unit", choice(Unit), "The unit of `value`.", sure=False),
        Field("link_kind", choice(LinkKind), "The kind of line that it is about.", sure=False),
        Field("meter", NAME, "Whose measurements answer it.", sure=False),
        Field("value_name", NAME, "The measured value that answers it, such as download_mbps.", sure=False),
        Field("layer", choice(Layer), "Where a rate is counted.", sure=False),
        Field("layer_mark", _MARK, "V where the document itself names the layer.", sure=False),
        Field("statistic", choice(Statistic), "What of all samples of the month is held against `value`.", sure=False),
        Field("statistic_mark", _MARK, "V where the document names the statistic.", sure=False),
        Field("condition", _CONDITION, "Of a share.", sure=False),
        Field("baseline", _BASELINE, "Where things stood.", sure=False),
        Field("ispeed", FLAG, "Whether the words bind it to VNNIC's published statistic (theo i-Speed)."),
        Field("rank_among", WHOLE, "Of how many provinces figures are needed for a rank.", sure=False),
        Field("caveats", Listing(NAME), "Reason codes that every verdict of it carries."),
        Field("note", BOTH, "What else is to be known.", sure=False),
    ),
)
_PLACE: Final = Record(
    "PlanPlace",
    "A unit that is judged against the plan's targets.",
    (
        Field("code", NAME, "Its code."),
        Field("name", NAME, "Its name."),
        Field("level", choice(PlaceLevel), "What kind of unit."),
        Field("province", NAME, "Its province's code."),
        Field("valid_from", DAY, "The first day on which it exists.", sure=False),
        Field("valid_to", DAY, "The last one.", sure=False),
        Field("inherits", FLAG, "Whether the old targets hold for it: the customer's decision.", sure=False),
        Field("inherits_from", NAME, "The unit that it came from.", sure=False),
        Field("members", Listing(NAME), "The communes of a district or an area."),
        Field("mark", _MARK, "How sure this is."),
    ),
)
_PLAN_FIELDS: Final = (
    Field("plan", NAME, "The plan's identifier."),
    Field("version", NAME, "The version of its file; a new one never changes what was judged under an old one."),
    Field("letter", NAME, "With which its line numbers begin."),
    Field("title", NAME, "As the document calls itself."),
    Field("document", NAME, "Its number.", sure=False),
    Field("issuer", NAME, "Who issued it."),
    Field("issued", DAY, "When.", sure=False),
    Field("valid_from", DAY, "The first day of its period."),
    Field("valid_to", DAY, "The last one."),
    Field("period_mark", _MARK, "How sure the period is."),
    Field("judge_until", DAY, "The customer's decision to stop judging.", sure=False),
    Field("mark", _MARK, "How the document was read."),
    Field("places", Listing(_PLACE), "The units judged."),
    Field("target_count", WHOLE, "How many targets it has."),
)
PLAN: Final = Record("Plan", "One document in force.", _PLAN_FIELDS)
WHOLE_PLAN: Final = Record(
    "PlanWithTargets",
    "One document with its targets.",
    (*_PLAN_FIELDS, Field("targets", Listing(TARGET), "In its order.")),
)


def read_plans(asked: Asked) -> Page:
    """The plans in force, by identifier."""
    after = "" if asked.after is None else str(asked.after[0])
    found = [plan for plan in sorted(asked.store.plans, key=lambda one: one.id) if plan.id > after]
    more = len(found) > asked.limit
    rows = [_plan(plan) for plan in found[: asked.limit]]
    return Page(rows=rows, next=(found[asked.limit - 1].id,) if more else None)


def read_plan(asked: Asked) -> Single | None:
    """One plan."""
    for plan in asked.store.plans:
        if plan.id == asked.get("plan"):
            return Single(row=_plan(plan) | {"targets": [target_row(plan, target) for target in plan.targets]})
    return None


def read_targets(asked: Asked) -> Page:
    """The targets of the plans in force, by plan and in the document's order."""
    after = ("", -1) if asked.after is None else asked.after
    found = [row for row in _targets(asked) if row[:2] > after]
    rows = [target_row(plan, target) for _, _, plan, target in found[: asked.limit]]
    more = len(found) > asked.limit
    return Page(rows=rows, next=found[asked.limit - 1][:2] if more else None)


def _targets(asked: Asked) -> Iterator[tuple[str, int, Plan, Target]]:
    wanted, kind = asked.get("plan"), asked.get("kind")
    for plan in sorted(asked.store.plans, key=lambda one: one.id):
        for at, target in enumerate(plan.targets):
            if wanted in (None, plan.id) and kind in (None, target.kind):
                yield plan.id, at, plan, target


def _plan(plan: Plan) -> dict[str, Any]:
    same = ("version", "letter", "title", "document", "issuer", "issued", "valid_from", "valid_to", "period_mark",
            "judge_until", "mark")  # fmt: skip
    return {
        "plan": plan.id, "places": [_place(place) for place in plan.places], "target_count": len(plan.targets),
        **{name: getattr(plan, name) for name in same},
    }  # fmt: skip


def _place(place: PlanPlace) -> dict[str, Any]:
    names = (
        "code",
        "name",
        "level",
        "province",
        "valid_from",
        "valid_to",
        "inherits",
        "inherits_from",
        "members",
        "mark",
    )
    return {name: getattr(place, name) for name in names}


def target_row(plan: Plan, target: Target) -> dict[str, Any]:
    """A target in the shape of its record."""
    measure, condition, baseline = target.measure, target.condition, target.baseline
    same = ("label", "kind", "title", "words", "lines", "clause", "mark", "due", "due_mark", "operator", "operator_mark",
            "value", "unit", "link_kind", "ispeed", "rank_among", "caveats", "note")  # fmt: skip
    row: dict[str, Any] = {"plan": plan.id, "plan_version": plan.version, "target": target.id}
    row |= {name: getattr(target, name) for name in same}
    if measure is not None:
        row |= {
            "meter": measure.meter,
            "value_name": measure.value,
            "layer": measure.layer,
            "statistic": measure.statistic,
        }
        row |= {"layer_mark": measure.layer_mark, "statistic_mark": measure.statistic_mark}
    if condition is not None:
        row["condition"] = {
            "link_kind": condition.link_kind, "offices": condition.offices, "operator": condition.operator,
            "value": condition.value, "unit": condition.unit,
            "layer": None if condition.measure is None else condition.measure.layer, "rule": condition.rule,
        }  # fmt: skip
    if baseline is not None:
        row["baseline"] = {name: getattr(baseline, name) for name in ("value", "unit", "as_of", "words", "line")}
    return row


RESOURCES: Final = (
    Resource(
        path="/plans", name="listPlans", record=PLAN, read=read_plans, key=(str,),
        title=Text(vi="kế hoạch", en="plans"), about="The plans in force today, by identifier.",
    ),
    Resource(
        path="/plans/{plan}", name="getPlan", record=WHOLE_PLAN, read=read_plan,
        title=Text(vi="một kế hoạch", en="one plan"), about="One plan in force with its places and targets.",
        params=(identifier("plan", "The plan's identifier."),),
        missing=Text(vi="không có kế hoạch này", en="there is no such plan"),
    ),
    Resource(
        path="/targets", name="listTargets", record=TARGET, read=read_targets, key=(str, int),
        title=Text(vi="chỉ tiêu", en="targets"), about="The targets of the plans in force, by plan, in the document's order.",
        params=(
            identifier("plan", "Those of this plan."),
            one_of("kind", "Those decided in this way.", [kind.value for kind in Kind]),
        ),
    ),
)  # fmt: skip
