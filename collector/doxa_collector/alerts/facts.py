"""From what probes send to facts: measured values, lines and nodes that are down, the share of the contracted rate, statuses.

Only what the rules in force read becomes a fact, and of several far ends measured over a line one figure is formed.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache, lru_cache
from typing import Final, NamedTuple

from doxa_collector.alerts.goals import Goals, reached
from doxa_collector.alerts.lines import Lines
from doxa_collector.alerts.own import NODE_METER, NOT_OF_THE_LINE, OWN
from doxa_collector.ledger.record import Record
from doxa_collector.watch.fact import Fact
from doxa_collector.watch.runs import ROUND_US, SPEAKING
from doxa_collector.watch.subject import Subject, line, node, probe
from doxa_core import __version__
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome
from doxa_core.status import AgentStatus, State

DOWN: Final = "link.down_flag"
NODE_DOWN: Final = "node.down_flag"
TARGET: Final = "speed.target_ratio"
OUTDATED: Final = "probe.outdated_flag"
_CODES: Final = ("spool_in_memory", "spool_damaged", "forwarding_on")
"""Findings of an agent about itself."""
_WATCHED_US: Final = 1_800_000_000
"""Who has not said anything about a node for so long no longer watches it."""
_HASTY_US: Final = 120_000_000
"""So long the other meters of a line may need to find that the line itself is down."""
_FRESH_US: Final = 600_000_000
"""A look at a node that is older confirms nobody else's."""
_PATIENCE_US: Final = 900_000_000
_OWN: Final = frozenset(name for metrics in OWN.values() for name in metrics)
_RATES: Final = ("download_mbps", "download_ip_mbps", "upload_mbps", "upload_ip_mbps")


class _Seen(NamedTuple):
    """The latest figure about one far end."""

    far_end: str | None
    at_us: int
    value: float


class Against(NamedTuple):
    """Lines by what they find at one far end."""

    failing: frozenset[Subject]
    well: frozenset[Subject]
    unseen: frozenset[Subject]


_Key = tuple[Subject, str]


class Observer:
    """Remembers of each line and node what its next fact needs, bounded by the number of lines × rules."""

    def __init__(
        self, wanted: Mapping[str, bool], goals: Goals | None = None, version: str = __version__,
        worst: Collection[str] = (),
    ) -> None:  # fmt: skip
        """`wanted` and `worst` as `rules` gives them; `version` is what agents should run."""
        self._version = _numbers(version)
        self._lines = Lines()
        self._subjects: dict[tuple[str, str], Subject] = {}
        self._nodes: dict[str, Subject] = {}
        self._probes: dict[str, Subject] = {}
        self._latest: dict[_Key, tuple[_Seen, ...]] = {}
        self._watchers: dict[Subject, dict[Subject, tuple[int, bool]]] = {}
        self._held: dict[Subject, dict[Subject, int]] = {}
        """Line → nodes that its probe alone watches and does not reach, since when; not told before the line is known to work."""
        self._down: set[Subject] = set()
        """Nodes of which that was said last."""
        self._local: frozenset[str] = frozenset()
        self._newest_us = 0
        self.use(wanted, goals or {}, worst)

    def use(self, wanted: Mapping[str, bool], goals: Goals, worst: Collection[str] = ()) -> None:
        """Other rules or another registry from now on; what is known of lines stays."""
        self._worst = frozenset(worst)
        self._said = [(name, metric) for name, metric in _of_status() if metric in wanted]
        self._flags = [(code, metric) for code in _CODES if (metric := f"probe.{code}_flag") in wanted]
        self._goals = goals
        self._wanted = dict(wanted)
        self._by_meter: dict[str, list[tuple[str, str, Callable[[float, float], float]]]] = {}
        for name, larger in wanted.items():
            meter, _, value = name.partition(".")
            if name not in _OWN:
                self._by_meter.setdefault(meter, []).append((value, name, max if larger else min))
        self._latest = {key: seen for key, seen in self._latest.items() if key[1] in wanted}

    def stand_on(self, local: Iterable[str]) -> None:
        """Nodes that stand in an office (its router): that one of them is reached says nothing about the line."""
        self._local = frozenset(local)

    def measured(self, records: Iterable[Record]) -> list[Fact]:
        """The facts of these measurements, in the order of their starts; far ends of one run are one fact."""
        open_: dict[_Key, Fact] = {}
        found: list[Fact] = []
        for record in sorted(records, key=_by_start):
            if record.outcome not in SPEAKING:
                continue
            for fact in self._of_record(record):
                key = fact.subject, fact.metric
                before = open_.get(key)
                if before is not None and before.at_us != fact.at_us:
                    found.append(before)
                open_[key] = fact
        found += open_.values()
        found += self._overdue()
        found.sort(key=_by_moment)
        return found

    def _of_record(self, record: Record) -> list[Fact]:
        self._newest_us = max(self._newest_us, record.started_us)
        if record.meter == NODE_METER:
            return self._of_node(record)
        subject = self._subject(record.site, record.link)
        was_down = self._lines.is_down(subject)
        down = self._lines.judge(subject, record)
        found: list[Fact] = []
        if down is not None and DOWN in self._wanted:
            far_end = self._lines.far_end(subject) if down else ""
            found.append(Fact(subject, DOWN, float(down), record.started_us, far_end))
        if down and not was_down and NODE_DOWN in self._wanted:
            found += self._take_back(subject, record.started_us)
        if record.outcome is Outcome.OK and record.meter not in NOT_OF_THE_LINE:
            found += self._works(subject, record.started_us)
        # What a dead line loses is no loss: a quality alarm of it would outlast the outage by the rule's own patience.
        dead = record.outcome is Outcome.FAILED and self._lines.is_down(subject)
        if record.outcome is not Outcome.PROBE_LIMITED and not dead:
            found += self._of_values(subject, record)
        if TARGET in self._wanted:
            found += self._of_goal(subject, record)
        return found

    def _subject(self, site: str, link: str) -> Subject:
        found = self._subjects.get((site, link))
        if found is None:
            found = self._subjects[site, link] = line(site, link)
        return found

    def _of_values(self, subject: Subject, record: Record) -> list[Fact]:
        """What the probe limited is a bound of the line and no figure of it, so only other outcomes come here."""
        found = []
        for value, metric, better in self._by_meter.get(record.meter, ()):
            figure = record.values.get(value)
            if figure is not None:
                found.append(self._joined(subject, metric, record, figure, better))
        return found

    def _joined(
        self, subject: Subject, metric: str, record: Record, figure: float, better: Callable[[float, float], float]
    ) -> Fact:
        """The figure that speaks for the line among the latest of each far end in this round."""
        key, at, far_end = (subject, metric), record.started_us, record.far_end
        known = self._latest.get(key)
        if known is None or (len(known) == 1 and known[0].far_end == far_end):
            if known is None or known[0].at_us <= at:
                self._latest[key] = (_Seen(far_end, at, figure),)
            return Fact(subject, metric, figure, at, far_end or "")
        newest = max(at, *(seen.at_us for seen in known))
        others = tuple(s for s in known if s.far_end != far_end and newest - s.at_us < ROUND_US)
        mine = next((s for s in known if s.far_end == far_end and s.at_us > at), None) or _Seen(far_end, at, figure)
        self._latest[key] = (*others, mine)
        speaks = far_end
        for seen in others:
            if abs(at - seen.at_us) < ROUND_US and better(figure, seen.value) != figure:
                figure, speaks = seen.value, seen.far_end
        named = not others or metric in self._worst  # the best of several says nothing about that far end
        return Fact(subject, metric, figure, at, (speaks or "") if named else "")

    def _of_goal(self, subject: Subject, record: Record) -> list[Fact]:
        """What the probe limited may show that a line reaches its rate, never that it does not."""
        goal = self._goals.get((record.site, record.link))
        if goal is None or not any(name in record.values for name in _RATES):
            return []
        share = reached(record.values, goal)
        if share is None or record.outcome is Outcome.FAILED or (record.outcome is Outcome.PROBE_LIMITED and share < 1):
            return []
        return [self._joined(subject, TARGET, record, share, max)]

    # --- nodes

    def _of_node(self, record: Record) -> list[Fact]:
        if record.far_end is None:
            return []
        subject = self._nodes.get(record.far_end)
        if subject is None:
            subject = self._nodes[record.far_end] = node(record.far_end)
        found = self._of_values(subject, record) if record.outcome is not Outcome.PROBE_LIMITED else []
        if NODE_DOWN in self._wanted:
            found += self._node_down(subject, record)
        return found

    def _node_down(self, subject: Subject, record: Record) -> list[Fact]:
        """Down where nobody whose own line works reaches it: who sees nothing at all says nothing about a node."""
        watchers = self._watchers.setdefault(subject, {})
        who, at, up = self._subject(record.site, record.link), record.started_us, record.values.get("up_flag")
        if watchers.get(who, (at, False))[0] > at:
            return []
        first = not watchers  # after a restart one look alone must not blame a node that others may reach
        watchers.pop(who, None)
        if up is not None:
            watchers[who] = at, up < 0.5
        for other in [w for w, (seen, _) in watchers.items() if at - seen >= _WATCHED_US]:
            del watchers[other]
        reached = up is not None and up >= 0.5 and record.far_end not in self._local
        return [*(self._works(who, at) if reached else ()), *self._told(subject, watchers, at, first=first)]

    def _told(
        self, subject: Subject, watchers: Mapping[Subject, tuple[int, bool]], at: int, *, first: bool
    ) -> list[Fact]:
        telling = self._telling(watchers)
        if not telling or (first and all(failed for _, failed in telling.values())):
            return []
        if not all(failed for _, failed in telling.values()):
            self._down.discard(subject)
            for nodes in self._held.values():
                nodes.pop(subject, None)
            return [Fact(subject, NODE_DOWN, 0.0, at)]
        fresh = [who for who, (seen, _) in telling.items() if at - seen < _FRESH_US]
        if len(fresh) == 1 and subject not in self._down:
            self._held.setdefault(fresh[0], {}).setdefault(subject, at)
            return []
        return [self._blame(subject, at)]

    def _blame(self, subject: Subject, at_us: int) -> Fact:
        self._down.add(subject)
        return Fact(subject, NODE_DOWN, 1.0, at_us)

    def _works(self, who: Subject, at_us: int) -> list[Fact]:
        """A line carried something: the nodes that its probe alone watches, and had not reached before that, are down."""
        held = self._held.get(who)
        if not held:
            return []
        proven = {found: since for found, since in held.items() if since < at_us}
        for found in proven:
            del held[found]
        return [self._blame(found, since) for found, since in proven.items()]

    def _overdue(self) -> list[Fact]:
        """What nothing was ever said about, though the line should have been measured by now, is believed in the end."""
        found = []
        for who, held in self._held.items():
            patience_us = min(max(_HASTY_US, 5 * self._lines.pause_us(who) // 2), _PATIENCE_US)
            overdue = [subject for subject, since in held.items() if self._newest_us - since >= patience_us]
            found += [self._blame(subject, held.pop(subject)) for subject in overdue]
        return found

    def _telling(self, watchers: Mapping[Subject, tuple[int, bool]]) -> Mapping[Subject, tuple[int, bool]]:
        return {who: look for who, look in watchers.items() if not (look[1] and self._lines.is_down(who))}

    def _take_back(self, who: Subject, at_us: int) -> list[Fact]:
        """A line turned out to be down: what its probe said about nodes just before was about the line, not the nodes."""
        self._held.pop(who, None)
        found = []
        for subject, watchers in self._watchers.items():
            seen, failed = watchers.get(who, (0, False))
            if failed and abs(at_us - seen) < _HASTY_US and not self._telling(watchers):
                self._down.discard(subject)
                found.append(Fact(subject, NODE_DOWN, 0.0, max(at_us, seen)))
        return found

    # --- what correlation asks

    def reached(self, node: Subject, since_us: int = 0) -> bool:
        """Whether somebody reached the node lately, at or after `since_us`."""
        looks = self._watchers.get(node, {}).values()
        return any(not failed and seen >= since_us and self._newest_us - seen < _FRESH_US for seen, failed in looks)

    def awaited(self, node: Subject, since_us: int) -> bool:
        """Whether somebody watches the node and has not reached it since then."""
        return bool(self._watchers.get(node)) and not self.reached(node, since_us)

    def against(self, far_end: str, since_us: int) -> Against:
        """The lines that are judged by this far end alone, and were measured in the last half hour.

        `since_us`: those measured since then are failing or well; the others have not been looked at.
        """
        failing: set[Subject] = set()
        well: set[Subject] = set()
        unseen: set[Subject] = set()
        for subject, newest_us, down in self._lines.against(far_end):
            if newest_us >= since_us:
                (failing if down else well).add(subject)
            elif self._newest_us - newest_us < _WATCHED_US:
                unseen.add(subject)
        return Against(frozenset(failing), frozenset(well), frozenset(unseen))

    # --- statuses

    def said(self, status: AgentStatus, at_us: int) -> list[Fact]:
        """The facts of what an agent says of itself, as of `at_us` (when it wrote it, or when it came); none of a last will.

        Every number and flag of the status is one: `spool_rows` becomes `probe.spool_rows_count`, a flag ends in `_flag`.
        """
        if status.state is not State.ONLINE:
            return []
        subject = self._probes.get(status.agent)
        if subject is None or subject.site != status.site:
            subject = self._probes[status.agent] = probe(status.site, status.agent)
        facts = [
            Fact(subject, metric, float(value), at_us)
            for name, metric in self._said if (value := getattr(status, name)) is not None
        ]  # fmt: skip
        facts += [Fact(subject, metric, float(code in status.findings), at_us) for code, metric in self._flags]
        if OUTDATED in self._wanted:
            facts.append(Fact(subject, OUTDATED, float(_numbers(status.version) < self._version), at_us))
        for name, port in status.links.items():
            facts += self._of_port(self._subject(status.site, name), port, at_us)
        return facts

    def _of_port(self, subject: Subject, port: Mapping[str, object], at_us: int) -> list[Fact]:
        found: dict[str, float] = {}
        up, speed, duplex = port.get("up"), port.get("speed_mbps"), port.get("duplex")
        if isinstance(up, bool):
            found["link.port_down_flag"] = float(not up)
        if up is True and isinstance(speed, int | float) and 0 < speed < 1e9:
            found["link.port_mbps"] = float(speed)
        if up is True and isinstance(duplex, str):
            found["link.half_duplex_flag"] = float(duplex == "half")
        return [Fact(subject, name, value, at_us) for name, value in found.items() if name in self._wanted]


def _by_start(record: Record) -> tuple[int, int]:
    return record.started_us, record.id


def _by_moment(fact: Fact) -> int:
    return fact.at_us


@cache
def _of_status() -> Sequence[tuple[str, str]]:
    """Field of AgentStatus → metric, for every field that holds a number or a flag."""
    return [
        (f.name, f"probe.{_value_name(f.name, str(f.type))}") for f in fields(AgentStatus) if _is_number(str(f.type))
    ]


def _is_number(annotation: str) -> bool:
    return (
        any(word in annotation.split("|", maxsplit=1)[0] for word in ("int", "float", "bool")) and "[" not in annotation
    )


def _value_name(name: str, annotation: str) -> str:
    if is_value_name(name):
        return name
    return f"{name}_flag" if "bool" in annotation else f"{name}_count"


@lru_cache(maxsize=1024)
def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: 1.10 is newer than 1.9, and what is no version is older than all."""
    found: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        found.append(int(digits[:9]))
        if digits != part:
            break
    return tuple(found)
