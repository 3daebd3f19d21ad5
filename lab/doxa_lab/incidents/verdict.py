"""Holds incidents against the truth of a scenario: one for each fault, its cause right, nobody else blamed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from doxa_collector.incidents.model import Incident, IncidentChange, State, Turn
from doxa_lab.incidents.faults import Fault, S, Scenario

_SLACK_S = 60.0
_TOLD = (Turn.OPENED, Turn.UNMUTED, Turn.GREW, Turn.RECAST, Turn.REOPENED, Turn.RESOLVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one fault."""

    fault: Fault
    incident: Incident
    messages: int
    """Changes that are worth one, from the opening to the end."""
    detected_s: float
    """From the fault to its announcement."""

    def __str__(self) -> str:
        repair = self.incident.time_to_repair_s
        return (
            f"{self.fault.name}: {self.incident.cause}, {len(self.incident.sites)}/{len(self.fault.sites)} offices, "
            f"alarm after {self.incident.time_to_detect_s:.1f} s, announced after {self.detected_s:.1f} s, "
            f"repaired after {'-' if repair is None else f'{repair:.0f} s'}, {self.messages} messages"
        )


def final(changes: Iterable[IncidentChange]) -> list[Incident]:
    """The last picture of every incident that was not absorbed."""
    last: dict[int, Incident] = {}
    for change in changes:
        last[change.incident.id] = change.incident
    return [last[number] for number in sorted(last) if last[number].state is not State.CLOSED]


def outcomes(scenario: Scenario, changes: Sequence[IncidentChange]) -> list[Outcome]:
    """One outcome for each fault; `AssertionError` with every difference from the truth."""
    messages = Counter(c.incident.id for c in changes if c.notable and c.turn in _TOLD)
    told = {c.incident.id: c.at_us for c in reversed(changes) if c.turn in (Turn.OPENED, Turn.UNMUTED)}
    return compare(scenario, final(changes), messages, told)


def compare(
    scenario: Scenario, incidents: Sequence[Incident], messages: Mapping[int, int], told: Mapping[int, int]
) -> list[Outcome]:
    """The same of incidents as they stand at the end: how many messages there were of each, and when the first was."""
    problems, found = [], []
    unclaimed = {i.id: i for i in incidents}
    for fault in scenario.faults:
        mine = [i for i in unclaimed.values() if _is_about(i, fault, scenario.start_us)]
        for incident in mine:
            del unclaimed[incident.id]
        if len(mine) != 1:
            problems.append(f"{fault.name}: {len(mine)} incidents instead of one: {[_brief(i) for i in mine]}")
            continue
        problems += _differences(fault, mine[0])
        began_us = scenario.start_us + round(fault.from_s * S)
        found.append(
            Outcome(
                fault=fault, incident=mine[0], messages=messages.get(mine[0].id, 0),
                detected_s=(told.get(mine[0].id, mine[0].opened_us) - began_us) / S,
            )
        )  # fmt: skip
    problems += [f"nobody's fault: {_brief(i)}" for i in unclaimed.values()]
    if problems:
        raise AssertionError("\n".join(problems))
    return found


def _is_about(incident: Incident, fault: Fault, start_us: int) -> bool:
    from_s, to_s = ((us - start_us) / S for us in (incident.began_us, max(m.began_us for m in incident.members)))
    if from_s < fault.from_s - _SLACK_S or to_s > fault.to_s + _SLACK_S:
        return False
    if fault.root is not None:
        return str(incident.root) == fault.root
    return incident.root is None and bool(incident.sites) and incident.sites <= fault.sites


def _differences(fault: Fault, incident: Incident) -> Iterable[str]:
    if incident.cause not in fault.causes:
        yield f"{fault.name}: cause {incident.cause} instead of {' or '.join(sorted(fault.causes))}"
    if incident.sites - fault.sites:
        yield f"{fault.name}: blames {sorted(incident.sites - fault.sites)}"
    if incident.place != fault.place:
        yield f"{fault.name}: place {incident.place} instead of {fault.place}"
    if fault.provider is not None and incident.provider != fault.provider:
        yield f"{fault.name}: provider {incident.provider} instead of {fault.provider}"


def _brief(incident: Incident) -> str:
    sites = sorted(incident.sites)
    return (
        f"#{incident.id} {incident.state} {incident.cause} {incident.fault} root {incident.root}, "
        f"{len(incident.members)} members at {len(sites)} offices {sites[:3]}"
    )
