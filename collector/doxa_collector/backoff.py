"""Waiting longer after each failure, with jitter so that many do not come back together."""

import random
import threading
from typing import Final

_JITTER: Final = 0.3


class Backoff:
    """Pauses from `first_s`, doubled up to `longest_s`, each ±30 %."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._next_s = first_s

    def wait(self, stopping: threading.Event) -> None:
        """Pause, but wake when the service stops."""
        stopping.wait(self._next_s * random.uniform(1 - _JITTER, 1 + _JITTER))
        self._next_s = min(self._longest_s, 2 * self._next_s)

    def reset(self) -> None:
        """After a success."""
        self._next_s = self._first_s
