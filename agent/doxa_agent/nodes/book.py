"""What is known of one node between two readings: pure bookkeeping, fed with requests in the order in which they left."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

LOADED_WEIGHT: Final = 0.25
"""What silence under a heavy test of our own counts as evidence: its queue may have dropped the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request whose fate is decided."""

    sent_s: float
    """When it left, seconds of the monotonic clock."""
    delay_ms: float | None = None
    """The round trip; None where no answer came in time."""
    alive: bool = False
    """The node answered, but in a way that gives no delay (a handshake with a retransmission)."""
    blind: bool = False
    """It never left this machine: no evidence about the node."""
    loaded: bool = False
    """A heavy test of this agent loaded the line."""


@dataclass(slots=True, kw_only=True)
class Book:
    """One node. `up` is None while neither answers nor enough silence decide."""

    down_after: int
    """So many requests in a row without an answer, and the node is down; one answer, and it is up."""
    up: bool | None = None
    since_s: float = 0.0
    """From when on the counts run."""
    sent: int = 0
    """Requests that left the idle line and are decided."""
    delays_ms: list[float] = field(default_factory=list)
    loaded: int = 0
    """Requests under load; in no count."""
    unsent: int = 0
    """Requests that this machine could not send."""
    errors: Counter[str] = field(default_factory=Counter)
    """Why answers were missing, where somebody said so: reason codes."""
    told_s: float | None = None
    """When the last reading was given."""
    told_up: bool | None = None
    _silent: float = 0.0
    _silent_since_s: float | None = None
    _longest_s: float = 0.0

    def take(self, asked: Asked) -> None:
        """Book one request."""
        if asked.blind:
            self.unsent += 1
            self._forget()
            return
        answered = asked.delay_ms is not None
        if asked.loaded:
            self.loaded += 1
        else:
            self.sent += 1
            if asked.delay_ms is not None:
                self.delays_ms.append(asked.delay_ms)
        if answered or asked.alive:
            self._end_silence(asked.sent_s)
            self.up = True
        else:
            self._hear_nothing(asked)

    def _hear_nothing(self, asked: Asked) -> None:
        if self._silent_since_s is None:
            self._silent_since_s = asked.sent_s
        self._silent += LOADED_WEIGHT if asked.loaded else 1
        if self._silent >= self.down_after:
            self.up = False

    def _end_silence(self, now_s: float) -> None:
        if self._silent_since_s is not None:
            self._longest_s = max(self._longest_s, now_s - self._silent_since_s)
        self._silent, self._silent_since_s = 0.0, None

    def _forget(self) -> None:
        """Our own line is down: what was known of the node does not hold any more."""
        self.up, self._silent, self._silent_since_s = None, 0.0, None

    def silence_s(self, now_s: float) -> float | None:
        """For how long a node that is down has not answered; None for any other."""
        if self.up is not False or self._silent_since_s is None:
            return None
        return max(0.0, now_s - self._silent_since_s)

    def longest_s(self, now_s: float) -> float:
        """The longest silence that lasted into the time of the counts: from a request without an answer to the next with one.

        One that began before the last reading is told in its full length.
        """
        going_on = 0.0 if self._silent_since_s is None else now_s - self._silent_since_s
        return max(self._longest_s, going_on)

    @property
    def news(self) -> bool:
        """Whether the state is another one than was told last, or was never told."""
        return self.told_s is None or self.up is not self.told_up

    def tell(self, now_s: float) -> None:
        """A reading was given: the counts begin again, the state goes on."""
        self.told_s, self.told_up, self.since_s = now_s, self.up, now_s
        self.sent = self.loaded = self.unsent = 0
        self.delays_ms, self.errors, self._longest_s = [], Counter(), 0.0
