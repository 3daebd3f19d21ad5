"""How often a month's verdict is wrong, on simulated lines and figures whose truth is known: for every kind of target.

`python -m doxa_lab.bench.verdict_rates level --months 2000` prints a markdown table per kind of line; `share` and `place`
are about places of 20 to 100 offices, `p95`, `qcvn` and `fcc` about the rules with a calculation of their own, `rank` about
published figures. `--out FILE` keeps the counts, and `join FILE …` adds up the pieces of several calls and prints the
tables; `run()` is the short form for the list of all benchmarks.

Noise becomes runs (`LineRuns`), and these go through the judging of the collector itself. Beside our rule stand what it
replaces: the estimate alone, as a demonstration decides, and (for levels) a 95 % bound that takes every test as
independent. At exactly the target, either answer is counted as false.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import exp, sqrt
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from time import process_time
from typing import Final

from doxa_collector.assess.level import Reader, hold, judged
from doxa_collector.assess.published import Published
from doxa_collector.assess.rank import judge_rank
from doxa_collector.plans.model import Kind as TargetKind
from doxa_collector.plans.model import Measure, Operator, Statistic, Target, Unit
from doxa_collector.statistics.level import Rule, decide_sums
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.verdict import VerdictOutcome
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_lab.bench import Row
from doxa_lab.bench._cells import DOXA, ESTIMATE, Cells, joined, table
from doxa_lab.bench._noise import KINDS, Kind, Noise, kind_of, month, seen, truth, value_of
from doxa_lab.bench._questions import LEVELS, SETTINGS, TARGET, measure_of, met
from doxa_lab.bench._rule_rates import fcc_rates, p95_rates, qcvn_rates
from doxa_lab.bench._share_rates import MARGINS, place_rates, scene_rates

NAIVE: Final = "naive 95 %"
_CALIBRATION: Final = 1000
_NAIVE_T: Final = {Statistic.MEAN: 1.65, Statistic.MEDIAN: 1.645}
_FEW: Final = 60


def rates(
    kind: Kind,
    statistic: Statistic,
    months: int,
    seed: int,
    levels: Sequence[float] = LEVELS,
    calibration: int = _CALIBRATION,
) -> Cells:
    """Every level; the months of one level are independent, the levels share their noise."""
    draw, scale = Random(f"{seed} {kind.name}"), TARGET / truth(kind, statistic, calibration)
    measure, cells, row = measure_of(statistic), Cells(), f"{kind.name}, {statistic.value}"
    demands = {name: hold(Operator.AT_LEAST, TARGET, measure, rules) for name, rules in SETTINGS.items()}
    for _ in range(months):
        noise = Noise(list(seen(kind, month(kind, draw), draw)))
        values = [value for value in noise.values if value is not None]
        for level in levels:
            reader, cell = Reader([noise.line(scale * level)], measure), (row, f"{level:.2f}")
            for name, demand in demands.items():
                cells.count(*cell, name, judged(reader, demand).outcome, met=met(level))
            naive = _naive([value * scale * level for value in values], statistic)
            cells.count(*cell, NAIVE, naive, met=met(level))
    return cells


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
    kind = kind_of("fibre")
    return [_row(kind, statistic, rates(kind, statistic, _FEW, 1)) for statistic in Statistic]


def _row(kind: Kind, statistic: Statistic, found: Cells) -> Row:
    outside = [cell for cell in found.all() if cell.met is not None]
    worst: Callable[[str], float] = lambda rule: max(c.false / c.n for c in outside if c.rule == rule)  # noqa: E731
    return Row(
        what=f"false verdicts, {kind.name}, {statistic.value}",
        ours=f"{worst(DOXA):.4f}",
        peer=f"{worst(ESTIMATE):.4f} (estimate alone)",
        ratio=worst(DOXA),
        goal=0.01,
    )


def country(links: int, months: int) -> float:
    """Seconds of processor time for the verdicts of so many links and months from their daily sums; reading them is extra."""
    rule = Rule(operator=Operator.AT_LEAST, target=TARGET)
    draw = Random(1)
    many = [
        {
            day: one.all
            for day, one in Rollup.of(s._replace(value=value_of(s) * TARGET) for s in month(kind, draw)).days.items()
        }
        for kind in KINDS
        for _ in range(25)
    ]
    begun = process_time()
    for n in range(links * months):
        decide_sums(many[n % len(many)], rule)
    return process_time() - begun


_SIMULATED: Final[Mapping[str, Callable[[Kind, Statistic, int, int], Cells]]] = {
    "level": rates,
    "place": place_rates,
    "qcvn": lambda kind, _, months, seed: qcvn_rates(kind, months, seed),
    "fcc": lambda kind, _, months, seed: fcc_rates(kind, months, seed),
}


def main(argv: list[str]) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m doxa_lab.bench.verdict_rates")
    parser.add_argument("what", nargs="?", choices=(*_SIMULATED, "share", "p95", "rank", "join"), default="level")
    parser.add_argument("pieces", nargs="*", type=Path, help="of `join`: what `--out` wrote")
    parser.add_argument(
        "--months", type=int, default=2000, help="of a share: places, each with a month of all its offices"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], help="only this kind of line")
    parser.add_argument("--statistic", choices=[one.value for one in Statistic], help="only this statistic")
    parser.add_argument(
        "--margin", type=float, action="append", help="of a share: how far each office lies off the condition, as 0.1"
    )
    parser.add_argument("--out", type=Path, help="keep the counts in this file, to be joined with others")
    parser.add_argument(
        "--country", action="store_true", help="time 3,321 communes × 2 links × 12 months, and nothing else"
    )
    asked = parser.parse_args(argv)
    if asked.country:
        print(f"{3321 * 2 * 12} verdicts from daily sums: {country(3321 * 2, 12):.1f} s of processor time")  # noqa: T201
    elif asked.what == "rank":
        print(rank_table(rank_rates(asked.months, asked.seed), asked.months))  # noqa: T201
    else:
        cells = joined(asked.pieces) if asked.what == "join" else _simulated(asked)
        if asked.out is not None:
            cells.keep(asked.out)
        print(table(cells))  # noqa: T201
    return 0


def _simulated(asked: argparse.Namespace) -> Cells:
    if asked.what == "p95":
        return p95_rates(asked.months, asked.seed)
    statistics = [one for one in Statistic if asked.statistic in (None, one.value)]
    if asked.what in ("qcvn", "fcc"):
        statistics = statistics[:1]  # both have a statistic of their own
    simulate = _SIMULATED.get(asked.what, partial(scene_rates, margins=asked.margin or MARGINS))
    return Cells(
        cell
        for kind in KINDS if asked.kind in (None, kind.name)
        for statistic in statistics
        for cell in simulate(kind, statistic, asked.months, asked.seed).all()
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
