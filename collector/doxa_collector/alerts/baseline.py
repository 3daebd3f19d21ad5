"""What is usual for one figure: the median of each hour of the last days, in about a kilobyte, whatever the rate of samples."""

import struct
from array import array
from statistics import median
from typing import Final

HOUR_US: Final = 3_600_000_000
KEPT: Final = 64
"""Samples of the running hour; when there are more, every second one goes and the others stand for two."""
_HEAD: Final = struct.Struct("<BqI")
"""Days, hour, samples of the running hour seen."""


class Usual:
    """Hourly medians in a ring of `days` days. Samples come in the order of time; older ones change nothing."""

    __slots__ = ("_counts", "_hour", "_medians", "_running", "_seen", "_step", "days")

    def __init__(self, days: int) -> None:
        self.days = days
        self._medians = array("f", bytes(4 * 24 * days))
        self._counts = array("I", bytes(4 * 24 * days))
        self._hour = -1
        self._running = array("f")
        self._seen = 0
        self._step = 1

    def add(self, at_us: int, value: float) -> None:
        """One sample of that moment."""
        hour = at_us // HOUR_US
        if hour != self._hour:
            if hour < self._hour:
                return
            self._turn(hour)
        if self._seen % self._step == 0:
            if len(self._running) == KEPT:
                self._running = self._running[::2]
                self._step *= 2
            if self._seen % self._step == 0:
                self._running.append(value)
        self._seen += 1

    def _turn(self, hour: int) -> None:
        """Put the hour that has ended into the ring, and empty the places of hours without samples."""
        ring = len(self._medians)
        if self._hour >= 0:
            place = self._hour % ring
            self._medians[place] = median(self._running) if self._running else 0.0
            self._counts[place] = self._seen
            for passed in range(self._hour + 1, min(hour, self._hour + 1 + ring)):
                self._counts[passed % ring] = 0
        self._hour, self._running, self._seen, self._step = hour, array("f"), 0, 1

    def at(self, hour: int, *, min_samples: int, min_days: int, days: int) -> float | None:
        """The median of that hour of the day over the `days` days before `hour` (hours since 1970); None for too little."""
        found: list[float] = []
        samples, ring = 0, len(self._medians)
        for back in range(24, 24 * days + 1, 24):
            past = hour - back
            if 0 <= self._hour - past <= ring and past != self._hour:  # else its place belongs to another hour
                place = past % ring
                if self._counts[place]:
                    samples += self._counts[place]
                    found.append(self._medians[place])
        return median(found) if samples >= min_samples and len(found) >= min_days else None

    def pack(self) -> bytes:
        """Everything but the samples of the running hour, which a restart forgets."""
        return _HEAD.pack(self.days, self._hour, 0) + self._medians.tobytes() + self._counts.tobytes()

    @classmethod
    def unpack(cls, packed: bytes) -> "Usual | None":
        """What `pack` gave; None for anything else (a file of another version or machine)."""
        if len(packed) < _HEAD.size:
            return None
        days, hour, _ = _HEAD.unpack_from(packed)
        size = 4 * 24 * days
        if days < 1 or hour < -1 or len(packed) != _HEAD.size + 2 * size:
            return None
        found = cls(days)
        found._hour = hour
        found._medians = array("f", packed[_HEAD.size : _HEAD.size + size])
        found._counts = array("I", packed[_HEAD.size + size :])
        return found
