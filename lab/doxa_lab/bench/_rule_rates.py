"""The rules with a calculation of their own, on simulated traffic and tests: p95 ≤ 90 %, QCVN's mean, and the FCC's 80/80.

The p95 rule and QCVN ask about the samples of the time itself. What is true for p95 is the percentile of all samples that
were due, of which some never come; for QCVN and 80/80 it is what the line gives in the long run, which is more than they
ask.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from math import exp, sqrt
from random import Random
from typing import Final

from doxa_collector.assess.p95 import MOST, Contract, judge_week
from doxa_collector.assess.percentile import rank
from doxa_collector.assess.rules import qcvn_way_of
from doxa_collector.assess.traffic import PER_DAY, FiveMinutes
from doxa_collector.period import Period
from doxa_collector.plans.model import Statistic
from doxa_collector.statistics.fcc import SPEED_SHARE, FccShare, fcc_view
from doxa_collector.statistics.mean import Figure
from doxa_collector.statistics.qcvn import NEEDED_SHARE
from doxa_collector.statistics.windows import EVENING
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer
from doxa_lab.bench._cells import DOXA, Cells
from doxa_lab.bench._noise import FIRST_DAY, Kind, Noise, month, quantile, seen, truth, value_of
from doxa_lab.bench._questions import LEVELS, TARGET, met

_CALIBRATION: Final = 1000
_WEEK: Final = 7

# --- p95 ≤ 90 %: five-minute samples of seven days

_MONDAY: Final = date(2026, 5, 4)
_LIKENESS: Final = 0.9
"""Between neighbouring samples of five minutes."""
_SPREAD: Final = 0.4
_UPLOAD: Final = 0.3
Lost = Callable[[float, Random], bool]
"""(place of the sample among all of the week, 0 … 1, draw) → whether its poll never came."""
LOSSES: Final[Mapping[str, Lost]] = {
    "every poll comes": lambda _, __: False,
    "2 % lost by chance": lambda _, draw: draw.random() < 0.02,
    "half of the fullest 4 % lost": lambda place, draw: place >= 0.96 and draw.random() < 0.5,
    "10 % lost by chance": lambda _, draw: draw.random() < 0.1,
}


def p95_rates(weeks: int, seed: int) -> Cells:
    """Seven days of traffic whose true percentile is so much of what the rule allows; above 1 is a miss."""
    draw, cells = Random(f"{seed} p95"), Cells()
    period = Period(first=_MONDAY, last=_MONDAY + timedelta(days=_WEEK - 1))
    for _ in range(weeks):
        traffic = _traffic(draw)
        ordered = sorted(traffic)
        true = ordered[rank(len(traffic)) - 1]
        places = {value: at / len(ordered) for at, value in enumerate(ordered)}
        for name, lost in LOSSES.items():
            samples = [
                FiveMinutes(day=_MONDAY + timedelta(days=at // PER_DAY), rates=_rates(value))
                for at, value in enumerate(traffic)
                if not lost(places[value], draw)
            ]
            for level in LEVELS:
                capacity = true / (MOST * level)
                contract = Contract(mbps={"download": capacity, "upload": capacity}, layer=Layer.IP)
                week = judge_week(samples, {_MONDAY + timedelta(days=n): contract for n in range(_WEEK)}, period)
                cells.count(f"p95, {name}", f"{level:.2f}", DOXA, week.outcome, met=level <= 1)
    return cells


def _traffic(draw: Random) -> list[float]:
    """Full in office hours, less on the weekend."""
    found, near = [], draw.gauss(0, _SPREAD)
    for at in range(_WEEK * PER_DAY):
        near = _LIKENESS * near + draw.gauss(0, _SPREAD * sqrt(1 - _LIKENESS**2))
        hour, day = at % PER_DAY / 12, at // PER_DAY
        office = max(0.05, 1 - abs(hour - 12) / 6) * (1.0 if day < 5 else 0.3)
        found.append(office * exp(near))
    return found


def _rates(value: float) -> dict[tuple[str, Layer], float]:
    return {("download", Layer.IP): value, ("upload", Layer.IP): _UPLOAD * value}


# --- QCVN 34: the mean of whole transfers ÷ the contracted rate ≥ 0.8, over a month with 48 tests a day

_OFTEN: Final = 48


def qcvn_rates(kind: Kind, months: int, seed: int, calibration: int = _CALIBRATION) -> Cells:
    """One direction of a line whose mean is in the long run so much of the needed share."""
    often = replace(kind, per_day=_OFTEN)
    draw, cells = Random(f"{seed} {kind.name} qcvn"), Cells()
    scale = NEEDED_SHARE * TARGET / truth(often, Statistic.MEAN, calibration)
    for _ in range(months):
        noise = Noise(list(seen(often, month(often, draw), draw)))
        for level in LEVELS:
            found = qcvn_way_of(noise.line(scale * level).runs, "download@ip", TARGET)
            outcome = _outcome(found.meets)
            cells.count(f"QCVN 34; {kind.name}, {_OFTEN} a day", f"{level:.2f}", DOXA, outcome, met=met(level))
    return cells


def _outcome(found: bool | None) -> VerdictOutcome:  # noqa: FBT001 - the answer itself
    return VerdictOutcome.INSUFFICIENT if found is None else VerdictOutcome.PASS if found else VerdictOutcome.FAIL


# --- FCC 80/80: 42 evening tests of a week


def fcc_rates(kind: Kind, weeks: int, seed: int, calibration: int = _CALIBRATION) -> Cells:
    """The speed half of the rule: 80 % of evening tests reach in the long run just so much of 80 % of the rate."""
    draw, cells, row = Random(f"{seed} {kind.name} fcc"), Cells(), f"FCC 80/80; {kind.name}"
    count = Random("truth of " + kind.name)
    evenings = (s for _ in range(calibration) for s in EVENING.of(month(kind, count)))
    usual = quantile((value_of(s) for s in evenings), 1 - _CLAIM)
    for _ in range(weeks):
        noise = list(seen(kind, islice(month(kind, draw), _WEEK * kind.per_day), draw))
        for level in LEVELS:
            speed = fcc_view(noise, (), level_rate(usual, level), FIRST_DAY).speed
            for rule, outcome in _answers(speed).items():
                cells.count(row, f"{level:.2f}", rule, outcome, met=met(level))
    return cells


_CLAIM: Final = 0.8


def level_rate(usual: float, level: float) -> float:
    """The contracted rate of which a line with this usual speed reaches `level` × 80 %."""
    return usual / level / SPEED_SHARE


def _answers(found: FccShare) -> dict[str, VerdictOutcome]:
    """By the bound over days, by that of independent tests, and as the FCC counts."""
    return {
        DOXA: _by_bounds(found.by_days, found.claim),
        "independent tests": found.shown,
        "as the FCC counts": _outcome(found.met),
    }


def _by_bounds(figure: Figure | None, claim: float) -> VerdictOutcome:
    if figure is None or figure.lower is None or figure.upper is None:
        return VerdictOutcome.INSUFFICIENT
    if figure.lower >= claim:
        return VerdictOutcome.PASS
    return VerdictOutcome.FAIL if figure.upper < claim else VerdictOutcome.INSUFFICIENT
