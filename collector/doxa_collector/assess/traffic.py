"""The five-minute samples of a line's traffic, as the `snmp` meter gives them, by local day.

A sample is the mean of about five minutes. Polls that follow each other faster are joined until they make five minutes; a
longer interval, after a missed poll, is no sample: its mean would hide the peak that the rule asks for. So it is missing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.period import DAY_US, Period, local_day
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
Rates = Mapping[tuple[str, Layer], float]
"""(direction, layer) → Mbps."""


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


def read_intervals(conn: Connection, site: str, link: str, period: Period) -> list[Interval]:
    """Every interval that ended in the period or within an hour after it, oldest first, of all series."""
    m = measurement.c
    query = (
        select(m.task, m.far_end, m.started_us, m["values"])
        .where(
            m.site == site,
            m.link == link,
            m.meter == METER,
            m.started_us >= period.from_us,
            m.started_us < period.to_us + 3_600_000_000,
        )
        .order_by(m.started_us, m.id)
    )
    return list(_intervals(conn.execute(query)))


def _intervals(rows: Iterable[tuple[str, str | None, int, str]]) -> Iterator[Interval]:
    for task, far_end, started_us, text in rows:
        values = json.loads(text)
        rates = {
            (direction, layer): float(values[name])
            for direction in DIRECTIONS
            for layer in (Layer.IP, Layer.FRAME, Layer.WIRE)
            if (name := f"{direction}_traffic_{layer.value}_mbps") in values
        }
        if rates and values.get("interval_s", 0) > 0:
            series = f"{task}/{far_end}" if far_end else task
            yield Interval(end_us=started_us, seconds=float(values["interval_s"]), rates=rates, series=series)


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
