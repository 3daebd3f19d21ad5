"""How each office stands to a plan's rate on TSLCD lines (`≥ 100 Mbps`), as the assessment judged it.

No rule sets such a rate for the whole country (domain.md §5): it comes from a plan, and without one there is nothing to
meet. Of a closed month the kept verdicts speak, of an open one today's. A place's own plan goes before a country-wide one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from doxa_collector.assess.closing import kept_result
from doxa_collector.assess.run import judge_now
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.share import Standing
from doxa_collector.assess.snapshots import recall
from doxa_collector.assess.storing import as_row
from doxa_collector.plans.keeping import plan_from_json
from doxa_collector.plans.model import Kind, Mark, Plan, Target
from doxa_collector.report.tslcd_books import Book, Line
from doxa_collector.verdict import VerdictOutcome
from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind

_OUTCOMES: Final = {
    Standing.MET.value: VerdictOutcome.PASS,
    Standing.FAILED.value: VerdictOutcome.FAIL,
    Standing.LIMITED.value: VerdictOutcome.PROBE_LIMITED,
    Standing.UNKNOWN.value: VerdictOutcome.INSUFFICIENT,
}
_COUNTRY: Final = "00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one plan wants of TSLCD lines."""

    plan: str
    title: str
    """Of the plan."""
    label: str
    mark: Mark
    """How sure the demand is: only `V` is a document's own word."""
    mbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """How one office stands to it."""

    demand: Demand
    outcome: VerdictOutcome
    value_mbps: float | None = None
    n: int = 0
    layer: str | None = None
    reasons: tuple[str, ...] = ()


def read_floors(
    conn: Connection, book: Book, lines: Iterable[Line], plans: Sequence[Plan], settings: Settings, now_us: int
) -> dict[str, Floor]:
    """By site; a site of which no verdict speaks is missing. `OperationError` where what a closing kept is damaged."""
    known, rows = _verdicts(conn, book, plans, settings, now_us)
    wanted = {line.site: line for line in lines}
    found: dict[str, Floor] = {}
    for row in sorted(
        rows, key=lambda row: (row["place_code"] == _COUNTRY, row["plan"], row["target"], row["place_code"])
    ):
        demand = known.get((row["plan"], row["target"]))
        if demand is None:
            continue
        for site, floor in _floors(demand, json.loads(row["detail"]), row["place_code"], wanted):
            found.setdefault(site, floor)
    return found


def _verdicts(
    conn: Connection, book: Book, plans: Sequence[Plan], settings: Settings, now_us: int
) -> tuple[dict[tuple[str, str], Demand], list[Mapping[str, Any]]]:
    if book.closing is None:
        chosen = [plan for plan in plans if any(_demands(plan))]
        judged = judge_now(conn, chosen, book.period, settings, now_us).verdicts if chosen else ()
        return _known(chosen), [as_row(one) for one in judged]
    try:
        kept = [plan_from_json(json.loads(recall(conn, digest))) for digest in book.closing.plans]
        return _known(kept), json.loads(kept_result(conn, book.closing))
    except ValueError as error:
        month = book.period.first.strftime("%m/%Y")
        raise OperationError(_DAMAGED.fill(month=month, error=error)) from error


def _known(plans: Iterable[Plan]) -> dict[tuple[str, str], Demand]:
    return {(plan.id, target): demand for plan in plans for target, demand in _demands(plan)}


def _demands(plan: Plan) -> Iterator[tuple[str, Demand]]:
    for target in plan.targets:
        rate = _rate(target)
        if rate is not None:
            mark = target.mark if plan.mark is Mark.V else plan.mark
            yield target.id, Demand(plan=plan.id, title=plan.title, label=target.label, mark=mark, mbps=rate)


def _rate(target: Target) -> float | None:
    """The rate that a share target wants of each office's TSLCD line; None for every other target."""
    condition = target.condition
    if target.kind is not Kind.SHARE or condition is None or condition.measure is None:
        return None
    return condition.value if condition.link_kind is LinkKind.TSLCD else None


def _floors(
    demand: Demand, detail: Mapping[str, Any], place: str, wanted: Mapping[str, Line]
) -> Iterator[tuple[str, Floor]]:
    """Of the offices that the verdict lists; of those that it does not list only where that list leaves no choice.

    Failed, limited and unknown offices come first: where an office that meets the demand is listed, all unlisted ones meet it.
    """
    members = detail.get("members", [])
    for one in members:
        if one["site"] in wanted:
            yield one["site"], Floor(
                demand=demand, outcome=_OUTCOMES[one["standing"]], value_mbps=one.get("value"), n=one.get("n", 0),
                layer=one.get("layer"), reasons=tuple(one.get("reasons", ())),
            )  # fmt: skip
    counted = detail.get("offices", {})
    there = sum(counted.get(standing.value, 0) for standing in Standing)
    if len(members) < there and members and members[-1]["standing"] == Standing.MET.value:
        listed = {one["site"] for one in members}
        for site, line in wanted.items():
            if site not in listed and len(line.code) == 5 and place in (_COUNTRY, line.province_code):
                yield site, Floor(demand=demand, outcome=VerdictOutcome.PASS)


_DAMAGED: Final = Text(
    vi="tháng {month}: sổ cái không còn giữ nguyên vẹn kết quả của lần khóa sổ ({error}); không in báo cáo; hãy khôi phục từ bản lưu",
    en="month {month}: the ledger no longer holds the result of the closing ({error}); no paper is made; restore a backup",
)
