"""Availability of one TSLCD line over a month, and the evidence that it stands on.

The runs over the line itself speak: those of the meter that ran most often, each far end and address family a series of
its own, and where one answers the line was up (`watch.runs`: a dead far end is no dead line). Where no probe measures over
the line, the `node` meter of a probe elsewhere speaks, of the router that stands at the office behind this line alone.
Alarms and presence are told from these measurements and add none. Time without a run is unknown: neither up nor down.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from doxa_collector.alerts.own import NODE_METER
from doxa_collector.ledger.schema import measurement
from doxa_collector.nodes.tree import NodeKind, Tree
from doxa_collector.period import Period
from doxa_collector.report.tslcd_books import Book, Line
from doxa_collector.statistics.availability import Availability
from doxa_collector.views.uptime import LONGEST_HOLD_US, Heard, Span


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
    node, heard = "", Heard.read(conn, line.site, line.link, _meters(conn, line), days, book.last_id)
    if heard is None:
        node, heard = _of_router(conn, book, line, tree, days)
    told = None if heard is None else heard.within(conn, days)
    if told is None:
        return None
    return Uptime(
        found=told.found, meter=told.meter, node=node, runs=told.runs, failed=told.failed, step_us=told.step_us
    )


def _days(book: Book, line: Line) -> Span:
    own = Period(first=max(line.first, book.part.first), last=min(line.last, book.part.last))
    return own.from_us, own.to_us


def _meters(conn: Connection, line: Line) -> list[str]:
    m = measurement.c
    return list(conn.execute(select(m.meter).where(m.site == line.site, m.link == line.link).distinct()).scalars())


def _of_router(conn: Connection, book: Book, line: Line, tree: Tree, days: Span) -> tuple[str, Heard | None]:
    """What probes elsewhere find of the router at the office, one series a probe; and the router's name."""
    own = (line.site, line.link)
    names = sorted(n.id for n in tree.nodes.values() if n.kind is NodeKind.ROUTER and n.links == (own,))
    m = measurement.c
    flag = func.json_extract(m["values"], '$."up_flag"')
    query = (
        select(m.far_end, m.agent, m.started_us, flag.label("up"))
        .where(
            m.meter == NODE_METER, m.far_end.in_(names), m.started_us >= days[0] - LONGEST_HOLD_US,
            m.started_us < days[1], m.id <= book.last_id, m.site != line.site,
        )
        .order_by(m.started_us, m.id)
    )  # fmt: skip
    found = defaultdict[tuple[str, str], list[tuple[int, bool]]](list)
    for row in conn.execute(query) if names else ():
        if row.up is not None:
            found[row.agent, row.far_end].append((row.started_us, bool(row.up)))
    if not found:
        return "", None
    counted = Counter[str]()
    for (_, name), runs in found.items():
        counted[name] += len(runs)
    return max(sorted(counted), key=lambda name: counted[name]), Heard(NODE_METER, list(found.values()), ())
