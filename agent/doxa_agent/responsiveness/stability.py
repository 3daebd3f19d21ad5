"""The arithmetic of the responsiveness test: trimmed means, round trips per minute, saturation. Pure functions.

Source: draft-ietf-ippm-responsiveness, sections "Test Parameters", "Aggregating the Measurements", "Final Algorithm" and
"Confidence of Test-Results".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from statistics import fmean, pstdev


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The draft's parameters under names that speak; its own abbreviations in brackets."""

    window: int = 4
    """Intervals of the moving average [MAD]."""
    interval_s: float = 1.0
    """[ID]"""
    trimmed: float = 0.95
    """The share of the smallest values that a trimmed mean keeps [TMP]."""
    tolerance: float = 0.05
    """Standard deviation as a share of the newest value [SDT]."""
    first: int = 1
    """Connections at the start [INP]."""
    more: int = 1
    """Connections added at each interval [INC]."""
    most: int = 16
    """[MNP]"""
    probes_per_s: int = 100
    """Of both kinds together [MPS]."""
    probe_share: float = 0.05
    """What probes may take of the line [PTC]."""


class Confidence(StrEnum):
    """How far a stage got."""

    LOW = "low"
    """Not even as many intervals as the moving average needs."""
    MEDIUM = "medium"
    """Enough intervals, but never stable."""
    HIGH = "high"
    """Stable."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """One request over a connection of its own; seconds."""

    tcp_s: float
    http_s: float
    tls_s: float | None = None
    """One round trip's worth of the TLS handshake; None without TLS."""


def trimmed_mean(values: Sequence[float], kept: float) -> float | None:
    """The mean of the smallest `kept` share of the values (single-sided), at least one; None of nothing."""
    if not values:
        return None
    return fmean(sorted(values)[: max(1, ceil(kept * len(values) - 1e-9))])


def foreign_rpm(found: Sequence[Foreign], kept: float) -> float | None:
    """Round trips a minute of new connections: each phase weighs alike; None without a probe."""
    phases = [
        trimmed_mean([probe.tcp_s for probe in found], kept),
        trimmed_mean([probe.tls_s for probe in found if probe.tls_s is not None], kept),
        trimmed_mean([probe.http_s for probe in found], kept),
    ]
    return rpm([phase for phase in phases if phase is not None])


def rpm(round_trips_s: Sequence[float]) -> float | None:
    """Round trips a minute of a mean of times; None of nothing or of an impossible time."""
    mean = fmean(round_trips_s) if round_trips_s else 0.0
    return 60.0 / mean if mean > 0 else None


def responsiveness(foreign: Sequence[Foreign], own: Sequence[float], kept: float) -> float | None:
    """The mean of the rates over new and over loaded connections; None while either is unknown."""
    mean_s = trimmed_mean(own, kept)
    new, loaded = foreign_rpm(foreign, kept), None if mean_s is None else rpm([mean_s])
    return None if new is None or loaded is None else (new + loaded) / 2


def moving_average(values: Sequence[float], window: int) -> float:
    """Of the last `window` values, or of as many as there are; `ValueError` of nothing."""
    return fmean(values[-window:])


def is_saturated(averages: Sequence[float], parameters: Parameters) -> bool:
    """Whether the last `window` values stand still: their deviation is within the tolerance of the newest."""
    last = averages[-parameters.window :]
    return len(last) == parameters.window and last[-1] > 0 and pstdev(last) < parameters.tolerance * last[-1]


def confidence(intervals: int, *, stable: bool, parameters: Parameters) -> Confidence:
    """How much a stage of so many intervals is worth."""
    if stable:
        return Confidence.HIGH
    return Confidence.MEDIUM if intervals >= parameters.window else Confidence.LOW


def probe_pairs_per_s(goodput_mbps: float, parameters: Parameters) -> float:
    """Pairs of probes a second: half of the most, and no more than their share of the line (6,000 octets a pair)."""
    return max(1.0, min(parameters.probes_per_s / 2, parameters.probe_share * goodput_mbps * 1e6 / (6000 * 8)))
