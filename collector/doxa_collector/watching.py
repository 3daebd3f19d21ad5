"""The watch: every few seconds from what has arrived to presence, alarms, incidents and messages, in that order.

The parts are pure and stand in their rooms; here are the clock, the ledger and the order. What a tick found is kept until the
ledger has taken it, so a ledger that refuses for a while delays messages and loses none.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, func, select

from doxa_collector.alerts import store as alarm_store
from doxa_collector.alerts.about import atlas_of as about_of
from doxa_collector.alerts.engine import Engine as Alerts
from doxa_collector.alerts.facts import Observer
from doxa_collector.alerts.goals import goals_of
from doxa_collector.alerts.model import Rule
from doxa_collector.alerts.rules import Rules, wanted, worst
from doxa_collector.assess.p95 import sustained_share
from doxa_collector.assess.p95_ledger import read_week
from doxa_collector.assess.traffic import METER as TRAFFIC_METER
from doxa_collector.config import Settings
from doxa_collector.incidents import lifecycle
from doxa_collector.incidents import store as incident_store
from doxa_collector.incidents.atlas import Atlas, read_atlas
from doxa_collector.incidents.correlate import Correlator
from doxa_collector.incidents.model import IncidentChange
from doxa_collector.ledger.engine import LedgerError, reading, writing
from doxa_collector.ledger.reading import now_us
from doxa_collector.ledger.record import Record, record_from
from doxa_collector.ledger.schema import agent_status, measurement, quarantine, sink_cursor
from doxa_collector.nodes.standing import StandingTree
from doxa_collector.nodes.tree import NodeKind, Tree
from doxa_collector.notify import compose, outbox
from doxa_collector.notify.channel import Message
from doxa_collector.plans import Plan
from doxa_collector.presence import signs, store
from doxa_collector.presence.engine import Engine as Presences
from doxa_collector.presence.hush import Hush
from doxa_collector.presence.model import Cause, Presence, State, Surroundings, Turn
from doxa_collector.registry import Registry
from doxa_collector.watch.alarm import Change
from doxa_collector.watch.fact import Fact
from doxa_collector.watch.lease import Lease, LostLeaseError
from doxa_collector.watch.subject import COLLECTOR, Subject, line, probe
from doxa_core.errors import InputError, WireError
from doxa_core.language import VIETNAM_TIME, Text
from doxa_core.status import AgentStatus, decode

_log = logging.getLogger("doxa.watch")

_US: Final = 1_000_000
_MOST: Final = 20_000
"""Measurements that one tick takes: a backlog is worked off in several, so that the watch stays awake."""
_REPLAY_US: Final = 1_800 * _US
"""After a restart so much of the past is looked at again: what lines are down, which far ends they have."""
_STOPPED_US: Final = 600 * _US
"""A probe that was stopped on purpose is expected back within so long: an update, a technician at work."""
_TELL_US: Final = 300 * _US
"""So long the cause of an absence that is over is still of use: alarms of the same fault may still be open."""
_SLOW_US: Final = 60 * _US
_BASELINES_US: Final = 3_600 * _US
_TRAFFIC_US: Final = 3_600 * _US
"""How often the traffic of a line's last seven days is looked at: one line a tick, each once an hour at most."""
_COLUMNS = [column for column in measurement.columns if column.name not in ("raw", "signature")]


@dataclass(slots=True)
class Pending:
    """What was found and is not in the ledger yet."""

    turns: list[Turn] = field(default_factory=list)
    alarms: list[Change] = field(default_factory=list)
    incidents: list[IncidentChange] = field(default_factory=list)
    told: list[tuple[str, int, str, Message]] = field(default_factory=list)
    """(channel, incident, event, message)."""

    def __bool__(self) -> bool:
        return bool(self.turns or self.alarms or self.incidents or self.told)


class Watching:
    """One collector's watch. `tick` from one thread; `reload` may be asked for from another."""

    def __init__(
        self, engine: Engine, settings: Settings, registry: Registry, plans: Sequence[Plan], *,
        around: Callable[[], Surroundings] = Surroundings, news: Callable[[], None] = lambda: None,
        lease: Lease | None = None,
    ) -> None:  # fmt: skip
        """`InputError` for rules or nodes that are wrong from the start. Without a `lease` nobody else may watch this ledger."""
        self._lease, self._waits = lease, False
        self._engine, self._settings, self._around, self._news = engine, settings, around, news
        self._rules = Rules(settings.watch.rules)
        self._tree = StandingTree(settings.watch.nodes or Path("nodes.toml"))
        self._registry, self._plans = registry, plans
        self._begin()
        self._fresh: tuple[Registry, Sequence[Plan]] | None = None
        if settings.watch.nodes is not None:
            self._tree.reload(registry)
            if self._tree.trouble is not None:
                raise self._tree.trouble

    def _begin(self) -> None:
        """With nothing known: the first tick finds in the ledger what is to be known."""
        self._presences = Presences(self._settings.presence)
        self._hush = Hush(self._settings.presence)
        self._observer = Observer(wanted(self._rules.current), worst=worst(self._rules.current))
        self._alerts = Alerts(self._rules.current, evidence=self._evidence)
        self._correlator: Correlator | None = None
        self._pending = Pending()
        self._causes: dict[str, tuple[str, int]] = {}
        self._stopped: dict[str, Presence] = {}
        self._terminals: dict[tuple[str, str], int] = {}
        """Lines whose terminal is polled, and when their traffic was looked at."""
        self._carried: dict[str, tuple[str, ...]] = {}
        """Agents whose statuses name other links than the correlator knows."""
        self._position = self._heard_us = self._slow_us = self._baselines_us = 0
        self._last_arrival_us = 0
        self._heard = self._newest_us = 0
        """Messages since the last tick, and when the newest of all came."""
        self._starting = True
        self._day: date | None = None

    def run(self, stopping: threading.Event) -> None:
        """Tick until told to stop."""
        while not stopping.is_set():
            try:
                if self._is_ours():
                    self.tick(now_us())
            except LedgerError as error:
                _log.error("%s", error)
            except LostLeaseError:
                self._stand_by()
            except Exception:  # noqa: BLE001 - a fault in one rule must not end the watch over everything else
                _log.exception("a tick of the watch failed")
            stopping.wait(self._settings.watch.every_s)
        self._end()

    def _end(self) -> None:
        """A polite stop."""
        with suppress(LostLeaseError):
            self._keep_baselines(now_us())
        if self._lease is not None:
            try:
                self._lease.give_back()
            except LedgerError as error:
                _log.error("%s", error)

    def _is_ours(self) -> bool:
        """Whether this collector is the one that watches; what another found meanwhile is read from the ledger."""
        if self._lease is None or self._lease.hold():
            if self._waits:
                self._waits = False
                self._begin()
                _log.info("%s", _TAKEN_OVER)
            return True
        if not self._waits:
            self._stand_by()
        return False

    def _stand_by(self) -> None:
        """Another collector watches. What we found and could not write is found by it as well."""
        self._waits = True
        self._pending = Pending()
        _log.info("%s", _STANDS_BY)

    def tree(self) -> Tree:
        """The nodes in force."""
        return self._tree.tree

    def rules(self) -> Sequence[Rule]:
        """The alert rules in force."""
        return self._rules.current

    def reload(self, registry: Registry, plans: Sequence[Plan]) -> list[InputError]:
        """Another registry, and rules and nodes read again; what is wrong in a file leaves the last good one in force."""
        troubles = []
        if error := self._rules.reload():
            troubles.append(error)
        if self._settings.watch.nodes is not None:
            self._tree.reload(registry)
            if self._tree.trouble is not None:
                troubles.append(self._tree.trouble)
        self._fresh = (registry, plans)
        return troubles

    # --- one tick

    def tick(self, at_us: int) -> None:
        """Everything once, at this moment."""
        around = self._around()
        with reading(self._engine) as conn:
            self._surroundings(conn, at_us)
            records = self._take(conn, at_us)
            facts = self._observer.measured(records) + self._statuses(conn)
            facts += self._ourselves(conn, at_us, around) + self._traffic(conn, at_us)
            assert self._correlator is not None
            incident_store.heed(conn, self._correlator)
            windows = lifecycle.windows(conn, at_us)
        turns = self._presences.update(at_us, replace(around, silent_us=self._hush.since_us))
        facts += self._absences(turns, at_us)
        self._alerts.feed(facts)
        alarms = self._alerts.tick(at_us)
        incidents = self._correlator.update(
            at_us, alarms, self._alerts.open_alarms(), windows, self._known_causes(at_us)
        )
        self._pending.turns += turns
        self._pending.alarms += alarms
        self._pending.incidents += incidents
        self._compose(incidents, at_us)
        self._keep(at_us)

    def _keep(self, at_us: int) -> None:
        """Into the ledger, all of it or nothing."""
        if not self._pending:
            return
        found, count = self._pending, len(self._pending.told)
        with writing(self._engine) as conn:
            if self._lease is not None:
                self._lease.guard(conn)
            store.save(conn, found.turns)
            alarm_store.save(conn, found.alarms)
            incident_store.save(conn, found.incidents)
            for channel, incident, event, message in found.told:
                outbox.enqueue(conn, channel, incident, event, message, at_us)
        self._pending = Pending()
        if count:
            self._news()

    def _compose(self, changes: Iterable[IncidentChange], at_us: int) -> None:
        assert self._correlator is not None
        ground = self._correlator.ground
        for number, (event, change) in sorted(compose.events(changes).items()):
            for channel in self._settings.notify:
                if compose.wanted(event, change.incident, ground, channel):
                    told = compose.message(event, change.incident, ground, channel, at_us)
                    self._pending.told.append((channel.name, number, event, told))

    # --- what is new

    def _take(self, conn: Connection, at_us: int) -> list[Record]:
        """Measurements since the last tick; and each is a sign of life."""
        m = measurement.c
        query = select(*_COLUMNS).where(m.id > self._position).order_by(m.id).limit(_MOST)
        found = [record_from(row) for row in conn.execute(query)]
        self._presences.feed([*signs.of_records(found), *signs.statuses_since(conn, self._heard_us)])
        if found:
            self._position = found[-1].id
            self._last_arrival_us = max(self._last_arrival_us, found[-1].received_us)
            self._heard += len(found)
            self._newest_us = max(self._newest_us, self._last_arrival_us)
            for record in found:
                if record.meter == TRAFFIC_METER:
                    self._terminals.setdefault((record.site, record.link), 0)
        return [record for record in found if record.started_us > at_us - 86_400 * _US]

    def _statuses(self, conn: Connection) -> list[Fact]:
        """Facts of the statuses that arrived since the last tick; one microsecond is looked at twice rather than never."""
        s = agent_status.c
        rows = list(conn.execute(select(s.raw, s.received_us).where(s.received_us >= self._heard_us)))
        facts: list[Fact] = []
        for row in rows:
            try:
                said = decode(row.raw)
            except WireError:
                continue
            facts += self._observer.said(said, row.received_us)
            self._hear_links(said)
        fresh = [row.received_us for row in rows if row.received_us > self._heard_us]
        self._heard_us = max([self._heard_us, *fresh])
        self._heard += len(fresh)
        self._newest_us = max(self._newest_us, self._heard_us)
        return facts

    def _hear_links(self, said: AgentStatus) -> None:
        """An agent that names its links for the first time, or others than before."""
        assert self._correlator is not None
        links = tuple(sorted(said.links))
        if links and links != self._correlator.ground.atlas.carried.get(said.agent):
            self._carried[said.agent] = links

    def _listen(self, at_us: int, around: Surroundings) -> list[Fact]:
        """Whether anything is heard at all: true of the moment when the last was heard."""
        deaf = around.broker_lost_us is not None or around.behind_s > self._settings.presence.behind_s
        arrivals = 0 if self._starting else self._heard  # what a restart looks at again was heard before
        self._hush.listen(at_us, arrivals, self._newest_us, deaf=deaf)
        self._heard, self._starting = 0, False
        if deaf or not self._hush.last_us:
            return []
        silent = (
            self._hush.judge(self._presences.speakers) if self._hush.could_be() else self._hush.since_us is not None
        )
        return [Fact(COLLECTOR, "collector.silence_flag", float(silent), self._hush.last_us + silent)]

    def _ourselves(self, conn: Connection, at_us: int, around: Surroundings) -> list[Fact]:
        """How the collector does; the dear questions once a minute."""
        lost = around.broker_lost_us is not None
        facts = [Fact(COLLECTOR, "collector.broker_down_flag", float(lost), at_us), *self._listen(at_us, around)]
        if self._last_arrival_us:
            silence_s = max(0, at_us - self._last_arrival_us) / _US
            facts.append(Fact(COLLECTOR, "collector.silence_s", silence_s, at_us))
        if at_us - self._slow_us >= _SLOW_US:
            self._slow_us = at_us
            stuck = conn.execute(select(func.count()).select_from(sink_cursor).where(sink_cursor.c.error.is_not(None)))
            waiting = conn.execute(
                select(func.count()).select_from(quarantine).where(quarantine.c.replayed_us.is_(None))
            )
            facts += [
                Fact(COLLECTOR, "collector.sink_stuck_flag", float(stuck.scalar_one() > 0), at_us),
                Fact(COLLECTOR, "collector.quarantine_count", float(waiting.scalar_one()), at_us),
                Fact(COLLECTOR, "collector.disk_free_ratio", _free(self._settings.ledger), at_us),
            ]
        if at_us - self._baselines_us >= _BASELINES_US and self._baselines_us:
            self._keep_baselines(at_us)
        self._baselines_us = self._baselines_us or at_us
        return facts

    def _traffic(self, conn: Connection, at_us: int) -> list[Fact]:
        """The p95 of one line's last seven whole days: the one that was not looked at for longest."""
        key = min(self._terminals, key=lambda one: self._terminals[one], default=None)
        if key is None or self._day is None or at_us - self._terminals[key] < _TRAFFIC_US:
            return []
        self._terminals[key] = at_us
        try:
            share = sustained_share(read_week(conn, *key, self._day - timedelta(days=1)))
        except (
            InputError
        ):  # several tasks poll it, or the registry lost it: a person has to choose (doxa collector p95)
            return []
        return [] if share is None else [Fact(line(*key), "link.traffic_p95_ratio", share, at_us)]

    def _absences(self, turns: Iterable[Turn], at_us: int) -> list[Fact]:
        """What presence turned, as facts: 1 away, 0 there, nothing while nobody knows."""
        facts = []
        for turn in turns:
            now = turn.now
            if now.cause is not None and (turn.refines or now.state is State.OFFLINE):
                self._causes[now.agent] = (_told(now), at_us)
            if turn.refines:
                continue
            self._stopped.pop(now.agent, None)
            if now.state is State.OFFLINE and now.cause is Cause.STOPPED:
                self._stopped[now.agent] = now
            elif now.state is State.OFFLINE:
                facts.append(_offline(now, 1.0, now.since_us))
            elif now.state is State.ONLINE:
                facts.append(_offline(now, 0.0, now.since_us))
        for agent, away in list(self._stopped.items()):
            if at_us - away.since_us >= _STOPPED_US:
                del self._stopped[agent]
                facts.append(_offline(away, 1.0, at_us))
        return facts

    def _known_causes(self, at_us: int) -> dict[str, str]:
        """Agent → cause, of those away and those that came back a moment ago."""
        away = {one.agent for one in self._presences.all() if one.state is State.OFFLINE} if self._causes else set()
        self._causes = {
            agent: (cause, since) for agent, (cause, since) in self._causes.items()
            if agent in away or at_us - since < _TELL_US
        }  # fmt: skip
        return {agent: cause for agent, (cause, _) in self._causes.items()}

    def _evidence(self, subject: Subject, metric: str) -> dict[str, str]:
        """For the alarm of an absence: its cause."""
        found = self._causes.get(subject.name) if metric == "probe.offline_flag" else None
        return {} if found is None else {"cause": found[0]}

    # --- surroundings

    def _surroundings(self, conn: Connection, at_us: int) -> None:
        """The registry of the day; at the first tick everything that a restart must find again."""
        today = datetime.fromtimestamp(at_us / _US, UTC).astimezone(VIETNAM_TIME).date()
        if self._fresh is None and today == self._day and self._correlator is not None:
            if self._carried:
                known = self._correlator.ground.atlas
                atlas = replace(known, carried={**known.carried, **self._carried})
                self._carried = {}
                self._presences.know(self._registry.home_of(), _networks(self._registry.home_of(), atlas))
                self._correlator.stand_on(self._tree.tree, atlas)
            return
        if self._fresh is not None:
            (self._registry, self._plans), self._fresh = self._fresh, None
        self._day = today
        self._observer.stand_on(n.id for n in self._tree.tree.nodes.values() if n.kind is NodeKind.ROUTER)
        atlas = read_atlas(conn, today)
        homes = self._registry.home_of()
        self._presences.know(homes, _networks(homes, atlas))
        rules = self._rules.current
        self._observer.use(wanted(rules), goals_of(self._registry, self._plans, today), worst(rules))
        self._alerts.use(self._rules.current, about_of(self._registry, today))
        if self._correlator is not None:
            self._correlator.stand_on(self._tree.tree, atlas)
            return
        self._correlator = Correlator(self._tree.tree, atlas, self._settings.incidents, self._observer)
        self._remember(conn, self._correlator, at_us)

    def _remember(self, conn: Connection, correlator: Correlator, at_us: int) -> None:
        """After a restart."""
        shown = [one for one in store.shown(conn) if one.state is not State.NEVER]
        self._presences.restore(shown, signs.statuses_since(conn, 0))
        for one in shown:
            if one.cause is not None and one.state is State.OFFLINE:
                self._causes[one.agent] = (_told(one), one.since_us)
        self._alerts.keep_baselines(alarm_store.load_baselines(conn))
        self._alerts.restore(alarm_store.load_open(conn), at_us)
        incident_store.restore(conn, correlator, at_us)
        m = measurement.c
        self._position = _before(conn, at_us - _REPLAY_US)
        latest = select(m.received_us).order_by(m.id.desc()).limit(1)
        self._last_arrival_us = conn.execute(latest).scalar() or at_us
        learnt_us = round(self._settings.presence.hush_learn_s + 120) * _US
        second = m.received_us // _US
        lately = (m.id > _before(conn, at_us - learnt_us)) & (m.received_us >= at_us - learnt_us)
        rows = conn.execute(select(second, func.count()).where(lately).group_by(second))
        self._hush.learn((int(row[0]), row[1]) for row in rows)

    def _keep_baselines(self, at_us: int) -> None:
        self._baselines_us = at_us
        try:
            with writing(self._engine) as conn:
                if self._lease is not None:
                    self._lease.guard(conn)
                alarm_store.save_baselines(conn, list(self._alerts.baselines()), at_us)
        except LedgerError as error:
            _log.error("%s", error)


def _before(conn: Connection, moment_us: int) -> int:
    """A position in the ledger before everything that came since that moment, and not far before: what comes later has
    a larger id, and nothing is indexed by when it came.
    """
    m = measurement.c
    newest: int = conn.execute(select(func.max(m.id))).scalar() or 0
    step = 1024
    while newest - step > 0:
        found = conn.execute(select(m.received_us).where(m.id <= newest - step).order_by(m.id.desc()).limit(1)).scalar()
        if found is None or found < moment_us:
            break
        step *= 2
    lowest = max(0, newest - step)
    first = conn.execute(select(func.min(m.id)).where(m.id > lowest, m.received_us >= moment_us)).scalar()
    return newest if first is None else int(first) - 1


def _networks(homes: Mapping[str, str], atlas: Atlas) -> dict[str, frozenset[str]]:
    """Agent → the kinds of the lines that it carries."""
    return {
        agent: frozenset(
            str(atlas.wires[site, name].kind) for name in atlas.carried.get(agent, ()) if (site, name) in atlas.wires
        )
        for agent, site in homes.items()
    }


def _told(one: Presence) -> str:
    """The cause as incidents are told it.

    That all probes of an office went at once is no proof of a power cut: an excavator takes all its lines as well, and
    what an incident names is sent to people.
    """
    guessed = one.cause is Cause.POWER and {found.code for found in one.evidence} <= _NO_PROOF
    return (Cause.LOST if guessed or one.cause is None else one.cause).value


_NO_PROOF: Final = frozenset(("last_will", "heartbeat_overdue", "whole_office"))


def _offline(one: Presence, value: float, at_us: int) -> Fact:
    return Fact(probe(one.site, one.agent), "probe.offline_flag", value, at_us)


def _free(ledger: Path) -> float:
    found = os.statvfs(ledger.parent)
    return found.f_bavail / found.f_blocks if found.f_blocks else 0.0


_STANDS_BY = Text(
    vi="một hệ thống thu thập khác đang giám sát sổ cái này; hệ thống này chờ sẵn",
    en="another collector watches over this ledger; this one stands by",
)
_TAKEN_OVER = Text(
    vi="hệ thống thu thập giám sát trước đó đã im lặng; hệ thống này tiếp quản việc giám sát",
    en="the collector that watched has fallen silent; this one has taken over",
)
KEPT_OLD = Text(
    vi="quy tắc cảnh báo hoặc sơ đồ nút: giữ bản cũ, vì {error}",
    en="alert rules or nodes: the former ones stay: {error}",
)
