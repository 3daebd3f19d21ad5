"""3,321 communes with a plausible history: pages stay short and fast, and ask the ledger as often as for five offices."""

import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert

from doxa_collector.ledger.engine import open_ledger, writing
from doxa_collector.ledger.schema import agent_status, link, measurement, place, probe, site, verdict
from doxa_collector.plans import PlaceLevel, Plan, PlanPlace
from doxa_collector.web import Settings, create_app
from doxa_core.language import VIETNAM_TIME
from doxa_core.moments import microseconds

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 24, 8, 5, 9, tzinfo=VIETNAM_TIME)
NOW_US = microseconds(NOW)
COMMUNES = 3321
CODES = [f"{n:05d}" for n in range(1, COMMUNES + 1)]
OUTCOMES = ["pass"] * 6 + ["fail"] * 2 + ["insufficient", "probe_limited"]
PATHS = (
    "/", "/?page=100", "/?province=05&outcome=fail", "/?q=xa+so+01234", "/sites", "/sites/s01234",
    "/sites/s01234/links/fixed", "/quarantine", "/health", "/api/verdicts.json?limit=1000", "/api/links.json?limit=100",
)  # fmt: skip


def province(code: str) -> str:
    return f"{int(code) % 34 + 1:02d}"


def plan_of(plan: Plan, codes: list[str]) -> Plan:
    """The plan, demanded of each of these communes."""
    places = (
        PlanPlace(code=code, name=f"xã số {code}", level=PlaceLevel.COMMUNE, province=province(code)) for code in codes
    )
    return replace(plan, places=tuple(places))


def fill(engine: Engine, plan: Plan, codes: list[str]) -> None:
    """Registry, agents, verdicts of two months, and the latest measurements of two lines an office."""
    chance = random.Random(3321)
    offices = [f"s{code}" for code in codes]
    with writing(engine) as conn:
        conn.execute(insert(place), [place_row(f"{n:02d}", "province", f"{n:02d}") for n in range(1, 35)])
        conn.execute(insert(place), [place_row(code, "commune", province(code)) for code in codes])
        conn.execute(
            insert(site), [{"site": f"s{code}", "name": f"UBND xã số {code}", "place_code": code} for code in codes]
        )
        conn.execute(
            insert(link),
            [
                {"site": name, "link": kind, "kind": kind, "valid_from": "2025-07-01"}
                for name in offices
                for kind in ("fixed", "mobile")
            ],
        )
        conn.execute(insert(probe), [{"agent": f"{name}-1", "site": name} for name in offices])
        conn.execute(insert(agent_status), [status_row(name, chance) for name in offices])
        conn.execute(insert(verdict), list(verdict_rows(plan, codes, chance)))
        conn.execute(insert(measurement), list(measurement_rows(offices)))


def place_row(code: str, level: str, within: str) -> dict[str, str]:
    return {"code": code, "valid_from": "2025-07-01", "name": f"xã số {code}", "level": level, "province": within}


def status_row(name: str, chance: random.Random) -> dict[str, Any]:
    state = "offline" if chance.random() < 0.03 else "online"
    return {
        "agent": f"{name}-1", "site": name, "state": state, "reason": "lost", "received_us": NOW_US,
        "since_us": NOW_US, "raw": b"{}",
    }  # fmt: skip


def verdict_rows(plan: Plan, codes: list[str], chance: random.Random) -> Iterator[dict[str, Any]]:
    for first, last in (("2026-10-01", "2026-10-31"), ("2026-11-01", "2026-11-30")):
        for code in codes:
            for target in plan.targets:
                yield {
                    "plan": plan.id, "plan_version": plan.version, "target": target.id, "place_code": code,
                    "period_from": first, "period_to": last, "outcome": chance.choice(OUTCOMES), "value": 50.0, "n": 44,
                    "lower": 49.0, "upper": 51.0, "layer": "payload", "reasons": '["offices_only"]', "detail": "{}",
                    "computed_us": NOW_US,
                }  # fmt: skip


def measurement_rows(offices: list[str]) -> Iterator[dict[str, Any]]:
    seq = 0
    for name in offices:
        for kind in ("fixed", "mobile"):
            for n in range(6):
                seq += 1
                meter = "latency" if n % 3 else "speed"
                values = {"rtt_p50_ms": 5.5} if n % 3 else {"download_mbps": 50.25}
                yield {
                    "agent": f"{name}-1", "epoch": "00112233445566aa", "seq": seq, "site": name, "link": kind,
                    "task": meter, "meter": meter, "method": f"{meter}/1", "started_us": NOW_US - n * 300_000_000,
                    "received_us": NOW_US, "outcome": "ok", "values": json.dumps(values), "reasons": "[]",
                    "findings": "[]", "raw": b"{}",
                }  # fmt: skip


class Country:
    """A page over so many communes, and how often it asked the ledger."""

    def __init__(self, file: Path, plan: Plan, codes: list[str], served: Callable[[Any], Any]) -> None:
        self.engine = open_ledger(file)
        self.plan = plan_of(plan, codes)
        fill(self.engine, self.plan, codes)
        self.queries = 0
        event.listen(self.engine, "before_cursor_execute", self._count)
        self.served = served(create_app(self.engine, [self.plan], settings=Settings(now=lambda: NOW)))

    def _count(self, *_: object) -> None:
        self.queries += 1

    def ask(self, path: str) -> tuple[str, int, float]:
        """The page, how often it asked the ledger, and the median of its times."""
        times, texts = [], []
        for _ in range(5):
            self.queries, begun = 0, time.monotonic()
            answer = self.served.get(path)
            times.append(time.monotonic() - begun)
            assert answer.status_code == 200
            texts.append(answer.text)
        return texts[-1], self.queries, statistics.median(times)

    def close(self) -> None:
        self.served.stop()
        self.engine.dispose()


@pytest.fixture(scope="module")
def countries(
    tmp_path_factory: pytest.TempPathFactory, plans: tuple[Plan, ...], site_page: Any
) -> Iterator[tuple[Country, Country]]:
    """One page's worth of communes, and all of them."""
    folder = tmp_path_factory.mktemp("country")
    few = Country(folder / "few.db", plans[0], CODES[:40], type(site_page))
    all_of_them = Country(folder / "all.db", plans[0], CODES, type(site_page))
    yield few, all_of_them
    few.close()
    all_of_them.close()


@pytest.mark.parametrize("path", PATHS)
def test_the_country_asks_the_ledger_no_more_often_than_forty_communes(
    countries: tuple[Country, Country], path: str
) -> None:
    few, everything = countries
    small = path.replace("01234", "00034").replace("page=100", "page=2").replace("province=05", "province=35")
    _, queries_few, _ = few.ask(small)
    html, queries_all, _ = everything.ask(path)
    assert queries_all <= queries_few + 6
    assert len(html) < 900_000


def test_a_page_of_the_country_costs_about_as_much_as_one_of_forty_communes(
    countries: tuple[Country, Country],
) -> None:
    few, everything = countries
    slow = {}
    for path in ("/", "/sites", "/sites/s00034", "/sites/s00034/links/fixed"):
        ratio = everything.ask(path)[2] / few.ask(path)[2]
        if ratio > 5:  # 83 times as many communes; measured: 1.1 to 1.4
            slow[path] = ratio
    assert slow == {}


def test_every_place_is_on_exactly_one_page(countries: tuple[Country, Country]) -> None:
    _, everything = countries
    first = everything.served.get("/").text
    pages = int(re.findall(r"Trang 1 / (\d+)", first)[0])
    assert pages == -(-COMMUNES // 20)
    seen = []
    for page in (1, 2, pages - 1, pages):
        seen += re.findall(r'<article class="card" data-key="([^"]+)"', everything.served.get(f"/?page={page}").text)
    assert len(seen) == len(set(seen)) == 3 * 20 + COMMUNES % 20
    last = everything.served.get(f"/?page={pages + 50}").text
    assert re.findall(r'<article class="card" data-key="([^"]+)"', last)[-1] == seen[-1]


def test_the_worst_places_stand_first(countries: tuple[Country, Country]) -> None:
    _, everything = countries
    first = re.findall(r'<tbody class="target (\w+)"', everything.served.get("/").text)
    last = re.findall(r'<tbody class="target (\w+)"', everything.served.get("/?page=9999").text)
    assert set(first) == {"fail"}
    assert set(last) == {"pass"}
