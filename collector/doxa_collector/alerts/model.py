"""The words of a rule: what is watched, when it is too bad, for how long, at which hours, and what people are told."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from doxa_collector.alerts.catalogue import Metric
from doxa_collector.alerts.schedule import Schedule
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Kind
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind


class Operator(StrEnum):
    """How a figure is held against the threshold: the condition is met where `holds`."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="

    @property
    def holds(self) -> Callable[[float, float], bool]:
        """The comparison (figure, threshold)."""
        return _HOLDS[self]

    @property
    def upward(self) -> bool:
        """Whether more is worse."""
        return self in (Operator.ABOVE, Operator.AT_LEAST)


_HOLDS: Final[dict[Operator, Callable[[float, float], bool]]] = {
    Operator.ABOVE: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.BELOW: operator.lt,
    Operator.AT_MOST: operator.le,
}


class NoData(StrEnum):
    """What a rule does about a subject that once had figures and has none any more."""

    KEEP = "keep"
    """Leave everything as it is."""
    CLEAR = "clear"
    """Take the alarm back: it would say something about a line that nobody measures."""
    RAISE = "raise"
    """That there are no figures is itself the fault."""


class FarEnds(StrEnum):
    """Which far end speaks for a line where several were measured."""

    BEST = "best"
    """The one that fared best: a slow server is no slow line."""
    WORST = "worst"
    """The one that fared worst: each counts for itself (certificates)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Fixed bounds. Between `clear` and `raise_at` nothing changes: that is the hysteresis."""

    raise_at: float
    clear: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Bounds relative to the subject's own past: the median of the same hour of the day over the last `days` days."""

    factor: float
    clear_factor: float
    days: int = 7
    min_samples: int = 100
    """With fewer samples in those hours nothing is judged."""
    min_days: int = 3
    """With fewer days that have samples in that hour nothing is judged."""
    bound: float | None = None
    """The threshold is never stricter than this: a line of 3 ms may become one of 7 ms without anybody being woken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which subjects a rule is about; an empty part limits nothing."""

    link_kinds: frozenset[LinkKind] = frozenset()
    places: frozenset[str] = frozenset()
    """Codes of communes or provinces."""
    providers: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Damping:
    """A rule that changes its mind more than `changes` times within `within_s` is flapping until `calm_s` without a change."""

    changes: int = 6
    within_s: float = 7200
    calm_s: float = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Equal rules decide alike, so a reload touches only what really changed."""

    id: str
    metric: Metric
    operator: Operator
    limit: Limit | Baseline
    for_s: float
    """How long the condition must hold before an alarm is raised."""
    for_samples: int
    """… and over how many successive facts: three runs of ten requests may each lose one by chance."""
    clear_for_s: float
    """How long the figure must be on the good side of the clear threshold before it is cleared."""
    severity: Severity
    message: Text
    schedule: Schedule = field(default_factory=Schedule)
    scope: Scope = field(default_factory=Scope)
    damping: Damping = field(default_factory=Damping)
    no_data: NoData = NoData.KEEP
    no_data_s: float = 3600
    far_ends: FarEnds = FarEnds.BEST
    enabled: bool = True

    @property
    def kind(self) -> Kind:
        """What its subjects are."""
        return self.metric.kind
