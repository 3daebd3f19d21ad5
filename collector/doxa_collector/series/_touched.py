"""Which windows the measurements of a slice touched, and at which of them each window is counted: at the last.

A measurement counts as dealt with as soon as its window was counted after it had arrived. So a window is due at its last
measurement in the slice, its position is that one's id, and a stream may break off behind any window: whatever it has
not counted yet has a last measurement beyond the position. Another cut into slices changes only how often that happens.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.series._spans import Span

_m = measurement.c


class Window(NamedTuple):
    """The runs of one meter over one line within one window."""

    site: str
    link: str
    meter: str
    from_us: int
    last_id: int
    """The newest measurement of the slice that lies in it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows touched by the measurements with after < id <= through, by their last measurement."""

    after: int
    through: int
    lasts: Sequence[int]
    windows: Sequence[Window]

    def covers(self, position: int) -> bool:
        """Whether it says all that comes next after `position`."""
        return self.after <= position < self.through

    def rest(self, position: int) -> Iterator[Window]:
        """What is due after `position`."""
        for n in range(bisect_right(self.lasts, position), len(self.windows)):
            yield self.windows[n]


class Touched:
    """The plans of one stream of one sink, which asks again and again from where it stands."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._kept: Plan | None = None

    def after(self, conn: Connection, position: int, now_us: int) -> Iterator[Window]:
        """The windows that are due after `position`, of slices that are over."""
        plan = self._kept
        if plan is None or not plan.covers(position):
            plan = self._kept = self._plan(conn, position, now_us)
        return iter(()) if plan is None else plan.rest(position)

    def _plan(self, conn: Connection, position: int, now_us: int) -> Plan | None:
        through = self._through(conn, position, now_us)
        if through <= position:
            return None
        # The inner LIMIT keeps SQLite on the order of arrival: it would rather read its index of all measurements.
        arrived = (
            select(_m.id, _m.site, _m.link, _m.meter, _m.started_us)
            .where(_m.id > position, _m.id <= through)
            .order_by(_m.id)
            .limit(through - position)
            .subquery()
        ).c
        number = (arrived.started_us + self._span.shift_us) // self._span.length_us
        last = func.max(arrived.id)
        line = (arrived.site, arrived.link, arrived.meter)
        names: dict[str, str] = {}
        windows = [
            Window(
                names.setdefault(row[0], row[0]),
                names.setdefault(row[1], row[1]),
                names.setdefault(row[2], row[2]),
                row[3] * self._span.length_us - self._span.shift_us,
                row[4],
            )
            for row in conn.execute(select(*line, number, last).group_by(*line, number).order_by(last))
        ]
        return Plan(position, windows[-1].last_id, [w.last_id for w in windows], windows) if windows else None

    def _through(self, conn: Connection, position: int, now_us: int) -> int:
        """The last measurement before the first one that belongs to the slice that still runs.

        Only that slice waits: what bears a time to come (our clock was set back) is counted at once.
        """
        first = conn.execute(select(_m.id, _m.received_us).where(_m.id > position).order_by(_m.id).limit(1)).first()
        if first is None:
            return position
        start, end = self._span.slice_of(now_us)
        if start <= first.received_us < end:
            return position
        most = first.id + self._span.most_rows
        running = (
            select(_m.id)
            .where(_m.id > first.id, _m.id <= most, _m.received_us >= start, _m.received_us < end)
            .order_by(_m.id)
            .limit(1)
        )
        found: int | None = conn.execute(running).scalar()
        return most if found is None else found - 1
