"""The far end's own load, second by second: cores, this process, the ports, and who moved how much.

Clients ask for the seconds of their test (`GET health?seconds=N`) to know whether we, and not their line, set the
figures. Read from /proc (proc(5)): /proc/net/dev speaks of this thread's network namespace, counts every process's
traffic (the UDP roles too), and may be read inside a systemd sandbox that forbids netlink.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from doxa_agent.net.nic import read_nic

KEEP_S: Final = 120.0
MOST_SAMPLES: Final = 256
FRESH_S: Final = 0.25
"""A question may take a new sample so early after the last one; processor time is counted in steps of 10 ms."""
MOST_PEERS: Final = 64
"""Addresses that a sample keeps, the busiest ones."""
_PORTS_EVERY_S: Final = 30.0

Moved = Mapping[str, tuple[int, int]]
"""Octets sent to and received from each address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the kernel has counted up to a moment."""

    at: float
    cores: tuple[tuple[int, int], ...]
    """Busy and all ticks of each core."""
    own_s: float
    """CPU time of this process."""
    waited_ns: int | None
    """Time for which this thread was ready but got no core; None where the kernel does not count it."""
    ports: Mapping[str, tuple[int, int]]
    """Octets received and sent by each interface."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One second, or a little less; shares in 0 … 1, octets."""

    at: float
    seconds: float
    cores: tuple[int, ...]
    """Busy per cent of each core."""
    own: float
    waited: float | None
    line: float | None
    """The fullest port and direction as a share of its speed."""
    sent: int
    received: int
    peers: Moved


def read_counters(now: float, proc: Path = Path("/proc")) -> Counters:
    """The counters of this moment; what cannot be read is absent."""
    own = os.times()
    return Counters(
        at=now,
        cores=_cores(_text(proc / "stat")),
        own_s=own.user + own.system,
        waited_ns=_waited(_text(proc / "thread-self/schedstat")),
        ports=_ports(_text(proc / "thread-self/net/dev")),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _cores(text: str) -> tuple[tuple[int, int], ...]:
    """/proc/stat: user nice system idle iowait irq softirq steal. Stolen time is time in which we could not work."""
    found = []
    for line in text.splitlines():
        if not line.startswith("cpu"):
            break
        name, *ticks = line.split()
        counts = [int(tick) for tick in ticks[:8] if tick.isascii() and tick.isdigit()]
        if name != "cpu" and len(counts) >= 4:
            idle = counts[3] + (counts[4] if len(counts) > 4 else 0)
            found.append((sum(counts) - idle, sum(counts)))
    return tuple(found)


def _waited(text: str) -> int | None:
    words = text.split()
    return int(words[1]) if len(words) >= 2 and words[1].isascii() and words[1].isdigit() else None


def _ports(text: str) -> dict[str, tuple[int, int]]:
    found = {}
    for line in text.splitlines()[2:]:
        name, colon, rest = line.partition(":")
        words = rest.split()
        if colon and len(words) >= 9 and all(w.isascii() and w.isdigit() for w in (words[0], words[8])):
            found[name.strip()] = int(words[0]), int(words[8])
    return found


def port_speeds(names: Iterable[str]) -> dict[str, int]:
    """The speeds (Mbit/s at the wire) of those interfaces that are ports and know it; a virtual one's is invented."""
    found = {}
    for name in names:
        nic = read_nic(name)
        if nic is not None and nic.up and not nic.is_virtual and nic.speed_mbps:
            found[name] = nic.speed_mbps
    return found


class Load:
    """The last two minutes of this far end."""

    def __init__(
        self,
        now: float,
        read: Callable[[float], Counters] = read_counters,
        speeds: Callable[[Iterable[str]], dict[str, int]] = port_speeds,
    ) -> None:
        self._read = read
        self._speeds = speeds
        self._last = read(now)
        self._ports = speeds(self._last.ports)
        self._ports_at = now
        self._traffic = (0, 0)
        self._samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)

    @property
    def speed_mbps(self) -> int | None:
        """The speed of the fastest port; None where none is known."""
        return max(self._ports.values(), default=None)

    @property
    def ports(self) -> dict[str, int]:
        """The ports whose speed is known."""
        return dict(self._ports)

    def due(self, now: float, seconds: float) -> bool:
        """Whether the last sample is so old."""
        return now - self._last.at >= seconds

    def sample(self, now: float, traffic: tuple[int, int], peers: Moved) -> None:
        """Close a sample: `traffic` are our octets sent and received since the start, `peers` those of this sample."""
        before, after = self._last, self._read(now)
        seconds = after.at - before.at
        if seconds <= 0:
            return
        if now - self._ports_at >= _PORTS_EVERY_S:
            self._ports, self._ports_at = self._speeds(after.ports), now
        sent, received = traffic[0] - self._traffic[0], traffic[1] - self._traffic[1]
        waited = None
        if before.waited_ns is not None and after.waited_ns is not None:
            waited = (after.waited_ns - before.waited_ns) / 1e9 / seconds
        self._samples.append(
            Sample(
                at=now,
                seconds=seconds,
                cores=_busy(before.cores, after.cores),
                own=(after.own_s - before.own_s) / seconds,
                waited=waited,
                line=self._fullest(before, after, seconds),
                sent=sent,
                received=received,
                peers=_busiest(peers),
            )
        )
        self._last, self._traffic = after, traffic

    def _fullest(self, before: Counters, after: Counters, seconds: float) -> float | None:
        shares = [
            (new - old) * 8e-6 / seconds / speed
            for name, speed in self._ports.items()
            if name in before.ports and name in after.ports
            for old, new in zip(before.ports[name], after.ports[name], strict=True)
        ]
        return max(shares, default=None)

    def over(self, seconds: float, now: float, asker: str) -> dict[str, Any]:
        """The load over about the last `seconds` for the client at `asker`; what is not known has no entry."""
        span = [s for s in self._samples if s.at - 0.5 * s.seconds > now - seconds] or list(self._samples)[-1:]
        length = sum(s.seconds for s in span)
        if length <= 0:
            return {"seconds": 0.0}
        sending = sum(s.sent for s in span) >= sum(s.received for s in span)
        carried = sum(s.sent if sending else s.received for s in span)
        own = sum(s.peers.get(asker, (0, 0))[0 if sending else 1] for s in span)
        found = {
            "seconds": length,
            "cpu_ratio": _busiest_core(span, length),
            "cpu_peak_ratio": max((max(s.cores, default=0) for s in span), default=0) / 100 if span[0].cores else None,
            "own_cpu_ratio": sum(s.own * s.seconds for s in span) / length,
            "own_wait_ratio": _mean([(s.waited, s.seconds) for s in span]),
            "line_ratio": max((s.line for s in span if s.line is not None), default=None),
            "carried_mbps": carried * 8e-6 / length,
            "others_mbps": max(0, carried - own) * 8e-6 / length,
        }
        return {name: round(value, 3) for name, value in found.items() if value is not None}


def _busy(before: tuple[tuple[int, int], ...], after: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    if len(before) != len(after):
        return ()  # a core came or went
    return tuple(
        round(100 * (busy - busy0) / (ticks - ticks0)) if ticks > ticks0 else 0
        for (busy0, ticks0), (busy, ticks) in zip(before, after, strict=True)
    )


def _busiest(peers: Moved) -> Moved:
    if len(peers) <= MOST_PEERS:
        return dict(peers)
    return dict(sorted(peers.items(), key=lambda item: -sum(item[1]))[:MOST_PEERS])


def _busiest_core(span: list[Sample], length: float) -> float | None:
    """The core that was busiest over the whole span: a task that wanders over idle cores fills none of them."""
    cores = min((len(s.cores) for s in span), default=0)
    if not cores:
        return None
    return max(sum(s.cores[n] * s.seconds for s in span) for n in range(cores)) / length / 100


def _mean(weighted: list[tuple[float | None, float]]) -> float | None:
    known = [(value, weight) for value, weight in weighted if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total > 0 else None
