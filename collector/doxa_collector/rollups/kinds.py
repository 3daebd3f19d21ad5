"""The kinds of rows that are kept, and what each makes of measurements: runs of a month, polls of a day, the pulse of a month.

A measurement belongs to a row of its meter, if that is rolled up, and to its line's pulse.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from doxa_collector.rollups import polls, pulses
from doxa_collector.rollups.columns import CODE_OF, TELLING, line_runs, units_of
from doxa_collector.rollups.kept import open_pack
from doxa_collector.rollups.model import LineRuns
from doxa_collector.rollups.pack import OFFSET_US, Key, Pack, Run, decode, first_moment, month_of, next_month
from doxa_collector.rollups.polled import open_day
from doxa_collector.rollups.raw import digest_of, runs_of_rows
from doxa_collector.rollups.series import SERIES, read_series
from doxa_collector.statistics.sample import DAY_US, slot_of
from doxa_core.outcome import Outcome

METERS: Final = (*SERIES, polls.METER)
"""Meters that have rows of their own."""
Row = Sequence[Any]
"""Of a measurement: id, started_us, outcome, values, digest, task, far_end."""


def own_key(site: str, link: str, meter: str, started_us: int) -> Key | None:
    """The row of its own meter; None for a meter that is not rolled up, and for a day that no calendar has."""
    day = slot_of(started_us).day
    month = month_of(day) if meter in SERIES else polls.day_text(day) if meter == polls.METER else None
    return None if month is None else Key(site, link, meter, month)


def pulse_key(site: str, link: str, started_us: int) -> Key | None:
    """The row of the line's pulse; None for a day that no calendar has."""
    month = month_of(slot_of(started_us).day)
    return None if month is None else Key(site, link, pulses.METER, month)


def grown(conn: Connection, before: bytes | None, key: Key, rows: Iterable[Row]) -> bytes:
    """A row with further measurements, in the order of their ids. `OperationError` where what was there is damaged."""
    if key.meter == pulses.METER:
        known = {} if before is None else pulses.open_pulse(before, key)
        return pulses.encode(pulses.grown(known, map(pulses.beat_of, rows)), key)
    if key.meter == polls.METER:
        day = polls.PollDay(polls.day_number(key.month)) if before is None else open_day(before, key)
        day.add(polls.poll_of(conn, row) for row in rows)
        return day.encode(key)
    pack = Pack.empty(len(SERIES[key.meter])) if before is None else open_pack(before, key)
    pack.add(run_of(conn, key.meter, row) for row in rows)
    return pack.encode(key)


def moments_of(month: str) -> tuple[int, int]:
    """From when on, and until when, measurements belong to a row of this month, or of this day, in microseconds."""
    if len(month) > len("2026-11"):
        first = polls.day_number(month) * DAY_US - OFFSET_US
        return first, first + DAY_US
    return first_moment(month), first_moment(next_month(month))


def run_of(conn: Connection, meter: str, row: Row) -> Run:
    """A run of a meter with series."""
    number, started_us, ending, values, digest = row[:5]
    day, half_hour = slot_of(started_us)
    outcome = Outcome(ending)
    said = read_series(meter, json.loads(values)) if outcome in TELLING else {}
    units = [units_of(outcome, said.get(name)) for name in SERIES[meter]]
    return Run(day, number, half_hour, CODE_OF[outcome], units, digest_of(conn, number, digest))


def days_apart(conn: Connection, content: bytes, key: Key, rows: Sequence[Row]) -> tuple[int, ...]:
    """The local days on which a row says something else than the evidence, which is read by another way than it was filled.

    `ValueError` and `KeyError` for a row that cannot be read.
    """
    if key.meter == pulses.METER:
        kept, evidence = pulses.decode(content, key), pulses.grown({}, map(pulses.beat_of, rows))
        return tuple(day for day in sorted({*kept, *evidence}) if kept.get(day) != evidence.get(day))
    if key.meter == polls.METER:
        day = polls.decode(content, key)
        same = day == polls.days_of(polls.poll_of(conn, row) for row in rows).get(day.day)
        return () if same else (day.day,)
    pack = decode(content, key, len(SERIES[key.meter]))
    runs = line_runs(key.site, key.link, key.meter, pack.runs(SERIES[key.meter]), pack.traces)
    found = runs_of_rows(conn, key.site, key.link, key.meter, [tuple(row[:5]) for row in rows])
    return () if runs == found else _differing(runs, found)


def _differing(one: LineRuns, other: LineRuns) -> tuple[int, ...]:
    days = sorted({*one.outcomes, *other.outcomes})
    return tuple(day for day in days if one.on({day}) != other.on({day}))
