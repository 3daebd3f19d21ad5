"""What is cut when: the truth that all replays of a scenario are made from."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from doxa_collector.watch.subject import Kind
from doxa_lab.incidents.faults import Cut, Outage, Scenario
from doxa_lab.incidents.province import Country

Span = tuple[float, float]


class Spans:
    """Spans of seconds, sorted and apart."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        joined: list[Span] = []
        for first, last in sorted(spans):
            if joined and first <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(last, joined[-1][1])
            else:
                joined.append((first, last))
        self.spans: Sequence[Span] = tuple(joined)
        self._starts = [first for first, _ in joined]

    def __or__(self, other: "Spans") -> "Spans":
        return Spans([*self.spans, *other.spans])

    def at(self, moment: float) -> Span | None:
        """The span that holds the moment; its end is outside."""
        place = bisect_right(self._starts, moment) - 1
        return self.spans[place] if place >= 0 and moment < self.spans[place][1] else None


NONE = Spans()


class World:
    """The truth of a scenario, by thing."""

    def __init__(self, scenario: Scenario) -> None:
        self.country = scenario.country
        found: dict[tuple[Cut, str], list[Span]] = defaultdict(list)
        for outage in scenario.outages():
            for cut, what in _reaches(outage, scenario.country):
                found[cut, what].append((outage.from_s, outage.to_s))
        self._spans: Mapping[tuple[Cut, str], Spans] = {key: Spans(spans) for key, spans in found.items()}
        self.batteries = {(o.what, o.from_s): o.battery_s for o in scenario.outages() if o.cut is Cut.POWER}

    def node(self, name: str) -> Spans:
        """When a node does not answer."""
        return self._spans.get((Cut.NODE, name), NONE)

    def far_end(self, name: str) -> Spans:
        """When a far end does not answer."""
        return self._spans.get((Cut.FAR_END, name), NONE)

    @property
    def uplink(self) -> Spans:
        """When nothing arrives at the collector."""
        return self._spans.get((Cut.UPLINK, ""), NONE)

    def mains(self, site: str) -> Spans:
        """When an office has no mains."""
        return self._spans.get((Cut.POWER, site), NONE)

    def dark(self, site: str) -> Spans:
        """When the probes of an office stand still: after their battery."""
        spans = ((first + self.batteries.get((site, first), 0.0), last) for first, last in self.mains(site).spans)
        return Spans((first, last) for first, last in spans if first < last)

    def link(self, site: str, link: str) -> Spans:
        """When a line carries nothing, for whatever reason; a battery carries the office's router as well."""
        return self._spans.get((Cut.LINK, f"{site}/{link}"), NONE) | self.dark(site)

    def lost(self, site: str, links: Sequence[str]) -> Spans:
        """When a probe that reaches us by the first of its links is away."""
        return self.link(site, links[0])


def _reaches(outage: Outage, country: Country) -> Iterable[tuple[Cut, str]]:
    yield outage.cut, outage.what
    if outage.cut is Cut.NODE:
        for subject in country.tree.behind(country.tree.nodes[outage.what].subject):
            if subject.kind is Kind.NODE:
                yield Cut.NODE, subject.name
            else:
                yield Cut.LINK, f"{subject.site}/{subject.name}"
