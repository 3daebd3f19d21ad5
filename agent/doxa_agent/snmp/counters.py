"""From two polls of one interface to what moved between them: wrap-safe, restart-safe, and silent where it cannot know.

Time is the difference of sysUpTime as the two answers carry it beside the counters, not of our clock: an answer that was
under way for a second would shift the rate. Our monotonic clock only checks it. A 64-bit counter does not wrap in a
lifetime (RFC 2863 §3.1.6), so one that went back was reset; a 32-bit one wraps after 5.7 min at 100 Mb/s, and where the
line could have filled it twice between two polls nothing is said at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from doxa_core.layers import mbps

TICKS: Final = 100
"""TimeTicks in a second (RFC 2578 §7.1.8)."""
_UPTIME_MODULUS: Final = 2**32
"""sysUpTime starts again from 0 after 497 days."""
SLACK_S: Final = 1.0
"""How much sysUpTime may disagree with our clock: some terminals count it in whole seconds …"""
SLACK_SHARE: Final = 0.01
"""… and by their own oscillator."""
_HARDLY_ABOVE: Final = 1.1
"""A 32-bit counter is believed up to this share of the line's rate: an interval is never exactly what it should be."""
_ABOVE: Final = 1.5
"""A rate beyond this share of the port's speed never was."""
_ANY_MBPS: Final = 1e6
"""No terminal of an office carries a terabit: a 64-bit difference beyond it is a counter that went back."""
_COUNT_MOST: Final = 2**31
"""More errors or discards than this in one interval are a counter that went back."""


class Count(NamedTuple):
    """A counter as it stood, and how wide it is."""

    value: int
    bits: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One poll of the interface."""

    sent_s: float
    received_s: float
    """When the request left and the answer came, monotonic."""
    index: int
    uptime: int | None
    """sysUpTime, TimeTicks."""
    discontinuity: int | None = None
    """ifCounterDiscontinuityTime, TimeTicks; None where the terminal does not say."""
    octets: Mapping[str, Count] = field(default_factory=dict)
    """By way, `in` and `out`."""
    packets: Mapping[str, Count] = field(default_factory=dict)
    troubles: Mapping[str, Count] = field(default_factory=dict)
    """`in_errors`, `out_discards` …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened between two polls; without `interval_s` nothing can be said, and `findings` says why."""

    interval_s: float | None = None
    octets: Mapping[str, int] = field(default_factory=dict)
    packets: Mapping[str, int] = field(default_factory=dict)
    troubles: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the line can carry at most, as far as it is known; both in Mbps."""

    line_mbps: float | None = None
    """What decides whether a 32-bit counter can have wrapped twice: of the plan, else the port's speed."""
    port_mbps: float | None = None
    """What a rate is held against; only of a port whose speed means something (Ethernet)."""


def between(before: Sample, now: Sample, bounds: Bounds) -> Change:
    """The growth of each counter from `before` to `now`; an unsure one is absent, with a finding."""
    if before.index != now.index:
        return Change(findings=("interface_moved",))  # another row: its counters began at another time
    interval = interval_of(before, now)
    if isinstance(interval, str):
        return Change(findings=(interval,))
    if before.discontinuity != now.discontinuity:
        return Change(findings=("counters_discontinued",))
    octets, findings = _octets(before, now, interval, bounds)
    return Change(
        interval_s=interval,
        octets=octets,
        packets=_grown(before.packets, now.packets, _ANY_MBPS * 1e6 / 8 * interval),
        troubles=_grown(before.troubles, now.troubles, _COUNT_MOST),
        findings=findings,
    )


def interval_of(before: Sample, now: Sample) -> float | str:
    """Seconds of the terminal's own clock between the two answers, or the finding that says why they cannot be known.

    The terminal stamped each answer between our sending and our receiving, so two bounds hold the true interval. A
    sysUpTime that fits, its wrap after 497 days included, is taken; one that is smaller than what passed since the poll
    before says that the terminal, or its SNMP agent, started anew meanwhile, also where it is larger than the last one.
    """
    if before.uptime is None or now.uptime is None:
        return "uptime_unknown"
    shortest, longest = now.sent_s - before.received_s, now.received_s - before.sent_s
    slack = SLACK_S + SLACK_SHARE * longest
    ticks = (now.uptime - before.uptime) % _UPTIME_MODULUS
    if ticks and shortest - slack <= ticks / TICKS <= longest + slack:
        return ticks / TICKS
    if now.uptime / TICKS <= longest + slack:
        return "terminal_restarted"
    return "uptime_disagrees"


def _octets(before: Sample, now: Sample, interval: float, bounds: Bounds) -> tuple[dict[str, int], tuple[str, ...]]:
    found, findings = {}, dict[str, None]()
    for way in ("in", "out"):
        grown = _octets_of(before.octets.get(way), now.octets.get(way), interval, bounds)
        if isinstance(grown, str):
            findings[grown] = None
        else:
            found[way] = grown
    return found, tuple(findings)


def _octets_of(before: Count | None, now: Count | None, interval: float, bounds: Bounds) -> int | str:
    if before is None or now is None or before.bits != now.bits:
        return "counters_changed"
    most = _ANY_MBPS * 1e6 / 8 * interval
    if now.bits == 32:
        if bounds.line_mbps is None:
            return "counter_wrap_ambiguous"
        most = bounds.line_mbps * _HARDLY_ABOVE * 1e6 / 8 * interval
        if most >= 2**32:
            return "counter_wrap_ambiguous"
    grown = growth(before, now, most)
    if grown is None or (bounds.port_mbps is not None and mbps(grown, interval) > _ABOVE * bounds.port_mbps):
        return "counter_jumped"
    return grown


def growth(before: Count, now: Count, most: float) -> int | None:
    """How far a counter went, through a wrap where that explains it; None where it would be more than `most`."""
    grown = (now.value - before.value) % 2**now.bits
    return grown if grown <= most else None


def _grown(before: Mapping[str, Count], now: Mapping[str, Count], most: float) -> dict[str, int]:
    pairs = {name: (before[name], now[name]) for name in now if name in before and before[name].bits == now[name].bits}
    found = {name: growth(*pair, most) for name, pair in pairs.items()}
    return {name: grown for name, grown in found.items() if grown is not None}
