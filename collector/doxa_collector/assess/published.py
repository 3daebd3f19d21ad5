"""Published figures (i-Speed) that a person imported: shown beside what the probes measured, never mixed with it."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from doxa_collector.assess.level import direction_of
from doxa_collector.assess.period import Period
from doxa_collector.ledger.schema import reference
from doxa_collector.plans.model import Measure, Statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One published figure, with the statistic that it is."""

    place: str
    value: float
    statistic: str
    source: str
    mark: str


def published_figures(conn: Connection, period: Period, measure: Measure) -> dict[str, Published]:
    """The figures of a month for the kind of line and the direction, by place.

    Of several for one place the one of the measure's statistic is taken, then the one imported last.
    """
    r = reference.c
    query = (
        select(r.place_code, r.value_mbps, r.statistic, r.source, r.mark)
        .where(
            r.month == period.month,
            r.link_kind == measure.link_kind.value,
            r.direction == direction_of(measure.value),
        )
        .order_by(r.imported_us, r.id)
    )
    found: dict[str, Published] = {}
    for code, value, statistic, source, mark in conn.execute(query):
        before = found.get(code)
        if before is None or before.statistic != measure.statistic or statistic == measure.statistic:
            found[code] = Published(place=code, value=value, statistic=statistic, source=source, mark=mark)
    return found


def of_statistic(figures: dict[str, Published], statistic: Statistic) -> dict[str, Published]:
    """Only the figures that are the wanted statistic: a median is not ranked among means."""
    return {code: figure for code, figure in figures.items() if figure.statistic == statistic}
