"""The FCC's 80/80 rule, for comparison: 80 % of tests at 80 % of the speed or more, 95 % of latency tests at ≤ 100 ms.

Hourly tests from 18 to 24 h, one week a quarter (FCC DA 18-710, as methods.md §5 has it): 42 tests. The FCC takes the
share as it stands; here its bound stands beside it, because 42 tests show little.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_collector.plans.model import Operator
from doxa_collector.statistics.binomial import passes_needed
from doxa_collector.statistics.mean import Figure
from doxa_collector.statistics.rollup import Rollup, added
from doxa_collector.statistics.sample import Sample, slot_of
from doxa_collector.statistics.share import met_by_day, share_of
from doxa_collector.statistics.windows import EVENING, Window
from doxa_collector.verdict import VerdictOutcome

SPEED_SHARE: Final = 0.8
TESTS_SHARE: Final = 0.8
LATENCY_SHARE: Final = 0.95
LATENCY_MS: Final = 100.0
WEEK: Final = 7
EVENING_HOURS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class FccShare:
    """One of the two conditions."""

    figure: Figure | None
    """The share of tests that meet it, with the exact binomial 95 % bounds of independent tests, as the rule's tables."""
    by_days: Figure | None
    """The same share with the bounds of tests that cluster by days: seven evenings show less than 42 tests."""
    claim: float
    needed: int | None
    """How many of the tests would have to meet it to show the claim if they were independent; None: too few tests."""

    @property
    def met(self) -> bool | None:
        """As the FCC counts: the share as it stands."""
        return None if self.figure is None else self.figure.value >= self.claim

    @property
    def shown(self) -> VerdictOutcome:
        """What the bounds show: `insufficient` where the claim lies between them."""
        if self.figure is None or self.figure.lower is None or self.figure.upper is None:
            return VerdictOutcome.INSUFFICIENT
        if self.figure.lower >= self.claim:
            return VerdictOutcome.PASS
        return VerdictOutcome.FAIL if self.figure.upper < self.claim else VerdictOutcome.INSUFFICIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class FccView:
    """One week of evenings."""

    speed: FccShare
    latency: FccShare
    hours: int
    """Of 42 evening hours, those with a speed test."""

    @property
    def met(self) -> bool | None:
        """Both conditions as they stand; None while one has no test."""
        if self.speed.met is None or self.latency.met is None:
            return None
        return self.speed.met and self.latency.met


def fcc_view(
    speed: Iterable[Sample], latency: Iterable[Sample], speed_mbps: float, first_day: int, window: Window = EVENING
) -> FccView:
    """The week of seven local days from `first_day` (days since 1970), of one direction's tests in Mbps and latency in ms.

    Samples outside the week and the window are left out. `ValueError` for a speed that is none.
    """
    return fcc_views({"": (speed, speed_mbps)}, latency, first_day, window)[""]


def fcc_views(
    speeds: Mapping[str, tuple[Iterable[Sample], float]],
    latency: Iterable[Sample],
    first_day: int,
    window: Window = EVENING,
) -> dict[str, FccView]:
    """The same of several directions, each with its tests and its speed in Mbps; their latency is counted once."""
    delays = _share(_week(latency, first_day, window), Operator.AT_MOST, LATENCY_MS, LATENCY_SHARE)
    return {name: _view(tests, mbps, delays, first_day, window) for name, (tests, mbps) in speeds.items()}


def _view(speed: Iterable[Sample], mbps: float, latency: FccShare, first_day: int, window: Window) -> FccView:
    if not mbps > 0:
        raise ValueError(f"{mbps} Mbps is no speed to test")
    tests = _week(speed, first_day, window)
    hours = {(day, half_hour // 2) for day, half_hour in (slot_of(s.moment_us) for s in tests if s.value is not None)}
    return FccView(
        speed=_share(tests, Operator.AT_LEAST, SPEED_SHARE * mbps, TESTS_SHARE), latency=latency, hours=len(hours)
    )


def _week(samples: Iterable[Sample], first_day: int, window: Window) -> list[Sample]:
    return [s for s in window.of(samples) if first_day <= slot_of(s.moment_us).day < first_day + WEEK]


def _share(samples: Sequence[Sample], operator: Operator, target: float, claim: float) -> FccShare:
    counts = met_by_day(Rollup.of(samples), operator, target)
    n = added(counts.values()).n
    return FccShare(
        figure=share_of(counts, independent=True),
        by_days=share_of(counts),
        claim=claim,
        needed=passes_needed(n, claim) if n else None,
    )
