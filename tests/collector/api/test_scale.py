"""A hundred thousand measurements: a page costs what it carries, not what the ledger holds."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.dialects import sqlite
from tests.collector.api.conftest import app_over, asking
from tests.collector.web.conftest import NOW, write_offices

from doxa_collector.api.audience import Audience, View
from doxa_collector.api.resource import Asked
from doxa_collector.api.resources.evidence import range_query
from doxa_collector.ledger.engine import open_ledger, reading, writing
from doxa_collector.ledger.schema import measurement
from doxa_core.moments import microseconds

SMALL, BIG = 1_000, 100_000


def fill(engine: Engine, size: int) -> None:
    """Speed tests of one line, a minute apart, each with a line of 1.5 KiB."""
    raw = json.dumps({"detail": "x" * 1500}).encode()
    base = {
        "agent": "dong-dang-1", "epoch": "0" * 16, "site": "dong-dang", "link": "fixed", "task": "t", "meter": "speed",
        "method": "speed/1", "outcome": "ok", "values": '{"download_mbps":85.07}', "reasons": "[]", "findings": "[]",
        "raw": raw, "digest": sha256(raw).digest(),
    }  # fmt: skip
    start = microseconds(NOW) - 200_000 * 60_000_000
    names = ", ".join(f'"{name}"' for name in base)
    rows = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {size - 1}) SELECT {names}"
    with writing(engine) as conn:
        conn.execute(insert(measurement).values(**base, seq=0, started_us=0, received_us=0))
        conn.exec_driver_sql(
            f"INSERT INTO measurement ({names}, seq, started_us, received_us) {rows}, "
            f"i + 1, {start} + i * 60000000, {start} + i * 60000000 FROM n, measurement WHERE seq = 0"
        )
        conn.execute(measurement.delete().where(measurement.c.seq == 0))


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Engine]]:
    """A small and a big ledger."""
    folder: Path = tmp_path_factory.mktemp("scale")
    found = {}
    for size in (SMALL, BIG):
        found[size] = open_ledger(folder / f"{size}.db")
        write_offices(found[size])
        fill(found[size], size)
    yield found
    for engine in found.values():
        engine.dispose()


def page(engine: Engine, after: int) -> str:
    """The address of a page that begins `after` runs from the end."""
    at = microseconds(NOW) - 200_000 * 60_000_000 + after * 60_000_000
    from doxa_collector.api.moments import told

    return f"/evidence?site=dong-dang&link=fixed&meter=speed&limit=100&from={told(at).replace('+', '%2B')}"


def seconds_of(ask: Any, path: str) -> float:
    """The median time of a page."""
    times = []
    for _ in range(9):
        begun = time.perf_counter()
        assert len(ask(path).json()["items"]) == 100
        times.append(time.perf_counter() - begun)
    return median(times)


@pytest.mark.alone
@pytest.mark.slow
def test_a_page_of_a_ledger_a_hundred_times_as_big_costs_about_the_same(
    ledgers: dict[int, Engine], tokens_file: Path
) -> None:
    small, big = (asking(app_over(ledgers[size], tokens_file)) for size in (SMALL, BIG))
    for path in (page(ledgers[BIG], 0), "/arrivals?limit=100&after=800"):
        assert seconds_of(big, path) < 3 * seconds_of(small, path), path
    assert seconds_of(big, page(ledgers[BIG], BIG - 200)) < 3 * seconds_of(big, page(ledgers[BIG], 0))


@pytest.mark.slow
def test_the_memory_of_a_page_is_that_of_its_rows(ledgers: dict[int, Engine], tokens_file: Path) -> None:
    ask = asking(app_over(ledgers[BIG], tokens_file))
    path = "/evidence?site=dong-dang&link=fixed&meter=speed&limit=500&lines=true"
    ask(path)
    tracemalloc.start()
    answer = ask(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12 * len(answer.content), (most, len(answer.content))


@pytest.mark.slow
@pytest.mark.parametrize("after", [None, (1, 5, 10**9)])
def test_the_range_is_found_by_the_tables_index_without_sorting(ledgers: dict[int, Engine], after: Any) -> None:
    with reading(ledgers[BIG]) as conn:
        values = {"site": "dong-dang", "link": "fixed", "meter": "speed", "from": 5, "to": 10**16, "lines": False}
        view = View(Audience.INTERNAL, str)
        asked = Asked(conn=conn, store=None, view=view, today=NOW.date(), values=values, after=after, limit=100)  # type: ignore[arg-type]
        query = range_query(asked, 10**9).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        plan = " ".join(str(row) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    assert "USING INDEX measurement_by_link (site=? AND link=? AND meter=? AND started_us>? AND started_us<?)" in plan
    assert "TEMP B-TREE" not in plan
