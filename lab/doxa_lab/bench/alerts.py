"""Alert rules over the country: what they cost, whether they stay flat, and that noisy but healthy lines wake nobody.

`python -m doxa_lab.bench.alerts [--probes 6642] [--hours 24] [--every 300] [--ticks 60]` prints each part; `run()` is what
the list of all benchmarks shows. Figures are made, never sent: measurements → facts → engine, with a clock of our own.
"""

import argparse
import math
import random
import resource
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_collector.alerts.baseline import HOUR_US, Usual
from doxa_collector.alerts.engine import Engine
from doxa_collector.alerts.facts import Observer
from doxa_collector.alerts.goals import Goal
from doxa_collector.alerts.rules import read_rules, wanted
from doxa_collector.ledger.record import Record
from doxa_collector.watch.alarm import Change, Turn
from doxa_collector.watch.fact import Fact
from doxa_collector.watch.subject import Subject, line, node, probe
from doxa_core import __version__
from doxa_core.outcome import Outcome
from doxa_core.status import AgentStatus, State
from doxa_lab.bench import Row

PROBES: Final = 6642
"""3,321 communes with two probes each."""
TICK_S: Final = 5
START_US: Final = 1_800_000_000_000_000 - 1_800_000_000_000_000 % HOUR_US
_SPEED_EVERY_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Office:
    """One probe with its line: what is usual there."""

    number: int
    rtt_ms: float
    mbps: float

    @property
    def site(self) -> str:
        """Its office."""
        return f"xa-{self.number // 2}"

    @property
    def link(self) -> str:
        """Its line."""
        return "tslcd" if self.number % 2 else "fixed"

    @property
    def agent(self) -> str:
        """Its name."""
        return f"xa-{self.number // 2}-{self.number % 2 + 1}"

    @property
    def subject(self) -> Subject:
        """Its line as alarms name it."""
        return line(self.site, self.link)


class Country:
    """Healthy lines with all the noise that healthy lines have; the same for the same seed."""

    def __init__(self, probes: int, seed: int = 4) -> None:
        self.dice = random.Random(seed)
        self.offices = [
            Office(n, self.dice.uniform(3, 45), self.dice.choice((50.0, 100.0, 200.0, 300.0))) for n in range(probes)
        ]
        self.goals = {(o.site, o.link): Goal(down_mbps=o.mbps, up_mbps=o.mbps) for o in self.offices}
        self._id = 0

    def latency(self, office: Office, at_us: int) -> Record:
        """One run of ten requests: evenings are slower, one run in 50 is twice as slow, one in 2,000 is lost whole."""
        dice = self.dice
        noise = dice.random()
        if noise < 0.0005:
            return self._record(office, "latency", at_us, {"loss_ratio": 1.0}, Outcome.FAILED)
        rtt = office.rtt_ms * _evening(at_us) * dice.lognormvariate(0.0, 0.08) * (2.5 if noise > 0.98 else 1.0)
        lost = 0.1 if dice.random() < 0.02 else 0.4 if noise > 0.999 else 0.0
        values = {
            "loss_ratio": lost,
            "rtt_p50_ms": rtt,
            "rtt_p95_ms": rtt * 1.3,
            "pdv_p95_ms": rtt * dice.uniform(0.1, 0.6),
        }
        return self._record(office, "latency", at_us, values)

    def speed(self, office: Office, at_us: int) -> Record:
        """One test at 0.93–1.03 of the contract; one in 30 meets a busy hour and reaches 0.6, some are held by the probe."""
        dice = self.dice
        share = 0.6 if dice.random() < 0.03 else dice.uniform(0.93, 1.03)
        rate = office.mbps * share
        limited = dice.random() < 0.02
        values = {
            "download_mbps": rate * 0.94, "download_ip_mbps": rate * 0.97, "download_wire_mbps": rate,
            "upload_mbps": rate * 0.94, "upload_ip_mbps": rate * 0.97, "upload_wire_mbps": rate,
        }  # fmt: skip
        if limited:
            values = {name: value * 0.3 for name, value in values.items()}
        return self._record(office, "speed", at_us, values, Outcome.PROBE_LIMITED if limited else Outcome.OK)

    def node(self, office: Office, at_us: int) -> Record:
        """What its probe says of a node that eight probes watch: up; one look in 500 says down, though the others reach it."""
        up = float(self.dice.random() > 0.002)
        return self._record(
            office, "node", at_us, {"up_flag": up, "loss_ratio": 1 - up}, Outcome.OK if up else Outcome.FAILED,
            f"node-{office.number // 32}",
        )  # fmt: skip

    def status(self, office: Office) -> AgentStatus:
        """What its agent says: some rows wait, now and then the clock is not synchronised for a moment."""
        dice = self.dice
        return AgentStatus(
            site=office.site, agent=office.agent, epoch="00112233445566aa", state=State.ONLINE, version=__version__,
            uptime_s=1000.0, last_seq=77, spool_rows=dice.randrange(50), spool_dropped=0, spool_refused=0,
            clock_synchronised=dice.random() > 0.001,
            links={office.link: {"up": True, "speed_mbps": 1000, "duplex": "full"}},
        )  # fmt: skip

    def _record(
        self,
        office: Office,
        meter: str,
        at_us: int,
        values: dict[str, float],
        outcome: Outcome = Outcome.OK,
        far: str = "far",
    ) -> Record:
        self._id += 1
        return Record(
            id=self._id, agent=office.agent, epoch="00112233445566aa", seq=self._id, site=office.site, link=office.link,
            task=meter, meter=meter, method=f"{meter}/1", started_us=at_us, received_us=at_us, outcome=outcome, far_end=far,
            family=4, values=values, reasons=(), findings=(),
        )  # fmt: skip

    def baselines(self, before_us: int) -> Iterator[tuple[Subject, str, Usual]]:
        """Seven days of the past, as a service that ran for a week would have kept them."""
        hour = before_us // HOUR_US
        for office in self.offices:
            for metric, share in (("latency.rtt_p50_ms", 1.0), ("latency.pdv_p95_ms", 0.35)):
                usual = Usual(7)
                for past in range(hour - 168, hour + 1):
                    usual.add(past * HOUR_US, office.rtt_ms * share * _evening(past * HOUR_US))
                usual._counts = array("I", [60] * 168)  # noqa: SLF001 - as if each hour had had sixty samples
                yield office.subject, metric, usual


def _evening(at_us: int) -> float:
    """How much slower lines are at this hour: 1 by night, 1.4 in the evening (20 h in Vietnam, 13 h UTC)."""
    hour = at_us / HOUR_US % 24
    return 1.2 + 0.2 * math.cos((hour - 13) / 12 * math.pi)


class Watch:
    """Observer and engine with the default rules, as the service joins them, and the time that they took."""

    def __init__(self, country: Country) -> None:
        self.country = country
        rules = read_rules()
        self.observer = Observer(wanted(rules), country.goals)
        self.engine = Engine(rules)
        self.changes: list[Change] = []
        self.busy_s = 0.0
        self.facts = 0

    def step(self, now_us: int, records: Sequence[Record], statuses: Sequence[AgentStatus]) -> None:
        """One tick."""
        began = time.process_time()
        facts = self.observer.measured(records)
        for status in statuses:
            facts += self.observer.said(status, now_us)
        facts += [Fact(probe(s.site, s.agent), "probe.offline_flag", 0.0, now_us) for s in statuses]
        self.engine.feed(facts)
        self.changes += self.engine.tick(now_us)
        self.busy_s += time.process_time() - began
        self.facts += len(facts)

    @property
    def raised(self) -> list[Change]:
        """Alarms that were raised."""
        return [change for change in self.changes if change.turn is Turn.RAISED]


def load(probes: int, ticks: int) -> tuple[float, float, int]:
    """Every probe measured and heard every tick: share of a core, microseconds a fact, facts a tick."""
    country = Country(probes)
    watch = Watch(country)
    watch.engine.keep_baselines(country.baselines(START_US))
    for tick in range(-2, ticks):
        now_us = START_US + tick * TICK_S * 1_000_000
        records = [country.latency(o, now_us) for o in country.offices]
        records += [country.speed(o, now_us) for o in country.offices if o.number % 720 == tick % 720]
        records += [country.node(o, now_us) for o in country.offices if o.number % 12 == tick % 12]
        if tick == 0:
            watch.busy_s = watch.facts = 0
        watch.step(now_us, records, [country.status(o) for o in country.offices])
    return watch.busy_s / (ticks * TICK_S), watch.busy_s / watch.facts * 1e6, watch.facts // ticks


def healthy(probes: int, hours: float, every_s: int, seed: int = 4) -> tuple[Watch, list[int], list[int]]:
    """Simulated hours of noisy but healthy lines; the watch, and after each hour the pairs remembered and the memory (KiB)."""
    country = Country(probes, seed)
    watch = Watch(country)
    watch.engine.keep_baselines(country.baselines(START_US))
    sizes, memory = [], []
    ticks_a_round = every_s // TICK_S
    for tick in range(int(hours * 3600) // TICK_S):
        now_us = START_US + tick * TICK_S * 1_000_000
        here = country.offices[tick % ticks_a_round :: ticks_a_round]
        records = [country.latency(o, now_us) for o in here]
        records += [country.node(o, now_us) for o in here if o.number % 4 == 0]
        records += [country.speed(o, now_us) for o in country.offices[tick % 720 :: 720]]
        watch.step(now_us, records, [country.status(o) for o in here])
        if tick % 720 == 719:
            sizes.append(watch.engine.size)
            memory.append(_memory_kib())
    return watch, sizes, memory


def _memory_kib() -> int:
    """What the process holds now."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - read a thousand times
        return int(file.read().split()[1]) * (resource.getpagesize() // 1024)


def flaps(times: int, period_s: int = 300) -> int:
    """A line that goes down and comes back `times` times: how many alarms were told (raised unmuted, or cleared after that)."""
    engine = Engine(read_rules())
    told = 0
    subject = node("core-1")
    for n in range(times * period_s // TICK_S + 2000):
        now_us = START_US + n * TICK_S * 1_000_000
        down = n * TICK_S < times * period_s and n * TICK_S % period_s < period_s / 2
        engine.feed([Fact(subject, "node.down_flag", float(down), now_us)])
        told += sum(not change.alarm.muted for change in engine.tick(now_us))
    return told


def run() -> list[Row]:
    """The bars of the issue."""
    return rows(PROBES, ticks=24, hours=24, every_s=300)


def rows(probes: int, *, ticks: int, hours: float, every_s: int) -> list[Row]:
    """Load, flatness, false alarms, flaps."""
    share, each, facts = load(probes, ticks)
    watch, sizes, memory = healthy(probes, hours, every_s)
    for change in watch.raised:
        print(change.alarm.text.en, dict(change.alarm.detail), file=sys.stderr)  # noqa: T201 - who was woken, and why
    half = len(memory) // 2
    grown = max(memory[half:]) / max(memory[1 : half + 1]) if half else 1.0
    told = flaps(1000)
    return [
        Row(what=f"alerts: all rules, {probes} probes every {TICK_S} s, share of a core", ours=f"{share:.3f}",
            peer=f"{facts} facts a tick, {each:.1f} µs each", ratio=share, goal=0.2),
        Row(what=f"alerts: memory of the second half of {hours:g} h over the first", ours=f"{memory[-1] // 1024} MiB",
            peer=f"{memory[0] // 1024} MiB after 1 h, {sizes[-1]} pairs", ratio=grown, goal=1.02),
        Row(what=f"alerts: {hours:g} h of noisy healthy lines, alarms", ours=str(len(watch.raised)),
            peer=f"{watch.facts} facts, busy {watch.busy_s:.0f} s", ratio=float(len(watch.raised)), goal=0),
        Row(what="alerts: told of 1,000 flaps", ours=str(told), peer="2000 changes", ratio=told / 2000, goal=0.02),
    ]  # fmt: skip


def main(argv: list[str]) -> int:
    """Print the table of the wanted size, and which rules spoke."""
    parser = argparse.ArgumentParser(prog="python -m doxa_lab.bench.alerts")
    parser.add_argument("--probes", type=int, default=PROBES)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--every", type=int, default=300, help="seconds between two runs of a probe in the healthy day")
    parser.add_argument("--ticks", type=int, default=24)
    asked = parser.parse_args(argv)
    for row in rows(asked.probes, ticks=asked.ticks, hours=asked.hours, every_s=asked.every):
        print(f"{row.what}: {row.ours} ({row.peer}), goal <= {row.goal:g}: {'ok' if row.met else 'MISSED'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
