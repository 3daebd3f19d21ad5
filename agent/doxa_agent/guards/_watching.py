"""Watches that go on beside a heavy run: one thread ticks them all, so that a run costs one wake-up, not one a guard."""

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

from doxa_agent.guard import Verdict, Watch

TICK_S: Final = 0.25
"""Four looks a second: each reads a few kernel files, together well below 1 % of a Pi's core."""


class Watching:
    """Begun by its making, over by `end`. `safely` calls a guard and notes its fault (`guards._safely`)."""

    def __init__(
        self, watches: Sequence[tuple[str, Watch[Verdict]]], safely: Callable[..., Any], faults: list[str]
    ) -> None:
        self._watches = list(watches)
        self._safely = safely
        self._faults = faults
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="guards", daemon=True)
        if self._watches:
            self._thread.start()

    def _tick(self) -> None:
        due = monotonic() + TICK_S
        while not self._over.wait(max(0.0, due - monotonic())):
            for name, watch in self._watches:
                self._safely(name, self._faults, None, watch.tick)
            due = max(due, monotonic() - TICK_S) + TICK_S

    def end(self) -> tuple[list[Verdict], list[str]]:
        """What each guard says of the run, and the guards that broke."""
        self._over.set()
        if self._watches:
            self._thread.join()
        found = [self._safely(name, self._faults, Verdict(), watch.end) for name, watch in self._watches]
        return found, self._faults
