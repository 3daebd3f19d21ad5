"""What the probes say of each hop and of the far end: loss, delays, addresses; and where a loss that counts begins."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from doxa_agent.net.delay import percentile

MAX_ADDRESSES: Final = 8
"""So many of a hop are kept: a balancer has rarely more, and a measurement must stay small."""
_LEAST_LOST: Final = 2
"""A single lost probe says nothing about a place."""
_CLEAN: Final = 0.25
"""A hop that loses less than this share of the far end's loss stands before it, …"""


@dataclass(slots=True, kw_only=True)
class Hop:
    """One distance from the probe, counted in hop limits from 1."""

    ttl: int
    sent: int = 0
    delays: list[float] = field(default_factory=list)
    """Milliseconds of the answers in time, in the order of sending."""
    hosts: Counter[str] = field(default_factory=Counter)
    """Who answered, also during the discovery."""
    refusers: Counter[str] = field(default_factory=Counter)
    """Who sent probes back instead of passing them on; they may stand nearer than this."""
    reason: str = ""
    """Why, as a code."""
    end: bool = False
    """The far end answered at this distance."""

    @property
    def received(self) -> int:
        """Answers in time."""
        return len(self.delays)

    @property
    def loss(self) -> float | None:
        """Share without an answer; a router that answers seldom loses nothing that is not for itself."""
        return (self.sent - self.received) / self.sent if self.sent else None

    @property
    def addresses(self) -> list[str]:
        """Who answered, the most frequent first; the order of equals is stable."""
        return _ranked(self.hosts)

    @property
    def silent(self) -> bool:
        """Nobody ever answered here."""
        return not self.hosts and not self.refusers

    @property
    def shortest_ms(self) -> float | None:
        """The smallest delay."""
        return min(self.delays, default=None)

    @property
    def median_ms(self) -> float | None:
        """The median by nearest rank."""
        return percentile(sorted(self.delays), 50) if self.delays else None


def bounded(hops: Sequence[Hop], at: int) -> tuple[float | None, float | None]:
    """The smallest and the median delay to hop number `at`, at most what any later hop shows.

    A router answers probes when it has time, but passes packets on at once: whoever answers from behind it sooner proves
    that the way to it is no longer than that.
    """
    later = [hop for hop in hops if hop.ttl >= at and hop.delays]
    shortest = min((ms for hop in later if (ms := hop.shortest_ms) is not None), default=None)
    median = min((ms for hop in later if (ms := hop.median_ms) is not None), default=None)
    return shortest, median


def limited(hops: Sequence[Hop], end_loss: float | None) -> set[int]:
    """The hops that lose more than somebody behind them: they answer seldom, but pass everything on."""
    least, found = 1.0 if end_loss is None else end_loss, set()
    for hop in reversed(hops):
        if hop.loss is None or hop.silent:
            continue
        if hop.loss > least:
            found.add(hop.ttl)
        least = min(least, hop.loss)
    return found


def loss_after(hops: Sequence[Hop], sent: int, lost: int) -> int | None:
    """The last hop before which nothing of the far end's loss happens; 0 where the first one shares it already.

    None where the far end loses (next to) nothing, or where no hop can tell.
    """
    if lost < _LEAST_LOST or not sent:
        return None
    asked = [hop for hop in hops if hop.loss is not None and not hop.silent and not hop.end]
    if not asked:
        return None
    clean = [hop.ttl for hop in asked if hop.loss is not None and hop.loss < _CLEAN * lost / sent]
    return max(clean, default=0)


def _ranked(hosts: Counter[str]) -> list[str]:
    ranked = sorted(hosts.items(), key=lambda item: (-item[1], item[0]))
    return [host for host, _ in ranked[:MAX_ADDRESSES]]


def hop_fields(hop: Hop, *, limits: bool, outside: bool | None, most: int = MAX_ADDRESSES) -> dict[str, Any]:
    """A hop for the measurement's `detail`, with at most so many addresses; what is not known is absent."""
    ordered = sorted(hop.delays)
    found: dict[str, Any] = {"ttl": hop.ttl, "sent": hop.sent, "received": hop.received}
    if hop.hosts:
        found["addresses"] = hop.addresses[:most]
    if hop.refusers:
        found["refused_by"] = _ranked(hop.refusers)[:most]
    if len(hop.hosts) > most:
        found["more_addresses"] = len(hop.hosts) - most
    if ordered:
        found |= {
            "rtt_min_ms": round(ordered[0], 3),
            "rtt_p50_ms": round(percentile(ordered, 50), 3),
            "rtt_p95_ms": round(percentile(ordered, 95), 3),
        }
    rare = {"reason": hop.reason, "limited": limits, "outside": outside, "end": hop.end}
    return found | {name: value for name, value in rare.items() if value}
