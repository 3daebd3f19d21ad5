"""An incident while it lasts: what the correlator changes, and the frozen picture that everybody else gets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from doxa_collector.incidents.explain import Ground, Key
from doxa_collector.incidents.judging import Finding, judge
from doxa_collector.incidents.model import Fault, Incident, Member, Reach, State
from doxa_collector.incidents.symptom import family_of
from doxa_collector.watch.alarm import Alarm


@dataclass(slots=True, kw_only=True)
class Live:
    """One incident in the correlator's hands."""

    id: int
    fault: Fault
    opened_us: int
    detected_us: int
    members: dict[Key, Member] = field(default_factory=dict)
    state: State = State.OPEN
    muted: bool = False
    acknowledged_us: int | None = None
    resolved_us: int | None = None
    closed_us: int | None = None
    reopened: int = 0
    absorbed_by: int | None = None
    told_sites: int = 0
    """How many offices the last message named."""
    finding: Finding | None = None

    @classmethod
    def of(cls, incident: Incident) -> "Live":
        """Take up again what was kept."""
        return cls(
            id=incident.id,
            fault=incident.fault,
            opened_us=incident.opened_us,
            detected_us=incident.detected_us,
            members={m.key: m for m in incident.members},
            state=incident.state,
            muted=incident.muted,
            acknowledged_us=incident.acknowledged_us,
            resolved_us=incident.resolved_us,
            closed_us=incident.closed_us,
            reopened=incident.reopened,
            absorbed_by=incident.absorbed_by,
            told_sites=len(incident.sites),
            finding=Finding(
                cause=incident.cause,
                root=incident.root,
                place=incident.place,
                provider=incident.provider,
                severity=incident.severity,
                inferred=incident.inferred,
                why=incident.why,
            ),
        )

    def picture(self) -> Incident:
        """The incident as it stands now."""
        finding = self.finding
        if finding is None:
            raise ValueError("an incident is judged before it is shown")
        members = tuple(sorted(self.members.values(), key=lambda m: (m.began_us, m.subject, m.rule)))
        return Incident(
            id=self.id,
            fault=self.fault,
            cause=finding.cause,
            severity=finding.severity,
            state=self.state,
            began_us=self.first_us,
            detected_us=self.detected_us,
            opened_us=self.opened_us,
            members=members,
            root=finding.root,
            place=finding.place,
            provider=finding.provider,
            muted=self.muted,
            inferred=finding.inferred,
            why=finding.why,
            acknowledged_us=self.acknowledged_us,
            resolved_us=self.resolved_us,
            closed_us=self.closed_us,
            reopened=self.reopened,
            absorbed_by=self.absorbed_by,
        )

    @property
    def first_us(self) -> int:
        """When the first member failed."""
        return min(m.began_us for m in self.members.values())

    @property
    def last_us(self) -> int:
        """When the last one failed."""
        return max(m.began_us for m in self.members.values())

    @property
    def open(self) -> list[Member]:
        """Those that still fail."""
        return [m for m in self.members.values() if m.is_open]

    @property
    def sites(self) -> set[str]:
        """The offices that it ever reached."""
        return {m.subject.site for m in self.members.values() if m.subject.site}

    def root_ended_us(self) -> int | None:
        """When the root came back, where the root itself was watched and is well again."""
        if self.finding is None or self.fault.reach not in (Reach.NODE, Reach.COLLECTOR):
            return None
        roots = [m for m in self.members.values() if m.subject == self.finding.root]
        ends = [m.cleared_us for m in roots if m.cleared_us is not None]
        return max(ends) if ends and len(ends) == len(roots) else None

    def take(self, alarms: Iterable[Alarm], now_us: int) -> list[Member]:
        """Make the alarms members; those that were and had cleared are open again."""
        taken = []
        for alarm in alarms:
            known = self.members.get(alarm.key)
            member = (
                Member(
                    subject=alarm.subject, rule=alarm.rule, severity=alarm.severity, family=family_of(alarm), began_us=alarm.began_us,
                    joined_us=now_us,
                )
                if known is None
                else replace(known, cleared_us=None)
            )  # fmt: skip
            self.members[alarm.key] = member
            self.detected_us = min(self.detected_us, max(alarm.raised_us, alarm.began_us))
            taken.append(member)
        return taken

    def clear(self, key: Key, at_us: int) -> Member:
        """A member is well again."""
        cleared = replace(self.members[key], cleared_us=max(at_us, self.members[key].began_us))
        self.members[key] = cleared
        return cleared

    def judge(self, ground: Ground, evidence: Mapping[Key, str]) -> bool:
        """Judge again; whether cause, root or severity are others now."""
        before, self.finding = self.finding, judge(ground, self.fault, list(self.members.values()), evidence)
        now = self.finding
        return before is None or (before.cause, before.root, before.severity, before.provider) != (
            now.cause,
            now.root,
            now.severity,
            now.provider,
        )
