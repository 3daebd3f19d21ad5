"""The previous poll of each interface, kept in this process: after a restart of the agent the first poll has no rate."""

import threading
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final

from doxa_agent.snmp.counters import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The last poll that answered, and how many since then did not."""

    sample: Sample
    missed: int = 0


class Memory:
    """Previous polls by what makes two polls comparable; runs of several tasks may ask at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Hashable, Previous] = {}

    def last(self, key: Hashable) -> Previous | None:
        """The poll before, if there was one."""
        with self._lock:
            return self._found.get(key)

    def keep(self, key: Hashable, sample: Sample) -> None:
        """`sample` is the previous poll from now on."""
        with self._lock:
            self._found[key] = Previous(sample=sample)

    def miss(self, key: Hashable) -> None:
        """A poll got no answer: the next interval is longer, and will say so."""
        with self._lock:
            before = self._found.get(key)
            if before is not None:
                self._found[key] = replace(before, missed=before.missed + 1)


MEMORY: Final = Memory()
"""Of this process."""
