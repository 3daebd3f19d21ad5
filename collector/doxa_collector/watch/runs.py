"""Whether a line is down, told from the latest runs over it: pure, shared by the page and the alarms."""

from collections.abc import Collection, Hashable, Sequence
from typing import Final, Protocol, TypeVar

from doxa_core.outcome import Outcome

SPEAKING: Final = (Outcome.OK, Outcome.FAILED, Outcome.PROBE_LIMITED)
"""Outcomes that say something about the line."""
ROUND_US: Final = 600_000_000
"""A far end not measured for ten minutes while others were is no longer in the plan."""
RECENT: Final = 12
"""How many latest runs of each meter are worth looking at: several far ends, and a short history."""


class Run(Protocol):
    """One run of a meter over a line, as far as it matters here."""

    @property
    def meter(self) -> str: ...
    @property
    def far_end(self) -> Hashable: ...
    @property
    def family(self) -> int | None: ...
    @property
    def started_us(self) -> int: ...
    @property
    def outcome(self) -> Outcome: ...


AnyRun = TypeVar("AnyRun", bound=Run)


def deciding(runs: Sequence[AnyRun], beside: Collection[str] = ()) -> list[AnyRun]:
    """Of `runs` (newest first) those that decide: the current round of the meter that runs most often, none of `beside`.

    One dead far end is not a dead line, and neither is a speed test that found no server while pings come through.
    """
    speaking = [run for run in runs if run.outcome in SPEAKING and run.meter not in beside]
    current = [run for run in speaking if speaking[0].started_us - run.started_us < ROUND_US]
    if not current:
        return []
    meter = _most_often(current)
    return [run for run in current if run.meter == meter]


def all_failed(decided: Sequence[Run]) -> bool:
    """Whether the latest run to every far end failed, of runs that decide, newest first; not for none.

    IPv4 and IPv6 count apart: a line whose IPv6 alone is broken is not down. A run that got to no family at all (no
    route, no name) speaks for both.
    """
    seen: set[tuple[Hashable, int | None]] = set()
    for run in decided:
        key = run.far_end, run.family
        if key in seen or (run.far_end, None) in seen:
            continue
        older = run.family is None and bool({(run.far_end, 4), (run.far_end, 6)} & seen)
        if not older and run.outcome is not Outcome.FAILED:
            return False
        seen.add(key)
    return bool(seen)


def _most_often(current: Sequence[Run]) -> str:
    """The meter with the shortest pause between its runs."""
    runs: dict[str, set[int]] = {}
    for run in current:
        runs.setdefault(run.meter, set()).add(run.started_us)

    def pause(meter: str) -> float:
        starts = runs[meter]
        return (max(starts) - min(starts)) / (len(starts) - 1) if len(starts) > 1 else float("inf")

    return min(runs, key=lambda meter: (pause(meter), -max(runs[meter])))
