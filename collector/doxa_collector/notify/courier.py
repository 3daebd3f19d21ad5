"""Carries one channel's outbox to the channel, in a thread of its own: what is slow or down delays nobody else.

A token bucket bounds the messages; while it is empty they wait, and what waits goes together as one digest. What fails is
tried again after a growing pause, or when the other side asked for it; what will never be taken is given up and shown.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Engine

from doxa_collector.ledger.engine import LedgerError, reading, writing
from doxa_collector.ledger.reading import now_us
from doxa_collector.notify import outbox
from doxa_collector.notify.channel import Channel, Message, NotTakenError
from doxa_collector.notify.outbox import Notice
from doxa_collector.notify.settings import Settings
from doxa_core.language import Text

_log = logging.getLogger("doxa.notify")

FIRST_S: Final = 15.0
LONGEST_S: Final = 900.0
TOGETHER: Final = 3
"""More than so many that wait go as one digest."""
_TITLES: Final = 40
_LOOK_S: Final = 5.0
_US: Final = 1_000_000


class Bucket:
    """A token bucket; time is given by the caller, seconds of a monotonic clock."""

    def __init__(self, per_hour: float, burst: int, now: float) -> None:
        self._rate, self._most = per_hour / 3600, float(burst)
        self._tokens, self._at = float(burst), now

    def wait_s(self, now: float) -> float:
        """How long until a token is there; 0 where one is."""
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._rate

    def take(self) -> None:
        """Use one."""
        self._tokens -= 1


class Courier:
    """One channel's."""

    def __init__(
        self, engine: Engine, settings: Settings, channel: Channel, *,
        clock: Callable[[], float] = time.monotonic, now: Callable[[], int] = now_us,
        may: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        """`may` says whether this collector is the one that sends: several may stand over one ledger."""
        self._may = may
        self._engine, self._settings, self._channel = engine, settings, channel
        self._clock, self._now = clock, now
        self._bucket = Bucket(settings.per_hour, settings.burst, clock())
        self._trouble: Text | None = None

    @property
    def name(self) -> str:
        """The channel's name in the settings."""
        return self._settings.name

    def run(self, stopping: threading.Event, news: threading.Event) -> None:
        """Until told to stop."""
        while not stopping.is_set():
            news.clear()
            try:
                pause = self.step()
            except LedgerError as error:
                _log.error("%s", error)
                pause = _LOOK_S
            except Exception:  # noqa: BLE001 - a channel of ours that fails must not silence the others
                _log.exception("the channel %s failed", self.name)
                pause = LONGEST_S
            news.wait(min(pause, _LOOK_S))

    def step(self) -> float:
        """Send what may be sent now; how long to wait before the next look."""
        with reading(self._engine) as conn:
            found = outbox.due(conn, self.name, self._now())
        if not found or not self._may():
            return _LOOK_S
        wait = self._bucket.wait_s(self._clock())
        if wait > 0:
            return wait
        group = found if len(found) > TOGETHER else found[:1]
        self._bucket.take()
        self._deliver(group)
        return 0.0 if len(group) < len(found) else _LOOK_S

    def _deliver(self, group: Sequence[Notice]) -> None:
        message = group[0].message if len(group) == 1 else digest(group, self._settings)
        try:
            self._channel.send(message)
        except NotTakenError as error:
            self._failed(group, error)
            return
        if self._trouble is not None:
            _log.info("%s", _WELL.fill(name=self.name))
            self._trouble = None
        with writing(self._engine) as conn:
            outbox.taken(conn, group, self._now())

    def _failed(self, group: Sequence[Notice], error: NotTakenError) -> None:
        now, said = self._now(), error.text.in_language(self._settings.language)
        if error.text != self._trouble:
            _log.warning("%s", _FAILS.fill(name=self.name, error=error.text))
            self._trouble = error.text
        oldest_s = (now - min(one.created_us for one in group)) / _US
        with writing(self._engine) as conn:
            if error.for_ever or oldest_s > self._settings.give_up_hours * 3600:
                outbox.given_up(conn, group, said, now)
                return
            tries = max(one.tries for one in group)
            pause = error.retry_after_s or min(LONGEST_S, FIRST_S * 2.0 ** min(tries, 10))
            outbox.failed(conn, group, said, now + int(min(pause, 4 * LONGEST_S) * _US))


def digest(group: Sequence[Notice], settings: Settings) -> Message:
    """Many messages as one: their titles."""
    titles = [one.message.title for one in group]
    shown = titles[:_TITLES]
    if len(titles) > len(shown):
        shown.append(_MORE.fill(n=len(titles) - len(shown)).in_language(settings.language))
    incidents = list(dict.fromkeys(one.incident for one in group))
    return Message(
        title=_DIGEST.fill(n=len(titles)).in_language(settings.language),
        body="\n".join(f"• {title}" for title in shown),
        fields={"event": "digest", "incidents": incidents, "messages": [dict(one.message.fields) for one in group]},
    )


_DIGEST = Text(vi="Tổng hợp {n} thông báo sự cố", en="{n} incident messages together")
_MORE = Text(vi="… và {n} thông báo nữa", en="… and {n} more")
_FAILS = Text(vi="kênh thông báo {name}: {error}", en="notification channel {name}: {error}")
_WELL = Text(vi="kênh thông báo {name}: đã gửi lại được", en="notification channel {name}: it delivers again")
