"""Whether nothing at all is heard though much should be: pure, from the moments of arrival.

A fleet never falls silent at once: when nobody speaks and the broker has said of nobody that it is gone, it is we who do
not hear – a connection that only seems to stand, a broker that takes and does not give. What is long depends on the
fleet, so it is learned: the silence must be several times the longest of the last half hour, and swallow many messages.
It is counted only while we are awake and connected, so neither a clock that is set nor a paused machine looks like it.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from doxa_collector.presence.settings import Settings

_US: Final = 1_000_000
_BUCKET_US: Final = 60 * _US
_BUCKETS: Final = 30
"""So many minutes are remembered."""
_AWAKE_US: Final = 5 * _US
"""A longer pause between two looks was no listening."""


@dataclass(slots=True)
class _Minute:
    began_us: int
    awake_us: int = 0
    arrivals: int = 0
    longest_us: int = 0


class Hush:
    """Fed with every tick; the caller says how many probes are expected to speak."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._minutes: deque[_Minute] = deque(maxlen=_BUCKETS)
        self._last_us = 0
        self._looked_us = 0
        self._silence_us = 0
        self._deaf_until_us = 0
        self.since_us: int | None = None
        """When the last was heard, while nothing is heard; None else."""

    @property
    def last_us(self) -> int:
        """When something was heard last; 0: never."""
        return self._last_us

    @property
    def silence_s(self) -> float:
        """For how long nothing was heard while we listened."""
        return self._silence_us / _US

    def learn(self, seconds: Iterable[tuple[int, int]]) -> None:
        """Arrivals from before a restart, as (second since 1970, how many): they tell what is usual, not what is."""
        before = 0
        for second, arrivals in sorted(seconds):
            at_us = second * _US
            minute = self._minute(at_us)
            gap = at_us - before if before else 0
            if gap <= _BUCKET_US:  # a longer one is our own absence
                minute.longest_us = max(minute.longest_us, gap)
                minute.awake_us += gap
            minute.arrivals += arrivals
            before = self._last_us = at_us

    def listen(self, now_us: int, arrivals: int, newest_us: int, *, deaf: bool) -> None:
        """One tick: so many messages came since the last, the newest at `newest_us`. `deaf`: we know that we cannot hear."""
        passed = min(max(0, now_us - self._looked_us), _AWAKE_US) if self._looked_us else 0
        self._looked_us = now_us
        if deaf:
            self._deaf_until_us = now_us + round(self._settings.grace_s * _US)
        if deaf or now_us < self._deaf_until_us:
            self._silence_us = 0  # probes come back one by one; silence is no news until they had the time to
            if arrivals:
                self._last_us, self.since_us = newest_us, None
            return
        minute = self._minute(now_us)
        minute.awake_us += passed
        if not arrivals:
            self._silence_us += passed
            return
        minute.arrivals += arrivals
        if self.since_us is None:  # a silence that was told is not what is usual from now on
            minute.longest_us = max(minute.longest_us, self._silence_us + passed)
        self._last_us, self._silence_us, self.since_us = newest_us, 0, None

    def judge(self, speakers: int) -> bool:
        """Whether it is a hush. `speakers`: how many probes are there by all that is known, and should speak."""
        if self.since_us is None and self._is_uncanny(speakers):
            self.since_us = self._last_us
        return self.since_us is not None

    def could_be(self) -> bool:
        """Whether the silence is long enough that asking for the speakers is worth it."""
        return self._silence_us >= self._settings.hush_s * _US

    def _is_uncanny(self, speakers: int) -> bool:
        rules = self._settings
        if not self.could_be() or speakers < rules.hush_probes:
            return False
        awake_us = sum(minute.awake_us for minute in self._minutes) - self._silence_us
        arrivals = sum(minute.arrivals for minute in self._minutes)
        longest_us = max(minute.longest_us for minute in self._minutes)
        if awake_us < rules.hush_learn_s * _US or self._silence_us < rules.hush_times * longest_us:
            return False
        return self._silence_us * arrivals >= rules.hush_messages * awake_us

    def _minute(self, at_us: int) -> _Minute:
        began = at_us - at_us % _BUCKET_US
        if not self._minutes or self._minutes[-1].began_us != began:
            self._minutes.append(_Minute(began))
        return self._minutes[-1]
