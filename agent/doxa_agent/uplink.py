"""Keeps the connection to the broker and carries batches, status and acknowledges over it, in one thread of its own."""

import logging
import os
import random
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final

from doxa_agent.config import Settings
from doxa_agent.faults import UplinkFaultError, fault
from doxa_agent.quiet import Quiet
from doxa_agent.sender import Sender
from doxa_agent.session import LOOK_S, Session, Will
from doxa_agent.spool import Spool
from doxa_core import __version__, ack
from doxa_core.errors import WireError
from doxa_core.language import Text
from doxa_core.status import AgentStatus, State
from doxa_core.topic import Channel, Topic

log = logging.getLogger("doxa.agent.uplink")

STEADY_S: Final = 30.0
"""A connection that lasted this long was a good one: the next failure starts from the short delay again."""
FLAPS: Final = 3
"""After so many short connections in a row the broker's hanging up has a cause worth naming."""
SPARE_BYTES: Final = 1024
"""Of the broker's largest packet: for the topic and the header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkState:
    """Whether measurements can leave now."""

    connected: bool = False
    trouble: UplinkFaultError | None = None
    """What stands in the way; also while connected, when the broker refuses a part."""
    in_flight: int = 0


class Uplink:
    """Start it once; `wake` after each new measurement.

    `make_status(state, reason)` describes the agent at that moment; `changed` hears that `state` says something new.
    """

    def __init__(
        self,
        settings: Settings,
        spool: Spool,
        make_status: Callable[[State, str], AgentStatus],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._make_status = make_status
        self._changed = changed
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stop_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self._quiet = Quiet(log)
        self._told: tuple[object, ...] | None = None
        self._status_due = 0.0
        self._refusal: UplinkFaultError | None = None
        self._silence = fault("no_ack", settings.broker)
        self.state = UplinkState()
        self.heartbeat = monotonic()
        """When the thread last went round its loop, for the watchdog."""

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new to look at; from any thread, also from a signal handler."""
        with suppress(BlockingIOError, OSError):
            os.write(self._wake_w, b"\n")

    def stop(self, within_s: float) -> None:
        """Send what can be sent, say `stopped`, disconnect; give up after `within_s`."""
        self._stop_at = monotonic() + within_s
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(within_s + 1)
        if not self._thread.is_alive():
            os.close(self._wake_r)
            os.close(self._wake_w)

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def _topic(self, channel: Channel) -> str:
        return str(Topic(site=self._settings.site, agent=self._settings.agent, channel=channel))

    def _run(self) -> None:
        failures = 0
        while self._stop_at is None:
            began = monotonic()
            try:
                self._one_session()
            except UplinkFaultError as found:
                self._blame(
                    fault("flapping", self._settings.broker) if found.code == "lost" and failures >= FLAPS else found
                )
            except Exception as error:  # noqa: BLE001 - our own fault: measuring goes on, and we try again
                self._blame(UplinkFaultError("exception", OUR_FAULT.fill(what=repr(error)[:200])))
            if self._stop_at is None:
                failures = 0 if monotonic() - began > STEADY_S else failures + 1
                self._sleep(self.delay_s(failures))

    def _blame(self, found: UplinkFaultError) -> None:
        self._be(UplinkState(trouble=found))
        self._quiet.warn(found.code, found.text)

    def _be(self, new: UplinkState) -> None:
        old, self.state = self.state, new
        if (old.connected, old.trouble) != (new.connected, new.trouble):
            self._changed()

    def delay_s(self, failures: int) -> float:
        """Full jitter: anything between the shortest delay and a ceiling that doubles with each failure."""
        s = self._settings.uplink
        ceiling = min(s.reconnect_max_s, s.reconnect_min_s * 2.0 ** min(failures + 1, 30))
        return random.uniform(s.reconnect_min_s, ceiling)

    def _sleep(self, seconds: float) -> None:
        end = monotonic() + seconds
        while self._stop_at is None and (left := end - monotonic()) > 0:
            self.heartbeat = monotonic()
            if select.select([self._wake_r], [], [], min(left, LOOK_S))[0]:
                self._drain()
                if self._stop_at is None:  # a new measurement does not shorten the wait, and must not spin it either
                    select.select([], [], [], min(0.2, max(0.0, end - monotonic())))

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake_r, 65536)

    def _one_session(self) -> None:
        """Connect and stay until the connection ends (raises) or we are asked to stop (returns)."""
        session = Session(self._settings.broker, f"doxa-{self._settings.agent}", self._will())
        session.open()
        self._quiet.good(CONNECTED.fill(place=self._settings.broker.place))
        session.subscribe(self._topic(Channel.ACK))
        measurements = self._topic(Channel.MEASUREMENTS)
        sender = Sender(
            self._settings.uplink, self._spool, publish=lambda payload: session.publish(measurements, payload)
        )
        if session.largest is not None:
            sender.batch_bytes = min(sender.batch_bytes, session.largest - SPARE_BYTES)
        sender.restart()
        self._told = self._refusal = None
        self._be(UplinkState(connected=True))
        try:
            while self._stop_at is None:
                self._turn(session, sender)
            self._goodbye(session, sender, self._stop_at)
        finally:
            session.close()

    def _will(self) -> Will:
        status = AgentStatus(
            site=self._settings.site,
            agent=self._settings.agent,
            epoch=self._spool.epoch,
            state=State.OFFLINE,
            version=__version__,
            reason="lost",
        )
        return Will(topic=self._topic(Channel.STATUS), payload=status.encode())

    def _turn(self, session: Session, sender: Sender) -> None:
        """Once round: take what came, send what is due, sleep until something is."""
        self.heartbeat = now = monotonic()
        self._read(session, sender)
        self._tell(session, now)
        later = sender.turn(now)
        self._note(session, sender)
        until = min(self._status_due, LOOK_S + now, later if later is not None else now + LOOK_S)
        session.pump(until - now, self._wake_r)
        self._drain()

    def _read(self, session: Session, sender: Sender) -> None:
        while session.inbox:
            _, payload = session.inbox.popleft()
            try:
                refused = sender.take_ack(ack.decode(payload), monotonic())
            except WireError as error:
                self._quiet.warn("bad_ack", BAD_ACK.fill(why=error.code))
                continue
            self._refusal = None
            if refused:
                log.warning("%s", REFUSED.fill(count=refused))

    def _note(self, session: Session, sender: Sender) -> None:
        """What stands in the way although we are connected: the broker refuses something, or the collector is silent."""
        while session.notices:
            self._refusal = session.notices.popleft()
        silent = self._silence if sender.is_unheard else None
        trouble = self._refusal or silent
        if trouble is not None:
            self._quiet.warn(trouble.code, trouble.text)
        elif self.state.trouble is not None:
            self._quiet.good(HEARD)
        self._be(UplinkState(connected=True, trouble=trouble, in_flight=sender.in_flight))

    def _tell(self, session: Session, now: float) -> None:
        """Publish the status when it is due, or when something in it that matters has changed."""
        status = self._make_status(State.ONLINE, "running")
        facts = (status.epoch, status.findings, repr(status.links), status.clock_synchronised, status.spool_dropped,
                 status.spool_refused, status.on_battery)  # fmt: skip
        if facts == self._told and now < self._status_due:
            return
        if session.publish(self._topic(Channel.STATUS), status.encode(), retain=True):
            self._told = facts
            self._status_due = now + self._settings.uplink.status_s

    def _goodbye(self, session: Session, sender: Sender, stop_at: float) -> None:
        """What waits gets half of the time that is left; then `stopped`, confirmed if the broker is quick enough."""
        half = monotonic() + max(0.0, stop_at - monotonic()) / 2
        while monotonic() < half:
            self._read(session, sender)
            later = sender.turn(monotonic())
            if not sender.in_flight and later is None:
                break
            session.pump(min(half, later or half) - monotonic())
        status = self._make_status(State.OFFLINE, "stopped")
        session.publish(self._topic(Channel.STATUS), status.encode(), retain=True)
        while session.unconfirmed and monotonic() < stop_at:
            session.pump(stop_at - monotonic())
        self._be(UplinkState())


CONNECTED = Text(vi="đã kết nối broker {place}", en="connected to the broker {place}")
HEARD = Text(vi="collector đã xác nhận trở lại", en="the collector acknowledges again")
REFUSED = Text(
    vi="collector không nhận {count} kết quả đo (đã cách ly ở collector); xem lý do tại collector",
    en="the collector did not take {count} measurements (quarantined there); the reason is shown at the collector",
)
BAD_ACK = Text(
    vi="bỏ qua một xác nhận không đúng quy ước ({why})", en="ignored an acknowledge that breaks the contract ({why})"
)
OUR_FAULT = Text(
    vi="lỗi của chính chương trình khi gửi ({what}); xin báo cho nhóm phát triển",
    en="a fault of the program itself while sending ({what}); please report it",
)
