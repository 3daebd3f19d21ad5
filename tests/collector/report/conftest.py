"""One small ledger for all papers: an office at the places of the five plans, a closed month, figures, one entered by hand."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.collector.assess.conftest import Books, vietnamese
from tests.collector.ledgers import empty_ledger

from doxa_collector.assess import Settings, run
from doxa_collector.plans import load_plans
from doxa_collector.report.cli import main
from doxa_core.language import VIETNAM_TIME

__all__ = ["vietnamese"]
PLANS = {plan.id: plan for plan in load_plans()}
PROVINCES = {"20": "06184", "79": "25747", "33": "12103", "42": "18073", "12": "03388"}
"""A commune in each province that a plan speaks of."""


def last_month() -> str:
    return f"{datetime.now(VIETNAM_TIME).replace(day=1) - timedelta(days=1):%Y-%m}"


def this_month() -> str:
    return f"{datetime.now(VIETNAM_TIME):%Y-%m}"


def fill(books: Books) -> None:
    """Five runs a line in the last month; of Hà Tĩnh also a published figure and one entered by hand."""
    start = datetime.fromisoformat(f"{last_month()}-10T08:00:00+07:00")
    for province, commune in PROVINCES.items():
        books.place(province, level="province", province=province, name=f"Tỉnh số {province}")
        books.place(commune, province=province, name=f"Xã số {commune}")
        site = f"x{commune}"
        books.office(site, commune, "fixed", "mobile", "tslcd")
        for at, kind in enumerate(("fixed", "mobile", "tslcd")):
            rates = {"download_mbps": 93.25 + at, "download_ip_mbps": 96.5 + at, "upload_mbps": 41.5}
            books.runs(site, kind, [rates] * 5, start=start)
    books.figure("42", 272.44, month=last_month(), source="số liệu dẫn lại")
    books.figure("42", 83.48, month=last_month(), link_kind="mobile", statistic="mean", mark="V", source="VNNIC")
    books.indicator("tslcd", 1, plan="d-ha-tinh", unit="flag", as_of=f"{last_month()}-05", source="Báo cáo số 12/BC")


def configured(books: Books, folder: Path) -> Path:
    """The collector.toml of this ledger."""
    file, registry = folder / "collector.toml", folder / "sites.toml"
    registry.write_text("", encoding="utf-8")
    file.write_text(
        f'[broker]\nhost = "127.0.0.1"\n[registry]\nfile = "{registry}"\n[ledger]\npath = "{books.engine.url.database}"\n'
        '[assess]\nmin_samples = 3\ndecide_by = "estimate"\n',
        encoding="utf-8",
    )
    return file


def closed_at() -> datetime:
    """One second into this month: a paper of a closed month must not bear the day on which it is made."""
    return datetime.fromisoformat(f"{this_month()}-01T00:00:01+07:00")


def shut(books: Books) -> None:
    """Close the last month."""
    run(books.engine, load_plans(), Settings(min_samples=3, decide_by="estimate", final_after_days=0), closed_at())


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Books, Path]]:
    """The ledger with its last month closed; tests that change it take `books` and fill it themselves."""
    folder = tmp_path_factory.mktemp("ledger")
    engine = empty_ledger(folder / "ledger.sqlite")
    books = Books(engine)
    fill(books)
    shut(books)
    yield books, configured(books, folder)
    engine.dispose()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """An empty ledger of one test's own."""
    engine = empty_ledger(tmp_path / "ledger.sqlite")
    yield Books(engine)
    engine.dispose()


def say(config: Path, out: Path, *words: str, form: str = "json") -> dict[str, bytes]:
    """Run `doxa report` and give what it wrote, by file name."""
    before = set(out.iterdir()) if out.exists() else set()
    assert main([*words, "--config", str(config), "--out", str(out), "--format", form]) == 0
    return {file.name: file.read_bytes() for file in out.iterdir() if file not in before or "--force" in words}


def data_of(found: dict[str, bytes]) -> dict[str, Any]:
    """The data of the one JSON file."""
    (content,) = (content for name, content in found.items() if name.endswith(".json"))
    data: dict[str, Any] = json.loads(content)["data"]
    return data
