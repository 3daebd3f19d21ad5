"""The runs of lines, read from the packs that the ledger keeps: the same as from the evidence, and fast."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, select

from doxa_collector.ledger.schema import rollup_cursor, rollup_pack
from doxa_collector.rollups.columns import line_runs
from doxa_collector.rollups.model import LineRuns, Source
from doxa_collector.rollups.pack import EPOCH, Key, Pack, decode
from doxa_collector.rollups.raw import NAMES_AT_ONCE, known
from doxa_collector.rollups.series import LAYOUT, SERIES
from doxa_core.errors import OperationError
from doxa_core.language import Text

if TYPE_CHECKING:
    from doxa_collector.period import Period

__all__ = ["Kept", "Source", "open_pack"]


class Kept:
    """The packs of a ledger, as they stand in the connection's transaction."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        query = select(rollup_cursor.c.position).where(rollup_cursor.c.layout == LAYOUT)
        there = inspect(conn).has_table(rollup_cursor.name)  # not before version 4, which only looking does not upgrade
        self.position: int = (conn.execute(query).scalar() if there else None) or 0
        """The newest measurement that they count; 0: none yet, or they were made by a doxa with other series."""

    def read(self, sites: Sequence[str], meter: str, period: "Period") -> Iterator[LineRuns]:
        """See `model.Source`. `OperationError` for a pack that is damaged."""
        known(meter)
        names = sorted(set(sites)) if self.position else []
        first, last = (day.toordinal() - EPOCH for day in (period.first, period.last))
        for start in range(0, len(names), NAMES_AT_ONCE):
            rows = self._conn.execute(_query(names[start : start + NAMES_AT_ONCE], meter, period))
            for (site, link), found in groupby(rows, itemgetter(0, 1)):
                line = _line(site, link, meter, ((row[2], row[3]) for row in found))
                line = line.between(first, last)
                if line.outcomes:
                    yield line


def open_pack(content: bytes, key: Key) -> Pack:
    """A pack of the table. `OperationError` where it is damaged: a sentence that says which, and how to mend it."""
    try:
        return decode(content, key, len(SERIES[key.meter]))
    except ValueError as error:
        raise OperationError(_DAMAGED.fill(error=error, **key._asdict())) from error


def _query(sites: Sequence[str], meter: str, period: "Period") -> Any:
    p = rollup_pack.c
    return (
        select(p.site, p.link, p.month, p.content)
        .where(
            p.meter == meter,
            p.site.in_(sites),
            p.month >= period.first.isoformat()[:7],
            p.month <= period.last.isoformat()[:7],
        )
        .order_by(p.site, p.link, p.month)
    )


def _line(site: str, link: str, meter: str, months: Iterable[tuple[str, bytes]]) -> LineRuns:
    line = None
    for month, content in months:
        pack = open_pack(content, Key(site, link, meter, month))
        found = line_runs(site, link, meter, pack.runs(SERIES[meter]), pack.traces)
        line = found if line is None else line.merge(found)
    assert line is not None  # a group has a row
    return line


_DAMAGED = Text(
    vi="sổ cái: gói số liệu tháng {month} của {site}/{link} ({meter}) bị hỏng ({error}); hãy chạy: doxa collector rollups rebuild --period {month}",
    en="ledger: the pack of {month} of {site}/{link} ({meter}) is damaged ({error}); run: doxa collector rollups rebuild --period {month}",
)
