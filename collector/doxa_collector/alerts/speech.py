"""From a rule that holds to what people are told: opening and closing alarms, muting outside the hours, damping of flapping."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from doxa_collector.alerts.state import Voice, Watched
from doxa_collector.alerts.wording import fill
from doxa_collector.watch.alarm import Alarm, Change, Turn
from doxa_collector.watch.subject import Subject
from doxa_core.language import Text

_FLAPPING: Final = Text(vi="{text} (chập chờn)", en="{text} (flapping)")


Evidence = Callable[[Subject, str], Mapping[str, Any]]
"""What else is known about (subject, metric) when an alarm is raised: presence says the cause of an absence."""


def no_more(subject: Subject, metric: str) -> Mapping[str, Any]:  # noqa: ARG001 - evidence
    """Nothing else is known."""
    return {}


class Speech:
    """Opens and closes alarms. `changes` collects what is told."""

    def __init__(self, evidence: Evidence, *, reveal: bool) -> None:
        self._evidence = evidence
        self._reveal = reveal

    def turned_bad(self, state: Watched, now_us: int, changes: list[Change]) -> None:
        """The rule holds now: an alarm, unless it changes its mind too often."""
        voice = state.voice
        if voice is None:
            voice = state.voice = Voice(state.rule.damping.changes)
        voice.flips.append(now_us)
        if voice.alarm is None:
            voice.flapping = _too_often(state, voice, now_us)
            self._open(state, voice, now_us, changes)

    def turned_well(self, state: Watched, now_us: int, changes: list[Change], reason: str = "") -> None:
        """The rule holds no longer."""
        voice = state.voice
        if voice is None:
            return
        voice.flips.append(now_us)
        if not voice.flapping:
            self._close(voice, now_us, changes, reason, well_us=None if reason else state.since_us)

    def look_again(self, state: Watched, now_us: int, changes: list[Change]) -> None:
        """Whether flapping has ended, or the rule's hours have begun, while nothing else happened."""
        voice = state.voice
        if voice is None or voice.alarm is None:
            return
        if voice.flapping:
            if now_us - voice.flips[-1] < state.rule.damping.calm_s * 1e6:
                return
            voice.flapping = False
            voice.flips.clear()
            self._close(voice, now_us, changes, "calm")
        elif voice.alarm.muted and state.is_bad and state.rule.schedule.open_at(now_us):
            self._close(voice, now_us, changes, "hours_begin")
        if state.is_bad and voice.alarm is None:
            self._open(state, voice, now_us, changes)

    def moments(self, state: Watched, now_us: int) -> Iterator[int]:
        """When to look again without news."""
        voice = state.voice
        if voice is None or voice.alarm is None:
            return
        if voice.flapping:
            yield voice.flips[-1] + round(state.rule.damping.calm_s * 1e6)
        elif voice.alarm.muted:
            yield state.rule.schedule.next_open_us(now_us)

    def withdraw(self, state: Watched, now_us: int, changes: list[Change], reason: str) -> None:
        """The rule is gone: so is its alarm."""
        if state.voice is not None:
            self._close(state.voice, now_us, changes, reason)

    def ended(self, alarm: Alarm, now_us: int, reason: str = "", *, well_us: int | None = None) -> Change:
        """The end of an alarm; a `reason` where it is not that the figures are good again.

        Where they are, it ended with the first of them (`well_us`), not when we had seen enough of them to say so: the time to
        repair is the line's, not the rule's.
        """
        detail = dict(alarm.detail) | ({"cleared_by": reason} if reason else {})
        cleared_us = max(now_us, alarm.raised_us) if well_us is None else max(well_us, alarm.began_us)
        return Change(Turn.CLEARED, replace(alarm, cleared_us=cleared_us, detail=detail))

    def step_back(self, voice: Voice, now_us: int) -> None:
        """Nothing was told later than now."""
        for n, at in enumerate(voice.flips):
            voice.flips[n] = min(at, now_us)

    def _open(self, state: Watched, voice: Voice, now_us: int, changes: list[Change]) -> None:
        rule = state.rule
        text = fill(
            rule.message, state.subject, state.about, rule.metric, value=state.value, threshold=state.raise_at,
            baseline=state.baseline, since_us=state.since_us, now_us=now_us, reveal=self._reveal,
            far_end=state.far_end,
        )  # fmt: skip
        voice.alarm = Alarm(
            rule=rule.id,
            subject=state.subject,
            severity=rule.severity,
            began_us=state.since_us,
            raised_us=now_us,
            value=state.value,
            text=Text(vi=_FLAPPING.vi.format(text=text.vi), en=_FLAPPING.en.format(text=text.en))
            if voice.flapping
            else text,
            muted=voice.flapping or not rule.schedule.open_at(now_us),
            detail=dict(self._evidence(state.subject, rule.metric.name)) | _detail(state, voice),
        )
        changes.append(Change(Turn.RAISED, voice.alarm))

    def _close(
        self, voice: Voice, now_us: int, changes: list[Change], reason: str, *, well_us: int | None = None
    ) -> None:
        if voice.alarm is not None:
            changes.append(self.ended(voice.alarm, now_us, reason, well_us=well_us))
            voice.alarm = None


def _too_often(state: Watched, voice: Voice, now_us: int) -> bool:
    damping = state.rule.damping
    return len(voice.flips) > damping.changes and now_us - voice.flips[0] <= damping.within_s * 1e6


def _detail(state: Watched, voice: Voice) -> dict[str, Any]:
    rule = state.rule
    found: dict[str, Any] = {"metric": rule.metric.name, "operator": rule.operator.value}
    known = {"threshold": state.raise_at, "baseline": state.baseline}
    found |= {name: value for name, value in known.items() if value is not None}
    if state.far_end:
        found["far_end"] = state.far_end
    if voice.flapping:
        found["flapping"] = True
    return found
