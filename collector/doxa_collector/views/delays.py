"""Latency, loss and jitter of one line under one contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_collector.rollups.model import LineRuns
from doxa_collector.statistics.mean import Figure, mean_of
from doxa_collector.statistics.missing import Counts, counts_of
from doxa_collector.statistics.peak import Peak
from doxa_collector.views.demands import Demand
from doxa_collector.views.speeds import CONFIDENCE, Figures, Held, against, figures_of, peaks_of

_METERS: Final = ("latency", "stamp")
TYPICAL: Final = "rtt_p50_ms"
BESIDE: Final = ("rtt_p95_ms", "loss_percent", "jitter_rfc3550_ms")
"""Of these the mean is shown: from sums alone, since latency runs every few minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """One meter's figures; each value is a whole run's own statistic (the median of its round trips, their loss …)."""

    meter: str
    figures: tuple[Figures, ...]
    """Of `TYPICAL`."""
    means: tuple[tuple[str, Figure], ...]
    """Series → the mean of all its values as they stand."""
    held: tuple[Held, ...]
    counts: Counts
    peaks: Mapping[str, Mapping[str, Peak]]
    """Window → `rtt`."""


def delays_of(runs: Mapping[str, LineRuns], demands: Sequence[Demand]) -> Delays | None:
    """Of the first of `latency` and `stamp` that ran; None where none did."""
    meter = next((name for name in _METERS if name in runs), None)
    if meter is None:
        return None
    own = runs[meter]
    return Delays(
        meter=meter,
        figures=(figures_of(TYPICAL, own),) if own.sums(TYPICAL) else (),
        means=tuple((name, mean) for name in BESIDE if (mean := mean_of(own.sums(name), CONFIDENCE)) is not None),
        held=tuple(held for demand in demands if demand.measure.meter == meter for held in against(own, demand, None)),
        counts=counts_of(own.rollup(TYPICAL)),
        peaks=peaks_of(own, {"rtt": TYPICAL}),
    )
