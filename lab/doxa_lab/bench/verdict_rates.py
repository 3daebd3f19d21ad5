"""How often a month's verdict is wrong, on simulated lines and figures whose truth is known: for levels, shares and ranks.

`python -m doxa_lab.bench.verdict_rates level --months 2000` prints a markdown table per kind of line, `share` one per kind
of line for places of 20 to 100 offices, `rank` one for published figures; `run()` is the short form for the list of all
benchmarks. Noise becomes runs (`LineRuns`), and these go through the judging of the collector itself. Beside our rule
stand what it replaces: the estimate alone, as a demonstration decides, and (for levels) a 95 % bound that takes every test
as independent. At exactly the target, either answer is counted as false.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, sqrt
from random import Random
from statistics import fmean, stdev
from time import process_time
from typing import Final

from doxa_collector.assess.evidence import Evidence, InForce, Line, Office, Pulse
from doxa_collector.assess.inputs import Inputs
from doxa_collector.assess.level import Reader, hold, judged
from doxa_collector.assess.published import Published
from doxa_collector.assess.rank import judge_rank
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.share import judge_share
from doxa_collector.period import month_of
from doxa_collector.plans.model import (
    Condition,
    Measure,
    Operator,
    PlaceLevel,
    PlanPlace,
    Statistic,
    Target,
    Unit,
)
from doxa_collector.plans.model import (
    Kind as TargetKind,
)
from doxa_collector.rollups.columns import CODE_OF, Runs, line_runs
from doxa_collector.statistics.level import Rule, decide_sums
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import DAY_US, Sample, micro, slot_of
from doxa_collector.verdict import VerdictOutcome
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
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
    capped: bool = False
    """Whether a policer cuts everything at the rate: what other noise adds is lost."""


KINDS: Final = (
    Kind(name="leased", per_day=24, evening=0.0, day=0.003, near=0.004, skew=0.005, outliers=0.002),
    Kind(name="fibre", per_day=24, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01),
    Kind(name="fibre, 10 a day", per_day=10, evening=0.08, day=0.02, near=0.04, skew=0.03, outliers=0.01),
    Kind(name="policed", per_day=24, evening=0.05, day=0.01, near=0.02, skew=0.06, outliers=0.03, capped=True),
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
            if kind.capped:
                value = min(value, 1.0)
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
BOUNDS: Final = Settings()
ESTIMATE: Final = Settings(decide_by="estimate")


def measure_of(statistic: Statistic) -> Measure:
    """A rate at the layer that the contract names, so that no second layer softens an answer."""
    return Measure(
        meter="speed", value="download_ip_mbps", link_kind=LinkKind.TSLCD, layer=Layer.IP, statistic=statistic
    )


class Noise:
    """A month of tests as the columns that a pack holds; lines that carry more or less share them."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        slots = [slot_of(sample.moment_us) for sample in samples]
        self.values = [sample.value or 0.0 for sample in samples]
        self.half_hours = bytes(slot.half_hour for slot in slots)
        self.endings = bytes(CODE_OF[sample.outcome] for sample in samples)
        self.spans: dict[int, tuple[int, int]] = {}
        for at, slot in enumerate(slots):
            self.spans[slot.day] = (self.spans.get(slot.day, (at, at))[0], at + 1)

    def line(self, factor: float, site: str = "x") -> InForce:
        """A line whose contract names the IP layer, and whose tests come to `factor` times the noise."""
        units = [micro(value * factor) for value in self.values]
        columns = Runs(
            spans=self.spans,
            half_hours=self.half_hours,
            endings=self.endings,
            column=lambda name: (units, -1) if name == "download@ip" else None,
        )
        return InForce(runs=line_runs(site, "a", "speed", columns, {}), layers=frozenset({Layer.IP}))


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
    measure = measure_of(statistic)
    demands = {
        name: hold(Operator.AT_LEAST, TARGET, measure, rules)
        for name, rules in (("doxa", BOUNDS), ("estimate alone", ESTIMATE))
    }
    for _ in range(months):
        noise = Noise(list(month(kind, draw)))
        for level in levels:
            reader = Reader([noise.line(scale * level)], measure)
            for name, demand in demands.items():
                said[level][name, judged(reader, demand).outcome] += 1
            said[level]["naive 95 %", _naive([value * scale * level for value in noise.values], statistic)] += 1
    return [Rates(level=level, months=months, said=said[level]) for level in levels]


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


# --- shares: places of 20 to 100 offices of which a known number truly meets the condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is true of a place."""

    name: str
    operator: Operator
    value: float
    """The target, in per cent of the offices."""
    spare: int
    """Offices that miss the condition beyond what the target allows: 0 the target is just met, 1 it is just missed."""

    def missing_it(self, offices: int) -> int:
        """How many of so many offices truly miss the condition."""
        allowed = offices - -(-offices * int(self.value) // 100)
        return allowed + self.spare


SCENES: Final = (
    Scene(name="= 100 %, all meet it", operator=Operator.EQUAL, value=100, spare=0),
    Scene(name="= 100 %, one does not", operator=Operator.EQUAL, value=100, spare=1),
    Scene(name="≥ 80 %, just so many meet it", operator=Operator.AT_LEAST, value=80, spare=0),
    Scene(name="≥ 80 %, one too few", operator=Operator.AT_LEAST, value=80, spare=1),
)
MARGINS: Final = (0.02, 0.05)
_OFFICES: Final = (20, 100)
_MAY: Final = month_of(date(2026, 5, 2))
_PLACE: Final = PlanPlace(code="99", name="x", level=PlaceLevel.AREA, province="99", members=("99001",))


class Simulated(Evidence):
    """Evidence without a ledger."""

    def __init__(self, lines: Sequence[InForce]) -> None:
        self.period, self.day, self.inputs = _MAY, _MAY.last, Inputs()
        self._lines = list(lines)

    def offices(self, where: PlanPlace) -> list[Office]:  # noqa: ARG002 - whoever asks, there is one place
        """One for each line."""
        return [
            Office(
                site=one.runs.site, name="", place="99001", province="99", commune=True,
                lines=(Line(site=one.runs.site, link="a", kind=LinkKind.TSLCD, layer=Layer.IP, valid_from="1970-01-01",
                            valid_to=None),),
            )
            for one in self._lines
        ]  # fmt: skip

    def runs(self, offices: Sequence[Office], meter: str, kind: LinkKind) -> list[InForce]:  # noqa: ARG002
        """Those of the lines."""
        return self._lines

    def pulses(self, *_: object) -> dict[tuple[str, str], Pulse]:
        """None: the runs alone decide."""
        return {}

    def probed(self, office: Office) -> bool:  # noqa: ARG002
        """Every office."""
        return True


def share_target(scene: Scene, statistic: Statistic) -> Target:
    """So many of the offices with at least `TARGET`."""
    condition = Condition(
        link_kind=LinkKind.TSLCD,
        measure=measure_of(statistic),
        operator=Operator.AT_LEAST,
        value=TARGET,
        unit=Unit.MBPS,
    )
    return Target(
        id="b3", kind=TargetKind.SHARE, title=Text(vi="x", en="x"), words="x", lines=("B:1",), clause="1",
        operator=scene.operator, value=scene.value, unit=Unit.PERCENT, condition=condition,
    )  # fmt: skip


Said = Counter[tuple[str, float, str, VerdictOutcome]]
"""(scene, margin, rule, outcome) → months."""


def share_rates(kind: Kind, statistic: Statistic, months: int, seed: int, calibration: int = _CALIBRATION) -> Said:
    """Offices that meet the condition lie so much above it, the others so much below."""
    draw, scale = Random(f"{seed} {kind.name} share"), TARGET / truth(kind, statistic, calibration)
    said: Said = Counter()
    for _ in range(months):
        offices = draw.randint(*_OFFICES)
        noises = [Noise(list(month(kind, draw))) for _ in range(offices)]
        for margin in MARGINS:
            good = [n.line(scale * (1 + margin), f"s{k:03d}") for k, n in enumerate(noises)]
            worst = max(scene.missing_it(offices) for scene in SCENES)
            bad = [n.line(scale * (1 - margin), f"s{k:03d}") for k, n in enumerate(noises[:worst])]
            for scene in SCENES:
                n = scene.missing_it(offices)
                evidence, target = Simulated([*bad[:n], *good[n:]]), share_target(scene, statistic)
                for name, rules in (("doxa", BOUNDS), ("estimate alone", ESTIMATE)):
                    found = judge_share(evidence, _PLACE, target, rules, evidence.period.to_us)
                    said[scene.name, margin, name, found.outcome] += 1
    return said


def share_table(kind: Kind, statistic: Statistic, said: Mapping[tuple[str, float, str, VerdictOutcome], int]) -> str:
    """Markdown."""
    months = sum(n for (scene, margin, rule, _), n in said.items()
                 if (scene, margin, rule) == (SCENES[0].name, MARGINS[0], "doxa"))  # fmt: skip
    lines = [
        f"### {kind.name}, {statistic.value} ({kind.per_day} tests a day, {months} places of 20 to 100 offices a row)",
        "",
        "| truth | offices lie off by | pass | fail | insufficient | **false** | false, estimate alone |",
        "|---|---|---|---|---|---|---|",
    ]
    for scene in SCENES:
        wrong = VerdictOutcome.PASS if scene.spare else VerdictOutcome.FAIL
        for margin in MARGINS:
            shares = [said.get((scene.name, margin, "doxa", outcome), 0) / months for outcome in
                      (VerdictOutcome.PASS, VerdictOutcome.FAIL, VerdictOutcome.INSUFFICIENT)]  # fmt: skip
            false = [said.get((scene.name, margin, rule, wrong), 0) / months for rule in ("doxa", "estimate alone")]
            row = " | ".join(f"{share:.2%}" for share in (*shares, *false))
            lines.append(f"| {scene.name} | ±{margin:.0%} | {row} |")
    return "\n".join(lines)


# --- ranks: published figures, rounded


DECIMALS: Final = (2, 1, 0)
_PROVINCES: Final = 34
_FIFTH: Final = 5


def rank_rates(months: int, seed: int, levels: Sequence[float] = LEVELS) -> Counter[tuple[int, float, VerdictOutcome]]:
    """(decimals, own figure ÷ that of the fifth of the others, outcome) → months; what is true is not rounded."""
    draw, said = Random(f"{seed} rank"), Counter[tuple[int, float, VerdictOutcome]]()
    codes = [f"{n:02d}" for n in range(_PROVINCES)]
    measure = Measure(
        meter="speed", value="download_mbps", link_kind=LinkKind.FIXED, layer=Layer.PAYLOAD, statistic=Statistic.MEAN
    )
    target = Target(
        id="b2", kind=TargetKind.RANK, title=Text(vi="x", en="x"), words="x", lines=("B:1",), clause="1",
        operator=Operator.RANK_AT_MOST, value=_FIFTH, unit=Unit.RANK, measure=measure, rank_among=_PROVINCES,
    )  # fmt: skip
    for _ in range(months):
        others = [200 * exp(draw.gauss(0, 0.15)) for _ in range(_PROVINCES - 1)]
        fifth = sorted(others, reverse=True)[_FIFTH - 1]
        for level in levels:
            true = dict(zip(codes, [fifth * level, *others], strict=True))
            for decimals in DECIMALS:
                figures = {
                    code: Published(place=code, value=round(value, decimals), statistic="mean", source="x", mark="V")
                    for code, value in true.items()
                }
                said[decimals, level, judge_rank(target, codes[0], figures, codes).outcome] += 1
    return said


def rank_table(said: Mapping[tuple[int, float, VerdictOutcome], int], months: int) -> str:
    """Markdown: how often the published rank is on the other side than the true one."""
    lines = [
        f"### among the first five of 34 ({months} months a row)",
        "",
        "| own figure ÷ that of the fifth of the others | "
        + " | ".join(f"false, {n} decimals" for n in DECIMALS)
        + " |",
        "|---|" + "---|" * len(DECIMALS),
    ]
    for level in LEVELS:
        if level != 1:  # there the two are equal
            wrong = VerdictOutcome.PASS if level < 1 else VerdictOutcome.FAIL
            shares = (said.get((n, level, wrong), 0) / months for n in DECIMALS)
            lines.append(f"| {level:.2f} | " + " | ".join(f"{share:.2%}" for share in shares) + " |")
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
    parser.add_argument("what", nargs="?", choices=("level", "share", "rank"), default="level")
    parser.add_argument(
        "--months", type=int, default=2000, help="of a share: places, each with a month of all its offices"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], help="only this kind of line")
    parser.add_argument("--statistic", choices=[one.value for one in Statistic], help="only this statistic")
    parser.add_argument(
        "--counts", action="store_true", help="of a share: bare counts, to be added up over several seeds"
    )
    parser.add_argument(
        "--country", action="store_true", help="time 3,321 communes × 2 links × 12 months, and nothing else"
    )
    asked = parser.parse_args(argv)
    if asked.country:
        print(f"{3321 * 2 * 12} verdicts from daily sums: {country(3321 * 2, 12):.1f} s of processor time")  # noqa: T201
        return 0
    if asked.what == "rank":
        print(rank_table(rank_rates(asked.months, asked.seed), asked.months))  # noqa: T201
        return 0
    for kind in (kind for kind in KINDS if asked.kind in (None, kind.name)):
        for statistic in (one for one in Statistic if asked.statistic in (None, one.value)):
            print(_shown(asked, kind, statistic), "\n", flush=True)  # noqa: T201
    return 0


def _shown(asked: argparse.Namespace, kind: Kind, statistic: Statistic) -> str:
    if asked.what == "level":
        return table(kind, statistic, rates(kind, statistic, asked.months, asked.seed))
    said = share_rates(kind, statistic, asked.months, asked.seed)
    if asked.counts:
        return "\n".join(
            f"{scene}\t{margin}\t{rule}\t{outcome}\t{n}" for (scene, margin, rule, outcome), n in said.items()
        )
    return share_table(kind, statistic, said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
