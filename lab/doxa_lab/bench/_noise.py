"""Simulated lines: how their tests scatter around what they carry, which of them are missing, and what is then true.

What is true of a line is its statistic over all tests that were due, over very many months. What is not there afterwards
(days without a probe, skipped tests, tests that the probe limited) is taken away from the months that are judged only.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from statistics import fmean
from typing import Final

from doxa_collector.assess.evidence import InForce
from doxa_collector.plans.model import Statistic
from doxa_collector.rollups.columns import CODE_OF, Runs, line_runs
from doxa_collector.statistics.sample import DAY_US, Sample, micro, slot_of
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

DAYS: Final = 30
FIRST_DAY: Final = 20_575  # 2026-05-02
UTC_OFFSET_US: Final = 7 * 3_600_000_000
_HOUR_US: Final = 3_600_000_000
_CALIBRATION: Final = 1000
_DAY_LIKENESS: Final = 0.5
_HOUR_LIKENESS: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of line: how its tests scatter around what it carries. Spreads are relative."""

    name: str
    per_day: int
    evening: float
    """How much less it carries at the height of the evening."""
    day: float
    """Spread of what a whole day has in common; neighbouring days share half of it."""
    near: float
    """Spread that fades between neighbouring tests (0.6 from one to the next at 24 tests a day)."""
    skew: float
    """Mean of the losses below the cap: exponential, so most tests lie close to it and some far below."""
    outliers: float
    """Share of tests that something spoils: they reach 20 to 80 %."""
    capped: bool = False
    """Whether a policer cuts everything at the rate: what other noise adds is lost."""
    away: float = 0.0
    """Share of days without any test; such days come in rows of about three."""
    skipped: float = 0.0
    """Share of tests that are skipped by chance."""
    skipped_busy: float = 0.0
    """Share of tests that are skipped at the height of the evening, fading to none beside it: just when the line is slow."""
    limited: float = 0.0
    """Share of tests in which the probe was the limit, by chance: they reach 60 to 100 % of what the line gave."""


KINDS: Final = (
    Kind(name="leased", per_day=24, evening=0.0, day=0.003, near=0.004, skew=0.005, outliers=0.002),
    Kind(name="fibre", per_day=24, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01),
    Kind(name="fibre, 10 a day", per_day=10, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01),
    Kind(name="policed", per_day=24, evening=0.05, day=0.01, near=0.02, skew=0.06, outliers=0.03, capped=True),
    Kind(name="mobile", per_day=24, evening=0.25, day=0.08, near=0.2, skew=0.1, outliers=0.02),
    Kind(name="tslcd, still", per_day=24, evening=0.0, day=0.0003, near=0.0005, skew=0.0005, outliers=0.0, capped=True),
    Kind(name="cell, swinging", per_day=24, evening=0.55, day=0.1, near=0.3, skew=0.15, outliers=0.04),
    Kind(name="fibre, 2 a day", per_day=2, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01),
    Kind(name="fibre, half of the days", per_day=24, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01, away=0.5),
    Kind(
        name="fibre, skips by chance", per_day=24, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01, skipped=0.4
    ),
    Kind(
        name="fibre, skips when busy", per_day=24, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01,
        skipped_busy=0.9,
    ),
    Kind(
        name="crowded, skips when busy", per_day=24, evening=0.25, day=0.02, near=0.04, skew=0.03, outliers=0.01,
        skipped_busy=0.9,
    ),
    Kind(
        name="fibre, probe limited", per_day=24, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01, limited=0.2
    ),
)  # fmt: skip


def kind_of(name: str) -> Kind:
    """The kind of this name. `KeyError` where there is none."""
    return {kind.name: kind for kind in KINDS}[name]


def month(kind: Kind, draw: Random) -> Iterator[Sample]:
    """A month of all tests that are due over a line that carries 1 without noise."""
    every = 24 / kind.per_day
    keep = _HOUR_LIKENESS**every
    day, near = draw.gauss(0, kind.day), draw.gauss(0, kind.near)
    phase = draw.random() * every
    for n in range(DAYS):
        day = _DAY_LIKENESS * day + draw.gauss(0, kind.day * sqrt(1 - _DAY_LIKENESS**2))
        weekend = 0.005 if n % 7 >= 5 else 0.0
        for k in range(kind.per_day):
            near = keep * near + draw.gauss(0, kind.near * sqrt(1 - keep * keep))
            hour = (k * every + phase) % 24
            value = (
                (1 + weekend * kind.day / 0.02)
                * (1 - kind.evening * _busy(hour))
                * exp(day + near)
                * exp(-draw.expovariate(1) * kind.skew)
            )
            if kind.capped:
                value = min(value, 1.0)
            if draw.random() < kind.outliers:
                value *= 0.2 + 0.6 * draw.random()
            moment_us = (FIRST_DAY + n) * DAY_US + int(hour * _HOUR_US) - UTC_OFFSET_US
            yield Sample(moment_us, Outcome.OK, value)


def _busy(hour: float) -> float:
    """0 … 1: how near to the height of the evening, 20:30."""
    return max(0.0, 1 - abs(hour - 20.5) / 4)


def seen(kind: Kind, due: Iterable[Sample], draw: Random) -> Iterator[Sample]:
    """What reaches the ledger of the tests that are due."""
    if not (kind.away or kind.skipped or kind.skipped_busy or kind.limited):
        yield from due
        return
    gone = _gone(kind, draw)
    for sample in due:
        day, _ = slot_of(sample.moment_us)
        if day - FIRST_DAY in gone:
            continue
        hour = (sample.moment_us + UTC_OFFSET_US) % DAY_US / _HOUR_US
        skips = max(kind.skipped, kind.skipped_busy * _busy(hour))
        if skips and draw.random() < skips:
            yield Sample(sample.moment_us, Outcome.SKIPPED, None)
        elif kind.limited and draw.random() < kind.limited:
            yield Sample(sample.moment_us, Outcome.PROBE_LIMITED, value_of(sample) * (0.6 + 0.4 * draw.random()))
        else:
            yield sample


def _gone(kind: Kind, draw: Random) -> frozenset[int]:
    """The days without a test: a first-order chain that stays away for three days on average."""
    if not kind.away:
        return frozenset()
    leave, gone, away = kind.away / (1 - kind.away) / 3, set(), draw.random() < kind.away
    for n in range(DAYS):
        if away:
            gone.add(n)
        away = draw.random() >= 1 / 3 if away else draw.random() < leave
    return frozenset(gone)


def truth(kind: Kind, statistic: Statistic, months: int = _CALIBRATION) -> float:
    """The statistic over very many months: what the noise makes of a line that carries 1."""
    draw = Random("truth of " + kind.name)
    if statistic is Statistic.MEAN:
        return fmean(value_of(s) for _ in range(months) for s in month(kind, draw))
    return quantile((value_of(s) for _ in range(months) for s in month(kind, draw)), 0.5)


def quantile(values: Iterable[float], share: float) -> float:
    """Of very many values around 1, to a millionth. `ValueError` without any."""
    pooled = Counter(int(value * 1_000_000) for value in values)
    wanted, found = share * pooled.total(), 0
    for bin_number in sorted(pooled):
        found += pooled[bin_number]
        if found >= wanted:
            return (bin_number + 0.5) / 1_000_000
    raise ValueError("no value")


def value_of(sample: Sample) -> float:
    """0 where the test gave none."""
    return sample.value or 0.0


class Noise:
    """A month of tests as the columns that a pack holds; lines that carry more or less share them."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        slots = [slot_of(sample.moment_us) for sample in samples]
        self.values = [sample.value for sample in samples]
        self.half_hours = bytes(slot.half_hour for slot in slots)
        self.endings = bytes(CODE_OF[sample.outcome] for sample in samples)
        self.spans: dict[int, tuple[int, int]] = {}
        for at, slot in enumerate(slots):
            self.spans[slot.day] = (self.spans.get(slot.day, (at, at))[0], at + 1)

    def line(self, factor: float, site: str = "x", series: str = "download@ip") -> InForce:
        """A line whose contract names the IP layer, and whose tests come to `factor` times the noise."""
        units = [-1 if value is None else micro(value * factor) for value in self.values]
        columns = Runs(
            spans=self.spans,
            half_hours=self.half_hours,
            endings=self.endings,
            column=lambda name: (units, -1) if name == series else None,
        )
        return InForce(runs=line_runs(site, "a", "speed", columns, {}), layers=frozenset({Layer.IP}))
