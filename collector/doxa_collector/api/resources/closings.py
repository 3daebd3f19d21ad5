"""Closed months and their revisions."""

from typing import Any, Final

from sqlalchemy import select, tuple_

from doxa_collector.api.audience import Audience
from doxa_collector.api.params import month
from doxa_collector.api.resource import Asked, Page, Resource, Single
from doxa_collector.api.resources._common import cut
from doxa_collector.api.resources.verdicts import NOT_CLOSED, period_of
from doxa_collector.api.types import MOMENT, MONTH, NAME, SHA256, WHOLE, WORDS, Field, Listing, Open, Record
from doxa_collector.assess.closing import Closing, late, revisions
from doxa_collector.ledger.schema import closing
from doxa_core.language import Text

_FIELDS: Final = (
    Field("month", MONTH, "The month."),
    Field("revision", WHOLE, "1, and one more each time the month was opened again."),
    Field("closed", MOMENT, "When it was closed."),
    Field("judged", MOMENT, "The moment as of which it was judged."),
    Field("last_measurement", WHOLE, "Measurements up to this id were the evidence."),
    Field("verdicts_sha256", SHA256, "SHA-256 of the result."),
    Field("inputs_sha256", SHA256, "SHA-256 of the registry and the figures that it stood on."),
    Field("plans_sha256", Listing(SHA256), "Of each plan that was judged."),
    Field("method", WHOLE, "The version of the method of assessment."),
    Field("program", NAME, "The version of doxa that judged."),
    Field("settings", Open(), "The rules of the assessment."),
    Field("actor", WORDS, "Who closed it; doxa where nobody asked.", least=Audience.OFFICE),
    Field("reason", WORDS, "Why it was opened again.", sure=False, least=Audience.OFFICE),
)
CLOSING: Final = Record("Closing", "One closing of one month.", _FIELDS)
CLOSED: Final = Record(
    "ClosedMonth",
    "A closed month: its latest closing, and the former ones.",
    (
        *_FIELDS,
        Field("late", WHOLE, "Measurements of the month that came after the closing and do not count."),
        Field("former", Listing(CLOSING), "The former revisions, the first first."),
    ),
)


def read_closings(asked: Asked) -> Page:
    """Every closing by month and revision."""
    c = closing.c
    query = select(c.period_from, c.revision).order_by(c.period_from, c.revision).limit(asked.limit + 1)
    if asked.after is not None:
        query = query.where(tuple_(c.period_from, c.revision) > tuple_(*asked.after))
    keys, more = cut(asked.conn.execute(query).all(), asked.limit)
    months = {first: revisions(asked.conn, period_of(first[:7])) for first in {key.period_from for key in keys}}
    rows = [_row(next(one for one in months[key.period_from] if one.revision == key.revision)) for key in keys]
    return Page(rows=rows, next=tuple(keys[-1]) if more else None)


def read_month(asked: Asked) -> Single | None:
    """One closed month."""
    found = revisions(asked.conn, period_of(asked.get("month")))
    if not found:
        return None
    latest = found[-1]
    return Single(row=_row(latest) | {"late": late(asked.conn, latest), "former": [_row(one) for one in found[:-1]]})


def _row(one: Closing) -> dict[str, Any]:
    return {
        "month": one.period.month, "revision": one.revision, "closed": one.closed_us, "judged": one.judged_us,
        "last_measurement": one.last_id, "verdicts_sha256": one.verdicts, "inputs_sha256": one.inputs,
        "plans_sha256": one.plans, "method": one.method, "program": one.program, "settings": one.settings.as_json(),
        "actor": one.actor, "reason": one.reason or None,
    }  # fmt: skip


RESOURCES: Final = (
    Resource(
        path="/closings", name="listClosings", record=CLOSING, read=read_closings, key=(str, int),
        title=Text(vi="các lần khóa sổ", en="closings"), about="Every closing of every month, by month and revision.",
    ),
    Resource(
        path="/closings/{month}", name="getClosing", record=CLOSED, read=read_month,
        title=Text(vi="một tháng đã khóa sổ", en="a closed month"), about="The latest closing of a month with the former ones.",
        params=(month("month", "The month."),), missing=NOT_CLOSED,
    ),
)  # fmt: skip
