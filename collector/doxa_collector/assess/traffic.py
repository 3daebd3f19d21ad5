"""The five-minute samples of a line's traffic, as the `snmp` meter gives them, by local day.

A sample is the mean of about five minutes. Polls that follow each other faster are joined until they make five minutes; a
longer interval, after a missed poll, is no sample: its mean would hide the peak that the rule asks for. So it is missing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.period import DAY_US, Period, local_day
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.polled import KeptPolls, LinePolls
from doxa_collector.rollups.polls import AFTER_US, DIRECTIONS, METER, RATES, poll_of
from doxa_collector.rollups.summary import LONGEST_S, SHORTEST_S, STEP_S, TOUCHING_US
from doxa_core.layers import Layer

__all__ = [
    "DIRECTIONS",
    "METER",
    "PER_DAY",
    "STEP_S",
    "FiveMinutes",
    "Interval",
    "Poll",
    "five_minutes",
    "fullest",
    "intervals_of",
    "read_intervals",
    "read_polls",
    "week_ending",
]

PER_DAY: Final = round(DAY_US / 1e6 / STEP_S)
"""288"""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One run of the `snmp` meter: what it says, and by what the ledger proves it."""

    number: int
    """Its `measurement.id`."""
    digest: bytes
    """SHA-256 of the line as the probe signed it."""
    interval: Interval | None
    """None where it measured nothing: a failed poll, or the first one, which has none before it."""


def read_polls(conn: Connection, site: str, link: str, period: Period, last_id: int | None = None) -> list[Poll]:
    """Every poll of a line that ended in the period or within an hour after it, in the order of ids, from the evidence.

    A poll says something of the time before it, so the last sample of a day may come a while after midnight. `last_id`: the
    newest measurement that counts, so that a closed month is judged again from what it was closed with.
    """
    m = measurement.c
    query = select(m.id, m.started_us, m.outcome, m["values"], m.digest, m.task, m.far_end).where(
        m.site == site, m.link == link, m.meter == METER,
        m.started_us >= period.from_us, m.started_us < period.to_us + AFTER_US,
    )  # fmt: skip
    if last_id is not None:
        query = query.where(m.id <= last_id)
    found = (poll_of(conn, row) for row in conn.execute(query.order_by(m.id)).all())
    return [
        Poll(
            number=one.number,
            digest=one.digest,
            interval=None
            if one.seconds is None
            else Interval(
                end_us=one.started_us,
                seconds=one.seconds,
                rates={name: rate for name, rate in zip(RATES, one.rates, strict=True) if rate is not None},
                series=one.series,
            ),
        )
        for one in found
    ]


def intervals_of(line: LinePolls) -> list[Interval]:
    """What the polls of a line say, oldest first, of all series."""
    return [
        Interval(end_us=one.end_us, seconds=one.seconds, rates=one.rates, series=one.series) for one in line.spoken()
    ]


def read_intervals(
    conn: Connection, site: str, link: str, period: Period, last_id: int | None = None
) -> list[Interval]:
    """Every interval that ended in the period or within an hour after it, oldest first, of all series.

    From the rollups, and from the evidence what these have not counted yet: so nothing that has arrived is missing.
    """
    polls = KeptPolls(conn, Kept(conn).position, last_id=last_id, tail=True)
    return [interval for line in polls.read([site], period, [link]) for interval in intervals_of(line)]


def five_minutes(intervals: Sequence[Interval]) -> list[FiveMinutes]:
    """The samples of one series, oldest first; two probes that measured the same time count once."""
    found, waiting, last_us = [], list[Interval](), 0
    for interval in sorted(intervals, key=lambda one: one.end_us):
        if interval.start_us < last_us - TOUCHING_US:
            continue  # told already
        if waiting and interval.start_us > waiting[-1].end_us + TOUCHING_US:
            waiting = []  # a gap: what was gathered never makes five minutes
        last_us = interval.end_us
        waiting.append(interval)
        seconds = sum(one.seconds for one in waiting)
        if seconds < SHORTEST_S:
            continue
        if seconds <= LONGEST_S:
            found.append(_joined(waiting, seconds))
        waiting = []
    return found


def fullest(intervals: Sequence[Interval]) -> list[FiveMinutes]:
    """The samples of the series that has the most: two series of a line are never mixed. Of equals the first by name."""
    series = defaultdict[str, list[Interval]](list)
    for interval in intervals:
        series[interval.series].append(interval)
    told = {name: five_minutes(found) for name, found in series.items()}
    return told[max(sorted(told), key=lambda name: len(told[name]))] if told else []


def _joined(parts: Sequence[Interval], seconds: float) -> FiveMinutes:
    names = set(parts[0].rates).intersection(*(part.rates for part in parts))
    middle_us = (parts[0].start_us + parts[-1].end_us) // 2
    rates = {name: sum(part.rates[name] * part.seconds for part in parts) / seconds for name in names}
    return FiveMinutes(day=local_day(middle_us), rates=rates)


def week_ending(day: date) -> Period:
    """The seven local days of which `day` is the last."""
    return Period(first=day - timedelta(days=6), last=day)
