"""The figures of i-Speed that were published for the unit of an office, its province and the country: never ours."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import figure, place, site
from doxa_collector.period import Period
from doxa_collector.plans.model import COUNTRY
from doxa_core.linkkind import LinkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which unit an office belongs to at the end of a month."""

    place: str
    name: str
    province: str | None
    province_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFigure:
    """One published figure, as it was imported."""

    place: str
    direction: str
    statistic: str
    """`mean` or `median`, as its source labels it."""
    mbps: float
    n: int | None
    source: str
    mark: str
    """How sure the source is (`plans.model.Mark`)."""


def where_is(conn: Connection, name: str, period: Period) -> Where | None:
    """The unit of an office; None where the registry has no such office. A name that nobody knows is its code."""
    code = conn.execute(select(site.c.place_code).where(site.c.site == name)).scalar()
    if code is None:
        return None
    own = _unit(conn, code, period)
    province = None if own is None else own[1]
    above = None if province is None else _unit(conn, province, period)
    return Where(
        place=code,
        name=code if own is None else own[0],
        province=province,
        province_name=province if above is None else above[0],
    )


def _unit(conn: Connection, code: str, period: Period) -> tuple[str, str] | None:
    """Name and province of the code's state that holds at the end of the month, else of its latest."""
    p, last = place.c, period.last.isoformat()
    rows = conn.execute(
        select(p.name, p.province, p.valid_from, p.valid_to).where(p.code == code).order_by(p.valid_from)
    ).all()
    holding = [row for row in rows if row.valid_from <= last and (row.valid_to is None or row.valid_to >= last)]
    row = next(reversed(holding or rows), None)
    return None if row is None else (row.name, row.province)


def published_beside(conn: Connection, where: Where, kind: LinkKind, period: Period) -> list[PublishedFigure]:
    """What is in force of that month for the unit, its province and the country, in this order; both statistics."""
    codes = [code for code in (where.place, where.province, COUNTRY) if code is not None]
    f = figure.c
    query = select(figure).where(
        f.month == period.month, f.link_kind == kind.value, f.place_code.in_(codes), f.superseded_us.is_(None)
    )
    rows = [
        PublishedFigure(
            place=row.place_code, direction=row.direction, statistic=row.statistic, mbps=row.value_mbps, n=row.n,
            source=row.source, mark=row.mark,
        )
        for row in conn.execute(query.order_by(f.direction, f.statistic, f.imported_us, f.id))
    ]  # fmt: skip
    return sorted(rows, key=lambda row: codes.index(row.place))
