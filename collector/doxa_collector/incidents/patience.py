"""What may be explained any moment by a node that they are all behind: such a fault waits a little before it is announced.

Members are often noticed before their node is: a probe's last will comes within seconds, the node's own alarm when its
watcher looks again. Announced at once, one fault would be several messages, or blame a provider for its node.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from doxa_collector.incidents.chance import coincidence
from doxa_collector.incidents.explain import Ground, Key
from doxa_collector.incidents.model import Family, Fault, Reach
from doxa_collector.watch.alarm import Alarm
from doxa_collector.watch.subject import Subject

_HARDLY: Final = 0.01
"""Two offices behind a small node that fail together are no coincidence; two behind the country's core are."""


def awaiting(ground: Ground, faults: Mapping[Key, Fault], alarms: Iterable[Alarm]) -> frozenset[Key]:
    """Of alarms that are thought to be single offices or one provider in a province, those that a node may explain yet."""
    offices: list[Alarm] = []
    provinces: dict[Fault, list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        fault = faults[alarm.key]
        if fault.family is Family.DOWN and fault.reach is Reach.OFFICE:
            offices.append(alarm)
        elif fault.family is Family.DOWN and fault.reach is Reach.PROVINCE:
            provinces[fault].append(alarm)
    found = set(_offices(ground, offices))
    for fault, group in provinces.items():
        found |= _province(ground, fault, group)
    return frozenset(found)


def _offices(ground: Ground, alarms: Sequence[Alarm]) -> Iterable[Key]:
    """An office whose failing lines are all behind a node, as are those of another one that failed about then."""
    sites: dict[str, list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        if alarm.subject.site:
            sites[alarm.subject.site].append(alarm)
    behind: dict[Subject, list[str]] = defaultdict(list)
    began = {site: min(a.began_us for a in group) for site, group in sites.items()}
    for site, group in sites.items():
        for node in _common(ground, [ground.lines_of(alarm) for alarm in group]):
            behind[node].append(site)
    window_us = ground.settings.window_s * 1e6
    for node, there in behind.items():
        for site in there:
            near = [began[other] for other in there if abs(began[other] - began[site]) <= window_us]
            if len(near) > 1 and _is_strange(ground, node, len(near)) and not ground.sight.reached(node, min(near)):
                yield from (alarm.key for alarm in sites[site])


def _is_strange(ground: Ground, node: Subject, offices: int) -> bool:
    settings = ground.settings
    chance = coincidence(offices, ground.watched_behind(node), settings.window_s, settings.failures_per_day)
    return chance < _HARDLY


def _province(ground: Ground, fault: Fault, alarms: Sequence[Alarm]) -> set[Key]:
    """A provider's lines that are all behind a node that somebody watches, and has not reached since."""
    province, _, provider = fault.name.partition(" ")
    own = ground.atlas.watched_of_provider.get((province, provider), frozenset())
    since_us = min(alarm.began_us for alarm in alarms)
    nodes = _common(ground, [ground.lines_of(alarm) & own for alarm in alarms])
    return {a.key for a in alarms} if any(ground.sight.awaited(node, since_us) for node in nodes) else set()


def _common(ground: Ground, lines: Iterable[frozenset[Subject]]) -> frozenset[Subject]:
    """The nodes that all these lines are behind; none where one of them is behind no node, or nobody knows the lines."""
    above = [
        frozenset.intersection(*(frozenset(ground.tree.ancestors(line)) for line in group)) if group else frozenset()
        for group in lines
    ]
    return frozenset.intersection(*above) if above else frozenset()
