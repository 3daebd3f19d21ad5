"""What one judgement says, of whatever kind of target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer


class Bounds(NamedTuple):
    """What the figure cannot lie beyond, each end with the confidence that the detail names; None: no bound is known."""

    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The answer to one target at one place, in the target's unit and at `layer`."""

    outcome: VerdictOutcome
    value: float | None = None
    n: int = 0
    """Samples of a level, offices of a share, provinces of a rank."""
    bounds: Bounds | None = None
    """Those that the outcome stands on."""
    layer: Layer | None = None
    reasons: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
