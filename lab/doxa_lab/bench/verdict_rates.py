"""How often a monthly verdict of a level target is wrong, on simulated lines whose truth is known.

`python -m doxa_lab.bench.verdict_rates --months 2000 --seed 1` prints a markdown table per kind of line; `run()` is its
short form for the list of all benchmarks. Beside our rule stand the two that it replaces: the estimate alone, and a 95 %
bound that takes every test as independent. At exactly the target, either answer is counted as false.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from statistics import fmean, median, stdev
from time import process_time
from typing import Final

from doxa_collector.plans.model import Operator, Statistic
from doxa_collector.statistics.level import Rule, decide, decide_sums
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import DAY_US, Sample
from doxa_collector.verdict import VerdictOutcome
from doxa_core.outcome import Outcome
from doxa_lab.bench import Row

TARGET: Final = 100.0
LEVELS: Final = (0.90, 0.95, 0.98, 1.00, 1.02, 1.05, 1.10)
_MARGIN: Final = 0.02
_DAYS: Final = 30
_FIRST_DAY: Final = 20_575  # 2026-05-02
_UTC_OFFSET_US: Final = 7 * 3_600_000_000
_CALIBRATION: Final = 1000
_NAIVE_T: Final = {Statistic.MEAN: 1.65, Statistic.MEDIAN: 1.645}
_FEW: Final = 60


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


KINDS: Final = (
    Kind(name="leased", per_day=24, evening=0.0, day=0.003, near=0.004, skew=0.005, outliers=0.002),
    Kind(name="fibre", per_day=24, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01),
    Kind(name="fibre, 10 a day", per_day=10, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01),
    Kind(name="mobile", per_day=24, evening=0.25, day=0.08, near=0.2, skew=0.1, outliers=0.02),
)
_DAY_LIKENESS: Final = 0.5
_HOUR_LIKENESS: Final = 0.6


def month(kind: Kind, draw: Random) -> Iterator[Sample]:
    """A month of tests of a line that carries 1 without noise."""
    every = 24 / kind.per_day
    keep = _HOUR_LIKENESS**every
    day, near = draw.gauss(0, kind.day), draw.gauss(0, kind.near)
    phase = draw.random() * every
    for n in range(_DAYS):
        day = _DAY_LIKENESS * day + draw.gauss(0, kind.day * sqrt(1 - _DAY_LIKENESS**2))
        weekend = 0.005 if n % 7 >= 5 else 0.0
        for k in range(kind.per_day):
            near = keep * near + draw.gauss(0, kind.near * sqrt(1 - keep * keep))
            hour = (k * every + phase) % 24
            busy = kind.evening * max(0.0, 1 - abs(hour - 20.5) / 4)
            value = (
                (1 + weekend * kind.day / 0.02) * (1 - busy) * exp(day + near) * exp(-draw.expovariate(1) * kind.skew)
            )
            if draw.random() < kind.outliers:
                value *= 0.2 + 0.6 * draw.random()
            moment_us = (_FIRST_DAY + n) * DAY_US + int(hour * 3_600_000_000) - _UTC_OFFSET_US
            yield Sample(moment_us, Outcome.OK, value)


def truth(kind: Kind, statistic: Statistic, months: int = _CALIBRATION) -> float:
    """The statistic over very many months: what the noise makes of a line that carries 1."""
    draw = Random("truth of " + kind.name)
    if statistic is Statistic.MEAN:
        return fmean(_value(s) for _ in range(months) for s in month(kind, draw))
    pooled = Counter(int(_value(s) * 20_000) for _ in range(months) for s in month(kind, draw))
    half, seen = pooled.total() / 2, 0
    for bin_number in sorted(pooled):
        seen += pooled[bin_number]
        if seen >= half:
            return (bin_number + 0.5) / 20_000
    raise AssertionError("no sample")


def _value(sample: Sample) -> float:
    return sample.value or 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often each rule said what, of so many months at one level."""

    level: float
    months: int
    said: Counter[tuple[str, VerdictOutcome]]

    def rate(self, rule: str, outcome: VerdictOutcome) -> float:
        """The share of months."""
        return self.said[rule, outcome] / self.months

    def false(self, rule: str) -> float:
        """The share of months with the wrong one of pass and fail."""
        low, high = self.rate(rule, VerdictOutcome.PASS), self.rate(rule, VerdictOutcome.FAIL)
        return (low if self.level < 1 else 0.0) + (high if self.level > 1 else 0.0) + (low + high) * (self.level == 1)


RULES: Final = ("estimate alone", "naive 95 %", "doxa")


def rates(
    kind: Kind,
    statistic: Statistic,
    months: int,
    seed: int,
    levels: Sequence[float] = LEVELS,
    calibration: int = _CALIBRATION,
) -> list[Rates]:
    """Every level; the months of one level are independent, the levels share their noise."""
    draw, scale = Random(f"{seed} {kind.name}"), TARGET / truth(kind, statistic, calibration)
    said: dict[float, Counter[tuple[str, VerdictOutcome]]] = {level: Counter() for level in levels}
    rule = Rule(operator=Operator.AT_LEAST, target=TARGET, statistic=statistic)
    for _ in range(months):
        noise = list(month(kind, draw))
        for level in levels:
            samples = [s._replace(value=_value(s) * scale * level) for s in noise]
            values = [_value(s) for s in samples]
            said[level]["doxa", decide(Rollup.of(samples), rule).outcome] += 1
            said[level]["estimate alone", _estimate(values, statistic)] += 1
            said[level]["naive 95 %", _naive(values, statistic)] += 1
    return [Rates(level=level, months=months, said=said[level]) for level in levels]


def _estimate(values: Sequence[float], statistic: Statistic) -> VerdictOutcome:
    found = fmean(values) if statistic is Statistic.MEAN else median(values)
    return VerdictOutcome.PASS if found >= TARGET else VerdictOutcome.FAIL


def _naive(values: Sequence[float], statistic: Statistic) -> VerdictOutcome:
    n = len(values)
    if statistic is Statistic.MEAN:
        half = _NAIVE_T[statistic] * stdev(values) / sqrt(n)
        low, high = fmean(values) - half, fmean(values) + half
    else:
        ordered, k = sorted(values), int(n / 2 - _NAIVE_T[statistic] * sqrt(n) / 2)
        low, high = ordered[max(0, k - 1)], ordered[min(n - 1, n - k)]
    if low >= TARGET:
        return VerdictOutcome.PASS
    return VerdictOutcome.FAIL if high < TARGET else VerdictOutcome.INSUFFICIENT


def table(kind: Kind, statistic: Statistic, found: Sequence[Rates]) -> str:
    """Markdown."""
    lines = [
        f"### {kind.name}, {statistic.value} ({kind.per_day} tests a day, {found[0].months} months a row)",
        "",
        "| truth ÷ target | pass | fail | insufficient | **false** | false, naive 95 % | false, estimate alone |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        shares = [one.rate("doxa", outcome) for outcome in
                  (VerdictOutcome.PASS, VerdictOutcome.FAIL, VerdictOutcome.INSUFFICIENT)]  # fmt: skip
        false = [one.false(rule) for rule in reversed(RULES)]
        lines.append(f"| {one.level:.2f} | " + " | ".join(f"{share:.2%}" for share in (*shares, *false)) + " |")
    return "\n".join(lines)


def run() -> list[Row]:
    """The worst rate outside the margin, of a few months."""
    return [_row(kind, statistic, rates(kind, statistic, _FEW, 1)) for kind in KINDS[1:2] for statistic in Statistic]


def _row(kind: Kind, statistic: Statistic, found: Sequence[Rates]) -> Row:
    outside = [one for one in found if abs(one.level - 1) >= _MARGIN]
    worst: Callable[[str], float] = lambda rule: max(one.false(rule) for one in outside)  # noqa: E731
    return Row(
        what=f"false verdicts, {kind.name}, {statistic.value}",
        ours=f"{worst('doxa'):.4f}",
        peer=f"{worst('estimate alone'):.4f} (estimate alone)",
        ratio=worst("doxa"),
        goal=0.01,
    )


def country(links: int, months: int) -> float:
    """Seconds of processor time for the verdicts of so many links and months from their daily sums; reading them is extra."""
    rule = Rule(operator=Operator.AT_LEAST, target=TARGET)
    draw = Random(1)
    many = [
        {
            day: one.all
            for day, one in Rollup.of(s._replace(value=_value(s) * TARGET) for s in month(kind, draw)).days.items()
        }
        for kind in KINDS
        for _ in range(25)
    ]
    begun = process_time()
    for n in range(links * months):
        decide_sums(many[n % len(many)], rule)
    return process_time() - begun


def main(argv: list[str]) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m doxa_lab.bench.verdict_rates")
    parser.add_argument("--months", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], help="only this kind of line")
    parser.add_argument("--statistic", choices=[one.value for one in Statistic], help="only this statistic")
    parser.add_argument(
        "--country", action="store_true", help="time 3,321 communes × 2 links × 12 months, and nothing else"
    )
    asked = parser.parse_args(argv)
    if asked.country:
        print(f"{3321 * 2 * 12} verdicts from daily sums: {country(3321 * 2, 12):.1f} s of processor time")  # noqa: T201
        return 0
    for kind in (kind for kind in KINDS if asked.kind in (None, kind.name)):
        for statistic in (one for one in Statistic if asked.statistic in (None, one.value)):
            print(table(kind, statistic, rates(kind, statistic, asked.months, asked.seed)), "\n", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
