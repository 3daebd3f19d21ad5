"""What a UDPSTP server says of itself: rates at the IP layer each way and its share of one core, second by second."""

import contextlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from doxa_agent.udpstp.courses import Course

_EVERY_NS: Final = 1_000_000_000


class Load:
    """The figures of the last complete second."""

    def __init__(self) -> None:
        self.rates = {"down_mbps": 0.0, "up_mbps": 0.0, "cpu_ratio": 0.0}
        """Mbit/s sent and received by tests, octets of IP packets; CPU time of this process per second."""
        self._ended = {False: 0, True: 0}
        self._before = {False: 0, True: 0}
        self._cpu = time.process_time()
        self._at = time.monotonic_ns()

    def book(self, course: Course | None) -> None:
        """A test ends: its octets stay in the sums."""
        if course is not None:
            self._ended[course.upstream] += course.octets()

    def look(self, courses: Iterable[Course]) -> bool:
        """Take the figures, if the second is over; whether it was."""
        now = time.monotonic_ns()
        if now - self._at < _EVERY_NS:
            return False
        seconds, cpu, sums = (now - self._at) / 1e9, time.process_time(), dict(self._ended)
        for course in courses:
            sums[course.upstream] += course.octets()
        self.rates = {
            "down_mbps": round((sums[False] - self._before[False]) * 8e-6 / seconds, 3),
            "up_mbps": round((sums[True] - self._before[True]) * 8e-6 / seconds, 3),
            "cpu_ratio": round((cpu - self._cpu) / seconds, 3),
        }
        self._before, self._cpu, self._at = sums, cpu, now
        return True


def write_load(path: Path, figures: Mapping[str, Any]) -> None:
    """Replace the file by these figures at once, so a reader never sees half of them; a full disk costs only the file."""
    beside = path.with_name(path.name + ".new")
    with contextlib.suppress(OSError):
        beside.write_text(json.dumps(figures) + "\n", encoding="ascii")
        beside.replace(path)
