"""What correlation may ask about what was measured: alarms alone do not say what is well."""

from typing import Protocol

from doxa_collector.alerts.facts import Against
from doxa_collector.watch.subject import Subject


class Sight(Protocol):
    """Answered by the observer of measurements (`alerts.facts`)."""

    def against(self, far_end: str, since_us: int) -> Against:
        """The lines that are judged by this far end alone: failing or well by a run since then, or not looked at since."""
        ...

    def reached(self, node: Subject) -> bool:
        """Whether the node is known to answer."""
        ...


class Blind:
    """Nothing is known but the alarms."""

    def against(self, far_end: str, since_us: int) -> Against:  # noqa: ARG002 - sight
        """Nothing."""
        return Against(frozenset(), frozenset(), frozenset())

    def reached(self, node: Subject) -> bool:  # noqa: ARG002 - sight
        """Of none."""
        return False
