"""Which fault explains each alarm: pure, by all open alarms at once, so the order in which they came plays no part.

The explanations are tried in this order, and what one takes the next does not see:

1. we ourselves do not hear (collector or broker): nothing that is silent says anything about an office;
2. power, by the evidence of presence, at single offices or at many of a province;
3. a far end: (nearly) all lines that are measured against it alone fail, their probes are heard, and no node or provider
   that they have in common can be what is broken;
4. a node: concluded from what fails behind it, or watched and down itself;
5. everything silent at once without a node that explains it: again we ourselves, as a conclusion;
6. a provider, in a province or in several: far above coincidence, and not by accident its own lines;
7. an area: whole offices of a province, far above coincidence; the cause is not known;
8. the single office, line or device.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from doxa_collector.incidents.atlas import Atlas
from doxa_collector.incidents.chance import by_accident, coincidence
from doxa_collector.incidents.model import Family, Fault, Reach
from doxa_collector.incidents.settings import Settings
from doxa_collector.incidents.sight import Blind, Sight
from doxa_collector.incidents.symptom import BROKER, COLLECTOR, LINE, POWER, cause_of, family_of, is_own
from doxa_collector.nodes.tree import Tree
from doxa_collector.watch.alarm import Alarm
from doxa_collector.watch.subject import Kind, Subject

Key = tuple[str, Subject]
_LINE_QUALITY = (Family.SPEED, Family.LATENCY, Family.LOSS)
_ROOTS = (Kind.NODE, Kind.COLLECTOR)
_OF_LINES = (*_LINE_QUALITY, Family.IPV6, Family.SERVICE)


@dataclass(frozen=True, slots=True)
class Root:
    """Something that explains others while it fails: a node, or the collector."""

    subject: Subject
    began_us: int
    ended_us: int | None = None

    def explains(self, began_us: int, window_us: int) -> bool:
        """Whether what began then can be its consequence."""
        return began_us >= self.began_us - window_us and (
            self.ended_us is None or began_us <= self.ended_us + window_us
        )


class Ground:
    """The tree over the atlas, with the counts that explaining asks for again and again."""

    def __init__(self, tree: Tree, atlas: Atlas, settings: Settings, sight: Sight | None = None) -> None:
        self.sight = sight or Blind()
        self.tree = tree
        self.atlas = atlas
        self.settings = settings
        self._watched_behind: dict[Subject, int] = {}

    def watched_behind(self, node: Subject) -> int:
        """How many watched lines are behind a node."""
        if node not in self._watched_behind:
            self._watched_behind[node] = len(self.tree.links_behind(node) & self.atlas.watched)
        return self._watched_behind[node]

    def lines_of(self, alarm: Alarm) -> frozenset[Subject]:
        """The lines that may be dead by this alarm; of a node, the watched ones behind it."""
        if family_of(alarm) is Family.POWER:
            return frozenset()
        if alarm.subject.kind is Kind.NODE:
            return self.tree.links_behind(alarm.subject) & self.atlas.watched
        return self.atlas.lines_of(alarm.subject, _said(alarm))

    @cached_property
    def watched_in_province(self) -> Mapping[str, int]:
        """Province code → watched lines."""
        return Counter(self.atlas.province_of(line.site) or "" for line in self.atlas.watched)


def _said(alarm: Alarm) -> tuple[str, ...]:
    """The links that presence names for an absent probe, in `links` or `link`."""
    found = alarm.detail.get("links", alarm.detail.get("link", ()))
    names = (found,) if isinstance(found, str) else found
    return tuple(n for n in names if isinstance(n, str)) if isinstance(names, list | tuple | Mapping) else ()


def _really_began(alarm: Alarm) -> int:
    """A silence of 300 s that is too long began 300 s before it became so."""
    threshold = alarm.detail.get("threshold")
    if str(alarm.detail.get("metric", "")).endswith("_s") and isinstance(threshold, int | float):
        return alarm.began_us - int(threshold * 1e6)
    return alarm.began_us


def order(alarm: Alarm) -> tuple[int, Subject, str]:
    """The order that does not depend on arrival."""
    return alarm.began_us, alarm.subject, alarm.rule


def clusters(alarms: Iterable[Alarm], window_s: float) -> list[list[Alarm]]:
    """The alarms cut where nothing begins for longer than the window, in the order of time."""
    ordered = sorted(alarms, key=order)
    if not ordered:
        return []
    found = [[ordered[0]]]
    for before, after in pairwise(ordered):
        if after.began_us - before.began_us > window_s * 1e6:
            found.append([])
        found[-1].append(after)
    return found


def explain(ground: Ground, alarms: Sequence[Alarm], roots: Sequence[Root] = ()) -> dict[Key, Fault]:
    """The fault of every alarm. `roots` adds those that have just ended to those that are among the alarms."""
    return _Explaining(ground, alarms, roots).run()


class _Explaining:
    def __init__(self, ground: Ground, alarms: Sequence[Alarm], roots: Sequence[Root]) -> None:
        self.ground = ground
        self.settings = ground.settings
        self.atlas = ground.atlas
        self.tree = ground.tree
        self.alarms = sorted(alarms, key=order)
        self.families = {a.key: family_of(a) for a in self.alarms}
        self.lines = {a.key: ground.lines_of(a) for a in self.alarms}
        """Of what runs on its battery: none."""
        self.found: dict[Key, Fault] = {}
        down = self._of_down()
        self.roots = [*roots, *(Root(a.subject, _really_began(a)) for a in down if a.subject.kind in _ROOTS)]
        self.local = frozenset(a.subject for a in down if "port_down" in str(a.detail.get("metric") or a.rule))
        """Lines without a signal at the probe's own port: what is broken is in the office."""
        self.window_us = int(self.settings.window_s * 1e6)

    def run(self) -> dict[Key, Fault]:
        down = self._of_down()
        self._ourselves(down)
        self._power(self._left(down))
        for cluster in clusters(self._left(down), self.settings.window_s):
            self._far_ends(cluster, Family.DOWN)
            self._inferred_nodes(self._left(cluster))
        self._failing_nodes(self._left(down))
        for cluster in clusters(self._left(down), self.settings.window_s):
            self._all_silent(cluster)
            self._providers(self._left(cluster), Family.DOWN, self.settings.window_s)
            self._areas(self._left(cluster))
        for alarm in self._left(down):
            self._take([alarm], Fault(Reach.OFFICE, alarm.subject.site or str(alarm.subject)))
        self._qualities(down)
        self._devices()
        return self.found

    def _of_down(self) -> list[Alarm]:
        return [a for a in self.alarms if self.families[a.key] in (Family.DOWN, Family.POWER)]

    def _left(self, alarms: Iterable[Alarm]) -> list[Alarm]:
        return [a for a in alarms if a.key not in self.found]

    def _take(self, alarms: Iterable[Alarm], fault: Fault) -> None:
        for alarm in alarms:
            self.found[alarm.key] = fault

    # --- 1: we ourselves

    def _ourselves(self, down: Sequence[Alarm]) -> None:
        fault = Fault(Reach.COLLECTOR, "")
        told = [a for a in down if is_own(a) and a.subject.kind is Kind.PROBE]
        own = [r for r in self.roots if r.subject.kind is Kind.COLLECTOR]
        if own or len(told) >= self.settings.group_least:
            self._take(told, fault)
        for alarm in down:
            if any(root.explains(alarm.began_us, self.window_us) for root in own):
                self._take([alarm], fault)

    # --- 2: power

    def _power(self, down: Sequence[Alarm]) -> None:
        evidence = [a for a in down if a.subject.kind is Kind.PROBE and cause_of(a) == POWER]
        of_province: dict[str, list[Alarm]] = defaultdict(list)
        for alarm in evidence:
            of_province[self.atlas.province_of(alarm.subject.site) or ""].append(alarm)
        dark: dict[str, list[tuple[int, Fault]]] = defaultdict(list)
        for province, alarms in of_province.items():
            for cluster in clusters(alarms, self.settings.power_window_s):
                sites = {a.subject.site for a in cluster}
                common = len(sites) >= self.settings.group_least
                for alarm in cluster:
                    fault = Fault(Reach.AREA, province) if common else Fault(Reach.OFFICE, alarm.subject.site)
                    dark[alarm.subject.site].append((alarm.began_us, fault))
        for alarm in down:
            if alarm.subject.kind is not Kind.NODE:
                self._in_the_dark(alarm, [alarm.subject.site], dark)
            elif lines := self.lines[alarm.key]:  # a router whose offices are all dark is dark itself
                self._in_the_dark(alarm, sorted({line.site for line in lines}), dark)

    def _in_the_dark(self, alarm: Alarm, sites: Sequence[str], dark: Mapping[str, Sequence[tuple[int, Fault]]]) -> None:
        faults = [
            next((fault for began, fault in dark.get(site, ()) if alarm.began_us >= began - self.window_us), None)
            for site in sites
        ]
        if faults and faults[0] is not None and all(fault is not None for fault in faults):
            self._take([alarm], faults[0])

    # --- 4: nodes

    def _inferred_nodes(self, cluster: Sequence[Alarm]) -> None:
        """Nodes that nothing says to be down, but behind which too much fails to be anything else."""
        failing = self._surely_failing(cluster)
        down = {a.subject for a in cluster if a.subject.kind is Kind.NODE}
        down |= {r.subject for r in self.roots if r.subject.kind is Kind.NODE and r.ended_us is None}
        counted: Counter[Subject] = Counter()
        for line in failing:
            counted.update(self.tree.ancestors(line))
        for node in sorted(counted, key=lambda n: (len(self.tree.ancestors(n)), n)):  # from the top down
            if down & {node, *self.tree.ancestors(node)} or counted[node] < self.settings.group_least:
                continue
            if counted[node] < self.settings.node_share * self.ground.watched_behind(node):
                continue
            deepest = self._descend(node, counted)
            if deepest not in down:
                self._take(self._behind(deepest, self._left(cluster)), Fault(Reach.NODE, deepest.name))
                for line in failing & self.tree.links_behind(deepest):
                    counted.subtract(self.tree.ancestors(line))
                failing -= self.tree.links_behind(deepest)

    def _surely_failing(self, alarms: Iterable[Alarm]) -> set[Subject]:
        """Lines that fail by an alarm which leaves no choice: a probe of several lines may have lost any of them."""
        found: set[Subject] = set()
        for alarm in alarms:
            lines = self.lines[alarm.key] - self.local
            if len(lines) == 1 or alarm.subject.kind is Kind.NODE:
                found |= lines & self.atlas.watched
        return found

    def _descend(self, node: Subject, counted: Mapping[Subject, int]) -> Subject:
        """The lowest node that explains all but a few: those few are faults of their own."""
        while True:
            best = max(self.tree.children(node), key=lambda child: (counted.get(child, 0), child), default=None)
            if best is None or counted[node] - counted.get(best, 0) >= self.settings.group_least:
                return node
            node = best

    def _behind(self, node: Subject, alarms: Iterable[Alarm]) -> list[Alarm]:
        behind = self.tree.behind(node) | {node}
        return [
            a for a in alarms if (a.subject in behind or self.lines[a.key] & behind) and a.subject not in self.local
        ]

    def _failing_nodes(self, down: Sequence[Alarm]) -> None:
        roots = {r.subject: r for r in self.roots if r.subject.kind is Kind.NODE}
        if not roots:
            return
        for alarm in down:
            above = [alarm.subject, *self.tree.ancestors(alarm.subject)]
            for line in sorted(self.lines[alarm.key]) if alarm.subject.kind is Kind.PROBE else ():
                above += self.tree.ancestors(line)
            causes = [n for n in above if n in roots and roots[n].explains(alarm.began_us, self.window_us)]
            if causes and alarm.subject not in self.local:
                top = min(causes, key=lambda n: (len(self.tree.ancestors(n)), n))
                self._take([alarm], Fault(Reach.NODE, top.name))

    # --- 5: everything at once

    def _all_silent(self, cluster: Sequence[Alarm]) -> None:
        silent = [a for a in self._left(cluster) if a.subject.kind is Kind.PROBE]
        least = max(self.settings.silent_least, self.settings.silent_share * self.atlas.probes)
        if len(silent) >= least:
            self._take(self._left(cluster), Fault(Reach.COLLECTOR, ""))

    # --- 3: far ends

    def _far_ends(self, alarms: Sequence[Alarm], family: Family) -> None:
        groups: dict[str, list[Alarm]] = defaultdict(list)
        for alarm in alarms:
            far_end = alarm.detail.get("far_end")
            if isinstance(far_end, str) and alarm.subject.kind is Kind.LINK and alarm.subject not in self.local:
                groups[far_end].append(alarm)
        silent: set[Subject] = set()
        for alarm in alarms:
            silent |= self.lines[alarm.key] if alarm.subject.kind is Kind.PROBE else frozenset()
        window = self.settings.window_s if family is Family.DOWN else self.settings.quality_window_s
        for far_end, found in sorted(groups.items()):
            lines = frozenset(a.subject for a in found)
            if len(lines) < self.settings.group_least or lines & silent:
                continue
            known = self._is_all_there_is(far_end, found, lines, silent)
            if not known or not self._have_little_in_common(lines):
                continue
            if self._far_above(len(lines), len(self.atlas.watched), found, window):
                self._take(found, Fault(Reach.FAR_END, far_end, family))

    def _is_all_there_is(
        self, far_end: str, alarms: Sequence[Alarm], lines: frozenset[Subject], silent: Collection[Subject]
    ) -> bool:
        """Whether nearly every line that is measured against it fails; a probe that went silent is no far end's doing."""
        since_us = min(a.began_us for a in alarms)
        failing, well, unseen = self.ground.sight.against(far_end, since_us)
        if not failing | well | unseen:  # nobody can say who is measured against it
            return True
        failing |= lines
        against = len(well - lines) + len(unseen & frozenset(silent))
        return len(failing) >= self.settings.far_end_share * (len(failing) + against)

    def _have_little_in_common(self, lines: frozenset[Subject]) -> bool:
        """Whether nothing that all the lines have in common may be what is broken instead: a node, a provider."""
        common = frozenset.intersection(*(frozenset(self.tree.ancestors(line)) for line in lines))
        if common:
            return all(self.ground.sight.reached(node) for node in common)
        return len({self.atlas.provider_of(line) for line in lines}) > 1

    def _far_above(self, failing: int, among: int, alarms: Sequence[Alarm], window_s: float) -> bool:
        span_s = (max(a.began_us for a in alarms) - min(a.began_us for a in alarms)) / 1e6
        chance = coincidence(failing, among, max(window_s, span_s), self.settings.failures_per_day)
        return failing >= self.settings.group_least and chance < self.settings.chance

    # --- 6: providers

    def _providers(self, alarms: Sequence[Alarm], family: Family, window_s: float) -> None:
        blamed: dict[str, set[str]] = defaultdict(set)
        of_province: dict[str, list[Alarm]] = defaultdict(list)
        for alarm in alarms:
            province = self.atlas.province_of(alarm.subject.site) if alarm.subject.site else None
            if province is not None and cause_of(alarm) != POWER and alarm.subject not in self.local:
                of_province[province].append(alarm)
        taken: list[tuple[str, str, list[Alarm]]] = []
        for province, there in sorted(of_province.items()):
            left = there
            while (found := self._provider(province, left, window_s)) is not None:
                provider, mine = found
                blamed[provider].add(province)
                taken.append((province, provider, mine))
                left = [a for a in left if a not in mine]
        for province, provider, mine in taken:
            wide = len(blamed[provider]) >= self.settings.provinces_least
            fault = (
                Fault(Reach.PROVIDER, provider, family)
                if wide
                else Fault(Reach.PROVINCE, f"{province} {provider}", family)
            )
            self._take(mine, fault)

    def _provider(self, province: str, alarms: Sequence[Alarm], window_s: float) -> tuple[str, list[Alarm]] | None:
        """The provider whose lines fail far above coincidence, and hardly by accident just its own."""
        failing = self._failing(alarms)
        among = self.ground.watched_in_province.get(province, 0)
        best: tuple[float, str, list[Alarm]] | None = None
        for provider in sorted({self.atlas.provider_of(line) or "" for line in failing} - {""}):
            own = self.atlas.watched_of_provider.get((province, provider), frozenset())
            accident = by_accident(len(failing & own), len(failing), len(own) / among if among else 1.0)
            if accident > self.settings.contrast or (best is not None and accident >= best[0]):
                continue
            mine = [a for a in alarms if self.lines[a.key] & own]
            if self._far_above(len(failing & own), len(own), mine, window_s):
                best = accident, provider, mine
        return None if best is None else best[1:]

    def _failing(self, alarms: Iterable[Alarm]) -> frozenset[Subject]:
        found: set[Subject] = set()
        for alarm in alarms:
            found |= self.lines[alarm.key]
        return frozenset(found) & self.atlas.watched

    # --- 7: areas

    def _areas(self, cluster: Sequence[Alarm]) -> None:
        dark = {fault.name for fault in self.found.values() if fault.reach is Reach.AREA}
        of_province: dict[str, dict[str, list[Alarm]]] = defaultdict(lambda: defaultdict(list))
        for alarm in cluster:
            if alarm.subject.site:
                of_province[self.atlas.province_of(alarm.subject.site) or ""][alarm.subject.site].append(alarm)
        for province, sites in sorted(of_province.items()):
            dead = {site: alarms for site, alarms in sites.items() if self.is_dead(site, alarms)}
            alarms = [a for group in dead.values() for a in group]
            if not alarms:
                continue
            if province in dark and self._near_darkness(province, alarms):
                self._take([a for s in dead for a in dead[s] if not _told_line(dead[s])], Fault(Reach.AREA, province))
            left = {site: group for site, group in dead.items() if self._left(group)}
            among = len(self.atlas.watched_sites.get(province, ()))
            rest = [a for group in left.values() for a in group]
            if rest and self._far_above(len(left), among, rest, self.settings.window_s):
                self._take(rest, Fault(Reach.AREA, province))

    def is_dead(self, site: str, alarms: Iterable[Alarm]) -> bool:
        """Whether nothing of the office is heard: all its lines, or probes that carry them, are silent."""
        failing: set[Subject] = set()
        for alarm in alarms:
            failing |= self.lines[alarm.key]
        links = self.atlas.links_of.get(site, ())
        return bool(links) and len({line.name for line in failing if line.site == site} & set(links)) == len(links)

    def _near_darkness(self, province: str, alarms: Sequence[Alarm]) -> bool:
        area = Fault(Reach.AREA, province)
        dark = [a.began_us for a in self.alarms if self.found.get(a.key) == area]
        margin = int(self.settings.join_s * 1e6)
        return min(dark) - margin <= alarms[0].began_us <= max(dark) + margin

    # --- slowness and devices

    def _qualities(self, down: Sequence[Alarm]) -> None:
        silent: dict[Subject, list[Alarm]] = defaultdict(list)
        for alarm in down:
            for line in self.lines[alarm.key] if alarm.subject.kind is not Kind.NODE else ():
                silent[line].append(alarm)
        for family in _OF_LINES:
            alarms = [a for a in self._left(self.alarms) if self.families[a.key] is family]
            for alarm in alarms:
                self._part_of_silence(alarm, silent.get(alarm.subject, ()))
            for cluster in clusters(self._left(alarms), self.settings.quality_window_s):
                self._far_ends(cluster, _group(family))
                self._providers(self._left(cluster), _group(family), self.settings.quality_window_s)
            for alarm in self._left(alarms):
                self._take([alarm], Fault(Reach.OFFICE, str(alarm.subject), _group(family)))

    def _part_of_silence(self, alarm: Alarm, down: Iterable[Alarm]) -> None:
        """A line that is dead is also slow; a node that fails makes slow what is behind it."""
        for silence in down:
            if alarm.began_us >= silence.began_us - self.window_us:
                self.found[alarm.key] = self.found[silence.key]
                return
        self._failing_nodes([alarm])

    def _devices(self) -> None:
        rules: dict[str, list[Alarm]] = defaultdict(list)
        for alarm in self._left(self.alarms):
            if self.families[alarm.key] is Family.CERTIFICATE and alarm.detail.get("far_end"):
                page = str(alarm.detail["far_end"])  # its own, over whatever line it is read
                self._take([alarm], Fault(Reach.FAR_END, page, Family.CERTIFICATE))
        for alarm in self._left(self.alarms):
            rules[alarm.rule].append(alarm)
        for rule, alarms in sorted(rules.items()):
            for cluster in clusters(alarms, self.settings.quality_window_s):
                family = self.families[cluster[0].key]
                probes = [a for a in cluster if a.subject.kind is Kind.PROBE]
                if len(probes) >= self.settings.fleet_least and self._far_above(
                    len(probes), self.atlas.probes, probes, self.settings.quality_window_s
                ):
                    self._take(probes, Fault(Reach.FLEET, rule, family))
                for alarm in self._left(cluster):
                    self._take([alarm], Fault(Reach.OFFICE, str(alarm.subject), family))


def _group(family: Family) -> Family:
    return Family.QUALITY if family in _LINE_QUALITY else family


def _told_line(alarms: Iterable[Alarm]) -> bool:
    return any(cause_of(a) in (LINE, BROKER, COLLECTOR) for a in alarms)
