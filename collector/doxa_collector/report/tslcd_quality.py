"""Latency, its variation and loss of one line over a month, from the `latency` meter: shown, never judged (no rule has a figure)."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.assess.percentile import percentile_of
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import measurement
from doxa_collector.report.tslcd_books import Book, Line

METER: Final = "latency"
_NAMES: Final = ("rtt_p50_ms", "pdv_p95_ms", "sent_count", "received_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Of the far end (and address family) that was measured most; what is not known is None."""

    runs: int = 0
    """In which something came back."""
    rtt_p50_ms: float | None = None
    """Median, over the runs, of each run's median."""
    rtt_p95_ms: float | None = None
    """95th percentile, over the runs, of each run's median."""
    pdv_p95_ms: float | None = None
    """Median, over the runs, of each run's 95th percentile of delay variation (RFC 5481)."""
    loss_ratio: float | None = None
    """Requests lost, of those sent, in the runs in which something came back: what a dead line loses is its outage."""


def read_quality(conn: Connection, book: Book, line: Line) -> Quality:
    """The month of one line."""
    m = measurement.c
    first, last = book.span
    values = [func.json_extract(m["values"], f'$."{name}"').label(name) for name in _NAMES]
    query = select(m.far_end, m.family, *values).where(
        m.site == line.site, m.link == line.link, m.meter == METER, m.started_us >= first, m.started_us < last,
        m.id <= book.last_id,
    )  # fmt: skip
    series = defaultdict[tuple[str, int], list[AnyRow]](list)
    for row in conn.execute(query):
        if row.rtt_p50_ms is not None:
            series[row.far_end or "", row.family or 0].append(row)
    if not series:
        return Quality()
    runs = series[min(series, key=lambda key: (-len(series[key]), key))]
    return Quality(
        runs=len(runs),
        rtt_p50_ms=_percentile([row.rtt_p50_ms for row in runs], 50),
        rtt_p95_ms=_percentile([row.rtt_p50_ms for row in runs], 95),
        pdv_p95_ms=_percentile([row.pdv_p95_ms for row in runs if row.pdv_p95_ms is not None], 50),
        loss_ratio=_loss(runs),
    )


def _percentile(found: list[float], per_cent: int) -> float | None:
    """By nearest rank."""
    known = percentile_of(found, per_cent=per_cent)
    return None if known is None else known.value


def _loss(runs: list[AnyRow]) -> float | None:
    counted = [(row.sent_count, row.received_count) for row in runs if row.sent_count and row.received_count]
    sent = sum(one for one, _ in counted)
    return (sent - sum(back for _, back in counted)) / sent if sent else None
