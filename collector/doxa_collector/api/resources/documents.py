"""Documents: the progress report of a closed month, made when it is asked for and kept for the next one who asks."""

from collections.abc import Iterator
from typing import Any, Final

from doxa_collector.api.audience import Audience
from doxa_collector.api.params import code, identifier, month, one_of
from doxa_collector.api.problem import Problem, Refusal
from doxa_collector.api.resource import Asked, File, Page, Resource
from doxa_collector.api.resources.verdicts import NOT_CLOSED, NOT_PUBLIC, wanted_closing
from doxa_collector.api.types import MONTH, NAME, WHOLE, Field, Listing, Record, choice
from doxa_collector.api.workshop import Order
from doxa_collector.assess.closing import Closing, latest_closings
from doxa_collector.papers import forms
from doxa_core.language import Text

MEDIA: Final = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "json": "application/json",
}
FORMATS: Final = tuple(form for form in MEDIA if form in forms.names())
_KIND: Final = "progress"
DOCUMENT: Final = Record(
    "Document",
    "One paper that can be asked for.",
    (
        Field("kind", choice((_KIND,)), "Báo cáo tiến độ."),
        Field("month", MONTH, "The closed month."),
        Field("revision", WHOLE, "The closing that it is made from."),
        Field("plan", NAME, "The plan."),
        Field("formats", Listing(choice(FORMATS)), "What it can be had as."),
        Field("path", NAME, "Where, below /api/v1."),
    ),
)


def read_documents(asked: Asked) -> Page:
    """What can be asked for, by month and plan."""
    _allowed(asked)
    after = ("", "") if asked.after is None else asked.after
    found = [row for row in _all(asked) if (row["month"], row["plan"]) > after]
    rows = found[: asked.limit]
    return Page(rows=rows, next=(rows[-1]["month"], rows[-1]["plan"]) if len(found) > asked.limit else None)


def _all(asked: Asked) -> Iterator[dict[str, Any]]:
    closings = latest_closings(asked.conn)
    for first in sorted(closings):
        closing, text = closings[first], f"{first:%Y-%m}"
        if asked.get("month") not in (None, text):
            continue
        for plan in sorted(asked.store.workshop.plans_of(asked.conn, closing)):
            if asked.get("plan") in (None, plan):
                yield {
                    "kind": _KIND, "month": text, "revision": closing.revision, "plan": plan, "formats": FORMATS,
                    "path": f"/documents/progress/{text}/{plan}",
                }  # fmt: skip


def read_progress(asked: Asked) -> File | None:
    """The progress report of one plan in one closed month."""
    _allowed(asked)
    closing = wanted_closing(asked)
    if closing is None:
        return None
    plan, place, form = asked.get("plan"), asked.get("place"), asked.get("format")
    if plan not in asked.store.workshop.plans_of(asked.conn, closing):
        raise Refusal(Problem.NOT_FOUND, _NO_PLAN)
    order = Order(closing=closing, plan=plan, place=place, form=form, comma=asked.get("decimal") == "comma")
    workshop = asked.store.workshop
    return File(
        media=MEDIA[form], make=lambda: workshop.make(order), stamp=workshop.stamp(order),
        name=_name(closing, plan, place, form),
    )  # fmt: skip


def _name(closing: Closing, plan: str, place: str | None, form: str) -> str:
    parts = ("bao-cao-tien-do", plan, *((place,) if place else ()), closing.period.month)
    return f"{'_'.join(parts)}.{form}"


def _allowed(asked: Asked) -> None:
    """Papers name those who entered figures, so they are not for everybody."""
    if asked.view.audience < Audience.OFFICE:
        raise Refusal(Problem.NOT_FOR_YOU, NOT_PUBLIC)


_NO_PLAN: Final = Text(
    vi="tháng này không đánh giá kế hoạch đó; xem /api/v1/documents",
    en="the month does not judge that plan; see /api/v1/documents",
)
_PLAN: Final = identifier("plan", "The plan's identifier.")
RESOURCES: Final = (
    Resource(
        path="/documents", name="listDocuments", record=DOCUMENT, read=read_documents, key=(str, str),
        title=Text(vi="văn bản có thể lấy", en="documents"), refusals=(403,),
        about="The papers of closed months, by month and plan. Not for scope `public`.",
        params=(month("month", "Those of this month."), identifier("plan", "Those of this plan.")),
    ),
    Resource(
        path="/documents/progress/{month}/{plan}", name="getProgressReport", record=None, read=read_progress,
        title=Text(vi="báo cáo tiến độ", en="progress report"), media=tuple(MEDIA[form] for form in FORMATS),
        about="The progress report of a plan in a closed month: a draft, number, date and signature blank, addresses and device "
        "data hidden. The month is judged again and compared before its first paper is printed, which takes seconds, of a whole "
        "country minutes; then it is kept. One is made at a time: who comes meanwhile, and who has waited for 20 seconds, gets "
        "503 with Retry-After; the paper goes on being made, so ask again. HEAD makes none. Not for scope `public`.",
        params=(
            month("month", "The closed month."), _PLAN,
            one_of("format", "What it is to be had as.", FORMATS, "pdf"),
            code("place", "For this place of the plan only."),
            one_of("decimal", "Of CSV: a decimal comma or point.", ("point", "comma"), "comma"),
        ),
        missing=NOT_CLOSED, refusals=(403,),
    ),
)  # fmt: skip
