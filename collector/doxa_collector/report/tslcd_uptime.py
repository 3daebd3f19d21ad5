"""Availability of one TSLCD line over a month, and the evidence that it stands on.

The runs over the line itself speak: those of the meter that ran most often, each far end and address family a series of
its own, and where one answers the line was up (`watch.runs`: a dead far end is no dead line). Where no probe measures over
the line, the `node` meter of a probe elsewhere speaks, of the router that stands at the office behind this line alone.
Alarms and presence are told from these measurements and add none. Time without a run is unknown: neither up nor down.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.alerts.own import NODE_METER, NOT_OF_THE_LINE
from doxa_collector.ledger.schema import measurement
from doxa_collector.nodes.tree import NodeKind, Tree
from doxa_collector.period import Period
from doxa_collector.report.tslcd_books import Book, Line
from doxa_collector.statistics.availability import Availability, Stretch, availability_of, stretches_of
from doxa_collector.statistics.sample import Sample
from doxa_collector.watch.runs import SPEAKING
from doxa_core.outcome import Outcome

_SPEAKING: Final = tuple(outcome.value for outcome in SPEAKING)
_HOLD_STEPS: Final = 2.5
"""A run speaks until the next of its series, at most for so many of the usual steps: one missing run is no gap."""
_SHORTEST_HOLD_US: Final = 120_000_000
_LONGEST_HOLD_US: Final = 7_200_000_000
Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """The availability with what told it."""

    found: Availability
    meter: str
    """`node`: told from elsewhere, by the office's router."""
    node: str = ""
    runs: int
    failed: int
    step_us: int
    """The usual time between two runs: no shorter outage is seen."""


def read_uptime(conn: Connection, book: Book, line: Line, tree: Tree) -> Uptime | None:
    """Over the days of the month on which the line was in force; None where nothing speaks of it."""
    days = _days(book, line)
    meter, runs = _over_the_line(conn, book, line, days)
    node = ""
    if not runs:
        meter, (node, runs) = NODE_METER, _of_router(conn, book, line, tree, days)
    inside = [run for one in runs.values() for run in one if days[0] <= run.moment_us < days[1]]
    if not inside:
        return None
    stretches = [stretch for one in runs.values() for stretch in _held(one)]
    return Uptime(
        found=availability_of(stretches, *days),
        meter=meter,
        node=node,
        runs=len(inside),
        failed=sum(run.outcome is Outcome.FAILED for run in inside),
        step_us=min(_step(one) for one in runs.values()),
    )


def _days(book: Book, line: Line) -> tuple[int, int]:
    own = Period(first=max(line.first, book.part.first), last=min(line.last, book.part.last))
    return own.from_us, own.to_us


def _over_the_line(
    conn: Connection, book: Book, line: Line, days: tuple[int, int]
) -> tuple[str, dict[Key, list[Sample]]]:
    m = measurement.c
    where = (
        m.site == line.site, m.link == line.link, m.started_us >= days[0] - _LONGEST_HOLD_US, m.started_us < days[1],
        m.id <= book.last_id, m.outcome.in_(_SPEAKING), m.meter.not_in(NOT_OF_THE_LINE),
    )  # fmt: skip
    rows = conn.execute(select(m.meter, func.count()).where(*where).group_by(m.meter))
    counted = {str(row[0]): int(row[1]) for row in rows}
    if not counted:
        return "", {}
    meter = min(counted, key=lambda name: (-counted[name], name))
    query = select(m.started_us, m.outcome, m.far_end, m.family).where(*where, m.meter == meter)
    found = defaultdict[Key, list[Sample]](list)
    nowhere: list[tuple[str, Sample]] = []
    for at_us, outcome, far_end, family in conn.execute(query.order_by(m.started_us, m.id)):
        run = Sample(at_us, Outcome(outcome))
        if family is None and run.outcome is Outcome.FAILED:
            nowhere.append((far_end or "", run))  # no route, no name: it speaks for both families
        else:
            found["", far_end or "", family or 0].append(run)
    for far_end, run in nowhere:
        keys = [key for key in found if key[1] == far_end] or [("", far_end, 0)]
        for key in keys:
            found[key].append(run)
    return meter, dict(found)


def _of_router(
    conn: Connection, book: Book, line: Line, tree: Tree, days: tuple[int, int]
) -> tuple[str, dict[Key, list[Sample]]]:
    """What probes elsewhere find of the router at the office, one series a probe."""
    own = (line.site, line.link)
    names = sorted(n.id for n in tree.nodes.values() if n.kind is NodeKind.ROUTER and n.links == (own,))
    m = measurement.c
    flag = func.json_extract(m["values"], '$."up_flag"')
    query = (
        select(m.far_end, m.agent, m.started_us, flag.label("up"))
        .where(
            m.meter == NODE_METER, m.far_end.in_(names), m.started_us >= days[0] - _LONGEST_HOLD_US,
            m.started_us < days[1], m.id <= book.last_id, m.site != line.site,
        )
        .order_by(m.started_us, m.id)
    )  # fmt: skip
    found = defaultdict[Key, list[Sample]](list)
    for row in conn.execute(query) if names else ():
        if row.up is not None:
            found[row.agent, row.far_end, 0].append(Sample(row.started_us, Outcome.OK if row.up else Outcome.FAILED))
    counted = Counter({key[1]: len(runs) for key, runs in found.items()})
    return max(sorted(counted), key=lambda name: counted[name], default=""), dict(found)


def _step(runs: Sequence[Sample]) -> int:
    moments = sorted(run.moment_us for run in runs)
    steps = [after - before for before, after in pairwise(moments) if after > before]
    return median_low(steps) if steps else round(_LONGEST_HOLD_US / _HOLD_STEPS)


def _held(runs: Sequence[Sample]) -> Iterator[Stretch]:
    """What one series says; neighbours that say the same are one stretch, which keeps a month of runs quick."""
    hold_us = min(_LONGEST_HOLD_US, max(_SHORTEST_HOLD_US, round(_HOLD_STEPS * _step(runs))))
    waiting: Stretch | None = None
    for stretch in stretches_of(runs, hold_us):
        if waiting is not None and waiting.up is stretch.up and waiting.to_us == stretch.from_us:
            waiting = Stretch(waiting.from_us, stretch.to_us, stretch.up)
            continue
        if waiting is not None:
            yield waiting
        waiting = stretch
    if waiting is not None:
        yield waiting
