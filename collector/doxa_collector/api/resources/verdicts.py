"""Verdicts: of every month as the ledger has them now, and of a closed month's revision as they were kept."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, select

from doxa_collector.api.audience import Audience
from doxa_collector.api.params import LARGEST, code, identifier, month, one_of, whole
from doxa_collector.api.problem import Problem, Refusal
from doxa_collector.api.resource import Asked, File, Page, Resource
from doxa_collector.api.resources._common import CODED, cut, names_of
from doxa_collector.api.types import (
    BOTH,
    DAY,
    FLAG,
    MOMENT,
    MONTH,
    NAME,
    NUMBER,
    SHA256,
    WHOLE,
    Field,
    Listing,
    Open,
    Record,
    choice,
)
from doxa_collector.assess.closing import Closing, kept_result, latest_closings, revisions
from doxa_collector.assess.reasons import reason_text
from doxa_collector.assess.snapshots import recall
from doxa_collector.assess.wording import explain
from doxa_collector.ledger.schema import verdict
from doxa_collector.period import Period, month_of
from doxa_collector.plans.keeping import plan_from_json
from doxa_collector.plans.model import Kind, Operator, Plan, Target, Unit
from doxa_collector.verdict import Verdict, VerdictOutcome
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind

EVIDENCE: Final = Record(
    "EvidenceRange",
    "What a verdict stood on. Of each line's local day (by `started`, in Vietnam) the measurements in the order of their ids make "
    "a chain, from the empty h: h = SHA-256(h + SHA-256 of the line as sent). The hash is SHA-256 over the chains in the order of "
    "(site, link, day).",
    (
        Field("count", WHOLE, "How many measurements."),
        Field("first", WHOLE, "The id of the first one.", sure=False),
        Field("last", WHOLE, "The id of the last one.", sure=False),
        Field("sha256", SHA256, "The hash.", sure=False),
    ),
)
VERDICT: Final = Record(
    "Verdict",
    "One target at one place in one month. `value`, `lower`, `upper` and `required` are in `unit`, rates at `layer`.",
    (
        Field("id", WHOLE, "Its row; absent in a kept revision.", sure=False),
        Field("month", MONTH, "The month judged."),
        Field("plan", NAME, "The plan."),
        Field("plan_version", NAME, "The version that it was judged under."),
        Field("target", NAME, "The target's identifier."),
        Field("label", NAME, "As people quote it, such as A1.", sure=False),
        Field("kind", choice(Kind), "How it is decided.", sure=False),
        Field("title", BOTH, "The target in a few words.", sure=False),
        Field("place", NAME, "The place's code."),
        Field("place_name", NAME, "The place's name in the plan or the registry.", sure=False),
        Field("method", WHOLE, "The version of the method of assessment.", sure=False),
        Field("period_from", DAY, "The first day."),
        Field("period_to", DAY, "The last day, included."),
        Field("outcome", choice(VerdictOutcome), "The answer."),
        Field("outcome_text", BOTH, "The answer in words."),
        Field(
            "sentence", BOTH, "What was found, how much evidence it stands on, what it was held against.", sure=False
        ),
        Field("value", NUMBER, "What was found.", sure=False),
        Field("unit", choice(Unit), "Of the numbers beside it; absent for a target without a number.", sure=False),
        Field("layer", choice(Layer), "Where a rate was counted.", sure=False),
        Field("lower", NUMBER, "The one-sided 95 % lower bound; of a share the certain one.", sure=False),
        Field("upper", NUMBER, "The upper bound likewise.", sure=False),
        Field("n", WHOLE, "Samples of a level, offices of a share, provinces of a rank."),
        Field("operator", choice(Operator), "How the value was held against `required`.", sure=False),
        Field("required", NUMBER, "What the plan demands.", sure=False),
        Field("link_kind", choice(LinkKind), "The kind of line.", sure=False),
        Field(
            "ispeed_published_mbps", NUMBER, "The imported figure of that month, beside the measured one.", sure=False
        ),
        Field("reasons", Listing(CODED), "Why, and what a reader must know besides."),
        Field("evidence", EVIDENCE, "Absent where no measurement answers the target.", sure=False),
        Field("computed", MOMENT, "When it was judged; absent in a kept revision.", sure=False),
        Field("closed", FLAG, "Whether the month is closed, so that only a reason opens it again."),
        Field("revision", WHOLE, "The closing's revision.", sure=False),
        Field(
            "detail",
            Open(),
            "Everything else that the judgement kept; its keys may grow.",
            sure=False,
            least=Audience.OFFICE,
        ),
    ),
)
Row = Mapping[str, Any]
_MOST_PLANS: Final = 256


# --- of every month


def read_verdicts(asked: Asked) -> Page:
    """The verdicts in the order of their rows."""
    v = verdict.c
    query = select(verdict).order_by(v.id).limit(asked.limit + 1)
    for name, column in (("plan", v.plan), ("target", v.target), ("place", v.place_code), ("outcome", v.outcome)):
        if (wanted := asked.get(name)) is not None:
            query = query.where(column == wanted)
    if (wanted := asked.get("month")) is not None:
        query = query.where(v.period_from == f"{wanted}-01")
    if asked.after is not None:
        query = query.where(v.id > asked.after[0])
    rows, more = cut(asked.conn.execute(query).mappings().all(), asked.limit)
    closings = latest_closings(asked.conn)
    known = _Plans(asked, closings.values())
    final = asked.get("month") is not None and date.fromisoformat(f"{asked.get('month')}-01") in closings
    found = _shaped(asked, [(row, closings.get(date.fromisoformat(row["period_from"]))) for row in rows], known)
    return Page(rows=found, next=(rows[-1]["id"],) if more else None, final=final)


# --- of a revision


def read_kept(asked: Asked) -> Page | None:
    """The verdicts of a closed month as they were kept."""
    closing = wanted_closing(asked)
    if closing is None:
        return None
    rows = [
        row for row in json.loads(_proved(asked.conn, closing))
        if asked.get("plan") in (None, row["plan"]) and asked.get("place") in (None, row["place_code"])
        and asked.get("outcome") in (None, row["outcome"])
    ]  # fmt: skip
    start = 0 if asked.after is None else max(0, int(asked.after[0]))
    end = start + asked.limit
    found = _shaped(asked, [(row, closing) for row in rows[start:end]], _Plans(asked, [closing]))
    pinned = asked.get("revision") is not None
    return Page(rows=found, next=(end,) if end < len(rows) else None, final=True, pinned=pinned)


def read_result(asked: Asked) -> File | None:
    """The kept result itself: its SHA-256 is the closing's."""
    if asked.view.audience < Audience.OFFICE:
        raise Refusal(Problem.NOT_FOR_YOU, NOT_PUBLIC)
    closing = wanted_closing(asked)
    if closing is None:
        return None
    body = _proved(asked.conn, closing)
    return File(
        media="application/json", make=lambda: body, stamp=closing.verdicts, pinned=asked.get("revision") is not None,
        name=f"verdicts_{closing.period.month}_{closing.revision}.json",
    )  # fmt: skip


def wanted_closing(asked: Asked) -> Closing | None:
    """The closing of the month in the path, in the revision asked for or the latest."""
    found = revisions(asked.conn, period_of(asked.get("month")))
    wanted = asked.values.get("revision")
    return next((one for one in reversed(found) if wanted in (None, one.revision)), None)


def period_of(text: str) -> Period:
    """The month in a parameter."""
    return month_of(date.fromisoformat(f"{text}-01"))


def _proved(conn: Connection, closing: Closing) -> bytes:
    try:
        return kept_result(conn, closing)
    except ValueError:
        raise Refusal(Problem.DAMAGED, DAMAGED, {"Retry-After": "3600"}) from None


# --- rows in words


class _Plans:
    """The plans that verdicts were judged under: today's, and those that closings kept."""

    def __init__(self, asked: Asked, closings: Iterable[Closing]) -> None:
        self._today = {(plan.id, plan.version): plan for plan in asked.store.plans}
        self._closings = {one.period.first.isoformat(): one for one in closings}
        self._conn = asked.conn

    def of(self, row: Row) -> Plan | None:
        """The plan of a verdict; None where the ledger no longer keeps it."""
        key = row["plan"], row["plan_version"]
        closing = self._closings.get(row["period_from"])
        if closing is not None:  # the very file that it was judged under goes before today's of the same version
            for plan in self._kept(closing):
                if (plan.id, plan.version) == key:
                    return plan
        return self._today.get(key)

    def _kept(self, closing: Closing) -> Iterator[Plan]:
        for digest in closing.plans:
            try:
                yield _plan(digest, self._conn)
            except ValueError:  # damaged, or of a doxa that wrote plans in another form: the numbers are shown alone
                continue


_parsed: OrderedDict[str, Plan] = OrderedDict()
"""Plans of closings by their hash: what a hash names never changes."""


def _plan(digest: str, conn: Connection) -> Plan:
    plan = _parsed.get(digest)
    if plan is None:
        plan = _parsed[digest] = plan_from_json(json.loads(recall(conn, digest)))
        if len(_parsed) > _MOST_PLANS:
            _parsed.popitem(last=False)
    return plan


def _shaped(asked: Asked, rows: Sequence[tuple[Row, Closing | None]], known: _Plans) -> list[dict[str, Any]]:
    names = names_of(asked.conn, [row["place_code"] for row, _ in rows], asked.today)
    return [_verdict(row, known.of(row), closing, names) for row, closing in rows]


def _verdict(row: Row, plan: Plan | None, closing: Closing | None, names: Mapping[str, str]) -> dict[str, Any]:
    detail, codes = json.loads(row["detail"]), json.loads(row["reasons"])
    same = (
        "plan",
        "plan_version",
        "target",
        "period_from",
        "period_to",
        "outcome",
        "value",
        "layer",
        "lower",
        "upper",
        "n",
    )
    found = {name: row[name] for name in same}
    found |= {
        "id": row.get("id"), "month": row["period_from"][:7], "place": row["place_code"],
        "place_name": names.get(row["place_code"]), "outcome_text": VerdictOutcome(row["outcome"]).text,
        "ispeed_published_mbps": row["published"], "computed": row.get("computed_us"), "detail": detail,
        "reasons": [{"code": one, "vi": reason_text(one).vi, "en": reason_text(one).en} for one in codes],
        "method": detail.get("method", None if closing is None else closing.method),
        "evidence": _evidence(detail.get("evidence")), "closed": closing is not None,
        "revision": None if closing is None else closing.revision,
    }  # fmt: skip
    target = None if plan is None else plan.target(row["target"])
    if plan is not None and target is not None:
        found |= _of_target(row, codes, target)
        found["place_name"] = next((p.name for p in plan.places if p.code == row["place_code"]), found["place_name"])
    return found


def _of_target(row: Row, codes: Sequence[str], target: Target) -> dict[str, Any]:
    same = ("label", "kind", "title", "unit", "operator", "link_kind")
    judged = Verdict(
        plan=row["plan"], plan_version=row["plan_version"], target=row["target"], place=row["place_code"],
        period_from=date.fromisoformat(row["period_from"]), period_to=date.fromisoformat(row["period_to"]),
        outcome=VerdictOutcome(row["outcome"]), value=row["value"], n=row["n"], lower=row["lower"], upper=row["upper"],
        layer=row["layer"], reasons=tuple(codes), published=row["published"], detail=row["detail"],
    )  # fmt: skip
    return {name: getattr(target, name) for name in same} | {
        "required": target.value,
        "sentence": explain(judged, target),
    }


def _evidence(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"count": found["n"], "first": found.get("first"), "last": found.get("last"), "sha256": found.get("sha256")}


NOT_PUBLIC: Final = Text(
    vi="nội dung này chỉ dành cho mã có phạm vi internal hoặc mã của trang",
    en="this is for tokens of scope internal and for the page's own token",
)
DAMAGED: Final = Text(
    vi="sổ cái không còn giữ nguyên vẹn kết quả đã khóa sổ; hãy khôi phục từ bản lưu",
    en="the ledger no longer holds the closed result unchanged; restore a backup",
)
NOT_CLOSED: Final = Text(
    vi="tháng này chưa khóa sổ hoặc không có lần khóa sổ đó", en="this month is not closed, or has no such revision"
)
_OUTCOME: Final = one_of("outcome", "Those with this answer.", [one.value for one in VerdictOutcome])
_MONTH: Final = month("month", "The month.")
REVISION: Final = whole(
    "revision", "That revision; the latest unless given. A named revision never changes.", 1, LARGEST
)
RESOURCES: Final = (
    Resource(
        path="/verdicts", name="listVerdicts", record=VERDICT, read=read_verdicts, key=(int,),
        title=Text(vi="kết luận đạt / không đạt", en="verdicts"),
        about="Every target of every plan at every place in every month, in the order of their rows. An open month's rows are "
        "judged again and again; a closed month's stay. With `month` of a closed month the ETag is strong.",
        params=(
            month("month", "Those of this month."),
            identifier("plan", "Those of this plan."),
            identifier("target", "Those of this target."),
            code("place", "Those of this place."),
            _OUTCOME,
        ),
    ),
    Resource(
        path="/closings/{month}/verdicts", name="listClosedVerdicts", record=VERDICT, read=read_kept, key=(int,),
        title=Text(vi="kết luận của một tháng đã khóa sổ", en="verdicts of a closed month"),
        about="The verdicts as a closing kept them, in its order. They are compared with their hash before they are given.",
        params=(_MONTH, REVISION, identifier("plan", "Those of this plan."), code("place", "Those of this place."), _OUTCOME),
        missing=NOT_CLOSED,
    ),
    Resource(
        path="/closings/{month}/result", name="getClosedResult", record=None, read=read_result,
        title=Text(vi="kết quả đã khóa sổ, nguyên từng byte", en="a closed month's result, byte for byte"),
        about="The kept result itself: the SHA-256 of these bytes is `verdicts_sha256` of the closing. Not for scope `public`.",
        params=(_MONTH, REVISION), media=("application/json",), missing=NOT_CLOSED, refusals=(403,),
    ),
)  # fmt: skip
