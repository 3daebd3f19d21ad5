"""Remembers a link's prefixes from run to run: a prefix that changes breaks what was written down elsewhere (RFC 8978).

The memory is the process's own and ends with it: the first run after a start cannot say whether anything changed.
"""

import threading
import time
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Stability:
    """What is known of a link's prefixes."""

    changed: bool | None
    """Since the last run; None on the first one."""
    stable_s: float
    """For how long they have been seen unchanged, by the monotonic clock."""
    before: tuple[str, ...] = ()
    """What they were, where they changed."""


class Memory:
    """The prefixes of each link, safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[str, ...], float]] = {}

    def compare(self, link: str, prefixes: tuple[str, ...]) -> Stability | None:
        """Compare with the last run and remember; None where there is no prefix (that is another state's matter)."""
        if not prefixes:
            return None
        now = time.monotonic()
        with self._lock:
            before, since = self._known.get(link, ((), now))
            changed = None if not before else before != prefixes
            if changed is not False:
                since = now
            self._known[link] = (prefixes, since)
        return Stability(changed, now - since, before if changed else ())

    def forget(self) -> None:
        """Begin anew, as after a start."""
        with self._lock:
            self._known.clear()


MEMORY: Final = Memory()
