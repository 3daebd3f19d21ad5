"""What arrived of each upload session, by our own clock: the receiver's figures that our clients ask for."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

BIN_S: Final = 0.05
MAX_SESSIONS: Final = 256
MAX_BINS: Final = 1200
KEEP_S: Final = 60.0
_NAME: Final = re.compile(r"[0-9a-f]{8,32}")


def session_name(asked: str | None) -> str | None:
    """The session that a request names, None where it names none or not in our form."""
    return asked if asked is not None and _NAME.fullmatch(asked) else None


@dataclass(slots=True, kw_only=True)
class Session:
    """The uploads of one test: octets that arrived over all its connections, in bins of our monotonic clock."""

    touched: float
    started: float | None = None
    ended: float | None = None
    counted: str = "segments"
    """`segments`: arrived segments of TCP_INFO; `read`: octets that we took, where pacing or an old kernel says so."""
    closed: float = 0.0
    """Octets of connections that are gone."""
    live: dict[int, float] = field(default_factory=dict)
    connections: int = 0
    mss: int = 0
    bins: list[tuple[float, float]] = field(default_factory=list)
    _last: float = 0.0

    @property
    def octets(self) -> float:
        """Everything that arrived so far."""
        return self.closed + sum(self.live.values())

    def begin(self, now: float, connection: int) -> None:
        """A connection's body begins."""
        self.touched = now
        if self.started is None:
            self.started = self.ended = now
        if connection not in self.live:
            self.live[connection] = 0.0
            self.connections += 1

    def close(self, connection: int) -> None:
        """A connection is gone; what it brought stays."""
        self.closed += self.live.pop(connection, 0.0)

    def tick(self, now: float) -> None:
        """End a bin at `now`."""
        if self.ended is None or len(self.bins) >= MAX_BINS or now <= self.ended or not self.live:
            return
        octets = self.octets
        self.bins.append((now - self.ended, max(octets - self._last, 0.0)))
        self._take_back(self._last - octets)
        self._last, self.ended, self.touched = octets, now, now

    def _take_back(self, octets: float) -> None:
        """Take what was counted too early (segments, while a hole was open) from the latest bins."""
        for index in range(len(self.bins) - 1, -1, -1):
            if octets <= 0:
                return
            seconds, counted = self.bins[index]
            self.bins[index] = (seconds, max(counted - octets, 0.0))
            octets -= counted

    def report(self) -> dict[str, Any]:
        """What the client is told: durations in microseconds, octets whole."""
        return {
            "doxa": 1,
            "seconds": 0.0 if self.started is None or self.ended is None else round(self.ended - self.started, 6),
            "octets": round(self._last),
            "connections": self.connections,
            "counted": self.counted,
            "mss": self.mss,
            "bins_us": [round(seconds * 1e6) for seconds, _ in self.bins],
            "bins_octets": [round(octets) for _, octets in self.bins],
        }


class Sessions:
    """The sessions of all clients, bounded in number and in time."""

    def __init__(self) -> None:
        self._found: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._found)

    def get(self, name: str) -> Session | None:
        """The session of that name."""
        return self._found.get(name)

    def open(self, name: str, now: float) -> Session | None:
        """The session of that name, new where needed; None while too many are kept."""
        if name not in self._found:
            if len(self._found) >= MAX_SESSIONS:
                return None
            self._found[name] = Session(touched=now)
        return self._found[name]

    @property
    def active(self) -> bool:
        """Whether a tick is due at all."""
        return any(session.live for session in self._found.values())

    def tick(self, now: float) -> None:
        """End a bin in each session."""
        for session in self._found.values():
            session.tick(now)

    def forget(self, now: float) -> None:
        """Drop the sessions that nobody touched for a minute."""
        self._found = {k: s for k, s in self._found.items() if s.live or now - s.touched < KEEP_S}
