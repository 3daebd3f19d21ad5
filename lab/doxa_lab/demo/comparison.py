"""Measured against true: the relative error of every figure of every line, and which of them are too far off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_core.language import Text
from doxa_lab.demo.ground import RTT, Ground, Spot
from doxa_lab.demo.results import Results, Run

RATE_SHARE: Final = 0.02
"""The largest relative error of a rate."""
RTT_SHARE: Final = 0.05
RTT_MS: Final = 1.0
"""An idle round trip may be off by 5 % and what a busy small machine adds to each packet's way through the relay."""
JITTER_SHARE: Final = 0.3
"""The median of a short run wanders within the jitter itself."""

ABSENT = Text(vi="{name}: không có giá trị ({why})", en="{name}: no value ({why})")
OFF = Text(
    vi="{name}: đo được {measured:.2f}, thật là {truth:.2f}, lệch {error:+.2%} (cho phép {allowed:.2%})",
    en="{name}: measured {measured:.2f}, true {truth:.2f}, off by {error:+.2%} (allowed {allowed:.2%})",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One figure of one line."""

    spot: str
    value: str
    truth: float
    allowed: float
    """The largest relative error."""
    measured: float | None
    """None where it was not measured; `why` says more."""
    why: str = ""

    @property
    def error(self) -> float | None:
        """The relative error."""
        return None if self.measured is None else self.measured / self.truth - 1

    @property
    def good(self) -> bool:
        """Whether it was measured, and near enough."""
        return self.error is not None and abs(self.error) <= self.allowed

    @property
    def text(self) -> Text:
        """What is wrong with it."""
        name = f"{self.spot} {self.value}"
        if self.measured is None:
            return ABSENT.fill(name=name, why=self.why)
        return OFF.fill(name=name, measured=self.measured, truth=self.truth, error=self.error, allowed=self.allowed)


def compare(ground: Ground, results: Results) -> list[Compared]:
    """Every truth of every line against what was measured of it: of several rates the one that is farthest off."""
    return [_compared(spot, value, results) for spot in ground.spots for value in spot.truths]


def unmeasured(spot: Spot, results: Results) -> list[str]:
    """The values of a line that no run has found yet: a rate that never got stable is absent, and is tried again."""
    return [value for value in spot.truths if not _found(spot, value, results)]


def _found(spot: Spot, value: str, results: Results) -> list[float]:
    if value == RTT:
        run = results.undisturbed(spot, "latency")
        return [] if run is None or value not in run.values else [run.values[value]]
    return [run.values[value] for run in results.with_value(spot, value)]


def _compared(spot: Spot, value: str, results: Results) -> Compared:
    truth, found = spot.truths[value], _found(spot, value, results)
    return Compared(
        spot=spot.name,
        value=value,
        truth=truth,
        allowed=_rtt_share(spot) if value == RTT else RATE_SHARE,
        measured=max(found, key=lambda measured: abs(measured / truth - 1), default=None),
        why=_why(results.latest(spot, "latency" if value == RTT else "speed")),
    )


def _why(run: Run | None) -> str:
    return "not_run" if run is None else ",".join((run.outcome, *run.reasons, *run.findings))


def _rtt_share(spot: Spot) -> float:
    return RTT_SHARE + (RTT_MS + JITTER_SHARE * spot.link.jitter_ms) / spot.truths[RTT]


def by_spot(found: Sequence[Compared], key: str) -> Mapping[str, Mapping[str, float]]:
    """Spot → value name → the attribute `key` (`truth`, `measured`, `error`), absent ones left out."""
    spots: dict[str, dict[str, float]] = {}
    for one in found:
        of_spot = spots.setdefault(one.spot, {})
        if (number := getattr(one, key)) is not None:
            of_spot[one.value] = round(number, 6)
    return spots
