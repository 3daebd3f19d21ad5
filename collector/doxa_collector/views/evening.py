"""The FCC's 80/80 view over one week of evenings of a line, read from the runs themselves.

A rollup keeps values by day and not by hour, and the rule asks for tests of the evening alone, so the view reads one
week's evenings of this line and no more. Where the runs are gone (retention) the view is absent.

Which week: the last one, Monday to Sunday, that lies wholly inside the part and is over. The calendar chooses it, not the
figures: a week picked for having most tests would be one in which the line did not fail.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.rollups.columns import TELLING, units_of
from doxa_collector.rollups.series import read_series
from doxa_collector.statistics.fcc import WEEK, FccView, fcc_views
from doxa_collector.statistics.sample import DAY_US, Sample
from doxa_collector.statistics.windows import EVENING
from doxa_collector.views.contracts import Part, day_number
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

_OFFSET_US: Final = 7 * 3_600_000_000  # VIETNAM_TIME
_BEGINS_US: Final = min(EVENING.slots) * 1_800_000_000
"""The window lasts to midnight, so its beginning is all that the query needs."""
LATENCY: Final = "latency"


@dataclass(frozen=True, slots=True, kw_only=True)
class EveningWeek:
    """Seven evenings, both directions."""

    first: date
    last: date
    speed_mbps: dict[str, float]
    """By direction: the contracted rate that 80 % is taken of."""
    layer: Layer
    """Of the speeds."""
    ways: dict[str, FccView]
    """By direction."""
    outcomes: Counter[Outcome]
    """Of the speed runs of these evenings: what gave no value is no test in the rule, and is shown here."""


def last_week(part: Part, today: date) -> tuple[date, date] | None:
    """Monday and Sunday of the last whole week inside the part that is over; None where there is none."""
    last = min(part.last, today - timedelta(days=1))
    sunday = last - timedelta(days=(last.weekday() + 1) % WEEK)
    monday = sunday - timedelta(days=WEEK - 1)
    return (monday, sunday) if monday >= part.first else None


def read_evenings(
    conn: Connection,
    key: tuple[str, str],
    meter: str,
    rates: Mapping[str, float],
    layer: Layer,
    latency: str,
    week: tuple[date, date],
) -> EveningWeek | None:
    """The week's view of the line `key` (site, link); `rates` is direction → contracted Mbps, `latency` the series of ms.

    None without a single run of that week.
    """
    site, link = key
    runs = _evening_runs(conn, site, link, meter, week, [f"{way}@{layer}" for way in rates])
    if not runs:
        return None
    speeds = {
        way: ([Sample(at_us, outcome, values.get(f"{way}@{layer}")) for at_us, outcome, values in runs], mbps)
        for way, mbps in rates.items()
    }
    delays = [
        Sample(at_us, outcome, values.get(latency))
        for at_us, outcome, values in _evening_runs(conn, site, link, LATENCY, week, [latency])
    ]
    ways = fcc_views(speeds, delays, day_number(week[0]))
    outcomes = Counter(outcome for _, outcome, _ in runs)
    return EveningWeek(
        first=week[0], last=week[1], speed_mbps=dict(rates), layer=layer, ways=ways, outcomes=outcomes
    )  # fmt: skip


def _evening_runs(
    conn: Connection, site: str, link: str, meter: str, week: tuple[date, date], series: Sequence[str]
) -> list[tuple[int, Outcome, dict[str, float]]]:
    m = measurement.c
    from_us = day_number(week[0]) * DAY_US - _OFFSET_US
    query = select(m.started_us, m.outcome, m["values"]).where(
        m.site == site,
        m.link == link,
        m.meter == meter,
        m.started_us >= from_us,
        m.started_us < from_us + WEEK * DAY_US,
        (m.started_us + _OFFSET_US) % DAY_US >= _BEGINS_US,
    )
    found = []
    for at_us, ending, text in conn.execute(query):
        outcome = Outcome(ending)
        said = read_series(meter, json.loads(text)) if outcome in TELLING else {}
        # as in the rollups, a value that is no measurement leaves the run without one
        own = {name: said[name] for name in series if name in said}
        found.append((at_us, outcome, {name: v for name, v in own.items() if units_of(outcome, v) is not None}))
    return found
