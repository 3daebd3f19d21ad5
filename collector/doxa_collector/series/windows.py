"""Down-sampling: measurements become points of five minutes, an hour and a local day, each counted whole from the ledger.

No state is kept beside the cursor, so it does not matter in which order measurements arrive, how they are cut into
batches and where a stream breaks off; late ones rewrite their windows. The position is a measurement's id (_touched.py).
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import Connection, bindparam, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.period import local_day
from doxa_collector.series._registry import Register, View, is_internal
from doxa_collector.series._spans import SPANS, Span
from doxa_collector.series._summary import Summary
from doxa_collector.series._touched import Touched, Window
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream
from doxa_core.names import IDENTIFIER

OWN_THREAD: Final = True
_ROWS: Final = 20_000
"""How many runs are read at most, about, before what they came to is written: half a second's work."""

_m = measurement.c
_RUNS: Final = select(_m.task, _m.far_end, _m.family, _m.outcome, _m["values"]).where(
    _m.site == bindparam("site"),
    _m.link == bindparam("link"),
    _m.meter == bindparam("meter"),
    _m.started_us >= bindparam("from_us"),
    _m.started_us < bindparam("to_us"),
)
_Key = tuple[str, str | None, int | None]
"""Task, far end, family: what may differ between the runs of one meter over one line."""


def streams(world: World) -> Sequence[Stream]:
    """One for each length."""
    return [Windows(span, world) for span in SPANS]


class Windows:
    """The windows of one length, for one sink."""

    def __init__(self, span: Span, world: World) -> None:
        self.suffix = f"/windows{span.suffix}"
        self._span, self._world = span, world
        self._summary = Summary(world.settings.leave_out)
        self._touched = Touched(span)
        self._register = Register()

    def after(self, conn: Connection, position: int, limit: int) -> Sequence[Item]:
        """The windows that are due after a measurement; about `limit` points."""
        views: dict[date, View] = {}
        points: list[Item] = []
        rows = 0
        for window in self._touched.after(conn, position, self._world.now_us()):
            day = local_day(window.from_us)
            if day not in views:
                views[day] = self._register.on(conn, day)
            read, found = self._points(conn, window, views[day], position)
            points += found
            position, rows = window.last_id, rows + read
            if len(points) >= limit or rows >= _ROWS:
                break
        return points

    def position(self, item: Item) -> int:
        """How far the stream is once this point is written."""
        return item.position if isinstance(item, Point) else 0

    def _points(self, conn: Connection, window: Window, view: View, before: int) -> tuple[int, list[Point]]:
        """How many runs the window has, and a point for each task, far end and family that ran in it."""
        asked = {"site": window.site, "link": window.link, "meter": window.meter, "from_us": window.from_us}
        groups: dict[_Key, list[tuple[str, str]]] = {}
        read = 0
        for task, far_end, family, *run in conn.execute(
            _RUNS, {**asked, "to_us": window.from_us + self._span.length_us}
        ):
            groups.setdefault((task, _name(far_end), family), []).append((run[0], run[1]))
            read += 1
        where = _where(view, window.site, window.link)
        series = window.meter.replace("-", "_") + self._span.suffix
        return read, [
            Point(
                tier=self._span.tier,
                measurement=f"doxa_{series}",
                tags=where | _ran(key),
                fields=self._summary.of(series, runs),
                at_us=window.from_us,
                internal=is_internal(where["kind"]),
                position=window.last_id if n == len(groups) else before,
            )
            for n, (key, runs) in enumerate(groups.items(), 1)
        ]


def _where(view: View, site: str, link: str) -> dict[str, str | None]:
    """The tags of a line; of one that is not in force that day only where its office stands."""
    row = next((row for row in view.by_site.get(site, ()) if row["link"] == link), None)
    return view.where(site) | {"link": link, "kind": None, "provider": None} if row is None else view.line(row)


def _name(far_end: str | None) -> str | None:
    """A far end that may be a tag: never an address."""
    return far_end if far_end is not None and IDENTIFIER.fullmatch(far_end) else None


def _ran(key: _Key) -> dict[str, str | None]:
    task, far_end, family = key
    return {"task": task, "far_end": far_end, "family": None if family is None else str(family)}
