"""An alarm: a rule that holds for a subject, from its beginning to its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Subject
from doxa_core.language import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Moments in microseconds since 1970 UTC."""

    rule: str
    subject: Subject
    severity: Severity
    began_us: int
    """When the fault began by the evidence: the first fact for which the condition held."""
    raised_us: int
    """When we said so: `began_us` and the rule's `for_s` later, at the earliest."""
    cleared_us: int | None = None
    value: float | None = None
    """The figure that raised it."""
    text: Text = Text(vi="", en="")  # noqa: RUF009 - immutable
    """The rule's message about this subject, filled in."""
    muted: bool = False
    """Raised but not told: flapping, outside the rule's schedule, or in a maintenance window."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Evidence that people may ask for: threshold, baseline, cause of an absence …"""

    @property
    def key(self) -> tuple[str, Subject]:
        """At most one alarm of a rule and subject is open at a time."""
        return self.rule, self.subject


class Turn(StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm that was raised or cleared in this tick."""

    turn: Turn
    alarm: Alarm
