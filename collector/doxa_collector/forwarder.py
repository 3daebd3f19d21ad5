"""One sink's way: batches from the ledger in order, halved around a poison point, repeated, and written again after a
restart of the store, which may have forgotten what it acknowledged.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy import Connection, Engine

from doxa_collector.backoff import Backoff
from doxa_collector.ledger import forwarding
from doxa_collector.ledger.engine import LedgerError, reading, writing
from doxa_collector.ledger.forwarding import Cursor
from doxa_collector.ledger.reading import now_us
from doxa_collector.sink import Item, Parcel, RefusedError, Sink, Stream, UnavailableError
from doxa_core.language import Text

_log = logging.getLogger("doxa.sink")

_FRUITLESS: Final = 5
_IDLE_S: Final = 5.0
"""How long to wait for the intake's signal before looking anyway: another process may have written."""
_ROUND_S: Final = 5.0
"""How often streams that share a thread are looked at: what they tell changes by the minute and by the hour."""


class Measurements:
    """All measurements in the order of arrival; the position is the id."""

    suffix = ""

    def after(self, conn: Connection, position: int, limit: int) -> Sequence[Item]:
        return forwarding.after(conn, position, limit)

    def position(self, item: Item) -> int:
        return item.record.id if isinstance(item, Parcel) else 0


@dataclass(slots=True)
class Delivery:
    """What became of a batch: how many leading items are dealt with, which of them were rejected, what stopped it."""

    done: int = 0
    rejected: dict[int, Text] = field(default_factory=dict)
    """Index in the batch → the store's reason."""
    alike: set[int] = field(default_factory=set)
    """Those whose reason is told of the next one, too: a year that is too old fills neither log nor ledger."""
    trouble: Text | None = None
    """Why the rest must wait; None where nothing does."""
    broke_off: bool = False
    """Whether that trouble may mean that the store restarted."""


def deliver(items: Sequence[Item], send: Callable[[Sequence[Item]], None]) -> Delivery:
    """Send all; where the store refuses a group, halve it until the poison stands alone and is rejected alone."""
    delivery = Delivery()
    waiting = [(0, len(items))]
    while waiting:
        first, last = waiting.pop()
        try:
            send(items[first:last])
        except UnavailableError as error:
            delivery.trouble, delivery.broke_off = error.text, not error.steady
            return delivery
        except RefusedError as error:
            if last - first > 1 and not error.whole:
                middle = (first + last) // 2
                waiting += [(middle, last), (first, middle)]
                continue
            delivery.rejected |= dict.fromkeys(range(first, last), error.text)
            delivery.alike |= set(range(first, last - 1))
        delivery.done = last
    return delivery


class SafePosition:
    """Remembers where the cursor was a margin before its last step, by the monotonic clock.

    It moves only with steps: a store that was killed right after the last writing has forgotten that one, however long
    ago it was.
    """

    def __init__(self, position: int, margin_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.position = position
        self._margin_s, self._clock = margin_s, clock
        self._steps: deque[tuple[float, int]] = deque()

    def reach(self, position: int) -> None:
        """The cursor has come to `position` now."""
        edge = self._clock() - self._margin_s
        while self._steps and self._steps[0][0] <= edge:
            self.position = self._steps.popleft()[1]
        self._steps.append((self._clock(), position))

    def restart(self, position: int) -> None:
        """The cursor went back to `position`."""
        self._steps.clear()
        self.position = position


class Forwarder:
    """Brings one stream to one sink; `step()` is one batch, `run()` goes on until told to stop."""

    def __init__(
        self, engine: Engine, name: str, sink: Sink, stream: Stream, *, batch_rows: int = 1000, margin_s: float = 60.0
    ) -> None:
        self.name = name + stream.suffix
        self._engine, self._sink, self._stream, self._batch_rows = engine, sink, stream, batch_rows
        cursor = self._go_back(self._cursor())  # the store may have been killed while we were away
        self._safe = SafePosition(cursor.position, margin_s)
        self._rewound = cursor.rewound
        self._connections = sink.connections
        self._down = False
        self._fruitless = 0

    @property
    def waits(self) -> bool:
        """Whether the store took nothing at the last attempt."""
        return self._down

    def step(self) -> bool:
        """Forward one batch; whether there may be more at once. `LedgerError` passes through."""
        cursor = self._cursor()
        if cursor.rewound != self._rewound:  # by the command, in another process
            self._rewound = cursor.rewound
            self._safe.restart(cursor.position)
        with reading(self._engine) as conn:
            items = self._stream.after(conn, cursor.position, self._batch_rows)
        return self._forward(cursor, items) if items else False

    def _cursor(self) -> Cursor:
        with reading(self._engine) as conn:
            return forwarding.cursor_of(conn, self.name)

    def _forward(self, cursor: Cursor, items: Sequence[Item]) -> bool:
        delivery = deliver(items, self._sink.send)
        forgot = self._may_have_forgotten(delivery)
        self._down = delivery.trouble is not None
        after = self._moved(cursor, items, delivery, forgot=forgot)
        with writing(self._engine) as conn:
            if forwarding.cursor_of(conn, self.name).rewound != cursor.rewound:
                return True  # sent back while we were writing: what we know of our position is void
            forwarding.move(conn, self.name, after, now_us())
            told = [n for n in delivery.rejected if n not in delivery.alike]
            reasons = {self._stream.position(items[n]): str(delivery.rejected[n]) for n in told}
            forwarding.reject(conn, self.name, reasons, now_us())
        self._tell(cursor, after, delivery)
        if forgot:
            self._repeat(after)
        return delivery.trouble is None

    def _may_have_forgotten(self, delivery: Delivery) -> bool:
        """Whether the store broke off, or closed the connection that it had with us: it may have restarted.

        A new connection right after an outage tells nothing new.
        """
        renewed = 0 < self._connections != self._sink.connections and not self._down
        self._connections = self._sink.connections
        return delivery.broke_off or renewed

    def _moved(self, cursor: Cursor, items: Sequence[Item], delivery: Delivery, *, forgot: bool) -> Cursor:
        """The cursor after a delivery. Time that passed before the store forgot makes nothing safer."""
        position, safe = cursor.position, self._safe.position
        if delivery.done:
            position = self._stream.position(items[delivery.done - 1])
            if not forgot or self._fruitless >= _FRUITLESS:
                self._safe.reach(position)
        if self._safe.position > safe:
            self._fruitless = 0
        return replace(
            cursor,
            position=position,
            safe=min(position, self._safe.position),
            written=cursor.written + delivery.done - len(delivery.rejected),
            rejected=cursor.rejected + len(delivery.rejected),
            error=None if delivery.trouble is None else str(delivery.trouble),
        )

    def _repeat(self, cursor: Cursor) -> None:
        """Go back, unless that was done again and again without getting on: then the way is bad, not the memory."""
        if self._fruitless >= _FRUITLESS:
            return
        back = self._go_back(cursor)
        if back.position != cursor.position:
            self._fruitless += 1
            self._rewound = back.rewound
            self._safe.restart(back.position)

    def _go_back(self, cursor: Cursor) -> Cursor:
        """Make the store be written again from the safe position."""
        if cursor.safe >= cursor.position:
            return cursor
        with writing(self._engine) as conn:
            back = forwarding.rewind(conn, self.name, cursor.safe, now_us())
        _log.debug("%s", _AGAIN.fill(name=self.name, position=back.position))
        return back

    def _tell(self, before: Cursor, after: Cursor, delivery: Delivery) -> None:
        """Each trouble once, each rejection."""
        for n, reason in delivery.rejected.items():
            if n not in delivery.alike:
                _log.warning("%s", _REJECTED.fill(name=self.name, reason=reason))
        if after.error is not None and after.error != before.error:
            _log.warning("%s", _WAITING.fill(name=self.name, reason=after.error))
        if after.error is None and before.error is not None:
            _log.info("%s", _FLOWS.fill(name=self.name))

    def run(self, stopping: threading.Event, news: threading.Event) -> None:
        """Forward until `stopping`; `news` wakes it early."""
        pause = Backoff(1.0, 60.0)
        while not stopping.is_set():
            more = self.try_step()
            if more is None:
                pause.wait(stopping)
                continue
            pause.reset()
            if not more:
                news.wait(_IDLE_S)
                news.clear()

    def try_step(self) -> bool | None:
        """`step()`, whose faults are told and end nothing: None where there was one, or the store takes nothing now."""
        try:
            more = self.step()
        except LedgerError as error:
            _log.error("%s", error)
            return None
        except Exception:  # noqa: BLE001 - a fault in one stream must not end the others
            _log.exception("sink %s failed", self.name)
            return None
        return None if self._down else more


class Group:
    """Several streams of one sink in one thread, a batch of each in turn; one that fails waits alone."""

    def __init__(self, forwarders: Sequence[Forwarder], clock: Callable[[], float] = time.monotonic) -> None:
        self._waiting = [_Turn(forwarder) for forwarder in forwarders]
        self._clock = clock

    def step(self) -> bool:
        """One batch of each stream that need not wait; whether any of them may have more at once."""
        more = [turn.take(self._clock()) for turn in self._waiting]
        return any(more)

    def run(self, stopping: threading.Event) -> None:
        """Forward until `stopping`."""
        while not stopping.is_set():
            if not self.step():
                stopping.wait(_ROUND_S)


@dataclass(slots=True)
class _Turn:
    forwarder: Forwarder
    patience_s: float = 0.0
    """How long it waited after its last fault."""
    not_before: float = 0.0

    def take(self, now: float) -> bool:
        if now < self.not_before:
            return False
        more = self.forwarder.try_step()
        self.patience_s = 0.0 if more is not None else min(60.0, max(1.0, 2 * self.patience_s))
        self.not_before = now + self.patience_s
        return bool(more)


_AGAIN = Text(
    vi="sink {name}: kho có thể đã khởi động lại; ghi lại từ vị trí {position}",
    en="sink {name}: the store may have restarted; writing again from position {position}",
)
_REJECTED = Text(
    vi="sink {name}: kho không nhận một kết quả ({reason})", en="sink {name}: the store refuses a result ({reason})"
)
_WAITING = Text(
    vi="sink {name}: đang chờ ({reason}); không có gì bị mất, doxa sẽ tự ghi tiếp",
    en="sink {name}: waiting ({reason}); nothing is lost, doxa goes on by itself",
)
_FLOWS = Text(vi="sink {name}: đã ghi tiếp được", en="sink {name}: writing again")
