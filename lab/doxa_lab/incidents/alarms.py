"""The alarms that a scenario would raise, with delays as presence and the shipped rules have them: to try correlation alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random

from doxa_collector.alerts.facts import Against
from doxa_collector.watch.alarm import Alarm, Change, Turn
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import COLLECTOR, Subject, line, node, probe
from doxa_lab.incidents.faults import S, Scenario
from doxa_lab.incidents.world import Span, World


@dataclass(frozen=True, slots=True)
class Scripted:
    """An alarm with the moment when it is cleared; None within the scenario if it is not."""

    alarm: Alarm
    cleared_us: int

    def open_at(self, now_us: int) -> bool:
        """Whether it is open then."""
        return self.alarm.raised_us <= now_us < self.cleared_us


def script(scenario: Scenario, *, knows: bool = True, nodes_late_s: float = 0.0) -> list[Scripted]:
    """All alarms, in the order in which they are raised.

    `knows`: whether presence notices at once that we ourselves hear nothing; else every probe seems to be away, and the
    alarm about the collector's own silence comes after five minutes. `nodes_late_s`: how much later than usual a node's own
    alarm comes.
    """
    world, dice = World(scenario), Random(scenario.seed)
    found = [
        *_of_probes(world, dice, knows=knows), *_of_lines(world, dice), *_of_nodes(world, dice, nodes_late_s), *_of_collector(world, knows=knows),
    ]  # fmt: skip
    moved = [_placed(one, scenario.start_us) for one in found]
    return sorted(moved, key=lambda s: (s.alarm.raised_us, s.alarm.subject, s.alarm.rule))


def ticks(
    scenario: Scenario, every_s: float = 2.0, *, knows: bool = True, nodes_late_s: float = 0.0
) -> Iterator[tuple[int, list[Change], list[Alarm]]]:
    """Each tick's moment, what was raised or cleared in it, and all that is open."""
    scripted = script(scenario, knows=knows, nodes_late_s=nodes_late_s)
    open_: dict[int, Scripted] = {}
    waiting = list(enumerate(scripted))
    for step in range(round(scenario.seconds / every_s) + 1):
        now_us = scenario.start_us + round(step * every_s * S)
        changes = []
        for place, one in [(p, o) for p, o in open_.items() if o.cleared_us <= now_us]:
            del open_[place]
            changes.append(Change(Turn.CLEARED, replace(one.alarm, cleared_us=one.cleared_us)))
        while waiting and waiting[0][1].alarm.raised_us <= now_us:
            place, one = waiting.pop(0)
            open_[place] = one
            changes.append(Change(Turn.RAISED, one.alarm))
        yield now_us, changes, [one.alarm for one in open_.values()]


def _placed(one: Scripted, start_us: int) -> Scripted:
    alarm = replace(one.alarm, began_us=one.alarm.began_us + start_us, raised_us=one.alarm.raised_us + start_us)
    return Scripted(alarm, one.cleared_us + start_us)


def _alarm(
    rule: str, metric: str, subject: Subject, span: Span, after: Span, severity: Severity, **detail: object
) -> Scripted:
    """An alarm about a span, `after` so many seconds from its beginning (raised) and end (cleared)."""
    alarm = Alarm(
        rule=rule, subject=subject, severity=severity, began_us=round(span[0] * S),
        raised_us=round((span[0] + after[0]) * S), detail={"metric": metric, **detail},
    )  # fmt: skip
    return Scripted(alarm, round((span[1] + after[1]) * S))


def _of_probes(world: World, dice: Random, *, knows: bool) -> Iterator[Scripted]:
    for site in world.country.registry.sites:
        for agent in site.agents:
            links = world.country.carried[agent]
            for span in (world.lost(site.site, links) | world.uplink).spans:
                if knows and world.uplink.at(span[0]):
                    continue  # presence says unknown, and nobody is blamed
                cause = "power" if _had_battery(world, site.site, span) else "lost"
                yield _alarm(
                    "probe-offline", "probe.offline_flag", probe(site.site, agent), span,
                    (dice.uniform(6, 15), dice.uniform(1, 6)), Severity.CRITICAL, cause=cause, links=links,
                )  # fmt: skip
            for first, _ in world.mains(site.site).spans:
                battery_s = world.batteries.get((site.site, first), 0.0)
                if battery_s > 70:  # the rule waits a minute
                    span = first, first + battery_s
                    yield _alarm(
                        "on-battery", "probe.on_battery_flag", probe(site.site, agent), span, (60, 600),
                        Severity.WARNING,
                    )  # fmt: skip


def _had_battery(world: World, site: str, span: Span) -> bool:
    """Whether the probe could say, before it fell silent, that the mains had gone."""
    mains = world.mains(site).at(span[0])
    return mains is not None and world.batteries.get((site, mains[0]), 0.0) > 0


def _of_lines(world: World, dice: Random) -> Iterator[Scripted]:
    """A line's own alarm needs a probe that still reaches us: those of two lines."""
    for site in world.country.registry.sites:
        for agent in site.agents:
            first, *others = world.country.carried[agent]
            for link in others:
                for span in world.link(site.site, link).spans:
                    if world.link(site.site, first).at(span[0]) or world.uplink.at(span[0]):
                        continue
                    after = dice.uniform(30, 40), dice.uniform(20, 40)
                    yield _alarm("link-down", "link.down_flag", line(site.site, link), span, after, Severity.CRITICAL)


def _of_nodes(world: World, dice: Random, late_s: float) -> Iterable[Scripted]:
    for name in world.country.tree.nodes:
        for span in world.node(name).spans:
            after = dice.uniform(20, 25) + late_s, dice.uniform(10, 60)
            yield _alarm("node-down", "node.down_flag", node(name), span, after, Severity.CRITICAL)


class Witness:
    """What correlation may ask beside the alarms, as the truth has it: each node is looked at every `every_s`."""

    def __init__(self, scenario: Scenario, every_s: float) -> None:
        self._scenario, self._every_s = scenario, every_s
        self._world = World(scenario)
        self.now_us = scenario.start_us

    def against(self, far_end: str, since_us: int) -> Against:  # noqa: ARG002 - sight
        """Of lines nothing is known."""
        return Against(frozenset(), frozenset(), frozenset())

    def reached(self, node: Subject, since_us: int = 0) -> bool:
        """By its latest look."""
        now_s = (self.now_us - self._scenario.start_us) / S
        look_s = now_s - now_s % self._every_s
        late = self._scenario.start_us + look_s * S < since_us
        return not late and self._world.node(node.name).at(look_s) is None

    def awaited(self, node: Subject, since_us: int) -> bool:
        """All are watched."""
        return not self.reached(node, since_us)


def _of_collector(world: World, *, knows: bool) -> Iterable[Scripted]:
    for first, last in world.uplink.spans:
        if knows:
            yield _alarm(
                "broker-lost", "collector.broker_down_flag", COLLECTOR, (first, last), (5, 5), Severity.CRITICAL
            )
        elif last - first > 300:
            span = first + 300, last
            yield _alarm(
                "collector-silence", "collector.silence_s", COLLECTOR, span, (2, 5), Severity.CRITICAL, threshold=300
            )
