"""What the collector would receive in a scenario: statuses, last wills and measurements, or the facts formed of them.

So the whole way (presence, rules, incidents, messages) can be driven with the same truth that `verdict` holds it against.
Nothing is sent: everything comes with the moment at which it would arrive, in the order of arrival.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from doxa_collector.watch.fact import Fact
from doxa_collector.watch.subject import line, node, probe
from doxa_core.measurement import Clock, Measurement
from doxa_core.outcome import Outcome
from doxa_core.status import AgentStatus, State
from doxa_lab.incidents.faults import S, Scenario
from doxa_lab.incidents.province import NOC, TSLCD
from doxa_lab.incidents.world import Spans, World

KEEPALIVE_S: Final = 5.0
"""The broker publishes a last will one to one and a half of it after the probe was last heard."""
HEARTBEAT_S: Final = 5.0
MEASURE_S: Final = 10.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION: Final = "0.4.0"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as the intake gets it."""

    received_us: int
    item: AgentStatus | Measurement


@dataclass(frozen=True, slots=True)
class Heard:
    """One fact at the moment when it is known; its own moment may be earlier."""

    at_us: int
    fact: Fact


class Replay:
    """A scenario's messages. The same scenario gives the same ones, whatever was asked before."""

    def __init__(
        self, scenario: Scenario, *, heartbeat_s: float = HEARTBEAT_S, measure_s: float = MEASURE_S,
        nodes_s: float = MEASURE_S,
    ) -> None:  # fmt: skip
        """How often a probe speaks of itself, and measures each of its lines; and how often the centre looks at nodes."""
        self.nodes_s = nodes_s
        self.scenario = scenario
        self.heartbeat_s, self.measure_s = heartbeat_s, measure_s
        self.world = World(scenario)

    def arrivals(self) -> list[Arrival]:
        """Statuses and measurements of every probe, and what the centre's own probe measures of the nodes."""
        found = [*self._of_nodes()]
        for site in self.scenario.country.registry.sites:
            for agent in site.agents:
                voice = _Voice(self, site.site, agent, self.scenario.country.carried[agent])
                found += voice.statuses()
                found += voice.measurements()
        return sorted(found, key=lambda a: (a.received_us, a.item.site, a.item.agent, _sequence(a.item)))

    def facts(self) -> list[Heard]:
        """`link.down_flag` and `latency.*` of lines, `node.down_flag`, `probe.offline_flag`: what rules read."""
        found: list[Heard] = []
        for arrival in self.arrivals():
            if isinstance(arrival.item, Measurement):
                found += _facts_of(arrival.received_us, arrival.item)
            else:
                away = float(arrival.item.state is State.OFFLINE)
                subject = probe(arrival.item.site, arrival.item.agent)
                found.append(Heard(arrival.received_us, Fact(subject, "probe.offline_flag", away, arrival.received_us)))
        return found

    def moment(self, seconds: float) -> datetime:
        """The wall clock at so many seconds of the scenario."""
        return _EPOCH + timedelta(microseconds=self.at_us(seconds))

    def at_us(self, seconds: float) -> int:
        """The same in microseconds since 1970 UTC."""
        return self.scenario.start_us + round(seconds * S)

    def _of_nodes(self) -> Iterator[Arrival]:
        """The centre's probe stands beside the collector: what cuts our uplink cuts it off from the nodes as well."""
        seq = 0
        for name in self.scenario.country.tree.nodes:
            for at in _steps(0.0, self.scenario.seconds, self.nodes_s):
                if self.world.uplink.at(at) is None:
                    seq += 1
                    good = self.world.node(name).at(at) is None
                    found = self.measurement(
                        NOC, f"{NOC}-1", TSLCD, "node", at, seq, good=good, far_end=name, rtt_ms=4.0
                    )
                    yield Arrival(self.at_us(at + 1), found)

    def measurement(
        self,
        site: str,
        agent: str,
        link: str,
        meter: str,
        at: float,
        seq: int,
        *,
        good: bool,
        far_end: str,
        rtt_ms: float,
    ) -> Measurement:
        """Ten packets, all answered or none."""
        values = {"sent_count": 10.0, "received_count": 10.0 if good else 0.0, "loss_ratio": 0.0 if good else 1.0}
        if meter == "node":
            values["up_flag"] = float(good)
        if good:
            values |= {"rtt_p50_ms": rtt_ms, "rtt_p95_ms": rtt_ms * 1.3}
        return Measurement(
            site=site, agent=agent, epoch="00112233445566aa", seq=seq, task=f"{meter}-{link}", meter=meter,
            method=f"{meter}/1", link=link, started=self.moment(at), boot="9f0c6f0e", monotonic_s=1000.0 + at,
            duration_s=1.0, clock=Clock(synchronised=True), outcome=Outcome.OK if good else Outcome.FAILED,
            version=_VERSION, far_end=far_end, family=4, values=values, reasons=() if good else ("no_reply",),
        )  # fmt: skip


class _Voice:
    """One probe: what it says, and when that reaches us."""

    def __init__(self, replay: Replay, site: str, agent: str, links: tuple[str, ...]) -> None:
        self.replay = replay
        self.world = replay.world
        self.site = site
        self.agent = agent
        self.links = links
        self.seconds = replay.scenario.seconds
        self.dice = Random(f"{replay.scenario.seed} {agent}")
        self.phase = self.dice.uniform(0, replay.heartbeat_s)
        self.dark = self.world.dark(site)
        self.silent = self.world.lost(site, links) | self.world.uplink
        self.has_battery = any(s == site and battery for (s, _), battery in self.world.batteries.items())

    def statuses(self) -> Iterator[Arrival]:
        """A heartbeat now and then while it is heard, one at each return and when the mains go or come; a last will when
        the broker misses it.
        """
        news = [last + 0.5 for _, last in self.silent.spans]
        if self.has_battery:
            news += [moment + 1.0 for span in self.world.mains(self.site).spans for moment in span]
        steps = _steps(self.phase, self.seconds, self.replay.heartbeat_s)
        for at in sorted([*steps, *(moment for moment in news if moment < self.seconds)]):
            if self.silent.at(at) is None:
                yield Arrival(self.replay.at_us(at + 0.1), self._status(at))
        for first, last in self.world.lost(self.site, self.links).spans:
            noticed = first + self.dice.uniform(1.0, 1.5) * KEEPALIVE_S
            if noticed < min(last, self.seconds):
                after = self.world.uplink.at(noticed)  # the broker keeps it, and tells us when it can
                yield Arrival(self.replay.at_us(noticed if after is None else after[1]), self._will())

    def _status(self, at: float) -> AgentStatus:
        boots = sum(last <= at for _, last in self.dark.spans)
        return AgentStatus(
            site=self.site, agent=self.agent, epoch="00112233445566aa", state=State.ONLINE, version=_VERSION,
            at=self.replay.moment(at), uptime_s=round(at + 1000, 1), spool_rows=0, clock_synchronised=True,
            boot=f"{self.agent}-boot-{boots}",
            on_battery=self.world.mains(self.site).at(at) is not None if self.has_battery else None,
            links={link: {"kind": "tslcd" if link == TSLCD else "fixed", "up": True} for link in self.links},
        )  # fmt: skip

    def _will(self) -> AgentStatus:
        return AgentStatus(
            site=self.site, agent=self.agent, epoch="00112233445566aa", state=State.OFFLINE, version=_VERSION, reason="lost"
        )  # fmt: skip

    def measurements(self) -> Iterator[Arrival]:
        """One of each line every few seconds while there is power; what cannot be sent waits in the spool."""
        seq = 0
        rtt = {link: self.dice.uniform(3, 25) for link in self.links}
        for at in _steps(self.phase, self.seconds - 1, self.replay.measure_s):
            if self.dark.at(at) is not None:
                continue
            for link in self.links:
                seq += 1
                far_end = self.replay.scenario.country.far_ends[self.site, link]
                good = self.world.link(self.site, link).at(at) is None and self.world.far_end(far_end).at(at) is None
                found = self.replay.measurement(
                    self.site, self.agent, link, "latency", at, seq, good=good, far_end=far_end,
                    rtt_ms=rtt[link] * self.dice.uniform(0.95, 1.1),
                )  # fmt: skip
                back = _back(self.silent, at + 1)
                if back < self.seconds:
                    yield Arrival(self.replay.at_us(back), found)


def _back(silent: Spans, at: float) -> float:
    """When what is said at that moment is heard: at once, or two seconds after the silence."""
    span = silent.at(at)
    return at if span is None else span[1] + 2


def _steps(first: float, last: float, every: float) -> Iterator[float]:
    step = 0
    while (at := first + step * every) < last:
        yield at
        step += 1


def _facts_of(received_us: int, found: Measurement) -> Iterator[Heard]:
    at_us = round((found.started - _EPOCH) / timedelta(microseconds=1))
    down = float(found.outcome is Outcome.FAILED)
    if found.meter == "node":
        yield Heard(received_us, Fact(node(found.far_end or ""), "node.down_flag", down, at_us))
        return
    subject = line(found.site, found.link)
    yield Heard(received_us, Fact(subject, "link.down_flag", down, at_us))
    for name in ("loss_ratio", "rtt_p50_ms"):
        if name in found.values:
            yield Heard(received_us, Fact(subject, f"{found.meter}.{name}", found.values[name], at_us))


def _sequence(item: AgentStatus | Measurement) -> int:
    return item.seq if isinstance(item, Measurement) else 0
