"""The stop rule: when a series of short bins says what the line carries. Pure arithmetic on bins, no clock, no socket.

Two successive windows of half a second must each be flat (standard error of the mean below 0.5 %, halves within 1 %)
and lie within 1 % of each other, never before 1.1 s. Where TCP saw-tooths below the line the bins are not flat, so the
rule never says stable there: that is what it is for.

Some lines deliver in lumps (a shaper's burst of 32 KiB is 8 ms of a 34 Mbit/s line; radio and PON schedulers do the
same), which a bin of 50 ms shows as noise though the rate stands still. So the same rule is also asked with bins twice
and four times as long, hence windows of one and two seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

BIN_S: Final = 0.05
_DUST: Final = 1e-6  # sums of floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Octets of payload that arrived in a span of the monotonic clock."""

    seconds: float
    octets: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """The thresholds; shares of the mean, seconds."""

    bins: int = 10
    """Bins in a window."""
    standard_error: float = 0.005
    halves: float = 0.01
    agreement: float = 0.01
    earliest_s: float = 1.1
    scales: tuple[int, ...] = (1, 2, 4)
    """How many of our bins make one of the rule's."""


FINE: Final = StopRule()
COARSE: Final = StopRule(bins=40, standard_error=0.01, earliest_s=4.0, scales=(1,))
"""Where the kernel cannot count arrived segments: in-order octets come in lumps, so windows of 2 s (expect 1 %)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """What the line carries, over the two windows that agreed."""

    octets: float
    seconds: float
    first: int
    """Index of the first bin of the first window."""
    last: int
    """Index after the last bin of the second window."""

    @property
    def mbps(self) -> float:
        """Decimal megabits of payload per second."""
        return self.octets * 8e-6 / self.seconds


def steady_at(bins: Sequence[Bin], rule: StopRule, end: int | None = None) -> Steady | None:
    """The steady figure if the rule holds for the bins before `end` (the last one by default), at any of its scales."""
    last = len(bins) if end is None else end
    if not _lasted(bins, last, rule.earliest_s - _DUST):
        return None
    return next((found for scale in rule.scales if (found := _steady_at_scale(bins, rule, last, scale))), None)


def _lasted(bins: Sequence[Bin], last: int, seconds: float) -> bool:
    """Whether the bins before `last` span `seconds`; stops adding as soon as that is known."""
    for at in range(last):
        seconds -= bins[at].seconds
        if seconds <= 0:
            return True
    return False


def _steady_at_scale(bins: Sequence[Bin], rule: StopRule, last: int, scale: int) -> Steady | None:
    first = last - 2 * rule.bins * scale
    if first < 0:
        return None
    long = [total(bins[at : at + scale]) for at in range(first, last, scale)]
    earlier, later = long[: rule.bins], long[rule.bins :]
    if not (_is_flat(earlier, rule) and _is_flat(later, rule)):
        return None
    if not _agree(_rate(earlier), _rate(later), rule.agreement):
        return None
    both = total(long)
    return Steady(octets=both.octets, seconds=both.seconds, first=first, last=last)


def first_steady(bins: Sequence[Bin], rule: StopRule) -> Steady | None:
    """The first place where the rule held."""
    return next((found for end in range(1, len(bins) + 1) if (found := steady_at(bins, rule, end))), None)


def last_steady(bins: Sequence[Bin], rule: StopRule) -> Steady | None:
    """The last place where the rule held."""
    return next((found for end in range(len(bins), 0, -1) if (found := steady_at(bins, rule, end))), None)


def since(bins: Sequence[Bin], found: Steady) -> Steady:
    """The mean from the start of the steady windows to the end: what a run of fixed length says."""
    rest = total(bins[found.first :])
    return Steady(octets=rest.octets, seconds=rest.seconds, first=found.first, last=len(bins))


def total(bins: Sequence[Bin]) -> Bin:
    """All bins as one."""
    return Bin(seconds=sum(b.seconds for b in bins), octets=sum(b.octets for b in bins))


def _rate(bins: Sequence[Bin]) -> float:
    whole = total(bins)
    return whole.octets / whole.seconds if whole.seconds > 0 else 0.0


def _agree(one: float, other: float, share: float) -> bool:
    return abs(one - other) <= share * max(one, other)


def _is_flat(bins: Sequence[Bin], rule: StopRule) -> bool:
    """Whether the rate stands still: each bin weighs as long as it lasted, so a late timer does not count as a lump."""
    mean = _rate(bins)
    if mean <= 0 or any(b.seconds <= 0 for b in bins):
        return False
    seconds = sum(b.seconds for b in bins)
    variance = sum(b.seconds * (b.octets / b.seconds - mean) ** 2 for b in bins) / seconds
    error = sqrt(variance / (len(bins) - 1))
    half = len(bins) // 2
    return error < rule.standard_error * mean and _agree(_rate(bins[:half]), _rate(bins[half:]), rule.halves)


def merged(bins: Sequence[Bin], most: int) -> tuple[float, list[float]]:
    """The series for people: at most `most` rates in Mbit/s over equal numbers of bins, at least 100 ms each.

    Returns the nominal seconds of one entry, and the rates.
    """
    step = max(2, -(-len(bins) // most))
    groups = [total(bins[at : at + step]) for at in range(0, len(bins), step)]
    return round(step * BIN_S, 3), [round(g.octets * 8e-6 / g.seconds, 3) for g in groups if g.seconds > 0]
