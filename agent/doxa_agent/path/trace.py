"""One traceroute: does the far end answer, who stands at which distance, and then rounds over all of them.

First one probe goes all the way. If it is answered, the hops are discovered one after the other until the far end itself
answers; if not, until several in a row keep silent. The rounds that follow ask every hop once, evenly spread, so that no
router is asked more often than once in `interval_s`: Linux lets one ICMP error a second go to a host, after six at once.
"""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Final

from doxa_agent.meter import Deadline, Link
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.echosocket import NotPermitted
from doxa_agent.path.hops import Hop
from doxa_agent.path.talk import Hit, Talk
from doxa_agent.path.tracer import EchoTracer, UdpTracer, Word

AUTO, UDP, ICMP = "auto", "udp", "icmp"
ALL_THE_WAY: Final = 64
"""The hop limit of a probe to the far end: what Linux gives its own packets."""
GAP: Final = 4
"""So many silent hops in a row end the discovery, where the far end does not answer."""
LOOPED: Final = 3
"""A router that is met at so many distances is part of a loop."""
TRIES: Final = 2
DISCOVER_S: Final = 20.0
_FLOOR_S: Final = 0.3
"""The least that a hop is waited for during the discovery: routers answer when they have time."""
_SPREAD_S: Final = 0.05


STAMPING_S: Final = 0.02
"""Where nobody else asks for stamps, Linux switches them on in a deferred job: the first probes would have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a path is traced."""

    probe: str = AUTO
    rounds: int = 10
    interval_s: float = 1.0
    timeout_s: float = 1.0
    max_hops: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one traceroute found."""

    way: str
    """How the hops were asked: `udp`, `icmp_datagram`, `icmp_raw`."""
    flow: dict[str, int]
    """The ports or the identifier that stayed the same."""
    source: str
    hops: list[Hop]
    """From 1 on, without a gap; the last is the far end where it was reached, else the last that answered."""
    reached: bool
    """The far end answered at least once."""
    end_way: str
    """How the far end was asked in the rounds: by echo requests where it answers them, else as the hops."""
    end: Hop
    """The far end by whatever way it was asked."""
    refusals: Counter[str] = field(default_factory=Counter)
    """What those said who would not pass the probes on, by code."""
    looped: bool = False
    moved: bool = False
    """The far end's distance changed while it was measured."""
    cut_short: bool = False
    stepped: bool = False
    """The wall clock was set meanwhile; the delays are right all the same."""
    counts: dict[str, int] = field(default_factory=dict)
    unpermitted: bool = False
    """Echo requests were to be tried too, and the system allows none."""

    @property
    def hop_count(self) -> int | None:
        """The distance at which the far end answered, itself included; None where that is not known."""
        return min(self.distances, default=None)

    @property
    def distances(self) -> set[int]:
        """All distances at which it answered: several where balanced paths are not of one length."""
        return {hop.ttl for hop in self.hops if hop.end}


def trace(address: str, family: int, link: Link, settings: Settings, deadline: Deadline) -> Trace:
    """The path to a numeric address. Raises `Unreachable` (`LinkUnusable`) where the line itself cannot carry,
    `NotPermitted` where echo requests were asked for and the system allows none.
    """
    with ExitStack() as stack:
        open_talks: dict[str, Talk] = {}

        def talk(way: str) -> Talk:
            if way not in open_talks:
                tracer = (UdpTracer if way == UDP else EchoTracer)(address, family, link, address)
                stack.callback(tracer.close)
                if not open_talks:
                    deadline.wait(STAMPING_S)
                open_talks[way] = Talk(tracer, settings.timeout_s)
            return open_talks[way]

        return _Course(talk, settings, deadline).run()


@dataclass(slots=True, kw_only=True)
class _Found:
    """What a discovery found."""

    talk: Talk
    last: int = 0
    """The far end's distance, else the last hop that answered."""
    end: bool = False
    looped: bool = False
    refused: bool = False
    """Somebody said that it goes no further."""


class _Course:
    """One run: choose a way, discover, go the rounds, sum up."""

    def __init__(self, talk: Callable[[str], Talk], settings: Settings, deadline: Deadline) -> None:
        self._talk, self._settings, self._deadline = talk, settings, deadline
        self._moved = self._unpermitted = False

    def run(self) -> Trace:
        """The whole course."""
        asked = self._ways()
        reached = next((talk for talk in asked if self._answers(talk)), None)
        found = self._discover(reached, known=True) if reached is not None else self._farthest(asked)
        end = self._end_talk(found.talk) if reached is not None else found.talk
        cut = self._go_round(found, end, apart=end is not found.talk or not found.end)
        trace = _sum_up(found, end, cut=cut or self._deadline.over, moved=self._moved)
        return replace(trace, unpermitted=self._unpermitted)

    def _ways(self) -> list[Talk]:
        """The ways that are permitted, in the order in which they are tried."""
        if self._settings.probe != AUTO:
            return [self._talk(self._settings.probe)]
        return [self._talk(UDP), *self._echo()]

    def _echo(self) -> list[Talk]:
        try:
            return [self._talk(ICMP)]
        except NotPermitted:
            self._unpermitted = True
            return []
        except Unreachable:
            return []

    def _answers(self, talk: Talk) -> Hit | None:
        """The far end's answer to one of two probes that may go all the way."""
        for _ in range(TRIES):
            hit = talk.ask(ALL_THE_WAY, self._settings.timeout_s, self._deadline)
            if hit is not None and hit.word is Word.END:
                return hit
        return None

    def _end_talk(self, talk: Talk) -> Talk:
        """By which way the far end's loss is counted: echo replies are not rate-limited as ICMP errors are."""
        if self._settings.probe == UDP or not isinstance(talk.tracer, UdpTracer):
            return talk
        return next((other for other in self._echo() if self._answers(other)), talk)

    def _farthest(self, talks: list[Talk]) -> _Found:
        """The discovery that came farthest, where no far end answers."""
        found: list[_Found] = []
        for talk in talks:
            found.append(self._discover(talk, known=False))
            if found[-1].looped or found[-1].refused:  # nothing is filtered here: another way would tell the same
                break
        return max(found, key=lambda one: one.last)  # the first of equals

    def _discover(self, talk: Talk, *, known: bool) -> _Found:
        """Ask distance after distance. `known`: the far end answers, so silence does not end the search."""
        found, silent = _Found(talk=talk), 0
        until = time.monotonic() + DISCOVER_S
        for ttl in range(1, self._settings.max_hops + 1):
            if self._deadline.over or time.monotonic() > until:
                break
            hit = self._hit_at(talk, ttl)
            if hit is None:
                silent += 1
                if silent >= GAP and not known:
                    break
                continue
            silent, found.last, found.end = 0, ttl, hit.word is Word.END
            found.looped = len(talk.seen_at[hit.host]) >= LOOPED and not found.end
            found.refused = hit.word is Word.REFUSED
            if found.end or found.looped or (found.refused and not known):
                break
        return found

    def _hit_at(self, talk: Talk, ttl: int) -> Hit | None:
        for _ in range(TRIES):
            hit = talk.ask(ttl, self._patience_s(talk), self._deadline)
            if hit is not None:
                return hit
        return None

    def _patience_s(self, talk: Talk) -> float:
        """The timeout while nothing was heard; then three times the longest delay yet, and never too little."""
        delays = [found.delay / 1e9 for seq in talk.hits if (found := talk.delay(seq)) is not None]
        if not delays:
            return self._settings.timeout_s
        return min(self._settings.timeout_s, max(_FLOOR_S, 3 * max(delays)))

    def _go_round(self, found: _Found, end: Talk, *, apart: bool) -> bool:
        """Ask every hop once a round, and the far end `apart` where no hop is it; whether it had to end early."""
        settings, began = self._settings, time.monotonic()
        for turn in range(settings.rounds):
            start = began + turn * settings.interval_s
            steps = max(1, found.last)
            gap = min(_SPREAD_S, settings.interval_s / (steps + 1))
            for ttl in range(1, steps + 1):
                self._listen(found.talk, end, start + (ttl - 1) * gap)
                if self._deadline.over:
                    return True
                found.talk.send(ttl, turn)
            if apart:
                self._listen(found.talk, end, start + steps * gap)
                end.send(ALL_THE_WAY, turn)
            self._grow(found)
        self._listen(found.talk, end, time.monotonic() + settings.timeout_s, waiting=True)
        return False

    def _listen(self, one: Talk, other: Talk, until: float, *, waiting: bool = False) -> None:
        """Until that moment; `waiting` for what is open, no longer than until all of it is there."""

        def enough() -> bool:
            other.collect()
            return waiting and all(self._complete(talk) for talk in (one, other))

        one.listen(until, self._deadline, enough)

    @staticmethod
    def _complete(talk: Talk) -> bool:
        """Whether everything that the rounds asked is answered."""
        return all(seq in talk.hits for seq, shot in talk.shots.items() if shot.turn is not None)

    def _grow(self, found: _Found) -> None:
        """The far end's place is taken by a router: the path has become longer."""
        if not found.end or found.last >= self._settings.max_hops:
            return
        talk = found.talk
        newest = [hit for seq, hit in talk.hits.items() if talk.shots[seq].ttl == found.last]
        if newest and newest[-1].word is Word.EXCEEDED:
            found.last += 1
            self._moved = True


def _sum_up(found: _Found, end: Talk, *, cut: bool, moved: bool) -> Trace:
    talk = found.talk
    hops = [_hop(talk, ttl) for ttl in range(1, found.last + 1)]
    while hops and hops[-1].silent:
        hops.pop()
    ends = [hop.ttl for hop in hops if hop.end]
    if ends:
        moved = moved or len(ends) > 1
        hops = hops[: ends[-1]]
    apart = _hop(end, ALL_THE_WAY)
    own = next((hop for hop in hops if hop.end), None)
    talks = [talk] if end is talk else [talk, end]
    counts = {
        "duplicates": sum(one.duplicates for one in talks),
        "unnamed": talk.unnamed,
        "unattributed": talk.unattributed,
        "unsent": sum(sum(one.unsent.values()) for one in talks),
        "late": sum(1 for one in talks for seq in one.hits if one.in_time(seq) is None),
        "probes": sum(len(one.shots) for one in talks),
        "kernel_stamps": sum(1 for one in talks for seq in one.hits if (d := one.delay(seq)) and d.by_kernel),
    }
    return Trace(
        way=talk.tracer.way,
        flow=dict(talk.tracer.flow),
        source=talk.tracer.source,
        hops=hops,
        reached=any(hit.word is Word.END for one in talks for hit in one.hits.values()),
        end_way=end.tracer.way,
        end=apart if apart.sent or own is None else replace(own, ttl=own.ttl),
        refusals=Counter(hit.reason for one in talks for hit in one.hits.values() if hit.word is Word.REFUSED)
        + sum((one.unsent for one in talks), Counter()),
        looped=found.looped,
        moved=moved,
        cut_short=cut,
        stepped=any(d.stepped for one in talks for seq in one.hits if (d := one.delay(seq)) is not None),
        counts=counts,
    )


def _hop(talk: Talk, ttl: int) -> Hop:
    """All that was heard at one distance; what the discovery asked counts for the addresses only."""
    hop = Hop(ttl=ttl)
    for seq, shot in talk.shots.items():
        if shot.ttl != ttl:
            continue
        hit = talk.hits.get(seq)
        if hit is not None:
            _note(hop, hit, own=talk.tracer.source)
        if shot.turn is None:
            continue
        hop.sent += 1
        delay = talk.in_time(seq)
        if delay is not None and hit is not None and hit.word is not Word.REFUSED:
            hop.delays.append(delay.delay / 1e6)
    return hop


def _note(hop: Hop, hit: Hit, *, own: str) -> None:
    """Who answered; but what our own kernel refuses, because the gateway is not there, comes from no hop."""
    if hit.word is Word.REFUSED:
        if hit.host != own:
            hop.refusers[hit.host] += 1
            hop.reason = hop.reason or hit.reason
        return
    hop.hosts[hit.host] += 1
    hop.end = hop.end or hit.word is Word.END
