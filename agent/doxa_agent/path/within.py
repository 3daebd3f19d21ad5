"""A part of a run: over after its own time, and with the whole run, also when that is cancelled."""

from doxa_agent.meter import Deadline


class Within(Deadline):
    """At most `seconds`, within `whole`."""

    def __init__(self, whole: Deadline, seconds: float) -> None:
        super().__init__(min(seconds, whole.left_s))
        self._whole = whole

    @property
    def left_s(self) -> float:
        """Seconds that are left of both, 0 when over."""
        return min(super().left_s, self._whole.left_s)
