"""What the template asks for is read back as it was written; no file makes the reader fail in any other way than its own."""

import csv
import io
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.figures.conftest import HEADER, Desk

from doxa_collector.figures import cells
from doxa_collector.figures.naming import Places
from doxa_collector.figures.reading import read_sheet
from doxa_collector.figures.template import EXAMPLE_ROW, write_template
from doxa_core.errors import InputError

TODAY = date(2026, 11, 21)
KINDS = {"cố định": "fixed", "di động": "mobile", "5G": "mobile-5g", "TSLCD": "tslcd"}
STATISTICS = {"trung vị": "median", "Trung bình": "mean", "không rõ": "not_stated"}


@pytest.mark.parametrize("name", ["mau.csv", "mau.xlsx"])
def test_the_template_is_refused_until_its_example_is_removed(desk: Desk, known_places: Places, name: str) -> None:
    path = desk.folder / name
    write_template(path)
    with pytest.raises(InputError) as caught:
        read_sheet(path, known_places, "s", "S", TODAY)
    assert "dòng 2: đây là dòng ví dụ của tệp mẫu; hãy xóa dòng này" in str(caught.value)
    with pytest.raises(InputError, match="tệp đã có"):
        write_template(path)
    with pytest.raises(InputError, match="không phải"):
        write_template(path.with_suffix(".ods"))


def test_the_example_itself_is_a_good_row(desk: Desk, known_places: Places) -> None:
    found = read_sheet(desk.csv(EXAMPLE_ROW[:-1]), known_places, "s", "S", TODAY)
    assert [(one.place_code, one.value_mbps) for one in found.figures] == [("01", 272.44), ("01", 202.05)]


def written(rows: list[list[str]], separator: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows([HEADER, *rows])
    return out.getvalue().encode()


rates = st.integers(1, 99_999_999).map(lambda hundredths: hundredths / 100)
good_rows = st.tuples(
    st.sampled_from(["00", "01", "20", "46", "06184"]), st.dates(date(2025, 7, 1), TODAY), st.sampled_from(sorted(KINDS)),
    st.sampled_from(sorted(STATISTICS)), rates, st.none() | rates, st.none() | st.integers(1, 10**9),
    st.sampled_from([",", "."]),
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(good_rows, min_size=1, max_size=8, unique_by=lambda r: (r[0], r[1].isoformat()[:7], r[2], r[3])),
    separator=st.sampled_from(",;\t"),
)
def test_rows_like_the_templates_are_read_back_as_they_were_written(
    known_places: Places, rows: list[Any], separator: str
) -> None:
    lines, wanted = [], []
    for code, day, kind, statistic, down, up, n, mark in rows:
        down_text, up_text = (f"{v:.2f}".replace(".", mark) if v else "" for v in (down, up))
        lines.append([code, "", "", f"{day:%m/%Y}", kind, statistic, down_text, up_text, str(n or "")])
        ways = [("download", down)] + ([("upload", up)] if up else [])
        wanted += [(code, f"{day:%Y-%m}", KINDS[kind], STATISTICS[statistic], way, v, n, "s", "V") for way, v in ways]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv"
        path.write_bytes(written(lines, separator))
        found = read_sheet(path, known_places, "s", "V", TODAY)
    assert [tuple(getattr(one, name) for name in type(one).__dataclass_fields__) for one in found.figures] == wanted


odd = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "272,44",
        "1.234,5",
        "٣",
        "²",
        "1e9",
        "9" * 19,
        "0/2025",
        "2025-00",
        "20",
        "00",
        "5G",
        "trung vị",
        "ví dụ",
        "=1",
        "Hà Nội",
        "09/2025",
    ]
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(odd, min_size=9, max_size=9), min_size=1, max_size=3))
def test_whatever_stands_in_the_cells_is_a_figure_or_refused(known_places: Places, rows: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv"
        path.write_bytes(written(rows, ";"))
        try:
            found = read_sheet(path, known_places, "s", "S", TODAY)
        except InputError:
            return
    for one in found.figures:
        assert cells.MIN_MBPS <= one.value_mbps <= cells.MAX_MBPS
        assert "2000-01" <= one.month <= "2026-11"


@settings(max_examples=300, deadline=None)
@given(text=odd)
def test_a_cell_is_read_or_wrong(text: str) -> None:
    for read in (cells.rate, cells.samples, cells.kind, cells.statistic, cells.decimal):
        try:
            read(text)
        except cells.Wrong as wrong:
            assert wrong.what.vi
            assert wrong.mend.vi
