"""Availability of one line, and what each piece of it rests on.

Up or down is told by the runs of one meter, the one that ran most often over the line (as the page and the alarms decide,
`watch.runs`): each far end and address family is a series of its own, and where one answers the line was up; one dead far
end is not a dead line. A run speaks until the next of its series, at most for two and a half of that series' usual steps.
Time without any is unknown, never up and never down. What the ledger knows of the probes (`presence_change`) tells how
much of the unknown was a probe without power, a probe that was stopped, or nobody knows.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, select

from doxa_collector.alerts.own import NOT_OF_THE_LINE
from doxa_collector.ledger.schema import measurement, presence_change
from doxa_collector.presence.model import State
from doxa_collector.statistics.availability import Availability, Stretch, availability_of
from doxa_collector.watch.runs import SPEAKING
from doxa_core.outcome import Outcome

_SECOND_US: Final = 1_000_000
_SPEAKING: Final = tuple(outcome.value for outcome in SPEAKING)
_FAILED: Final = Outcome.FAILED.value
_HOLD_STEPS: Final = 2.5
_SHORTEST_HOLD_US: Final = 120 * _SECOND_US
LONGEST_HOLD_US: Final = 7200 * _SECOND_US
NOT_TOLD: Final = "not_told"
"""Of unknown time: the probe was there as far as anybody knows, or there was none yet."""

Span = tuple[int, int]
"""From, to: microseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """Availability with its evidence."""

    found: Availability
    meter: str
    """Whose runs told."""
    runs: int
    failed: int
    step_us: int
    """The usual time between two runs: no outage much shorter is seen."""
    first_us: int
    """The first run of the time."""
    far_ends: int
    unknown_us: dict[str, int]
    """The unknown time by the probes' presence: a cause (`presence.model.Cause`), or `NOT_TOLD`."""


_Run = tuple[int, bool]
"""When, and whether something came through; plain, since there are thousands."""


class Heard:
    """The runs that speak of one line in a time, read once and cut into as many parts as there are."""

    def __init__(self, meter: str, series: Sequence[Sequence[_Run]], agents: Iterable[str]) -> None:
        self._meter = meter
        self._series = series
        self._agents = tuple(agents)

    @classmethod
    def read(
        cls, conn: Connection, site: str, link: str, meters: Iterable[str], span: Span, last_id: int | None = None
    ) -> "Heard | None":
        """Of this line only; None where nothing speaks of it. Runs shortly before `span` still hold at its beginning.

        `last_id` leaves out what came later: a paper of a closed month never changes.
        """
        m = measurement.c
        where: list[ColumnElement[bool]] = [
            m.site == site, m.link == link, m.started_us >= span[0] - LONGEST_HOLD_US, m.started_us < span[1],
        ]  # fmt: skip
        columns = (m.started_us, m.outcome, m.far_end, m.family, m.agent)
        speaking = where if last_id is None else [*where, m.id <= last_id]
        meter, best = "", list[Any]()
        for name, most in _most_runs(conn, [name for name in meters if name not in NOT_OF_THE_LINE], where):
            if (-most, name) > (-len(best), meter):
                break  # of this meter and those after it there cannot be more
            query = select(*columns).where(*speaking, m.meter == name, m.outcome.in_(_SPEAKING))
            rows = conn.execute(query.order_by(m.started_us, m.id)).all()
            if rows and (not best or (-len(rows), name) < (-len(best), meter)):
                meter, best = name, list(rows)
        return cls(meter, _series_of(best), sorted({row[4] for row in best})) if best else None

    def within(self, conn: Connection, span: Span) -> Uptime | None:
        """The availability of a part of the time; None where no run of it speaks."""
        told = [run for runs in self._series for run in runs if span[0] <= run[0] < span[1]]
        if not told:
            return None
        stretches = [stretch for runs in self._series for stretch in _stretches(runs)]
        own = [stretch for stretch in stretches if stretch.from_us < span[1] and stretch.to_us > span[0]]
        unknown = _uncovered(own, span)
        return Uptime(
            found=availability_of(own, *span),
            meter=self._meter,
            runs=len(told),
            failed=sum(not up for _, up in told),
            step_us=min(_step(runs) for runs in self._series),
            first_us=min(at_us for at_us, _ in told),
            far_ends=len(self._series),
            unknown_us=_explained(unknown, _absences(conn, self._agents, span)),
        )


def _most_runs(conn: Connection, meters: Iterable[str], where: Sequence[ColumnElement[bool]]) -> list[tuple[str, int]]:
    """Meters with all their runs, the most first: counted in the index alone, and at least as many as speak."""
    query = select(func.count()).select_from(measurement).where(*where)
    counts = {name: int(conn.execute(query.where(measurement.c.meter == name)).scalar_one()) for name in meters}
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _series_of(rows: Iterable[Sequence[Any]]) -> list[list[_Run]]:
    """By far end and family. A run that got to no family (no route, no name) stands in each of its far end's."""
    found: dict[tuple[str | None, int | None], list[_Run]] = {}
    nowhere: dict[str | None, list[_Run]] = {}
    for at_us, outcome, far_end, family, _ in rows:
        up = outcome != _FAILED
        if family is None and not up:
            nowhere.setdefault(far_end, []).append((at_us, up))
        else:
            found.setdefault((far_end, family), []).append((at_us, up))
    for far_end, runs in nowhere.items():
        own = [key for key in found if key[0] == far_end]
        for key in own:
            found[key] = sorted([*found[key], *runs])
        if not own:
            found[far_end, None] = runs
    return list(found.values())


def _step(runs: Sequence[_Run]) -> int:
    """The usual time between two runs of a series; of a single one, the longest that it may hold."""
    steps = [after - before for (before, _), (after, _) in pairwise(runs) if after > before]
    return median_low(steps) if steps else round(LONGEST_HOLD_US / _HOLD_STEPS)


def _stretches(runs: Sequence[_Run]) -> list[Stretch]:
    """What one series says, runs that say the same joined where no time lies between them."""
    hold_us = min(LONGEST_HOLD_US, max(_SHORTEST_HOLD_US, round(_HOLD_STEPS * _step(runs))))
    found: list[Stretch] = []
    start, state, end = 0, False, 0
    for at_us, up in runs:
        until = min(end, at_us)  # a later run of the series ends what the one before held
        if start < until and (up is not state or end < at_us):
            found.append(Stretch(start, until, state))
        if up is not state or end < at_us or not end:
            start, state = at_us, up
        end = at_us + hold_us
    return [*found, Stretch(start, end, state)]


def _uncovered(stretches: Iterable[Stretch], span: Span) -> list[Span]:
    """The time of which no stretch speaks."""
    found, free = [], span[0]
    for start, end, _ in sorted(stretches):
        if start > free:
            found.append((free, start))
        free = max(free, min(end, span[1]))
    return [*found, (free, span[1])] if free < span[1] else found


def _absences(conn: Connection, agents: Sequence[str], span: Span) -> list[tuple[Span, str]]:
    """When one of the probes was not there, with the cause where one is known."""
    p, found = presence_change.c, []
    query = (
        select(p.agent, p.state, p.cause, p.began_us)
        .where(p.agent.in_(agents), p.began_us < span[1])
        .order_by(p.agent, p.began_us, p.id)
    )
    rows = [*conn.execute(query).all(), None]
    for row, after in pairwise(rows):
        if row is None or row.state == State.ONLINE.value:
            continue
        end = after.began_us if after is not None and after.agent == row.agent else span[1]
        if end > span[0]:
            found.append(((max(row.began_us, span[0]), end), row.cause or NOT_TOLD))
    return found


def _explained(unknown: Sequence[Span], absences: Sequence[tuple[Span, str]]) -> dict[str, int]:
    """How much of the unknown time belongs to which cause; of two probes away at once the first tells."""
    found: Counter[str] = Counter()
    left = list(unknown)
    for (start, end), cause in absences:
        rest: list[Span] = []
        for from_us, to_us in left:
            low, high = max(from_us, start), min(to_us, end)
            if low >= high:
                rest.append((from_us, to_us))
                continue
            found[cause] += high - low
            rest += [(a, b) for a, b in ((from_us, low), (high, to_us)) if a < b]
        left = rest
    found[NOT_TOLD] += sum(to_us - from_us for from_us, to_us in left)
    return {cause: us for cause, us in sorted(found.items()) if us}
