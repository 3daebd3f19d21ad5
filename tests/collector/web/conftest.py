"""A country in small for the page: five offices of the five plans, served by a real server, read by a real browser."""

import json
import math
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from sqlalchemy import Engine, insert

from doxa_collector.assess import Settings as Rules
from doxa_collector.assess import run
from doxa_collector.ledger.engine import open_ledger, writing
from doxa_collector.ledger.schema import (
    agent_status,
    indicator,
    link,
    measurement,
    place,
    probe,
    quarantine,
    sink_cursor,
    site,
)
from doxa_collector.plans import Plan, load_plans
from doxa_collector.web import Settings, create_app
from doxa_core.language import VIETNAM_TIME
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import Clock, LinkProof, Measurement
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome
from doxa_core.status import AgentStatus, State

NOW = datetime(2026, 11, 24, 8, 5, 9, tzinfo=VIETNAM_TIME)
EPOCH = "00112233445566aa"
TOKEN = "a-token-of-the-tests"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True, kw_only=True)
class SeededLink:
    """A line with its truth."""

    kind: LinkKind
    down: float
    up: float
    rtt: float
    provider: str | None = None
    contract: float | None = None
    layer: str | None = None
    finding: str | None = None
    limited: bool = False
    ends: timedelta | None = None
    """How long before now it went down."""


@dataclass(frozen=True, kw_only=True)
class SeededSite:
    """An office."""

    site: str
    name: str
    place: str
    place_name: str
    province: str
    links: Mapping[str, SeededLink] = field(default_factory=dict)
    online: bool = True


OFFICES = (
    SeededSite(
        site="dong-dang", name="UBND xã Đồng Đăng", place="06184", place_name="xã Đồng Đăng", province="20",
        links={
            "fixed": SeededLink(kind=LinkKind.FIXED, down=85.07, up=61.3, rtt=8.2, provider="VNPT", contract=150),
            "mobile": SeededLink(kind=LinkKind.MOBILE, down=34.41, up=11.9, rtt=31.0, provider="Viettel"),
            "tslcd": SeededLink(kind=LinkKind.TSLCD, down=189.1, up=188.2, rtt=6.1, provider="VNPT", contract=200),
        },
    ),
    SeededSite(
        site="dau-tieng", name="UBND xã Dầu Tiếng", place="25777", place_name="xã Dầu Tiếng", province="79",
        links={
            "fixed": SeededLink(kind=LinkKind.FIXED, down=271.2, up=200.9, rtt=4.4, provider="FPT", contract=300),
            "tslcd": SeededLink(
                kind=LinkKind.TSLCD, down=90.75, up=90.6, rtt=5.3, provider="VNPT", contract=100, layer="ip"
            ),
        },
    ),
    SeededSite(
        site="my-hao", name="UBND phường Mỹ Hào", place="12103", place_name="phường Mỹ Hào", province="33",
        links={
            "fixed": SeededLink(kind=LinkKind.FIXED, down=142.6, up=120.4, rtt=5.0, provider="Viettel", contract=150),
            "mobile": SeededLink(
                kind=LinkKind.MOBILE, down=33.2, up=18.0, rtt=24.0, provider="MobiFone", limited=True,
                finding="cpu_limited",
            ),
        },
    ),
    SeededSite(
        site="cam-due", name="UBND xã Cẩm Duệ", place="18739", place_name="xã Cẩm Duệ", province="42",
        links={
            "fixed": SeededLink(kind=LinkKind.FIXED, down=163.9, up=150.8, rtt=9.7, provider="VNPT", contract=200),
            "mobile": SeededLink(kind=LinkKind.MOBILE, down=73.4, up=22.5, rtt=28.0, provider="Vinaphone"),
        },
    ),
    SeededSite(
        site="khong-lao", name="UBND xã Khổng Lào", place="03562", place_name="xã Khổng Lào", province="12",
        online=False,
        links={
            "fixed": SeededLink(
                kind=LinkKind.FIXED, down=96.4, up=88.2, rtt=17.0, provider="VNPT", contract=100,
                ends=timedelta(minutes=12),
            ),
            "mobile": SeededLink(kind=LinkKind.MOBILE, down=81.7, up=26.3, rtt=39.0, provider="Viettel"),
        },
    ),
)  # fmt: skip
PROVINCES = {
    "20": "tỉnh Lạng Sơn",
    "79": "thành phố Hồ Chí Minh",
    "33": "tỉnh Hưng Yên",
    "42": "tỉnh Hà Tĩnh",
    "12": "tỉnh Lai Châu",
}


def write_offices(engine: Engine, offices: Sequence[SeededSite] = OFFICES) -> None:
    """The registry."""
    with writing(engine) as conn:
        for code, name in PROVINCES.items():
            conn.execute(
                insert(place).values(code=code, valid_from="1970-01-01", name=name, level="province", province=code)
            )
        for o in offices:
            conn.execute(
                insert(place).values(
                    code=o.place, valid_from="1970-01-01", name=o.place_name, level="commune", province=o.province
                )
            )
            conn.execute(insert(site).values(site=o.site, name=o.name, place_code=o.place))
            conn.execute(insert(probe).values(agent=f"{o.site}-1", site=o.site))
            for name, line in o.links.items():
                conn.execute(
                    insert(link).values(
                        site=o.site, link=name, valid_from="1970-01-01", kind=line.kind, provider=line.provider,
                        contracted_down_mbps=line.contract, contracted_up_mbps=line.contract, layer=line.layer,
                        technology="cáp quang", contract=f"HĐ-{o.site}-{name}",
                    )
                )  # fmt: skip


def taken(o: SeededSite, name: str, meter: str, at: datetime, seq: int, **found: Any) -> Measurement:
    """One measurement of an office."""
    third = 10 + list(o.links).index(name)
    proof = LinkProof(interface=f"eth{third - 10}", source=f"10.{third}.6.2", gateway=f"10.{third}.6.1")
    plain: dict[str, Any] = {
        "site": o.site, "agent": f"{o.site}-1", "epoch": EPOCH, "seq": seq, "task": f"{meter}-{name}", "meter": meter,
        "method": f"{meter}/1", "link": name, "started": at, "boot": "9f0c6f0e", "monotonic_s": 100.0 + seq,
        "duration_s": 4.25, "clock": Clock(synchronised=True, error_ms=1.2), "outcome": Outcome.OK, "version": "0.1.0",
        "far_end": "vnix-hn", "family": 4, "proof": proof,
    }  # fmt: skip
    return Measurement(**(plain | found))


def keep(engine: Engine, found: Sequence[Measurement]) -> None:
    """Put measurements into the ledger as the intake does."""
    rows = [
        {
            "agent": m.agent, "epoch": m.epoch, "seq": m.seq, "site": m.site, "link": m.link, "task": m.task,
            "meter": m.meter, "method": m.method, "started_us": microseconds(m.started),
            "received_us": microseconds(m.started) + 1_000_000, "outcome": m.outcome.value, "far_end": m.far_end,
            "family": m.family, "values": json.dumps(dict(m.values)), "reasons": json.dumps(m.reasons),
            "findings": json.dumps(m.findings), "raw": m.encode(),
        }
        for m in found
    ]  # fmt: skip
    with writing(engine) as conn:
        conn.execute(insert(measurement), rows)


def speed(line: SeededLink, chance: random.Random) -> dict[str, float]:
    """The values of one speed test, with a little noise."""
    down, up = line.down * chance.gauss(1, 0.004), line.up * chance.gauss(1, 0.004)
    return {
        "download_mbps": round(down, 3), "upload_mbps": round(up, 3), "download_ip_mbps": round(down * 1500 / 1448, 3),
        "upload_ip_mbps": round(up * 1500 / 1448, 3), "download_wire_mbps": round(down * 1538 / 1448, 3),
        "upload_wire_mbps": round(up * 1538 / 1448, 3), "download_bytes": 31_250_000, "http_ping_min_ms": line.rtt,
        "streams_count": 8, "cpu_ratio": 0.12,
    }  # fmt: skip


def pings(line: SeededLink, chance: random.Random, at: datetime) -> dict[str, float]:
    """The values of one latency run; a daily swing, now and then a loss."""
    swing = 1 + 0.25 * max(0.0, math.sin((at.astimezone(VIETNAM_TIME).hour - 6) / 12 * math.pi))
    middle = line.rtt * swing * chance.uniform(0.98, 1.04)
    lost = 3 if chance.random() < 0.01 else 0
    return {
        "sent_count": 60, "received_count": 60 - lost, "loss_ratio": lost / 60, "rtt_min_ms": round(line.rtt, 2),
        "rtt_p50_ms": round(middle, 2), "rtt_p95_ms": round(middle * chance.uniform(1.3, 1.8), 2),
    }  # fmt: skip


def history_of(o: SeededSite, name: str, line: SeededLink, seqs: Iterator[int], hours: int) -> Iterator[Measurement]:
    """A day and more of one line: a speed test every 40 minutes, latency every 5."""
    chance = random.Random(f"{o.site}/{name}")
    for minute in range(hours * 60, 0, -5):
        at = NOW - timedelta(minutes=minute - 3, seconds=chance.randrange(50))
        gone = line.ends is not None and NOW - at <= line.ends
        if minute % 40 == 0:
            yield _speed_run(o, name, line, at, next(seqs), chance)
        if gone:
            yield taken(o, name, "latency", at, next(seqs), outcome=Outcome.FAILED, reasons=("no_reply",),
                        values={"sent_count": 60, "received_count": 0, "loss_ratio": 1})  # fmt: skip
        else:
            yield taken(o, name, "latency", at, next(seqs), values=pings(line, chance, at))


def _speed_run(
    o: SeededSite, name: str, line: SeededLink, at: datetime, seq: int, chance: random.Random
) -> Measurement:
    if line.ends is not None and NOW - at <= line.ends:
        return taken(o, name, "speed", at, seq, outcome=Outcome.FAILED, reasons=("connect_timeout",))
    if chance.random() < 0.05:
        return taken(o, name, "speed", at, seq, outcome=Outcome.SKIPPED, reasons=("busy",))
    outcome = Outcome.PROBE_LIMITED if line.limited else Outcome.OK
    reasons = () if line.finding is None else (line.finding,)
    return taken(o, name, "speed", at, seq, outcome=outcome, values=speed(line, chance), reasons=reasons)


def write_history(engine: Engine, hours: int = 30) -> None:
    """What the five offices measured, the agents' states, a little rubbish, and a sink that is behind."""
    for o in OFFICES:
        seqs = iter(range(1, 1_000_000))
        found = [m for name, line in o.links.items() for m in history_of(o, name, line, seqs, hours)]
        keep(engine, sorted(found, key=lambda m: m.started))
        state = State.ONLINE if o.online else State.OFFLINE
        status = AgentStatus(
            site=o.site, agent=f"{o.site}-1", epoch=EPOCH, state=state, version="0.1.0",
            reason="running" if o.online else "lost", spool_rows=0, spool_dropped=0, clock_synchronised=True,
        )  # fmt: skip
        since = microseconds(NOW - (timedelta(hours=30) if o.online else timedelta(minutes=4)))
        with writing(engine) as conn:
            conn.execute(
                insert(agent_status).values(
                    agent=status.agent, site=o.site, state=state.value, reason=status.reason, received_us=since,
                    since_us=since, raw=status.encode(),
                )
            )  # fmt: skip


def write_troubles(engine: Engine) -> None:
    """Rubbish in quarantine, a sink that stands still, one indicator entered by hand."""
    now = microseconds(NOW)
    with writing(engine) as conn:
        for n, (code, detail) in enumerate(
            (("not_json", "Expecting value: line 1"), ("unknown_agent", "may-la-1 @ 10.9.8.7"))
        ):
            conn.execute(
                insert(quarantine).values(
                    digest=f"{n:064x}", first_us=now - 10**9, last_us=now - 10**8, count=3 + n, code=code, detail=detail,
                    topic="doxa/v1/07/may-la/may-la-1/measurements", size=12, payload=b"<script>x</script>",
                )
            )  # fmt: skip
        conn.execute(
            insert(sink_cursor).values(
                sink="influx-so", position=4, safe=4, updated_us=now, written=4, rejected=0, rewound=0,
                error="connection refused",
            )
        )  # fmt: skip
        conn.execute(
            insert(indicator).values(
                plan="a-hong-phong", target="mobile-subscribers", place_code="06184", as_of="2026-09-30", value=88.4,
                unit="per_100_people", entered_by="ubnd", source="Báo cáo quý III/2026", entered_us=now,
            )
        )  # fmt: skip


def assess(engine: Engine, plans: Sequence[Plan], now: datetime = NOW) -> None:
    """Judge."""
    run(engine, plans, Rules(min_samples=30, decide_by="estimate"), now)


@pytest.fixture(scope="session")
def plans() -> tuple[Plan, ...]:
    """The five plans that are shipped."""
    return load_plans()


@pytest.fixture(scope="session")
def seeded_file(tmp_path_factory: pytest.TempPathFactory, plans: tuple[Plan, ...]) -> Path:
    """A ledger with the five offices, made once; copied for each test."""
    file = tmp_path_factory.mktemp("seed") / "ledger.db"
    engine = open_ledger(file)
    write_offices(engine)
    write_history(engine)
    write_troubles(engine)
    assess(engine, plans)
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return file


@pytest.fixture
def seeded(seeded_file: Path, tmp_path: Path) -> Iterator[Engine]:
    """A ledger of one's own with the five offices."""
    copy = tmp_path / "seeded.db"
    copy.write_bytes(seeded_file.read_bytes())
    engine = open_ledger(copy)
    yield engine
    engine.dispose()


class Served:
    """The page on a real server in a thread, on a free loopback port."""

    def __init__(self, app: Any, port: int = 0) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://localhost:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(app, lifespan="off", log_level="error", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; the port refuses from then on."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(30)
        self._socket.close()

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request without a cookie jar."""
        cookies = more.pop("cookies", None)
        # Nothing here is TLS, and reading the authorities for each client costs more than a page.
        with httpx.Client(cookies=cookies, timeout=60, verify=False) as client:
            return client.request(method, self.url + path, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Read a page."""
        return self.send("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        """Send a form."""
        return self.send("POST", path, **more)


ServeApp = Callable[..., Served]


@pytest.fixture
def serve(plans: tuple[Plan, ...]) -> Iterator[ServeApp]:
    """A factory: the page over a ledger."""
    running: list[Served] = []

    def start(
        engine: Engine, chosen: Sequence[Plan] = plans, *, token: str | None = None, port: int = 0, **settings: Any
    ) -> Served:
        plain: dict[str, Any] = {"now": lambda: NOW, "refresh_s": 1}
        app = create_app(engine, chosen, token=token, settings=Settings(**(plain | settings)))
        running.append(Served(app, port))
        return running[-1]

    yield start
    for served in running:
        served.stop()


@pytest.fixture(scope="session")
def site_page(seeded_file: Path, plans: tuple[Plan, ...]) -> Iterator[Served]:
    """The page over the five offices, for tests that only read."""
    engine = open_ledger(seeded_file)
    served = Served(create_app(engine, plans, settings=Settings(now=lambda: NOW, refresh_s=1)))
    yield served
    served.stop()
    engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The real Chromium. Not for the whole session: Playwright's event loop stays in the thread of the tests, and while
    it runs `asyncio.run` is refused to every other test of the process."""
    with sync_playwright() as engine:
        found = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@dataclass
class Watched:
    """A page of the browser, with everything that its console complained about."""

    page: Page
    complaints: list[str]


OpenPage = Callable[..., Watched]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """A factory of fresh browser pages that note each error of console and script."""
    contexts = []

    def start(width: int = 1280, height: int = 900, **more: Any) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        page = context.new_page()
        watched = Watched(page, [])

        def note(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                watched.complaints.append(message.text)

        page.on("console", note)
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        return watched

    yield start
    for context in contexts:
        context.close()


@contextmanager
def patience(seconds: float = 30.0) -> Iterator[Callable[[], bool]]:
    """A loop's limit: true until the time is over."""
    until = time.monotonic() + seconds
    yield lambda: time.monotonic() < until
