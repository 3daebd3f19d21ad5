"""The fast search: our own third algorithm beside types B and C, in the same packets; and when its client has seen enough.

At the server (`climb`, a pure function like those of search.py): the rate is doubled, from 40 Mbit/s on multiplied by 1.5,
each time the receiver has seen the last step arrive, so it never runs ahead of the path by more than that; by 1.25
once delay begins to rise. When delay or loss says that the line is full, the rate is held 4 % above what arrives:
just enough to keep it full.

At the client (`estimate`): the test may end when two successive windows agree within 0.2 % while more was offered than
arrived and no machine that we can see stalled. Then what arrives is the line's rate, not the sender's (throughput.md §4). This holds for every search.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import sqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from doxa_agent.udpstp.search import Report, Rules, Search

START_ROW: Final = 10
FULL_MS: Final = 20.0
"""Delay variation at which the line counts as full."""
KNEE_MS: Final = 5.0
FULL_LOSS: Final = 0.04
FIRST_STEP: Final = 2.0
STEP: Final = 1.5
"""Factors of a climb, the first up to `FIRST_ROWS`."""
FIRST_ROWS: Final = 40
GENTLE: Final = 1.25
ABOVE: Final = 1.04
ARRIVED: Final = 0.93
"""A step has arrived when this share of it is received."""
RECENT: Final = 4
"""Reports whose mean is what arrives."""
EMPTY_REPORTS: Final = 4
"""So many reports in a row without any delay or loss, and the line was not full after all."""

WINDOW_S: Final = 0.4
AGREE: Final = 0.002
CERTAIN: Final = 0.001
"""Standard error of the rate, as a share of it."""
OFFERED: Final = 1.012
"""More than this share of what arrives must have been offered."""
LEAST_DATAGRAMS: Final = 400
LATE: Final = 0.02
"""The share of the deciding windows for which this machine or the sender may have stalled. A stalled machine can make a
line that it emulates or forwards slower, and evenly so: windows agree, but not on the line's rate."""


def climb(search: "Search", report: "Report", rules: "Rules") -> "Search":
    """The state after one report, by the fast search."""
    received = report.received_mbps
    if received is None or received <= 0:
        return search
    recent = (*search.recent, received)[-RECENT:]
    search = replace(search, recent=recent)
    delay = report.delay_ms or 0.0
    full = delay >= FULL_MS or report.loss_ratio >= FULL_LOSS
    if search.holds:
        return _hold(search, report, rules, delay)
    if full:
        return replace(search, holds=True, quiet=0, recent=recent[-1:], row=_above(received, rules))
    if received < ARRIVED * min(search.row, rules.top) * (1 - report.loss_ratio):
        return search
    factor = STEP if search.row >= FIRST_ROWS else FIRST_STEP
    if delay >= KNEE_MS or report.loss_ratio >= FULL_LOSS / 2 or search.quiet:
        factor = GENTLE
    return replace(search, row=min(rules.top, max(search.row + 1, int(search.row * factor))))


def _hold(search: "Search", report: "Report", rules: "Rules", delay: float) -> "Search":
    mean = sum(search.recent) / len(search.recent)
    empty = delay < KNEE_MS and report.loss_ratio < FULL_LOSS / 2
    quiet = search.quiet + 1 if empty else 0
    if quiet >= EMPTY_REPORTS and search.recent[-1] >= 0.97 * search.row / ABOVE:
        return replace(search, holds=False, quiet=1, row=min(rules.top, max(search.row + 1, int(search.row * GENTLE))))
    return replace(search, quiet=quiet, row=_above(mean, rules))


def _above(received: float, rules: "Rules") -> int:
    return max(1, min(rules.top, -int(-received * ABOVE // 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One trial interval, as the client knows it."""

    seconds: float
    octets: int
    """IP layer, received in it."""
    datagrams: int
    offered_octets: float
    """IP layer, sent meanwhile."""
    offered_seconds: float
    late_s: float = 0.0
    """For how long this machine or the sender did not work when it should have: stalls, each above what is usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The rate of the line, and the windows that agree on it."""

    mbps: float
    windows_mbps: tuple[float, float]
    seconds: float


def estimate(samples: Sequence[Sample]) -> Estimate | None:
    """The rate, once two successive windows agree, were offered more than arrived, and do not jitter too much.

    On a line that delivers in lumps short windows agree by chance, and looking often finds such a chance: so the slope of
    all that arrived must be certain to 0.1 % (its standard error), for which longer and longer windows are tried.
    """
    samples = samples[_peak(samples) :]
    length = _length(samples)
    while length and 2 * length <= len(samples):
        if (found := _agreed(samples[-2 * length : -length], samples[-length:])) is not None:
            return found
        length += max(1, length // 2)
    return None


def _peak(samples: Sequence[Sample]) -> int:
    """Where most was offered: before it the search still climbed, and the line need not have been full."""
    rates = [
        sample.offered_octets / sample.offered_seconds if sample.offered_seconds > 0 else 0.0 for sample in samples
    ]
    return max(range(len(rates)), key=rates.__getitem__, default=0)


def _agreed(early: Sequence[Sample], late: Sequence[Sample]) -> Estimate | None:
    both = [*early, *late]
    first, second, whole = _slope(early)[0], _slope(late)[0], _slope(both)
    if min(first, second, whole[0]) <= 0 or abs(first - second) > AGREE * max(first, second):
        return None
    if whole[1] > CERTAIN * whole[0] or not (_offered(early) and _offered(late)):
        return None
    if not (_steady(early) and _steady(late)):
        return None
    return Estimate(mbps=whole[0], windows_mbps=(first, second), seconds=sum(sample.seconds for sample in both))


def _slope(samples: Sequence[Sample]) -> tuple[float, float]:
    """Rate by least squares through what had arrived at each moment, and its standard error, Mbit/s; zeros if none."""
    times = [0.0, *accumulate(sample.seconds for sample in samples)]
    arrived = [0.0, *accumulate(sample.octets * 8e-6 for sample in samples)]
    middle_t, middle_a = sum(times) / len(times), sum(arrived) / len(arrived)
    spread = sum((time - middle_t) ** 2 for time in times)
    if spread <= 0 or len(times) < 4:
        return 0.0, 0.0
    slope = sum((t - middle_t) * (a - middle_a) for t, a in zip(times, arrived, strict=True)) / spread
    left = sum((a - middle_a - slope * (t - middle_t)) ** 2 for t, a in zip(times, arrived, strict=True))
    return slope, sqrt(left / (len(times) - 2) / spread)


def _length(samples: Sequence[Sample]) -> int:
    """How many of the last samples make a window: 0.4 s, longer on a slow line; 0 where there are not enough."""
    lasted, datagrams = 0.0, 0
    for count, sample in enumerate(reversed(samples), 1):
        lasted, datagrams = lasted + sample.seconds, datagrams + sample.datagrams
        if lasted >= WINDOW_S * 0.99 and datagrams >= LEAST_DATAGRAMS:
            return count
    return 0


def _rate(samples: Sequence[Sample]) -> float | None:
    lasted = sum(sample.seconds for sample in samples)
    return sum(sample.octets for sample in samples) * 8e-6 / lasted if lasted > 0 else None


def _steady(samples: Sequence[Sample]) -> bool:
    return sum(sample.late_s for sample in samples) <= LATE * sum(sample.seconds for sample in samples)


def _offered(samples: Sequence[Sample]) -> bool:
    lasted = sum(sample.offered_seconds for sample in samples)
    rate = _rate(samples)
    if lasted <= 0 or rate is None:
        return False
    return sum(sample.offered_octets for sample in samples) * 8e-6 / lasted >= OFFERED * rate
