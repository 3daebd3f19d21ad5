"""The runs of lines, read from the evidence itself: slow, and always right."""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from math import nan
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.rollups.columns import CODE_OF, TELLING, Column, Runs, Spans, line_runs, units_of
from doxa_collector.rollups.model import LineRuns, Trace
from doxa_collector.rollups.series import SERIES, read_series
from doxa_collector.statistics.sample import slot_of
from doxa_core.outcome import Outcome

if TYPE_CHECKING:
    from doxa_collector.period import Period

Row = tuple[int, int, str, str, bytes | None]
"""Of a run: id, started_us, outcome, values, digest."""
NAMES_AT_ONCE: Final = 500
"""Names in one statement: databases limit their number."""
_SITES_AT_ONCE: Final = 25
"""Their rows are taken before they are counted, so that no statement stays open over the counting: a month of tests of two
lines each is some twenty thousand rows."""
_ABSENT: Final = -1


class Raw:
    """The evidence up to `last_id`; None: all of it."""

    def __init__(self, conn: Connection, last_id: int | None = None) -> None:
        self._conn = conn
        self._last_id = last_id

    def read(self, sites: Sequence[str], meter: str, period: "Period") -> Iterator[LineRuns]:
        """See `model.Source`."""
        known(meter)
        names = sorted(set(sites))
        for start in range(0, len(names), _SITES_AT_ONCE):
            rows = self._conn.execute(self._query(names[start : start + _SITES_AT_ONCE], meter, period)).all()
            for (site, link), found in groupby(rows, itemgetter(0, 1)):
                yield runs_of_rows(self._conn, site, link, meter, (tuple(row[2:]) for row in found))

    def _query(self, sites: Sequence[str], meter: str, period: "Period") -> Any:
        m = measurement.c
        query = select(m.site, m.link, m.id, m.started_us, m.outcome, m["values"], m.digest).where(
            m.site.in_(sites), m.meter == meter, m.started_us >= period.from_us, m.started_us < period.to_us
        )
        if self._last_id is not None:
            query = query.where(m.id <= self._last_id)
        return query.order_by(m.site, m.link)


def known(meter: str) -> tuple[str, ...]:
    """The series of a meter; `ValueError` for one that is not rolled up."""
    if meter not in SERIES:
        raise ValueError(f"the meter {meter} is not rolled up; these are: {', '.join(SERIES)}")
    return SERIES[meter]


def runs_of_rows(conn: Connection, site: str, link: str, meter: str, rows: Iterable[Row]) -> LineRuns:
    """The rows of one line and meter, in any order."""
    days: dict[int, list[Row]] = {}
    for row in sorted(rows, key=itemgetter(0)):
        days.setdefault(slot_of(row[1]).day, []).append(row)
    spans: dict[int, tuple[int, int]] = {}
    traces: dict[int, Trace] = {}
    ordered: list[Row] = []
    for day in sorted(days):
        spans[day] = (len(ordered), len(ordered) + len(days[day]))
        traces[day] = traced(None, ((row[0], digest_of(conn, row[0], row[4])) for row in days[day]))
        ordered += days[day]
    return line_runs(site, link, meter, _runs(meter, spans, ordered), traces)


def traced(before: Trace | None, more: Iterable[tuple[int, bytes]]) -> Trace:
    """The trace of a day with (id, digest) of further runs, in the order of their ids."""
    n, first, last, chain = before or (0, 0, 0, b"")
    for number, digest in more:
        chain = sha256(chain + digest).digest()
        n, first, last = n + 1, first or number, number
    return Trace(n, first, last, chain)


def digest_of(conn: Connection, number: int, digest: bytes | None) -> bytes:
    """The digest of a measurement, from its line where the ledger did not keep it."""
    if digest is not None:
        return digest
    line: bytes = conn.execute(select(measurement.c.raw).where(measurement.c.id == number)).scalar_one()
    return sha256(line).digest()


def _runs(meter: str, spans: Spans, rows: Sequence[Row]) -> Runs:
    outcomes = [Outcome(row[2]) for row in rows]
    said = {name: array("d") for name in known(meter)}  # eight octets a value: a country's month is held as a whole
    for row, outcome in zip(rows, outcomes, strict=True):
        values = read_series(meter, json.loads(row[3])) if outcome in TELLING else {}
        for name, column_of in said.items():
            column_of.append(values.get(name, nan))

    def column(name: str) -> Column | None:
        if name not in said:
            return None
        found = [units_of(outcome, value) for outcome, value in zip(outcomes, said[name], strict=True)]
        if all(value is None for value in found):
            return None
        return [_ABSENT if value is None else value for value in found], _ABSENT

    return Runs(
        spans=spans,
        half_hours=bytes(slot_of(row[1]).half_hour for row in rows),
        endings=bytes(CODE_OF[outcome] for outcome in outcomes),
        column=column,
    )
