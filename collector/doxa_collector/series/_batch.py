"""Batches of points: positions, marks where there is nothing to write, moments on a grid, and how far back is looked."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.period import DAY_US
from doxa_collector.sink import Item, Point, Tier

HOUR_US: Final = 3_600_000_000
LOOK_BACK_US: Final = 400 * DAY_US
"""What is older is not written again: neither by a new sink nor by a change of the registry."""


def batch(points: Iterable[Point], *, before: int, after: int) -> list[Point]:
    """The points with their positions: a batch that broke off is written again as a whole.

    Where there are none and the position moves on, a mark without fields comes back, which no store ever gets.
    """
    found = [replace(point, position=before) for point in points]
    if found:
        found[-1] = replace(found[-1], position=after)
        return found
    if after == before:
        return []
    return [Point(tier=Tier.LONG, measurement="doxa_mark", tags={}, fields={}, at_us=0, position=after)]


def position_of(item: Item) -> int:
    """The position that a point carries."""
    return item.position if isinstance(item, Point) else 0


def hour_of(moment_us: int) -> int:
    """The beginning of its hour (Vietnam is whole hours from UTC)."""
    return moment_us - moment_us % HOUR_US


def beginning_us(conn: Connection, now_us: int) -> int:
    """The first hour that is written at all: of the ledger's oldest measurement, by our clock, and never too far back."""
    first = conn.execute(select(measurement.c.received_us).order_by(measurement.c.id).limit(1)).scalar()
    return hour_of(max(now_us - LOOK_BACK_US, now_us if first is None else min(first, now_us)))
