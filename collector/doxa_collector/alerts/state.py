"""One rule about one subject: pending, bad, recovering; pure transitions that know nothing of messages."""

from collections import deque
from enum import IntEnum
from typing import Final

from doxa_collector.alerts.about import About
from doxa_collector.alerts.baseline import HOUR_US, Usual
from doxa_collector.alerts.model import Baseline, Rule
from doxa_collector.watch.alarm import Alarm
from doxa_collector.watch.subject import Subject

NEVER: Final = -(2**62)


class Phase(IntEnum):
    """Where it stands."""

    OK = 0
    PENDING = 1
    """The condition is met, not yet for long enough."""
    BAD = 2
    RECOVERING = 3
    """The figure is on the good side of the clear threshold, not yet for long enough."""


_OK, _BAD = Phase.OK, Phase.BAD


class Voice:
    """What people were told, and how often the rule changed its mind."""

    __slots__ = ("alarm", "flapping", "flips")

    def __init__(self, changes: int) -> None:
        self.alarm: Alarm | None = None
        """The one that is open."""
        self.flapping = False
        self.flips: deque[int] = deque(maxlen=changes + 1)
        """When the rule last changed its mind."""


class Watched:
    """The state of one rule about one subject. All moments in microseconds since 1970 UTC."""

    __slots__ = (
        "about", "at_us", "baseline", "clear", "count", "due_us", "far_end", "holds", "hour", "phase", "raise_at", "rule", "seen_us",
        "since_us", "stale", "subject", "usual", "value", "voice", "was", "was_count", "was_since_us",
    )  # fmt: skip

    def __init__(self, rule: Rule, subject: Subject, about: About, usual: Usual | None) -> None:
        self.rule = rule
        self.subject = subject
        self.about = about
        self.usual = usual
        self.phase = self.was = Phase.OK
        """`was`: before the newest fact, to be undone when a better one of the same moment comes."""
        self.since_us = self.was_since_us = 0
        """When the phase began, by the facts."""
        self.count = self.was_count = 0
        """Successive facts for which the condition is met, the pending ones."""
        self.at_us = NEVER
        """The newest fact's moment."""
        self.value: float | None = None
        self.far_end = ""
        """Whom the newest fact is about."""
        self.seen_us = 0
        """When it came, by our clock."""
        self.stale = False
        """Whether it was old when it came: it may end an alarm, never begin one."""
        self.due_us = 0
        """When the engine looks again without news; 0: never."""
        self.voice: Voice | None = None
        self.baseline: float | None = None
        self.hour = -1
        self.raise_at: float | None = None
        self.clear: float | None = None
        self.adopt(rule)

    def adopt(self, rule: Rule) -> None:
        """Go by this rule from the next fact on."""
        self.rule = rule
        self.holds = rule.operator.holds
        self.hour = -1
        self.raise_at = self.clear = self.baseline = None
        if not isinstance(rule.limit, Baseline):
            self.raise_at, self.clear = rule.limit.raise_at, rule.limit.clear
        if self.voice is not None:
            self.voice.flips = deque(self.voice.flips, maxlen=rule.damping.changes + 1)

    @property
    def is_bad(self) -> bool:
        """Whether the rule holds, by its own hysteresis."""
        return self.phase >= Phase.BAD

    def take(self, value: float, at_us: int, now_us: int, *, stale: bool, far_end: str = "") -> bool:
        """One fact; whether the phase may have to change now. Older ones than the newest change nothing."""
        if at_us <= self.at_us:
            if at_us < self.at_us or not self._better(value):
                return False
            self.phase, self.since_us, self.count = self.was, self.was_since_us, self.was_count
        else:
            self.was, self.was_since_us, self.was_count = self.phase, self.since_us, self.count
        self.at_us, self.value, self.seen_us, self.stale, self.far_end = at_us, value, now_us, stale, far_end
        if self.usual is not None:
            self._look_back(at_us // HOUR_US)
        if self.raise_at is None or self.clear is None:
            return self._stay()
        if self.phase < _BAD:
            return self._bad_news(self.holds(value, self.raise_at))
        return self._good_news(not self.holds(value, self.clear))

    def turn(self, phase: Phase) -> None:
        """What was decided is decided: a better figure of the same moment begins from here."""
        self.phase = self.was = phase
        self.was_since_us = self.since_us

    def _better(self, value: float) -> bool:
        """Of two figures of one moment the one that speaks for the subject counts, in whatever order they come."""
        return self.value is None or ((value < self.value) if self.rule.operator.upward else (value > self.value))

    def _stay(self) -> bool:
        """Nothing can be judged: what was pending or recovering begins again."""
        self.phase = Phase.OK if self.phase < Phase.BAD else Phase.BAD
        return False

    def _bad_news(self, holds: bool) -> bool:  # noqa: FBT001 - one of two
        if not holds:
            self.phase = _OK
        elif self.phase is not Phase.PENDING:
            self.phase, self.since_us, self.count = Phase.PENDING, self.at_us, 1
        else:
            self.count += 1
        return holds

    def _good_news(self, well: bool) -> bool:  # noqa: FBT001 - one of two
        if not well:
            self.phase = Phase.BAD
        elif self.phase is not Phase.RECOVERING:
            self.phase, self.since_us = Phase.RECOVERING, self.at_us
        return well

    def _look_back(self, hour: int) -> None:
        limit = self.rule.limit
        if hour == self.hour or self.usual is None or not isinstance(limit, Baseline):
            return
        self.hour = hour
        usual = self.usual.at(hour, min_samples=limit.min_samples, min_days=limit.min_days, days=limit.days)
        self.baseline, self.raise_at, self.clear = usual, None, None
        if usual is not None:
            gentler = max if self.rule.operator.upward else min
            bound = limit.factor * usual if limit.bound is None else limit.bound
            self.raise_at = gentler(limit.factor * usual, bound)
            self.clear = self.raise_at * (limit.clear_factor / limit.factor)

    def proven(self, now_us: int) -> bool:
        """Whether the phase has lasted as long as the rule asks.

        A sample is true of its own moment: facts must span the time. What lasts until the next fact needs no second one.
        """
        until = now_us if self.rule.metric.lasting else self.at_us
        if self.phase is Phase.PENDING:
            enough = self.count >= self.rule.for_samples and not self.stale
            return enough and until - self.since_us >= self.rule.for_s * 1e6
        return until - self.since_us >= self.rule.clear_for_s * 1e6
