"""Decides who is there and why not; pure: signs and surroundings in, turns out, time given by the caller.

The order of the rules is the order of blame: first ourselves and the broker, then what the probe said, then what its
neighbours show. What cannot be told yet stays `lost` and is refined when something tells: a peer at the same office that is
still there (the line), a return with another boot id (power) or with the same one (the line).
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Final

from doxa_collector.presence.model import Cause, Evidence, Presence, Sign, State, Surroundings, Turn
from doxa_collector.presence.settings import Settings

_US: Final = 1_000_000


@dataclass(slots=True)
class _Probe:
    """What is known of one probe."""

    agent: str
    site: str
    networks: frozenset[str]
    last: Sign | None = None
    """The newest sign of life."""
    gone: Sign | None = None
    """The goodbye or last will after it, if one came."""
    shown: Presence | None = None
    lost_boot: str | None = None
    """The boot that went away: what a return is compared with."""
    absence: Presence | None = None
    """The last absence, for its cause may become known later."""
    due_us: int = 0


class Engine:
    """The presence of every probe. `update()` costs what has news or is due, not what there is."""

    def __init__(self, settings: Settings = Settings()) -> None:  # noqa: B008 - frozen
        self.settings = settings
        self._probes: dict[str, _Probe] = {}
        self._sites: dict[str, list[_Probe]] = {}
        self._due: list[tuple[int, str]] = []
        self._blind = False
        self._grace_until_us = 0
        self._broker_lost_us: int | None = None
        self._broker_back_us = 0
        self._news: set[str] = set()
        self._lost: deque[int] = deque(maxlen=settings.many)
        """When the latest were lost."""

    def know(self, homes: Mapping[str, str], networks: Mapping[str, frozenset[str]] | None = None) -> None:
        """The registry: agent → site, and which networks (kinds of link) a probe serves where that is known."""
        for agent in self._probes.keys() - homes.keys():
            del self._probes[agent]
        for agent, site in homes.items():
            kinds = (networks or {}).get(agent, frozenset())
            found = self._probes.get(agent)
            if found is None:
                self._probes[agent] = _Probe(agent=agent, site=site, networks=kinds)
                self._news.add(agent)
            else:
                found.site, found.networks = site, kinds
        self._sites = {}
        for probe in self._probes.values():
            self._sites.setdefault(probe.site, []).append(probe)

    def restore(self, shown: Iterable[Presence], signs: Iterable[Sign]) -> None:
        """After a restart: what was shown, and the last signs in the ledger. Until probes had time to speak nobody is blamed."""
        for presence in shown:
            if probe := self._probes.get(presence.agent):
                probe.shown = presence
                if presence.state is State.OFFLINE:
                    probe.absence = presence
        for sign in signs:
            self._hear(sign)

    def feed(self, signs: Iterable[Sign]) -> None:
        """What was heard since the last update, in any order."""
        for sign in sorted(signs, key=lambda one: one.at_us):
            self._hear(sign)

    def _hear(self, sign: Sign) -> None:
        probe = self._probes.get(sign.agent)
        if probe is None:
            return
        if sign.online:
            if probe.last is None or sign.at_us >= probe.last.at_us:
                probe.last = _with_what_is_known(sign, probe.last, probe.absence)
            if probe.gone is not None and sign.at_us >= probe.gone.at_us:
                probe.gone = None
        elif probe.last is None or sign.at_us >= probe.last.at_us:
            if sign.reason == "lost" and (probe.gone is None or probe.gone.at_us != sign.at_us):
                self._lost.append(sign.at_us)
            probe.gone = sign
        self._news.add(sign.agent)

    def update(self, now_us: int, around: Surroundings = Surroundings()) -> list[Turn]:  # noqa: B008 - frozen
        """The turns since the last call."""
        wake_all = self._look_around(now_us, around)
        names = set(self._probes) if wake_all else self._ripe(now_us)
        turns: list[Turn] = []
        for name in sorted(names):
            probe = self._probes.get(name)
            if probe is not None:
                turns += self._judge(probe, now_us, around)
        self._news.clear()
        return turns

    @property
    def speakers(self) -> int:
        """How many probes are online, and so should be heard of."""
        return sum(p.shown is not None and p.shown.state is State.ONLINE for p in self._probes.values())

    def all(self) -> list[Presence]:
        """What is shown of every probe, by office and name."""
        found = [probe.shown for probe in self._probes.values() if probe.shown is not None]
        return sorted(found, key=lambda one: (one.site, one.agent))

    # --- when to look ------------------------------------------------------------------------------------------------

    def _look_around(self, now_us: int, around: Surroundings) -> bool:
        """Whether everybody has to be looked at again, because the broker or we ourselves turned."""
        blind = around.broker_lost_us is not None or around.behind_s > self.settings.behind_s
        blind |= around.silent_us is not None
        if self._blind and not blind:
            self._grace_until_us = now_us + int(self.settings.grace_s * _US)
            for name in self._probes:
                heappush(self._due, (self._grace_until_us + 1, name))
        self._watch_broker(now_us, around.broker_lost_us)
        turned, self._blind = blind is not self._blind, blind
        return turned

    def _watch_broker(self, now_us: int, lost_us: int | None) -> None:
        """Note when the broker went, and when it came back after so long that what was heard before is worth nothing."""
        patience_us = int(self.settings.blind_s * _US)
        if lost_us is not None and self._broker_lost_us is None:
            for name in self._probes:
                heappush(self._due, (lost_us + patience_us, name))
        if lost_us is None and self._broker_lost_us is not None and now_us - self._broker_lost_us >= patience_us:
            self._broker_back_us = now_us
        self._broker_lost_us = lost_us

    def _ripe(self, now_us: int) -> set[str]:
        found = set(self._news)
        while self._due and self._due[0][0] <= now_us:
            found.add(heappop(self._due)[1])
        for name in list(found):  # what one probe does tells something about the others of its office
            if probe := self._probes.get(name):
                found.update(other.agent for other in self._sites[probe.site])
        return found

    def _later(self, probe: _Probe, at_us: int) -> None:
        if probe.due_us != at_us:
            probe.due_us = at_us
            heappush(self._due, (at_us, probe.agent))

    # --- what it is --------------------------------------------------------------------------------------------------

    def _judge(self, probe: _Probe, now_us: int, around: Surroundings) -> list[Turn]:
        before, found = probe.shown, self._find(probe, now_us, around)
        turns: list[Turn] = []
        if found.state is State.ONLINE and before is not None and probe.absence is not None:
            turns += self._refine(probe, now_us)
        if before is not None and (before.state, before.cause) == (found.state, found.cause):
            return turns
        if before is not None and before.state is found.state is State.OFFLINE:
            found = replace(found, since_us=before.since_us)
        probe.shown = found
        if found.state is State.OFFLINE:
            probe.absence = found
            probe.lost_boot = probe.last.boot if probe.last else None
        return [*turns, Turn(before=before, now=found, noticed_us=now_us)]

    def _find(self, probe: _Probe, now_us: int, around: Surroundings) -> Presence:
        """The rule. Each branch leaves its evidence."""
        last, gone, rules = probe.last, probe.gone, self.settings
        if last is None and gone is None:
            return self._shown(probe, State.NEVER, None, probe.shown.since_us if probe.shown else now_us)
        fresh = last is not None and now_us - last.at_us <= rules.silent_s * _US
        if gone is None and last is not None and fresh and not self._is_unheard(last, now_us):
            self._later(probe, last.at_us + int(rules.silent_s * _US) + 1)
            if probe.shown is not None and probe.shown.state is State.ONLINE:
                return probe.shown
            return self._shown(probe, State.ONLINE, None, last.at_us)
        if blame := self._not_its_fault(probe, now_us, around):
            return blame
        if gone is None:
            assert last is not None
            evidence = Evidence(code="heartbeat_overdue", at_us=last.at_us, about=f"{rules.silent_s:g}")
            return self._absent(probe, last.at_us, Cause.SILENT, evidence)
        if gone.reason == "stopped":
            return self._shown(
                probe, State.OFFLINE, Cause.STOPPED, gone.at_us, Evidence(code="goodbye", at_us=gone.at_us)
            )
        online = probe.shown is not None and probe.shown.state is State.ONLINE
        if online and now_us - gone.at_us < rules.settle_s * _US and self._many_went(gone.at_us):
            assert probe.shown is not None
            self._later(probe, gone.at_us + int(rules.settle_s * _US))
            return probe.shown
        return self._absent(probe, gone.at_us, Cause.LOST, Evidence(code="last_will", at_us=gone.at_us))

    def _is_unheard(self, last: Sign, now_us: int) -> bool:
        """Whether a recent sign says nothing, because the broker is away, or was, and the probe has not come back since."""
        if self._broker_lost_us is not None:
            return now_us - self._broker_lost_us >= self.settings.blind_s * _US
        return now_us < self._grace_until_us and last.at_us < self._broker_back_us

    def _many_went(self, at_us: int) -> bool:
        """Whether so many were lost around this moment that the broker itself may be going."""
        span = int(self.settings.settle_s * _US)
        return sum(abs(found - at_us) <= span for found in self._lost) >= self.settings.many

    def _not_its_fault(self, probe: _Probe, now_us: int, around: Surroundings) -> Presence | None:
        """An absence that the broker or we ourselves explain; one that was known before stays what it was."""
        shown = probe.shown
        if shown is not None and shown.state is State.OFFLINE:
            lost_us = around.broker_lost_us
            return shown if lost_us is not None or now_us < self._grace_until_us else None
        if around.broker_lost_us is not None:
            evidence = Evidence(code="broker_unreachable", at_us=around.broker_lost_us)
            return self._shown(probe, State.UNKNOWN, Cause.BROKER, around.broker_lost_us, evidence)
        if around.behind_s > self.settings.behind_s:
            evidence = Evidence(code="collector_behind", at_us=now_us, about=f"{around.behind_s:.0f}")
            return self._shown(probe, State.UNKNOWN, Cause.COLLECTOR, now_us, evidence)
        if around.silent_us is not None:
            evidence = Evidence(code="all_silent", at_us=around.silent_us)
            return self._shown(probe, State.UNKNOWN, Cause.COLLECTOR, around.silent_us, evidence)
        if now_us < self._grace_until_us:
            self._later(probe, self._grace_until_us + 1)
            since = shown.since_us if shown is not None and shown.state is State.UNKNOWN else now_us
            return self._shown(probe, State.UNKNOWN, Cause.BROKER, since, Evidence(code="broker_grace", at_us=now_us))
        return None

    def _absent(self, probe: _Probe, since_us: int, cause: Cause, first: Evidence) -> Presence:
        """An absence with the best cause that is known now."""
        evidence = [first]
        if told := self._told(probe) or self._shown_by_others(probe, since_us):
            cause = told[0]
            evidence.append(told[1])
        return self._shown(probe, State.OFFLINE, cause, since_us, *evidence)

    def _told(self, probe: _Probe) -> tuple[Cause, Evidence] | None:
        """What the probe itself said before it went."""
        last = probe.last
        if last is not None and last.on_battery:
            return Cause.POWER, Evidence(code="on_battery", at_us=last.at_us)
        if last is not None and last.ports_down:
            return Cause.LINE, Evidence(code="link_port_down", at_us=last.at_us, about=", ".join(last.ports_down))
        return None

    def _shown_by_others(self, probe: _Probe, since_us: int) -> tuple[Cause, Evidence] | None:
        """What the other probes of the office show: they stand beside it, on the same mains."""
        others = [other for other in self._sites[probe.site] if other is not probe and other.last is not None]
        if not others:
            return None
        for other in others:
            heard = other.last
            if other.gone is None and heard is not None and heard.at_us > since_us + int(self.settings.settle_s * _US):
                return Cause.LINE, Evidence(code="peer_online", at_us=heard.at_us, about=other.agent)
        span = int(self.settings.together_s * _US)
        together = [
            o for o in others if o.gone is not None and o.gone.reason == "lost" and abs(o.gone.at_us - since_us) <= span
        ]
        networks = {probe.networks, *(other.networks for other in together)}
        if len(together) == len(others) and len(networks) > 1:
            names = ", ".join(sorted([probe.agent, *(other.agent for other in together)]))
            return Cause.POWER, Evidence(code="whole_office", at_us=since_us, about=names)
        return None

    def _refine(self, probe: _Probe, now_us: int) -> list[Turn]:
        """It is back: the boot tells what the absence was."""
        absence, last = probe.absence, probe.last
        if last is not None and last.boot is None and probe.lost_boot is not None:
            return []  # its status is still to come
        probe.absence = None
        if absence is None or last is None or last.boot is None or probe.lost_boot is None:
            return []
        if absence.cause not in (Cause.LOST, Cause.SILENT, Cause.LINE, Cause.POWER):
            return []
        same = last.boot == probe.lost_boot
        if same and any(found.code == "on_battery" for found in absence.evidence):
            return []  # the probe lived on its battery, what stands between it and us did not
        cause = Cause.LINE if same else Cause.POWER
        guessed = any(found.code == "whole_office" for found in absence.evidence)
        if cause is absence.cause and not guessed:
            return []
        code = "same_boot" if same else "new_boot"
        better = replace(absence, cause=cause, evidence=(*absence.evidence, Evidence(code=code, at_us=last.at_us)))
        return [Turn(before=absence, now=better, noticed_us=now_us, refines=True)]

    def _shown(self, probe: _Probe, state: State, cause: Cause | None, since_us: int, *evidence: Evidence) -> Presence:
        return Presence(
            agent=probe.agent, site=probe.site, state=state, cause=cause, since_us=since_us, evidence=evidence
        )


def _with_what_is_known(sign: Sign, known: Sign | None, absence: Presence | None) -> Sign:
    """A measurement is a sign of life that says nothing of the probe itself: what its status said before still holds.

    Not what it said before an absence, though: only a new word tells whether it has booted again.
    """
    if sign.boot is not None or known is None or (absence is not None and known.at_us <= absence.since_us):
        return sign
    battery = known.on_battery if sign.on_battery is None else sign.on_battery
    return replace(sign, boot=known.boot, on_battery=battery, ports_down=sign.ports_down or known.ports_down)
