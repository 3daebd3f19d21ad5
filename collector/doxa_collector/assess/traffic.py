"""The five-minute samples of a line's traffic, as the `snmp` meter gives them, by local day.

A sample is the mean of about five minutes. Polls that follow each other faster are joined until they make five minutes; a
longer interval, after a missed poll, is no sample: its mean would hide the peak that the rule asks for. So it is missing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.period import DAY_US, Period, local_day
from doxa_collector.rollups.raw import digest_of
from doxa_core.layers import Layer

METER: Final = "snmp"
DIRECTIONS: Final = ("download", "upload")
STEP_S: Final = 300.0
PER_DAY: Final = round(DAY_US / 1e6 / STEP_S)
"""288"""
_SHORTEST_S: Final = 0.9 * STEP_S
_LONGEST_S: Final = 1.2 * STEP_S
_TOUCHING_S: Final = 5.0
"""Two intervals follow each other if no more lies between them: the start of a run is not the moment of the answer."""
_AFTER_US: Final = 3_600_000_000
Rates = Mapping[tuple[str, Layer], float]
"""(direction, layer) → Mbps."""


_NAMES: Final = tuple(
    (f"{direction}_traffic_{layer.value}_mbps", (direction, layer))
    for direction in DIRECTIONS
    for layer in (Layer.IP, Layer.FRAME, Layer.WIRE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What one poll says about the time since the one before."""

    end_us: int
    seconds: float
    rates: Rates
    series: str = ""
    """The task and the far end that measured it: two series of a line are never mixed."""

    @property
    def start_us(self) -> int:
        """When it began."""
        return self.end_us - round(self.seconds * 1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiveMinutes:
    """One sample; its day is the one in which its middle lies."""

    day: date
    rates: Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One run of the `snmp` meter: what it says, and by what the ledger proves it."""

    number: int
    """Its `measurement.id`."""
    digest: bytes
    """SHA-256 of the line as the probe signed it."""
    series: str
    started_us: int
    values: str
    """JSON, as the ledger keeps it."""

    @property
    def interval(self) -> Interval | None:
        """None where it measured nothing: a failed poll, or the first one, which has none before it."""
        values = json.loads(self.values)
        rates = {key: float(values[name]) for name, key in _NAMES if name in values}
        if not rates or values.get("interval_s", 0) <= 0:
            return None
        return Interval(
            end_us=self.started_us, seconds=float(values["interval_s"]), rates=rates, series=self.series
        )  # fmt: skip


def read_polls(conn: Connection, site: str, link: str, period: Period, last_id: int | None = None) -> list[Poll]:
    """Every poll of a line that ended in the period or within an hour after it, in the order of ids.

    A poll says something of the time before it, so the last sample of a day may come a while after midnight. `last_id`: the
    newest measurement that counts, so that a closed month is judged again from what it was closed with.
    """
    m = measurement.c
    query = select(m.id, m.digest, m.task, m.far_end, m.started_us, m["values"]).where(
        m.site == site, m.link == link, *_inside(period, last_id)
    )
    return [
        Poll(
            number=number, digest=digest_of(conn, number, digest), started_us=started_us, values=text,
            series=f"{task}/{far_end}" if far_end else task,
        )
        for number, digest, task, far_end, started_us, text in conn.execute(query.order_by(m.id)).all()
    ]  # fmt: skip


def read_polled(
    conn: Connection, sites: Sequence[str], links: Sequence[str], period: Period, last_id: int | None = None
) -> set[tuple[str, str]]:
    """Which lines (site, link) have such a poll, among all lines of these names at these sites."""
    m = measurement.c
    query = select(m.site, m.link).where(m.site.in_(sites), m.link.in_(links), *_inside(period, last_id)).distinct()
    return {(site, link) for site, link in conn.execute(query)}


def _inside(period: Period, last_id: int | None) -> list[ColumnElement[bool]]:
    m = measurement.c
    found = [m.meter == METER, m.started_us >= period.from_us, m.started_us < period.to_us + _AFTER_US]
    return found if last_id is None else [*found, m.id <= last_id]


def read_intervals(
    conn: Connection, site: str, link: str, period: Period, last_id: int | None = None
) -> list[Interval]:
    """Every interval that ended in the period or within an hour after it, oldest first, of all series."""
    polls = sorted(read_polls(conn, site, link, period, last_id), key=lambda poll: poll.started_us)
    return [interval for poll in polls if (interval := poll.interval) is not None]


def five_minutes(intervals: Sequence[Interval]) -> list[FiveMinutes]:
    """The samples of one series, oldest first; two probes that measured the same time count once."""
    found, waiting, last_us = [], list[Interval](), 0
    for interval in sorted(intervals, key=lambda one: one.end_us):
        if interval.start_us < last_us - round(_TOUCHING_S * 1e6):
            continue  # told already
        if waiting and interval.start_us > waiting[-1].end_us + round(_TOUCHING_S * 1e6):
            waiting = []  # a gap: what was gathered never makes five minutes
        last_us = interval.end_us
        waiting.append(interval)
        seconds = sum(one.seconds for one in waiting)
        if seconds < _SHORTEST_S:
            continue
        if seconds <= _LONGEST_S:
            found.append(_joined(waiting, seconds))
        waiting = []
    return found


def _joined(parts: Sequence[Interval], seconds: float) -> FiveMinutes:
    names = set(parts[0].rates).intersection(*(part.rates for part in parts))
    middle_us = (parts[0].start_us + parts[-1].end_us) // 2
    rates = {name: sum(part.rates[name] * part.seconds for part in parts) / seconds for name in names}
    return FiveMinutes(day=local_day(middle_us), rates=rates)


def week_ending(day: date) -> Period:
    """The seven local days of which `day` is the last."""
    return Period(first=day - timedelta(days=6), last=day)
