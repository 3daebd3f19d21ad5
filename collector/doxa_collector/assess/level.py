"""Level targets: one statistic of the samples against a value, at a named layer, with all four outcomes.

How samples that the probe limited are treated: their value is a lower bound of the line. What such a sample reaches,
the line reached; what it does not reach, it says nothing about. So a target is met if the statistic of all samples as
they stand meets it; missed if it is missed without the uninformative ones; and between the two the probe was the limit.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any, Final, NamedTuple

from doxa_collector.assess.bounds import Bounds, mean_bounds, median_bounds, share_lower_bound
from doxa_collector.assess.evidence import Sample, named
from doxa_collector.plans.model import Mark, Measure, Operator, Statistic
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import ETHERNET_FCS, ETHERNET_HEADER, PREAMBLE_AND_GAP, Layer
from doxa_core.linkkind import LinkKind
from doxa_core.names import unit_of
from doxa_core.outcome import Outcome

_MTU: Final = 1500
_FRAME: Final = ETHERNET_HEADER + ETHERNET_FCS
_WIRE: Final = _FRAME + PREAMBLE_AND_GAP
_MANY_FAILED: Final = 0.1
_MANY_SKIPPED: Final = 0.5


class Point(NamedTuple):
    """One sample's value, and whether the probe was the limit."""

    value: float
    limited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the samples are held against."""

    operator: Operator
    value: float
    statistic: Statistic
    min_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The answer for one set of samples."""

    outcome: VerdictOutcome
    value: float | None = None
    n: int = 0
    bounds: Bounds | None = None
    layer: Layer | None = None
    reasons: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


def decide(points: Sequence[Point], rule: Rule) -> Judgement:
    """The outcome for these values, whatever their order."""
    everything = [point.value for point in points]
    telling = [p.value for p in points if not p.limited or rule.operator.holds(p.value, rule.value)]
    if not points:
        return Judgement(outcome=VerdictOutcome.INSUFFICIENT, reasons=("no_samples",))
    if len(everything) < rule.min_samples:
        return _judged(VerdictOutcome.INSUFFICIENT, everything, rule, "too_few_samples")
    if _meets(everything, rule):
        return _judged(VerdictOutcome.PASS, everything, rule)
    if len(telling) < rule.min_samples or _meets(telling, rule):
        return _judged(VerdictOutcome.PROBE_LIMITED, everything, rule, "probe_was_limit")
    return _judged(VerdictOutcome.FAIL, telling, rule)


def _meets(values: Sequence[float], rule: Rule) -> bool:
    return rule.operator.holds(statistic_of(values, rule.statistic), rule.value)


def _judged(outcome: VerdictOutcome, values: Sequence[float], rule: Rule, *reasons: str) -> Judgement:
    bounds = mean_bounds(values) if rule.statistic is Statistic.MEAN else median_bounds(values)
    doubt = () if _beyond_doubt(outcome, bounds, rule) else ("within_uncertainty",)
    return Judgement(
        outcome=outcome,
        value=statistic_of(values, rule.statistic),
        n=len(values),
        bounds=bounds,
        reasons=(*reasons, *doubt),
    )


def _beyond_doubt(outcome: VerdictOutcome, bounds: Bounds | None, rule: Rule) -> bool:
    """Whether the bound on the other side of the target leaves the outcome as it is; so for what is no answer."""
    if outcome not in (VerdictOutcome.PASS, VerdictOutcome.FAIL):
        return True
    if bounds is None:
        return False
    passed = outcome is VerdictOutcome.PASS
    worst = bounds.lower if passed is rule.operator.upward else bounds.upper
    return rule.operator.holds(worst, rule.value) is passed


def statistic_of(values: Sequence[float], statistic: Statistic) -> float:
    """The mean or the median."""
    return fmean(values) if statistic is Statistic.MEAN else median(values)


def judge(samples: Sequence[Sample], measure: Measure, rule: Rule, *, fixed_layer: bool = False) -> Judgement:
    """The judgement of these samples under a measure.

    Where the document names no layer, a contract that names one decides; without it the measure's does, and a value that
    reaches the target at the outermost layer is no fail (domain.md §6). `fixed_layer` keeps the measure's layer (i-Speed).
    """
    free = measure.layer is not None and measure.layer_mark is not Mark.V and not fixed_layer
    layer, reasons = _layer(samples, measure) if free else (measure.layer, ())
    found = _decide_at(samples, measure, layer, rule)
    outcome, own = found.outcome, found.reasons
    if free and "contract_layer" not in reasons and outcome is VerdictOutcome.FAIL:
        outermost = _decide_at(samples, measure, _outermost(measure.link_kind), rule)
        if outermost.outcome is not VerdictOutcome.FAIL:
            known = outermost.n >= rule.min_samples
            outcome, own = VerdictOutcome.INSUFFICIENT, ("between_layers" if known else "goodput_only",)
    counts = Counter(sample.outcome for sample in samples)
    return Judgement(
        outcome=outcome,
        value=found.value,
        n=found.n,
        bounds=found.bounds,
        layer=layer,
        reasons=(*own, *reasons, *_gating(counts, len(_points(samples, measure, layer)))),
        detail=_detail(samples, measure, layer, rule, counts),
    )


def _outermost(kind: LinkKind) -> Layer:
    """The layer at which a line's rate is the largest number; a mobile line has no Ethernet around its packets."""
    return Layer.IP if kind is LinkKind.MOBILE else Layer.WIRE


def _decide_at(samples: Sequence[Sample], measure: Measure, layer: Layer | None, rule: Rule) -> Judgement:
    return decide(_points(samples, measure, layer), rule)


def _points(samples: Sequence[Sample], measure: Measure, layer: Layer | None) -> list[Point]:
    read = value_reader(measure, layer)
    found = ((read(s.values), s.outcome) for s in samples if s.outcome in (Outcome.OK, Outcome.PROBE_LIMITED))
    return [Point(value, outcome is Outcome.PROBE_LIMITED) for value, outcome in found if value is not None]


def value_reader(measure: Measure, layer: Layer | None) -> Callable[[Mapping[str, float]], float | None]:
    """How the value is read from a measurement: by its name, or, where another layer is wanted, by that layer's name.

    The frame layer is not measured; it lies 18 of the 38 octets that Ethernet puts around a packet above IP (no VLAN
    tag). A wire figure that the probe did not give is computed from the IP figure with full packets of 1,500 octets.
    """
    if layer is None or layer is measure.layer:
        scale = 100 if unit_of(measure.value) == "ratio" else 1
        return lambda values: _scaled(values.get(measure.value), scale)
    way = direction_of(measure.value)
    if layer is Layer.PAYLOAD:
        return lambda values: values.get(f"{way}_mbps")
    if layer is Layer.IP:
        return lambda values: values.get(f"{way}_ip_mbps")
    share = 1.0 if layer is Layer.WIRE else _FRAME / _WIRE
    return lambda values: _above_ip(values.get(f"{way}_ip_mbps"), values.get(f"{way}_wire_mbps"), share)


def _scaled(value: float | None, scale: int) -> float | None:
    return None if value is None else value * scale


def _above_ip(ip: float | None, wire: float | None, share: float) -> float | None:
    if share == 1 and wire is not None:
        return wire
    if ip is None:
        return None
    return ip + ((wire - ip) if wire is not None else ip * _WIRE / _MTU) * share


def direction_of(value: str) -> str:
    """`download` or `upload`."""
    return value.partition("_")[0]


def _layer(samples: Sequence[Sample], measure: Measure) -> tuple[Layer | None, tuple[str, ...]]:
    named = {sample.contract for sample in samples}
    if named and None not in named and len(named) == 1:
        return named.pop(), ("contract_layer",)
    return measure.layer, ("mixed_layers",) if named - {None} else ()


def _gating(counts: Counter[Outcome], n: int) -> tuple[str, ...]:
    """What gating must not hide: lines that fail or are never tested look good by their remaining samples."""
    found = []
    tried = counts[Outcome.OK] + counts[Outcome.PROBE_LIMITED] + counts[Outcome.FAILED]
    if counts[Outcome.FAILED] > _MANY_FAILED * tried:
        found.append("many_failed")
    if counts[Outcome.SKIPPED] > _MANY_SKIPPED * counts.total():
        found.append("many_skipped")
    if counts[Outcome.OK] + counts[Outcome.PROBE_LIMITED] > n:
        found.append("without_value")
    return tuple(found)


def _detail(
    samples: Sequence[Sample], measure: Measure, layer: Layer | None, rule: Rule, counts: Counter[Outcome]
) -> dict[str, Any]:
    points = _points(samples, measure, layer)
    met = sum(rule.operator.holds(point.value, rule.value) for point in points)
    detail: dict[str, Any] = {
        "statistic": rule.statistic.value,
        "min_samples": rule.min_samples,
        "outcomes": {outcome.value: counts[outcome] for outcome in Outcome},
        "lines": len({(sample.site, sample.link) for sample in samples}),
        "with_value": len(points),
        "limited": sum(point.limited for point in points),
        "met": met,
    }
    if points:
        values = [point.value for point in points]
        detail |= {"mean": fmean(values), "median": median(values), "met_lower": share_lower_bound(met, len(points))}
    detail["evidence"] = named(samples)
    if layer is not None:
        detail["layers"] = _by_layer(samples, measure, rule.statistic)
    return detail


def _by_layer(samples: Sequence[Sample], measure: Measure, statistic: Statistic) -> dict[str, float]:
    found = {layer: [p.value for p in _points(samples, measure, layer)] for layer in Layer}
    return {layer.value: statistic_of(values, statistic) for layer, values in found.items() if values}
