"""A bound of one's own inside somebody else's deadline."""

from doxa_agent.meter import Deadline


class Within(Deadline):
    """Over when `seconds` have passed or when `outer` is over, whichever comes first."""

    def __init__(self, outer: Deadline, seconds: float) -> None:
        super().__init__(min(seconds, outer.left_s))
        self._outer = outer

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 when over."""
        return min(super().left_s, self._outer.left_s)
