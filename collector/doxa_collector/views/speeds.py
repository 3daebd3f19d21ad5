"""The speeds of one line under one contract: figures at each layer, shares of tests, QCVN, peak hours, what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_collector.plans.model import Operator
from doxa_collector.rollups.model import LineRuns
from doxa_collector.rollups.series import series_of
from doxa_collector.statistics.mean import Figure, mean_of
from doxa_collector.statistics.missing import Counts, Extremes, counts_of, share_extremes
from doxa_collector.statistics.peak import Peak, peak_of
from doxa_collector.statistics.qcvn import QcvnWay, qcvn_way
from doxa_collector.statistics.quantile import Quantile
from doxa_collector.statistics.rollup import Rollup, added
from doxa_collector.statistics.share import met_by_day, share_of
from doxa_collector.statistics.windows import EVENING, OFFICE, Window
from doxa_collector.views.contracts import Contract
from doxa_collector.views.demands import Demand
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind

DIRECTIONS: Final = ("download", "upload")
WINDOWS: Final[Mapping[str, Window]] = {"office": OFFICE, "evening": EVENING}
_RATE_METERS: Final = ("speed", "capacity")
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One series, over the values that describe the line; each figure with 95 % bounds over days."""

    series: str
    mean: Figure | None
    median: Figure | None
    p5: Figure | None
    """Nineteen of twenty tests lie above it."""
    p95: Figure | None
    at_least: Figure | None
    """The mean with the values that the probe limited, as they stand: the line is no slower. None where none was."""

    @property
    def n(self) -> int:
        """Values that describe the line."""
        return 0 if self.mean is None else self.mean.n


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFigures:
    """Of a rate at a layer."""

    direction: str
    layer: Layer
    own: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The share of tests that reach a level."""

    series: str
    direction: str | None
    layer: Layer | None
    operator: Operator
    target: float
    """In the unit of the series."""
    demand: Demand | None
    """None: the contracted rate."""
    share: Figure | None
    """Exact binomial bounds at the effective number of tests: those of one day tell less than as many of many days."""
    independent: Figure | None
    """The exact binomial bounds of independent tests (methods.md §5)."""
    met: int
    extremes: Extremes


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Everything of one meter's speeds."""

    meter: str
    others: tuple[tuple[str, int], ...]
    """Other meters that measured a rate, with their values: two methods never share a figure."""
    layer: Layer
    """Where the evenings are held against the contract: the layer that it names, else IP."""
    figures: tuple[RateFigures, ...]
    held: tuple[Held, ...]
    counts: Mapping[str, Counts]
    """By direction."""
    qcvn: Mapping[str, QcvnWay]
    """By direction; only of a fixed line whose contracted rate is known."""
    peak_layer: Layer
    """Where the peak hours are counted: `layer`, else the payload where nothing else was measured."""
    peaks: Mapping[str, Mapping[str, Peak]]
    """Window → direction; a window without a test is absent."""

    def of(self, direction: str, layer: Layer) -> RateFigures | None:
        """The figures at a layer."""
        return next((one for one in self.figures if (one.direction, one.layer) == (direction, layer)), None)


def speeds_of(runs: Mapping[str, LineRuns], contract: Contract | None, demands: Sequence[Demand]) -> Speeds | None:
    """Of the meter with most values; None where no meter of rates ran."""
    counted = {meter: _values(runs[meter]) for meter in _RATE_METERS if meter in runs}
    if not counted:
        return None
    meter = max(counted, key=lambda name: counted[name])
    own = runs[meter]
    layer = (None if contract is None else contract.layer) or Layer.IP
    at = layer if any(own.sums(f"{way}@{layer}") for way in DIRECTIONS) else Layer.PAYLOAD
    return Speeds(
        meter=meter,
        others=tuple((name, n) for name, n in counted.items() if name != meter and n),
        layer=layer,
        figures=tuple(_figures(own, contract)),
        held=tuple(_held(own, meter, contract, demands)),
        counts={way: counts_of(own.rollup(f"{way}@{Layer.PAYLOAD}")) for way in DIRECTIONS},
        qcvn=_qcvn(own, meter, contract),
        peak_layer=at,
        peaks=peaks_of(own, {way: f"{way}@{at}" for way in DIRECTIONS}),
    )


def figures_of(series: str, runs: LineRuns) -> Figures:
    """The figures of any series."""
    rollup = runs.rollup(series)
    limited = any(one.limited for one in rollup.days.values())
    return Figures(
        series=series,
        mean=mean_of({day: added(one.bins.values()) for day, one in rollup.days.items()}, CONFIDENCE),
        **dict(zip(_SHARES, _quantiles(runs, series, rollup), strict=True)),
        at_least=mean_of({day: one.all for day, one in rollup.days.items()}, CONFIDENCE) if limited else None,
    )


_SHARES: Final = {"median": 0.5, "p5": 0.05, "p95": 0.95}


def _quantiles(runs: LineRuns, series: str, rollup: Rollup) -> list[Figure | None]:
    """From the values themselves where nothing was limited: the same figures (`Quantile.several_of_values`), and sooner."""
    shares, units = tuple(_SHARES.values()), runs.units(series)
    if units is None:
        found = Quantile.several({day: one.bins for day, one in rollup.days.items()}, shares)
    else:
        found = Quantile.several_of_values(units, shares)
    return [None if one is None else one.figure(CONFIDENCE) for one in found]


def held_to(
    rollup: Rollup, series: str, operator: Operator, target: float, demand: Demand | None = None,
    direction: str | None = None, layer: Layer | None = None,
) -> Held:  # fmt: skip
    """How many tests reach a level."""
    by_day = met_by_day(rollup, operator, target)
    return Held(
        series=series, direction=direction, layer=layer, operator=operator, target=target, demand=demand,
        share=share_of(by_day, CONFIDENCE), independent=share_of(by_day, CONFIDENCE, independent=True),
        met=added(by_day.values()).total, extremes=share_extremes(rollup, operator, target),
    )  # fmt: skip


def peaks_of(runs: LineRuns, series: Mapping[str, str]) -> dict[str, dict[str, Peak]]:
    """Window → name → the hours inside against the rest; `series` is name → series."""
    found: dict[str, dict[str, Peak]] = {}
    for window, hours in WINDOWS.items():
        for name, one in series.items():
            peak = peak_of(runs.rollup(one), hours, CONFIDENCE, with_ratio=False)
            if peak.inside is not None:
                found.setdefault(window, {})[name] = peak
    return found


def _values(runs: LineRuns) -> int:
    return max(added(runs.sums(f"{way}@{layer}").values()).n for way in DIRECTIONS for layer in Layer)


def _figures(runs: LineRuns, contract: Contract | None) -> Iterator[RateFigures]:
    """Innermost layer first; the frame layer only where the contract names it."""
    named = None if contract is None else contract.layer
    for way in DIRECTIONS:
        for layer in (Layer.PAYLOAD, Layer.IP, Layer.FRAME, Layer.WIRE):
            series = f"{way}@{layer}"
            if runs.sums(series) and (layer is not Layer.FRAME or named is Layer.FRAME):
                yield RateFigures(direction=way, layer=layer, own=figures_of(series, runs))


def _held(runs: LineRuns, meter: str, contract: Contract | None, demands: Sequence[Demand]) -> Iterator[Held]:
    """Against the contract at its layer (or, where it names none, at IP and on the wire), then against each plan."""
    if contract is not None:
        layers = (contract.layer,) if contract.layer is not None else _unnamed(contract.kind)
        for way in DIRECTIONS:
            rate = contract.mbps(way)
            for layer in layers:
                series = f"{way}@{layer}"
                if rate is not None and runs.sums(series):
                    yield held_to(runs.rollup(series), series, Operator.AT_LEAST, rate, None, way, layer)
        for demand in demands:
            if demand.measure.meter == meter:
                yield from against(runs, demand, demand.layer(contract))


def _unnamed(kind: LinkKind) -> tuple[Layer, ...]:
    """A mobile line has no Ethernet around its packets."""
    return (Layer.IP,) if kind is LinkKind.MOBILE else (Layer.IP, Layer.WIRE)


def against(runs: LineRuns, demand: Demand, layer: Layer | None) -> Iterator[Held]:
    """Against a plan's level; nothing where the value is not rolled up, was not measured or orders no values."""
    try:
        series = series_of(demand.measure.value, layer)
    except ValueError:
        return
    if runs.sums(series) and demand.operator in _ORDERING:
        way = next((name for name in DIRECTIONS if series.startswith(name)), None)
        yield held_to(runs.rollup(series), series, demand.operator, demand.value, demand, way, layer)


_ORDERING: Final = (Operator.AT_LEAST, Operator.ABOVE, Operator.AT_MOST, Operator.BELOW)


def _qcvn(runs: LineRuns, meter: str, contract: Contract | None) -> dict[str, QcvnWay]:
    """QCVN 34 is about fixed lines, and about whole transfers as the application sees them: the meter `speed`."""
    if contract is None or contract.kind is not LinkKind.FIXED or meter != "speed":
        return {}
    return {
        way: qcvn_way(runs.rollup(f"{way}_mean@{Layer.PAYLOAD}"), rate)
        for way in DIRECTIONS
        if (rate := contract.mbps(way)) is not None and rate > 0
    }
