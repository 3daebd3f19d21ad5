"""`doxa_published`: what i-Speed published (imported by a person), at the beginning of each day of its month.

A figure holds for its whole month, so it is drawn as a line through it. Of several figures of one place, month and
statistic the one imported last is in force. Where a correction comes with another mark, the former series stays.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import Connection, select

from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import figure, place
from doxa_collector.period import DAY_US, month_of
from doxa_collector.series._batch import batch, position_of
from doxa_collector.series._registry import is_internal
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier
from doxa_collector.statistics import ispeed

_DAYS = 31


def streams(world: World) -> Sequence[Stream]:  # noqa: ARG001 - the ledger says it all
    """One stream."""
    return (Published(),)


class Published:
    """The figures in the order of their import; the position is the row."""

    suffix = "/published"

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:
        """The days of the next figures."""
        f = figure.c
        query = select(figure).where(f.id > position).order_by(f.id).limit(max(1, limit // _DAYS))
        rows = conn.execute(query).all()
        if not rows:
            return []
        provinces = {row.code: row.province for row in conn.execute(select(place).order_by(place.c.valid_from))}
        points = [point for row in rows if row.superseded_us is None for point in _days(row, provinces)]
        return batch(points, before=position, after=rows[-1].id)

    def position(self, item: Item) -> int:
        """The row."""
        return position_of(item)


def _days(row: AnyRow, provinces: dict[str, str]) -> Iterator[Point]:
    period = month_of(date.fromisoformat(f"{row.month}-01"))
    for at_us in range(period.from_us, period.to_us, DAY_US):
        yield Point(
            tier=Tier.LONG,
            measurement="doxa_published",
            tags={
                "province": row.place_code if len(row.place_code) == 2 else provinces.get(row.place_code),
                "place": row.place_code if len(row.place_code) > 2 else None, "kind": row.link_kind,
                "quantity": row.direction, "statistic": row.statistic, "source_mark": row.mark,
            },
            fields={
                "published_mbps": row.value_mbps, "samples_count": None if row.n is None else float(row.n),
                # Only a commune is published from so many samples on.
                "samples_goal_count": float(ispeed.NEEDED_SAMPLES) if len(row.place_code) > 2 else None,
            },
            at_us=at_us,
            internal=is_internal(row.link_kind.partition("-")[0]),  # mobile-5g is mobile
            position=0,
        )  # fmt: skip
