"""Does the line carry at least so much? A sequential test that stops as soon as the answer is known.

Pure code on bins of payload, no clock and no socket (methods.md §2). After the ramp the bins are joined to blocks of at
least ten round trips, so that what TCP does within a few of them is inside one block; the mean of the blocks has a
two-sided Student interval.

Looking again and again at a growing sample finds by chance what is not there. So the test looks at few moments that
are fixed beforehand (`LOOKS_S` and the limit), and each look may err with an equal share of `ERROR` (Bonferroni's
bound, which holds however the looks depend on each other). What is left of dependence between blocks, or between the bins themselves, widens the
interval by its first autocorrelation, where that is positive; and no interval is narrower than `FLOOR`, because a
count of segments on a shaper of finite burst is not better than that.

MET: the lower bound reaches the target, at 2 s or later. NOT MET: the upper bound stays below 0.9 × target at 3 s or
later; or it is below the target and the stop rule (`bins`) calls the rate steady, for then it is the line that was
seen and not a TCP that has not got there yet. At the limit the bounds decide alone; what they leave open is open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from math import atan, cos, pi, sin, sqrt
from typing import Final

from doxa_agent.speed.bins import BIN_S, FINE, Bin, StopRule, steady_at

LOOKS_S: Final = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.5, 8.0)
"""Moments after the first request; the limit is the last one."""
ERROR: Final = 0.01
"""How often a verdict may be wrong on each side, over all looks together."""
FLOOR: Final = 0.001
"""The smallest standard error that is believed, as a share of the mean."""
CLEARLY_BELOW: Final = 0.9
MET_S: Final = 2.0
NOT_MET_S: Final = 3.0
BLOCK_S: Final = 0.2
ROUND_TRIPS: Final = 10
FEWEST_BLOCKS: Final = 5
STEADY_WINDOWS: Final = 4
"""How many windows of the stop rule its word stays good: TCP that got there once is not held back by its start."""
_RAMP_BINS: Final = 6
_RAMP_RISE: Final = 1.03
_DUST: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the blocks say of the mean rate, Mbit/s at the layer of the bins."""

    lower: float
    mean: float
    upper: float
    blocks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer, and on what it rests."""

    met: bool | None
    """None: open, because the bounds include the target or there are too few blocks."""
    bounds: Bounds | None
    at_s: float
    """When it was given."""


def ramp_end(bins: Sequence[Bin]) -> int:
    """Index of the first bin after the ramp: where 0.3 s carry at most 3 % more than the 0.3 s before.

    An index beyond the bins says that the rate still climbs.
    """
    sums = [0.0, *accumulate(b.octets for b in bins)]
    times = [0.0, *accumulate(b.seconds for b in bins)]
    for at in range(2 * _RAMP_BINS, len(bins) + 1):
        middle, first = at - _RAMP_BINS, at - 2 * _RAMP_BINS
        early = (sums[middle] - sums[first]) / max(times[middle] - times[first], _DUST)
        late = (sums[at] - sums[middle]) / max(times[at] - times[middle], _DUST)
        if early > 0 and late <= _RAMP_RISE * early:
            return middle
    return len(bins)


def block_means(bins: Sequence[Bin], block_s: float) -> list[float]:
    """The rates of successive blocks of at least `block_s` seconds, Mbit/s; what remains at the end is left out."""
    found: list[float] = []
    seconds = octets = 0.0
    for b in bins:
        seconds, octets = seconds + b.seconds, octets + b.octets
        if seconds >= block_s - _DUST:
            found.append(octets * 8e-6 / seconds)
            seconds = octets = 0.0
    return found


def bounds(bins: Sequence[Bin], block_s: float, error: float) -> Bounds | None:
    """The interval that misses the mean with probability `error` on each side; None for fewer than five blocks."""
    rates = block_means(bins, block_s)
    count = len(rates)
    if count < FEWEST_BLOCKS:
        return None
    mean = sum(rates) / count
    width = max(_error(rates), _error(block_means(bins, 0.0)), FLOOR * mean)
    reach = student_t(1 - error, count - 1) * width
    return Bounds(lower=mean - reach, mean=mean, upper=mean + reach, blocks=count)


def _error(rates: Sequence[float]) -> float:
    """The standard error of the mean of a series whose neighbours may depend on each other.

    As of an AR(1) series, whose first autocorrelation r widens the variance by (1 + r) / (1 - r). The estimate of r is
    too low by about (1 + 3r)/n (Kendall), which is given back; dependence that would narrow the interval is not believed.
    """
    count = len(rates)
    mean = sum(rates) / count
    squares = sum((rate - mean) ** 2 for rate in rates)
    if squares <= 0:
        return 0.0
    found = sum((a - mean) * (b - mean) for a, b in pairwise(rates)) / squares
    r = min(0.95, max(0.0, found + (1 + 3 * found) / count))
    return sqrt(squares / (count - 1) / count * (1 + r) / (1 - r))


def judge(
    bins: Sequence[Bin], target_mbps: float, *, rtt_s: float, limit_s: float, rule: StopRule = FINE
) -> Verdict | None:
    """The verdict on `target_mbps` (at the layer of the bins), or None while there is none yet.

    The bins run from the first request. Whoever calls it with more bins again gets the same answer: the looks are
    moments of the series, not of the caller.
    """
    looks = [look for look in LOOKS_S if look < limit_s - _DUST]
    start = ramp_end(bins)
    block_s = max(BLOCK_S, ROUND_TRIPS * rtt_s)
    each = ERROR / (len(looks) + 1)
    elapsed = [*accumulate(b.seconds for b in bins)]
    last: Bounds | None = None
    for look in [*looks, limit_s]:
        end = next((n + 1 for n, at in enumerate(elapsed) if at >= look - BIN_S / 2), None)
        if end is None:
            return None
        last = bounds(bins[start:end], block_s, each)
        final = look == limit_s
        met = None if last is None else _decide(last, target_mbps, look, bins, end, rule, final=final)
        if met is not None or final:
            return Verdict(met=met, bounds=last, at_s=elapsed[end - 1])
    return None


def _decide(
    found: Bounds, target: float, look_s: float, bins: Sequence[Bin], end: int, rule: StopRule, *, final: bool
) -> bool | None:
    if look_s >= MET_S - _DUST and found.lower >= target:
        return True
    if look_s < NOT_MET_S - _DUST or found.upper >= target:
        return None
    if final or found.upper < CLEARLY_BELOW * target or _is_steady(bins, end, rule):
        return False
    return None


def _is_steady(bins: Sequence[Bin], end: int, rule: StopRule) -> bool:
    """Whether the stop rule held at the look or in the time of `STEADY_WINDOWS` before.

    A single lump spoils the rule for as long as it lies in its windows. A look that only asked whether it holds just now
    would miss what it said a moment ago, and the next look may be two seconds away.
    """
    return any(steady_at(bins, rule, at) is not None for at in range(end, max(0, end - STEADY_WINDOWS * rule.bins), -1))


@cache
def student_t(share: float, freedom: int) -> float:
    """The quantile of Student's distribution for whole degrees of freedom, by its finite series and bisection.

    Abramowitz and Stegun, 26.7.3 and 26.7.4. (A table or a library would cost a small probe more memory.)
    """
    low, high = 0.0, 1e4
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < 2 * share - 1 else (low, middle)
    return (low + high) / 2


def _within(t: float, freedom: int) -> float:
    """The probability that a Student variable lies between -t and t."""
    angle = atan(t / sqrt(freedom))
    c, s = cos(angle), sin(angle)
    odd = freedom % 2
    term = c if odd else 1.0
    series = 0.0 if freedom == 1 else term
    for n in range(3 if odd else 2, freedom - 1, 2):
        term *= (n - 1) / n * c * c
        series += term
    return 2 / pi * (angle + s * series) if odd else s * series
