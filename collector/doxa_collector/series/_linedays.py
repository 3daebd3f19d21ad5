"""What one line did on one local day, as far as areas add it up: read from the ledger's own rows."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.rollups.series import read_series
from doxa_collector.series._ipv6day import Ipv6Day, read_ipv6_day
from doxa_collector.series._summary import median
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

_m = measurement.c
_LINE: Final = (_m.site == bindparam("site"), _m.link == bindparam("link"))
_THAT_DAY: Final = (
    *_LINE,
    _m.meter == bindparam("meter"),
    _m.started_us >= bindparam("from_us"),
    _m.started_us < bindparam("to_us"),
)
_NEXT_METER: Final = select(func.min(_m.meter)).where(*_LINE, _m.meter > bindparam("meter"))
_COUNTS: Final = select(_m.outcome, func.count()).where(*_THAT_DAY).group_by(_m.outcome)
_RUNS: Final = select(_m.outcome, _m.started_us, _m["values"]).where(*_THAT_DAY)
_WAYS: Final = ("download", "upload")


def _value(name: str) -> Any:
    return func.json_extract(_m["values"], f"$.{name}")


_DELAYS: Final = select(_m.outcome, _value("rtt_p50_ms"), _value("sent_count"), _value("received_count")).where(
    *_THAT_DAY
)


@dataclass(slots=True)
class LineDay:
    """One line on one day. What was not measured is None."""

    outcomes: Counter[str] = field(default_factory=Counter)
    rtt_p50_ms: float | None = None
    """The median of its runs' medians."""
    sent: float = 0.0
    received: float = 0.0
    payload_mbps: dict[str, float] = field(default_factory=dict)
    """`download` and `upload`: the median of its speed tests, at the payload layer."""
    contract_mbps: dict[str, float] = field(default_factory=dict)
    """The same at the layer of its contract."""
    ipv6: Ipv6Day | None = None
    """None where no run was due, whatever became of it."""

    @property
    def runs(self) -> int:
        """Of any meter and outcome."""
        return sum(self.outcomes.values())

    @property
    def measured(self) -> bool:
        """Whether a run of any meter came to a good end."""
        return self.outcomes[Outcome.OK] > 0


def read_line_day(conn: Connection, site: str, link: str, layer: str | None, from_us: int, to_us: int) -> LineDay:
    """A line's runs that started in [from_us, to_us); `layer`: the one that its contract names, None takes payload."""
    found = LineDay()
    for meter in _meters(conn, site, link):
        asked = {"site": site, "link": link, "meter": meter, "from_us": from_us, "to_us": to_us}
        if meter == "speed":
            _speeds(found, conn.execute(_RUNS, asked).all(), layer or Layer.PAYLOAD)
        elif meter == "latency":
            _delays(found, conn.execute(_DELAYS, asked).all())
        elif meter == "ipv6":
            _states(found, conn.execute(_RUNS, asked).all())
        else:
            for outcome, number in conn.execute(_COUNTS, asked):  # dict() of a result would ask it for its columns
                found.outcomes[outcome] += number
    return found


def _meters(conn: Connection, site: str, link: str) -> Iterator[str]:
    """The meters that ever ran over a line, by steps through the index: it holds years of runs."""
    last = ""
    while (found := conn.execute(_NEXT_METER, {"site": site, "link": link, "meter": last}).scalar()) is not None:
        last = found
        yield last


def _speeds(day: LineDay, rows: Sequence[Any], layer: str) -> None:
    payload: dict[str, list[float]] = {way: [] for way in _WAYS}
    contract: dict[str, list[float]] = {way: [] for way in _WAYS}
    for outcome, _, values in rows:
        day.outcomes[outcome] += 1
        if outcome != Outcome.OK:
            continue
        said = read_series("speed", json.loads(values))
        for way in _WAYS:
            for column, at in ((payload, Layer.PAYLOAD), (contract, layer)):
                if (value := said.get(f"{way}@{at}")) is not None:
                    column[way].append(value)
    day.payload_mbps = {way: median(sorted(column)) for way, column in payload.items() if column}
    day.contract_mbps = {way: median(sorted(column)) for way, column in contract.items() if column}


def _delays(day: LineDay, rows: Sequence[Any]) -> None:
    for outcome, *_ in rows:
        day.outcomes[outcome] += 1
    good = [row for row in rows if row[0] == Outcome.OK]
    delays = sorted(row[1] for row in good if row[1] is not None)
    day.rtt_p50_ms = median(delays) if delays else None
    counted = [row for row in good if row[2] is not None and row[3] is not None]
    day.sent, day.received = fsum(row[2] for row in counted), fsum(row[3] for row in counted)


def _states(day: LineDay, rows: Sequence[Any]) -> None:
    day.outcomes.update(outcome for outcome, *_ in rows)
    if rows:
        day.ipv6 = read_ipv6_day(rows)
