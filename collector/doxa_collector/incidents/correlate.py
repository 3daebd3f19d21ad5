"""The correlator: alarms in, incidents out. Pure: no clock, no ledger, no order of arrival within a tick.

Each tick explains all open alarms at once (`explain`). An alarm that belongs to no incident waits for its fault to settle,
then joins an incident of that fault or begins one. An incident keeps its members though the reason for grouping them may
fade while they recover; only a wider explanation takes them over, and only a root that came back gives them free.
The steps of a tick stand in one class because each reads and changes the same few maps of live incidents and waiting alarms.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from doxa_collector.incidents.atlas import Atlas
from doxa_collector.incidents.explain import Ground, Key, Root, clusters, explain, order
from doxa_collector.incidents.live import Live
from doxa_collector.incidents.model import Cause, Family, Fault, Incident, IncidentChange, Member, Reach, State, Turn
from doxa_collector.incidents.patience import awaiting
from doxa_collector.incidents.settings import Settings
from doxa_collector.incidents.sight import Sight
from doxa_collector.incidents.symptom import LINE, POWER, cause_of, family_of, word_of
from doxa_collector.incidents.windows import Window, covers
from doxa_collector.nodes.tree import Tree
from doxa_collector.watch.alarm import Alarm, Change
from doxa_collector.watch.alarm import Turn as AlarmTurn
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Kind, node
from doxa_core.language import Text

_ROOTED = (Reach.NODE, Reach.COLLECTOR)
_TURNS = list(Turn)


class Correlator:
    """Holds the incidents that last, and those that ended so recently that they may come back."""

    def __init__(self, tree: Tree, atlas: Atlas, settings: Settings | None = None, sight: Sight | None = None) -> None:
        """`sight` tells what is well; without it only alarms are known."""
        self.settings = settings or Settings()
        self._sight = sight
        self._ground = Ground(tree, atlas, self.settings, sight)
        self._live: dict[int, Live] = {}
        self._ended: dict[int, Live] = {}
        self._next = 1
        self._first_seen: dict[Key, int] = {}
        """Alarms that wait: when this correlator first saw them."""
        self._dismissed: set[Key] = set()
        """Open alarms whose incident a person closed: they begin nothing until they have cleared once."""
        self._evidence: dict[Key, str] = {}
        """What presence says about the cause of each alarm, where it says something."""
        self._home: dict[Key, int] = {}
        self._wanted: dict[Key, Fault] = {}
        self._seen: frozenset[tuple[Key, int, str]] | None = None
        self._changes: list[IncidentChange] = []
        self._windows: tuple[Window, ...] = ()
        self._patient: frozenset[Key] = frozenset()
        """Alarms that a node may explain any moment."""

    # --- surroundings

    @property
    def tree(self) -> Tree:
        """The tree in force."""
        return self._ground.tree

    @property
    def ground(self) -> Ground:
        """The tree over the atlas."""
        return self._ground

    def stand_on(self, tree: Tree, atlas: Atlas) -> None:
        """Go on with another tree or registry; incidents stay as they are."""
        self._ground = Ground(tree, atlas, self.settings, self._sight)
        self._seen = None

    def restore(self, incidents: Iterable[Incident], next_id: int) -> None:
        """Take up what was kept: incidents that last, and those that ended recently. Before the first `update`."""
        self._next = next_id
        for incident in incidents:
            live = Live.of(incident)
            if incident.state.is_live:
                self._live[live.id] = live
                self._home |= {m.key: live.id for m in live.open}
            elif incident.state is State.RESOLVED:
                self._ended[live.id] = live

    def incidents(self) -> list[Incident]:
        """The incidents that last, by their number."""
        return [self._live[number].picture() for number in sorted(self._live)]

    def held(self) -> list[int]:
        """The numbers of those that last or may come back: what people do with them concerns us."""
        return sorted(self._live.keys() | self._ended.keys())

    def acknowledge(self, number: int, at_us: int) -> None:
        """A person has taken it up. Nothing happens for an incident that does not last."""
        live = self._live.get(number)
        if live is not None and live.state is State.OPEN:
            live.state, live.acknowledged_us = State.ACKNOWLEDGED, at_us

    def close(self, number: int) -> None:
        """A person has closed it: it is not touched any more, and what still fails begins nothing until it has cleared."""
        live = self._live.pop(number, None)
        self._ended.pop(number, None)
        if live is not None:
            for member in live.open:
                self._home.pop(member.key, None)
                self._dismissed.add(member.key)

    # --- one tick

    def update(
        self,
        now_us: int,
        changes: Collection[Change],
        open_alarms: Collection[Alarm],
        windows: Sequence[Window] = (),
        causes: Mapping[str, str] | None = None,
    ) -> list[IncidentChange]:
        """One tick. `open_alarms` are all that are open now; `changes` say when those that are not were cleared.

        `windows` are the maintenance windows; `causes` is what presence says by agent (its `Cause` as text), of probes
        that are away or came back a moment ago. It stands over `detail["cause"]` of an alarm.

        The changes come in the order of the incidents' numbers. An alarm that was raised and cleared before its fault
        had settled begins nothing.
        """
        self._changes, self._windows = [], tuple(w for w in windows if w.is_on(now_us))
        alarms = {a.key: _with_cause(a, causes or {}) for a in sorted(open_alarms, key=order)}
        self._learn(now_us, alarms.values(), changes, causes or {})
        self._clear(now_us, alarms, changes)
        for key in [k for k in self._first_seen if k not in alarms]:
            del self._first_seen[key]
        self._dismissed &= alarms.keys()
        self._reopen_members(alarms)
        self._explain(now_us, alarms)
        self._release(now_us, alarms)
        self._gather(now_us, alarms)
        self._resolve(now_us)
        self._unmute(now_us, alarms)
        self._forget(now_us)
        return sorted(self._changes, key=lambda c: (c.incident.id, _TURNS.index(c.turn)))

    def _learn(
        self, now_us: int, alarms: Iterable[Alarm], changes: Iterable[Change], causes: Mapping[str, str]
    ) -> None:
        """What is known of each alarm; that a probe had lost power is often known only when it is back."""
        for alarm in [*alarms, *(c.alarm for c in changes if c.turn is AlarmTurn.CLEARED)]:
            if said := cause_of(alarm):
                self._evidence[alarm.key] = said
        for live in self._live.values():
            late = [
                (m.key, said)
                for m in live.members.values()
                if m.subject.kind is Kind.PROBE and not m.is_open and m.family is Family.DOWN
                and (said := word_of(causes.get(m.subject.name, ""))) and self._evidence.get(m.key) != said
            ]  # fmt: skip
            self._evidence.update(late)
            if late and live.judge(self._ground, self._evidence):
                self._tell(now_us, live, Turn.RECAST, notable=False)

    def _clear(self, now_us: int, alarms: Mapping[Key, Alarm], changes: Iterable[Change]) -> None:
        ends = {
            c.alarm.key: c.alarm.cleared_us
            for c in changes
            if c.turn is AlarmTurn.CLEARED and c.alarm.cleared_us is not None
        }
        for live in self._live.values():
            gone = [live.clear(m.key, min(ends.get(m.key, now_us), now_us)) for m in live.open if m.key not in alarms]
            for member in gone:
                self._home.pop(member.key, None)
            if gone:
                recast = live.judge(self._ground, self._evidence)
                self._tell(now_us, live, Turn.RECAST if recast else Turn.SHRANK, left=gone, notable=False)

    def _reopen_members(self, alarms: Mapping[Key, Alarm]) -> None:
        """What fails again before its incident was resolved never left it: nothing is told."""
        for live in self._live.values():
            back = [
                alarms[key]
                for key, member in live.members.items()
                if member.cleared_us is not None
                and key in alarms
                and key not in self._home
                and key not in self._dismissed
                and 0 <= alarms[key].raised_us - member.cleared_us <= self.settings.reopen_s * 1e6
            ]
            for alarm in back:
                live.take([alarm], 0)
                self._home[alarm.key] = live.id

    # --- explaining

    def _explain(self, now_us: int, alarms: Mapping[Key, Alarm]) -> None:
        """Explain anew where anything is different; the same alarms need no second thought."""
        roots = tuple(self._roots(now_us))
        seen = frozenset((k, a.began_us, cause_of(a)) for k, a in alarms.items())
        seen |= {(("", r.subject), r.began_us, str(r.ended_us)) for r in roots}
        if seen != self._seen:
            self._wanted = explain(self._ground, list(alarms.values()), roots)
            self._seen = seen

    def _roots(self, now_us: int) -> Iterable[Root]:
        """Roots that came back a moment ago: what they caused may still be noticed."""
        for live in self._live.values():
            ended = live.root_ended_us()
            if ended is not None and live.finding is not None and live.finding.root is not None:
                began = min(m.began_us for m in live.members.values() if m.subject == live.finding.root)
                if now_us - ended < self.settings.linger_s * 1e6:
                    yield Root(live.finding.root, began, ended)

    def _release(self, now_us: int, alarms: Mapping[Key, Alarm]) -> None:
        """What still fails long after its root came back has a cause of its own."""
        for live in self._live.values():
            ended = live.root_ended_us()
            if ended is None or now_us - ended < self.settings.linger_s * 1e6:
                continue
            freed = [m for m in live.open if m.key in alarms and self._wanted.get(m.key) != live.fault]
            for member in freed:
                del live.members[member.key]
                self._home.pop(member.key, None)
            if freed:
                live.judge(self._ground, self._evidence)
                self._tell(now_us, live, Turn.SHRANK, left=freed, note=_RELEASED.fill(n=len(freed)), notable=False)

    # --- gathering

    def _gather(self, now_us: int, alarms: Mapping[Key, Alarm]) -> None:
        groups: dict[Fault, list[Alarm]] = defaultdict(list)
        for key, alarm in alarms.items():
            if key in self._dismissed:
                continue
            home = self._live.get(self._home.get(key, 0))
            fault = self._wanted[key]
            if home is None:
                fault = self._joinable(alarm, fault, alarms)
                self._first_seen.setdefault(key, now_us)
                groups[fault].append(alarm)
            elif fault != home.fault and fault.reach.breadth > home.fault.reach.breadth:
                groups[fault].append(alarm)
        self._patient = awaiting(self._ground, self._wanted, self._unexplained(groups, alarms))
        for fault in sorted(groups, key=lambda f: (-f.reach.breadth, f)):
            for cluster in self._split(fault, groups[fault]):
                self._settle(now_us, fault, cluster)

    def _unexplained(self, groups: Mapping[Fault, Sequence[Alarm]], alarms: Mapping[Key, Alarm]) -> list[Alarm]:
        """What waits to be announced, with what was announced a moment ago; nothing where nothing waits."""
        waiting = [a for group in groups.values() for a in group if a.key not in self._home]
        if not waiting:
            return []
        early = min(a.began_us for a in waiting) - int(self.settings.window_s * 1e6)
        return [*waiting, *(a for key, a in alarms.items() if key in self._home and a.began_us >= early)]

    def _split(self, fault: Fault, alarms: Sequence[Alarm]) -> list[list[Alarm]]:
        """Two failures of one office hours apart are two faults; what a root explains is one."""
        if _lasts(fault):
            return clusters(alarms, 1e12)
        return clusters(alarms, self._span_s(fault))

    def _span_s(self, fault: Fault) -> float:
        if fault.family is not Family.DOWN:
            return self.settings.quality_window_s
        return self.settings.power_window_s if fault.reach is Reach.AREA else self.settings.join_s

    def _settle(self, now_us: int, fault: Fault, alarms: Sequence[Alarm]) -> None:
        target = next((live for _, live in sorted(self._live.items()) if self._accepts(live, fault, alarms)), None)
        if target is not None:
            self._grow(now_us, target, alarms)
        elif self._is_due(now_us, fault, alarms):
            self._open(now_us, fault, alarms)

    def _accepts(self, live: Live, fault: Fault, alarms: Sequence[Alarm]) -> bool:
        if live.fault != fault:
            return False
        if fault.family is Family.CERTIFICATE and _lasts(fault):
            return True
        if live.fault.reach in _ROOTED and live.root_ended_us() is None:
            return True
        margin = int(self._span_s(fault) * 1e6)
        began = [a.began_us for a in alarms]
        return min(began) <= live.last_us + margin and max(began) >= live.first_us - margin

    def _is_due(self, now_us: int, fault: Fault, alarms: Sequence[Alarm]) -> bool:
        """Whether the fault has settled. Alarms that have an incident already wait for nobody."""
        seen = [self._first_seen[a.key] for a in alarms if a.key in self._first_seen]
        if not seen:
            return True
        s = self.settings
        if fault.reach is Reach.COLLECTOR and any(a.subject.kind is Kind.COLLECTOR for a in alarms):
            return now_us >= min(seen) + s.quiet_s * 1e6  # it says so itself, and nothing wider can explain it
        if any(a.key in self._patient for a in alarms) and now_us < min(seen) + s.parent_s * 1e6:
            return False
        settled = max(min(seen) + s.settle_s * 1e6, max(seen) + s.quiet_s * 1e6)
        return now_us >= min(settled, min(seen) + s.settle_most_s * 1e6)

    def _joinable(self, alarm: Alarm, fault: Fault, alarms: Mapping[Key, Alarm]) -> Fault:
        """A latecomer that alone looks like a single office, but lies within an open incident's reach, belongs to it."""
        if fault.reach is not Reach.OFFICE or fault.family is not Family.DOWN:
            return fault
        margin = int(self.settings.join_s * 1e6)
        for _, live in sorted(self._live.items(), key=lambda item: (-item[1].fault.reach.breadth, item[0])):
            near = live.first_us - margin <= alarm.began_us <= live.last_us + margin
            if near and live.root_ended_us() is None and live.open and self._reaches(live, alarm, alarms):
                return live.fault
        return fault

    def _reaches(self, live: Live, alarm: Alarm, alarms: Mapping[Key, Alarm]) -> bool:
        if live.fault.family is not Family.DOWN:
            return False
        said, lines = cause_of(alarm), self._ground.lines_of(alarm)
        reach, name = live.fault.reach, live.fault.name
        atlas = self._ground.atlas
        if reach is Reach.AREA:
            fits = said == POWER if live.finding is not None and live.finding.cause is Cause.POWER else said != LINE
            return fits and atlas.province_of(alarm.subject.site) == name and self._is_dead(alarm, alarms)
        if said == POWER or alarm.subject.kind is Kind.NODE:
            return False
        if reach is Reach.FAR_END:
            return alarm.detail.get("far_end") == name
        if reach is Reach.PROVINCE:
            province, _, provider = name.partition(" ")
            return bool(lines & atlas.watched_of_provider.get((province, provider), frozenset()))
        if reach is Reach.PROVIDER:
            return any(atlas.provider_of(line) == name for line in lines)
        return reach is Reach.NODE and bool(lines & self._ground.tree.links_behind(node(name)))

    def _is_dead(self, alarm: Alarm, alarms: Mapping[Key, Alarm]) -> bool:
        """Whether nothing of the alarm's office is heard."""
        site = alarm.subject.site
        failing = {
            line.name
            for other in alarms.values()
            if other.subject.site == site and family_of(other) is Family.DOWN
            for line in self._ground.lines_of(other)
        }
        links = self._ground.atlas.links_of.get(site, ())
        return bool(links) and failing >= set(links)

    # --- opening, growing, absorbing

    def _open(self, now_us: int, fault: Fault, alarms: Sequence[Alarm]) -> None:
        former = self._former(fault, alarms)
        if former is not None:
            self._reopen(now_us, former, alarms)
            return
        upgraded = self._upgradable(alarms)
        if upgraded is not None:
            upgraded.fault = fault
            self._grow(now_us, upgraded, alarms, wider=True)
            return
        live = Live(id=self._next, fault=fault, opened_us=now_us, detected_us=now_us)
        self._next += 1
        self._live[live.id] = live
        joined = self._move(now_us, live, alarms)
        live.judge(self._ground, self._evidence)
        live.muted = self._is_quiet(live, {a.key: a for a in alarms}, now_us)
        live.told_sites = 0 if live.muted else len(live.sites)
        self._tell(now_us, live, Turn.OPENED, joined=joined)

    def _upgradable(self, alarms: Sequence[Alarm]) -> Live | None:
        """The oldest incident all of whose members the wider fault explains: it becomes that incident."""
        keys = {a.key for a in alarms}
        homes = sorted({self._home[k] for k in keys if k in self._home})
        return next((self._live[n] for n in homes if all(m.key in keys for m in self._live[n].open)), None)

    def _grow(self, now_us: int, live: Live, alarms: Sequence[Alarm], *, wider: bool = False) -> None:
        """A message only where the fault turned out to be another one, or far larger than was told."""
        before = live.finding.severity if live.finding is not None else Severity.INFO
        joined = self._move(now_us, live, [a for a in alarms if self._home.get(a.key) != live.id])
        recast = live.judge(self._ground, self._evidence)
        sites = len(live.sites)
        worse = live.finding is not None and live.finding.severity.rank > before.rank
        larger = live.fault.reach not in _ROOTED and sites >= live.told_sites * self.settings.growth
        notable = wider or worse or (larger and sites > live.told_sites)
        if notable and not live.muted:
            live.told_sites = sites
        if joined or recast:
            self._tell(now_us, live, Turn.RECAST if recast else Turn.GREW, joined=joined, notable=notable)

    def _move(self, now_us: int, live: Live, alarms: Sequence[Alarm]) -> list[Member]:
        """Make the alarms members of `live`; incidents that lose all their open members to it are absorbed."""
        left: dict[int, list[Member]] = defaultdict(list)
        for alarm in alarms:
            before = self._home.get(alarm.key)
            if before is not None and before != live.id:
                left[before].append(self._live[before].members[alarm.key])
            self._home[alarm.key] = live.id
            self._first_seen.pop(alarm.key, None)
        joined = live.take(alarms, now_us)
        for number, members in sorted(left.items()):
            self._lose(now_us, self._live[number], members, live)
        return joined

    def _lose(self, now_us: int, loser: Live, members: Sequence[Member], winner: Live) -> None:
        gone = {m.key for m in members}
        if all(m.key in gone for m in loser.open):
            for member in loser.members.values():
                if member.key not in winner.members:
                    winner.members[member.key] = replace(member, joined_us=now_us)
            winner.detected_us = min(winner.detected_us, loser.detected_us)
            winner.told_sites = max(winner.told_sites, 0 if loser.muted else len(loser.sites))
            if loser.state is State.ACKNOWLEDGED and winner.state is State.OPEN and winner.opened_us == now_us:
                winner.state, winner.acknowledged_us = loser.state, loser.acknowledged_us
            loser.state, loser.closed_us, loser.absorbed_by = State.CLOSED, now_us, winner.id
            del self._live[loser.id]
            note = _ABSORBED.fill(id=winner.id)
            self._tell(now_us, loser, Turn.ABSORBED, left=members, note=note, notable=False)
            return
        for key in gone:
            del loser.members[key]
        loser.judge(self._ground, self._evidence)
        note = _MOVED.fill(n=len(gone), id=winner.id)
        self._tell(now_us, loser, Turn.SHRANK, left=members, note=note, notable=False)

    def _former(self, fault: Fault, alarms: Sequence[Alarm]) -> Live | None:
        """The incident that ended a moment ago and comes back with these alarms."""
        for _, live in sorted(self._ended.items(), reverse=True):
            if live.resolved_us is None or live.fault != fault:
                continue
            again = sum(a.key in live.members for a in alarms)
            if min(a.began_us for a in alarms) <= live.resolved_us + self.settings.reopen_s * 1e6 and again:
                return live
        return None

    def _reopen(self, now_us: int, live: Live, alarms: Sequence[Alarm]) -> None:
        del self._ended[live.id]
        self._live[live.id] = live
        live.state = State.OPEN if live.acknowledged_us is None else State.ACKNOWLEDGED
        live.resolved_us = None
        live.reopened += 1
        joined = self._move(now_us, live, alarms)
        live.judge(self._ground, self._evidence)
        live.muted = self._is_quiet(live, {a.key: a for a in alarms}, now_us)
        self._tell(now_us, live, Turn.REOPENED, joined=joined)

    # --- ending

    def _resolve(self, now_us: int) -> None:
        for live in list(self._live.values()):
            if live.open:
                continue
            ends = [m.cleared_us for m in live.members.values() if m.cleared_us is not None]
            last = max(ends, default=now_us)
            hold = min(self.settings.hold_s * 2**live.reopened, self.settings.hold_most_s)
            if now_us - last >= hold * 1e6:
                live.state, live.resolved_us = State.RESOLVED, last
                del self._live[live.id]
                self._ended[live.id] = live
                self._tell(now_us, live, Turn.RESOLVED)

    def _unmute(self, now_us: int, alarms: Mapping[Key, Alarm]) -> None:
        """What outlasts the planned work, or reaches beyond it, is told after all."""
        for live in self._live.values():
            if live.muted and live.open and not self._is_quiet(live, alarms, now_us):
                live.muted = False
                live.told_sites = len(live.sites)
                self._changes = [c for c in self._changes if c.incident.id != live.id or c.turn is not Turn.GREW]
                self._tell(now_us, live, Turn.UNMUTED)

    def _is_quiet(self, live: Live, alarms: Mapping[Key, Alarm], now_us: int) -> bool:
        """Whether nobody is to be told: the root or every failing member is worked on, or its alarm is muted."""
        root = live.finding.root if live.finding is not None else None
        if root is not None and root.kind is Kind.NODE and covers(self._windows, root, now_us, self._ground):
            return True
        return all(
            (m.key in alarms and alarms[m.key].muted) or covers(self._windows, m.subject, now_us, self._ground)
            for m in live.open
        )

    def _forget(self, now_us: int) -> None:
        """Let go of what can no longer come back, so that memory stays flat."""
        horizon = now_us - int(self.settings.reopen_s * 1e6) - int(self.settings.settle_most_s * 1e6)
        for number in [n for n, live in self._ended.items() if (live.resolved_us or 0) < horizon]:
            del self._ended[number]
        if len(self._evidence) > 2 * (len(self._home) + len(self._first_seen)) + 1000:
            kept = {k for live in (*self._live.values(), *self._ended.values()) for k in live.members}
            kept |= self._first_seen.keys() | self._dismissed
            kept |= self._home.keys()
            self._evidence = {k: e for k, e in self._evidence.items() if k in kept}

    def _tell(
        self,
        now_us: int,
        live: Live,
        turn: Turn,
        *,
        joined: Sequence[Member] = (),
        left: Sequence[Member] = (),
        note: Text = Text(vi="", en=""),  # noqa: B008 - immutable
        notable: bool = True,
    ) -> None:
        self._changes.append(
            IncidentChange(
                turn=turn,
                incident=live.picture(),
                at_us=now_us,
                joined=tuple(joined),
                left=tuple(left),
                note=note,
                notable=notable and not live.muted,
            )
        )


def _lasts(fault: Fault) -> bool:
    """Whether all that it ever explains at one time is one incident, however far apart it begins."""
    return fault.reach in _ROOTED or (fault.reach is Reach.FAR_END and fault.family is Family.CERTIFICATE)


def _with_cause(alarm: Alarm, causes: Mapping[str, str]) -> Alarm:
    said = causes.get(alarm.subject.name) if alarm.subject.kind is Kind.PROBE else None
    return alarm if said is None else replace(alarm, detail={**alarm.detail, "cause": said})


_RELEASED = Text(
    vi="{n} thành phần vẫn lỗi sau khi nút gốc hoạt động lại, được tách thành sự cố riêng",
    en="{n} members still fail after the root came back: they become incidents of their own",
)
_ABSORBED = Text(vi="được gộp vào sự cố số {id}", en="absorbed by incident {id}")
_MOVED = Text(vi="{n} thành phần được chuyển sang sự cố số {id}", en="{n} members moved to incident {id}")
