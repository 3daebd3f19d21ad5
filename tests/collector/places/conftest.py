"""The shipped gazetteer, and lists to import."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from doxa_collector.places.gazetteer import Gazetteer, load
from doxa_core.errors import DoxaError


@contextmanager
def refused(said: str, error: type[DoxaError] = DoxaError) -> Iterator[None]:
    """What is done inside is refused with these words (English)."""
    with pytest.raises(error) as caught:
        yield
    assert said in caught.value.text.en


HEADER = ("Mã", "Tên", "Cấp", "Mã tỉnh", "Có hiệu lực từ", "Đến ngày", "Quyết định", "Mã cũ")
MakeList = Callable[..., Path]


@pytest.fixture(scope="session")
def places() -> Gazetteer:
    return load()


@pytest.fixture
def csv_list(tmp_path: Path) -> MakeList:
    def make(
        *rows: Sequence[str],
        header: Sequence[str] = HEADER,
        separator: str = ";",
        encoding: str = "utf-8",
        name: str = "list.csv",
    ) -> Path:
        out = io.StringIO()
        csv.writer(out, delimiter=separator).writerows([header, *rows])
        path = tmp_path / name
        path.write_bytes(out.getvalue().encode(encoding))
        return path

    return make


@pytest.fixture
def xlsx_list(tmp_path: Path) -> MakeList:
    def make(*rows: Sequence[Any], header: Sequence[str] = HEADER, change: Callable[[Any], None] | None = None) -> Path:
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for row in (header, *rows):
            sheet.append(list(row))
        if change is not None:
            change(sheet)
        path = tmp_path / "list.xlsx"
        book.save(path)
        return path

    return make
