"""The intake: from the broker into the ledger, and only then an acknowledge to the probe and to the broker.

Two threads: one serves the connection, so that it lives while the ledger refuses; the other gathers what has arrived,
commits it and answers. What is not committed is never acknowledged, so a crash at any moment loses nothing.
"""

import logging
import queue
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy import Connection, Engine

from doxa_collector import config
from doxa_collector.admission import Admission, Known, Refusal, admit
from doxa_collector.backoff import Backoff
from doxa_collector.broker import make_client, refused, unreachable
from doxa_collector.ledger.engine import LedgerError, writing
from doxa_collector.ledger.reading import now_us
from doxa_collector.ledger.writing import Fate, count, keep, note_status, put_aside, rubbish
from doxa_core.ack import MAX_RANGES, Ack, ranges
from doxa_core.language import Text
from doxa_core.topic import Channel, Topic, filter_for

_log = logging.getLogger("doxa.intake")

_QUEUE: Final = 2000
"""Messages that may wait in memory: more than any sane broker has in flight to one client."""
_BATCH_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message as it came, and what its acknowledge needs."""

    topic: str
    payload: bytes
    qos: int = 0
    mid: int = 0
    retained: bool = False
    connection: int = 0
    """Which connection brought it: a message id means nothing on the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a transaction committed: what the probes may be told."""

    kept: tuple[tuple[str, str, str, int], ...] = ()
    """(site, agent, epoch, seq)."""
    refused: tuple[Refusal, ...] = ()
    counted: tuple[tuple[str, int], ...] = ()


def commit(engine: Engine, arrivals: Sequence[Arrival], known: Known, received_us: int) -> Settled:
    """Decide about some messages and commit what came of it; `LedgerError` where the ledger refuses for now."""
    admission = Admission()
    for arrival in arrivals:
        admit(arrival.topic, arrival.payload, known, admission, retained=arrival.retained)
    with writing(engine) as conn:
        return _keep_all(conn, admission, received_us, len(arrivals))


def _keep_all(conn: Connection, admission: Admission, received_us: int, messages: int) -> Settled:
    counted = Counter(admission.counted)
    counted["messages"] += messages
    kept, refusals = [], list(admission.refused)
    fates = keep(conn, admission.kept, received_us)
    for line, fate in zip(admission.kept, fates, strict=True):
        m = line.measurement
        counted[fate.value] += 1
        if fate is Fate.CONFLICT:
            topic = str(Topic(site=m.site, agent=m.agent, channel=Channel.MEASUREMENTS))
            detail = f"epoch {m.epoch} seq {m.seq} is kept with other bytes"
            admission.rubbish.append(rubbish(topic, line.raw, "conflict", detail))
            refusals.append(Refusal(site=m.site, agent=m.agent, epoch=m.epoch, seq=m.seq))
        else:
            kept.append((m.site, m.agent, m.epoch, m.seq))
    put_aside(conn, admission.rubbish, received_us)
    for found in admission.rubbish:
        counted[f"quarantined.{found.code}"] += 1
    for status, raw, retained in admission.statuses:
        counted["status"] += note_status(conn, status, raw, received_us, retained=retained)
    counted["refused"] += len(refusals)
    count(conn, counted)
    return Settled(kept=tuple(kept), refused=tuple(refusals), counted=tuple(counted.items()))


def acknowledges(settled: Settled) -> list[tuple[str, Ack]]:
    """Topic and acknowledge for each probe and epoch of a transaction."""
    kept: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    dropped: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for site, agent, epoch, seq in settled.kept:
        kept[site, agent, epoch].append(seq)
    for r in settled.refused:
        dropped[r.site, r.agent, r.epoch].append(r.seq)
    found = []
    for key in sorted({*kept, *dropped}):
        site, agent, epoch = key
        topic = str(Topic(site=site, agent=agent, channel=Channel.ACK))
        yes, no = ranges(kept[key]), ranges(dropped[key])
        for start in range(0, max(len(yes), len(no)), MAX_RANGES):
            part = slice(start, start + MAX_RANGES)
            found.append((topic, Ack(epoch=epoch, kept=yes[part], refused=no[part])))
    return found


class Intake:
    """Runs from `start()` to `stop()`; `known` may be replaced at any time."""

    def __init__(
        self,
        engine: Engine,
        broker: config.Broker,
        options: config.Intake,
        known: Known,
        *,
        on_kept: Callable[[], None] = lambda: None,
    ) -> None:
        self.known = known
        self.broker_trouble: Text | None = _NOT_YET.fill(address=broker.address)
        """Why there is no connection now; None while there is one."""
        self.ledger_trouble: Text | None = None
        """Why nothing is committed now; None while it is."""
        self._engine, self._broker, self._options, self._on_kept = engine, broker, options, on_kept
        self.broker_lost_us: int | None = now_us()
        """Since when there is no connection; None while there is one."""
        self._settling_since: float | None = None
        """Since when (monotonic) the messages in hand wait for the ledger; None where none does."""
        self._arrivals: queue.Queue[Arrival] = queue.Queue(_QUEUE)
        self._stopping = threading.Event()
        self._connection = 0
        self._client = make_client(broker, inflight=2 * options.batch_messages)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._not_connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._arrived
        self._client.on_subscribe = self._subscribed
        self._threads = [
            threading.Thread(target=self._serve, name="intake-network", daemon=True),
            threading.Thread(target=self._write, name="intake-ledger", daemon=True),
        ]

    def start(self) -> None:
        """Begin; a missing broker is waited for."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End politely: what is being committed is committed and answered; the rest stays with the broker."""
        self._stopping.set()
        self._threads[1].join(timeout_s)
        self._client.disconnect()
        self._threads[0].join(timeout_s)

    @property
    def alive(self) -> bool:
        """Whether both threads run: the watchdog's question."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def behind_s(self) -> float:
        """How long the oldest message in hand waits for the ledger; 0 where none does."""
        since = self._settling_since
        return 0.0 if since is None else time.monotonic() - since

    def ask_again(self) -> None:
        """Subscribe anew, so that the broker sends the retained status of agents that have become known."""
        if self.broker_trouble is None:
            self._subscribe()

    # --- the connection's thread

    def _serve(self) -> None:
        pause = Backoff(1.0, 30.0)
        while not self._stopping.is_set():
            try:
                self._client.loop_forever(retry_first_connection=True)
            except Exception as error:  # noqa: BLE001 - a malformed packet must not end the service
                self._lost(unreachable(self._broker, error))
                pause.wait(self._stopping)

    def _connected(self, _client: object, _data: object, flags: Any, reason: ReasonCode, _properties: object) -> None:
        if reason.is_failure:
            self._lost(refused(self._broker, reason))
            return
        self._connection += 1
        self.broker_trouble = None
        self.broker_lost_us = None
        _log.info("%s", (_RESUMED if flags.session_present else _CONNECTED).fill(address=self._broker.address))
        self._subscribe()

    def _subscribe(self) -> None:
        shards = self._broker.shards or (None,)
        wanted = [filter_for(channel, shard) for channel in (Channel.MEASUREMENTS, Channel.STATUS) for shard in shards]
        if self._broker.share is not None:
            wanted = [f"$share/{self._broker.share}/{name}" for name in wanted]
        self._client.subscribe([(name, 1) for name in wanted])

    def _subscribed(self, _client: object, _data: object, _mid: object, reasons: Any, _properties: object) -> None:
        if any(reason.is_failure for reason in reasons):
            _log.error("%s", _NO_SUBSCRIPTION.fill(address=self._broker.address, user=self._broker.username or "–"))

    def _not_connected(self, _client: object, _data: object) -> None:
        self._lost(unreachable(self._broker, sys.exc_info()[1]))  # paho calls this while it handles the exception

    def _disconnected(
        self, _client: object, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if not self._stopping.is_set() and self.broker_trouble is None:
            broken = _BROKEN.fill(address=self._broker.address)
            self._lost(refused(self._broker, reason) if reason.value >= _FROM_BROKER else broken)

    def _lost(self, text: Text) -> None:
        """Say each trouble once, not at each attempt."""
        if text != self.broker_trouble:
            _log.warning("%s", text)
        self.broker_trouble = text
        self.broker_lost_us = self.broker_lost_us or now_us()

    def _arrived(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"
        arrival = Arrival(
            topic=topic, payload=bytes(message.payload), qos=message.qos, mid=message.mid, retained=message.retain,
            connection=self._connection,
        )  # fmt: skip
        while not self._stopping.is_set():
            try:
                self._arrivals.put(arrival, timeout=1.0)
            except queue.Full:  # back-pressure to the broker, by TCP: memory stays bounded
                continue
            return

    # --- the ledger's thread

    def _write(self) -> None:
        while not self._stopping.is_set():
            batch = self._gather()
            if batch:
                self._settling_since = time.monotonic()
                self._settle(batch)
                self._settling_since = None

    def _gather(self) -> list[Arrival]:
        """The first message that comes, and what follows within the window."""
        try:
            found = [self._arrivals.get(timeout=0.2)]
        except queue.Empty:
            return []
        size, until = len(found[0].payload), time.monotonic() + self._options.window_ms / 1000
        while len(found) < self._options.batch_messages and size < _BATCH_BYTES:
            try:
                found.append(self._arrivals.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
            size += len(found[-1].payload)
        return found

    def _settle(self, batch: list[Arrival]) -> None:
        pause = Backoff(0.5, 30.0)
        while not self._stopping.is_set():
            try:
                settled = self._commit(batch)
            except LedgerError as error:
                if error.text != self.ledger_trouble:
                    _log.error("%s", error)
                self.ledger_trouble = error.text
                pause.wait(self._stopping)
                continue
            if self.ledger_trouble is not None:
                _log.info("%s", _LEDGER_BACK)
                self.ledger_trouble = None
            for part in settled:
                self._answer(part)
            for arrival in batch:
                if arrival.qos and arrival.connection == self._connection:
                    self._client.ack(arrival.mid, arrival.qos)
            self._on_kept()
            return

    def _commit(self, batch: list[Arrival]) -> list[Settled]:
        """One transaction; where our own code fails on it, one for each message, and the culprit is put aside."""
        try:
            return [commit(self._engine, batch, self.known, now_us())]
        except LedgerError:
            raise
        except Exception:  # noqa: BLE001 - rubbish that our code fails on must not end the service
            _log.exception("a batch of %d messages failed; taking them one by one", len(batch))
        return [found for arrival in batch if (found := self._commit_one(arrival)) is not None]

    def _commit_one(self, arrival: Arrival) -> Settled | None:
        try:
            return commit(self._engine, [arrival], self.known, now_us())
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            _log.exception("a message on %r failed", arrival.topic)
            found = rubbish(arrival.topic, arrival.payload, "internal_error", f"{type(error).__name__}: {error}")
            with writing(self._engine) as conn:
                put_aside(conn, [found], now_us())
                count(conn, {"messages": 1, "quarantined.internal_error": 1})
            return None

    def _answer(self, settled: Settled) -> None:
        for topic, ack in acknowledges(settled):
            self._client.publish(topic, ack.encode(), qos=1)


_FROM_BROKER: Final = 0x81
"""Reason codes from here on are the broker's own words (MQTT 5 §3.14.2.1); 0x80 is paho's for a broken connection."""
_NOT_YET = Text(vi="máy chủ MQTT {address}: chưa kết nối", en="MQTT broker {address}: not connected yet")
_BROKEN = Text(
    vi="máy chủ MQTT {address}: kết nối bị đứt; doxa sẽ tự nối lại, không có gì bị mất",
    en="MQTT broker {address}: the connection broke; doxa connects again by itself, nothing is lost",
)
_CONNECTED = Text(vi="máy chủ MQTT {address}: đã kết nối", en="MQTT broker {address}: connected")
_RESUMED = Text(
    vi="máy chủ MQTT {address}: đã kết nối, phiên cũ còn nguyên",
    en="MQTT broker {address}: connected, the session was still there",
)
_NO_SUBSCRIPTION = Text(
    vi="máy chủ MQTT {address}: không cho {user} nhận kết quả đo; hãy sửa ACL của máy chủ",
    en="MQTT broker {address}: it does not let {user} receive measurements; mend the broker's ACL",
)
_LEDGER_BACK = Text(vi="sổ cái đã ghi lại được", en="the ledger can be written again")
