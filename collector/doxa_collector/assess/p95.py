"""The rule of Thông tư 06/2026/TT-BKHCN, Đ.5.6: over seven consecutive days, the 95th percentile of each direction's
traffic, sampled every five minutes, must not exceed 90 % of the line's capacity.

What is judged: one percentile over all samples of the seven local days, 2,016 of them, each as a share of the capacity
that the contract gave on its day. Two other readings of the sentence are shown beside it and decide nothing: that each
single day must stay below (stricter), and that only seven days above in a row break the rule (milder). With complete days
the three are in that order: if all seven days are above, so is the week; if the week is, at least one day is.

Missing samples never help: a line fails only if it would with 0 in all of them, and passes only if it would whatever
stood in them, and only with seven days each of which keeps enough samples for a percentile of its own. All else is
`insufficient`. Nothing is stored: each question is answered from what the ledger holds now, late data included.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf
from typing import Final

from doxa_collector.assess.percentile import Percentile, percentile_of, rank
from doxa_collector.assess.traffic import DIRECTIONS, PER_DAY, FiveMinutes
from doxa_collector.period import Period
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer

DAYS: Final = 7
MOST: Final = 0.9
"""The share of the capacity that the percentile must not exceed."""
ROUNDING: Final = 1e-9
"""A quotient of floats may miss 0.9 by its last bit."""
ENOUGH: Final = rank(PER_DAY)
"""274: with fewer of a day's 288 samples its percentile could be anything."""
DECIDING: Final = (Layer.IP, Layer.WIRE)
"""Where the contract names no layer: above at the innermost is a fail, not above at the outermost a pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the provider owes over a line on one day."""

    mbps: Mapping[str, float]
    """By direction; a direction that the contract does not name is absent."""
    layer: Layer | None
    """Where it is counted; None: the contract does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local day of one direction."""

    day: date
    samples: int
    """Of `PER_DAY`."""
    capacity_mbps: float | None
    layer: Layer
    """The layer of the figures; what the contract names, else the frame layer, which is what a terminal counts."""
    p95_mbps: float | None
    share: float | None
    """`p95_mbps` of the capacity."""

    @property
    def enough(self) -> bool:
        """Whether it keeps a percentile of its own."""
        return self.samples >= ENOUGH

    @property
    def above(self) -> bool:
        """Whether its percentile is above the rule's share."""
        return self.share is not None and exceeds(self.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One direction over the seven days."""

    direction: str
    outcome: VerdictOutcome
    reasons: tuple[str, ...]
    days: tuple[Day, ...]
    samples: int
    share: float | None = None
    """The percentile, as a share of the capacity in force on each sample's day."""
    lower: float | None = None
    upper: float | None = None
    """Certain bounds of it, by the missing samples; an upper one that is not finite is None."""

    @property
    def days_above(self) -> int:
        """How many of the seven days are above on their own."""
        return sum(day.above for day in self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The answer for one line."""

    period: Period
    ways: tuple[Way, ...]

    @property
    def outcome(self) -> VerdictOutcome:
        """The worst of both directions: a fail of one is a fail of the line."""
        found = {way.outcome for way in self.ways}
        order = (VerdictOutcome.FAIL, VerdictOutcome.INSUFFICIENT)
        return next((outcome for outcome in order if outcome in found), VerdictOutcome.PASS)


def sustained_share(week: Week) -> float | None:
    """The share that each of the seven days reached on its own, in the fuller direction: above the rule's, all seven exceed it.

    None where a day of both directions keeps no percentile of its own.
    """
    found = []
    for way in week.ways:
        shares = [day.share for day in way.days if day.enough and day.share is not None]
        if len(shares) == len(way.days):
            found.append(min(shares))
    return max(found, default=None)


def judge_week(samples: Sequence[FiveMinutes], contracts: Mapping[date, Contract], period: Period) -> Week:
    """The rule over `period`, seven days; `contracts` has what is in force on each day, nothing for one without a line."""
    by_day: dict[date, list[FiveMinutes]] = {day: [] for day in days_of(period)}
    for sample in samples:
        if sample.day in by_day:
            by_day[sample.day].append(sample)
    return Week(period=period, ways=tuple(_way(name, by_day, contracts) for name in DIRECTIONS))


def exceeds(share: float) -> bool:
    """Whether a share of the capacity is above what the rule allows."""
    return share > MOST + ROUNDING


def days_of(period: Period) -> list[date]:
    """Its days in order."""
    return [period.first + timedelta(days=n) for n in range((period.last - period.first).days + 1)]


def _way(direction: str, by_day: Mapping[date, Sequence[FiveMinutes]], contracts: Mapping[date, Contract]) -> Way:
    days = tuple(_day(direction, day, found, contracts.get(day)) for day, found in by_day.items())
    shown = _week(direction, by_day, contracts, None)
    layers = {contract.layer for day in by_day if (contract := contracts.get(day)) is not None}
    inner, outer = (_week(direction, by_day, contracts, at) for at in DECIDING) if None in layers else (shown, shown)
    outcome, reasons = _judge(days, inner, outer)
    if beyond_sight(outcome, layers, direction, lambda: _seen(by_day)):
        outcome, reasons = VerdictOutcome.INSUFFICIENT, ("layer_not_counted",)
    return Way(
        direction=direction,
        outcome=outcome,
        reasons=reasons + (("layer_not_named",) if None in layers else ()),
        days=days,
        samples=sum(day.samples for day in days),
        share=None if shown is None else shown.value,
        lower=None if shown is None else shown.lower,
        upper=None if shown is None or shown.upper == inf else shown.upper,
    )


def _judge(
    days: Sequence[Day], inner: Percentile | None, outer: Percentile | None
) -> tuple[VerdictOutcome, tuple[str, ...]]:
    """`inner` is what a fail stands on, `outer` what a pass does; the same where the contract names its layer."""
    gaps = gaps_of(
        no_capacity=any(day.capacity_mbps is None for day in days),
        days_incomplete=any(not day.enough for day in days),
    )
    if inner is None or outer is None:
        return undecided(gaps)
    return decide(
        gaps,
        inner_above=exceeds(inner.lower),
        outer_below=not exceeds(outer.upper),
        outer_above=exceeds(outer.lower),
    )


def gaps_of(*, no_capacity: bool, days_incomplete: bool) -> tuple[str, ...]:
    """The codes of what seven days lack."""
    found = {"no_capacity": no_capacity, "days_incomplete": days_incomplete}
    return tuple(code for code, there in found.items() if there)


def undecided(gaps: tuple[str, ...]) -> tuple[VerdictOutcome, tuple[str, ...]]:
    """Seven days without any sample that can be held against a capacity."""
    return VerdictOutcome.INSUFFICIENT, gaps if "no_capacity" in gaps else ("no_samples",)


def decide(
    gaps: tuple[str, ...], *, inner_above: bool, outer_below: bool, outer_above: bool
) -> tuple[VerdictOutcome, tuple[str, ...]]:
    """Seven days by what is certain, whatever stood in the missing samples: whether the innermost layer is above, and
    whether the outermost one is not above, or is.
    """
    if inner_above:
        return VerdictOutcome.FAIL, ("above_capacity_share", *gaps)
    if gaps:
        return VerdictOutcome.INSUFFICIENT, gaps
    if outer_below:
        return VerdictOutcome.PASS, ()
    return VerdictOutcome.INSUFFICIENT, ("between_layers" if outer_above else "missing_samples_decide",)


def beyond_sight(
    outcome: VerdictOutcome,
    layers: AbstractSet[Layer | None],
    direction: str,
    counted: Callable[[], AbstractSet[tuple[str, Layer]]],
) -> bool:
    """Whether the outcome stands on a layer next to the contract's that may decide otherwise than the contract's own.

    Payload is not visible in a counter, and without packet counters nothing but the frame layer is: a fail there is none
    for certain further in, and a pass none further out. `counted` says what the seven days' samples have.
    """
    named = [layer for layer in (Layer.IP, Layer.WIRE) if layer in layers]
    if not named and Layer.PAYLOAD not in layers:
        return False
    seen = counted()
    blind = [layer for layer in named if (direction, layer) not in seen] + [Layer.PAYLOAD] * (Layer.PAYLOAD in layers)
    if outcome is VerdictOutcome.FAIL:
        return Layer.IP in blind or Layer.PAYLOAD in blind
    return outcome is VerdictOutcome.PASS and Layer.WIRE in blind


def _week(
    direction: str,
    by_day: Mapping[date, Sequence[FiveMinutes]],
    contracts: Mapping[date, Contract],
    layer: Layer | None,
) -> Percentile | None:
    """The percentile of all shares; `layer` is where a contract without one is taken, None: the frame layer."""
    shares: list[float] = []
    missing = 0
    for day, samples in by_day.items():
        contract = contracts.get(day)
        capacity = None if contract is None else contract.mbps.get(direction)
        rates: list[float] = []
        if contract is not None and capacity is not None:
            rates = _rates(direction, samples, contract.layer or layer or Layer.FRAME)
            shares += [rate / capacity for rate in rates]
        missing += max(0, PER_DAY - len(rates))
    return percentile_of(shares, missing)


def _seen(by_day: Mapping[date, Sequence[FiveMinutes]]) -> set[tuple[str, Layer]]:
    return {key for found in by_day.values() for sample in found for key in sample.rates}


def _day(direction: str, day: date, samples: Sequence[FiveMinutes], contract: Contract | None) -> Day:
    layer = (None if contract is None else contract.layer) or Layer.FRAME
    rates = _rates(direction, samples, layer)
    capacity = None if contract is None else contract.mbps.get(direction)
    found = percentile_of(rates)
    value = None if found is None else found.value
    return Day(
        day=day,
        samples=min(PER_DAY, len(rates)),
        capacity_mbps=capacity,
        layer=layer,
        p95_mbps=value,
        share=None if value is None or capacity is None else value / capacity,
    )


def _rates(direction: str, samples: Iterable[FiveMinutes], layer: Layer) -> list[float]:
    """The rates at a layer: IP where payload is asked, frames where nothing else was counted (see `_beyond_sight`)."""
    wanted, frames = (direction, Layer.IP if layer is Layer.PAYLOAD else layer), (direction, Layer.FRAME)
    found = (one[wanted] if wanted in one else one.get(frames) for one in (sample.rates for sample in samples))
    return [rate for rate in found if rate is not None]
