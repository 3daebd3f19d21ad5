"""A token bucket for each direction: a far end that plays a line of a given rate on loopback, for a plain user."""

from typing import Final

DEPTH_S: Final = 0.05
"""How much unused time the bucket keeps: enough to make up for a late wake-up, too little for a burst that shows."""
GRAIN: Final = 2896
"""Two full segments: less is not worth a system call."""
TICK_S: Final = 0.001


class Bucket:
    """Tokens are octets of TCP payload. Time is given by the caller, so the arithmetic can be tested without it."""

    def __init__(self, rate_mbps: float, now: float) -> None:
        self.per_second = rate_mbps * 1e6 / 8
        self._tokens = 0.0
        self._at = now

    def available(self, now: float) -> int:
        """Octets that may pass at `now`; 0 while they are fewer than a grain."""
        depth = max(self.per_second * DEPTH_S, 2.0 * GRAIN)
        self._tokens = min(depth, self._tokens + (now - self._at) * self.per_second)
        self._at = now
        return int(self._tokens) if self._tokens >= GRAIN else 0

    def rest(self, now: float) -> None:
        """Nobody waits for tokens: an idle line keeps no credit, or the next transfer would begin with a burst."""
        self._tokens, self._at = 0.0, now

    def spend(self, octets: int) -> None:
        """Take `octets` that passed."""
        self._tokens -= octets
