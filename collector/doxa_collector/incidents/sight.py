"""What correlation may ask about what was measured: alarms alone do not say what is well."""

from typing import Protocol

from doxa_collector.alerts.facts import Against
from doxa_collector.watch.subject import Subject


class Sight(Protocol):
    """Answered by the observer of measurements (`alerts.facts`)."""

    def against(self, far_end: str, since_us: int) -> Against:
        """The lines that are judged by this far end alone: failing or well by a run since then, or not looked at since."""
        ...

    def reached(self, node: Subject, since_us: int = 0) -> bool:
        """Whether the node is known to answer, by a look at or after `since_us`."""
        ...

    def awaited(self, node: Subject, since_us: int) -> bool:
        """Whether somebody watches the node and has not reached it since then: its own alarm may be on its way."""
        ...


class Blind:
    """Nothing is known but the alarms."""

    def against(self, far_end: str, since_us: int) -> Against:  # noqa: ARG002 - sight
        """Nothing."""
        return Against(frozenset(), frozenset(), frozenset())

    def reached(self, node: Subject, since_us: int = 0) -> bool:  # noqa: ARG002 - sight
        """Of none."""
        return False

    def awaited(self, node: Subject, since_us: int) -> bool:  # noqa: ARG002 - sight
        """Of none."""
        return False
