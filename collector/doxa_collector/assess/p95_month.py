"""The p95 rule over every seven days of a month at once, from the largest samples of each day.

What `p95.judge_week` finds by sorting all samples of each seven days is found here by counting: a percentile is above a
value if enough samples are, and those that count lie on top of their days. Both say the same, to the last bit; a test
holds them to it. It takes days whose polls are samples by themselves (`rollups.summary`) and one task; for all others
`judge_weeks` says None, and the samples have to be joined and sorted.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate, chain
from math import inf, nextafter
from typing import Final, NamedTuple

from doxa_collector.assess.p95 import (
    DAYS,
    DECIDING,
    ENOUGH,
    MOST,
    ROUNDING,
    Contract,
    beyond_sight,
    decide,
    gaps_of,
    undecided,
)
from doxa_collector.assess.percentile import rank
from doxa_collector.assess.traffic import DIRECTIONS, PER_DAY
from doxa_collector.period import day_of
from doxa_collector.rollups.polled import LinePolls
from doxa_collector.rollups.polls import AFTER_US, RATES, PollDay
from doxa_collector.rollups.summary import LONGEST_S, SHORTEST_S, TOP, TOUCHING_US, sample_rate
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer

_SHALLOW: Final = 40
"""So many of each day are looked at first: most of the highest 5 % of a week lie in the busy hours of every day."""
_START: Final = 4
_PLACES: Final = {name: place for place, name in enumerate(RATES)}
_LIMIT: Final = MOST + ROUNDING
_IDLE: Final = 1e-6
"""Below it a rate's neighbours may all have the same share, so the least one is far to seek."""


class _TooFewError(Exception):
    """What was looked at of some day does not decide."""


class Figure(NamedTuple):
    """A percentile and its bounds, as shares of the capacity; an upper one that is not finite is None."""

    share: float
    samples: int
    lower: float
    upper: float | None


class MonthRule(NamedTuple):
    """The worst of all seven days and directions."""

    outcome: VerdictOutcome
    reasons: tuple[str, ...]
    """Of all that are as bad, each once."""
    figure: Figure | None
    """Of the fullest of these; None where none has a sample."""


def judge_weeks(line: LinePolls, contracts: Mapping[date, Contract], ends: Sequence[date]) -> MonthRule | None:
    """The rule over the seven days that end on each of `ends`, which are not empty; None where only `p95.judge_week` can.

    `line` has the polls from six days before the first of them on. Each day of each seven is in `contracts`.
    """
    days = _days_of(line)
    if days is None:
        return None
    held = [contracts.get(day_of(number)) for number in range(line.first, line.last + 1)]
    starts = [(end - day_of(line.first)).days - DAYS + 1 for end in ends]
    for depth in (_SHALLOW, TOP):
        try:
            return _Weeks(days, held, starts, depth).rule()
        except _TooFewError:
            continue
    return None


class WeekFigures(NamedTuple):
    """Seven days of a line, to be shown."""

    samples: tuple[int, ...]
    """Of each day."""
    rates: Mapping[tuple[str, Layer], tuple[float | None, float | None]]
    """(direction, layer) → the percentile in Mbps of the last day, and of all seven; None without a sample that says it."""
    outcome: VerdictOutcome
    """The worst of both directions."""
    shares: Mapping[str, float | None]
    """By direction: the percentile of all seven days as a share of each day's capacity, at the layer of the contract."""


def week_figures(
    line: LinePolls, contracts: Mapping[date, Contract], wanted: Sequence[tuple[str, Layer]]
) -> WeekFigures | None:
    """The seven days of `line` (and the hour after them); None where only sorting all samples can tell (`judge_weeks`)."""
    days = _days_of(line)
    if days is None:
        return None
    held = [contracts.get(day_of(number)) for number in range(line.first, line.last + 1)]
    for depth in (_SHALLOW, TOP):
        try:
            weeks = _Weeks(days, held, [0], depth)
            return WeekFigures(
                samples=tuple(day.samples for day in days),
                rates={name: _rates(days, _PLACES[name], depth) for name in wanted},
                outcome=weeks.rule().outcome,
                shares={way: weeks.share(0, way) for way in DIRECTIONS},
            )
        except _TooFewError:
            continue
    return None


def _rates(days: Sequence["_Day"], place: int, depth: int) -> tuple[float | None, float | None]:
    return _percentile(days[-1:], place, depth), _percentile(days, place, depth)


def _percentile(days: Sequence["_Day"], place: int, depth: int) -> float | None:
    """Of one of `RATES` over all samples of some days."""
    n = sum(day.count(place) for day in days)
    if not n:
        return None
    highest = [day.highest(place, depth) for day in days]
    merged, above = sorted(chain.from_iterable(highest)), n - rank(n)
    if above >= len(merged):
        raise _TooFewError
    found = merged[-1 - above]
    if any(len(one) < day.count(place) and one[0] > found for day, one in zip(days, highest, strict=True)):
        raise _TooFewError
    return found


class _Over(NamedTuple):
    """A poll whose middle lies before the midnight of its day, so that its sample belongs to the day before."""

    day: PollDay
    poll: int
    """Its place among the day's polls."""
    seconds: float

    def rate(self, place: int) -> float | None:
        """What it says for one of `RATES`."""
        found = self.day.rate_at(place, self.poll)
        return None if found is None else sample_rate(found, self.seconds)


class _Day:
    """A day's samples: those of its own polls, and those that lie over the midnight at its end."""

    __slots__ = ("_counts", "_over", "_own", "_rates", "samples")

    def __init__(self, own: PollDay | None, over: Sequence[_Over]) -> None:
        self._own = own
        self._over = over
        self.samples = (0 if own is None else own.summary().samples) + len(over)
        self._counts: dict[int, int] = {}
        self._rates: dict[int, list[float]] = {}

    def count(self, place: int) -> int:
        """Samples that say one of `RATES`."""
        if place not in self._counts:
            own = 0 if self._own is None else self._own.summary().tops[place].n
            self._counts[place] = own + len(self._outer(place))
        return self._counts[place]

    def most(self, place: int) -> float:
        """The largest rate; minus infinity without any."""
        own = None if self._own is None else self._own.most(place)
        return max([-inf if own is None else own, *self._outer(place)])

    def _outer(self, place: int) -> Sequence[float]:
        """What lies over the midnight."""
        if place not in self._rates:
            self._rates[place] = [rate for one in self._over if (rate := one.rate(place)) is not None]
        return self._rates[place]

    def highest(self, place: int, depth: int) -> list[float]:
        """The largest rates, ascending: `depth` of them or more, or all."""
        found = [] if self._own is None else self._own.largest(place, depth)
        hidden = len(found) + len(self._outer(place)) < self.count(place)
        for rate in self._outer(place):
            if not hidden or rate >= found[0]:  # a smaller one lies among those that are not looked at
                insort(found, rate)
        return found


def _days_of(line: LinePolls) -> list[_Day] | None:
    """Each day's samples; None where a day has to be read poll by poll."""
    names = {name for day in line.days.values() for name in day.names}
    if len(names) > 1:
        return None
    found, last_us = [], None
    for number in range(line.first, line.last + 1):
        own, after = line.days.get(number), line.days.get(number + 1)
        if own is not None:
            summary = own.summary()
            if not summary.plain:
                return None
            if summary.measured:
                if last_us is not None and own.from_us + summary.first_us < last_us - TOUCHING_US:
                    return None
                last_us = own.from_us + summary.last_us
        over = _over(after, last_us)
        if over is None:
            return None
        found.append(_Day(own, over))
    return found


def _over(day: PollDay | None, last_us: int | None) -> list[_Over] | None:
    """The samples of a day's first polls whose middle lies before its midnight; None where they are not plain."""
    if day is None:
        return []
    found: list[_Over] = []
    for many in (_START, len(day.endings)):
        moments, seconds = day.start(many)
        found = []
        for place, (end_us, covered) in enumerate(zip(moments, seconds, strict=True)):
            if end_us >= AFTER_US:
                return found
            if covered is None:
                continue
            start_us = end_us - round(covered * 1e6)
            if covered < SHORTEST_S or (last_us is not None and day.from_us + start_us < last_us - TOUCHING_US):
                return None
            last_us = day.from_us + end_us
            if start_us + end_us >= 0:
                return found
            if covered <= LONGEST_S:
                found.append(_Over(day, place, covered))
    return found


class _Weeks:
    """Every seven days of a line that begin at `starts`, the places of days."""

    def __init__(
        self, days: Sequence[_Day], contracts: Sequence[Contract | None], starts: Sequence[int], depth: int
    ) -> None:
        self._days = days
        self._contracts = contracts
        self._starts = starts
        self._depth = depth
        self._layers = _layers(contracts)
        """Of the seven days from each day on."""
        self._counted: dict[tuple[str, Layer | None], _Counted] = {}

    def rule(self) -> MonthRule:
        found = [(start, way, *self._way(start, way)) for start in self._starts for way in DIRECTIONS]
        outcomes = {outcome for *_, outcome, _ in found}
        worst = next(
            one for one in (VerdictOutcome.FAIL, VerdictOutcome.INSUFFICIENT, VerdictOutcome.PASS) if one in outcomes
        )
        among = [one for one in found if one[2] is worst]
        reasons = dict.fromkeys(code for *_, codes in among for code in codes)
        if len(reasons) > 1:
            reasons.pop("no_samples", None)  # of some weeks only
        return MonthRule(worst, tuple(reasons), self._fullest([(start, way) for start, way, *_ in among]))

    def share(self, start: int, way: str) -> float | None:
        """The percentile that is shown of one direction; None without a sample under a capacity."""
        counted = self._of(way, None)
        return counted.share(start) if counted.n(start) else None

    def _fullest(self, among: Sequence[tuple[int, str]]) -> Figure | None:
        """The one with the largest share, of equals the one with most samples, of those again the first."""
        best: tuple[float, int] | None = None
        chosen: tuple[int, str] | None = None
        for start, way in among:
            counted = self._of(way, None)
            if not counted.n(start) or (best is not None and not counted.reaches(start, best[0])):
                continue
            found = counted.share(start), counted.told(start)
            if best is None or found > best:
                best, chosen = found, (start, way)
        if best is None or chosen is None:
            return None
        lower, upper = self._of(chosen[1], None).bounds(chosen[0])
        return Figure(*best, lower, None if upper == inf else upper)

    def _way(self, start: int, way: str) -> tuple[VerdictOutcome, tuple[str, ...]]:
        """As `p95.judge_week` judges one direction."""
        layers = self._layers[start]
        shown = self._of(way, None)
        inner, outer = (self._of(way, at) for at in DECIDING) if None in layers else (shown, shown)
        gaps = gaps_of(no_capacity=shown.without(start), days_incomplete=shown.incomplete(start))
        if inner.n(start) and outer.n(start):
            outcome, reasons = decide(
                gaps,
                inner_above=inner.lower_exceeds(start),
                outer_below=not outer.upper_exceeds(start),
                outer_above=outer.lower_exceeds(start),
            )
        else:
            outcome, reasons = undecided(gaps)
        if beyond_sight(outcome, layers, way, lambda: self._seen(start)):
            outcome, reasons = VerdictOutcome.INSUFFICIENT, ("layer_not_counted",)
        return outcome, (*reasons, "layer_not_named") if None in layers else reasons

    def _seen(self, start: int) -> set[tuple[str, Layer]]:
        week = self._days[start : start + DAYS]
        return {name for name, place in _PLACES.items() if any(day.count(place) for day in week)}

    def _of(self, way: str, layer: Layer | None) -> "_Counted":
        key = way, layer
        if key not in self._counted:
            self._counted[key] = _Counted(self._days, self._contracts, way, layer, self._depth)
        return self._counted[key]


def _layers(contracts: Sequence[Contract | None]) -> list[frozenset[Layer | None]]:
    named = [frozenset(() if contract is None else (contract.layer,)) for contract in contracts]
    if len(set(named)) == 1:
        return named
    return [frozenset().union(*named[start : start + DAYS]) for start in range(len(named))]


class _Counted:
    """The shares of one direction; `layer` is where a contract without one is taken, None: the frame layer."""

    def __init__(
        self,
        days: Sequence[_Day],
        contracts: Sequence[Contract | None],
        way: str,
        layer: Layer | None,
        depth: int,
    ) -> None:
        places = [_place(day, way, contract, layer) for day, contract in zip(days, contracts, strict=True)]
        rates = [None if contract is None else contract.mbps.get(way) for contract in contracts]
        self.samples = [min(PER_DAY, day.count(place)) for day, place in zip(days, places, strict=True)]
        """Of each day, whether it has a capacity or not."""
        self._n = [
            0 if rate is None else day.count(place) for day, place, rate in zip(days, places, rates, strict=True)
        ]
        known = {rate for rate in rates if rate is not None}
        self._capacity = known.pop() if len(known) == 1 else 1.0
        self._divided = rates if known else None
        """What the lists are divided by already, where it is not the same on all days."""
        self._days, self._places_of, self._depth = days, places, depth
        self._lists: list[list[float] | None] = [[] if rate is None else None for rate in rates]
        self._sums = [0, *accumulate(self._n)]
        self._missing = [0, *accumulate(max(0, PER_DAY - n) for n in self._n)]
        self._told = [0, *accumulate(self.samples)]
        self._incomplete = [0, *accumulate(n < ENOUGH for n in self.samples)]
        self._without = [0, *accumulate(rate is None for rate in rates)]
        self._above = self._counts(_LIMIT, beyond=True)
        self._reaching: dict[float, tuple[list[int], list[int]]] = {}

    def n(self, start: int) -> int:
        """Samples of seven days."""
        return self._sums[start + DAYS] - self._sums[start]

    def told(self, start: int) -> int:
        """Samples as they are shown: no day has more than all."""
        return self._told[start + DAYS] - self._told[start]

    def incomplete(self, start: int) -> bool:
        """Whether a day keeps too few samples for a percentile of its own."""
        return self._incomplete[start + DAYS] > self._incomplete[start]

    def without(self, start: int) -> bool:
        """Whether a day has no capacity."""
        return self._without[start + DAYS] > self._without[start]

    def lower_exceeds(self, start: int) -> bool:
        """Whether the percentile is above the rule's share whatever stood in the missing samples."""
        n, missing, place = self._places(start)
        return place > missing and self._more(self._above, start, n - place + missing)

    def upper_exceeds(self, start: int) -> bool:
        """Whether something in the missing samples can bring it above."""
        n, _, place = self._places(start)
        return place > n or self._more(self._above, start, n - place)

    def reaches(self, start: int, share: float) -> bool:
        """Whether the percentile of the samples is `share` or more."""
        if share not in self._reaching:
            self._reaching = {share: self._counts(share, beyond=False)}
        n = self.n(start)
        return self._more(self._reaching[share], start, n - rank(n))

    def share(self, start: int) -> float:
        """The percentile of the samples."""
        n = self.n(start)
        return self._at(self._merged(start), start, n - rank(n))

    def bounds(self, start: int) -> tuple[float, float]:
        """What it is at least and at most, as `percentile.Percentile` says it."""
        n, missing, place = self._places(start)
        merged = self._merged(start)
        lower = self._at(merged, start, n - place + missing) if place > missing else 0.0
        return lower, self._at(merged, start, n - place) if place <= n else inf

    def _places(self, start: int) -> tuple[int, int, int]:
        n, missing = self.n(start), self._missing[start + DAYS] - self._missing[start]
        return n, missing, rank(n + missing)

    def _counts(self, share: float, *, beyond: bool) -> tuple[list[int], list[int]]:
        """Running sums over the days: how many of what was looked at reach a share (or lie beyond it), and days of which all
        do, and more is hidden.
        """
        capacity, above, hidden = self._capacity, [0], [0]
        least = _least(share, capacity, beyond=beyond) if share > _IDLE else None
        for day, n in enumerate(self._n):
            if least is not None and self._lists[day] is None and self._most(day) < least:
                above.append(above[-1])
                hidden.append(hidden[-1])
                continue
            found = self._list(day)
            here = len(found) - (
                bisect_left(found, share, key=lambda rate: rate / capacity)
                if least is None
                else bisect_left(found, least)
            )
            above.append(above[-1] + here)
            hidden.append(hidden[-1] + (here == len(found) < n))
        return above, hidden

    def _most(self, day: int) -> float:
        found = self._days[day].most(self._places_of[day])
        rate = None if self._divided is None else self._divided[day]
        return found if rate is None else found / rate

    def _list(self, day: int) -> list[float]:
        """A day's largest rates, ascending; shares, where the capacity changes."""
        found = self._lists[day]
        if found is None:
            found = self._days[day].highest(self._places_of[day], self._depth)
            rate = None if self._divided is None else self._divided[day]
            if rate is not None:
                found = [one / rate for one in found]
            self._lists[day] = found
        return found

    @staticmethod
    def _more(counts: tuple[list[int], list[int]], start: int, than: int) -> bool:
        above, hidden = counts
        if above[start + DAYS] - above[start] > than:
            return True
        if hidden[start + DAYS] > hidden[start]:
            raise _TooFewError
        return False

    def _merged(self, start: int) -> list[float]:
        return sorted(chain.from_iterable(map(self._list, range(start, start + DAYS))))

    def _at(self, merged: Sequence[float], start: int, place: int) -> float:
        """The sample that so many are above of."""
        if place >= len(merged):
            raise _TooFewError
        found = merged[-1 - place]
        for day in range(start, start + DAYS):
            if len(self._list(day)) < self._n[day] and self._list(day)[0] > found:
                raise _TooFewError
        return found / self._capacity


def _least(share: float, capacity: float, *, beyond: bool) -> float:
    """The smallest rate whose share of the capacity is `share` or more; `beyond`: is more. Not for an idle line's share."""

    def there(rate: float) -> bool:
        return rate / capacity > share if beyond else rate / capacity >= share

    found = share * capacity
    while there(found):
        found = nextafter(found, -inf)
    while not there(found):
        found = nextafter(found, inf)
    return found


def _place(day: _Day, way: str, contract: Contract | None, layer: Layer | None) -> int:
    """Which of `RATES` answers: as `p95` reads it, frames where a layer was not counted."""
    wanted = (None if contract is None else contract.layer) or layer or Layer.FRAME
    place, frames = _PLACES[way, Layer.IP if wanted is Layer.PAYLOAD else wanted], _PLACES[way, Layer.FRAME]
    if day.count(place) and day.count(frames) and day.count(place) < day.samples:
        raise _TooFewError  # some samples by this, some by that
    return place if day.count(place) else frames
