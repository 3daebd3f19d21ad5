"""Facts in, alarms raised and cleared out: pure, without a clock of its own, looking only at what has news or is due.

A tick takes the facts since the last one in the order of their moments, so the order in which they came does not matter.
What it costs is per fact and per due moment, never per subject; what it keeps is per subject and rule.
"""

import heapq
import math
from collections.abc import Iterable, Iterator
from itertools import count
from operator import attrgetter
from typing import Final

from doxa_collector.alerts.about import About, Atlas, nowhere
from doxa_collector.alerts.baseline import Usual
from doxa_collector.alerts.model import Baseline, NoData, Rule, Scope
from doxa_collector.alerts.speech import Evidence, Speech, no_more
from doxa_collector.alerts.state import Phase, Voice, Watched
from doxa_collector.watch.alarm import Alarm, Change
from doxa_collector.watch.fact import Fact
from doxa_collector.watch.subject import Subject

LATE_US: Final = 600_000_000
"""A fact that is older than this when it comes says what was, not what is: it never begins an alarm."""
AHEAD_US: Final = 300_000_000
"""A fact from further in the future than this comes from a wrong clock: it counts as of now."""
_BACK_US: Final = 1_000_000


class _Channel:
    """One metric of one subject: the rules that read it, and what is usual for it where one of them asks."""

    __slots__ = ("states", "usual")

    def __init__(self, states: tuple[Watched, ...], usual: Usual | None) -> None:
        self.states = states
        self.usual = usual


class Engine:
    """The alarms of all rules. `feed` what is new, `tick` every few seconds; one thread."""

    def __init__(
        self, rules: Iterable[Rule], atlas: Atlas = nowhere, *, evidence: Evidence = no_more, reveal_tslcd: bool = False
    ) -> None:
        """`evidence` adds to the detail of an alarm that is raised; rates of TSLCD lines are hidden unless `reveal_tslcd`."""
        self._atlas = atlas
        self._speech = Speech(evidence, reveal=reveal_tslcd)
        self._rules: dict[str, Rule] = {}
        self._of_metric: dict[str, list[Rule]] = {}
        self._channels: dict[Subject, dict[str, _Channel]] = {}
        self._kept: dict[tuple[Subject, str], Usual] = {}
        self._facts: list[Fact] = []
        self._due: list[tuple[int, int, Watched]] = []
        self._order = count()
        self._now_us = 0
        self._left: list[Change] = []
        self._read(rules)

    def _read(self, rules: Iterable[Rule]) -> None:
        self._rules = {rule.id: rule for rule in rules if rule.enabled}
        self._of_metric = {}
        for rule in self._rules.values():
            self._of_metric.setdefault(rule.metric.name, []).append(rule)

    # --- what comes in

    def feed(self, facts: Iterable[Fact]) -> None:
        """Facts for the next tick; those that no rule reads cost nothing."""
        of_metric = self._of_metric
        self._facts += [fact for fact in facts if fact.metric in of_metric and math.isfinite(fact.value)]

    def tick(self, now_us: int) -> list[Change]:
        """What changes at this moment, given everything that was fed. A clock that went back is taken as it is."""
        if now_us < self._now_us - _BACK_US:
            self._step_back(now_us)
        self._now_us = now_us
        changes, self._left = self._left, []
        facts, self._facts = self._facts, []
        facts.sort(key=_moment)
        touched: dict[int, Watched] = {}
        for fact in facts:
            self._take(fact, now_us, touched)
        for state in touched.values():
            self._settle(state, now_us, changes)
        self._look_at_due(now_us, changes)
        return changes

    def _take(self, fact: Fact, now_us: int, touched: dict[int, Watched]) -> None:
        channels = self._channels.get(fact.subject)
        if channels is None:
            channels = self._channels[fact.subject] = {}
        channel = channels.get(fact.metric)
        if channel is None:
            channel = channels[fact.metric] = self._begin(fact.subject, fact.metric, now_us)
        at_us = fact.at_us if fact.at_us <= now_us + AHEAD_US else now_us
        stale = now_us - at_us > LATE_US
        if channel.usual is not None:
            channel.usual.add(at_us, fact.value)
        for state in channel.states:
            if state.take(fact.value, at_us, now_us, stale=stale, far_end=fact.far_end):
                touched[id(state)] = state

    def _begin(self, subject: Subject, metric: str, now_us: int) -> _Channel:
        about = self._atlas(subject)
        rules = [
            r for r in self._of_metric.get(metric, ()) if r.kind is subject.kind and _within(r.scope, subject, about)
        ]
        usual = self._kept.pop((subject, metric), None)
        days = max((r.limit.days for r in rules if isinstance(r.limit, Baseline)), default=0)
        if not days:
            usual = None
        elif usual is None or usual.days < days:
            usual = Usual(days)
        states = tuple(Watched(r, subject, about, usual if isinstance(r.limit, Baseline) else None) for r in rules)
        for state in states:
            state.seen_us = now_us
            self._plan(state)
        return _Channel(states, usual)

    # --- what follows from it

    def _settle(self, state: Watched, now_us: int, changes: list[Change]) -> None:
        """Bring the state to this moment, tell what changed, and plan when to look again."""
        self._without_data(state, now_us, changes)
        if state.phase is Phase.PENDING and state.proven(now_us):
            state.turn(Phase.BAD)
            self._speech.turned_bad(state, now_us, changes)
        elif state.phase is Phase.RECOVERING and state.proven(now_us):
            state.turn(Phase.OK)
            self._speech.turned_well(state, now_us, changes)
        self._speech.look_again(state, now_us, changes)
        self._plan(state)

    def _without_data(self, state: Watched, now_us: int, changes: list[Change]) -> None:
        rule = state.rule
        if rule.no_data is NoData.KEEP or now_us - state.seen_us < rule.no_data_s * 1e6:
            return
        if rule.no_data is NoData.RAISE and not state.is_bad:
            state.since_us, state.value = state.seen_us, None
            state.turn(Phase.BAD)
            self._speech.turned_bad(state, now_us, changes)
        elif rule.no_data is NoData.CLEAR and state.phase is not Phase.OK:
            was_bad = state.is_bad
            state.turn(Phase.OK)
            if was_bad:
                self._speech.turned_well(state, now_us, changes, reason="no_data")

    def _plan(self, state: Watched) -> None:
        """Ask to be called when time alone will change something; a call that comes too early asks again."""
        due = min(self._moments(state), default=0)
        if due and (not state.due_us or due < state.due_us):
            state.due_us = due
            heapq.heappush(self._due, (due, next(self._order), state))

    def _moments(self, state: Watched) -> Iterator[int]:
        rule = state.rule
        if rule.metric.lasting and state.phase is Phase.PENDING and not state.stale and state.count >= rule.for_samples:
            yield state.since_us + round(rule.for_s * 1e6)
        if rule.metric.lasting and state.phase is Phase.RECOVERING:
            yield state.since_us + round(rule.clear_for_s * 1e6)
        if (rule.no_data is NoData.RAISE and not state.is_bad) or (rule.no_data is NoData.CLEAR and state.phase):
            yield state.seen_us + round(rule.no_data_s * 1e6)
        yield from self._speech.moments(state, self._now_us)

    def _look_at_due(self, now_us: int, changes: list[Change]) -> None:
        due: list[Watched] = []
        while self._due and self._due[0][0] <= now_us:
            at, _, state = heapq.heappop(self._due)
            if at == state.due_us:
                state.due_us = 0
                due.append(state)
        for state in due:
            self._settle(state, now_us, changes)

    def _step_back(self, now_us: int) -> None:
        """Our clock was ahead and was set: what we noted down as later than now was really now."""
        self._due, every = [], list(self._states())
        for state in every:
            state.seen_us = min(state.seen_us, now_us)
            if state.at_us > now_us:
                state.at_us = now_us - 1  # or every right fact would be an old one
            state.since_us, state.was_since_us = min(state.since_us, now_us), min(state.was_since_us, now_us)
            if state.voice is not None:
                self._speech.step_back(state.voice, now_us)
            state.due_us = 0
        self._now_us = now_us
        for state in every:
            self._plan(state)

    def _states(self) -> Iterator[Watched]:
        for channels in self._channels.values():
            for channel in channels.values():
                yield from channel.states

    # --- reload and restart

    def use(self, rules: Iterable[Rule], atlas: Atlas | None = None) -> None:
        """Other rules or another registry from now on. What a rule that stays knows, it keeps; the alarms of one that
        went, or whose scope left a subject, are cleared at the next tick.
        """
        if atlas is not None:
            self._atlas = atlas
        before, old = list(self._states()), self._channels
        self._read(rules)
        for subject, channels in old.items():
            for metric, channel in channels.items():
                if channel.usual is not None:
                    self._kept[subject, metric] = channel.usual
        self._channels, self._due = {}, []
        for subject, channels in old.items():
            new = {m: self._begin(subject, m, self._now_us) for m in channels if m in self._of_metric}
            self._channels[subject] = new
        now = {(s.rule.id, s.subject): s for s in self._states()}
        for state in before:
            after = now.get((state.rule.id, state.subject))
            if after is not None and after.rule.metric.name == state.rule.metric.name:
                _hand_over(state, after)
                self._plan(after)
            else:
                self._speech.withdraw(state, self._now_us, self._left, "rule_changed")

    def restore(self, alarms: Iterable[Alarm], now_us: int) -> None:
        """Alarms that were open when the service stopped: none is raised twice; those without a rule are cleared.

        Feed the last minutes of facts after it: what ended meanwhile is cleared by the first tick.
        """
        self._now_us = now_us
        for alarm in alarms:
            rule = self._rules.get(alarm.rule)
            state = None if rule is None else self._state_of(rule, alarm.subject)
            if state is None:
                self._left.append(self._speech.ended(alarm, now_us, "rule_changed"))
                continue
            state.phase = state.was = Phase.BAD
            state.since_us = state.was_since_us = state.at_us = alarm.began_us
            state.value, state.seen_us = alarm.value, now_us
            state.voice = Voice(state.rule.damping.changes)
            state.voice.alarm = alarm
            state.voice.flapping = bool(alarm.detail.get("flapping"))
            state.voice.flips.append(now_us)
            self._plan(state)

    def _state_of(self, rule: Rule, subject: Subject) -> Watched | None:
        channels = self._channels.setdefault(subject, {})
        channel = channels.get(rule.metric.name)
        if channel is None:
            channel = channels[rule.metric.name] = self._begin(subject, rule.metric.name, self._now_us)
        return next((state for state in channel.states if state.rule.id == rule.id), None)

    def forget(self, subject: Subject) -> None:
        """The registry has no such subject any more: its alarms are cleared at the next tick."""
        for channel in self._channels.pop(subject, {}).values():
            for state in channel.states:
                state.due_us = 0  # what is planned for it no longer counts
                self._speech.withdraw(state, self._now_us, self._left, "subject_gone")

    # --- what it knows

    def open_alarms(self) -> list[Alarm]:
        """Every alarm that is open, the oldest first."""
        found = [s.voice.alarm for s in self._states() if s.voice is not None and s.voice.alarm is not None]
        return sorted(found, key=lambda alarm: (alarm.raised_us, alarm.rule, str(alarm.subject)))

    def baselines(self) -> Iterator[tuple[Subject, str, Usual]]:
        """What is usual, for the ledger: a restart must not be blind for days."""
        for subject, channels in self._channels.items():
            for metric, channel in channels.items():
                if channel.usual is not None:
                    yield subject, metric, channel.usual

    def keep_baselines(self, found: Iterable[tuple[Subject, str, Usual]]) -> None:
        """Baselines from before a restart, to be called before the first facts are fed."""
        for subject, metric, usual in found:
            self._kept[subject, metric] = usual

    @property
    def size(self) -> int:
        """How many (rule, subject) pairs are remembered: for the page, and to see that it does not grow."""
        return sum(len(channel.states) for channels in self._channels.values() for channel in channels.values())


_moment = attrgetter("at_us")


def _hand_over(old: Watched, new: Watched) -> None:
    new.phase, new.was = old.phase, old.was
    new.since_us, new.was_since_us, new.at_us = old.since_us, old.was_since_us, old.at_us
    new.value, new.seen_us, new.stale, new.far_end = old.value, old.seen_us, old.stale, old.far_end
    new.count, new.was_count = old.count, old.was_count
    new.voice = old.voice
    if new.voice is not None:
        new.adopt(new.rule)


def _within(scope: Scope, subject: Subject, about: About) -> bool:
    return (
        (not scope.sites or subject.site in scope.sites)
        and (not scope.link_kinds or about.link_kind in scope.link_kinds)
        and (not scope.providers or about.provider in scope.providers)
        and (not scope.places or about.code in scope.places or about.province in scope.places)
    )
