"""A wall clock that nobody can set: the time of day at its start, carried on by the monotonic clock.

UDPSTP puts times of day into its packets (RFC 9946 §6, §7) but uses nothing of them except differences. Taken from this
clock they stay differences of durations even where the system's clock is stepped in the middle of a test.
"""

import time
from typing import Final

_STEP_NS: Final = 50_000
"""A smaller change of the offset between the system's two clocks is the spread of reading them."""


class SteadyClock:
    """One for each process or session: times of two of them are not to be mixed."""

    def __init__(self) -> None:
        self._base = time.time_ns() - time.monotonic_ns()
        self._offset = self._base
        self.stepped = False
        """Whether the system's clock was set since the start."""

    def now(self) -> int:
        """Nanoseconds since 1970, never stepped."""
        return time.monotonic_ns() + self._base

    def shift(self) -> int:
        """What to add to a stamp that the kernel takes now with the system's clock (CLOCK_REALTIME), nanoseconds."""
        before = time.monotonic_ns()
        real = time.time_ns()
        after = time.monotonic_ns()
        offset = real - (before + after) // 2
        if abs(offset - self._offset) > _STEP_NS + (after - before):
            self._offset = offset
            self.stepped = self.stepped or abs(offset - self._base) > 1_000_000
        return self._base - self._offset
