"""Which lines carry a heavy test of this process now, or did a moment ago: light measurements keep clear of its load.

    heavy.begin("office")                         the runner, before a meter that loads the line
    heavy.end("office")                           … and after it, always (try/finally)
    heavy.loaded("office", since, until)          anybody: did a heavy test run on that line at some moment between?

All times are seconds of the monotonic clock (`time.monotonic()`). Every function may be called from every thread. What
another process does to the line is not known here.
"""

import threading
import time
from collections import deque
from typing import Final, NamedTuple

MOST_SPANS: Final = 64
"""Tests that are remembered per line; the oldest is forgotten first. Heavy tests come minutes apart."""


class Span(NamedTuple):
    """A heavy test's time on a line: from `began` to `ended`, infinity while it goes on."""

    began: float
    ended: float


class _Line:
    """One line's tests: those that are over, and those that run (normally one; a counter, for nothing forbids two)."""

    def __init__(self) -> None:
        self.past: deque[Span] = deque(maxlen=MOST_SPANS)
        self.running = 0
        self.since = 0.0


_LOCK: Final = threading.Lock()
_LINES: Final[dict[str, _Line]] = {}


def begin(link_name: str) -> None:
    """A heavy test starts to load that line now."""
    with _LOCK:
        line = _LINES.setdefault(link_name, _Line())
        if not line.running:
            line.since = time.monotonic()
        line.running += 1


def end(link_name: str) -> None:
    """It has stopped; without a `begin` before it nothing happens."""
    with _LOCK:
        line = _LINES.get(link_name)
        if line is None or not line.running:
            return
        line.running -= 1
        if not line.running:
            line.past.append(Span(line.since, time.monotonic()))


def spans(link_name: str, since: float, until: float) -> tuple[Span, ...]:
    """The tests on that line that ran at some moment from `since` to `until`, oldest first, uncut."""
    with _LOCK:
        line = _LINES.get(link_name)
        if line is None:
            return ()
        found = [*line.past, Span(line.since, float("inf"))] if line.running else list(line.past)
    return tuple(span for span in found if span.began <= until and span.ended >= since)


def loaded(link_name: str, since: float, until: float) -> bool:
    """Whether a heavy test ran on that line at some moment from `since` to `until`."""
    return bool(spans(link_name, since, until))
