"""Availability: the share of time that a line was up, from evidence alone.

Time without evidence is neither up nor down: it is left out of the share, and the two ends that it leaves open are given
beside it. An outage goes on through a gap until something came through again, because nothing says that it had ended.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from doxa_collector.statistics.sample import Sample
from doxa_core.outcome import Outcome

_UP = (Outcome.OK, Outcome.PROBE_LIMITED)
_EVIDENCE = (*_UP, Outcome.FAILED)


class Stretch(NamedTuple):
    """Evidence for a time: the line was up, or down, from one moment to another (microseconds since 1970)."""

    from_us: int
    to_us: int
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Of one line in one period; times in microseconds."""

    period_us: int
    up_us: int
    down_us: int
    outages: int
    longest_us: int
    """The most time down in one outage, seen."""
    longest_possible_us: int
    """The longest stretch in which nothing came through and something failed: with its gaps."""

    @property
    def unknown_us(self) -> int:
        """Without evidence."""
        return self.period_us - self.up_us - self.down_us

    @property
    def share(self) -> float | None:
        """Up, of the time with evidence; None without any."""
        known = self.up_us + self.down_us
        return self.up_us / known if known else None

    @property
    def worst(self) -> float:
        """Every gap counted as down."""
        return self.up_us / self.period_us

    @property
    def best(self) -> float:
        """Every gap counted as up."""
        return 1 - self.down_us / self.period_us


def availability_of(stretches: Iterable[Stretch], from_us: int, to_us: int) -> Availability:
    """Over the period from `from_us` up to `to_us`, stretches in any order; what they say beyond it does not count.

    Where two contradict each other the line was up: something came through it. `ValueError` for an empty period and a
    stretch that ends before it begins.
    """
    if to_us <= from_us:
        raise ValueError("the period is empty")
    up_us = down_us = outages = longest = possible = 0
    seen = 0  # of this outage
    last_up = from_us
    for piece in _pieces(stretches, from_us, to_us):
        length = piece.to_us - piece.from_us
        if piece.up:
            possible = max(possible, piece.from_us - last_up) if seen else possible
            up_us, last_up, seen = up_us + length, piece.to_us, 0
            continue
        outages += seen == 0
        seen += length
        down_us, longest = down_us + length, max(longest, seen)
    if seen:
        possible = max(possible, to_us - last_up)
    return Availability(
        period_us=to_us - from_us, up_us=up_us, down_us=down_us, outages=outages, longest_us=longest,
        longest_possible_us=possible,
    )  # fmt: skip


def stretches_of(runs: Iterable[Sample], hold_us: int) -> Iterator[Stretch]:
    """What runs of any meter say: each holds until the next one, at most for `hold_us` (then there is a gap).

    Up: ok and probe-limited; down: failed. Skipped and error say nothing of the line. Of two at the same moment the one
    that came through counts. `ValueError` unless the hold is above 0.
    """
    if hold_us <= 0:
        raise ValueError("a run must hold for some time")
    told: dict[int, bool] = {}
    for run in runs:
        if run.outcome in _EVIDENCE:
            told[run.moment_us] = told.get(run.moment_us, False) or run.outcome in _UP
    moments = sorted(told)
    for moment, following in pairwise([*moments, None]):
        if moment is not None:
            end = moment + hold_us if following is None else min(following, moment + hold_us)
            yield Stretch(moment, end, told[moment])


def _pieces(stretches: Iterable[Stretch], from_us: int, to_us: int) -> Iterator[Stretch]:
    """The evidence without overlaps, in order, inside the period; up wins."""
    clipped = []
    for start, end, up in stretches:
        if end < start:
            raise ValueError("a stretch ends before it begins")
        inside = Stretch(max(start, from_us), min(end, to_us), up)
        if inside.from_us < inside.to_us:
            clipped.append(inside)
    moments = sorted({moment for piece in clipped for moment in piece[:2]})
    changes: dict[int, list[int]] = {moment: [0, 0] for moment in moments}
    for start, end, up in clipped:
        changes[start][up] += 1
        changes[end][up] -= 1
    open_now = [0, 0]
    for moment, following in pairwise(moments):
        for kind in (0, 1):
            open_now[kind] += changes[moment][kind]
        if any(open_now):
            yield Stretch(moment, following, open_now[1] > 0)
