"""Peak hours: the mean inside a window and outside it, and how far they lie apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from doxa_collector.statistics.binomial import Interval
from doxa_collector.statistics.bootstrap import bootstrap_bounds
from doxa_collector.statistics.clusters import day_error
from doxa_collector.statistics.mean import Figure, mean_of
from doxa_collector.statistics.rollup import Rollup, Tally
from doxa_collector.statistics.sample import MICRO
from doxa_collector.statistics.student import t_quantile
from doxa_collector.statistics.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Inside minus outside, the mean over the days that have both; in the measure's unit, below 0 where inside is lower."""

    value: float
    days: int
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """What the hours of a window do to a line."""

    inside: Figure | None
    outside: Figure | None
    """All other hours of the days of the week that have the window: a weekend does not stand in for office hours."""
    difference: Difference | None
    """Paired by day, so that a slow day, slow in both, says nothing; bounds by Student's t over days."""
    ratio: float | None
    """Inside ÷ outside, over the days that have both."""
    ratio_bounds: Interval | None
    """By the bootstrap: a quotient has no t."""


def peak_of(rollup: Rollup, window: Window, confidence: float = 0.95, *, with_ratio: bool = True) -> Peak:
    """The window against the rest. What is not known is None. `with_ratio=False` leaves out the bootstrap, which takes
    most of the time, and the quotient with it.
    """
    inside = {n: window.tally(n, day) for n, day in rollup.days.items() if window.on(n)}
    outside = {n: _rest(rollup.days[n].all, tally) for n, tally in inside.items()}
    pairs = [(inside[n], outside[n]) for n in sorted(inside) if inside[n].n and outside[n].n]
    both = {n: _gap(inside[n], outside[n]) for n in inside if inside[n].n and outside[n].n}
    ratio = _ratio(pairs) if with_ratio else None
    return Peak(
        inside=mean_of(inside, confidence),
        outside=mean_of(outside, confidence),
        difference=_difference(both, confidence),
        ratio=ratio,
        ratio_bounds=None if ratio is None else bootstrap_bounds(pairs, _ratio, rollup.digest(), confidence),
    )


def _rest(whole: Tally, part: Tally) -> Tally:
    return Tally(whole.n - part.n, whole.total - part.total)


def _gap(inside: Tally, outside: Tally) -> Tally:
    """One day's difference of means, in whole millionths."""
    return Tally(1, (inside.total * outside.n - outside.total * inside.n) // (inside.n * outside.n))


def _difference(days: dict[int, Tally], confidence: float) -> Difference | None:
    if not days:
        return None
    value = sum(tally.total for tally in days.values()) / (len(days) * MICRO)
    error = day_error(days)
    if error is None:
        return Difference(value=value, days=len(days), lower=None, upper=None)
    half = t_quantile(confidence, error.freedom) * error.units / MICRO
    return Difference(value=value, days=len(days), lower=value - half, upper=value + half)


def _ratio(pairs: Sequence[tuple[Tally, Tally]]) -> float | None:
    n_in = total_in = n_out = total_out = 0
    for (n, total), (other_n, other) in pairs:
        n_in += n
        total_in += total
        n_out += other_n
        total_out += other
    return None if n_in == 0 or total_out == 0 else total_in * n_out / (n_in * total_out)
