"""`doxa collector run`: intake, forwarders, assessment and page as one service, started and stopped politely."""

import logging
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import Final

import uvicorn
from sqlalchemy import Engine
from starlette.types import ASGIApp, Receive, Scope, Send

from doxa_collector import assess, series, sinks
from doxa_collector.admission import Known
from doxa_collector.check import bind
from doxa_collector.config import OPEN_TO_ALL, TOKEN_OR_LOOPBACK, Settings, SinkSettings, Web, is_loopback
from doxa_collector.files import read_secret
from doxa_collector.forwarder import Forwarder, Group, Measurements
from doxa_collector.intake import Intake
from doxa_collector.ledger.engine import LedgerError, open_ledger, writing
from doxa_collector.ledger.reading import now_us
from doxa_collector.ledger.registration import register
from doxa_collector.ledger.writing import note
from doxa_collector.nodes.tree import Tree
from doxa_collector.notify import channels
from doxa_collector.notify.courier import Courier
from doxa_collector.places.overlay import FILE as IMPORTED_PLACES
from doxa_collector.plans import Plan, load_plans
from doxa_collector.plans.noting import note_plans
from doxa_collector.presence.model import Surroundings
from doxa_collector.registry import Registry, read_registry
from doxa_collector.sink import Sink, Stream
from doxa_collector.watch.lease import Lease
from doxa_collector.watching import KEPT_OLD, Watching
from doxa_collector.web import create_app
from doxa_core import systemd
from doxa_core.errors import DoxaError, InputError, OperationError
from doxa_core.language import Text

_log = logging.getLogger("doxa.collector")

_BEAT_S: Final = 1.0
_PATIENCE_S: Final = 10.0
"""How long a polite stop waits for each part."""


class Service:
    """The collector. `run()` returns when it was told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        registry, self._plans = read_registry(settings.registry), load_plans(settings.plans)
        self._listening = _listening(settings.web)
        self._engine = open_ledger(settings.ledger)
        self._lease = Lease(self._engine)
        self._watching = Watching(  # before anything is written: it refuses rules and nodes that are wrong
            self._engine,
            settings,
            registry,
            self._plans,
            around=self._around,
            news=self._announce_notices,
            lease=self._lease,
        )
        self._register(registry, self._plans, "doxa collector run")
        self._news: list[threading.Event] = []
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._reload_asked = False
        self._intake = Intake(self._engine, settings.broker, settings.intake, known(registry), on_kept=self._announce)
        self._page: _Page | None = None
        self._server: uvicorn.Server | None = None
        self._sinks: list[Sink] = []
        self._notices: list[threading.Event] = []
        self._threads = [
            *self._forwarders(),
            *self._couriers(),
            self._thread("assess", self._assess_forever),
            self._thread("watch", partial(self._watching.run, self._stopping)),
        ]
        if self._listening is not None:
            self._page = _Page(_app(self._engine, self._plans, settings.web, self._watching.tree))
            self._server = _server(self._page)
            self._threads.append(self._thread("web", partial(self._server.run, sockets=[self._listening])))

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; SIGHUP reads registry and plans again. 1 where a part of it died."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._signalled)
        self._intake.start()
        for thread in self._threads:
            thread.start()
        self._say_ready()
        healthy = self._watch()
        systemd.tell("STOPPING=1")
        self._stop()
        _log.info("%s", _STOPPED)
        return 0 if healthy else 1

    def _watch(self) -> bool:
        """Until told to stop; whether everything still ran then. systemd hears of us only while everything does."""
        limit = systemd.watchdog_s()
        beat = _BEAT_S if limit is None else min(_BEAT_S, limit / 3)
        while not self._stopping.is_set():
            self._wake.wait(beat)
            self._wake.clear()
            if self._stopping.is_set():
                break
            dead = [thread.name for thread in self._threads if not thread.is_alive()]
            if dead or not self._intake.alive:
                _log.error("%s", _DEAD.fill(names=", ".join(dead) or "intake"))
                return False
            if self._reload_asked:
                self._reload_asked = False
                self._reload()
            systemd.tell("WATCHDOG=1")
        return True

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload_asked = True
        else:
            self._stopping.set()
        self._wake.set()

    def _stop(self) -> None:
        self._stopping.set()
        self._announce()
        self._announce_notices()
        if self._server is not None:
            self._server.should_exit = True
        self._intake.stop(_PATIENCE_S)
        for thread in self._threads:
            thread.join(_PATIENCE_S)
        for sink in self._sinks:
            sink.close()
        self._engine.dispose()

    # --- the parts

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=work, name=name, daemon=True)

    def _forwarders(self) -> list[threading.Thread]:
        """For each sink a thread and a connection for the measurements, and for each group of its other streams.

        Every stream has a cursor of its own; a slow sink delays nobody. Only measurements are woken by the intake.
        """
        found = []
        for chosen in self._settings.sinks:
            news = threading.Event()
            self._news.append(news)
            (runs,) = self._streams_of(chosen, (Measurements(),))
            found.append(self._thread(f"sink {runs.name}", partial(runs.run, self._stopping, news)))
            for number, streams in enumerate(series.groups(self._world())):
                group = Group(self._streams_of(chosen, streams))
                found.append(self._thread(f"sink {chosen.name}/{number}", partial(group.run, self._stopping)))
        return found

    def _streams_of(self, chosen: SinkSettings, streams: Sequence[Stream]) -> list[Forwarder]:
        """The streams of one sink that share a connection."""
        sink = sinks.load(chosen.kind).open_sink(chosen.options)
        self._sinks.append(sink)
        return [
            Forwarder(
                self._engine, chosen.name, sink, stream, batch_rows=chosen.batch_rows, margin_s=chosen.margin_s
            )
            for stream in streams
        ]  # fmt: skip

    def _world(self) -> series.World:
        """What streams ask of the service, at the moment of writing."""
        return series.World(
            plans=lambda: self._plans,
            tree=self._watching.tree,
            rules=self._watching.rules,
            health=lambda: series.Health(
                broker_connected=self._intake.broker_lost_us is None, behind_s=self._intake.behind_s
            ),
            places=self._settings.ledger.parent / "places" / IMPORTED_PLACES,
            settings=self._settings.series,
        )

    def _couriers(self) -> list[threading.Thread]:
        """A thread for each channel of messages: one that is down delays no other."""
        found = []
        for chosen in self._settings.notify:
            channel = channels.load(chosen.kind).open_channel(chosen.options)
            courier, news = Courier(self._engine, chosen, channel, may=self._lease.still_ours), threading.Event()
            self._notices.append(news)
            found.append(self._thread(f"notify {chosen.name}", partial(courier.run, self._stopping, news)))
        return found

    def _announce_notices(self) -> None:
        for news in self._notices:
            news.set()

    def _around(self) -> Surroundings:
        """How the broker and the intake do, for presence."""
        return Surroundings(broker_lost_us=self._intake.broker_lost_us, behind_s=self._intake.behind_s)

    def _announce(self) -> None:
        for news in self._news:
            news.set()

    def _assess_forever(self) -> None:
        while not self._stopping.is_set():
            try:
                places = self._settings.ledger.parent / "places" / IMPORTED_PLACES  # where `doxa places import` writes
                rules, tree = self._settings.assess.rules, self._watching.tree()
                assess.run(self._engine, self._plans, rules, datetime.now(UTC), places, tree)
                self._announce()
            except DoxaError as error:
                _log.error("%s", error)
            except Exception:  # noqa: BLE001 - a verdict that cannot be formed must not end the intake
                _log.exception("the assessment failed")
            self._stopping.wait(self._settings.assess.every_s)

    def _register(self, registry: Registry, plans: Sequence[Plan], actor: str) -> None:
        with writing(self._engine) as conn:
            changes = register(conn, registry, now_us(), actor)
            note_plans(conn, plans, now_us(), actor)
        if changes.counted:
            _log.info("%s", _REGISTERED.fill(changes=", ".join(f"{k} {v}" for k, v in sorted(changes.counted.items()))))
        for name in changes.missing:
            _log.warning("%s", _MISSING.fill(name=name, file=self._settings.registry))

    def _reload(self) -> None:
        """Registry and plans again; a bad file changes nothing. Other settings need a restart."""
        systemd.tell_reloading()
        try:
            registry, plans = read_registry(self._settings.registry), load_plans(self._settings.plans)
            self._register(registry, plans, "SIGHUP")
        except (InputError, OperationError) as error:
            self._note_refusal(error)  # first: whoever reads the log finds it kept
            _log.error("%s", _KEPT_OLD.fill(error=error.text))
        else:
            self._plans = plans
            self._intake.known = known(registry)
            self._intake.ask_again()
            for trouble in self._watching.reload(registry, plans):
                self._note_refusal(trouble)
                _log.error("%s", KEPT_OLD.fill(error=trouble.text))
            if self._page is not None:
                self._page.app = _app(self._engine, plans, self._settings.web, self._watching.tree)
            _log.info("%s", _RELOADED)
        self._say_ready()

    def _note_refusal(self, error: DoxaError) -> None:
        try:
            with writing(self._engine) as conn:
                note(conn, now_us(), "SIGHUP", "reload.refused", {"error": error.text.en})
        except LedgerError as trouble:
            _log.error("%s", trouble)

    def _say_ready(self) -> None:
        where = Text(vi="không có trang", en="no page")
        if self._listening is not None:
            where = Text(*[f"http://{_name(self._listening)}/"] * 2)
        _log.info("%s", _READY.fill(where=where, ledger=self._settings.ledger))
        systemd.tell("READY=1", f"STATUS={_READY.fill(where=where, ledger=self._settings.ledger)}")


def known(registry: Registry) -> Known:
    """The registry in the intake's form."""
    return Known(registry.home_of(), registry.lines_of())


class _Page:
    """The page in force: a reload puts another in its place without closing the door."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def _app(engine: Engine, plans: Sequence[Plan], web: Web | None, tree: Callable[[], Tree]) -> ASGIApp:
    token = None if web is None or web.token_file is None else read_secret(web.token_file)
    return create_app(engine, plans, token=token, settings=None if web is None else web.page, tree=tree)


def _server(page: ASGIApp) -> uvicorn.Server:
    """In a thread of its own uvicorn leaves the signals to us."""
    config = uvicorn.Config(
        page, log_config=None, log_level="warning", access_log=False, lifespan="off", ws="none", server_header=False,
        timeout_graceful_shutdown=3,
    )  # fmt: skip
    return uvicorn.Server(config)


def _listening(web: Web | None) -> socket.socket | None:
    """The socket of the page: the one passed by systemd, else our own; never beyond loopback without a token."""
    if web is None:
        return None
    given = systemd.given_sockets()
    sock = given[0] if given else bind(web.host, web.port)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        host = str(sock.getsockname()[0])
        if web.token_file is None and not is_loopback(host):
            sock.close()
            raise InputError("web.listen", OPEN_TO_ALL.fill(host=host), TOKEN_OR_LOOPBACK)
    return sock


def _name(sock: socket.socket) -> str:
    if sock.family == socket.AF_INET6:
        return f"[{sock.getsockname()[0]}]:{sock.getsockname()[1]}"
    return ":".join(str(part) for part in sock.getsockname()[:2]) if sock.family == socket.AF_INET else "unix"


_READY = Text(vi="doxa đang chạy: sổ cái {ledger}, {where}", en="doxa is running: ledger {ledger}, {where}")
_STOPPED = Text(vi="đã dừng theo yêu cầu", en="stopped as asked")
_RELOADED = Text(vi="đã đọc lại danh mục và kế hoạch", en="registry and plans were read again")
_KEPT_OLD = Text(
    vi="không đọc lại được, giữ nguyên danh mục và kế hoạch cũ: {error}",
    en="nothing was read again, the former registry and plans stay: {error}",
)
_REGISTERED = Text(vi="danh mục: {changes}", en="registry: {changes}")
_MISSING = Text(
    vi="danh mục: {name} có trong sổ cái nhưng không còn trong {file}; hãy ghi valid_to thay vì xóa",
    en="registry: {name} is in the ledger but no longer in {file}; write a valid_to instead of removing it",
)
_DEAD = Text(
    vi="một phần của doxa đã dừng bất ngờ ({names}); doxa dừng để được khởi động lại",
    en="a part of doxa ended unexpectedly ({names}); doxa stops in order to be started again",
)
