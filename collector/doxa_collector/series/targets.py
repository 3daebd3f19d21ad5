"""`doxa_target`: what the plans in force demand, hour by hour, so that a threshold in a panel is the plan's own."""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from doxa_collector.period import local_day
from doxa_collector.plans.keeping import plan_as_json
from doxa_collector.plans.model import Kind, Plan, PlanPlace, Target
from doxa_collector.series._batch import HOUR_US, batch, beginning_us, position_of
from doxa_collector.series._targets import is_secret, tags_of
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier


def streams(world: World) -> Sequence[Stream]:
    """One stream."""
    return (Targets(world),)


class Targets:
    """Forward by the hour. The position is the hour plus a fingerprint of the plans (less than an hour's microseconds):

    once the plans are others, all is written again from the beginning, which is `LOOK_BACK_US` ago at most. A plan's own
    `valid_from` and those of its places say since when a demand holds.
    """

    suffix = "/targets"

    def __init__(self, world: World) -> None:
        self._world = world
        self._printed: tuple[Sequence[Plan], int] = ((), 0)

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:
        """The points of the next hours, about `limit` of them."""
        plans, now = self._world.plans(), self._world.now_us()
        mark, beginning = self._fingerprint(plans), beginning_us(conn, now)
        at = position - position % HOUR_US + HOUR_US if position % HOUR_US == mark else beginning
        at, found, reached = max(at, beginning), list[Point](), position
        while at <= now and len(found) < limit:
            found += in_force(plans, at)
            reached, at = at + mark, at + HOUR_US
        return batch(found, before=position, after=reached)

    def position(self, item: Item) -> int:
        """The hour, with the fingerprint of the plans."""
        return position_of(item)

    def _fingerprint(self, plans: Sequence[Plan]) -> int:
        if self._printed[0] is not plans:
            text = json.dumps([plan_as_json(plan) for plan in plans], sort_keys=True)
            self._printed = plans, int.from_bytes(sha256(text.encode()).digest()[:8]) % (HOUR_US - 1)
        return self._printed[1]


def in_force(plans: Sequence[Plan], at_us: int) -> Iterator[Point]:
    """Every demand that holds at a moment; one with neither a number nor a day has its title only."""
    day = local_day(at_us)
    for plan in plans:
        if plan.valid_from <= day and (plan.judge_until is None or day <= plan.judge_until):
            for where in (place for place in plan.places if place.judged_on(day)):
                for target in plan.targets:
                    yield _point(plan, where, target, day, at_us)


def _point(plan: Plan, where: PlanPlace, target: Target, day: date, at_us: int) -> Point:
    tags = tags_of(plan.id, target.id, where, where.code, target.link_kind)
    return Point(
        tier=Tier.LONG,
        measurement="doxa_target",
        tags=tags | {
            "quantity": quantity_of(target), "operator": None if target.operator is None else target.operator.value,
            "unit": None if target.unit is None else target.unit.value,
        },
        fields={
            "threshold": target.value, "due_days": None if target.due is None else float((target.due - day).days),
            "title": target.title.vi,
        },
        at_us=at_us,
        internal=is_secret(plan, target),
        position=0,
    )  # fmt: skip


_LEVELS: Final = ("download", "upload", "rtt", "loss", "jitter")


def quantity_of(target: Target) -> str:
    """What the threshold is of: `download`, `rtt` … for a level, else how it is decided: `share`, `rank`, `manual`."""
    if target.kind is not Kind.LEVEL or target.measure is None:
        return target.kind.value
    words = target.measure.value.split("_")
    return next((word for word in _LEVELS if word in words), words[0])
