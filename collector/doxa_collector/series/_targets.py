"""What targets and verdicts have in common: which tags a target has, and whether it is for everybody."""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from sqlalchemy import Connection

from doxa_collector.assess.closing import latest_closings
from doxa_collector.assess.snapshots import recall
from doxa_collector.plans.keeping import plan_from_json
from doxa_collector.plans.model import Kind, Plan, PlanPlace, Target
from doxa_collector.series._registry import is_internal
from doxa_core.linkkind import LinkKind

_TSLCD_WORDS: Final = ("tslcd", "truyền số liệu chuyên dùng")


def tags_of(plan: str, target: str, where: PlanPlace | None, code: str, kind: LinkKind | None) -> dict[str, str | None]:
    """The tags that a target and its verdict share, so that one can be held against the other."""
    return {
        "plan": plan, "target": target, "level": None if where is None else where.level.value,
        "province": None if where is None else where.province, "place": code,
        "kind": None if kind is None else kind.value,
    }  # fmt: skip


def where_of(plan: Plan, code: str, day: date) -> PlanPlace | None:
    """The unit of a plan that was judged: a code may stand for two, at two times."""
    found = [place for place in plan.places if place.code == code]
    return next((place for place in found if place.judged_on(day)), found[0] if found else None)


def is_secret(plan: Plan, target: Target) -> bool:
    """Whether it is *nội bộ*: of TSLCD lines by its kind of line, or, where it is about no line, by its words."""
    if target.kind in (Kind.LEVEL, Kind.SHARE):
        return is_internal(target.link_kind)
    return target.link_kind is LinkKind.TSLCD or speaks_of_tslcd(
        plan.id, plan.title, target.id, target.title.vi, target.words
    )


def speaks_of_tslcd(*texts: str) -> bool:
    """Whether any of the texts names the State's specialised network."""
    return any(word in text.lower() for word in _TSLCD_WORDS for text in texts)


class KnownPlans:
    """Plans by what a verdict names: the version that it was judged under, wherever that is kept, else today's."""

    def __init__(self, today: Sequence[Plan]) -> None:
        self._exact = {(plan.id, plan.version): plan for plan in today}
        self._today = {plan.id: plan for plan in today}
        self._kept: dict[tuple[str, str], Plan] | None = None

    def find(self, conn: Connection, plan: str, version: str) -> Plan | None:
        """The plan; None where nobody keeps it any more."""
        found = self._exact.get((plan, version))
        if found is None and self._kept is None:
            self._kept = {(kept.id, kept.version): kept for kept in _of_closings(conn)}
        return found or (self._kept or {}).get((plan, version)) or self._today.get(plan)


def _of_closings(conn: Connection) -> Iterator[Plan]:
    for digest in {digest for closing in latest_closings(conn).values() for digest in closing.plans}:
        try:
            yield plan_from_json(json.loads(recall(conn, digest)))
        except ValueError:  # damaged, or of a doxa that wrote plans in another form
            continue
