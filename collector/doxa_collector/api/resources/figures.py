"""Published figures (i-Speed) that were imported, and indicators that were entered by hand."""

from typing import Any, Final

from sqlalchemy import select

from doxa_collector.api.audience import Audience
from doxa_collector.api.params import code, flag, identifier, month, one_of
from doxa_collector.api.resource import Asked, Page, Resource
from doxa_collector.api.resources._common import cut
from doxa_collector.api.types import DAY, FLAG, MOMENT, MONTH, NAME, NUMBER, SHA256, WHOLE, WORDS, Field, Record, choice
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import figure, indicator
from doxa_collector.plans.model import Mark, Statistic
from doxa_core.language import Text

_DIRECTIONS: Final = ("download", "upload")
FIGURE: Final = Record(
    "Figure",
    "One published figure. It is never a measurement of ours, and ours is never labelled i-Speed.",
    (
        Field("id", WHOLE, "In the order of import."),
        Field("place", NAME, "The place's code; 00 for the whole country."),
        Field("month", MONTH, "The month that it is of."),
        Field("link_kind", NAME, "fixed, mobile, or a generation such as 5g."),
        Field("statistic", choice(Statistic), "As the source labels it."),
        Field("direction", choice(_DIRECTIONS), "Which way."),
        Field("value_mbps", NUMBER, "Decimal megabits per second; the source names no layer."),
        Field("n", WHOLE, "Samples, where the source says.", sure=False),
        Field("source", WORDS, "Where it was published."),
        Field("mark", choice(Mark), "How sure it is."),
        Field("imported", MOMENT, "When it was imported."),
        Field("in_force", FLAG, "False where a later import says otherwise."),
        Field("superseded", MOMENT, "When that was.", sure=False),
        Field("imported_by", WORDS, "Who imported it.", sure=False, least=Audience.OFFICE),
        Field("file", WORDS, "The file's name.", sure=False, least=Audience.OFFICE),
        Field("file_sha256", SHA256, "SHA-256 of the file.", sure=False),
    ),
)
INDICATOR: Final = Record(
    "Indicator",
    "One figure that a person entered from a paper.",
    (
        Field("id", WHOLE, "In the order of entry."),
        Field("plan", NAME, "The plan."),
        Field("target", NAME, "The target that it answers."),
        Field("place", NAME, "The place's code."),
        Field("as_of", DAY, "The day that it is of."),
        Field("value", NUMBER, "In `unit`."),
        Field("unit", NAME, "The unit of `value`; `flag`: 1 done, 0 not done."),
        Field("source", WORDS, "The paper."),
        Field("entered", MOMENT, "When it was entered."),
        Field("entered_by", WORDS, "Who entered it.", sure=False, least=Audience.OFFICE),
    ),
)


def read_figures(asked: Asked) -> Page:
    """The figures in the order of import."""
    c = figure.c
    query = select(figure).where(c.id > _after(asked)).order_by(c.id).limit(asked.limit + 1)
    for name, column in (
        ("month", c.month),
        ("place", c.place_code),
        ("link_kind", c.link_kind),
        ("direction", c.direction),
    ):
        if (wanted := asked.get(name)) is not None:
            query = query.where(column == wanted)
    if not asked.get("superseded"):
        query = query.where(c.superseded_us.is_(None))
    rows, more = cut(asked.conn.execute(query).all(), asked.limit)
    return Page(rows=[_figure(row) for row in rows], next=(rows[-1].id,) if more else None)


def _figure(row: AnyRow) -> dict[str, Any]:
    return {
        "id": row.id, "place": row.place_code, "month": row.month, "link_kind": row.link_kind, "statistic": row.statistic,
        "direction": row.direction, "value_mbps": row.value_mbps, "n": row.n, "source": row.source, "mark": row.mark,
        "imported": row.imported_us, "in_force": row.superseded_us is None, "superseded": row.superseded_us,
        "imported_by": row.imported_by or None, "file": row.file or None, "file_sha256": row.digest or None,
    }  # fmt: skip


def read_indicators(asked: Asked) -> Page:
    """What was entered, in the order of entry; the latest of a target and day counts."""
    c = indicator.c
    query = select(indicator).where(c.id > _after(asked)).order_by(c.id).limit(asked.limit + 1)
    for name, column in (("plan", c.plan), ("target", c.target), ("place", c.place_code)):
        if (wanted := asked.get(name)) is not None:
            query = query.where(column == wanted)
    rows, more = cut(asked.conn.execute(query).all(), asked.limit)
    return Page(rows=[_indicator(row) for row in rows], next=(rows[-1].id,) if more else None)


def _indicator(row: AnyRow) -> dict[str, Any]:
    return {
        "id": row.id, "plan": row.plan, "target": row.target, "place": row.place_code, "as_of": row.as_of,
        "value": row.value, "unit": row.unit, "source": row.source, "entered": row.entered_us,
        "entered_by": row.entered_by or None,
    }  # fmt: skip


def _after(asked: Asked) -> int:
    return -1 if asked.after is None else int(asked.after[0])


RESOURCES: Final = (
    Resource(
        path="/figures", name="listFigures", record=FIGURE, read=read_figures, key=(int,),
        title=Text(vi="số liệu công bố đã nhập", en="published figures"),
        about="Figures of i-Speed and the like that were imported, in the order of import.",
        params=(
            month("month", "Those of this month."),
            code("place", "Those of this place; 00 for the whole country."),
            identifier("link_kind", "Those of this kind of line."),
            one_of("direction", "Those of this direction.", _DIRECTIONS),
            flag("superseded", "Also those that a later import replaced."),
        ),
    ),
    Resource(
        path="/indicators", name="listIndicators", record=INDICATOR, read=read_indicators, key=(int,),
        title=Text(vi="số liệu nhập tay", en="indicators entered by hand"),
        about="Figures that people entered from papers, in the order of entry.",
        params=(
            identifier("plan", "Those of this plan."),
            identifier("target", "Those of this target."),
            code("place", "Those of this place."),
        ),
    ),
)  # fmt: skip
