"""Shares of simulated offices: places of 20 to 100 of which a known number truly meets the condition.

In a *scene* every office lies equally far above or below the condition, and the share is met or missed by one office. In
a *place* the offices differ as offices do, some have no probe and some too little evidence, and the share of those that
truly meet the condition lies 2, 5 or 10 points above or below the target.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from math import exp
from random import Random
from typing import Final

from doxa_collector.assess.evidence import Evidence, InForce, Line, Office, Pulse
from doxa_collector.assess.inputs import Inputs
from doxa_collector.assess.share import judge_share
from doxa_collector.period import month_of
from doxa_collector.plans.model import Condition, Operator, PlaceLevel, PlanPlace, Statistic, Target, Unit
from doxa_collector.plans.model import Kind as TargetKind
from doxa_collector.statistics.sample import DAY_US
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_lab.bench._cells import Cells
from doxa_lab.bench._noise import FIRST_DAY, UTC_OFFSET_US, Kind, Noise, month, seen, truth
from doxa_lab.bench._questions import SETTINGS, TARGET, measure_of

_OFFICES: Final = (20, 100)
_MAY: Final = month_of(date(2026, 5, 2))
_PLACE: Final = PlanPlace(code="99", name="x", level=PlaceLevel.AREA, province="99", members=("99001",))
_CALIBRATION: Final = 1000


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
MARGINS: Final = (0.02, 0.05, 0.10)


class Simulated(Evidence):
    """Evidence without a ledger: of some offices runs, of others nothing, and some have no probe."""

    def __init__(
        self, lines: Sequence[InForce], without: Sequence[str] = (), unprobed: AbstractSet[str] = frozenset()
    ) -> None:
        self.period, self.day, self.inputs = _MAY, _MAY.last, Inputs()
        self._lines = list(lines)
        self._unprobed = unprobed
        names = [*(one.runs.site for one in lines), *without]
        self._all = [
            Office(
                site=name, name="", place="99001", province="99", commune=True,
                lines=(
                    Line(
                        site=name, link="a", kind=LinkKind.TSLCD, layer=Layer.IP, valid_from="1970-01-01", valid_to=None
                    ),
                ),
            )
            for name in names
        ]  # fmt: skip

    def offices(self, where: PlanPlace) -> list[Office]:  # noqa: ARG002 - whoever asks, there is one place
        """One for each line, and those without evidence."""
        return self._all

    def runs(self, offices: Sequence[Office], meter: str, kind: LinkKind) -> list[InForce]:  # noqa: ARG002
        """Those of the lines."""
        return self._lines

    def pulses(self, *_: object) -> dict[tuple[str, str], Pulse]:
        """None: the runs alone decide."""
        return {}

    def probed(self, office: Office) -> bool:
        """Every office but those named."""
        return office.site not in self._unprobed


def share_target(operator: Operator, value: float, statistic: Statistic) -> Target:
    """So many per cent of the offices with at least `TARGET`."""
    condition = Condition(
        link_kind=LinkKind.TSLCD, measure=measure_of(statistic), operator=Operator.AT_LEAST, value=TARGET,
        unit=Unit.MBPS,
    )  # fmt: skip
    return Target(
        id="b3", kind=TargetKind.SHARE, title=Text(vi="x", en="x"), words="x", lines=("B:1",), clause="1",
        operator=operator, value=value, unit=Unit.PERCENT, condition=condition,
    )  # fmt: skip


def scene_rates(
    kind: Kind,
    statistic: Statistic,
    places: int,
    seed: int,
    margins: Sequence[float] = MARGINS,
    calibration: int = _CALIBRATION,
) -> Cells:
    """Offices that meet the condition lie so much above it, the others so much below."""
    draw, scale = Random(f"{seed} {kind.name} share"), TARGET / truth(kind, statistic, calibration)
    cells = Cells()
    for _ in range(places):
        offices = draw.randint(*_OFFICES)
        noises = [Noise(list(seen(kind, month(kind, draw), draw))) for _ in range(offices)]
        worst = max(scene.missing_it(offices) for scene in SCENES)
        for margin in margins:
            good = [n.line(scale * (1 + margin), f"s{k:03d}") for k, n in enumerate(noises)]
            bad = [n.line(scale * (1 - margin), f"s{k:03d}") for k, n in enumerate(noises[:worst])]
            for scene in SCENES:
                n = scene.missing_it(offices)
                evidence = Simulated([*bad[:n], *good[n:]])
                target = share_target(scene.operator, scene.value, statistic)
                _ask(cells, evidence, target, (row_of(scene, kind, statistic), f"±{margin:.0%}"), met=not scene.spare)
    return cells


def row_of(scene: Scene, kind: Kind, statistic: Statistic) -> str:
    """The name of a scene's row."""
    return f"share {scene.name}; {kind.name}, {statistic.value}"


def _ask(cells: Cells, evidence: Simulated, target: Target, cell: tuple[str, str], *, met: bool) -> None:
    for rule, settings in SETTINGS.items():
        found = judge_share(evidence, _PLACE, target, settings, evidence.period.to_us)
        cells.count(*cell, rule, found.outcome, met=met)


# --- places with offices that differ


POINTS: Final = (-10, -5, -2, 2, 5, 10)
"""The share of offices that truly meet the condition − the target, in per cent of the offices."""
_SPREAD: Final = 0.10
"""Of what the offices carry, around the condition: a third of them lies within 4 % of it."""
_NO_PROBE: Final = 0.05
_LITTLE: Final = 0.05
_FEW_DAYS: Final = 4


def place_rates(
    kind: Kind,
    statistic: Statistic,
    places: int,
    seed: int,
    points: Sequence[int] = POINTS,
    calibration: int = _CALIBRATION,
) -> Cells:
    """Of each place the share that is true is known, with the offices of which the ledger knows nothing."""
    draw, scale = Random(f"{seed} {kind.name} places"), TARGET / truth(kind, statistic, calibration)
    cells, row = Cells(), f"share, offices that differ; {kind.name}, {statistic.value}"
    for _ in range(places):
        names = [f"s{k:03d}" for k in range(draw.randint(*_OFFICES))]
        rates = [exp(draw.gauss(0, _SPREAD)) for _ in names]
        lines, without = list[InForce](), list[str]()
        for name, rate in zip(names, rates, strict=True):
            if draw.random() < _NO_PROBE:
                without.append(name)
            else:
                lines.append(_month(kind, draw).line(scale * rate, name))
        evidence = Simulated(lines, without, frozenset(without))
        true = 100 * sum(rate >= 1 for rate in rates) / len(rates)
        for point in points:
            if 0 < true - point <= 100:
                target = share_target(Operator.AT_LEAST, true - point, statistic)
                _ask(cells, evidence, target, (row, f"{point:+d} points"), met=point > 0)
    return cells


def _month(kind: Kind, draw: Random) -> Noise:
    """A month; of some offices only its first days, as where a probe was just brought."""
    days = _FEW_DAYS if draw.random() < _LITTLE else None
    until_us = None if days is None else (FIRST_DAY + days) * DAY_US - UTC_OFFSET_US
    due = (sample for sample in month(kind, draw) if until_us is None or sample.moment_us < until_us)
    return Noise(list(seen(kind, due, draw)))
