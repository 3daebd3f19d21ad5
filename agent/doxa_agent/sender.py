"""Which batch is sent when: fresh ones at once, the backlog at a limited rate, and all again until acknowledged.

No network and no clock in here: `publish` and `now` (monotonic) are handed in, so every rule is tested as arithmetic.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from doxa_agent.config import UplinkSettings
from doxa_agent.shelf import Spooled
from doxa_agent.spool import Batch, Cursor, Spool
from doxa_core.ack import Ack
from doxa_core.batch import Line, join

JITTER: Final = 0.25
"""An acknowledge that is overdue is waited for up to this much longer, so that a fleet does not send again at once."""

UNHEARD: Final = 4
"""After so many sendings without an acknowledge the silence is worth a sentence."""


class Bucket:
    """A token bucket: `rate` a second, at most one second's worth saved up."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._tokens = 0.0
        self._at: float | None = None

    def wait_s(self, wanted: float, now: float) -> float:
        """Seconds until `wanted` tokens are there, 0 if they are."""
        if self._at is not None:
            self._tokens = min(max(1.0, self._rate), self._tokens + (now - self._at) * self._rate)
        self._at = now
        return max(0.0, (wanted - self._tokens) / self._rate)

    def take(self, tokens: float) -> None:
        """Use them up."""
        self._tokens -= tokens


@dataclass(slots=True)
class InFlight:
    """A batch that was sent and waits for the collector's acknowledge."""

    batch: Batch
    waiting: set[int]
    """The sequence numbers not yet acknowledged."""
    due: float
    """When it is sent again."""
    attempts: int = 1


class Sender:
    """Walks through the spool. Call `restart` on each connection, `turn` when something may be due, `take_ack`."""

    def __init__(self, settings: UplinkSettings, spool: Spool, publish: Callable[[bytes], bool]) -> None:
        self._settings = settings
        self._spool = spool
        self._publish = publish
        self._bucket = Bucket(settings.replay_per_s)
        self._flying: list[InFlight] = []
        self._backlog: deque[tuple[Cursor, Cursor]] = deque()
        self._fresh = Cursor()
        self._blocked = False
        self.batch_bytes = settings.batch_bytes

    @property
    def in_flight(self) -> int:
        """Batches that wait for an acknowledge."""
        return len(self._flying)

    @property
    def is_unheard(self) -> bool:
        """Whether a batch was sent several times without any word of the collector."""
        return any(flying.attempts > UNHEARD for flying in self._flying)

    def restart(self) -> None:
        """A new connection: whatever is still in the spool, sent before or not, is backlog; what comes now is fresh."""
        self._flying.clear()
        self._fresh = self._spool.end()
        self._backlog = deque([(Cursor(), self._fresh)])
        self._blocked = False

    def turn(self, now: float) -> float | None:
        """Send what is due; when to call again at the latest (None: nothing to wait for)."""
        self._send_again(now)
        self._send_fresh(now)
        later = self._send_backlog(now)
        return min((one for one in (later, *(f.due for f in self._flying)) if one is not None), default=None)

    def _send_again(self, now: float) -> None:
        for flying in [f for f in self._flying if f.due <= now]:
            rows = [row for row in self._spool.still_there(flying.batch) if row.seq in flying.waiting]
            if not rows:  # dropped by a full spool, or forgotten
                self._flying.remove(flying)
            elif self._publish(_payload(rows)):
                flying.attempts += 1
                flying.due = now + self._patience(flying.attempts)

    def _send_fresh(self, now: float) -> None:
        if self._blocked and self._has_room():
            # What piled up behind a silent collector is backlog by now: not at full speed after an outage.
            self._backlog.append((self._fresh, self._spool.end()))
            self._fresh, self._blocked = self._spool.end(), False
        while self._has_room():
            batch = self._spool.peek(self._fresh, self._settings.batch_lines, self.batch_bytes)
            if batch is None or not self._send(batch, now):
                return
            self._fresh = batch.after
        self._blocked = True

    def _send_backlog(self, now: float) -> float | None:
        """One batch a second at most; the last place in flight is kept for what is fresh."""
        wanted = min(self._settings.batch_lines, max(1, int(self._settings.replay_per_s)))
        while self._backlog and self._has_room(spare=1):
            if wait_s := self._bucket.wait_s(wanted, now):
                return now + wait_s
            start, end = self._backlog[0]
            batch = self._spool.peek(start, wanted, self.batch_bytes, until=end)
            if batch is None:
                self._backlog.popleft()
            elif self._send(batch, now):
                self._bucket.take(len(batch.rows))
                self._backlog[0] = (batch.after, end)
            else:
                return None
        return None

    def _has_room(self, spare: int = 0) -> bool:
        return len(self._flying) < max(1, self._settings.in_flight - spare)

    def _send(self, batch: Batch, now: float) -> bool:
        if not self._publish(_payload(batch.rows)):
            return False
        self._flying.append(InFlight(batch, {row.seq for row in batch.rows}, now + self._patience(1)))
        return True

    def _patience(self, attempt: int) -> float:
        s = self._settings
        patience: float = min(s.resend_max_s, s.ack_timeout_s * 2.0 ** min(attempt - 1, 30))
        return patience * random.uniform(1, 1 + JITTER)

    def take_ack(self, ack: Ack, now: float) -> int:
        """Forget what the collector has; how many it refused. A collector that answers is asked again soon for the rest."""
        self._spool.forget(ack.epoch, ack.kept)
        refused = self._spool.refuse(ack.epoch, ack.refused) if ack.refused else 0
        for flying in self._flying:
            if flying.batch.rows[0].epoch == ack.epoch:
                for first, last in (*ack.kept, *ack.refused):
                    flying.waiting = {seq for seq in flying.waiting if not first <= seq <= last}
            flying.due = min(flying.due, now + self._patience(1))
        self._flying = [flying for flying in self._flying if flying.waiting]
        return refused


def _payload(rows: Iterable[Spooled]) -> bytes:
    return join(Line(row.line, row.signature) for row in rows)
