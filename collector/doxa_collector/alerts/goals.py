"""What a line should carry: its contract, or else the plan's target; and which share of that a measurement reached."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from doxa_collector.plans.model import Kind, Mark, Measure, Operator, Plan, PlanPlace, Target, Unit
from doxa_collector.registry import Line, Place, Registry
from doxa_core.layers import HeaderModel, Layer, convert
from doxa_core.linkkind import LinkKind

_IP: Final = HeaderModel()
"""IP packets of 1,500 octets in untagged frames: how an outer layer is computed that the probe did not give."""
_WAYS: Final = ("download", "upload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Decimal Mbit/s that a line should carry, per direction where one is named."""

    down_mbps: float | None = None
    up_mbps: float | None = None
    layer: Layer | None = None
    """Where they count. None: nothing names it, so a measurement is taken at the layer that is kindest to the line."""
    outermost: Layer = Layer.WIRE
    """That kindest layer: a mobile line has no Ethernet around its packets."""


Goals = Mapping[tuple[str, str], Goal]
"""By (site, link)."""


def goals_of(registry: Registry, plans: Iterable[Plan], day: date) -> dict[tuple[str, str], Goal]:
    """The goal of every line on `day`: its contract; without one, the plan's (what is bound to i-Speed's statistic is none)."""
    demands = [d for plan in plans if plan.judge_until is None or day <= plan.judge_until for d in _demands(plan, day)]
    provinces = {place.code: place.province for place in registry.places if _valid(place, day)}
    found: dict[tuple[str, str], Goal] = {}
    for site in registry.sites:
        for line in site.links:
            if _valid(line, day):
                goal = _of_contract(line) or _of_plans(line, site.place, provinces.get(site.place, ""), demands)
                if goal is not None:
                    found[line.site, line.link] = goal
    return found


def _valid(state: Line | Place, day: date) -> bool:
    return state.valid_from <= day and (state.valid_to is None or day <= state.valid_to)


def _of_contract(line: Line) -> Goal | None:
    if line.contracted_down_mbps is None and line.contracted_up_mbps is None:
        return None
    return Goal(
        down_mbps=line.contracted_down_mbps,
        up_mbps=line.contracted_up_mbps,
        layer=line.layer,
        outermost=_outermost(line.kind),
    )


def _outermost(kind: LinkKind) -> Layer:
    return Layer.IP if kind is LinkKind.MOBILE else Layer.WIRE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """What a plan asks of one line at a place."""

    place: PlanPlace
    kind: LinkKind
    way: str
    mbps: float
    layer: Layer | None


def _demands(plan: Plan, day: date) -> list[_Demand]:
    asked = [(target, found) for target in plan.targets if (found := _asked(target)) is not None]
    return [
        _Demand(
            place=place,
            kind=measure.link_kind,
            way=measure.value.partition("_")[0],
            mbps=mbps,
            layer=measure.layer if measure.layer_mark is Mark.V else None,
        )
        for place in plan.places
        if place.judged_on(day)
        for _target, (measure, mbps) in asked
    ]


def _asked(target: Target) -> tuple[Measure, float] | None:
    """The rate that the target asks of a line: of each office (share) or of the typical sample (level)."""
    if target.ispeed:
        return None
    asks = target.condition if target.kind is Kind.SHARE else target if target.kind is Kind.LEVEL else None
    if asks is None or asks.measure is None or asks.value is None or asks.unit is not Unit.MBPS:
        return None
    if asks.operator not in (Operator.AT_LEAST, Operator.ABOVE, Operator.EQUAL):
        return None
    return (asks.measure, asks.value) if asks.measure.value.partition("_")[0] in _WAYS else None


def _of_plans(line: Line, commune: str, province: str, demands: Iterable[_Demand]) -> Goal | None:
    fitting = [d for d in demands if d.kind is line.kind and _within(d.place, commune, province)]
    most: dict[str, _Demand] = {}
    for demand in fitting:
        known = most.get(demand.way)
        if known is None or demand.mbps > known.mbps:
            most[demand.way] = demand
    if not most:
        return None
    layers = {demand.layer for demand in most.values()}
    down, up = most.get("download"), most.get("upload")
    return Goal(
        down_mbps=None if down is None else down.mbps,
        up_mbps=None if up is None else up.mbps,
        layer=layers.pop() if len(layers) == 1 else None,
        outermost=_outermost(line.kind),
    )


def _within(place: PlanPlace, commune: str, province: str) -> bool:
    if place.members:
        return commune in place.members
    return place.code in (commune, province)


def reached(values: Mapping[str, float], goal: Goal) -> float | None:
    """Measured ÷ goal of the direction that does worse; None where nothing that counts was measured."""
    shares = [
        share
        for way, mbps in zip(_WAYS, (goal.down_mbps, goal.up_mbps), strict=True)
        if mbps is not None and (share := _share(values, way, mbps, goal)) is not None
    ]
    return min(shares, default=None)


def _share(values: Mapping[str, float], way: str, mbps: float, goal: Goal) -> float | None:
    payload = values.get(f"{way}_mbps")
    if goal.layer is Layer.PAYLOAD:
        return None if payload is None else payload / mbps
    rate = _rate(values, way, goal.layer or goal.outermost)
    if rate is not None:
        return rate / mbps
    # Goodput alone can show that a line reaches its rate, never that it does not (domain.md §6).
    return payload / mbps if payload is not None and payload >= mbps else None


def _rate(values: Mapping[str, float], way: str, layer: Layer) -> float | None:
    """The rate at IP or beyond it: as the probe gave it, else computed from the IP layer's."""
    ip = values.get(f"{way}_ip_mbps")
    if layer is Layer.IP:
        return ip
    wire = values.get(f"{way}_wire_mbps")
    if layer is Layer.WIRE and wire is not None:
        return wire
    return None if ip is None else convert(_IP, ip, Layer.IP, layer)
