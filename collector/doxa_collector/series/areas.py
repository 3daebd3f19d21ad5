"""`doxa_area_1d`: a local day of all lines of a province, kind and provider, and of the whole country; with it what that
day's IPv6 runs say of areas, of lines with a black hole and of the communes' portals (`_ipv6points.py`).

A day is counted anew, from its lines' own runs, when measurements of that day arrived: the running day a few times, late
data whenever it comes. That reads all lines, so it goes on over as many calls as it takes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Final

from sqlalchemy import Connection

from doxa_collector.period import local_day
from doxa_collector.series import _ipv6points as ipv6
from doxa_collector.series._batch import batch, position_of
from doxa_collector.series._linedays import LineDay, read_line_day
from doxa_collector.series._registry import Register, Row, View, is_internal
from doxa_collector.series._spans import DAY
from doxa_collector.series._summary import median
from doxa_collector.series._touched import Touched
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier
from doxa_collector.statistics.qcvn import NEEDED_SHARE
from doxa_core.outcome import Outcome

OWN_THREAD: Final = True
COUNTRY: Final = "00"
_ROWS: Final = 20_000
"""How many runs are read at most, about, in one call: half a second's work."""
_Area = tuple[str, str, str]
"""Province, kind, provider (empty where the registry names none)."""


def streams(world: World) -> Sequence[Stream]:
    """The one stream."""
    return [Areas(world)]


@dataclass(slots=True)
class _Work:
    """A day that is being counted."""

    from_us: int
    last_id: int
    view: View
    waiting: Iterator[Row]
    """Lines in force that are still to be read."""
    members: dict[_Area, list[tuple[Row, LineDay]]] = field(default_factory=dict)

    def go_on(self, conn: Connection, rows: int) -> bool:
        """Read lines until about `rows` runs were read; whether the day is done."""
        for line in self.waiting:
            to_us = self.from_us + DAY.length_us
            day = read_line_day(conn, line["site"], line["link"], line["layer"], self.from_us, to_us)
            for province in {COUNTRY, self.view.province_of(line["site"]) or COUNTRY}:
                area = (province, line["kind"], line["provider"] or "")
                self.members.setdefault(area, []).append((line, day))
            rows -= day.runs + 1
            if rows <= 0:
                return False
        return True


class Areas:
    """Areas by day, for one sink; the position is a measurement's id, as that of windows."""

    suffix = "/areas"

    def __init__(self, world: World, rows: int = _ROWS) -> None:
        self._world, self._rows = world, rows
        self._touched = Touched(DAY)
        self._register = Register()
        self._work: _Work | None = None

    def after(self, conn: Connection, position: int, limit: int) -> Sequence[Item]:  # noqa: ARG002 - a day is whole
        """The points of the next day that is due; while it is being read, a mark at the same position."""
        due: dict[int, int] = {}
        for window in self._touched.after(conn, position, self._world.now_us()):
            due[window.from_us] = window.last_id  # they come in the order of their ids: the last one stays
        if not due:
            return ()
        last_id, from_us = min((last, start) for start, last in due.items())
        work = self._work
        if work is None or (work.from_us, work.last_id) != (from_us, last_id):
            view = self._register.on(conn, local_day(from_us))
            work = self._work = _Work(from_us, last_id, view, iter(view.links))
        if not work.go_on(conn, self._rows):
            return [Point(tier=Tier.LONG, measurement="doxa_mark", tags={}, fields={}, at_us=0, position=position)]
        self._work = None
        return batch(_points(work), before=position, after=last_id)

    def position(self, item: Item) -> int:
        """How far the stream is once this point is written."""
        return position_of(item)


def _points(work: _Work) -> Iterator[Point]:
    country: list[ipv6.Tested] = []
    for (province, kind, provider), members in sorted(work.members.items(), key=lambda item: item[0]):
        tags = {"province": province, "kind": kind, "provider": provider}
        yield Point(
            tier=Tier.LONG,
            measurement="doxa_area_1d",
            tags=tags,
            fields=_fields(members),
            at_us=work.from_us,
            internal=is_internal(kind),
            position=0,
        )
        tested = [(line, day.ipv6) for line, day in members if day.ipv6 is not None]
        yield from ipv6.of_area(tags, tested, work.from_us)
        if province == COUNTRY:  # every line is in it once
            country += tested
    yield from ipv6.of_lines(work.view, country, work.from_us)
    yield from ipv6.of_portals(work.view, country, work.from_us)


def _fields(members: Sequence[tuple[Row, LineDay]]) -> dict[str, float | str | None]:
    days = [day for _, day in members]
    sent = fsum(day.sent for day in days)
    tested = [day.ipv6.ready for day in days if day.ipv6 is not None and day.ipv6.ready is not None]
    judged = [share for line, day in members if (share := _share_of_contract(line, day)) is not None]
    return {
        "lines_count": len(days),
        "measured_count": sum(day.measured for day in days),
        "tested_count": sum("download" in day.payload_mbps for day in days),
        "download_median_mbps": _median(day.payload_mbps.get("download") for day in days),
        "upload_median_mbps": _median(day.payload_mbps.get("upload") for day in days),
        "contracted_count": len(judged),
        "reached_contract_count": sum(share >= 1 for share in judged) if judged else None,
        "below_floor_count": sum(share < NEEDED_SHARE for share in judged) if judged else None,
        "rtt_p50_median_ms": _median(day.rtt_p50_ms for day in days),
        "loss_percent": 100 * (sent - fsum(day.received for day in days)) / sent if sent else None,
        "ipv6_tested_count": len(tested),
        "ipv6_ready_count": sum(tested) if tested else None,
        "runs_count": sum(day.runs for day in days),
        **{f"{outcome}_count": sum(day.outcomes[outcome] for day in days) for outcome in Outcome},
    }


def _share_of_contract(line: Row, day: LineDay) -> float | None:
    """A line's medians of the day ÷ what its contract promises, the worse direction.

    None where the contract promises nothing, or where a direction that it names was not measured.
    """
    promised = {"download": line["contracted_down_mbps"], "upload": line["contracted_up_mbps"]}
    named = {way: rate for way, rate in promised.items() if rate is not None and rate > 0}
    if not named or not named.keys() <= day.contract_mbps.keys():
        return None
    found: float = min(day.contract_mbps[way] / rate for way, rate in named.items())
    return found


def _median(found: Iterable[float | None]) -> float | None:
    known = sorted(value for value in found if value is not None)
    return median(known) if known else None
