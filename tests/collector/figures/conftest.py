"""A collector's configuration with an empty ledger, files of figures, and the command."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from doxa_collector.figures.cli import main
from doxa_collector.figures.naming import Places
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.places.gazetteer import Gazetteer, load
from doxa_collector.plans import load_plans
from doxa_core import language

HEADER = ("Mã đơn vị", "Tên", "Tỉnh", "Tháng", "Loại đường truyền", "Thống kê", "Tải xuống", "Tải lên", "Số mẫu")


def row(code: str = "20", down: str = "272,44", up: str = "", **more: str) -> list[str]:
    """A good row, with changes."""
    plain = {
        "name": "",
        "province": "",
        "month": "09/2025",
        "kind": "cố định",
        "statistic": "trung bình",
        "n": "",
    } | more
    return [
        code,
        plain["name"],
        plain["province"],
        plain["month"],
        plain["kind"],
        plain["statistic"],
        down,
        up,
        plain["n"],
    ]


@dataclass
class Desk:
    """What a person at the command line has."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    err: str = field(default="")

    def csv(self, *rows: Sequence[str], header: Sequence[str] = HEADER, separator: str = ";", **how: Any) -> Path:
        out = io.StringIO()
        csv.writer(out, delimiter=separator).writerows([header, *rows])
        path = self.folder / str(how.get("name", "figures.csv"))
        path.write_bytes(out.getvalue().encode(how.get("encoding", "utf-8")))
        return path

    def xlsx(self, *rows: Sequence[Any], header: Sequence[str] = HEADER) -> Path:
        book = openpyxl.Workbook()
        for cells in (header, *rows):
            book.worksheets[0].append(list(cells))
        path = self.folder / "figures.xlsx"
        book.save(path)
        return path

    def run(self, verb: str, *words: object) -> str:
        """What the command says; an error of ours passes through."""
        try:
            assert main([verb, *map(str, words), "--config", str(self.folder / "collector.toml")]) == 0
        finally:
            out, self.err = self.capture.readouterr()
        return out

    def bring(self, file: Path, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("import", file, "--by", "Lan", "--json", *words))
        return found

    def rows(self, table: str = "figure") -> list[Any]:
        engine = open_ledger(self.folder / "ledger.db")
        with reading(engine) as conn:
            rows = list(conn.execute(select(getattr(schema, table)).order_by(getattr(schema, table).c.id)))
        engine.dispose()
        return rows


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    open_ledger(path).dispose()
    return path.read_bytes()


@pytest.fixture
def desk(tmp_path: Path, empty_ledger: bytes, capsys: pytest.CaptureFixture[str]) -> Desk:
    (tmp_path / "sites.toml").write_text("", encoding="utf-8")
    (tmp_path / "collector.toml").write_text(
        '[broker]\nhost = "127.0.0.1"\n[ledger]\npath = "ledger.db"\n[registry]\nfile = "sites.toml"\n'
    )
    (tmp_path / "ledger.db").write_bytes(empty_ledger)
    return Desk(tmp_path, capsys)


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    return load()


@pytest.fixture(scope="session")
def known_places(gazetteer: Gazetteer) -> Places:
    return Places(gazetteer, load_plans())


@pytest.fixture(autouse=True)
def one_gazetteer(gazetteer: Gazetteer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is read once for all tests of this folder."""
    monkeypatch.setattr("doxa_collector.figures.cli.load", lambda *_: gazetteer)


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("DOXA_LANG", raising=False)
    language._chosen.clear()
    yield
    language._chosen.clear()
