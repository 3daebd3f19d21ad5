"""Level targets: one statistic of the runs of some lines against a value, at a named layer, with all four outcomes.

The outcome is `statistics.level.decide`'s, by bounds over days. Here is what stands around it: at which layer the value
is read, when a miss at one layer is no miss of the line, what gating must not hide, and what a reader may check.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from doxa_collector.assess.evidence import InForce
from doxa_collector.assess.judgement import Bounds, Judgement
from doxa_collector.assess.settings import Settings
from doxa_collector.plans.model import Mark, Measure, Operator, Statistic
from doxa_collector.rollups.model import Units, evidence_of
from doxa_collector.rollups.series import SERIES, series_of
from doxa_collector.statistics.bins import bin_of, meeting
from doxa_collector.statistics.due import Due, Placement
from doxa_collector.statistics.level import Decision, Rule, all_values, as_due, decide, decide_quantile, decide_sums
from doxa_collector.statistics.mean import Figure, Mean, mean_of
from doxa_collector.statistics.quantile import Quantile
from doxa_collector.statistics.rollup import Rollup, Tally, added
from doxa_collector.statistics.sample import micro
from doxa_collector.statistics.share import met_by_day, share_of
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

_MANY_FAILED: Final = 0.1
_MANY_SKIPPED: Final = 0.5
_TELLING: Final = (Outcome.OK, Outcome.PROBE_LIMITED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What runs are held against, and how it is decided."""

    rule: Rule
    by_estimate: bool = False
    """The figure alone decides."""

    def sure(self, confidence: float) -> "Held":
        """The same at another confidence."""
        return replace(self, rule=replace(self.rule, confidence=confidence))


def hold(operator: Operator, value: float, measure: Measure, settings: Settings) -> Held:
    """A target's demand under these settings. `ValueError` for an operator that orders no values."""
    by_estimate = settings.decide_by == "estimate"
    rule = Rule(
        operator=operator,
        target=value,
        statistic=measure.statistic,
        min_samples=settings.min_samples,
        min_days=1 if by_estimate else settings.min_days,
        confidence=settings.confidence,
    )
    return Held(rule=rule, by_estimate=by_estimate)


def rolled_up(measure: Measure) -> bool:
    """Whether the measure's value is counted by day at all, so that it can be judged."""
    return _series(measure, measure.layer) in SERIES.get(measure.meter, ())


def _series(measure: Measure, layer: Layer | None) -> str | None:
    try:
        return series_of(measure.value, layer)
    except ValueError:
        return None


class Reader:
    """The runs of some lines by layer: each layer is put together when it is asked for first."""

    def __init__(self, lines: Sequence[InForce], measure: Measure) -> None:
        self.lines = lines
        self.measure = measure
        self.outcomes: Counter[Outcome] = Counter()
        for line in lines:
            for counts in line.runs.outcomes.values():
                for outcome, n in counts.items():
                    self.outcomes[outcome] += n
        self._rollups: dict[Layer | None, Rollup] = {}
        self._known: dict[str, Quantile | None] = {}
        self._due: dict[tuple[Any, ...], Mean | Quantile | None] = {}

    def rollup(self, layer: Layer | None) -> Rollup:
        """All lines together; without any value where the layer is not counted."""
        if layer not in self._rollups:
            name = _series(self.measure, layer) or ""
            parts = [line.runs.rollup(name) for line in self.lines]
            self._rollups[layer] = parts[0] if len(parts) == 1 else Rollup.merged(parts)
        return self._rollups[layer]

    def sums(self, layer: Layer | None) -> Mapping[int, Tally]:
        """Day → all values as they stand; cheaper than the rollup."""
        name = _series(self.measure, layer) or ""
        parts = [line.runs.sums(name) for line in self.lines]
        if len(parts) == 1:
            return parts[0]
        days = sorted({day for part in parts for day in part})
        return {day: added(part[day] for part in parts if day in part) for day in days}

    def decide(self, layer: Layer | None, held: Held) -> Decision:
        """`statistics.level.decide`; of what nothing limited from sums, or from the values themselves."""
        if self.outcomes[Outcome.PROBE_LIMITED]:
            found = decide(self.rollup(layer), held.rule)
        elif held.rule.statistic is Statistic.MEAN:
            found = decide_sums(self.sums(layer), held.rule)
        else:
            found = decide_quantile(self.median(layer), held.rule)
        if held.by_estimate:
            return _by_estimate(found, held.rule)
        return self._as_due(layer, found, held.rule) if self.outcomes[Outcome.SKIPPED] else found

    def _as_due(self, layer: Layer | None, found: Decision, rule: Rule) -> Decision:
        """A pass or a fail stands only if skipped tests could not have turned it."""
        if found.outcome not in (VerdictOutcome.PASS, VerdictOutcome.FAIL):
            return found
        parts = [line.runs.placed(_series(self.measure, layer) or "") for line in self.lines]
        placed = [part for part in parts if part is not None]
        if len(placed) < len(parts):
            return found
        low = (found.outcome is VerdictOutcome.PASS) is rule.operator.upward
        limited = found.outcome is VerdictOutcome.FAIL and self.outcomes[Outcome.PROBE_LIMITED] > 0
        asked = (rule.operator, rule.target) if limited else None
        key = layer, rule.statistic, low, asked
        if key not in self._due:
            due = Due.of([_telling(part, rule) for part in placed] if limited else placed, low=low)
            self._due[key] = due.mean() if rule.statistic is Statistic.MEAN else due.median()
        known = self._due[key]
        return as_due(found, None if known is None else known.figure(rule.confidence), rule)

    def due(self, layer: Layer | None) -> float | None:
        """The figure of all that was due, where an answer was held against it."""
        return next((one.value for (at, *_), one in self._due.items() if at is layer and one is not None), None)

    def median(self, layer: Layer | None) -> Quantile | None:
        """The median of all values as they stand; of one line it is found once for whoever asks."""
        name, runs = _series(self.measure, layer) or "", [line.runs for line in self.lines]
        known = runs[0].known if len(runs) == 1 else self._known
        if name not in known:
            units = [one.units(name) for one in runs]
            whole = [one for one in units if one is not None]
            if len(whole) == len(units):
                known[name] = Quantile.of_values(_together(whole))
            else:
                known[name] = Quantile.of(all_values(self.rollup(layer)))
        found: Quantile | None = known[name]
        return found

    def counted(self, layer: Layer | None) -> bool:
        """Whether there is any value at this layer."""
        return any(tally.n for tally in self.sums(layer).values())


def _telling(placed: Placement, rule: Rule) -> Placement:
    """Without limited values that do not meet the target, as in `statistics.level`."""
    holds = meeting(rule.operator, micro(rule.target))
    return {
        day: [one for one in runs if not one.limited or (one.units is not None and holds(bin_of(one.units)))]
        for day, runs in placed.items()
    }


def _by_estimate(found: Decision, rule: Rule) -> Decision:
    """What the figure alone says, where the bounds said nothing or the same."""
    outcome = found.outcome
    if "within_uncertainty" in found.reasons and found.figure is not None:
        met = rule.operator.holds(found.figure.value, rule.target)
        outcome = VerdictOutcome.PASS if met else VerdictOutcome.FAIL
    if outcome not in (VerdictOutcome.PASS, VerdictOutcome.FAIL):
        return found
    return Decision(outcome=outcome, figure=found.figure, reasons=("by_estimate",))


def judge(lines: Sequence[InForce], measure: Measure, held: Held, *, fixed_layer: bool = False) -> Judgement:
    """The judgement of these lines together under a measure, with all that a reader may check.

    Where the document names no layer, a contract that names one decides; without it the measure's does, and a value that
    reaches the target at the outermost layer is no fail (domain.md §6). `fixed_layer` keeps the measure's layer (i-Speed).
    """
    reader = Reader(lines, measure)
    found = judged(reader, held, fixed_layer=fixed_layer)
    return replace(found, detail=_detail(reader, found.layer, held))


def judged(reader: Reader, held: Held, *, fixed_layer: bool = False) -> Judgement:
    """The same without the detail."""
    measure = reader.measure
    free = measure.layer is not None and measure.layer_mark is not Mark.V and not fixed_layer
    layer, reasons = _layer(reader) if free else (measure.layer, ())
    found = reader.decide(layer, held)
    outcome, own = found.outcome, found.reasons
    if free and "contract_layer" not in reasons and outcome is VerdictOutcome.FAIL:
        outcome, own = _outside(reader, held, own)
    figure = found.figure
    return Judgement(
        outcome=outcome,
        value=None if figure is None else figure.value,
        n=0 if figure is None else figure.n,
        bounds=_bounds(figure),
        layer=layer,
        reasons=(*own, *reasons, *_gating(reader, layer)),
    )


def _bounds(figure: Figure | None) -> Bounds | None:
    if figure is None or (figure.lower is None and figure.upper is None):
        return None
    return Bounds(figure.lower, figure.upper)


def _outside(reader: Reader, held: Held, own: tuple[str, ...]) -> tuple[VerdictOutcome, tuple[str, ...]]:
    """What a miss at a layer that nobody named comes to: it is one only where the outermost layer misses too."""
    outermost = reader.decide(_outermost(reader.measure.link_kind), held)
    if outermost.outcome is VerdictOutcome.FAIL:
        return VerdictOutcome.FAIL, own
    if outermost.outcome is VerdictOutcome.PASS:
        return VerdictOutcome.INSUFFICIENT, ("between_layers",)
    few = outermost.figure is None or bool({"too_few_samples", "too_few_days"} & set(outermost.reasons))
    return VerdictOutcome.INSUFFICIENT, ("goodput_only" if few else "outermost_open",)


def _outermost(kind: LinkKind) -> Layer:
    """The layer at which a line's rate is the largest number; a mobile line has no Ethernet around its packets."""
    return Layer.IP if kind is LinkKind.MOBILE else Layer.WIRE


def _layer(reader: Reader) -> tuple[Layer | None, tuple[str, ...]]:
    """The layer that all contracts name; the measure's where they name none, several, or one that is not counted."""
    measure = reader.measure
    named = {layer for line in reader.lines for layer in line.layers}
    if named and None not in named and len(named) == 1:
        (layer,) = named
        if _series(measure, layer) is not None:
            return layer, ("contract_layer",)
    return measure.layer, ("mixed_layers",) if len(named) > 1 else ()


def _gating(reader: Reader, layer: Layer | None) -> tuple[str, ...]:
    """What gating must not hide: lines that fail or are never tested look good by their remaining samples."""
    found, counts = [], reader.outcomes
    told = sum(counts[outcome] for outcome in _TELLING)
    if counts[Outcome.FAILED] > _MANY_FAILED * (told + counts[Outcome.FAILED]):
        found.append("many_failed")
    if counts[Outcome.SKIPPED] > _MANY_SKIPPED * counts.total():
        found.append("many_skipped")
    if told > added(reader.sums(layer).values()).n:
        found.append("without_value")
    return tuple(found)


def _detail(reader: Reader, layer: Layer | None, held: Held) -> dict[str, Any]:
    rule, days = held.rule, reader.rollup(layer).days
    detail: dict[str, Any] = {
        "statistic": rule.statistic.value,
        "min_samples": rule.min_samples,
        "min_days": rule.min_days,
        "confidence": rule.confidence,
        "decide_by": "estimate" if held.by_estimate else "bounds",
        "outcomes": {outcome.value: reader.outcomes[outcome] for outcome in Outcome},
        "lines": len({(line.runs.site, line.runs.link) for line in reader.lines}),
        "days": sum(1 for day in days.values() if day.all.n),
        "with_value": added(day.all for day in days.values()).n,
        "limited": added(tally for day in days.values() for tally in day.limited.values()).n,
        **_met(reader, layer, rule),
    }
    for statistic in Statistic:
        value = value_of(reader, layer, statistic)
        if value is not None:
            detail[statistic.value] = value
    due = reader.due(layer)
    if due is not None:
        detail["due"] = due
    detail["evidence"] = evidence_of(line.runs for line in reader.lines)
    if layer is not None:
        detail["layers"] = by_layer(reader, rule.statistic)
    return detail


def _met(reader: Reader, layer: Layer | None, rule: Rule) -> dict[str, Any]:
    """How many of the samples that tell met the target themselves, and the share with its bound by days."""
    counts = met_by_day(reader.rollup(layer), rule.operator, rule.target)
    told, met = added(counts.values())
    figure = share_of(counts, rule.confidence)
    found: dict[str, Any] = {"met": met, "told": told}
    return found if figure is None else found | {"met_share": figure.value, "met_lower": figure.lower}


def by_layer(reader: Reader, statistic: Statistic) -> dict[str, float]:
    """The statistic at every layer that has values."""
    found = ((layer.value, value_of(reader, layer, statistic)) for layer in Layer)
    return {layer: value for layer, value in found if value is not None}


def value_of(reader: Reader, layer: Layer | None, statistic: Statistic) -> float | None:
    """The statistic of all values as they stand; None without any."""
    if statistic is Statistic.MEAN:
        figure = mean_of(reader.sums(layer))
    else:
        found = reader.median(layer)
        return None if found is None else found.value
    return None if figure is None else figure.value


def _together(parts: Sequence[Units]) -> Units:
    if len(parts) == 1:
        return parts[0]
    days = sorted({day for part in parts for day in part})
    return {day: [value for part in parts for value in part.get(day, ())] for day in days}
