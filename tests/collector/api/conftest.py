"""The five offices with a closed month, an incident, figures and formulas in texts: served by the app in this process."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, insert
from tests.collector.web.conftest import NOW, OFFICES, assess, keep, taken, write_history, write_offices, write_troubles

from doxa_collector.api.settings import Settings as ApiSettings
from doxa_collector.ledger.engine import open_ledger, writing
from doxa_collector.ledger.schema import figure, incident, incident_entry, incident_member, indicator, measurement
from doxa_collector.plans import Plan, load_plans
from doxa_collector.web import Settings, create_app
from doxa_core.language import VIETNAM_TIME
from doxa_core.measurement import Measurement
from doxa_core.moments import microseconds

PAGE, PUBLIC, INTERNAL = "the-page's-own-token", "a-token-of-the-public-platform", "a-token-of-the-department"
CLOSED = "2026-10"
FORMULA = '=HYPERLINK("http://evil.example/","x")'
PERSON = "Nguyễn Văn Nội Bộ"
"""A name that no public answer may have."""
NODE = "10.77.66.55"
V6 = "fd00:77::66:1"


def october() -> Iterator[Measurement]:
    """Forty speed tests of every line in the month before, with addresses in what they say."""
    start = datetime(2026, 10, 5, 8, 0, tzinfo=VIETNAM_TIME)
    for office in OFFICES:
        for at, (name, line) in enumerate(office.links.items()):
            for n in range(40):
                values = {"download_mbps": line.down, "upload_mbps": line.up, "download_ip_mbps": line.down * 1.036}
                yield taken(
                    office, name, "speed", start + timedelta(hours=6 * n, minutes=at), 2_000_000 + 100 * at + n, values=values,
                    far_end=f"{NODE}:8080", detail={"hops": [NODE, V6], "note": f"via {NODE}"},
                )  # fmt: skip


def write_october(engine: Engine) -> None:
    """What was measured in the month before; every third line came with a signature."""
    keep(engine, sorted(october(), key=lambda m: m.started))
    with writing(engine) as conn:
        conn.execute(measurement.update().where(measurement.c.id % 3 == 0).values(signature=b"\x01" * 64))


def write_more(engine: Engine) -> None:
    """Figures, an indicator and an incident; texts that a spreadsheet would compute, and addresses where people write."""
    at = microseconds(NOW - timedelta(days=1))
    fault = {"fault": ["node", NODE, "down"], "inferred": True, "why": [{"vi": f"{NODE} im", "en": f"{NODE} silent"}]}
    fault |= {"opened_us": at, "reopened": 0, "absorbed_by": None, "families": {"down": "down"}, "sites": 1, "lost": 1}
    with writing(engine) as conn:
        for value, superseded in ((250.5, at), (272.44, None)):
            conn.execute(
                insert(figure).values(
                    place_code="42", month=CLOSED, link_kind="fixed", statistic="median", direction="download",
                    value_mbps=value, source=FORMULA, mark="S", imported_us=at, imported_by=PERSON, file="@f.csv",
                    digest="0" * 64, superseded_us=superseded,
                )
            )  # fmt: skip
        conn.execute(
            insert(indicator).values(
                plan="d-ha-tinh", target="tslcd", place_code="42", as_of="2026-10-05", value=1.0, unit="flag",
                entered_by=PERSON, source=f"\t+Báo cáo {NODE}", entered_us=at,
            )
        )  # fmt: skip
        conn.execute(
            insert(incident).values(
                id=7, cause="node_down", root=f"node:{NODE}", place_code="20", provider="VNPT", severity="critical",
                state="open", muted=0, began_us=at, detected_us=at + 300_000_000, detail=json.dumps(fault),
            )
        )  # fmt: skip
        for subject, site in (("link:dong-dang/tslcd", "dong-dang"), (f"node:{NODE}", None)):
            conn.execute(
                insert(incident_member).values(
                    incident=7, subject=subject, rule="down", site=site, severity="critical", began_us=at, joined_us=at
                )
            )
        conn.execute(
            insert(incident_entry).values(
                incident=7, at_us=at, actor=PERSON, action="comment", text=f"ping {NODE}, {V6}"
            )
        )


def addresses() -> set[str]:
    """Every address in what the offices' lines say."""
    found = {NODE, V6}
    for office in OFFICES:
        for at in range(len(office.links)):
            found |= {f"10.{10 + at}.6.2", f"10.{10 + at}.6.1"}
    return found


@pytest.fixture(scope="session")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger, made once; copied by tests that change it."""
    file = tmp_path_factory.mktemp("api") / "ledger.db"
    engine = open_ledger(file)
    write_offices(engine)
    write_october(engine)
    write_history(engine, hours=6)
    write_troubles(engine)
    write_more(engine)
    assess(engine, load_plans())
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return file


@pytest.fixture(scope="session")
def tokens_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One token of each scope."""
    file = tmp_path_factory.mktemp("tokens") / "api-tokens"
    lines = [
        f"{name} {name} {hashlib.sha256(token.encode()).hexdigest()}"
        for name, token in (("public", PUBLIC), ("internal", INTERNAL))
    ]
    file.write_text("# who reads\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


def app_over(engine: Engine, tokens_file: Path | None, plans: Sequence[Plan] | None = None, **settings: Any) -> Any:
    """The page with its API."""
    api = ApiSettings(tokens_file=tokens_file)
    plain: dict[str, Any] = {"now": lambda: NOW, "api": api}
    token = settings.pop("token", PAGE)
    return create_app(engine, plans or load_plans(), token=token, settings=Settings(**(plain | settings)))


@pytest.fixture(scope="session")
def filled(filled_file: Path) -> Iterator[Engine]:
    """The ledger, for tests that only read."""
    engine = open_ledger(filled_file)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def app(filled: Engine, tokens_file: Path) -> Any:
    """The page over it."""
    return app_over(filled, tokens_file)


@pytest.fixture
def own(filled_file: Path, tmp_path: Path) -> Iterator[Engine]:
    """A ledger of one test's own."""
    copy = tmp_path / "own.db"
    copy.write_bytes(filled_file.read_bytes())
    engine = open_ledger(copy)
    yield engine
    engine.dispose()


Ask = Callable[..., Any]


class _Loop:
    """An event loop in a thread of its own: where a browser was tested, this thread may not run one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)


@lru_cache(maxsize=1)
def _loop() -> _Loop:
    return _Loop()


def asking(app: Any, token: str | None = INTERNAL) -> Ask:
    """A function that asks the API below /api/v1 in this process, each time as a new client."""

    async def send(method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, f"/api/v1{path}", headers=headers)

    def ask(path: str, method: str = "GET", *, token: str | None = token, **headers: str) -> Any:
        named = {"accept": "*/*", "accept-encoding": "identity"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["authorization"] = f"Bearer {token}"
        return _loop().run(send(method, path, named))

    return ask


@pytest.fixture
def ask(app: Any) -> Ask:
    """Ask with the internal token."""
    return asking(app)


def everything(ask: Ask, path: str, **headers: str) -> list[Any]:
    """All items of a list, page by page."""
    found: list[Any] = []
    cursor: str | None = None
    joint = "&" if "?" in path else "?"
    for _ in range(1000):
        answer = ask(path if cursor is None else f"{path}{joint}cursor={cursor}", **headers)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json().get("next")
        if cursor is None or (path.startswith("/arrivals") and not answer.json()["items"]):
            return found
    raise AssertionError("a list without an end")
