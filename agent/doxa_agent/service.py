"""The service: keeps the schedule, and starts, reloads and stops everything else."""

import logging
import signal
import time
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final, Literal

from doxa_agent import config, plan
from doxa_agent.agenda import Agenda
from doxa_agent.config import Settings
from doxa_agent.forwarding import refuse_bridge
from doxa_agent.notify import Notifier
from doxa_agent.plan import Plan
from doxa_agent.presence import Presence
from doxa_agent.runner import Runner
from doxa_agent.spool import Spool
from doxa_agent.standing import Said, Standing
from doxa_agent.uplink import Uplink
from doxa_core.errors import DoxaError, InputError
from doxa_core.language import Text

log = logging.getLogger("doxa.agent.service")

LONGEST_SLEEP_S: Final = 30.0
STUCK_S: Final = 300.0
"""An uplink thread that has not gone round for so long is stuck: the watchdog may restart us."""
STOP_RUNS_S: Final = 5.0
STOP_UPLINK_S: Final = 5.0
SWAP_UPLINK_S: Final = 1.0
"""A reload holds the schedule up so long at most; what is unacknowledged goes out over the new connection."""

Wish = Literal["stop", "reload", "look"]
"""`look` only ends the sleep: something has changed that the supervisor should hear."""


class Service:
    """One agent. `run` returns when it was asked to stop; `OperationError` and `InputError` only before it began."""

    def __init__(self, file: Path, *, notifier: Notifier | None = None) -> None:
        self._file = file
        self._notifier = notifier or Notifier()
        self._wishes: SimpleQueue[Wish] = SimpleQueue()  # its put() may be called from a signal handler
        self.settings = config.load(file)
        self.plan = plan.load(self.settings)
        refuse_bridge(self.settings)
        self._standing = Standing(self.settings.spool.path)
        self._refused_reload: Text | None = None
        owner = f"{self.settings.site}/{self.settings.agent}"
        self._spool = Spool(self.settings.spool, owner)
        self._runner = Runner(self.settings, self._spool.add, tell=lambda _: self._uplink.wake())
        self._presence = Presence(self.settings, self._spool, self._findings)
        self._agenda = Agenda(self.settings.agent)
        self._uplink = self._new_uplink()

    def wish(self, what: Wish) -> None:
        """Ask for a stop or a reload; from any thread or signal handler."""
        self._wishes.put(what)

    def listen(self) -> None:
        """SIGTERM and SIGINT stop, SIGHUP reloads. Only in the main thread."""
        wishes: dict[int, Wish] = {signal.SIGTERM: "stop", signal.SIGINT: "stop", signal.SIGHUP: "reload"}

        def take(number: int, _frame: FrameType | None) -> None:
            self._wishes.put(wishes[number])

        for number in wishes:
            signal.signal(number, take)

    def run(self) -> None:
        """Measure until asked to stop."""
        self._uplink.start()
        self._take_plan(self.plan)
        log.info("%s", STARTED.fill(agent=self.settings.agent, site=self.settings.site, tasks=len(self.plan.tasks)))
        self._notifier.ready()
        while (wish := self._wait()) != "stop":
            if wish == "reload":
                self._reload()
            self._start_due()
        self._stop()

    def _start_due(self) -> None:
        missed = self._agenda.missed
        for task in self._agenda.take_due(wall=time.time(), monotonic=time.monotonic()):
            self._runner.start(task)
        if more := self._agenda.missed - missed:
            log.warning("%s", MISSED.fill(count=more))

    def _wait(self) -> Wish | None:
        """Sleep until the next start, a wish, or the watchdog wants a sign of life."""
        if self._is_well():
            self._notifier.alive()
        self._notifier.status(str(self._summary()))
        self._standing.say(self._said())
        longest = min(LONGEST_SLEEP_S, (self._notifier.watchdog_s or LONGEST_SLEEP_S) / 3)
        try:
            return self._wishes.get(timeout=max(0.0, min(self._agenda.next_at - time.monotonic(), longest)))
        except Empty:
            return None

    def _is_well(self) -> bool:
        return self._uplink.is_alive and time.monotonic() - self._uplink.heartbeat < STUCK_S

    def _summary(self) -> Text:
        """One line for `systemctl status`."""
        state = self._uplink.state
        if self._refused_reload:
            return self._refused_reload
        if (trouble := self._spool.trouble) is not None:
            return trouble
        if state.trouble is not None:
            return state.trouble.text
        return WELL if state.connected else CONNECTING

    def _said(self) -> Said:
        """What the checklist may know of our way to the broker."""
        state = self._uplink.state
        trouble = state.trouble
        return Said(
            connected=state.connected,
            trouble=trouble.text if trouble else None,
            code=trouble.code if trouble else "",
        )

    def _findings(self) -> tuple[str, ...]:
        """Codes of what is wrong, for the status on the broker."""
        trouble = self._uplink.state.trouble
        found = {
            "reload_refused": self._refused_reload,
            "hung_run": self._runner.hung,
            f"uplink_{trouble.code}" if trouble else "": trouble and self._uplink.state.connected,
        }
        return tuple(code for code, there in found.items() if code and there)

    def _take_plan(self, new: Plan) -> None:
        self.plan = new
        self._agenda.plan(new.tasks, wall=time.time(), monotonic=time.monotonic())

    def _new_uplink(self) -> Uplink:
        return Uplink(self.settings, self._spool, self._presence.status, changed=lambda: self._wishes.put("look"))

    def _reload(self) -> None:
        """Take the files over if they are good; else keep what we have and say so until they are."""
        self._notifier.reloading()
        try:
            settings = config.load(self._file)
            new = plan.load(settings)
            refuse_bridge(settings)
            self._refuse_new_identity(settings)
        except DoxaError as error:
            self._refused_reload = KEPT.fill(why=error.text)
            log.error("%s", self._refused_reload)
        else:
            self._refused_reload = None
            self._take_settings(settings)
            self._take_plan(new)
            log.info("%s", RELOADED.fill(tasks=len(new.tasks)))
        self._uplink.wake()
        self._notifier.ready()

    def _refuse_new_identity(self, new: Settings) -> None:
        old = self.settings
        if (new.site, new.agent, new.spool) != (old.site, old.agent, old.spool):
            raise InputError(str(self._file), NEW_IDENTITY, RESTART)

    def _take_settings(self, new: Settings) -> None:
        old, self.settings = self.settings, new
        self._presence.settings = new
        self._runner.use(new)
        same = replace(old, links=new.links, plan=new.plan, runner=new.runner, guards=new.guards) == new
        if not same or new.broker.tls:  # the files of TLS may have been renewed under the same names
            self._uplink.stop(SWAP_UPLINK_S)
            self._uplink = self._new_uplink()
            self._uplink.start()

    def _stop(self) -> None:
        """Cut the runs off, keep what they found, send what can be sent, say goodbye: all within bounds."""
        self._notifier.stopping()
        self._runner.stop(STOP_RUNS_S)
        self._uplink.stop(STOP_UPLINK_S)
        self._spool.close()
        self._standing.close()
        log.info("%s", STOPPED)


STARTED = Text(
    vi="bắt đầu đo: điểm {site}, agent {agent}, {tasks} tác vụ",
    en="measuring: site {site}, agent {agent}, {tasks} tasks",
)
MISSED = Text(
    vi="{count} lượt đo bị lỡ (máy ngủ hoặc bị treo), không đo bù",
    en="{count} starts were slept through and are not made up for",
)
STOPPED = Text(vi="đã dừng theo yêu cầu", en="stopped as asked")
RELOADED = Text(vi="đã nạp lại cấu hình, {tasks} tác vụ", en="configuration reloaded, {tasks} tasks")
KEPT = Text(
    vi="không nạp lại cấu hình, vẫn dùng bản trước ({why})",
    en="the configuration is not reloaded, the last good one stays ({why})",
)
NEW_IDENTITY = Text(
    vi="site, agent hoặc [spool] đã đổi, không thể nạp lại khi đang chạy",
    en="site, agent or [spool] has changed, which cannot be reloaded while running",
)
RESTART = Text(vi="hãy khởi động lại doxa agent", en="restart doxa agent")
WELL = Text(vi="đang đo, đã kết nối broker", en="measuring, connected to the broker")
CONNECTING = Text(vi="đang đo, đang kết nối broker", en="measuring, connecting to the broker")
